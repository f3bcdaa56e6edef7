"""`chaos signin`."""

import ssl
import stat
from pathlib import Path

import pytest
import requests
from click import Command
from requests_mock import Mocker

from chaoscloud.cli import (
    enable,
    establish_credentials,
    org,
    publish,
    safeguards,
    signin,
    team,
    verify,
)
from chaoscloud.settings import is_required_by_organization
from chaoscloud.types import Settings
from tests.plugin.commanding import (
    ACME,
    API,
    CHECKOUT,
    CONSOLE,
    GLOBEX,
    arguments,
    chaos,
    console,
    defaults,
    kept,
    signed_in,
)

UNTRUSTED = ssl.SSLCertVerificationError(1, "certificate verify failed")
UNTRUSTED.verify_message = "self-signed certificate"
SELF_SIGNED = requests.exceptions.SSLError(UNTRUSTED)


def test_four_lines_of_standard_input_sign_in(requests_mock: Mocker, settings_path: Path) -> None:
    """A script answers url, token, organization and team."""
    console(requests_mock)

    done = chaos(signin, settings_path, stdin=f"{CONSOLE}/some/page\n ciq_secret \n2\n1\n")

    assert done.exit_code == 0, done.output
    assert "1) Acme\n2) Globex\n" in done.stdout
    assert "team 'Payments' in organization 'Globex'" in done.stdout
    assert f"ChaosIQ details saved at {settings_path}" in done.stdout
    assert defaults(settings_path) == ("Globex", "Payments")
    assert arguments(settings_path)["url"] == CONSOLE
    assert kept(settings_path)["auths"] == {
        "console.example.com:8443": {"type": "bearer", "value": "ciq_secret"}
    }


def test_the_file_is_for_its_owner_only(requests_mock: Mocker, settings_path: Path) -> None:
    """The token in it is nobody else's business."""
    console(requests_mock, organizations=[ACME], teams=[CHECKOUT])

    chaos(signin, settings_path, stdin=f"{CONSOLE}\nciq_secret\n")

    assert stat.S_IMODE(settings_path.stat().st_mode) == 0o600


def test_the_only_organization_and_the_only_team_are_taken(
    requests_mock: Mocker, settings_path: Path
) -> None:
    """Nobody is asked where there is nothing to choose."""
    console(requests_mock, organizations=[ACME], teams=[CHECKOUT])

    done = chaos(signin, settings_path, stdin=f"{CONSOLE}\nciq_secret\n")

    assert done.exit_code == 0, done.output
    assert "Default organization" not in done.stdout
    assert defaults(settings_path) == ("Acme", "Checkout")


@pytest.mark.parametrize("nonsense", ["0", "3", "-1", "two", ""])
def test_a_number_that_is_not_on_the_list_is_asked_again(
    requests_mock: Mocker, settings_path: Path, nonsense: str
) -> None:
    """The question comes again until the answer is on the list."""
    console(requests_mock, teams=[CHECKOUT])

    done = chaos(signin, settings_path, stdin=f"{CONSOLE}\nciq_secret\n{nonsense}\n2\n")

    assert done.exit_code == 0, done.output
    assert "Error: " in done.stderr
    assert defaults(settings_path)[0] == "Globex"


def test_an_empty_url_is_the_configured_one(
    requests_mock: Mocker, settings_path: Path, settings: Settings
) -> None:
    """Signing in again to the same console needs no url."""
    console(requests_mock, organizations=[ACME], teams=[CHECKOUT])
    signed_in(settings_path, settings)

    done = chaos(signin, settings_path, stdin="\nciq_newer\n")

    assert done.exit_code == 0, done.output
    assert kept(settings_path)["auths"]["console.example.com:8443"]["value"] == "ciq_newer"


def test_signing_in_again_keeps_what_is_not_about_it(
    requests_mock: Mocker, settings_path: Path, settings: Settings
) -> None:
    """Features, other organizations, other people's keys and tokens stay."""
    console(requests_mock, organizations=[GLOBEX], teams=[CHECKOUT])
    signed_in(settings_path, settings)

    chaos(signin, settings_path, stdin=f"{CONSOLE}\nciq_newer\n")

    after = kept(settings_path)
    assert after["vendor"] == {"theme": "dark"}
    assert after["auths"]["registry.example.com"] == {"type": "basic", "value": "Zm9v"}
    assert after["controls"]["slack"] == settings["controls"]["slack"]
    assert after["controls"]["chaosiq-cloud"]["features"]["safeguards"] == "off"
    assert {o["name"] for o in arguments(settings_path)["organizations"]} == {"Acme", "Globex"}
    assert defaults(settings_path) == ("Globex", "Checkout")


