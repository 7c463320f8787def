// What all pages do beyond links and forms. Everything here is an addition: each page works without it.
"use strict";

document.addEventListener("htmx:beforeSwap", (event) => {
  // A form that was filled in wrongly comes back with 422 and is shown like any other answer.
  if (event.detail.xhr.status === 422) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
});

// A click that asks for another tab, another window or a file is the browser's: htmx would load it into the page.
document.addEventListener(
  "click",
  (event) => {
    const isOfBrowser = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
    if (isOfBrowser && event.target.closest("a[hx-get]")) event.stopPropagation();
  },
  { capture: true },
);

// A conversation that does not come into the page is gone to as by any link: there one reads why.
{
  const goTo = (event) => {
    const link = event.detail.requestConfig?.elt;
    if (!link?.matches("a.row")) return;
    event.preventDefault();
    window.location.assign(link.href);
  };
  document.addEventListener("htmx:sendError", goTo);
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!event.detail.xhr.responseText.includes('id="conversation"')) goTo(event); // an error, or the sign-in page
  });
}

// A step through the history that leads to another place of this page loads nothing anew; one to another page does, also
// where it was left by such a place, of which htmx does not know.
{
  const address = () => location.pathname + location.search;
  let shown = address();
  document.addEventListener("htmx:pushedIntoHistory", () => (shown = address()));
  window.addEventListener("popstate", (event) => {
    if (address() === shown) event.stopImmediatePropagation();
    else if (!event.state?.htmx) location.reload();
  });
}

// The arrow of a page about a conversation leads back to the place that was left in it (thread.js).
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-back]");
  const key = `place ${link?.pathname}`;
  const found = link && !link.hash && sessionStorage.getItem(key);
  if (found) sessionStorage.setItem(key, JSON.stringify({ ...JSON.parse(found), isOnItsWay: true }));
});

// Of a line of pills that is pushed aside, what is chosen is in sight from the start, and what a key leads to as a whole.
{
  const show = (pill) => pill.scrollIntoView({ block: "nearest", inline: "nearest" });
  // Not the first, which is in sight: to ask where it stands would have the page laid out once more before it is shown.
  document.querySelectorAll(".switchers [aria-current]:not(:first-child > :first-child)").forEach(show);
  document.addEventListener("focusin", ({ target }) => {
    if (target.matches(".switchers .pill:focus-visible")) show(target); // not under a finger
  });
}

// Tells the server once which time zone this browser is in; the form exists only while none is known.
{
  const form = document.querySelector("form[data-zone]");
  const tell = () => {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone; // takes as long as all other scripts to begin
    if (!zone) return;
    form.elements.time_zone.value = zone;
    fetch(form.action, { method: "POST", body: new FormData(form) });
  };
  if (form) window.addEventListener("load", tell);
}

// What waits for one person is nothing to show on the app once they have signed out.
if (!document.body.dataset.person) navigator.clearAppBadge?.().catch(() => {}); // it is no installed app

// Tells the service worker who is signed in, so that it keeps that person's list and nobody else's.
{
  const { person, offline } = document.body.dataset;
  const worker = navigator.serviceWorker;

  const tell = async (who) => {
    const { active } = await worker.ready;
    const sheets = [...document.querySelectorAll('link[rel="stylesheet"], link[rel="icon"]')];
    active.postMessage({ person: who, assets: sheets.map((link) => link.href) });
  };

  const forget = async () => {
    for (const each of await worker.getRegistrations()) await each.unregister();
    for (const name of await caches.keys()) await caches.delete(name);
  };

  if (worker && offline === "yes") {
    worker.register("/service-worker.js").then(() => tell(person ?? ""), () => {});
    document.addEventListener("htmx:responseError", (event) => {
      if ([401, 404].includes(event.detail.xhr.status)) tell("");
    });
    document.addEventListener("list-lost", () => tell(""));
    document.addEventListener("list-read", () => tell(person ?? "")); // what is kept is what was read last
  } else if (worker) {
    forget();
  }
}
