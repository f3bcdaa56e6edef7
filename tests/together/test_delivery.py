"""Runs whose console is away for a while, killed, or restarted: what stands there in the end."""

import json
import signal
import time
from typing import Any

import pytest

from tests.together.conftest import LIMIT, Console, User, command, serving
from tests.together.test_run import ONE_RUN

ATTEMPTS = 200


def port_of(console: Console) -> int:
    """The port it serves on."""
    return int(console.url.rpartition(":")[2])


def stop(console: Console) -> None:
    """End the console as a crash does."""
    console.process.kill()
    console.process.wait(LIMIT)


def test_a_run_without_the_console_is_whole_once_it_is_published(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """Experiment, execution with its true start, events and journal; the file is linked then."""
    name = signed_in.keep("experiment.json", experiment)
    stop(console)

    done = signed_in.chaos("run", name)
    with serving(console.data, port=port_of(console)) as again:
        nothing_yet = again.executions()
        published = signed_in.chaos("publish")
        [execution] = again.executions()
        events = again.event_types(execution)
        journal = again.journal(execution)
        whole = again.read(f"{again.team}/executions/{execution['id']}")

    assert done.returncode == 0
    assert "recorded on this machine" in done.stderr
    assert nothing_yet == []
    assert published.returncode == 0, published.stderr
    assert "Sent" in published.stdout
    assert events == ONE_RUN
    assert execution["status"] == "completed"
    assert execution["started_at"][:19] == signed_in.journal["start"][:19]
    assert journal["run"] == signed_in.journal["run"]
    assert whole["events_missing"] == 0
    assert execution["experiment_id"] in (signed_in.home / ".chaosiq").read_text()


@pytest.mark.parametrize("journal_first", [True, False])
def test_publishing_the_journal_of_a_run_that_is_kept_makes_no_second_execution(
    signed_in: User, console: Console, experiment: dict[str, Any], journal_first: bool
) -> None:
    """In whichever order somebody does both."""
    name = signed_in.keep("experiment.json", experiment)
    stop(console)
    signed_in.chaos("run", name)
    commands = [("publish", "journal.json"), ("publish",)]

    with serving(console.data, port=port_of(console)) as again:
        done = [signed_in.chaos(*item) for item in (commands if journal_first else commands[::-1])]
        executions, experiments = again.executions(), again.experiments()

    assert [entry.returncode for entry in done] == [0, 0], [value.stderr for value in done]
    assert [execution["status"] for execution in executions] == ["completed"]
    assert len(experiments) == 1


def test_what_is_damaged_among_the_kept_records_is_skipped_and_said(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """One record that cannot be read costs that record; the console shows that one is missing."""
    name = signed_in.keep("experiment.json", experiment)
    stop(console)
    signed_in.chaos("run", name)
    [spool] = (signed_in.home / ".chaostoolkit" / "chaosiq").rglob("*.jsonl")
    lines = spool.read_bytes().splitlines(keepends=True)
    spoiled = next(i for i, line in enumerate(lines) if b"starting-activity" in line)
    lines[spoiled] = lines[spoiled].replace(b"starting", b"stalling")
    spool.write_bytes(b"".join(lines))

    with serving(console.data, port=port_of(console)) as again:
        published = signed_in.chaos("publish")
        [execution] = again.executions()
        whole = again.read(f"{again.team}/executions/{execution['id']}")

    assert published.returncode == 0, published.stderr
    assert "1 record could not be read any more: skipped." in published.stdout
    assert execution["status"] == "completed"
    assert whole["events_missing"] == 1


def test_the_next_run_brings_what_the_last_one_kept(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """In the background: both are there when it has ended, or after the one that follows."""
    name = signed_in.keep("experiment.json", experiment)
    stop(console)
    signed_in.chaos("run", name)
    experiment["method"].append(command("take-your-time", "import time; time.sleep(1)"))
    signed_in.keep("experiment.json", experiment)

    with serving(console.data, port=port_of(console)) as again:
        stored = signed_in.chaos("signin", "--status").stdout
        done = signed_in.chaos("run", name)
        statuses = [execution["status"] for execution in again.executions()]
        content = [again.event_types(execution) for execution in again.executions()]
        left = signed_in.chaos("signin", "--status").stdout

    assert "of 1 run, which `chaos publish` sends" in stored
    assert statuses == ["completed", "completed"]
    assert sorted(len(types) for types in content) == [len(ONE_RUN), len(ONE_RUN) + 2]
    assert "of an earlier run" in done.stderr
    assert "Pending:      nothing" in left


def test_a_console_restarted_in_the_middle_loses_and_doubles_nothing(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """What was told while it was away arrives when it is back."""
    experiment["method"] = [
        command("lose-the-broker", "open('lost', 'w').write('yes')"),
        command("wait", "import time, os\nwhile not os.path.exists('go'): time.sleep(0.02)"),
        command("count-the-orders", "print(42)", kind="probe"),
    ]
    name = signed_in.keep("experiment.json", experiment)

    with signed_in.running("run", name) as process:
        appears(signed_in, "lost")
        stop(console)
        with serving(console.data, port=port_of(console)) as again:
            (signed_in.home / "go").touch()
            process.communicate(timeout=LIMIT)
            signed_in.chaos("publish")
            [execution] = again.executions()
            types = again.event_types(execution)
            whole = again.read(f"{again.team}/executions/{execution['id']}")

    assert execution["status"] == "completed"
    assert types.count("starting-activity") == types.count("activity-finished") == 6
    assert len(types) == len(ONE_RUN) + 2
    assert whole["events_missing"] == 0


def test_a_run_killed_in_the_middle_leaves_its_events(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """Nothing that was recorded is missing after the next `chaos publish`."""
    experiment["method"].insert(
        1, command("wait", "import time\nfor _ in range(3000): time.sleep(0.02)")
    )
    name = signed_in.keep("experiment.json", experiment)

    with signed_in.running("run", name) as process:
        appears(signed_in, "lost")
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=LIMIT)
    done = signed_in.chaos("publish")

    assert done.returncode == 0, done.stderr
    [execution] = console.executions()
    types = console.event_types(execution)
    assert types == ONE_RUN[: len(types)]
    assert types.count("starting-activity") >= 2
    assert execution["status"] == "aborted"  # the end that can be proven
    assert list(signed_in.settings.parent.rglob("*.jsonl")) == []


def test_nothing_secret_is_kept(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """Neither a secret's value, nor the token, nor where the console is, in spool or journal."""
    signed_in.env["BROKER_PASSWORD"] = "correct-horse-battery"
    experiment["secrets"] = {"broker": {"password": {"type": "env", "key": "BROKER_PASSWORD"}}}
    leak = command("leak", "import os; print('as', os.environ['BROKER_PASSWORD'])", kind="probe")
    experiment["method"] = [leak | {"secrets": ["broker"]}]
    stop(console)

    signed_in.chaos("run", signed_in.keep("experiment.json", experiment))

    [file] = signed_in.settings.parent.rglob("*.jsonl")
    text, journal = file.read_text(), json.dumps(signed_in.journal)
    assert "as [redacted]" in text
    assert "correct-horse-battery" not in text
    for secret in (console.token, console.url.partition("//")[2]):
        assert secret not in text
        assert secret not in journal
    assert all(json.loads(line) for line in text.splitlines())


def test_a_home_that_cannot_be_written_costs_nothing_while_the_console_is_there(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """A file lies where the outbox would be: the record goes from memory."""
    (signed_in.settings.parent / "chaosiq").write_text("in the way")

    done = signed_in.chaos("run", signed_in.keep("experiment.json", experiment))

    assert done.returncode == 0
    [execution] = console.executions()
    assert execution["status"] == "completed"
    assert console.event_types(execution) == ONE_RUN


def appears(user: User, name: str) -> None:
    """Wait until an activity has left its mark."""
    for _ in range(ATTEMPTS):
        if (user.home / name).exists():
            return
        time.sleep(0.05)
    raise AssertionError(f"{name} did not appear")
