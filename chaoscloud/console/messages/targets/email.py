"""E-mail, through the mail server that the operator configured."""

import asyncio
import smtplib
import ssl
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Annotated
from urllib.parse import unquote, urlsplit

import msgspec

from chaoscloud.console.config import Config
from chaoscloud.console.messages.events import ConsoleEvent
from chaoscloud.console.messages.outbox import SendResult
from chaoscloud.console.messages.targets._text import write_subject
from chaoscloud.console.messages.targets.target import Sending, Target
from chaoscloud.console.rules.safeguards.fields import TagsField

LIMIT = 15.0  # seconds for each step of the exchange
MOST_ADDRESSES = 20

_threads = ThreadPoolExecutor(2, thread_name_prefix="console-mail")

MailAddress = Annotated[
    str, msgspec.Meta(pattern=r"^[^@\s<>,;:\\\"()\[\]]{1,64}@[A-Za-z0-9.-]{1,255}$")
]


class EmailSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who gets the mail."""

    to: Annotated[tuple[MailAddress, ...], msgspec.Meta(min_length=1, max_length=MOST_ADDRESSES)]


class EmailTarget(Target[EmailSettings]):
    """Sends plain text."""

    name = "email"
    label = "E-mail"
    purpose = "Each event is a short mail, sent by the console's own mail server."
    settings = EmailSettings
    fields = (
        TagsField(
            "to",
            "Addresses, with commas between",
            "The addresses",
            wide=True,
            placeholder="on-call@example.com",
        ),
    )

    async def send(
        self, event: ConsoleEvent, settings: EmailSettings, sending: Sending
    ) -> SendResult:
        """Send the mail, in a thread: `smtplib` waits."""
        mail = write_mail(event, settings, sending)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_threads, _deliver, mail, sending.config.smtp_url or "")

    def describe(self, settings: EmailSettings) -> str:
        """The addresses."""
        return ", ".join(settings.to)

    def find_problem(self, config: Config) -> str | None:
        """Without a mail server there is none."""
        if config.smtp_url is None:
            return "the operator has not configured a mail server (CHAOSIQ_CONSOLE_SMTP_URL)"
        return None


def write_mail(event: ConsoleEvent, settings: EmailSettings, sending: Sending) -> EmailMessage:
    """The mail; its `Message-ID` is the event's, so mail programs show a second copy once."""
    mail = EmailMessage()
    sender = sending.config.mail_from or ""
    mail["From"], mail["To"] = sender, ", ".join(settings.to)
    mail["Subject"] = write_subject(event)
    mail["Date"] = format_datetime(event.time)
    mail["Message-ID"] = f"<{event.id}@{sender.rpartition('@')[2].rstrip('>')}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence note answers
    mail.set_content(f"{event.sentence}\n\n{sending.url_of(event)}\n")
    return mail


def _deliver(mail: EmailMessage, url: str) -> SendResult:
    """Hand the mail over. `smtp://` begins TLS where the server offers it, `smtps://` always."""
    parts = urlsplit(url)
    tls = ssl.create_default_context()
    host, is_tls = parts.hostname or "", parts.scheme == "smtps"
    port = parts.port or (465 if is_tls else 25)
    try:
        with (
            smtplib.SMTP_SSL(host, port, timeout=LIMIT, context=tls)
            if is_tls
            else smtplib.SMTP(host, port, timeout=LIMIT) as server
        ):
            server.ehlo()
            if not is_tls and server.has_extn("starttls"):
                server.starttls(context=tls)
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
            server.send_message(mail)
    except smtplib.SMTPRecipientsRefused:
        return SendResult(sent=False, answer="the mail server refused every address")
    except (smtplib.SMTPException, OSError) as error:
        return SendResult(sent=False, answer=_describe_failure(error), retry=True)
    return SendResult(sent=True, answer="handed to the mail server")


def _describe_failure(error: Exception) -> str:
    """What went wrong; a failed sign-in is not repeated word by word."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return "the mail server does not accept the console's name and password"
    if isinstance(error, smtplib.SMTPResponseException):
        reply = error.smtp_error
        words = reply.decode(errors="replace") if isinstance(reply, bytes) else str(reply)
        return " ".join(f"the mail server answered {error.smtp_code} {words}".split())[:300]
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"the mail server: {words}"[:300]


TARGET = EmailTarget()
