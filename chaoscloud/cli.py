"""The commands `chaos` gains.

They are `signin`, `org`, `team`, `publish`, `enable`, `disable`, `safeguards` and `verify`.

Every `chaos` command imports this module, `chaos --help` included: only what declares a command is
imported here, and what does its work once it runs.
"""

import os
import sys
from typing import Any

import click

from chaoscloud._options import (
    DRY_STRATEGIES,
    BareDryCommand,
    check_existing,
    choice_options,
    end_clearly,
    fail_on_option,
    junit_option,
    output_option,
    parse_variables,
)

__all__ = [
    "disable",
    "enable",
    "establish_credentials",
    "org",
    "publish",
    "safeguards",
    "select_organization",
    "select_team",
    "signin",
    "team",
    "verify",
]

# Spelled out, because importing them would load YAML; a test compares them with the settings'.
_FEATURES = ("publish", "safeguards", "workspace")
_ROLLBACK_STRATEGIES = ("default", "always", "never", "deviated")


@click.command(
    help="Sign-in with your ChaosIQ credentials\n\n"
    "Asks for the console's url and your token, then for the organization and the team whose name "
    "your runs are recorded in, and saves them to the settings file."
)
@click.option("--url", metavar="URL", help="The console's url, instead of asking or CHAOSIQ_URL.")
@click.option(
    "--token-stdin",
    is_flag=True,
    help="Read the token from standard input, its first line, instead of asking or CHAOSIQ_TOKEN.",
)
@choice_options("organization", "team")
@click.option("--no-verify-tls", is_flag=True, help="Do not verify the console's certificate.")
@click.option(
    "--status",
    is_flag=True,
    help="Show the console, the team and the token in use, and change nothing.",
)
@output_option
@click.pass_context
@end_clearly
def signin(
    ctx: click.Context,
    url: str | None,
    token_stdin: bool,
    organization: str | None,
    team: str | None,
    no_verify_tls: bool,
    status: bool,
    output: str,
) -> None:
    """Sign in, or show where we stand."""
    settings_path = ctx.obj["settings_path"]
    if status:
        _show_status(settings_path, as_json=output == "json")
        return
    if output == "json":
        raise click.UsageError("--output json is for --status.")
    from chaoscloud.commands.signin import SignInOptions, sign_in

    verify_tls = not no_verify_tls
    sign_in(settings_path, SignInOptions(url, token_stdin, organization, team, verify_tls))


def _show_status(settings_path: str, *, as_json: bool) -> None:
    from chaoscloud.commands.status import describe_status, read_status

    if not as_json:
        for line in describe_status(settings_path):
            click.echo(line)
        return
    document, failure = read_status(settings_path)
    _echo_json(document)
    if failure is not None:
        raise failure


def _echo_json(document: Any) -> None:
    import json

    click.echo(json.dumps(document, indent=2))


@click.command(
    help="Set ChaosIQ organisation\n\n"
    "Then asks for a team of it. Your next runs are recorded for that team."
)
@choice_options("organization", "team")
@click.pass_context
@end_clearly
def org(ctx: click.Context, organization: str | None, team: str | None) -> None:
    """Choose another organization."""
    from chaoscloud.commands.signin import SignInOptions, change_organization

    options = SignInOptions(organization=organization, team=team)
    change_organization(ctx.obj["settings_path"], options)


@click.command(
    help="Set ChaosIQ team\n\nOf the organization in use. Your next runs are recorded for it."
)
@choice_options("team")
@click.pass_context
@end_clearly
def team(ctx: click.Context, team: str | None) -> None:
    """Choose another team."""
    from chaoscloud.commands.signin import SignInOptions, change_team

    change_team(ctx.obj["settings_path"], SignInOptions(team=team))


