"""The hooks called outside of a run: by a script, or by the host without our configuration."""

from collections.abc import Iterator
from typing import Any

import chaoslib.settings
import pytest
from chaoslib.control import controls, load_global_controls
from chaoslib.exceptions import InterruptExecution

import chaoscloud.controls
from tests.plugin.runs import orders, without
from tests.plugin.stub_console import Answer, StubConsole, serving

pytestmark = [pytest.mark.loopback, pytest.mark.usefixtures("in_step")]

LEVELS = ["experiment", "hypothesis", "method", "rollback", "activity"]
KNOWN = [{"name": "chaosiq", "experiment_id": "orders", "execution_id": "monday"}]
NO: Answer = (200, {"allowed": False, "policies": [{"name": "Black Friday"}]})
HOOKS = sorted(set(chaoscloud.controls.__all__) - {"cleanup_control", "configure_control"})


@pytest.fixture
def console() -> Iterator[StubConsole]:
    """A console that is well."""
    with serving() as served:
        yield served


@pytest.fixture
def loaded(console: StubConsole) -> Iterator[dict[str, Any]]:
    """Settings the host has loaded."""
    settings = console.settings
    token = chaoslib.settings.loaded_settings.set(settings)
    load_global_controls(settings)
    yield settings
    load_global_controls({})
    chaoslib.settings.loaded_settings.reset(token)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_without_anything_does_nothing(hook: str) -> None:
    """No settings, no block: nothing to tell, nobody to tell it to, and no error."""
    getattr(chaoscloud.controls, hook)(context="orders.json")


def test_cleaning_up_what_was_never_opened_is_fine() -> None:
    """Twice, too."""
    chaoscloud.controls.cleanup_control()
    chaoscloud.controls.cleanup_control()


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("level", LEVELS)
def test_each_level_tells_the_execution_the_block_names(console: StubConsole, level: str) -> None:
    """Two events, before and after."""
    experiment = orders() | {"extensions": KNOWN}

    with controls(level=level, experiment=experiment, context=experiment):
        pass

    assert console.events == [f"starting-{level}", f"{level}-finished"]
    assert all("/orders/executions/monday/" in f"{s.path}/" for s in console.served.seen)


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("level", sorted(set(LEVELS) - {"rollback"}))
def test_each_level_is_guarded(console: StubConsole, level: str) -> None:
    """A no interrupts."""
    console.answer = lambda kind, entries: NO if kind == "policies" else None
    experiment = orders() | {"extensions": KNOWN}

    with (
        pytest.raises(InterruptExecution, match="Black Friday"),
        controls(level=level, experiment=experiment, context=experiment),
    ):
        pass


@pytest.mark.usefixtures("loaded")
def test_rollbacks_are_not_interrupted(console: StubConsole) -> None:
    """Neither before nor after them."""
    console.answer = lambda kind, entries: NO if kind == "policies" else None
    experiment = orders() | {"extensions": KNOWN}

    with controls(level="rollback", experiment=experiment, context=experiment):
        pass

    assert console.events == ["starting-rollback", "rollback-finished"]


@pytest.mark.usefixtures("loaded")
def test_an_experiment_the_console_does_not_know_is_not_told(console: StubConsole) -> None:
    """Without an execution there is nothing an event could belong to."""
    with controls(level="method", experiment=orders(), context=orders()):
        pass

    assert console.kinds == []


def test_disabled_is_disabled_here_too(console: StubConsole, loaded: dict[str, Any]) -> None:
    """No request at all."""
    without("publish", loaded)
    experiment = orders() | {"extensions": KNOWN}

    with controls(level="method", experiment=experiment, context=experiment):
        pass

    assert console.kinds == []


def test_the_journal_of_a_lone_end_is_sent(console: StubConsole) -> None:
    """A script that ends an execution by itself."""
    journal: dict[str, Any] = {"status": "completed", "experiment": orders()}
    arguments = console.settings["controls"]["chaosiq-cloud"]["provider"]["arguments"]

    chaoscloud.controls.after_experiment_control(
        orders(), journal, settings=console.settings, extensions=KNOWN, **arguments
    )

    assert console.kinds == ["event", "journal"]
    assert journal["extensions"][0]["execution_id"] == "monday"
