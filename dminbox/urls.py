"""Every address of the installation."""

from django.contrib import admin
from django.urls import include, path

from dminbox.styleguide.views import sample, styleguide
from dminbox.views import healthz, manifest, offline_empty, service_worker

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("manifest.webmanifest", manifest, name="manifest"),
    path("service-worker.js", service_worker, name="service_worker"),
    path("offline/empty/", offline_empty, name="offline_empty"),
    path("styleguide/", styleguide, name="styleguide"),
    path("styleguide/files/<int:pk>/<int:file_pk>/", sample, name="styleguide_sample"),
    path("admin/", admin.site.urls),
    path("", include("accounts.urls")),
    path("accounts/", include("allauth.urls")),
    path("", include("conversations.urls")),
]
