"""How often the console is asked, how long it may take, and how long its word holds."""

from dataclasses import dataclass

from chaoscloud.api.policies import NoAnswer
from chaoscloud.safeguards.ask import Reply

__all__ = ["PACE", "Pace"]


@dataclass(frozen=True)
class Pace:
    """Durations in seconds, and the arithmetic on them.

    `wait`: how long the console may keep a question; `slack`: what that may take beyond; `every`:
    between two questions it does not keep; `limit`: the longest an ordinary question takes;
    `current`: how long a control uses an answer, and `rest`, as a multiple of the time it took, a
    failure; `lease`: how long a run that requires safeguards goes on without an answer.
    """

    wait: int = 25
    slack: float = 5.0
    every: float = 1.0
    limit: float = 5.0
    current: float = 1.0
    rest: float = 10.0
    lease: float = 60.0

    def time_limit(self, before: Reply, lease_left: float) -> float:
        """How long the next question of the watch may take."""
        usual = self.wait + self.slack if before.tag else self.limit
        return min(usual, max(lease_left, self.every))

    def pause(self, before: Reply, reply: Reply, took: float) -> float:
        """How long to wait before asking again.

        Not at all after a question that was kept, or that brought another verdict from a server
        that keeps them. A server that answers at once and says nothing new is asked in its turn.
        """
        news = reply.held and reply.tag is not None and reply.tag != before.tag
        return 0.0 if news else max(0.0, self.every - took)

    def current_for(self, reply: Reply, took: float) -> float:
        """How long a control need not ask for itself after this reply, which took so long."""
        if isinstance(reply.answer, NoAnswer):
            return max(self.current, self.rest * took)
        return self.current


PACE = Pace()
