// Threads: the read mark moves when the newest message has been on screen, the row one has opened is marked in the list,
// and whoever comes back finds the place that was left.
"use strict";

const AT_END = 40; // px; the scroller lies upside down: 0 is the newest

// Whether somebody has the page before them: not behind another window, nor while they work in another.
function isLookedAt() {
  return document.visibilityState === "visible" && document.hasFocus();
}

function markSeen() {
  if (!isLookedAt()) return;
  const form = document.querySelector("#mark-read:not([data-sent])");
  const isNewBelow = document.getElementById("new-messages")?.hidden === false && !document.getElementById("to-newest");
  if (!form || isNewBelow) return;
  if (form.dataset.waits !== undefined && !isSeenWhole(form)) return;
  form.dataset.sent = "";
  htmx.trigger(form, "seen");
}

// What is new is more than one page: where it begins is to be seen, and where this page ends, one after the other.
function isSeenWhole({ dataset }) {
  const box = document.getElementById("scroller");
  const line = document.querySelector("#unread-line, #top.beginning");
  const { top, bottom } = box.getBoundingClientRect();
  const place = line?.getBoundingClientRect();
  if (place && place.bottom > top && place.top < bottom) dataset.begun = "";
  if (box.scrollTop > -AT_END) dataset.ended = "";
  return dataset.begun !== undefined && dataset.ended !== undefined;
}

function markRow() {
  const open = document.querySelector("#conversation[data-conversation]");
  for (const row of document.querySelectorAll(".row")) {
    const isOpen = open && row.dataset.conversation === open.dataset.conversation;
    if (isOpen) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
}

document.addEventListener("htmx:load", () => {
  markRow();
  markSeen();
});
document.addEventListener("visibilitychange", markSeen);
window.addEventListener("focus", markSeen);

// A mark that did not arrive is sent again as soon as it may.
document.addEventListener("htmx:afterRequest", ({ detail: { elt, xhr } }) => {
  if (elt.id !== "mark-read") return;
  if (xhr.status === 204) elt.remove();
  else delete elt.dataset.sent;
});
window.addEventListener("online", markSeen);
document.addEventListener(
  "scroll",
  ({ target }) => {
    if (target.id === "scroller" && document.querySelector("#mark-read[data-waits]")) markSeen();
  },
  { capture: true, passive: true },
);

document.addEventListener("conversation-read", (event) => {
  const open = document.querySelector("#conversation[data-conversation]");
  const read = event.detail?.conversation ?? open?.dataset.conversation; // by a key in the list, or by reading it
  const row = document.querySelector(`.row[data-conversation="${read}"]`);
  row?.classList.remove("unread");
  row?.querySelector(".dot")?.remove();
  if (read === open?.dataset.conversation) document.getElementById("unread-above")?.remove();
});

// From the title, where one comes in, the keys that scroll lead into the messages; there the browser heeds them.
{
  const LINE = 40; // px, as browsers scroll by an arrow
  const outside = ":is(body, #main, #thread-title):focus, body:not(:has(:focus))";

  // Which way a key leads, in px; undefined for all others.
  function way({ key, shiftKey }, box) {
    const page = box.clientHeight * 0.875;
    const ways = { PageUp: -page, PageDown: page, ArrowUp: -LINE, ArrowDown: LINE, Home: -box.scrollHeight, End: box.scrollHeight };
    return key === " " ? (shiftKey ? -page : page) : ways[key];
  }

  document.addEventListener("keydown", (event) => {
    const box = document.getElementById("scroller");
    if (!box || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const top = way(event, box);
    if (top === undefined || document.querySelector("dialog[open]") || !document.querySelector(outside)) return;
    event.preventDefault(); // the browser would scroll what had the focus when the key went down
    box.focus({ preventScroll: true });
    box.scrollBy({ top });
  });

  // From message to message; where the page has no more of them, on to what brings more.
  document.addEventListener("step-message", ({ detail: by }) => {
    const box = document.getElementById("scroller");
    const all = [...(box?.querySelectorAll("article.event") ?? [])];
    const place = all.indexOf(document.activeElement.closest("article.event"));
    const next = place < 0 ? inSight(all, box).at(by < 0 ? -1 : 0) : all[place + by];
    if (next) {
      next.tabIndex = -1;
      next.focus({ preventScroll: true });
      next.scrollIntoView({ block: "nearest" });
    } else if (by < 0) {
      document.getElementById("top")?.scrollIntoView({ block: "nearest" });
    } else {
      box?.querySelector(".newer a")?.focus();
    }
  });

  function inSight(all, box) {
    const frame = box?.getBoundingClientRect();
    return all.filter((each) => {
      const { top, bottom } = each.getBoundingClientRect();
      return bottom > frame.top && top < frame.bottom;
    });
  }
}

// On a wide screen the panel of people stands beside the thread until it is closed, and the server draws the next page so.
const isWide = window.matchMedia("(min-width: 80rem)");
document.addEventListener("click", (event) => {
  const link = event.target.closest?.(".show-people, .panel-close");
  if (!link || !isWide.matches) return;
  const isClosed = link.matches(".panel-close");
  if (!isClosed || window.location.hash !== "#people") event.preventDefault();
  document.cookie = `panel=${isClosed ? "closed" : "open"}; path=/; max-age=31536000; samesite=lax`;
  const conversation = document.getElementById("conversation");
  conversation.classList.toggle("without-panel", isClosed);
  conversation.querySelector(isClosed ? ".show-people" : ".panel-close").focus();
});

// What lies over the thread: the panel of people on a small screen, and what finds a word or a day.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open], :popover-open")) return;
  const find = document.querySelector("#find[open]");
  const close = document.querySelector(".panel:target .panel-close");
  if (find) {
    find.open = false;
    find.querySelector("summary").focus();
  } else if (close?.offsetParent) {
    close.click();
    document.querySelector(".show-people").focus();
  }
});
// The way out of it is no place of its own: it leaves no mark in the address, nor a step to go back to.
document.addEventListener("click", (event) => {
  const close = event.target.closest(".panel-close");
  if (!close) return;
  event.preventDefault();
  location.replace(close.hash);
  history.replaceState(history.state, "", location.pathname + location.search);
});
document.addEventListener("open-find", () => {
  const find = document.getElementById("find");
  if (find) find.open = true;
});
document.addEventListener(
  "toggle",
  ({ target }) => {
    if (target.id === "find" && target.open) document.getElementById("find-q").focus();
  },
  { capture: true },
);

