"""Messages: which events make them, in which order and how often they are sent."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, select, update
from standardwebhooks import Webhook

from chaoscloud.console.config import Config
from chaoscloud.console.db import Database
from chaoscloud.console.db.schema import messages as messages_table
from chaoscloud.console.db.schema import subscriptions as subscriptions_table
from chaoscloud.console.messages import outbox, retry
from chaoscloud.console.messages.events import (
    CORRECTED,
    FINISHED,
    LOST_CONTACT,
    SAFEGUARD_RELEASED,
    SAFEGUARD_SET,
    STARTED,
    STOPPED,
    TYPES,
)
from chaoscloud.console.messages.outbox import MessageRow, OutboxMessage, SendResult
from chaoscloud.console.messages.subscriptions import Subscription
from chaoscloud.console.messages.targets import TARGETS
from chaoscloud.console.outgoing import Client
from chaoscloud.console.records import lost_contacts, organizations, stops, subscriptions, teams
from chaoscloud.console.records.audit import Actor
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.teams import Team
from tests.console.conftest import Clock, Member
from tests.console.documents import TITLE, chaosiq, ended, experiment, journal
from tests.console.receiver import OK, Receiver, deliver, reserve_port
from tests.console.team import TeamApi
from tests.console.test_journal_versions import STOP_TEST

ALL = tuple(TYPES)
FAILED = SendResult(sent=False, answer="status 500", retry=True)


class Outbox:
    """The outbox of a console, and who subscribed to what."""

    def __init__(self, database: Database, team: Team, now: Clock) -> None:
        self.database = database
        self.team = team
        self.now = now

    def subscribe(self, *, whole_organization: bool = False, **fields: Any) -> Subscription:
        """Subscribe to everything, unless said otherwise."""
        values: dict[str, Any] = {
            "name": "Ours",
            "target": "webhook",
            "settings": '{"url": "http://127.0.0.1:9/hook"}',
            "events": ALL,
            "tags": (),
            "outcomes": (),
            "experiment_id": None,
            **fields,
        }
        team_id = None if whole_organization else self.team.id
        return self.database.write(
            lambda c: subscriptions.create(
                c, self.team.organization_id, team_id, self.now(), Actor(), **values
            )
        ).result()

    def rows(self, subscription: Subscription) -> list[MessageRow]:
        """The messages of a subscription, the oldest first."""
        with self.database.read() as connection:
            return outbox.list_messages(connection, subscription.id)[::-1]

    def types(self, subscription: Subscription) -> list[str]:
        return [row.type for row in self.rows(subscription)]

    def sentences(self, subscription: Subscription) -> list[str]:
        return [row.sentence for row in self.rows(subscription)]

    def find(self, subscription: Subscription) -> Subscription:
        with self.database.read() as connection:
            stored = subscriptions.find(connection, self.team.organization_id, subscription.id)
        assert stored is not None
        return stored

    def claim(self, limit: int = 10) -> list[OutboxMessage]:
        return self.database.write(lambda c: outbox.claim(c, self.now(), limit)).result()

    def record(self, message: OutboxMessage, result: SendResult) -> None:
        self.database.write(lambda c: outbox.record_result(c, message, result, self.now())).result()


@pytest.fixture
def box(database: Database, checkout: Team, now: Clock) -> Outbox:
    return Outbox(database, checkout, now)


# --- which events ------------------------------------------------------------------------------


def test_a_run_makes_a_message_at_its_start_and_one_at_its_end(bobs: TeamApi, box: Outbox) -> None:
    """A journal that comes again, or later, is no news."""
    subscription = box.subscribe()
    execution = bobs.started()

    for node in ("build-7", "build-7", "build-8"):
        bobs.put(execution, {"journal": ended(node=node)})

    assert box.types(subscription) == [STARTED, FINISHED]
    assert box.sentences(subscription)[1].startswith(f"“{TITLE}” passed after ")


@pytest.mark.parametrize(
    ("narrow", "types"),
    [
        ({}, [STARTED, FINISHED, CORRECTED]),
        ({"events": (FINISHED,)}, [FINISHED, CORRECTED]),
        ({"events": (STARTED,)}, [STARTED]),
        ({"outcomes": ("passed",)}, [STARTED, FINISHED, CORRECTED]),
        ({"outcomes": ("aborted",)}, [STARTED, CORRECTED]),
        ({"outcomes": ("deviated",)}, [STARTED]),
    ],
)
def test_an_outcome_that_a_later_journal_changes_is_corrected(
    bobs: TeamApi, box: Outbox, narrow: dict[str, Any], types: list[str]
) -> None:
    """For who heard of the wrong end, or would have heard of the right one."""
    subscription = box.subscribe(**narrow)
    execution = bobs.started()

    for journal_ in (ended(), ended("aborted"), ended("aborted", node="build-8")):
        assert bobs.put(execution, {"journal": journal_}).status_code == 204

    assert box.types(subscription) == types
    if CORRECTED in types:
        last = box.sentences(subscription)[-1]
        assert last.startswith(f"“{TITLE}” was aborted by an error")
        assert last.endswith("A later journal says so; before, its outcome was “passed”.")


def test_a_stop_test_makes_no_message(bobs: TeamApi, box: Outbox) -> None:
    """It tries the stop, and is no experiment."""
    subscription = box.subscribe()
    execution = bobs.started(bobs.published(STOP_TEST), experiment=STOP_TEST)

    bobs.put(execution, {"journal": ended(experiment=STOP_TEST)})

    assert box.types(subscription) == []


def test_a_run_recorded_at_its_end_makes_one_message(bobs: TeamApi, box: Outbox) -> None:
    """Published from a file, its start is long ago."""
    subscription = box.subscribe()
    experiment = bobs.published()

    bobs.post(f"/experiments/{experiment}/executions", {"journal": ended()})

    assert box.types(subscription) == [FINISHED]


@pytest.mark.parametrize(
    ("policies", "status", "type_"),
    [
        ([{"name": "Black Friday", "reason": "Black Friday"}], "interrupted", STOPPED),
        ([], "interrupted", FINISHED),
        ([{"name": "Safeguards are required"}], "interrupted", "execution.unanswered"),
    ],
)
def test_an_interruption_is_told_by_its_cause(
    bobs: TeamApi, box: Outbox, policies: list[dict[str, str]], status: str, type_: str
) -> None:
    """A safeguard, somebody's Ctrl-C, or nobody's answer."""
    subscription = box.subscribe()
    execution = bobs.started()

    block = chaosiq(safeguards=policies) if policies else {}
    bobs.put(execution, {"journal": ended(status, **block)})

    assert box.types(subscription) == [STARTED, type_]


def test_a_message_has_nothing_of_the_journal_but_the_title_and_tags(
    bobs: TeamApi, box: Outbox, database: Database
) -> None:
    """What activities printed, where they looked and how they failed stays in the console."""
    box.subscribe()
    secret = "swordfish-0451"
    failure = {
        "activity": {"type": "probe", "name": secret, "provider": {"path": f"/home/me/{secret}"}},
        "status": "failed",
        "output": secret,
        "exception": [f"FileNotFoundError: /home/me/{secret}"],
    }
    state = {"steady_state_met": False, "probes": [{**failure, "tolerance_met": False}]}
    states = {"before": state, "after": state, "during": []}
    for status in ("failed", "aborted", "interrupted", "completed"):
        execution = bobs.started(node=secret)
        document = ended(
            status, run=[failure], rollbacks=[failure], steady_states=states, node=secret
        )
        bobs.put(execution, {"journal": document | chaosiq(safeguards=[{"name": secret}])})

    with database.read() as connection:
        events = connection.scalars(select(messages_table.c.event)).all()

    assert len(events) == 8
    assert [event for event in events if secret in event] == []


def test_a_silent_run_is_noticed_once_and_again_after_it_came_back(
    bobs: TeamApi, box: Outbox, database: Database, now: Clock
) -> None:
    """Its runner died: nobody else would tell."""
    subscription = box.subscribe(events=(LOST_CONTACT,))
    execution = bobs.started()

    def look() -> None:
        database.write(lambda c: lost_contacts.notice_lost(c, now())).result()
        database.write(lost_contacts.forget_found).result()

    look()
    for _ in range(2):
        now.pass_by(minutes=16)
        look()
    assert box.types(subscription) == [LOST_CONTACT]

    assert bobs.put(execution, {"journal": journal()}).status_code == 204
    look()
    now.pass_by(minutes=16)
    look()

    assert box.types(subscription) == [LOST_CONTACT] * 2


def test_safeguards_make_messages_but_not_those_of_one_run(
    box: Outbox, database: Database, acme: Organization, checkout: Team, ada: Member, now: Clock
) -> None:
    """The organization's reach each team's subscriptions; a run's own stop is told by its end."""
    subscription = box.subscribe()

    def change(connection: Connection) -> None:
        stop = stops.stop(connection, acme.id, None, "Black Friday", now())
        stops.release(connection, stop, now())
        stops.stop(connection, acme.id, checkout.id, "Mine", now(), execution_id="x")

    database.write(change).result()

    assert box.types(subscription) == [SAFEGUARD_SET, SAFEGUARD_RELEASED]
    assert box.sentences(subscription)[0] == "Runs of all of acme were stopped: Black Friday."


