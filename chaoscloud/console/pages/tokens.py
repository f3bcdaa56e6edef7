"""One's own tokens: made, shown once, revoked."""

from datetime import datetime, timedelta

from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.auth import Caller
from chaoscloud.console.errors import NotFound
from chaoscloud.console.pages._visit import Visit, signed_in
from chaoscloud.console.records import audit, organizations, tokens
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.people import Person
from chaoscloud.console.records.tokens import Token

LONGEST_NAME = 60

EXPIRIES = {  # the field's value: its label, and for how long the token lasts
    "": ("Never", None),
    "30d": ("In 30 days", timedelta(days=30)),
    "90d": ("In 90 days", timedelta(days=90)),
    "365d": ("In a year", timedelta(days=365)),
}
EXPIRY_WORDS = {value: words for value, (words, _) in EXPIRIES.items()}


@signed_in
async def show(visit: Visit) -> Response:
    """One's tokens that open an organization that this session's token opens too."""
    return await _page(visit)


async def _page(visit: Visit, status: int = 200, *, wrong: str = "", secret: str = "") -> Response:
    own, opened = await visit.db.reading(_load, visit.caller)
    own.sort(key=lambda token: (token.has_ended(visit.now), token.created_at))
    return await visit.page(
        "tokens.html",
        status,
        tokens=own,
        organizations=opened,
        expiries=EXPIRY_WORDS,
        wrong=wrong,
        secret=secret,
    )


def _load(connection: Connection, caller: Caller) -> tuple[list[Token], list[Organization]]:
    within = caller.organization_ids
    return (
        tokens.list_tokens(connection, caller.person_id, within=within),
        organizations.seen_by(connection, caller.person_id, within),
    )


@signed_in
async def add(visit: Visit) -> Response:
    """Make a token; the answer shows it, and nothing will again."""
    form = await visit.form()
    name = name_of(form.get("name", ""))
    if not name:
        wrong = "Name it, so that you know it again: the machine, say."
        return await _page(visit, 422, wrong=wrong)
    secret = await visit.db.writing(
        _add, visit, name, form.get("for", ""), form.get("organization", "")
    )
    return await _page(visit, secret=secret)


def _add(connection: Connection, visit: Visit, name: str, expiry: str, organization_id: str) -> str:
    _, opened = _load(connection, visit.caller)
    chosen = next((o for o in opened if organization_id in (o.id, "")), None)
    if chosen is None:
        raise NotFound("You belong to no organization that this token could open.")
    person = Person(visit.caller.person_id, visit.caller.person_name)
    return make(connection, person, chosen.id, name, expiry, visit.now, visit.caller)


def name_of(typed: str) -> str:
    """A name on one line, cut to what fits there."""
    return " ".join(typed.split())[:LONGEST_NAME]


def make(
    connection: Connection,
    person: Person,
    organization_id: str,
    name: str,
    expiry: str,
    now: datetime,
    caller: Caller,
) -> str:
    """Add a token of a person that opens one organization; return the token itself."""
    _, lasts = EXPIRIES.get(expiry, EXPIRIES[""])
    _, secret = tokens.add(
        connection,
        person.id,
        name,
        now,
        now + lasts if lasts else None,
        organization_id=organization_id,
    )
    audit.add_entry(
        connection,
        "token.added",
        f"{name} for {person.name}",
        now,
        organization_id=organization_id,
        person_id=caller.person_id,
        token_id=caller.token_id,
        target=("person", person.id),
    )
    return secret


@signed_in
async def revoke(visit: Visit) -> Response:
    """Revoke a token of one's own; it may be the one this session was opened with."""
    await visit.form()
    await visit.db.writing(_revoke, visit)
    return visit.back("/settings/tokens?said=revoked")


def _revoke(connection: Connection, visit: Visit) -> None:
    own, opened = _load(connection, visit.caller)
    token = next((token for token in own if token.id == visit.parameter("id")), None)
    if token is None:
        raise NotFound
    person = Person(visit.caller.person_id, visit.caller.person_name)
    for organization in opened:
        close(connection, person, organization.id, token, visit.now, visit.caller)


def close(
    connection: Connection,
    person: Person,
    organization_id: str,
    token: Token,
    now: datetime,
    caller: Caller,
) -> None:
    """Let a person's token open an organization no more; revoke it when it opens nothing else."""
    if not tokens.close(connection, organization_id, now, token_id=token.id):
        return
    audit.add_entry(
        connection,
        "token.revoked",
        f"{token.name} ({token.hint}…) of {person.name}",
        now,
        organization_id=organization_id,
        person_id=caller.person_id,
        token_id=caller.token_id,
        target=("person", person.id),
    )