@click.command(help="Publish your experiment's journal to ChaosIQ")
@click.argument("journals", metavar="[JOURNAL]...", nargs=-1)
@click.option(
    "--with-outputs",
    is_flag=True,
    help="Send also what activities with secrets returned, redacted by the values known now.",
)
@click.option(
    "--rejected",
    is_flag=True,
    help="Without a journal: try again what the console did not take from earlier runs.",
)
@junit_option
@fail_on_option("deviated", "inconclusive", "warnings")
@output_option
@click.pass_context
@end_clearly
def publish(
    ctx: click.Context,
    journals: tuple[str, ...],
    with_outputs: bool,
    rejected: bool,
    junit: str | None,
    fail_on: tuple[str, ...],
    output: str,
) -> None:
    """Publish each journal, and fail if any could not be; without one, what is pending."""
    from chaoscloud.commands.publish import PublishOptions, publish, publish_pending

    settings_path, as_json = ctx.obj["settings_path"], output == "json"
    if journals:
        options = PublishOptions(with_outputs, junit, fail_on, as_json)
        ctx.exit(publish(settings_path, journals, options))
    if junit or fail_on:
        raise click.UsageError("--junit and --fail-on are about journals: name at least one.")
    publish_pending(settings_path, rejected=rejected, as_json=as_json)


_FEATURE_HELP = (
    "publish: runs are recorded in the console. safeguards: the console may keep runs from "
    "starting, and stop them. workspace: the .chaosiq file links an experiment's "
    "file to its record."
)


@click.command(help=f"Enable a ChaosIQ feature\n\n{_FEATURE_HELP}")
@click.argument("feature", type=click.Choice(_FEATURES))
@click.option(
    "--required",
    is_flag=True,
    help="With safeguards: do not start a run, nor go on with one, while nobody answers.",
)
@click.pass_context
@end_clearly
def enable(ctx: click.Context, feature: str, required: bool) -> None:
    """Switch a feature on."""
    from chaoscloud.commands.features import switch

    if required and feature != "safeguards":
        raise click.UsageError("--required is for safeguards.")
    click.echo(switch(ctx.obj["settings_path"], feature, on=True, required=required))


@click.command(help=f"Disable a ChaosIQ feature\n\n{_FEATURE_HELP}")
@click.argument("feature", type=click.Choice(_FEATURES))
@click.pass_context
@end_clearly
def disable(ctx: click.Context, feature: str) -> None:
    """Switch a feature off."""
    from chaoscloud.commands.features import switch

    click.echo(switch(ctx.obj["settings_path"], feature, on=False))


@click.group(
    invoke_without_command=True,
    help="Show which safeguards are in force for the active team, and what they say.",
)
@click.option(
    "--experiment",
    metavar="FILE",
    help="Ask whether this experiment would be allowed to run now. Exits with 1 if not.",
)
@output_option
@click.pass_context
@end_clearly
def safeguards(ctx: click.Context, experiment: str | None, output: str) -> None:
    """Show what is in force, or what would be said about an experiment."""
    if ctx.invoked_subcommand is not None:
        return
    from chaoscloud.api.policies import Allowed
    from chaoscloud.commands import safeguards as commands

    settings_path, as_json = ctx.obj["settings_path"], output == "json"
    if experiment is None:
        if as_json:
            _echo_json(commands.read_in_force(settings_path))
        else:
            for line in commands.list_in_force(settings_path):
                click.echo(line)
        return
    answer = commands.ask_about_experiment(settings_path, experiment)
    if as_json:
        _echo_json(commands.read_answer_document(experiment, answer))
    else:
        click.echo("\n".join(commands.describe_answer(experiment, answer)))
    ctx.exit(0 if isinstance(answer, Allowed) else 1)


@safeguards.command(
    "test", help="Run an experiment that only sleeps, stop it, and measure how long that takes."
)
@click.option(
    "--experiment",
    metavar="FILE",
    help="Do so in the Python environment that this experiment asks for (`runtime.python`).",
)
@click.pass_context
@end_clearly
def _test_safeguards(ctx: click.Context, experiment: str | None) -> None:
    """Run the stop test, here or in the child process that an experiment would run in."""
    from chaoscloud._prompts import say
    from chaoscloud.commands import stop_test

    settings_path = ctx.obj["settings_path"]
    child = stop_test.child_of(experiment) if experiment else None
    if child is not None:
        say(f"{experiment} has a Python environment of its own: chaosiq-cloud {child.version}.")
        ctx.exit(stop_test.run_stop_test_in_child(settings_path, child))
    for line in stop_test.run_stop_test(settings_path):
        say(line)


