"""How runs end, told by the console as by the host: through `chaos`, read back by API and page."""

import signal
from typing import Any

import pytest
import requests

from tests.together.conftest import Console, User, command, read_until

WAIT = "import time; print('waiting', flush=True); time.sleep(60)"


def read_page(console: Console, path: str) -> str:
    """Open a page as the owner and return its HTML."""
    session = requests.Session()
    form = session.get(f"{console.url}/signin", timeout=30).text
    csrf = form.partition('name="csrf" value="')[2].partition('"')[0]
    fields = {"csrf": csrf, "token": console.token, "next": path}
    answer = session.post(f"{console.url}/signin", data=fields, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.text


def read_outcome(console: Console) -> tuple[dict[str, Any], str]:
    """Return the one execution as the API has it, and its page's HTML."""
    [listed] = console.executions()
    execution = console.read(f"{console.team}/executions/{listed['id']}")
    fields = ("outcome", "conclusive", "reasons", "warnings", "sentence", "dry")
    assert {name: listed[name] for name in fields} == {name: execution[name] for name in fields}
    page = read_page(console, f"/my-organization/my-team/executions/{execution['id']}")
    return execution, page


def change(experiment: dict[str, Any], name: str) -> list[str]:
    """Change an experiment into one of the six documents; return the options of `chaos run`."""
    probe = experiment["steady-state-hypothesis"]["probes"][0]
    failing: dict[str, Any] = {
        "type": "action",
        "name": "lose-the-broker",
        "provider": {
            "type": "python",
            "module": "os",
            "func": "rmdir",
            "arguments": {"path": "/there/is/no/such/folder"},
        },
    }
    if name == "baseline-not-met":
        probe |= {"tolerance": 3}
    elif name == "action-failed":
        experiment["method"] = [failing]
    elif name == "no-hypothesis":
        del experiment["steady-state-hypothesis"]
    elif name == "rollback-failed":
        experiment["rollbacks"] = [{**failing, "name": "bring-the-broker-back"}]
    return ["--dry", "activities"] if name == "dry" else []


@pytest.mark.parametrize(
    ("name", "outcome", "codes", "css", "sentence"),
    [
        ("all-well", "passed", [], "completed", "the steady state held before and after"),
        (
            "baseline-not-met",
            "baseline-not-met",
            [],
            "baseline",
            "orders-are-kept before the method: expected 3, got 0; the method was not run",
        ),
        (
            "action-failed",
            "passed",
            ["method-activity-failed"],
            "inconclusive",
            "the action lose-the-broker failed: ",
        ),
        (
            "no-hypothesis",
            "passed",
            ["no-steady-state-hypothesis"],
            "inconclusive",
            "nothing was judged",
        ),
        (
            "rollback-failed",
            "passed",
            ["rollback-failed"],
            "completed",
            "the rollback bring-the-broker-back failed",
        ),
        ("dry", "passed", ["dry-run"], "inconclusive", "a dry run"),
    ],
)
def test_the_console_says_of_a_run_what_the_host_says(
    signed_in: User,
    console: Console,
    experiment: dict[str, Any],
    name: str,
    outcome: str,
    codes: list[str],
    css: str,
    sentence: str,
) -> None:
    """Six documents that the journal calls completed, or does not tell apart."""
    options = change(experiment, name)

    signed_in.chaos("run", *options, signed_in.keep("experiment.json", experiment))

    execution, page = read_outcome(console)
    warnings = [warning["code"] for warning in execution["warnings"]]
    assert execution["outcome"] == outcome
    assert [code for code in warnings if code != "rollbacks-not-played"] == codes
    reasons = [code for code in codes if code != "rollback-failed"]
    assert execution["reasons"] == reasons
    assert execution["conclusive"] is (outcome == "passed" and not reasons)
    assert execution["dry"] is (name == "dry")
    assert sentence in execution["sentence"]
    assert f'class="sentence {css}"' in page
    assert ("Dry run" in page) is (name == "dry")
    assert ("say left-behind" in page) is (name == "rollback-failed")


INTERRUPT = """
from chaoslib.exceptions import InterruptExecution

def before_activity_control(context, **kwargs):
    if context["name"] == "count-the-orders":
        raise InterruptExecution("the disk is nearly full")
"""


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("SIGINT", "interrupted"),
        ("SIGTERM", "interrupted"),
        ("stop", "stopped from the console after"),
        ("control", "interrupted"),
    ],
)
def test_an_interruption_is_named(
    signed_in: User, console: Console, experiment: dict[str, Any], kind: str, sentence: str
) -> None:
    """By Ctrl-C, SIGTERM, a stop from the console, or a control."""
    if kind == "control":
        (signed_in.home / "disk.py").write_text(INTERRUPT)
        provider = {"type": "python", "module": "disk"}
        experiment["controls"] = [{"name": "disk", "provider": provider}]
    else:
        experiment["method"] = [command("wait", WAIT)]
    name = signed_in.keep("experiment.json", experiment)

    with signed_in.running("run", name) as process:
        if kind != "control":
            read_until("Action: wait", process)
        if kind == "stop":
            console.operate("stop", "--reason", "Black Friday")
        elif kind != "control":
            process.send_signal(signal.Signals[kind])
        process.communicate(timeout=60)

    execution, page = read_outcome(console)
    assert (execution["outcome"], execution["status"]) == ("interrupted", "interrupted")
    assert execution["conclusive"] is False
    assert execution["sentence"].startswith(sentence)
    assert 'class="sentence interrupted"' in page
    if kind == "stop":
        assert execution["sentence"].endswith(": Black Friday")
    elif kind != "control":  # of which no host writes what it said
        assert {"SIGINT": "Ctrl-C", "SIGTERM": "SIGTERM"}[kind] in execution["sentence"]
