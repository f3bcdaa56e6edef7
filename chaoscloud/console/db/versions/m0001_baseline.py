"""The tables of version 1.0.0, where Alembic begins.

A database that 1.0.0 wrote already has them, and a new database is made from `schema.py` at once.
"""

revision = "m0001_baseline"
down_revision = None


def upgrade() -> None:
    """Change nothing: the tables are there."""
