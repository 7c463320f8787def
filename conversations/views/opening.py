"""Opening a conversation by handle, user id or address: X is asked, and what it gives is read into the inbox."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import TOKENS_OF_JOINED, signed_in, x_accounts_of
from accounts.models import Role
from conversations import actions
from conversations.forms import OpenConversationForm
from conversations.models import ConversationLookup
from conversations.sync import estimates
from conversations.sync.caps import CapReached
from conversations.views.prices import prices, refusal, too_many_wishes


@require_http_methods(["GET", "HEAD", "POST"])
def open_conversation(request: HttpRequest) -> HttpResponse:
    user = signed_in(request)
    form = OpenConversationForm(user, request.POST or None, initial=request.GET.dict())
    if request.method != "POST" or not form.is_valid():
        return _form(request, form)
    if known := form.known_conversation(user):
        messages.info(request, _("This conversation is already in the inbox; X was not asked."))
        return redirect("thread", known.pk)
    target, account = form.cleaned_data["target"], form.cleaned_data["x_account"]
    try:
        wish = actions.look_up_conversation(user, account, target.kind, target.value)
    except actions.TooManyWishes:
        form.add_error("target", too_many_wishes(actions.MOST_WISHES))
    except CapReached:
        form.add_error("target", refusal(account, estimates.of_pages(1).usd))
    else:
        return redirect("lookup", wish.pk)
    return _form(request, form)


def _form(request: HttpRequest, form: OpenConversationForm) -> HttpResponse:
    may_ask = x_accounts_of(request.user, Role.AGENT).exists()
    context = {"form": form, "prices": prices(), "may_ask": may_ask}
    return render(request, "conversations/open.html", context, status=422 if form.is_bound else 200)


@require_safe
def lookup(request: HttpRequest, pk: int) -> HttpResponse:
    wishes = ConversationLookup.objects.visible_to(request.user).select_related("x_account").defer(*TOKENS_OF_JOINED)
    wish = get_object_or_404(wishes, pk=pk)
    template = "_lookup.html" if request.headers.get("HX-Request") else "lookup.html"
    return render(request, f"conversations/{template}", {"lookup": wish, "prices": prices()})
