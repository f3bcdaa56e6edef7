"""The addresses of the console's API, built piece by piece and nowhere else.

Each function appends its piece to the address it is given, with an id when there is one. Ids are
quoted: they come from documents people download, and must not climb to another resource.
"""

from urllib.parse import quote, urlsplit

__all__ = [
    "base",
    "clean",
    "event",
    "execution",
    "experiment",
    "full",
    "host",
    "org",
    "safeguard",
    "team",
    "verification",
    "verification_run",
    "verification_run_events",
]


def clean(url: str) -> str:
    """The address for people of what is at `url` in the API: without its first `/api`."""
    return url.replace("/api", "", 1)


def host(url: str) -> str:
    """`host[:port]` of an address: the name a console has in the settings' `auths`.

    Empty for what is no address.
    """
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:  # half an IPv6 address
        return ""


def base(url: str) -> str:
    """Where the API of the console at `url` starts."""
    return _append(url, "api/v1")


def org(url: str, org_id: str | None = None) -> str:
    """All organizations, or one."""
    return _append(url, "organizations", org_id)


def team(url: str, team_id: str | None = None) -> str:
    """All teams of an organization's address, or one."""
    return _append(url, "teams", team_id)


def experiment(url: str, experiment_id: str | None = None) -> str:
    """All experiments of a team's address, or one."""
    return _append(url, "experiments", experiment_id)


def execution(url: str, execution_id: str | None = None) -> str:
    """All executions of an experiment's address, or one."""
    return _append(url, "executions", execution_id)


def event(url: str) -> str:
    """The events of an execution's address."""
    return _append(url, "events")


def safeguard(url: str) -> str:
    """The policies (safeguards, to people) that apply to an execution's address."""
    return _append(url, "policies")


def verification(url: str, verification_id: str | None = None) -> str:
    """All verifications of a team's address, or one."""
    return _append(url, "verifications", verification_id)


def verification_run(url: str, verification_run_id: str | None = None) -> str:
    """All runs of a verification's address, or one."""
    return _append(url, "runs", verification_run_id)


def verification_run_events(url: str) -> str:
    """The events of a verification run's address."""
    return _append(url, "events")


def full(
    base: str,
    org_id: str,
    team_id: str,
    experiment_id: str | None = None,
    execution_id: str | None = None,
    verification_id: str | None = None,
    verification_run_id: str | None = None,
    with_experiments: bool = False,
    with_executions: bool = False,
    with_events: bool = False,
    with_safeguards: bool = False,
    with_verifications: bool = False,
    with_verification_runs: bool = False,
    with_verification_run_events: bool = False,
) -> str:
    """A whole address below `base` (the API's, see `base()`), its pieces in the order given here.

    A piece takes part when its id is given or its `with_` flag is set.
    """
    pieces = (
        (True, "organizations", org_id),
        (True, "teams", team_id),
        (with_experiments, "experiments", experiment_id),
        (with_executions, "executions", execution_id),
        (with_events, "events", None),
        (with_safeguards, "policies", None),
        (with_verifications, "verifications", verification_id),
        (with_verification_runs, "runs", verification_run_id),
        (with_verification_run_events, "events", None),
    )
    address = base
    for is_included, name, identifier in pieces:
        if is_included or identifier is not None:
            address = _append(address, name, identifier)
    return address


def _append(address: str, name: str, identifier: str | None = None) -> str:
    """An address with one more resource."""
    joined = f"{address.rstrip('/')}/{name}"
    return joined if identifier is None else f"{joined}/{_segment(str(identifier))}"


def _segment(identifier: str) -> str:
    """An id as one piece of a path.

    HTTP clients undo the quoting of dots and then walk `..` upwards; quoted twice, it stays a name.
    """
    segment = quote(identifier, safe="")
    return segment.replace(".", "%252E") if segment in {".", ".."} else segment
