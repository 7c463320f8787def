"""Every way signing in with X or connecting an X account can fail: its name, its words, and the way on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from accounts import access
from accounts.models import XAccount
from dminbox.wording import worded
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

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class Failure:
    """One page: `key` names it in logs and tests, `way_on` says what the person can do now."""

    key: str
    status: int
    title: StrOrPromise
    text: StrOrPromise
    way_on: StrOrPromise


_TABLE = (
    Failure(
        "denied",
        403,
        _("You did not allow it at X"),
        _("X asked whether dminbox may act for the account, and the answer was no. Nothing was changed."),
        _("Start again and choose “Authorize app” when you want it after all."),
    ),
    Failure(
        "state",
        400,
        _("This answer from X was not expected here"),
        _(
            "It belongs to no open request of this browser session: it was used before, is older than ten minutes, was "
            "started in another browser, or you signed out in between."
        ),
        _("Start again from here, in this browser."),
    ),
    Failure(
        "expired",
        400,
        _("That took longer than ten minutes"),
        _("For safety a request to X is good for ten minutes only, and this one is older."),
        _("Start again and answer X's page within ten minutes."),
    ),
    Failure(
        "no_code",
        400,
        _("X sent no code"),
        _("X sent the browser back without the code that ends the sign-in, or with an error of its own."),
        _("Start again. If it stays so, compare the callback addresses in X's developer portal with the README."),
    ),
    Failure(
        "scopes",
        403,
        _("Some permissions are missing"),
        _("dminbox needs all permissions it asks for, and X did not grant these:"),
        _(
            "Start again and allow everything. If X does not offer them, give the app the permission "
            "“Read and write and Direct message” in X's developer portal."
        ),
    ),
    Failure(
        "code",
        400,
        _("X did not accept the code any more"),
        _("X's codes are good for 30 seconds and for one use. This one came too late, or was used before."),
        _("Start again; it usually works the second time."),
    ),
    Failure(
        "unreachable_token",
        502,
        _("X could not be reached"),
        _("X gave no usable answer when we asked for the tokens."),
        _("Wait a minute and start again."),
    ),
    Failure(
        "unreachable_profile",
        502,
        _("X could not say whose account this is"),
        _("X granted access, but gave no usable answer when we asked for the account's name."),
        _("Wait a minute and start again."),
    ),
    Failure(
        "rate_limited",
        503,
        _("X asks us to slow down"),
        _("This account's name was asked for too often in a short time."),
        _("Wait fifteen minutes and start again."),
    ),
    Failure(
        "already_connected",
        409,
        _("This X account is already connected"),
        _("Nothing was changed: it keeps working as before."),
        _(
            "It stands on your profile page. Connect it again only on purpose, for example after changing its "
            "permissions."
        ),
    ),
    Failure(
        "other_account",
        409,
        _("That was a different X account"),
        _("X granted access to another account than the one to be connected again. Nothing was changed."),
        _("Switch to the right account at X (its menu, top right of the consent page), then start again."),
    ),
    Failure(
        "no_credit",
        503,
        _("X's credit is used up"),
        _("X answers only while the developer account that owns this app has credit (HTTP 402)."),
        _("Whoever runs this installation can buy credit in X's developer portal. Then start again."),
    ),
    Failure(
        "app",
        503,
        _("X does not let this app in"),
        _("X refused the app itself, not you."),
        _("Whoever runs this installation has to change something, then start again:"),
    ),
    Failure(
        "client",
        503,
        _("X does not know this installation"),
        _("X refused the client id or the client secret of the app."),
        _("Whoever runs this installation has to correct X_CLIENT_ID and X_CLIENT_SECRET in .env and restart dminbox."),
    ),
    Failure(
        "token_refused",
        502,
        _("X refused the token it had just given"),
        _("That happens when the access is revoked at the same moment, and now and then without any reason."),
        _("Start again."),
    ),
    Failure(
        "unexpected",
        502,
        _("X answered something we do not understand"),
        _("Nothing was changed."),
        _("Start again later. If it stays so, the log of dminbox names X's answer."),
    ),
    Failure(
        "unknown_identity",
        403,
        _("Nobody here has linked this X account"),
        _(
            "Signing in with X works for people of this installation who linked their X account on their own profile "
            "page. No person was made, and nothing was linked."
        ),
        _(
            "Sign in with e-mail and password, then link the account on your profile page. If you have no password "
            "yet, ask an owner of this installation for an invitation."
        ),
    ),
    Failure(
        "signed_out",
        403,
        _("You were signed out in between"),
        _("An X account is linked only while you are signed in. Nothing was linked."),
        _("Sign in with e-mail and password, then link it on your profile page."),
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
        "detail": worded(failed.detail),
        "x_account": failed.x_account,
        "is_connecting": is_connecting,
        "may_try_again": bool(failed.x_account) or access.is_owner(request.user),
    }
    return render(request, "accounts/failed.html", context, status=failed.failure.status)
