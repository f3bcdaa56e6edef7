"""`chaos publish`."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import requests
from requests_mock import Mocker

from chaoscloud.cli import publish
from chaoscloud.commands.journals import fingerprint, known_secrets
from chaoscloud.delivery import retry
from chaoscloud.delivery.spool_directory import Recipient, SpoolDirectory
from chaoscloud.types import Journal, Settings
from tests.plugin.commanding import API, CONSOLE, chaos, signed_in

TEAM = f"{API}/org-acme/teams/team-checkout"
EXECUTIONS = f"{TEAM}/experiments/experiment-orders/executions"
PAGE = f"{CONSOLE}/acme/checkout/executions/execution-1"
CREATED: dict[str, Any] = {
    "status_code": 201,
    "json": {"id": "execution-1"},
    "headers": {"Content-Location": f"{CONSOLE}/api/acme/checkout/executions/execution-1"},
}


@pytest.fixture
def signed(settings_path: Path, settings: Settings) -> Path:
    """The settings of somebody who signed in."""
    return signed_in(settings_path, settings)


@pytest.fixture
def team(requests_mock: Mocker) -> Mocker:
    """A console that takes the experiment and its executions."""
    requests_mock.post(f"{TEAM}/experiments", status_code=201, json={"id": "experiment-orders"})
    requests_mock.post(EXECUTIONS, [CREATED])
    return requests_mock


@pytest.fixture
def journal_file(tmp_path: Path, journal: Journal) -> Path:
    """The journal of a run nobody recorded."""
    return keep(tmp_path / "monday.json", journal)


def keep(path: Path, journal: Journal) -> Path:
    """A journal in a file, as the host writes it."""
    path.write_text(json.dumps(journal, indent=2), encoding="utf-8")
    return path


def recorded(journal: Journal) -> Journal:
    """The journal of a run the console was told about."""
    block = {"name": "chaosiq", "experiment_id": "experiment-orders", "execution_id": "execution-1"}
    return {**journal, "extensions": [block]}


def calls(mocker: Mocker) -> list[str]:
    """What was asked, in order."""
    return [f"{r.method} {r.path.rpartition('/')[2]}" for r in mocker.request_history]


def test_a_journal_without_an_execution_makes_one(
    signed: Path, team: Mocker, journal_file: Path
) -> None:
    """The whole journal goes out, and the page of its findings is shown."""
    done = chaos(publish, signed, str(journal_file))

    assert done.exit_code == 0, done.output
    assert done.stdout == f"{journal_file}: published, see {PAGE}\n"
    assert calls(team) == ["POST experiments", "POST executions"]
    assert team.request_history[1].json()["journal"]["status"] == "completed"


def test_the_same_journal_carries_the_same_keys(
    signed: Path, team: Mocker, journal_file: Path, tmp_path: Path, journal: Journal
) -> None:
    """So the console makes one execution of both, whatever the file is called."""
    other = keep(tmp_path / "copy.json", dict(reversed(list(journal.items()))))

    chaos(publish, signed, str(journal_file), str(other))

    keys = [request.headers["Idempotency-Key"] for request in team.request_history]
    bodies = [request.json() for request in team.request_history]
    assert keys[:2] == keys[2:]
    assert bodies[:2] == bodies[2:]
    assert len(set(keys)) == 2


def test_two_runs_of_an_experiment_share_it(
    signed: Path, team: Mocker, journal_file: Path, tmp_path: Path, journal: Journal
) -> None:
    """A team's history is several executions of one experiment."""
    tuesday = keep(tmp_path / "tuesday.json", {**journal, "start": "2026-03-03T09:30:00"})

    chaos(publish, signed, str(journal_file), str(tuesday))

    keys = [request.headers["Idempotency-Key"] for request in team.request_history]
    assert keys[0] == keys[2]
    assert keys[1] != keys[3]


