"""How this console is set up: read from the environment once, then handed down."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from platformdirs import user_data_path

from chaoscloud.console.rates import RATES, parse_rates

FOLDER = "chaosiq-console"
DATABASE_FILE = "console.sqlite3"
MEBIBYTE = 1024 * 1024
METRICS_LABELS = frozenset({"title", "tag"})

# What the environment may say, and the setting it says it about.
VARIABLES = {
    "CHAOSIQ_CONSOLE_DATA": "data",
    "DATABASE_URL": "database_url",
    "CHAOSIQ_CONSOLE_HOST": "host",
    "CHAOSIQ_CONSOLE_PORT": "port",
    "CHAOSIQ_CONSOLE_PUBLIC_URL": "public_url",
    "CHAOSIQ_CONSOLE_WEBHOOK_NETWORKS": "webhook_networks",
    "CHAOSIQ_CONSOLE_HOSTS": "hosts",
    "CHAOSIQ_CONSOLE_RATES": "rates",
    "CHAOSIQ_CONSOLE_MIN_FREE": "min_free",
    "CHAOSIQ_CONSOLE_SMTP_URL": "smtp_url",
    "CHAOSIQ_CONSOLE_MAIL_FROM": "mail_from",
    "CHAOSIQ_CONSOLE_TRACE_URL": "trace_url",
    "CHAOSIQ_CONSOLE_METRICS_TOKEN": "metrics_token",
    "CHAOSIQ_CONSOLE_METRICS_LABELS": "metrics_labels",
    "CHAOSIQ_CONSOLE_ACCESS_LOG": "access_log",
}


@dataclass(frozen=True)
class Config:
    """Everything that can be chosen about a console; its repr shows no password.

    `data` is the folder for the database and its lock; `public_url` is how people reach the
    console when that is not the address it listens on; `body_limit` is in bytes. Webhooks of
    safeguards may be called in public networks and in `webhook_networks`. `hosts` are the names
    that requests may ask for (empty: any); `rates` is how often somebody may ask. With less than
    `min_free` bytes free on its disk the console takes no records. `metrics_token` opens
    `/metrics` from elsewhere (None: from nowhere); `metrics_labels` are those with many values.
    `proxies` are those for the console's own requests. Mail is sent through `smtp_url` as
    `mail_from`; `trace_url` is a page about a trace, with `{trace_id}` in it. `access_log`: a line
    in the log for each request.
    """

    database_url: str = field(repr=False)
    data: Path
    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str | None = None
    body_limit: int = 64 * MEBIBYTE
    webhook_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    hosts: frozenset[str] = frozenset()
    rates: Mapping[str, str] = field(default_factory=lambda: RATES)
    min_free: int = 128 * MEBIBYTE
    smtp_url: str | None = field(default=None, repr=False)
    mail_from: str | None = None
    trace_url: str | None = None
    proxies: Mapping[str, str] = field(default_factory=dict, repr=False)
    metrics_token: str | None = field(default=None, repr=False)
    metrics_labels: frozenset[str] = frozenset()
    access_log: bool = False

    @property
    def address(self) -> str:
        """The console's address, as messages name it; without a slash at its end."""
        every_address = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
        host = every_address.get(self.host, self.host)
        host = f"[{host}]" if ":" in host else host
        return self.public_url or f"http://{host}:{self.port}"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], **overrides: Any) -> Self:
        """Read the environment; an override that is not None wins over it.

        Raises `ValueError` with a sentence for the user when a value makes no sense.
        """
        settings: dict[str, Any] = {
            setting: environ[name] for name, setting in VARIABLES.items() if environ.get(name)
        }
        settings.update({name: value for name, value in overrides.items() if value is not None})
        data = Path(settings.pop("data", None) or default_data(environ)).expanduser().absolute()
        settings.setdefault("database_url", f"sqlite:///{data / DATABASE_FILE}")
        settings["port"] = _parse_port(settings.get("port", cls.port))
        settings["public_url"] = _parse_url(settings.get("public_url"))
        settings["hosts"] = frozenset(_split(settings.get("hosts", "")))
        settings["rates"] = parse_rates(settings.get("rates", ""))
        settings["webhook_networks"] = _parse_networks(settings.get("webhook_networks", ""))
        _check_mail(settings.get("smtp_url"), settings.get("mail_from"))
        _check_trace_url(settings.get("trace_url"))
        settings["proxies"] = _read_proxies(environ)
        settings["metrics_labels"] = _parse_metrics_labels(settings.get("metrics_labels", ""))
        if "min_free" in settings:
            settings["min_free"] = _parse_mebibytes(settings["min_free"])
        settings["access_log"] = _parse_switch(settings.get("access_log", False))
        return cls(data=data, **settings)


