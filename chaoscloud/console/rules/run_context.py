"""Where a run came from: the labels its user gave it, and the CI build that started it.

Read from the `chaosiq` block of a journal. Nothing in it keeps a run from being recorded: what is
too long is cut, and what cannot be understood is left out.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec

from chaoscloud.console.rules.soundness import plain
from chaoscloud.outcome.values import as_map, as_text

MOST_LABELS = 32
LONGEST_NAME = 64  # characters
LONGEST_VALUE = 256  # characters, of a label and of each fact about a build
LONGEST_URL = 2_048  # characters; a longer one is left out, for half of it leads nowhere

PROVIDERS = {  # how a CI is called, by the name in the context
    "github": "GitHub Actions",
    "gitlab": "GitLab",
    "jenkins": "Jenkins",
    "azure": "Azure Pipelines",
    "circleci": "CircleCI",
    "buildkite": "Buildkite",
}


class CiBuild(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The build that started a run; what is not known is null."""

    provider: str | None = None
    url: str | None = None
    commit: str | None = None
    branch: str | None = None
    actor: str | None = None

    @property
    def provider_name(self) -> str:
        """What people call the CI."""
        return PROVIDERS.get(self.provider or "", self.provider or "CI")


class RunContext(msgspec.Struct, frozen=True):
    """Labels by their names, and the CI build, if there was one."""

    labels: dict[str, str] = {}
    ci: CiBuild | None = None

    def texts(self) -> Iterator[str]:
        """All that a search finds a run by."""
        yield from (f"{name}:{value}" for name, value in self.labels.items())
        if self.ci is not None:
            facts = (self.ci.provider_name, self.ci.url, self.ci.commit)
            yield from (text for text in (*facts, self.ci.branch, self.ci.actor) if text)


def read_context(value: Any) -> RunContext | None:
    """The context of a run; None where the journal says nothing of it."""
    if not isinstance(value, dict):
        return None
    return RunContext(_read_labels(value.get("labels")), _read_build(value.get("ci")))


def _read_labels(value: Any) -> dict[str, str]:
    texts = ((as_text(name), as_text(text)) for name, text in as_map(value).items())
    labels = ((_clean(name, LONGEST_NAME), _clean(text, LONGEST_VALUE)) for name, text in texts)
    return dict([(name, text) for name, text in labels if name and text][:MOST_LABELS])


def _read_build(value: Any) -> CiBuild | None:
    facts = {
        name: _clean(as_text(as_map(value).get(name)), LONGEST_VALUE) or None
        for name in ("provider", "commit", "branch", "actor")
    }
    build = CiBuild(url=read_url(as_map(value).get("url")), **facts)
    return build if build != CiBuild() else None


def read_url(value: Any) -> str | None:
    """A web address that a page may link to; None for anything else."""
    text = plain(as_text(value)).strip()
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    is_web = parts.scheme in ("http", "https") and bool(parts.netloc)
    return text if is_web and len(text) <= LONGEST_URL and text.isprintable() else None


def _clean(text: str, longest: int) -> str:
    return " ".join(plain(text).split())[:longest].strip()


def parse_label(text: str) -> tuple[str, str] | None:
    """A label as a filter names it, `env:staging`; None for what no label can be."""
    name, _, value = text.partition(":")
    return (name.strip(), value.strip()) if name.strip() and value.strip() else None
