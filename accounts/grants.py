"""Asking X for tokens with the app's own credentials: which addresses, over which transport, how long to wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.utils.module_loading import import_string

from accounts.models import XAccount
from dminbox import environment as env
from dminbox.xapi import oauth
from dminbox.xapi.app import XApp
from dminbox.xapi.client import XClient
from dminbox.xapi.errors import XError
from dminbox.xapi.oauth import Endpoints, TokenPair
from dminbox.xapi.reply import Reply
from dminbox.xapi.schema import Answer
from dminbox.xapi.schema import User as Profile

log = structlog.get_logger("accounts.grants")

Heard = Answer[Any] | XError | str
"""An answer, a failure, or the endpoint of a token call that went well."""
CODE, REFRESH, REVOKE = "POST token (authorization_code)", "POST token (refresh_token)", "POST revoke"


def endpoints() -> Endpoints:
    return Endpoints(settings.X_AUTHORIZE_URL, settings.X_TOKEN_URL, settings.X_REVOKE_URL)


def timeout() -> tuple[float, float]:
    return settings.X_CONNECT_TIMEOUT, settings.X_READ_TIMEOUT


def consent_url(*, redirect_uri: str, scopes: list[str], state: str, verifier: str) -> str:
    """Where the browser goes to ask the person. No secret travels there, so the demo may stand on any address."""
    return oauth.authorize_url(
        endpoints(),
        client_id=settings.X_CLIENT_ID,
        redirect_uri=redirect_uri,
        scopes=scopes,
        state=state,
        code_challenge=oauth.challenge(verifier),
        allow_http=settings.IS_DEMO or _is_near(settings.X_AUTHORIZE_URL),
    )


def tell(x_account: XAccount | None, *calls: Heard) -> None:
    """Hands calls to whoever keeps the ledger, by a setting, for `accounts` does not know who that is.

    x_account: whose call it was; None for nobody's here. Only after what the calls gave is safe.
    """
    hear = import_string(settings.X_CALLS_HEARD_BY)
    for call in calls:
        hear(x_account, call)


def exchange_code(code: str, verifier: str, redirect_uri: str) -> TokenPair:
    with _telling(CODE):
        return oauth.exchange_code(
            endpoints(),
            client_id=settings.X_CLIENT_ID,
            client_secret=settings.X_CLIENT_SECRET,
            redirect_uri=redirect_uri,
            code=code,
            verifier=verifier,
            timeout=timeout(),
            allow_http=_is_near(settings.X_TOKEN_URL),
        )


def refresh(refresh_token: str) -> TokenPair:
    """Tells nobody: the caller does, once the new pair is stored."""
    return oauth.refresh(
        endpoints(),
        client_id=settings.X_CLIENT_ID,
        client_secret=settings.X_CLIENT_SECRET,
        refresh_token=refresh_token,
        timeout=timeout(),
        allow_http=_is_near(settings.X_TOKEN_URL),
    )


def revoke(*tokens: str) -> bool:
    """Ends tokens at X as far as that succeeds; False when X could not be told of all of them."""
    told = [_revoke(token) for token in tokens if token]
    return all(told)


def client(access_token: str) -> XClient:
    return XClient(
        access_token,
        api_url=settings.X_API_URL,
        vocabulary=settings.X_VOCABULARY,
        timeout=timeout(),
        allow_http=_is_near(settings.X_API_URL),
    )


def app(heard: Callable[[Reply | XError], None]) -> XApp:
    """The X app itself, by its consumer key: the stream, subscriptions and webhooks are the app's, not a person's.

    heard: is told every call: its answer, or the error where none came.
    """
    return XApp(
        settings.X_CONSUMER_KEY,
        settings.X_CONSUMER_SECRET,
        api_url=settings.X_API_URL,
        timeout=timeout(),
        silence_seconds=settings.PUSH_SILENCE_SECONDS,
        allow_http=_is_near(settings.X_API_URL),
        heard=heard,
    )


def profile_of(access_token: str) -> Answer[Profile]:
    """Whose token this is. A failure is told; the caller tells the answer, when it knows whose call it was."""
    try:
        with client(access_token) as x_client:
            return x_client.me()
    except XError as error:
        tell(None, error)
        raise


@contextmanager
def _telling(endpoint: str) -> Iterator[None]:
    try:
        yield
    except XError as error:
        tell(None, error)
        raise
    tell(None, endpoint)


def _revoke(token: str) -> bool:
    try:
        with _telling(REVOKE):
            oauth.revoke(
                endpoints(),
                client_id=settings.X_CLIENT_ID,
                client_secret=settings.X_CLIENT_SECRET,
                token=token,
                timeout=timeout(),
                allow_http=_is_near(settings.X_REVOKE_URL),
            )
    except XError as error:
        log.warning("revoke_failed", error=type(error).__name__, status=error.status)
        return False
    return True


def _is_near(url: str) -> bool:
    """Whether it may be spoken to over http. The start has refused any other http:// address; so does the client."""
    return env.is_near(urlsplit(url).hostname or "")
