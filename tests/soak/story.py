"""One story: what happens at X, and what our processes do and suffer meanwhile, drawn from a seed.

The same seed plays the same story. It ends in quiet, when everything has been read; then what is stored must be what X
holds, each event once, and the change log must name each once.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from unittest import mock

import requests
import time_machine
from django.test import override_settings
from django.utils import timezone

from accounts import tokens
from accounts.models import XAccount
from conversations import changes, sync, tasks
from conversations.models import Change, Conversation, DmEvent, HistoryRead, ReadInterval, SyncState
from conversations.sync import caps, chats, pace, people, posts, push, subscriptions
from conversations.sync.listening import Listener, Stopped
from dminbox.xapi.activity import Activity
from dminbox.xapi.errors import XError
from dminbox.xapi.stream import ActivityStream, OddLine
from tests.conversations.sync_support import begin, connect, held_by_x
from tests.conversations.sync_worlds import LATEST, DrawnWorld
from tests.soak import bill, door, judging, lockstep, midnight, ours
from tests.soak.lockstep import LISTENS, Doomed, Stage
from tests.soak.signs import Signs
from tests.xsim_server import SimServer

FAULTS = ["401", "402", "429", "429-no-reset", "500-html", "503", "503-empty", "cut-before", "cut-after"]
MARK = "that was all for now"
"""A line of the stream that is no JSON, put there by the story: instead of waiting for keep-alives in real time."""
BETWEEN, MOST_SIGNS = 6, 3
"""So many things at most happen at X while our processes work on the same round."""
RACERS = 20
QUIET_STEP = timedelta(minutes=2)
LONGEST_WAIT = timedelta(hours=4)
"""In which everything comes to an end: an hour for want of credit, and what a clock hours ahead has written."""
EVENING, STEP_OF_THE_EVENING, STEPS_OF_THE_EVENING = 21, timedelta(minutes=20), 8
"""From this hour on the day is read again, where its pages are small; with the last step it has been."""
LATEST_IN_THE_DAY = 17 * 3600
LASTS = datetime(2046, 1, 1, tzinfo=UTC)
CAPS = [Decimal("0.05"), Decimal("0.10"), Decimal("0.40")]
CEILINGS = [Decimal("0.05"), Decimal("0.20"), *[Decimal(1000)] * 6]
LIMITS_OF_THE_END = [15, 100_000]
"""Requests in a window: X's own, in which a poll leaves little to spare; or as many as are wanted."""
Work = Callable[[], None]


