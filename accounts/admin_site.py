"""Django's admin, as a page that exists for owners alone, behind the one sign-in page there is."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from accounts import access


class OwnersSite(admin.AdminSite):
    site_header = site_title = "dminbox"
    index_title = _("Stored data")
    enable_nav_sidebar = False  # the columns of a list need its room

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Any:
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def for_owners(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.user.is_authenticated and not access.is_owner(request.user):
                raise Http404
            response: HttpResponseBase = inner(request, *args, **kwargs)
            return response

        return for_owners

    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Django's own form knows no throttling, so there is none."""
        if not request.user.is_authenticated:
            wanted = request.GET.get("next", reverse("admin:index"))
            return redirect(f"{reverse('account_login')}?{urlencode({'next': wanted})}")
        if not access.is_owner(request.user):
            raise Http404
        return redirect("admin:index")


class OwnersRows(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows in the admin. Its lists are narrowed by what they offer, and by nothing else.

    Django takes any lookup on a table's own fields from the address, also on those that are not shown: who asks for
    `?raw__icontains=` or `?password__startswith=` again and again has read them by the number of rows.
    """

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        of_filters = {f"{name}{end}" for name in self.list_filter for end in ("", "__exact", "__isnull", "__id__exact")}
        of_days = {f"{self.date_hierarchy}__{part}" for part in ("year", "month", "day")}
        return lookup in of_filters | of_days
