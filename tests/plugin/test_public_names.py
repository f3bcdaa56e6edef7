"""Every public name stays where people import it from, and takes its arguments in the same order.

New parameters may come, at the end and with a default. A signature is written as it is called:
`settings, feature` are required, `default=1` has that default, `…` stands for any default.
"""

import importlib
import inspect
import re
from types import GenericAlias
from typing import Any

import click
import pytest
from chaoslib.exceptions import ChaosException

SIGNATURES = {
    "chaoscloud.api": """
        client_session(url, organizations, verify_tls=True, settings=None)
        build_base_url(url, org_id, team_id)
        get_default_org(organizations)
        get_default_team(organization)
        get_chaosiq_extension_from_journal(journal)
        get_execution_id(extensions)
        get_experiment_id(extensions)
        set_execution_id(execution_id, experiment)
    """,
    "chaoscloud.api.execution": """
        initialize_execution(session, experiment, journal)
        publish_execution(session, journal)
        fetch_execution(session, journal)
        publish_event(session, event_type, payload, configuration, secrets, extensions, settings,
            state=None)
        save_ids_to_journal(extensions, journal)
        get_tz()
    """,
    "chaoscloud.api.experiment": """
        publish_experiment(session, experiment)
        get_experiment_id(experiment)
        set_experiment_id(experiment_id, experiment)
    """,
    "chaoscloud.api.organization": "request_orgs(orgs_url, token, verify_tls=True)",
    "chaoscloud.api.team": """
        request_teams(teams_url, token, verify_tls=True)
        request_team(team_url, token, verify_tls=True)
    """,
    "chaoscloud.api.ssl": "verify_ssl_certificate(url, token)",
    "chaoscloud.api.safeguard": """
        is_allowed_to_continue(session, extensions)
        set_applied_safeguards_for_execution(extensions, journal)
    """,
    "chaoscloud.api.urls": """
        full(base, org_id, team_id, experiment_id=None, execution_id=None, verification_id=None,
            verification_run_id=None, with_experiments=False, with_executions=False,
            with_events=False, with_safeguards=False, with_verifications=False,
            with_verification_runs=False, with_verification_run_events=False)
    """,
    "chaoscloud.api.verification": """
        VerificationRunEventHandler(experiment, settings)
        set_run_id(run_id, experiment)
        get_call_context(settings)
    """,
    "chaoscloud.cli": "switch_team_during_verification_run(source, settings)",
    "chaoscloud.controls": """
        configure_control(experiment, settings, configuration=None, secrets=None, url=None,
            verify_tls=True, organizations=None)
    """,
    "chaoscloud.extension": """
        get_extension_value(experiment, key, default=None)
        set_extension_value(experiment, key, value)
        del_extension_value(experiment, key, silent=True)
        remove_sensitive_extension_values(experiment, keys=None)
    """,
    "chaoscloud.settings": """
        set_settings(url, token, verify_tls, default_org, default_team, settings)
        enable_feature(settings, feature)
        disable_feature(settings, feature)
        is_feature_enabled(settings, feature)
        get_endpoint_url(settings, default='https://console.chaosiq.io')
        get_verify_tls(settings)
        verify_tls_certs(settings)
        get_auth_token(settings, url)
        has_chaosiq_extension_configured(settings)
        set_auth(settings, url, token)
        get_control(settings)
        get_orgs(settings)
        get_default_org(settings)
        get_teams(organization)
        get_default_team(organization)
        set_default_org(settings, organization)
        set_default_team(organization, team)
    """,
    "chaoscloud.workspace": """
        initialize_workspace_path(experiment_path)
        set_workspace_path(path)
        get_workspace_path()
        load_workspace(path=None)
        save_workspace(path=None)
        get_loaded_workspace_data()
        set_workspace_data(data)
        reset_workspace()
        register_experiment_to_workspace(experiment, organizations, experiment_path=None)
        get_experiment_metadata_from_workspace(experiment, organizations, experiment_path=None)
        get_experiment_path(experiment)
        get_experiment_source(experiment)
        get_experiment_id(experiment)
    """,
    "chaoscloud.verify.verification": """
        ensure_verification_is_valid(experiment)
        run_verification(experiment, settings=None, experiment_vars=None, strategy=…, schedule=None)
    """,
    "chaoscloud.probes.http": """
        read_http_status_code(url, headers=None, method='GET', params=None, json=None,
            verify_tls=True, timeout=30.0)
        time_http_call(url, headers=None, method='GET', params=None, json=None, verify_tls=True,
            timeout=30.0)
    """,
    "chaoscloud.tolerances.http": """
        status_must_be(value=None, expected=200)
        status_in_range(value, lower=100, upper=600)
        response_time_under(value=None, duration=0)
        response_time_above(value=None, duration=0)
    """,
    "chaoscloud.tolerances.prometheus": """
        result_value_under(value=None, upper=1.0)
        result_value_above(value=None, lower=0.0)
        result_value_between(value=None, lower=0, upper=1.0)
        extract_values(result)
    """,
}  # fmt: skip

