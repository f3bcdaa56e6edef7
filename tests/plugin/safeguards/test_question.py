"""One question to the console, and what its answer says about the next one."""

from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest
import requests
from chaoslib.exceptions import InterruptExecution
from requests_mock import Mocker

from chaoscloud.api.policies import Allowed, Denied, NoAnswer
from chaoscloud.safeguards.question import PolicyReply, RunQuestion, ask_console, read_tags
from tests.plugin.wire import TEAM, extensions, shop_session

POLICIES = f"{TEAM}/experiments/e1/executions/x1/policies"
KNOWN = RunQuestion({"experiment_id": "e1", "execution_id": "x1", "name": "chaosiq"})


def test_it_asks_about_its_execution(requests_mock: Mocker) -> None:
    """An ordinary question says nothing of waiting."""
    requests_mock.get(POLICIES, json={"allowed": True})

    reply = ask_console(shop_session(), KNOWN)

    assert reply == PolicyReply(Allowed(), address=POLICIES)
    assert "Prefer" not in requests_mock.request_history[0].headers


def test_a_server_that_keeps_questions_says_so(requests_mock: Mocker) -> None:
    """Its verdict has a tag, which the next question carries."""
    headers = {"ETag": '"monday"', "Preference-Applied": "wait=25"}
    requests_mock.get(POLICIES, json={"allowed": True}, headers=headers)
    session = shop_session()

    reply = ask_console(session, KNOWN, wait=25)
    ask_console(session, KNOWN, known=reply, wait=25)

    assert reply == PolicyReply(Allowed(), '"monday"', is_held=True, address=POLICIES)
    headers = requests_mock.request_history[1].headers
    assert (headers["If-None-Match"], headers["Prefer"]) == ('"monday"', "wait=25")


def test_unchanged_is_the_answer_before(requests_mock: Mocker) -> None:
    """304 has no body."""
    requests_mock.get(POLICIES, status_code=304, headers={"Preference-Applied": "Wait = 25"})
    before = PolicyReply(Allowed(required=True), '"monday"', address=POLICIES)

    reply = ask_console(shop_session(), KNOWN, known=before, wait=25)

    assert reply == replace(before, is_held=True)


def test_unchanged_without_a_before_is_no_answer(requests_mock: Mocker) -> None:
    """A server that says so to who knows nothing is not well."""
    requests_mock.get(POLICIES, status_code=304)

    assert isinstance(ask_console(shop_session(), KNOWN).answer, NoAnswer)


@pytest.mark.parametrize(
    "trouble",
    [
        {"status_code": 401},
        {"status_code": 404, "json": {"title": "Not Found"}},
        {"status_code": 500, "text": "<html>", "headers": {"ETag": '"an error"'}},
        {"text": "<html>welcome</html>"},
        {"exc": requests.ConnectionError("refused")},
        {"exc": requests.Timeout("nobody")},
        {"exc": KeyError("a mistake of ours")},
    ],
)
def test_trouble_is_no_answer_and_has_no_tag(requests_mock: Mocker, trouble: Any) -> None:
    """So the next question is answered at once, and who comes back is heard at once."""
    requests_mock.get(POLICIES, **trouble)
    requests_mock.get(f"{TEAM}/policies", status_code=404)

    reply = ask_console(shop_session(), KNOWN, wait=25)

    assert isinstance(reply.answer, NoAnswer)
    assert reply.answer.reason
    assert reply.etag is None


def run_question(**document: Any) -> RunQuestion:
    """About a run of this document, which the console has not filed."""
    return RunQuestion({"name": "chaosiq"}, document)


def test_a_run_that_is_not_filed_is_asked_about_by_what_it_is(requests_mock: Mocker) -> None:
    """Its tags, as the document has them, and its experiment."""
    requests_mock.get(f"{TEAM}/policies", json={"allowed": True})
    document = {"tags": ["production", "kafka & co"], "extensions": extensions(experiment_id="e1")}

    reply = ask_console(shop_session(), run_question(**document))

    [request] = requests_mock.request_history
    assert reply.answer == Allowed()
    assert request.url == f"{TEAM}/policies?tag=production&tag=kafka+%26+co&experiment=e1"