def test_a_refused_token_exits_4(requests_mock: Mocker, settings_path: Path) -> None:
    """A script can tell, and nothing is saved."""
    console(requests_mock, greeting=401)

    done = chaos(signin, settings_path, "--url", CONSOLE, "--token-stdin", stdin="stale\n")

    assert done.exit_code == 4
    assert done.stderr == "Your token was not accepted by the server.\n"
    assert not settings_path.exists()


def test_a_token_refused_later_exits_4(requests_mock: Mocker, settings_path: Path) -> None:
    """A console need not look at the token before the first real question."""
    console(requests_mock)
    requests_mock.get(f"{CONSOLE}/api/v1/organizations", status_code=403)

    done = chaos(signin, settings_path, "--url", CONSOLE, "--token-stdin", stdin="stale\n")

    assert done.exit_code == 4
    assert "Please verify your access token." in done.stderr
    assert not settings_path.exists()


def test_an_unreachable_console_exits_1(requests_mock: Mocker, settings_path: Path) -> None:
    """It is not called a refused token."""
    requests_mock.head(CONSOLE, exc=requests.exceptions.ConnectTimeout)

    done = chaos(signin, settings_path, "--url", CONSOLE, "--token-stdin", stdin="ciq_secret\n")

    assert done.exit_code == 1
    assert "did not answer in time" in done.stderr
    assert "token" not in done.stderr
    assert not settings_path.exists()


@pytest.mark.parametrize(
    ("organization", "team"),
    [("Globex", "Payments"), ("org-globex", "team-payments"), ("globex", "PAYMENTS")],
)
def test_options_choose_without_asking(
    requests_mock: Mocker, settings_path: Path, organization: str, team: str
) -> None:
    """An organization and a team are known by name, in any case, and by id."""
    console(requests_mock)

    done = chaos(
        signin,
        settings_path,
        *("--url", CONSOLE, "--token-stdin", "--organization", organization, "--team", team),
        stdin="ciq_secret\n",
    )

    assert done.exit_code == 0, done.output
    assert defaults(settings_path) == ("Globex", "Payments")


@pytest.mark.parametrize("option", ["--organization", "--team"])
def test_an_option_that_names_nothing_says_what_there_is(
    requests_mock: Mocker, settings_path: Path, option: str
) -> None:
    """The error lists the names that would do."""
    console(requests_mock, organizations=[ACME])

    done = chaos(
        signin,
        settings_path,
        *("--url", CONSOLE, "--token-stdin", option, "Initech"),
        stdin="ciq_secret\n",
    )

    assert done.exit_code == 2
    assert ("'Acme'" if option == "--organization" else "'Payments', 'Checkout'") in done.stderr
    assert not settings_path.exists()


def test_a_name_that_several_bear_wants_an_id(requests_mock: Mocker, settings_path: Path) -> None:
    """Nothing is guessed between two organizations of the same name."""
    console(requests_mock, organizations=[ACME, {"id": "org-other", "name": "Acme"}])

    done = chaos(
        signin,
        settings_path,
        *("--url", CONSOLE, "--token-stdin", "--organization", "Acme"),
        stdin="ciq_secret\n",
    )

    assert done.exit_code == 2
    assert "org-acme, org-other" in done.stderr


@pytest.mark.parametrize(
    ("args", "stdin", "remedy"),
    [
        ([], "", "--url"),
        (["--token-stdin"], "ciq_secret\n", "--url"),
        (["--url", CONSOLE], "", "--token-stdin"),
        (["--url", CONSOLE, "--token-stdin"], "\n", "--token-stdin"),
        (["--url", CONSOLE, "--token-stdin"], "ciq_secret\n", "--organization"),
        (["--url", CONSOLE, "--token-stdin", "--organization", "Acme"], "ciq_secret\n", "--team"),
        (["--url", "console.example.com", "--token-stdin"], "ciq_secret\n", "https://"),
        ([], "ftp://console.example.com\nciq_secret\n", "https://"),
    ],
)
def test_what_is_missing_without_a_terminal_is_one_line(
    requests_mock: Mocker, settings_path: Path, args: list[str], stdin: str, remedy: str
) -> None:
    """It names what to give, does not show the token, and exits 2."""
    console(requests_mock)

    done = chaos(signin, settings_path, *args, stdin=stdin)

    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
    assert remedy in done.stderr
    assert "ciq_secret" not in done.output
    assert not settings_path.exists()


