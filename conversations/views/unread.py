"""Marking a conversation as unread."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.access import signed_in
from conversations import actions, filters
from conversations.models import Conversation


@require_POST
def mark_unread(request: HttpRequest, pk: int) -> HttpResponse:
    """Back to the list, where it stands as unread: on its own page it would be read again at once."""
    user = signed_in(request)
    conversation = get_object_or_404(Conversation.objects.visible_to(user), pk=pk)
    if not actions.mark_unread(user, conversation):
        return HttpResponse(_("Nobody else has written here."), status=422, content_type="text/plain")
    if "HX-Request" in request.headers:
        return HttpResponse(status=204)
    return redirect(filters.list_beside(request.GET))
