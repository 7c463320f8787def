// Single keys: j, k, n, p, f, e, u, /, g i and ?. A person can switch them off in the profile; Ctrl-K stands in palette.js.
"use strict";

// The key that was meant, in Latin letters: where a keyboard writes others, the one at that place; with CapsLock too.
function keyOf({ key, code, shiftKey }) {
  if (key?.length !== 1) return key; // one with a name, or none
  if (key < "\u0080") return key.toLowerCase();
  if (code === "Slash") return shiftKey ? "?" : "/";
  return /^Key[A-Z]$/.test(code) ? code.at(-1).toLowerCase() : key;
}

{
  const deeds = document.getElementById("deeds");
  const said = document.getElementById("said");
  const inText = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable], dialog[open]";
  const patience = 1500;
  let wentAt = 0; // when g was pressed, to be followed by i

  const walked = "#list .row, .hits .hit, .hits ~ .more-pages a"; // conversations, or what a search has found and the way on
  const rows = () => [...document.querySelectorAll(walked)].filter((row) => row.offsetParent !== null);
  const openPk = () => document.querySelector("#conversation[data-conversation]")?.dataset.conversation;
  const isListShown = () => Boolean(document.getElementById("list")?.offsetParent);
  const rowOf = (pk) => rows().find((row) => pk && row.dataset.conversation === pk);

  // The row one stands on: the one with the focus, else the one that is open.
  function current() {
    const focused = document.activeElement?.closest?.(walked);
    return focused ?? rowOf(openPk());
  }

  // To the list one came from.
  function goBack() {
    const back = document.querySelector("#conversation .back");
    if (back) back.click();
    else window.location.assign(deeds.dataset.inbox);
  }

  function say(words) {
    said.textContent = "";
    requestAnimationFrame(() => (said.textContent = words));
  }

  // Where a thread covers the list: to the conversation that stands next in it. It is asked for where it has not come yet.
  async function turn(by) {
    const find = () => {
      const all = [...document.querySelectorAll("#list .row")];
      const place = all.findIndex((row) => row.dataset.conversation === openPk());
      return place < 0 ? all[0] : all[place + by];
    };
    if (!document.querySelector("#list .row")) await settled(() => htmx.trigger("#list", "wanted"));
    if (by > 0 && !find()) await settled(() => document.querySelector("#list .more-pages a")?.click());
    find()?.click();
  }

  function settled(act) {
    return new Promise((done) => {
      document.addEventListener("htmx:afterSettle", done, { once: true });
      setTimeout(done, patience);
      act();
    });
  }

  function step(by) {
    if (openPk() && !isListShown()) {
      turn(by);
      return null;
    }
    const all = rows();
    const place = all.indexOf(current());
    const next = place < 0 ? all[0] : all[place + by];
    if (next) {
      next.focus({ preventScroll: true });
      next.scrollIntoView({ block: "nearest" });
    } else if (by > 0 && isListShown()) {
      document.querySelector("#list .more-pages a")?.click();
    }
    return next;
  }

  async function post(address, pk, fields) {
    const body = new FormData(deeds);
    for (const [name, value] of Object.entries(fields)) body.set(name, value);
    const path = address.replace("/0/", `/${pk}/`);
    try {
      const { status } = await fetch(path, { method: "POST", body, headers: { "HX-Request": "true" } });
      if (status === 401 || status === 404) document.dispatchEvent(new Event("list-lost")); // no longer ours to see
      return status;
    } catch {
      return 0; // said below; nothing has changed
    }
  }

  // The newest that the page knows of: an older stretch of the thread does not show it.
  function newestOfOpen() {
    const known = [...document.querySelectorAll("#scroller [id^='e']")].map((each) => /^e(\d+)$/.exec(each.id)?.[1] ?? 0);
    const ids = [document.getElementById("conversation").dataset.newest, ...known].map(BigInt);
    return ids.reduce((one, other) => (one > other ? one : other)).toString();
  }

  async function markRead() {
    const row = current();
    const pk = row ? row.dataset.conversation : openPk();
    if (!pk) return;
    const wasOpen = pk === openPk();
    const status = await post(deeds.dataset.markRead, pk, { dm_event_id: row ? row.dataset.newest : newestOfOpen() });
    if (status !== 204) return say(deeds.dataset.saidFailed);
    htmx.trigger(document.body, "conversation-read", { conversation: pk });
    const shown = rowOf(pk); // by now perhaps a new one in the place of the old
    shown?.classList.remove("unread");
    shown?.querySelector(".dot")?.remove();
    shown?.focus({ preventScroll: true });
    say(deeds.dataset.saidRead);
    const next = step(1);
    if (wasOpen && next && next !== shown) next.click();
  }

  async function markUnread() {
    const row = current();
    const pk = row?.dataset.conversation ?? openPk();
    if (!pk) return;
    const status = await post(deeds.dataset.markUnread, pk, {});
    if (status === 422) return say(deeds.dataset.saidNothing);
    if (status !== 204) return say(deeds.dataset.saidFailed);
    const shown = rowOf(pk);
    if (shown) showUnread(shown);
    else if (!row && !isListShown()) goBack(); // on a phone the list is a page of its own
    htmx.trigger(document.body, "conversation-unread", { conversation: pk });
    say(deeds.dataset.saidUnread);
  }

  function showUnread(row) {
    row.classList.add("unread");
    if (!row.querySelector(".dot")) {
      const dot = document.getElementById("unread-dot")?.content.firstElementChild?.cloneNode(true);
      if (dot) row.querySelector(".row-line:last-child")?.append(dot);
    }
    row.focus({ preventScroll: true });
  }

  function search() {
    const box = document.querySelector("form#search input[name=q]");
    if (box?.offsetParent) box.focus(); // where there is little room, a thread covers it
    else document.dispatchEvent(new CustomEvent("open-palette"));
  }

  const acts = {
    j: () => step(1),
    k: () => step(-1),
    n: () => document.dispatchEvent(new CustomEvent("step-message", { detail: 1 })),
    p: () => document.dispatchEvent(new CustomEvent("step-message", { detail: -1 })),
    f: () => document.dispatchEvent(new Event("open-find")),
    e: markRead,
    u: markUnread,
    "/": search,
    g: () => (wentAt = Date.now()),
    "?": () => document.getElementById("key-sheet").showModal(),
  };

  document.addEventListener("keydown", (event) => {
    if (deeds.dataset.isSingle !== "yes" || event.defaultPrevented || event.isComposing) return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest(inText)) return;
    const isGoing = Date.now() - wentAt < patience;
    const key = keyOf(event);
    wentAt = 0;
    if (isGoing && key === "i") {
      event.preventDefault();
      goBack();
    } else if (Object.hasOwn(acts, key)) {
      event.preventDefault();
      acts[key]();
    }
  });
}
