"""What can go wrong between the console and its database.

StorageError
├── CannotOpen      this database cannot be used, and why
├── CannotWrite     this write was not kept, and why (disk full, read-only, locked)
└── Busy            too many writes are waiting; ask again in a second
"""


class StorageError(Exception):
    """The database did not do what was asked; the message is fit for the operator's eyes."""


class CannotOpen(StorageError):
    """The database cannot be used at all."""


class CannotWrite(StorageError):
    """A write was not kept; nothing of it is in the database."""


class Busy(StorageError):
    """The queue of writes is full; `retry_after` is in seconds."""

    retry_after = 1
