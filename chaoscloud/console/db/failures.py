"""What can go wrong between the console and its database.

StorageError
├── CannotOpen      this database cannot be used, and why
├── CannotRead      it did not answer, or is damaged
├── CannotWrite     this write was not kept, and why (read-only, locked, damaged)
│   └── DiskFull    there is no room for it
└── QueueFull       too many writes are waiting; ask again in a second
"""

from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as NoConnection


class StorageError(Exception):
    """The database did not do what was asked; the message is fit for the operator's eyes."""


class CannotOpen(StorageError):
    """The database cannot be used at all."""


class CannotRead(StorageError):
    """The database did not answer; what it holds may be whole."""


class CannotWrite(StorageError):
    """A write was not kept; nothing of it is in the database."""


class DiskFull(CannotWrite):
    """There is no room on the disk."""


class QueueFull(StorageError):
    """The queue of writes is full."""


# What was asked made no sense: a fault of the asker's own, and no reason to ask again later.
_ASKERS_OWN = (IntegrityError, DataError, ProgrammingError, NotSupportedError)

# SQLite reports an exceeded quota, and the lack of room for its shared memory, as I/O errors.
_NO_ROOM = {"SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE", "53100"}
_DAMAGED = {"SQLITE_CORRUPT", "SQLITE_NOTADB", "XX001", "XX002"}


def is_trouble(error: BaseException) -> bool:
    """Whether the database is in trouble, rather than asked for nonsense."""
    if isinstance(error, NoConnection):
        return True
    return isinstance(error, DBAPIError) and not isinstance(error, _ASKERS_OWN)


def is_disk_full(error: BaseException) -> bool:
    """Whether there was no room on the disk."""
    return _code(error) in _NO_ROOM


def is_damage(error: BaseException) -> bool:
    """Whether the database file is damaged."""
    return _code(error) in _DAMAGED or _code(error).startswith("SQLITE_CORRUPT")


def describe_error(error: BaseException) -> str:
    """What the driver reported, in one line, without the statement and its values."""
    reported = error.orig if isinstance(error, DBAPIError) else error
    return " ".join(str(reported).split())


def _code(error: BaseException) -> str:
    """The driver's code of an error: SQLite's name for it, or PostgreSQL's five characters."""
    reported = error.orig if isinstance(error, DBAPIError) else error
    name = getattr(reported, "sqlite_errorname", None) or getattr(reported, "sqlstate", None)
    return str(name or "")