def test_nobody_hears_of_another_team(
    bobs: TeamApi, eves: TeamApi, box: Outbox, payments: Team, now: Clock
) -> None:
    """A subscription of the organization hears of all of them."""
    own, of_all = box.subscribe(), box.subscribe(whole_organization=True)

    eves.started()

    assert box.types(own) == []
    assert box.types(of_all) == [STARTED]


@pytest.mark.parametrize(
    ("narrow", "types"),
    [
        ({"tags": ("kafka",)}, [STARTED, FINISHED]),
        ({"tags": ("payments",)}, []),
        ({"outcomes": ("deviated", "failed")}, [STARTED]),
        ({"outcomes": ("passed",)}, [STARTED, FINISHED]),
        ({"events": (FINISHED,)}, [FINISHED]),
    ],
)
def test_a_subscription_is_narrowed(
    bobs: TeamApi, box: Outbox, narrow: dict[str, Any], types: list[str]
) -> None:
    """By tag, outcome, event or experiment."""
    subscription = box.subscribe(**narrow)

    bobs.put(bobs.started(), {"journal": ended()})

    assert box.types(subscription) == types


def test_a_subscription_is_narrowed_to_one_experiment(bobs: TeamApi, box: Outbox) -> None:
    """Runs of another one make no message there."""
    own, other = bobs.published(), bobs.published(experiment(title="Another"))
    subscription = box.subscribe(experiment_id=own)

    bobs.started(other)
    bobs.started(own)

    assert box.sentences(subscription) == [f"“{TITLE}” started."]