@click.command(
    cls=BareDryCommand,
    help="Run the verification loaded from SOURCE, either a local file or a HTTP resource. "
    "SOURCE can be formatted as JSON or YAML.",
)
@click.option(
    "--journal-path",
    default="./journal.json",
    show_default=True,
    help="Path where to save the journal from the execution.",
)
@click.option(
    "--dry",
    type=click.Choice(DRY_STRATEGIES),
    help="Do not execute the chosen activities; none of them when only --dry is given.",
)
@click.option("--no-validation", is_flag=True, help="Do not validate it before running.")
@click.option("--no-verify-tls", is_flag=True, help="Do not verify TLS certificate.")
@click.option(
    "--rollback-strategy",
    type=click.Choice(_ROLLBACK_STRATEGIES),
    help="When to play rollbacks. By default never after an interruption or a failed hypothesis.",
)
@click.option(
    "--var",
    multiple=True,
    metavar="KEY[:TYPE]=VALUE",
    callback=parse_variables,
    help="A value for the configuration. TYPE is int, float or bytes. Can be given several times.",
)
@click.option(
    "--var-file",
    multiple=True,
    metavar="PATH",
    callback=check_existing,
    help="A file with values for configuration and secrets: JSON, YAML or .env. "
    "Can be given several times.",
)
@click.option(
    "--control-file",
    multiple=True,
    metavar="PATH",
    callback=check_existing,
    help="A file with controls to load as global ones. Can be given several times.",
)
@junit_option
@fail_on_option("impacted", "deviated", "inconclusive", "warnings")
@click.argument("source")
@click.pass_context
@end_clearly
def verify(ctx: click.Context, /, source: str, **options: Any) -> None:
    """Run a verification, say what it found, and exit as `chaos run` would."""
    from chaoscloud.commands.environment import sign_in_by_environment
    from chaoscloud.commands.verify_elsewhere import verify_elsewhere
    from chaoscloud.settings import load
    from chaoscloud.verify.command import run

    load(ctx.obj["settings_path"])  # the host would carry on as if a damaged file were empty
    options |= {"say": click.echo, "complete": sign_in_by_environment}
    options |= {"run_elsewhere": verify_elsewhere}
    ctx.exit(run(source, ctx.obj["settings_path"], **options))


def establish_credentials(settings_path: str) -> None:
    """Sign in, asking for url and token, and save the result to the settings."""
    from chaoscloud.commands.signin import sign_in

    sign_in(settings_path)


def select_organization(url: str, token: str, verify_tls: bool = True) -> dict[str, str]:
    """The organization to work for, `{"id", "name"}`: the only one, or the one somebody chooses."""
    from chaoscloud.commands import signin

    return signin.select_organization(url, token, verify_tls)


def select_team(
    organization: dict[str, str], url: str, token: str, verify_tls: bool = True
) -> dict[str, str]:
    """The team of `organization` to publish to: the only one, or the one somebody chooses."""
    from chaoscloud.commands import signin

    return signin.select_team(organization, url, token, verify_tls)


def _notice_run(record: Any) -> bool:
    """A filter of the host's logger that lets all pass, and remind somebody who is not signed in.

    It looks at the log until a run starts, and no longer.
    """
    if record.filename == "run.py":
        from chaoscloud import _reminder

        if _reminder.is_start_of_run(record):
            logger = sys.modules["logging"].getLogger(record.name)
            logger.removeFilter(_notice_run)
            _reminder.remind_of_signing_in(logger)
    return True


if "logging" in sys.modules:  # the host has loaded it; importing it here would cost the others
    sys.modules["logging"].getLogger("chaostoolkit").addFilter(_notice_run)


if os.environ.get("CHAOSIQ_JUNIT") or os.environ.get("CHAOSIQ_SUMMARY"):
    from chaoscloud.results import recorder

    recorder.install()


if os.environ.get("CHAOSIQ_TOKEN"):
    from chaoscloud.commands import environment

    environment.install()


if hasattr(sys.modules.get("chaostoolkit.commands.run"), "get_python_runtime_info"):  # from 1.21 on
    from chaoscloud import _own_control

    _own_control.install()


# Owned by `chaoscloud.verify`, and importable from here as they always were.
_NAMES_OF_VERIFY = ("get_org_id", "get_team_id", "switch_team_during_verification_run")


def __getattr__(name: str) -> Any:
    if name not in _NAMES_OF_VERIFY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from chaoscloud.verify import tenancy

    return getattr(tenancy, name)
