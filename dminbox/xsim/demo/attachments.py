"""Photos, GIFs and videos of messages and posts, with the paths X gives each of them."""

from __future__ import annotations

import random
from dataclasses import dataclass

from dminbox.xsim.world import MediaItem

SIZES = ((1200, 900), (900, 1200), (1080, 1080), (1280, 720))
ALT_TEXTS = {
    "lamp": "A table lamp with its light on",
    "pendants": "Three pendants above a table",
    "bulb": "A bulb, glowing",
    "cable": "A cable with its plug",
    "parcel": "A parcel with a label",
    "broken": "A cracked lampshade",
    "receipt": "A sheet of paper with rows of figures",
    "swatches": "A card with eight colours",
    "room": "A room in the evening with a floor lamp",
}


@dataclass(frozen=True)
class Film:
    """A film that is shipped: `<name>-<width>x<height>.mp4` in one or more sizes, the largest last."""

    name: str
    poster: str
    duration_ms: int
    sizes: tuple[tuple[int, int], ...]
    bit_rates: tuple[int, ...]
    playlist: str | None = None

    @property
    def files(self) -> list[str]:
        return [f"{self.name}-{width}x{height}.mp4" for width, height in self.sizes]


FILMS = {
    "clip-dimming": Film(
        "clip-dimming",
        "clip-dimming-640x360-poster.jpg",
        4000,
        ((320, 180), (640, 360), (1280, 720)),
        (256_000, 832_000, 2_176_000),
        "clip-dimming.m3u8",
    ),
    "clip-flicker": Film(
        "clip-flicker", "clip-flicker-270x480-poster.jpg", 3000, ((270, 480),), (632_000,), "clip-dimming.m3u8"
    ),
}
LOOPS = {
    "loop-glow": Film("loop-glow", "loop-glow-240x240-poster.jpg", 2000, ((240, 240),), (0,)),
    "loop-swing": Film("loop-swing", "loop-swing-320x240-poster.jpg", 2000, ((320, 240),), (0,)),
}


def slug(pick: random.Random, length: int = 8) -> str:
    return "".join(pick.choices("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghkmnpqrstuvwxyz23456789", k=length))


def dm_photo(pick: random.Random, scene: str, dm_id: int, media_id: int, alt_text: str | None) -> MediaItem:
    suffix = "png" if scene == "receipt" else "jpg"
    path = f"/1.1/ton/data/dm/{dm_id}/{media_id}/{slug(pick)}.{suffix}"
    return _photo(pick, scene, f"5_{media_id}", path, alt_text)


def dm_gif(pick: random.Random, name: str, media_id: int, alt_text: str | None) -> MediaItem:
    loop, stem = LOOPS[name], slug(pick, 15)
    preview, path = f"/dm_gif_preview/{media_id}/{stem}.jpg", f"/dm_gif/{media_id}/{stem}.mp4"
    return MediaItem(
        media_key=f"16_{media_id}",
        type="animated_gif",
        width=loop.sizes[0][0],
        height=loop.sizes[0][1],
        preview_path=preview,
        variants=[{"path": path, "content_type": "video/mp4", "bit_rate": 0}],
        alt_text=alt_text,
        files={preview: loop.poster, path: loop.files[0]},
    )


def dm_video(pick: random.Random, name: str, media_id: int, alt_text: str | None) -> MediaItem:
    folder, preview = f"/dm_video/{media_id}", f"/dm_video_preview/{media_id}/img/{slug(pick)}.jpg"
    return _video(pick, FILMS[name], f"13_{media_id}", folder, preview, alt_text)


def post_photo(pick: random.Random, scene: str, media_id: int, alt_text: str | None) -> MediaItem:
    return _photo(pick, scene, f"3_{media_id}", f"/media/{slug(pick, 15)}.jpg", alt_text)


def post_video(pick: random.Random, name: str, media_id: int, alt_text: str | None) -> MediaItem:
    folder = f"/ext_tw_video/{media_id}/pu"
    preview = f"/ext_tw_video_thumb/{media_id}/pu/img/{slug(pick, 15)}.jpg"
    return _video(pick, FILMS[name], f"7_{media_id}", folder, preview, alt_text)


def _photo(pick: random.Random, scene: str, media_key: str, path: str, alt_text: str | None) -> MediaItem:
    width, height = pick.choice(SIZES)
    name = f"photo-{scene}-{pick.randint(1, 9999)}-{width}x{height}.{path.rpartition('.')[2]}"
    return MediaItem(media_key, "photo", width, height, url_path=path, alt_text=alt_text, files={path: name})


def _video(
    pick: random.Random, film: Film, media_key: str, folder: str, preview: str, alt_text: str | None
) -> MediaItem:
    variants = []
    files = {preview: film.poster}
    for (width, height), bit_rate, file in zip(film.sizes, film.bit_rates, film.files, strict=True):
        path = f"{folder}/vid/avc1/{width}x{height}/{slug(pick, 15)}.mp4"
        variants.append({"path": f"{path}?tag=1", "content_type": "video/mp4", "bit_rate": bit_rate})
        files[path] = file
    if film.playlist:
        path = f"{folder}/pl/{slug(pick, 15)}.m3u8"
        variants.append({"path": f"{path}?tag=1&container=fmp4", "content_type": "application/x-mpegURL"})
        files[path] = film.playlist
    pick.shuffle(variants)
    width, height = film.sizes[-1]
    return MediaItem(
        media_key,
        "video",
        width,
        height,
        preview_path=preview,
        variants=variants,
        alt_text=alt_text,
        duration_ms=film.duration_ms,
        files=files,
    )
