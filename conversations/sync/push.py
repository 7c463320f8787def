"""What X pushes -> the tables, at once: push is fast, polling is complete.

A pushed message stands on its thread from its own payload; a later read confirms it without a second row. X delivers at
least once and in any order, so every delivery is kept by its event_uuid and taken up once.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog
from django.db import DatabaseError, IntegrityError, InterfaceError, transaction
from django.db.models import F, Max, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from accounts import tokens
from accounts.models import XAccount, snowflake_floor
from conversations import changes, ledger, unknown
from conversations.changes import NewChange
from conversations.ids import as_number, peer_in
from conversations.models import (
    ActivityDelivery,
    BilledResource,
    Change,
    Conversation,
    DmEvent,
    Participant,
    PushState,
    SyncState,
)
from conversations.sync import caps, pace, participants
from conversations.sync.includes import ensure_users
from conversations.sync.store import store_page
from dminbox import leases
from dminbox.postgres.planning import by_its_values
from dminbox.xapi import activity as xapi
from dminbox.xapi.activity import Activity
from dminbox.xapi.known_members import unknown_in_activity
from dminbox.xapi.members import Odd as OddMember
from dminbox.xapi.members import list_or_odd, read_id
from dminbox.xapi.schema import Answer, Billed, Page, RateLimit, Raw

log = structlog.get_logger("conversations.push")

State = ActivityDelivery.State
KEPT = timedelta(days=7)
ODD_KEPT = timedelta(days=30)
REMEMBERED = timedelta(days=365)
COUNTS_AGAIN = ("dm.received", "chat.received", "oauth.revoke")
"""What would be billed once more, or end a connection, if somebody played it to our webhook again: X's signature holds
for ever. What else is pushed changes nothing the second time, and only X can send over the stream.
"""
LEASE = timedelta(minutes=1)
MOST_ATTEMPTS = 20
AGAIN = timedelta(seconds=5)
"""After each failure so much longer until a delivery is tried again."""
EARLY_AGAIN, EARLY_FOR = timedelta(hours=1), timedelta(days=1)
"""What has come before its conversation is tried so often after those, and for so long: by then a poll has read it."""
TYPING_LASTS = timedelta(seconds=8)
TAG = "dminbox"
"""Of the subscriptions that are ours: the same X app may serve something else, too."""
REVOKED = gettext_noop(
    "The connection was ended on X (in the X app's settings). Connect it again; messages already here are kept."
)
AN_ID = re.compile(r"(?<![0-9])[0-9]{1,19}(?![0-9])")
BILLED_BY_PUSH = {
    "dm.received": BilledResource.Kind.DM_EVENT,
    "chat.received": BilledResource.Kind.CHAT_EVENT,
}
A_POST = re.compile(r"https?://(?:www\.)?(?:twitter|x)\.com/[^/]+/status/[0-9]+", re.IGNORECASE)

Bills = tuple[XAccount, dict[BilledResource.Kind, list[int]]]
Deed = Callable[[Activity, datetime], Bills | None]
"""Does what an activity is about, that came at that time; gives whom X bills for what, None where it never does."""


class Odd(Exception):  # noqa: N818 (no failure: kept raw and counted)
    """Nothing can be made of this activity; the words say why, without what stands in it."""


class Unwanted(Exception):  # noqa: N818 (no failure: a person's choice)
    """It was pushed for an X account that a person has disconnected: nothing of it is kept."""


class TooEarly(Exception):  # noqa: N818 (no failure: X pushes in any order)
    """What some of it is about is not stored yet: it is tried again for a while. The rest is done, and stays done."""


def is_strange(activity: Activity) -> bool:
    """Whether it was pushed for another program: what that has subscribed to with the same X app comes over the same
    stream. It is ours only where it is of a kind we take and about one of our X accounts: X then had that subscription
    first, and it serves both.
    """
    if activity.tag in (None, TAG):
        return False
    names_us = XAccount.objects.filter(x_user_id=as_number(activity.user_id) or 0)
    return activity.event_type not in DEEDS or not names_us.exists()


def take_in(activity: Activity, source: str) -> bool:
    """Takes up what the stream brought, in one transaction with its delivery. False when it was here before."""
    try:
        with transaction.atomic():
            delivery = delivery_of(activity, source)
            delivery.save(force_insert=True)
            _take_up(delivery, activity)
    except IntegrityError:
        if ActivityDelivery.objects.filter(event_uuid=activity.event_uuid).exists():
            return False
        return keep(activity, source)
    except DatabaseError:
        log.warning("activity_put_off", event_type=activity.event_type)
        return keep(activity, source)
    return True


def keep(activity: Activity, source: str) -> bool:
    """Stores it as it came, to be taken up by a worker. False when it was here before."""
    try:
        with transaction.atomic():
            delivery_of(activity, source).save(force_insert=True)
    except IntegrityError:
        return False
    return True


def keep_odd(raw: object, reason: str, source: str) -> None:
    """Stores what is no activity at all, once; an operator finds it in the admin."""
    digest = hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()
    row = ActivityDelivery(
        event_uuid=digest,
        event_type="",
        x_user_id=_subject_of(raw),
        source=source,
        raw=raw,
        state=State.ODD,
        detail=reason[:300],
    )
    ActivityDelivery.objects.bulk_create([row], ignore_conflicts=True)
    log.warning("odd_delivery", source=source, reason=reason)


def named_in(raw: object) -> set[int]:
    """X's ids of those X accounts of ours that appear anywhere in it, even in what somebody wrote."""
    ids = {int(digits) for digits in AN_ID.findall(json.dumps(raw, ensure_ascii=False))}
    return ids & set(XAccount.objects.values_list("x_user_id", flat=True))