class Story:
    def __init__(self, seed: int, xsim: SimServer) -> None:
        self.seed = seed
        self.rng = random.Random(f"story {seed}")
        self.xsim = xsim
        self.drawn = DrawnWorld(self.rng, datetime(2026, 11, 20, 9, 0, tzinfo=UTC), ours.draw(seed))
        self.signs = Signs(self.rng, xsim, self.drawn)
        self.stage = Stage(self.rng, self._before_step, self._between_steps)
        self.told: list[str] = []
        self.deaths = 0
        self.liveliness = self.rng.choice([0, 0.05, 0.2])
        self.lags = self.rng.random() < 0.3
        self.lagging = False
        self.is_hasty = self.rng.random() < 0.5
        self.is_shuffled = False
        self.do_clocks_jump = self.rng.random() < 0.3
        # By a clock that jumps, what is pushed stands on another day, and what calls have reserved runs out too early.
        self.is_day_certain = self.is_month_certain = not self.do_clocks_jump
        self.is_late_day = self.rng.random() < 0.2
        self.cap = self.rng.choice(CAPS) if self.drawn.are_several and self.rng.random() < 0.5 else None
        end = random.Random(f"end {seed}")
        self.ceiling, self.limit_of_the_end = end.choice(CEILINGS), end.choice(LIMITS_OF_THE_END)
        self.are_cursors_lost = end.random() < 0.2
        self.is_midnight_lost = not self.is_late_day and end.random() < 0.2
        self.revoked: set[int] = set()
        self.brought = self.signs_given = 0

    def play(self) -> None:
        """Raises AssertionError, with what happened, where the promise is broken."""
        try:
            with time_machine.travel(self.drawn.now, tick=False) as self.clock:
                self._begin()
                for _ in range(self.rng.randint(4, 7)):
                    self._happen()
                    self._work()
                self._quiet()
                if self.is_midnight_lost:
                    midnight.is_lost(self)
                    bill.is_what_x_charged_on(self.drawn.now.date(), self.xsim)
                self._judge()
                self._forget()
        except AssertionError as error:
            told = "\n".join([*self.told, "the last points:", *self.stage.trace[-30:]])
            error.add_note(f"{told}\nAgain, on both databases: make soak FIRST={self.seed} SEEDS=1 PROCESS_SEEDS=0")
            raise

    def came_to(self) -> dict[str, int]:
        """For the numbers of a run."""
        return {
            "events": DmEvent.objects.count(),
            "deaths": self.deaths,
            "points at which one could have died": len(self.stage.trace),
        }

    # --- At X -----------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        rng, xsim = self.rng, self.xsim
        self.is_shuffled = rng.random() < 0.3
        xsim.post("clock", {"frozen": True, "set": self.drawn.now.isoformat()})
        xsim.post("world", self.drawn.world(events=rng.randint(0, 60), days=20))
        xsim.post(
            "settings",
            {
                "token_seconds": 10**8,
                "dm_get_limit": rng.choice([3, 5, 15, 60]),
                "empty_pages": rng.choice([0, 0, 1, 3]),
                "keep_alive_seconds": 1000,
                "stream_connections": 100,  # X notices late that somebody died
                "push_duplicates": rng.choice([0, 0, 0.5, 1]),
                "push_shuffle": 3 if self.is_shuffled else 0,
                "push_gathered_seconds": 1000,
            },
        )
        self.x_accounts = [connect(xsim, own) for own in self.drawn.ours]
        for x_account in self.x_accounts:
            begin(x_account, days=30, ceiling=self.ceiling)
        if self.cap is not None:
            caps.set_cap(rng.choice(self.x_accounts), self.cap)
        if rng.random() < 0.8:
            self.stage.play([Doomed(subscriptions.repair)])

    def _happen(self) -> None:
        """Time passes, with arrivals in it; and something may go wrong."""
        self._end_lag()
        seconds = self.rng.choice([5, 20, 75, 400, 1000, 6000, 6000, 3 * 24 * 3600])
        events = self.drawn.arrivals(min(seconds, 6000))
        self.drawn.now += timedelta(seconds=max(seconds - 6000, 0))
        self.tell(f"{seconds} s pass, {len(events)} events")
        self.bring(events)
        for x_account in XAccount.objects.exclude(state=XAccount.State.CONNECTED).order_by("pk"):
            if self.rng.random() < 0.7:
                ours.connect_again(self.xsim, x_account, token_expires_at=LASTS)
        deeds = [self._fault, self._fault, self._end_token, self._change_limit, self._nothing]
        deed = self._revoke if self.rng.random() < 0.06 else self.rng.choice(deeds)
        deed()

    def bring(self, events: list[dict[str, Any]]) -> None:
        """By both clocks."""
        for event in events:
            if self.lags and self.rng.random() < 0.3 and self._is_young(event):
                event["lagged_reads"] = self.rng.choice([1, 2])
                self.drawn.late.add(event["id"])
                self.lagging = True
        if events:
            self.xsim.post("events", events)
        self.clock.move_to(self.drawn.now)
        self.xsim.post("clock", {"set": self.drawn.now.isoformat()})
        self._let_go_out()

    def _let_go_out(self) -> None:
        """What was gathered to be shuffled: here the story says how close together it came, not the time."""
        if self.is_shuffled:
            self.xsim.post("stream", {"release": True})

    def _is_young(self, event: dict[str, Any]) -> bool:
        """Young enough to be shown too late without being shown later than X ever does."""
        return datetime.fromisoformat(event["created_at"]) > self.drawn.now - timedelta(seconds=LATEST - BETWEEN)

    def _end_lag(self) -> None:
        """Somebody else reads too: X never shows an event as late as it takes to settle."""
        if not self.lagging:
            return
        limit = self.xsim.get("settings")["dm_get_limit"]
        self.xsim.post("settings", {"dm_get_limit": 100_000})
        for own in self.drawn.ours:
            self._read_beside(self.xsim.grant(own)["access_token"])
        self.xsim.post("settings", {"dm_get_limit": limit})
        self.lagging = False

    def _read_beside(self, token: str) -> None:
        reads = 0
        while reads < 3:
            with suppress(requests.ConnectionError):  # a fault that none of ours has met
                reads += self.xsim.api(token, "/2/dm_events", params={"max_results": "1"}).ok

    def _before_step(self, label: str) -> None:
        if label.startswith(LISTENS):  # there is always something to be read
            self._give_signs(0.6)
            self.xsim.post("stream", {"garbage": MARK})

    def _give_signs(self, likelihood: float) -> None:
        if self.signs_given < MOST_SIGNS and self.rng.random() < likelihood:
            self.signs_given += 1
            self.tell(self.signs.draw())
            self._let_go_out()

    def _between_steps(self) -> None:
        """Somebody writes while pages are read, lines come in, rows are written."""
        if self.brought < BETWEEN and self.rng.random() < self.liveliness:
            self.brought += 1
            before = self.drawn.now
            self.drawn.now += timedelta(seconds=1)
            self.is_day_certain &= self.drawn.now.date() == before.date()
            self.is_month_certain &= self.drawn.now.month == before.month
            self.bring([self.drawn.event(self.drawn.now - timedelta(seconds=self.rng.random()))])
            self._give_signs(0.2)

    def _fault(self) -> None:
        kind, times = self.rng.choice(FAULTS), self.rng.choice([1, 1, 2, 4])
        path = self.rng.choice(["dm_events", "dm_events", "oauth2/token", "activity", ""])
        self.tell(f"fault {kind} x {times} {path}")
        self.xsim.post("faults", {"kind": kind, "times": times} | ({"path": path} if path else {}))

    def _end_token(self) -> None:
        x_account, ended = self.rng.choice(self.x_accounts), timezone.now() - timedelta(seconds=1)
        self.tell(f"the token of {x_account.pk} ends")
        XAccount.objects.filter(pk=x_account.pk).update(token_expires_at=ended)
        if self.rng.random() < 0.2:
            # A death before may have taken the only good pair with it.
            ours.connect_again(self.xsim, x_account, token_expires_at=ended)
            self._race_for_a_token(x_account.pk)

    def _race_for_a_token(self, pk: int) -> None:
        """Many at once want the new one; X is asked for it once."""
        generation, before = XAccount.objects.get(pk=pk).token_generation, len(self._renewals())
        is_disturbed = bool(self.xsim.get("faults"))
        self.stage.play([Doomed(lambda: self._ask_who_we_are(pk))] * RACERS)
        if not is_disturbed:
            judging.one_has_renewed(pk, self._renewals()[before:], generation)

    def _renewals(self) -> list[int]:
        return [call["status"] for call in self.xsim.get("requests") if call["path"] == "/2/oauth2/token"]

    def _ask_who_we_are(self, pk: int) -> None:
        try:
            tokens.call(XAccount.objects.get(pk=pk), lambda client: client.me())
        except XError:
            lockstep.point("not now")

    def _change_limit(self) -> None:
        self.xsim.post("settings", {"dm_get_limit": self.rng.choice([2, 5, 30])})

    def _revoke(self) -> None:
        """In the settings of X somebody ends our right; X tells so, to whoever listens."""
        x_user_id = self.rng.choice(self.x_accounts).x_user_id
        self.tell(f"the grant of {x_user_id} is revoked")
        self.revoked.add(x_user_id)
        self.xsim.delete(f"grants?user_id={x_user_id}")

    def _nothing(self) -> None:
        self.tell("nothing goes wrong")

    # --- Our processes --------------------------------------------------------------------------------------------

    def _work(self) -> None:
        """One to three processes at once, each of them perhaps doomed."""
        self._let_waits_end()
        self.brought = self.signs_given = 0
        self._give_signs(0.3)
        works = []
        for _ in range(self.rng.choice([1, 1, 2, 3])):
            name, work = self._draw_work()
            dies_at = int(self.rng.expovariate(1 / 60)) + 1 if self.rng.random() < 0.6 else None
            self.tell(f"{name}, dies at {dies_at}")
            works.append(Doomed(self._with_own_clock(work), dies_at))
        self.deaths += self.stage.play(works)
        judging.nobody_else_is_revoked(self.revoked)
        for x_account in self.x_accounts:
            judging.numbers_are_dense(x_account)
        self._check_caps()

    def _check_caps(self) -> None:
        for x_account in self.x_accounts:
            if self.is_month_certain:
                bill.cap_is_kept(x_account)
                bill.ceiling_is_kept(x_account)

    def _draw_work(self) -> tuple[str, Work]:
        pk = self.rng.choice(self.x_accounts).pk
        works: list[tuple[str, Work]] = [
            *[("poll", lambda: sync.poll(pk))] * 5,
            *[("listen", self._listen)] * 3,
            *[("webhook", self._hook)] * 2,
            ("take up", self._take_up),
            ("look up", self._look_up),
            ("repair subscriptions", subscriptions.repair),
        ]
        conversations = list(Conversation.objects.order_by("dm_conversation_id", "x_account"))
        if conversations:
            conversation = self.rng.choice(conversations)
            wish = HistoryRead.objects.create(conversation=conversation, pages_wanted=self.rng.randint(1, 3))
            works.append(("history", lambda: sync.read_history(wish.pk)))
        return self.rng.choice(works)

    def _with_own_clock(self, work: Work) -> Work:
        """In some stories ours goes wrong by hours, as often as not."""
        if not self.do_clocks_jump or self.rng.random() < 0.5:
            return work
        jump = timedelta(seconds=self.rng.uniform(-7200, 7200))

        def jumped() -> None:
            self.clock.move_to(self.drawn.now + jump)
            if self.is_hasty:
                ours.make_everything_due()
            work()

        return jumped

    def _listen(self) -> None:
        """The listener, for as long as a few of the story's marks are apart."""
        listener = Listener()
        self._run(listener, listener._take)

    def _hook(self) -> None:
        """The same by the webhook's door, in any order and twice: over HTTP, signed, stored, and taken up by a task."""
        came: list[Activity] = []
        self._run(Listener(), lambda line: came.append(line) if isinstance(line, Activity) else None)
        bodies = [json.dumps(one.raw).encode() for one in random.sample(came, len(came)) for _ in range(2)]
        door.deliver(bodies, [random.random() < 0.1 for _ in bodies])

    def _run(self, listener: Listener, take: Callable[[Any], None]) -> None:
        marks = random.randint(1, 4)

        def take_until_marked(line: Any) -> None:
            nonlocal marks
            take(line)
            if isinstance(line, OddLine) and line.raw == MARK:
                marks -= 1
                lockstep.point(f"{LISTENS} for {marks} more")
                if not marks:
                    listener.stopping.set()

        def lines(stream: ActivityStream) -> Iterator[Any]:
            lockstep.point(f"{LISTENS} for {marks} more")
            yield from iterate(stream)

        iterate = ActivityStream.__iter__
        listener._take = take_until_marked  # type: ignore[method-assign]
        with mock.patch.object(ActivityStream, "__iter__", lines):
            try:
                listener._try_to_listen()
            except Stopped:
                listener._let_go()

    def _take_up(self) -> None:
        for pk in push.waiting():
            push.take_up(pk)

    def _look_up(self) -> None:
        people.look_up_due_people()
        posts.fetch_due_details()
        for x_account in self.x_accounts:
            chats.check(x_account.pk)

    def _let_waits_end(self) -> None:
        """By the clock alone, which shows what stays leased or waits for ever; in hasty stories by hand, for then more
        happens at once.
        """
        if self.is_hasty:
            ours.make_everything_due()
            return
        self.pass_time(timedelta(minutes=self.rng.choice([0, 2, 20, 75])))

    def pass_time(self, span: timedelta) -> None:
        if span:
            self._end_lag()
        self.drawn.now += span
        self.bring([])

    # --- The end --------------------------------------------------------------------------------------------------

    def _quiet(self) -> None:
        """Nothing goes wrong any more, and everything becomes visible and settled: a day on which no answer is lost."""
        self.xsim.delete("faults")
        self.xsim.post("settings", {"dm_get_limit": self.limit_of_the_end, "empty_pages": 0, "push_shuffle": 0})
        self.is_shuffled = False
        self._end_lag()
        self.lags = False
        rested = self.drawn.now + chats.EVERY + timedelta(days=1, hours=2)
        self.drawn.now = rested.replace(hour=1, minute=0, second=0, microsecond=0)
        self.bring(self.drawn.arrivals(3600, LATEST_IN_THE_DAY if self.is_late_day else LATEST))
        for x_account in self.x_accounts:
            ours.connect_again(self.xsim, x_account, token_expires_at=LASTS)
        if self.are_cursors_lost:
            self.tell("X takes no cursor of before any more")
            for row in ReadInterval.objects.exclude(next_token=""):
                row.next_token = f"{row.pk:A>24}"
                row.save()
        if self.cap is not None:
            self._read_up_to_the_cap()
        self._poll_all()
        self._listen_in_peace()
        # What X shows late and deep is found by the first walk of the next window (`polling._may_claim`).
        self.pass_time(timedelta(seconds=LATEST) + pace.window())
        self.come_to_rest()
        if self.is_late_day:
            self._see_the_day_out()
        bill.is_what_x_charged_on(self.drawn.now.date(), self.xsim)

    def _read_up_to_the_cap(self) -> None:
        """As far as it lets them, now that nothing else is in their way; and then a person takes it away."""
        self._poll_all()
        self._check_caps()
        for x_account in self.x_accounts:
            caps.set_cap(x_account, None)

    def _poll_all(self) -> None:
        for x_account in self.x_accounts:
            sync.poll(x_account.pk)
            self._check_gaps(x_account)
            if SyncState.objects.filter(x_account=x_account, state=SyncState.State.PAUSED).exists():
                sync.resume_import(x_account)

    def _check_gaps(self, x_account: XAccount) -> None:
        shown = self.xsim.get(f"visible?user_id={x_account.x_user_id}").values()
        judging.what_is_missing_is_told_of(x_account, {pk for ids in shown for pk in ids} - self.drawn.late)

    def _listen_in_peace(self) -> None:
        """Messages alone, which a read brings as well where they come after the last line."""
        subscriptions.repair()
        self.liveliness, self.brought, self.signs_given = 0.2, 0, MOST_SIGNS
        self.stage.play([Doomed(self._listen)])

    def come_to_rest(self) -> None:
        for _ in range(LONGEST_WAIT // QUIET_STEP):  # nothing is cleared by hand: what is stuck is found here
            self.go_on(QUIET_STEP)
            if self._is_read():
                return
        states = list(SyncState.objects.values())
        raise AssertionError(f"it does not come to an end: {self._unfinished()}, {states}")

    def _see_the_day_out(self) -> None:
        """What X has shown too late for the polls is brought before midnight, by reading the day once more."""
        self.tell("the day is seen out")
        day = self.drawn.now.date()
        self.pass_time(self.drawn.now.replace(hour=EVENING, minute=0) - self.drawn.now)
        for _ in range(STEPS_OF_THE_EVENING):
            self.go_on(STEP_OF_THE_EVENING)
        # What is shown late makes more pages of it than were foreseen; polls go on with them up to the last minute.
        while (is_to_come := SyncState.objects.exclude(reconciled_on=day).exists()) and self.drawn.now.date() == day:
            self.go_on(QUIET_STEP)
        assert not is_to_come, "the day was not read again in time"
        self.come_to_rest()  # which may be after midnight, where the day was read with its last minute
        bill.is_what_x_charged_on(day, self.xsim)

    def go_on(self, step: timedelta) -> None:
        self.pass_time(step)
        self._take_up()
        self._poll_all()
        self._look_up()

    def _is_read(self) -> bool:
        """No gap left, and nothing to be read at once."""
        now, gaps = timezone.now(), ReadInterval.objects.exclude(next_token="").filter(conversation=None)
        resting = SyncState.objects.filter(
            state=SyncState.State.ACTIVE, import_finished_at__isnull=False, next_poll_at__gt=now
        )
        is_idle = resting.count() == len(self.x_accounts) and not gaps.exists() and not push.waiting()
        return is_idle and not self._unfinished()

    def _unfinished(self) -> list[str]:
        return judging.unfinished_posts(self._deleted()) + judging.unmarked_chats(self.signs.encrypted)

    def _deleted(self) -> list[str]:
        return [post["id"] for post in self.drawn.posts if post["state"] == "deleted"]

    def _judge(self) -> None:
        self.xsim.post("settings", {"dm_get_limit": 100_000})  # for the judge's own reads
        if self.is_day_certain:
            bill.is_no_more_than_x_charged(self.xsim)
        for x_account in self.x_accounts:
            self._judge_one(XAccount.objects.get(pk=x_account.pk))

    def _judge_one(self, x_account: XAccount) -> None:
        read = held_by_x(self.xsim, x_account.access_token).values()
        held = {pk: event for events in read for pk, event in events.items()}
        ever = self.xsim.get(f"visible?user_id={x_account.x_user_id}").values()
        judging.events_are_as_x_holds_them(x_account, held, [pk for ids in ever for pk in ids])
        judging.change_log_is_whole(x_account)
        judging.receipts_end_right(x_account, self.signs.due)
        judging.nobody_types_for_ever(x_account)
        judging.chats_are_marked(x_account, self.signs.encrypted)
        judging.columns_follow_from_the_events(x_account)
        judging.posts_and_media_are_whole(x_account, held, self._deleted())
        bill.agrees_with_itself(x_account)
        assert x_account.state == XAccount.State.CONNECTED

    def _forget(self) -> None:
        """What only serves to tell repeats apart goes when it is old: nothing comes again for that."""
        self.pass_time(changes.KEPT + timedelta(days=1))
        tasks.tidy()
        before = set(DmEvent.objects.values_list("conversation", "dm_event_id"))
        assert not Change.objects.exists(), "the change log is kept for ever"
        self._poll_all()
        assert set(DmEvent.objects.values_list("conversation", "dm_event_id")) == before, "an event came again"
        assert not Change.objects.filter(kind=Change.Kind.EVENT).exists(), "an event is announced again"

    def tell(self, words: str) -> None:
        self.told.append(words)


@contextmanager
def surroundings(seed: int) -> Iterator[None]:
    """Many pages of few events; now and then leases that have run out as soon as they are taken, so that two meet."""
    rng = random.Random(f"surroundings {seed}")
    random.seed(seed)  # what the code draws here; each worker has a seed of its own
    with (
        mock.patch.object(pace, "PAGE", rng.choice([5, 9, 25])),
        mock.patch.object(pace, "SLACK", rng.choice([1, 3, 5])),
        override_settings(SYNC_LEASE_SECONDS=rng.choice([60, 60, -1]), PUSH_SILENCE_SECONDS=3),
    ):
        yield
