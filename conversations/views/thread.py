"""The thread: one conversation, its history page by page, and how far a person has read it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import TOKENS_OF_JOINED, signed_in
from accounts.models import Role, User, snowflake_floor
from conversations import actions, filters, live
from conversations.forms import MAX_ID, HistoryForm, MarkReadForm, ThreadForm
from conversations.ledger import utc_day
from conversations.models import Conversation, DmEvent, EventParticipant, Participant
from conversations.querysets import DmEventQuerySet, of_person, of_x_account
from conversations.search import finding, query
from conversations.showing.attention import attention_of
from conversations.showing.contents import add_contents
from conversations.showing.names import others_named, typing_of
from conversations.showing.thread import (
    Shown,
    day_of,
    mark_locked,
    mark_seen,
    mark_unread,
    newest_by,
    panel_state,
    shown,
    steps_by_person,
)
from conversations.sync import estimates
from conversations.sync.caps import CapReached
from conversations.sync.history import ENCRYPTED, billed_again, can_be_read, with_billed_again
from conversations.sync.wishes import people_to_pay
from conversations.views import search
from conversations.views.prices import all_of, new_price, prices, refusal, too_many_wishes
from conversations.views.watching import is_watched
from dminbox.statements import compiled_once
from dminbox.wording import usd

PAGE = 50
PEOPLE = 8
"""The panel of people begins with so many, and asks for the others when it is looked at."""
MOST_STEPS = 200
"""Comings and goings that the panel of people tells of, the newest."""
OF_CONVERSATION = (
    *("dm_conversation_id", "is_group", "last_event", "last_incoming_dm_event_id", "has_reached_beginning"),
    *("encrypted_at", "last_encrypted_at"),
    *of_person("peer"),
    *of_x_account("x_account__"),
    *(f"x_account__sync__{name}" for name in ("import_finished_at", "horizon_id", "needs_people_until")),
)
"""Columns that a thread shows, or reckons with."""
IN_STEPS = (
    *("x_user_id", "event__event_type", "event__created_at"),
    *("event__sender__name", "event__sender__username"),
)
"""Columns that the panel of people shows of a coming or going."""
Show = ThreadForm.Show
EVENT_TYPES = {
    Show.ALL: [],
    Show.MESSAGES: [DmEvent.Type.MESSAGE_CREATE.value],
    Show.COMINGS: [DmEvent.Type.PARTICIPANTS_JOIN.value, DmEvent.Type.PARTICIPANTS_LEAVE.value],
}
"""X's own event_types for each way a thread is narrowed."""


@require_safe
def thread(request: HttpRequest, pk: int) -> HttpResponse:
    conversation = _conversation(request, pk)
    if is_watched(request):
        actions.watch([conversation.x_account])
    return _day_page(request, conversation) if request.GET.get("on") else _whole_page(request, conversation)


def _day_page(request: HttpRequest, conversation: Any) -> HttpResponse:
    """To the page that begins with the first event of that day, or of the next day that has one."""
    wanted = _wanted(request)
    if wanted["on"] is None:
        words = _("“%(typed)s” is not a date. Choose one, or write it like 2026-11-03.")
        messages.error(request, words % {"typed": request.GET["on"]})
        return _whole_page(request, conversation, status=422)
    begins = min(query.first_id_of(wanted["on"]), MAX_ID)
    events = _narrowed(conversation, wanted["show"]).filter(dm_event_id__gte=begins).order_by("dm_event_id")
    first = events.values_list("dm_event_id", flat=True).first()
    if first is None:
        messages.info(request, _("Nothing is stored from that day or later. These are the newest messages."))
        return redirect(_address(conversation.pk, wanted))
    return redirect(f"{_address(conversation.pk, wanted, after=first - 1)}#e{first}")


def _whole_page(request: HttpRequest, conversation: Any, status: int = 200) -> HttpResponse:
    wanted = _wanted(request)
    events, older, above = _window(conversation, wanted)
    people = _people_of(request, conversation)
    _add_receipt(conversation, people, events if above is None else None)
    context = _page(conversation, wanted, events, older, above) | _panel(conversation, people, PEOPLE)
    context |= {
        "has_newer": above is not None,
        "next_newer": above,
        "live_from": _live_from(conversation),
        "is_chat_only": conversation.last_event_id is None and conversation.encrypted_at is not None,
        "typing": typing_of(conversation, people),
        "target": wanted["at"],
        "attention": attention_of(conversation.x_account),
        **_marking(conversation, wanted, events, older, above),
        "list": filters.list_beside(request.GET),
        "results": search.address_of(wanted["find"]) if wanted["find"] else "",
        "choices": _choices(conversation, wanted),
        "is_panel_closed": request.COOKIES.get("panel") == "closed",  # static/js/thread.js sets it
    }
    mark_seen(context["rows"], conversation.seen_own_id, conversation.seen_at)
    return render(request, "conversations/thread.html", context, status=status)


