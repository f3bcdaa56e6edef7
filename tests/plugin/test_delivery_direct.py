"""The delivery that sends each thing as it happens."""

from collections.abc import Iterator
from typing import Any

import pytest

from chaoscloud.api._http import ConsoleSession
from chaoscloud.delivery import Delivery, Started
from chaoscloud.delivery.direct import DirectDelivery
from chaoscloud.redaction import Redactor
from tests.plugin.runs import block_of, orders
from tests.plugin.stub_console import HANG_UP, StubConsole, serving

pytestmark = pytest.mark.loopback

JOURNAL: dict[str, Any] = {"status": "running"}


@pytest.fixture
def console() -> Iterator[StubConsole]:
    """A console that is well."""
    with serving() as served:
        yield served


@pytest.fixture
def delivery(console: StubConsole) -> Iterator[Delivery]:
    """A delivery to it, for a run with a secret."""
    session = ConsoleSession(f"{console.served.url}/api/v1/organizations/a/teams/c", "ada")
    direct = DirectDelivery(session, Redactor({"broker": {"password": "correct-horse"}}))
    yield direct
    direct.close()


def test_a_start_names_both_and_the_page(delivery: Delivery, console: StubConsole) -> None:
    """What the console said is in the answer and in the experiment's block."""
    experiment = orders()

    started = delivery.start(experiment, JOURNAL)

    page = f"{console.served.url}/acme/checkout/executions/monday"
    assert started == Started("orders", "monday", page)
    assert block_of(experiment) == {"name": "chaosiq", **started.ids}


def test_the_execution_is_created_with_the_experiment_it_runs(
    delivery: Delivery, console: StubConsole
) -> None:
    """The journal that creates it holds the experiment with its id."""
    delivery.start(orders(), {**JOURNAL, "experiment": {"title": "as it was before"}})

    [created] = console.bodies("execution")
    assert created["journal"]["experiment"]["title"] == orders()["title"]
    assert block_of(created["journal"]["experiment"])["experiment_id"] == "orders"


def test_an_unchanged_experiment_keeps_its_id(delivery: Delivery, console: StubConsole) -> None:
    """204 comes without one."""
    console.answer = lambda kind, seen: (204, None) if kind == "experiment" else None
    experiment = orders() | {"extensions": [{"name": "chaosiq", "experiment_id": "known"}]}

    started = delivery.start(experiment, JOURNAL)

    assert started.ids == {"experiment_id": "known", "execution_id": "monday"}
    assert started.problem is None


def test_an_experiment_without_an_execution_is_known_all_the_same(
    delivery: Delivery, console: StubConsole
) -> None:
    """Its file can be linked, though this run is not recorded."""
    console.answer = lambda kind, seen: (503, None) if kind == "execution" else None

    started = delivery.start(orders(), JOURNAL)

    assert started.experiment_id == "orders"
    assert started.execution_id is None
    assert started.problem is not None
    assert "503" in started.problem


def test_everything_goes_out_as_a_clean_copy(delivery: Delivery, console: StubConsole) -> None:
    """The documents at hand keep what they hold."""
    experiment = orders() | {"description": "log in with correct-horse"}
    journal = {"status": "completed", "run": [{"output": "correct-horse"}]}

    started = delivery.start(experiment, journal)
    delivery.event("activity-finished", experiment, journal["run"])
    journal["extensions"] = [{"name": "chaosiq", **started.ids}]
    delivery.finish(journal)

    assert set(console.kinds) == {"experiment", "execution", "event", "journal"}
    assert "correct-horse" not in console.everything
    assert experiment["description"] == "log in with correct-horse"
    assert journal["run"] == [{"output": "correct-horse"}]


def test_without_an_execution_nothing_is_sent(delivery: Delivery, console: StubConsole) -> None:
    """There is nothing an event or a journal could belong to; that is no loss of its own."""
    delivery.event("starting-method", orders())
    delivery.finish(JOURNAL)

    assert console.kinds == []
    assert delivery.losses is None


def test_losses_are_counted(delivery: Delivery, console: StubConsole) -> None:
    """With the reason of the first."""
    delivery.start(orders(), JOURNAL)
    console.answer = lambda kind, seen: (413, {"title": "Too Large"})

    delivery.event("starting-method", orders())
    delivery.event("method-finished", orders(), [])

    assert delivery.losses is not None
    assert delivery.losses["lost"] == 2
    assert delivery.losses["reason"].startswith("the event starting-method: ")
    assert "413" in delivery.losses["reason"]


def test_the_journal_is_tried_after_a_failure(delivery: Delivery, console: StubConsole) -> None:
    """The last word matters most."""
    started = delivery.start(orders(), JOURNAL)
    console.answer = lambda kind, seen: HANG_UP if kind == "event" else None

    delivery.event("experiment-finished", orders(), {})
    delivery.finish({"status": "completed", "extensions": [{"name": "chaosiq", **started.ids}]})

    assert console.kinds[-1] == "journal"
    assert delivery.losses is not None
    assert delivery.losses["lost"] == 1
