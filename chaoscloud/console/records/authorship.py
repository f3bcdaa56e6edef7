"""Who writes a record, for which team, and with which token."""

import msgspec


class Author(msgspec.Struct, frozen=True):
    """The person that a new record names, the team it will belong to, and the token used."""

    organization_id: str
    team_id: str
    person_id: str
    token_id: str | None = None
