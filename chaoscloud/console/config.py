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
}


@dataclass(frozen=True)
class Config:
    """Everything that can be chosen about a console; its repr shows no password.

    `data` is the folder for the database and its lock; `public_url` is how people reach the
    console when that is not the address it listens on; `body_limit` is in bytes. Webhooks of
    safeguards may be called in public networks and in `webhook_networks`. `hosts` are the names
    that requests may ask for (empty: any); `rates` is how often somebody may ask.
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

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], **overrides: Any) -> Self:
        """Read the environment; an override that is not None wins over it.

        Raises `ValueError` with a sentence for the user when a value makes no sense.
        """
        said: dict[str, Any] = {
            setting: environ[name] for name, setting in VARIABLES.items() if environ.get(name)
        }
        said.update({name: value for name, value in overrides.items() if value is not None})
        data = Path(said.pop("data", None) or default_data(environ)).expanduser().absolute()
        said.setdefault("database_url", f"sqlite:///{data / DATABASE_FILE}")
        said["port"] = _port(said.get("port", cls.port))
        said["public_url"] = _public_url(said.get("public_url"))
        said["hosts"] = frozenset(filter(None, map(str.strip, said.get("hosts", "").split(","))))
        said["rates"] = parse_rates(said.get("rates", ""))
        said["webhook_networks"] = _networks(said.get("webhook_networks", ""))
        return cls(data=data, **said)


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


def _port(value: object) -> int:
    try:
        port = int(str(value))
    except ValueError:
        port = -1
    if not 0 <= port <= 65535:
        raise ValueError(f"the port must be a number from 0 to 65535, not {value!r}")
    return port


def _networks(value: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(each.strip()) for each in value.split(",") if each.strip())
    except ValueError as error:
        raise ValueError(
            f"networks for webhooks must look like 10.1.0.0/16, 127.0.0.1: {error}"
        ) from None


def _public_url(value: str | None) -> str | None:
    if value is None:
        return None
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError(f"the public url must look like https://chaos.example.com, not {value!r}")
    return value.rstrip("/")