def _choices(conversation: Conversation, wanted: dict[str, Any]) -> list[tuple[str, object, str]]:
    """What a thread of many can be narrowed to: the value, its label, and what stands in the address."""
    choices = Show.CHOICES if conversation.is_group or wanted["show"] else ()
    return [(value, label, _kept(wanted | {"show": value})) for value, label in choices]


def _marking(
    conversation: Any, wanted: dict[str, Any], events: list[DmEvent], older: int | None, above: int | None
) -> dict[str, Any]:
    """How far this page may move the read mark: to its end, where it is the newest or what is new begins on it.

    mark_waits: what is new begins, or goes on, on another page, so that all of it is to be seen first. unread_above:
    how much begins above, as `by_others_after` tells it.
    """
    newest, read_to = events[-1].dm_event_id if events else 0, conversation.read_to
    is_read = read_to >= min(newest, conversation.last_incoming_dm_event_id) or wanted["show"] == Show.COMINGS
    has_beginning = older is None or older <= read_to
    if is_read or not (has_beginning or above is None):
        return {"newest": newest}
    told = {"newest": newest, "may_mark": True, "mark_waits": not (has_beginning and above is None)}
    if has_beginning:
        return told
    count, first = conversation.events.by_others_after(read_to, conversation.x_account.x_user_id)
    return told | {"unread_above": {"count": count, "first": first}}


def _live_from(conversation: Any) -> str:
    """Where the stream goes on: the number was read before the events. The list beside it asks for itself."""
    sync = conversation.x_account.sync if hasattr(conversation.x_account, "sync") else None
    return live.write_id({conversation.x_account_id: sync.last_change if sync else 0})


@require_safe
def thread_older(request: HttpRequest, pk: int) -> HttpResponse:
    """The page above `before`, to be put on top of what is there."""
    conversation = _conversation(request, pk)
    wanted = _wanted(request)
    if wanted["before"] is None:
        raise Http404
    # One more on either side: the event we stand at tells whether its day goes on here, the last whether there is more.
    found = _newest_up_to(wanted["before"], conversation.pk, wanted["show"])
    below = found.pop(0) if found and found[0].dm_event_id == wanted["before"] else None
    page = _with_contents(found[:PAGE][::-1])
    _add_receipt(conversation, conversation.participants.filter(x_user=conversation.peer_id))
    context = _page(conversation, wanted, page, _after_page(found), wanted["before"])
    mark_seen(context["rows"], conversation.seen_own_id, conversation.seen_at)
    if below and page and day_of(page[-1]) == day_of(below):
        context["day_goes_on"] = day_of(below)
    return render(request, "conversations/_older.html", context)


@require_safe
def thread_newer(request: HttpRequest, pk: int) -> HttpResponse:
    """What came after the event `after`, to be put below what is there; with `at`: that one event as it shows now.

    The event before is looked at too, so that days and runs go on; PAGE at most, the browser asks again. Whom it is
    with comes along, and the panel of people where it tells otherwise than the page that asks.
    """
    conversation = _conversation(request, pk)
    # Where one had read to stays as it was when the page was opened, but for what came while nobody looked.
    wanted = _wanted(request)
    wanted["line"] = wanted["line"] or 0
    is_one = wanted["after"] is None
    edge = wanted["at"] if is_one else wanted["after"]
    if edge is None:
        raise Http404
    before, found = _from(_narrowed(conversation, wanted["show"]), edge, is_one=is_one)
    page = _with_contents(before + found[:PAGE])
    people = _people_of(request, conversation)
    _add_receipt(conversation, people)  # it stands apart: it may belong under a message that is there already
    context = _page(conversation, wanted, page, edge, None)
    context["rows"] = [row for row in context["rows"] if row.event not in before]
    context |= {
        "typing": typing_of(conversation, people),
        "newest": page[-1].dm_event_id if page else 0,
        "has_newer": len(found) > PAGE,
        "may_mark": conversation.last_incoming_dm_event_id > conversation.read_to and wanted["show"] != Show.COMINGS,
        "is_one": is_one,
        "news": next((row for row in reversed(context["rows"]) if row.kind == "message" and not row.is_ours), None),
        "attention": attention_of(conversation.x_account),
    }
    if wanted["people"] not in ("", panel_state(people)):
        context |= _panel(conversation, people)
    return render(request, "conversations/_newer.html", context)


