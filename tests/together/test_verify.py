"""Verifications in real processes, told to a real console."""

import signal
from typing import Any

import pytest
import requests

from chaoscloud.outcome.durations import format_percentage
from tests.together.conftest import Console, User, command, read_until

PASSED = "import os, sys; sys.exit(os.path.exists('lost'))"


@pytest.fixture
def verification(experiment: dict[str, Any]) -> dict[str, Any]:
    """Orders are checked four times a second, while the broker is lost for half a second."""
    experiment["steady-state-hypothesis"]["probes"][0]["provider"]["arguments"] = ["-c", PASSED]
    experiment["method"] = [
        command("lose-the-broker", "open('lost', 'w').write('yes')") | {"pauses": {"after": 0.5}},
        command("find-the-broker", "import os; os.remove('lost')"),
    ]
    timing = {"frequency-of-measurement": 0.25, "duration-of-conditions": 0.5}
    experiment["extensions"] = [
        {"name": "chaosiq", "verification": {"id": "broker-outage", **timing}}
    ]
    return experiment


def runs_of(console: Console, verification_id: str = "broker-outage") -> list[Any]:
    """Return the runs of a verification, the newest first."""
    items: list[Any] = console.read(f"{console.team}/verifications/{verification_id}/runs")["items"]
    return items


def test_a_hand_written_verification_is_registered_by_its_first_run(
    signed_in: User, console: Console, verification: dict[str, Any]
) -> None:
    """The samples of the journal are those the console holds against the objective."""
    done = signed_in.chaos("verify", signed_in.keep("verification.json", verification))

    assert done.returncode == 0, done.stderr
    [run] = runs_of(console)
    samples = signed_in.journal["steady_states"]["during"]
    assert signed_in.journal["measurements"] == samples
    assert run["state"] == "finished"
    assert run["results"]["total_number_of_samples"] == len(samples)
    deviated = [sample for sample in samples if sample["steady_state_met"] is False]
    assert run["results"]["deviated_samples"] == len(deviated) > 0
    assert run["insight"]["impacted"] is True


def test_a_verification_ends_with_the_verdict_of_the_console(
    signed_in: User, console: Console, verification: dict[str, Any]
) -> None:
    """Samples, impact and budget are those the console computes, and its page is the last line."""
    name = signed_in.keep("verification.json", verification)

    done = signed_in.chaos("verify", "--fail-on", "impacted", "--junit", "junit.xml", name)

    assert done.returncode == 1, done.stderr
    [run] = runs_of(console)
    results, insight = run["results"], run["insight"]
    lines = done.stdout.splitlines()
    counts = (
        f"Samples: {results['total_number_of_samples']} ("
        f"{results['successful_samples']} within the tolerance, "
        f"{results['deviated_samples']} deviated)."
    )
    assert lines[1] == counts
    assert format_percentage(insight["observed_impact"]) in lines[2]
    assert lines[2].startswith("Impacted: ")
    assert lines[2].endswith("1 % is allowed.")
    assert lines[3].endswith("of the 7 h 12 min that 99 % allows in 30 days.")
    assert lines[-1].startswith(f"See {console.url}/")
    assert lines[-1].endswith(f"/verifications/broker-outage/runs/{run['id']}")
    assert "Failed by --fail-on: the objective is impacted." in done.stderr
    assert "Impacted" in (signed_in.home / "junit.xml").read_text()


def test_the_verdict_is_known_while_the_console_is_away(
    signed_in: User, console: Console, verification: dict[str, Any]
) -> None:
    """The document that the console hands out says what it is held against."""
    signed_in.chaos("verify", signed_in.keep("verification.json", verification))
    asset = requests.get(
        f"{console.url}/assets/verifications/broker-outage.json",
        headers={"Authorization": f"Bearer {console.token}"},
        timeout=60,
    )
    name = signed_in.keep("from-the-console.json", asset.json())
    console.process.terminate()
    console.process.wait(60)

    done = signed_in.chaos("verify", name)

    assert done.returncode == 0, done.stderr
    assert "Impacted: the objective did not hold for" in done.stdout
    assert "that 99 % allows in 30 days." in done.stdout
    assert "See http" not in done.stdout


def test_events_of_a_verification_come_in_the_order_of_its_life(
    signed_in: User, console: Console, verification: dict[str, Any]
) -> None:
    """From the check before the method to the journal, with the samples in between."""
    signed_in.chaos("verify", signed_in.keep("verification.json", verification))

    [run] = runs_of(console)
    path = f"{console.team}/verifications/broker-outage/runs/{run['id']}/events"
    categories = [event["category"] for event in console.read(path)["items"]]
    landmarks = [item for item in categories if item != "verification-sample"]
    assert landmarks == [
        "verification-hypothesis-before-method-started",
        "verification-hypothesis-before-method-completed",
        "verification-sample-started",
        "verification-condition-started",
        "verification-condition-completed",
        "verification-sampling-completed",
        "verification-hypothesis-after-method-started",
        "verification-hypothesis-after-method-completed",
        "verification-rollbacks-started",
        "verification-rollbacks-completed",
        "verification-completed",
    ]


def test_a_verification_is_run_by_the_url_the_console_gives(
    signed_in: User, console: Console, verification: dict[str, Any]
) -> None:
    """`chaos verify URL` adds a run to the verification it came from."""
    signed_in.chaos("verify", signed_in.keep("verification.json", verification))

    done = signed_in.chaos("verify", f"{console.url}/assets/verifications/broker-outage.json")

    assert done.returncode == 0, done.stderr
    assert len(runs_of(console)) == 2
    assert len(console.experiments()) == 1


def test_sigterm_during_the_conditions_is_told_to_the_console(
    signed_in: User, console: Console, verification: dict[str, Any]
) -> None:
    """A wait of an hour ends at once; journal and console say interrupted."""
    verification["extensions"][0]["verification"]["duration-of-conditions"] = 3600

    with signed_in.running("verify", signed_in.keep("verification.json", verification)) as process:
        read_until("Conditions: ", process)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)

    [run] = runs_of(console)
    assert process.returncode == 1
    assert signed_in.journal["status"] == "interrupted"
    assert run["state"] == "finished"
    assert run["status"] == "interrupted"


def test_a_verification_is_refused_by_the_stop_switch(
    signed_in: User, console: Console, verification: dict[str, Any]
) -> None:
    """No sample is made and no condition applied while the switch is set."""
    console.operate("stop", "--reason", "Black Friday")

    done = signed_in.chaos("verify", signed_in.keep("verification.json", verification))

    assert done.returncode == 1
    assert "Black Friday" in done.stderr
    assert signed_in.journal["run"] == []
    assert signed_in.journal["measurements"] == []


def test_a_verification_needs_a_signed_in_user(user: User, verification: dict[str, Any]) -> None:
    """Without a console there is nobody to verify for."""
    done = user.chaos("verify", user.keep("verification.json", verification))

    assert done.returncode == 1
    assert "chaos signin" in done.stdout + done.stderr
    assert not (user.home / "journal.json").exists()
