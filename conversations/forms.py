"""What people fill in, and what addresses of lists may hold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.access import Person, x_accounts_of
from accounts.models import Role, XAccount
from conversations import ids
from conversations.links import HOSTS
from conversations.models import Conversation, ConversationLookup, DmEvent
from conversations.search.query import LONGEST
from conversations.sync.history import ENCRYPTED
from conversations.sync.opening import NO_TARGET
from dminbox import wording

MAX_ID = ids.LARGEST
HANDLE = re.compile(r"[A-Za-z0-9_]{1,15}")
USER_ID = re.compile(r"[0-9]{1,19}")
GROUP_ID = re.compile(r"[0-9]{15,19}")
PAIR = re.compile(r"([0-9]{1,19})[-:]([0-9]{1,19})")
NOT_HANDLES = {"home", "i", "messages", "search", "explore", "notifications", "settings", "compose", "login", "hashtag"}


class InboxForm(forms.Form):
    """The address of an inbox: account, filters and where the page begins.

    stays: of the rows asked for, the one that is open and keeps its place whether the filters leave it or not.
    """

    account = forms.IntegerField(required=False, min_value=1, max_value=MAX_ID)
    kind = forms.ChoiceField(required=False, choices=[("", _("All")), ("one", _("One-to-one")), ("group", _("Groups"))])
    unread = forms.BooleanField(required=False)
    unanswered = forms.BooleanField(required=False)
    media = forms.BooleanField(required=False)  # type: ignore[assignment]  # fields leave the class when it is made
    post = forms.BooleanField(required=False)
    since = forms.DateField(required=False, input_formats=["%Y-%m-%d"])
    until = forms.DateField(required=False, input_formats=["%Y-%m-%d"])
    person = forms.CharField(required=False, max_length=50)
    after = forms.RegexField(r"^[0-9]{1,19}-[0-9]{1,19}$", required=False)
    only = forms.RegexField(r"^[0-9]{1,18}(,[0-9]{1,18}){0,49}$", required=False)
    stays = forms.IntegerField(required=False, min_value=1, max_value=MAX_ID)

    def clean_only(self) -> list[int] | None:
        """The rows that an open page has seen to change; none of them: the counts alone. None: the list."""
        if "only" not in self.data:
            return None
        return [int(pk) for pk in self.cleaned_data["only"].split(",") if pk]

    def clean_after(self) -> tuple[int, int] | None:
        """last_dm_event_id and row id of the last row above."""
        value = self.cleaned_data["after"]
        if not value:
            return None
        newest, pk = (min(int(part), MAX_ID) for part in value.split("-"))
        return newest, pk

    def clean_person(self) -> str:
        """A handle, an X user id or a part of a name. A number too large for one becomes MAX_ID, which is nobody's."""
        who = str(self.cleaned_data["person"])
        return str(min(int(who), MAX_ID)) if who.isascii() and who.isdigit() else who


class SavedViewForm(forms.Form):
    """A name for the filters that are set; in an address a name of 50 characters can take 600."""

    name = forms.CharField(max_length=40)
    query = forms.CharField(max_length=2000)

    def clean_query(self) -> dict[str, Any]:
        inbox = InboxForm(QueryDict(self.cleaned_data["query"]))
        if not inbox.is_valid():
            raise ValidationError(gettext("These filters are not valid."))
        return inbox.cleaned_data


class ThreadForm(forms.Form):
    """The address of a thread: narrowed to what, and around, before or after which dm_event_id.

    line: how far the person had read when the page was opened that older parts are added to. people: the state of the
    panel of people on the page that asks for what is newer. find: what was searched that led here. on: the day to begin
    with.
    """

    class Show:
        ALL, MESSAGES, COMINGS = "", "messages", "people"
        CHOICES = ((ALL, _("All")), (MESSAGES, _("Messages")), (COMINGS, _("Joins and leaves")))

    show = forms.ChoiceField(required=False, choices=Show.CHOICES)
    at = forms.IntegerField(required=False, min_value=0, max_value=MAX_ID)
    before = forms.IntegerField(required=False, min_value=0, max_value=MAX_ID)
    after = forms.IntegerField(required=False, min_value=0, max_value=MAX_ID)
    line = forms.IntegerField(required=False, min_value=0, max_value=MAX_ID)
    people = forms.CharField(required=False, max_length=8)
    find = forms.CharField(required=False, max_length=LONGEST)
    on = forms.DateField(required=False, input_formats=["%Y-%m-%d"])


class MarkReadForm(forms.Form):
    dm_event_id = forms.IntegerField(min_value=0, max_value=MAX_ID)


class ToldForm(forms.Form):
    """What the page has told somebody that it costs at most, in US dollars: no more than that is spent. Nothing where
    it has told none.
    """

    told = forms.DecimalField(required=False, min_value=0)


class HistoryForm(ToldForm):
    """told: of a page of older events. whole: wishes for all there is, and is what the page has told of that."""

    whole = forms.DecimalField(required=False, min_value=0)
    event_types = forms.MultipleChoiceField(required=False, choices=[(kind.value, kind.value) for kind in DmEvent.Type])

    def clean_event_types(self) -> list[str]:
        """Each once, in one order: the same wish is known as the same."""
        return sorted({*self.cleaned_data["event_types"]})


# --- Open a conversation ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Target:
    """What to ask X for: a ConversationLookup.Kind and its value."""

    kind: str
    value: str


