"""How often the console is asked, how long it may take, and how long an answer counts."""

from dataclasses import dataclass

from chaoscloud.api.policies import NoAnswer
from chaoscloud.safeguards.question import PolicyReply

__all__ = ["TIMING", "Timing"]


@dataclass(frozen=True)
class Timing:
    """Durations in seconds, and the arithmetic on them.

    `wait`: how long the console may hold a question; `slack`: what that may take beyond; `every`:
    between two questions that it does not hold; `limit`: the longest that an ordinary question
    takes; `fresh`: how long a control uses an answer, and `fresh_held` while the console holds a
    question of the watch, and so would tell of a change; `backoff`: how long a control asks nothing
    after a failure, as a multiple of the time that took; `lease`: how long a run that requires
    safeguards goes on without an answer.
    """

    wait: int = 25
    slack: float = 5.0
    every: float = 1.0
    limit: float = 5.0
    fresh: float = 1.0
    fresh_held: float = 5.0
    backoff: float = 10.0
    lease: float = 60.0

    def time_limit(self, known: PolicyReply, wait: int | None, lease_left: float) -> float:
        """How long a question of the watch may take; it may be held for `wait` seconds."""
        usual = wait + self.slack if known.etag and wait else self.limit
        return min(usual, max(lease_left, self.every))

    def pause(self, known: PolicyReply, reply: PolicyReply, duration: float) -> float:
        """How long to wait before asking again, after a question that took `duration`.

        Not at all after a question that was held, or one that brought another decision from a
        server that holds them. A server that answers at once and says nothing new is asked again
        when its turn comes.
        """
        is_news = reply.is_held and reply.etag is not None and reply.etag != known.etag
        return 0.0 if is_news else max(0.0, self.every - duration)

    def fresh_for(self, reply: PolicyReply, duration: float) -> float:
        """How long a control need not ask for itself after this reply, which took `duration`."""
        if isinstance(reply.answer, NoAnswer):
            return max(self.fresh, self.backoff * duration)
        return self.fresh

    def shorter_wait(self, wait: int, duration: float) -> int:
        """How long to have the next question held, after one that was cut after `duration`."""
        return max(1, int(min(wait, duration) / 2))


TIMING = Timing()
