"""What stands at buttons that cost money: how much X may still have of a conversation, and why the cap says no."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import XAccount
from conversations.ids import time_in
from conversations.models import Conversation, DmEvent, SyncState
from conversations.sync import caps, estimates
from conversations.sync.estimates import Estimate, Pace, birth_of, older_events
from conversations.times import moment_of
from dminbox.wording import number, usd


def refusal(x_account: XAccount, most: Decimal) -> str:
    """The words for a wish that the month's cap does not allow."""
    return over_cap(caps.left(x_account) or Decimal(0), most)


def all_of(conversation: Any, again: int, stored: Sequence[DmEvent] = (), people: int = 0) -> Estimate | None:
    """All of it that is older than what is stored, and what X bills again on the way; None when too little is known.

    again: as `billed_again` counts it. stored: all of it, oldest first, where a page has it at hand; else it is one
    query. people: whom X bills with it. The conversation comes `with_ages`.
    """
    events, oldest = (len(stored), stored[0].created_at) if stored else conversation.events.stretch()
    if oldest is None:
        return None
    since = min(oldest, _read_since(conversation) or oldest)
    ages = [] if conversation.is_group else [moment_of(conversation.our_birth), moment_of(conversation.peer_birth)]
    older = older_events(Pace(events, timezone.now() - since), since, birth_of(conversation.dm_conversation_id, ages))
    return older and replace(older, events=older.events + again, again=again, people=people)


def _read_since(conversation: Conversation) -> datetime | None:
    """From when on all conversations of the X account are read: a silent month tells of its pace, too."""
    sync: SyncState | None = getattr(conversation.x_account, "sync", None)
    is_known = sync is not None and sync.import_finished_at is not None and sync.horizon_id > 0
    return time_in(sync.horizon_id) if sync is not None and is_known else None


def over_cap(left: Decimal, most: Decimal) -> str:
    """Why a wish is refused, and what to do about it."""
    words = _(
        "Only %(left)s is left under this month's cap, and this could cost up to %(most)s. Try again next month "
        "(UTC), or when the cap has been raised."
    )
    return words % {"left": usd(left), "most": usd(most)}


def new_price(most: Decimal) -> str:
    """Why a wish is not written down that would cost more than the page had told."""
    return _("The price has changed: this can now cost up to %(price)s. Choose again to confirm.") % {
        "price": usd(most)
    }


def too_many_wishes(most: int) -> str:
    return _("%(count)s of your requests to X are still open. Try again when X has answered them.") % {
        "count": number(most)
    }


def prices() -> dict[str, str]:
    return {
        "event": usd(settings.PRICE_DM_EVENT_USD),
        "user": usd(settings.PRICE_USER_USD),
        "post": usd(settings.PRICE_POST_USD),
        "page": usd(estimates.of_pages(1).usd),
        "thousand": usd(settings.PRICE_DM_EVENT_USD * 1000),
        "page_size": number(estimates.PAGE),
        "ceiling": usd(settings.IMPORT_CEILING_USD),
        "ceiling_pays_for": number(settings.IMPORT_CEILING_USD / settings.PRICE_DM_EVENT_USD)
        if settings.PRICE_DM_EVENT_USD
        else "",
    }
