"""The outbox before consoles in every kind of trouble, over real sockets."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from chaoscloud.delivery import flushing, retry, sender, transport
from chaoscloud.delivery import outbox as outbox_module
from chaoscloud.delivery.outbox import Outbox
from tests.plugin.faults import PASSING, STANDING, Fault, dripping, saying, well
from tests.plugin.loopback import Handler, Loopback, Seen, loopback
from tests.plugin.outboxes import JOURNAL, end, outbox_at, spooled
from tests.plugin.runs import orders
from tests.plugin.stub_console import kind_of

pytestmark = pytest.mark.loopback


@dataclass
class Trouble:
    """A console to which a fault happens when it is asked a kind of thing, some times over."""

    fault: Fault = well
    kind: str = "event"
    times: int = 1
    served: Loopback = field(default_factory=Loopback)

    def reply(self, handler: Handler) -> None:
        """Do what the test wants, or be well."""
        question = kind_of(self.served.seen[-1])
        if question == self.kind and self.times > 0:
            self.times -= 1
            self.fault(handler)
        else:
            well(handler)

    def of(self, kind: str) -> list[Seen]:
        """What came of one kind."""
        return [view for view in self.served.seen if kind_of(view) == kind]


@contextmanager
def in_trouble(fault: Fault, kind: str = "event", times: int = 1) -> Iterator[Trouble]:
    """A console with a fault."""
    trouble = Trouble(fault, kind, times)
    with loopback(trouble.reply) as trouble.served:
        yield trouble


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits are short, and the end waits as long as it takes."""
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.01)
    monkeypatch.setenv("CHAOSIQ_FLUSH_TIMEOUT", "20")


def a_run(outbox: Outbox) -> None:
    """What a run tells, in short."""
    outbox.register(orders(), JOURNAL)
    outbox.record_event("starting-method", orders())
    outbox.record_event("method-finished", orders(), [])
    end(outbox)


def stored(trouble: Trouble) -> list[str]:
    """The kinds and types of what a console that keeps each id once would have."""
    events = {json.loads(view.body)["id"]: json.loads(view.body) for view in trouble.of("event")}
    creations = [(kind_of(view), view.headers["Idempotency-Key"]) for view in trouble.served.seen]
    return [
        *[kind for kind, key in dict.fromkeys(creations) if key],
        *[event["type"] for event in events.values()],
        *(["journal"] if trouble.of("journal") else []),
    ]


WHOLE = ["experiment", "execution", "starting-method", "method-finished", "journal"]


@pytest.mark.parametrize("kind", ["experiment", "execution", "event", "journal"])
@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_what_passes_loses_nothing_and_doubles_nothing(
    tmp_path: Path, fault: Fault, kind: str
) -> None:
    """Once it has passed, everything is there in order; what is sent again carries its id."""
    with (
        in_trouble(fault, kind, times=2) as trouble,
        outbox_at(trouble.served.url, tmp_path) as outbox,
    ):
        a_run(outbox)

    assert stored(trouble) == WHOLE
    assert spooled(tmp_path) == []
    assert (outbox.report.pending, outbox.report.rejected, outbox.report.lost) == (0, 0, 0)


@pytest.mark.parametrize("status", STANDING)
def test_what_will_not_be_taken_is_set_aside(tmp_path: Path, status: int) -> None:
    """One event is refused: the next one and the journal arrive."""
    with (
        in_trouble(saying(status)) as trouble,
        outbox_at(trouble.served.url, tmp_path) as outbox,
    ):
        a_run(outbox)

    assert [json.loads(view.body)["type"] for view in trouble.of("event")] == WHOLE[2:4]
    assert trouble.of("journal")
    assert outbox.report.rejected == 1
    assert str(status) in outbox.report.describe()[1]


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_revoked_in_the_middle_keeps_the_rest(tmp_path: Path, status: int) -> None:
    """Nothing more is sent by this run; the next one, signed in again, sends it all."""
    with in_trouble(saying(status), times=1) as trouble:
        with outbox_at(trouble.served.url, tmp_path) as outbox:
            a_run(outbox)
        count = len(trouble.of("event"))
        [left] = spooled(tmp_path)
        with outbox_at(trouble.served.url, tmp_path) as next_run:
            a_run(next_run)

    types = [json.loads(view.body)["type"] for view in trouble.of("event")]
    assert count == 1
    assert "chaos signin" in outbox.report.describe()[1]
    assert [record.kind for record in left.pending.values()] == ["event", "event", "end", "journal"]
    assert sorted(types[1:]) == sorted(WHOLE[2:4] * 2)
    assert len(trouble.of("journal")) == 2
    assert spooled(tmp_path) == []


