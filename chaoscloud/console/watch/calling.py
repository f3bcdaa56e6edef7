"""One question to a webhook, and what its answer means."""

import msgspec

from chaoscloud.console.outgoing import CallFailed, Client
from chaoscloud.console.rules.safeguards.kinds.webhook import LIMIT

_OURS = frozenset({408, 425, 429})  # statuses that are no answer, as are all from 500 on


class WebhookReply(msgspec.Struct, frozen=True):
    """What came of a call: yes, no, or (None) no answer; and why."""

    ok: bool | None
    message: str = ""


class _Body(msgspec.Struct, frozen=True):
    ok: bool = False
    reason: str = ""


async def ask(url: str, client: Client, limit: float = LIMIT) -> WebhookReply:
    """Ask a webhook whether runs may pass: 200 and `{"ok": true}` lets them."""
    try:
        answer = await client.request("GET", url, limit=limit)
    except CallFailed as failure:
        return WebhookReply(None, str(failure))
    return read_reply(answer.status, answer.body)


def read_reply(status: int, body: bytes) -> WebhookReply:
    """What an answer means."""
    if status >= 500 or status in _OURS:
        return WebhookReply(None, f"it answered with status {status}")
    if status != 200:
        return WebhookReply(False, f"it answered with status {status}")
    try:
        content = msgspec.json.decode(body, type=_Body)
    except (msgspec.DecodeError, RecursionError):
        return WebhookReply(False, 'its answer was not {"ok": true}')
    return WebhookReply(content.ok, "" if content.ok else " ".join(content.reason.split())[:300])
