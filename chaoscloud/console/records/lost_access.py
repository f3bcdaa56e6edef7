"""Who of those that wait for a decision may not have it any more."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from sqlalchemy import Connection, bindparam, select

from chaoscloud.console.db.schema import people, tokens
from chaoscloud.console.records import teams
from chaoscloud.console.records.tokens import VALID
from chaoscloud.console.rules.access import Role, sees_team


class TokenHolder(msgspec.Struct, frozen=True):
    """The person who asks about a team's run, and the token that they ask with."""

    token_id: str
    person_id: str
    organization_id: str
    team_id: str


_VALID_TOKENS = (
    select(tokens.c.id)
    .join(people, people.c.id == tokens.c.person_id)
    .where(tokens.c.id == bindparam("token"), VALID, people.c.removed_at.is_(None))
)


def find_lost(
    connection: Connection, holders: Iterable[TokenHolder], now: datetime
) -> frozenset[TokenHolder]:
    """Those whose token has ended, or who may not see the team any more."""
    return frozenset(holder for holder in holders if not _has_access(connection, holder, now))


def _has_access(connection: Connection, holder: TokenHolder, now: datetime) -> bool:
    if connection.scalar(_VALID_TOKENS, {"token": holder.token_id, "now": now}) is None:
        return False
    place = teams.find_access(connection, holder.organization_id, holder.team_id, holder.person_id)
    return place is not None and sees_team(Role(place.role), place.on_it)