def test_where_an_experiment_was_kept_makes_no_difference(
    signed: Path, team: Mocker, journal_file: Path, tmp_path: Path, journal: Journal
) -> None:
    """The local path is neither sent nor part of what an experiment is known by."""
    moved = copy.deepcopy(journal)
    moved["experiment"]["extensions"][1]["experiment_path"] = "/home/bob/orders.json"
    other = keep(tmp_path / "moved.json", moved)

    chaos(publish, signed, str(journal_file), str(other))

    first, second = (r for r in team.request_history if r.path.endswith("/experiments"))
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert "/home/" not in "".join(request.text or "" for request in team.request_history)


def test_an_execution_the_console_knows_is_pointed_at(
    signed: Path, team: Mocker, tmp_path: Path, journal: Journal
) -> None:
    """Nothing is made or changed."""
    file = keep(tmp_path / "monday.json", recorded(journal))
    team.get(f"{EXECUTIONS}/execution-1", json={"status": "completed"}, headers=CREATED["headers"])

    done = chaos(publish, signed, str(file))

    assert done.exit_code == 0, done.output
    assert done.stdout == f"{file}: already published, see {PAGE}\n"
    assert calls(team) == ["POST experiments", "GET execution-1"]


def test_an_execution_whose_end_was_lost_gets_its_journal(
    signed: Path, team: Mocker, tmp_path: Path, journal: Journal
) -> None:
    """The console was away when the run ended, and still shows it as running."""
    file = keep(tmp_path / "monday.json", recorded(journal))
    url = f"{EXECUTIONS}/execution-1"
    team.get(url, json={"status": "running"}, headers=CREATED["headers"])
    team.put(url, status_code=204)

    done = chaos(publish, signed, str(file))

    assert done.exit_code == 0, done.output
    assert calls(team) == ["POST experiments", "GET execution-1", "PUT execution-1"]
    assert team.request_history[2].json()["journal"]["status"] == "completed"


def test_an_execution_the_console_does_not_know_is_made(
    signed: Path, team: Mocker, tmp_path: Path, journal: Journal
) -> None:
    """The journal comes from another console, or the console lost its memory."""
    file = keep(tmp_path / "monday.json", recorded(journal))
    team.get(f"{EXECUTIONS}/execution-1", status_code=404)

    done = chaos(publish, signed, str(file))

    assert done.stdout == f"{file}: published, see {PAGE}\n"
    assert calls(team)[-1] == "POST executions"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file"),
        (b'{"status": "comp', "is not a journal"),
        (b"\xff\xfe", "is not a journal"),
        (b"[" * 100_000, "is not a journal"),
        (b"[]", "is not a journal: it holds no experiment"),
        (b'{"experiment": null}', "is not a journal: it holds no experiment"),
        (
            b'{"experiment": {"method": []}, "result": {"end": "2025"}}',
            "is not a journal: it does not say",
        ),
    ],
)
def test_a_bad_file_does_not_stop_the_others(
    signed: Path, team: Mocker, journal_file: Path, content: bytes | None, reason: str
) -> None:
    """Each is reported on its own line, and the exit code says that one failed."""
    bad = journal_file.with_name("bad.json")
    if content is not None:
        bad.write_bytes(content)

    done = chaos(publish, signed, str(bad), str(journal_file))

    assert done.exit_code == 1
    assert done.stderr.startswith(f"{bad}: {reason}")
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == f"{journal_file}: published, see {PAGE}\n"


@pytest.mark.parametrize("depth", [500, 2_000, 5_000, 50_000])
def test_a_journal_nested_too_deeply_does_not_stop_the_others(
    signed: Path, team: Mocker, journal_file: Path, depth: int
) -> None:
    """How deep is too deep differs from one Python to the next; each file has its line anyway."""
    deep = journal_file.with_name("deep.json")
    deep.write_text('{"experiment": {}, "run": ' + "[" * depth + "]" * depth + "}")

    done = chaos(publish, signed, str(deep), str(journal_file))

    assert f"{deep}: " in done.output
    assert f"{journal_file}: published, see {PAGE}\n" in done.stdout


def test_a_number_that_is_none_goes_out_as_a_word(
    signed: Path, team: Mocker, tmp_path: Path, journal: Journal
) -> None:
    """The host writes what Python calls NaN, and consoles do not read it."""
    journal["run"][0]["output"] = float("nan")
    file = keep(tmp_path / "monday.json", journal)

    done = chaos(publish, signed, str(file))

    assert done.exit_code == 0, done.output
    assert team.request_history[1].json()["journal"]["run"][0]["output"] == "NaN"


