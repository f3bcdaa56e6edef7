"""`/metrics`: what it counts, who may read it, and that dashboard and alert rules fit it."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.testclient import TestClient

from chaoscloud.console.config import Config
from chaoscloud.console.db import Database
from chaoscloud.console.db.failures import CannotRead
from chaoscloud.console.db.trouble import Trouble
from chaoscloud.console.records import metrics
from tests.console.conftest import Clock
from tests.console.documents import TITLE, ended, event, experiment
from tests.console.team import TeamApi

DOCS = Path(__file__).parents[2] / "docs"
GRAFANA = DOCS / "grafana"
TOKEN = "a-token-for-prometheus"
CHECKOUT = {"organization": "acme", "team": "checkout"}
METRIC = re.compile(r"\b(?:chaos_runs?_[a-z_]+|chaosiq_[a-z_]+)\b")

Read = Callable[..., float]


def scrape(app: Starlette, host: str = "127.0.0.1", **headers: str) -> Any:
    """Ask for the metrics from an address, with these headers."""
    client = TestClient(app, base_url="http://127.0.0.1:8080", client=(host, 4321))
    return client.get("/metrics", headers={key.replace("_", "-"): headers[key] for key in headers})


@pytest.fixture
def read(app: Starlette) -> Read:
    """Read one number; 0 where there is no such series."""

    def read(name: str, **labels: str) -> float:
        families = text_string_to_metric_families(scrape(app).text)
        samples = [sample for family in families for sample in family.samples]
        return next((s.value for s in samples if (s.name, s.labels) == (name, labels)), 0.0)

    return read


def test_runs_that_go_on_are_counted_by_team(read: Read, bobs: TeamApi) -> None:
    """A team without any has a zero, so that rules have something to compare."""
    assert read("chaos_runs_active", **CHECKOUT) == 0

    bobs.started()
    bobs.started()

    assert read("chaos_runs_active", **CHECKOUT) == 2
    assert read("chaos_run_active", **CHECKOUT) == 1


def test_a_run_that_was_silent_for_long_goes_on_no_more(
    read: Read, bobs: TeamApi, now: Clock
) -> None:
    """Its runner died: on-call rules are not to stay quiet for ever."""
    bobs.started()
    now.pass_by(minutes=11)

    assert read("chaos_run_active", **CHECKOUT) == 0


def test_the_end_of_a_run_is_counted_once(read: Read, bobs: TeamApi) -> None:
    """With its outcome; the same journal again, or a later one, is no second end."""
    before = read("chaosiq_executions_ended_total", **CHECKOUT, outcome="passed")
    execution = bobs.started()

    for node in ("build-7", "build-8"):
        assert bobs.put(execution, {"journal": ended(node=node)}).status_code == 204

    after = read("chaosiq_executions_ended_total", **CHECKOUT, outcome="passed")
    assert after - before == 1


def test_decisions_and_events_are_counted(read: Read, bobs: TeamApi) -> None:
    """An event that is sent again is counted as such."""
    names = ("chaosiq_events_stored_total", "chaosiq_events_duplicate_total")
    decided = "chaosiq_decision_duration_seconds_count"
    before = [read(name) for name in names]
    decisions = read(decided, decision="allowed")
    execution = bobs.started()

    for _ in range(2):
        assert bobs.post(f"{execution}/events", event()).status_code == 201
    bobs.get(f"{execution}/policies")

    assert [read(name) - was for name, was in zip(names, before, strict=True)] == [1, 1]
    assert read(decided, decision="allowed") - decisions == 1


def test_errors_of_the_database_are_counted_each(read: Read) -> None:
    """The log has one line a minute of them."""
    before = read("chaosiq_database_errors_total", operation="reading")
    trouble = Trouble("reading")

    for _ in range(3):
        trouble.report(CannotRead("the disk is away"))

    assert read("chaosiq_database_errors_total", operation="reading") - before == 3


def test_titles_and_tags_are_labels_only_when_asked_for(
    app: Starlette, config: Config, read: Read, bobs: TeamApi
) -> None:
    """Every title is a series of its own."""
    bobs.started()
    assert TITLE not in scrape(app).text

    app.state.config = replace(config, metrics_labels=frozenset({"title", "tag"}))

    assert read("chaos_runs_active_by_title", **CHECKOUT, title=TITLE) == 1
    assert read("chaos_runs_active_by_tag", **CHECKOUT, tag="kafka") == 1


@pytest.mark.parametrize(
    ("host", "headers"),
    [
        ("10.1.2.3", {}),
        ("127.0.0.1", {"X_Forwarded_For": "10.1.2.3"}),
        ("127.0.0.1", {"Forwarded": "for=10.1.2.3"}),
        ("127.0.0.1", {"Host": "rebound.example.com"}),
        ("unix-socket", {}),
    ],
)
def test_without_a_token_only_this_machine_is_answered(
    app: Starlette, host: str, headers: dict[str, str]
) -> None:
    """Neither another one, nor what comes through a proxy or by another's name."""
    refusal = scrape(app, host, **headers)

    assert refusal.status_code == 403
    assert "CHAOSIQ_CONSOLE_METRICS_TOKEN" in refusal.json()["detail"]
    assert scrape(app, "::1").status_code == 200


