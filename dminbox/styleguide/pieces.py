"""What the guide shows: for each section of components.css when to use it, and examples of it in every state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from django import forms
from django.utils import timezone

from accounts.access import Connection
from accounts.models import Invitation, Role, XAccount, snowflake_floor
from conversations import filters
from conversations.counts import Count
from conversations.forms import CapForm, InboxForm, StartForm
from conversations.ledger import Spend
from conversations.models import ConversationLookup, SavedView, UnfinishedDay
from conversations.search import query
from conversations.search.finding import Hit, Part, marks_of
from conversations.showing import day_chart, names, pictures
from conversations.showing.attention import Attention, Trouble
from conversations.showing.sparkline import BARS, spark_of
from conversations.showing.thread import Shown, shown
from conversations.sync.estimates import Estimate
from conversations.sync.status import DayToRead, Push, Subscription, Window
from conversations.views import prices
from conversations.views.inbox import AccountLine
from conversations.views.palette import Choice, Group
from conversations.views.whom import Whom
from dminbox.styleguide import rows
from dminbox.styleguide.rows import ADA, BEN, CLEO, FAR, GIF, MARYAM, MIRA, OSSIAN, TARO, US, VIDEO, Talk, photo

NOT_SHOWN = {
    "conversations/_live.html": "it has nothing to see: where scripts find the stream",
    "conversations/_scripts.html": "it has nothing to see: the scripts of a thread",
    "accounts/_zone.html": "it has nothing to see: a form that a script fills in",
}
"""Partials that stand nowhere in the guide, and why."""


@dataclass(frozen=True, slots=True)
class Example:
    """words: the state it is in. frame: the class of the box around it, where a component needs its surroundings."""

    words: str
    template: str
    context: dict[str, Any] = field(default_factory=dict)
    frame: str = ""


Examples = Callable[[], Iterator[Example]]


def own(template: str, **context: Any) -> Examples:
    """Components without a partial, for they are one element each."""
    return lambda: iter([Example("all states", f"styleguide/{template}.html", context)])


# --- Threads ----------------------------------------------------------------------------------------------------------


def _thread(words: str, talk: Talk, found: str = "", **more: Any) -> Example:
    """found: what a search has found in it."""
    marks = marks_of(query.parse(found).terms)
    context: dict[str, Any] = {"conversation": talk.of, "rows": shown(talk.events, US.pk, marks)} | more
    for row in context["rows"]:
        row.day = None
    return Example(words, "conversations/_events.html", context, "thread-frame")


def _talk(*people: Any, **fields: Any) -> Talk:
    return Talk(rows.conversation(None, people=people, **fields) if people else rows.conversation(**fields))


def bubbles() -> Iterator[Example]:
    talk = _talk().say(ADA, "Good morning! Is the Polaris in sand still in stock?").say(ADA, "I saw it on Friday.")
    yield _thread("theirs, a run of two", talk)
    yield _thread("found by a word", _talk().say(ADA, "The lamp flickers."), "lamp")
    yield _thread(
        "ours, a run of two", _talk().say(US, "Good morning Ada, it is.").say(US, "Shipping takes four days.")
    )
    yield _thread(
        "of several scripts", _talk().say(MARYAM, "مرحبا، هل يمكنني طلب مصباح ثانٍ؟").say(TARO, "来週また連絡します。")
    )
    yield _thread("emoji alone", _talk().say(ADA, "💡❤️"))
    yield _thread("without text", _talk().say(ADA, ""))
    yield _thread("a word without an end", _talk().say(US, "Averylongwordwithoutanyspace" * 5))
    yield _thread(
        "folded, for it is long", _talk().say(ADA, "The lamp in the hall flickers again, and so do others.\n" * 30)
    )
    gone = _talk().say(ADA, "This was withdrawn on X.")
    gone.events[0].unavailable_since = timezone.now()
    yield _thread("no longer on X", gone)


def lines() -> Iterator[Example]:
    talk = _talk(ADA, BEN, CLEO, OSSIAN).move("ParticipantsJoin", [BEN, CLEO], by=ADA)
    yield _thread("somebody came", talk)
    many = _talk(ADA, BEN, CLEO).move("ParticipantsJoin", [BEN, CLEO, OSSIAN, MIRA, TARO, MARYAM], by=ADA)
    yield _thread("many at once", many)
    folded = _talk(ADA, BEN).move("ParticipantsJoin", [BEN], ADA).move("ParticipantsLeave", [BEN])
    yield _thread("folded", folded.move("ParticipantsJoin", [OSSIAN, MIRA], ADA))
    yield _thread("of a kind nobody knows yet", _talk().say(None, "", event_type="MessagePinned"))
    of = rows.conversation(encrypted_at=timezone.now() - timedelta(days=1), last_encrypted_at=timezone.now())
    first = shown(Talk(of).say(ADA, "See you there").events, US.pk)
    first[0].is_new_above = first[0].is_locked_above = True
    yield Example(
        "a day, encrypted since, new since",
        "conversations/_events.html",
        {"conversation": of, "rows": first},
        "thread-frame",
    )
    ours = Talk(rows.conversation(seen_own_id=1, seen_at=timezone.now(), is_read=False)).say(US, "It is on its way.")
    news: list[Shown] = shown(ours.events, US.pk)
    news[0].seen_at = timezone.now()
    unread = {"conversation": rows.conversation(is_read=False), "newest": 1, "may_mark": True}
    context = unread | {"rows": news, "typing": names.typing_of(_typing())}
    yield Example("seen, typing, to be marked as read", "conversations/_newer.html", context, "thread-frame")
    above = {"count": Count(139), "first": (1, timezone.now() - timedelta(days=3))}
    context = {"conversation": rows.conversation(), "unread_above": above}
    yield Example("more is new than one page", "conversations/_unread_above.html", context, "thread-frame")
    yield from _tops()


def _typing() -> Any:
    of = rows.conversation()
    of.named[0].typing_until = timezone.now() + timedelta(minutes=1)
    return of


def _tops() -> Iterator[Example]:
    ways: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "older ones are here": ({}, {"has_older": True}),
        "X may have more": ({}, {"may_ask": True, "whole": Estimate(1200)}),
        "X is being read": ({"history_state": "due", "history_events": 100}, {}),
        "X did not give more": (
            {"history_state": "failed", "history_detail": "X cannot be reached"},
            {"may_ask": True},
        ),
        "refused by the cap": ({}, {"may_ask": True, "refusal": prices.over_cap(Decimal("0.4"), Decimal(1))}),
        "the beginning": ({"has_reached_beginning": True}, {}),
    }
    for words, (fields, more) in ways.items():
        context = {
            "conversation": rows.conversation(**fields),
            "oldest": 1,
            "prices": prices.prices(),
        }
        yield Example(words, "conversations/_older.html", {"rows": [], **context, **more}, "thread-frame")


def live_state() -> Iterator[Example]:
    yield from own("live")()
    yield Example("scripts of before an update, over the bar", "conversations/_updated.html", frame="updated-frame")


def media() -> Iterator[Example]:
    yield _thread("a photo", _talk().say(ADA, "It looks like this", media=[photo(1)]))
    yield _thread("a set of three", _talk().say(US, "", media=[photo(1), photo(2), photo(3)]))
    yield _thread("a set of four", _talk().say(ADA, "", media=[photo(number) for number in (1, 2, 3, 4)]))
    yield _thread("found by its description", _talk().say(ADA, "", media=[photo(1)]), "lamp")
    set_of_two = [photo(3, alt_text="A shade of linen"), photo(4)]
    yield _thread("found by one description of a set", _talk().say(ADA, "", media=set_of_two), "shade")
    yield _thread("a GIF", _talk().say(US, "", media=[GIF]))
    yield _thread("a video", _talk().say(ADA, "", media=[VIDEO]))
    for words, state in {
        "still fetching": "due",
        "X no longer has it": "gone",
        "too large": "too_large",
        "refused": "refused",
    }.items():
        yield _thread(words, _talk().say(ADA, "", media=[photo(1, state)]))
    yield _thread("without an address", _talk().say(ADA, "", media=[photo(1, file=None)]))


def posts() -> Iterator[Example]:
    for words, post in rows.posts().items():
        yield _thread(words, _talk().say(MIRA, "", posts=[post]))


def members() -> Iterator[Example]:
    of = rows.conversation(None, people=[ADA, BEN, OSSIAN])
    OSSIAN.unavailable_since, OSSIAN.unavailable_reason = timezone.now(), "User has been suspended."
    former = {"former_until": timezone.now(), "former_name": "Ben the Reader", "former_username": "ben_before"}
    people = [rows.member(US), rows.member(ADA), rows.member(BEN, **former), rows.member(OSSIAN, is_present=False)]
    people += [rows.member(rows.person(8, "", "", profile_seen_at=None))]
    yield Example(
        "all states", "conversations/_people.html", {"conversation": of, "people": people, "steps": {}}, "panel-frame"
    )


# --- The inbox --------------------------------------------------------------------------------------------------------


def inbox_rows() -> Iterator[Example]:
    asks = "Is the Polaris in sand still in stock? I saw it in the window on Friday."
    states = {
        "read": _row(ADA, ADA, asks),
        "unread": _row(ADA, ADA, asks, is_read=False),
        "answered by us": _row(BEN, US, "Yes, and we ship to Tromsø."),
        "typing": rows.with_last(_typing(), _talk().say(ADA, asks)),
        "with a picture": rows.with_last(rows.conversation(TARO), _talk().say(TARO, "", media=[photo(1)])),
        "with a post": rows.with_last(rows.conversation(MIRA), _talk().say(MIRA, "", posts=[rows.post(9)])),
        "from right to left": _row(MARYAM, MARYAM, "مرحبا، هل يمكنني طلب مصباح ثانٍ؟", is_read=False),
        "a long name": _row(CLEO, CLEO, asks),
        "nothing read yet": rows.conversation(OSSIAN),
        "goes on encrypted": _encrypted(),
        "a group": rows.with_last(
            rows.conversation(None, people=[ADA, BEN, CLEO, MIRA], is_read=False), _talk().say(BEN, "Where do we meet?")
        ),
    }
    short = names.short_usernames(["NordlichtHelp", "NordlichtStudio"])
    for words, conversation in states.items():
        yield Example(words, "styleguide/row.html", {"conversation": conversation, "short": short}, "list-frame")


def _row(peer: Any, sender: Any, text: str, **fields: Any) -> Any:
    return rows.with_last(rows.conversation(peer, **fields), _talk().say(sender, text))


def _encrypted() -> Any:
    now = timezone.now()
    of = rows.conversation(ADA, encrypted_at=now, last_encrypted_at=now + timedelta(hours=1))
    return rows.with_last(of, _talk().say(ADA, "Let us go on here"))


def _inbox(**wanted: Any) -> dict[str, Any]:
    form = InboxForm(wanted)
    form.is_valid()
    views = [
        SavedView(pk=FAR, name="Groups with pictures", query="kind=group"),
        SavedView(pk=FAR + 1, name="灯り", query=""),
    ]
    other = rows.x_account(pk=FAR + 1, username="NordlichtStudio")
    words = "X has been unreachable for @NordlichtStudio since 10:55."
    trouble = Attention(words, "View status", "x_account", "X unreachable", False)
    return {
        "lines": [
            AccountLine(rows.x_account(), Count(72), True),
            AccountLine(other, Count(0, has_more=True), False),
        ],
        "troubles": [Trouble([(other, trouble)])],
        "views": [
            filters.ViewLine(views[0], Count(12, has_more=True), True),
            filters.ViewLine(views[1], Count(), False),
        ],
        "numbers": {"unread": Count(12, has_more=True)},
        "wanted": form.cleaned_data,
        "whom": Whom(form.cleaned_data, "@ada", [ADA]),
        "links": {"here": "?", "all": "?", "query": "unread=1", "rest": ""},
    }


def filter_pills() -> Iterator[Example]:
    yield Example("none set", "conversations/_filters.html", _inbox(), "list-frame padded")
    everything = {
        "kind": "one",
        "unread": "1",
        "unanswered": "1",
        "media": "1",
        "post": "1",
        "since": "2026-11-01",
        "person": "ada",
    }
    yield Example("all set", "conversations/_filters.html", _inbox(**everything), "list-frame padded")
    several = _inbox(person="nord")
    several["whom"] = Whom(several["wanted"], "nord", [ADA, BEN], [names.Guess(ADA, "/"), names.Guess(BEN, "/")])
    yield Example("a name of several", "conversations/_whom.html", several, "list-frame padded")
    yield Example("what is set more seldom", "conversations/_more_filters.html", _inbox(), "list-frame padded")
    yield Example("kept views with counts", "conversations/_views.html", _inbox(), "list-frame padded")


def notes() -> Iterator[Example]:
    whole = {"rows": [_row(ADA, ADA, "Good morning!", is_read=False)], "chosen": [rows.x_account()], "older": ""}
    yield Example("the end of a list", "conversations/_list.html", _inbox() | whole, "list-frame")
    yield Example(
        "nothing under these filters",
        "conversations/_list.html",
        _inbox(unread="1") | {"chosen": []} | {"links": {"here": "?unread=1", "all": "?"}},
        "list-frame",
    )
    yield Example("nothing written lately", "conversations/_spark.html", {"spark": spark_of([], timezone.now())})


# --- Finding ----------------------------------------------------------------------------------------------------------


def search() -> Iterator[Example]:
    yield Example("the box", "conversations/_search_box.html", {"typed": "brass lamp"})
    within = {"conversation": rows.conversation()}
    yield Example("the tool to mark it as unread", "conversations/_mark_unread.html", within, "tools-frame")
    yield Example("inside a conversation, folded", "conversations/_find.html", within, "thread-frame tools-frame")
    parts = [Part("The dimmer of my "), Part("brass lamp", is_mark=True), Part(" hums since yesterday.")]
    for words, sender, found in (
        ("a hit", ADA, parts),
        ("a hit of ours", US, parts),
        ("a hit without text", ADA, []),
    ):
        talk = _talk().say(sender, "", media=[] if found else [photo(1)])
        hit = Hit(position=1, event=talk.events[0], parts=found, conversation=talk.of)
        yield Example(words, "conversations/_hit.html", {"hit": hit, "is_with_accounts": True}, "card-frame")
    yield Example("what can be typed", "conversations/_search_help.html")


def dialogs() -> Iterator[Example]:
    groups = [
        Group(
            "Conversations",
            [Choice("Ada Lindqvist", "#", "@ada_lindqvist"), Choice("مريم الزهراء", "#", "@maryam_lights")],
        ),
        Group("Go to", [Choice("Inbox", "#", "g i"), Choice("Sign out", deed="sign-out")]),
    ]
    yield Example("palette and key sheet", "conversations/_keys.html", {}, "dialog-frame")
    yield Example("the keys beside an inbox where nothing is open", "conversations/_key_hints.html")
    yield Example(
        "choices of the palette", "styleguide/palette.html", {"groups": groups, "query": "lamp"}, "dialog-frame"
    )


# --- X accounts and people --------------------------------------------------------------------------------------------


def banners() -> Iterator[Example]:
    yield Example("all kinds", "styleguide/banners.html")
    for words, is_error in (("an account asks for attention", True), ("an account waits", False)):
        attention = Attention(
            "X has had no credit for reading @NordlichtHelp since 10:55.",
            "What to do",
            "x_account",
            "no credit at X",
            is_error,
        )
        yield Example(words, "conversations/_attention.html", {"attention": attention, "x_account": rows.x_account()})
        told = [(rows.x_account(), attention)] * 8
        yield Example(f"{words}, eight times", "conversations/_troubles.html", {"troubles": [Trouble(told)]})
    yield Example("the demo", "accounts/_personas.html", {"is_demo": True})
    yield Example("days that were not read again", "conversations/_unfinished_days.html", _unfinished_days(), "stack")


def _unfinished_days() -> dict[str, Any]:
    last = datetime(2026, 11, 20, tzinfo=UTC).date()
    states = UnfinishedDay.State
    days = (
        DayToRead(FAR, last, "", states.NOTED, 0, 231, Decimal("2.31"), 0),
        DayToRead(FAR + 1, last - timedelta(days=3), "", states.DUE, 100, 0, Decimal(0), 1),
        DayToRead(FAR + 2, last - timedelta(days=9), "Forbidden.", states.FAILED, 100, 1_900, Decimal(19), 2),
    )
    return {"x_account": rows.x_account(), "status": SimpleNamespace(unfinished=days), "may_ask": True}


def cards() -> Iterator[Example]:
    yield Example("a plain one", "styleguide/card.html")
    for state in ConversationLookup.State:
        lookup = ConversationLookup(
            pk=FAR, x_account=rows.x_account(), kind="username", target="odd_ossian", state=state
        )
        yield Example(f"asking X: {state.value}", "conversations/_lookup.html", {"lookup": lookup})
    for words, account, role in (
        ("a connected account", rows.x_account(), str(Role.ADMIN.label)),
        ("an account to be connected again", rows.x_account(state=XAccount.State.RECONNECT), ""),
    ):
        context = {"connection": Connection(account, role, True), "x_account": account}
        yield Example(words, "styleguide/connection.html", context, "card")
    invitation = Invitation(x_account=rows.x_account(), role=Role.AGENT, makes_owner=True)
    yield Example("an invitation", "accounts/_invitation_gives.html", {"invitation": invitation}, "stack")


def facts() -> Iterator[Example]:
    spend = Spend(Decimal("0.4"), Decimal("7.2"), Decimal("10.28"), Decimal(20))
    context = {
        "x_account": rows.x_account(),
        "may_decide": True,
        "form": CapForm(initial={"cap": 20}),
        "prices": prices.prices(),
    }
    yield Example(
        "spend, with a meter", "conversations/_spend.html", context | {"status": SimpleNamespace(spend=spend)}
    )
    refused = CapForm({"cap": "-1"})
    yield Example(
        "a cap that is refused",
        "conversations/_spend.html",
        context | {"status": SimpleNamespace(spend=spend), "form": refused},
    )


def tables() -> Iterator[Example]:
    now = timezone.now()
    push = Push(
        headline="X pushes messages within a second",
        detail="",
        is_alive=True,
        is_resting=False,
        is_polled=True,
        since=now,
        last_line_at=now,
        next_try_at=None,
        subscriptions=(
            Subscription("dm.received", "active", "", True, now),
            Subscription("dm.read", "refused by X", "no slot is left", False, now),
        ),
    )
    windows = (Window("GET /2/dm_events", 12, 15, now, now), Window("GET /2/users", 300, 300, None, now))
    status = SimpleNamespace(push=push, windows=windows, windows_words="", next_poll_at=now)
    yield Example(
        "with a frame that scrolls", "conversations/_push.html", {"status": status, "polls_every": "10 seconds"}
    )


def day_picture() -> Iterator[Example]:
    day = rows.day()
    context = {
        "lanes": day_chart.lanes(day),
        "ticks": day_chart.ticks(day),
        "width": day_chart.WIDTH,
        "height": day_chart.UNIT,
    }
    yield Example("a busy day with a gap", "conversations/_day.html", context | {"status": SimpleNamespace(day=day)})


def sparkline() -> Iterator[Example]:
    now = timezone.now()
    ids = [
        snowflake_floor(now - timedelta(days=number * 29 / BARS))
        for number in range(BARS)
        for _ in range(1 + number % 7)
    ]
    yield Example("a month", "conversations/_spark.html", {"spark": spark_of(ids, now)}, "panel-frame")


class ExampleForm(forms.Form):
    """Fields of each kind we have, for the guide alone."""

    name = forms.CharField(label="Your name", help_text="As others see it.")
    mail = forms.EmailField(label="Email")
    zone = forms.ChoiceField(label="Time zone", choices=[("Europe/Oslo", "Europe/Oslo"), ("Asia/Tokyo", "Asia/Tokyo")])
    keys = forms.BooleanField(label="Single-key shortcuts", help_text="j, k, e, u and others act in the inbox.")


def form_fields() -> Iterator[Example]:
    yield Example("to be filled in", "accounts/_form.html", {"form": ExampleForm(auto_id="new_%s")}, "form card")
    refused = ExampleForm({"mail": "nobody"}, auto_id="refused_%s")
    refused.add_error(None, "Nobody signs in with these two.")
    yield Example("refused", "accounts/_form.html", {"form": refused}, "form card")
    start = StartForm()
    choices = [(radio, Estimate(1200) if number < 2 else None) for number, radio in enumerate(start["days"].subwidgets)]
    yield Example(
        "choices with their price",
        "conversations/_start_fields.html",
        {"form": start, "choices": choices, "prices": prices.prices()},
        "form card",
    )


def message_menu() -> Iterator[Example]:
    yield Example(
        "as it opens", "conversations/_message_menu.html", {"conversation": rows.conversation()}, "menu-frame"
    )


def gallery() -> Iterator[Example]:
    shown_here = [pictures.picture_of(each) for each in (photo(1), photo(2), VIDEO, GIF, photo(3, "gone"), photo(4))]
    conversation = rows.conversation()
    yield Example("back to the conversation", "conversations/_back_to_thread.html", {"conversation": conversation})
    yield Example("whose it is", "conversations/_whose.html", {"conversation": conversation})
    yield Example(
        "a month of pictures", "styleguide/gallery.html", {"conversation": conversation, "pictures": shown_here}
    )


def lightbox() -> Iterator[Example]:
    context = {"conversation": rows.conversation(), "pictures": [pictures.picture_of(photo(1))]}
    yield Example("what opens it", "conversations/_media.html", context)


PIECES: dict[str, tuple[str, Examples]] = {
    "Avatars": (
        "Beside a name, which says who it is: a picture if X gave one, else a letter in the person's colour.",
        own("avatars", people=[ADA, BEN, MARYAM, TARO, CLEO, OSSIAN]),
    ),
    "Banners": ("For what a person has to know before they go on; errors only for what does not mend itself.", banners),
    "Bubbles": ("For what somebody wrote: theirs at the start of a line, ours at its end.", bubbles),
    "Buttons": (
        "One filled button for what a page is for, quiet ones beside it; red where something ends.",
        own("buttons"),
    ),
    "Cards": ("One subject of a plain page each; lines inside it for things of one kind.", cards),
    "Chips and pills": (
        "A chip tells, a pill is pressed: filters, accounts, views. What is set is filled.",
        own("chips"),
    ),
    "Day picture": (
        "Hours side by side, where people would rather look than read; the table below it has the numbers.",
        day_picture,
    ),
    "Dialogs": ("For what comes over any page by a key and goes by Escape. Nothing else covers a page.", dialogs),
    "Facts": ("For pairs of a name and a value; a meter where there is a limit.", facts),
    "Filters": (
        "In the head of the inbox: those that are used all day as pills, the others folded beside the search box.",
        filter_pills,
    ),
    "Forms": ("One field below the other, its help before its error, all in words.", form_fields),
    "Gallery": ("Squares of one size for looking through many pictures.", gallery),
    "Lightbox": ("One picture on the whole screen; arrows go on, + and − zoom, Escape closes.", lightbox),
    "Lines of a thread": (
        "Between bubbles, for what nobody wrote: days, comings and goings, where one had stopped reading.",
        lines,
    ),
    "Live state": ("In the head of the inbox: whether the page follows by itself.", live_state),
    "Media": ("In a bubble's place, at the size it will have; what is not here says why and what can be done.", media),
    "Members": ("In the panel beside a thread: who takes part, since when, and what they were called before.", members),
    "Menu of a message": ("For what is done with one message and seldom.", message_menu),
    "Notes and empty states": ("Where a list ends or has nothing: what is missing, why, and the way on.", notes),
    "Posts": ("A post that was shared, as X gave it, with the time of that.", posts),
    "Rows": ("One conversation of the inbox on two lines, so that many can be seen at once.", inbox_rows),
    "Search": ("What is found in its own words, the words marked.", search),
    "Sparkline": ("How busy something was lately, without axes; the words below it say the number.", sparkline),
    "Tables": ("Only for what is compared along lines and columns; it scrolls in its own frame.", tables),
}
