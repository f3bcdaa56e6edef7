"""What the plugin's tests start from: a shop that is signed in, its experiment, no network."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaoscloud import workspace
from chaoscloud.context import PROVIDERS
from chaoscloud.delivery.outbox import Outbox
from chaoscloud.types import Experiment, Journal, Organizations, Settings

CONSOLE = "https://console.example.com:8443"
TOKEN = "ciq_a-token-of-ada"


@pytest.fixture(autouse=True)
def no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket leaves the process, but to this machine where a test is marked `loopback`."""
    connect = socket.socket.connect
    may_loop = request.node.get_closest_marker("loopback") is not None

    def guarded(self: socket.socket, address: Any) -> None:
        local = self.family not in (socket.AF_INET, socket.AF_INET6)
        if local or (may_loop and address[0] in ("127.0.0.1", "::1", "localhost")):
            return connect(self, address)
        self.close()  # who connects closes it for an OSError only
        raise AssertionError(f"connecting to {address}: mark the test `loopback`, or do without")

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def own_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing of the developer's machine is seen, and nothing is left for the next test."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    of_ci = {provider.detected_by for provider in PROVIDERS.values()}
    for name in [name for name in os.environ if name.startswith("CHAOSIQ_") or name in of_ci]:
        monkeypatch.delenv(name)
    workspace.reset_workspace()
    yield
    workspace.reset_workspace()


@pytest.fixture
def in_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs wait for each event to arrive, so that a test can say what happens right after one."""
    record = Outbox.record_event

    def record_and_wait(self: Outbox, *args: Any) -> None:
        record(self, *args)
        if self.registration.execution_id is not None:
            self._sender.wait_for(lambda: self._spool.is_empty or self._sender.failures > 0, 5.0)

    monkeypatch.setattr(Outbox, "record_event", record_and_wait)


@pytest.fixture
def organizations() -> Organizations:
    """Acme's team Checkout is in use; Acme has another team, and there is another organization."""
    return [
        {
            "id": "org-acme",
            "name": "Acme",
            "default": True,
            "teams": [
                {"id": "team-payments", "name": "Payments", "default": False},
                {"id": "team-checkout", "name": "Checkout", "default": True},
            ],
        },
        {
            "id": "org-globex",
            "name": "Globex",
            "default": False,
            "teams": [{"id": "team-logistics", "name": "Logistics", "default": True}],
        },
    ]


@pytest.fixture
def settings(organizations: Organizations) -> Settings:
    """Ada is signed in, and the file also belongs to others."""
    return {
        "vendor": {"theme": "dark"},
        "auths": {
            "registry.example.com": {"type": "basic", "value": "Zm9v"},
            "console.example.com:8443": {"type": "bearer", "value": TOKEN},
        },
        "controls": {
            "slack": {"provider": {"type": "python", "module": "chaosslack.control"}},
            "chaosiq-cloud": {
                "features": {"publish": "on", "safeguards": "off", "workspace": "on"},
                "provider": {
                    "type": "python",
                    "module": "chaoscloud.controls",
                    "arguments": {
                        "url": CONSOLE,
                        "verify_tls": True,
                        "organizations": organizations,
                    },
                },
            },
        },
    }


@pytest.fixture
def settings_path(tmp_path: Path) -> Path:
    """Where the settings are to be kept; neither the file nor its folder is there yet."""
    return tmp_path / "home" / ".chaostoolkit" / "settings.yaml"


@pytest.fixture
def experiment() -> Experiment:
    """An experiment that refers to a secret and was published once."""
    return {
        "version": "1.0.0",
        "title": "Orders survive the loss of a broker",
        "description": "Two of three brokers are enough to take an order.",
        "tags": ["orders", "kafka"],
        "secrets": {"broker": {"password": {"type": "env", "key": "BROKER_PASSWORD"}}},
        "steady-state-hypothesis": {
            "title": "Orders are taken",
            "probes": [
                {
                    "type": "probe",
                    "name": "order-is-accepted",
                    "tolerance": 201,
                    "provider": {"type": "http", "url": "https://shop.example.com/orders"},
                }
            ],
        },
        "method": [
            {
                "type": "action",
                "name": "stop-a-broker",
                "provider": {"type": "process", "path": "systemctl", "arguments": "stop kafka-2"},
            }
        ],
        "rollbacks": [
            {
                "type": "action",
                "name": "start-the-broker",
                "provider": {"type": "process", "path": "systemctl", "arguments": "start kafka-2"},
            }
        ],
        "extensions": [
            {"name": "grafana", "dashboard": "orders"},
            {
                "name": "chaosiq",
                "experiment_id": "experiment-orders",
                "experiment_path": "/home/ada/shop/orders.json",
            },
        ],
    }


@pytest.fixture
def journal(experiment: Experiment) -> Journal:
    """What the host writes about a run of that experiment in which all went well."""
    return {
        "chaoslib-version": "1.45.1",
        "platform": "Linux",
        "node": "runner-7",
        "experiment": experiment,
        "start": "2026-03-02T09:30:00.000000",
        "status": "completed",
        "deviated": False,
        "steady_states": {
            "before": {"steady_state_met": True, "probes": []},
            "after": {"steady_state_met": True, "probes": []},
            "during": [],
        },
        "run": [
            {
                "activity": experiment["method"][0],
                "output": {"status": 0, "stdout": "", "stderr": ""},
                "status": "succeeded",
                "start": "2026-03-02T09:30:01.000000",
                "end": "2026-03-02T09:30:03.500000",
                "duration": 2.5,
            }
        ],
        "rollbacks": [],
        "end": "2026-03-02T09:30:05.000000",
        "duration": 5.0,
    }
