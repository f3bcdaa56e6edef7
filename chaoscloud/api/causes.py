"""What really went wrong beneath an error: each layer of HTTP wraps the one below in its own."""

from collections.abc import Iterator


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error and all those it wraps, in arguments, as a reason or as a cause; outermost first."""
    visited: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        current = waiting.pop(0)
        if not isinstance(current, BaseException) or id(current) in visited:
            continue
        visited.add(id(current))
        yield current
        waiting += [*current.args, getattr(current, "reason", None)]
        waiting += [current.__cause__, current.__context__]


def is_caused_by(
    error: BaseException, kinds: type[BaseException] | tuple[type[BaseException], ...]
) -> bool:
    """Whether an error of one of these kinds is beneath."""
    return any(isinstance(cause, kinds) for cause in causes(error))
