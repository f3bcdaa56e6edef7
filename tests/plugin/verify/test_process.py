"""`chaos verify` as users start it: a process of the installed host, and a console to talk to."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import yaml

from chaoscloud.types import Experiment, Journal, Settings
from tests.plugin.loopback import Handler
from tests.plugin.verification_console import Verifications, verifications
from tests.plugin.verification_documents import action, block_of, probe, signed_in, verification

pytestmark = pytest.mark.loopback

ROOT = Path(__file__).parents[3]
CHAOS = [str(Path(sys.executable).with_name("chaos")), "--no-version-check"]
LIMIT = 60  # seconds: what takes longer was not interrupted, with phases of an hour
SHORT = {
    "frequency_of_measurement": 0.05,
    "warm_up_duration": 0.2,
    "duration_of_conditions": 0.2,
    "cool_down_duration": 0.2,
}
WAIT_FOR_EVER = action("wait-for-ever", "tests.plugin.verification_activities", "wait_for_ever")


class Ada:
    """A user at a shell, in a home of her own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.env = os.environ | {"HOME": str(home), "PYTHONPATH": str(ROOT)}

    def sign_in(self, settings: Settings) -> None:
        self.settings.parent.mkdir(mode=0o700)
        self.settings.touch(mode=0o600)
        self.settings.write_text(yaml.safe_dump(settings))

    @property
    def settings(self) -> Path:
        return self.home / ".chaostoolkit" / "settings.yaml"

    @property
    def journal(self) -> Journal:
        journal: Journal = json.loads((self.home / "journal.json").read_text())
        return journal

    def keep(self, document: Experiment) -> str:
        (self.home / "verification.json").write_text(json.dumps(document))
        return "verification.json"

    @contextmanager
    def verifying(self, source: str, *options: str) -> Iterator[subprocess.Popen[str]]:
        process = subprocess.Popen(
            [*CHAOS, "verify", *options, source],
            cwd=self.home,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate(timeout=LIMIT)

    def verify(self, source: str, *options: str) -> subprocess.CompletedProcess[str]:
        with self.verifying(source, *options) as process:
            out, err = process.communicate(timeout=LIMIT)
            return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.fixture
def console() -> Iterator[Verifications]:
    with verifications() as content:
        yield content


@pytest.fixture
def ada(tmp_path: Path, console: Verifications) -> Ada:
    user = Ada(tmp_path)
    user.sign_in(signed_in(console.url))
    return user


def when_told(console: Verifications, category: str) -> Event:
    """An event that is set once the console is told of this category."""
    content = Event()

    def listen(handler: Handler) -> bool:
        body = console.server.seen[-1].body
        if handler.path.endswith("/runs/run-1/events") and json.loads(body)["category"] == category:
            content.set()
        return False

    console.behave = listen
    return content


def test_a_verification_keeps_its_word(console: Verifications, ada: Ada) -> None:
    """It samples, waits, tells, and writes its journal; its verdict is on standard output."""
    done = ada.verify(ada.keep(verification(**SHORT)))

    assert done.returncode == 0
    assert done.stdout.startswith("Passed: the steady state held before, during and after")
    assert "Warm-up: 0.2s" in done.stderr
    assert done.stderr.count("Execution available at") == 1
    journal = ada.journal
    assert journal["status"] == "completed"
    assert journal["duration"] >= 0.6
    assert journal["measurements"] == journal["steady_states"]["during"]
    (end,) = console.told("/finished")
    assert end["results"]["total_number_of_samples"] == len(journal["measurements"]) > 5
    updates = [view for view in console.server.seen if view.method == "PUT"]
    assert json.loads(updates[-1].body)["journal"]["measurements"] == journal["measurements"]


def test_a_deviation_ends_with_exit_code_1(ada: Ada) -> None:
    """As `chaos run` does."""
    document = verification(**SHORT)
    stock = ada.home / "stock"
    stock.touch()
    document["steady-state-hypothesis"]["probes"] = [
        probe("there-is-stock", "os.path", "exists", path=str(stock))
    ]
    sell = {"type": "process", "path": "rm", "arguments": [str(stock)]}
    document["method"] = [{"type": "action", "name": "sell-everything", "provider": sell}]

    done = ada.verify(ada.keep(document), "--journal-path", "findings.json")

    findings = json.loads((ada.home / "findings.json").read_text())
    assert done.returncode == 1
    assert findings["deviated"]


def lengthen(phase: str) -> Callable[[Experiment], None]:
    def change(document: Experiment) -> None:
        block_of(document)[phase] = {"hours": 1}

    return change


def play_for_ever(document: Experiment) -> None:
    document["method"] = [WAIT_FOR_EVER]


HOURS = {
    "warm-up": (lengthen("warm-up-duration"), "verification-sample"),
    "method": (play_for_ever, "verification-condition-started"),
    "conditions": (lengthen("duration-of-conditions"), "verification-condition-completed"),
    "cool-down": (lengthen("cool-down-duration"), "verification-cooldown-started"),
}


@pytest.mark.parametrize(("change", "category"), HOURS.values(), ids=HOURS.keys())
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_signal_ends_any_phase(
    console: Verifications,
    ada: Ada,
    change: Callable[[Experiment], None],
    category: str,
    signum: signal.Signals,
) -> None:
    """Neither the phase of an hour nor the hour until the next sample is waited for."""
    document = verification(frequency_of_measurement={"hours": 1})
    change(document)
    reached = when_told(console, category)

    with ada.verifying(ada.keep(document), "--rollback-strategy", "always") as process:
        assert reached.wait(LIMIT)
        process.send_signal(signum)
        assert process.wait(LIMIT) == 1

    told_as = "interrupted" if signum == signal.SIGTERM else "exited-by-signal"
    assert ada.journal["status"] == "interrupted"
    assert f"verification-{told_as}" in console.categories
    assert console.categories[-1] == "verification-completed"
    assert "verification-rollbacks-completed" in console.categories
    assert console.told("/finished")[0]["status"] == "interrupted"


@pytest.mark.parametrize(
    "change", [lengthen("warm-up-duration"), play_for_ever], ids=["wait", "activity"]
)
def test_a_safeguard_ends_any_phase(
    console: Verifications, ada: Ada, change: Callable[[Experiment], None]
) -> None:
    """Somebody presses the stop button while we wait, or while an activity plays for an hour."""
    document = verification(frequency_of_measurement=0.1)
    change(document)
    ada.settings.write_text(yaml.safe_dump(signed_in(console.url, safeguards="on")))
    pressed = False

    def stop_when_sampled(handler: Handler) -> bool:
        nonlocal pressed
        expected = (
            "verification-sample" if not document["method"] else "verification-condition-started"
        )
        pressed = pressed or expected in console.categories
        question = handler.path.endswith("/policies") and pressed
        if question:
            body = b'{"allowed": false, "policies": [{"name": "red button"}]}'
            handler.say(200, body, Content_Type="application/json")
        return question

    console.behave = stop_when_sampled
    done = ada.verify(ada.keep(document))

    assert done.returncode == 1
    assert "red button" in done.stderr
    assert ada.journal["status"] == "interrupted"
    assert console.told("/finished")[0]["status"] == "interrupted"


def test_a_refused_start_is_one_line_and_leaves_nothing(console: Verifications, ada: Ada) -> None:
    """Exit code 1, the reason, no journal, and nothing was done."""

    def refuse(handler: Handler) -> bool:
        refused = handler.path.endswith("/runs")
        if refused:
            handler.say(403)
        return refused

    console.behave = refuse
    document = verification()
    document["method"] = [
        {
            "type": "action",
            "name": "break-a-broker",
            "provider": {"type": "process", "path": "touch", "arguments": ["broken"]},
        }
    ]

    done = ada.verify(ada.keep(document))

    assert done.returncode == 1
    assert "This verification may not start" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (ada.home / "journal.json").exists()
    assert not (ada.home / "broken").exists()


def test_nobody_signed_in_is_one_line(ada: Ada) -> None:
    """The way out is named."""
    ada.settings.unlink()

    done = ada.verify(ada.keep(verification()))

    assert done.returncode == 1
    assert "chaos signin" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        (verification(frequency_of_measurement=0), "frequency-of-measurement"),
        (verification() | {"description": ""}, "requires a description"),
        ({"title": "An experiment"}, "extensions block"),
    ],
    ids=["a bad value", "no experiment", "no verification"],
)
def test_an_invalid_document_is_one_line(ada: Ada, document: Experiment, complaint: str) -> None:
    """It is refused before the console hears of it."""
    done = ada.verify(ada.keep(document))

    assert done.returncode == 1
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_a_verification_of_another_team_is_run_in_its_name_this_once(
    console: Verifications, ada: Ada
) -> None:
    """All is told to that team, from a document the console serves; the settings stay the same."""
    document = verification()
    document["extensions"][-1].update(org_id="org-acme", team_id="team-payments")
    body = json.dumps(document).encode()

    def serve(handler: Handler) -> bool:
        address = handler.path == "/assets/verifications/orders.json"
        if address:
            handler.say(200, body, Content_Type="application/json")
        return address

    console.behave = serve
    before = ada.settings.read_text()

    done = ada.verify(f"{console.url}/assets/verifications/orders.json")

    assert done.returncode == 0, done.stderr
    payments = "/api/v1/organizations/org-acme/teams/team-payments"
    document_first, *others = [view.path for view in console.server.seen]
    assert document_first == "/assets/verifications/orders.json"
    assert others
    assert all(path.startswith(payments) for path in others)
    assert ada.settings.read_text() == before