# The contract names these without their parameters: what each documents is what it takes.
CALLABLES = {
    "chaoscloud.api.urls": """
        base experiment execution event org team safeguard
        verification verification_run verification_run_events clean host
    """,
    "chaoscloud.api.verification": "get_run_id get_verification_id",
    "chaoscloud.cli": """
        establish_credentials select_organization select_team get_team_id get_org_id
    """,
}

EXCEPTIONS = {
    "chaoscloud.exceptions": "WorkspaceException MissingVerificationIdentifier",
    "chaoscloud.verify.exceptions": "VerificationException InvalidVerification",
}

VALUES: dict[str, dict[str, type]] = {
    "chaoscloud": {"__version__": str},
    "chaoscloud.settings": {"FEATURES": tuple},
    "chaoscloud.workspace": {"WORKSPACE_FILENAME": str, "workspace_metadata": dict},
    "chaoscloud.types": {
        "Organization": type,
        "Organizations": GenericAlias,
        "WorkspaceData": type,
    },
}

COMMANDS = ("signin", "org", "team", "publish", "enable", "disable", "verify")

LOADER_HOOKS = ("before_loading_experiment_control", "after_loading_experiment_control")
RUN_HOOKS = tuple(
    f"{when}_{what}_control"
    for what in ("experiment", "hypothesis", "method", "rollback", "activity")
    for when in ("before", "after")
)

SIGNATURE = re.compile(r"(\w+)\(([^)]*)\)")

# `name=default`, and `name` for a parameter without one.
PARAMETER = re.compile(r"(\w+)(?:=([^,]+))?")

ANY = "…"
NONE = ""  # callers always give it, so a default that came later is no harm


def signatures() -> list[tuple[str, str, str]]:
    """Module, name and parameters of every signature of the table."""
    return [
        (module, name, parameters)
        for module, table in SIGNATURES.items()
        for name, parameters in SIGNATURE.findall(table)
    ]


def names(table: dict[str, str]) -> list[tuple[str, str]]:
    """Module and name, for every name of a table."""
    return [(module, name) for module, listed in table.items() for name in listed.split()]


def found(module: str, name: str) -> Any:
    """The public name, imported from its module."""
    return getattr(importlib.import_module(module), name)


def parameters_of(function: Any) -> list[inspect.Parameter]:
    """Its parameters in order, without `self`."""
    return list(inspect.signature(function).parameters.values())


