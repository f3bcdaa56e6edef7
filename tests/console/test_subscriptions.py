"""Subscriptions through the API, the pages and the command line."""

import json
import re
from typing import Any

import pytest
from click.testing import CliRunner

from chaoscloud.console.cli import main
from chaoscloud.console.config import Config
from chaoscloud.console.db import Database
from chaoscloud.console.messages import outbox
from chaoscloud.console.messages.outbox import SendResult
from chaoscloud.console.messages.targets import TARGETS
from chaoscloud.console.pages import subscriptions as pages
from chaoscloud.console.records.teams import Team
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Clock, Member
from tests.console.documents import ended
from tests.console.team import TeamApi

PAGE = "/acme/checkout/subscriptions"
NEW = {
    "name": "Our bot",
    "target": "webhook",
    "settings": {"url": "https://hooks.example.com/chaos"},
    "events": ["execution.started", "execution.finished"],
}


@pytest.fixture
def made(bobs: TeamApi) -> dict[str, Any]:
    answer = bobs.post("/subscriptions", NEW)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


# --- the API -----------------------------------------------------------------------------------


def test_the_secret_is_in_the_answer_that_makes_it_and_in_no_other(
    bobs: TeamApi, made: dict[str, Any]
) -> None:
    """Renewed, there are two for a day."""
    path = f"/subscriptions/{made['id']}"

    assert made["secret"].startswith("whsec_")
    assert "secret" not in bobs.get(path).json()
    renewed = bobs.post(f"{path}/secret").json()
    assert renewed["secret"] not in ("", made["secret"])
    assert renewed["earlier_secret_until"] is not None
    assert made["secret"] not in bobs.get("/subscriptions").text


def test_what_opens_something_is_not_shown_again(bobs: TeamApi) -> None:
    """Slack's address alone lets anybody post."""
    settings = {"url": "https://hooks.slack.com/services/T0/B0/abcdefghijkl"}
    created = bobs.post("/subscriptions", {**NEW, "target": "slack", "settings": settings}).json()

    assert created["settings"] == {"url": "…ijkl"}
    assert "secret" not in created


