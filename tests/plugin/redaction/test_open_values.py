"""What stands in the open stays, whatever is secret: people, safeguards and the host go by it."""

import json
from copy import deepcopy
from typing import Any

import pytest

from chaoscloud.extension import get_extension
from chaoscloud.redaction import MARKER, Redactor
from chaoscloud.types import Experiment, Journal

WORDS = ["production", "orders", "kafka", "completed", "succeeded", "action", "probe", "process"]


def redact(document: Any, *values: Any) -> Any:
    """The document without these values."""
    return Redactor({"shop": dict(enumerate(values))}).redact(document).document


@pytest.fixture
def experiment(experiment: Experiment) -> Experiment:
    """The tag is the name of a cluster, which is a secret of the driver."""
    experiment["tags"] = ["production", "kafka", "eu"]
    return experiment


@pytest.mark.parametrize("secret", [*WORDS, "eu"])
def test_tags_types_and_status_are_never_redacted(journal: Journal, secret: str) -> None:
    """Tag safeguards would be passed, and a run that completed would be running for ever."""
    redacted = redact(journal, secret)

    assert redacted["status"] == "completed"
    assert redacted["experiment"]["tags"] == ["production", "kafka", "eu"]
    assert redacted["experiment"]["method"][0]["type"] == "action"
    assert redacted["experiment"]["method"][0]["provider"]["type"] == "process"
    assert redacted["run"][0]["status"] == "succeeded"
    assert redacted["run"][0]["activity"]["type"] == "action"


@pytest.mark.parametrize(
    "wrap",
    [
        lambda journal: (journal["experiment"], lambda sent: sent),
        lambda journal: ({"experiment": journal["experiment"]}, lambda sent: sent["experiment"]),
        lambda journal: ({"journal": journal}, lambda sent: sent["journal"]["experiment"]),
        lambda journal: (
            {"context": journal["experiment"], "state": None},
            lambda sent: sent["context"],
        ),
        lambda journal: (
            {"context": None, "state": journal},
            lambda sent: sent["state"]["experiment"],
        ),
        lambda journal: (
            {"category": "verification-completed", "payload": journal},
            lambda sent: sent["payload"]["experiment"],
        ),
    ],
    ids=["experiment", "published", "execution", "event", "last-event", "verification"],
)
def test_tags_stay_in_whatever_is_sent(journal: Journal, wrap: Any) -> None:
    """A document, a journal, an event, what a verification says of itself."""
    document, unwrap = wrap(journal)

    sent = redact(document, "production")

    assert unwrap(sent)["tags"] == ["production", "kafka", "eu"]


@pytest.mark.parametrize("secret", ["completed", "succeeded", "verification-sample"])
def test_what_a_verification_measured_keeps_its_words(secret: str) -> None:
    """A verification whose status is taken out never finishes."""
    probe = {"type": "probe", "name": "p", "provider": {"type": "http", "url": "https://shop"}}
    run = {"activity": probe, "status": "succeeded", "output": "completed", "duration": 1}
    check = {"steady_state_met": True, "probes": [run]}
    document = {
        "category": "verification-sample",
        "payload": {"iteration": 3, "state": {**check, "status": "completed"}},
    }

    sent = redact(document, secret, 3, 3000)

    assert sent["category"] == "verification-sample"
    assert sent["payload"]["iteration"] == 3
    assert sent["payload"]["state"]["status"] == "completed"
    assert sent["payload"]["state"]["probes"][0]["status"] == "succeeded"
    assert sent["payload"]["state"]["probes"][0]["duration"] == 1


def test_our_block_is_never_redacted(experiment: Experiment, journal: Journal) -> None:
    """Without the ids there is no run to add to."""
    block = {
        "name": "chaosiq",
        "experiment_id": "experiment-orders",
        "verification": {"id": "orders", "frequency-of-measurement": 3600},
        "safeguards": [{"name": "production"}],
    }
    experiment["extensions"][1] = journal["extensions"] = block
    journal["extensions"] = [{"name": "grafana", "dashboard": "orders"}, block]

    sent = redact(journal, "orders", "experiment-orders", "chaosiq", "production", 3600)

    assert sent["extensions"] == [{"name": "grafana", "dashboard": MARKER}, block]
    sent_block = dict(get_extension(sent["experiment"]) or {})
    assert sent_block.pop("redacted") > 0
    assert sent_block == block


