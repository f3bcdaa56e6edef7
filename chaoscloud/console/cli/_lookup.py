"""Find the organization, the team or the person that an operator means."""

from collections.abc import Sequence

import click
from sqlalchemy import Connection

from chaoscloud.console.records import experiments, organizations, people, teams
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.people import Person
from chaoscloud.console.records.teams import Team


def find_organization(connection: Connection, word: str | None) -> Organization:
    """The organization meant: the one named, or the only one there is."""
    if word is not None:
        match = organizations.find(connection, word)
        if match is None:
            raise click.ClickException(_unknown("organization", word, _organizations(connection)))
        return match
    there = organizations.list_page(connection)
    if not there:
        raise click.ClickException(
            "There is no organization yet: add one with `chaosiq-console organization add NAME`."
        )
    if len(there) > 1:
        raise click.UsageError(
            f"Say which organization with --organization: {_these(_organizations(connection))}."
        )
    return there[0]


def find_team(connection: Connection, organization: Organization, word: str) -> Team:
    """The team of the organization meant."""
    match = teams.find(connection, organization.id, word)
    if match is None:
        names = [team.name for team in teams.of_organization(connection, organization.id)]
        raise click.ClickException(_unknown("team", word, names))
    return match


def find_experiment(connection: Connection, team: Team, word: str) -> str:
    """The id of the team's experiment of this id or title."""
    matching = experiments.find_by_word(connection, team.id, word)
    if not matching:
        raise click.ClickException(f"There is no experiment {word!r} in team {team.name!r}.")
    if len(matching) > 1:
        raise click.UsageError(f"Several experiments are called {word!r}: give an id.")
    return matching[0]


def find_person(
    connection: Connection, word: str, organization: Organization | None = None
) -> Person:
    """The person of this id or name; of one organization, if one is given."""
    matching = people.find_matching(connection, word)
    if organization is not None:
        members = people.of_organization(connection, organization.id)
        matching = [person for person in matching if person in members]
    else:
        members = people.list_everybody(connection)
    if not matching:
        names = sorted({person.name for person in members})
        raise click.ClickException(_unknown("person", word, names))
    if len(matching) > 1:
        choices = "; ".join(
            f"{person.id} ({affiliations(connection, person.id)})" for person in matching
        )
        raise click.UsageError(f"Several people are called {word!r}: give an id. {choices}.")
    return matching[0]


def affiliations(connection: Connection, person_id: str) -> str:
    """Where a person belongs, in words; a dash for nowhere."""
    places = (
        f"{place.organization_name} ({', '.join([place.role, *place.team_names])})"
        for place in people.list_affiliations(connection, person_id)
    )
    return "; ".join(places) or "-"


def _organizations(connection: Connection) -> list[str]:
    return [organization.name for organization in organizations.list_page(connection)]


def _unknown(kind: str, word: str, known: Sequence[str]) -> str:
    hint = f"; there is {_these(known)}" if known else f"; there is no {kind} yet"
    return f"There is no {kind} {word!r}{hint}."


def _these(names: Sequence[str]) -> str:
    listing = ", ".join(repr(name) for name in names[:10])
    return f"{listing} and {len(names) - 10} more" if len(names) > 10 else listing
