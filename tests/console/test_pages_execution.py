"""One execution as a page, finished or running, and its journal."""

import json
from typing import Any

import pytest
from starlette.applications import Starlette

from chaoscloud.console.db import Database
from chaoscloud.console.pages import live
from chaoscloud.console.records import tokens
from chaoscloud.console.records.teams import Team
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Clock, Member
from tests.console.documents import chaosiq, ended, event, experiment, journal
from tests.console.team import TeamApi

MARKUP = "\"'><script>alert(1)</script><img src=x onerror=alert(1)><a href='javascript:alert(1)'>"


@pytest.fixture
def api(client: Client, bob: Member, checkout: Team) -> TeamApi:
    return TeamApi(client(token=bob.token), checkout)


@pytest.fixture
def browser(client: Client, bob: Member, checkout: Team) -> Browser:
    visitor = Browser(client())
    visitor.sign_in(bob.token)
    return visitor


def ran(api: TeamApi, of: dict[str, Any] | None = None, **more: Any) -> str:
    """The page's address of an execution that has ended."""
    path = api.started(api.published(of or experiment()))
    assert api.put(path, {"journal": ended(**more)}).is_success
    return page_of(path)


def page_of(path: str) -> str:
    return f"/acme/checkout/executions/{path.rsplit('/', 1)[-1]}"


def activity(name: str, second: float, took: float, **more: Any) -> dict[str, Any]:
    """An activity that was played some seconds into the minute."""
    return {
        "activity": {"type": "action", "name": name, "provider": {"type": "process"}},
        "start": f"2026-03-02T09:30:{second:06.3f}+00:00",
        "end": f"2026-03-02T09:30:{second + took:06.3f}+00:00",
        "duration": took,
        "status": "succeeded",
        "output": None,
        **more,
    }


def test_the_address_that_chaos_run_prints_opens(browser: Browser, api: TeamApi) -> None:
    """What Content-Location says, with the first /api/ taken out."""
    response = api.post(f"/experiments/{api.published()}/executions", {"journal": journal()})
    address = response.headers["content-location"].replace("/api/", "/", 1)

    assert browser.open(address).status_code == 200


def test_the_page_says_what_happened(browser: Browser, api: TeamApi) -> None:
    """Title, status, who, where from, versions, and each activity with its outcome."""
    page = ran(api, run=[activity("kill a broker", 1, 0.4, output={"killed": "broker-1"})])

    text = Seen(browser.open(page)).text

    for words in (
        "Passed",
        "Orders survive the loss of a broker",
        "Bob",
        "build-7",
        "Linux-6.1-x86_64",
        "Chaos Toolkit library 1.45.1",
        "kill a broker",
        "Succeeded",
        '"killed": "broker-1"',
    ):
        assert words in text


def test_an_error_is_shown_in_full(browser: Browser, api: TeamApi) -> None:
    """The traceback stands with the activity that failed."""
    failed = activity(
        "kill a broker", 1, 0.4, status="failed", exception=["Traceback:\n", "No such process\n"]
    )
    page = ran(api, run=[failed])

    assert "No such process" in Seen(browser.open(page)).text


def test_rollbacks_that_were_not_run_have_their_own_banner(browser: Browser, api: TeamApi) -> None:
    """Where the method had begun, what it did may still be there."""
    document = experiment(rollbacks=[{"type": "action", "name": "start the broker again"}])
    changes = {"experiment": document, "status": "interrupted"}
    begun = Seen(browser.open(ran(api, document, run=[activity("kill", 1, 1)], **changes)))
    not_begun = Seen(browser.open(ran(api, document, run=[], **changes)))

    assert "1 of 1 rollbacks were not run: what the method did may still be there." in begun.text
    assert "say left-behind above" in [element.get("class") for element in begun.all("div")]
    assert "may still be there" not in not_begun.text


BEFORE_UNMET = {
    "before": {
        "steady_state_met": False,
        "probes": [
            {
                "activity": {"name": "orders", "type": "probe", "tolerance": 201},
                "status": "succeeded",
                "tolerance_met": False,
                "output": 503,
            }
        ],
    }
}
FAILED_ACTION = {
    "activity": {"name": "kill", "type": "action"},
    "status": "failed",
    "exception": ["OSError: no broker\n"],
}


