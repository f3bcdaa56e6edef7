"""For how long an organization keeps events and journals, and what it holds: for its owners."""

from typing import Annotated

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from chaoscloud.console.api._answers import json, nothing
from chaoscloud.console.api._body import body_of, check_json, decode_as, offload
from chaoscloud.console.api._team_request import database_of
from chaoscloud.console.api.safeguards import Scope, owner_scope
from chaoscloud.console.errors import Conflict, NotFound, Unprocessable
from chaoscloud.console.records import AlreadyThere, removals, retention
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

Days = Annotated[int, msgspec.Meta(ge=FEWEST_DAYS, le=MOST_DAYS)]
Tag = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=36)]
Reason = Annotated[str, msgspec.Meta(max_length=LONGEST_REASON)]


class RetentionView(msgspec.Struct, frozen=True):
    """For how many days after its start a run's events and journal are kept (null: for ever).

    `holds` is what is left alone; `due` is what would be removed now.
    """

    event_days: int | None
    journal_days: int | None
    holds: list[Hold]
    due: Preview


class NewRetention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days, or null for ever. With `dry_run` nothing is changed: `due` says what would go."""

    event_days: Days | None
    journal_days: Days | None
    dry_run: bool = False


class NewHold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every run with this tag, or this execution: one of the two."""

    tag: Tag | None = None
    execution_id: Id | None = None
    reason: Reason = ""


async def read(request: Request) -> Response:
    """What the organization keeps, what it holds, and what would be removed now."""
    scope = await owner_scope(request)
    return json(await database_of(request).reading(_describe, scope))


async def write(request: Request) -> Response:
    """Choose for how long events and journals are kept; a dry run says what would be removed."""
    scope = await owner_scope(request)
    sent = await offload(
        lambda body: decode_as(check_json(body), NewRetention), await body_of(request)
    )
    choice = Retention(sent.event_days, sent.journal_days)
    database = database_of(request)
    if sent.dry_run:
        return json(await database.reading(_describe, scope, choice))
    await database.writing(
        retention.set_retention, scope.organization_id, choice, _actor(scope), scope.now
    )
    return json(await database.reading(_describe, scope))


async def add_hold(request: Request) -> Response:
    """Hold every run with a tag, or one execution, from removal."""
    scope = await owner_scope(request)
    sent = await offload(lambda body: decode_as(check_json(body), NewHold), await body_of(request))
    if (sent.tag is None) == (sent.execution_id is None):
        raise Unprocessable("Name a tag or an execution_id: one of the two.")
    try:
        hold = await database_of(request).writing(_add_hold, scope, sent)
    except AlreadyThere as error:
        raise Conflict(f"{error}.") from None
    except NoSuchExecution:
        raise NotFound("The organization has no execution of this id.") from None
    return json(hold, 201)


async def remove_hold(request: Request) -> Response:
    """End a hold."""
    scope = await owner_scope(request)
    hold_id = request.path_params["hold"]
    if not await database_of(request).writing(
        retention.remove_hold, scope.organization_id, hold_id, _actor(scope), scope.now
    ):
        raise NotFound("There is no such hold.")
    return nothing()


def _describe(
    connection: Connection, scope: Scope, choice: Retention | None = None
) -> RetentionView:
    organization_id = scope.organization_id
    choice = choice or retention.read_retention(connection, organization_id)
    return RetentionView(
        choice.event_days,
        choice.journal_days,
        retention.list_holds(connection, organization_id),
        removals.preview(connection, organization_id, choice, scope.now),
    )


def _add_hold(connection: Connection, scope: Scope, sent: NewHold) -> Hold:
    hold_id = retention.add_hold(
        connection,
        scope.organization_id,
        _actor(scope),
        scope.now,
        tag=sent.tag,
        execution_id=sent.execution_id,
        reason=sent.reason,
    )
    holds = retention.list_holds(connection, scope.organization_id)
    return next(hold for hold in holds if hold.id == hold_id)


def _actor(scope: Scope) -> Actor:
    return Actor(person_id=scope.caller.person_id, token_id=scope.caller.token_id)
