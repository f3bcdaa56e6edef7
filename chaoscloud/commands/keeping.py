"""What earlier runs could not send: how much of it lies here, and sending it now."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from chaoscloud import api
from chaoscloud.api import urls
from chaoscloud.commands.directory import sentence
from chaoscloud.commands.failures import (
    ConsoleUnreachable,
    NotSignedIn,
    TokenRefused,
)
from chaoscloud.delivery.courier import Courier
from chaoscloud.delivery.linking import link
from chaoscloud.delivery.passage import Passage
from chaoscloud.delivery.posting import Post, post_to
from chaoscloud.delivery.retry import Again, SetAside, Stop
from chaoscloud.delivery.shelf import Addressee, Kept, Shelf
from chaoscloud.delivery.spool import Spool
from chaoscloud.settings import Profile, get_orgs, load, read_profile

__all__ = ["Sent", "deliver_kept", "kept_line", "send_kept"]

ATTEMPTS = 3  # in a row without success, before somebody is told to come back later


@dataclass
class Sent:
    """What was sent of one run; `refused` records were not taken, for a `reason`.

    `damaged` lines of its file could not be read, and were skipped.
    """

    records: int = 0
    refused: int = 0
    damaged: int = 0
    reason: str = ""

    def __str__(self) -> str:
        said = f"Sent {_counted(self.records, 'record')} of an earlier run."
        if self.damaged:
            said += f" {_counted(self.damaged, 'record')} could not be read any more: skipped."
        if self.refused:
            said += f" The console did not take {self.refused} more: {self.reason}"
        return said


def kept_line(profile: Profile, settings_path: str) -> str:
    """What is kept for the console of this profile, for people."""
    kept = _kept(profile, settings_path)
    said = "nothing"
    if kept.records:
        runs = _counted(kept.runs, "run")
        said = f"{_counted(kept.records, 'record')} of {runs}, which `chaos publish` sends"
    if kept.elsewhere:
        said += f"; {_counted(kept.elsewhere, 'run')} for another console"
    if kept.refused:
        said += f"; {_counted(kept.refused, 'run')} with records the console did not take"
    return said


def send_kept(settings_path: str, sleep: Callable[[float], object] = time.sleep) -> Iterator[Sent]:
    """Send what is kept, run by run. Raises `CommandFailed` when it cannot go on."""
    settings = load(settings_path)
    profile = read_profile(settings)
    if not profile.token or profile.tenancy is None:
        raise NotSignedIn()
    with api.client_session(
        profile.url, get_orgs(settings), profile.verify_tls, settings
    ) as session:
        yield from deliver_kept(
            post_to(profile.url, profile.tenancy, session, Path(settings_path).parent), sleep
        )


def deliver_kept(post: Post, sleep: Callable[[float], object] = time.sleep) -> Iterator[Sent]:
    """Send what is kept on a shelf for its console. Raises `CommandFailed` likewise."""
    courier = Courier(post.session)
    for spool in post.shelf.waiting(post.to.console):
        try:
            yield _sent(spool, post, courier, sleep)
        finally:
            spool.close()


def _sent(spool: Spool, post: Post, courier: Courier, sleep: Callable[[float], object]) -> Sent:
    before = spool.contents.sent
    sent = Sent(damaged=spool.contents.damaged)
    url = post.team_url(spool.contents.header)
    passage = Passage(spool, courier, url, lambda *_: link(spool.contents))
    while (decision := passage.step()) is not None:
        match decision:
            case Again(seconds, reason):
                _give_up(passage.attempt, reason)
                sleep(seconds)
            case Stop(reason):
                raise TokenRefused(sentence(reason))
            case SetAside(reason):
                sent.refused += 1
                sent.reason = sent.reason or reason
    sent.records = spool.contents.sent - before
    return sent


def _give_up(attempt: int, reason: str) -> None:
    if attempt >= ATTEMPTS:
        raise ConsoleUnreachable(f"{sentence(reason)} What is kept stays where it is.")


def _kept(profile: Profile, settings_path: str) -> Kept:
    to = Addressee(urls.host(profile.url), "", "")
    return Shelf(Path(settings_path).parent).kept(to.console)


def _counted(count: int, name: str) -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"
