"""Our X accounts in a story: how many there are, and what a person or the time does to all of them."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone

from accounts.models import XAccount
from conversations.models import (
    ActivityDelivery,
    HistoryRead,
    Post,
    PushState,
    ReadInterval,
    RequestClaim,
    SyncState,
    UnfinishedDay,
    XUser,
)
from tests.conversations.sync_support import OWN
from tests.xsim_server import SimServer


def draw(seed: int) -> list[str]:
    """Their ids at X: one in half of the stories; two or three in the others, which write to each other."""
    count = random.Random(f"accounts {seed}").choice([1, 1, 2, 3])
    return [str(int(OWN) + number) for number in range(count)]


def connect_again(xsim: SimServer, x_account: XAccount, **more: Any) -> None:
    """As a person does where a death took the only good pair of tokens with it, or somebody ended our right."""
    grant = xsim.grant(str(x_account.x_user_id))
    XAccount.objects.filter(pk=x_account.pk).update(
        access_token=grant["access_token"],
        refresh_token=grant["refresh_token"],
        token_generation=F("token_generation") + 1,
        state=XAccount.State.CONNECTED,
        state_since=timezone.now(),
        state_detail="",
        connected_at=timezone.now(),
        refresh_lease_until=None,
        refresh_lease_holder="",
        refresh_in_doubt_since=None,
        **more,
    )


def make_everything_due() -> None:
    """As time does: leases run out, rests end, waits are over."""
    past = timezone.now() - timedelta(seconds=1)
    SyncState.objects.exclude(next_poll_at=None).update(next_poll_at=past, lease_until=None)
    for model in (HistoryRead, UnfinishedDay):
        model.objects.filter(state=model.State.DUE).update(due_at=past, lease_until=None)
    ReadInterval.objects.update(due_at=None)
    ActivityDelivery.objects.filter(state=ActivityDelivery.State.DUE).update(due_at=past, lease_until=None)
    PushState.objects.update(lease_until=None, holder="", next_try_at=None)
    PushState.objects.update(subscriptions_lease_until=None, subscriptions_checked_at=None)
    RequestClaim.objects.update(until=past)
    XAccount.objects.update(refresh_lease_until=past)
    XUser.objects.exclude(lookup_due_at=None).update(lookup_due_at=past)
    Post.objects.exclude(details_due_at=None).update(details_due_at=past)
