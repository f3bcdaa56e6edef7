"""The words the documents' formats are made of."""

__all__ = ["KEYS"]

# As a key, `method` tells where the method stands, and nothing about a secret that happens to be
# "method"; without it nobody could read the document. Only words long enough to be looked for.
KEYS = frozenset(
    """
    activity arguments automatic background before chaoslib-version chaosiq configuration context
    contributions controls cool-down-duration default description deviated duration
    duration-of-conditions during encoding exception execution execution_id expect experiment
    experiment_id extensions frequency-of-measurement headers journal jsonpath max_retries
    measurements method method_type module objective_id org_id organizations output pattern pauses
    payload platform policies probes process properties provider python rollbacks run_id runtime
    safeguards secrets settings source status stderr stdout steady-state-hypothesis steady_states
    steady_state_met strategy target team_id timeout tolerance tolerance_met trace verification
    verify_tls version warm-up-duration
    """.split()  # noqa: SIM905 - a paragraph is easier to read than eighty quoted words
)