// A thread that came into the page by a click in the list takes the focus, as a page of its own would.
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.elt.id === "conversation") document.getElementById("thread-title")?.focus();
});

// The message at the top of the screen is remembered, for this tab alone, and if that part of the thread is no longer
// loaded the page is opened around it.
{
  const scroller = () => document.getElementById("scroller");
  const key = (path) => `place ${path}`;
  let here = location.pathname;
  let isMovingOn = false; // to where the place is: this page has none of its own to remember

  const topOf = (element) => element.getBoundingClientRect().top - scroller().getBoundingClientRect().top;

  function remember() {
    if (!scroller() || isMovingOn) return;
    const isAtEnd = Math.abs(scroller().scrollTop) < 8; // the scroller lies upside down
    const event = [...scroller().querySelectorAll("[id^=e]")].find((each) => /^e\d+$/.test(each.id) && topOf(each) >= 0);
    if (isAtEnd || !event) sessionStorage.removeItem(key(here));
    else sessionStorage.setItem(key(here), JSON.stringify({ id: event.id, top: topOf(event) }));
  }

  function restore() {
    const [load] = performance.getEntriesByType("navigation");
    const isBack = load && ["back_forward", "reload"].includes(load.type);
    const found = JSON.parse(sessionStorage.getItem(key(here)) || "null");
    if (!scroller() || !found || !(isBack || (found.isOnItsWay && !location.hash))) return;
    sessionStorage.removeItem(key(here));
    const address = new URL(location.href);
    const event = document.getElementById(found.id);
    if (event) {
      scroller().scrollTop += topOf(event) - found.top;
    } else if (!["show", "at", "before", "after"].some((name) => address.searchParams.has(name))) {
      sessionStorage.setItem(key(here), JSON.stringify({ ...found, isOnItsWay: true }));
      isMovingOn = true;
      address.searchParams.set("at", found.id.slice(1));
      location.replace(address);
    }
  }

  window.addEventListener("pagehide", remember);
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id === "conversation") remember();
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.elt.id === "conversation") here = location.pathname;
  });

  restore();
}
