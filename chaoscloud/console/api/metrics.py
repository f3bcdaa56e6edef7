"""`/metrics`: the console's numbers in the text format of Prometheus.

They tell how much is run, by whom and with what outcome, so they need a token of their own; without
one they are for programs on the console's machine alone.
"""

import hmac
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from ipaddress import ip_address

from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response

from chaoscloud.console.api._team_request import database_of, now_of
from chaoscloud.console.config import Config
from chaoscloud.console.errors import Forbidden, Unauthorized
from chaoscloud.console.messages.outbox import Backlog, count_backlog
from chaoscloud.console.metrics import REGISTRY
from chaoscloud.console.middleware import read_host
from chaoscloud.console.rates import RateLimiter
from chaoscloud.console.records.metrics import ActiveRuns, TeamLabels, count_active_runs

TEAM = ("organization", "team")
# What a proxy adds: a request that has one of these comes from elsewhere.
_PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


class _Families(Collector):
    """Metrics that were computed for one answer."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterator[Metric]:
        """Give them."""
        yield from self._families


async def expose(request: Request) -> Response:
    """Every metric, as text."""
    _check_access(request)
    config: Config = request.app.state.config
    runs = await database_of(request).reading(count_active_runs, now_of(request))
    backlog = await database_of(request).reading(count_backlog)
    families = [*_describe_runs(runs, config.metrics_labels), *_gauges(request)]
    families += _describe_backlog(backlog, now_of(request))
    current = CollectorRegistry()
    current.register(_Families(families))
    body = generate_latest(REGISTRY) + generate_latest(current)
    return Response(body, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _check_access(request: Request) -> None:
    config: Config = request.app.state.config
    if config.metrics_token:
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        expected = config.metrics_token.encode()
        if scheme.lower() != "bearer" or not hmac.compare_digest(secret.strip().encode(), expected):
            limiter: RateLimiter = request.app.state.limiter
            limiter.count("wrong-token", request.client.host if request.client else "unknown")
            raise Unauthorized("Metrics need their own token: Authorization: Bearer ….")
    elif config.public_url or not _is_local(request):
        # A proxy on this machine asks from a loopback address too, and need not say for whom.
        raise Forbidden(
            "Metrics are for this machine alone, and with a public url for nobody, until the "
            "operator sets CHAOSIQ_CONSOLE_METRICS_TOKEN."
        )


def _is_local(request: Request) -> bool:
    """Whether a program on this machine asks, by a name of this machine, and through no proxy.

    The name is looked at because a browser may be led here by a name of somebody else's.
    """
    host = request.client.host if request.client else ""
    name = read_host(request.headers.get("host", ""))
    return (
        _is_loopback(host)
        and (name == "localhost" or _is_loopback(name))
        and not any(header in request.headers for header in _PROXY_HEADERS)
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _describe_runs(runs: ActiveRuns, labels: Iterable[str]) -> Iterator[Metric]:
    active = GaugeMetricFamily("chaos_runs_active", "Executions that go on.", labels=TEAM)
    any_active = GaugeMetricFamily(
        "chaos_run_active", "1 while an execution of the team goes on, else 0.", labels=TEAM
    )
    for team, number in runs.by_team.items():
        active.add_metric([team.organization, team.team], number)
        any_active.add_metric([team.organization, team.team], min(number, 1))
    yield from (active, any_active)
    if "title" in labels:
        yield _by_label("title", runs.by_title)
    if "tag" in labels:
        yield _by_label("tag", runs.by_tag)


def _by_label(label: str, numbers: Mapping[tuple[TeamLabels, str], int]) -> Metric:
    family = GaugeMetricFamily(
        f"chaos_runs_active_by_{label}",
        f"Executions that go on, by {label}.",
        labels=(*TEAM, label),
    )
    for (team, value), number in numbers.items():
        family.add_metric([team.organization, team.team, value], number)
    return family


def _describe_backlog(backlog: Backlog, now: datetime) -> Iterator[Metric]:
    """The outbox of messages; 0 seconds where none waits."""
    age = (now - backlog.oldest_at).total_seconds() if backlog.oldest_at else 0.0
    gauges = (
        ("outbox_messages", "Messages that wait to be sent.", float(backlog.pending)),
        ("outbox_oldest_seconds", "How long the oldest of them waits.", max(0.0, age)),
        ("subscriptions_paused", "Subscriptions whose target is paused.", float(backlog.paused)),
    )
    for name, words, value in gauges:
        yield GaugeMetricFamily(f"chaosiq_{name}", words, value)


def _gauges(request: Request) -> Iterator[Metric]:
    """What this process has under way."""
    yield GaugeMetricFamily(
        "chaosiq_questions_held",
        "Questions of runs that are held until their decision changes.",
        request.app.state.watch.waiting,
    )
    yield GaugeMetricFamily(
        "chaosiq_writer_queue_jobs",
        "Writes that wait for their turn.",
        database_of(request).pending_writes,
    )
