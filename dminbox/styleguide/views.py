"""The guide itself, for developers: it is there under DEBUG alone, reads no rows of ours and writes none."""

from __future__ import annotations

from mimetypes import guess_type
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.http import require_safe

from dminbox.styleguide import drawing, sheets
from dminbox.styleguide.rows import FAR, SAMPLES

LOOKS = ("system", "light", "dark", "contrast")
DIRECTIONS = ("ltr", "rtl")
FILES = Path(settings.BASE_DIR) / "dminbox" / "xsim" / "files"


@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """look, dir: of the page, by its address. From right to left it speaks Arabic, as far as that is translated."""
    _only_for_developers()
    look, direction = request.GET.get("look", LOOKS[0]), request.GET.get("dir", DIRECTIONS[0])
    if look not in LOOKS or direction not in DIRECTIONS:
        raise Http404
    with translation.override("ar" if direction == "rtl" else "en"):
        context = {
            "look": look,
            "dir": direction,
            "looks": LOOKS,
            "directions": DIRECTIONS,
            "pieces": drawing.pieces(request),
            "token_groups": sheets.token_groups(),
        }
        return render(request, "styleguide/styleguide.html", context)


@require_safe
def sample(request: HttpRequest, pk: int, file_pk: int) -> HttpResponse:
    """A picture or film of an example."""
    _only_for_developers()
    if not 0 < file_pk - FAR <= len(SAMPLES):
        raise Http404
    path = FILES / SAMPLES[file_pk - FAR - 1]
    return HttpResponse(path.read_bytes(), content_type=guess_type(path)[0])


def _only_for_developers() -> None:
    if not settings.DEBUG:
        raise Http404
