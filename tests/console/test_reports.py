"""The report of an execution: one file to hand over, from the page, the API and the command."""

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from chaoscloud.console.cli import main
from chaoscloud.console.config import Config
from chaoscloud.console.records.teams import Team
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Member
from tests.console.documents import ended, experiment
from tests.console.team import TeamApi

MARKUP = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"
LOADING = {"src", "href", "action", "data", "srcset", "poster", "background"}


@pytest.fixture
def browser(client: Client, bob: Member) -> Browser:
    visitor = Browser(client())
    visitor.sign_in(bob.token)
    return visitor


def ran(bobs: TeamApi, of: dict[str, Any] | None = None, **more: Any) -> str:
    """The id of an execution that has ended."""
    path = bobs.started(bobs.published(of or experiment()))
    assert bobs.put(path, {"journal": ended(**more)}).is_success
    return path.rpartition("/")[2]


def test_the_file_holds_what_the_run_came_to_and_what_proves_it(bobs: TeamApi) -> None:
    """The sentence, the evidence, the versions, and the digest of the journal as it is kept."""
    execution_id = ran(bobs)

    response = bobs.get(f"/executions/{execution_id}/report")

    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert f"report-{execution_id}.html" in response.headers["content-disposition"]
    record = bobs.get(f"/executions/{execution_id}").json()
    text = response.text
    assert f"{record['sentence']}." in text
    assert record["title"] in text
    assert f"Chaos Toolkit library {record['chaoslib_version']}" in text
    journal = bobs.get(f"/experiments/{record['experiment_id']}/executions/{execution_id}").content
    assert hashlib.sha256(journal).hexdigest() in text
    assert f"/acme/checkout/executions/{execution_id}" in text


def test_the_file_runs_nothing_and_loads_nothing(bobs: TeamApi) -> None:
    """Whatever the journal holds: it is opened far from the console, from a mail for instance."""
    of = experiment(title=MARKUP, description=MARKUP)
    run = {
        "activity": {"type": "action", "name": MARKUP, "provider": {"type": "process"}},
        "status": "failed",
        "output": MARKUP,
        "exception": [MARKUP],
        "start": "2026-03-02T09:30:01+00:00",
        "duration": 1.0,
    }
    execution_id = ran(bobs, of, experiment=of, run=[run], node=MARKUP)

    response = bobs.get(f"/executions/{execution_id}/report")

    elements, text = Seen(response).elements, response.text
    assert not {"script", "img", "link", "iframe", "object", "a"} & {tag for tag, _ in elements}
    assert [name for _, attrs in elements for name in attrs if name in LOADING] == []
    assert [name for _, attrs in elements for name in attrs if name.startswith("on")] == []
    assert "url(" not in text
    assert "alert(1)" in text


def test_the_page_gives_the_same_file(bobs: TeamApi, browser: Browser) -> None:
    """But for when it was written."""
    execution_id = ran(bobs)
    page = f"/acme/checkout/executions/{execution_id}"

    assert f'href="{page}/report.html"' in browser.open(page).text
    response = browser.client.get(f"{page}/report.html")

    def without_time(text: str) -> str:
        return re.sub(r"<dt>Written.*", "", text)

    assert without_time(response.text) == without_time(
        bobs.get(f"/executions/{execution_id}/report").text
    )


def test_notes_and_findings_are_in_it(bobs: TeamApi) -> None:
    """What people wrote is part of what was learned."""
    execution_id = ran(bobs)
    finding = {"text": "The pool is too small", "finding": True}
    assert bobs.post(f"/executions/{execution_id}/notes", finding).is_success

    text = bobs.get(f"/executions/{execution_id}/report").text

    assert "The pool is too small" in text
    assert "Finding, open." in text


def test_a_run_that_goes_on_says_so(bobs: TeamApi) -> None:
    """Nobody takes it for the last word."""
    path = bobs.started(bobs.published())

    text = bobs.get(f"/executions/{path.rpartition('/')[2]}/report").text

    assert "The run had not ended when this was written." in text


def test_another_team_gets_none(bobs: TeamApi, client: Client, eve: Member, checkout: Team) -> None:
    """It is answered as what does not exist."""
    execution_id = ran(bobs)
    outsider = TeamApi(client(token=eve.token), checkout)

    assert outsider.get(f"/executions/{execution_id}/report").status_code == 404
    assert bobs.get("/executions/unknown/report").status_code == 404


