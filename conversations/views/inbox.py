"""The inbox: all conversations a person may see, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from accounts.access import signed_in, x_accounts_of
from accounts.models import User, XAccount
from conversations import actions, filters, live
from conversations.ages import age_of, with_pushed_at
from conversations.counts import Count, added_up
from conversations.filters import ViewLine, Wanted
from conversations.forms import InboxForm
from conversations.models import Conversation, PushState, SavedView
from conversations.querysets import of_x_account
from conversations.showing.attention import troubles_of
from conversations.showing.contents import rows_of_inbox
from conversations.showing.moments import day_over_at
from conversations.showing.names import short_usernames
from conversations.views.watching import is_watched
from conversations.views.whom import whom_of
from dminbox.statements import compiled_once

PAGE = 30
"""Rows at once: as many as a high screen shows. Further ones come while one scrolls."""


@dataclass(frozen=True, slots=True)
class AccountLine:
    """An X account in the switcher."""

    x_account: XAccount
    unread: Count
    is_current: bool


@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    user = signed_in(request)
    x_accounts = _x_accounts(user.pk, PushState.way())
    if not x_accounts:
        return render(request, "conversations/first.html")
    asked, chosen = _asked(request, x_accounts)
    if is_watched(request):
        actions.watch(chosen)
    whom = whom_of(x_accounts, asked)
    wanted, is_news = whom.wanted, asked["only"] is not None
    lines = _lines(request, x_accounts, asked["account"])
    views, numbers = _numbers(request, lines, chosen, wanted)
    rows, has_more = _news(request, chosen, wanted) if is_news else _page(request, chosen, wanted, lines)
    context = {
        "rows": rows,
        "short": _short(x_accounts) if asked["account"] is None else {},
        "lines": lines,
        "unread": added_up(line.unread for line in lines),
        "views": views,
        "numbers": numbers,
        "chosen": chosen,
        "wanted": wanted,
        "whom": whom,
        "links": _links(wanted),
        "older": _older(wanted, rows[-1]) if has_more else "",
        "troubles": troubles_of(chosen),
        "age": age_of(chosen),
        "day_over_at": day_over_at(),
        "live_from": live.write_id({row.pk: row.sync.last_change if hasattr(row, "sync") else 0 for row in x_accounts}),
    }
    return render(request, "conversations/_list.html" if is_news else "conversations/inbox.html", context)


def _short(x_accounts: list[XAccount]) -> dict[str, str]:
    """What the rows name their X accounts by, where there are several."""
    return short_usernames([row.username for row in x_accounts]) if len(x_accounts) > 1 else {}


@compiled_once
def _x_accounts(user: int, way_of_push: str) -> QuerySet[XAccount]:
    mine = x_accounts_of(User(pk=user)).select_related("sync").only(*of_x_account())
    return with_pushed_at(mine, way_of_push)


def _asked(request: HttpRequest, x_accounts: list[XAccount]) -> tuple[Wanted, list[XAccount]]:
    """The filters of the address, and the X accounts they leave; else Http404."""
    form = InboxForm(request.GET)
    if not form.is_valid():
        raise Http404
    chosen = [row for row in x_accounts if form.cleaned_data["account"] in (None, row.pk)]
    if not chosen:
        raise Http404
    return form.cleaned_data, chosen


def _page(
    request: HttpRequest, chosen: list[XAccount], wanted: Wanted, lines: list[AccountLine]
) -> tuple[list[Conversation], bool]:
    """lines: they tell where unread ones are, and the shorter way to a page of them."""
    # Of accounts this person may see; the rows themselves come through the door below.
    every = Conversation.objects.older_than(*wanted["after"]) if wanted["after"] else Conversation.objects.all()
    found = partial(filters.narrow, every, request.user, wanted)
    top = found().top_of_each(PAGE + 1) if wanted["after"] else filters.top_of_each(request.user, wanted, PAGE + 1)
    unread = {line.x_account.pk: line.unread for line in lines if line.x_account in chosen}
    if wanted["unread"] and not filters.starts_from_index(wanted):
        pks = every.newest_unread(unread, PAGE + 1, top, found)
    else:
        wanted_of = [pk for pk, count in unread.items() if count.may_be_any or not wanted["unread"]]
        pks = every.newest_of(wanted_of, PAGE + 1, top)
    rows = _rows(request, chosen, pks[:PAGE])
    return rows, len(pks) > PAGE and bool(rows)  # who was removed meanwhile sees none


def _news(request: HttpRequest, chosen: list[XAccount], wanted: Wanted) -> tuple[list[Conversation], bool]:
    """For a page that is open: those of the rows asked for that are in this list or stay in it, as they show now."""
    if not wanted["only"]:
        return [], False
    asked = Conversation.objects.visible_to(request.user).filter(pk__in=wanted["only"], x_account__in=chosen)
    pks = list(filters.narrow(asked, request.user, wanted).values_list("pk", flat=True))
    if wanted["stays"] and wanted["stays"] not in pks:
        pks += asked.filter(pk=wanted["stays"]).values_list("pk", flat=True)
    return _rows(request, chosen, pks), False


def _rows(request: HttpRequest, chosen: list[XAccount], pks: list[int]) -> list[Conversation]:
    rows = rows_of_inbox(_visible_rows(signed_in(request).pk, pks))
    by_pk = {row.pk: row for row in chosen}
    for row in rows:
        row.x_account = by_pk[row.x_account_id]
    return rows


@compiled_once
def _visible_rows(user: int, pks: list[int]) -> QuerySet[Conversation]:
    person = User(pk=user)
    found = Conversation.objects.visible_to(person).filter(pk__in=pks).for_person(person)
    return found.with_contents_of_rows().newest_first()


def _numbers(
    request: HttpRequest, lines: list[AccountLine], chosen: list[XAccount], wanted: Wanted
) -> tuple[list[ViewLine], dict[str, Count]]:
    user = signed_in(request)
    unread = added_up(line.unread for line in lines if line.x_account in chosen)
    x_accounts = [line.x_account for line in lines]
    return filters.numbers(user, x_accounts, _saved_views(user.pk), wanted, unread)


@compiled_once
def _saved_views(user: int) -> QuerySet[SavedView]:
    return SavedView.objects.filter(user=user)


def _lines(request: HttpRequest, x_accounts: list[XAccount], current: int | None) -> list[AccountLine]:
    counts = Conversation.objects.all().count_unread(request.user, [row.pk for row in x_accounts])
    return [AccountLine(row, counts.get(row.pk, Count()), row.pk == current) for row in x_accounts]


# --- Addresses: every filter keeps the others -------------------------------------------------------------------------


def _address(wanted: Wanted, **changed: object) -> str:
    return f"?{filters.query_of(wanted, **changed)}"


def _older(wanted: Wanted, last: Conversation) -> str:
    rest, after = filters.query_of(wanted), urlencode({"after": f"{last.last_dm_event_id}-{last.pk}"})
    return f"?{rest}&{after}" if rest else f"?{after}"


def _links(wanted: Wanted) -> dict[str, str]:
    """One address for each pill: with that filter set otherwise, and the others as they are."""
    return {
        "all": _address(dict.fromkeys(wanted) | {"account": wanted["account"]}),
        "one": _address(wanted, kind="one"),
        "group": _address(wanted, kind="group"),
        "any_kind": _address(wanted, kind=""),
        "unread": _address(wanted, unread=True),
        "any_state": _address(wanted, unread=False),
        "unanswered": _address(wanted, unanswered=True),
        "answered_or_not": _address(wanted, unanswered=False),
        "no_media": _address(wanted, media=False),
        "no_post": _address(wanted, post=False),
        "any_time": _address(wanted, since=None, until=None),
        "anybody": _address(wanted, person=""),
        "here": _address(wanted),
        "counts": _address(wanted) + "&only=",
        "query": filters.query_of(wanted),
        "rest": filters.query_of(wanted, account=""),
    }
