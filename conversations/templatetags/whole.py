"""Rows of the inbox and messages of a thread, each put together in one go.

A page has fifty of them. As templates, with a node for every value and every condition, they took longer than all the
rest of the page.
"""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from conversations import showing
from conversations.addresses import address_of
from conversations.models import Conversation
from conversations.templatetags.shown import avatar, moment
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
X_ACCOUNT = '<bdi class="row-to">@{}</bdi>'
DOT = '<span class="dot"><span class="hidden-text">{}</span></span>'


@register.simple_tag
def row_of(conversation: Conversation, is_among_others: bool) -> SafeString:
    """is_among_others: conversations of several X accounts stand in the list, so that each row names its own."""
    is_unread = conversation.last_incoming_dm_event_id > conversation.read_to  # type: ignore[attr-defined]
    typing = showing.typing_of(conversation)
    return filled(
        ROW,
        unread=" unread" if is_unread else "",
        address=address_of("thread", conversation.pk),
        pk=conversation.pk,
        newest=conversation.last_dm_event_id,
        avatars=avatars(conversation),
        title=showing.title_of(conversation),
        time=_time(conversation),
        lock=filled(LOCK, _("Goes on in encrypted XChat:")) if conversation.encrypted_at else "",
        typing=" typing" if typing else "",
        words=typing or showing.preview_of(conversation.last_event, conversation),
        x_account=filled(X_ACCOUNT, conversation.x_account.username) if is_among_others else "",
        dot=filled(DOT, _("Unread")) if is_unread else "",
    )


@register.simple_tag
def avatars(conversation: Conversation) -> SafeString:
    """Of the one it is with, or of two of a group."""
    people = showing.people_of(conversation)
    if len(people) < 2:
        return avatar(people[0] if people else None, conversation.pk)
    return filled(AVATARS, *(avatar(each, conversation.pk) for each in people))


AVATARS = '<span class="avatars">{}{}</span>'


def _time(conversation: Conversation) -> SafeString | str:
    if showing.ends_in_chat(conversation):
        return filled(TIME, moment(conversation.last_encrypted_at, "short"))
    return filled(TIME, moment(conversation.last_event.created_at, "short")) if conversation.last_event else ""
