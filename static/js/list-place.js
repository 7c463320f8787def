// Whoever comes back to the list, by the browser or by the arrow of a thread, finds the place that was left, older pages and
// all. It is remembered for this tab alone.
"use strict";

{
  const MOST_PAGES = 15; // of older rows that are loaded again
  const NEAR_TOP = 8;
  const LONGEST_MS = 10_000; // for a page of them
  let isOnItsWay = false; // back to the list, by a link
  const box = () => document.querySelector("#list .list-scroll");
  const rows = () => [...document.querySelectorAll("#list .row")];
  const topOf = (row) => row.getBoundingClientRect().top - box().getBoundingClientRect().top;

  // One place for each list: filters are another list. From a thread that was loaded by itself the arrow names it.
  function key() {
    const address = document.getElementById("accounts")?.dataset.counts ?? document.querySelector("#conversation .back")?.href;
    if (!address) return null;
    const { pathname, searchParams } = new URL(address, window.location.href);
    searchParams.delete("only");
    return `place ${pathname}?${searchParams}`;
  }

  function remember() {
    if (!box()?.offsetParent) return; // on a phone a thread covers it
    const row = rows().find((each) => topOf(each) >= 0);
    if (!row || box().scrollTop < NEAR_TOP) {
      sessionStorage.removeItem(key());
      return;
    }
    const { conversation, newest } = row.dataset;
    sessionStorage.setItem(key(), JSON.stringify({ conversation, newest, top: topOf(row), isOnItsWay }));
  }

  function noteWayBack() {
    isOnItsWay = true;
    const found = sessionStorage.getItem(key());
    if (found) sessionStorage.setItem(key(), JSON.stringify({ ...JSON.parse(found), isOnItsWay: true }));
  }

  // Its row; where that has moved up or is gone, the first that stood below it.
  function placeOf(found) {
    const isBelow = (row) => BigInt(row.dataset.newest) < BigInt(found.newest);
    return rows().find((row) => row.dataset.conversation === found.conversation) ?? rows().find(isBelow);
  }

  // Whether enough stands below it for it to come to where it stood.
  function isInReach(found) {
    const row = placeOf(found);
    const { scrollTop, scrollHeight, clientHeight } = box();
    return row && scrollTop + topOf(row) - found.top <= scrollHeight - clientHeight;
  }

  function older(link) {
    return new Promise((done) => {
      const end = (event) => {
        if (event && event.detail.requestConfig?.elt !== link) return;
        document.removeEventListener("htmx:afterRequest", end);
        done();
      };
      document.addEventListener("htmx:afterRequest", end);
      setTimeout(end, LONGEST_MS);
      link.click();
    });
  }

  async function restore() {
    const [load] = performance.getEntriesByType("navigation");
    const found = JSON.parse(sessionStorage.getItem(key()) || "null");
    if (!found || !(found.isOnItsWay || ["back_forward", "reload"].includes(load?.type))) return;
    if (!box()?.offsetParent) return; // asked last: for the answer the page is laid out
    sessionStorage.removeItem(key());
    for (let pages = 0; pages < MOST_PAGES && !isInReach(found); pages += 1) {
      const link = document.querySelector("#list .more-pages a");
      if (!link) break;
      await older(link);
    }
    const row = placeOf(found) ?? rows().at(-1);
    if (row && box().scrollTop < NEAR_TOP) box().scrollTop += topOf(row) - found.top; // else somebody went elsewhere meanwhile
  }

  window.addEventListener("pagehide", remember);
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id === "conversation") remember();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("#conversation .back")) noteWayBack();
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.elt.id === "list") restore();
  });
  document.addEventListener("DOMContentLoaded", restore); // by then its links bring rows into the page
}
