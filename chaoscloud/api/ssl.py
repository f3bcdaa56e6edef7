"""The first contact with a console: is it there, can it be trusted, does it accept the token."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from requests import Response

__all__ = ["verify_ssl_certificate"]


def verify_ssl_certificate(url: str, token: str | None, verify_tls: bool = True) -> "Response":
    """Greet the console at `url` (`HEAD`); 401 when it refuses the token, any other status if not.

    Raises `requests.RequestException`, an `OSError`, when there is no answer. A certificate that is
    not trusted is one that `is_caused_by(error, ssl.SSLCertVerificationError)`, a function of
    `chaoscloud.api.causes`: the token was not sent then, and a second call with `verify_tls` False
    goes on without the check. Anything else beneath means that nobody answers.
    """
    from chaoscloud.api._http import ask_once

    return ask_once("HEAD", url, token, verify_tls)
