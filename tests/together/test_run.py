"""What `chaos run` leaves in the console."""

import json
import sys
from typing import Any

import pytest

from tests.together.conftest import Console, User, command, serving

ONE_RUN = [
    "starting-experiment",
    *["starting-hypothesis", "starting-activity", "activity-finished", "hypothesis-finished"],
    "starting-method",
    *["starting-activity", "activity-finished"] * 2,
    "method-finished",
    *["starting-hypothesis", "starting-activity", "activity-finished", "hypothesis-finished"],
    *["starting-rollback", "starting-activity", "activity-finished", "rollback-finished"],
    "experiment-finished",
]


def test_a_run_is_recorded_from_its_start_to_its_end(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """The experiment, one execution, every event in order and the journal stand in the console."""
    done = signed_in.chaos("run", signed_in.keep("experiment.json", experiment))

    assert done.returncode == 0, done.stderr
    [execution] = console.executions()
    assert execution["status"] == "completed"
    assert execution["title"] == experiment["title"]
    assert console.event_types(execution) == ONE_RUN
    assert console.journal(execution)["run"] == signed_in.journal["run"]


def test_the_address_that_is_logged_opens_as_a_page(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """People open what `chaos run` prints."""
    done = signed_in.chaos("run", signed_in.keep("experiment.json", experiment))

    [execution] = console.executions()
    address = done.stderr.partition("Execution available at ")[2].split()[0]
    assert address == f"{console.url}/my-organization/my-team/executions/{execution['id']}"


def test_running_a_file_again_adds_an_execution_to_its_experiment(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """The workspace file links the local file to the experiment the console knows."""
    name = signed_in.keep("experiment.json", experiment)

    signed_in.chaos("run", name)
    signed_in.chaos("run", name)

    assert len(console.experiments()) == 1
    assert len(console.executions()) == 2
    assert (signed_in.home / ".chaosiq").exists()


def test_without_the_workspace_the_console_knows_the_same_document(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """`disable workspace` neither reads nor writes the link; a changed document is a new one."""
    signed_in.chaos("disable", "workspace")

    for title in ("One", "One", "Another"):
        signed_in.chaos("run", signed_in.keep("experiment.json", experiment | {"title": title}))

    assert [each["title"] for each in console.experiments()] == ["Another", "One"]
    assert len(console.executions()) == 3
    assert not (signed_in.home / ".chaosiq").exists()


def test_nothing_is_published_while_publishing_is_disabled(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """`disable publish` holds for the next run, which says so, until `enable publish`."""
    name = signed_in.keep("experiment.json", experiment)
    signed_in.chaos("disable", "publish")

    silent = signed_in.chaos("run", name)
    after_silence = console.executions()
    signed_in.chaos("enable", "publish")
    signed_in.chaos("run", name)

    assert silent.returncode == 0
    assert silent.stderr.count("WARNING") == 1
    assert after_silence == []
    assert len(console.executions()) == 1


def test_a_console_that_is_away_changes_nothing_of_the_run(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """Reporting is a courtesy: same exit code, same activities, journal written."""
    name = signed_in.keep("experiment.json", experiment)
    console.process.kill()
    console.process.wait()

    done = signed_in.chaos("run", name)

    assert done.returncode == 0
    assert [run["status"] for run in signed_in.journal["run"]] == ["succeeded", "succeeded"]
    assert "WARNING" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_was_acknowledged_survives_the_death_of_the_console(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """A console killed with -9 still has the record when it is started again."""
    signed_in.chaos("run", signed_in.keep("experiment.json", experiment))
    console.process.kill()
    console.process.wait()

    with serving(console.data) as again:
        [execution] = again.executions()
        events = again.event_types(execution)

    assert execution["status"] == "completed"
    assert events == ONE_RUN


def test_neither_secrets_nor_local_paths_reach_the_console(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """The value of a secret is nowhere in the database, even when an activity printed it."""
    signed_in.env["BROKER_PASSWORD"] = "correct-horse-battery"
    experiment["secrets"] = {"broker": {"password": {"type": "env", "key": "BROKER_PASSWORD"}}}
    leak = command("leak", "import os; print('as', os.environ['BROKER_PASSWORD'])", kind="probe")
    experiment["method"] = [leak | {"secrets": ["broker"]}]

    signed_in.chaos("run", signed_in.keep("experiment.json", experiment))

    assert "correct-horse-battery" in json.dumps(signed_in.journal["run"])
    assert console.database_holds("as [redacted]")
    assert not console.database_holds("correct-horse-battery")
    assert not console.database_holds("experiment_path")
    assert not console.database_holds(str(signed_in.home / "experiment.json"))


def test_a_settings_file_that_others_can_read_is_said_once(
    signed_in: User, experiment: dict[str, Any]
) -> None:
    """The token in it is for its owner: the run warns, and goes on."""
    signed_in.settings.chmod(0o644)

    done = signed_in.chaos("run", signed_in.keep("experiment.json", experiment))

    assert done.returncode == 0
    assert done.stderr.count("holds a token that others can read") == 1


def test_markup_in_a_title_is_kept_as_it_is(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """The record is what happened, whatever it looks like to a browser."""
    experiment["title"] = "<script>alert('orders')</script>"

    signed_in.chaos("run", signed_in.keep("experiment.json", experiment))

    [execution] = console.executions()
    assert execution["title"] == experiment["title"]


def test_a_deviation_is_recorded_as_one(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """The steady state that breaks under the method shows, and the exit code is the host's."""
    probe = experiment["steady-state-hypothesis"]["probes"][0]
    probe["provider"]["arguments"] = ["-c", "import os, sys; sys.exit(os.path.exists('lost'))"]

    done = signed_in.chaos("run", signed_in.keep("experiment.json", experiment))

    [execution] = console.executions()
    assert done.returncode == 1
    assert execution["status"] == "deviated"


def test_an_experiment_runs_from_the_console_by_its_url(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """`chaos run URL` of an asset adds an execution to the experiment it came from."""
    signed_in.chaos("run", signed_in.keep("experiment.json", experiment))
    [known] = console.experiments()

    done = signed_in.chaos("run", f"{console.url}/assets/experiments/{known['id']}.json")

    assert done.returncode == 0, done.stderr
    assert [e["id"] for e in console.experiments()] == [known["id"]]
    assert len(console.executions()) == 2


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the older host has no such option")
def test_the_host_s_agent_output_stays_one_json_document(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """Nothing of ours goes to standard output during a run."""
    done = signed_in.chaos(
        "run", "--output", "agent", signed_in.keep("experiment.json", experiment)
    )

    assert isinstance(json.loads(done.stdout), dict)
    assert len(console.executions()) == 1