@pytest.mark.parametrize("kind", ["experiment", "event"])
def test_a_console_that_drips_holds_nobody_up(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the start nor the hooks nor the end wait for it longer than they may."""
    monkeypatch.setattr(outbox_module, "START_WITHIN", 0.1)
    monkeypatch.setenv("CHAOSIQ_FLUSH_TIMEOUT", "0.2")
    with (
        in_trouble(dripping, kind, 9) as trouble,
        outbox_at(trouble.served.url, tmp_path, call_limit=1.0) as outbox,
    ):
        a_run(outbox)

    assert outbox.report.pending >= 4
    assert len(trouble.of(kind)) == 1


def test_a_console_that_batches_gets_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the format of CloudEvents for it, compressed if it inflates; few requests in all."""
    monkeypatch.setattr(transport, "WORTH_COMPRESSING", 10)
    accepts = {
        "Accept_Post": "application/cloudevents+json, application/cloudevents-batch+json",
        "Accept_Encoding": "gzip",
        "Content_Location": "/api/acme/checkout/executions/monday",
    }
    created = saying(201, b'{"id": "monday"}', **accepts)
    with (
        in_trouble(created, "execution") as trouble,
        outbox_at(trouble.served.url, tmp_path) as outbox,
    ):
        outbox.register(orders(), JOURNAL)
        with outbox._spool._guard:  # the worker reads once all of them are there
            for number in range(450):
                outbox.record_event("starting-activity", {"name": f"activity {number}"})
        end(outbox)

    batches = [json.loads(gzip.decompress(view.body)) for view in trouble.of("event")]
    assert [len(batch) for batch in batches] == [200, 200, 50]
    events: list[Any] = [event for batch in batches for event in batch]
    assert [event["sequence"] for event in events] == [f"{n:08d}" for n in range(1, 451)]
    assert events[7]["data"] == {"context": {"name": "activity 7"}, "state": None}
    assert trouble.of("event")[0].headers["Content-Type"] == "application/cloudevents-batch+json"


def test_one_bad_event_does_not_cost_its_batch(tmp_path: Path) -> None:
    """The batch is refused, so each goes alone; only the bad one is refused again."""
    accepts = {
        "Accept_Post": "application/cloudevents-batch+json",
        "Content_Location": "/api/acme/checkout/executions/monday",
    }

    def reply(handler: Handler) -> None:
        entries = trouble.served.seen[-1]
        if kind_of(entries) == "execution":
            return handler.say(201, b'{"id": "monday"}', **accepts)
        if b"starting-rollback" in entries.body:
            return handler.say(422, b"[]")
        return well(handler)

    trouble = Trouble()
    with loopback(reply) as trouble.served, outbox_at(trouble.served.url, tmp_path) as outbox:
        outbox.register(orders(), JOURNAL)
        with outbox._spool._guard:
            for name in ("starting-method", "starting-rollback", "rollback-finished"):
                outbox.record_event(name, orders())
        end(outbox)

    alone = [json.loads(view.body) for view in trouble.of("event")[1:]]
    assert [event["type"] for event in alone] == [
        "starting-method",
        "starting-rollback",
        "rollback-finished",
    ]
    assert outbox.report.rejected == 1
    assert trouble.of("journal")


def test_a_console_that_does_not_inflate_after_all_gets_it_plain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy may promise what the console behind it cannot do."""
    monkeypatch.setattr(transport, "WORTH_COMPRESSING", 10)
    created = saying(
        201, b'{"id": "monday"}', Accept_Encoding="gzip", Content_Location="/api/executions/monday"
    )

    def reply(handler: Handler) -> None:
        entries = trouble.served.seen[-1]
        if kind_of(entries) == "execution":
            return created(handler)
        return handler.say(415) if entries.headers["Content-Encoding"] else well(handler)

    trouble = Trouble()
    with loopback(reply) as trouble.served, outbox_at(trouble.served.url, tmp_path) as outbox:
        a_run(outbox)

    assert outbox.report.lost == outbox.report.rejected == outbox.report.pending == 0
    assert [view.headers["Content-Encoding"] for view in trouble.of("event")] == [
        "gzip",
        None,
        None,
    ]


def test_a_hanging_console_is_waited_for_briefly_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hangs since the start: what the start waited is not waited for again."""
    monkeypatch.delenv("CHAOSIQ_FLUSH_TIMEOUT")
    monkeypatch.setattr(outbox_module, "START_WITHIN", 0.1)
    monkeypatch.setattr(flushing, "OUT_OF_CONTACT", 0.1)
    monkeypatch.setattr(sender, "LONG_FOR_A_CALL", 0.05)
    with (
        in_trouble(dripping, "execution", 9) as trouble,
        outbox_at(trouble.served.url, tmp_path) as outbox,
    ):
        a_run(outbox)

        assert flushing._patience_with(outbox._sender) == 0.1
        assert outbox.report.pending == 5