def test_what_waits_for_a_subscription_that_ended_is_forgotten(
    bobs: TeamApi, box: Outbox, now: Clock
) -> None:
    """And counts as no backlog, which nobody could ever mend."""
    subscription = box.subscribe()
    bobs.started()
    box.database.write(lambda c: subscriptions.remove(c, subscription, now(), Actor())).result()

    with box.database.read() as connection:
        backlog = outbox.count_backlog(connection)
    now.pass_by(seconds=1)
    box.database.write(lambda c: outbox.prune(c, now())).result()

    assert (backlog.pending, backlog.oldest_at) == (0, None)
    assert box.rows(subscription) == []


def test_what_waits_has_failed_when_somebody_pauses_a_target(
    bobs: TeamApi, box: Outbox, now: Clock
) -> None:
    """As when the console does; it can be sent again by hand."""
    subscription = box.subscribe()
    bobs.started()

    box.database.write(lambda c: subscriptions.pause(c, subscription, now(), Actor())).result()

    [row] = box.rows(subscription)
    assert (row.state, row.answer) == ("failed", "not sent: somebody paused it")


def test_a_change_that_is_not_kept_makes_no_message(
    box: Outbox, database: Database, acme: Organization, now: Clock
) -> None:
    """Both are of one transaction."""
    subscription = box.subscribe()

    def fail(connection: Connection) -> None:
        stops.stop(connection, acme.id, None, "Black Friday", now())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.write(fail).result()

    assert box.types(subscription) == []


# --- order and retries -------------------------------------------------------------------------


