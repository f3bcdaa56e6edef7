"""Runs of experiments through the host, in this process."""

import logging
from typing import Any

import chaoslib.settings
import pytest
from chaoslib.control import load_global_controls
from chaoslib.experiment import run_experiment

ONE_RUN = [
    "starting-experiment",
    *["starting-hypothesis", "starting-activity", "activity-finished", "hypothesis-finished"],
    "starting-method",
    *["starting-activity", "activity-finished"],
    "method-finished",
    *["starting-hypothesis", "starting-activity", "activity-finished", "hypothesis-finished"],
    *["starting-rollback", "starting-activity", "activity-finished", "rollback-finished"],
    "experiment-finished",
]
"""The events of `orders()`."""


def activity(func: str, kind: str = "action", **arguments: Any) -> dict[str, Any]:
    """Something of `tests.plugin.activities`."""
    provider = {"type": "python", "module": "tests.plugin.activities", "func": func}
    return {"type": kind, "name": func, "provider": {**provider, "arguments": arguments}}


def orders() -> dict[str, Any]:
    """An experiment of one probe, one action and one rollback."""
    stored = activity("do", "probe", name="keep the orders") | {
        "tolerance": "keep the orders is done"
    }
    return {
        "title": "Orders survive the loss of a broker",
        "description": "Orders are kept while the broker is away.",
        "steady-state-hypothesis": {"title": "Orders are kept", "probes": [stored]},
        "method": [activity("do", name="lose the broker")],
        "rollbacks": [activity("do", name="bring the broker back")],
    }


def run(experiment: dict[str, Any], settings: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Run as `chaos run` does, from the settings to the journal."""
    token = chaoslib.settings.loaded_settings.set(settings)
    try:
        load_global_controls(settings)
        journal: dict[str, Any] = run_experiment(experiment, settings=settings, **options)
        return journal
    finally:
        chaoslib.settings.loaded_settings.reset(token)


def without(feature: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The same settings with a feature switched off."""
    settings["controls"]["chaosiq-cloud"]["features"][feature] = "off"
    return settings


def block_of(document: dict[str, Any]) -> dict[str, Any]:
    """The one `chaosiq` block of a journal or an experiment."""
    [block] = [
        block_found for block_found in document["extensions"] if block_found["name"] == "chaosiq"
    ]
    assert isinstance(block, dict)
    return block


def stable(document: Any) -> Any:
    """A document without our block, and without what differs between any two runs."""
    if isinstance(document, dict):
        stored = {
            k: stable(v) for k, v in document.items() if k not in ("start", "end", "duration")
        }
        if stored.get("extensions") == []:
            del stored["extensions"]
        return stored
    if isinstance(document, list):
        ours = [d for d in document if not (isinstance(d, dict) and d.get("name") == "chaosiq")]
        return [stable(item) for item in ours]
    return document


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the user is warned of, but for the rollbacks a stop would leave unplayed."""
    answers = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    return [line for line in answers if "--rollback-strategy" not in line]
