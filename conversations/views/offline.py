"""The list of the inbox as a browser keeps it for a day without a network."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import x_accounts_of
from conversations.models import Conversation
from conversations.showing.contents import rows_of_inbox

ROWS = 50


@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """A page of its own, with nothing to press that would need the network. The service worker alone asks for it."""
    if not settings.OFFLINE_INBOX:
        raise Http404
    pks = Conversation.objects.all().newest_of(list(x_accounts_of(request.user).values_list("pk", flat=True)), ROWS)
    rows = Conversation.objects.visible_to(request.user).filter(pk__in=pks).for_person(request.user)
    context = {"rows": rows_of_inbox(rows.with_rows_of_inbox().newest_first()), "kept_at": timezone.now()}
    return render(request, "offline/inbox.html", context)