def test_a_subscription_is_changed_paused_and_ended(bobs: TeamApi, made: dict[str, Any]) -> None:
    """What is not named stays."""
    path = f"/subscriptions/{made['id']}"

    changed = bobs.client.patch(bobs.base + path, json={"tags": ["kafka"], "paused": True}).json()
    assert (changed["tags"], changed["name"]) == (["kafka"], "Our bot")
    assert changed["pause_reason"] == "somebody paused it"
    resumed = bobs.client.patch(bobs.base + path, json={"paused": False}).json()
    assert resumed["paused_at"] is None
    assert bobs.client.delete(bobs.base + path).status_code == 204
    assert bobs.get(path).status_code == 404


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"target": "apprise", "settings": {"url": "ntfy://x"}}, "target"),
        ({"target": "smoke"}, "target"),
        ({"events": ["execution.exploded"]}, "events"),
        ({"outcomes": ["great"]}, "outcomes"),
        ({"settings": {"url": "http://169.254.169.254/latest"}}, "url"),
        ({"settings": {"url": "http://10.0.0.1/"}}, "url"),
        ({"settings": {}}, "settings"),
        ({"name": " "}, "name"),
        (
            {
                "target": "grafana",
                "settings": {"url": "https://g.example.com", "token": "x"},
                "events": ["execution.finished"],
            },
            "events",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_key(
    bobs: TeamApi, changes: dict[str, Any], where: str
) -> None:
    """A private address never gets as far as a message."""
    refusal = bobs.post("/subscriptions", {**NEW, **changes})

    assert refusal.status_code == 422
    assert where in str(refusal.json()["errors"][0]["loc"])


def test_a_team_sees_neither_another_s_nor_changes_its_organization_s(
    bobs: TeamApi, eves: TeamApi, made: dict[str, Any], client: Client, ada: Member
) -> None:
    """404 and 403; the organization's address is its owners' alone."""
    path = f"/subscriptions/{made['id']}"
    organization = bobs.base.rpartition("/teams")[0]
    of_all = client(ada.token).post(f"{organization}/subscriptions", json=NEW).json()

    assert eves.get(path).status_code == 404
    assert of_all["scope"] == "organization"
    assert bobs.get(f"/subscriptions/{of_all['id']}").status_code == 200
    for suffix in ("", "/test", "/secret"):
        target = f"{bobs.base}/subscriptions/{of_all['id']}{suffix}"
        method = "DELETE" if not suffix else "POST"
        assert bobs.client.request(method, target).status_code == 403
    assert bobs.client.get(f"{organization}/subscriptions").status_code == 403


def test_messages_are_listed_and_those_that_failed_are_sent_again(
    bobs: TeamApi, made: dict[str, Any], database: Database, now: Clock, patience: None
) -> None:
    """With the answer; one that was sent is not."""
    bobs.put(bobs.started(), {"journal": ended()})
    claimed = database.write(lambda c: outbox.claim(c, now(), 1)).result()
    refused = SendResult(sent=False, answer="status 400: no")
    database.write(lambda c: outbox.record_result(c, claimed[0], refused, now())).result()

    items = bobs.get(f"/subscriptions/{made['id']}/messages").json()["items"]
    again = [
        bobs.post(f"/subscriptions/{made['id']}/messages/{item['seq']}/send").status_code
        for item in items
    ]

    assert [item["state"] for item in items] == ["pending", "failed"]
    assert items[1]["answer"] == "status 400: no"
    assert again == [409, 200]


def test_a_test_that_nobody_sends_yet_is_answered_as_it_is(
    bobs: TeamApi, made: dict[str, Any], patience: None
) -> None:
    """The answer does not hang on the target."""
    answer = bobs.post(f"/subscriptions/{made['id']}/test")

    assert (answer.status_code, answer.json()["state"]) == (200, "pending")


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody delivers in these tests, so nobody waits for it."""
    from chaoscloud.console.api import subscriptions as api

    monkeypatch.setattr(api, "PATIENCE", 0.0)
    monkeypatch.setattr(pages, "PATIENCE", 0.0)


# --- pages -------------------------------------------------------------------------------------


@pytest.fixture
def browser(client: Client, bob: Member, checkout: Team) -> Browser:
    browser = Browser(client())
    browser.sign_in(bob.token)
    return browser


FORMS = {
    "webhook": {"url": "https://hooks.example.com/chaos"},
    "slack": {"url": "https://hooks.slack.com/services/T0/B0/abcdefghijkl"},
    "teams": {"url": "https://x.logic.azure.com/workflows/abc"},
    "email": {"to": "on-call@example.com, bob@example.com"},
    "pagerduty": {
        "routing_key": "0123456789abcdef0123456789abcdef",
        "url": "https://events.pagerduty.com",
    },
    "grafana": {"url": "https://grafana.example.com", "token": "glsa_abcdefgh", "dashboard": ""},
}


@pytest.mark.parametrize("target", [n for n, t in TARGETS.items() if not t.operator_only])
def test_each_target_is_set_up_by_a_plain_form(
    browser: Browser, bobs: TeamApi, target: str
) -> None:
    """As the form is shown, with what has to be typed."""
    shown_at = f"{PAGE}/new?target={target}"
    boxes = re.findall(
        r'name="(event-[\w.-]+)"(?: checked| value="on")', browser.open(shown_at).text
    )

    fields = {"target": target, "name": "Mine", **dict.fromkeys(boxes, "on"), **FORMS[target]}
    answer = browser.submit(shown_at, f"{PAGE}/new", **fields)

    assert answer.status_code in (200, 303), Seen(answer).text
    [subscription] = bobs.get("/subscriptions").json()["items"]
    assert (subscription["target"], subscription["name"]) == (target, "Mine")
    assert len(subscription["events"]) >= 6
    assert ("whsec_" in answer.text) is TARGETS[target].signs
    assert "Mine" in Seen(browser.open(PAGE)).text


def test_what_was_typed_wrong_is_said_and_kept(browser: Browser) -> None:
    """The rest of the form stays filled in."""
    shown_at = f"{PAGE}/new?target=slack"
    typed = {"target": "slack", "name": "Kept", "url": "nonsense"}

    answer = browser.submit(shown_at, f"{PAGE}/new", **typed)

    assert answer.status_code == 422
    assert "The address: expected an address such as https" in Seen(answer).text
    assert 'value="Kept"' in answer.text


def test_apprise_is_the_operator_s_alone(browser: Browser) -> None:
    """It makes its own connections."""
    assert browser.open(f"{PAGE}/new?target=apprise").status_code == 404


def test_the_page_shows_what_failed_and_sends_it_again(
    browser: Browser,
    bobs: TeamApi,
    made: dict[str, Any],
    database: Database,
    now: Clock,
    patience: None,
) -> None:
    """With the answer of the target."""
    bobs.started()
    claimed = database.write(lambda c: outbox.claim(c, now(), 1)).result()
    refused = SendResult(sent=False, answer="status 400: <b>no</b>")
    database.write(lambda c: outbox.record_result(c, claimed[0], refused, now())).result()
    page = f"{PAGE}/{made['id']}"

    shown = browser.open(page)
    answer = browser.submit(page, f"{page}/again", message=str(claimed[0].seq))

    assert "status 400: <b>no</b>" in Seen(shown).text
    assert "<b>no</b>" not in shown.text
    assert answer.headers["location"].endswith("?said=not-sent-yet")


def test_a_paused_subscription_says_why_and_is_resumed(
    browser: Browser, bobs: TeamApi, made: dict[str, Any], database: Database, now: Clock
) -> None:
    """On its page, and by a sign in the list."""
    bobs.started()
    claimed = database.write(lambda c: outbox.claim(c, now(), 1)).result()
    gone = SendResult(sent=False, answer="status 410", gone=True)
    database.write(lambda c: outbox.record_result(c, claimed[0], gone, now())).result()
    page = f"{PAGE}/{made['id']}"

    assert "the target wants no more messages: status 410" in Seen(browser.open(page)).text
    assert "Paused" in Seen(browser.open(PAGE)).text
    browser.submit(page, f"{page}/switch", on="on")
    assert "Paused" not in Seen(browser.open(PAGE)).text


def test_a_member_cannot_change_the_organization_s(
    browser: Browser, bobs: TeamApi, client: Client, ada: Member
) -> None:
    """It is shown, without forms."""
    organization = bobs.base.rpartition("/teams")[0]
    of_all = client(ada.token).post(f"{organization}/subscriptions", json=NEW).json()
    page = f"{PAGE}/{of_all['id']}"

    shown = browser.open(page)
    refused = browser.submit("/settings/tokens", f"{page}/remove")

    assert "an owner of Acme can change it" in Seen(shown).text
    assert f"{page}/remove" not in shown.text
    assert refused.status_code == 404


# --- the command line --------------------------------------------------------------------------


@pytest.fixture
def run(config: Config, checkout: Team) -> Any:
    """Call `chaosiq-console subscription …` beside the console."""

    def run(*words: str, **more: Any) -> Any:
        command = ["subscription", *words, "--data", str(config.data)]
        return CliRunner().invoke(main, command, **more)

    return run


def test_the_operator_subscribes_lists_and_ends(run: Any, checkout: Team) -> None:
    """Settings that open something come through standard input."""
    url = json.dumps({"url": "https://hooks.slack.com/services/T0/B0/abcdefghijkl"})
    added = run("add", "slack", "Chat", "--settings", "-", "--team", "Checkout", input=url)
    listed = run("list")
    removed = run("remove", "Chat")

    assert added.exit_code == 0, added.output
    assert re.search(r"Chat +slack +hooks.slack.com +Checkout +7 +ok", listed.output)
    assert "abcdefghijkl" not in listed.output
    assert removed.output == "Ended subscription 'Chat'.\n"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("add", "smoke", "X", "--settings", "{}"), "'smoke' is no target; there are webhook,"),
        (("add", "slack", "X", "--settings", "{}"), "required field `url`"),
        (("add", "slack", "X", "--settings", "{"), "--settings of slack"),
        (
            ("add", "slack", "X", "--settings", '{"url": "https://x"}', "--event", "boom"),
            "There is no event 'boom'",
        ),
        (("test", "Nothing"), "There is no subscription 'Nothing'"),
    ],
)
def test_what_the_operator_cannot_mean_is_one_line(
    run: Any, words: tuple[str, ...], reason: str
) -> None:
    """And an exit code."""
    result = run(*words)

    assert result.exit_code in (1, 2)
    assert reason in result.output
    assert "Traceback" not in result.output


def test_the_operator_sets_up_apprise(run: Any) -> None:
    """Nobody else may."""
    added = run("add", "apprise", "Phone", "--settings", '{"url": "ntfy://chaos"}')

    assert added.exit_code == 0, added.output
    assert re.search(r"Phone +apprise +ntfy +every team", run("list").output)