def test_the_token_is_shown_to_the_console_only(console: Verifications, ada: Ada) -> None:
    """The document comes from elsewhere, the run is told to the console."""
    body = json.dumps(verification()).encode()

    def serve(handler: Handler) -> bool:
        handler.say(200, body, Content_Type="application/json")
        return True

    with verifications(serve) as elsewhere:
        done = ada.verify(f"{elsewhere.url}/orders.json")

    assert done.returncode == 0, done.stderr
    assert [view.headers.get("Authorization") for view in elsewhere.server.seen] == [None]
    assert console.told("/finished")[0]["status"] == "completed"


def test_variables_reach_the_configuration(ada: Ada, console: Verifications) -> None:
    """`--var` and `--var-file` work as they do for `chaos run`."""
    (ada.home / "more.json").write_text('{"configuration": {"name": "Tea"}}')
    document = verification()
    document["title"] = "${name} can be bought at ${shop}"
    document["configuration"] = {"name": "Coffee", "shop": "nowhere"}

    done = ada.verify(ada.keep(document), "--var", "shop=Acme", "--var-file", "more.json")

    assert done.returncode == 0, done.stderr
    assert ada.journal["experiment"]["title"] == "Tea can be bought at Acme"
    assert console.told("/experiments")[0]["experiment"]["title"] == "Tea can be bought at Acme"


@pytest.mark.parametrize("options", [["--dry"], ["--dry", "pause"]], ids=" ".join)
def test_a_dry_run_is_over_at_once(ada: Ada, options: list[str]) -> None:
    """The bare flag is understood as in the original, and no hour is waited for."""
    document = verification(warm_up_duration={"hours": 1}, duration_of_conditions={"hours": 1})

    done = ada.verify(ada.keep(document), *options)

    assert done.returncode == 0, done.stderr
    assert ada.journal["experiment"]["dry"] in ("activities", "pause")


def test_what_the_journal_cannot_hold_is_shown_as_python_does(ada: Ada) -> None:
    """A probe that gives bytes does not cost the journal."""
    document = verification()
    document["method"] = [probe("raw", "base64", "b64decode", s="/w==") | {"tolerance": None}]

    ada.verify(ada.keep(document))

    output: Any = ada.journal["run"][0]["output"]
    assert output == "b'\\xff'"
