"""What the command palette offers: places, filters, views, X accounts, and people and conversations by a name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.access import signed_in, x_accounts_of
from accounts.models import User, XAccount
from conversations.models import Conversation, Participant, XUser
from conversations.querysets import has_all
from conversations.search import names
from conversations.search.names import Nearness
from conversations.showing.contents import add_names
from conversations.showing.names import handle_of, name_of, title_of
from conversations.words import Term
from dminbox.wording import handle

LOOKED_AT = 1000
"""Newest conversations whose people's names are compared, in any order of the words."""
RANKED = 100
"""Newest of them that hold what was typed, among which the nearest to it come first."""
SHOWN = 8
LONGEST = 80


@dataclass(frozen=True, slots=True)
class Choice:
    """deed: what the page itself does instead of going to an address."""

    label: str
    href: str = ""
    hint: str = ""
    deed: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    choices: list[Choice]


@require_safe
def palette(request: HttpRequest) -> HttpResponse:
    user = signed_in(request)
    query = request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST]
    words = query.casefold().split()
    x_accounts = list(x_accounts_of(user))
    pks = [row.pk for row in x_accounts]
    people = names.holding(query, pks, SHOWN) if words else []
    conversations = list(_conversations(user, x_accounts, query, people)) if words else []
    alike = names.alike(query, pks) if words and not people and not conversations else []
    groups = [
        Group(_("Conversations"), conversations),
        Group(_("People"), [_person(each) for each in people]),
        Group(_("Did you mean"), [_person(each) for each in alike]),
        Group(_("Your views"), _fitting(words, _views(user))),
        Group(_("Filters"), _fitting(words, _filters())),
        Group(_("X accounts"), _fitting(words, _x_accounts(x_accounts))),
        Group(_("Go to"), _fitting(words, _places())),
    ]
    context = {"groups": [group for group in groups if group.choices], "query": query}
    return render(request, "conversations/_palette.html", context)


def _fitting(words: Iterable[str], choices: Iterable[Choice]) -> list[Choice]:
    return [choice for choice in choices if has_all(words, f"{choice.label} {choice.hint}")]


def _places() -> Iterator[Choice]:
    yield Choice(_("Inbox"), reverse("inbox"))
    yield Choice(_("Search"), reverse("search"), _("all messages"))
    yield Choice(_("Open a conversation"), reverse("open_conversation"), _("by handle, user ID or link"))
    yield Choice(_("Profile"), reverse("profile"))
    yield Choice(_("Keyboard shortcuts"), deed="help")
    yield Choice(_("Sign out"), deed="sign-out")


def _filters() -> Iterator[Choice]:
    for label, query in (
        (_("Unread"), "unread=1"),
        (_("Unanswered"), "unanswered=1"),
        (_("Groups"), "kind=group"),
        (_("One-to-one"), "kind=one"),
        (_("With a photo, video or GIF"), "media=1"),
        (_("With a shared post"), "post=1"),
    ):
        yield Choice(label, f"{reverse('inbox')}?{query}")


def _views(user: User) -> Iterator[Choice]:
    for view in user.saved_views.all():
        yield Choice(view.name, f"{reverse('inbox')}?{view.query}")


def _x_accounts(x_accounts: Iterable[XAccount]) -> Iterator[Choice]:
    for row in x_accounts:
        yield Choice(handle(row.username), f"{reverse('inbox')}?account={row.pk}", _("inbox"))
        yield Choice(handle(row.username), reverse("x_account", args=[row.pk]), _("status"))


def _conversations(user: User, x_accounts: Iterable[XAccount], query: str, people: Sequence[XUser]) -> Iterator[Choice]:
    """By a whole handle or user id, by names among the newest, and with people of that name however old.

    The nearest to what was typed first, as people are; of those as near, the newest. The index of names knows all
    people, some moments after they came; the newest conversations are looked at anyway.
    """
    mine, pks, term = Conversation.objects.visible_to(user), [row.pk for row in x_accounts], names.term_of(query)
    # A list of them, few as they are: with the question for them inside, a young database may ask it of every row.
    called = list(XUser.objects.called(query).values_list("pk", flat=True)[:LOOKED_AT])
    exact = mine.filter(pk__in=Participant.objects.filter(x_user__in=called).values("conversation"))
    found = dict.fromkeys(exact.newest_first().values_list("pk", flat=True)[:SHOWN], Nearness.IS_IT)
    like = Participant.objects.all().named_like(query.casefold().split(), mine.newest_of(pks, LOOKED_AT), RANKED)
    found |= {pk: _nearest(term, called_so) for pk, called_so in like.items() if pk not in found}
    if people:
        theirs = Participant.objects.filter(x_user__in=people).values("conversation")
        older = mine.filter(Q(pk__in=theirs) | Q(peer__in=people)).newest_first().values_list("pk", "peer")[:SHOWN]
        found |= _nearest_in(term, [(pk, peer) for pk, peer in older if pk not in found], people)
    mine = mine.filter(pk__in=sorted(found, key=lambda pk: found[pk])[:SHOWN]).for_person(user)
    rows = sorted(mine.with_rows_of_inbox().newest_first(), key=lambda row: found[row.pk])
    add_names(rows)
    for row in rows:
        yield Choice(
            title_of(row),
            reverse("thread", args=[row.pk]),
            _("to %(x_account)s") % {"x_account": handle(row.x_account.username)},
        )


def _nearest(term: Term, called: Iterable[str]) -> Nearness:
    """The words may stand in any order here, and apart."""
    near = names.nearness(term, *called)
    return Nearness.HOLDS_IT if near is None else near


def _nearest_in(
    term: Term, conversations: Sequence[tuple[int, int | None]], people: Sequence[XUser]
) -> dict[int, Nearness]:
    """How near the people of each conversation are; beside its pk stands whom it is with."""
    if not conversations:
        return {}
    near = {person.pk: _nearest(term, (person.name, person.username)) for person in people}
    found = {pk: near.get(peer or 0, Nearness.HOLDS_IT) for pk, peer in conversations}
    others = Participant.objects.filter(conversation__in=found, x_user__in=people)
    for pk, x_user in others.values_list("conversation", "x_user"):
        found[pk] = min(found[pk], near[x_user])
    return found


def _person(person: XUser) -> Choice:
    return Choice(name_of(person), reverse("person", args=[person.pk]), handle_of(person))
