"""What stands in urls and opens doors: the user part, and credentials in the query."""

import re
from urllib.parse import unquote

__all__ = ["remove_user_info", "strip_credentials"]

# `user:password@` of an url, as it stands or escaped for JSON or for another url. It is taken out
# without a marker, because an url with brackets there is one that no library reads.
_USER_INFO = re.compile(
    r"""(?P<start>:(?://|\\/\\/)|%3[Aa]%2[Ff]%2[Ff])"""
    r"""(?:(?!%2[Ff]|%3[Ff]|%23)[^\s/?\#\\"<>]){1,2048}(?:@|%40)"""
)

# Names of query parameters, in small letters without `-`, `_` and `.`. Parts of names: what any
# service would call such a thing. Starts: the signed urls of AWS, Google, Alibaba and Azure.
_CREDENTIAL = re.compile(
    r".*(?:token|secret|passw|pwd|passphrase|signature|credential|apikey|accesskey|privatekey|"
    r"auth|session|jwt|bearer|hmac|assertion).*"
    r"|(?:xamz|xgoog|xoss|xms|xcos|xobs).*"
    r"|sig|sign|key|code|pass|pin|otp|sid|ticket|nonce|googleaccessid|keypairid"
)

# What goes with a signature, says nothing without it, and differs each time: expiry, policy, and
# the parameters of Azure's shared access signatures
# (https://learn.microsoft.com/rest/api/storageservices/create-service-sas).
_BESIDE_A_SIGNATURE = re.compile(
    r"expires?|expiry|policy|timestamp|ts|date|s[vrspti]|se|ss|srt|spr|sip|sdd|ske|sks|skt|skv|"
    r"skoid|sktid|rsc[cdelt]"
)

_NEEDLESS = str.maketrans("", "", "-_.")


def remove_user_info(text: str) -> tuple[str, int]:
    """The text with all urls in it without their user part, and how many those were."""
    if "@" not in text and ("%" not in text or "%40" not in text):  # one character is found faster
        return text, 0
    return _USER_INFO.subn(r"\g<start>", text)


def strip_credentials(url: str) -> str:
    """The url without user part, fragment, and parameters of its query that look like credentials.

    All else stays as it is written, so that a document from a signed url has the same address each
    time it is loaded.
    """
    address, _, query = remove_user_info(url)[0].partition("#")[0].partition("?")
    parameters = [(_name_of(parameter), parameter) for parameter in re.split("[&;]", query)]
    rest = [(name, part) for name, part in parameters if not _CREDENTIAL.fullmatch(name)]
    if len(rest) < len(parameters):
        rest = [(name, part) for name, part in rest if not _BESIDE_A_SIGNATURE.fullmatch(name)]
        query = "&".join(part for _, part in rest)
    return f"{address}?{query}" if query else address


def _name_of(parameter: str) -> str:
    return unquote(parameter.partition("=")[0]).lower().translate(_NEEDLESS)
