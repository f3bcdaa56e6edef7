"""The console put together: the only file that sees all of it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, Route

from chaoscloud.console import api, errors, pages
from chaoscloud.console.api.access_cache import AccessCache
from chaoscloud.console.background import repeat, start
from chaoscloud.console.bodies import BodyRoom
from chaoscloud.console.config import Config
from chaoscloud.console.db import CannotRead, Database, DiskFull, QueueFull, StorageError
from chaoscloud.console.errors import Problem, Unprocessable, for_request
from chaoscloud.console.messages.delivery import Delivery
from chaoscloud.console.messages.outbox import MOST_PRUNED, prune
from chaoscloud.console.middleware import RequestMiddleware, is_api
from chaoscloud.console.outgoing import Client
from chaoscloud.console.pages.errors import show_error
from chaoscloud.console.pages.security import secure
from chaoscloud.console.rates import RateLimiter
from chaoscloud.console.records import TooMany, expected_runs
from chaoscloud.console.records.experiment_lists import fill_tags
from chaoscloud.console.records.experiment_summaries import fill_summaries
from chaoscloud.console.records.idempotency import KeyReused
from chaoscloud.console.records.lost_contacts import forget_found, has_lost, notice_lost
from chaoscloud.console.records.outcomes import fill_outcomes
from chaoscloud.console.records.run_results import fill_times
from chaoscloud.console.retention_task import PERIOD, apply_retention
from chaoscloud.console.watch import Watch

log = logging.getLogger("chaosiq.console")


def _utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    config: Config, database: Database, *, now: Callable[[], datetime] = _utc_now
) -> Starlette:
    """The console on this database; `now` is its clock."""
    limiter = RateLimiter(config.rates)
    folder = config.data if config.data.is_dir() else None
    app = Starlette(
        routes=[*api.routes, *pages.routes],
        middleware=[
            Middleware(
                RequestMiddleware,
                room=BodyRoom(config.body_limit, folder),
                limiter=limiter,
                access_log=config.access_log,
                hosts=config.hosts,
                secure=(config.public_url or "").startswith("https:"),
            )
        ],
        exception_handlers=HANDLERS,
        lifespan=_work_beside,
    )
    app.state.config = config
    app.state.db = database
    app.state.now = now
    app.state.stopping = asyncio.Event()  # set when held connections are to end
    client = Client(config.webhook_networks, config.proxies)
    app.state.watch = Watch(database, now, app.state.stopping, client)
    app.state.delivery = Delivery(database, config, client, now)
    app.state.access_cache = AccessCache()
    app.state.limiter = limiter
    return app


# --- beside requests ---------------------------------------------------------------------------

STEP_PAUSE = 0.05  # seconds between two steps, in which ingest has the writer to itself
LOOK = "the look for silent executions"
LOOK_AFTER = 15.0  # seconds between two of them
RETRY_PAUSE = 10  # seconds after a step that the database refused


@asynccontextmanager
async def _work_beside(app: Starlette) -> AsyncIterator[None]:
    database, now = app.state.db, app.state.now
    look = partial(look_after_messages, database, now)
    tasks = [
        start(_work(database, now), "the work on earlier records"),
        start(app.state.delivery.run(), "the delivery of messages"),
        start(repeat(look, LOOK_AFTER, LOOK), LOOK),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def look_after_messages(database: Database, now: Callable[[], datetime]) -> None:
    """Notice executions that say nothing any more or did not come, and forget old messages."""
    if await database.reading(has_lost, now()):
        await database.writing(notice_lost, now())
    await database.writing(forget_found)
    await judge_expected_runs(database, now())
    while await database.writing(prune, now()) == MOST_PRUNED:
        await asyncio.sleep(STEP_PAUSE)


async def judge_expected_runs(database: Database, now: datetime) -> None:
    """Notice expected runs that did not come, and those that did and are recorded later."""
    if await database.reading(expected_runs.has_due, now):
        await database.writing(expected_runs.judge_due, now)
    if late := await database.reading(expected_runs.list_late, now):
        await database.writing(expected_runs.note_late, late)


async def _work(database: Database, now: Callable[[], datetime]) -> None:
    await compute_missing(database)  # before retention may remove what it reads
    await repeat(partial(apply_retention, database, now), PERIOD, "retention")


async def compute_missing(database: Database) -> None:
    """Compute what a version before outcomes did not: outcomes, then the times of samples."""
    for fill in (fill_outcomes, fill_summaries, fill_tags, fill_times):
        last: str | None = ""
        while last is not None:
            try:
                last = await database.writing(fill, last)
                await asyncio.sleep(STEP_PAUSE)
            except StorageError as error:
                log.warning("cannot read earlier records again yet: %s", error)
                await asyncio.sleep(RETRY_PAUSE)


# --- what went wrong, as an answer -------------------------------------------------------------


Handler = Callable[[Request, Any], Awaitable[Response]]


def _handler(problem_of: Callable[[Any], Problem]) -> Handler:
    async def handle(request: Request, error: Exception) -> Response:
        problem = problem_of(error)
        if problem.status == 405:
            problem.headers["Allow"] = ", ".join(_list_allowed_methods(request))
        if is_api(request.url.path):
            return for_request(problem, request)
        return secure(await show_error(request, problem.status, problem.detail))

    return handle


def _list_allowed_methods(request: Request) -> list[str]:
    """The methods of every route that has this address; Starlette tells those of the first."""
    routes = (route for route in request.app.routes if isinstance(route, Route))
    fitting = (route for route in routes if route.matches(request.scope)[0] is not Match.NONE)
    return sorted({method for route in fitting for method in route.methods or ()})


def _of_storage(error: StorageError) -> Problem:
    if isinstance(error, QueueFull):
        return errors.Busy()
    if isinstance(error, DiskFull):
        return errors.InsufficientStorage(f"Nothing of it is recorded: {error}")
    if isinstance(error, CannotRead):
        return errors.Busy("The console's database does not answer; ask again in a moment.")
    return errors.Busy("The console could not keep it; nothing of it is recorded.")


def _of_http(error: HTTPException) -> Problem:
    return Problem(error.status_code, error.detail, headers=error.headers)


def _of_reused_key(error: KeyReused) -> Problem:
    detail = "This Idempotency-Key was sent before, with another body or elsewhere."
    return Problem(422, Unprocessable.known[1], detail, extra={"id": error.resource_id})


def _of_too_many(error: TooMany) -> Problem:
    return Unprocessable(str(error))


def _of_unexpected(error: Exception) -> Problem:
    log.error("an unexpected error", exc_info=error)
    return Problem(500, "Internal Server Error", "The console failed; its log says how.")


def _of_gone_client(error: ClientDisconnect) -> Problem:
    return Problem(400, "Bad Request", "The body ended before its end.")


HANDLERS: Mapping[Any, Handler] = {
    Problem: _handler(lambda problem: problem),
    StorageError: _handler(_of_storage),
    KeyReused: _handler(_of_reused_key),
    TooMany: _handler(_of_too_many),
    HTTPException: _handler(_of_http),
    ClientDisconnect: _handler(_of_gone_client),
    Exception: _handler(_of_unexpected),
}
