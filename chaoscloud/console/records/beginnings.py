"""What a console has when it starts for the first time."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, select

from chaoscloud.console.db.engines import lock_out_others
from chaoscloud.console.db.schema import organizations as organizations_table
from chaoscloud.console.db.schema import people as people_table
from chaoscloud.console.records import organizations, people, sessions, teams, tokens
from chaoscloud.console.rules.access import Role


class FirstOwner(msgspec.Struct, frozen=True):
    """How the owner of a new console gets in: by a token, and in a browser by a link, once."""

    token: str
    link_secret: str


def begin(connection: Connection, now: datetime) -> FirstOwner | None:
    """Give an empty console an organization, a team and an owner; return what lets the owner in.

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
    token, secret = tokens.add(
        connection, owner.id, "first token", now, organization_id=organization.id
    )
    return FirstOwner(secret, sessions.add_link(connection, token.id, now))
