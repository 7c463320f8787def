"""Words, avatars and times for templates; the wording itself stands in conversations/showing/."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from conversations import links
from conversations.models import Conversation, DmEvent, MediaFile, XUser
from conversations.showing import moments, names, pictures
from conversations.showing.addresses import address_of
from dminbox import static, wording
from dminbox.markup import filled

register = template.Library()

register.filter("name_of", names.name_of)
register.filter("name_amid_words", names.name_amid_words)
register.filter("handle_of", names.handle_of)
register.filter("verified_as", names.verified_as)
register.filter("title_of", names.title_of)
register.filter("signs_of", names.signs_of)
register.filter("usd", wording.usd)
register.filter("about_usd", wording.about_usd)
register.filter("worded", wording.worded)
register.simple_tag(names.preview_of, name="preview_of")
register.simple_tag(address_of)
register.simple_tag(static.version, name="version_of_static_files")
register.simple_tag(links.conversation, name="conversation_on_x")
register.filter("person_on_x", links.person)
register.filter("post_on_x", links.post)


@register.simple_tag
def avatar(person: XUser | None, conversation_pk: int, size: str = "m") -> SafeString:
    """The picture as kept by us, reached through a conversation; else an initial. Names stand beside it."""
    file = pictures.stored(person.avatar) if person else None
    if file is None:
        letter, colour = names.initial_of(person), names.colour_of(person)
        return filled('<span class="avatar {} c{}" aria-hidden="true">{}</span>', size, colour, letter)
    return avatar_of_file(file, conversation_pk, size)


@register.simple_tag
def avatar_of_file(file: MediaFile, conversation_pk: int, size: str) -> SafeString:
    return filled(
        '<span class="avatar {}"><img src="{}" alt="" loading="lazy"></span>',
        size,
        file_url(conversation_pk, file.pk),
    )


@register.simple_tag
def file_url(conversation_pk: int, file_pk: int) -> str:
    return address_of("media_file", conversation_pk, file_pk)


@register.simple_tag
def moment(value: datetime | None, style: str = "full") -> SafeString | str:
    """A <time> in the person's zone: the whole of it in title and datetime. style: clock, short or full."""
    if value is None:
        return _("never")
    return filled(TIME, *told(value, style))


TIME = '<time datetime="{}" title="{}">{}</time>'


def told(value: datetime, style: str) -> tuple[str, str, str]:
    """What stands in TIME; its words are the last."""
    local = timezone.localtime(value)
    return local.isoformat(timespec="seconds"), wording.whole_moment(local), _words(local, style)


def _words(local: datetime, style: str) -> str:
    match style:
        case "clock":
            return wording.clock(local)
        case "short":
            return moments.short_time_of(local)
    return wording.day_and_clock(local, "SHORT_DATE_FORMAT")


@register.simple_tag
def event_link(event: DmEvent) -> SafeString:
    """The permanent address of an event, with its time for a label."""
    address = address_of("event", event.conversation_id, event.dm_event_id)
    return filled(EVENT_LINK, address, *told(event.created_at, "clock"))


EVENT_LINK = f'<a class="event-time" href="{{}}">{TIME}</a>'


def event_links(event: DmEvent, conversation: Conversation, has_media: bool, at: tuple[str, str, str]) -> SafeString:
    """Where one message stands here, and its media on X: of any other X has no more than the conversation, and to that
    the head of the thread and the menu of each message lead. at: its time as `told`.
    """
    media = links.message(conversation.dm_conversation_id, event.dm_event_id, has_media=True) if has_media else ""
    return filled(
        EVENT_LINKS,
        address_of("event", event.conversation_id, event.dm_event_id),
        *at,
        address_of("message", event.conversation_id, event.dm_event_id),
        _("More about this message"),
        filled(ON_X, media, _("On X")) if media else "",
    )


EVENT_LINKS = f'{EVENT_LINK}<a class="more" href="{{}}" aria-label="{{}}">⋯</a>{{}}'
ON_X = '<a class="on-x" href="{}" target="_blank" aria-label="{}">↗</a>'


@register.filter
def steps_of(steps: dict[int, Any], person_pk: int) -> Any:
    return steps.get(person_pk, ())
