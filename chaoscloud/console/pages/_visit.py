"""A visit: who looks, at which team, and what every page shows around its own matter."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import wraps
from typing import Any
from urllib.parse import quote

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from chaoscloud.console import auth
from chaoscloud.console.auth import Caller, TeamScope
from chaoscloud.console.db import Database
from chaoscloud.console.errors import Unauthorized
from chaoscloud.console.pages import _forms, _stop_query
from chaoscloud.console.pages._drafts import Draft, forget_draft, read_draft
from chaoscloud.console.pages._ended_session import show_undone
from chaoscloud.console.pages._packing import pack_page
from chaoscloud.console.pages._refill import refill
from chaoscloud.console.pages._safeguards_bar import SafeguardsBar, read_bar
from chaoscloud.console.pages._templates import render
from chaoscloud.console.pages.security import secure
from chaoscloud.console.records.audit import Author
from chaoscloud.console.records.executions import list_titles

TABS = (  # as they are called, and where they lead below the team's address
    ("Overview", ""),
    ("Executions", "executions"),
    ("Experiments", "experiments"),
    ("Objectives", "objectives"),
    ("Verifications", "verifications"),
    ("Insights", "insights"),
    ("Safeguards", "safeguards"),
    ("Messages", "subscriptions"),
    ("People", "people"),
    ("Audit log", "audit"),
)

# What a page says after a form brought people back to it, by the word in the address.
NOTICES = {
    "stopped": ("done", "Stopped. Nothing starts, and what runs is being interrupted."),
    "released": ("done", "Released. What else is set stays in force."),
    "unreleased": ("note", "It had been released or switched off already: nothing was changed."),
    "seen": ("done", "Taken off the list. It stands under “Seen”, with your name."),
    "returned": ("done", "It is on the list again."),
    "chosen": ("done", "The number of days is set for the whole team."),
    "archived": ("done", "Archived. It is not listed any more, and nothing of it is removed."),
    "restored": ("done", "It is listed again."),
    "named": ("done", "Renamed, for your team."),
    "badge": ("done", "The badge is there, at a new address. Whoever knows the address sees it."),
    "unbadged": ("done", "The badge is gone: its address leads nowhere any more."),
    "asked": ("done", "The stop of this run is set."),
    "over": ("note", "The run had ended already: there was nothing left to stop."),
    "set": ("done", "The safeguard is set."),
    "changed": ("done", "The safeguard is changed."),
    "removed": ("done", "The safeguard is removed; what it did stays in the audit log."),
    "required": ("done", "Runs of the organization must now get an answer from its safeguards."),
    "optional": ("done", "Runs of the organization go on when nobody answers."),
    "expected": ("done", "Expected. What does not come shows here, and is told to subscribers."),
    "unexpected": ("done", "These runs are expected no more."),
    "renamed": ("done", "Renamed. Addresses with the earlier name lead here."),
    "subscribed": ("done", "Subscribed: send a test to see that messages arrive."),
    "subscription-changed": ("done", "The subscription is changed."),
    "unsubscribed": ("done", "Ended: no more messages are sent there."),
    "paused": ("done", "Paused: nothing is sent there until somebody resumes it."),
    "resumed": ("done", "Resumed. What failed meanwhile can be sent again."),
    "sent": ("done", "Sent: the target took it."),
    "not-sent": ("wrong", "Not sent: the list of messages says what the target answered."),
    "not-sent-yet": ("note", "Not sent yet: it is tried again."),
    "revoked": ("done", "The token is revoked: it opens nothing any more."),
    "retention": ("done", "Saved. What is not kept any more is removed in the next minutes."),
    "held": ("done", "Held: it is not removed, however old it gets."),
    "unheld": ("done", "Released: it is kept as long as everything else."),
}


class Notice(msgspec.Struct, frozen=True):
    """A line at the top of a page. `silent`: runs that did not answer, their ids and titles."""

    look: str
    words: str
    silent: tuple[tuple[str, str], ...] = ()


class Visit(msgspec.Struct, frozen=True):
    """One request of somebody who is signed in."""

    request: Request
    caller: Caller
    team: TeamScope | None = None
    bar: SafeguardsBar | None = None

    @property
    def db(self) -> Database:
        """The console's database."""
        database: Database = self.request.app.state.db
        return database

    @property
    def now(self) -> datetime:
        """The console's clock."""
        moment: datetime = self.request.app.state.now()
        return moment

    @property
    def scope(self) -> TeamScope:
        """The team of a visit that has one."""
        assert self.team is not None  # noqa: S101 - `of_team` gave it
        return self.team

    @property
    def author(self) -> Author:
        """The person and team that new records belong to, and the token used."""
        scope, caller = self.scope, self.caller
        return Author(scope.organization_id, scope.team_id, caller.person_id, caller.token_id)

    @property
    def base(self) -> str:
        """Where the addresses of the team's pages begin."""
        return f"/{self.scope.organization_slug}/{self.scope.team_slug}" if self.team else ""

    @property
    def origin(self) -> str:
        """The console's address as people and `chaos` use it, without a slash at the end."""
        public: str | None = self.request.app.state.config.public_url
        return public or str(self.request.base_url).rstrip("/")

    @property
    def draft(self) -> Draft | None:
        """A form of this page that was sent after its session had ended."""
        return read_draft(self.request)

    def find_current_address(self) -> str | None:
        """Where this page is now, when its address has an earlier name of a team; else None."""
        scope, path = self.scope, self.request.path_params
        if path["org"] in (scope.organization_slug, scope.organization_id) and path["team"] in (
            scope.team_slug,
            scope.team_id,
        ):
            return None
        rest = "/".join(self.request.url.path.split("/")[3:])
        query = f"?{self.request.url.query}" if self.request.url.query else ""
        return f"{self.base}/{rest}".rstrip("/") + query

    def parameter(self, name: str) -> str:
        """A part of the address, without what no database takes in a text."""
        value = str(self.request.path_params[name])
        return value.replace("\0", "")

    async def form(self) -> Mapping[str, str]:
        """The fields of the submitted form. Raises `Forbidden` when it was not ours."""
        return await _forms.read_own(self.request)

    def html(self, template: str, **values: Any) -> str:
        """A page, or a piece of one, with what all of them show."""
        around = {
            "caller": self.caller,
            "csrf": auth.form_token(self.request),
            "team": self.team,
            "base": self.base,
            "bar": self.bar,
            "tabs": [(name, f"{self.base}/{path}".rstrip("/")) for name, path in TABS],
            "tab": "",
            "said": None,
            "now": self.now,
            "origin": self.origin,
            "trace_url": self.request.app.state.config.trace_url,
        }
        return render(template, around | values)

    async def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """The answer with that page, written away from the event loop.

        A form that this browser sent after its session had ended stands in it filled in, once.
        """
        draft = self.draft
        if notice := await self._find_notice():
            values = {"said": notice} | values

        def write() -> Response:
            html = self.html(template, **values)
            if draft is None:
                return pack_page(self.request, html, status)
            response = pack_page(self.request, refill(html, draft.action, draft.fields), status)
            forget_draft(response)
            return response

        return await run_in_threadpool(write)

    async def _find_notice(self) -> Notice | None:
        query = self.request.query_params
        notice = NOTICES.get(query.get("said", ""))
        if notice is None:
            return None
        look, words = notice
        ids = _stop_query.read_silent(query) if self.team else []
        silent = await self.db.reading(list_titles, self.scope.team_id, ids) if ids else []
        sentence = _stop_query.read_sentence(query)
        return Notice(look, f"{words} {sentence}".rstrip(), tuple(silent))

    def back(self, path: str) -> Response:
        """Send the browser on after a form, so that a reload submits nothing again."""
        return RedirectResponse(path, 303)


