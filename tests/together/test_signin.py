"""Signing in to a real console."""

import stat

from tests.together.conftest import Console, User


def test_four_lines_on_standard_input_sign_in(user: User, console: Console) -> None:
    """A script that answers url, token, organization and team keeps working."""
    console.operate("organization", "add", "Zenith")
    console.operate("team", "add", "Checkout", "--organization", "My organization")

    done = user.chaos("signin", stdin=f"{console.url}\n{console.token}\n1\n1\n")

    assert done.returncode == 0, done.stderr
    assert f"ChaosIQ details saved at {user.settings}" in done.stdout
    assert stat.S_IMODE(user.settings.stat().st_mode) == 0o600


def test_a_refused_token_is_told_apart_from_an_absent_console(user: User, console: Console) -> None:
    """Each has its own exit code and its own words, and neither writes settings."""
    refused = user.chaos("signin", "--url", console.url, "--token-stdin", stdin="nonsense\n")
    absent = user.chaos(
        "signin", "--url", "http://127.0.0.1:9", "--token-stdin", stdin="nonsense\n"
    )

    assert refused.returncode == 4
    assert "Your token was not accepted by the server." in refused.stdout + refused.stderr
    assert absent.returncode == 1
    assert "token was not accepted" not in absent.stdout + absent.stderr
    assert not user.settings.exists()


def test_the_status_says_where_we_stand_and_hides_the_token(
    signed_in: User, console: Console
) -> None:
    """Console, organization, team and whether the console accepts us, without the token."""
    done = signed_in.chaos("signin", "--status")

    assert done.returncode == 0
    for word in (console.url, "My organization", "My team"):
        assert word in done.stdout
    assert console.token not in done.stdout + done.stderr


def test_a_revoked_token_is_refused_at_once(signed_in: User, console: Console) -> None:
    """Revoking a token at the console ends what it could do."""
    listed = console.operate("token", "list")
    token_id = next(word for word in listed.split() if len(word) == 36 and word.count("-") == 4)
    console.operate("token", "remove", token_id)

    done = signed_in.chaos("team")

    assert done.returncode == 4
    assert "Please verify your access token." in done.stdout + done.stderr
