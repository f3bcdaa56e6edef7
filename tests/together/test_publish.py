"""Publishing journals of the past."""

from typing import Any

from tests.together.conftest import Console, User


def test_a_journal_published_twice_makes_one_execution(
    user: User, console: Console, experiment: dict[str, Any]
) -> None:
    """The journal of a run without the plugin arrives once, however often it is published."""
    user.chaos("run", user.keep("experiment.json", experiment))
    user.sign_in(console)

    first = user.chaos("publish", "journal.json")
    second = user.chaos("publish", "journal.json")

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert len(console.executions()) == 1
    assert len(console.experiments()) == 1


def test_a_team_brings_its_history(
    user: User, console: Console, experiment: dict[str, Any]
) -> None:
    """Several journals in one command; runs of one experiment stay together."""
    name = user.keep("experiment.json", experiment)
    for journal in ("monday.json", "tuesday.json"):
        user.chaos("run", "--journal-path", journal, name)
    user.sign_in(console)

    done = user.chaos("publish", "monday.json", "tuesday.json")

    assert done.returncode == 0, done.stderr
    assert len(console.executions()) == 2
    assert len(console.experiments()) == 1


def test_one_bad_file_does_not_stop_the_others(
    user: User, console: Console, experiment: dict[str, Any]
) -> None:
    """Each journal has its own line, and the exit code says that one failed."""
    user.chaos("run", user.keep("experiment.json", experiment))
    (user.home / "torn.json").write_text('{"status": "comp')
    user.sign_in(console)

    done = user.chaos("publish", "torn.json", "absent.json", "journal.json")

    assert done.returncode == 1
    assert len(console.executions()) == 1
    for name in ("torn.json", "absent.json", "journal.json"):
        assert name in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_what_a_run_already_published_is_only_pointed_at(
    signed_in: User, console: Console, experiment: dict[str, Any]
) -> None:
    """Publishing the journal of a recorded run says where the findings are."""
    signed_in.chaos("run", signed_in.keep("experiment.json", experiment))

    done = signed_in.chaos("publish", "journal.json")

    [execution] = console.executions()
    assert done.returncode == 0, done.stderr
    assert execution["id"] in done.stdout + done.stderr


def test_a_journal_published_again_is_the_same_however_it_is_written(
    signed_in: User, console: Console
) -> None:
    """In another order of its keys, and with its secret known only once: never twice."""
    secrets = {"shop": {"password": {"type": "env", "key": "SHOP_PASSWORD"}}}
    journal = {
        "experiment": {"title": "t", "description": "d", "method": [], "secrets": secrets},
        "status": "completed",
        "start": "2026-03-02T09:30:00",
        "end": "2026-03-02T09:30:05",
        "run": [{"activity": {"name": "a"}, "output": "with correct-horse-battery"}],
    }
    first = signed_in.keep("first.json", journal)
    second = signed_in.keep("second.json", dict(reversed(journal.items())))

    signed_in.env["SHOP_PASSWORD"] = "correct-horse-battery"
    published = signed_in.chaos("publish", first)
    del signed_in.env["SHOP_PASSWORD"]
    again = [signed_in.chaos("publish", name) for name in (first, second)]

    [execution] = console.executions()
    page = published.stdout.split(" see ")[1].split()[0]
    assert execution["id"] in page
    assert "already published" not in published.stdout
    assert [done.returncode for done in again] == [0, 0]
    assert all(f"already published, see {page}" in done.stdout for done in again)


def test_a_run_that_has_ended_is_published_as_one(signed_in: User, console: Console) -> None:
    """Whatever its status says."""
    journal: dict[str, Any] = {
        "experiment": {"title": "t", "description": "d", "method": []},
        "start": "2026-03-02T09:30:00",
        "end": "2026-03-02T09:30:05",
        "status": None,
        "run": [],
    }

    signed_in.chaos("publish", signed_in.keep("journal.json", journal))

    [execution] = console.executions()
    assert execution["status"] == "aborted"
