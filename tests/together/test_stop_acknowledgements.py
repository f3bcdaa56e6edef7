"""Once a stop says that a run heard it, that run starts nothing more."""

import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from chaoscloud.safeguards.stop_signal import StopSignal
from tests.plugin.runs import run
from tests.together import naps
from tests.together.conftest import Console, User, read_until
from tests.together.operator_shell import operating

HEARD = re.compile(r"1 of 1 run heard it, the slowest after \d+ ms\.")

Stop = Callable[[], str]
"""Stops runs; returns what it says of who heard it."""

Way = Callable[[Console], AbstractContextManager[Stop]]


@contextmanager
def stop_by_command(console: Console) -> Iterator[Stop]:
    """As the operator does, beside the console."""
    with operating(console) as operate:
        yield lambda: operate("stop", "--reason", "Black Friday")


@contextmanager
def stop_by_api(console: Console) -> Iterator[Stop]:
    """As a script does, over the network."""
    document = {"kind": "stop", "name": "Black Friday", "reason": "Black Friday"}
    yield lambda: _post(console, f"{console.team}/safeguards", document)


@contextmanager
def stop_one_run(console: Console) -> Iterator[Stop]:
    """The same, for one run alone."""

    def stop() -> str:
        [execution] = console.executions()
        address = f"{console.team}/executions/{execution['id']}/stop"
        return _post(console, address, {"reason": "Black Friday"})

    yield stop


@contextmanager
def stop_by_page(console: Console) -> Iterator[Stop]:
    """As people do: sign in, press the button, read what the page says."""
    with requests.Session() as browser:
        _submit(browser, f"{console.url}/signin", "/signin", token=console.token)
        page = f"{console.url}/my-organization/my-team/safeguards"
        yield lambda: _submit(browser, page, "/stop", reason="Black Friday")


def _post(console: Console, path: str, document: dict[str, str]) -> str:
    answer = _request(console, "POST", path, json=document)
    return str(answer.json()["acknowledgement"]["summary"])


def _request(console: Console, method: str, path: str, **options: Any) -> requests.Response:
    answer = requests.request(
        method,
        f"{console.url}/api/v1{path}",
        headers={"Authorization": f"Bearer {console.token}"},
        timeout=60,
        **options,
    )
    assert answer.ok, answer.text
    return answer


def _submit(browser: requests.Session, page: str, action: str, **fields: str) -> str:
    """Fill in the form of a page whose address ends so, and return the page that follows."""
    view = browser.get(page, timeout=60).text
    form_token = re.search(r'name="csrf" value="([0-9a-f]+)"', view)
    assert form_token
    address = page if page.endswith(action) else page + action
    answer = browser.post(address, data={"csrf": form_token[1], **fields}, timeout=60)
    assert answer.ok, answer.text
    return answer.text


@pytest.mark.parametrize("way", [stop_by_command, stop_by_api, stop_by_page, stop_one_run])
def test_no_activity_starts_after_a_stop_that_was_heard(
    signed_in: User, console: Console, experiment: dict[str, Any], way: Way
) -> None:
    """Between two of hundreds of short activities, as within one."""
    (signed_in.home / "naps.py").write_text("import time\n\n\ndef nap():\n    time.sleep(0.03)\n")
    nap = {"type": "python", "module": "naps", "func": "nap"}
    experiment["method"] = [
        {"type": "action", "name": f"nap-{number}", "provider": nap} for number in range(400)
    ]

    name = signed_in.keep("experiment.json", experiment)
    with way(console) as stop, signed_in.running("run", name) as process:
        read_until("nap-3", process)
        answer = stop()
        heard_at = datetime.now(UTC)
        process.communicate(timeout=60)

    started = [datetime.fromisoformat(run["start"]) for run in signed_in.journal["run"]]
    assert HEARD.search(answer)
    assert 3 < len(started) < 400
    assert [at for at in started if at.replace(tzinfo=UTC) > heard_at] == []


def release(console: Console) -> None:
    """Remove every stop of the organization and of the team."""
    team = console.team
    for scope in (team.partition("/teams/")[0], team):
        for safeguard in console.read(f"{scope}/safeguards")["items"]:
            if safeguard["kind"] == "stop":
                _request(console, "DELETE", f"{scope}/safeguards/{safeguard['id']}")


@contextmanager
def stopping(stop: Stop, after: int, answers: list[tuple[str, float]]) -> Iterator[None]:
    """Stop the run of this thread once so many activities have begun, from another thread."""

    def work() -> None:
        while len(naps.starts) < after:
            time.sleep(0.001)
        time.sleep(random.uniform(0, naps.SECONDS))  # noqa: S311 - any moment of an activity
        answers.append((stop(), time.monotonic()))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        naps.starts += [0.0] * after  # whatever became of the run, nobody waits for it
        thread.join()


def settings_of(console: Console) -> dict[str, Any]:
    """The settings of the console's owner, for runs in this process."""
    [organization] = console.read("/organizations")
    [team] = console.read(f"/organizations/{organization['id']}/teams")
    entry = {"id": organization["id"], "name": organization["name"], "default": True}
    teams = [{"id": team["id"], "name": team["name"], "default": True}]
    arguments = {"url": console.url, "organizations": [entry | {"teams": teams}]}
    provider = {"type": "python", "module": "chaoscloud.controls", "arguments": arguments}
    control = {"features": {"publish": "on", "safeguards": "on"}, "provider": provider}
    host = console.url.partition("//")[2]
    return {
        "auths": {host: {"type": "bearer", "value": console.token}},
        "controls": {"chaosiq-cloud": control},
    }


def run_until_stopped(settings: dict[str, Any], stop: Stop) -> tuple[list[float], str, float]:
    """When the activities of one run started, what the stop said of it, and when."""
    naps.starts.clear()
    answers: list[tuple[str, float]] = []
    with stopping(stop, random.randint(2, 6), answers):  # noqa: S311 - any activity
        journal = run(naps.experiment(), settings)
        starts = list(naps.starts)
    [(answer, heard_at)] = answers
    is_stopped = journal["status"] == "interrupted" and len(starts) < naps.COUNT
    assert is_stopped or not HEARD.search(answer)
    return starts, answer, heard_at


@pytest.mark.timeout(900)  # for `--runs 200`
@pytest.mark.parametrize("way", [stop_by_command, stop_by_api, stop_by_page])
def test_no_activity_starts_after_a_stop_that_was_heard_in_many_runs(
    console: Console,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
    runs: int,
    way: Way,
) -> None:
    """No signal reaches every other run, so that only its next control can stop it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = settings_of(console)
    heard = late = 0

    with way(console) as stop:
        # A busy machine may end one run in ten before the stop is there.
        for number in range(runs + 1 + runs // 10):
            with monkeypatch.context() as patch:
                if number % 2:
                    patch.setattr(StopSignal, "install", lambda _: None)
                starts, answer, heard_at = run_until_stopped(settings, stop)
            release(console)
            if HEARD.search(answer):
                heard += 1
                late += sum(at > heard_at for at in starts)
            if heard == runs:
                break

    record_property("figures", f"{heard} runs, {late} activities started after the acknowledgement")
    assert (heard, late) == (runs, 0)