def _from(events: DmEventQuerySet, edge: int, *, is_one: bool) -> tuple[list[DmEvent], list[DmEvent]]:
    """What stands above, one event at most; and what came after the edge, or the event at it alone."""
    if is_one:
        old, new = events.filter(dm_event_id__lt=edge), events.filter(dm_event_id=edge)
    else:
        old, new = events.filter(dm_event_id__lte=edge), events.filter(dm_event_id__gt=edge)
    above = list(old.order_by("-dm_event_id").with_senders()[:1])
    return above, list(new.order_by("dm_event_id").with_senders()[: PAGE + 1])


@require_safe
def people(request: HttpRequest, pk: int) -> HttpResponse:
    """Everybody X has shown us in a conversation: a page, of which the panel takes those it does not have."""
    conversation = _conversation(request, pk)
    context = {"conversation": conversation, "kept": kept_of(request)}
    context |= _panel(conversation, _people_of(request, conversation))
    return render(request, "conversations/people.html", context)


@require_safe
def event(request: HttpRequest, pk: int, dm_event_id: int) -> HttpResponse:
    """The permanent address of one event: the thread around it."""
    found = get_object_or_404(DmEvent.objects.visible_to(request.user), conversation=pk, dm_event_id=dm_event_id)
    return redirect(f"{_address(pk, _wanted(request), at=found.dm_event_id)}#e{found.dm_event_id}")


@require_POST
def mark_read(request: HttpRequest, pk: int) -> HttpResponse:
    mine = Conversation.objects.visible_to(request.user).for_person(request.user)
    conversation: Any = get_object_or_404(mine, pk=pk)
    form = MarkReadForm(request.POST)
    if not form.is_valid():
        return HttpResponse(_("Message not found."), status=422, content_type="text/plain")
    read_to = form.cleaned_data["dm_event_id"]
    if conversation.read_to < read_to:  # else another tab was first
        actions.mark_read(signed_in(request), conversation, read_to)
    if request.headers.get("HX-Request"):
        is_read = conversation.last_incoming_dm_event_id <= max(read_to, conversation.read_to)
        return HttpResponse(status=204, headers={"HX-Trigger": "conversation-read"} if is_read else {})
    return redirect(filters.list_beside(request.GET))


@require_http_methods(["GET", "HEAD", "POST"])
def read_history(request: HttpRequest, pk: int) -> HttpResponse:
    """GET: how the wish for older events stands. POST: wish for a page more, or for all there is; it costs money."""
    wanted = _wanted(request)
    is_part = bool(request.headers.get("HX-Request"))
    words = _ask(request, pk) if request.method == "POST" else ""
    if request.method == "POST" and not is_part and not words:
        return redirect(_address(pk, wanted))
    conversation = _conversation(request, pk)
    if words and not is_part:
        messages.error(request, words)
        return _whole_page(request, conversation, status=422)
    events = _narrowed(conversation, wanted["show"])
    older = events.filter(dm_event_id__lt=wanted["before"] or MAX_ID).order_by("-dm_event_id")
    context = _page(conversation, wanted, [], older.values_list("dm_event_id", flat=True).first(), None)
    context["refusal"] = words
    return render(request, "conversations/_top.html", context, status=422 if words else 200)


def _ask(request: HttpRequest, pk: int) -> str:
    """Writes the wish down; the words for a refusal when X gives nothing of it, or when it could cost more than was
    told, or cross the month's cap.
    """
    mine = Conversation.objects.visible_to(request.user, Role.AGENT).with_ages()
    rows = mine.select_related("x_account__sync").defer(*TOKENS_OF_JOINED)
    conversation = get_object_or_404(rows, pk=pk)
    form = HistoryForm(request.POST)
    if not form.is_valid():
        raise Http404
    if not can_be_read(conversation):
        return _(ENCRYPTED)
    kinds = form.cleaned_data["event_types"]
    again = 0 if kinds else billed_again(conversation)
    told = form.cleaned_data["told"] or Decimal(0)
    whole = None
    if form.cleaned_data["whole"] is not None:
        told, whole = form.cleaned_data["whole"], all_of(conversation, again)
    pages = whole.pages if whole else estimates.pages_past(again)
    try:
        actions.read_history(signed_in(request), conversation, kinds, pages, told)
    except actions.DearerThanTold as dearer:
        return new_price(dearer.usd)
    except actions.TooManyWishes:
        return too_many_wishes(actions.MOST_WISHES)
    except CapReached:
        most = estimates.of_pages(pages, people_to_pay(conversation))
        return refusal(conversation.x_account, most.usd)
    return ""