def _subject_of(raw: object) -> int | None:
    """The one X account of ours that it names: only its members may read it, and it is deleted with that account. None
    where it names several, since nobody knows which it is about.
    """
    named = named_in(raw)
    return named.pop() if len(named) == 1 else None


def waiting() -> QuerySet[ActivityDelivery, int]:
    """Deliveries that nobody has taken up yet, oldest first."""
    now = timezone.now()
    is_due = leases.is_due("due_at", now, EARLY_AGAIN)
    rows = ActivityDelivery.objects.filter(_is_free(now), is_due, state=State.DUE)
    return rows.order_by("due_at", "pk").values_list("pk", flat=True)[:100]


def _is_free(now: datetime) -> Q:
    return leases.is_free("lease_until", now, LEASE)


def take_up(pk: int) -> None:
    """Takes up a delivery that is kept, if nobody else has."""
    now = timezone.now()
    ours = ActivityDelivery.objects.filter(_is_free(now), pk=pk, state=State.DUE)
    if ours.update(lease_until=now + LEASE, attempts=F("attempts") + 1) != 1:
        return
    delivery = ActivityDelivery.objects.get(pk=pk)
    try:
        with transaction.atomic():
            _take_up(delivery)
    except DatabaseError as error:
        log.warning("activity_failed", delivery_id=pk, error=type(error).__name__)
        _settle_failed(delivery)
    else:
        is_from_webhook = delivery.source == ActivityDelivery.Source.WEBHOOK
        if is_from_webhook and delivery.state != State.DUE:  # the listener counts what came by the stream
            count(activities=1)


def _settle_failed(delivery: ActivityDelivery) -> None:
    """To be tried again, or odd and billed: one transaction, for what is odd is never taken up again."""
    failed = ActivityDelivery(pk=delivery.pk, due_at=timezone.now() + AGAIN * delivery.attempts)
    with transaction.atomic():
        if delivery.attempts >= MOST_ATTEMPTS:
            failed.state, failed.detail = State.ODD, "the database does not take it"
            _bill_unread(delivery)
        failed.save(update_fields=["state", "detail", "lease_until", "due_at"])


def delivery_of(activity: Activity, source: str) -> ActivityDelivery:
    return ActivityDelivery(
        event_uuid=activity.event_uuid,
        event_type=activity.event_type[:60],
        x_user_id=as_number(activity.user_id) or _subject_of(activity.raw),
        source=source,
        raw=activity.raw,
    )


def odd_ones() -> QuerySet[ActivityDelivery, int]:
    """Deliveries that another version may understand. What was no activity at all is not known by its own id."""
    odd = ActivityDelivery.objects.filter(state=State.ODD).exclude(event_type="")
    return odd.order_by("pk").values_list("pk", flat=True)


