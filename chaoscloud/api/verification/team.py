"""Ask the console for the team that settings choose."""

from chaoscloud.api._http import ConsoleSession
from chaoscloud.api.answers import body_of
from chaoscloud.api.calls import call
from chaoscloud.api.verification.background import Background
from chaoscloud.api.verification.context import open_session
from chaoscloud.api.verification.start import START_WITHIN, Refused, Unrecorded, why_not
from chaoscloud.api.verification.wire import Answer, arrived
from chaoscloud.types import Settings

__all__ = ["ask_for_team"]


def ask_for_team(settings: Settings) -> str | Refused | Unrecorded:
    """The team's name; else why it may not be used, or why nobody can say so just now."""
    background = Background(lambda: open_session(settings))
    try:
        answer = background.ask(_get, START_WITHIN)
    except TimeoutError:
        answer = None
    finally:
        background.close(0)
    team = body_of(answer) if answer is not None and arrived(answer) else None
    return str(team["name"]) if isinstance(team, dict) and "name" in team else why_not(answer)


def _get(session: ConsoleSession) -> Answer:
    session.quiet = True
    return call(session, "GET", session.base_url, "The team cannot be looked up")
