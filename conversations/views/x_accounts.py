"""The state of an X account in words, how far back it is read and at what price, and the way on at the ceiling."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import (
    TOKENS_OF_JOINED,
    Person,
    is_owner,
    signed_in,
    x_account_for,
    x_accounts_of,
    x_accounts_run_by,
)
from accounts.models import Role, XAccount
from conversations import actions
from conversations.forms import CapForm, StartForm, ToldForm
from conversations.models import UnfinishedDay
from conversations.showing import day_chart
from conversations.showing.attention import is_waiting
from conversations.showing.moments import span_of
from conversations.sync import account_status, estimates
from conversations.sync.caps import CapReached
from conversations.sync.estimates import Estimate
from conversations.sync.status import known_pace
from conversations.views.prices import new_price, prices, refusal, too_many_wishes
from dminbox.wording import usd


@require_safe
def x_account(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, x_account_for(request.user, pk))


def _page(request: HttpRequest, account: XAccount, form: CapForm | None = None, status: int = 200) -> HttpResponse:
    found = account_status(account)
    context = {
        "x_account": account,
        "status": found,
        "lanes": day_chart.lanes(found.day),
        "ticks": day_chart.ticks(found.day),
        "width": day_chart.WIDTH,
        "height": day_chart.UNIT,
        "polls_every": span_of(found.polls_every),
        "form": form or CapForm(initial={"cap": found.spend.cap}),
        "prices": prices(),
        "members": account.memberships.select_related("user").order_by("user__name"),
        "may_run": x_accounts_run_by(request.user).filter(pk=account.pk).exists(),
        "may_ask": bool(found.unfinished) and _may_ask(request.user, account),
        "may_decide": _runs(request.user).filter(pk=account.pk).exists(),
    }
    return render(request, "conversations/x_account.html", context, status=status)


@require_POST
def cap(request: HttpRequest, pk: int) -> HttpResponse:
    """What the X account may cost in a month; an empty field takes the cap away."""
    account = _run_by(request, pk)
    form = CapForm(request.POST)
    if not form.is_valid():
        return _page(request, account, form, status=422)
    cap_usd: Decimal | None = form.cleaned_data["cap"]
    actions.set_cap(account, cap_usd)
    if cap_usd is None:
        words = _("The cap was removed.")
    else:
        words = _("The cap is now %(amount)s a month.") % {"amount": usd(cap_usd)}
    messages.success(request, words)
    return redirect("x_account", pk)


@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest, pk: int) -> HttpResponse:
    account = _run_by(request, pk)
    if not is_waiting(account):
        return redirect("x_account", pk)
    form = StartForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _begins(account, form):
        return redirect("inbox")
    known = known_pace(account)
    choices = [(radio, _expected(known, radio.data["value"])) for radio in form["days"].subwidgets]
    context = {"x_account": account, "form": form, "choices": choices, "prices": prices()}
    return render(
        request, "conversations/x_account_start.html", context, status=422 if request.method == "POST" else 200
    )


def _begins(account: XAccount, form: StartForm) -> bool:
    """Whether the reading has begun; else the form says why the month's cap does not allow it."""
    ceiling = form.cleaned_data["ceiling"]
    try:
        actions.begin_import(account, form.cleaned_data["days"], ceiling)
    except CapReached:
        form.add_error("ceiling", refusal(account, ceiling))
        return False
    return True


def _expected(known: estimates.Pace, days: int) -> Estimate | None:
    return estimates.expected(known, timedelta(days=int(days))) if int(days) else None


@require_POST
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Goes on at the ceiling: as much again may be spent."""
    account = _run_by(request, pk)
    try:
        actions.resume_import(account)
    except CapReached:
        messages.error(request, refusal(account, settings.IMPORT_CEILING_USD))
        return _page(request, account, status=422)
    return redirect("x_account", pk)


def _may_ask(user: Person, account: XAccount) -> bool:
    """Whether this person may ask X for more through it, which costs money."""
    is_connected = account.state == XAccount.State.CONNECTED
    return is_connected and x_accounts_of(user, Role.AGENT).filter(pk=account.pk).exists()


@require_POST
def read_day(request: HttpRequest, pk: int, day_pk: int) -> HttpResponse:
    """Wishes for a day that was not read again to its end; it costs money, and no more than the page has told."""
    days = UnfinishedDay.objects.visible_to(request.user, Role.AGENT).select_related("x_account")
    day = get_object_or_404(days.defer(*TOKENS_OF_JOINED), pk=day_pk, x_account=pk)
    form = ToldForm(request.POST)
    told = form.cleaned_data["told"] if form.is_valid() else None
    try:
        actions.read_day(signed_in(request), day, told or Decimal(0))
    except actions.DearerThanTold as dearer:
        messages.error(request, new_price(dearer.usd))
    except actions.TooManyWishes:
        messages.error(request, too_many_wishes(actions.MOST_WISHES))
    except CapReached:
        messages.error(request, refusal(day.x_account, told or Decimal(0)))
    else:
        return redirect("x_account", pk)
    return _page(request, x_account_for(request.user, pk), status=422)


def _run_by(request: HttpRequest, pk: int) -> XAccount:
    return get_object_or_404(_runs(request.user).select_related("sync"), pk=pk)


def _runs(user: Person) -> QuerySet[XAccount]:
    """Where a person decides what may be spent: admins of the account, and owners who are members of it."""
    return x_accounts_of(user, Role.VIEWER if is_owner(user) else Role.ADMIN)
