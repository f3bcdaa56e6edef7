"""What organizations and teams were called in addresses before they were renamed.

Such an address stays theirs: it leads on, and nobody else is given it.
"""

from datetime import datetime

from sqlalchemy import Connection, ScalarSelect, bindparam, delete, or_, select

from chaoscloud.console.db.schema import earlier_slugs

NO_ORGANIZATION = ""  # in the place of an organization's id: slugs of organizations themselves

_column = earlier_slugs.c


def replace(
    connection: Connection,
    organization_id: str,
    renamed_id: str,
    earlier: str,
    current: str,
    now: datetime,
) -> None:
    """Keep the slug that an organization or team had before it got its current one."""
    # Who takes an earlier name back has it as the current one.
    is_kept = _column.slug.in_((earlier, current))
    connection.execute(
        delete(earlier_slugs).where(_column.organization_id == organization_id, is_kept)
    )
    if earlier != current:
        connection.execute(
            earlier_slugs.insert().values(
                organization_id=organization_id,
                slug=earlier,
                renamed_id=renamed_id,
                created_at=now,
            )
        )


def remove_all(connection: Connection, removed_id: str) -> None:
    """Forget the slugs of an organization and its teams, or of one team, that is removed."""
    connection.execute(
        delete(earlier_slugs).where(
            or_(_column.renamed_id == removed_id, _column.organization_id == removed_id)
        )
    )


def list_slugs(
    connection: Connection, organization_id: str, *, other_than: str | None = None
) -> set[str]:
    """The slugs kept for an organization's teams (or for organizations), but for one's own."""
    statement = select(_column.slug).where(_column.organization_id == organization_id)
    if other_than is not None:
        statement = statement.where(_column.renamed_id != other_than)
    return set(connection.scalars(statement))


def renamed_organization(slug: str) -> ScalarSelect[str]:
    """The id of the organization that had the slug in the parameter of this name."""
    return (
        select(_column.renamed_id)
        .where(_column.organization_id == NO_ORGANIZATION, _column.slug == bindparam(slug))
        .scalar_subquery()
    )


def renamed_team(organization_id: object, slug: str) -> ScalarSelect[str]:
    """The id of the organization's team that had the slug in the parameter of this name."""
    return (
        select(_column.renamed_id)
        .where(_column.organization_id == organization_id, _column.slug == bindparam(slug))
        .scalar_subquery()
    )


_FIND_ORGANIZATION = select(renamed_organization("slug"))


def find_organization(connection: Connection, slug: str) -> str | None:
    """The id of the organization that had the slug before it was renamed."""
    return connection.scalar(_FIND_ORGANIZATION, {"slug": slug})
