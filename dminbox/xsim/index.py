"""Ways into a world that stay quick with 40,000 events: by event, by conversation, and by who may see what."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator

from dminbox.xsim import ids
from dminbox.xsim.paging import Cursor
from dminbox.xsim.world import DmConversation, Event, MediaItem, Person, Post, World


def position(event: Event) -> int:
    return int(event.id)


class Timeline:
    """The events one user may see, in one conversation or in all, ascending by id."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.events = sorted(events, key=position)

    def add(self, event: Event) -> None:
        insort(self.events, event, key=position)

    def walk(self, cursor: Cursor | None) -> Iterator[Event]:
        """From the cursor (or the newest event) to the older ones; for a `previous` cursor to the newer ones."""
        if cursor is None:
            return reversed(self.events)
        if cursor.is_next:
            return iter(self.events[: bisect_left(self.events, cursor.event_id, key=position)][::-1])
        return iter(self.events[bisect_right(self.events, cursor.event_id, key=position) :])

    def distance_above(self, event_id: int) -> int | None:
        """How far above this id the nearest event stands, 0 for the event itself."""
        at = bisect_left(self.events, event_id, key=position)
        return position(self.events[at]) - event_id if at < len(self.events) else None


class Index:
    """The world, and what is derived from it. Whoever changes people, posts, media or events does it through here."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.version = 0
        self.events: dict[str, Event] = {}
        self.by_conversation: dict[str, list[Event]] = {}
        self.by_media: dict[str, list[Event]] = {}
        self.moves: dict[str, list[Event]] = {}
        """Joins and leaves of each conversation."""
        self.lagged: dict[str, Event] = {}
        self.timelines: dict[tuple[str, str | None], Timeline] = {}
        self.usernames: dict[str, Person] = {}
        self.files: dict[str, tuple[str, MediaItem | None]] = {}
        for event in world.events:
            self._note(event)
        self.refresh()

    def refresh(self) -> None:
        """After people, posts, media or members of conversations were put in."""
        self.version += 1
        self.timelines = {}
        self.usernames = {person.username.lower(): person for person in self.world.people.values()}
        holders: list[Person | Post] = [*self.world.people.values(), *self.world.posts.values()]
        self.files = {path: (name, None) for holder in holders for path, name in holder.files.items()}
        for item in self.world.media.values():
            self.files.update({path: (name, item) for path, name in item.files.items()})

    def add(self, event: Event) -> None:
        """Puts a new event in its place; a one-to-one, or a group nobody declared, is made with it.

        ValueError when the id is taken.
        """
        if event.id in self.events:
            raise ValueError(f"there is an event {event.id} already")
        self.version += 1
        is_among_members = self._join_conversation(event)
        insort(self.world.events, event, key=position)
        is_newest = self._note(event)
        if event.event_type == "MessageCreate" and is_newest and is_among_members:
            self._show_to_members(event)
        else:
            self.timelines = {}

    def timeline(self, user_id: str, conversation_id: str | None = None) -> Timeline:
        key = (user_id, conversation_id)
        if key not in self.timelines:
            self.timelines[key] = Timeline(self._seen(user_id, conversation_id))
        return self.timelines[key]

    def may_see(self, user_id: str, event: Event) -> bool:
        return self.timeline(user_id, event.dm_conversation_id).distance_above(position(event)) == 0

    def is_member(self, user_id: str, conversation: DmConversation) -> bool:
        """Is now: has not left since."""
        if user_id not in conversation.member_ids:
            return False
        return self._spans(user_id, conversation)[-1][1] is None

    def _join_conversation(self, event: Event) -> bool:
        """Makes the conversation or its members known where they are not; False when a group got a member."""
        known = self.world.conversations.get(event.dm_conversation_id)
        if known is None:
            members = ids.members_of_one_to_one(event.dm_conversation_id)
            known = DmConversation(event.dm_conversation_id, members, is_group=not members)
            self.world.conversations[known.id] = known
        if not known.is_group:
            return True
        people = dict.fromkeys([*([event.sender_id] if event.sender_id else []), *event.participant_ids])
        fresh = [one for one in people if one not in known.member_ids]
        known.member_ids += fresh
        return not fresh

    def _note(self, event: Event) -> bool:
        """True when it is the newest of its conversation."""
        self.events[event.id] = event
        known = self.by_conversation.setdefault(event.dm_conversation_id, [])
        insort(known, event, key=position)
        for key in event.media_keys:
            self.by_media.setdefault(key, []).append(event)
        if event.event_type != "MessageCreate":
            insort(self.moves.setdefault(event.dm_conversation_id, []), event, key=position)
        if event.lagged_reads:
            self.lagged[event.id] = event
        return known[-1] is event

    def _show_to_members(self, event: Event) -> None:
        conversation = self.world.conversations[event.dm_conversation_id]
        for user_id in conversation.member_ids:
            if not self.is_member(user_id, conversation):
                continue
            for key in ((user_id, None), (user_id, conversation.id)):
                if key in self.timelines:
                    self.timelines[key].add(event)

    def _seen(self, user_id: str, conversation_id: str | None) -> Iterator[Event]:
        known = self.world.conversations
        wanted = (
            known.values() if conversation_id is None else [known[conversation_id]] if conversation_id in known else []
        )
        for conversation in wanted:
            if user_id in conversation.member_ids:
                yield from self._seen_in(user_id, conversation)

    def _seen_in(self, user_id: str, conversation: DmConversation) -> list[Event]:
        events = self.by_conversation.get(conversation.id, [])
        if not conversation.is_group:
            return events
        seen: list[Event] = []
        for start, end in self._spans(user_id, conversation):
            below = 0 if start is None else bisect_left(events, start, key=position)
            above = len(events) if end is None else bisect_right(events, end, key=position)
            seen += events[below:above]
        return seen

    def _spans(self, user_id: str, conversation: DmConversation) -> list[tuple[int | None, int | None]]:
        """From and to which event somebody was a member, its own join and leave among them; None: open.

        Who is a member without a join was there from the start. A join without a leave before it says nothing new.
        """
        spans: list[tuple[int | None, int | None]] = []
        is_in, start, is_known = True, None, False
        for event in self.moves.get(conversation.id, []):
            if user_id not in event.participant_ids:
                continue
            if event.event_type == "ParticipantsLeave" and is_in:
                spans.append((start, position(event)))
                is_in = False
            elif event.event_type == "ParticipantsJoin" and (not is_in or not is_known):
                is_in, start = True, position(event)
            is_known = True
        return [*spans, (start, None)] if is_in else spans
