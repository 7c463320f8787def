"""What X sent and no table takes: kept raw beside the reason, so that it can be looked at and replayed."""

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


def store_odd(x_account: XAccount, odd: Iterable[OddEvent]) -> int:
    """One row per raw form; seen again, it is counted. Returns how many different ones there were."""
    seen = {raw_hash(element.raw): element for element in odd}
    if not seen:
        return 0
    with transaction.atomic(savepoint=False):
        changes.lock(x_account)  # first, as for everybody who stores
        _write(x_account, seen)
    return len(seen)


def _write(x_account: XAccount, seen: dict[str, OddEvent]) -> None:
    quarantine = QuarantinedEvent.objects.filter(x_account=x_account)
    times = dict(quarantine.filter(raw_hash__in=seen).values_list("raw_hash", "times_seen"))
    now = timezone.now()
    rows = [
        QuarantinedEvent(
            x_account=x_account,
            raw_hash=digest,
            raw=element.raw,
            reason=element.reason[:500],
            times_seen=times.get(digest, 0) + 1,
            last_seen_at=now,
        )
        for digest, element in sorted(seen.items())
    ]
    QuarantinedEvent.objects.bulk_create(
        rows,
        update_conflicts=True,
        update_fields=["times_seen", "last_seen_at", "reason"],
        unique_fields=["x_account", "raw_hash"],
    )
    SyncState.objects.filter(x_account=x_account).update(odd_events=quarantine.count())


def raw_hash(raw: object) -> str:
    return hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()
