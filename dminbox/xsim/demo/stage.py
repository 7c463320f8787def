"""Puts what a script says into a world: ids, times, links and media as X would have given them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dminbox.xsim import ids
from dminbox.xsim.demo import attachments
from dminbox.xsim.demo.people import Role
from dminbox.xsim.demo.script import After, At, Attachment, Join, Leave, Say, Step
from dminbox.xsim.demo.wording import Wording
from dminbox.xsim.world import DmConversation, Event, MediaItem, Post, World

POST_MARK = "[post "
UPLOAD_TIME = timedelta(seconds=6)
NEW_HOST_FROM = timedelta(days=45)
"""Links of messages older than this say twitter.com, those of younger ones x.com."""


@dataclass
class Stage:
    """The world while it is being written."""

    now: datetime
    world: World
    cast: Mapping[str, Role]
    posts: Mapping[str, Post]
    user_ids: Mapping[str, str]
    pick: random.Random
    labels: dict[str, str] = field(default_factory=dict)
    """Label of an attachment -> its media key."""
    used: set[int] = field(default_factory=set)

    def new_id(self, moment: datetime) -> int:
        """A snowflake of that millisecond that nothing has yet."""
        found = ids.snowflake(moment)
        while found in self.used:
            found += 1
        self.used.add(found)
        return found


@dataclass
class Scene:
    """One conversation while its lines are being spoken."""

    stage: Stage
    conversation: DmConversation
    moment: datetime
    last_speaker: str | None = None
    is_timed: bool = True
    """The next line's time is set; else a pause comes before it."""
    reserved: int | None = None
    """The id of the first message of a group, when it is the next one."""

    def play(self, steps: Iterable[Step]) -> None:
        for step in steps:
            if isinstance(step, At):
                self._set_time(self.stage.now - step.ago)
            elif isinstance(step, After):
                self._set_time(self.moment + step.gap)
            elif isinstance(step, Say):
                self._say(step)
            else:
                self._move(step)

    def _set_time(self, moment: datetime) -> None:
        self.moment, self.is_timed = moment, True

    def _pause(self, speaker: str | None) -> None:
        """Somebody who goes on needs seconds, somebody who answers minutes."""
        if not self.is_timed:
            seconds = (8, 70) if speaker == self.last_speaker else (45, 700)
            self.moment += timedelta(
                seconds=self.stage.pick.randint(*seconds), milliseconds=self.stage.pick.randint(0, 999)
            )
        self.is_timed, self.last_speaker = False, speaker

    def _say(self, step: Say) -> None:
        self._pause(step.who)
        event_id = self.reserved or self.stage.new_id(self.moment)
        self.reserved = None
        item = _media(self.stage, step.attachment, event_id, self.moment) if step.attachment else None
        wording, post_ids = self._worded(step.text, event_id, has_media=item is not None)
        sender_id = self.stage.cast[step.who].person.id
        self._put(
            Event(
                str(event_id),
                "MessageCreate",
                self.conversation.id,
                self.moment.replace(microsecond=0),
                sender_id=sender_id,
                text=wording.text,
                media_keys=[item.media_key] if item else [],
                post_ids=post_ids,
                entities=wording.entities,
                is_hidden=step.mark == "hidden",
                deleted_for=[sender_id] if step.mark == "deleted" else [],
            )
        )

    def _worded(self, text: str, event_id: int, *, has_media: bool) -> tuple[Wording, list[str]]:
        wording, post_ids = Wording(self.stage.pick, self.stage.user_ids), []
        host = "https://x.com" if self.moment > self.stage.now - NEW_HOST_FROM else "https://twitter.com"
        first, *others = text.split(POST_MARK)
        wording.type(first)
        for other in others:
            key, _, rest = other.partition("]")
            post = self.stage.posts[key]
            author = self.stage.world.people[post.author_id]
            wording.link(f"{host}/{author.username}/status/{post.id}")
            wording.type(rest)
            post_ids.append(post.id)
        if has_media:
            wording.text += " "
            shown = f"pic.{host.partition('://')[2]}/{attachments.slug(self.stage.pick, 10)}"
            wording.link(f"{host}/messages/media/{event_id}", shown)
        return wording, post_ids

    def _move(self, step: Join | Leave) -> None:
        who = step.who if isinstance(step, Join) else None
        self._pause(who)
        people = [self.stage.cast[key].person.id for key in step.people]
        self.conversation.member_ids += [one for one in people if one not in self.conversation.member_ids]
        self._put(
            Event(
                str(self.stage.new_id(self.moment)),
                "ParticipantsJoin" if who else "ParticipantsLeave",
                self.conversation.id,
                self.moment.replace(microsecond=0),
                sender_id=self.stage.cast[who].person.id if who else None,
                participant_ids=people,
            )
        )

    def _put(self, event: Event) -> None:
        self.stage.world.events.append(event)


def open_pair(stage: Stage, one: str, other: str) -> Scene:
    """A one-to-one; with oneself when both are the same."""
    person_ids = [stage.cast[key].person.id for key in (one, other)]
    conversation_id = ids.one_to_one_id(*person_ids)
    members = list(dict.fromkeys(person_ids))
    conversation = stage.world.conversations.setdefault(conversation_id, DmConversation(conversation_id, members))
    return Scene(stage, conversation, stage.now)


def open_group(stage: Stage, owner: str, others: list[str], moment: datetime) -> Scene:
    """As X numbers it: the group, its first joins from the next id on, the first message four ids above the group."""
    group_id = stage.new_id(moment)
    stage.used |= {group_id + 1, group_id + 4}
    people = [stage.cast[key].person.id for key in (owner, *others)]
    conversation = DmConversation(str(group_id), people, is_group=True)
    stage.world.conversations[conversation.id] = conversation
    joined = Event(
        str(group_id + 1),
        "ParticipantsJoin",
        conversation.id,
        moment.replace(microsecond=0),
        sender_id=people[0],
        participant_ids=people[1:],
    )
    stage.world.events.append(joined)
    return Scene(stage, conversation, moment, last_speaker=owner, reserved=group_id + 4)


def _media(stage: Stage, attachment: Attachment, event_id: int, moment: datetime) -> MediaItem:
    if attachment.kind == "same":
        return stage.world.media[stage.labels[attachment.name]]
    item = _new_media(stage, attachment, event_id, stage.new_id(moment - UPLOAD_TIME))
    item.is_gone = attachment.is_gone
    stage.world.media[item.media_key] = item
    if attachment.label:
        stage.labels[attachment.label] = item.media_key
    return item


def _new_media(stage: Stage, attachment: Attachment, event_id: int, media_id: int) -> MediaItem:
    pick, name, alt_text = stage.pick, attachment.name, attachment.alt_text
    if attachment.kind == "video":
        return attachments.dm_video(pick, name, media_id, alt_text)
    if attachment.kind == "gif":
        return attachments.dm_gif(pick, name, media_id, alt_text)
    if alt_text is None and pick.random() < 0.4:
        alt_text = attachments.ALT_TEXTS[name]
    return attachments.dm_photo(pick, name, event_id, media_id, alt_text)
