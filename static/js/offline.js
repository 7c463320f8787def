// Tells the service worker who is signed in, so that it keeps that person's list and nobody else's.
"use strict";

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
