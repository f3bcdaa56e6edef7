"""Nothing reaches from one organization or team into another, and records keep their versions."""

import sqlalchemy as sa
from alembic import op

from chaoscloud.console.db.schema import Moment

revision = "m0004_tenancy"
down_revision = "m0003_decisions"


def upgrade() -> None:
    """Add what is new, and give what was shared to each who had it."""
    op.add_column("teams", sa.Column("removed_at", Moment))
    op.add_column(
        "executions",
        sa.Column("is_stop_test", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    for table in ("executions", "verification_runs"):
        op.add_column(
            table, sa.Column("journal_number", sa.Integer, nullable=False, server_default="1")
        )
        op.add_column(table, sa.Column("journal_person_id", sa.String(36)))
        op.add_column(table, sa.Column("journal_at", Moment))
    op.create_table(
        "journal_versions",
        sa.Column("record_id", sa.String(36), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("journal", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("results", sa.Text),
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
    )
    op.add_column("audit", sa.Column("token_id", sa.String(36)))
    op.add_column("audit", sa.Column("object_type", sa.String(16)))
    op.add_column("audit", sa.Column("object_id", sa.Text))
    op.create_index("audit_by_organization", "audit", ["organization_id", "seq"])
    _let_names_repeat()
    _bound_tokens()
    _give_each_team_its_document()


def _let_names_repeat() -> None:
    """Drop the unique name of people; SQLite gives the constraint no name to drop it by."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("people_name_key", "people")
        return
    convention = {"uq": "uq_%(table_name)s_%(column_0_name)s"}
    with op.batch_alter_table("people", naming_convention=convention) as table:
        table.drop_constraint("uq_people_name", type_="unique")


def _bound_tokens() -> None:
    """Let each token open the organizations that its person belongs to today, and no later one."""
    op.create_table(
        "token_organizations",
        sa.Column("token_id", sa.String(36), sa.ForeignKey("tokens.id"), primary_key=True),
        sa.Column(
            "organization_id", sa.String(36), sa.ForeignKey("organizations.id"), primary_key=True
        ),
    )
    op.execute(
        "INSERT INTO token_organizations (token_id, organization_id)"
        " SELECT tokens.id, memberships.organization_id FROM tokens"
        " JOIN memberships ON memberships.person_id = tokens.person_id"
    )


def _give_each_team_its_document() -> None:
    """Copy the latest version for each team that shares an experiment it never sent itself."""
    connection = op.get_bind()
    links = connection.execute(
        sa.text(
            "SELECT team_id, experiment_id FROM team_experiments AS link WHERE NOT EXISTS ("
            "SELECT 1 FROM experiment_versions AS version"
            " WHERE version.experiment_id = link.experiment_id"
            " AND version.team_id = link.team_id)"
        )
    ).all()
    for link in links:
        values = {"team": link.team_id, "experiment": link.experiment_id}
        connection.execute(
            sa.text(
                "INSERT INTO experiment_versions"
                " (experiment_id, number, digest, document, team_id, person_id, created_at)"
                " SELECT experiment_id, number + 1, digest, document, :team, person_id, created_at"
                " FROM experiment_versions WHERE experiment_id = :experiment"
                " ORDER BY number DESC LIMIT 1"
            ),
            values,
        )
        connection.execute(
            sa.text(
                "UPDATE experiments SET latest_version = latest_version + 1 WHERE id = :experiment"
            ),
            values,
        )
