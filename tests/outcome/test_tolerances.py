"""Tolerances of probes, in words."""

import pytest

from chaoscloud.outcome.tolerances import describe_tolerance


@pytest.mark.parametrize(
    ("tolerance", "words"),
    [
        (None, ""),
        (200, "200"),
        ([1, 5], "from 1 to 5"),
        ([200, 201, 204], "one of [200,201,204]"),
        ({"type": "range", "range": [1, 5]}, "from 1 to 5"),
        ({"type": "range", "target": "body", "range": [1, 5]}, "body from 1 to 5"),
        ({"type": "range", "range": [1, 2, 3]}, "[1,2,3]"),
        ({"type": "range", "range": "wide"}, "wide"),
        ({"type": "regex", "target": "stdout", "pattern": "^up"}, "stdout matches ^up"),
        ({"type": "jsonpath", "path": "$.up"}, "$.up is found"),
        ({"type": "jsonpath", "path": "$.up", "count": 2}, "$.up is found 2 times"),
        ({"type": "jsonpath", "path": "$.up", "expect": [1]}, "$.up is [1]"),
        ({"type": "probe", "name": "the judge"}, "accepted by the judge"),
        ({"type": "probe", "provider": {"func": "judge", "path": "x"}}, "accepted by judge"),
        ({"type": "probe", "provider": {"path": "judge.sh", "url": "x"}}, "accepted by judge.sh"),
        ({"type": "probe", "provider": {"url": "http://judge"}}, "accepted by http://judge"),
        ({"type": "probe"}, "accepted by a probe"),
        ({"type": "oracle"}, '{"type":"oracle"}'),
    ],
)
def test_a_tolerance_says_what_was_expected(tolerance: object, words: str) -> None:
    """As the Chaos Toolkit understands it; what it would not know is shown as it is."""
    assert describe_tolerance(tolerance) == words
