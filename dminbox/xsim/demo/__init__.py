"""The demo world: ninety days of a fictional lamp maker's Direct Messages, the same for the same `now`."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping
from datetime import datetime

from dminbox.xsim import ids
from dminbox.xsim.demo.encrypted import chats, encrypted_arrivals
from dminbox.xsim.demo.everyday import Deck, exchanges
from dminbox.xsim.demo.letter import letter
from dminbox.xsim.demo.people import MIRA_ID, OSSIAN_ID, PERSONA_IDS, STUDIO_ID, SUPPORT_ID, Role, cast
from dminbox.xsim.demo.posts import write_posts
from dminbox.xsim.demo.script import At, Say, Step, parse_line
from dminbox.xsim.demo.stage import Scene, Stage, open_group, open_pair
from dminbox.xsim.demo.texts import lines, sections
from dminbox.xsim.world import Arrival, World

__all__ = ["MIRA_ID", "OSSIAN_ID", "PERSONA_IDS", "STUDIO_ID", "SUPPORT_ID", "demo_world"]

TYPISTS = 0.7
"""Share of the messages before which their sender is seen typing."""
MAX_TYPING = 12.0
"""Seconds."""
FORMER_NAMES = {"robin_bakes": "robin"}
"""Username before a rename -> who it was: old mentions keep it."""


def demo_world(now: datetime) -> World:
    """Everything up to `now`, and what goes on arriving after it."""
    roles = cast()
    people = {role.person.id: role.person for role in roles.values()}
    user_ids = {person.username.lower(): person.id for person in people.values()}
    user_ids |= {username: roles[key].person.id for username, key in FORMER_NAMES.items()}
    shelf = write_posts(now, roles, user_ids)
    world = World(people=people, posts={post.id: post for post in shelf.posts.values()}, media=dict(shelf.media))
    stage = Stage(now, world, roles, shelf.posts, user_ids, random.Random("nordlicht"))  # noqa: S311  looks, not secrets
    _play_stories(stage)
    _play_everyday(stage)
    world.events.sort(key=lambda event: int(event.id))
    world.arrivals = _arrivals(roles)
    for key, chat in chats(now, roles).items():
        world.chats[chat.id] = chat
        world.arrivals += encrypted_arrivals(key, chat)
    return world


def _play_stories(stage: Stage) -> None:
    for head, script in sections("stories.txt"):
        steps = [_with_letter(parse_line(line)) for line in script]
        _scene(stage, head, steps[0]).play(steps)


def _scene(stage: Stage, head: str, first: Step) -> Scene:
    """From the head of a story: `one A B`, `self A` or `group A: B C`."""
    kind, _, people = head.partition(" ")
    if kind == "group" and isinstance(first, At):
        owner, _, others = people.partition(": ")
        return open_group(stage, owner, others.split(), stage.now - first.ago)
    one, *other = people.split()
    return open_pair(stage, one, other[0] if other else one)


def _with_letter(step: Step) -> Step:
    if isinstance(step, Say) and step.text == "{letter}":
        return dataclasses.replace(step, text=letter())
    return step


def _play_everyday(stage: Stage) -> None:
    customers = [role for role in stage.cast.values() if role.language]
    decks = {language: Deck(stage.pick, language) for language in {role.language: None for role in customers}}
    for place, role in enumerate(customers):
        steps = exchanges(stage.pick, decks[role.language], role, place, stage.now)
        open_pair(stage, "support", role.key).play(steps)


def _arrivals(roles: Mapping[str, Role]) -> list[Arrival]:
    """One message every 20 to 60 seconds, from somebody else each time; the round begins anew when all have written.

    Most are seen typing first.
    """
    pick = random.Random("arrivals")  # noqa: S311  looks, not secrets
    said = [line.partition(": ") for line in lines("arrivals.txt")]
    gaps = [round(pick.uniform(20, 60), 1) for _ in said]
    every = round(sum(gaps), 1)
    arrivals, after = [], 0.0
    for gap, (key, _, text) in zip(gaps, said, strict=True):
        after = round(after + gap, 1)
        sender_id = roles[key].person.id
        conversation_id = ids.one_to_one_id(SUPPORT_ID, sender_id)
        if pick.random() < TYPISTS:
            before = round(after - min(MAX_TYPING, 3 + len(text) / 12), 1)
            arrivals.append(Arrival(before, conversation_id, sender_id, every=every, kind="typing"))
        arrivals.append(Arrival(after, conversation_id, sender_id, text, every))
    return arrivals
