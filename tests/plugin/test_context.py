"""Where a run came from: labels and the CI build, read from the environment."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaoscloud.context import (
    LONGEST_NAME,
    LONGEST_VALUE,
    MOST_LABELS,
    PROVIDERS,
    describe_label_problems,
    read_ci,
    read_context,
    read_labels,
)
from tests.plugin import stub_console
from tests.plugin.runs import activity, block_of, orders, run

DOCS = Path(__file__).parents[2] / "docs" / "ci.md"

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/shop",
    "GITHUB_RUN_ID": "4711",
    "GITHUB_SHA": "9fceb02",
    "GITHUB_REF_NAME": "main",
    "GITHUB_HEAD_REF": "",
    "GITHUB_ACTOR": "ada",
}

BUILDS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "GitHub, a push": (
        GITHUB,
        {
            "provider": "github",
            "url": "https://github.com/acme/shop/actions/runs/4711",
            "commit": "9fceb02",
            "branch": "main",
            "actor": "ada",
        },
    ),
    "GitLab, a merge request": (
        {
            "GITLAB_CI": "true",
            "CI_JOB_URL": "https://gitlab.com/acme/shop/-/jobs/12",
            "CI_PIPELINE_URL": "https://gitlab.com/acme/shop/-/pipelines/9",
            "CI_COMMIT_SHA": "9fceb02",
            "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "brokers",
            "CI_COMMIT_REF_NAME": "refs/merge-requests/1/head",
            "GITLAB_USER_LOGIN": "ada",
        },
        {
            "provider": "gitlab",
            "url": "https://gitlab.com/acme/shop/-/jobs/12",
            "commit": "9fceb02",
            "branch": "brokers",
            "actor": "ada",
        },
    ),
    "Jenkins, without plugins": (
        {"JENKINS_URL": "https://ci.acme.test/", "BUILD_URL": "https://ci.acme.test/job/shop/7/"},
        {"provider": "jenkins", "url": "https://ci.acme.test/job/shop/7/"},
    ),
    "Azure, a project with a space": (
        {
            "TF_BUILD": "True",
            "SYSTEM_COLLECTIONURI": "https://dev.azure.com/acme/",
            "SYSTEM_TEAMPROJECT": "Web shop",
            "BUILD_BUILDID": "31",
            "BUILD_SOURCEVERSION": "9fceb02",
            "BUILD_SOURCEBRANCH": "refs/heads/main",
            "BUILD_REQUESTEDFOR": "Ada Lovelace",
        },
        {
            "provider": "azure",
            "url": "https://dev.azure.com/acme/Web%20shop/_build/results?buildId=31",
            "commit": "9fceb02",
            "branch": "main",
            "actor": "Ada Lovelace",
        },
    ),
    "CircleCI, a tag": (
        {
            "CIRCLECI": "true",
            "CIRCLE_BUILD_URL": "https://circleci.com/gh/acme/shop/5",
            "CIRCLE_SHA1": "9fceb02",
            "CIRCLE_TAG": "v3",
            "CIRCLE_USERNAME": "ada",
        },
        {
            "provider": "circleci",
            "url": "https://circleci.com/gh/acme/shop/5",
            "commit": "9fceb02",
            "branch": "v3",
            "actor": "ada",
        },
    ),
    "Buildkite": (
        {
            "BUILDKITE": "true",
            "BUILDKITE_BUILD_URL": "https://buildkite.com/acme/shop/builds/8",
            "BUILDKITE_COMMIT": "9fceb02",
            "BUILDKITE_BRANCH": "main",
            "BUILDKITE_BUILD_CREATOR": "Ada Lovelace",
        },
        {
            "provider": "buildkite",
            "url": "https://buildkite.com/acme/shop/builds/8",
            "commit": "9fceb02",
            "branch": "main",
            "actor": "Ada Lovelace",
        },
    ),
    "a laptop": ({"HOME": "/home/ada"}, {}),
    "a variable that says no": ({"BUILDKITE": "false", "CIRCLECI": ""}, {}),
}


@pytest.mark.parametrize(("environ", "facts"), BUILDS.values(), ids=BUILDS)
def test_each_ci_tells_its_build(environ: dict[str, str], facts: dict[str, str]) -> None:
    """By the variables it documents; what it does not set is not there."""
    assert read_ci(environ) == facts


def test_the_docs_list_the_same_table() -> None:
    """Somebody who reads the page knows how a build is found."""
    rows = re.findall(r"\| `(\w+)` \| `(\w+)` \|", DOCS.read_text())

    assert rows == [(provider.detected_by, name) for name, provider in PROVIDERS.items()]


def test_a_pull_request_names_the_branch_it_comes_from() -> None:
    """`GITHUB_REF_NAME` is `12/merge` then, which is no branch anybody knows."""
    environ = {**GITHUB, "GITHUB_REF_NAME": "12/merge", "GITHUB_HEAD_REF": "brokers"}

    assert read_ci(environ)["branch"] == "brokers"


SECRET_URLS = {
    "user and password": "https://ada:hunter2@ci.acme.test/job/7/",
    "a query": "https://ci.acme.test/job/7/?token=hunter2",
    "a fragment": "https://ci.acme.test/job/7/#hunter2",
    "an @ in the password": "https://ada:hunter2@x@ci.acme.test/job/7/",
}


@pytest.mark.parametrize("url", SECRET_URLS.values(), ids=SECRET_URLS)
def test_an_address_gives_no_credentials_away(url: str) -> None:
    """Neither its user part nor its query leaves."""
    ci = read_ci({"JENKINS_URL": "https://ci.acme.test/", "BUILD_URL": url})

    assert ci["url"] == "https://ci.acme.test/job/7/"


ODD_URLS = [
    "file:///etc/passwd",
    "javascript:alert(1)",
    "https://[::1",
    "x" * 500,
    "https://" + "x" * 300,
]


@pytest.mark.parametrize("url", ODD_URLS)
def test_what_is_no_address_of_a_page_is_left_out(url: str) -> None:
    """An address cut short would lead elsewhere."""
    assert read_ci({"JENKINS_URL": "https://ci.acme.test/", "BUILD_URL": url}) == {
        "provider": "jenkins"
    }


def test_labels_are_pairs_with_commas_between_them() -> None:
    """Spaces around them do not count; a value may hold an equals sign."""
    labels, problems = read_labels({"CHAOSIQ_LABELS": " env = staging,, ticket=OPS-12,query=a=b,"})

    assert labels == {"env": "staging", "ticket": "OPS-12", "query": "a=b"}
    assert problems == []


ODD_LABELS = {
    "no value": ("env=staging,urgent", "'urgent' is not NAME=VALUE"),
    "an empty value": ("env=staging,team=", "'team=' is not NAME=VALUE"),
    "no name": ("env=staging,=OPS-12", "'=OPS-12' is not NAME=VALUE"),
    "a long name": (f"env=staging,{'n' * 65}=1", "has more than 64 characters"),
    "a long value": (f"env=staging,note={'v' * 257}", "'note' has more than 256 characters"),
}


@pytest.mark.parametrize(("text", "problem"), ODD_LABELS.values(), ids=ODD_LABELS)
def test_a_label_that_cannot_be_taken_is_named(text: str, problem: str) -> None:
    """The others count."""
    environ = {"CHAOSIQ_LABELS": text}

    assert read_context(environ) == {"labels": {"env": "staging"}}
    assert problem in (describe_label_problems(environ) or "")


def test_there_are_at_most_so_many_labels() -> None:
    """The first ones count, and one line names some of the rest."""
    environ = {"CHAOSIQ_LABELS": ",".join(f"n{number}=v" for number in range(40))}

    assert list(read_labels(environ)[0]) == [f"n{number}" for number in range(MOST_LABELS)]
    line = describe_label_problems(environ)
    assert line is not None
    assert "(and 5 more)" in line


@given(st.dictionaries(st.sampled_from([*GITHUB, "CHAOSIQ_LABELS"]), st.text()))
def test_whatever_the_environment_holds_the_context_is_bounded(environ: dict[str, str]) -> None:
    """Short texts on one line each, and never a failure."""
    context = read_context({"GITHUB_ACTIONS": "true", **environ})

    for facts in context.values():
        for name, value in facts.items():
            assert 0 < len(name) <= LONGEST_NAME
            assert 0 < len(value) <= LONGEST_VALUE
            assert f"{name}{value}".isprintable() or not re.search(r"[\x00-\x1f]", name + value)


@pytest.mark.loopback
def test_a_run_tells_the_console_where_it_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its start, and again in its journal, which the user's file holds, too."""
    for name, value in {**GITHUB, "CHAOSIQ_LABELS": "env=staging"}.items():
        monkeypatch.setenv(name, value)
    context = {"labels": {"env": "staging"}, "ci": BUILDS["GitHub, a push"][1]}

    with stub_console.serving() as console:
        journal = run(orders(), console.settings)

        [start], *_, end = console.bodies("execution"), console.bodies("journal")[-1]
    assert block_of(start["journal"])["context"] == context
    assert block_of(end["journal"])["context"] == context
    assert block_of(journal)["context"] == context


