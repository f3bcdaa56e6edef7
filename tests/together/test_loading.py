"""What a `chaos` command loads, as the host loads it."""

import subprocess
import sys

from tests.together.conftest import User

HEAVY = {"starlette", "uvicorn", "sqlalchemy", "msgspec", "jinja2", "chaoscloud.console"}


def test_the_seven_commands_stand_in_the_help(user: User) -> None:
    """`chaos --help` lists each, with its short help."""
    done = user.chaos("--help")

    assert done.returncode == 0
    for name in ("signin", "org", "team", "publish", "enable", "disable", "verify"):
        assert f"\n  {name} " in done.stdout


def test_a_chaos_command_loads_neither_the_console_nor_its_libraries(user: User) -> None:
    """The plugin is in every `chaos` process; the console is in none."""
    code = (
        "import sys; from chaostoolkit.cli import cli\n"
        "try: cli(['--no-version-check', '--no-log-file', 'signin', '--status'])\n"
        "except SystemExit: pass\n"
        "import chaoscloud.controls\n"
        "print('\\n'.join(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=user.home,
        env=user.env,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    loaded = set(done.stdout.split())
    assert "chaoscloud.cli" in loaded
    assert "chaoscloud.controls" in loaded
    assert not HEAVY & loaded
