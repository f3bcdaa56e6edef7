"""Wheels made on this machine, for `uv` to install without a network."""

import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.tags import sys_tags

ROOT = Path(__file__).parent.parent.parent
SOURCES = ("setup.py", "pyproject.toml", "README.md", "LICENSE", "chaoscloud")


def build_own_wheel(folder: Path, scratch: Path, version: str | None = None) -> Path:
    """Build the wheel of this project, as its release does; return its path."""
    sources = scratch / "sources"
    sources.mkdir(parents=True)
    for path in [ROOT / name for name in SOURCES] + list(ROOT.glob("requirements*.txt")):
        if path.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(path, sources / path.name, ignore=ignored)
        else:
            shutil.copy(path, sources)
    if version is not None:
        (sources / "chaoscloud" / "__init__.py").write_text(f'__version__ = "{version}"\n')
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "--no-deps", "--no-build-isolation", "--wheel-dir", folder, sources],
        check=True,
        timeout=100,
    )
    return next(folder.glob("chaosiq_cloud-*.whl"))


def pack_requirements(folder: Path) -> None:
    """Make wheels of all that this project requires, from what is installed here."""
    packed: set[str] = set()
    waiting = _requirements_of(metadata.distribution("chaosiq-cloud"))
    while waiting:
        distribution = metadata.distribution(waiting.pop())
        name = re.sub(r"[-_.]+", "_", distribution.metadata["Name"]).lower()
        if name not in packed:
            packed.add(name)
            _pack(distribution, folder / f"{name}-{distribution.version}-{_tag(distribution)}.whl")
            waiting += _requirements_of(distribution)


def _requirements_of(distribution: metadata.Distribution) -> list[str]:
    """The names of what a distribution requires here, without its extras."""
    return [
        requirement.name
        for requirement in map(Requirement, distribution.requires or [])
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    ]


def _tag(distribution: metadata.Distribution) -> str:
    """The tag of a distribution's wheel that fits this Python."""
    fitting = {str(tag) for tag in sys_tags()}
    tags = re.findall(r"^Tag: (\S+)$", distribution.read_text("WHEEL") or "", re.MULTILINE)
    return next(str(tag) for tag in tags if tag in fitting)


def _pack(distribution: metadata.Distribution, wheel: Path) -> None:
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in distribution.files or []:
            if not str(file).startswith("..") and file.suffix != ".pyc":
                archive.write(str(file.locate()), str(file))
