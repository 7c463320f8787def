// The list of conversations in a live page: which of its rows may show otherwise, and how fresh ones come in.
"use strict";

const liveList = (() => {
  const { asker, fetchPage, leave, opened, replaceNotices, standing, swap, tellOfDeed, typingWatch } = livePage;
  const MOST_ROWS = 20; // more than these, and the whole list is asked for
  const MOST_ASKED = 50; // rows that the server takes at once
  const DAY_MS = 60_000; // after midnight rows show at most so long what was today
  const HOLD_MS = 2_000; // after the last movement of a hand in the list
  const rows = new Set(); // conversations whose row may show otherwise
  let isWhole = false; // whether the whole list may
  let isNewDay = false; // since the last answer: rows of older pages show otherwise too, and come in no whole list
  const held = new Set(); // conversations whose row waits for its place
  let isWholeHeld = false;
  let touchedAt = -HOLD_MS;
  let releases = 0; // the timer of what is held
  let stayed = ""; // the conversation that was open before this one
  let accounts = new Set(); // all that one may see, as the last whole list said
  const list = asker(() => (opened() ? 150 : 20), ask); // after the thread: there one reads
  const watchTyping = typingWatch("#list .row-preview.typing", (previews) => {
    for (const each of previews) rows.add(each.closest(".row").dataset.conversation);
    list.want();
  });

  // What a row does not show is not asked for.
  function take(change) {
    if (change.kind === "receipt") return;
    const row = rowOf(change.conversation);
    if (change.kind === "event_updated" && row?.dataset.newest !== change.event) return;
    if (change.kind === "typing" && !row) return;
    if (change.conversation) rows.add(String(change.conversation));
    else isWhole = true;
    list.want();
  }

  function refresh() {
    isWhole = true;
    list.want();
  }

  function shown() {
    return [...document.querySelectorAll("#list .row")];
  }

  function rowOf(conversation) {
    return document.querySelector(`#list .row[data-conversation="${conversation}"]`);
  }

  // What is open keeps its row, whether the filters leave it or not: until another is opened, or the list is loaded anew.
  function staying() {
    const open = opened()?.dataset.conversation;
    return open && rowOf(open) ? open : "";
  }

  // A row stays in its place until its conversation is open: htmx looks there for where the answer belongs.
  async function isOpened() {
    while (document.querySelector("#list .row.htmx-request")) await new Promise((done) => setTimeout(done, 50));
  }

  // The rows to ask for next; null: the whole list.
  function chosen() {
    const isMany = rows.size > MOST_ROWS && !isNewDay;
    const asked = isWhole || isMany ? null : [...rows].slice(0, MOST_ASKED);
    if (asked) asked.forEach((each) => rows.delete(each));
    else if (!isNewDay) rows.clear();
    isWhole = false;
    return asked;
  }

  // Rows tell the time of what happened today, and of what happened before the day.
  function heedDay(fresh) {
    const [ours, theirs] = [document, fresh].map((page) => page.getElementById("list").dataset);
    if (ours.over === theirs.over) return;
    ours.over = theirs.over;
    isNewDay = true;
    for (const row of shown()) rows.add(row.dataset.conversation);
    list.want();
  }

  function lookAtDay() {
    const { over } = document.getElementById("list")?.dataset ?? {};
    if (over && Date.now() >= over * 1000) list.want();
  }

  async function ask() {
    const counts = document.getElementById("accounts")?.dataset.counts;
    if (!counts) return;
    const asked = chosen();
    const address = new URL(counts, window.location.href);
    if (asked) address.searchParams.set("only", asked.join(","));
    else address.searchParams.delete("only");
    if (asked?.includes(staying())) address.searchParams.set("stays", staying());
    try {
      const fresh = await fetchPage(address.pathname + address.search);
      await isOpened();
      // What was to be asked for once more meanwhile shows as it is here until then: this answer may be older.
      if (fresh?.getElementById("list")) show(fresh, asked?.filter((each) => !rows.has(each)) ?? null);
      else if (fresh) leave(); // there is no list for this person any more
      isNewDay &&= rows.size > 0;
      if (isNewDay) list.want();
    } catch (error) {
      isWhole = true; // what is asked next makes up for it
      if (isNewDay) asked?.forEach((each) => rows.add(each));
      throw error;
    }
  }

  // An X account that one may no longer see takes its rows along, also those of older pages.
  function leaveIfLost(fresh) {
    const from = fresh.getElementById("live")?.dataset.from;
    if (from === undefined) return;
    const now = new Set(from.split(".").map((part) => part.split("-")[0]));
    if ([...accounts].some((account) => !now.has(account))) leave();
    accounts = now;
  }

  function show(fresh, asked) {
    leaveIfLost(fresh);
    heedDay(fresh);
    for (const id of ["accounts", "filters", "views", "read-at"]) swap(document.getElementById(id), fresh.getElementById(id));
    const box = document.querySelector("#list .list-scroll");
    const before = liveUnread.standOf(shown());
    const ours = box.querySelector(":scope > ul");
    const theirs = fresh.querySelector("#list .list-scroll > ul") ?? (staying() ? document.createElement("ul") : null);
    replaceNotices(box, fresh.querySelectorAll("#list .list-scroll > .notice"), (...notices) => box.prepend(...notices));
    if (ours && (asked || theirs) && isTouched()) hold(fresh, asked);
    else if (asked && ours) standing(box, ".row", () => placeRows(ours, fresh, asked));
    else if (ours && theirs) standing(box, ".row", () => mergeRows(ours, theirs));
    else if (asked && theirs) refresh();
    else if (!asked && (ours || theirs)) swap(box, fresh.querySelector("#list .list-scroll"));
    if (asked && ours && !ours.querySelector(".row")) refresh();
    if (!asked) document.dispatchEvent(new Event("list-read"));
    markRow();
    watchTyping();
    liveUnread.tell();
    liveUnread.tellNew(before, shown());
  }

  function isTouched() {
    return performance.now() - touchedAt < HOLD_MS;
  }

  // Under a hand no row takes another place: each shows what is new of it where it stands, until the hand rests.
  function hold(fresh, asked) {
    const theirs = new Map([...fresh.querySelectorAll("#list .row")].map((row) => [row.dataset.conversation, row]));
    const moved = asked?.filter((each) => rowOf(each)?.dataset.newest !== theirs.get(each)?.dataset.newest);
    for (const [conversation, row] of theirs) swap(rowOf(conversation), row);
    moved?.forEach((each) => held.add(each));
    isWholeHeld ||= !asked;
    if (held.size || isWholeHeld) releases ||= setTimeout(release, HOLD_MS);
  }

  function release() {
    releases = isTouched() ? setTimeout(release, HOLD_MS) : 0;
    if (releases) return;
    held.forEach((each) => rows.add(each));
    held.clear();
    isWhole ||= isWholeHeld;
    isWholeHeld = false;
    list.want();
  }

  function isFocusedIn(row) {
    return row?.contains(document.activeElement) ?? false;
  }

  // These rows alone, each where it belongs: what was asked for and did not come is not in this list.
  function placeRows(ours, fresh, asked) {
    for (const conversation of asked) {
      const old = rowOf(conversation);
      const row = fresh.querySelector(`.row[data-conversation="${conversation}"]`);
      const next = row && nextOf(ours, row);
      const isLast = old && old.closest("li").nextElementSibling === next;
      const isAmongOlder = next?.matches(".more-pages") && !isLast; // among rows that are not loaded
      if (!row || isAmongOlder) {
        old?.closest("li").remove();
        continue;
      }
      const hasFocus = isFocusedIn(old);
      if (old) swap(old, row);
      const item = (old && rowOf(conversation) ? rowOf(conversation) : row).closest("li");
      if (item.parentElement !== ours || item.nextElementSibling !== next) ours.insertBefore(item, next);
      htmx.process(item);
      if (hasFocus) rowOf(conversation)?.focus({ preventScroll: true });
    }
  }

  function nextOf(ours, row) {
    const others = [...ours.querySelectorAll(".row")].filter((each) => each.dataset.conversation !== row.dataset.conversation);
    const below = others.find((each) => isBelow(each, row));
    return below?.closest("li") ?? ours.querySelector(":scope > .more-pages");
  }

  function isBelow(each, row) {
    const [one, other] = [BigInt(each.dataset.newest), BigInt(row.dataset.newest)];
    return one < other || (one === other && Number(each.dataset.conversation) < Number(row.dataset.conversation));
  }

  function mergeRows(ours, theirs) {
    const focused = document.activeElement?.closest?.("#list .row")?.dataset.conversation;
    const known = new Map([...ours.querySelectorAll(".row")].map((row) => [row.dataset.conversation, row]));
    const fresh = [...theirs.querySelectorAll(".row")];
    let place = ours.firstElementChild;
    for (const row of fresh) {
      const old = known.get(row.dataset.conversation);
      known.delete(row.dataset.conversation);
      const item = old ? old.closest("li") : row.closest("li");
      if (old) swap(old, row);
      if (item === place) {
        place = place.nextElementSibling;
      } else {
        ours.insertBefore(item, place);
        htmx.process(item);
      }
    }
    // Older pages stay below; what should stand above the last of these and does not is no longer in this list.
    const last = BigInt(fresh.at(-1)?.dataset.newest ?? 0);
    const isAll = !theirs.querySelector(".more-pages");
    const open = known.get(staying());
    if (open) {
      known.delete(open.dataset.conversation);
      ours.insertBefore(open.closest("li"), nextOf(ours, open));
      rows.add(open.dataset.conversation); // how it shows now is asked for by itself
      list.want();
    }
    for (const row of known.values()) {
      if (isAll || BigInt(row.dataset.newest) > last) row.closest("li").remove();
    }
    if (focused && !document.activeElement?.closest?.("#list .row")) {
      ours.querySelector(`.row[data-conversation="${focused}"]`)?.focus({ preventScroll: true });
    }
  }

  // Another one is opened: the filters decide on the row of the one before again.
  function letGo() {
    const { searchParams } = new URL(document.getElementById("accounts")?.dataset.counts ?? "", window.location.href);
    const isWorkedOff = searchParams.has("unread") || searchParams.has("unanswered");
    if (!isWorkedOff || !stayed || stayed === staying()) return;
    rows.add(stayed);
    list.want();
  }

  for (const name of ["pointermove", "pointerdown", "wheel", "keydown", "keyup"]) {
    const note = (event) => {
      if (event.target.closest?.("#list")) touchedAt = performance.now();
    };
    document.addEventListener(name, note, { passive: true });
  }
  setInterval(lookAtDay, DAY_MS);
  document.addEventListener("visibilitychange", lookAtDay);
  document.addEventListener("htmx:load", watchTyping);
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id === "conversation") stayed = staying();
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.elt.id === "list") list.want(); // what was told before it came
    if (event.detail.elt.id === "conversation") letGo();
  });
  for (const name of ["conversation-read", "conversation-unread"]) {
    document.addEventListener(name, (event) => {
      const conversation = event.detail?.conversation ?? opened()?.dataset.conversation;
      if (conversation) rows.add(String(conversation));
      tellOfDeed();
      list.want();
    });
  }

  return { take, refresh, want: list.want };
})();
