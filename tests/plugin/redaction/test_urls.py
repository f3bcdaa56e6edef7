"""What goes out of urls: user parts, and credentials in queries."""

import pytest

from chaoscloud.redaction import strip_credentials
from chaoscloud.redaction.urls import remove_user_info

AWS = (
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2F20260302&X-Amz-Date=20260302T093000Z"
    "&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Security-Token=abc&X-Amz-Signature=0123"
)
AWS_OLD = "AWSAccessKeyId=AKIA&Expires=1700000000&Signature=a%2Fb"
AZURE = "sv=2022-11-02&ss=b&srt=o&sp=r&se=2026-03-02T00%3A00%3A00Z&spr=https&sr=b&sig=a%2Bb%3D"
GOOGLE = "X-Goog-Algorithm=GOOG4&X-Goog-Credential=a&X-Goog-Date=1&X-Goog-Signature=0123"
CLOUDFRONT = "Expires=1700000000&Policy=abc&Key-Pair-Id=K1&Signature=0123"


@pytest.mark.parametrize("signed", [AWS, AWS_OLD, AZURE, GOOGLE, CLOUDFRONT])
def test_a_signed_url_is_the_same_address_each_time(signed: str) -> None:
    """What else its query says stays."""
    url = "https://files.example.com/orders.json"

    assert strip_credentials(f"{url}?{signed}") == url
    assert strip_credentials(f"{url}?version=2&{signed}") == f"{url}?version=2"
    assert strip_credentials(f"{url}?{signed.lower()}&version=2") == f"{url}?version=2"


@pytest.mark.parametrize(
    "name",
    """
    sig signature token access_token private_token id_token job-token key api_key apiKey x-api-key
    password passwd pwd code client_secret secret auth authorization credential session sessionid
    jwt ticket TOKEN to%6ben
    """.split(),  # noqa: SIM905 - a paragraph is easier to read than so many quoted words
)
def test_parameters_that_look_like_credentials_go(name: str) -> None:
    """Wherever they stand, however they are written."""
    url = f"https://shop/orders.json?a=1&{name}=correct-horse&b=%20x;{name}=2&c"

    assert strip_credentials(url) == "https://shop/orders.json?a=1&b=%20x&c"


@pytest.mark.parametrize(
    "url",
    [
        "https://shop/orders.json",
        "https://shop/orders.json?ref=main&path=a%2Fb&q=x+y&&empty=&flag",
        "https://shop/orders.json?se=1&expires=2&date=3&keyword=a&codec=b&design=c",
        "https://shop/token/orders.json",
        "s3://bucket/orders.json",
        "orders.json",
        "https://[::1]:8080/orders.json",
        "http://[nonsense",
        "",
    ],
)
def test_other_addresses_stay_as_they_are_written(url: str) -> None:
    """An experiment is recognised by them; what is no url does no harm."""
    assert strip_credentials(url) == url


@pytest.mark.parametrize(
    ("url", "stripped"),
    [
        ("https://ada:correct@horse@shop/orders.json", "https://shop/orders.json"),
        ("https://ada@shop:8080/@ada?a=b@c", "https://shop:8080/@ada?a=b@c"),
        ("https://shop/orders.json#access_token=1", "https://shop/orders.json"),
        ("https://shop/orders.json?token=1#top", "https://shop/orders.json"),
    ],
)
def test_the_user_part_and_the_fragment_go(url: str, stripped: str) -> None:
    """No server sees a fragment, and some tell a browser a token in it."""
    assert strip_credentials(url) == stripped


def test_stripping_twice_changes_nothing_more() -> None:
    """What is stored is what is compared."""
    once = strip_credentials(f"https://ada:pw@shop/a?{AZURE}&v=1#x")

    assert strip_credentials(once) == once


def test_user_parts_are_counted() -> None:
    """Each is something that was taken out."""
    assert remove_user_info("https://a:b@shop and https://c@shop") == (
        "https://shop and https://shop",
        2,
    )
