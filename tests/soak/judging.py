"""What must be true of the tables in the end; whatever is not is an AssertionError in words.

`held`: the events by their ids as X gives them to who may read them all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db.models import F
from django.utils import timezone

from accounts.models import XAccount
from conversations.models import (
    ActivityDelivery,
    Change,
    Conversation,
    DmEvent,
    EventMedia,
    EventPost,
    Media,
    Participant,
    Post,
    SyncState,
)
from dminbox.xapi import activity as xapi
from tests.xsim_server import SimServer

Held = Mapping[str, dict[str, Any]]
Kind = Change.Kind


def events_are_as_x_holds_them(held: Held, ever: Collection[str]) -> None:
    """ever: also what X gives no more, for it is too old."""
    rows = list(DmEvent.objects.values_list("dm_event_id", "raw", "conversation__dm_conversation_id"))
    stored = {str(pk): raw for pk, raw, _ in rows}
    assert len(rows) == len(stored), "an event is stored twice"
    assert held.keys() <= stored.keys(), f"lost: {sorted(held.keys() - stored.keys())}"
    assert stored.keys() <= set(ever), f"X never showed: {sorted(stored.keys() - set(ever))}"
    for pk, event in held.items():
        assert stored[pk] | event == stored[pk], f"{pk} is not as X holds it"
    for pk, raw, conversation in rows:
        assert raw.get("dm_conversation_id", conversation) == conversation, f"{pk} stands in another conversation"


def change_log_is_whole() -> None:
    """Numbers without a hole, each event named once, and nothing named in another's conversation."""
    numbers_are_dense()
    announced = Change.objects.filter(kind=Kind.EVENT)
    assert announced.count() == DmEvent.objects.count(), "the change log does not name each event once"
    assert announced.values("event").distinct().count() == announced.count(), "an event is announced twice"
    astray = Change.objects.exclude(event=None).exclude(conversation=F("event__conversation"))
    assert not astray.exists(), "the change log names an event in another conversation"


def numbers_are_dense() -> None:
    numbers = list(Change.objects.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1)), "a number of the change log is missing"
    assert SyncState.objects.get().last_change == len(numbers), "a number of the change log is missing"


# --- Receipts, typing -------------------------------------------------------------------------------------------------


def receipts_end_right(due: Collection[tuple[int, int]] = ()) -> None:
    """Each reader's goes forward only, ends at the newest that X has told us, and is announced as it moves."""
    told = _told_receipts()
    shown = dict(Participant.objects.exclude(seen_dm_event_id=None).values_list("x_user", "seen_dm_event_id"))
    moves = _announced_receipts()
    assert all(steps == sorted(set(steps)) for steps in moves.values()), "a receipt went backwards"
    assert {who: steps[-1] for who, steps in moves.items()} == shown, "a receipt is not as it was announced last"
    for who, seen in shown.items():
        assert (who, seen) in told, f"X never told that {who} has read {seen}"
    for who, event_id in told & set(due):
        assert shown.get(who, 0) >= event_id, f"a receipt of {who} was lost"


def _told_receipts() -> set[tuple[int, int]]:
    rows = ActivityDelivery.objects.filter(event_type="dm.read", state=ActivityDelivery.State.DONE)
    found = [one for row in rows for one in xapi.read_receipts(xapi.parse_activity(row.raw))]
    return {(int(one.reader_id), int(one.last_read_event_id or 0)) for one in found}


def _announced_receipts() -> dict[int, list[int]]:
    moves: dict[int, list[int]] = {}
    for data in Change.objects.filter(kind=Kind.RECEIPT).order_by("number").values_list("data", flat=True):
        moves.setdefault(int(data["x_user_id"]), []).append(int(data["seen_dm_event_id"]))
    return moves


