"""`chaos safeguards` against a real console."""

from tests.together.conftest import Console, User


def test_what_is_in_force_is_shown(signed_in: User, console: Console) -> None:
    """What denies runs now, and why; and nothing when nothing does."""
    free = signed_in.chaos("safeguards")
    console.operate("stop", "--reason", "Black Friday")

    stopped = signed_in.chaos("safeguards")

    assert free.returncode == stopped.returncode == 0, stopped.stderr
    assert "No safeguard is in force" in free.stdout
    assert "denies: Black Friday" in stopped.stdout


def test_an_experiment_can_be_asked_about(signed_in: User, console: Console) -> None:
    """Would it run now? The exit code says so to scripts."""
    name = signed_in.keep("experiment.json", {"title": "Orders", "tags": ["orders"]})
    free = signed_in.chaos("safeguards", "--experiment", name)
    console.operate("stop", "--reason", "Black Friday")

    stopped = signed_in.chaos("safeguards", "--experiment", name)

    assert (free.returncode, stopped.returncode) == (0, 1)
    assert "would be allowed" in free.stdout
    assert "Black Friday" in stopped.stdout
    assert console.executions() == []


def test_a_stop_test_leaves_nothing_behind(signed_in: User, console: Console) -> None:
    """A run is stopped and measured; neither it nor a file remains."""
    done = signed_in.chaos("safeguards", "test")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "The stop works" in done.stdout
    assert "Nothing is left behind" in done.stdout
    assert console.executions() == []
    assert console.experiments() == []
    assert not (signed_in.home / "journal.json").exists()
    assert "No safeguard is in force" in signed_in.chaos("safeguards").stdout


def test_a_stop_test_that_fails_says_why(signed_in: User, console: Console) -> None:
    """The run may not even start: that is no proof of anything."""
    console.operate("stop", "--reason", "Black Friday")

    done = signed_in.chaos("safeguards", "test")

    assert done.returncode == 1
    assert "The stop test failed: the run may not start, Black Friday" in done.stderr


def test_nobody_is_asked_before_a_sign_in(user: User) -> None:
    """One line says what to do."""
    for words in ((), ("test",), ("--experiment", "experiment.json")):
        user.keep("experiment.json", {"title": "Orders"})
        done = user.chaos("safeguards", *words)

        assert done.returncode == 1
        assert "chaos signin" in done.stderr


def test_an_absent_console_is_named(signed_in: User, console: Console) -> None:
    """It is not taken for a console without safeguards."""
    console.process.kill()
    console.process.wait()

    done = signed_in.chaos("safeguards")

    assert done.returncode == 1
    assert "cannot be reached" in done.stderr


def test_a_stop_test_is_never_published_later(signed_in: User, console: Console) -> None:
    """Without a console it fails, and leaves no record that the next run would send."""
    console.process.kill()
    console.process.wait()
    failed = signed_in.chaos("safeguards", "test")

    later = signed_in.chaos("publish")

    assert failed.returncode == 1
    assert "does not record this run" in failed.stderr
    assert "there is nothing to publish" in later.stdout
    assert list(signed_in.home.rglob("*.jsonl")) == []
