"""Apprise: real notifications to a loopback service, set up as the operator sets them up."""

import json
import sys
from typing import Any

import pytest
from click.testing import CliRunner

from chaoscloud.console.cli import main
from chaoscloud.console.config import Config
from chaoscloud.console.db import Database
from chaoscloud.console.messages import outbox
from chaoscloud.console.records import subscriptions
from chaoscloud.console.records.teams import Team
from tests.console.conftest import Clock
from tests.console.documents import TITLE, ended
from tests.console.receiver import OK, Receiver, deliver, reserve_port
from tests.console.team import TeamApi

pytest.importorskip("apprise")
# Its plugins are loaded by the first notification; one of them still asks for an old module.
pytestmark = pytest.mark.filterwarnings("ignore:.imghdr. is deprecated:DeprecationWarning")

SECRET = "swordfish-0451"


@pytest.fixture
def receiver() -> Receiver:
    return Receiver(port=reserve_port())


@pytest.fixture
def rows(config: Config, database: Database, checkout: Team, receiver: Receiver) -> Any:
    """Subscribe by command; what came of the messages since, the oldest first."""
    settings = json.dumps({"url": f"json://127.0.0.1:{receiver.port}/{SECRET}"})
    words = ["subscription", "add", "apprise", "Phone", "--settings", "-", "--data"]
    added = CliRunner().invoke(main, [*words, str(config.data)], input=settings)
    assert added.exit_code == 0, added.output

    def rows() -> list[outbox.MessageRow]:
        with database.read() as connection:
            [known] = subscriptions.list_subscriptions(
                connection, checkout.organization_id, checkout.id
            )
            return outbox.list_messages(connection, known.id)[::-1]

    return rows


def test_a_notification_says_the_sentence_and_the_address(
    rows: Any, bobs: TeamApi, database: Database, config: Config, now: Clock, receiver: Receiver
) -> None:
    """And nothing of the journal."""
    failure = {
        "activity": {"type": "action", "name": SECRET, "provider": {"path": f"/home/{SECRET}"}},
        "status": "failed",
        "output": SECRET,
        "exception": [f"OSError: {SECRET}"],
    }
    execution = bobs.started(node=SECRET)
    bobs.put(execution, {"journal": ended("failed", run=[failure], node=SECRET)})

    deliver(database, config, now, receiver, lambda: rows()[0].state == "sent")

    [call] = receiver.calls
    assert call.document["title"] == f"Failed: {TITLE} (acme / checkout)"
    assert call.document["message"].startswith(f"“{TITLE}” failed")
    assert call.document["message"].endswith(execution.rpartition("/")[2])
    assert call.document["type"] == "warning"
    assert SECRET not in call.body.decode()


def test_what_a_service_does_not_take_is_tried_again(
    rows: Any, bobs: TeamApi, database: Database, config: Config, now: Clock, receiver: Receiver
) -> None:
    """The answer names neither the address nor its secret."""
    receiver.answer = lambda _: (500, {}, b"") if len(receiver.calls) == 1 else OK
    bobs.put(bobs.started(), {"journal": ended()})

    deliver(database, config, now, receiver, lambda: bool(rows()[0].attempts))
    failed = rows()[0]
    now.pass_by(seconds=5)
    deliver(database, config, now, receiver, lambda: rows()[0].state == "sent")

    assert (failed.state, failed.answer) == ("pending", "Apprise could not notify")
    assert (rows()[0].attempts, len(receiver.calls)) == (2, 2)


def test_without_the_library_a_message_waits_and_says_what_is_missing(
    rows: Any,
    bobs: TeamApi,
    database: Database,
    config: Config,
    now: Clock,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A console that was installed anew without the extra."""
    monkeypatch.setitem(sys.modules, "apprise", None)
    bobs.put(bobs.started(), {"journal": ended()})

    deliver(database, config, now, receiver, lambda: bool(rows()[0].attempts))

    assert rows()[0].state == "pending"
    assert "pip install 'chaosiq-cloud[console,notifications]'" in rows()[0].answer
    assert receiver.calls == []
