"""Conversations that went on as encrypted X Chat: X lists them, and gives nothing of what is said in them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.access import TOKENS_OF_JOINED
from accounts.models import XAccount
from conversations import ledger
from conversations.models import Conversation, SyncState
from conversations.sync import pace, push, trouble
from conversations.sync.quarantine import store_odd
from dminbox.xapi.client import XClient
from dminbox.xapi.errors import BadPageToken, RateLimited, XError
from dminbox.xapi.schema import Answer, ChatConversation, ChatPage

log = structlog.get_logger("conversations.sync")

EVERY = timedelta(hours=6)
AT_ONCE = 10
"""Queued by each sweep: after an upgrade all are due at the same moment."""
DRIFT = 0.25
"""By a random part of that much of the time each comes sooner, so that those in step drift apart."""
ENDPOINT = "GET /2/chat/conversations"
PAGE = 100
PAGES_PER_TURN = 10
"""A longer list is read on after a window, from where the turn before ended."""
MOST_PAGES = 1_000
"""Of one list: a longer one leads in a circle."""


def waiting() -> QuerySet[SyncState, int]:
    """Some of the X accounts whose list is to be looked at: some hours after the last time, push or not."""
    reading = SyncState.objects.filter(
        _is_old(timezone.now()), state=SyncState.State.ACTIVE, import_finished_at__isnull=False
    )
    connected = reading.filter(x_account__in=XAccount.objects.filter(state=XAccount.State.CONNECTED))
    return connected.values_list("x_account", flat=True)[:AT_ONCE]


def _is_old(now: datetime) -> Q:
    """A clock that ran ahead has looked at it in the future."""
    return Q(chats_checked_at=None) | Q(chats_checked_at__lte=now - EVERY) | Q(chats_checked_at__gt=now + EVERY)


def check(x_account_pk: int) -> None:
    """Marks what X lists. An endpoint that fails (it often did in summer 2026) is asked again next time."""
    now = timezone.now()
    counted_from = now - EVERY * random.uniform(0, DRIFT)  # noqa: S311 (no secret)
    if SyncState.objects.filter(_is_old(now), x_account=x_account_pk).update(chats_checked_at=counted_from) != 1:
        return
    state = SyncState.objects.select_related("x_account").defer(*TOKENS_OF_JOINED).get(x_account=x_account_pk)
    if wait := pace.wait_for_request(state.x_account, ENDPOINT):
        _come_back(state, wait)
        return
    try:
        if not _read(state):
            _come_back(state, pace.window())
    except XError as error:
        if isinstance(error, BadPageToken):
            _go_on_from(state, None)
        if isinstance(error, RateLimited):
            _come_back(state, pace.wait_after_refusal(error))
        trouble.heed(error)
        log.info("chats_failed", x_account_id=x_account_pk, error=type(error).__name__, status=error.status)


def _read(state: SyncState) -> bool:
    """Whether it came to the end: X says nothing of its order, and a new one may stand behind known ones."""
    x_account, seen = state.x_account, set()
    for _ in range(PAGES_PER_TURN):
        token = state.chats_token or None
        answer = ledger.call(x_account, partial(_ask, token=token))
        ledger.record(x_account, answer)
        store_odd(x_account, [*answer.value.odd, *answer.value.includes.odd])
        mark(x_account, answer.value.conversations)
        seen.add(token)
        token = answer.value.next_token
        is_circle = token in seen or state.chats_pages + 1 >= MOST_PAGES
        _go_on_from(state, None if is_circle else token)
        if not state.chats_token:
            return True
        if pace.wait_for_request(x_account, ENDPOINT):
            break
    return False


def _go_on_from(state: SyncState, token: str | None) -> None:
    """From the top without one."""
    state.chats_token, state.chats_pages = token or "", state.chats_pages + 1 if token else 0
    state.save(update_fields=["chats_token", "chats_pages"])


def _come_back(state: SyncState, wait: timedelta) -> None:
    SyncState.objects.filter(pk=state.pk).update(chats_checked_at=timezone.now() - EVERY + wait)


def mark(x_account: XAccount, chats: Sequence[ChatConversation]) -> None:
    """Most of them tell what is known, and these take one query together."""
    rows = Conversation.objects.filter(x_account=x_account, dm_conversation_id__in=[chat.id for chat in chats])
    known = {row.dm_conversation_id: row for row in rows.only("dm_conversation_id", *push.SIGNS_OF_ENCRYPTION)}
    for chat in chats:
        if chat.id not in known or push.is_news(known[chat.id], chat.updated_at):
            push.mark_encrypted(x_account, chat.id, chat.updated_at)


def _ask(client: XClient, token: str | None) -> Answer[ChatPage]:
    return client.chat_conversations(max_results=PAGE, pagination_token=token)
