"""What other processes change in a PostgreSQL database, told by the database itself.

Whoever commits a change that decisions are made from sends one notification with it; every process
that has asked to be told listens on a connection of its own. It is a hint and no more: a process
that misses one, since its connection was cut, looks by itself a moment later (`Watch`).
"""

import contextlib
import os
import threading
import uuid
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from chaoscloud.console.db.changes import MESSAGES, DatabaseChange

CHANNEL = "console_changes"
LONGEST = 7_000  # characters of a notification; PostgreSQL takes 8,000 bytes
LOOK_AT_END_EVERY = 0.2  # seconds within which a listener notices that it is to stop
RETRY_PAUSE = 1.0  # seconds after a connection was cut

_NOTIFY = text("SELECT pg_notify(:channel, :payload)")
_OWN_NAME = f"{os.getpid()}-{uuid.uuid4()}"  # tells this process's notifications apart


class Notification(msgspec.Struct, frozen=True, array_like=True):
    """Who changed what; no changes stand for more than a notification has room for."""

    sender: str
    changes: tuple[DatabaseChange, ...]


def notify(connection: Connection, changes: Iterable[DatabaseChange]) -> None:
    """Tell other processes of changes when this transaction is committed."""
    if connection.dialect.name != "postgresql":
        return
    changed = tuple(change for change in changes if change.subject != MESSAGES)
    if not changed:
        return
    payload = msgspec.json.encode(Notification(_OWN_NAME, changed)).decode()
    if len(payload) > LONGEST:
        everything = tuple({DatabaseChange(change.subject) for change in changed})
        payload = msgspec.json.encode(Notification(_OWN_NAME, everything)).decode()
    connection.execute(_NOTIFY, {"channel": CHANNEL, "payload": payload})


class NotificationListener:
    """A thread that calls `on_change` with what other processes have committed, until `close`."""

    def __init__(
        self, engine: Engine, on_change: Callable[[frozenset[DatabaseChange]], None]
    ) -> None:
        self._engine = engine
        self._on_change = on_change
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="console-listener", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        import psycopg

        while not self._closed.is_set():
            with contextlib.suppress(psycopg.Error, SQLAlchemyError):
                self._listen()
            self._closed.wait(RETRY_PAUSE)

    def _listen(self) -> None:
        """Listen until the connection is cut. Raises what the driver does then."""
        proxy = self._engine.raw_connection()
        driver: Any = proxy.driver_connection
        proxy.detach()  # it never goes back to the pool
        try:
            driver.autocommit = True
            driver.execute(f"LISTEN {CHANNEL}")
            while not self._closed.is_set():
                for notification in driver.notifies(timeout=LOOK_AT_END_EVERY):
                    self._hand_on(notification.payload)
        finally:
            driver.close()

    def _hand_on(self, payload: str) -> None:
        try:
            notification = msgspec.json.decode(payload, type=Notification)
        except msgspec.DecodeError:  # a newer console's; it will be seen soon all the same
            return
        if notification.sender != _OWN_NAME:
            self._on_change(frozenset(notification.changes))
