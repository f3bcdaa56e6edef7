"""`audit`: who changed what, of all organizations."""

import click
import msgspec

from chaoscloud.console.cli._operator import Console, command_that_reads
from chaoscloud.console.cli._output import moment, table
from chaoscloud.console.records import audit as audit_records
from chaoscloud.console.rules.audit_words import describe, name_author


@click.command()
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=50,
    show_default=True,
    help="How many entries at most.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line (NDJSON).")
@command_that_reads
def audit(console: Console, limit: int, as_json: bool) -> None:
    """Show the audit log: who changed what, when and with which token, the latest first.

    Failed sign-ins with tokens that nobody has stand only here.
    """
    entries = audit_records.list_entries(console.connection, None, limit=limit)
    if as_json:
        for entry in entries:
            click.echo(msgspec.json.encode(entry))
        return
    rows = [
        (
            moment(entry.at),
            entry.person_name or name_author(entry.action),
            str(describe(entry.action, entry.subject, entry.team_name)),
            entry.token_name or "-",
        )
        for entry in entries
    ]
    table(("WHEN", "WHO", "WHAT", "TOKEN"), rows)
