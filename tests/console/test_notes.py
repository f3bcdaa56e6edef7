"""Notes on executions, and findings that runs prove fixed or open again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chaoscloud.console.records import notes
from chaoscloud.console.rules.findings import FindingStatus, LaterRun, find_status
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Clock, Member
from tests.console.documents import ended, journal
from tests.console.team import TeamApi

PAGES = "/acme/checkout"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def browser(client: Client, bob: Member) -> Browser:
    browser = Browser(client())
    browser.sign_in(bob.token)
    return browser


class Runs:
    """Runs of one experiment, one after the other."""

    def __init__(self, api: TeamApi, now: Clock) -> None:
        self.api, self.now = api, now
        self.experiment = api.published()

    def run(self, **more: Any) -> str:
        """Run it to its end, an hour after the run before; the id."""
        start = self.now.pass_by(hours=1)
        path = self.api.started(self.experiment, start=start.isoformat())
        end = self.now.pass_by(minutes=1)
        document = ended(**{"start": start.isoformat(), "end": end.isoformat(), **more})
        assert self.api.put(path, {"journal": document}).is_success
        return path.rsplit("/", 1)[-1]


@pytest.fixture
def runs(bobs: TeamApi, now: Clock) -> Runs:
    return Runs(bobs, now)


def find(api: TeamApi, execution_id: str, text: str = "Alerts came too late") -> Any:
    """A finding on this execution, just written."""
    answer = api.post(f"/executions/{execution_id}/notes", {"text": text, "finding": True})
    assert answer.status_code == 201, answer.text
    return answer.json()


def status_of(api: TeamApi, execution_id: str) -> Any:
    [note] = api.get(f"/executions/{execution_id}/notes").json()
    return note["status"]


# --- notes -------------------------------------------------------------------------------------


def test_a_note_has_its_author_and_its_time(bobs: TeamApi, runs: Runs, now: Clock) -> None:
    """In the order that they were written."""
    run = runs.run()
    bobs.post(f"/executions/{run}/notes", {"text": "Nobody noticed."})
    now.pass_by(minutes=5)
    bobs.post(f"/executions/{run}/notes", {"text": "But for Eve."})

    listed = bobs.get(f"/executions/{run}/notes").json()

    assert [(note["text"], note["person_name"]) for note in listed] == [
        ("Nobody noticed.", "Bob"),
        ("But for Eve.", "Bob"),
    ]
    assert listed[1]["created_at"] == now().isoformat().replace("+00:00", "Z")
    assert listed[0]["status"] is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"text": "  "}, "needs a text"),
        ({"text": "x" * 4_001}, "4000"),
        ({"text": "x", "ticket": "javascript:alert(1)"}, "begins with http:// or https://"),
        ({"text": "x", "ticket": "ftp://tickets/1"}, "begins with http:// or https://"),
    ],
)
def test_a_note_that_cannot_be_kept_is_refused(
    bobs: TeamApi, runs: Runs, body: dict[str, str], words: str
) -> None:
    """With what is wrong about it."""
    run = runs.run()

    answer = bobs.post(f"/executions/{run}/notes", body)

    assert answer.status_code == 422
    assert words in answer.text
    assert bobs.get(f"/executions/{run}/notes").json() == []


def test_an_execution_has_a_bounded_number_of_notes(
    bobs: TeamApi, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script that writes for ever is told to stop."""
    monkeypatch.setattr(notes, "MOST_NOTES", 2)
    run = runs.run()

    answers = [bobs.post(f"/executions/{run}/notes", {"text": "x"}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201, 201, 422]


def test_nobody_else_reads_or_writes_a_team_s_notes(
    bobs: TeamApi, eves: TeamApi, runs: Runs
) -> None:
    """Another team's execution and findings do not exist to Eve."""
    run = runs.run()
    finding = find(bobs, run)

    assert eves.post(f"/executions/{run}/notes", {"text": "x"}).status_code == 404
    assert eves.get(f"/executions/{run}/notes").status_code == 404
    assert (
        eves.client.patch(
            f"{eves.base}/findings/{finding['id']}", json={"state": "fixed"}
        ).status_code
        == 404
    )
    assert eves.get("/findings").json()["items"] == []


# --- findings ----------------------------------------------------------------------------------


def say(api: TeamApi, finding: Any, state: str) -> Any:
    """Say that a finding is in this state; its status then."""
    answer = api.client.patch(f"{api.base}/findings/{finding['id']}", json={"state": state})
    assert answer.is_success, answer.text
    return answer.json()["status"]


def test_a_finding_stays_open_until_somebody_says_that_it_is_fixed(
    bobs: TeamApi, runs: Runs
) -> None:
    """A run that passes proves nothing of what nobody has worked on."""
    run = runs.run(deviated=True)
    find(bobs, run)
    runs.run()

    assert status_of(bobs, run)["state"] == "open"


def test_the_next_run_that_passes_proves_that_a_finding_is_fixed(bobs: TeamApi, runs: Runs) -> None:
    """Until then it is only said to be; the run is named."""
    run = runs.run(deviated=True)
    text = say(bobs, find(bobs, run), "fixed")

    proof = runs.run()
    runs.run()

    assert (text["state"], text["proved_by"]) == ("fixed", None)
    assert status_of(bobs, run)["proved_by"]["execution_id"] == proof


@pytest.mark.parametrize("between", [[], [{}]], ids=["at once", "after a proof"])
def test_a_run_that_deviates_opens_a_finding_again(
    bobs: TeamApi, runs: Runs, between: list[dict[str, Any]]
) -> None:
    """Whether or not another had passed before it."""
    run = runs.run(deviated=True)
    say(bobs, find(bobs, run), "fixed")
    for more in between:
        runs.run(**more)

    deviated = runs.run(deviated=True)
    runs.run()

    status = status_of(bobs, run)
    assert (status["state"], status["reopened_by"]["execution_id"]) == ("open", deviated)


def test_a_finding_can_be_said_to_be_fixed_again(bobs: TeamApi, runs: Runs) -> None:
    """What deviated before counts no more."""
    run = runs.run(deviated=True)
    finding = find(bobs, run)
    say(bobs, finding, "fixed")
    runs.run(deviated=True)

    say(bobs, finding, "fixed")
    proof = runs.run()

    status = status_of(bobs, run)
    assert (status["state"], status["proved_by"]["execution_id"]) == ("fixed", proof)


def test_a_dry_run_proves_nothing(bobs: TeamApi, runs: Runs) -> None:
    """Nothing was done in it that could have gone wrong."""
    run = runs.run(deviated=True)
    say(bobs, find(bobs, run), "fixed")
    runs.run(experiment={**journal()["experiment"], "dry": "activities"})

    assert status_of(bobs, run)["proved_by"] is None


def test_findings_are_listed_by_state(bobs: TeamApi, runs: Runs) -> None:
    """Also those that a run opened again."""
    run = runs.run(deviated=True)
    still_open = find(bobs, run, "first")
    reopened, fixed = find(bobs, run, "second"), find(bobs, run, "third")
    say(bobs, reopened, "fixed")
    runs.run(deviated=True)
    say(bobs, fixed, "fixed")

    def listed(query: str) -> list[str]:
        return [item["text"] for item in bobs.get(f"/findings{query}").json()["items"]]

    assert sorted(listed("?state=open")) == [still_open["text"], reopened["text"]]
    assert listed("?state=fixed") == ["third"]
    assert sorted(listed("")) == ["first", "second", "third"]
    assert bobs.get("/findings?state=gone").status_code == 400


@pytest.mark.parametrize(
    ("fixed_at", "passed", "deviated", "state"),
    [
        (None, None, None, "open"),
        (NOON, None, None, "fixed"),
        (NOON, LaterRun("p", NOON), None, "fixed"),
        (NOON, None, LaterRun("d", NOON), "open"),
        (NOON, LaterRun("p", NOON), LaterRun("d", NOON + timedelta(hours=1)), "open"),
    ],
)
def test_the_state_of_a_finding_is_a_rule(
    fixed_at: datetime | None, passed: LaterRun | None, deviated: LaterRun | None, state: str
) -> None:
    """Of what was said and what was run."""
    status = find_status(fixed_at, passed, deviated)

    assert isinstance(status, FindingStatus)
    assert status.state == state
    assert status.reopened_by == (deviated if fixed_at else None)


# --- pages -------------------------------------------------------------------------------------


def test_a_note_is_written_on_the_page_of_an_execution(browser: Browser, runs: Runs) -> None:
    """As text, whatever it looks like."""
    page = f"{PAGES}/executions/{runs.run()}"

    answer = browser.submit(page, f"{page}/notes", text="<b>Late</b>", finding="on", ticket="")

    assert answer.headers["location"].startswith(f"{page}#note-")
    page_shown = Seen(browser.open(page))
    assert "Finding by Bob" in page_shown.text
    assert "<b>Late</b>" in page_shown.text
    assert "Bob wrote a finding: <b>Late</b>" in Seen(browser.open(f"{PAGES}/audit")).text


def test_a_note_that_cannot_be_kept_stays_in_the_form(browser: Browser, runs: Runs) -> None:
    """With what is wrong beside it."""
    page = f"{PAGES}/executions/{runs.run()}"

    answer = browser.submit(page, f"{page}/notes", text="Late", ticket="OPS-12")

    assert answer.status_code == 422
    assert "must be a web address" in Seen(answer).text
    assert ">Late</textarea>" in answer.text
    assert 'value="OPS-12"' in answer.text


def test_a_finding_is_closed_and_opened_on_its_page(
    browser: Browser, bobs: TeamApi, runs: Runs
) -> None:
    """The list of findings follows."""
    run = runs.run(deviated=True)
    finding = find(bobs, run)
    listing = f"{PAGES}/findings"

    answer = browser.submit(listing, f"{listing}/{finding['id']}", state="fixed")

    assert answer.headers["location"] == f"{PAGES}/executions/{run}#note-{finding['id']}"
    assert "Nothing is open" in Seen(browser.open(listing)).text
    assert "Fixed, not proved yet" in Seen(browser.open(f"{listing}?state=fixed")).text
    runs.run()
    assert "A later run passed." in Seen(browser.open(f"{listing}?state=fixed")).text
    browser.submit(listing, f"{listing}/{finding['id']}", state="open")
    assert "Alerts came too late" in Seen(browser.open(listing)).text


def test_a_plain_note_has_no_state(browser: Browser, bobs: TeamApi, runs: Runs) -> None:
    """What is no finding cannot be fixed."""
    run = runs.run()
    note = bobs.post(f"/executions/{run}/notes", {"text": "Fine."}).json()
    listing = f"{PAGES}/findings"

    assert browser.submit(listing, f"{listing}/{note['id']}", state="fixed").status_code == 404
