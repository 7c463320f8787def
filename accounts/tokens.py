"""Speaking to X on behalf of an X account: the stored pair, and its refresh by one process at a time.

X's refresh tokens are single use, so exactly one process may spend one. The lease on the XAccount row decides who
(a conditional UPDATE with an expiry, no transaction open during the call); everybody else comes back for the new pair.

    fresh pair --401 or about to end--> leased --answer--> new pair, committed before its first use
                                           |--refused--> a newer pair is stored? use it : reconnect
                                           |--answer lost--> in doubt: the old pair once more --refused--> reconnect

A process killed between X's answer and the commit takes the new pair with it. Its lease runs out, the next process
tries the old pair once, X refuses that, and the account needs to be connected again; its history stays.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_noop

from accounts import announcing, grants
from accounts.grants import Heard
from accounts.models import XAccount
from dminbox import leases
from dminbox.crypto import DecryptionError
from dminbox.xapi.client import XClient
from dminbox.xapi.errors import (
    GrantRefused,
    OperatorMustAct,
    OutcomeUnknown,
    TokenRefused,
    TryLater,
    Unavailable,
    XError,
)
from dminbox.xapi.oauth import TokenPair

T = TypeVar("T")
log = structlog.get_logger("accounts.tokens")

MARGIN = timedelta(minutes=5)
"""How long before its end a token is renewed: longer than any one call takes."""
RENEWED_WITHIN = timedelta(seconds=2)
"""When to come back for what another process is fetching."""
TOKEN_FIELDS = [
    "state",
    "access_token",
    "refresh_token",
    "scopes",
    "token_expires_at",
    "token_generation",
    "refresh_lease_until",
    "refresh_lease_holder",
    "refresh_in_doubt_since",
]

REFUSED = gettext_noop(
    "X no longer accepts this connection: it was ended at X, or its tokens were used up. Connect it again."
)
LOST = gettext_noop(
    "X renewed the connection, but its response never reached us (lost connection or restart), and the old tokens no "
    "longer work. Connect it again; messages already here are kept."
)
NOT_LASTING = gettext_noop(
    "X did not grant permission to stay connected (offline.access). Connect it again and allow everything."
)
UNREADABLE = gettext_noop(
    "The stored tokens match none of ENCRYPTION_KEYS: put the missing key back, or connect the account again."
)
NEW_TOKEN_REFUSED = gettext_noop("X issued a new token and rejected it at once. Connect the account again.")


class BeingRenewed(TryLater):
    """Another process is renewing the token at this moment: come back after RENEWED_WITHIN. Nothing is wrong."""


def client_for(x_account: XAccount) -> XClient:
    """A client with a token that lasts; refreshes first when the stored one is about to end.

    Updates the token fields of `x_account`. Raises TokenRefused when a person has to connect again, and whatever
    a refresh can raise. Not to be called inside a transaction.
    """
    _reread(x_account)
    _require_connected(x_account)
    if _is_ending(x_account, MARGIN):
        _renew_early(x_account)
    return grants.client(x_account.access_token)


def call(x_account: XAccount, fn: Callable[[XClient], T]) -> T:
    """fn's result, with one refresh and one retry when X refuses the token; then a person has to connect again."""
    client = client_for(x_account)
    used = x_account.token_generation
    try:
        with client:
            return fn(client)
    except TokenRefused as error:
        log.info("token_refused", x_account_id=x_account.pk)
        grants.tell(x_account, error)
    _refresh(x_account, used)
    try:
        with grants.client(x_account.access_token) as client:
            return fn(client)
    except TokenRefused:
        mark_reconnect(x_account, NEW_TOKEN_REFUSED)
        raise


def _reread(x_account: XAccount) -> None:
    try:
        x_account.refresh_from_db(fields=TOKEN_FIELDS)
    except DecryptionError as error:
        unreadable = OperatorMustAct("stored tokens cannot be read")
        unreadable.hint = UNREADABLE
        raise unreadable from error


def _require_connected(x_account: XAccount) -> None:
    if x_account.state != XAccount.State.CONNECTED or not x_account.access_token:
        raise TokenRefused("the X account is not connected")


def _is_ending(x_account: XAccount, margin: timedelta) -> bool:
    ends = x_account.token_expires_at
    return ends is not None and ends - margin <= timezone.now()


def _renew_early(x_account: XAccount) -> None:
    """A refresh ahead of time; when it fails for now, the present token serves as long as it lasts."""
    try:
        _refresh(x_account, x_account.token_generation)
    except TryLater:
        if _is_ending(x_account, timedelta(0)):
            raise


def _refresh(x_account: XAccount, spent: int) -> None:
    """Leaves a pair newer than generation `spent` on the row and on `x_account`, whoever fetched it."""
    _reread(x_account)
    _require_connected(x_account)
    if x_account.token_generation != spent:
        return
    holder = _claim(x_account)
    if not holder:
        raise BeingRenewed("another process is renewing the token")
    calls: list[Heard] = []
    try:
        _spend_refresh_token(x_account, holder, calls)
    finally:  # and not before the new pair is stored
        grants.tell(x_account, *calls)


def _same_pair(x_account: XAccount) -> Q:
    return Q(pk=x_account.pk, token_generation=x_account.token_generation)


def _update(condition: Q, **values: object) -> bool:
    """One conditional UPDATE, committed when this returns: durable refuses to run inside another transaction."""
    with transaction.atomic(durable=True):
        return XAccount.objects.filter(condition).update(**values) == 1


