"""`chaosiq-console`: serving, and what its operator does beside the running server.

Exit codes: 0 done, 1 it could not be done (the reason is on stderr), 2 the command does not say
what to do.
"""

from copy import copy as duplicate

import click

from chaoscloud import __version__
from chaoscloud.console.cli.apply import apply
from chaoscloud.console.cli.audit import audit
from chaoscloud.console.cli.backup import backup, restore
from chaoscloud.console.cli.copy import copy
from chaoscloud.console.cli.example import example
from chaoscloud.console.cli.expected import expected
from chaoscloud.console.cli.organizations import organization
from chaoscloud.console.cli.people import person
from chaoscloud.console.cli.report import report
from chaoscloud.console.cli.retention import compact, retention
from chaoscloud.console.cli.safeguard import safeguard
from chaoscloud.console.cli.serve import serve
from chaoscloud.console.cli.stop import release, stop
from chaoscloud.console.cli.subscription_messages import subscription
from chaoscloud.console.cli.team_files import export, import_
from chaoscloud.console.cli.teams import team
from chaoscloud.console.cli.tokens import token

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="chaosiq-console")
def main() -> None:
    """Serve a ChaosIQ console of your own, and look after who may use it.

    Every command works beside a running server, on the same data.
    """


def _hide(command: click.Command) -> click.Command:
    """Return the same command, left out of the list of commands."""
    alias = duplicate(command)
    alias.hidden = True
    return alias


for command in (
    serve,
    example,
    stop,
    release,
    safeguard,
    subscription,
    expected,
    organization,
    team,
    person,
    token,
    audit,
    report,
    retention,
    apply,
    backup,
    restore,
    copy,
    compact,
):
    main.add_command(command)

# An earlier name of `release`, which scripts may say.
main.add_command(_hide(release), "resume")

for command in (export, import_):
    team.add_command(command)
