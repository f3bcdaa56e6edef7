"""Replace a file in one step, so that nobody ever reads half of it."""

import contextlib
import os
import tempfile
from pathlib import Path

__all__ = ["replace_file"]


def replace_file(path: str | os.PathLike[str], content: str, mode: int) -> None:
    """Write `content` to a new file beside `path`, with `mode` whatever the umask, and swap them.

    The file a symbolic link points to is replaced, not the link. Raises `OSError` (disk full,
    folder not writable); the old file is then as it was, and nothing is left beside it.
    """
    target = Path(os.path.realpath(path))
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
    _remember_the_swap(target.parent)


def _remember_the_swap(folder: Path) -> None:
    """Ask the disk to keep the folder's new entry through a power cut, where that can be asked."""
    # Windows cannot open a folder, and some network file systems cannot sync one.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
