"""Subscriptions through the API, the pages and the command line."""

import json
import re
import sys
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
from tests.console.documents import TITLE, ended, experiment
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
        ({"experiment_id": "another"}, "experiment_id"),
        ({"experiment_id": ""}, "experiment_id"),
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


def test_an_experiment_is_chosen_by_the_api(
    bobs: TeamApi, eves: TeamApi, made: dict[str, Any]
) -> None:
    """One that the team has; another team's is as unknown as one that nobody has."""
    path = bobs.base + f"/subscriptions/{made['id']}"
    own, other = bobs.published(), eves.published(experiment(title="Payments survive"))

    chosen = bobs.client.patch(path, json={"experiment_id": own})
    refused = bobs.client.patch(path, json={"experiment_id": other})

    assert chosen.json()["experiment_id"] == own
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["loc"] == ["body", "experiment_id"]
    assert bobs.client.patch(path, json={"experiment_id": None}).json()["experiment_id"] is None


def test_an_address_is_shown_without_what_opens_it(bobs: TeamApi) -> None:
    """Its user, its path and its query stay in the console: lists and pages show the host."""
    url = "https://me:swordfish@hooks.example.com:8443/T0/secret?key=0451"

    created = bobs.post("/subscriptions", {**NEW, "settings": {"url": url}}).json()

    assert created["settings"] == {"url": "https://hooks.example.com:8443/…"}


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


def test_the_page_says_where_messages_go_and_what_narrows_them(
    browser: Browser, bobs: TeamApi
) -> None:
    """The host alone; tags, outcomes, and the experiment by its title."""
    narrow = {"tags": ["kafka"], "outcomes": ["deviated"], "experiment_id": bobs.published()}
    url = "https://me:swordfish@hooks.example.com/T0/secret?key=0451"
    made = bobs.post("/subscriptions", {**NEW, **narrow, "settings": {"url": url}}).json()

    page = browser.open(f"{PAGE}/{made['id']}")
    listed = browser.open(PAGE)

    for words in ("hooks.example.com", "kafka", "deviated", TITLE):
        assert words in Seen(page).text
        assert words in Seen(listed).text
    for secret in ("swordfish", "T0/secret", "0451"):
        assert secret not in page.text + listed.text


def test_an_experiment_is_chosen_on_the_page(browser: Browser, bobs: TeamApi) -> None:
    """At the start and later; one that is not the team's is refused."""
    own = bobs.published()
    shown_at = f"{PAGE}/new?target=webhook&experiment={own}"
    fields = {
        "target": "webhook",
        "name": "Mine",
        **FORMS["webhook"],
        "event-execution.started": "on",
    }

    assert f'<option value="{own}" selected>{TITLE}</option>' in browser.open(shown_at).text
    browser.submit(shown_at, f"{PAGE}/new", **fields, experiment=own)
    refused = browser.submit(shown_at, f"{PAGE}/new", **fields, experiment="another")
    [subscription] = bobs.get("/subscriptions").json()["items"]
    page = f"{PAGE}/{subscription['id']}"
    browser.submit(page, page, **{**fields, "experiment": ""})

    assert subscription["experiment_id"] == own
    assert refused.status_code == 422
    assert "There is no experiment 'another' in this team." in Seen(refused).text
    [subscription] = bobs.get("/subscriptions").json()["items"]
    assert subscription["experiment_id"] is None


def test_the_name_of_another_team_s_experiment_is_not_shown(
    browser: Browser, bobs: TeamApi, eves: TeamApi, client: Client, ada: Member
) -> None:
    """Though the organization's subscription is."""
    other = eves.published(experiment(title="Payments survive"))
    organization = bobs.base.rpartition("/teams")[0]
    narrowed = {**NEW, "experiment_id": other}
    of_all = client(ada.token).post(f"{organization}/subscriptions", json=narrowed).json()

    page = Seen(browser.open(f"{PAGE}/{of_all['id']}")).text

    assert "an experiment that this team does not have" in page
    assert "Payments survive" not in page


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
        command = ["subscription", *words, "--database", config.database_url]
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


def test_the_operator_narrows_and_changes(run: Any, bobs: TeamApi) -> None:
    """By the title of an experiment; an empty word takes a filter away."""
    bobs.published()
    settings = ("--settings", '{"url": "https://hooks.example.com"}')
    added = run("add", "webhook", "Bot", *settings, "--team", "Checkout", "--experiment", TITLE)
    narrowed = run("list")
    changed = run("change", "Bot", "--experiment", "", "--tag", "kafka", "--name", "Our bot")
    listed = run("list")
    again = run("change", "Our bot", "--tag", "kafka")

    assert added.exit_code == 0, added.output
    assert TITLE in narrowed.output
    assert changed.output == "Changed subscription 'Our bot'.\n"
    assert re.search(r"Our bot .+ ok +kafka ", listed.output)
    assert TITLE not in listed.output
    assert again.output == "Nothing is different in subscription 'Our bot'.\n"


def test_the_operator_pauses_and_resumes(run: Any, bobs: TeamApi, made: dict[str, Any]) -> None:
    """Each once, and said."""
    answers = [run(word, "Our bot").output for word in ("pause", "pause", "resume", "resume")]

    assert answers == [
        "Paused 'Our bot'.\n",
        "'Our bot' is paused already.\n",
        "Resumed 'Our bot'.\n",
        "'Our bot' is not paused.\n",
    ]


def test_the_operator_gets_one_line_for_what_cannot_be_sent_again(
    run: Any, made: dict[str, Any]
) -> None:
    """No such message, and a target that is paused."""
    absent = run("send", "Our bot", "7")
    run("pause", "Our bot")
    paused = run("send", "Our bot", "7")

    assert (absent.exit_code, paused.exit_code) == (1, 1)
    assert absent.output == "Error: 'Our bot' has no message 7 that has failed.\n"
    assert paused.output == "Error: 'Our bot' is paused: resume it first.\n"


def test_apprise_that_is_not_installed_is_one_line(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what to install; nothing is subscribed."""
    monkeypatch.setitem(sys.modules, "apprise", None)

    refused = run("add", "apprise", "Phone", "--settings", '{"url": "ntfy://chaos"}')

    assert refused.exit_code == 1
    assert refused.output == (
        "Error: Nothing can be sent to apprise:"
        " it needs Apprise: pip install 'chaosiq-cloud[console,notifications]'\n"
    )
    assert "Phone" not in run("list").output


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
        (
            ("add", "slack", "X", "--settings", '{"url": "https://x"}', "--experiment", "Y"),
            "There is no experiment with the id 'Y'; its title is known with --team.",
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
