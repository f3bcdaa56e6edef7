"""Where a run came from: the labels its user gave it, and the CI build that started it.

Read from the environment when a run starts, and kept under `context` in the `chaosiq` block of
its journal: `labels` (from `CHAOSIQ_LABELS=env=staging,ticket=OPS-12`), and `ci` with `provider`,
`url`, `commit`, `branch` and `actor`. What is not known is not there.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

__all__ = [
    "LONGEST_NAME",
    "LONGEST_VALUE",
    "MOST_LABELS",
    "PROVIDERS",
    "Provider",
    "describe_label_problems",
    "read_ci",
    "read_context",
    "read_labels",
]

VARIABLE = "CHAOSIQ_LABELS"
MOST_LABELS = 32
LONGEST_NAME = 64  # characters
LONGEST_VALUE = 256  # characters

_VARIABLE = re.compile(r"\{(\w+)\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\s]+")


@dataclass(frozen=True)
class Provider:
    """How one CI tells about a build: templates of environment variables.

    Of each fact the first template counts whose variables are all set. `detected_by` is a variable
    that only this CI sets.
    """

    detected_by: str
    url: tuple[str, ...]
    commit: tuple[str, ...]
    branch: tuple[str, ...]
    actor: tuple[str, ...]


PROVIDERS: Mapping[str, Provider] = {
    # https://docs.github.com/actions/reference/variables-reference
    "github": Provider(
        detected_by="GITHUB_ACTIONS",
        url=("{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}",),
        commit=("{GITHUB_SHA}",),
        branch=("{GITHUB_HEAD_REF}", "{GITHUB_REF_NAME}"),  # the first one of pull requests only
        actor=("{GITHUB_TRIGGERING_ACTOR}", "{GITHUB_ACTOR}"),
    ),
    # https://docs.gitlab.com/ci/variables/predefined_variables/
    "gitlab": Provider(
        detected_by="GITLAB_CI",
        url=("{CI_JOB_URL}", "{CI_PIPELINE_URL}"),
        commit=("{CI_COMMIT_SHA}",),
        branch=("{CI_MERGE_REQUEST_SOURCE_BRANCH_NAME}", "{CI_COMMIT_REF_NAME}"),
        actor=("{GITLAB_USER_LOGIN}",),
    ),
    # https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables, and the
    # plugins "git", "branch-api" and "build-user-vars"
    "jenkins": Provider(
        detected_by="JENKINS_URL",
        url=("{BUILD_URL}",),
        commit=("{GIT_COMMIT}",),
        branch=("{CHANGE_BRANCH}", "{BRANCH_NAME}", "{GIT_BRANCH}"),
        actor=("{BUILD_USER_ID}", "{CHANGE_AUTHOR}"),
    ),
    # https://learn.microsoft.com/azure/devops/pipelines/build/variables
    "azure": Provider(
        detected_by="TF_BUILD",
        url=("{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}",),
        commit=("{BUILD_SOURCEVERSION}",),
        branch=("{SYSTEM_PULLREQUEST_SOURCEBRANCH}", "{BUILD_SOURCEBRANCH}"),
        actor=("{BUILD_REQUESTEDFOR}",),
    ),
    # https://circleci.com/docs/reference/variables/
    "circleci": Provider(
        detected_by="CIRCLECI",
        url=("{CIRCLE_BUILD_URL}",),
        commit=("{CIRCLE_SHA1}",),
        branch=("{CIRCLE_BRANCH}", "{CIRCLE_TAG}"),
        actor=("{CIRCLE_USERNAME}",),
    ),
    # https://buildkite.com/docs/pipelines/configure/environment-variables
    "buildkite": Provider(
        detected_by="BUILDKITE",
        url=("{BUILDKITE_BUILD_URL}",),
        commit=("{BUILDKITE_COMMIT}",),
        branch=("{BUILDKITE_BRANCH}",),
        actor=("{BUILDKITE_BUILD_CREATOR}", "{BUILDKITE_BUILD_AUTHOR}"),
    ),
}


def read_context(environ: Mapping[str, str] | None = None) -> dict[str, dict[str, str]]:
    """Return the context of a run of this process; empty where nothing is known of it."""
    environ = os.environ if environ is None else environ
    labels, _ = read_labels(environ)
    context = {"labels": labels, "ci": read_ci(environ)}
    return {name: facts for name, facts in context.items() if facts}


def describe_label_problems(environ: Mapping[str, str] | None = None) -> str | None:
    """One line on what is wrong with `CHAOSIQ_LABELS`; None when nothing is."""
    _, problems = read_labels(os.environ if environ is None else environ)
    if not problems:
        return None
    more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
    return f"Left out of {VARIABLE}: {'; '.join(problems[:3])}{more}."


def read_labels(environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the labels of `CHAOSIQ_LABELS`, and a phrase on each that has to be left out."""
    labels: dict[str, str] = {}
    problems: list[str] = []
    for entry in filter(None, map(_simplify, environ.get(VARIABLE, "").split(","))):
        name, sign, value = (part.strip() for part in entry.partition("="))
        if not (name and sign and value):
            problems.append(f"'{_cut(entry)}' is not NAME=VALUE")
        elif len(name) > LONGEST_NAME:
            problems.append(f"the name '{_cut(name)}' has more than {LONGEST_NAME} characters")
        elif len(value) > LONGEST_VALUE:
            problems.append(f"the value of '{name}' has more than {LONGEST_VALUE} characters")
        elif len(labels) >= MOST_LABELS and name not in labels:
            problems.append(f"'{name}' comes after the first {MOST_LABELS}")
        else:
            labels[name] = value
    return labels, problems


def read_ci(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what is known of the CI build that this process runs in; empty outside of one.

    A url loses its user part and its query, and one that is too long to be whole is left out.
    """
    for name, provider in PROVIDERS.items():
        if environ.get(provider.detected_by, "").strip().lower() not in ("", "false", "0"):
            return {"provider": name, **dict(_read_facts(provider, environ))}
    return {}


def _read_facts(provider: Provider, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    url = _fill_first(provider.url, environ, _clean_url)
    if url and len(url) <= LONGEST_VALUE and url.startswith(("https://", "http://")):
        yield "url", url
    for name in ("commit", "branch", "actor"):
        value = _fill_first(getattr(provider, name), environ, _simplify)
        if name == "branch":
            value = value.removeprefix("refs/heads/").removeprefix("refs/tags/")
        if value:
            yield name, value[:LONGEST_VALUE]


def _fill_first(
    templates: tuple[str, ...], environ: Mapping[str, str], clean: Callable[[str], str]
) -> str:
    """The first template whose variables are all set, filled in; empty when there is none."""
    for template in templates:
        values = {name: clean(environ.get(name, "")) for name in _VARIABLE.findall(template)}
        if all(values.values()):
            return template.format_map(values)
    return ""


def _clean_url(text: str) -> str:
    """The url without user part, query and fragment; any other text as it is, without spaces."""
    text = "".join(text.split()) if "://" in text else text.strip().replace(" ", "%20")
    if "://" not in text:
        return text
    try:
        parts = urlsplit(text)
    except ValueError:  # half an IPv6 address, say
        return ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _simplify(text: str) -> str:
    """The text on one line, without control characters."""
    return _CONTROL.sub(" ", text).strip()


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}…"
