"""The stop switch of a real console against real runs."""

from typing import Any

import pytest

from tests.together.conftest import Console, User, command, read_until, serving

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


def nest(levels: int) -> dict[str, Any]:
    """A document that is nested so deeply."""
    document: dict[str, Any] = {}
    for _ in range(levels):
        document = {"inside": document}
    return document


@pytest.mark.parametrize(
    "oddity",
    [
        {"configuration": {"deep": nest(600)}},
        {"tags": [f"tag-{number}" for number in range(70)]},
        {"extensions": [{"name": "chaosiq", "experiment_id": 5, "source": ["x"]}]},
    ],
    ids=["nested too deeply", "too many tags", "odd ids"],
)
def test_a_document_that_cannot_be_filed_is_no_way_past_a_stop(
    signed_in: User, console: Console, experiment: dict[str, Any], oddity: dict[str, Any]
) -> None:
    """The run is asked about by what can be read, whatever the console makes of its record."""
    name = signed_in.keep("experiment.json", experiment | oddity)
    console.operate("stop", "--reason", "Black Friday")

    done = signed_in.chaos("run", name)

    assert done.returncode == 1
    assert REFUSAL in done.stderr
    assert not (signed_in.home / "lost").exists()
    assert signed_in.journal["interruption"]["name"] == "Black Friday"


METHOD = """
method:
- {type: action, name: lose, provider: {type: process, path: touch, arguments: lost}}
"""

YAML_DOCUMENTS = {
    "set as tags": "tags: !!set {production, orders}",
    "set in the configuration": "configuration: {brokers: !!set {kafka-1, kafka-2}}",
    "set as a contribution": "contributions: !!set {availability}",
    "binary as a tag": "tags: [!!binary AP8=]",
    "binary in the configuration": "configuration: {key: !!binary AP8=}",
    "binary as the title": "title: !!binary AP8=",
    "nested tags": f"tags: {'[' * 100}production{']' * 100}",
    "a date as a tag": "tags: [2026-11-27]",
    "tags that hold themselves": "tags: &all [production, *all]",
    "a tag of a megabyte": f"tags: [{'x' * 1024 * 1024}]",
    "ten thousand tags": f"tags: {[f'tag-{number}' for number in range(10_000)]}",
    "a configuration that holds itself": "configuration: &all {self: *all}",
    "contributions that hold themselves": "contributions: &all {self: *all}",
    "extensions that hold themselves": "extensions: &all [{name: chaosiq, experiment_id: *all}]",
}


def test_values_that_only_yaml_has_are_no_way_past_a_stop(
    signed_in: User, console: Console
) -> None:
    """They have no form in JSON: what cannot be recorded is asked about all the same."""
    console.operate("stop", "--reason", "Black Friday")
    passed = []

    for name, oddity in YAML_DOCUMENTS.items():
        title = "" if oddity.startswith("title") else "title: Orders\n"
        text = f"{title}description: Odd.\n{oddity}\n{METHOD}"
        (signed_in.home / "odd.yaml").write_text(text)
        done = signed_in.chaos("run", "--no-validation", "odd.yaml")
        has_run = (signed_in.home / "lost").exists()
        if has_run or done.returncode != 1 or REFUSAL not in done.stderr:
            passed.append((name, done.returncode, has_run, done.stderr))

    assert passed == []


def test_a_document_that_is_too_large_is_no_way_past_a_stop(
    signed_in: User, console: Console, experiment: dict[str, Any], runs: int
) -> None:
    """Over 64 MiB, which the console does not take."""
    if runs < 200:
        pytest.skip("it takes long: --runs 200")
    experiment["configuration"] = {"text": "x" * (65 * 1024 * 1024)}
    name = signed_in.keep("experiment.json", experiment)
    console.operate("stop", "--reason", "Black Friday")

    done = signed_in.chaos("run", name)

    assert done.returncode == 1
    assert REFUSAL in done.stderr
    assert not (signed_in.home / "lost").exists()


def test_a_stranger_runs_nothing_under_a_stop(
    signed_in: User, console: Console, experiment: dict[str, Any], runs: int
) -> None:
    """One process after the other, each new to the console: exit code 1, and nothing is played."""
    console.operate("stop", "--reason", "Black Friday")

    for number in range(runs):
        name = signed_in.keep(f"{number}.json", experiment | {"title": f"Orders {number}"})
        done = signed_in.chaos("run", name)

        assert done.returncode == 1
        assert REFUSAL in done.stderr
        assert not (signed_in.home / "lost").exists()
        assert signed_in.journal["run"] == []