def _enter(x_account: XAccount, condition: Q, **values: object) -> bool:
    """An `_update` to another state, announced in the same transaction; where no row fits, neither happens."""
    with transaction.atomic(durable=True):
        announcing.state_changes(x_account.pk)
        has_changed = XAccount.objects.filter(condition).update(**values) == 1
        transaction.set_rollback(not has_changed)
    return has_changed


def _claim(x_account: XAccount) -> str:
    """The lease on this refresh: a holder's name, or "" when another has it."""
    now, holder = timezone.now(), secrets.token_hex(16)
    # Never shorter than both tries may take, or a second process would spend the same refresh token.
    lease = timedelta(seconds=max(settings.TOKEN_LEASE_SECONDS, 2 * sum(grants.timeout()) + 5))
    is_ours = _update(
        _same_pair(x_account) & leases.is_free("refresh_lease_until", now, lease) & Q(state=XAccount.State.CONNECTED),
        refresh_lease_until=now + lease,
        refresh_lease_holder=holder,
    )
    if not is_ours:
        return ""
    if x_account.refresh_lease_holder:  # whoever had the lease let it run out: it may have spent the refresh token
        _note_doubt(x_account, holder)
    return holder


def _spend_refresh_token(x_account: XAccount, holder: str, calls: list[Heard]) -> None:
    """Asks X, twice when the first answer is lost; the lease is given back whatever happens."""
    if not x_account.refresh_token:
        mark_reconnect(x_account, NOT_LASTING)
        raise TokenRefused("no refresh token is stored")
    try:
        pair = _ask(x_account, holder, calls)
    except GrantRefused as error:
        _settle_refusal(x_account, error)
    except OutcomeUnknown as error:
        _release(x_account, holder)
        raise Unavailable("X's answer to a refresh was lost; the old pair is tried again") from error
    except XError:
        _release(x_account, holder)
        raise
    else:
        _store(x_account, pair)


def _ask(x_account: XAccount, holder: str, calls: list[Heard]) -> TokenPair:
    try:
        return _ask_once(x_account, calls)
    except OutcomeUnknown as error:
        log.warning("refresh_answer_lost", x_account_id=x_account.pk, status=error.status)
        _note_doubt(x_account, holder)
    return _ask_once(x_account, calls)


def _ask_once(x_account: XAccount, calls: list[Heard]) -> TokenPair:
    try:
        pair = grants.refresh(x_account.refresh_token)
    except XError as error:
        calls.append(error)
        raise
    calls.append(grants.REFRESH)
    return pair


def _note_doubt(x_account: XAccount, holder: str) -> None:
    since = x_account.refresh_in_doubt_since = x_account.refresh_in_doubt_since or timezone.now()
    _update(_same_pair(x_account) & Q(refresh_lease_holder=holder), refresh_in_doubt_since=since)


def _release(x_account: XAccount, holder: str) -> None:
    _update(_same_pair(x_account) & Q(refresh_lease_holder=holder), refresh_lease_until=None, refresh_lease_holder="")


def _settle_refusal(x_account: XAccount, error: GrantRefused) -> None:
    """X refused the refresh token: somebody rotated it meanwhile, or the grant is gone."""
    detail = LOST if x_account.refresh_in_doubt_since else REFUSED
    if mark_reconnect(x_account, detail):
        raise TokenRefused("X refused the refresh token") from error
    _reread(x_account)
    _require_connected(x_account)


def _store(x_account: XAccount, pair: TokenPair) -> None:
    """Commits the new pair before anybody uses it.

    The generation alone decides, not the lease: a process whose lease ran out still holds the only good pair, also
    when another was refused in the meantime and marked the account for reconnecting.
    """
    values: dict[str, object] = {
        "access_token": pair.access_token,
        "refresh_token": pair.refresh_token or x_account.refresh_token,
        "scopes": " ".join(sorted(pair.scopes)) or x_account.scopes,
        "token_expires_at": pair.expires_at,
        "token_generation": F("token_generation") + 1,
        "refresh_lease_until": None,
        "refresh_lease_holder": "",
        "refresh_in_doubt_since": None,
    }
    state = XAccount.State
    anew = {"state": state.CONNECTED, "state_since": timezone.now(), "state_detail": ""}
    stored = _update(_same_pair(x_account) & Q(state=state.CONNECTED), **values) or _enter(
        x_account, _same_pair(x_account) & Q(state=state.RECONNECT), **values, **anew
    )
    log.info("token_refreshed" if stored else "token_refreshed_too_late", x_account_id=x_account.pk)
    if not stored:
        _drop(x_account, pair)
    _reread(x_account)
    _require_connected(x_account)


def _drop(x_account: XAccount, pair: TokenPair) -> None:
    """The pair came for a connection that a person ended or renewed meanwhile; an ended one must not live on at X."""
    if XAccount.objects.filter(pk=x_account.pk, state=XAccount.State.DISCONNECTED).exists():
        grants.revoke(pair.refresh_token or "", pair.access_token)


def mark_reconnect(x_account: XAccount, detail: str) -> bool:
    """connected -> reconnect, unless a newer pair was stored meanwhile."""
    marked = _enter(
        x_account,
        _same_pair(x_account) & Q(state=XAccount.State.CONNECTED),
        state=XAccount.State.RECONNECT,
        state_since=timezone.now(),
        state_detail=detail,
        refresh_lease_until=None,
        refresh_lease_holder="",
    )
    if marked:
        log.warning("x_account_needs_reconnect", x_account_id=x_account.pk)
        x_account.state, x_account.state_detail = XAccount.State.RECONNECT, detail
    return marked