def test_how_a_run_was_stopped_is_never_redacted() -> None:
    """Its safeguards have names, and times are looked at as times."""
    stop = {"policies": [{"name": "production"}], "decided_at": "2026-03-02", "latency": 1234}

    assert (
        redact({"context": stop, "state": None}, "production", "2026-03", 1234)["context"] == stop
    )


@pytest.mark.parametrize("key", ["tags", "status", "type", "end", "execution_id"])
@pytest.mark.parametrize("place", ["output", "exception", "arguments", "configuration", "other"])
def test_what_an_activity_returned_has_no_open_words(key: str, place: str) -> None:
    """There they are data like any other."""
    document = {
        "run": [{"activity": {}, place: {key: ["production"], "in": [{key: "production"}]}}]
    }

    sent = redact(document, "production")

    assert "production" not in json.dumps(sent)


def test_a_block_of_our_name_in_an_output_is_data() -> None:
    """Ours stands among the extensions of a document."""
    output = {"extensions": [{"name": "chaosiq", "source": "production"}]}

    assert "production" not in json.dumps(redact({"run": [{"output": output}]}, "production"))


@pytest.mark.parametrize("secret", [0, 1, 3, 200, 201, 1.5, 999, -12, "1", "200"])
def test_a_number_of_fewer_than_four_digits_hides_no_numbers(
    journal: Journal, secret: float | str
) -> None:
    """It would hide every count, and the console would refuse the journal."""
    journal["run"][0]["output"] = {"count": 1, "codes": [0, 200, 201, 999], "ratio": 1.5, "n": -12}

    redacted = Redactor({"shop": {"replicas": secret}}).redact(journal)

    assert redacted.count == 0
    assert redacted.document["run"][0]["output"] == journal["run"][0]["output"]


@pytest.mark.parametrize("secret", [1234, "1234", 12.34])
def test_a_number_of_four_digits_is_looked_for_in_data_only(
    journal: Journal, secret: float | str
) -> None:
    """How long something took stays a number."""
    number = float(secret) if isinstance(secret, float) else int(secret)
    journal["duration"] = journal["run"][0]["duration"] = number
    journal["run"][0]["output"] = number

    sent = redact(journal, secret)

    assert sent["duration"] == sent["run"][0]["duration"] == number
    assert sent["run"][0]["output"] == MARKER


# The mark on documents that are not whole


def test_an_experiment_says_how_much_was_taken_out_of_it(
    experiment: Experiment, journal: Journal
) -> None:
    """In its block, wherever it is sent; what was taken out of the run does not count."""
    experiment["method"][0]["provider"]["arguments"] = "delete correct-horse correct-horse"
    journal["run"][0]["output"] = "correct-horse"
    journal["run"][0]["activity"] = deepcopy(journal["run"][0]["activity"])
    before = deepcopy(journal)

    documents = [
        redact(experiment, "correct-horse"),
        redact({"experiment": experiment}, "correct-horse")["experiment"],
        redact({"journal": journal}, "correct-horse")["journal"]["experiment"],
    ]

    assert [(get_extension(document) or {})["redacted"] for document in documents] == [2, 2, 2]
    assert journal == before


def test_a_whole_experiment_has_no_mark(experiment: Experiment) -> None:
    """Neither references to secrets nor the local path are something it lacks."""
    sent = redact(experiment, "correct-horse")

    assert get_extension(sent) == {"name": "chaosiq", "experiment_id": "experiment-orders"}


def test_the_mark_makes_the_block_where_there_is_none() -> None:
    """And what was taken out before stays counted."""
    experiment: Experiment = {"title": "Orders", "method": [], "description": "correct-horse"}

    once = redact(experiment, "correct-horse")
    twice = redact({**once, "title": "correct-horse"}, "correct-horse")

    assert once["extensions"] == [{"name": "chaosiq", "redacted": 1}]
    assert twice["extensions"] == [{"name": "chaosiq", "redacted": 2}]
    assert "extensions" not in experiment


def test_the_address_of_an_experiment_in_our_block_has_no_credentials(
    experiment: Experiment,
) -> None:
    """Documents of earlier versions have it as it was; that makes the document no less whole."""
    source = "https://ada:pw@shop/orders.json?X-Amz-Signature=0123&v=2"
    experiment["extensions"][1] = {"name": "chaosiq", "source": source}

    redacted = Redactor().redact(experiment)

    assert get_extension(redacted.document) == {
        "name": "chaosiq",
        "source": "https://shop/orders.json?v=2",
    }
    assert redacted.count == 0
