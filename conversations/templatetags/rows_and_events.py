"""Rows of the inbox and events of a thread, each put together in one go.

A page has dozens of them. As templates, with a node for every value and every condition, they took longer than all the
rest of the page.
"""

from __future__ import annotations

from django import template
from django.template import Context
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from conversations import links
from conversations.models import Conversation
from conversations.showing import names
from conversations.showing.addresses import address_of
from conversations.showing.thread import Shown
from conversations.templatetags.shown import avatar, event_links, moment, told
from dminbox.markup import filled

register = template.Library()

# --- A row of the inbox -----------------------------------------------------------------------------------------------

ROW = """\
<a class="row{unread}" href="{address}" data-conversation="{pk}" data-newest="{newest}" hx-get="{address}">
{avatars}
<span class="row-body">
<span class="row-line"><span class="row-title" dir="auto">{title}</span>{time}</span>
<span class="row-line">{lock}<span class="row-preview{typing}" dir="auto">{words}</span>{x_account}{dot}</span>
</span>
</a>"""
TIME = '<span class="row-time">{}</span>'
LOCK = '<span class="row-lock"><span aria-hidden="true">🔒</span><span class="hidden-text">{}</span></span>'
X_ACCOUNT = '<bdi class="row-to c{}" title="@{}">{}</bdi>'
SHORT = '<span aria-hidden="true">{}</span><span class="hidden-text">@{}</span>'
DOT = '<span class="dot"><span class="hidden-text">{}</span></span>'


@register.simple_tag
def row_of(conversation: Conversation, short: dict[str, str], filters: str = "") -> SafeString:
    """short: `names.short_usernames` of the X accounts, where each row of the list names its own; else empty.

    filters: those of the list, as they stand in an address: its row leads to a thread with the same list beside it.
    """
    is_unread = conversation.last_incoming_dm_event_id > conversation.read_to  # type: ignore[attr-defined]
    typing = names.typing_of(conversation)
    address = address_of("thread", conversation.pk)
    return filled(
        ROW,
        unread=" unread" if is_unread else "",
        address=f"{address}?{filters}" if filters else address,
        pk=conversation.pk,
        newest=conversation.last_dm_event_id,
        avatars=avatars(conversation),
        title=names.title_of(conversation),
        time=_time(conversation),
        lock=filled(LOCK, _("Now in encrypted XChat:")) if conversation.encrypted_at else "",
        typing=" typing" if typing else "",
        words=typing or names.preview_of(conversation.last_event, conversation),
        x_account=_x_account(conversation, short) if short else "",
        dot=filled(DOT, _("Unread")) if is_unread else "",
    )


@register.simple_tag
def avatars(conversation: Conversation) -> SafeString:
    """Of the one it is with, or of two of a group."""
    people = names.people_of(conversation)
    if len(people) < 2:
        return avatar(people[0] if people else None, conversation.pk)
    return filled(AVATARS, *(avatar(each, conversation.pk) for each in people))


AVATARS = '<span class="avatars">{}{}</span>'


def _x_account(conversation: Conversation, short: dict[str, str]) -> SafeString:
    username = conversation.x_account.username
    words = filled(SHORT, short[username], username) if short[username] else f"@{username}"
    return filled(X_ACCOUNT, conversation.x_account_id % names.COLOURS, username, words)


def _time(conversation: Conversation) -> SafeString | str:
    if names.ends_in_chat(conversation):
        return filled(TIME, moment(conversation.last_encrypted_at, "short"))
    return filled(TIME, moment(conversation.last_event.created_at, "short")) if conversation.last_event else ""


# --- An event of a thread ---------------------------------------------------------------------------------------------

MESSAGE = """\
<article class="{classes}" id="e{dm_event_id}" aria-label="{label}">
{sender}<div class="event-body">
<div class="event-main">{words}{beside}</div>
{links}</div>
</article>"""
SENDER = """\
{before}<p class="event-by"><b dir="auto">{name}</b>{on_x}{behind}</p>
"""
NAME = '<a class="by" href="{}">{}</a>'
ON_X = ' <a href="{}" target="_blank" dir="auto">{}</a>'
BUBBLE = '<div class="bubble" dir="auto">{}</div>'
EMOJI = '<p class="emoji">{}</p>'
WORDLESS = '<p class="bubble soft">{}</p>'
LONG = """\
<div class="bubble long">
<div class="long-text" dir="auto">{}</div>
<label class="long-toggle"><input type="checkbox"> {}</label>
</div>"""


@register.simple_tag(takes_context=True)
def event_of(context: Context, row: Shown, conversation: Conversation) -> SafeString:
    """A message with its text, or the marker of a coming or going."""
    if row.kind != "message":
        return _partial(context, "conversations/_marker.html", row)
    at = told(row.event.created_at, "clock")
    return filled(
        MESSAGE,
        classes=row.classes,
        dm_event_id=row.event.dm_event_id,
        # At most the first of a run shows its sender, and one who hears the page may come upon any of them.
        label=_("%(name)s, %(time)s") % {"name": names.name_of(row.event.sender), "time": at[-1]},
        sender=_sender(row, conversation) if row.opens_run and not _is_plain(row, conversation) else "",
        words=_words(row),
        beside=_partial(context, "conversations/_beside_text.html", row) if row.has_more_than_text else "",
        links=event_links(row.event, conversation, row.has_media, at),
    )


def _partial(context: Context, name: str, row: Shown) -> SafeString:
    assert context.template is not None
    part = context.template.engine.get_template(name)
    with context.push(row=row, event=row.event):
        return part.render(context)


def _is_plain(row: Shown, conversation: Conversation) -> bool:
    """Whether the side it stands on tells who wrote it: between two, the head names the other one."""
    is_of_two = row.is_ours or row.event.sender_id == conversation.peer_id is not None
    return is_of_two and not conversation.is_group


def _sender(row: Shown, conversation: Conversation) -> SafeString:
    """Who wrote what follows; our own picture stands on the other side of the name."""
    sender = row.event.sender
    picture, name = avatar(sender, conversation.pk, "s"), names.name_of(sender)
    return filled(
        SENDER,
        before="" if row.is_ours else picture,
        name=filled(NAME, address_of("person", sender.pk), name) if sender else name,
        on_x=filled(ON_X, links.person(sender.pk), names.handle_of(sender)) if sender else "",
        behind=picture if row.is_ours else "",
    )


def _words(row: Shown) -> SafeString | str:
    """The text in its bubble; "" where pictures or posts speak for themselves."""
    if not row.html:
        return "" if row.pictures or row.cards else filled(WORDLESS, _("Message without text"))
    if row.is_emoji:
        return filled(EMOJI, row.html)
    if row.is_long:
        return filled(LONG, row.html, _("Show the whole message"))
    return filled(BUBBLE, row.html)
