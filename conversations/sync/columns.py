"""Columns of a conversation that only ever grow: what a page brings tells them, no thread is read for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.db.models import Case, F, Value, When
from django.db.models.functions import Greatest

from accounts.models import XAccount
from conversations.models import DmEvent

if TYPE_CHECKING:
    from conversations.sync.store import Told


def of_page(x_account: XAccount, pairs: Iterable[tuple[DmEvent, Told]]) -> dict[str, Any]:
    """Values for an UPDATE of the page's conversations: our newest message, and whether media or posts were shared."""
    own: dict[int, int] = {}
    with_media, with_posts = set(), set()
    for row, told in pairs:
        pk = row.conversation_id
        if row.event_type == DmEvent.Type.MESSAGE_CREATE and row.sender_id == x_account.x_user_id:
            own[pk] = max(own.get(pk, 0), row.dm_event_id)
        if told.event.media_keys:
            with_media.add(pk)
        if told.event.post_ids:
            with_posts.add(pk)
    return _own(own) | _flag("has_media", with_media) | _flag("has_post", with_posts)


def _own(own: dict[int, int]) -> dict[str, Any]:
    name = "last_own_dm_event_id"
    whens = [When(pk=pk, then=Greatest(F(name), Value(newest))) for pk, newest in sorted(own.items())]
    return {name: Case(*whens, default=F(name))} if whens else {}


def _flag(name: str, pks: set[int]) -> dict[str, Any]:
    return {name: Case(When(pk__in=sorted(pks), then=Value(value=True)), default=F(name))} if pks else {}