# --- What all of them need --------------------------------------------------------------------------------------------


def _conversation(request: HttpRequest, pk: int) -> Any:
    """The conversation with what this person has read of it, and how far X's history of it is read; else Http404."""
    today = utc_day(timezone.now()).isoformat()  # a word: one statement a day
    found = _visible_one(signed_in(request).pk, pk, today)
    if not found:
        raise Http404
    conversation: Any = found[0]
    told = conversation.history or {}
    conversation.history_state, conversation.history_detail = told.get("state"), told.get("detail")
    conversation.history_events = told.get("events_read")
    return conversation


@compiled_once
def _visible_one(user: int, pk: int, today: str) -> QuerySet[Conversation]:
    mine = Conversation.objects.filter(pk=pk).visible_to(User(pk=user)).for_person(User(pk=user))
    shown = mine.with_history().with_ages().select_related("x_account__sync", "peer__avatar")
    # All of a short thread stands on its newest page, and so do the buttons with their prices.
    return with_billed_again(shown, today, at_most=PAGE).only(*OF_CONVERSATION)


def _add_receipt(conversation: Any, people: Iterable[Participant], newest: Sequence[DmEvent] | None = None) -> None:
    """Adds `seen_own_id`, the newest message of ours that the other side has read by X's word, and `seen_at`.

    newest: the events of a page that ends with the newest; a message above them is of no interest there.
    """
    peer = next((row for row in people if row.x_user_id == conversation.peer_id), None)
    conversation.seen_own_id, conversation.seen_at = None, peer.seen_at if peer else None
    if peer and peer.seen_dm_event_id:
        ours, seen = conversation.x_account.x_user_id, peer.seen_dm_event_id
        on_page = newest_by(newest or (), ours, seen)
        conversation.seen_own_id = on_page if newest is not None else conversation.events.newest_by(ours, seen)


def _wanted(request: HttpRequest) -> dict[str, Any]:
    """A day that is none is told of by the page itself."""
    form = ThreadForm(request.GET)
    if set(form.errors) - {"on"}:
        raise Http404
    return {"on": None, **form.cleaned_data, "filters": filters.kept_in(request.GET)}


def _may_ask(conversation: Any, show: str) -> bool:
    """Whether asking X for more makes sense, and is this person's to pay. A refill of some kinds always may."""
    if conversation.role not in Role.at_least(Role.AGENT):
        return False
    return bool(show) or not conversation.has_reached_beginning


def _narrowed(conversation: Conversation, show: str) -> DmEventQuerySet:
    events: DmEventQuerySet = conversation.events.all()
    if show == Show.MESSAGES:
        return events.messages()
    if show == Show.COMINGS:
        return events.comings_and_goings()
    return events


