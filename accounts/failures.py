"""Every way signing in with X or connecting an X account can fail: its name, its words, and the way on."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts import access
from accounts.models import XAccount
from dminbox.xapi.errors import (
    GrantRefused,
    NoCredit,
    OperatorMustAct,
    OutcomeUnknown,
    RateLimited,
    ScopesMissing,
    TokenRefused,
    TryLater,
    XError,
)


@dataclass(frozen=True)
class Failure:
    """One page: `key` names it in logs and tests, `way_on` says what the person can do now."""

    key: str
    status: int
    title: str
    text: str
    way_on: str


_TABLE = (
    Failure(
        "denied",
        403,
        "You did not allow it at X",
        "X asked whether dminbox may act for the account, and the answer was no. Nothing was changed.",
        "Start again and choose “Authorize app” when you want it after all.",
    ),
    Failure(
        "state",
        400,
        "This answer from X was not expected here",
        "It belongs to no open request of this browser session: it was used before, is older than ten minutes, was "
        "started in another browser, or you signed out in between.",
        "Start again from here, in this browser.",
    ),
    Failure(
        "expired",
        400,
        "That took longer than ten minutes",
        "For safety a request to X is good for ten minutes only, and this one is older.",
        "Start again and answer X's page within ten minutes.",
    ),
    Failure(
        "no_code",
        400,
        "X sent no code",
        "X sent the browser back without the code that ends the sign-in, or with an error of its own.",
        "Start again. If it stays so, compare the callback addresses in X's developer portal with the README.",
    ),
    Failure(
        "scopes",
        403,
        "Some permissions are missing",
        "dminbox needs all permissions it asks for, and X did not grant these:",
        "Start again and allow everything. If X does not offer them, give the app the permission "
        "“Read and write and Direct message” in X's developer portal.",
    ),
    Failure(
        "code",
        400,
        "X did not accept the code any more",
        "X's codes are good for 30 seconds and for one use. This one came too late, or was used before.",
        "Start again; it usually works the second time.",
    ),
    Failure(
        "unreachable_token",
        502,
        "X could not be reached",
        "X gave no usable answer when we asked for the tokens.",
        "Wait a minute and start again.",
    ),
    Failure(
        "unreachable_profile",
        502,
        "X could not say whose account this is",
        "X granted access, but gave no usable answer when we asked for the account's name.",
        "Wait a minute and start again.",
    ),
    Failure(
        "rate_limited",
        503,
        "X asks us to slow down",
        "This account's name was asked for too often in a short time.",
        "Wait fifteen minutes and start again.",
    ),
    Failure(
        "already_connected",
        409,
        "This X account is already connected",
        "Nothing was changed: it keeps working as before.",
        "It stands on your profile page. Connect it again only on purpose, for example after changing its permissions.",
    ),
    Failure(
        "other_account",
        409,
        "That was a different X account",
        "X granted access to another account than the one to be connected again. Nothing was changed.",
        "Switch to the right account at X (its menu, top right of the consent page), then start again.",
    ),
    Failure(
        "no_credit",
        503,
        "X's credit is used up",
        "X answers only while the developer account that owns this app has credit (HTTP 402).",
        "Whoever runs this installation can buy credit in X's developer portal. Then start again.",
    ),
    Failure(
        "app",
        503,
        "X does not let this app in",
        "X refused the app itself, not you.",
        "Whoever runs this installation has to change something, then start again:",
    ),
    Failure(
        "client",
        503,
        "X does not know this installation",
        "X refused the client id or the client secret of the app.",
        "Whoever runs this installation has to correct X_CLIENT_ID and X_CLIENT_SECRET in .env and restart dminbox.",
    ),
    Failure(
        "token_refused",
        502,
        "X refused the token it had just given",
        "That happens when the access is revoked at the same moment, and now and then without any reason.",
        "Start again.",
    ),
    Failure(
        "unexpected",
        502,
        "X answered something we do not understand",
        "Nothing was changed.",
        "Start again later. If it stays so, the log of dminbox names X's answer.",
    ),
    Failure(
        "unknown_identity",
        403,
        "Nobody here has linked this X account",
        "Signing in with X works for people of this installation who linked their X account on their own profile page. "
        "No person was made, and nothing was linked.",
        "Sign in with e-mail and password, then link the account on your profile page. If you have no password yet, "
        "ask an owner of this installation for an invitation.",
    ),
    Failure(
        "signed_out",
        403,
        "You were signed out in between",
        "An X account is linked only while you are signed in. Nothing was linked.",
        "Sign in with e-mail and password, then link it on your profile page.",
    ),
)
FAILURES = {failure.key: failure for failure in _TABLE}


class FlowError(Exception):
    """Ends a sign-in or a connection; `detail` goes on the page beside the failure's own words."""

    def __init__(self, key: str, detail: str = "", x_account: XAccount | None = None) -> None:
        super().__init__(key)
        self.failure = FAILURES[key]
        self.detail = detail
        self.x_account = x_account


def asking_for_tokens(error: XError) -> FlowError:
    """The failure that an error of the token call is."""
    if isinstance(error, GrantRefused):
        return FlowError("code")
    if isinstance(error, OperatorMustAct):
        return FlowError("client", error.hint)
    return _of_any_call(error, "unreachable_token")


def asking_for_the_profile(error: XError) -> FlowError:
    """The failure that an error of users/me is."""
    if isinstance(error, OperatorMustAct):
        return FlowError("app", error.hint)
    if isinstance(error, ScopesMissing):
        return FlowError("scopes", "users.read, tweet.read")
    if isinstance(error, TokenRefused):
        return FlowError("token_refused")
    return _of_any_call(error, "unreachable_profile")


def _of_any_call(error: XError, unreachable: str) -> FlowError:
    if isinstance(error, NoCredit):
        return FlowError("no_credit")
    if isinstance(error, RateLimited):
        return FlowError("rate_limited")
    if isinstance(error, TryLater | OutcomeUnknown):
        return FlowError(unreachable)
    return FlowError("unexpected")


def page(request: HttpRequest, failed: FlowError, *, is_connecting: bool) -> HttpResponse:
    context = {
        "failure": failed.failure,
        "detail": failed.detail,
        "x_account": failed.x_account,
        "is_connecting": is_connecting,
        "may_try_again": bool(failed.x_account) or access.is_owner(request.user),
    }
    return render(request, "accounts/failed.html", context, status=failed.failure.status)
