"""Where a verification is loaded from, and to whom our token is shown."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chaoslib.control import load_global_controls, reset_global_controls
from chaoslib.exceptions import InvalidSource

from chaoscloud.settings import read_profile
from chaoscloud.types import Experiment, Settings
from chaoscloud.verify.source import load_verification, without_our_token
from tests.plugin.loopback import Handler, Loopback, loopback, self_signed
from tests.plugin.verification_documents import signed_in, verification

DOCUMENT = json.dumps(verification()).encode()
BEARER = "Bearer ciq_the-token-of-ada"


def serve(handler: Handler) -> None:
    """The document, or a redirect to wherever the query says."""
    _, _, target = handler.path.partition("?to=")
    if target:
        handler.say(302, Location=target)
    else:
        handler.say(200, DOCUMENT, Content_Type="application/json")


@pytest.fixture
def console() -> Iterator[Loopback]:
    with loopback(serve) as server:
        yield server


@pytest.fixture
def elsewhere() -> Iterator[Loopback]:
    with loopback(serve) as server:
        yield server


def load(source: str, settings: Settings, **options: Any) -> Experiment:
    return load_verification(source, settings, read_profile(settings), **options)


def shown_to(server: Loopback) -> list[str | None]:
    """The credentials each request brought."""
    return [view.headers.get("Authorization") for view in server.seen]


def test_a_file_is_loaded_by_the_host(tmp_path: Path) -> None:
    """JSON on disk is what the host says it is."""
    file = tmp_path / "orders.json"
    file.write_bytes(DOCUMENT)

    assert load(str(file), signed_in("https://console.example.com")) == verification()


@pytest.mark.loopback
def test_the_console_is_shown_the_token(console: Loopback) -> None:
    """A document of the console's own is fetched by who signed in there."""
    document = load(f"{console.url}/assets/verifications/v.json", signed_in(console.url))

    assert document == verification()
    assert shown_to(console) == [BEARER]


