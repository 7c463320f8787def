"""What proves to X that a webhook is ours, and to us that a delivery is X's. Both by the consumer secret; pure."""

import base64
import hashlib
import hmac
import re

# X's challenges look like base64. The answer to one is its signature, for whoever asks: so what could be a challenge is
# never taken for a delivery, however it is signed. X's deliveries are JSON objects.
CRC_TOKEN = re.compile(r"[A-Za-z0-9+/=._-]{1,128}")
SIGNATURE_HEADER = "x-twitter-webhooks-signature"


def crc_response(consumer_secret: str, crc_token: str) -> str:
    """The response_token to X's challenge. Raises ValueError for what X would never send, and without a secret."""
    if not consumer_secret:
        raise ValueError("without a consumer secret anybody could answer")
    if not CRC_TOKEN.fullmatch(crc_token):
        raise ValueError("crc_token is no challenge of X's")
    return _signature(consumer_secret, crc_token.encode())


def is_signed(consumer_secret: str, raw: bytes, header: str | None) -> bool:
    """Whether X has signed exactly these bytes. Takes the same time wherever the signature differs."""
    if not consumer_secret or CRC_TOKEN.fullmatch(raw.decode("latin-1")):
        return False
    told = (header or "").encode("utf-8", errors="replace")
    return hmac.compare_digest(told, _signature(consumer_secret, raw).encode())


def _signature(consumer_secret: str, raw: bytes) -> str:
    digest = hmac.new(consumer_secret.encode(), raw, hashlib.sha256).digest()
    return f"sha256={base64.b64encode(digest).decode()}"
