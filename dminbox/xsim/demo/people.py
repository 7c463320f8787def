"""Who is in the demo: the personas one can sign in as, and everybody they write with."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dminbox.xsim import ids
from dminbox.xsim.demo.texts import rows
from dminbox.xsim.media import DEFAULT_PROFILE_IMAGE, SIDES, profile_image
from dminbox.xsim.world import Person

SUPPORT_ID = "1402598140817772545"
STUDIO_ID = "1559842217053798401"
MIRA_ID = "2811467093"
OSSIAN_ID = "48213977"
PERSONA_IDS = {"support": SUPPORT_ID, "studio": STUDIO_ID, "mira": MIRA_ID, "ossian": OSSIAN_ID}

QUIET_READERS = 0.2
FIRST_SNOWFLAKE = 10**17
"""Ids below it were counted up, and lead to no time by themselves."""

FIRST_PICTURES = datetime(2013, 1, 1, tzinfo=UTC)
"""Older accounts are taken to have changed their picture since."""


@dataclass(frozen=True)
class Role:
    """One row of people.txt."""

    key: str
    language: str
    person: Person

    @property
    def first_name(self) -> str:
        return self.person.name.split()[0]


def cast() -> dict[str, Role]:
    """By their key in the texts."""
    return {row[0]: Role(row[0], row[4], _person(row)) for row in rows("people.txt", columns=8)}


def _person(row: list[str]) -> Person:
    key, said_id, username, name, _language, said_marks, location, description = row
    person_id, marks = PERSONA_IDS.get(key, said_id), set(said_marks.split())
    image = _profile_image(person_id, name, marks)
    verified_type = next((kind for kind in ("blue", "business") if kind in marks), "none")
    fields = {
        "created_at": ids_time(person_id).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "description": description,
        "location": location,
        "profile_image_url": image,
        "protected": "protected" in marks,
        "public_metrics": _counts(person_id),
        "verified": verified_type != "none",
        "verified_type": verified_type,
    }
    return Person(
        id=person_id,
        username=username,
        name=name,
        fields={field: value for field, value in fields.items() if value not in ("", None)},
        files=_sizes(image) if image else {},
        is_suspended="suspended" in marks,
        in_includes="unresolved" not in marks,
        is_persona=key in PERSONA_IDS,
        accepts_messages="refuses" not in marks,
        reads_after=None if key in PERSONA_IDS or "refuses" in marks else _reads_after(person_id),
    )


def _reads_after(person_id: str) -> float | None:
    """Most read within a minute, some never say that they did."""
    pick = random.Random(f"reads {person_id}")  # noqa: S311  looks, not secrets
    return None if pick.random() < QUIET_READERS else round(4 * (45 / 4) ** pick.random(), 1)


def _profile_image(person_id: str, name: str, marks: set[str]) -> str | None:
    if "none" in marks:
        return None
    if "default" in marks:
        return DEFAULT_PROFILE_IMAGE
    pick = random.Random(f"avatar {person_id}")  # noqa: S311  looks, not secrets
    since = max(ids_time(person_id), FIRST_PICTURES)
    picture_id = ids.snowflake(since + timedelta(days=pick.randint(1, 90), milliseconds=pick.randint(0, 999)))
    slug = "".join(pick.choices("abcdefghkmnpqrstuvwxyz23456789", k=8))
    letters = [word[0] for word in name.upper().split() if word[0].isascii() and word[0].isalpha()][:2]
    prefix = f"{''.join(letters)}-" if letters and "lamp" not in marks else ""
    return f"/profile_images/{picture_id}/{prefix}{slug}_normal.{pick.choice(('jpg', 'jpg', 'jpg', 'png'))}"


def _sizes(image: str) -> dict[str, str]:
    paths = [image.replace("_normal", size) for size in SIDES]
    return {path: name for path in paths if (name := profile_image(path))}


def _counts(person_id: str) -> dict[str, int]:
    pick = random.Random(f"counts {person_id}")  # noqa: S311  looks, not secrets
    return {
        "followers_count": int(10 ** pick.uniform(0.5, 3.8)),
        "following_count": int(10 ** pick.uniform(1, 3)),
        "tweet_count": int(10 ** pick.uniform(0.5, 4)),
        "listed_count": pick.randint(0, 40),
    }


def ids_time(person_id: str) -> datetime:
    """When the account was made: said by a snowflake, guessed from the height of an old id."""
    if int(person_id) >= FIRST_SNOWFLAKE:
        return ids.moment_of(person_id)
    return datetime(2006, 7, 15, 9, 30, tzinfo=UTC) + timedelta(days=365 * 9 * (int(person_id) / 3.3e9) ** 0.5)