class OpenConversationForm(forms.Form):
    x_account = forms.ModelChoiceField(
        XAccount.objects.none(),
        label=_("X account"),
        empty_label=None,
        error_messages={"required": _("Choose an X account.")},
    )
    target = forms.CharField(
        max_length=300,
        label=_("Person or conversation"),
        help_text=_("A handle (@ada), a user ID, or a link such as x.com/ada or x.com/messages/…"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )

    def __init__(self, user: Person, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["x_account"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = x_accounts_of(user, Role.AGENT).filter(state=XAccount.State.CONNECTED)
        field.label_from_instance = lambda row: wording.handle(row.username)  # type: ignore[assignment, method-assign]

    def clean_target(self) -> Target:
        x_account = self.cleaned_data.get("x_account")
        return parse_target(self.cleaned_data["target"], x_account.x_user_id if x_account else 0)

    def known_conversation(self, user: Person) -> Conversation | None:
        """The conversation when it is in the inbox already, so that nobody pays for asking."""
        target, x_account = self.cleaned_data["target"], self.cleaned_data["x_account"]
        mine = Conversation.objects.visible_to(user).filter(x_account=x_account, last_event__isnull=False)
        if target.kind == ConversationLookup.Kind.CONVERSATION_ID:
            return mine.filter(dm_conversation_id=target.value).first()
        if target.kind == ConversationLookup.Kind.USER_ID:
            return mine.filter(is_group=False, peer=int(target.value)).first()
        return mine.filter(is_group=False, peer__username__iexact=target.value).first()


def parse_target(written: str, our_id: int) -> Target:
    """A handle, a user id, a conversation id or an address on X; our_id is the X user id of the asking account."""
    written = written.strip()
    if _looks_like_address(written):
        return _target_of_address(written, our_id)
    if PAIR.fullmatch(written):
        return _target_of_conversation(written, our_id)
    if USER_ID.fullmatch(written):
        return _target_of_user_id(written)
    return _target_of_handle(written.removeprefix("@"))


def _looks_like_address(written: str) -> bool:
    return "/" in written or written.lower().split("?")[0] in HOSTS


def _target_of_address(written: str, our_id: int) -> Target:
    parts = _split(written if "//" in written else f"https://{written}")
    if parts is None or parts.scheme not in ("http", "https") or (parts.hostname or "") not in HOSTS:
        raise ValidationError(gettext("This is not an x.com or twitter.com link."))
    path = [part for part in parts.path.split("/") if part]
    match path:
        case ["messages", "compose"]:
            return _target_of_recipient(parse_qs(parts.query).get("recipient_id", [""])[0])
        case ["messages", found, *_]:
            return _target_of_conversation(found, our_id)
        case ["i", "user", found] if USER_ID.fullmatch(found):
            return _target_of_user_id(found)
        case ["i", "chat", *_]:
            raise ValidationError(gettext(ENCRYPTED))
        case [found] if found.lower() not in NOT_HANDLES:
            return _target_of_handle(found.removeprefix("@"))
    raise ValidationError(gettext("This link leads to neither a person nor a conversation."))


def _split(written: str) -> SplitResult | None:
    try:
        return urlsplit(written)
    except ValueError:  # half an IPv6 address and the like
        return None


def _target_of_recipient(found: str) -> Target:
    if not USER_ID.fullmatch(found):
        raise ValidationError(gettext("This link has no recipient_id."))
    return _target_of_user_id(found)


def _target_of_user_id(found: str) -> Target:
    number = ids.as_number(found)
    if number is None:  # no column holds it, and X has none so large
        raise ValidationError(gettext(NO_TARGET))
    return Target(ConversationLookup.Kind.USER_ID, str(number))


def _target_of_conversation(found: str, our_id: int) -> Target:
    if pair := PAIR.fullmatch(found):
        sides = [int(pair[1]), int(pair[2])]
        if our_id not in sides:
            raise ValidationError(
                gettext("This conversation is between two other people, not with the chosen X account.")
            )
        sides.remove(our_id)
        return _target_of_user_id(str(sides[0]))
    if GROUP_ID.fullmatch(found):
        return Target(ConversationLookup.Kind.CONVERSATION_ID, found)
    raise ValidationError(gettext("This link does not lead to a conversation in X's API."))


def _target_of_handle(found: str) -> Target:
    if not HANDLE.fullmatch(found):
        raise ValidationError(gettext("Handles have up to 15 letters, digits and underscores."))
    return Target(ConversationLookup.Kind.USERNAME, found)


# --- How far back -----------------------------------------------------------------------------------------------------


class StartForm(forms.Form):
    days = forms.TypedChoiceField(
        label=_("How far back"),
        coerce=int,
        choices=[(30, _("30 days")), (7, _("7 days")), (0, _("Only from now on"))],
        widget=forms.RadioSelect,
    )
    ceiling = forms.DecimalField(
        label=_("Pause when this much is spent (USD)"),
        min_value=Decimal("0.05"),
        max_value=Decimal(100_000),
        decimal_places=2,
        help_text=_("The import pauses there and asks before it continues."),
        error_messages={
            "min_value": _("At least $0.05: a single message with people and a post can cost almost that much."),
        },
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"days": 30, "ceiling": settings.IMPORT_CEILING_USD})
        super().__init__(*args, **kwargs)


# --- What a month may cost --------------------------------------------------------------------------------------------


class CapForm(forms.Form):
    cap = forms.DecimalField(
        label=_("Monthly cap for this X account (USD)"),
        required=False,
        min_value=Decimal("0.01"),
        max_value=Decimal(10_000_000),
        decimal_places=2,
        help_text=_("Sync and push stop before the cap is exceeded. Leave empty for no cap."),
        error_messages={
            "invalid": _("Enter an amount in US dollars, such as 50 or 49.90. Leave empty for no cap."),
            "min_value": _("The cap must be at least $0.01. Leave empty for no cap, or disconnect the X account."),
        },
    )
