"""The words that the formats of experiments, journals and events are made of."""

__all__ = ["CONTAINERS", "KEYS", "OPEN"]

# As a key, `method` tells where the method stands, and nothing about a secret that happens to be
# "method"; without it nobody could read the document. Only words long enough to be looked for.
KEYS = frozenset(
    """
    activity arguments automatic background before category chaoslib-version chaosiq configuration
    context contributions controls cool-down-duration decided_at default description deviated
    duration duration-of-conditions during encoding exception execution execution_id expect
    experiment experiment_id extensions frequency frequency-of-measurement headers hypothesis
    interrupted_at iteration journal jsonpath latency max_retries measurements method method_type
    module objective_id org_id organizations output pattern pauses payload platform policies probes
    process properties provider python received_at redacted rollbacks run_id runtime safeguards
    secrets settings source status stderr stdout steady-state-hypothesis steady_states
    steady_state_met strategy target team_id timeout tolerance tolerance_met trace verification
    verification_id verify_tls version warm-up-duration
    """.split()  # noqa: SIM905 - a paragraph is easier to read than ninety quoted words
)

OPEN = frozenset(
    """
    category chaoslib-version decided_at duration end execution_id experiment_id frequency
    interrupted_at iteration latency objective_id org_id policies received_at run_id start status
    tags team_id type verification_id
    """.split()  # noqa: SIM905
)
"""Keys whose values stand in the open: people, safeguards and the host go by them.

A secret that is equal to one of them tells nobody more than the document does.
"""

CONTAINERS = frozenset(
    """
    activity after before context controls during experiment hypothesis journal measurements method
    payload probes provider rollbacks run state steady-state-hypothesis steady_states tolerance
    """.split()  # noqa: SIM905
)
"""Keys below which the format still says what stands where.

Below others (`output`, `arguments`, `configuration`) everything is somebody's data, and `status`
and `tags` are words like any other.
"""