def test_the_execution_is_asked_about_once_its_id_is_known(requests_mock: Mocker) -> None:
    """With no tag of the other address: what it names is another decision."""
    requests_mock.get(f"{TEAM}/policies", json={"allowed": True}, headers={"ETag": '"run"'})
    requests_mock.get(POLICIES, json={"allowed": True}, headers={"ETag": '"execution"'})
    block = {"name": "chaosiq"}
    question = RunQuestion(block, {})

    first = ask_console(shop_session(), question)
    block.update(experiment_id="e1", execution_id="x1")
    second = ask_console(shop_session(), question, known=first)

    assert (first.etag, second.etag) == ('"run"', '"execution"')
    assert "If-None-Match" not in requests_mock.request_history[1].headers


def test_an_execution_that_the_console_does_not_know_is_asked_about_as_a_run(
    requests_mock: Mocker,
) -> None:
    """Whatever became of the record: the question has an answer."""
    requests_mock.get(POLICIES, status_code=404)
    requests_mock.get(f"{TEAM}/policies", json={"allowed": False})

    reply = ask_console(shop_session(), KNOWN)

    assert reply.answer == Denied(())


def test_both_addresses_share_the_limit_of_one_question() -> None:
    """A console that takes its time at each has no more of it than at one."""
    session, moment = Mock(base_url=TEAM, call_limit=5.0), 0.0
    limits = []

    def get(*_: Any, **__: Any) -> Mock:
        nonlocal moment
        limits.append(session.call_limit)
        moment += 4.0
        return Mock(status_code=404, headers={})

    session.get = get
    ask_console(session, KNOWN, clock=lambda: moment)

    assert limits == [5.0, 1.0]
    assert session.call_limit == 5.0


@pytest.mark.parametrize("status", [404, 405])
def test_a_server_without_that_address_gave_no_answer(requests_mock: Mocker, status: int) -> None:
    """One of before it existed."""
    requests_mock.get(f"{TEAM}/policies", status_code=status)

    assert isinstance(ask_console(shop_session(), run_question()).answer, NoAnswer)


TOO_MUCH = {
    "400": ({"status_code": 400}, ["a", "b"]),
    "414": ({"status_code": 414}, ["a", "b"]),
    "431": ({"status_code": 431}, ["a", "b"]),
    "too long to be sent": ({"exc": AssertionError("sent")}, ["a" * 100_000]),
}


@pytest.mark.parametrize(("refusal", "tags"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_more_tags_than_a_server_takes_are_no_way_past_a_stop(
    requests_mock: Mocker, refusal: Any, tags: list[str]
) -> None:
    """What denies every run is heard; that it is allowed without its tags allows nothing."""
    policies = [{"json": {"allowed": False}}, {"json": {"allowed": True}}]
    requests_mock.get(f"{TEAM}/policies", policies)
    requests_mock.get(f"{TEAM}/policies?tag={tags[0]}", **refusal)
    question = run_question(tags=tags)

    denied, allowed = (ask_console(shop_session(), question).answer for _ in range(2))

    assert denied == Denied(())
    assert isinstance(allowed, NoAnswer)
    assert "too many or too long" in allowed.reason


def hold_itself(items: list[Any]) -> list[Any]:
    """The list, which now contains itself, as YAML can have it."""
    items.append(items)
    return items


def nest(value: Any, levels: int) -> Any:
    """A value in so many lists."""
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("tags", "texts"),
    [
        (["kafka", "kafka", "orders"], ("kafka", "orders")),
        ("kafka", ("kafka",)),
        (5, ("5",)),
        ({"team": "a"}, ("team", "a")),
        ([{"team": ["a", None]}, 7], ("team", "a", "7")),
        (None, ()),
        ("", ()),
        ({"a"}, ("a",)),
        (hold_itself(["a", "b"]), ("a", "b")),
        (nest("a", 5000), ("a",)),
    ],
)
def test_tags_are_read_whatever_they_are(tags: object, texts: tuple[str, ...]) -> None:
    """A document that nobody can file is no way past a safeguard."""
    assert read_tags(tags) == texts


def test_a_tag_without_utf_8_is_asked_about(requests_mock: Mocker) -> None:
    """JSON may hold half a surrogate pair."""
    requests_mock.get(f"{TEAM}/policies", json={"allowed": False})

    reply = ask_console(shop_session(), run_question(tags=["\ud800"]))

    assert reply.answer == Denied(())


def test_a_stop_that_arrives_while_asking_passes(requests_mock: Mocker) -> None:
    """It is not taken for a failed question."""
    requests_mock.get(POLICIES, exc=InterruptExecution("SIGTERM signal received"))

    with pytest.raises(InterruptExecution):
        ask_console(shop_session(), KNOWN)
