"""For how long the organization keeps events and journals, and what it holds: for its owners."""

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.errors import NotFound
from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.records import AlreadyThere, TooMany, removals, retention
from chaoscloud.console.records.audit import Actor
from chaoscloud.console.records.removals import Preview
from chaoscloud.console.records.retention import (
    FEWEST_DAYS,
    LONGEST_REASON,
    MOST_DAYS,
    Hold,
    NoSuchExecution,
    Retention,
)
from chaoscloud.console.rules.access import Role

LONGEST_TAG = 128  # characters


class WrongDays(ValueError):
    """What was typed is no number of days; the message says so."""


class RetentionPage(msgspec.Struct, frozen=True):
    """What the page shows; `asked` is a choice that was asked about and not made."""

    choice: Retention
    holds: list[Hold]
    due: Preview
    asked: Retention | None = None

    @property
    def form_values(self) -> Retention:
        """The values of the form."""
        return self.asked or self.choice


@of_team
async def show(visit: Visit) -> Response:
    """What is kept, what is held, and what would be removed now."""
    return await _show(visit)


async def _show(
    visit: Visit, status: int = 200, wrong: str = "", asked: Retention | None = None
) -> Response:
    if visit.scope.role is not Role.OWNER:
        raise NotFound
    page = await visit.db.reading(_load, visit, asked)
    execution_id = visit.request.query_params.get("execution", "")
    return await visit.page(
        "retention.html",
        status,
        tab="Audit log",
        page=page,
        wrong=wrong,
        execution_id=execution_id[:36],
        most_days=MOST_DAYS,
    )


def _load(connection: Connection, visit: Visit, asked: Retention | None) -> RetentionPage:
    organization_id = visit.scope.organization_id
    choice = retention.read_retention(connection, organization_id)
    return RetentionPage(
        choice,
        retention.list_holds(connection, organization_id),
        removals.preview(connection, organization_id, asked or choice, visit.now),
        asked,
    )


@of_team
async def change(visit: Visit) -> Response:
    """Choose for how long events and journals are kept, or ask what that would remove."""
    form = await _read_owners_form(visit)
    try:
        choice = Retention(
            _read_days(form.get("event_days", "")), _read_days(form.get("journal_days", ""))
        )
    except WrongDays as error:
        return await _show(visit, 422, str(error))
    if form.get("do") != "save":
        return await _show(visit, asked=choice)
    organization_id = visit.scope.organization_id
    await visit.db.writing(
        retention.set_retention, organization_id, choice, _actor(visit), visit.now
    )
    return visit.back(f"{visit.base}/retention?said=retention")


@of_team
async def hold(visit: Visit) -> Response:
    """Hold every run with a tag, or one execution."""
    form = await _read_owners_form(visit)
    tag = form.get("tag", "").strip()[:LONGEST_TAG] or None
    execution_id = form.get("execution", "").strip() or None
    if (tag is None) == (execution_id is None):
        return await _show(visit, 422, "Name a tag, or the id of an execution: one of the two.")
    try:
        await visit.db.writing(
            retention.add_hold,
            visit.scope.organization_id,
            _actor(visit),
            visit.now,
            tag=tag,
            execution_id=execution_id,
            reason=" ".join(form.get("reason", "").split())[:LONGEST_REASON],
        )
    except (AlreadyThere, TooMany) as error:
        return await _show(visit, 422, f"{str(error)[:1].upper()}{str(error)[1:]}")
    except NoSuchExecution:
        return await _show(visit, 422, "The organization has no execution of this id.")
    return visit.back(f"{visit.base}/retention?said=held")


@of_team
async def release(visit: Visit) -> Response:
    """End a hold."""
    await _read_owners_form(visit)
    organization_id = visit.scope.organization_id
    await visit.db.writing(
        retention.remove_hold, organization_id, visit.parameter("id"), _actor(visit), visit.now
    )
    return visit.back(f"{visit.base}/retention?said=unheld")


async def _read_owners_form(visit: Visit) -> Mapping[str, str]:
    form = await visit.form()
    if visit.scope.role is not Role.OWNER:
        raise NotFound
    return form


def _read_days(typed: str) -> int | None:
    """A number of days; None (for ever) for an empty field. Raises `WrongDays`."""
    typed = typed.strip()
    if not typed:
        return None
    if not (typed.isascii() and typed.isdigit() and len(typed) <= len(str(MOST_DAYS))):
        raise WrongDays("Write a number of days, or nothing: then it is kept for ever.")
    days = int(typed)
    if not FEWEST_DAYS <= days <= MOST_DAYS:
        raise WrongDays(f"Something is kept for {FEWEST_DAYS} to {MOST_DAYS:,} days, or for ever.")
    return days


def _actor(visit: Visit) -> Actor:
    return Actor(person_id=visit.caller.person_id, token_id=visit.caller.token_id)