def test_behind_a_public_url_metrics_need_their_token(app: Starlette, config: Config) -> None:
    """A proxy on this machine, such as nginx as it comes, looks like a program on it."""
    app.state.config = replace(config, public_url="https://chaos.example.com")
    assert scrape(app).status_code == 403

    app.state.config = replace(app.state.config, metrics_token=TOKEN)
    assert scrape(app, Authorization=f"Bearer {TOKEN}").status_code == 200


def test_titles_and_tags_make_a_bounded_number_of_series(
    app: Starlette, config: Config, read: Read, bobs: TeamApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The most frequent have their own; the rest are counted together."""
    monkeypatch.setattr(metrics, "MOST_VALUES", 1)
    app.state.config = replace(config, metrics_labels=frozenset({"title", "tag"}))
    often = bobs.published()
    for experiment_id in (often, often):
        bobs.started(experiment_id)
    for title in ("Rare", "Rarer"):
        bobs.started(experiment=experiment(title=title))

    assert read("chaos_runs_active_by_title", **CHECKOUT, title=TITLE) == 2
    assert read("chaos_runs_active_by_title", **CHECKOUT, title="(others)") == 2
    assert scrape(app).text.count("chaos_runs_active_by_title{") == 2


def test_no_metric_is_exposed_twice_or_without_help(app: Starlette, bobs: TeamApi) -> None:
    """Names, types and labels as `promtool check metrics` wants them; no series comes twice."""
    bobs.started()

    families = list(text_string_to_metric_families(scrape(app).text))

    names = [family.name for family in families]
    samples = [(s.name, *sorted(s.labels.items())) for f in families for s in f.samples]
    assert len(names) == len(set(names)) > 15
    assert len(samples) == len(set(samples))
    assert [f.name for f in families if not f.documentation or f.type == "unknown"] == []
    assert [n for n in names if not re.fullmatch("[a-z][a-z0-9_]*", n)] == []


@pytest.mark.parametrize("authorization", ["", "Bearer another", f"Basic {TOKEN}"])
def test_with_a_token_nobody_is_answered_without_it(
    app: Starlette, config: Config, authorization: str
) -> None:
    """Not this machine either; with it every machine is."""
    app.state.config = replace(config, metrics_token=TOKEN)

    assert scrape(app, Authorization=authorization).status_code == 401
    assert scrape(app, "10.1.2.3", Authorization=f"Bearer {TOKEN}").status_code == 200


def test_a_label_that_there_is_not_is_refused_at_the_start() -> None:
    """With the labels that there are."""
    with pytest.raises(ValueError, match="by title and tag, not by 'titel'"):
        Config.from_environ({"CHAOSIQ_CONSOLE_METRICS_LABELS": "titel", "HOME": "/"}, data="x")


def metrics_of(app: Starlette) -> set[str]:
    """Return the names that queries may use: families, and the samples of counters."""
    app.state.config = replace(app.state.config, metrics_labels=frozenset({"title", "tag"}))
    families = list(text_string_to_metric_families(scrape(app).text))
    suffixes = {
        "counter": ("_total",),
        "histogram": ("_bucket", "_sum", "_count"),
        "gauge": ("",),
        "unknown": ("",),
    }
    return {f"{f.name}{suffix}" for f in families for suffix in suffixes.get(f.type, ("",))}


def expressions_in(document: Any) -> list[str]:
    """Return every query in a dashboard or a file of rules."""
    if isinstance(document, list):
        return [text for part in document for text in expressions_in(part)]
    if not isinstance(document, dict):
        return []
    own = [value for key, value in document.items() if key in ("expr", "query")]
    nested = [text for value in document.values() for text in expressions_in(value)]
    return [text for text in own if isinstance(text, str)] + nested


@pytest.mark.parametrize("name", ["dashboard.json", "alerts.yaml"])
def test_what_dashboard_and_rules_ask_for_exists(
    app: Starlette, database: Database, bobs: TeamApi, name: str
) -> None:
    """They load, and each metric that they name is one of the console's."""
    bobs.started()
    text = (GRAFANA / name).read_text()
    document = json.loads(text) if name.endswith("json") else yaml.safe_load(text)
    named = {metric for query in expressions_in(document) for metric in METRIC.findall(query)}

    assert len(named) >= 5
    assert named - metrics_of(app) == set()


def test_alert_rules_and_panels_are_whole() -> None:
    """Each rule says what it is about, each panel has a place and a query."""
    rules = yaml.safe_load((GRAFANA / "alerts.yaml").read_text())["groups"][0]["rules"]
    panels = json.loads((GRAFANA / "dashboard.json").read_text())["panels"]

    assert [rule for rule in rules if not rule["annotations"]["summary"].endswith(".")] == []
    assert len({rule["alert"] for rule in rules}) == len(rules)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len(panels)
    assert all(panel["targets"] for panel in panels)


def test_each_metric_is_in_the_docs(app: Starlette, bobs: TeamApi) -> None:
    """And each one that the docs name exists."""
    bobs.started()
    documented = set(METRIC.findall((DOCS / "metrics.md").read_text()))
    existing = {
        re.sub("_(bucket|sum|count)$", "", name)
        for name in metrics_of(app)
        if not name.startswith("process_")
    }

    assert documented == existing