@pytest.fixture
def two_runs(bobs: TeamApi, box: Outbox) -> Subscription:
    """A subscription with the messages of two runs: start, start, end, end."""
    subscription = box.subscribe()
    first, second = bobs.started(), bobs.started()
    for execution in (first, second):
        bobs.put(execution, {"journal": ended()})
    return subscription


def test_only_the_oldest_of_a_run_is_sent(box: Outbox, two_runs: Subscription) -> None:
    """Its end waits for its start, and not for another run's."""
    claimed = box.claim()
    assert [message.event.type for message in claimed] == [STARTED, STARTED]
    assert box.claim() == []

    box.record(claimed[0], SendResult(sent=True, answer="status 200"))

    [following] = box.claim()
    assert following.event.type == FINISHED
    assert following.event.subject_id == claimed[0].event.subject_id


def test_what_a_dead_console_had_claimed_is_sent_by_another(
    box: Outbox, two_runs: Subscription, now: Clock
) -> None:
    """After a minute, in which it must have sent it."""
    box.claim()
    now.pass_by(seconds=59)
    assert box.claim() == []

    now.pass_by(seconds=2)

    assert len(box.claim()) == 2


def test_a_target_that_fails_is_left_alone_for_longer_and_longer(
    box: Outbox, two_runs: Subscription, now: Clock
) -> None:
    """Nothing else is sent to it meanwhile; its answer is on record."""
    for failures in range(1, 6):
        claimed = box.claim()
        assert claimed
        for message in claimed:
            box.record(message, FAILED)
        now.pass_by(seconds=0.75 * 2 ** (failures - 1))
        assert box.claim() == []
        now.pass_by(seconds=0.5 * 2 ** (failures - 1))

    assert box.rows(two_runs)[0].answer == "status 500"
    assert box.find(two_runs).failures == 5


def test_retry_after_is_the_least_to_wait(box: Outbox, two_runs: Subscription, now: Clock) -> None:
    """However short the back-off would be."""
    for message in box.claim():
        box.record(message, msgspec.structs.replace(FAILED, retry_after=120.0))

    now.pass_by(seconds=119)
    assert box.claim() == []
    now.pass_by(seconds=2)
    assert box.claim()


def test_a_good_answer_forgets_the_failures(
    box: Outbox, two_runs: Subscription, now: Clock
) -> None:
    """The next failure begins with a short pause again."""
    for message in box.claim():
        box.record(message, FAILED)
    now.pass_by(seconds=5)

    box.record(box.claim()[0], SendResult(sent=True, answer="status 200"))

    assert box.find(two_runs).failures == 0
    assert box.find(two_runs).retry_at is None


def test_a_refused_message_fails_at_once_and_the_next_is_sent(
    box: Outbox, two_runs: Subscription
) -> None:
    """Sending it again would change nothing."""
    refused = SendResult(sent=False, answer="status 400: invalid_payload")
    first, _ = box.claim()
    box.record(first, refused)

    [following] = box.claim()

    assert following.event.subject_id == first.event.subject_id
    assert box.rows(two_runs)[0].state == "failed"
    assert box.rows(two_runs)[0].answer == "status 400: invalid_payload"


def test_a_target_that_takes_nothing_for_a_day_is_paused_and_said(
    box: Outbox, two_runs: Subscription, bobs: TeamApi, now: Clock, database: Database
) -> None:
    """What waited has failed; nothing new is written; the audit log has why."""
    for message in box.claim():
        box.record(message, FAILED)
    now.pass_by(hours=24, minutes=1)
    for message in box.claim():
        box.record(message, FAILED)

    paused = box.find(two_runs)
    bobs.started()

    assert paused.pause_reason == "the target has taken no message for a day: status 500"
    assert {row.state for row in box.rows(two_runs)} == {"failed"}
    assert len(box.rows(two_runs)) == 4
    entries = bobs.client.get(bobs.base.rpartition("/teams")[0] + "/audit").json()["items"]
    assert any("subscription.paused" in str(entry) for entry in entries)


def test_a_target_that_is_gone_is_paused_at_once(box: Outbox, two_runs: Subscription) -> None:
    """410 means: never again (Standard Webhooks)."""
    box.record(box.claim()[0], SendResult(sent=False, answer="status 410", gone=True))

    assert box.find(two_runs).paused_at is not None
    assert box.claim() == []


