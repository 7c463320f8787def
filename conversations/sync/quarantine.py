"""What X sent and no table takes: kept raw beside the reason, so that it can be looked at, and read again later."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from accounts.models import XAccount
from conversations import changes
from conversations.models import QuarantinedEvent, SyncState
from dminbox.xapi.schema import OddEvent


def store_odd(x_account: XAccount, odd: Iterable[OddEvent], dm_conversation_id: str = "") -> int:
    """One row per raw form; seen again, it is counted. Returns how many different ones there were.

    dm_conversation_id: whose history was asked for, for events that do not say it themselves.
    """
    seen = {raw_hash(element.raw): element for element in odd}
    if not seen:
        return 0
    with transaction.atomic(savepoint=False):
        changes.lock(x_account)  # first, as for everybody who stores
        _write(x_account, seen, dm_conversation_id)
        count(x_account)
    return len(seen)


def count(x_account: XAccount) -> None:
    """Notes how many there are. Under the account's lock."""
    number = QuarantinedEvent.objects.filter(x_account=x_account).count()
    SyncState.objects.filter(x_account=x_account).update(odd_events=number)


def _write(x_account: XAccount, seen: dict[str, OddEvent], dm_conversation_id: str) -> None:
    before = QuarantinedEvent.objects.filter(x_account=x_account, raw_hash__in=seen)
    known = {row.raw_hash: row for row in before.only("raw_hash", "times_seen", "dm_conversation_id")}
    now = timezone.now()
    rows = [
        QuarantinedEvent(
            x_account=x_account,
            raw_hash=digest,
            raw=element.raw,
            reason=element.reason[:500],
            kind=element.kind,
            dm_conversation_id=dm_conversation_id or (known[digest].dm_conversation_id if digest in known else ""),
            times_seen=(known[digest].times_seen if digest in known else 0) + 1,
            last_seen_at=now,
        )
        for digest, element in sorted(seen.items())
    ]
    QuarantinedEvent.objects.bulk_create(
        rows,
        update_conflicts=True,
        update_fields=["kind", "dm_conversation_id", "times_seen", "last_seen_at", "reason"],
        unique_fields=["x_account", "raw_hash"],
    )


def raw_hash(raw: object) -> str:
    return hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()
