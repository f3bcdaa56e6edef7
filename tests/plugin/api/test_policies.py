"""What an answer about safeguards means."""

import pytest

from chaoscloud.api.policies import (
    Allowed,
    Denied,
    NoAnswer,
    describe_denial,
    describe_policy,
    read_answer,
)


def test_a_yes_is_a_yes() -> None:
    """`allowed: true` lets the run go on."""
    assert read_answer(200, {"allowed": True}) == Allowed()


def test_a_no_names_its_policies() -> None:
    """`allowed: false` refuses, with the policies as they came."""
    friday = {"name": "Black Friday", "reason": "nobody touches the shop"}

    assert read_answer(200, {"allowed": False, "policies": [friday]}) == Denied((friday,))


@pytest.mark.parametrize("policies", [None, "Black Friday", [], [None, "Black Friday"]])
def test_a_no_stays_a_no_whatever_its_policies_look_like(policies: object) -> None:
    """A list that cannot be read does not turn a describe_denial into something else."""
    assert read_answer(200, {"allowed": False, "policies": policies}) == Denied(())


@pytest.mark.parametrize(
    "body", [None, [], "welcome", {}, {"allowed": None}, {"allowed": "false"}, {"allowed": 0}]
)
def test_what_is_neither_yes_nor_no_is_no_answer(body: object) -> None:
    """A page of a proxy decides nothing about a run."""
    assert isinstance(read_answer(200, body), NoAnswer)


@pytest.mark.parametrize("status", [204, 302, 404, 422, 500, 503])
def test_another_status_is_no_answer_even_with_a_verdict_inside(status: int) -> None:
    """An error never becomes a safeguard decision, neither way."""
    answer = read_answer(status, {"allowed": False, "policies": [{"name": "Black Friday"}]})

    assert answer == NoAnswer(f"the console answers HTTP {status}")


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_says_how_to_sign_in(status: int) -> None:
    """The reason ends with what to do."""
    answer = read_answer(status, None)

    assert isinstance(answer, NoAnswer)
    assert "chaos signin" in answer.reason


def test_a_refusal_is_one_sentence_and_a_line_for_each_policy() -> None:
    """People and scripts know these words."""
    assert describe_denial(({"name": "Black Friday"}, {"name": "Only at night"})) == (
        "The following safe guards disallow this execution from continuing:\n"
        "Black Friday\n"
        "Only at night"
    )


def test_a_policy_without_a_name_is_told_all_the_same() -> None:
    """A no that is badly put is a no."""
    answer = read_answer(200, {"allowed": False, "policies": [{"reason": "nobody knows"}]})

    assert isinstance(answer, Denied)
    assert describe_denial(answer.policies).endswith("\n(unnamed): nobody knows")


@pytest.mark.parametrize(("text", "required"), [(True, True), (False, False), ("yes", None)])
def test_an_answer_may_say_that_safeguards_are_required(text: object, required: object) -> None:
    """Only a clear word of the organization counts; most servers say nothing of it."""
    assert read_answer(200, {"allowed": True, "required": text}) == Allowed(required)  # type: ignore[arg-type]
    assert read_answer(200, {"allowed": True}) == Allowed(None)


def test_a_policy_is_told_with_its_reason_and_its_end() -> None:
    """A name that is the reason, as a stop switch's, is not said twice."""
    until = "2026-11-28T01:00:00.363352+01:00"
    freeze = {"name": "Freeze", "reason": "Black Friday", "until": until}
    sometime = {"name": "Freeze", "until": "the end of the week"}
    switch = {"name": "Black Friday", "reason": "Black Friday", "until": None}

    assert describe_policy(freeze) == "Freeze: Black Friday (until 2026-11-28 00:00 UTC)"
    assert describe_policy(sometime) == "Freeze (until the end of the week)"
    assert describe_policy(switch) == "Black Friday"