@pytest.mark.parametrize(
    ("changes", "word", "css", "sentence"),
    [
        ({}, "Passed", "completed", "the steady state was not tested."),
        (
            {"run": [FAILED_ACTION]},
            "Passed, inconclusive",
            "inconclusive",
            "The action kill failed: OSError: no broker.",
        ),
        (
            {"experiment": {**experiment(), "dry": "activities"}},
            "Passed, inconclusive",
            "inconclusive",
            "A dry run: activities were left out, so nothing was learned.",
        ),
        (
            {"status": "failed", "steady_states": BEFORE_UNMET},
            "Baseline not met",
            "baseline",
            "orders before the method: expected 201, got 503; the method was not run.",
        ),
        (
            {"status": "failed", "steady_states": {"after": BEFORE_UNMET["before"]}},
            "Deviated",
            "deviated",
            "orders after the method: expected 201, got 503.",
        ),
        ({"status": "aborted"}, "Aborted", "aborted", "Aborted by an unexpected error"),
        ({"status": "failed"}, "Failed", "failed", "Failed; the journal does not say why."),
        (
            {
                "status": "interrupted",
                "interruption": {"kind": "signal", "name": "SIGINT"},
            },
            "Interrupted",
            "interrupted",
            "Interrupted by Ctrl-C after 1 min 12 s.",
        ),
        (
            {
                "status": "interrupted",
                "interruption": {"kind": "signal", "name": "SIGTERM"},
            },
            "Interrupted",
            "interrupted",
            "Interrupted by SIGTERM after 1 min 12 s.",
        ),
        ({"status": "odd"}, "Unknown", "unknown", "Ended; the journal does not say how."),
    ],
)
def test_a_page_says_in_a_sentence_how_the_run_ended(
    browser: Browser, api: TeamApi, changes: dict[str, Any], word: str, css: str, sentence: str
) -> None:
    """For each outcome, in its own colour and with its own sign; the list says the same."""
    page = Seen(browser.open(ran(api, **changes)))
    rows = Seen(browser.open("/acme/checkout/executions"))

    assert sentence in page.text
    assert word in page.text
    assert f"sentence {css}" in [element.get("class") for element in page.all("p")]
    for view in (page, rows):
        states = [element.get("class") for element in view.all("span")]
        assert f"status {css}" in states or f"status {css} big" in states
    assert ("Dry run" in page.text) is ("dry" in changes.get("experiment", {}))


WITHOUT = ("deviated", "steady_states", "rollbacks")


@pytest.mark.parametrize(
    ("version", "without", "changes", "word", "sentence"),
    [
        ("0.12.0", WITHOUT, {}, "Passed", "was not tested"),
        ("0.12.0", WITHOUT, {"status": "interrupted"}, "Interrupted", "does not say by whom"),
        ("0.12.0", WITHOUT, {"status": "failed"}, "Failed", "the journal does not say why"),
        ("1.0.0", (), {"status": "failed", "deviated": True}, "Deviated", "does not say where"),
        ("1.30.0", (), {"deviated": True}, "Deviated", "does not say where"),
        ("1.45.1", (), {"status": "aborted"}, "Aborted", "the journal does not say which"),
    ],
)
def test_journals_of_every_chaos_toolkit_have_a_page(
    browser: Browser,
    api: TeamApi,
    version: str,
    without: tuple[str, ...],
    changes: dict[str, Any],
    word: str,
    sentence: str,
) -> None:
    """Early ones have times without a zone, and no tests or rollbacks: nothing is guessed."""
    document = {
        **ended(**changes),
        "chaoslib-version": version,
        "start": "2026-03-02T09:29:58.250000",
        "end": "2026-03-02T09:31:10.750000",
    }
    document = {key: value for key, value in document.items() if key not in without}
    path = api.started()
    assert api.put(path, {"journal": document}).is_success

    text = Seen(browser.open(page_of(path))).text

    assert word in text
    assert sentence in text
    assert ("The journal does not say whether it was tested" in text) is (
        "steady_states" in without or word == "Aborted"
    )
    assert "may still be there" not in text


def test_a_failed_activity_is_shown_opened_however_many_there_are(
    browser: Browser, api: TeamApi
) -> None:
    """Among five hundred, too."""
    runs = [activity(f"step {number}", number / 10, 0.1) for number in range(500)]
    runs[480] |= {"status": "failed", "exception": ["OSError: no broker\n"]}
    page = Seen(browser.open(ran(api, experiment=experiment(method=[]), run=runs)))

    opened = [element["id"] for element in page.all("details") if "open" in element]
    assert opened == ["m481"]
    assert "OSError: no broker" in page.text
    assert "459 more, none of which failed." in page.text


