"""What a console has when it starts for the first time."""

from datetime import datetime

from sqlalchemy import Connection, select

from chaoscloud.console.db.engines import lock_out_others
from chaoscloud.console.db.schema import organizations as organizations_table
from chaoscloud.console.db.schema import people as people_table
from chaoscloud.console.records import organizations, people, teams, tokens
from chaoscloud.console.rules.access import Role


def begin(connection: Connection, now: datetime) -> str | None:
    """Give an empty console an organization, a team and an owner; give the owner's token.

    None when somebody is there already: whoever set the console up otherwise is left alone.
    """
    lock_out_others(connection)
    if any(
        connection.execute(select(table.c.id).limit(1)).first()
        for table in (organizations_table, people_table)
    ):
        return None
    organization = organizations.add(connection, "My organization", now)
    team = teams.add(connection, organization.id, "My team", now)
    owner = people.add(connection, "owner", now)
    organizations.admit(connection, organization.id, owner.id, Role.OWNER)
    teams.join(connection, team.id, owner.id)
    _, secret = tokens.add(
        connection, owner.id, "first token", now, organization_id=organization.id
    )
    return secret