def test_a_secret_that_equals_a_tag_is_no_way_past_a_safeguard(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """Tags stand in the open: the question goes with the true ones."""
    secrets = {"k8s": {"context": {"type": "env", "key": "CLUSTER"}}}
    signed_in.env["CLUSTER"] = "production"
    name = signed_in.keep(
        "experiment.json", experiment | {"tags": ["production"], "secrets": secrets}
    )
    rule = '{"mode": "forbid", "tags": ["production"]}'
    console.operate(
        "safeguard", "add", "tags", "No production", "--reason", "Frozen", "--settings", rule
    )

    done = signed_in.chaos("run", name)

    assert done.returncode == 1
    assert "No production: Frozen" in done.stderr
    assert not (signed_in.home / "lost").exists()


def test_a_process_without_a_home_is_guarded(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """As in a container, whose settings lie elsewhere."""
    name = signed_in.keep("experiment.json", experiment)
    console.operate("stop", "--reason", "Black Friday")
    settings = str(signed_in.settings)
    signed_in.env["HOME"] = str(signed_in.home / "experiment.json")

    done = signed_in.chaos("--settings", settings, "run", name)

    assert done.returncode == 1
    assert REFUSAL in done.stderr
    assert not (signed_in.home / "lost").exists()


def test_resuming_lets_the_next_run_pass(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """What was stopped can be released."""
    name = signed_in.keep("experiment.json", experiment)
    console.operate("stop", "--reason", "Black Friday")
    signed_in.chaos("run", name)

    console.operate("release")
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
        answer = console.operate("stop", "--reason", "Black Friday")
        switched.touch()
        output, _ = process.communicate(timeout=60)

    [execution] = console.executions()
    assert "1 of 1 run heard it" in answer
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


def test_a_stop_interrupts_a_running_activity(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """The minute it would take is not waited for; everybody can read why, and how fast it was."""
    experiment["method"] = [command("sleep-a-minute", "import time; time.sleep(60)")]

    with signed_in.running("run", signed_in.keep("experiment.json", experiment)) as process:
        read_until("sleep-a-minute", process)
        console.operate("stop", "--reason", "Black Friday")
        output, _ = process.communicate(timeout=60)

    [execution] = console.executions()
    stop = _block(signed_in.journal)["stop"]
    assert process.returncode == 1
    assert REFUSAL in output
    assert "Rollbacks not run after the stop: bring-the-broker-back" in " ".join(output.split())
    assert signed_in.journal["duration"] < 60
    assert 0 <= stop["latency"] < 30
    assert execution["status"] == "interrupted"
    assert console.event_types(execution).count("safeguard-stop") == 1
    assert console.journal(execution)["extensions"][-1]["stop"] == stop


def test_rollbacks_that_are_asked_for_are_played_after_a_stop(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """They repair what the activity left, and the stop does not reach them."""
    experiment["method"] = [command("sleep-a-minute", "import time; time.sleep(60)")]
    name = signed_in.keep("experiment.json", experiment)

    with signed_in.running("run", "--rollback-strategy", "always", name) as process:
        read_until("sleep-a-minute", process)
        console.operate("stop", "--reason", "Black Friday")
        output, _ = process.communicate(timeout=60)

    assert process.returncode == 1
    assert (signed_in.home / "back").exists()
    assert "not run after" not in output


def test_a_restart_of_the_console_does_not_lift_the_watch(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """Contact is lost and found again, both are said, and a stop after that is obeyed."""
    experiment["method"] = [command("sleep-a-minute", "import time; time.sleep(60)")]
    port = int(console.url.rpartition(":")[2])

    with signed_in.running("run", signed_in.keep("experiment.json", experiment)) as process:
        read_until("sleep-a-minute", process)
        console.process.kill()
        console.process.wait()
        read_until("Safeguards could not be asked", process)
        with serving(console.data, port=port) as again:
            read_until("Safeguards answer again", process)
            again.operate("stop", "--reason", "Black Friday")
            output, _ = process.communicate(timeout=60)

    assert process.returncode == 1
    assert REFUSAL in output
    [gap] = _block(signed_in.journal)["safeguards_without_answer"]
    assert gap["until"] is not None


def test_what_the_organization_requires_is_remembered(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """A run hears of it; the next one does not start without an answer, nor can it be disabled."""
    name = signed_in.keep("experiment.json", experiment)
    console.operate("organization", "require-safeguards", "My organization", "on")
    first = signed_in.chaos("run", name)
    (signed_in.home / "lost").unlink()
    console.process.kill()
    console.process.wait()

    signed_in.chaos("disable", "safeguards")
    done = signed_in.chaos("run", name)

    assert first.returncode == 0
    assert done.returncode == 1
    assert "Safeguards are required: nobody answers" in " ".join(done.stderr.split())
    assert not (signed_in.home / "lost").exists()
    assert signed_in.journal["status"] == "interrupted"


def test_what_the_organization_gives_free_is_free(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """The console's word undoes what was remembered."""
    name = signed_in.keep("experiment.json", experiment)
    console.operate("organization", "require-safeguards", "My organization", "on")
    signed_in.chaos("run", name)
    console.operate("organization", "require-safeguards", "My organization", "off")
    signed_in.chaos("run", name)
    console.process.kill()
    console.process.wait()

    done = signed_in.chaos("run", name)

    assert done.returncode == 0
    assert "Safeguards could not be asked" in " ".join(done.stderr.split())


def _block(journal: Any) -> Any:
    [block] = [block for block in journal["extensions"] if block["name"] == "chaosiq"]
    return block