def default_data(environ: Mapping[str, str]) -> Path:
    """The folder a console keeps its data in when nobody says otherwise.

    It is where the system keeps such data; or in `~/.local/share`, where version 1.0.0 kept it on
    every system, when there is one. Raises `ValueError` where no home is known (a container).
    """
    if home := environ.get("XDG_DATA_HOME"):  # on every system, as it was
        return Path(home) / FOLDER
    try:
        earlier = Path.home() / ".local" / "share" / FOLDER
    except RuntimeError:
        raise ValueError("there is no home folder here; name a folder for the data") from None
    return earlier if earlier.is_dir() else user_data_path(FOLDER, appauthor=False)


def _check_mail(smtp_url: str | None, mail_from: str | None) -> None:
    """Raise `ValueError` for a mail server that cannot be meant; its password is not repeated."""
    if smtp_url is None:
        return
    parts = urlsplit(smtp_url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("the mail server must look like smtp://user:password@mail.example.com:587")
    if not mail_from or "@" not in mail_from:
        raise ValueError("CHAOSIQ_CONSOLE_MAIL_FROM must be the address that mail is sent from")


def _check_trace_url(trace_url: str | None) -> None:
    if trace_url is None:
        return
    if not trace_url.startswith(("http://", "https://")) or "{trace_id}" not in trace_url:
        raise ValueError(
            "the trace url must look like https://traces.example.com/trace/{trace_id},"
            f" not {trace_url!r}"
        )


def _read_proxies(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The proxies for the console's own requests; small letters win, as with curl."""
    names = ("https_proxy", "http_proxy", "all_proxy", "no_proxy")
    values = {name: environ.get(name) or environ.get(name.upper()) for name in names}
    return {name.removesuffix("_proxy"): value for name, value in values.items() if value}


def _parse_port(value: object) -> int:
    try:
        port = int(str(value))
    except ValueError:
        port = -1
    if not 0 <= port <= 65535:
        raise ValueError(f"the port must be a number from 0 to 65535, not {value!r}")
    return port


def _parse_mebibytes(value: str) -> int:
    """A number of MiB, in bytes."""
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise ValueError(f"the least free space must be a number of MiB such as 128, not {value!r}")
    return int(value) * MEBIBYTE


def _parse_metrics_labels(value: str) -> frozenset[str]:
    labels = frozenset(_split(value))
    if unknown := sorted(labels - METRICS_LABELS):
        raise ValueError(f"metrics may be labelled by title and tag, not by {unknown[0]!r}")
    return labels


def _parse_switch(value: object) -> bool:
    word = str(value).lower()
    if word not in ("1", "true", "on", "yes", "0", "false", "off", "no"):
        raise ValueError(f"the access log is either on or off, not {value!r}")
    return word in ("1", "true", "on", "yes")


def _split(value: str) -> list[str]:
    """The words of a list with commas."""
    return [word for word in map(str.strip, value.split(",")) if word]


def _parse_networks(value: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(map(ip_network, _split(value)))
    except ValueError as error:
        raise ValueError(
            f"networks for webhooks must look like 10.1.0.0/16, 127.0.0.1: {error}"
        ) from None


def _parse_url(value: str | None) -> str | None:
    if value is None:
        return None
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError(f"the public url must look like https://chaos.example.com, not {value!r}")
    return value.rstrip("/")
