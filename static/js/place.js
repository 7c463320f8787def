// Whoever comes back to a thread finds it where it was left: the message at the top of the screen is remembered, for
// this tab alone, and if that part of the thread is no longer loaded the page is opened around it.
"use strict";

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
    if (!scroller() || !found || location.hash || !(isBack || found.isOnItsWay)) return;
    sessionStorage.removeItem(key(here));
    const event = document.getElementById(found.id);
    if (event) {
      scroller().scrollTop += topOf(event) - found.top;
    } else if (!location.search) {
      sessionStorage.setItem(key(here), JSON.stringify({ ...found, isOnItsWay: true }));
      isMovingOn = true;
      location.replace(`?at=${found.id.slice(1)}`);
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