def _window(conversation: Conversation, wanted: dict[str, Any]) -> tuple[list[DmEvent], int | None, int | None]:
    """The events of a page, oldest first, and the dm_event_ids of the next older and of the next newer one."""
    events = _narrowed(conversation, wanted["show"])
    if wanted["after"] is not None:
        found = list(events.filter(dm_event_id__gt=wanted["after"]).order_by("dm_event_id").with_senders()[: PAGE + 1])
        return _with_contents(found[:PAGE]), wanted["after"], _after_page(found)
    newest, next_newer = MAX_ID, wanted["before"]
    if next_newer is not None:
        newest = next_newer - 1
    elif wanted["at"] is not None:
        above = events.filter(dm_event_id__gt=wanted["at"]).order_by("dm_event_id")
        edge = list(above.values_list("dm_event_id", flat=True)[PAGE // 2 - 1 : PAGE // 2 + 1])
        next_newer = edge[1] if len(edge) > 1 else None
        newest = edge[0] if edge else MAX_ID
    found = _newest_up_to(newest, conversation.pk, wanted["show"])
    return _with_contents(found[:PAGE][::-1]), _after_page(found), next_newer


@compiled_once
def _newest_up_to(dm_event_id: int, conversation: int, show: str) -> QuerySet[DmEvent]:
    """Newest first: a page, and one more on either side of it."""
    events = _narrowed(Conversation(pk=conversation), show).filter(dm_event_id__lte=dm_event_id)
    return events.order_by("-dm_event_id").with_senders()[: PAGE + 2]


def _after_page(found: Sequence[DmEvent]) -> int | None:
    return found[PAGE].dm_event_id if len(found) > PAGE else None


def _with_contents(events: list[DmEvent]) -> list[DmEvent]:
    add_contents(events)
    return events


def _people_of(request: HttpRequest, conversation: Any) -> list[Participant]:
    """Everybody X has shown us in it; it is named by them from now on."""
    people = _profiles(signed_in(request).pk, conversation.pk)
    conversation.named = others_named(conversation, people)
    return people


@compiled_once
def _profiles(user: int, conversation: int) -> QuerySet[Participant]:
    return Participant.objects.filter(conversation=conversation).with_profiles(User(pk=user))


def _panel(conversation: Conversation, people: Sequence[Participant], most: int | None = None) -> dict[str, Any]:
    steps = _steps(conversation) if conversation.is_group else []
    return {
        "people": people[:most],
        "has_more_people": most is not None and len(people) > most,
        "people_state": panel_state(people),
        "steps": steps_by_person(steps),
        "has_older_steps": len(steps) == MOST_STEPS,
    }


def _steps(conversation: Conversation) -> list[EventParticipant]:
    types = EVENT_TYPES[Show.COMINGS]
    rows = EventParticipant.objects.filter(event__conversation=conversation, event__event_type__in=types)
    newest = rows.select_related("event__sender").only(*IN_STEPS).order_by("-event__dm_event_id")[:MOST_STEPS]
    return list(newest)[::-1]


def _page(
    conversation: Any, wanted: dict[str, Any], events: list[DmEvent], older: int | None, above: int | None
) -> dict[str, Any]:
    """older, above: the dm_event_ids of the next older event and of the next newer; None where there is none."""
    marks = finding.marks_of(query.parse(wanted["find"]).terms)
    rows, has_older = shown(events, conversation.x_account.x_user_id, marks), older is not None
    read_to = conversation.read_to if wanted["line"] is None else wanted["line"]
    mark_unread(rows, read_to, older, is_newest=above is None)
    may_ask = _may_ask(conversation, wanted["show"])
    is_offered = may_ask and not has_older  # only where what is stored ends are there buttons, with their prices
    people = people_to_pay(conversation) if is_offered else 0
    again = 0
    if is_offered and not wanted["show"]:
        told = conversation.billed_again
        again = billed_again(conversation) if told is None else told
    pages = estimates.pages_past(again)
    page_usd = estimates.of_pages(pages, people).usd
    stored = events if above is None else ()
    whole = all_of(conversation, again, stored, people) if is_offered and not wanted["show"] else None
    return {
        "conversation": conversation,
        "rows": rows,
        "is_locked_below": _is_locked_here(conversation, wanted, rows, has_older, above),
        "has_older": has_older,
        "oldest": events[0].dm_event_id if events else wanted["before"] or MAX_ID,
        # The mark moves while one reads; the older pages still show where it stood.
        "line": read_to if older is not None and 0 < read_to < older else None,
        "show": wanted["show"],
        "kept": _kept(wanted),
        "kept_values": parse_qsl(_kept(wanted)),
        "filters": wanted["filters"],
        "event_types": EVENT_TYPES[wanted["show"]],
        "is_of_moves": wanted["show"] == Show.COMINGS,
        "may_ask": may_ask,
        "again": again,
        "whole": whole if whole and whole.pages > pages else None,
        "prices": prices() | {"page": usd(page_usd)} if is_offered else {},
        "page_usd": page_usd,
    }


def _is_locked_here(
    conversation: Conversation, wanted: dict[str, Any], rows: Sequence[Shown], has_older: bool, above: int | None
) -> bool:
    """Marks where it went on encrypted, on the one page that time lies in; True when that is below all rows.

    A page reaches from its first event up to the next page's first.
    """
    if conversation.encrypted_at is None or wanted["show"] == Show.COMINGS:
        return False
    locked_id = snowflake_floor(conversation.encrypted_at)
    begins = rows[0].event.dm_event_id if has_older and rows else 0
    if locked_id < begins or (above is not None and locked_id >= above):
        return False
    return mark_locked(rows, locked_id)


def _kept(wanted: dict[str, Any]) -> str:
    """What each address of this thread keeps: what it is narrowed to, what was searched, and the filters of the list
    beside it.
    """
    own = urlencode({name: wanted[name] for name in ("show", "find") if wanted[name]})
    return "&".join(part for part in (own, wanted["filters"]) if part)


def kept_of(request: HttpRequest) -> str:
    """The same for a page beside the thread, so that it leads back to where it was opened."""
    return _kept(_wanted(request))


def _address(pk: int, wanted: dict[str, Any], **place: int) -> str:
    """Of the thread, at that place of it or at its end."""
    query = "&".join(part for part in (urlencode(place), _kept(wanted)) if part)
    address = reverse("thread", args=[pk])
    return f"{address}?{query}" if query else address
