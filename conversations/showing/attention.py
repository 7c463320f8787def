"""What stops an X account from being read, as its pages say it: what, since when, what comes next, how old."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import XAccount
from conversations import ledger
from conversations.ages import with_pushed_at
from conversations.models import PushState, SyncState
from conversations.showing.moments import clock, short_time
from dminbox import wording

State = SyncState.State
WELL = (State.ACTIVE, State.RATE_LIMITED)
"""States in which there is nothing to say: the next poll comes by itself."""


@dataclass(frozen=True, slots=True)
class Attention:
    """Why an X account does not read as it should, and the way on (a URL name that takes the account's pk).

    cause: the same in a few words, alike for each X account it happens to.
    """

    words: str
    way_on: str
    url_name: str
    cause: str
    is_error: bool = True


@dataclass(frozen=True, slots=True)
class Trouble:
    """One cause that stops X accounts, however many."""

    each: list[tuple[XAccount, Attention]] = field(default_factory=list)

    @property
    def is_error(self) -> bool:
        return self.each[0][1].is_error

    @property
    def line(self) -> str:
        """Who, and why, on one line."""
        (x_account, attention), *others = self.each
        count = len(others) + 1
        many = ngettext("%(number)s X account", "%(number)s X accounts", count) % {"number": wording.number(count)}
        who = many if others else wording.handle(x_account.username)
        return _("%(who)s: %(cause)s") % {"who": who, "cause": attention.cause}


def troubles_of(x_accounts: Iterable[XAccount]) -> list[Trouble]:
    """What stops these, by its causes: if all of them have the same, that is one line."""
    by_cause: dict[str, Trouble] = {}
    for x_account in x_accounts:
        if attention := attention_of(x_account):
            by_cause.setdefault(attention.cause, Trouble()).each.append((x_account, attention))
    return list(by_cause.values())


def is_waiting(x_account: XAccount) -> bool:
    """Nobody has chosen yet how far back to read."""
    sync = sync_of(x_account)
    return sync is None or sync.state == State.WAITING


def sync_of(x_account: XAccount) -> SyncState | None:
    sync: SyncState | None = getattr(x_account, "sync", None)
    return sync


def attention_of(x_account: XAccount) -> Attention | None:
    """None while all is well. `sync` should come along by select_related; who comes `with_pushed_at` takes no query."""
    sync = sync_of(x_account)
    if x_account.state == XAccount.State.CONNECTED and sync is not None and sync.state in WELL:
        return None
    of = {"who": wording.handle(x_account.username), "since": short_time(x_account.state_since)}
    if x_account.state == XAccount.State.RECONNECT:
        words = _("X has rejected the connection of %(who)s since %(since)s.") % of
        return Attention(f"{words} {_age(x_account)}", _("Connect again"), "x_account", _("connection rejected by X"))
    if x_account.state == XAccount.State.DISCONNECTED:
        words = _("%(who)s has been disconnected since %(since)s: no new messages arrive.") % of
        return Attention(f"{words} {_age(x_account)}", _("View status"), "x_account", _("disconnected"), False)
    if sync is None or is_waiting(x_account):
        words = _("%(who)s: choose how far back to import messages.") % of
        return Attention(words, _("Choose"), "x_account_start", _("choose how far back to import"), False)
    return _attention_of_sync(x_account, sync)


def _attention_of_sync(x_account: XAccount, sync: SyncState) -> Attention | None:
    of, age = {"who": wording.handle(x_account.username), "since": short_time(sync.state_since)}, _age(x_account)
    match sync.state:
        case State.PAUSED:
            words = _("Import of %(who)s paused at its limit since %(since)s, until an admin continues it.") % of
            return Attention(f"{words} {age}", _("Continue"), "x_account", _("import paused at its limit"), False)
        case State.CAPPED:
            return Attention(
                f"{_capped(of)} {age}", _("View spend"), "x_account", _("paused at the monthly cap"), False
            )
        case State.NO_CREDIT:
            return Attention(f"{_without_credit(of)} {age}", _("What to do"), "x_account", _("no credit at X"))
        case State.UNAVAILABLE:
            words = _("X has been unreachable for %(who)s since %(since)s.") % of
            return Attention(
                f"{words} {_next_try(sync)} {age}", _("View status"), "x_account", _("X unreachable"), False
            )
        case State.REFUSED:
            words = _("X has denied access to %(who)s since %(since)s.") % of
            return Attention(f"{words} {_next_try(sync)} {age}", _("What to do"), "x_account", _("access denied by X"))
    return None


def _capped(of: dict[str, str]) -> str:
    words = _(
        "Sync of %(who)s paused at the monthly cap since %(since)s. It resumes on %(day)s (UTC), or when the cap is "
        "raised."
    )
    return words % (of | {"day": wording.day(ledger.next_month(timezone.now()), "SHORT_DAY_FORMAT")})


def _without_credit(of: dict[str, str]) -> str:
    words = _("Your X developer account has been out of credit since %(since)s; dminbox retries every hour.")
    return words % of


def _age(x_account: XAccount) -> str:
    """What X pushes comes in most of these states, too."""
    sync, pushed_at = sync_of(x_account), _pushed_at(x_account)
    read_at = sync.last_success_at if sync else None
    if read_at is None:
        until = _("Not synced yet; pushed messages up to %(pushed)s are shown.")
        return until % {"pushed": short_time(pushed_at)} if pushed_at else _("Nothing synced yet.")
    of = {"moment": short_time(read_at)}
    if pushed_at is None or pushed_at <= read_at:
        return _("Messages up to %(moment)s are shown.") % of
    of["pushed"] = short_time(pushed_at)
    return _("Up to date to %(moment)s; pushed messages to %(pushed)s.") % of


def _pushed_at(x_account: XAccount) -> datetime | None:
    told: XAccount = x_account
    if not hasattr(x_account, "pushed_at"):
        told = with_pushed_at(XAccount.objects.only("pk"), PushState.way()).get(pk=x_account.pk)
    pushed_at: datetime | None = told.pushed_at  # type: ignore[attr-defined]  # `with_pushed_at` adds it
    return pushed_at


def _next_try(sync: SyncState) -> str:
    if sync.next_poll_at is None or sync.next_poll_at <= timezone.now():
        return _("Retrying now.")
    return _("Next try at %(moment)s.") % {"moment": clock(sync.next_poll_at)}
