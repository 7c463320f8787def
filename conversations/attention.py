"""What stops an X account from being read, as its pages say it: what, since when, what comes next, how old."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from accounts.models import XAccount
from conversations import ledger
from conversations.models import SyncState
from conversations.showing import short_time

State = SyncState.State


@dataclass(frozen=True, slots=True)
class Attention:
    """Why an X account does not read as it should, and the way on (a URL name that takes the account's pk)."""

    words: str
    way_on: str
    url_name: str
    is_error: bool = True


def is_waiting(x_account: XAccount) -> bool:
    """Nobody has chosen yet how far back to read."""
    sync = sync_of(x_account)
    return sync is None or sync.state == State.WAITING


def sync_of(x_account: XAccount) -> SyncState | None:
    sync: SyncState | None = getattr(x_account, "sync", None)
    return sync


def attention_of(x_account: XAccount) -> Attention | None:
    """None while all is well. `sync` should come along by select_related."""
    who, sync = f"@{x_account.username}", sync_of(x_account)
    since = short_time(x_account.state_since)
    if x_account.state == XAccount.State.RECONNECT:
        words = f"X no longer accepts the connection of {who}, since {since}. {_age(sync)}"
        return Attention(words, "Connect again", "x_account")
    if x_account.state == XAccount.State.DISCONNECTED:
        words = f"{who} is disconnected since {since}: no new messages are read. {_age(sync)}"
        return Attention(words, "See its state", "x_account", False)
    if sync is None or is_waiting(x_account):
        return Attention(f"{who} waits for the choice of how far back to read.", "Choose", "x_account_start", False)
    return _attention_of_sync(who, sync)


def _attention_of_sync(who: str, sync: SyncState) -> Attention | None:
    since, age = short_time(sync.state_since), _age(sync)
    match sync.state:
        case State.PAUSED:
            words = f"Reading {who} paused at the import ceiling, since {since}, until an admin lets it go on."
            return Attention(f"{words} {age}", "Go on", "x_account", False)
        case State.CAPPED:
            words = f"Reading {who} stopped at this month's cap, since {since}. It goes on by itself "
            words += f"{_next_month()}, or when the cap is raised."
            return Attention(f"{words} {age}", "See its spend", "x_account", False)
        case State.NO_CREDIT:
            words = f"X has had no credit for reading {who} since {since}. Somebody has to add some; one call an hour "
            return Attention(f"{words}tries whether there is. {age}", "What to do", "x_account")
        case State.UNAVAILABLE:
            words = f"X cannot be reached for {who} since {since}. {_next_try(sync)} {age}"
            return Attention(words, "See its state", "x_account", False)
        case State.REFUSED:
            words = f"X has refused to let us read {who} since {since}. {_next_try(sync)} {age}"
            return Attention(words, "What to do", "x_account")
    return None


def _age(sync: SyncState | None) -> str:
    if sync is None or sync.last_success_at is None:
        return "Nothing has been read so far."
    return f"Shown is what X gave until {short_time(sync.last_success_at)}."


def _next_try(sync: SyncState) -> str:
    if sync.next_poll_at is None or sync.next_poll_at <= timezone.now():
        return "It is tried again now."
    return f"It is tried again at {timezone.localtime(sync.next_poll_at):%H:%M}."


def _next_month() -> str:
    first = ledger.next_month(timezone.now())
    return f"on {first.day} {first:%b} (UTC)"
