"""The bearer of an app by itself: consumer key and secret in, one token out until they change or it is ended."""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dminbox.xsim.oauth import basic
from dminbox.xsim.problems import RefusalError
from dminbox.xsim.settings import Settings


@dataclass
class AppBearer:
    token: str = ""
    consumer_key: str = ""
    consumer_secret: str = ""
    """What the token was given for: with another key or secret it is dead."""

    def answer(self, settings: Settings, authorization: str, form: Mapping[str, str]) -> dict[str, Any]:
        """The token endpoint: the same token as long as it lives."""
        if not form.get("grant_type"):
            raise refused(170, "Missing required parameter: grant_type", "forbidden_missing_parameter")
        if not _is_app(settings, authorization):
            raise refused(99, "Unable to verify your credentials", "authenticity_token_error")
        if form["grant_type"] != "client_credentials":
            raise refused(171, "Invalid grant_type parameter: grant_type", "forbidden_missing_parameter")
        if not self.is_good(settings, self.token):
            self.token = "A" * 22 + secrets.token_urlsafe(60)
            self.consumer_key, self.consumer_secret = settings.consumer_key, settings.consumer_secret
        return {"token_type": "bearer", "access_token": self.token}

    def is_good(self, settings: Settings, token: str) -> bool:
        pair = (self.consumer_key, self.consumer_secret)
        is_known = hmac.compare_digest(token.encode(), self.token.encode())
        return bool(self.token) and is_known and pair == (settings.consumer_key, settings.consumer_secret)


def refused(code: int, message: str, label: str) -> RefusalError:
    return RefusalError(403, {"errors": [{"code": code, "message": message, "label": label}]})


def _is_app(settings: Settings, authorization: str) -> bool:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        key, secret = basic(encoded)
    except RefusalError:
        return False
    is_key = hmac.compare_digest(key.encode(), settings.consumer_key.encode())
    return is_key and hmac.compare_digest(secret.encode(), settings.consumer_secret.encode())
