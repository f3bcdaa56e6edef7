"""What is left out of journals whose secrets nobody knows any more."""

import json
from copy import deepcopy
from typing import Any

import pytest

from chaoscloud.redaction import withhold_outputs
from chaoscloud.redaction.withholding import WITHHELD
from chaoscloud.types import Journal


def give_secrets(journal: Journal, **provider: Any) -> dict[str, Any]:
    """Change the provider of the journal's only activity; returns its run."""
    run: dict[str, Any] = journal["run"][0]
    run["activity"]["provider"].update(provider)
    run["output"] = {"stdout": "logged in with correct-horse"}
    return run


@pytest.mark.parametrize(
    ("provider", "secret"),
    [
        ({"secrets": ["broker"]}, "broker"),
        ({"secrets": "broker"}, "broker"),
        ({"arguments": "--password ${password}"}, "broker.password"),
        ({"arguments": ["--password", "$password"]}, "broker.password"),
        ({"arguments": {"nested": [{"p": "x${password}x"}]}}, "broker.password"),
        ({"headers": {"Authorization": "Bearer ${password}"}}, "broker.password"),
        ({"arguments": "-c 'login $BROKER_PASSWORD'"}, "broker.password"),
        ({"arguments": "/c login %BROKER_PASSWORD%"}, "broker.password"),
    ],
)
def test_the_output_of_an_activity_with_secrets_is_withheld(
    journal: Journal, provider: dict[str, Any], secret: str
) -> None:
    """However it was given them: a group, a value in a text, a variable."""
    run = give_secrets(journal, **provider)
    run["exception"] = ["Traceback\n", "ValueError: correct-horse\n"]

    withheld = withhold_outputs(journal)

    assert withheld.journal["run"][0]["output"] == WITHHELD
    assert withheld.journal["run"][0]["exception"] == [WITHHELD]
    assert withheld.activities == 1
    assert withheld.secrets == (secret,)


def test_the_rest_of_such_an_activity_stays(journal: Journal) -> None:
    """How it went, how long it took, and the activity as the document has it."""
    run = give_secrets(journal, arguments="--password ${password}")

    withheld = withhold_outputs(journal)

    assert withheld.journal["run"][0] == {**run, "output": WITHHELD}


@pytest.mark.parametrize("key", ["arguments", "url", "headers"])
def test_arguments_that_were_resolved_are_withheld(journal: Journal, key: str) -> None:
    """They are not what the document says, so they hold values."""
    run = give_secrets(journal, secrets=["broker"])
    run["activity"] = deepcopy(run["activity"])
    run["activity"]["provider"][key] = "correct-horse"

    withheld = withhold_outputs(journal)

    assert withheld.journal["run"][0]["activity"]["provider"][key] == WITHHELD
    assert "correct-horse" not in json.dumps(withheld.journal)


def test_activities_are_found_wherever_the_host_writes_them(journal: Journal) -> None:
    """The hypothesis' checks, the rollbacks, what a verification measures."""
    run = give_secrets(journal, secrets=["broker"])
    check = {"steady_state_met": True, "probes": [deepcopy(run)]}
    journal["steady_states"] = {"before": check, "after": check, "during": [check, check]}
    journal["rollbacks"] = [run]
    journal["measurements"] = [check]

    withheld = withhold_outputs(journal)

    assert withheld.activities == 7
    assert "correct-horse" not in json.dumps(withheld.journal)
    assert withheld.journal["steady_states"]["during"][1]["steady_state_met"] is True


def test_an_activity_without_secrets_keeps_its_output(journal: Journal) -> None:
    """Shell variables and configuration are nobody's secrets."""
    journal["experiment"]["configuration"] = {"region": "eu"}
    give_secrets(journal, arguments="-c 'echo $HOME ${region} 100%'")

    withheld = withhold_outputs(journal)

    assert withheld.activities == 0
    assert withheld.secrets == ()
    assert withheld.journal == journal


def test_all_that_a_vault_has_at_a_path_may_be_meant(journal: Journal) -> None:
    """Nobody knows the names of what the host found there."""
    journal["experiment"]["configuration"] = {"region": "eu"}
    journal["experiment"]["secrets"] = {"shop": {"type": "vault", "path": "shop/broker"}}
    give_secrets(journal, arguments="${region}")
    assert withhold_outputs(journal).activities == 0

    give_secrets(journal, arguments="${login}")
    assert withhold_outputs(journal).secrets == ("shop",)


def test_an_activity_that_returned_nothing_gets_no_note(journal: Journal) -> None:
    """There is nothing to withhold, and null says that."""
    give_secrets(journal, secrets=["broker"])["output"] = None

    assert withhold_outputs(journal).journal["run"][0]["output"] is None


def test_the_callers_journal_is_not_changed(journal: Journal) -> None:
    """It is the user's."""
    give_secrets(journal, secrets=["broker"])
    before = deepcopy(journal)

    withhold_outputs(journal)

    assert journal == before


@pytest.mark.parametrize("damage", [None, 3, "x", [], {}, [None], {"a": 3}, [{"activity": 3}]])
@pytest.mark.parametrize("place", ["run", "experiment", "secrets", "configuration", "provider"])
def test_damaged_journals_do_no_harm(journal: Journal, damage: Any, place: str) -> None:
    """Files are edited by people."""
    experiment = journal["experiment"]
    owners: dict[str, Any] = {
        "run": journal,
        "experiment": journal,
        "secrets": experiment,
        "configuration": experiment,
        "provider": journal["run"][0]["activity"],
    }
    owners[place][place] = damage

    assert withhold_outputs(journal).activities == 0


def test_a_journal_that_is_too_deep_is_refused(journal: Journal) -> None:
    """By a `ValueError`, as redacting it is."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    with pytest.raises(ValueError, match="nested too deeply"):
        withhold_outputs({**journal, "run": deep})