def test_a_journal_the_console_does_not_accept_does_not_stop_the_others(
    signed: Path, team: Mocker, journal_file: Path
) -> None:
    """What is wrong with it is shown, on the same line."""
    mistakes = [{"loc": ["body", "journal"], "msg": "a run has a start", "type": "missing"}]
    team.post(EXECUTIONS, [{"status_code": 422, "json": mistakes}, CREATED])
    other = journal_file.with_name("tuesday.json")
    other.write_bytes(journal_file.read_bytes())

    done = chaos(publish, signed, str(journal_file), str(other))

    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1
    assert "body.journal: a run has a start" in done.stderr
    assert f"{other}: published" in done.stdout


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_exits_4_and_is_not_tried_again(
    signed: Path, team: Mocker, journal_file: Path, status: int
) -> None:
    """Every file still has its line."""
    team.post(f"{TEAM}/experiments", status_code=status)

    done = chaos(publish, signed, str(journal_file), str(journal_file))

    assert done.exit_code == 4
    assert done.stderr.count("Please verify your access token.") == 2
    assert calls(team) == ["POST experiments"]


def test_an_unreachable_console_exits_1_and_is_not_tried_again(
    signed: Path, team: Mocker, journal_file: Path
) -> None:
    """A hundred journals do not wait a hundred times."""
    team.post(f"{TEAM}/experiments", exc=requests.exceptions.ConnectTimeout)

    done = chaos(publish, signed, str(journal_file), str(journal_file))

    assert done.exit_code == 1
    assert done.stderr.count("does not answer") == 2
    assert calls(team) == ["POST experiments"]


