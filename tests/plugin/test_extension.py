"""The `chaosiq` block of experiments and journals."""

from typing import Any

import pytest

from chaoscloud.extension import (
    del_extension_value,
    ensure_extension,
    find_extension,
    get_extension,
    get_extension_value,
    remove_sensitive_extension_values,
    set_extension_value,
)
from chaoscloud.types import Experiment

DAMAGED: list[Any] = [None, "chaosiq", 3, {"name": "chaosiq"}]
WITHOUT_OURS: list[Any] = [*DAMAGED, [], [None], ["chaosiq"], [{"name": "grafana"}], [{}]]


def test_our_block_is_found_among_others(experiment: Experiment) -> None:
    """It is the document's own: what is changed in it is changed there."""
    assert get_extension(experiment) is experiment["extensions"][1]
    assert find_extension(experiment["extensions"]) is experiment["extensions"][1]


@pytest.mark.parametrize("extensions", WITHOUT_OURS, ids=repr)
def test_reading_survives_any_extensions(extensions: Any) -> None:
    """Documents are written by people; reading one neither fails nor changes it."""
    document = {"title": "Orders survive the loss of a broker", "extensions": extensions}

    assert get_extension(document) is None
    assert get_extension_value(document, "experiment_id", "unknown") == "unknown"
    assert document["extensions"] is extensions


def test_reading_survives_a_document_without_extensions() -> None:
    """Most documents have none, and some hooks have no document yet."""
    document: Experiment = {}

    assert get_extension(document) is None
    assert get_extension(None) is None
    assert document == {}


def test_a_block_is_added_once(experiment: Experiment) -> None:
    """Asking twice gives the same block, after those of others."""
    experiment["extensions"].pop()

    block = ensure_extension(experiment)

    assert ensure_extension(experiment) is block
    assert experiment["extensions"] == [
        {"name": "grafana", "dashboard": "orders"},
        {"name": "chaosiq"},
    ]


@pytest.mark.parametrize("extensions", DAMAGED, ids=repr)
def test_extensions_that_are_no_list_give_way(extensions: Any) -> None:
    """The host cannot use them either, and the ids of the run must stand somewhere."""
    document = {"extensions": extensions}

    ensure_extension(document)

    assert document["extensions"] == [{"name": "chaosiq"}]


def test_a_value_is_kept_and_read_back() -> None:
    """The first value makes the block."""
    journal: dict[str, Any] = {"status": "completed"}

    set_extension_value(journal, "execution_id", "execution-7")

    assert get_extension_value(journal, "execution_id") == "execution-7"
    assert journal["extensions"] == [{"name": "chaosiq", "execution_id": "execution-7"}]


def test_a_stored_null_is_not_a_missing_value(experiment: Experiment) -> None:
    """`safeguards: null` says that none stopped the run."""
    set_extension_value(experiment, "safeguards", None)

    assert get_extension_value(experiment, "safeguards", ["default"]) is None


def test_a_value_can_be_taken_out(experiment: Experiment) -> None:
    """The rest of the block stays."""
    del_extension_value(experiment, "experiment_path")

    assert get_extension(experiment) == {"name": "chaosiq", "experiment_id": "experiment-orders"}


def test_taking_out_what_is_not_there_is_silent_unless_asked(experiment: Experiment) -> None:
    """Neither a missing key nor a missing block is an error by default, and none is added."""
    document: Experiment = {}

    del_extension_value(document, "source")
    with pytest.raises(KeyError, match="source"):
        del_extension_value(experiment, "source", silent=False)
    with pytest.raises(KeyError, match="source"):
        del_extension_value(document, "source", silent=False)

    assert document == {}


def test_sensitive_values_are_held_back_and_return(experiment: Experiment) -> None:
    """The local path is nobody's business while the experiment is being sent."""
    with remove_sensitive_extension_values(experiment) as sent:
        inside = dict(get_extension(sent) or {})

    assert "experiment_path" not in inside
    assert inside["experiment_id"] == "experiment-orders"
    assert get_extension_value(experiment, "experiment_path") == "/home/ada/shop/orders.json"


def test_sensitive_values_return_after_a_failure(experiment: Experiment) -> None:
    """A lost connection must not lose the path, which the workspace needs afterwards."""
    with pytest.raises(ConnectionError), remove_sensitive_extension_values(experiment):
        raise ConnectionError("the console is down")

    assert get_extension_value(experiment, "experiment_path") == "/home/ada/shop/orders.json"


def test_a_sensitive_value_that_was_absent_stays_absent(experiment: Experiment) -> None:
    """Nothing is left behind where nothing was, no None and no 'None'."""
    del_extension_value(experiment, "experiment_path")

    with remove_sensitive_extension_values(experiment):
        pass

    assert "experiment_path" not in (get_extension(experiment) or {})


def test_the_caller_names_other_sensitive_values(experiment: Experiment) -> None:
    """Named keys are held back instead of the usual ones."""
    with remove_sensitive_extension_values(experiment, keys=["experiment_id"]):
        inside = dict(get_extension(experiment) or {})

    assert set(inside) == {"name", "experiment_path"}
    assert get_extension_value(experiment, "experiment_id") == "experiment-orders"


def test_a_document_without_our_block_has_nothing_to_hold_back() -> None:
    """And gets no block by it."""
    document: Experiment = {"title": "Orders survive the loss of a broker"}

    with remove_sensitive_extension_values(document) as sent:
        assert sent is document

    assert document == {"title": "Orders survive the loss of a broker"}
