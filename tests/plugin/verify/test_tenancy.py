"""In whose name a verification is run."""

import copy
import json
from pathlib import Path

import pytest

from chaoscloud import cli
from chaoscloud.settings import get_default_org, get_default_team
from chaoscloud.types import Experiment, Settings
from chaoscloud.verify.exceptions import VerificationException
from chaoscloud.verify.tenancy import (
    get_org_id,
    get_team_id,
    switch_team_during_verification_run,
)
from tests.plugin.loopback import Handler
from tests.plugin.verification_console import verifications
from tests.plugin.verification_documents import signed_in, verification


def of_team(team_id: str | None, org_id: str | None = "org-acme") -> Experiment:
    """A verification that says whose it is."""
    document = verification()
    document["extensions"][-1].update(team_id=team_id, org_id=org_id)
    return document


def team_in_use(settings: Settings) -> object:
    return get_default_team(get_default_org(settings))


def test_a_document_says_whose_it_is() -> None:
    """The ids stand in the chaosiq block, or nowhere."""
    assert get_team_id(of_team("team-payments")) == "team-payments"
    assert get_org_id(of_team("team-payments")) == "org-acme"
    assert get_team_id(verification()) is None
    assert get_org_id({}) is None


@pytest.mark.parametrize(
    "document",
    [verification(), of_team("team-checkout"), of_team(None), of_team("team-checkout", None)],
    ids=["says nothing", "our team", "our organization", "our team of any"],
)
def test_our_own_verification_changes_nothing(document: Experiment) -> None:
    """The team in use stays in use, and the console is not even asked."""
    settings = signed_in("https://console.example.com")
    before = copy.deepcopy(settings)

    switch_team_during_verification_run(document, settings)

    assert settings == before


@pytest.mark.loopback
def test_another_team_is_used_once_the_console_allows_it() -> None:
    """The verification of another team runs in that team's name, which the console knows."""
    with verifications() as console:
        settings = signed_in(console.url)
        switch_team_during_verification_run(of_team("team-payments"), settings)

    assert [view.path for view in console.server.seen] == [
        "/api/v1/organizations/org-acme/teams/team-payments"
    ]
    assert team_in_use(settings) == {"id": "team-payments", "name": "Payments", "default": True}


@pytest.mark.loopback
def test_another_team_may_be_named_by_where_the_document_is(tmp_path: Path) -> None:
    """A path or an address does as well as the document."""
    file = tmp_path / "orders.json"
    file.write_text(json.dumps(of_team("team-payments")))

    with verifications() as console:
        settings = signed_in(console.url)
        switch_team_during_verification_run(str(file), settings)

    assert team_in_use(settings) == {"id": "team-payments", "name": "Payments", "default": True}


@pytest.mark.loopback
@pytest.mark.parametrize("status", [401, 403, 404])
def test_another_team_is_not_used_when_the_console_refuses(status: int) -> None:
    """Whoever is not in that team does not run its verifications, and changes nothing by trying."""

    def refuse(handler: Handler) -> bool:
        handler.say(status)
        return True

    with verifications(refuse) as console:
        settings = signed_in(console.url)
        before = copy.deepcopy(settings)
        with pytest.raises(VerificationException, match=r"another team \(team-payments\)"):
            switch_team_during_verification_run(of_team("team-payments"), settings)

    assert settings == before


@pytest.mark.loopback
def test_a_console_that_does_not_answer_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody said no: the team is used, and a warning says that nobody was asked."""
    with verifications() as console:
        settings = signed_in(console.url)

    switch_team_during_verification_run(of_team("team-payments"), settings)

    assert "Team team-payments is used without being asked for" in caplog.text
    assert team_in_use(settings) == {
        "id": "team-payments",
        "name": "team-payments",
        "default": True,
    }


def test_another_organization_is_refused_with_an_explanation() -> None:
    """Organizations are not changed on the way: that is for the user to do."""
    settings = signed_in("https://console.example.com")

    with pytest.raises(VerificationException, match=r"organization \(org-globex\) than 'Acme'"):
        switch_team_during_verification_run(of_team("team-x", "org-globex"), settings)


def test_nobody_signed_in_is_refused() -> None:
    """Without a team of one's own there is none to change from."""
    with pytest.raises(VerificationException, match="chaos signin"):
        switch_team_during_verification_run(verification(), {})


def test_the_commands_module_offers_the_same_functions() -> None:
    """Who imports them from the commands' module finds them there."""
    assert cli.get_team_id(of_team("team-payments")) == "team-payments"
    assert cli.get_org_id(of_team("team-payments")) == "org-acme"
    with pytest.raises(VerificationException):
        cli.switch_team_during_verification_run(verification(), {})
