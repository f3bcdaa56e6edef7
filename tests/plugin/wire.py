"""The documents and the session the tests of the wire share."""

from typing import Any

from chaoscloud.api._http import ConsoleSession
from chaoscloud.types import Experiment, Extensions, Journal, Organizations

CONSOLE = "https://console.example.com"
TEAM = f"{CONSOLE}/api/v1/organizations/acme/teams/shop"
TOKEN = "the-token-of-ada"

ORGANIZATIONS: Organizations = [
    {
        "id": "acme",
        "name": "Acme",
        "default": True,
        "teams": [{"id": "shop", "name": "Shop", "default": True}],
    }
]


def shop_session() -> ConsoleSession:
    """A session of the team Shop."""
    return ConsoleSession(TEAM, TOKEN)


def extensions(**values: Any) -> Extensions:
    """A list of extensions with our block."""
    return [{"name": "somebody-else"}, {"name": "chaosiq", **values}]


def orders_experiment(**block: Any) -> Experiment:
    """An experiment whose `chaosiq` block holds `block`."""
    return {
        "title": "Orders survive the loss of a broker",
        "method": [],
        "extensions": extensions(**block),
    }


def orders_journal(**block: Any) -> Journal:
    """The journal of an execution that `block` names."""
    return {
        "status": "completed",
        "experiment": orders_experiment(),
        "extensions": extensions(**block),
    }
