"""The addresses of the console's API."""

from typing import Any

import pytest
from requests import Request

from chaoscloud.api import urls

BASE = "https://console.example.com/api/v1"
TEAM = f"{BASE}/organizations/acme/teams/shop"


@pytest.mark.parametrize("url", ["https://console.example.com", "https://console.example.com/"])
def test_the_api_starts_below_the_console(url: str) -> None:
    """A slash at the end of the console's address makes no difference."""
    assert urls.base(url) == BASE


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://example.com/some/page?a=b#c", "example.com"),
        ("http://127.0.0.1:8443/", "127.0.0.1:8443"),
        ("https://ada:secret@example.com:8443", "example.com:8443"),
        ("https://[::1]:8443/page", "[::1]:8443"),
        ("https://[::1", ""),
    ],
)
def test_a_console_is_named_by_host_and_port(url: str, host: str) -> None:
    """Path, query and user info are no part of its name, the port is."""
    assert urls.host(url) == host


@pytest.mark.parametrize(
    ("url", "cleaned"),
    [
        ("https://h/api/experiments", "https://h/experiments"),
        ("https://h/api/v1/api", "https://h/v1/api"),
        ("https://h/experiments", "https://h/experiments"),
    ],
)
def test_an_address_of_the_api_is_cleaned_for_people(url: str, cleaned: str) -> None:
    """The first `/api` goes, the rest stays."""
    assert urls.clean(url) == cleaned


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (urls.org(BASE), f"{BASE}/organizations"),
        (urls.org(BASE, "acme"), f"{BASE}/organizations/acme"),
        (urls.team(urls.org(BASE, "acme")), f"{BASE}/organizations/acme/teams"),
        (urls.team(urls.org(BASE, "acme"), "shop"), TEAM),
        (urls.experiment(TEAM), f"{TEAM}/experiments"),
        (urls.experiment(TEAM, "e1"), f"{TEAM}/experiments/e1"),
        (urls.execution("e1"), "e1/executions"),
        (urls.execution("e1", "x1"), "e1/executions/x1"),
        (urls.event("x1"), "x1/events"),
        (urls.safeguard("x1"), "x1/policies"),
        (urls.verification(TEAM, "v1"), f"{TEAM}/verifications/v1"),
        (urls.verification_run("v1"), "v1/runs"),
        (urls.verification_run("v1", "r1"), "v1/runs/r1"),
        (urls.verification_run_events("r1"), "r1/events"),
    ],
)
def test_each_function_appends_its_piece(address: str, expected: str) -> None:
    """An id is part of the address when it is given."""
    assert address == expected


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ({}, ""),
        ({"with_experiments": True}, "/experiments"),
        ({"experiment_id": "e1"}, "/experiments/e1"),
        ({"experiment_id": "e1", "with_experiments": True}, "/experiments/e1"),
        ({"experiment_id": "e1", "with_executions": True}, "/experiments/e1/executions"),
        (
            {"experiment_id": "e1", "execution_id": "x1", "with_events": True},
            "/experiments/e1/executions/x1/events",
        ),
        (
            {"experiment_id": "e1", "execution_id": "x1", "with_safeguards": True},
            "/experiments/e1/executions/x1/policies",
        ),
        ({"with_safeguards": True}, "/policies"),
        ({"with_verifications": True}, "/verifications"),
        (
            {"verification_id": "v1", "with_verification_runs": True},
            "/verifications/v1/runs",
        ),
        (
            {
                "verification_id": "v1",
                "verification_run_id": "r1",
                "with_verification_run_events": True,
            },
            "/verifications/v1/runs/r1/events",
        ),
    ],
)
def test_a_whole_address_joins_its_pieces_in_order(pieces: dict[str, Any], expected: str) -> None:
    """A piece takes part when its id is given or its flag is set."""
    assert urls.full(BASE, "acme", "shop", **pieces) == TEAM + expected


def test_a_whole_address_takes_its_ids_by_position() -> None:
    """Experiment, execution, verification and verification run follow the team."""
    address = urls.full(BASE, "acme", "shop", "e1", "x1", "v1", "r1")

    assert address == f"{TEAM}/experiments/e1/executions/x1/verifications/v1/runs/r1"


@pytest.mark.parametrize("climber", ["..", ".", "../../elsewhere", "e1?all=yes", "e1#x", "%2e%2e"])
def test_an_id_cannot_climb_to_another_resource(climber: str) -> None:
    """Ids come from documents people download: each stays one piece, as `requests` sends it too."""
    address = urls.event(urls.experiment(TEAM, climber))

    sent = Request("GET", address).prepare().path_url

    assert sent.startswith("/api/v1/organizations/acme/teams/shop/experiments/")
    assert not {".", ".."} & set(sent.split("/"))
    assert sent.endswith("/events")
    assert sent.count("/") == urls.event(urls.experiment("/api/v1/o/acme/t/shop", "e1")).count("/")
