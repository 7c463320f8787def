"""What happens in a story with real processes, and what must be true in the end. Needs Django set up."""

from __future__ import annotations

import random
import time
from datetime import datetime, timedelta
from typing import Any

import django.db
from django.db import InterfaceError, OperationalError, connections
from django.db.models import QuerySet

from accounts.models import XAccount
from conversations.ledger import DM_READS
from conversations.models import ActivitySubscription, ApiCall, DmEvent, Post, PushState, ReadInterval, SyncState
from conversations.sync import pace, push
from tests.conversations.sync_support import begin, connect, held_by_x, one_to_one, say
from tests.conversations.sync_worlds import DrawnWorld
from tests.soak import bill, judging, ours
from tests.soak.processes import SETTLING, WINDOW, Group, Servers, utc_now, wait_until
from tests.soak.signs import Signs
from tests.xsim_server import SimServer

TRIES = 3
PATIENCE = timedelta(seconds=5)
FAULTS = ["402", "429", "429-no-reset", "500-html", "503", "cut-before", "cut-after", "401"]


class ProcessStory:
    def __init__(self, seed: int, xsim: SimServer, servers: Servers) -> None:
        self.rng, self.xsim, self.servers = random.Random(f"processes {seed}"), xsim, servers
        self.ours = ours.draw(seed)
        self.began = utc_now()
        self.told: list[str] = []

    def play(self) -> None:
        drawn = DrawnWorld(self.rng, utc_now(), self.ours)
        self.drawn, self.signs = drawn, Signs(self.rng, self.xsim, drawn)
        self.xsim.post("world", drawn.world(events=self.rng.randint(20, 150), days=20))
        self.xsim.post("settings", self._settings())
        self.x_accounts = [connect(self.xsim, own) for own in self.ours]
        # Long enough that a token is renewed every few seconds, and not with every call.
        XAccount.objects.update(token_expires_at=utc_now())
        for x_account in self.x_accounts:
            begin(x_account, days=30)
        group = Group()
        try:
            for _ in range(self.rng.randint(6, 9)):
                self._happen(drawn, group)
            self._quiet(group)
            self._assert_push_works(group)
            self._judge()
            found = f"{DmEvent.objects.count()} events of {len(self.ours)} X accounts"
            print(f"{found}, each once, after: {'; '.join(self.told)}")
        except AssertionError as error:
            error.add_note("\n".join([*self.told, *self._state()]))
            raise
        finally:
            group.end()

    def _state(self) -> list[str]:
        """What the tables say of it, for whoever has to find out."""
        tables = (SyncState, PushState, ReadInterval)
        return [f"{table.__name__}: {row}" for table in tables for row in table._default_manager.values()]

    def _settings(self) -> dict[str, Any]:
        return {
            "dm_get_limit": self.rng.choice([6, 15]),
            "window_seconds": WINDOW,
            "token_seconds": 304,
            "keep_alive_seconds": 0.5,
            "push_duplicates": self.rng.choice([0, 0.5]),
            "push_shuffle": self.rng.choice([0, 3]),
        }

    def _happen(self, drawn: DrawnWorld, group: Group) -> None:
        group.assert_alive()
        drawn.now = utc_now()
        count = self.rng.choice([0, 1, 3, 20])
        events = [drawn.event(drawn.now - timedelta(milliseconds=ago)) for ago in reversed(range(count))]
        for event in events:
            if self.rng.random() < 0.3:
                event["visible_at"] = _shown_late(event["created_at"], self.rng)
        if events:
            self.xsim.post("events", events)
        signs = self.signs.draw()
        deeds = [self._kill, self._kill, self._kill, self._flush, self._restart, self._fault]
        if "web" in group.running:
            deeds += [self._kill_web, self._forge]
        if self.drawn.are_several:
            deeds += [self._revoke]
        deed = self.rng.choice(deeds)
        self._tell(f"{len(events)} events; {signs}; {deed(group)}")
        time.sleep(self.rng.uniform(0.2, 2))  # what happens next happens at any point of what goes on now

    def _kill(self, group: Group) -> str:
        name = self.rng.choice(list(group.running))
        group.kill(name)
        return f"kill -9 of the {name}"

    def _kill_web(self, group: Group) -> str:
        group.kill("web")
        return "kill -9 of the web process"

    def _forge(self, group: Group) -> str:
        """Nothing of this may come in."""
        if any(push["pushed_at"] for push in self.xsim.get("activity")):
            self.xsim.post("webhook", {"badly_signed": True, "unsigned": True, "altered": True, "oversized": 2_000_000})
        return "deliveries that X has not signed"

    def _flush(self, group: Group) -> str:
        self.servers.empty_broker()
        return "the broker is emptied"

    def _restart(self, group: Group) -> str:
        self.servers.restart_database()
        return "the database is restarted"

    def _fault(self, group: Group) -> str:
        kind, times = self.rng.choice(FAULTS), self.rng.choice([1, 3])
        self.xsim.post("faults", {"kind": kind, "times": times})
        return f"fault {kind} x {times}"

    def _revoke(self, group: Group) -> str:
        x_user_id = self.rng.choice(self.ours)
        self.xsim.delete(f"grants?user_id={x_user_id}")
        return f"the grant of {x_user_id} is revoked"

    def _quiet(self, group: Group) -> None:
        """No more trouble; a person has added credit, or connected the account again where it lost its tokens."""
        self.xsim.delete("faults")
        group.assert_alive()
        self._afresh()
        for x_account in self.x_accounts:
            ours.connect_again(self.xsim, x_account)
        # Hours and minutes, which nobody here has; whoever reads or waits for a window goes on by himself.
        long_waits = [SyncState.State.NO_CREDIT, SyncState.State.UNAVAILABLE, SyncState.State.REFUSED]
        waiting = SyncState.objects.filter(state__in=long_waits)
        _set_each(waiting, state=SyncState.State.ACTIVE, next_poll_at=utc_now())
        time.sleep(SETTLING)
        assert wait_until(lambda: self._is_complete(group), 60), f"lost: {self._lost()}"

    def _is_complete(self, group: Group) -> bool:
        group.assert_alive()
        return not self._lost()

    def _lost(self) -> list[int]:
        try:
            return sorted(pk for own in self.ours for pk in self._held(own) - self._stored(own))
        except (OperationalError, InterfaceError):
            self._afresh()
            return [0]

    def _held(self, own: str) -> set[int]:
        held = self.xsim.get(f"visible?user_id={own}")
        return {int(pk) for ids in held.values() for pk in ids}

    def _stored(self, own: str) -> set[int]:
        rows = DmEvent.objects.filter(conversation__x_account__x_user_id=own)
        return set(rows.values_list("dm_event_id", flat=True))

    # --- Push works again -----------------------------------------------------------------------------------------

    def _assert_push_works(self, group: Group) -> None:
        """After the last fault a message comes by push, and no poll has brought it."""
        assert wait_until(lambda: self._is_pushing(group), 60), "push does not come back"
        own = self.rng.choice(self.ours)
        for _ in range(TRIES):
            self._stop_polling()
            polls = self._polls(own)
            event = self._say_something(own)
            assert wait_until(lambda pk=event: pk in self._stored(own), 20), "X pushes, and nothing is stored"
            if self._polls(own) == polls:
                self._tell("push works")
                break
        else:
            raise AssertionError("polling brings everything before push does")
        polls = self._polls(own)
        _set_each(SyncState.objects.all(), next_poll_at=utc_now())
        assert wait_until(lambda: self._polls(own) > polls, 60), "no poll confirms what was pushed"

    def _is_pushing(self, group: Group) -> bool:
        """Waits of minutes and hours, which nobody here has, are over; whoever waits for seconds goes on by himself."""
        group.assert_alive()
        if all(pace.is_pushed(x_account) for x_account in self.x_accounts):
            return True
        now = utc_now()
        waiting = [ActivitySubscription.State.REFUSED, ActivitySubscription.State.WANTED]
        ActivitySubscription.objects.filter(state__in=waiting).update(due_at=now)
        long_waits = PushState.objects.filter(state__in=[PushState.State.NO_CREDIT, PushState.State.REFUSED])
        long_waits.update(next_try_at=now)
        PushState.objects.filter(subscriptions_checked_at__lt=now - PATIENCE).update(subscriptions_checked_at=None)
        return False

    def _stop_polling(self) -> None:
        free = SyncState.objects.filter(lease_until=None, next_poll_at__isnull=False)
        later = utc_now() + pace.longest_wait()
        everybody = len(self.x_accounts)
        assert wait_until(lambda: _set_each(free, next_poll_at=later) == everybody, 20), "a poll does not end"

    def _polls(self, own: str) -> int:
        return ApiCall.objects.filter(endpoint=DM_READS[0], x_account__x_user_id=own).count()

    def _say_something(self, own: str) -> int:
        person = self.rng.choice(self.drawn.people)
        where = one_to_one(own, person)
        return int(say(self.xsim, person, "Does it still come by itself?", dm_conversation_id=where)["id"])

    # --- The end --------------------------------------------------------------------------------------------------

    def _judge(self) -> None:
        """What is looked up apart from the events has its waits of minutes ended by hand, too."""
        Post.objects.filter(state=Post.State.DUE).update(details_due_at=utc_now())
        _set_each(SyncState.objects.all(), chats_checked_at=None)
        assert wait_until(self._is_looked_up, 30), judging.unfinished_posts(self._deleted())
        wait_until(lambda: not judging.typing_people().exists(), push.TYPING_LASTS.total_seconds())
        time.sleep(1)  # a repeat that is under way
        self._afresh()
        self.xsim.post("settings", {"dm_get_limit": 100_000})
        for days in range((utc_now().date() - self.began.date()).days + 1):
            bill.is_no_more_than_x_charged(self.xsim, self.began.date() + timedelta(days=days))
        for x_account in XAccount.objects.all():
            self._judge_one(x_account)

    def _judge_one(self, x_account: XAccount) -> None:
        read = held_by_x(self.xsim, x_account.access_token).values()
        held = {pk: event for events in read for pk, event in events.items()}
        assert set(map(int, held)) == self._held(str(x_account.x_user_id)), "the story is older than X's window"
        judging.events_are_as_x_holds_them(x_account, held, held)
        judging.change_log_is_whole(x_account)
        judging.receipts_end_right(x_account, self.signs.due)
        judging.nobody_types_for_ever(x_account)
        judging.chats_are_marked(x_account, self.signs.encrypted)
        judging.columns_follow_from_the_events(x_account)
        judging.posts_and_media_are_whole(x_account, held, self._deleted())
        bill.agrees_with_itself(x_account)

    def _is_looked_up(self) -> bool:
        return not judging.unfinished_posts(self._deleted()) and not judging.unmarked_chats(self.signs.encrypted)

    def _deleted(self) -> list[str]:
        return [post["id"] for post in self.drawn.posts if post["state"] == "deleted"]

    def _afresh(self) -> None:
        """Our own connections do not survive a restart of the database either."""
        for connection in connections.all():
            connection.close()
            if getattr(connection, "pool", None):
                connection.close_pool()
        assert django.db.connection.vendor == "postgresql"

    def _tell(self, words: str) -> None:
        self.told.append(words)


def _shown_late(created_at: str, rng: random.Random) -> str:
    return (datetime.fromisoformat(created_at) + timedelta(seconds=rng.uniform(0.2, SETTLING - 1))).isoformat()


def _set_each(rows: QuerySet[SyncState], **values: Any) -> int:
    """One by one: a statement over several takes their locks in an order that the processes do not keep to."""
    return sum(rows.filter(pk=pk).update(**values) for pk in list(rows.values_list("pk", flat=True)))
