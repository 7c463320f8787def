"""A person's page: who they are as X last showed them, and everything they share with the X accounts one may see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.access import x_accounts_of
from conversations.forms import ThreadForm
from conversations.models import Conversation, DmEvent, EventMedia, MediaFile, XUser, XUserLook
from conversations.showing.contents import rows_of_inbox
from conversations.showing.pictures import Picture, picture_of, stored
from conversations.text import to_html
from conversations.times import moment_of
from conversations.views import search

CONVERSATIONS = 50
"""Newest ones that are listed; the inbox has a filter for all of them."""
PICTURES = 24
MESSAGES_LOOKED_AT = 500
"""For one page of pictures, so that the page of somebody who writes a lot costs no more than any other."""
FORMER_LOOKS = 20
"""Newest ones that are shown: a picture of each is loaded."""
TILE = (160, 160)


@dataclass(frozen=True, slots=True)
class Shared:
    """A picture with the message it came by."""

    picture: Picture
    event: DmEvent


@require_safe
def person(request: HttpRequest, pk: int) -> HttpResponse:
    known = XUser.objects.visible_to(request.user).select_related("avatar")
    found = get_object_or_404(known, pk=pk)
    form = ThreadForm(request.GET)
    if not form.is_valid():
        raise Http404
    conversations = _conversations(request, found)
    shared, older_media = _shared(request, found, form.cleaned_data["before"])
    find = form.cleaned_data["find"]
    context = {
        "person": found,
        "results": search.address_of(find) if find else "",
        "profile": _profile(found),
        "conversations": conversations[:CONVERSATIONS],
        "has_more": len(conversations) > CONVERSATIONS,
        "shared": shared,
        "older_media": older_media,
        "looked_at": MESSAGES_LOOKED_AT,
        "is_older": form.cleaned_data["before"] is not None,
        "former_names": found.former_names.all(),
        "former_looks": _former_looks(found),
        "first": _messages(request, found).order_by("dm_event_id").first(),
        "last": _messages(request, found).order_by("-dm_event_id").first(),
    }
    return render(request, "conversations/person.html", context)


def _conversations(request: HttpRequest, found: XUser) -> list[Conversation]:
    mine = Conversation.objects.visible_to(request.user).for_person(request.user).with_person(found.pk)
    return rows_of_inbox(mine.with_rows_of_inbox().newest_first()[: CONVERSATIONS + 1])


def _messages(request: HttpRequest, found: XUser) -> Any:
    """What they wrote in conversations this reader may see, by the index of a person's events."""
    mine = x_accounts_of(request.user).values("pk")
    return DmEvent.objects.filter(sender=found, conversation__x_account__in=mine)


def _shared(request: HttpRequest, found: XUser, before: int | None) -> tuple[list[Shared], int | None]:
    """Newest first, no message cut in two; and the dm_event_id to go on below, None at the end."""
    theirs = _messages(request, found) if before is None else _messages(request, found).filter(dm_event_id__lt=before)
    looked_at = list(theirs.order_by("-dm_event_id").values_list("pk", "dm_event_id")[:MESSAGES_LOOKED_AT])
    rows = EventMedia.objects.filter(event__in=[pk for pk, _ in looked_at]).order_by(
        "-event__dm_event_id", "position", "pk"
    )
    rows = rows.select_related("event", "media__file", "media__light", "media__preview")[: 2 * PICTURES]
    shown: list[Shared] = []
    for row in rows:
        if len(shown) >= PICTURES and row.event_id != shown[-1].event.pk:
            return shown, shown[-1].event.dm_event_id
        shown.append(Shared(picture_of(row.media, TILE), row.event))
    return shown, looked_at[-1][1] if len(looked_at) == MESSAGES_LOOKED_AT else None


# --- The profile as X last showed it: kept as it came, so each part is looked at before it is used --------------------


@dataclass(frozen=True, slots=True)
class Profile:
    """about: their own words as safe HTML."""

    about: str
    location: str
    joined_at: datetime | None
    followers: int | None
    following: int | None


def _profile(found: XUser) -> Profile:
    raw = found.raw if isinstance(found.raw, dict) else {}
    counts = raw.get("public_metrics")
    counts = counts if isinstance(counts, dict) else {}
    return Profile(
        about=to_html(found.description, {}) if found.description else "",
        location=found.location,
        joined_at=moment_of(raw.get("created_at")),
        followers=_number(counts.get("followers_count")),
        following=_number(counts.get("following_count")),
    )


@dataclass(frozen=True, slots=True)
class FormerLook:
    """What was otherwise than in the profile that came after it."""

    about: str
    location: str
    picture: MediaFile | None
    seen_from: datetime
    seen_until: datetime

    @property
    def is_of_picture_alone(self) -> bool:
        return not self.about and not self.location


def _former_looks(found: XUser) -> list[FormerLook]:
    looks = list(found.former_looks.select_related("avatar")[:FORMER_LOOKS])
    newer: list[XUser | XUserLook] = [found, *looks]
    return [_otherwise(look, after) for look, after in zip(looks, newer, strict=False)]


def _otherwise(look: XUserLook, after: XUser | XUserLook) -> FormerLook:
    about = look.description if look.description != after.description else ""
    return FormerLook(
        about=to_html(about, {}) if about else "",
        location=look.location if look.location != after.location else "",
        picture=stored(look.avatar) if look.avatar_id != after.avatar_id else None,
        seen_from=look.seen_from,
        seen_until=look.seen_until,
    )


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
