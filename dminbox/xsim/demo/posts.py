"""The posts that people of the demo share: with photos, a film, a poll, a quoted one, a protected and a deleted one."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dminbox.xsim import ids
from dminbox.xsim.demo import attachments, linked
from dminbox.xsim.demo.people import Role
from dminbox.xsim.demo.wording import Wording
from dminbox.xsim.world import MediaItem, Post

ESSAY = (
    "What hospital light taught me.⏎⏎I have spent eleven nights beside a bed this autumn, and most of what I remember"
    " is the light. It came from a panel in the ceiling, it was the same at three in the morning as at three in the"
    " afternoon, and it made everybody look as if they were the patient.⏎⏎On the sixth night a nurse brought a small"
    " table lamp from home. She put it on the floor, behind the chair, where no rule could see it. My mother opened her"
    " eyes and said: oh, it's evening. It was the first time in a week that she knew.⏎⏎I have since asked people who"
    " build lamps why warm light does that. They talk about kelvin & melatonin. The nurse said: it's because somebody"
    " switched it on for you.⏎⏎More about it in the winter issue: https://lichtmagazin.example/winter/hospital-light"
)


@dataclass(frozen=True)
class Draft:
    author: str
    days_ago: float
    text: str
    lang: str = "en"
    photos: tuple[str, ...] = ()
    film: str | None = None
    poll: tuple[tuple[str, int], ...] = ()
    quotes: str | None = None
    state: str = "public"


DRAFTS = {
    "workshop": Draft(
        "studio",
        27.3,
        "A day in the workshop: Jon at the press, Aylin at the paint, and nobody at the telephone. Sorry about that! "
        "#workshop #light",
        photos=("room", "cable", "swatches"),
    ),
    "poll": Draft(
        "studio",
        24.1,
        "Which colour should the winter Lyra have?",
        poll=(("Moss", 611), ("Brick", 204), ("Midnight", 143), ("None, brass forever", 44)),
    ),
    "original": Draft(
        "oak", 15.2, "Four pendants, one table, no regrets. Lamps by @NordlichtStudio", photos=("pendants",)
    ),
    "quoting": Draft("lichtmagazin", 14.6, "Heller als meine Zukunft 😂 (und schöner)", lang="de", quotes="original"),
    "film": Draft("unboxer", 13.9, "Wait for the dimming ✨ @NordlichtStudio", film="clip-dimming"),
    "protected": Draft("cousin", 12.9, "my desk at night. finally.", photos=("lamp",), state="protected"),
    "deleted": Draft("unboxer", 20.4, "UNBOXING the big one!! It hums??", photos=("parcel",), state="deleted"),
    "essay": Draft("lichtmagazin", 5.4, ESSAY),
    "article": Draft("lichtmagazin", 5.3, "From our winter issue: https://lichtmagazin.example/winter/hospital-light"),
}


@dataclass(frozen=True)
class Shelf:
    """The posts by their key in the texts, and what hangs on them."""

    posts: dict[str, Post]
    media: dict[str, MediaItem]


def write_posts(now: datetime, cast: Mapping[str, Role], user_ids: Mapping[str, str]) -> Shelf:
    pick = random.Random("posts")  # noqa: S311  looks, not secrets
    shelf = Shelf({}, {})
    for key, draft in DRAFTS.items():
        moment = now - timedelta(days=draft.days_ago, milliseconds=pick.randint(1, 999))
        author = cast[draft.author].person
        post_id = str(ids.snowflake(moment) + pick.randint(1, 4000))
        wording = Wording(pick, user_ids)
        fields = _type(wording, draft.text.replace("⏎", "\n"), f"https://x.com/{author.username}/status/{post_id}")
        fields |= {"lang": draft.lang, "public_metrics": _counts(pick), "reply_settings": "everyone"}
        post = Post(post_id, author.id, "", moment.replace(microsecond=0), fields=fields, state=draft.state)
        for item in _media(pick, draft, moment):
            shelf.media[item.media_key] = item
            post.media_keys.append(item.media_key)
        _attach(wording, draft, post, author.username, shelf.posts, moment)
        post.text, post.entities = wording.text, wording.entities
        post.files |= linked.describe(pick, post.entities.get("urls", []), post_id)
        shelf.posts[key] = post
    return shelf


def _type(wording: Wording, text: str, address: str) -> dict[str, Any]:
    """A long text is cut, ends in a link to itself and stands whole in note_tweet."""
    if len(text) <= 280:
        wording.type(text)
        return {}
    whole = Wording(wording.pick, wording.user_ids)
    whole.type(text)
    wording.type(text[:250].rsplit(" ", 1)[0] + "… ")
    wording.link(address)
    return {"note_tweet": {"text": whole.text, "entities": whole.entities}}


def _media(pick: random.Random, draft: Draft, moment: datetime) -> list[MediaItem]:
    media_id = ids.snowflake(moment - timedelta(seconds=40))
    items = [
        attachments.post_photo(pick, scene, media_id + place, attachments.ALT_TEXTS[scene])
        for place, scene in enumerate(draft.photos)
    ]
    if draft.film:
        items.append(attachments.post_video(pick, draft.film, media_id, None))
    return items


def _attach(
    wording: Wording, draft: Draft, post: Post, username: str, known: Mapping[str, Post], moment: datetime
) -> None:
    if draft.poll:
        post.poll = _poll(draft, int(post.id), moment)
    if draft.quotes:
        quoted = known[draft.quotes]
        author = DRAFTS[draft.quotes].author
        post.referenced.append({"type": "quoted", "id": quoted.id})
        wording.text += " "
        wording.link(f"https://twitter.com/{author}/status/{quoted.id}")
    if post.media_keys:
        kind = "video" if draft.film else "photo"
        wording.text += " "
        wording.link(
            f"https://x.com/{username}/status/{post.id}/{kind}/1", f"pic.x.com/{attachments.slug(wording.pick, 10)}"
        )


def _poll(draft: Draft, post_id: int, moment: datetime) -> dict[str, Any]:
    return {
        "id": str(post_id - 3),
        "options": [
            {"position": place, "label": label, "votes": votes} for place, (label, votes) in enumerate(draft.poll, 1)
        ],
        "voting_status": "closed",
        "duration_minutes": 4320,
        "end_datetime": (moment + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    }


def _counts(pick: random.Random) -> dict[str, int]:
    likes = pick.randint(3, 900)
    return {
        "retweet_count": likes // 9,
        "reply_count": likes // 14,
        "like_count": likes,
        "quote_count": likes // 30,
        "bookmark_count": likes // 12,
        "impression_count": likes * pick.randint(30, 90),
    }
