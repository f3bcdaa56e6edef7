"""Losing the safeguards, and finding them again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from chaoscloud.safeguards.contact import Contact


def minutes() -> Iterator[datetime]:
    """Noon, one minute past noon, and so on."""
    now = datetime(2026, 11, 27, 12, tzinfo=UTC)
    while True:
        yield now
        now += timedelta(minutes=1)


@pytest.fixture
def contact() -> Contact:
    """A contact whose clock moves a minute with every look."""
    clock = minutes()
    return Contact(lambda: next(clock))


def test_a_loss_is_said_once(contact: Contact, caplog: pytest.LogCaptureFixture) -> None:
    """A hundred questions without an answer are one warning."""
    contact.record_loss("the console does not answer")
    contact.record_loss("HTTP 503")

    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == (
        "Safeguards could not be asked: the console does not answer. "
        "The experiment carries on without them until the console answers again."
    )


def test_the_return_is_said_once(contact: Contact, caplog: pytest.LogCaptureFixture) -> None:
    """An answer is worth a word only after a loss."""
    contact.record_answer()
    contact.record_loss("the console does not answer")
    caplog.clear()

    contact.record_answer()
    contact.record_answer()

    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == "Safeguards answer again: this run is guarded again."


def test_each_gap_keeps_when_and_why(contact: Contact) -> None:
    """A gap that never ended has no end."""
    contact.record_loss("HTTP 503")
    contact.record_answer()
    contact.record_loss("the console does not answer")

    assert contact.gaps == [
        {
            "since": "2026-11-27T12:00:00+00:00",
            "until": "2026-11-27T12:01:00+00:00",
            "reason": "HTTP 503",
        },
        {
            "since": "2026-11-27T12:02:00+00:00",
            "until": None,
            "reason": "the console does not answer",
        },
    ]
