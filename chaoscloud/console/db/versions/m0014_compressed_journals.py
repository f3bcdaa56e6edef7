"""Journals may be compressed from here on; those that are there stay as they are.

Nothing changes in the tables. An earlier console could not read what this one writes, so it must
not open the database, and knows that by the revision.
"""

revision = "m0014_compressed_journals"
down_revision = "m0013_alerts"


def upgrade() -> None:
    """Leave everything as it is."""
