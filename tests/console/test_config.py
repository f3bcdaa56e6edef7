"""The set-up: the environment, what wins over it, and values that make no sense."""

import pkgutil
from pathlib import Path

import pytest

from chaoscloud.console.config import Config, default_data


def test_nothing_said_listens_on_loopback_with_sqlite(monkeypatch: pytest.MonkeyPatch) -> None:
    """The defaults need no set-up and open no door."""
    monkeypatch.setenv("HOME", "/home/ada")

    config = Config.from_environ({})

    assert config.data == Path("/home/ada/.local/share/chaosiq-console")
    assert config.database_url == f"sqlite:///{config.data}/console.sqlite3"
    assert (config.host, config.port, config.public_url) == ("127.0.0.1", 8080, None)
    assert config.body_limit == 64 * 1024 * 1024


def test_the_data_folder_follows_xdg() -> None:
    """Who keeps data elsewhere finds the console's there."""
    config = Config.from_environ({"XDG_DATA_HOME": "/data"})

    assert config.data == Path("/data/chaosiq-console")


@pytest.mark.parametrize(
    ("system", "folder"),
    [
        ("unix.Unix", ".local/share/chaosiq-console"),
        ("macos.MacOS", "Library/Application Support/chaosiq-console"),
    ],
)
def test_the_data_folder_is_where_the_system_keeps_data(
    system: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """People, and what backs their machines up, look for it there."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("platformdirs.PlatformDirs", pkgutil.resolve_name(f"platformdirs.{system}"))

    assert default_data({}) == tmp_path / folder


def test_a_folder_of_an_earlier_console_is_still_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was kept before the system's own place was used is not lost from sight."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(
        "platformdirs.PlatformDirs", pkgutil.resolve_name("platformdirs.macos.MacOS")
    )
    earlier = tmp_path / ".local" / "share" / "chaosiq-console"
    earlier.mkdir(parents=True)

    assert default_data({}) == earlier


def test_without_a_home_the_folder_has_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container whose user has no entry in the system's list of users knows none."""

    def fail() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", fail)

    with pytest.raises(ValueError, match="name a folder"):
        Config.from_environ({})


def test_every_variable_is_read() -> None:
    """A container is set up by its environment alone."""
    config = Config.from_environ(
        {
            "CHAOSIQ_CONSOLE_DATA": "/data/console",
            "DATABASE_URL": "postgresql://ada@db/orders",
            "CHAOSIQ_CONSOLE_HOST": "10.0.0.5",
            "CHAOSIQ_CONSOLE_PORT": "80",
            "CHAOSIQ_CONSOLE_PUBLIC_URL": "https://chaos.example.com/",
        }
    )

    assert config == Config(
        database_url="postgresql://ada@db/orders",
        data=Path("/data/console"),
        host="10.0.0.5",
        port=80,
        public_url="https://chaos.example.com",
    )


def test_an_option_wins_over_the_environment() -> None:
    """What is said last, on the command line, counts; what is not said there does not."""
    config = Config.from_environ(
        {"CHAOSIQ_CONSOLE_PORT": "80", "CHAOSIQ_CONSOLE_HOST": "10.0.0.5"}, port=0, host=None
    )

    assert (config.host, config.port) == ("10.0.0.5", 0)


@pytest.mark.parametrize("port", ["eighty", "-1", "65536", "8080.5"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    """The sentence names the value."""
    with pytest.raises(ValueError, match=f"not '{port}'"):
        Config.from_environ({"CHAOSIQ_CONSOLE_PORT": port})


@pytest.mark.parametrize("url", ["chaos.example.com", "ftp://chaos.example.com", "https://"])
def test_a_public_url_that_is_none_is_refused(url: str) -> None:
    """The sentence shows what one looks like."""
    with pytest.raises(ValueError, match=r"https://chaos\.example\.com"):
        Config.from_environ({}, public_url=url)


def test_the_repr_hides_the_database_password() -> None:
    """A set-up that lands in a log gives nothing away."""
    config = Config.from_environ({"DATABASE_URL": "postgresql://ada:s3cret@db/orders"})

    assert "s3cret" not in repr(config)


@pytest.mark.parametrize(("word", "on"), [("on", True), ("1", True), ("False", False)])
def test_the_access_log_is_switched_by_a_word(word: str, on: bool) -> None:
    """The words that people use for it are understood."""
    environ = {"CHAOSIQ_CONSOLE_ACCESS_LOG": word}

    assert Config.from_environ(environ, data="/data").access_log is on


def test_an_access_log_that_is_neither_on_nor_off_is_refused() -> None:
    """With what to write instead."""
    with pytest.raises(ValueError, match="on or off, not 'maybe'"):
        Config.from_environ({"CHAOSIQ_CONSOLE_ACCESS_LOG": "maybe"}, data="/data")
