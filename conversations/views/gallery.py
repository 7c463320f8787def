"""All photos, videos and GIFs of one conversation, the newest first, by month."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.access import TOKENS_OF_JOINED
from conversations.forms import ThreadForm
from conversations.models import Conversation, DmEvent
from conversations.showing.pictures import Picture, picture_of
from conversations.showing.thread import day_of
from conversations.views.thread import kept_of

PAGE = 48
"""Messages with media, so that no page ends amid one."""
BOX = (360, 360)


@dataclass(frozen=True, slots=True)
class Item:
    event: DmEvent
    picture: Picture


@require_safe
def gallery(request: HttpRequest, pk: int) -> HttpResponse:
    mine = Conversation.objects.visible_to(request.user).for_person(request.user)
    mine = mine.select_related("x_account", "peer__avatar").defer(*TOKENS_OF_JOINED)
    conversation = get_object_or_404(mine, pk=pk)
    form = ThreadForm(request.GET)
    if not form.is_valid():
        raise Http404
    events = conversation.events.filter(has_media=True)
    if form.cleaned_data["before"] is not None:
        events = events.filter(dm_event_id__lt=form.cleaned_data["before"])
    found = list(events.order_by("-dm_event_id").with_media()[: PAGE + 1])
    context = {
        "conversation": conversation,
        "kept": kept_of(request),
        "months": by_month(found[:PAGE]),
        "before": form.cleaned_data["before"],
        "oldest": found[PAGE - 1].dm_event_id if len(found) > PAGE else None,
    }
    return render(request, "conversations/gallery.html", context)


def by_month(events: Iterable[DmEvent]) -> list[tuple[date, list[Item]]]:
    """Months by their first day, in the order of the events."""
    months: dict[date, list[Item]] = {}
    for event in events:
        month = months.setdefault(day_of(event).replace(day=1), [])
        month += [Item(event, picture_of(each.media, BOX)) for each in event.media_shown]
    return list(months.items())
