"""The table of notes on executions, and of findings among them."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table, Text

from chaoscloud.console.db.columns import Moment, creation_time, id_column, metadata, reference

notes = Table(  # what people write about an execution
    "notes",
    metadata,
    id_column(),
    reference("team_id", "teams"),
    Column(
        "execution_id",
        String(36),
        ForeignKey("executions.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("experiment_id", String(36), nullable=False),
    reference("person_id", "people"),
    Column("text", Text, nullable=False),
    creation_time(),
    Column("is_finding", Boolean, nullable=False),
    Column("ticket", Text),  # the address of a ticket about it
    Column("fixed_at", Moment),  # when somebody last said that the finding is fixed
    Column("fixed_by", String(36)),  # who
    Index("notes_by_execution", "execution_id", "created_at"),
    Index("notes_by_team", "team_id", "is_finding", "created_at", "id"),
)
