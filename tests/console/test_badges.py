"""Badges of experiments: off by default, and telling nothing but the last outcome and its age."""

from datetime import timedelta
from xml.etree.ElementTree import fromstring

import pytest

from chaoscloud.console.records.teams import Team
from chaoscloud.console.rules.badge import describe_age, draw_badge
from chaoscloud.console.rules.experiment_states import RecentRun
from tests.console.browser import Browser
from tests.console.conftest import Client, Clock, Member
from tests.console.documents import ended, experiment
from tests.console.team import TeamApi


def run_of(outcome: str | None, *, conclusive: bool = True, dry: bool = False) -> RecentRun:
    """The last run of an experiment."""
    return RecentRun("1", Clock()(), 1.0, outcome, conclusive, dry, None)


GREEN, RED, BROWN, GREY = "#14663a", "#a3231f", "#7a4b00", "#55606e"


@pytest.mark.parametrize(
    ("run", "words", "colour"),
    [
        (None, "not run yet", GREY),
        (run_of(None), "not run yet", GREY),
        (run_of("passed"), "passed, 3 days ago", GREEN),
        (run_of("deviated"), "deviated, 3 days ago", RED),
        (run_of("failed"), "failed, 3 days ago", BROWN),
        (run_of("baseline-not-met", conclusive=False), "baseline not met, 3 days ago", BROWN),
        (run_of("passed", conclusive=False), "inconclusive, 3 days ago", BROWN),
    ],
)
def test_it_says_the_outcome_and_its_age(run: RecentRun | None, words: str, colour: str) -> None:
    """In words, so that colours are not needed; the picture is one of SVG."""
    picture = draw_badge(run, Clock()() + timedelta(days=3, hours=5))

    root = fromstring(picture)  # noqa: S314 - our own
    assert root.get("aria-label") == f"chaos: {words}"
    assert f'fill="{colour}"' in picture


def test_its_two_halves_are_as_wide_as_their_words() -> None:
    """And each text stands in the middle of its own."""
    root = fromstring(draw_badge(run_of("passed"), Clock()()))  # noqa: S314 - our own
    svg = "{http://www.w3.org/2000/svg}"

    label, words = root.findall(f"{svg}g/{svg}text")

    left = 33 + 2 * 10  # five characters of 6.6 pixels, and room beside them
    right = 106 + 2 * 10  # "passed, just now" is sixteen
    assert (label.text, words.text) == ("chaos", "passed, just now")
    assert root.get("width") == root[1].get("width") == str(left + right)
    assert (label.get("x"), words.get("x")) == ("26.5", str(left + right // 2))
    assert root[2].get("d", "").startswith(f"M3 0h{left - 3}v20")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "just now"),
        (59, "just now"),
        (60, "1 min ago"),
        (7300, "2 h ago"),
        (86400, "1 day ago"),
    ],
)
def test_an_age_has_one_unit(seconds: float, words: str) -> None:
    """A badge is small, and a clock may be behind."""
    assert describe_age(seconds) == words


def address_of(team: TeamApi, experiment_id: str) -> str:
    """Where the badge of an experiment is, below the console; it is turned on."""
    response = team.client.put(f"{team.base}/experiments/{experiment_id}/badge")
    assert response.status_code == 200, response.text
    address: str = response.json()["address"]
    return address.removeprefix("http://testserver")


def test_an_experiment_has_no_badge_unless_its_team_turns_it_on(bobs: TeamApi) -> None:
    """And none any more once it is turned off."""
    experiment_id = bobs.published()
    path = f"/experiments/{experiment_id}/badge"

    assert bobs.get(path).status_code == 404
    address = address_of(bobs, experiment_id)
    assert bobs.get(path).json()["address"].endswith(address)
    assert bobs.client.delete(bobs.base + path).status_code == 204

    assert bobs.client.get(address).status_code == 404
    assert bobs.get(path).status_code == 404


def test_whoever_has_the_address_sees_it(bobs: TeamApi, client: Client, checkout: Team) -> None:
    """Without a token, from any site; nothing else of the team is in it."""
    path = bobs.started(bobs.published(experiment(title="Orders survive")))
    bobs.put(path, {"journal": ended()})
    experiment_id = path.split("/")[2]

    response = client().get(address_of(bobs, experiment_id))

    assert response.status_code == 200
    assert response.headers["content-type"] == "image/svg+xml"
    assert response.headers["cross-origin-resource-policy"] == "cross-origin"
    text = response.text.lower()
    words = ("orders", "checkout", "acme", checkout.id, experiment_id)
    assert [word for word in words if word in text] == []


def test_a_new_address_ends_the_earlier_one(bobs: TeamApi) -> None:
    """For one that went where it should not."""
    experiment_id = bobs.published()
    first, second = address_of(bobs, experiment_id), address_of(bobs, experiment_id)

    assert first != second
    assert bobs.client.get(first).status_code == 404
    assert bobs.client.get(second).status_code == 200


def test_a_dry_run_is_not_the_last_one(bobs: TeamApi) -> None:
    """It shows nothing of the system."""
    experiment_id = bobs.published()
    path = bobs.started(experiment_id)
    bobs.put(path, {"journal": ended(experiment=experiment() | {"dry": "activities"})})

    assert "not run yet" in bobs.client.get(address_of(bobs, experiment_id)).text


def test_another_team_turns_nothing_on(bobs: TeamApi, eves: TeamApi) -> None:
    """An experiment of others does not exist for them."""
    path = f"/experiments/{bobs.published()}/badge"

    assert eves.client.put(eves.base + path).status_code == 404
    assert eves.client.delete(eves.base + path).status_code == 404
    assert eves.get(path).status_code == 404


def test_it_is_turned_on_and_off_on_the_page(bobs: TeamApi, client: Client, bob: Member) -> None:
    """By plain forms, and the page shows the picture."""
    browser = Browser(client())
    browser.sign_in(bob.token)
    page = f"/acme/checkout/experiments/{bobs.published()}"

    on = browser.submit(page, f"{page}/badge", badge="on")
    shown = browser.open(on.headers["location"]).text
    off = browser.submit(page, f"{page}/badge", badge="off")
    gone = browser.open(off.headers["location"]).text

    assert "The badge is there" in shown
    assert '<img src="/assets/badges/' in shown
    assert "The badge is gone" in gone
    assert "/assets/badges/" not in gone
