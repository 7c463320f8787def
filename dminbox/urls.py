"""Every address of the installation."""

from django.contrib import admin
from django.urls import include, path

from dminbox.views import healthz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("admin/", admin.site.urls),
    path("", include("accounts.urls")),
    path("accounts/", include("allauth.urls")),
    path("", include("conversations.urls")),
]
