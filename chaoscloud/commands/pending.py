"""What earlier runs could not send: how much of it lies here, and sending it now."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from chaoscloud import api
from chaoscloud.commands.directory import sentence
from chaoscloud.commands.environment import load_signed_in
from chaoscloud.commands.failures import ConsoleUnreachable, NotSignedIn, TokenRefused
from chaoscloud.delivery.retry import Blocked, Rejected, Retry
from chaoscloud.delivery.sender import Destination, count_of
from chaoscloud.delivery.spool import Spool
from chaoscloud.delivery.spool_directory import PendingCount, Recipient, SpoolDirectory
from chaoscloud.delivery.spool_sender import SpoolSender
from chaoscloud.delivery.transport import Transport
from chaoscloud.settings import Profile, read_profile

__all__ = ["SentRun", "count_pending", "describe_pending", "send_all", "send_pending"]

ATTEMPTS = 3  # in a row without success, before somebody is told to come back later


@dataclass
class SentRun:
    """What was sent of one run; `rejected` records were not taken, for a `reason`.

    `damaged` lines of its file could not be read, and were skipped. `waits` is why the rest is
    still pending, `address` the page of the execution where the console says so.
    """

    records: int = 0
    rejected: int = 0
    damaged: int = 0
    reason: str = ""
    waits: str = ""
    address: str | None = None

    def __str__(self) -> str:
        lines = [f"Sent {count_of(self.records, 'record')} of an earlier run"]
        lines[0] += f", see {self.address}" if self.address else "."
        if self.records == 0:
            lines.clear()
        if self.damaged:
            lines.append(f"{count_of(self.damaged, 'record')} could not be read any more: skipped.")
        if self.rejected:
            lines.append(f"The console did not take {self.rejected} of them: {self.reason}.")
        if self.waits:
            lines.append(f"Not sent, and still pending: {self.waits}.")
        return "\n".join(lines)


def count_pending(profile: Profile, settings_path: str) -> PendingCount:
    """How much is pending for the console of this profile, and how much besides."""
    return SpoolDirectory(Path(settings_path).parent).count(Recipient(profile.url, "", ""))


def describe_pending(profile: Profile, settings_path: str) -> str:
    """What is pending for the console of this profile, for people."""
    count = count_pending(profile, settings_path)
    line = "nothing"
    if count.records:
        runs = count_of(count.runs, "run")
        line = f"{count_of(count.records, 'record')} of {runs}, which `chaos publish` sends"
    if count.elsewhere:
        line += f"; {count_of(count.elsewhere, 'run')} for another console"
    if count.rejected:
        line += (
            f"; {count_of(count.rejected, 'run')} with records the console did not take, "
            "which `chaos publish --rejected` tries again"
        )
    return line


def send_pending(settings_path: str, *, rejected: bool = False) -> Iterator[SentRun]:
    """Send what is pending, run by run; with `rejected`, what the console did not take before.

    Raises `CommandFailed` when it cannot go on.
    """
    settings = load_signed_in(settings_path)
    profile = read_profile(settings)
    if not profile.token or profile.tenancy is None:
        raise NotSignedIn()
    recipient = Recipient(profile.url, profile.tenancy.org_id, profile.tenancy.team_id)
    folder = Path(settings_path).parent
    destination = Destination.of(recipient, lambda: api.open_session(settings), folder)
    yield from send_all(destination, rejected=rejected)


def send_all(
    destination: Destination,
    *,
    rejected: bool = False,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[SentRun]:
    """The same, for a destination. A run that this token may not send is left as it is.

    Raises `TokenRefused` once all are tried, if none of them could be sent for that reason.
    """
    blocked: list[SentRun] = []
    any_sent = False
    with destination.open_session() as session:
        transport = Transport(session)
        for spool in destination.directory.open_pending(destination.recipient, rejected=rejected):
            try:
                if rejected:
                    spool.retry_rejected()
                team_url = destination.team_url(spool.contents.header, session)
                run = _send(spool, SpoolSender(spool, transport, team_url), sleep)
            finally:
                spool.close()
            blocked += [run] if run.waits else []
            any_sent = any_sent or run.records > 0
            yield run
    destination.directory.tidy()
    if blocked and not any_sent:
        raise TokenRefused(sentence(blocked[0].waits))


def _send(spool: Spool, sender: SpoolSender, sleep: Callable[[float], object]) -> SentRun:
    before = spool.contents.sent
    run = SentRun(damaged=spool.contents.damaged)
    sender.end_orphan()
    while (decision := sender.step()) is not None:
        match decision:
            case Retry(seconds, reason):
                if sender.attempt >= ATTEMPTS:
                    raise ConsoleUnreachable(f"{sentence(reason)} What is pending stays here.")
                sleep(seconds)
            case Blocked(reason):
                run.waits = reason
                break
            case Rejected(reason):
                run.rejected += 1
                run.reason = run.reason or reason
    run.records = spool.contents.sent - before
    run.address = sender.address
    return run
