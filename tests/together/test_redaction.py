"""What is secret stays away from the console, and nothing breaks by that."""

import json
from typing import Any

import pytest

from tests.together.conftest import Console, User, command

REFERENCE = {"type": "env", "key": "KUBERNETES_CONTEXT"}


@pytest.fixture
def experiment() -> dict[str, Any]:
    """An experiment in a cluster whose name is a secret of its driver."""
    return {
        "title": "Pods come back",
        "description": "When they are deleted.",
        "tags": ["production"],
        "secrets": {"k8s": {"KUBERNETES_CONTEXT": REFERENCE}},
        "method": [command("delete pods", "print('deleted in', 'staging')")],
    }


def test_a_secret_that_equals_a_tag_passes_no_safeguard(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """The safeguard sees the true tags, in what was recorded and in what is asked."""
    settings = json.dumps({"mode": "forbid", "tags": ["production"]})
    console.operate(
        *["safeguard", "add", "tags", "production", "--reason", "no", "--settings", settings]
    )
    signed_in.env["KUBERNETES_CONTEXT"] = "production"

    done = signed_in.chaos("run", signed_in.keep("experiment.json", experiment))

    assert done.returncode == 1
    assert signed_in.journal["run"] == []


@pytest.mark.parametrize("secret", ["completed", "action", "1", "5000"])
def test_a_run_is_recorded_to_its_end_whatever_is_secret(
    signed_in: User, console: Console, experiment: dict[str, Any], secret: str
) -> None:
    """Words of the format and small numbers are nobody's secrets."""
    signed_in.env["KUBERNETES_CONTEXT"] = secret

    signed_in.chaos("run", signed_in.keep("experiment.json", experiment))

    [execution] = console.executions()
    assert execution["status"] == "completed"
    assert console.journal(execution)["run"][0]["activity"]["type"] == "action"


def test_a_document_that_lacks_something_is_not_run_from_the_console(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """Else the second run would play `[redacted]` in the place of the namespace."""
    signed_in.env["KUBERNETES_CONTEXT"] = "staging"
    signed_in.chaos("run", signed_in.keep("experiment.json", experiment))
    [known] = console.experiments()

    done = signed_in.chaos("run", f"{console.url}/assets/experiments/{known['id']}.json")

    assert done.returncode == 1
    assert "This experiment cannot be run from here." in done.stderr
    assert len(console.executions()) == 1


def test_the_outputs_of_a_journal_whose_secrets_changed_are_withheld(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """Published later, when nobody knows any more what the secret was."""
    leak = command("leak", "import os; print(os.environ['KUBERNETES_CONTEXT'])", kind="probe")
    leak["provider"]["secrets"] = ["k8s"]
    experiment["method"] = [leak]
    signed_in.chaos("disable", "publish")
    signed_in.env["KUBERNETES_CONTEXT"] = "correct-horse-battery"
    signed_in.chaos("run", signed_in.keep("experiment.json", experiment))
    signed_in.chaos("enable", "publish")
    del signed_in.env["KUBERNETES_CONTEXT"]

    done = signed_in.chaos("publish", "journal.json")

    assert done.returncode == 0, done.stderr
    assert "1 activity was given secrets (k8s): " in done.stdout
    assert "correct-horse-battery" in json.dumps(signed_in.journal)
    assert not console.database_holds("correct-horse-battery")
