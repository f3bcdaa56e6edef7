"""One's own tokens: made, shown once, revoked."""

from datetime import datetime, timedelta

from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.errors import NotFound
from chaoscloud.console.pages._visit import Visit, signed_in
from chaoscloud.console.records import audit, tokens

LONGEST_NAME = 60

EXPIRIES = {  # the field's value: what is said, and for how long it lasts
    "": ("Never", None),
    "30d": ("In 30 days", timedelta(days=30)),
    "90d": ("In 90 days", timedelta(days=90)),
    "365d": ("In a year", timedelta(days=365)),
}
EXPIRY_WORDS = {value: words for value, (words, _) in EXPIRIES.items()}


@signed_in
async def shown(visit: Visit) -> Response:
    """Every token of whoever looks."""
    return await _page(visit)


async def _page(visit: Visit, status: int = 200, **more: str) -> Response:
    mine = await visit.db.reading(tokens.listed, visit.caller.person_id)
    mine.sort(key=lambda token: (token.ended(visit.now), token.created_at))
    return await visit.page(
        "tokens.html",
        status,
        tokens=mine,
        expiries=EXPIRY_WORDS,
        **({"wrong": "", "secret": ""} | more),
    )


@signed_in
async def add(visit: Visit) -> Response:
    """Make a token; the answer shows it, and nothing will again."""
    given = await visit.form()
    name = named(given.get("name", ""))
    if not name:
        return await _page(
            visit, 422, wrong="Name it, so that you know it again: the machine, say."
        )
    secret = await visit.db.writing(
        make, visit.caller.person_id, name, given.get("for", ""), visit.now, visit.caller.person_id
    )
    return await _page(visit, secret=secret)


def named(typed: str) -> str:
    """A name as it is kept: one line, of no more than fits into one."""
    return " ".join(typed.split())[:LONGEST_NAME]


def make(
    connection: Connection, person_id: str, name: str, expiry: str, now: datetime, by: str
) -> str:
    """Keep a new token of a person; give the token itself."""
    _, lasts = EXPIRIES.get(expiry, EXPIRIES[""])
    _, secret = tokens.add(connection, person_id, name, now, now + lasts if lasts else None)
    audit.note(connection, "token.added", name, now, person_id=by)
    return secret


@signed_in
async def revoke(visit: Visit) -> Response:
    """End a token of one's own; it may be the one this session was opened with."""
    await visit.form()
    await visit.db.writing(
        end,
        visit.named("id"),
        visit.caller.person_id,
        visit.now,
        visit.caller.person_id,
    )
    return visit.back("/settings/tokens?said=revoked")


def end(connection: Connection, token_id: str, person_id: str, now: datetime, by: str) -> None:
    """Revoke a person's token. Raises `NotFound` when it is not theirs."""
    found = tokens.find(connection, token_id)
    if found is None or found.person_id != person_id:
        raise NotFound
    if tokens.revoke(connection, token_id, now):
        audit.note(connection, "token.revoked", f"{found.name} ({found.hint}…)", now, person_id=by)
