"""Who owns a spool file: one process at a time, for as long as it lives.

The lock is the kernel's, on a file beside the spool: it goes with its process, however that ends.
"""

import contextlib
import os
import sys
import weakref
from pathlib import Path

__all__ = ["Lock"]

if sys.platform == "win32":  # pragma: no cover
    import msvcrt

    def _take(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Lock:
    """The lock of one spool file; `path` is the lock's own file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    def take(self) -> bool:
        """Own it; False when somebody else does. Raises `OSError` when no lock can be had."""
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _take(handle)
        except OSError as error:
            os.close(handle)
            if isinstance(error, BlockingIOError | PermissionError):
                return False
            raise
        self._handle = handle
        _taken.add(self)
        return True

    def remove(self) -> None:
        """Give it up, and its file with it: the spool is gone."""
        with contextlib.suppress(OSError):
            self.path.unlink()
        self.leave()

    def leave(self) -> None:
        """Give it up."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


_taken: "weakref.WeakSet[Lock]" = weakref.WeakSet()


def _leave_to_parent() -> None:
    """A forked child shares the parent's locks until it closes them, and would keep them alive."""
    for lock in list(_taken):
        lock.leave()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)
