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
        _("You did not allow access on X"),
        _("X asked you to let dminbox act for the account, and you declined. Nothing was changed."),
        _("Start again and choose “Authorize app” if you change your mind."),
    ),
    Failure(
        "state",
        400,
        _("Unexpected response from X"),
        _(
            "It belongs to no request that is open in this browser: it was already used, is more than ten minutes "
            "old, was started in another browser, or you signed out in the meantime."
        ),
        _("Start again here, in this browser."),
    ),
    Failure(
        "expired",
        400,
        _("That took longer than ten minutes"),
        _("For security, a request to X is valid for ten minutes. This one is older."),
        _("Start again and answer X's page within ten minutes."),
    ),
    Failure(
        "no_code",
        400,
        _("X sent no code"),
        _("X sent you back without the code needed to finish, or with an error of its own."),
        _("Start again. If it keeps happening, compare the callback URLs in X's developer portal with the README."),
    ),
    Failure(
        "scopes",
        403,
        _("Some permissions are missing"),
        _("dminbox needs every permission it asks for. X did not grant these:"),
        _(
            "Start again and allow everything. If X does not offer these permissions, set the app to “Read and write "
            "and Direct message” in X's developer portal."
        ),
    ),
    Failure(
        "code",
        400,
        _("X rejected the code"),
        _("X's codes are valid for 30 seconds and for one use. This one came too late or was already used."),
        _("Start again; it usually works the second time."),
    ),
    Failure(
        "unreachable_token",
        502,
        _("X could not be reached"),
        _("X's response was not usable when we asked for the tokens."),
        _("Wait a minute and start again."),
    ),
    Failure(
        "unreachable_profile",
        502,
        _("X did not say whose account this is"),
        _("X granted access, but its response was not usable when we asked for the account's name."),
        _("Wait a minute and start again."),
    ),
    Failure(
        "rate_limited",
        503,
        _("Too many requests to X"),
        _("This account's name was requested too often in a short time."),
        _("Wait fifteen minutes and start again."),
    ),
    Failure(
        "already_connected",
        409,
        _("This X account is already connected"),
        _("Nothing was changed. It keeps working as before."),
        _(
            "You can see it on your profile page. Connect it again only if you need to, for example after changing "
            "its permissions."
        ),
    ),
    Failure(
        "other_account",
        409,
        _("That was a different X account"),
        _("X granted access to a different account than the one you are connecting again. Nothing was changed."),
        _("Switch to the right account on X (menu at the top right of the consent page), then start again."),
    ),
    Failure(
        "no_credit",
        503,
        _("Out of credit at X"),
        _("X responds only while the developer account that owns this app has credit (HTTP 402)."),
        _("Whoever runs this installation can buy credit in X's developer portal. Then start again."),
    ),
    Failure(
        "app",
        503,
        _("X rejected this app"),
        _("X rejected the app, not you."),
        _("Whoever runs this installation has to fix this first. Then start again:"),
    ),
    Failure(
        "client",
        503,
        _("X does not recognise this installation"),
        _("X rejected the app's client ID or client secret."),
        _("Whoever runs this installation has to correct X_CLIENT_ID and X_CLIENT_SECRET in .env and restart dminbox."),
    ),
    Failure(
        "token_refused",
        502,
        _("X rejected the token it had just issued"),
        _("This happens when access is revoked at the same moment, and sometimes for no apparent reason."),
        _("Start again."),
    ),
    Failure(
        "unexpected",
        502,
        _("X sent a response we do not understand"),
        _("Nothing was changed."),
        _("Try again later. If it keeps happening, the log of dminbox has X's response."),
    ),
    Failure(
        "unknown_identity",
        403,
        _("This X account is not linked to anyone here"),
        _(
            "To sign in with X, link your X account on your profile page first. No user was created, and nothing was "
            "linked."
        ),
        _(
            "Sign in with e-mail and password, then link the account on your profile page. If you have no password "
            "yet, ask an owner of this installation for an invitation."
        ),
    ),
    Failure(
        "signed_out",
        403,
        _("You were signed out in the meantime"),
        _("You have to be signed in to link an X account. Nothing was linked."),
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
