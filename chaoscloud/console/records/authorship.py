"""Who keeps something, and for which team."""

import msgspec


class Author(msgspec.Struct, frozen=True):
    """The person something is kept for, and the team it will belong to."""

    organization_id: str
    team_id: str
    person_id: str
