"""What must be true of the tables in the end, for each of our X accounts; what is not is an AssertionError in words.

`held`: the events by their ids as X gives them to that account.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db.models import F, QuerySet
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
from conversations.sync import account_status, intervals, push
from dminbox.xapi import activity as xapi

Held = Mapping[str, dict[str, Any]]
Kind = Change.Kind


def events_are_as_x_holds_them(x_account: XAccount, held: Held, ever: Collection[str]) -> None:
    """ever: also what X gives no more, for it is too old."""
    stored_here = DmEvent.objects.filter(conversation__x_account=x_account)
    rows = list(stored_here.values_list("dm_event_id", "raw", "conversation__dm_conversation_id"))
    stored = {str(pk): raw for pk, raw, _ in rows}
    assert len(rows) == len(stored), "an event is stored twice"
    assert held.keys() <= stored.keys(), f"lost: {sorted(held.keys() - stored.keys())}"
    assert stored.keys() <= set(ever), f"X never showed: {sorted(stored.keys() - set(ever))}"
    for pk, event in held.items():
        assert stored[pk] | event == stored[pk], f"{pk} is not as X holds it"
    for pk, raw, conversation in rows:
        assert raw.get("dm_conversation_id", conversation) == conversation, f"{pk} stands in another conversation"


def what_is_missing_is_told_of(x_account: XAccount, shown: Collection[str]) -> None:
    """Right after a turn that is followed by a wait: what X has shown by then is here, or in a gap that is told of. Of
    what is not polled now, at a cap for instance, the state tells.

    shown: without delay.
    """
    now = timezone.now()
    reading = SyncState.objects.filter(x_account=x_account, state=SyncState.State.ACTIVE)
    if not reading.filter(last_success_at=now, next_poll_at__gt=now).exists():
        return
    oldest = intervals.end_of_window(now)
    ids = {pk for pk in map(int, shown) if pk > oldest}
    missing = ids - set(DmEvent.objects.filter(conversation__x_account=x_account).values_list("dm_event_id", flat=True))
    if missing:
        gaps = _gaps(x_account)
        untold = sorted(pk for pk in missing if not any(first <= pk < end for first, end in gaps))
        assert not untold, f"no gap is told of, and not here are {untold}"
        assert account_status(x_account).gaps == len(gaps), "not all gaps are told of"


def what_came_late_is_told_of(x_account: XAccount, shown: Collection[str], day: date) -> None:
    """What X has shown by now of that day, and before, is here; or the day is told of as not read again.

    shown: without delay.
    """
    oldest = intervals.end_of_window(timezone.now())
    ids = {pk for pk in map(int, shown) if pk > oldest}
    missing = ids - set(DmEvent.objects.filter(conversation__x_account=x_account).values_list("dm_event_id", flat=True))
    told = [row.day for row in account_status(x_account).unfinished]
    assert not missing or day in told, f"not told of, and not here are {sorted(missing)}"


def _gaps(x_account: XAccount) -> list[tuple[int, int]]:
    """From which id up, and below which, each gap that is told of may hold something."""
    state = SyncState.objects.get(x_account=x_account)
    rows = intervals.rows_of(x_account, None)
    return [intervals.way_below(row) for row in rows if intervals.has_unread_below(row, state)]


def change_log_is_whole(x_account: XAccount) -> None:
    """Numbers without a hole, each event named once, and nothing named in another's conversation."""
    numbers_are_dense(x_account)
    announced = Change.objects.filter(kind=Kind.EVENT, x_account=x_account)
    events = DmEvent.objects.filter(conversation__x_account=x_account)
    assert announced.count() == events.count(), "the change log does not name each event once"
    assert announced.values("event").distinct().count() == announced.count(), "an event is announced twice"
    named = Change.objects.filter(x_account=x_account)
    astray = named.exclude(event=None).exclude(conversation=F("event__conversation"))
    assert not astray.exists(), "the change log names an event in another conversation"
    foreign = named.exclude(conversation=None).exclude(conversation__x_account=x_account)
    assert not foreign.exists(), "the change log tells of another X account's conversation"


def numbers_are_dense(x_account: XAccount) -> None:
    numbers = list(Change.objects.filter(x_account=x_account).order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1)), "a number of the change log is missing"
    newest = SyncState.objects.values_list("last_change", flat=True).get(x_account=x_account)
    assert newest == len(numbers), "a number of the change log is missing"


# --- Receipts, typing -------------------------------------------------------------------------------------------------


def receipts_end_right(x_account: XAccount, due: Collection[tuple[str, str, int]]) -> None:
    """Each reader's goes forward only, ends at the newest that X has told us, and is announced as it moves."""
    told = _told_receipts(x_account)
    people = Participant.objects.filter(conversation__x_account=x_account)
    shown = dict(people.exclude(seen_dm_event_id=None).values_list("x_user", "seen_dm_event_id"))
    moves = _announced_receipts(x_account)
    assert all(steps == sorted(set(steps)) for steps in moves.values()), "a receipt went backwards"
    assert {who: steps[-1] for who, steps in moves.items()} == shown, "a receipt is not as it was announced last"
    for who, seen in shown.items():
        assert (who, seen) in told, f"X never told that {who} has read {seen}"
    ours = {(int(reader), event_id) for own, reader, event_id in due if int(own) == x_account.x_user_id}
    for who, event_id in told & ours:
        assert shown.get(who, 0) >= event_id, f"a receipt of {who} was lost"