@pytest.mark.loopback
def test_a_token_of_the_environment_is_shown_to_its_console(
    console: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipeline without stored credentials runs the console's verifications as well."""
    monkeypatch.setenv("CHAOSIQ_TOKEN", "ciq_of-the-pipeline")

    load(f"{console.url}/v.json", signed_in(console.url))

    assert shown_to(console) == ["Bearer ciq_of-the-pipeline"]


@pytest.mark.loopback
def test_another_host_is_not_shown_the_token(console: Loopback, elsewhere: Loopback) -> None:
    """A verification from somewhere else is nobody's reason to show our credentials there."""
    document = load(f"{elsewhere.url}/v.json", signed_in(console.url))

    assert document == verification()
    assert shown_to(elsewhere) == [None]
    assert not console.seen


@pytest.mark.loopback
def test_another_scheme_is_not_shown_the_token(elsewhere: Loopback) -> None:
    """A console known by https is not shown the token in clear text, on the same host and port."""
    settings = signed_in(elsewhere.url.replace("http://", "https://"))

    load(f"{elsewhere.url}/v.json", settings)

    assert shown_to(elsewhere) == [None]


@pytest.mark.loopback
def test_a_redirect_to_another_host_does_not_carry_the_token(
    console: Loopback, elsewhere: Loopback
) -> None:
    """Where the console points, we go without credentials."""
    document = load(f"{console.url}/v.json?to={elsewhere.url}/v.json", signed_in(console.url))

    assert document == verification()
    assert shown_to(console) == [BEARER]
    assert shown_to(elsewhere) == [None]


@pytest.mark.loopback
def test_a_redirect_on_the_same_host_does_not_carry_the_token(console: Loopback) -> None:
    """No redirect carries it, wherever it leads."""
    load(f"{console.url}/v.json?to=/elsewhere.json", signed_in(console.url))

    assert shown_to(console) == [BEARER, None]


@pytest.mark.loopback
def test_a_redirect_to_the_console_is_not_shown_the_token(
    console: Loopback, elsewhere: Loopback
) -> None:
    """Somebody else's address cannot make us speak to our console in our name."""
    load(f"{elsewhere.url}/v.json?to={console.url}/v.json", signed_in(console.url))

    assert shown_to(console) == [None]


@pytest.mark.loopback
def test_redirects_without_an_end_are_refused(console: Loopback) -> None:
    """A console that points to itself for ever is given up."""
    source = f"{console.url}/v.json?to=/v.json?to=/v.json"
    console_settings = signed_in(console.url)

    with pytest.raises(InvalidSource, match="Failed to fetch"):
        load(f"{source}{'?to=/v.json' * 9}", console_settings)


def test_tokens_of_others_are_still_theirs() -> None:
    """The user's other credentials go where they belong, as with `chaos run`."""
    settings = signed_in("https://Console.example.com:8443")
    settings["auths"]["docs.example.com"] = {"type": "bearer", "value": "theirs"}

    known = without_our_token(settings, read_profile(settings))["auths"]

    assert known == {"docs.example.com": {"type": "bearer", "value": "theirs"}}
    assert len(settings["auths"]) == 2


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("status", "advice"),
    [(401, "chaos signin"), (403, "chaos team"), (404, "HTTP 404"), (500, "HTTP 500")],
)
def test_a_document_the_console_does_not_give_says_why(status: int, advice: str) -> None:
    """A refusal is one line, with what to do."""
    with (
        loopback(lambda handler: handler.say(status)) as console,
        pytest.raises(InvalidSource, match=advice),
    ):
        load(f"{console.url}/v.json", signed_in(console.url))


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"<html>", "text/html"),
        (b"{", "application/json"),
        (b"[1]", "application/json"),
        (b"{}", None),
    ],
    ids=["a page", "half a document", "a list", "of no type"],
)
def test_what_is_no_verification_is_refused(body: bytes, content_type: str | None) -> None:
    """Whatever comes instead of a document ends in one line."""
    headers = {"Content_Type": content_type} if content_type else {}

    with loopback(lambda handler: handler.say(200, body, **headers)) as console:
        for settings in (signed_in(console.url), signed_in("https://console.example.com")):
            with pytest.raises(InvalidSource):
                load(f"{console.url}/v.json", settings)


@pytest.mark.loopback
def test_nobody_there_is_one_line() -> None:
    """An address without a server is refused, the console's or another."""
    with loopback(serve) as removed:
        url = removed.url

    for settings in (signed_in(url), signed_in("https://console.example.com")):
        with pytest.raises(InvalidSource, match="Failed to"):
            load(f"{url}/v.json", settings)


@pytest.mark.parametrize("source", ["missing.json", "ftp://example.com/v.json", "http://[::1/v"])
def test_no_source_at_all_is_one_line(source: str, tmp_path: Path) -> None:
    """A path or an address that makes no sense is refused."""
    source = str(tmp_path / source) if source == "missing.json" else source

    with pytest.raises(InvalidSource):
        load(source, signed_in("https://console.example.com"))


@pytest.mark.loopback
def test_certificates_are_checked_as_the_settings_say(tmp_path: Path) -> None:
    """A console whose certificate nobody signed answers only who gave up checking it."""
    with loopback(serve, self_signed(tmp_path)) as console:
        settings = signed_in(console.url)
        arguments = settings["controls"]["chaosiq-cloud"]["provider"]["arguments"]

        with pytest.raises(InvalidSource, match="certificate"):
            load(f"{console.url}/v.json", settings)
        assert load(f"{console.url}/v.json", settings, verify_tls=False) == verification()
        arguments["verify_tls"] = False
        assert load(f"{console.url}/v.json", settings) == verification()


@pytest.mark.loopback
def test_controls_of_loading_are_applied(console: Loopback) -> None:
    """A document of the console is marked with where it came from, as the host's loader would."""
    settings = signed_in(console.url)
    load_global_controls(settings)

    document = load(f"{console.url}/v.json", settings)
    reset_global_controls()

    assert document["extensions"][-1]["source"] == f"{console.url}/v.json"