def test_what_is_secret_stays_here(
    signed: Path,
    team: Mocker,
    tmp_path: Path,
    journal: Journal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The output of a past run may hold the value of a secret; the user's file keeps it."""
    monkeypatch.setenv("BROKER_PASSWORD", "correct horse battery")
    journal["run"][0]["output"] = "logged in with correct horse battery"
    file = keep(tmp_path / "monday.json", journal)
    before = file.read_bytes()

    done = chaos(publish, signed, str(file))

    sent = "".join(request.text or "" for request in team.request_history)
    assert done.exit_code == 0, done.output
    assert "logged in with [redacted]" in sent
    assert "correct horse" not in sent
    assert file.read_bytes() == before


def test_outputs_that_may_hold_a_secret_of_then_are_withheld(
    signed: Path, team: Mocker, tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable has another value by now; one line says how many, and which secrets."""
    monkeypatch.setenv("BROKER_PASSWORD", "another one by now")
    journal["run"][0]["activity"]["provider"]["secrets"] = ["broker"]
    journal["run"][0]["output"] = "logged in with correct horse battery"
    file = keep(tmp_path / "monday.json", journal)

    done = chaos(publish, signed, str(file))

    sent = "".join(request.text or "" for request in team.request_history)
    assert done.exit_code == 0, done.output
    assert "correct horse" not in sent
    assert team.request_history[1].json()["journal"]["run"][0]["status"] == "succeeded"
    assert done.stdout.splitlines()[1] == (
        f"{file}: 1 activity was given secrets (broker): their outputs are withheld, because what "
        "these secrets were during the run is not known any more (--with-outputs sends them)."
    )


def test_withheld_outputs_are_sent_when_that_is_asked_for(
    signed: Path, team: Mocker, tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the values known now, and it says so."""
    monkeypatch.setenv("BROKER_PASSWORD", "correct horse battery")
    journal["run"][0]["activity"]["provider"]["secrets"] = ["broker"]
    journal["run"][0]["output"] = "logged in with correct horse battery"
    file = keep(tmp_path / "monday.json", journal)

    done = chaos(publish, signed, "--with-outputs", str(file))

    assert team.request_history[1].json()["journal"]["run"][0]["output"] == (
        "logged in with [redacted]"
    )
    assert "redacted only by the values these secrets have now" in done.stdout


def test_nobody_publishes_before_signing_in(settings_path: Path, journal_file: Path) -> None:
    """It says what to do."""
    done = chaos(publish, settings_path, str(journal_file))

    assert done.exit_code == 1
    assert "run `chaos signin`" in done.stderr


def test_without_a_journal_and_with_nothing_kept_there_is_nothing_to_do(signed: Path) -> None:
    """It says so, and that is no failure."""
    done = chaos(publish, signed)

    assert done.exit_code == 0
    assert "Nothing is pending" in done.output


@pytest.mark.parametrize("secrets", [None, [], "x", {}])
def test_an_experiment_without_secrets_has_none(secrets: Any) -> None:
    """Documents are written by people."""
    assert known_secrets(secrets, {}) == {}


def test_secrets_that_can_still_be_known_are() -> None:
    """Written in the document or in the environment; a vault is not asked again."""
    secrets = {
        "shop": {"token": {"type": "env", "key": "SHOP"}, "user": "ada"},
        "gone": {"type": "env", "key": "NOT_SET"},
        "safe": {"type": "vault", "path": "shop/broker"},
    }

    assert known_secrets(secrets, {"SHOP": "s3cret"}) == {
        "shop": {"token": "s3cret", "user": "ada"}
    }


def test_a_fingerprint_fits_an_idempotency_key() -> None:
    """It is short, and differs by document and by what is made of it."""
    keys = {
        fingerprint("experiment", {"title": "é"}),
        fingerprint("execution", {"title": "é"}),
        fingerprint("execution", {"title": "e"}),
    }

    assert len(keys) == 3
    assert all(len(key) == 64 and key.isalnum() for key in keys)


CHECKOUT = Recipient(CONSOLE, "org-acme", "team-checkout")


@pytest.fixture
def run_pending(signed: Path) -> Path:
    """The settings of somebody whose last run could not be sent."""
    spool = SpoolDirectory(signed.parent).create(CHECKOUT)
    spool.learn(experiment_id="experiment-orders", execution_id="execution-1")
    for number in range(2):
        event = json.dumps({"id": f"e-{number}", "type": "starting-method"})
        spool.append("event", f'"event":{event},"data":{{}}', "starting-method")
    spool.leave()
    return signed


def test_without_a_journal_what_is_kept_is_sent(run_pending: Path, team: Mocker) -> None:
    """It says how much, and a second time there is nothing."""
    team.post(f"{EXECUTIONS}/execution-1/events", status_code=201, json={"id": "e"})

    sent, again = chaos(publish, run_pending), chaos(publish, run_pending)

    assert sent.exit_code == 0
    assert "Sent 2 records of an earlier run." in sent.output
    assert "Nothing is pending" in again.output
    assert [json.loads(r.body)["id"] for r in team.request_history] == ["e-0", "e-1"]


@pytest.mark.parametrize(
    ("answer", "exit_code", "words"),
    [
        ({"status_code": 401}, 4, "chaos signin"),
        ({"status_code": 503}, 1, "stays here"),
        ({"exc": requests.exceptions.ConnectTimeout}, 1, "stays here"),
    ],
)
def test_what_cannot_be_sent_stays(
    run_pending: Path,
    team: Mocker,
    monkeypatch: pytest.MonkeyPatch,
    answer: dict[str, Any],
    exit_code: int,
    words: str,
) -> None:
    """With the reason, and an exit code that scripts can go by."""
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.0)
    team.post(f"{EXECUTIONS}/execution-1/events", [answer])

    done = chaos(publish, run_pending)

    assert done.exit_code == exit_code
    assert words in done.output
    assert SpoolDirectory(run_pending.parent).count(CHECKOUT).records == 2


def test_what_is_refused_is_said(run_pending: Path, team: Mocker) -> None:
    """The others are sent."""
    refusal = {"status_code": 422, "json": []}
    team.post(
        f"{EXECUTIONS}/execution-1/events", [refusal, {"status_code": 201, "json": {"id": "e"}}]
    )

    done = chaos(publish, run_pending)

    assert done.exit_code == 0
    assert "Sent 1 record of an earlier run." in done.output
    assert "The console did not take 1 of them" in done.output