Page = Callable[[Request], Awaitable[Response]]


def page(handler: Page) -> Page:
    """A page anybody may open; what goes wrong in it, the application shows as a page too."""

    @wraps(handler)
    async def answer(request: Request) -> Response:
        return secure(await handler(request))

    return answer


def signed_in(handler: Callable[[Visit], Awaitable[Response]]) -> Page:
    """A page for people who are signed in; others sign in first and come back."""

    async def answer(request: Request) -> Response:
        caller = await auth.session_caller(request)
        if caller:
            return await handler(Visit(request, caller))
        return await show_undone(request) if request.method == "POST" else sign_in_first(request)

    return page(wraps(handler)(answer))


def of_team(handler: Callable[[Visit], Awaitable[Response]]) -> Page:
    """A page of the team its address names; to whom may not see it, it does not exist."""

    async def answer(visit: Visit) -> Response:
        at_team = await _at_team(visit)
        current = at_team.find_current_address()
        if current and visit.request.method == "GET":
            return RedirectResponse(current, 308)
        return await handler(at_team)

    return signed_in(wraps(handler)(answer))


async def of_team_again(request: Request) -> Visit:
    """The visit of a request that has gone on for a while. Raises `Problem` when it may no more."""
    caller = await auth.session_caller(request)
    if caller is None:
        raise Unauthorized
    return await _at_team(Visit(request, caller))


async def _at_team(visit: Visit) -> Visit:
    team = await auth.team_for(visit.request, visit.caller)
    bar = await visit.db.reading(read_bar, team, visit.now)
    return Visit(visit.request, visit.caller, team, bar)


def sign_in_first(request: Request) -> Response:
    """Off to the sign-in form, remembering where to come back to."""
    address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    onward = f"?next={quote(address)}" if address != "/" else ""
    return RedirectResponse(f"/signin{onward}", 303)