def positional(parameters: list[inspect.Parameter]) -> list[inspect.Parameter]:
    """Those that can be given by position."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [parameter for parameter in parameters if parameter.kind in kinds]


def default_of(parameter: inspect.Parameter) -> str:
    """The default as the table writes it; an empty text when there is none."""
    return "" if parameter.default is inspect.Parameter.empty else repr(parameter.default)


@pytest.mark.parametrize(
    ("module", "name", "parameters"), signatures(), ids=lambda value: value.strip().split(",")[0]
)
def test_a_function_takes_its_arguments_in_the_same_order(
    module: str, name: str, parameters: str
) -> None:
    """By position and by name, with the same defaults; what is new is optional and comes last."""
    expected = PARAMETER.findall(parameters)

    has = parameters_of(found(module, name))

    first, further = positional(has)[: len(expected)], has[len(expected) :]
    assert [parameter.name for parameter in first] == [name for name, _ in expected]
    for parameter, (_, default) in zip(first, expected, strict=True):
        assert default in (ANY, NONE, default_of(parameter)), parameter.name
    assert [parameter.name for parameter in further if is_required(parameter)] == []


def is_required(parameter: inspect.Parameter) -> bool:
    """Whether a call fails without it."""
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return parameter.default is inspect.Parameter.empty and parameter.kind not in variadic


@pytest.mark.parametrize(("module", "name"), names(CALLABLES))
def test_a_function_without_a_fixed_signature_is_documented(module: str, name: str) -> None:
    """It can be called, and says what it takes."""
    function = found(module, name)

    assert callable(function)
    assert not isinstance(function, click.Command)
    assert inspect.getdoc(function)


@pytest.mark.parametrize(("module", "name"), names(EXCEPTIONS))
def test_an_exception_is_one_of_the_host(module: str, name: str) -> None:
    """Whoever catches the host's catches ours."""
    assert issubclass(found(module, name), ChaosException)


def test_an_invalid_verification_is_a_failed_one() -> None:
    """Catching `VerificationException` is enough."""
    base = found("chaoscloud.verify.exceptions", "VerificationException")

    assert issubclass(found("chaoscloud.verify.exceptions", "InvalidVerification"), base)


@pytest.mark.parametrize(
    ("module", "name", "kind"),
    [(module, name, kind) for module, listed in VALUES.items() for name, kind in listed.items()],
)
def test_a_value_is_there(module: str, name: str, kind: type) -> None:
    """Of the type people use it as."""
    assert isinstance(found(module, name), kind)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_a_plain_click_command(name: str) -> None:
    """The host adds it to its own group; its own decorator would be a circular import."""
    command = found("chaoscloud.cli", name)

    assert isinstance(command, click.Command)
    assert not isinstance(command, click.Group)
    assert command.name == name
    assert command.get_short_help_str()


@pytest.mark.parametrize("name", [*LOADER_HOOKS, *RUN_HOOKS])
def test_a_hook_takes_what_the_settings_hand_it(name: str) -> None:
    """The provider's arguments by keyword only, others that may come, and the context first."""
    hook = found("chaoscloud.controls", name)
    parameters = {parameter.name: parameter for parameter in parameters_of(hook)}

    assert next(iter(parameters)) == "context"
    assert not is_required(parameters["url"])
    for argument in ("url", "verify_tls", "organizations"):
        assert parameters[argument].kind is inspect.Parameter.KEYWORD_ONLY
    assert parameters["verify_tls"].default is True
    assert inspect.Parameter.VAR_KEYWORD in {parameter.kind for parameter in parameters.values()}


@pytest.mark.parametrize("name", LOADER_HOOKS)
def test_a_loader_hook_does_not_ask_for_extensions(name: str) -> None:
    """The host has none to give yet, and would not call it."""
    names = {parameter.name for parameter in parameters_of(found("chaoscloud.controls", name))}

    assert names.isdisjoint({"extensions", "experiment"})


@pytest.mark.parametrize("name", RUN_HOOKS)
def test_a_run_hook_asks_for_the_state_only_after(name: str) -> None:
    """Before there is none; the host fills in what stands in the signature."""
    names = {parameter.name for parameter in parameters_of(found("chaoscloud.controls", name))}

    assert "extensions" in names
    assert ("state" in names) is name.startswith("after_")


def test_the_twelve_hooks_are_all_there() -> None:
    """Those of the host's own table, and none it does not call."""
    from chaoslib.control.python import _level_mapping

    assert set(_level_mapping.values()) == {*LOADER_HOOKS, *RUN_HOOKS}


def test_the_verification_handler_is_one_of_the_host() -> None:
    """It is registered with the host's registry of run event handlers."""
    from chaoslib.run import RunEventHandler

    assert issubclass(
        found("chaoscloud.api.verification", "VerificationRunEventHandler"), RunEventHandler
    )