def test_safeguards_that_stopped_it_are_named(browser: Browser, api: TeamApi) -> None:
    """In a refused run, by the names the journal kept."""
    page = ran(api, status="interrupted", run=[], **chaosiq(safeguards=[{"name": "Release day"}]))

    text = Seen(browser.open(page)).text

    assert "Refused" in text
    assert "Safeguards refused this run Release day" in text


def test_the_drawing_is_to_scale(browser: Browser, api: TeamApi) -> None:
    """A quarter of the run is a quarter of the drawing."""
    document = experiment(method=[{"type": "action", "name": "kill"}])
    page = ran(
        api,
        document,
        experiment=document,
        start="2026-03-02T09:30:00+00:00",
        end="2026-03-02T09:30:40+00:00",
        run=[activity("kill", 20, 10)],
    )

    bar = next(
        rect
        for rect in Seen(browser.open(page)).all("rect")
        if "bar succeeded" in (rect["class"] or "")
    )

    assert (bar["x"], bar["width"]) == ("50.000%", "25.000%")


def hurt(value: Any) -> Any:
    """The same journal with markup in every text that is no time and no status."""
    if isinstance(value, str):
        return value + MARKUP
    if isinstance(value, list):
        return [hurt(item) for item in value]
    if isinstance(value, dict):
        keys = ("start", "end", "status")
        return {key: item if key in keys else hurt(item) for key, item in value.items()} | {
            MARKUP: MARKUP
        }
    return value


@pytest.mark.parametrize("path", ["", "/journal"])
def test_markup_in_every_field_stays_text(browser: Browser, api: TeamApi, path: str) -> None:
    """No element and no attribute of a page comes from a journal."""
    failed = activity("kill", 1, 1, status="failed", exception=["Traceback"], output={"a": "b"})
    document = experiment(configuration={"a": "b"}, secrets={"c": {"d": "e"}})
    hostile = hurt(ended(experiment=document, run=[failed], rollbacks=[failed]))
    of = api.published(hostile["experiment"])
    answer = api.post(f"/experiments/{of}/executions", {"journal": hostile})
    page = Seen(browser.open(f"/acme/checkout/executions/{answer.json()['id']}{path}"))
    list_page = Seen(browser.open("/acme/checkout/executions"))

    for view in (page, list_page):
        assert "<script>alert(1)</script>" in view.text
        assert not view.all("img")
        assert all(
            (script.get("src") or "").startswith("/static/") for script in view.all("script")
        )
        assert not [
            name for _, attributes in view.elements for name in attributes if name[:2] == "on"
        ]
        assert not [link for link in view.links if "javascript:" in link.partition("?")[0]]


def test_the_journal_is_a_file_to_keep(browser: Browser, api: TeamApi) -> None:
    """As it came, never shown by the browser itself."""
    page = ran(api)

    answer = browser.open(page + "/journal.json")

    assert answer.json()["duration"] == 72.5
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"].startswith('attachment; filename="journal-')
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["", "/journal", "/journal.json", "/live"])
def test_for_another_team_it_does_not_exist(
    client: Client, eve: Member, api: TeamApi, path: str
) -> None:
    """Eve gets what she would get for an address nobody ever had."""
    page = ran(api)
    browser = Browser(client())
    browser.sign_in(eve.token)

    assert browser.open(page + path).status_code == 404
    assert browser.open(page.replace("checkout", "payments") + path).status_code == 404


@pytest.mark.parametrize("path", ["", "/journal", "/journal.json", "/live"])
def test_what_nobody_ever_ran_does_not_exist(browser: Browser, path: str) -> None:
    """A plain 404, also for ids no database would take."""
    assert browser.open(f"/acme/checkout/executions/never%00was{path}").status_code == 404


def test_a_running_execution_is_told_from_its_events(browser: Browser, api: TeamApi) -> None:
    """There is no journal yet, but it is known what goes on."""
    path = api.started()
    api.post(path + "/events", event("e-1", "starting-method"))
    context = experiment()["method"][0]
    api.post(path + "/events", event("e-2", data={"context": context, "state": None}))

    page = Seen(browser.open(page_of(path)))

    assert "Running" in page.text
    assert "kill a broker" in page.text
    assert [element for element in page.all("div") if "data-live" in element]


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch, now: Clock) -> None:
    """A stream that looks again at once; each look is ten seconds later."""

    async def pass_by(*_: object) -> None:
        now.pass_by(seconds=10)

    monkeypatch.setattr(live, "nap", pass_by)


