"""Several consoles on one PostgreSQL database share the messages: each is sent by one of them."""

from functools import partial
from pathlib import Path

import pytest

from chaoscloud.console.db import Database
from chaoscloud.console.db.engines import create_engines
from chaoscloud.console.messages import outbox
from chaoscloud.console.messages.events import FINISHED, ConsoleEvent
from chaoscloud.console.messages.outbox import SendResult
from chaoscloud.console.records import lost_contacts, organizations, subscriptions
from chaoscloud.console.records.audit import Actor
from tests.console.conftest import Clock
from tests.console.postgresql_server import AVAILABLE, address, create_database

pytest.importorskip("psycopg")
if not AVAILABLE:
    pytest.skip("no PostgreSQL on this machine", allow_module_level=True)


def test_each_message_is_claimed_by_one_console(postgresql_server: Path, now: Clock) -> None:
    """What one has just chosen, the other passes over without waiting; then nothing is left."""
    url = address(postgresql_server, create_database(postgresql_server))
    with Database.open(url) as database:
        acme = database.write(lambda c: organizations.add(c, "Acme", now())).result()
        database.write(
            lambda c: subscriptions.create(
                c,
                acme.id,
                None,
                now(),
                Actor(),
                name="Ours",
                target="webhook",
                settings='{"url": "https://hooks.example.com"}',
                events=(FINISHED,),
                tags=(),
                outcomes=(),
                experiment_id=None,
            )
        ).result()
        for number in range(6):
            event = ConsoleEvent(
                type=FINISHED,
                subject_id=f"run-{number}",
                organization_id=acme.id,
                organization="acme",
                time=now(),
                sentence="It ended.",
                path="/acme",
            )
            database.write(partial(outbox.add_event, event=event)).result()
        engines = create_engines(url)
        with engines.writer.begin() as one, engines.writer.begin() as other:
            first, second = outbox.claim(one, now(), 3), outbox.claim(other, now(), 6)
        rest = database.write(lambda c: outbox.claim(c, now(), 6)).result()
        result = SendResult(sent=True, answer="status 200")
        database.write(lambda c: outbox.record_result(c, first[0], result, now())).result()
        database.write(lambda c: lost_contacts.notice_lost(c, now())).result()
        database.write(lost_contacts.forget_found).result()
        with database.read() as connection:
            has_due = outbox.has_due(connection, now())
            pending = outbox.count_backlog(connection).pending
        engines.dispose()

    assert [len(first), len(second), len(rest)] == [3, 3, 0]
    assert {message.seq for message in first}.isdisjoint(message.seq for message in second)
    assert (has_due, pending) == (False, 5)
