"""Documents from which something was taken out are kept and shown, but not handed out to be run."""

from typing import Any

import pytest

from chaoscloud.console.records.teams import Team
from chaoscloud.console.rules.wholeness import Removal, find_removal
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Member
from tests.console.documents import chaosiq, experiment
from tests.console.team import TeamApi
from tests.console.test_api_objectives import objective

WITH_MARKER = [
    {"type": "action", "name": "a", "provider": {"type": "process", "arguments": "rm [redacted]"}}
]
INLINE: dict[str, Any] = {"secrets": {"shop": {"token": "[redacted]", "user": "[redacted]"}}}


@pytest.fixture
def api(client: Client, bob: Member, checkout: Team) -> TeamApi:
    """Bob's calls."""
    return TeamApi(client(token=bob.token), checkout)


@pytest.fixture
def browser(client: Client, bob: Member) -> Browser:
    """Bob's browser."""
    browser = Browser(client())
    browser.sign_in(bob.token)
    return browser


def asset(api: TeamApi, experiment_id: str) -> Any:
    """The answer to `chaos run URL`."""
    return api.client.get(f"/assets/experiments/{experiment_id}.json")


# What is whole


@pytest.mark.parametrize(
    ("change", "removal"),
    [
        ({}, None),
        ({"secrets": {"shop": {"token": {"type": "env", "key": "T"}}}}, None),
        (chaosiq(redacted=0), None),
        (chaosiq(redacted="x"), None),
        (chaosiq(redacted=3), Removal(3, False)),
        ({"method": WITH_MARKER}, Removal(1, False)),
        ({"method": WITH_MARKER, **INLINE, **chaosiq(redacted=3)}, Removal(3, False)),
        ({"title": "the [redacted] one"}, Removal(1, False)),
        ({"[redacted]": 1}, Removal(1, False)),
        (INLINE, Removal(2, True)),
        ({**INLINE, **chaosiq(redacted=2)}, Removal(2, True)),
        ({**INLINE, **chaosiq(redacted=3)}, Removal(3, False)),
    ],
)
def test_what_was_taken_out_is_found_by_mark_and_by_marker(
    change: dict[str, Any], removal: Removal | None
) -> None:
    """Documents of earlier versions have the marker alone; user parts of urls leave none."""
    assert find_removal(experiment(**change)) == removal


# The assets


@pytest.mark.parametrize("change", [{"method": WITH_MARKER}, chaosiq(redacted=1)])
def test_a_document_that_is_not_whole_is_not_handed_out(
    api: TeamApi, change: dict[str, Any]
) -> None:
    """The answer says why, and what to do; the record itself can be read."""
    experiment_id = api.published(experiment(**change))

    answer = asset(api, experiment_id)

    problem = answer.json()
    assert answer.status_code == 409
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["redacted"] == 1
    assert "taken out of this document before it was sent, in 1 place" in problem["detail"]
    assert "write `${name}` where a value stands now" in problem["detail"]
    assert api.get(f"/experiments/{experiment_id}").status_code == 200


def test_whoever_writes_secrets_into_a_document_learns_of_references(api: TeamApi) -> None:
    """Nothing else of it is missing."""
    detail = asset(api, api.published(experiment(**INLINE))).json()["detail"]

    assert "they were written in it" in detail
    assert '{"type": "env", "key": "NAME"}' in detail
    assert "${name}" not in detail


@pytest.mark.parametrize("change", [{"method": WITH_MARKER}, chaosiq(redacted=1)])
def test_a_document_becomes_whole_by_its_next_version(api: TeamApi, change: dict[str, Any]) -> None:
    """Also where what was taken out left no trace in its texts."""
    experiment_id = api.published(experiment(**change))

    whole = experiment(**chaosiq(experiment_id=experiment_id))
    assert api.post("/experiments", {"experiment": whole}).status_code == 201

    assert asset(api, experiment_id).status_code == 200


@pytest.mark.parametrize("change", [{"method": WITH_MARKER}, chaosiq(redacted=1)])
def test_a_verification_that_is_not_whole_is_not_handed_out(
    api: TeamApi, change: dict[str, Any]
) -> None:
    """Neither one made of a document, nor one made of its method."""
    whole = {"experiment": experiment(**change)}
    condition = {"experiment_id": api.published(experiment(**change))}
    objective_id = api.post("/objectives", objective()).json()["id"]
    pace = {"frequency": 10, "duration": 60}
    composed = {"name": "Orders hold", "objective_id": objective_id, **pace, **condition}

    for body in (whole, composed):
        created = api.post("/verifications", body)
        assert created.status_code == 201, created.text
        answer = api.client.get(f"/assets/verifications/{created.json()['id']}.json")
        assert answer.status_code == 409
        assert "make the verification again" in answer.json()["detail"]


# The pages


def test_the_experiment_s_page_says_that_it_cannot_be_run(browser: Browser, api: TeamApi) -> None:
    """In the place of the line that runs it."""
    experiment_id = api.published(experiment(method=WITH_MARKER))

    text = Seen(browser.open(f"/acme/checkout/experiments/{experiment_id}")).text

    assert "This experiment cannot be run from here. Something was taken out of" in text
    assert "chaos run http" not in text


def test_the_verification_s_page_says_that_it_cannot_be_run(browser: Browser, api: TeamApi) -> None:
    """Likewise."""
    created = api.post("/verifications", {"experiment": experiment(**INLINE)}).json()

    text = Seen(browser.open(f"/acme/checkout/verifications/{created['id']}")).text

    assert "This verification cannot be run from here. The values of this document's" in text
    assert "chaos verify http" not in text


def test_pages_of_whole_documents_say_nothing(browser: Browser, api: TeamApi) -> None:
    """They have the line to copy."""
    text = Seen(browser.open(f"/acme/checkout/experiments/{api.published()}")).text

    assert "cannot be run" not in text
    assert "chaos run http" in text