def test_the_environment_signs_in_and_its_token_is_not_saved(
    requests_mock: Mocker,
    settings_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """CHAOSIQ_TOKEN is used as it is, and the token of the settings stays what it was."""
    console(requests_mock, organizations=[GLOBEX], teams=[CHECKOUT])
    signed_in(settings_path, settings)
    monkeypatch.setenv("CHAOSIQ_URL", CONSOLE)
    monkeypatch.setenv("CHAOSIQ_TOKEN", "ciq_of-the-pipeline")

    done = chaos(signin, settings_path)

    assert done.exit_code == 0, done.output
    assert requests_mock.last_request is not None
    assert requests_mock.last_request.headers["Authorization"] == "Bearer ciq_of-the-pipeline"
    assert kept(settings_path)["auths"] == settings["auths"]
    assert defaults(settings_path) == ("Globex", "Checkout")


def test_the_command_line_wins_over_the_environment(
    requests_mock: Mocker, settings_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who names a url and hands over a token means those."""
    console(requests_mock, organizations=[ACME], teams=[CHECKOUT])
    monkeypatch.setenv("CHAOSIQ_URL", "https://elsewhere.example.com")
    monkeypatch.setenv("CHAOSIQ_TOKEN", "ciq_of-the-pipeline")

    done = chaos(signin, settings_path, "--url", CONSOLE, "--token-stdin", stdin="ciq_secret\n")

    assert done.exit_code == 0, done.output
    assert kept(settings_path)["auths"]["console.example.com:8443"]["value"] == "ciq_secret"


def test_there_is_no_option_for_a_token(settings_path: Path) -> None:
    """It would show in the list of processes."""
    done = chaos(signin, settings_path, "--token", "ciq_secret")

    assert done.exit_code == 2
    assert "No such option" in done.stderr


@pytest.mark.parametrize("address", ["https://ada:pw@Console.Example.com:8443/a?b#c", CONSOLE])
def test_a_url_is_reduced_to_where_the_console_is(
    requests_mock: Mocker, settings_path: Path, address: str
) -> None:
    """User info is dropped, and a path where no console lies below it."""
    console(requests_mock, organizations=[ACME], teams=[CHECKOUT])

    chaos(signin, settings_path, "--url", address, "--token-stdin", stdin="ciq_secret\n")

    assert arguments(settings_path)["url"] == CONSOLE


def test_an_untrusted_certificate_is_accepted_only_when_somebody_says_so(
    requests_mock: Mocker, settings_path: Path
) -> None:
    """Yes is remembered for this console."""
    console(requests_mock, organizations=[ACME], teams=[CHECKOUT])
    requests_mock.head(CONSOLE, [{"exc": SELF_SIGNED}, {"status_code": 200}])

    done = chaos(signin, settings_path, stdin=f"{CONSOLE}\nciq_secret\ny\n")

    assert done.exit_code == 0, done.output
    assert "is not trusted: self-signed certificate." in done.stdout
    assert arguments(settings_path)["verify_tls"] is False


@pytest.mark.parametrize(("answer", "exit_code"), [("n\n", 1), ("\n", 1), ("", 2)])
def test_an_untrusted_certificate_ends_the_sign_in_otherwise(
    requests_mock: Mocker, settings_path: Path, answer: str, exit_code: int
) -> None:
    """No is the default; without an answer it says what to give. Nothing is saved."""
    requests_mock.head(CONSOLE, exc=SELF_SIGNED)

    done = chaos(signin, settings_path, stdin=f"{CONSOLE}\nciq_secret\n{answer}")

    assert done.exit_code == exit_code
    assert "REQUESTS_CA_BUNDLE" in done.stderr
    assert not settings_path.exists()


def test_a_script_can_do_without_the_certificate(
    requests_mock: Mocker, settings_path: Path
) -> None:
    """`--no-verify-tls` is the yes of somebody who is not there."""
    console(requests_mock, organizations=[ACME], teams=[CHECKOUT])

    done = chaos(
        signin,
        settings_path,
        *("--url", CONSOLE, "--token-stdin", "--no-verify-tls"),
        stdin="ciq_secret\n",
    )

    assert done.exit_code == 0, done.output
    assert {request.verify for request in requests_mock.request_history} == {False}
    assert arguments(settings_path)["verify_tls"] is False


def test_certificates_are_checked_unless_told_otherwise(
    requests_mock: Mocker, settings_path: Path
) -> None:
    """From the first greeting to the last list."""
    console(requests_mock, organizations=[ACME], teams=[CHECKOUT])

    chaos(signin, settings_path, stdin=f"{CONSOLE}\nciq_secret\n")

    assert {bool(request.verify) for request in requests_mock.request_history} == {True}
    assert arguments(settings_path)["verify_tls"] is True


def test_programs_can_establish_credentials(
    requests_mock: Mocker,
    settings_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`establish_credentials` is what `signin` does, for whoever calls it."""
    console(requests_mock, organizations=[ACME], teams=[CHECKOUT])
    monkeypatch.setenv("CHAOSIQ_URL", CONSOLE)
    monkeypatch.setenv("CHAOSIQ_TOKEN", "ciq_of-the-pipeline")

    establish_credentials(str(settings_path))

    assert defaults(settings_path) == ("Acme", "Checkout")


@pytest.mark.parametrize(("text", "imposed"), [(True, True), (False, False), ("maybe", False)])
def test_what_the_organization_requires_is_remembered(
    requests_mock: Mocker, settings_path: Path, text: object, imposed: bool
) -> None:
    """Runs need an answer of the console from then on, also when it cannot be reached."""
    console(requests_mock, organizations=[ACME], teams=[CHECKOUT])
    place = {**CHECKOUT, "org_id": ACME["id"], "required": text}
    requests_mock.get(f"{API}/{ACME['id']}/teams/{CHECKOUT['id']}", json=place)

    chaos(signin, settings_path, stdin=f"{CONSOLE}\nciq_secret\n")

    assert is_required_by_organization(kept(settings_path)) is imposed


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("localhost:8080/", "http://localhost:8080"),
        ("[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_address_on_this_machine_needs_no_scheme(
    requests_mock: Mocker, settings_path: Path, address: str, url: str
) -> None:
    """It is what `chaosiq-console serve` prints, less `http://`."""
    requests_mock.head(url)
    requests_mock.get(f"{url}/api/v1/organizations", json=[ACME])
    requests_mock.get(f"{url}/api/v1/organizations/org-acme/teams", json=[CHECKOUT])

    done = chaos(signin, settings_path, "--url", address, "--token-stdin", stdin="ciq_secret\n")

    assert done.exit_code == 0, done.output
    assert arguments(settings_path)["url"] == url


def test_a_path_that_leads_to_a_console_is_kept(requests_mock: Mocker, settings_path: Path) -> None:
    """Behind a proxy a console may lie below a path: the run's record has to go there."""
    url = f"{CONSOLE}/Tools/chaos"
    requests_mock.head(url)
    requests_mock.get(f"{url}/api/v1/organizations", json=[ACME])
    requests_mock.get(f"{url}/api/v1/organizations/org-acme/teams", json=[CHECKOUT])

    done = chaos(signin, settings_path, "--url", f"{url}/", "--token-stdin", stdin="ciq_secret\n")

    assert done.exit_code == 0, done.output
    assert arguments(settings_path)["url"] == url


def test_nothing_is_sent_to_a_console_that_nobody_named(
    requests_mock: Mocker, settings_path: Path
) -> None:
    """An empty answer is no answer where no console is stored."""
    done = chaos(signin, settings_path, stdin="\nciq_secret\n")

    assert done.exit_code == 2
    assert "--url URL" in done.stderr or "must look like" in done.stderr
    assert requests_mock.request_history == []


ODD_URLS = ["console", "http://[::1", "https://", "https://h:port", "ftp://h", "https://a b", "://"]


@pytest.mark.parametrize("url", ODD_URLS)
@pytest.mark.parametrize(
    ("command", "args"),
    [
        (signin, ["--status"]),
        (signin, []),
        (org, []),
        (team, []),
        (publish, []),
        (safeguards, []),
        (enable, ["safeguards"]),
        (verify, ["verification.json"]),
    ],
    ids=["status", "signin", "org", "team", "publish", "safeguards", "enable", "verify"],
)
def test_an_odd_url_in_the_environment_is_one_line(
    settings_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    command: Command,
    args: list[str],
    url: str,
) -> None:
    """Whatever the command, it names the variable and how a url looks."""
    signed_in(settings_path, settings)
    monkeypatch.setenv("CHAOSIQ_URL", url)

    done = chaos(command, settings_path, *args)

    assert done.exit_code == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("CHAOSIQ_URL")
    assert "https://console.example.com" in line


def test_odd_passwords_in_a_url_are_not_shown(
    settings_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be understood may hold one."""
    monkeypatch.setenv("CHAOSIQ_URL", "ftp://ada:hunter22@console.example.com")

    done = chaos(signin, settings_path, "--status")

    assert done.exit_code == 1
    assert "hunter22" not in done.output
