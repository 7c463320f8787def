"""Views of the inbox that a person keeps by name."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.access import signed_in
from conversations import actions, filters
from conversations.forms import SavedViewForm


@require_POST
def save_view(request: HttpRequest) -> HttpResponse:
    """Keeps the filters that are set; a name one has already means the new filters from now on."""
    form = SavedViewForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("View not saved: it needs filters, and a name of up to 40 characters."))
        return redirect(filters.list_beside(QueryDict(request.POST.get("query", ""))))
    query = filters.query_of(form.cleaned_data["query"])
    if not actions.save_view(signed_in(request), form.cleaned_data["name"], query):
        messages.error(request, _("You have reached the maximum number of views. Remove one first."))
    return redirect(f"{reverse('inbox')}?{query}")


@require_POST
def drop_view(request: HttpRequest, pk: int) -> HttpResponse:
    view = get_object_or_404(signed_in(request).saved_views, pk=pk)
    actions.drop_view(view)
    words = _("The view %(name)s was removed; its conversations are kept.")
    messages.success(request, words % {"name": view.name})
    return redirect("inbox")
