"""Why a call failed: `chaoscloud.api` only logs that, and a delivery has to tell it on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from chaoscloud.api.answers import failure_of, refusal_of, was_stored
from chaoscloud.delivery.losses import NotStored

NOT_SENT = "it could not be sent (the debug log says why)"


class Witness:
    """Stands in for a console session and remembers why its last request got no answer."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._failure = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def request(self, *args: Any, **kwargs: Any) -> Any:
        """Pass a request on."""
        self._failure = ""
        try:
            return self._session.request(*args, **kwargs)
        except OSError as x:  # a console session raises those of `requests` only
            self._failure = failure_of(cast(Any, x))
            raise

    @contextmanager
    def taking_up_to(self, seconds: float) -> Iterator[None]:
        """Give the calls inside this long instead."""
        usual = self._session.call_limit
        self._session.call_limit = seconds
        try:
            yield
        finally:
            self._session.call_limit = usual

    def stored(self, answer: Any) -> Any:
        """The answer, when it means that the console stored what it was sent; else `NotStored`."""
        if answer is None:
            raise NotStored(self._failure or NOT_SENT)
        if not was_stored(answer):
            raise NotStored(refusal_of(answer))
        return answer