def nobody_types_for_ever() -> None:
    assert not Participant.objects.filter(typing_until__gt=timezone.now()).exists(), "somebody types for ever"
    typed = ActivityDelivery.objects.filter(event_type="dm.indicate_typing", state=ActivityDelivery.State.DONE)
    assert Change.objects.filter(kind=Kind.TYPING).count() <= typed.count(), "typing is announced twice"


# --- Encrypted X Chat -------------------------------------------------------------------------------------------------


def unmarked_chats(xsim: SimServer) -> list[str]:
    """Those X lists, without a marker in our thread."""
    marked = set(Conversation.objects.exclude(encrypted_at=None).values_list("dm_conversation_id", flat=True))
    return sorted({name.replace(":", "-") for name in xsim.get("world")["chats"]} - marked)


def chats_are_marked() -> None:
    """At the newest message that X has told us of; X's list tells no times."""
    told: dict[str, datetime] = {}
    done = ActivityDelivery.objects.filter(event_type__startswith="chat.", state=ActivityDelivery.State.DONE)
    for message in [xapi.encrypted_message(xapi.parse_activity(row.raw)) for row in done]:
        told[message.conversation_id] = max(told.get(message.conversation_id, message.at), message.at)
    for row in Conversation.objects.exclude(encrypted_at=None):
        at = told.get(row.dm_conversation_id)
        assert row.last_encrypted_at == at, f"{row} is marked at {row.last_encrypted_at}, X told of {at}"
        assert row.changes.filter(kind=Kind.CONVERSATION).exists(), f"{row} was marked and not announced"


# --- What follows from the events -------------------------------------------------------------------------------------


def columns_follow_from_the_events(x_account: XAccount) -> None:
    for row in Conversation.objects.all():
        messages = row.events.filter(event_type=DmEvent.Type.MESSAGE_CREATE)
        newest = max(_newest(row.events), row.last_encrypted_id)
        assert row.last_dm_event_id == newest, f"{row} stands in the wrong place"
        incoming = _newest(messages.exclude(sender=x_account.x_user_id))
        assert row.last_incoming_dm_event_id == incoming, f"{row} is unread for no reason, or is not"
        own = _newest(messages.filter(sender=x_account.x_user_id))
        assert row.last_own_dm_event_id == own, f"{row} is unanswered for no reason, or is not"


def _newest(events: Any) -> int:
    return events.order_by("-dm_event_id").values_list("dm_event_id", flat=True).first() or 0


def posts_and_media_are_whole(held: Held, deleted: Collection[str] = ()) -> None:
    """Each event carries what X says it does, in that order; and that is there. deleted: posts that X has no more."""
    links = _links(EventPost, "post_id"), _links(EventMedia, "media__media_key")
    for pk, event in held.items():
        posts = [one["id"] for one in event.get("referenced_tweets", [])]
        keys = event.get("attachments", {}).get("media_keys", [])
        found = [[str(one) for one in rows.get(int(pk), [])] for rows in links]
        assert found == [posts, keys], f"{pk} carries {found}, at X {[posts, keys]}"
    assert not Media.objects.filter(media_key__startswith="push_").exists(), "pushed media was never confirmed"
    assert not Media.objects.filter(type="").exists(), "media is named and not known"
    assert not Media.objects.filter(file=None, type="photo").exists(), "a photo has no file to fetch"
    assert not unfinished_posts(deleted), f"posts are not whole: {unfinished_posts(deleted)}"


def unfinished_posts(deleted: Collection[str] = ()) -> list[str]:
    gone = [int(pk) for pk in deleted]
    there = Post.objects.exclude(pk__in=gone).exclude(state=Post.State.COMPLETE, author__isnull=False)
    gone_rows = Post.objects.filter(pk__in=gone).exclude(state=Post.State.UNAVAILABLE)
    return [str(pk) for rows in (there, gone_rows) for pk in rows.values_list("pk", flat=True)]


def _links(model: Any, name: str) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for pk, linked in model.objects.order_by("event", "position").values_list("event__dm_event_id", name):
        found.setdefault(pk, []).append(linked)
    return found