def streamed(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The events of a stream, decoded."""
    blocks = [block.split("\n") for block in text.split("\n\n") if block.startswith("event:")]
    return [(name[7:], json.loads(data[6:])) for name, data in blocks]


def test_the_stream_of_a_finished_run_ends_itself(
    browser: Browser, api: TeamApi, hasty: None
) -> None:
    """The page as it is now, and the word that nothing more will come."""
    answer = browser.open(ran(api) + "/live")

    [(first, page), (second, _)] = streamed(answer.text)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert (first, second) == ("page", "over")
    assert "Passed" in page["html"]
    assert page["title"] == "Passed: Orders survive the loss of a broker"


def test_the_stream_of_a_long_run_ends_so_that_the_browser_comes_back(
    browser: Browser, api: TeamApi, hasty: None
) -> None:
    """It draws anew while the run goes on, and never says that it is over."""
    names = [name for name, _ in streamed(browser.open(page_of(api.started()) + "/live").text)]

    assert len(names) > 1
    assert set(names) == {"page"}


def test_the_latency_of_a_stop_is_told(browser: Browser, api: TeamApi, now: Clock) -> None:
    """From when it was decided in the console to when the run was cut off."""
    where = "/acme/checkout/safeguards"
    browser.submit(where, where + "/stop", reason="Release day")
    page = ran(
        api,
        start="2026-03-02T09:29:58+00:00",
        end="2026-03-02T09:30:03+00:00",
        status="interrupted",
        run=[activity("kill a broker", 0, 3)],
        **chaosiq(safeguards=[{"name": "Release day"}]),
    )

    text = Seen(browser.open(page)).text

    assert "Stop decided after 2 s" in text
    assert "Stopped after 5 s, 3 s later" in text


def test_a_running_experiment_is_stopped_from_its_page(
    browser: Browser, api: TeamApi, client: Client, bob: Member
) -> None:
    """With a reason, by a plain form: that run is told no, another goes on."""
    path, other = api.started(), api.started()
    page = page_of(path)

    answer = browser.submit(page, page + "/stop", reason="Customers notice")

    body = api.get(path + "/policies").json()
    page_shown = Seen(browser.open(answer.headers["location"]))
    assert (body["allowed"], body["policies"][0]["reason"]) == (False, "Customers notice")
    assert api.get(other + "/policies").json()["allowed"] is True
    assert "Being stopped: Customers notice" in page_shown.text
    assert "Bob asked for it 2 Mar 2026 09:30" in page_shown.text
    assert not [form for form in page_shown.all("form") if form["action"] == page + "/stop"]


@pytest.mark.parametrize("reason", ["", "   ", "x" * 301])
def test_a_run_is_only_stopped_with_a_reason(browser: Browser, api: TeamApi, reason: str) -> None:
    """It goes on, and its page says what is missing."""
    path = api.started()

    answer = browser.submit(page_of(path), page_of(path) + "/stop", reason=reason)

    assert answer.status_code == 422
    assert "Say " in Seen(answer).text
    assert api.get(path + "/policies").json()["allowed"] is True


def test_what_has_ended_cannot_be_stopped(browser: Browser, api: TeamApi) -> None:
    """Its page has no form; one that comes late changes nothing and says so."""
    page = ran(api)

    answer = browser.submit(page, page + "/stop", reason="Too late")

    page_shown = Seen(browser.open(answer.headers["location"]))
    assert "had ended already" in page_shown.text
    assert not [form for form in page_shown.all("form") if form["action"] == page + "/stop"]


def test_nobody_else_stops_a_run(client: Client, api: TeamApi, eve: Member, bob: Member) -> None:
    """Not who is on another team, and not a form that another site made."""
    path = api.started()
    eves, bobs = Browser(client()), Browser(client())
    eves.sign_in(eve.token)
    bobs.sign_in(bob.token)

    strange = eves.submit("/settings/tokens", page_of(path) + "/stop", reason="Mine")
    forged = bobs.client.post(page_of(path) + "/stop", data={"reason": "Yours"})

    assert (strange.status_code, forged.status_code) == (404, 403)
    assert api.get(path + "/policies").json()["allowed"] is True


def test_how_a_stop_reached_the_run_is_told(browser: Browser, api: TeamApi) -> None:
    """Whose, why, and the time from the decision to the interruption."""
    path = api.started()
    browser.submit(page_of(path), page_of(path) + "/stop", reason="Customers notice")
    policy = {"name": "Customers notice", "reason": "Customers notice"}
    stop = {
        "policies": [policy],
        "decided_at": "2026-03-02T09:30:00+00:00",
        "received_at": "2026-03-02T09:30:00.040+00:00",
        "interrupted_at": "2026-03-02T09:30:00.090+00:00",
        "latency": 0.09,
    }
    api.put(
        path,
        {"journal": ended("interrupted", **chaosiq(safeguards=[policy], stop=stop))},
    )

    text = Seen(browser.open(page_of(path))).text

    assert "Safeguards stopped this run Customers notice by Bob" in text
    assert "Decision to interruption 90 ms The run knew after 40 ms" in text
    assert "Stopped after 1.8 s, 90 ms later" in text


def test_a_time_without_an_answer_is_drawn_and_said(browser: Browser, api: TeamApi) -> None:
    """Nothing could have stopped the run then: its reader is told."""
    gap = {
        "since": "2026-03-02T09:30:10+00:00",
        "until": "2026-03-02T09:30:22+00:00",
        "reason": "connection refused",
    }
    page = ran(api, **chaosiq(safeguards_without_answer=[gap]))

    page_shown = Seen(browser.open(page))

    assert "Safeguards could not be asked for 12 s (connection refused)" in page_shown.text
    assert [bar for bar in page_shown.all("rect") if bar["class"] == "bar unanswered"]


def test_where_contact_was_lost_is_marked(browser: Browser, api: TeamApi, now: Clock) -> None:
    """The drawing ends with the last word of the run, and says so."""
    page = page_of(api.started())
    now.pass_by(minutes=20)

    text = Seen(browser.open(page)).text

    assert "Lost contact" in text
    assert "Last heard of after" in text


def test_a_page_of_very_many_activities_stays_light(browser: Browser, api: TeamApi) -> None:
    """Three hundred with long outputs: first a part of it, and all of it when asked for."""
    runs = [activity(f"step {n}", n / 10, 0.1, output="x" * 5_000) for n in range(300)]
    page = ran(api, experiment=experiment(method=[]), run=runs)

    first, whole = browser.open(page), browser.open(page + "?all=1")

    assert len(first.content) < 150_000
    assert "260 more, none of which failed." in Seen(first).text
    assert "step 299" in Seen(whole).text


def test_a_console_that_stops_lets_go_of_its_streams(
    app: Starlette, browser: Browser, api: TeamApi
) -> None:
    """Nobody is told that the run is over; the browser comes back when the console does."""
    path = page_of(api.started())
    app.state.stopping.set()

    assert streamed(browser.open(path + "/live").text) == []


STREAM = {"Accept": "text/event-stream"}


def test_the_stream_of_an_ended_session_says_so(
    browser: Browser, api: TeamApi, hasty: None, client: Client
) -> None:
    """A browser that follows a page is not sent to sign in: it would not show that."""
    path = page_of(api.started()) + "/live"
    stranger = client()

    answer = stranger.get(path, headers=STREAM)

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert streamed(answer.text) == [("ended", {"reason": "signed-out"})]
    assert stranger.get(path).status_code == 303  # opened as a page


def test_the_stream_of_what_is_gone_says_so(browser: Browser, api: TeamApi) -> None:
    """Gone, or another team's: the same to whoever may not see it."""
    answer = browser.open("/acme/checkout/executions/never-was/live", headers=STREAM)

    assert streamed(answer.text) == [("ended", {"reason": "gone"})]


def test_a_session_that_ends_ends_its_streams(
    browser: Browser,
    api: TeamApi,
    database: Database,
    bob: Member,
    now: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At the next look, a second later."""

    async def revoke(*_: object) -> None:
        await database.writing(tokens.revoke, bob.token_id, now())

    monkeypatch.setattr(live, "nap", revoke)

    events = streamed(browser.open(page_of(api.started()) + "/live", headers=STREAM).text)

    assert [name for name, _ in events] == ["page", "ended"]
    assert events[-1][1] == {"reason": "signed-out"}


def test_a_stream_without_news_shows_that_the_console_is_there(
    browser: Browser, api: TeamApi, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One event a second, whether anything has changed or not."""

    async def pass_by(*_: object) -> None:
        now.pass_by(seconds=1)

    monkeypatch.setattr(live, "nap", pass_by)

    events = streamed(browser.open(page_of(api.started()) + "/live").text)

    assert [name for name, _ in events[:6]] == ["page", *["alive"] * 4, "page"]
    assert len(events) == live.LONGEST.total_seconds()
