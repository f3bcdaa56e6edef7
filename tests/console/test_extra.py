"""The console's script where only the plugin was installed."""

import subprocess
import sys


def test_a_missing_extra_is_named_with_what_to_install() -> None:
    """One line instead of a traceback, and a failing exit code."""
    code = (
        "import sys; sys.modules['sqlalchemy'] = None\n"
        "from chaoscloud.console.__main__ import main; main()"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 1
    assert done.stderr.strip().count("\n") == 0
    assert "pip install 'chaosiq-cloud[console]'" in done.stderr
