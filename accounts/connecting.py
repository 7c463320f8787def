"""A person's way to X's consent page and back: the attempt stands in the session, for ten minutes and one use."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.urls import reverse
from django.utils import timezone

from accounts import grants
from accounts.failures import FlowError
from accounts.models import User, XAccount
from dminbox.xapi import oauth

SESSION_KEY = "x_connect"
LIFETIME = timedelta(minutes=10)
MOST_OPEN = 5


@dataclass(frozen=True)
class Attempt:
    """`x_account_id` is the X account to be connected again, None for a new one."""

    verifier: str
    user_id: int
    x_account_id: int | None
    began_at: float


def redirect_uri() -> str:
    return f"{settings.PUBLIC_URL}{reverse('x_account_callback')}"


def begin(session: SessionBase, user: User, x_account: XAccount | None) -> str:
    """The address of X's consent page for a new attempt."""
    state, verifier = secrets.token_urlsafe(32), oauth.new_verifier()
    attempt = Attempt(verifier, user.pk, x_account.pk if x_account else None, timezone.now().timestamp())
    latest = sorted(_open(session).items(), key=lambda item: item[1]["began_at"])[-(MOST_OPEN - 1) :]
    session[SESSION_KEY] = {**dict(latest), state: asdict(attempt)}
    return grants.consent_url(redirect_uri=redirect_uri(), scopes=settings.X_SCOPES, state=state, verifier=verifier)


def take(session: SessionBase, state: str, user: User) -> Attempt:
    """The attempt of this state, which is used up from here on, whatever comes next."""
    attempts = _open(session)
    found = attempts.pop(state, None)
    if found is None:
        raise FlowError("state")
    session[SESSION_KEY] = attempts
    session.save()  # now, not after the calls to X: the same callback may be loading twice
    attempt = Attempt(**found)
    if attempt.user_id != user.pk:
        raise FlowError("state")
    if timezone.now().timestamp() - attempt.began_at > LIFETIME.total_seconds():
        raise FlowError("expired")
    return attempt


def _open(session: SessionBase) -> dict[str, dict[str, Any]]:
    return dict(session.get(SESSION_KEY, {}))