def test_what_failed_is_sent_again_under_its_own_id(
    box: Outbox, two_runs: Subscription, now: Clock
) -> None:
    """By hand; one that was sent is not."""
    first, second = box.claim()
    box.record(first, SendResult(sent=False, answer="status 400"))
    box.record(second, SendResult(sent=True, answer="status 200"))

    def again(seq: int) -> bool:
        write = box.database.write(lambda c: outbox.send_again(c, two_runs, seq, now()))
        return write.result()

    assert (again(first.seq), again(second.seq)) == (True, False)
    assert first.event.id in {message.event.id for message in box.claim()}


def test_old_messages_are_forgotten(box: Outbox, two_runs: Subscription, now: Clock) -> None:
    """Those that were sent after a week, those that failed after a month."""
    for message, is_sent in zip(box.claim(), (True, False), strict=True):
        box.record(message, SendResult(sent=is_sent, answer="x"))

    counts = []
    for days in (6, 2, 30):
        now.pass_by(days=days)
        counts.append(box.database.write(lambda c: outbox.prune(c, now())).result())

    assert counts == [0, 1, 1]


def test_the_backlog_is_counted(box: Outbox, two_runs: Subscription, now: Clock) -> None:
    """For the metrics: how much waits, and since when."""
    with box.database.read() as connection:
        backlog = outbox.count_backlog(connection)

    assert (backlog.pending, backlog.oldest_at) == (4, now())


# --- on the wire -------------------------------------------------------------------------------


@pytest.fixture
def receiver() -> Receiver:
    return Receiver(port=reserve_port())


Send = Callable[..., None]


@pytest.fixture
def send(database: Database, config: Config, now: Clock, receiver: Receiver) -> Send:
    """Deliver until so many calls came, and nothing is under way."""

    def send(calls: int, client: Client | None = None) -> None:
        def is_done() -> bool:
            with database.read() as connection:
                claimed = connection.scalars(
                    select(messages_table.c.seq).where(messages_table.c.claimed_until.is_not(None))
                ).all()
            return len(receiver.calls) >= calls and not claimed

        deliver(database, config, now, receiver, is_done, client)

    return send


def at(receiver: Receiver) -> dict[str, Any]:
    """A webhook's settings."""
    return {"settings": msgspec.json.encode({"url": receiver.url}).decode()}


def test_a_webhook_is_signed_for_the_library_s_own_verifier(
    box: Outbox, bobs: TeamApi, receiver: Receiver, send: Send, now: Clock
) -> None:
    """A CloudEvent in structured mode, with the sentence and the address."""
    now.at = datetime.now(UTC)  # the verifier refuses what is older than five minutes
    subscription = box.subscribe(**at(receiver))
    execution = bobs.started()

    send(1)

    [call] = receiver.calls
    assert subscription.secret
    event = Webhook(subscription.secret).verify(call.body, call.headers)
    assert call.headers["content-type"] == "application/cloudevents+json"
    assert call.headers["webhook-id"] == event["id"]
    assert event["type"] == "chaosiq.execution.started"
    assert event["data"]["sentence"] == f"“{TITLE}” started."
    execution_id = execution.rpartition("/")[2]
    assert event["data"]["url"] == f"http://127.0.0.1:8080/acme/checkout/executions/{execution_id}"


def test_after_a_renewal_both_secrets_verify_for_a_day(
    box: Outbox, bobs: TeamApi, receiver: Receiver, send: Send, now: Clock, database: Database
) -> None:
    """The receiver changes its own when it likes."""
    now.at = datetime.now(UTC)
    before = box.subscribe(**at(receiver))
    after = database.write(lambda c: subscriptions.renew_secret(c, before, now(), Actor())).result()
    bobs.started()

    send(1)

    for subscription in (before, after):
        assert subscription.secret
        assert Webhook(subscription.secret).verify(
            receiver.calls[0].body, receiver.calls[0].headers
        )
    assert after.secrets(now() + timedelta(days=1)) == (after.secret,)


