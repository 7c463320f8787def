"""What a thread's templates need beside words: stretches of events, and pictures in the size a screen needs."""

from __future__ import annotations

import json
from functools import partial

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import ngettext

from conversations.models import MediaFile
from conversations.showing import folding, names
from conversations.showing.addresses import address_of
from conversations.showing.thread import Shown
from dminbox.markup import filled

register = template.Library()

register.filter("stretches", folding.stretches)

PLURALS = {"zero": 0, "one": 1, "two": 2, "few": 3, "many": 11, "other": 100}
"""A number of each kind that a browser's Intl.PluralRules may name."""


@register.simple_tag
def new_messages() -> str:
    """Words for any number of new messages, for a script that counts them."""
    forms = {kind: ngettext("{n} new message", "{n} new messages", number) for kind, number in PLURALS.items()}
    return json.dumps(forms, ensure_ascii=False)


@register.filter
def holds(stretch: folding.Stretch, dm_event_id: int | None) -> bool:
    return stretch.holds(dm_event_id)


@register.filter
def happening(row: Shown) -> str:
    if row.kind == "odd":
        return names.happening(row.event)
    return names.with_names(partial(names.moved, row.event))


@register.filter
def names_of(row: Shown) -> SafeString:
    """Everybody who came or went by one event, however many."""
    people = [each.x_user for each in row.event.people_shown]
    return names.with_names(lambda name: names.listed([name(each) for each in people]))


@register.simple_tag
def picture_url(file: MediaFile | None, conversation_pk: int, width: int = 0) -> str:
    """The smallest copy at least so wide; the file itself where there is none."""
    if file is None:
        return ""
    wide = [each for each in file.thumbnail_widths if each >= width]
    if width and wide:
        return address_of("thumbnail", conversation_pk, file.pk, min(wide))
    return address_of("media_file", conversation_pk, file.pk)


@register.simple_tag
def srcset(file: MediaFile, conversation_pk: int, shown_width: int) -> SafeString | str:
    """For the browser to choose by its screen; nothing where there is but one size."""
    if len(file.thumbnail_widths) < 2:
        return ""
    sizes = ", ".join(
        f"{address_of('thumbnail', conversation_pk, file.pk, width)} {width}w" for width in file.thumbnail_widths
    )
    return filled('srcset="{}" sizes="{}px"', sizes, shown_width)
