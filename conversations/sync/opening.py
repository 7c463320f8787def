"""Opening a conversation that is not in the inbox: X is asked for it by handle, user id or conversation id."""

from __future__ import annotations

from contextlib import AbstractContextManager

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_noop

from accounts.models import XAccount
from conversations import changes, ledger
from conversations.ids import as_number
from conversations.models import Conversation, ConversationLookup
from conversations.sync import caps, intervals, wishes
from conversations.sync.includes import store_users
from conversations.sync.intervals import BEGINNING, Reach
from conversations.sync.store import store_page
from dminbox.wording import NO_PERSON
from dminbox.xapi.client import XClient
from dminbox.xapi.errors import NotPermitted, NotThere
from dminbox.xapi.schema import Answer, Page

Kind = ConversationLookup.Kind
State = ConversationLookup.State

NONE = gettext_noop("X returned no messages of this conversation. Encrypted XChat messages are never included.")
NO_TARGET = gettext_noop("This is not a handle, a user ID or a conversation ID of X.")
UNREADABLE = gettext_noop(
    "X returned messages of this conversation that could not be stored; an owner can find them in the quarantine."
)


def look_up_conversation(pk: int) -> None:
    """Takes up a wish to open a conversation: its newest page is stored, or the words say that X knows none."""
    lookup = wishes.claim(ConversationLookup, pk)
    if lookup is None:
        return
    with wishes.settling(lookup):
        try:
            _look_up(lookup)
        except ValueError:  # the client refuses what cannot be an id or a handle
            wishes.finish(lookup, State.FAILED, NO_TARGET)
        except (NotThere, NotPermitted):
            wishes.finish(lookup, State.NONE, NONE)


def _look_up(lookup: ConversationLookup) -> None:
    participant_id = _participant_id(lookup)
    if participant_id == "":
        return
    dm_conversation_id = _dm_conversation_id(lookup, participant_id)
    reach: Reach | None = None
    while reach is None or (reach.token and not reach.is_resting and wishes.renew(lookup)):
        with _asked(lookup, participant_id, dm_conversation_id, reach.token if reach else "") as answer:
            # The reach is advanced here and claimed below, in the transaction that stores the page.
            start = reach or intervals.top(answer.answered_at)
            reach = intervals.advance(start, answer.value, end_id=BEGINNING)
            if answer.value.events or answer.value.odd:
                _store(lookup, answer, dm_conversation_id, reach)
                return
            ledger.record(lookup.x_account, answer)
    wishes.finish(lookup, State.NONE, NONE)


def _participant_id(lookup: ConversationLookup) -> str | None:
    """Whom the conversation is with; None when its own id is known, "" when X knows no such person."""
    if lookup.kind == Kind.CONVERSATION_ID:
        return None
    if lookup.kind == Kind.USER_ID:
        return lookup.target
    with caps.room(lookup.x_account, settings.PRICE_USER_USD, 1):
        try:
            answer = ledger.call(lookup.x_account, lambda client: client.user_by_username(lookup.target))
        except (NotThere, NotPermitted):
            wishes.finish(lookup, State.NONE, NO_PERSON % {"handle": lookup.target})
            return ""
        with transaction.atomic():
            store_users([answer.value], answer.answered_at)  # before the bill, as a page's people are
            ledger.record(lookup.x_account, answer)
    return answer.value.id


def _dm_conversation_id(lookup: ConversationLookup, participant_id: str | None) -> str:
    if participant_id is None:
        return lookup.target.replace(":", "-")
    sides = as_number(participant_id), lookup.x_account.x_user_id
    if sides[0] is None:
        raise ValueError("that id is too large")
    return "-".join(map(str, sorted([sides[0], sides[1]])))


def _asked(
    lookup: ConversationLookup, participant_id: str | None, dm_conversation_id: str, token: str
) -> AbstractContextManager[Answer[Page]]:
    def read(client: XClient, size: int, with_people: bool) -> Answer[Page]:
        if participant_id is None:
            return client.conversation_dm_events(
                dm_conversation_id, max_results=size, pagination_token=token or None, expand_users=with_people
            )
        return client.dm_events_with(
            participant_id, max_results=size, pagination_token=token or None, expand_users=with_people
        )

    endpoint = ledger.HISTORY if participant_id is None else ledger.HISTORY_WITH
    return wishes.asked(lookup, lookup.x_account, endpoint, read)


def _store(lookup: ConversationLookup, answer: Answer[Page], dm_conversation_id: str, reach: Reach) -> None:
    with transaction.atomic():
        changes.lock(lookup.x_account)
        store_page(lookup.x_account, answer, dm_conversation_id=dm_conversation_id)
        ledger.record(lookup.x_account, answer)
        conversation = _found(lookup.x_account, dm_conversation_id)
        if conversation is None:
            wishes.finish(lookup, State.FAILED, UNREADABLE)
            return
        merged = intervals.record(lookup.x_account, conversation, reach, is_top=True)
        intervals.close_conversation(conversation, merged)
        wishes.settle(lookup, state=State.FOUND, conversation=conversation, detail="")


def _found(x_account: XAccount, dm_conversation_id: str) -> Conversation | None:
    return Conversation.objects.filter(x_account=x_account, dm_conversation_id=dm_conversation_id).first()
