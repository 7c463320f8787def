"""Where pictures of examples are: found here while an example is drawn, since no database has its rows."""

from __future__ import annotations

from django.urls import path

from dminbox.styleguide.views import sample
from dminbox.urls import urlpatterns as of_the_installation

urlpatterns = [
    *of_the_installation,
    path("styleguide/files/<int:pk>/<int:file_pk>/", sample, name="media_file"),
]
