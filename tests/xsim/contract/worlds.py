"""One of everything that X's answers can hold, in one conversation: enough to see a page spoiled in every way."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

ADA, BEN, CLEO, GONE, SHY = "1590000000000000001", "44196397", "1590000000000000003", "1590000000000000004", "77"
EPOCH_MS = 1288834974657


def snowflake(moment: datetime, sequence: int = 0) -> str:
    return str(((int(moment.timestamp() * 1000) - EPOCH_MS) << 22) + sequence)


def everything(now: datetime) -> dict[str, Any]:
    """Ada is the one to read as: her group has joins and leaves, all media, posts of every state, all entities."""
    start = now - timedelta(hours=2)
    group = snowflake(start)
    posts = _posts(start - timedelta(days=3))
    media = _media(group)
    return {
        "people": [_person(*row) for row in PEOPLE],
        "posts": posts,
        "media": media,
        "conversations": [
            {"id": group, "member_ids": [ADA, BEN, CLEO, GONE, SHY], "is_group": True},
            {"id": f"{BEN}-{ADA}", "member_ids": [BEN, ADA]},
        ],
        "events": _events(group, start, posts, media),
    }


PEOPLE = (
    (ADA, "ada_lamps", "Ada", {}),
    (BEN, "ben", "Ben", {}),
    (CLEO, "cleo", "Cleo & Co", {}),
    (GONE, "gone", "Gone", {"is_suspended": True}),
    (SHY, "shy", "Shy", {"in_includes": False}),
)


def _person(person_id: str, username: str, name: str, members: dict[str, Any]) -> dict[str, Any]:
    fields = {
        "created_at": "2020-05-17T08:00:00.000Z",
        "description": f"{name} is a person",
        "location": "Kiel",
        "profile_image_url": f"/profile_images/1590000000000000099/{username}_normal.jpg",
        "protected": username == "shy",
        "public_metrics": {"followers_count": 3, "following_count": 4, "tweet_count": 5, "listed_count": 0},
        "verified": username == "ben",
        "verified_type": "blue" if username == "ben" else "none",
    }
    return {
        "id": person_id,
        "username": username,
        "name": name,
        "fields": fields,
        "is_persona": person_id == ADA,
        **members,
    }


def _media(dm_id: str) -> list[dict[str, Any]]:
    photo = f"/1.1/ton/data/dm/{dm_id}/1590000000000000201/aBcD1234.jpg"
    clip, loop = "/dm_video/1590000000000000202", "/dm_gif/1590000000000000203/xyz.mp4"
    clip_preview, loop_preview = (
        "/dm_video_preview/1590000000000000202/img/p.jpg",
        "/dm_gif_preview/1590000000000000203/q.jpg",
    )
    return [
        {
            "media_key": "5_1590000000000000201",
            "type": "photo",
            "width": 320,
            "height": 240,
            "url_path": photo,
            "alt_text": "A lamp",
            "files": {photo: "photo-lamp-1-320x240.jpg"},
        },
        {
            "media_key": "13_1590000000000000202",
            "type": "video",
            "width": 640,
            "height": 360,
            "duration_ms": 4000,
            "preview_path": clip_preview,
            "variants": [
                {"path": f"{clip}/pl/a.m3u8?tag=1&container=fmp4", "content_type": "application/x-mpegURL"},
                {"path": f"{clip}/vid/avc1/640x360/b.mp4?tag=1", "content_type": "video/mp4", "bit_rate": 832000},
            ],
            "files": {clip_preview: "clip-dimming-640x360-poster.jpg"},
        },
        {
            "media_key": "16_1590000000000000203",
            "type": "animated_gif",
            "width": 240,
            "height": 240,
            "preview_path": loop_preview,
            "variants": [{"path": loop, "content_type": "video/mp4", "bit_rate": 0}],
            "files": {loop: "loop-glow-240x240.mp4", loop_preview: "loop-glow-240x240-poster.jpg"},
        },
        {
            "media_key": "3_1590000000000000204",
            "type": "photo",
            "width": 320,
            "height": 240,
            "url_path": "/media/AbCdEfGhIjKlMnO.jpg",
            "files": {"/media/AbCdEfGhIjKlMnO.jpg": "photo-room-2-320x240.jpg"},
        },
    ]


def _posts(start: datetime) -> list[dict[str, Any]]:
    def post(place: int, text: str, **members: Any) -> dict[str, Any]:
        moment = start + timedelta(minutes=place)
        fields = {
            "lang": "en",
            "public_metrics": {
                "retweet_count": 1,
                "reply_count": 2,
                "like_count": 3,
                "quote_count": 4,
                "bookmark_count": 5,
                "impression_count": 6,
            },
            **members.pop("fields", {}),
        }
        return {
            "id": snowflake(moment),
            "author_id": CLEO,
            "text": text,
            "created_at": moment.isoformat(),
            "fields": fields,
            **members,
        }

    poll = {
        "id": "1590000000000000301",
        "options": [{"position": 1, "label": "Moss", "votes": 3}, {"position": 2, "label": "Brick", "votes": 1}],
        "voting_status": "closed",
        "duration_minutes": 1440,
        "end_datetime": "2026-08-19T12:00:00.000Z",
    }
    quoted = post(1, "The quoted one", author_id=BEN) | {"author_id": BEN}
    link = {
        "start": 7,
        "end": 30,
        "url": "https://t.co/aaaaaaaaaa",
        "expanded_url": "https://lamps.example/",
        "display_url": "lamps.example",
    }
    return [
        quoted,
        post(
            2,
            "A post https://t.co/aaaaaaaaaa #light",
            media_keys=["3_1590000000000000204"],
            entities={"urls": [link], "hashtags": [{"start": 31, "end": 37, "tag": "light"}]},
            fields={"note_tweet": {"text": "A post, and much more of it"}},
        ),
        post(3, "Which one?", poll=poll),
        post(4, "Look", referenced=[{"type": "quoted", "id": quoted["id"]}]),
        post(5, "Private", state="protected"),
        post(6, "Gone", state="deleted"),
    ]


def _events(
    group: str, start: datetime, posts: list[dict[str, Any]], media: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []

    def event(event_type: str, conversation: str = group, **members: Any) -> None:
        moment = start + timedelta(minutes=len(events))
        events.append(
            {
                "id": snowflake(moment, len(events) + 1),
                "event_type": event_type,
                "dm_conversation_id": conversation,
                "created_at": moment.replace(microsecond=0).isoformat(),
                **members,
            }
        )

    def say(sender_id: str, text: str, **members: Any) -> None:
        event("MessageCreate", sender_id=sender_id, text=text, **members)

    event("ParticipantsJoin", sender_id=ADA, participant_ids=[BEN, CLEO, GONE, SHY])
    say(ADA, "Hello &amp; welcome &lt;all&gt;")
    say(
        BEN,
        "See https://t.co/bbbbbbbbbb @cleo #lamps $NLMP",
        entities={
            "urls": [
                {
                    "start": 4,
                    "end": 27,
                    "url": "https://t.co/bbbbbbbbbb",
                    "expanded_url": "https://lamps.example/all",
                    "display_url": "lamps.example/all",
                }
            ],
            "mentions": [{"start": 28, "end": 33, "username": "cleo", "id": CLEO}],
            "hashtags": [{"start": 34, "end": 40, "tag": "lamps"}],
            "cashtags": [{"start": 41, "end": 46, "tag": "NLMP"}],
        },
    )
    for item in media[:3]:
        say(CLEO, " https://t.co/cccccccccc", media_keys=[item["media_key"]])
    for post in posts[1:]:
        say(BEN, "Look: https://t.co/dddddddddd", post_ids=[post["id"]])
    say(GONE, "I was suspended")
    say(SHY, "X does not resolve me")
    event("ParticipantsLeave", participant_ids=[CLEO])
    event("ParticipantsJoin", sender_id=BEN, participant_ids=[CLEO])
    say(ADA, "Nobody sees this", is_hidden=True)
    event("MessageCreate", f"{BEN}-{ADA}", sender_id=BEN, text="Just the two of us")
    return events
