"""Pages that posts of the demo link to, as X describes them: a title, a few words, and a picture in two sizes."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from dminbox.xsim.demo.attachments import slug

SIZES = {"orig": (1200, 628), "150x150": (150, 150)}
"""X's names of the two, in the query of their URLs."""


@dataclass(frozen=True)
class Page:
    title: str
    description: str
    scene: str


PAGES = {
    "https://lichtmagazin.example/winter/hospital-light": Page(
        "What hospital light taught us",
        "Eleven nights beside a bed, one small lamp behind a chair, and what warm light does to somebody who is ill.",
        "bulb",
    ),
}


def describe(pick: random.Random, urls: list[dict[str, Any]], post_id: str) -> dict[str, str]:
    """Adds to the entities what X says of the pages; the files of their pictures, by URL path and query."""
    files: dict[str, str] = {}
    for url in urls:
        if page := PAGES.get(url["expanded_url"]):
            path, drawn = f"/news_img/{post_id}/{slug(pick)}", f"photo-{page.scene}-{pick.randint(1, 9999)}"
            images = [_image(f"{path}?format=jpg&name={name}", *size) for name, size in SIZES.items()]
            files |= {image["url"]: f"{drawn}-{image['width']}x{image['height']}.jpg" for image in images}
            url.update(images=images, status=200, title=page.title, description=page.description)
            url["unwound_url"] = url["expanded_url"]
    return files


def _image(address: str, width: int, height: int) -> dict[str, Any]:
    return {"url": address, "width": width, "height": height}