def read_again(pk: int) -> bool:
    """Whether an odd delivery is odd no more. It was billed when it came; and things happened then, not now."""
    try:
        with transaction.atomic():
            delivery = ActivityDelivery.objects.select_for_update().filter(pk=pk, state=State.ODD).first()
            if delivery is not None:
                _take_up(delivery, is_billed=True)
    except DatabaseError as error:
        log.warning("activity_failed", delivery_id=pk, error=type(error).__name__)
        return False
    return delivery is not None and delivery.state != State.ODD


def _take_up(delivery: ActivityDelivery, heard: Activity | None = None, *, is_billed: bool = False) -> None:
    """Inside a transaction with the delivery. heard: the activity as it was parsed when it came, where that is still at
    hand.
    """
    try:
        with transaction.atomic():
            activity = heard or xapi.parse_activity(delivery.raw)
            if _do(activity, delivery.received_at, is_billed=is_billed):
                _count_unknown(activity)
                delivery.state, delivery.detail = State.DONE, ""
            else:
                _put_off(delivery)
    except Unwanted:
        log.info("activity_dropped", event_type=delivery.event_type, delivery_id=delivery.pk)
        count(strangers=1)
        delivery.state, delivery.detail, delivery.raw = State.DONE, "", None
    except (Odd, OddMember) as reason:
        log.warning("odd_activity", event_type=delivery.event_type, delivery_id=delivery.pk)
        delivery.state, delivery.detail = State.ODD, str(reason)[:300]
    except (DatabaseError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001 (whatever X pushes: one of many must not end the process for all)
        # Its type alone: the words of an exception may quote what a person wrote.
        log.warning("activity_not_understood", event_type=delivery.event_type, error=type(error).__name__)
        delivery.state, delivery.detail = State.ODD, type(error).__name__
    if delivery.state == State.ODD and not is_billed:
        _bill_unread(delivery)
    delivery.lease_until = None
    dropped = ["raw"] if delivery.raw is None else []
    delivery.save(update_fields=["state", "detail", "lease_until", "due_at", *dropped])


def _do(activity: Activity, received_at: datetime, *, is_billed: bool) -> bool:
    """Whether all of it could be done."""
    try:
        bills = _deed(activity)(activity, received_at)
    except TooEarly:
        return False
    if bills is not None and not is_billed:
        _bill(*bills, activity, received_at)
    return True


def _put_off(delivery: ActivityDelivery) -> None:
    now = timezone.now()
    is_soon = delivery.attempts < MOST_ATTEMPTS  # however long nobody was there to take it up
    delivery.state = State.DUE if is_soon or delivery.received_at > now - EARLY_FOR else State.DONE
    delivery.due_at = now + (AGAIN * max(delivery.attempts, 1) if is_soon else EARLY_AGAIN)


def _deed(activity: Activity) -> Deed:
    deed = DEEDS.get(activity.event_type)
    if deed is None:
        raise Odd("a kind of activity we do not know")
    return deed


def _count_unknown(activity: Activity) -> None:
    found = unknown_in_activity(activity.raw)
    x_account = _named(activity) if found else None
    if x_account is not None:
        unknown.count(x_account, found)


# --- Messages ---------------------------------------------------------------------------------------------------------


def _store_messages(activity: Activity, _: datetime) -> Bills:
    x_account = _x_account(activity)
    page = xapi.messages(activity)
    if not page.events:
        raise Odd("no message can be read in it")
    changes.lock(x_account)
    fresh = without_known(x_account, page)
    store_page(x_account, _answer(activity, fresh))
    _stop_typing(x_account, fresh)
    if any(A_POST.match(url.get("expanded_url") or "") for event in fresh.events for url in _urls(event)):
        _read_soon(x_account)
    is_billed = activity.event_type == "dm.received"
    return x_account, {BilledResource.Kind.DM_EVENT: _message_ids(activity.payload)} if is_billed else {}


def _bill_unread(delivery: ActivityDelivery) -> None:
    """X bills what it pushed, whether it can be read or not: by the ids of its messages, else as one by its own.

    Inside the transaction that makes the delivery odd.
    """
    kind = BILLED_BY_PUSH.get(delivery.event_type)
    x_account = XAccount.objects.filter(x_user_id=delivery.x_user_id or 0).first()
    if kind is None or x_account is None:
        return
    changes.lock(x_account)  # first, as for everybody who stores
    ids = _message_ids(_payload_of(delivery)) if kind == BilledResource.Kind.DM_EVENT else []
    ids = ids or [_number_of(delivery.event_uuid)]
    ledger.record_push(x_account, delivery.event_type, delivery.received_at, {kind: ids})
    caps.heed(x_account)


def _payload_of(delivery: ActivityDelivery) -> Raw:
    try:
        return xapi.parse_activity(delivery.raw).payload
    except OddMember:
        return {}


def _message_ids(payload: Raw) -> list[int]:
    """Of all that are pushed with it, also of those that cannot be read."""
    messages = list_or_odd(payload.get("direct_message_events"))
    found = (as_number(read_id(one.get("id"))) for one in messages if isinstance(one, dict))
    return [pk for pk in found if pk is not None]


def _bill(
    x_account: XAccount, ids: dict[BilledResource.Kind, list[int]], activity: Activity, received_at: datetime
) -> None:
    """On the UTC day of the delivery, however long it waited to be taken up."""
    ledger.record_push(x_account, activity.event_type, received_at, ids)
    if ids:
        caps.heed(x_account)


def _urls(event: xapi.DmEvent) -> list[dict[str, str]]:
    return event.entities.get("urls", [])


def without_known(x_account: XAccount, page: Page) -> Page:
    """A read tells more than a push: what was read already stays as it is."""
    ids = [pk for event in page.events if (pk := as_number(event.id)) is not None]
    known = set(
        DmEvent.objects.filter(conversation__x_account=x_account, dm_event_id__in=ids).values_list(
            "dm_event_id", flat=True
        )
    )
    events = tuple(event for event in page.events if as_number(event.id) not in known)
    keys = {key for event in events for key in event.media_keys}  # the others have X's own keys by now
    includes = replace(page.includes, media=tuple(item for item in page.includes.media if item.media_key in keys))
    return Page(events=events, odd=page.odd, includes=includes)


def _answer(activity: Activity, page: Page) -> Answer[Page]:
    return Answer(
        value=page,
        rate_limit=RateLimit(),
        billed=Billed(),
        problems=(),
        answered_at=timezone.now(),
        endpoint=f"push {activity.event_type}",
    )


def _stop_typing(x_account: XAccount, page: Page) -> None:
    """Who has written is not typing any more."""
    senders = [pk for event in page.events if (pk := as_number(event.sender_id)) is not None]
    Participant.objects.filter(
        conversation__x_account=x_account, x_user__in=senders, typing_until__gt=timezone.now()
    ).update(typing_until=None)


def _read_soon(x_account: XAccount) -> None:
    """Polls sooner: a push gives a shared post as a link alone, and the next read brings the post. However many come,
    polling keeps its even pace and its reserve.
    """
    now = timezone.now()
    is_used_up = Q(rate_remaining__lte=pace.KEPT, rate_reset_at__gt=now)
    reading = SyncState.objects.filter(x_account=x_account, state=SyncState.State.ACTIVE).exclude(is_used_up)
    for pk, last, limit in reading.values_list("pk", "last_poll_at", "rate_limit"):
        soon = now + pace.steady(None) / 10
        if last is not None:
            soon = max(soon, last + pace.steady(limit))
        reading.filter(pk=pk, next_poll_at__gt=soon).update(next_poll_at=soon)


# --- Receipts, typing -------------------------------------------------------------------------------------------------


def _note_receipts(activity: Activity, received_at: datetime) -> None:
    x_account = _x_account(activity)
    receipts = xapi.read_receipts(activity, received_at)
    changes.lock(x_account)  # first: what is compared below must not move before it is written
    of_others = [receipt for receipt in receipts if as_number(receipt.reader_id) != x_account.x_user_id]
    found = [(receipt, _participant(x_account, receipt.reader_id, receipt.other_id)) for receipt in of_others]
    for receipt, participant in found:
        if participant is None:
            continue
        read_to = as_number(receipt.last_read_event_id) or snowflake_floor(receipt.at)
        if participant.seen_dm_event_id is not None and participant.seen_dm_event_id >= read_to:
            continue
        _tell(x_account, participant, Change.Kind.RECEIPT, seen_dm_event_id=read_to, seen_at=receipt.at)
    if not all(participant for _, participant in found):
        raise TooEarly


def _note_typing(activity: Activity, received_at: datetime) -> None:
    x_account = _x_account(activity)
    typings = xapi.typings(activity, received_at)
    changes.lock(x_account)
    for typing in typings:
        participant = _participant(x_account, typing.sender_id, typing.recipient_id)
        until = min(typing.at, timezone.now()) + TYPING_LASTS
        if participant is None or until <= timezone.now():
            continue
        was = participant.typing_until
        is_ahead = was is not None and was > leases.furthest(timezone.now(), TYPING_LASTS)
        if was is None or is_ahead or until - was > TYPING_LASTS / 2:
            _tell(x_account, participant, Change.Kind.TYPING, typing_until=until)


def _participant(x_account: XAccount, who: str, other: str) -> Participant | None:
    """The row of who did it in the one-to-one of the two; None for ourselves and for conversations not stored."""
    pk = as_number(who)
    if pk is None or pk == x_account.x_user_id:
        return None
    sides = sorted([pk, as_number(other) or x_account.x_user_id])
    found = Participant.objects.filter(
        x_user=pk,
        conversation__x_account=x_account,
        conversation__dm_conversation_id=f"{sides[0]}-{sides[1]}",
    )
    return found.first()


def _tell(x_account: XAccount, participant: Participant, kind: Change.Kind, **values: object) -> None:
    Participant.objects.filter(pk=participant.pk).update(**values)
    data = {"x_user_id": str(participant.x_user_id)} | {
        name: value.isoformat() if isinstance(value, datetime) else str(value) for name, value in values.items()
    }
    changes.announce(x_account, [NewChange(kind, participant.conversation_id, data=data)])


# --- Encrypted XChat, an ended connection -----------------------------------------------------------------------------


def _note_chat(activity: Activity, received_at: datetime) -> Bills | None:
    """A notice that there is an encrypted message, with nothing of its content. X bills the message, not each notice:
    two of our accounts in one group get one each.
    """
    x_account = _x_account(activity)
    message = xapi.encrypted_message(activity, received_at)
    mark_encrypted(x_account, message.conversation_id, message.at)
    is_billed = activity.event_type == "chat.received"
    return (x_account, {BilledResource.Kind.CHAT_EVENT: [_number_of(message.id)]}) if is_billed else None


def _number_of(chat_message_id: str) -> int:
    """A number that is the same in every process; X's own where it is one."""
    if re.fullmatch(r"[0-9]{1,18}", chat_message_id):
        return int(chat_message_id)
    return int.from_bytes(hashlib.sha256(chat_message_id.encode()).digest()[:8], signed=True)


def mark_encrypted(x_account: XAccount, dm_conversation_id: str, at: datetime | None) -> bool:
    """The conversation goes on as encrypted XChat. at: when the newest sign of it was; None where X gives no time, and
    then its place in the inbox stays. False when that was known.
    """
    with transaction.atomic():
        changes.lock(x_account)
        conversation = _conversation(x_account, dm_conversation_id)
        if not is_news(conversation, at):
            return False
        conversation.encrypted_at = conversation.encrypted_at or at or timezone.now()
        if at is not None:
            conversation.last_encrypted_at, conversation.last_encrypted_id = at, snowflake_floor(at)
        conversation.last_dm_event_id = max(conversation.last_dm_event_id, conversation.last_encrypted_id)
        conversation.save(update_fields=["encrypted_at", "last_encrypted_at", "last_encrypted_id", "last_dm_event_id"])
        changes.announce(x_account, [NewChange(Change.Kind.CONVERSATION, conversation.pk)])
    return True


SIGNS_OF_ENCRYPTION = ("encrypted_at", "last_encrypted_at")


def is_news(conversation: Conversation, at: datetime | None) -> bool:
    if at is None:
        return conversation.encrypted_at is None
    return conversation.last_encrypted_at is None or conversation.last_encrypted_at < at


def _conversation(x_account: XAccount, dm_conversation_id: str) -> Conversation:
    peer = peer_in(dm_conversation_id, x_account.x_user_id)
    if peer is not None:
        ensure_users([peer, x_account.x_user_id], x_account)
    row = Conversation(
        x_account=x_account, dm_conversation_id=dm_conversation_id[:50], is_group=peer is None, peer_id=peer
    )
    Conversation.objects.bulk_create([row], ignore_conflicts=True)
    conversation = Conversation.objects.get(x_account=x_account, dm_conversation_id=row.dm_conversation_id)
    participants.recompute([conversation], {}, [])
    return conversation


def _heed_revocation(activity: Activity, received_at: datetime) -> None:
    """The account turns to "reconnect" at once, unless it was connected anew since."""
    user_id, at = xapi.revoked_user_id(activity), xapi.revoked_at(activity) or received_at
    x_account = XAccount.objects.filter(x_user_id=as_number(user_id) or 0).first()
    if x_account is None or at < x_account.connected_at:
        return
    # After the commit, for the state of a connection is written in transactions of its own. Should the process die
    # before it, the next read is refused and says the same.
    transaction.on_commit(partial(tokens.mark_reconnect, x_account, REVOKED))


def _x_account(activity: Activity) -> XAccount:
    """Also where it needs to be connected again: what X pushes meanwhile is wanted."""
    x_account = _named(activity)
    if x_account is None:
        raise Odd("it names none of our X accounts")
    if x_account.state == XAccount.State.DISCONNECTED:
        raise Unwanted
    return x_account


def _named(activity: Activity) -> XAccount | None:
    return XAccount.objects.filter(x_user_id=as_number(activity.user_id) or 0).first()


DEEDS: dict[str, Deed] = {
    "dm.received": _store_messages,
    "dm.sent": _store_messages,
    "dm.read": _note_receipts,
    "dm.indicate_typing": _note_typing,
    "chat.received": _note_chat,
    "chat.sent": _note_chat,
    "oauth.revoke": _heed_revocation,
}


# --- Counting ---------------------------------------------------------------------------------------------------------


def count(**names: int) -> None:
    """Adds to the counters of the one row."""
    PushState.objects.filter(pk=1).update(**{name: F(name) + number for name, number in names.items()})


@by_its_values()  # for any values of them no index of the few that it is about would do
def forget_old() -> None:
    """Deletes what was pushed after a week. Some ids are remembered longer, so that nobody can play them to us again.

    What is odd stays longer, for members to look at it. Of an X account that is gone, or that a person has
    disconnected, nothing stays: its messages are in their conversations.
    """
    now = timezone.now()
    taken_up = ActivityDelivery.objects.filter(received_at__lt=now - KEPT, raw__isnull=False, state=State.DONE)
    taken_up.exclude(source=ActivityDelivery.Source.WEBHOOK, event_type__in=COUNTS_AGAIN).delete()
    taken_up.update(raw=None)
    ActivityDelivery.objects.filter(received_at__lt=now - ODD_KEPT, state=State.ODD).delete()
    ActivityDelivery.objects.filter(received_at__lt=now - REMEMBERED).delete()
    ours = XAccount.objects.exclude(state=XAccount.State.DISCONNECTED)
    theirs = ActivityDelivery.objects.exclude(x_user_id__in=ours.values("x_user_id"))
    for x_user_id in {*_pushed_for()}.difference(ours.values_list("x_user_id", flat=True)):
        theirs.filter(x_user_id=x_user_id).delete()
    _forget_nameless(now, is_anybody_left=ours.exists())


def _pushed_for() -> Iterator[int]:
    """The X user ids for which something is kept: one step down an index for each, however much that is."""
    last: int | None = -1
    while last is not None:
        above = ActivityDelivery.objects.filter(x_user_id__gt=last).order_by("x_user_id")
        last = above.values_list("x_user_id", flat=True).first()
        if last is not None:
            yield last


def _forget_nameless(now: datetime, *, is_anybody_left: bool) -> None:
    """What is kept under none of our X accounts may be about any of them: it is deleted sooner, and whenever a person
    disconnects one.
    """
    ended_at = XAccount.objects.filter(state=XAccount.State.DISCONNECTED).aggregate(last=Max("state_since"))["last"]
    until = max(now - KEPT, ended_at or now - KEPT) if is_anybody_left else now
    ActivityDelivery.objects.filter(x_user_id=None, state=State.ODD, received_at__lte=until).delete()
