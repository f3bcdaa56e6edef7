"""Verifications to run in tests, and the settings of somebody who may run them."""

from typing import Any

from chaoscloud.types import Experiment, Settings


def verification(**values: Any) -> Experiment:
    """The verification of the orders: its `verification` block has `values`, underscored."""
    block = {"frequency-of-measurement": 1, "duration-of-conditions": 0} | {
        name.replace("_", "-"): value for name, value in values.items()
    }
    return {
        "version": "1.0.0",
        "title": "Orders survive the loss of a broker",
        "description": "Two of three brokers are enough to take an order.",
        "tags": [],
        "steady-state-hypothesis": {
            "title": "Orders are taken",
            "probes": [probe("orders-are-taken", "os.path", "exists", path="/")],
        },
        "method": [],
        "rollbacks": [],
        "extensions": [
            {"name": "grafana", "dashboard": "orders"},
            {"name": "chaosiq", "verification": {"id": "verification-orders"} | block},
        ],
    }


def block_of(document: Experiment) -> dict[str, Any]:
    """The `verification` block of a document of `verification()`."""
    block: dict[str, Any] = document["extensions"][-1]["verification"]
    return block


def probe(name: str, module: str, func: str, tolerance: Any = True, **arguments: Any) -> Any:
    """A probe that calls a Python function."""
    provider = {"type": "python", "module": module, "func": func, "arguments": arguments}
    return {"type": "probe", "name": name, "tolerance": tolerance, "provider": provider}


def action(name: str, module: str, func: str, **arguments: Any) -> Any:
    """An action that calls a Python function."""
    provider = {"type": "python", "module": module, "func": func, "arguments": arguments}
    return {"type": "action", "name": name, "provider": provider}


def signed_in(url: str, **features: str) -> Settings:
    """The settings of Ada, whose team Checkout is in use on the console at `url`."""
    host = url.partition("://")[2]
    organization = {
        "id": "org-acme",
        "name": "Acme",
        "default": True,
        "teams": [{"id": "team-checkout", "name": "Checkout", "default": True}],
    }
    return {
        "auths": {host: {"type": "bearer", "value": "ciq_the-token-of-ada"}},
        "controls": {
            "chaosiq-cloud": {
                "features": {"publish": "on", "safeguards": "off", "workspace": "off"} | features,
                "provider": {
                    "type": "python",
                    "module": "chaoscloud.controls",
                    "arguments": {"url": url, "organizations": [organization]},
                },
            }
        },
    }