def _told_receipts(x_account: XAccount) -> set[tuple[int, int]]:
    rows = _taken_up(x_account, "dm.read")
    found = [one for row in rows for one in xapi.read_receipts(xapi.parse_activity(row.raw))]
    return {(int(one.reader_id), int(one.last_read_event_id or 0)) for one in found}


def _taken_up(x_account: XAccount, *event_types: str) -> QuerySet[ActivityDelivery]:
    rows = ActivityDelivery.objects.filter(x_user_id=x_account.x_user_id, event_type__in=event_types)
    return rows.filter(state=ActivityDelivery.State.DONE)


def _announced_receipts(x_account: XAccount) -> dict[int, list[int]]:
    moves: dict[int, list[int]] = {}
    announced = Change.objects.filter(kind=Kind.RECEIPT, x_account=x_account).order_by("number")
    for data in announced.values_list("data", flat=True):
        moves.setdefault(int(data["x_user_id"]), []).append(int(data["seen_dm_event_id"]))
    return moves


def typing_people() -> QuerySet[Participant]:
    return Participant.objects.filter(typing_until__gt=timezone.now())


def nobody_types_for_ever(x_account: XAccount) -> None:
    assert not typing_people().filter(conversation__x_account=x_account).exists(), "somebody types for ever"
    announced = Change.objects.filter(kind=Kind.TYPING, x_account=x_account)
    typed = _taken_up(x_account, "dm.indicate_typing")
    assert announced.count() <= typed.count(), "typing is announced twice"


# --- Encrypted X Chat -------------------------------------------------------------------------------------------------


def unmarked_chats(encrypted: Collection[tuple[int, str]]) -> list[str]:
    """encrypted: (x_user_id, conversation) that X lists as such; those without a marker in that one's thread."""
    marked = Conversation.objects.exclude(encrypted_at=None)
    known = set(marked.values_list("x_account__x_user_id", "dm_conversation_id"))
    return sorted(name for _, name in set(encrypted) - known)


def chats_are_marked(x_account: XAccount) -> None:
    """At the newest message that X has told us of; X's list tells no times."""
    told: dict[str, datetime] = {}
    done = _taken_up(x_account, "chat.received", "chat.sent")
    for message in [xapi.encrypted_message(xapi.parse_activity(row.raw)) for row in done]:
        told[message.conversation_id] = max(told.get(message.conversation_id, message.at), message.at)
    for row in Conversation.objects.filter(x_account=x_account).exclude(encrypted_at=None):
        at = told.get(row.dm_conversation_id)
        assert row.last_encrypted_at == at, f"{row} is marked at {row.last_encrypted_at}, X told of {at}"
        assert row.changes.filter(kind=Kind.CONVERSATION).exists(), f"{row} was marked and not announced"


# --- Connections ------------------------------------------------------------------------------------------------------


def one_has_renewed(pk: int, answers: Sequence[int], generation: int) -> None:
    """After many wanted a new pair at once. answers: X's, to whoever asked for it; generation: of the pair before."""
    assert list(answers) == [200], f"X was asked for a new pair {len(answers)} times and answered {answers}"
    stored = XAccount.objects.get(pk=pk)
    assert (stored.state, stored.token_generation) == (XAccount.State.CONNECTED, generation + 1), "a pair was lost"


def nobody_else_is_revoked(revoked: Collection[int]) -> None:
    """revoked: whose grant was ended at X, as numbers."""
    told = XAccount.objects.filter(state_detail=push.REVOKED).exclude(x_user_id__in=revoked)
    assert not told.exists(), "an ended connection has ended another one"


# --- What follows from the events -------------------------------------------------------------------------------------


def columns_follow_from_the_events(x_account: XAccount) -> None:
    events: dict[int, list[DmEvent]] = {}
    stored = DmEvent.objects.filter(conversation__x_account=x_account)
    for event in stored.only("conversation", "dm_event_id", "event_type", "sender"):
        events.setdefault(event.conversation_id, []).append(event)
    for row in Conversation.objects.filter(x_account=x_account):
        told = events.get(row.pk, [])
        messages = [event for event in told if event.event_type == DmEvent.Type.MESSAGE_CREATE]
        newest = max(_newest(told), row.last_encrypted_id)
        assert row.last_dm_event_id == newest, f"{row} stands in the wrong place"
        incoming = _newest([event for event in messages if event.sender_id != x_account.x_user_id])
        assert row.last_incoming_dm_event_id == incoming, f"{row} is unread for no reason, or is not"
        own = _newest([event for event in messages if event.sender_id == x_account.x_user_id])
        assert row.last_own_dm_event_id == own, f"{row} is unanswered for no reason, or is not"


def _newest(events: Iterable[DmEvent]) -> int:
    return max((event.dm_event_id for event in events), default=0)


def posts_and_media_are_whole(x_account: XAccount, held: Held, deleted: Collection[str] = ()) -> None:
    """Each event carries what X says it does, in that order; and that is there. deleted: posts that X has no more."""
    links = _links(x_account, EventPost, "post_id"), _links(x_account, EventMedia, "media__media_key")
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


def _links(x_account: XAccount, model: Any, name: str) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    rows = model.objects.filter(event__conversation__x_account=x_account).order_by("event", "position")
    for pk, linked in rows.values_list("event__dm_event_id", name):
        found.setdefault(pk, []).append(linked)
    return found