@pytest.mark.loopback
def test_a_secret_in_a_label_does_not_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels are written by scripts, which put anything into them."""
    monkeypatch.setenv("CHAOSIQ_LABELS", "env=staging,note=with hunter2-the-password")
    monkeypatch.setenv("BROKER_PASSWORD", "hunter2-the-password")
    experiment = orders() | {
        "secrets": {"broker": {"password": {"type": "env", "key": "BROKER_PASSWORD"}}}
    }

    with stub_console.serving() as console:
        run(experiment, console.settings)

        [start] = console.bodies("execution")
        assert "hunter2" not in console.everything
    labels = block_of(start["journal"])["context"]["labels"]
    assert labels == {"env": "staging", "note": "with [redacted]"}


@pytest.mark.loopback
def test_a_label_that_is_left_out_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One line, and the run goes on."""
    monkeypatch.setenv("CHAOSIQ_LABELS", "urgent")

    with stub_console.serving() as console:
        journal = run(orders(), console.settings)

    lines = [line for line in caplog.messages if "CHAOSIQ_LABELS" in line]
    assert lines == ["Left out of CHAOSIQ_LABELS: 'urgent' is not NAME=VALUE."]
    assert journal["status"] == "completed"
    assert "context" not in block_of(journal)


@pytest.mark.loopback
def test_a_run_that_the_host_left_without_a_word_has_its_context(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its end is made of how it began."""
    monkeypatch.setenv("CHAOSIQ_LABELS", "env=staging")

    def crash(*_: Any, **__: Any) -> None:
        raise SystemError("the host fails")

    monkeypatch.setattr("chaoslib.run.apply_activities", crash)
    experiment = orders() | {"method": [activity("do", name="lose the broker")]}
    with stub_console.serving() as console:
        run(experiment, console.settings)

        end = console.bodies("journal")[-1]["journal"]
    assert block_of(end)["context"] == {"labels": {"env": "staging"}}
    assert json.dumps(end["status"]) != "null"
