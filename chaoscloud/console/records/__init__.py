"""What the console keeps: functions of a connection, giving small frozen values.

They never commit (the database's writer does) and know nothing of the web.
"""

from chaoscloud.console.records._rows import AlreadyThere, TooMany

__all__ = ["AlreadyThere", "TooMany"]
