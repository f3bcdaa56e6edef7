"""The settings file: read with a clear complaint, written in one step and for its owner only."""

import logging
import os
import stat
from pathlib import Path

import yaml

from chaoscloud._files import replace_file
from chaoscloud.exceptions import SettingsException
from chaoscloud.types import Settings

__all__ = ["load", "save"]

logger = logging.getLogger("chaostoolkit")


def load(path: str | os.PathLike[str]) -> Settings:
    """Read the settings file; a missing or an empty one gives `{}`.

    Raises `SettingsException`, naming file and line, when it is damaged. Says once for each file
    when it holds a token that other accounts of this machine can read.
    """
    try:
        settings = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    # PyYAML raises a ValueError of its own for a date such as 2026-13-45, and so does bad UTF-8.
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise SettingsException(_complaint(path, error)) from error
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        raise SettingsException(
            f"{path}, line 1: the settings must be a mapping. Please repair it."
        )
    _warn_when_exposed(Path(path), settings)
    return settings


def save(settings: Settings, path: str | os.PathLike[str]) -> None:
    """Write the settings file in one step, readable by its owner only.

    Raises `SettingsException` when it cannot; the file is then as it was.
    """
    content = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
    try:
        Path(os.path.realpath(path)).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(path, content, mode=0o600)
    except OSError as error:
        raise SettingsException(
            f"{path} cannot be written: {error.strerror or error}. It is left as it was."
        ) from error


def _complaint(path: str | os.PathLike[str], error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    line = f", line {mark.line + 1}" if mark else ""
    reason = getattr(error, "problem", None) or getattr(error, "strerror", None) or error
    return f"{path}{line} cannot be read: {reason}. It is left as it is; please repair it."


_exposed: set[Path] = set()


def _warn_when_exposed(path: Path, settings: Settings) -> None:
    if os.name != "posix" or path in _exposed or not settings.get("auths"):
        return
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        _exposed.add(path)
        logger.warning("%s holds a token that others can read: run `chmod 600 %s`", path, path)
