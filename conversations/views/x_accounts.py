"""The state of an X account in words, how far back it is read and at what price, and the way on at the ceiling."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import Person, is_owner, x_account_for, x_accounts_of, x_accounts_run_by
from accounts.models import Role, XAccount
from conversations import actions
from conversations.forms import StartForm
from conversations.showing import is_waiting, prices
from conversations.sync import account_status


@require_safe
def x_account(request: HttpRequest, pk: int) -> HttpResponse:
    account = x_account_for(request.user, pk)
    context = {
        "x_account": account,
        "status": account_status(account),
        "prices": prices(),
        "members": account.memberships.select_related("user").order_by("user__name"),
        "may_run": x_accounts_run_by(request.user).filter(pk=pk).exists(),
        "may_decide": _runs(request.user).filter(pk=pk).exists(),
    }
    return render(request, "conversations/x_account.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest, pk: int) -> HttpResponse:
    account = _run_by(request, pk)
    if not is_waiting(account):
        return redirect("x_account", pk)
    form = StartForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        actions.begin_import(account, form.cleaned_data["days"], form.cleaned_data["ceiling"])
        return redirect("inbox")
    context = {"x_account": account, "form": form, "prices": prices()}
    return render(
        request, "conversations/x_account_start.html", context, status=422 if request.method == "POST" else 200
    )


@require_POST
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Goes on at the ceiling: as much again may be spent."""
    actions.resume_import(_run_by(request, pk))
    return redirect("x_account", pk)


def _run_by(request: HttpRequest, pk: int) -> XAccount:
    return get_object_or_404(_runs(request.user).select_related("sync"), pk=pk)


def _runs(user: Person) -> QuerySet[XAccount]:
    """Where a person decides what may be spent: admins of the account, and owners who are members of it."""
    return x_accounts_of(user, Role.VIEWER if is_owner(user) else Role.ADMIN)
