"""The webhook's answer to X's challenge, and X's signature on what it delivers."""

import base64
import hashlib
import hmac
import json

import pytest

from dminbox.xapi.webhook import crc_response, is_signed
from tests.xapi.support import payload

SECRET = "nordlicht-consumer-secret"
RAW = json.dumps(payload("activity-dm-received")).encode()


def signature(raw: bytes, secret: str = SECRET) -> str:
    return "sha256=" + base64.b64encode(hmac.digest(secret.encode(), raw, hashlib.sha256)).decode()


def test_the_challenge_is_answered_as_x_documents():
    # Reckoned by another hand: printf %s CHALLENGE | openssl dgst -sha256 -hmac secret -binary | base64
    assert crc_response("secret", "MzE5YjQ3NzMtNmY4YS00") == "sha256=BJGHDLFndPdRv7AEf2NJz2f2MGPrHQkil3JkQfvfU0M="


@pytest.mark.parametrize(
    "token",
    ["", " ", "a b", "x" * 129, '{"data":{}}', RAW.decode(), "a\n", "tökën", "a%20b", "<script>", "a,b", "\u0661"],
)
def test_nothing_but_a_challenge_is_answered(token):
    with pytest.raises(ValueError) as caught:
        crc_response(SECRET, token)
    assert str(caught.value) == "crc_token is no challenge of X's"


def test_no_delivery_can_be_signed_by_way_of_the_challenge():
    """Whatever is JSON of an object has a character that no challenge has."""
    for body in (b"{}", b'{"a":1}', RAW):
        with pytest.raises(ValueError):
            crc_response(SECRET, body.decode())


def test_what_x_signed_is_taken():
    assert is_signed(SECRET, RAW, signature(RAW))
    assert is_signed(SECRET, b"", signature(b""))
    assert is_signed(SECRET, b"\xff\x00", signature(b"\xff\x00"))


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        signature(RAW, "another secret"),
        signature(RAW + b" "),
        signature(RAW)[:-1],
        signature(RAW).removeprefix("sha256="),
        signature(RAW).upper(),
        signature(RAW) + "\n",
        "sha256=ü",
        "\udcff",
    ],
)
def test_what_x_did_not_sign_is_refused(header):
    assert not is_signed(SECRET, RAW, header)


def test_altered_bytes_are_refused_though_they_mean_the_same():
    assert not is_signed(SECRET, json.dumps(json.loads(RAW), indent=1).encode(), signature(RAW))


def test_without_a_secret_nothing_is_signed_and_nothing_answered():
    assert not is_signed("", RAW, signature(RAW, ""))
    with pytest.raises(ValueError, match="secret"):
        crc_response("", "challenge")
