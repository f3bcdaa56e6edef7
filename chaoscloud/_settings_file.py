"""The settings file: read with a clear complaint, written in one step and for its owner only."""

import logging
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from chaoscloud import _yaml
from chaoscloud._files import replace_file
from chaoscloud._host import settings_path
from chaoscloud.exceptions import SettingsException
from chaoscloud.types import Settings

__all__ = ["CONTROL_NAME", "in_use", "load", "locked", "replaced_by", "save", "warn_when_exposed"]

CONTROL_NAME = "chaosiq-cloud"
LOCK_TIMEOUT = 5.0  # seconds

_write_lock = threading.Lock()

logger = logging.getLogger("chaostoolkit")

_USUAL_PATH = "~/.chaostoolkit/settings.yaml"

_replacement: Path | None = None


def load(path: str | os.PathLike[str]) -> Settings:
    """Read the settings file; a missing or an empty one gives `{}`.

    Raises `SettingsException`, naming file and line, when it is damaged. Says once for each file
    when it holds a token that other accounts of this machine can read.
    """
    try:
        settings = _yaml.read(path)
    except FileNotFoundError:
        return {}
    except _yaml.UNREADABLE as error:
        raise SettingsException(
            f"{_yaml.complaint(path, error)}. It is left as it is; please repair it."
        ) from error
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        raise SettingsException(
            f"{path}, line 1: the settings must be a mapping. Please repair it."
        )
    _ensure_usable(path, settings)
    warn_when_exposed(Path(path), settings)
    return settings


def save(settings: Settings, path: str | os.PathLike[str]) -> None:
    """Write the settings file in one step, readable by its owner only.

    Raises `SettingsException` when it cannot; the file is then as it was.
    """
    if _has_no_home(path):
        raise SettingsException(
            "There is no home folder to keep the settings in: set HOME, "
            "or say where with `chaos --settings PATH`."
        )
    content = _yaml.dump(settings)
    try:
        _make_private(Path(os.path.realpath(path)).parent)
        replace_file(path, content, mode=0o600)
    except OSError as error:
        raise SettingsException(
            f"{path} cannot be written: {error.strerror or error}. It is left as it was."
        ) from error


def in_use() -> Path:
    """The settings file of this `chaos` command: what `--settings` says, else the usual one.

    The host tells its commands where the file is, and controls only what stands in it. Never
    raises: where there is no home folder, the path is one where nothing can be kept. To be called
    on the main thread, the only one that knows the command.
    """
    if _replacement is not None:
        return _replacement
    # `Path` raises where there is no HOME, or where the current folder is gone.
    path = os.path.expanduser(settings_path() or _USUAL_PATH)
    if _has_no_home(path):
        return Path(os.devnull, "settings.yaml")  # no file can be there, nor a folder be made
    with suppress(OSError):
        path = os.path.abspath(path)
    return Path(path)


def _has_no_home(path: str | os.PathLike[str]) -> bool:
    """Whether a path holds a `~` that stands for nothing, since nobody knows the home folder."""
    return "~" in Path(path).parts and os.path.expanduser("~") == "~"


@contextmanager
def replaced_by(path: Path) -> Iterator[None]:
    """Have `in_use` answer `path` meanwhile, in all threads: records lie in that file's folder."""
    global _replacement
    before, _replacement = _replacement, path
    try:
        yield
    finally:
        _replacement = before


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other threads and processes from changing the settings file between a read and a write.

    Where a file cannot be locked, only the threads of this process are kept from it.
    """
    from filelock import FileLock  # it takes longer to import than all of this module's others

    with _write_lock, ExitStack() as stack:
        with suppress(OSError, NotImplementedError):  # of a lock that waits too long, too
            stack.enter_context(FileLock(f"{path}.lock", timeout=LOCK_TIMEOUT, mode=0o600))
        yield


def _make_private(folder: Path) -> None:
    """Make a missing folder for its owner only; one that is there belongs to the host."""
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)


def _ensure_usable(path: str | os.PathLike[str], settings: Settings) -> None:
    """Raise where a part that we may write to is none that we could write to without loss."""
    controls = settings.get("controls")
    ours = controls.get(CONTROL_NAME) if isinstance(controls, dict) else None
    parts = {"auths": settings.get("auths"), "controls": controls, CONTROL_NAME: ours}
    for name, part in parts.items():
        if part is not None and not isinstance(part, dict):
            raise SettingsException(
                f"{path}: `{name}` must be a mapping. It is left as it is; please repair it."
            )


_exposed: set[Path] = set()


def warn_when_exposed(path: Path, settings: Settings) -> None:
    """Say once for each file when it holds a token that other accounts of this machine can read."""
    if os.name != "posix" or path in _exposed or not settings.get("auths"):
        return
    try:
        mode = path.stat().st_mode
    except OSError:  # no such file, or a home that may not be looked into
        return
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        _exposed.add(path)
        logger.warning("%s holds a token that others can read: run `chmod 600 %s`", path, path)
