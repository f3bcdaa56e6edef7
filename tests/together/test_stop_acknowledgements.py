"""Once a stop says that a run heard it, that run starts nothing more."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from tests.together.conftest import Console, User, read_until

HEARD = re.compile(r"1 of 1 run heard it, the slowest after \d+ ms\.")


def stop_by_command(console: Console) -> str:
    """As the operator does, beside the console."""
    return console.operate("stop", "--reason", "Black Friday")


def stop_by_api(console: Console) -> str:
    """As a script does, over the network."""
    answer = requests.post(
        f"{console.url}/api/v1{console.team}/safeguards",
        json={"kind": "stop", "name": "Black Friday", "reason": "Black Friday"},
        headers={"Authorization": f"Bearer {console.token}"},
        timeout=60,
    )
    return str(answer.json()["acknowledgement"]["summary"])


def stop_one_run(console: Console) -> str:
    """The same, for one run alone."""
    [execution] = console.executions()
    answer = requests.post(
        f"{console.url}/api/v1{console.team}/executions/{execution['id']}/stop",
        json={"reason": "Black Friday"},
        headers={"Authorization": f"Bearer {console.token}"},
        timeout=60,
    )
    return str(answer.json()["acknowledgement"]["summary"])


def stop_by_page(console: Console) -> str:
    """As people do: sign in, press the button, read what the page says."""
    with requests.Session() as browser:
        _submit(browser, f"{console.url}/signin", "/signin", token=console.token)
        page = f"{console.url}/my-organization/my-team/safeguards"
        return _submit(browser, page, "/stop", reason="Black Friday")


def _submit(browser: requests.Session, page: str, action: str, **fields: str) -> str:
    """Fill in the form of a page whose address ends so, and return the page that follows."""
    view = browser.get(page, timeout=60).text
    form_token = re.search(r'name="csrf" value="([0-9a-f]+)"', view)
    assert form_token
    address = page if page.endswith(action) else page + action
    answer = browser.post(address, data={"csrf": form_token[1], **fields}, timeout=60)
    assert answer.ok, answer.text
    return answer.text


@pytest.mark.parametrize("stop", [stop_by_command, stop_by_api, stop_by_page, stop_one_run])
def test_no_activity_starts_after_a_stop_that_was_heard(
    signed_in: User, console: Console, experiment: dict[str, Any], stop: Callable[[Console], str]
) -> None:
    """Between two of hundreds of short activities, as within one."""
    (signed_in.home / "naps.py").write_text("import time\n\n\ndef nap():\n    time.sleep(0.03)\n")
    nap = {"type": "python", "module": "naps", "func": "nap"}
    experiment["method"] = [
        {"type": "action", "name": f"nap-{number}", "provider": nap} for number in range(400)
    ]

    with signed_in.running("run", signed_in.keep("experiment.json", experiment)) as process:
        read_until("nap-3", process)
        answer = stop(console)
        heard_at = datetime.now(UTC)
        process.communicate(timeout=60)

    started = [datetime.fromisoformat(run["start"]) for run in signed_in.journal["run"]]
    assert HEARD.search(answer)
    assert 3 < len(started) < 400
    assert [at for at in started if at.replace(tzinfo=UTC) > heard_at] == []
