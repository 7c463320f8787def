"""Looking at one page in every way people do: sizes, colours, contrasts; with axe, a ruler, and pictures."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from axe_playwright_python.base import AXE_SCRIPT

AXE = "options => axe.run(document, options).then(found => found.violations)"
OF_COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules of axe that answer to colours: all others find the same in every look."""
LOOKS = {
    "light": {"color_scheme": "light", "contrast": "no-preference", "forced_colors": "none"},
    "dark": {"color_scheme": "dark", "contrast": "no-preference", "forced_colors": "none"},
    "more-contrast": {"color_scheme": "light", "contrast": "more", "forced_colors": "none"},
    "more-contrast-dark": {"color_scheme": "dark", "contrast": "more", "forced_colors": "none"},
    "forced-colors": {"color_scheme": "dark", "contrast": "no-preference", "forced_colors": "active"},
}
WIDTHS = {
    "small-phone": (320, 640),
    "zoomed": (640, 400),
    "wall": (3840, 2160),
    "phone": (390, 844),
    "desk": (1280, 800),
}
JUDGED = {"phone": ("light", "dark"), "desk": tuple(LOOKS)}
"""In which looks: more contrast and forced colours change no size, and both widths have the same colours."""
PICTURED = ("light", "dark")
WIDER = "document.documentElement.scrollWidth - window.innerWidth"


def pictures() -> Path | None:
    """Where pictures of all pages go, when the run names a folder."""
    folder = os.environ.get("SCREENSHOTS")
    return Path(folder) if folder else None


def violations(page, rules: list[str] | None = None) -> list[str]:
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    options = {"resultTypes": ["violations"]} | ({"runOnly": rules} if rules else {})
    return [
        f"{rule['id']} ({rule['impact']}): {node['html'][:160]} {node['failureSummary'][:240]}"
        for rule in page.evaluate(AXE, options)
        for node in rule["nodes"]
    ]


def faults(page, name: str) -> list[str]:
    """What keeps people out of the page, in any size and look; pictures are taken on the way."""
    found = []
    for size, (width, height) in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": height})
        if (wider := page.evaluate(WIDER)) > 0:
            found.append(f"{name} is {wider} px too wide at {size}")
        if size in JUDGED:
            found += [f"{name}, {size}, {each}" for each in _faults_of_looks(page, f"{name}-{size}", JUDGED[size])]
    page.emulate_media(**LOOKS["light"])
    return found


def _faults_of_looks(page, picture: str, looks: Iterable[str]) -> list[str]:
    found = []
    for look in looks:
        page.emulate_media(**LOOKS[look])
        if pictures() and look in PICTURED:
            page.screenshot(path=pictures() / f"{picture}-{look}.png")
        found += [f"{look}: {each}" for each in violations(page, None if look == "light" else OF_COLOURS)]
    return found
