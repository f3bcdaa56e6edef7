"""Which verification and which run a document is, and how many samples a journal holds."""

import pytest

from chaoscloud.api.verification import (
    count_samples,
    drop_run_ids,
    get_call_context,
    get_run_id,
    get_verification_id,
    results_of,
    set_run_id,
)
from chaoscloud.types import Journal
from tests.plugin.verification_documents import block_of, signed_in, verification


def test_a_run_is_remembered_in_its_verification() -> None:
    """The id stands in the verification's block, for the controls to find."""
    document = verification()

    set_run_id("run-7", document)

    assert block_of(document)["run_id"] == "run-7"
    assert get_run_id(document) == get_run_id(document["extensions"]) == "run-7"
    assert get_verification_id(document) == "verification-orders"
    assert get_verification_id(document["extensions"]) == "verification-orders"


def test_what_is_no_verification_has_no_run() -> None:
    """An ordinary experiment is asked without harm, and gets no id."""
    experiment = {"title": "Orders", "extensions": [{"name": "chaosiq"}]}

    set_run_id("run-7", experiment)

    assert experiment == {"title": "Orders", "extensions": [{"name": "chaosiq"}]}
    assert get_run_id(experiment) is None
    assert get_verification_id(None) is None


def test_the_ids_of_an_earlier_run_are_dropped() -> None:
    """A document taken out of a journal is not that run again; its experiment it still is."""
    document = verification()
    document["extensions"][-1].update(execution_id="execution-6", experiment_id="experiment-1")
    set_run_id("run-6", document)

    drop_run_ids(document)

    assert get_run_id(document) is None
    assert document["extensions"][-1].keys() == {"name", "verification", "experiment_id"}


def test_samples_are_counted_by_what_they_found() -> None:
    """True is successful, false deviated, anything else was not run."""
    during = [{"steady_state_met": met} for met in (True, True, False, None, "yes", 1)]
    journal: Journal = {"steady_states": {"during": [*during, None, {}]}, "duration": 8.5}

    assert count_samples(journal) == {
        "successful_samples": 2,
        "deviated_samples": 1,
        "not_run_samples": 5,
        "total_number_of_samples": 8,
    }
    assert results_of(journal)["total_duration"] == 8.5


@pytest.mark.parametrize("journal", [{}, {"steady_states": None}, {"steady_states": {}}], ids=str)
def test_a_journal_without_samples_has_none(journal: Journal) -> None:
    """A run that ended before its first sample counts nought of everything."""
    assert set(results_of(journal).values()) == {0}


def test_the_context_of_calls_is_what_a_session_needs() -> None:
    """Url, organizations and the check of certificates, in the order of `client_session`."""
    settings = signed_in("https://console.example.com")

    url, organizations, verify_tls = get_call_context(settings)

    assert url == "https://console.example.com"
    assert organizations[0]["id"] == "org-acme"
    assert verify_tls is True