@pytest.mark.parametrize(
    "failure",
    [
        None,
        (500, {}, b"oops"),
        (302, {"Location": "http://127.0.0.1:1/"}, b""),
        (404, {}, b""),
        (429, {"Retry-After": "3"}, b""),
    ],
)
def test_what_fails_is_sent_again_with_the_same_id(
    box: Outbox,
    bobs: TeamApi,
    receiver: Receiver,
    send: Send,
    now: Clock,
    failure: tuple[int, dict[str, str], bytes] | None,
) -> None:
    """Hung up, failed, redirected or asked to wait: the next attempt is the same message."""
    box.subscribe(**at(receiver))
    bobs.started()
    receiver.answer = lambda _: failure if len(receiver.calls) == 1 else OK

    send(1)
    now.pass_by(seconds=4)
    send(2)

    ids = [call.headers["webhook-id"] for call in receiver.calls]
    assert len(ids) == 2
    assert len(set(ids)) == 1


def test_an_address_that_is_not_public_is_not_reached(
    box: Outbox, bobs: TeamApi, receiver: Receiver, database: Database, config: Config, now: Clock
) -> None:
    """Its name says nothing; the answer says why."""
    settings = {"url": f"http://localhost:{receiver.port}/hook"}
    subscription = box.subscribe(settings=msgspec.json.encode(settings).decode())
    bobs.started()

    deliver(
        database, config, now, receiver, lambda: bool(box.rows(subscription)[0].attempts), Client()
    )

    assert receiver.calls == []
    assert "not a public one" in (box.rows(subscription)[0].answer or "")


def test_messages_of_a_run_come_in_order_however_many_runs(
    box: Outbox, bobs: TeamApi, receiver: Receiver, send: Send
) -> None:
    """Start before end, each once."""
    box.subscribe(**at(receiver))
    started = [bobs.started() for _ in range(10)]
    for execution in started:
        bobs.put(execution, {"journal": ended()})

    send(20)

    by_run: dict[str, list[str]] = {}
    for call in receiver.calls:
        by_run.setdefault(call.document["subject"], []).append(call.document["type"])
    assert len(receiver.calls) == 20
    assert set(map(tuple, by_run.values())) == {(f"chaosiq.{STARTED}", f"chaosiq.{FINISHED}")}


def test_a_failure_of_ours_is_an_answer_too(
    box: Outbox, bobs: TeamApi, database: Database, config: Config, now: Clock, receiver: Receiver
) -> None:
    """Settings that no version of this console wrote: nothing else is held up."""
    broken = box.subscribe()
    database.write(
        lambda c: c.execute(
            update(subscriptions_table)
            .where(subscriptions_table.c.id == broken.id)
            .values(settings='{"uri": 1}')
        )
    ).result()
    bobs.started()

    deliver(database, config, now, receiver, lambda: bool(box.rows(broken)[0].attempts))

    assert "the console failed: ValidationError" in (box.rows(broken)[0].answer or "")


def test_the_pause_grows_to_half_an_hour() -> None:
    """And no further; a day of attempts is a hundred, not thousands."""
    pauses = [retry.find_pause(failures, lambda: 0.5) for failures in (1, 2, 3, 11, 12, 99)]

    assert pauses == [1, 2, 4, 1024, 1800, 1800]


def test_the_docs_name_every_event_and_target() -> None:
    """With the words that pages use."""
    page = (Path(__file__).parents[2] / "docs" / "messages.md").read_text()

    assert dict(re.findall(r"^\| `([\w.-]+)` \| ([A-Z][^|`]*) \|$", page, re.MULTILINE)) == TYPES
    assert [name for name in TARGETS if f"| `{name}` |" not in page] == []


def test_what_is_removed_takes_its_subscriptions_along(
    box: Outbox, database: Database, acme: Organization, checkout: Team, ada: Member, now: Clock
) -> None:
    """A team's are ended, and open nothing any more; an organization's are deleted."""
    own = box.subscribe()
    box.subscribe(whole_organization=True)

    database.write(lambda c: teams.remove(c, checkout, now())).result()

    with database.read() as connection:
        row = connection.execute(
            select(subscriptions_table).where(subscriptions_table.c.id == own.id)
        ).one()
        remaining = subscriptions.list_subscriptions(connection, acme.id, checkout.id)
    assert (row.removed_at, row.settings, row.secret) == (now(), "{}", None)
    assert len(remaining) == 1
    database.write(lambda c: organizations.remove(c, acme.id)).result()
