"""Whose verification it is: another team of the same organization may be used for one run."""

import logging
from copy import deepcopy
from typing import Any

from chaoscloud import api
from chaoscloud.api.team import Refused, Unknown, ask_for_team
from chaoscloud.extension import get_extension_value
from chaoscloud.settings import get_default_org, read_profile, set_default_team
from chaoscloud.types import Experiment, Settings, Team
from chaoscloud.verify.exceptions import VerificationException
from chaoscloud.verify.source import load_verification

__all__ = ["get_org_id", "get_team_id", "switch_team_during_verification_run"]

logger = logging.getLogger("chaostoolkit")

Source = Experiment | str


def get_org_id(source: Experiment) -> str | None:
    """The organization a verification belongs to; None when its document does not say."""
    return _id(source, "org_id")


def get_team_id(source: Experiment) -> str | None:
    """The team a verification belongs to; None when its document does not say."""
    return _id(source, "team_id")


def switch_team_during_verification_run(source: Source, settings: Settings) -> None:
    """Make the verification's team the one in use, in `settings` as they are in memory, only there.

    `source` is the document, or where it is. Raises `VerificationException` when it belongs to
    another organization, or the console does not allow its team to be used.
    """
    profile = read_profile(settings)
    if isinstance(source, str):
        source = load_verification(source, settings, profile)
    tenancy, org_id, team_id = profile.tenancy, get_org_id(source), get_team_id(source)
    organization = get_default_org(settings)
    if tenancy is None or organization is None:
        raise VerificationException("No team is in use: run `chaos signin` first")
    if org_id not in (None, tenancy.org_id):
        raise VerificationException(
            f"This verification belongs to another organization ({org_id}) than "
            f"'{tenancy.org_name}', the one in use: run `chaos org` to choose that one first"
        )
    if team_id not in (None, tenancy.team_id):
        set_default_team(organization, _ask_console_for(settings, str(team_id)))


def _ask_console_for(settings: Settings, team_id: str) -> Team:
    """The team, once the console allowed it. That nobody answers does not stop a verification."""
    team = Team(id=team_id, name=team_id)
    as_if = deepcopy(settings)
    chosen = get_default_org(as_if)
    if chosen is not None:
        set_default_team(chosen, team)
    with api.open_session(as_if) as session:
        answer = ask_for_team(session)
    match answer:
        case Refused(reason):
            raise VerificationException(
                f"This verification belongs to another team ({team_id}), which you may not use: "
                f"{reason}"
            )
        case Unknown(reason):
            logger.warning("Team %s is used without being asked for: %s.", team_id, reason)
        case str(name):
            team["name"] = name
            logger.info("Team '%s' is used for this verification only.", name)
    return team


def _id(source: Experiment, key: str) -> str | None:
    identifier: Any = get_extension_value(source, key)
    return str(identifier) if identifier else None
