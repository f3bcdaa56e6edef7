"""The stop switch of a real console against real runs."""

from typing import Any

from tests.together.conftest import Console, User, command, read_until

REFUSAL = "The following safe guards disallow this execution from continuing:"


def test_a_run_is_refused_before_its_first_activity(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """With the switch set no probe and no action starts, and everybody can read why."""
    name = signed_in.keep("experiment.json", experiment)
    console.operate("stop", "--reason", "Black Friday")

    done = signed_in.chaos("run", name)

    [execution] = console.executions()
    assert done.returncode == 1
    assert REFUSAL in done.stderr
    assert not (signed_in.home / "lost").exists()
    assert signed_in.journal["status"] == "interrupted"
    assert signed_in.journal["run"] == []
    assert execution["status"] == "refused"


def test_the_journal_names_the_policies_that_stopped_the_run(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """The block of the journal lists them; a run that was not stopped has none."""
    name = signed_in.keep("experiment.json", experiment)

    signed_in.chaos("run", name)
    free = _block(signed_in.journal)["safeguards"]
    console.operate("stop", "--reason", "Black Friday")
    signed_in.chaos("run", name)
    stopped = _block(signed_in.journal)["safeguards"]

    assert free is None
    assert len(stopped) == 1


def test_resuming_lets_the_next_run_pass(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """What was stopped can be released."""
    name = signed_in.keep("experiment.json", experiment)
    console.operate("stop", "--reason", "Black Friday")
    signed_in.chaos("run", name)

    console.operate("resume")
    done = signed_in.chaos("run", name)

    assert done.returncode == 0
    assert (signed_in.home / "lost").exists()


def test_a_stop_in_the_middle_keeps_what_follows_from_starting(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """The switch set during the method interrupts the run; the next activity never starts."""
    switched = signed_in.home / "switched"
    wait = f"import os, time\nwhile not os.path.exists({str(switched)!r}): time.sleep(0.02)"
    experiment["method"] = [
        command("wait-for-the-switch", wait),
        command("lose-the-broker", "open('lost', 'w').write('yes')"),
    ]

    with signed_in.running("run", signed_in.keep("experiment.json", experiment)) as process:
        read_until("wait-for-the-switch", process)
        console.operate("stop", "--reason", "Black Friday")
        switched.touch()
        output, _ = process.communicate(timeout=60)

    [execution] = console.executions()
    assert process.returncode == 1
    assert REFUSAL in output
    assert not (signed_in.home / "lost").exists()
    assert execution["status"] == "interrupted"


def test_disabled_safeguards_are_not_asked(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """`disable safeguards` holds for the next run, which warns that it goes unguarded."""
    name = signed_in.keep("experiment.json", experiment)
    console.operate("stop", "--reason", "Black Friday")
    signed_in.chaos("disable", "safeguards")

    done = signed_in.chaos("run", name)

    assert done.returncode == 0
    assert "safeguards" in done.stderr.lower()
    assert (signed_in.home / "lost").exists()


def _block(journal: Any) -> Any:
    [block] = [each for each in journal["extensions"] if each["name"] == "chaosiq"]
    return block
