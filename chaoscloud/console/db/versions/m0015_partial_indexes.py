"""The partial indexes of outcomes, in the form in which SQLite chooses them."""

from alembic import op

from chaoscloud.console.db.schema import IS_DRY, IS_INCONCLUSIVE, IS_LEFT_BEHIND

revision = "m0015_partial_indexes"
down_revision = "m0014_compressed_journals"

INDEXES = {
    "outcomes_dry": (IS_DRY, "dry", ()),
    "outcomes_inconclusive": (IS_INCONCLUSIVE, "conclusive", ("outcome",)),
    "outcomes_left_behind": (IS_LEFT_BEHIND, "left_behind", ()),
}


def upgrade() -> None:
    """Make them anew: one look through the outcomes each."""
    for name, (condition, flag, more) in INDEXES.items():
        op.drop_index(name, "outcomes")
        op.create_index(
            name,
            "outcomes",
            ["team_id", flag, "started_at", "execution_id", *more],
            sqlite_where=condition,
            postgresql_where=condition,
        )
