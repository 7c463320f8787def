"""Search over everything a person may see: what was typed, what it means, and what is found, newest first."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from conversations.forms import MAX_ID
from conversations.models import Conversation, XUser
from conversations.search import finding, index, query
from conversations.search.finding import Found, Wanted
from conversations.showing.contents import add_names
from conversations.showing.names import Guess

WITHIN = re.compile(r"in:([0-9-]{1,40})(?:\s+|$)")


class SearchForm(forms.Form):
    """The address of a search: what was typed, and where the page begins. Any text is a search.

    within: X's id of the conversation that a search begins from; it becomes a part of what was typed.
    """

    q = forms.CharField(required=False, strip=True)
    below = forms.IntegerField(required=False, min_value=0, max_value=MAX_ID)
    within = forms.RegexField(r"^[0-9-]{1,40}$", required=False)


class Unknown(NamedTuple):
    typed: str
    guesses: list[Guess]


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    form = SearchForm({**request.GET.dict(), "q": request.GET.get("q", "").replace("\x00", " ")})
    if not form.is_valid():
        raise Http404
    if within := form.cleaned_data["within"]:
        return redirect(address_of(f"in:{within} {form.cleaned_data['q']}".strip()))
    asked = query.parse(form.cleaned_data["q"])
    context: dict[str, Any] = {"typed": form.cleaned_data["q"], "asked": asked, **_box(request, form.cleaned_data["q"])}
    if not asked.is_nothing:
        context |= _answer(request, finding.resolve(request.user, asked), form.cleaned_data["below"])
    return render(request, "conversations/search.html", context)


def _box(request: HttpRequest, typed: str) -> dict[str, Any]:
    """What the box holds, and beside it the one conversation that the search begins with, instead of its X id."""
    match = WITHIN.match(typed)
    if match is None:
        return {"in_box": typed}
    same = Conversation.objects.visible_to(request.user).filter(dm_conversation_id=match[1])
    found = list(same.with_rows_of_inbox().order_by("pk")[:1])
    if not found:
        return {"in_box": typed}
    add_names(found)
    rest = typed[match.end() :]
    return {"in_box": rest, "within": found[0], "anywhere": address_of(rest)}


def _answer(request: HttpRequest, wanted: Wanted, below: int | None) -> dict[str, Any]:
    found = finding.find(request.user, wanted, below)
    people = [] if below else finding.people_for(wanted)
    is_nothing_there = not (found.hits or people or below or found.is_cut)
    return {
        "found": found,
        "is_first": below is None,
        "older": _older(wanted, found),
        "means": wanted.means,
        "unknown": [Unknown(typed, _guesses(wanted, typed, alike)) for typed, alike in wanted.unknown],
        "people": [Guess(person, _from(person)) for person in people],
        "alike": [Guess(person, _from(person)) for person in finding.people_like(wanted)] if is_nothing_there else [],
        "behind": index.behind(wanted.spec.x_accounts),
        "is_with_accounts": len(wanted.spec.x_accounts) > 1,
    }


def _older(wanted: Wanted, found: Found) -> str:
    return "" if found.below is None else address_of(wanted.asked.text, below=found.below)


def _guesses(wanted: Wanted, typed: str, alike: list[XUser]) -> list[Guess]:
    """The same search with another name in the place of the one that means nobody."""
    return [Guess(person, address_of(query.with_name(wanted.asked.text, typed, _handle(person)))) for person in alike]


def _from(person: XUser) -> str:
    return address_of(query.with_name("from:x", "x", _handle(person)))


def _handle(person: XUser) -> str:
    return f"@{person.username}" if person.username else person.name


def address_of(text: str, **more: int) -> str:
    """Where the results of a search stand."""
    fields: dict[str, str | int] = {"q": text, **more}
    return f"{reverse('search')}?{urlencode(fields)}"
