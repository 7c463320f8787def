"""One message by itself: what the menu of a thread offers, and the event as X gave it."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.access import TOKENS_OF_JOINED
from accounts.models import Role
from conversations import links, text
from conversations.models import Conversation, DmEvent


@require_safe
def message(request: HttpRequest, pk: int, dm_event_id: int) -> HttpResponse:
    event = _event(request, pk, dm_event_id)
    conversation: Any = get_object_or_404(Conversation.objects.visible_to(request.user).for_person(request.user), pk=pk)
    context = {
        "event": event,
        "may_see_raw": conversation.role == Role.ADMIN,
        "plain": text.plain(event.text, event.entities),
        "address": request.build_absolute_uri(request.path).removesuffix("more/"),
        "on_x": links.message(event.conversation.dm_conversation_id, dm_event_id, has_media=event.has_media),
    }
    return render(request, "conversations/message.html", context)


@require_safe
def raw(request: HttpRequest, pk: int, dm_event_id: int) -> HttpResponse:
    """For admins alone: X's words hold more than a thread shows."""
    event = _event(request, pk, dm_event_id, Role.ADMIN)
    context = {"event": event, "raw": json.dumps(event.raw, indent=2, ensure_ascii=False)}
    return render(request, "conversations/raw.html", context)


def _event(request: HttpRequest, pk: int, dm_event_id: int, role: str = Role.VIEWER) -> DmEvent:
    events = DmEvent.objects.visible_to(request.user, role).select_related("conversation__x_account", "sender")
    events = events.defer(*(f"conversation__{name}" for name in TOKENS_OF_JOINED))
    return get_object_or_404(events, conversation=pk, dm_event_id=dm_event_id)