def test_the_operator_writes_it_to_a_file(bobs: TeamApi, config: Config, tmp_path: Path) -> None:
    """Beside the running console, and never over another file."""
    execution_id, file = ran(bobs), tmp_path / "report.html"
    where = ("--data", str(tmp_path), "--database", config.database_url)

    def report(*words: str) -> Result:
        return CliRunner(env={"DATABASE_URL": None}).invoke(main, ["report", *words, *where])

    first, second = report(execution_id, str(file)), report(execution_id, str(file))
    absent = report("unknown", str(tmp_path / "other.html"))

    assert first.exit_code == 0, first.output
    assert bobs.get(f"/executions/{execution_id}").json()["sentence"] in file.read_text()
    assert (second.exit_code, absent.exit_code) == (1, 1)
    assert "Cannot write" in second.output
    assert "There is no execution with the id 'unknown'" in absent.output


def read_period(bobs: TeamApi, **query: str) -> str:
    """The report of a period."""
    response = bobs.get("/report", params=query)
    assert response.status_code == 200, response.text
    return str(response.text)


def part(text: str, heading: str) -> str:
    """What stands below a heading."""
    return text.partition(f"<h2>{heading}</h2>")[2].partition("<h2>")[0]


def test_a_period_says_what_was_tried_and_what_was_not(bobs: TeamApi) -> None:
    """A run that says nothing counts for nothing."""
    probe = {"type": "probe", "name": "orders", "tolerance": 200}
    hypothesis = {"title": "Orders", "probes": [probe]}
    held = {"steady_state_met": True, "probes": [{"activity": probe, "status": "succeeded"}]}
    tried = experiment(title="Lose a broker", **{"steady-state-hypothesis": hypothesis})
    states = {"before": held, "during": [], "after": held}
    ran(bobs, tried, experiment=tried, steady_states=states, rollbacks=[])
    dry = experiment(title="Lose a rack")
    ran(bobs, dry, experiment=dry | {"dry": "activities"})
    bobs.published(experiment(title="Lose a region"))

    text = read_period(bobs)

    assert "Lose a broker" in part(text, "Tried")
    assert "1 passed" in part(text, "Tried")
    assert "Lose a broker" not in part(text, "Never tried")
    assert "Lose a rack" in part(text, "Never tried")
    assert "Lose a region" in part(text, "Never tried")


def test_a_period_lists_findings_by_their_state(bobs: TeamApi) -> None:
    """Open ones stay on the list until somebody says that they are fixed."""
    execution_id = ran(bobs)
    bobs.post(f"/executions/{execution_id}/notes", {"text": "Pool too small", "finding": True})

    text = read_period(bobs)

    assert "Pool too small" in part(text, "Found, and open")
    assert "Pool too small" not in part(text, "Fixed")


def test_a_period_is_narrowed_by_tags_and_days(bobs: TeamApi) -> None:
    """All the tags, and runs that began in it."""
    ran(bobs, experiment(title="Lose a broker", tags=["orders", "kafka"]))
    ran(bobs, experiment(title="Lose a shelf", tags=["stock"]))

    by_tag = read_period(bobs, tag="orders")
    by_day = read_period(bobs, since="2020-01-01", until="2020-01-31")

    assert "Lose a broker" in by_tag
    assert "Lose a shelf" not in by_tag
    assert "Nothing was tried in this period." in by_day


@pytest.mark.parametrize("since", ["yesterday", "2030-01-01", "9999-99-99"])
def test_what_is_no_period_is_refused(bobs: TeamApi, since: str) -> None:
    """With the reason."""
    assert bobs.get("/report", params={"since": since}).status_code == 422


def test_the_page_gives_the_report_of_a_period(bobs: TeamApi, browser: Browser) -> None:
    """The same file, for people; what is no period is no page."""
    response = browser.open("/acme/checkout/report.html")

    assert "What was tried, what was found, what is fixed" in response.text
    assert not {"script", "img", "a"} & {tag for tag, _ in Seen(response).elements}
    assert browser.open("/acme/checkout/report.html?since=soon").status_code == 404
