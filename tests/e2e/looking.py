"""Looking at one page in every way people do: sizes, colours, contrasts; with axe, a ruler, and pictures."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from axe_playwright_python.base import AXE_SCRIPT

AXE = "options => axe.run(document, options).then(found => found.violations)"
MORE_RULES = {"target-size": {"enabled": True}}
"""Of WCAG 2.2 AA, and off unless asked for."""
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
JUDGED = {"small-phone": ("light", "dark"), "desk": tuple(LOOKS)}
"""Where axe looks. A phone has the rules of a small one and more room, all widths have the same colours, and neither
more contrast nor forced colours change a size."""
PICTURED = {"phone": ("light", "dark"), "desk": ("light", "dark")}
SIDEWAYS = ".table-frame, .bar-nav, .switchers"
"""What is meant to be pushed aside where it is too wide."""
WIDER = """(sideways) => {
  const isScroller = (each) => /auto|scroll/.test(getComputedStyle(each).overflowY) && !each.matches(sideways);
  const tell = (each) => `${each.scrollWidth - each.clientWidth} px too wide: ${each.outerHTML.slice(0, 80)}`;
  const wide = [...document.querySelectorAll("body *")].filter((each) => each.scrollWidth > each.clientWidth);
  const found = wide.filter(isScroller).map(tell);
  const beyond = document.documentElement.scrollWidth - window.innerWidth;
  return beyond > 0 ? [`${beyond} px too wide`, ...found] : found;
}"""


def pictures() -> Path | None:
    """Where pictures of all pages go, when the run names a folder."""
    folder = os.environ.get("SCREENSHOTS")
    return Path(folder) if folder else None


def too_wide(page) -> list[str]:
    """What of the page, and of what scrolls in it, lies where one would have to push it aside to read on."""
    return page.evaluate(WIDER, SIDEWAYS)


def violations(page, rules: list[str] | None = None) -> list[str]:
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    options = {"resultTypes": ["violations"]} | ({"runOnly": rules} if rules else {"rules": MORE_RULES})
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
        found += [f"{name}, {size}, {each}" for each in too_wide(page)]
        found += [f"{name}, {size}, {each}" for each in _faults_of_looks(page, JUDGED.get(size, ()))]
        _take_pictures(page, f"{name}-{size}", PICTURED.get(size, ()))
    page.emulate_media(**LOOKS["light"])
    return found


def _faults_of_looks(page, looks: Iterable[str]) -> list[str]:
    found = []
    for look in looks:
        page.emulate_media(**LOOKS[look])
        found += [f"{look}: {each}" for each in violations(page, None if look == "light" else OF_COLOURS)]
    return found


def _take_pictures(page, name: str, looks: Iterable[str]) -> None:
    for look in looks if pictures() else ():
        page.emulate_media(**LOOKS[look])
        page.screenshot(path=pictures() / f"{name}-{look}.png")
