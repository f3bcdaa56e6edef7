"""What both wings import must cost neither of them anything."""

import subprocess
import sys


def test_the_rules_of_outcomes_load_nothing_but_python_itself() -> None:
    """A `chaos` command that says how a run ended loads none of the console, nor its libraries."""
    code = (
        "import sys; before = set(sys.modules)\n"
        "import chaoscloud.outcome, chaoscloud.outcome.insight, chaoscloud.outcome.samples\n"
        "loaded = {name for name in set(sys.modules) - before}\n"
        "print(*[m for m in loaded if m.split('.')[0] not in sys.stdlib_module_names])"
    )

    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    names = process.stdout.split()
    assert [name for name in names if not name.startswith("chaoscloud.outcome")] == ["chaoscloud"]
