// How many conversations are unread: in the page's title, by which a tab is known, and on the badge of the app, also while
// nobody sees the page. And which ones become so, told to those who hear a page.
"use strict";

const liveUnread = (() => {
  const { announce, asker, fetchPage, opened, swap } = livePage;
  const UNSEEN_MS = 15_000; // between two questions of a page that nobody sees
  const GATHER_MS = 200;
  const MOST_NAMES = 5; // in one sentence
  let askedAt = -UNSEEN_MS;
  let badge = -1;
  const numbers = asker(() => Math.max(GATHER_MS, askedAt + UNSEEN_MS - performance.now()), ask, "hidden");

  function take(change) {
    if (["event", "read", "conversation"].includes(change.kind)) numbers.want();
  }

  // The numbers alone: rows are asked for when somebody looks.
  async function ask() {
    const counts = document.getElementById("accounts")?.dataset.counts;
    if (!counts) return;
    askedAt = performance.now();
    const fresh = await fetchPage(`${counts}&unseen=1`);
    for (const id of ["accounts", "filters", "views"]) swap(document.getElementById(id), fresh?.getElementById(id));
    tell();
  }

  function tell() {
    const told = document.getElementById("accounts")?.dataset.unread;
    if (told === undefined) return; // no list beside: nothing is known
    const number = parseInt(told, 10);
    const title = document.title.replace(/^\(\d+\+?\) /, "");
    const titled = number ? `(${told}) ${title}` : title;
    if (titled !== document.title) document.title = titled;
    if (number !== badge) navigator.setAppBadge?.(number).catch(() => {}); // it is no installed app
    badge = number;
  }

  // --- Which ones ---------------------------------------------------------------------------------------------------

  // Of each row whether it is unread, and how new the newest is.
  function standOf(rows) {
    const newest = rows.map((row) => BigInt(row.dataset.newest));
    return {
      unread: new Map(rows.map((row) => [row.dataset.conversation, row.matches(".unread")])),
      newest: newest.reduce((one, other) => (one > other ? one : other), 0n),
    };
  }

  // A row that was not here is new where it is newer than all: others come up from older pages.
  function tellNew(before, rows) {
    const isNew = (row) => {
      const was = before.unread.get(row.dataset.conversation);
      return was === undefined ? BigInt(row.dataset.newest) > before.newest : !was;
    };
    const open = opened()?.dataset.conversation;
    const comers = rows.filter((row) => row.matches(".unread") && row.dataset.conversation !== open && isNew(row));
    if (!comers.length) return;
    const { isUnread, others } = document.getElementById("live").dataset;
    const names = comers.slice(0, MOST_NAMES).map((row) => row.querySelector(".row-title").textContent);
    if (comers.length > MOST_NAMES) names.push(others);
    announce(isUnread.replace("{names}", () => new Intl.ListFormat(document.documentElement.lang).format(names)));
  }

  document.addEventListener("htmx:afterSettle", tell); // a thread comes with its own title, the list with its number
  document.addEventListener("DOMContentLoaded", tell);
  return { take, tell, standOf, tellNew };
})();
