// Without a network: the last read list of the inbox instead of the browser's error. That alone is kept, for one person
// and a day; it goes at sign-out, when somebody else signs in, and whenever the server answers a page with 401 or
// 404, whatever it was asked for but a file.
"use strict";

const STORE = "dminbox-kept-1";
const LIST = "/offline/";
const EMPTY = "/offline/empty/";
const LONGEST = 24 * 3600 * 1000;
const EVERY = 60 * 1000;
const UNHEARD = /^\/static\/|^\/live\/$|\/files\/[\d/]+$/; // files, and the stream of changes: large, long or many

let drops = 0;
let keeping = Promise.resolve();

async function drop() {
  drops += 1;
  const store = await caches.open(STORE);
  await store.delete(LIST);
}

async function keep(person, assets) {
  const store = await caches.open(STORE);
  const kept = await store.match(LIST);
  if (kept && kept.headers.get("kept-for") !== person) await drop();
  else if (kept && Date.now() - Number(kept.headers.get("kept-at")) < EVERY) return;
  const before = drops;
  const answer = await fetch(LIST, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return drop();
  const list = await answer.blob();
  if (drops !== before) return; // it had to go while this one was on its way
  const headers = { "content-type": "text/html; charset=utf-8", "kept-for": person, "kept-at": String(Date.now()) };
  await store.put(LIST, new Response(list, { headers }));
  // The page for when nothing is kept comes again too: it may be in another language by now.
  await Promise.all([EMPTY, ...assets].map((address) => store.add(address)));
}

async function heard(request) {
  const answer = await fetch(request);
  if (answer.status === 401 || answer.status === 404) await drop();
  return answer;
}

async function page(request) {
  try {
    return await heard(request);
  } catch {
    return (await kept()) ?? Response.error();
  }
}

async function kept() {
  const store = await caches.open(STORE);
  const list = await store.match(LIST);
  if (list && Date.now() - Number(list.headers.get("kept-at")) < LONGEST) return list;
  if (list) await drop();
  return store.match(EMPTY);
}

async function asset(request) {
  try {
    return await fetch(request);
  } catch {
    const store = await caches.open(STORE);
    return (await store.match(request)) ?? Response.error();
  }
}

// A form of another site is left to the browser: sent on from here it would bring the cookie that SameSite keeps back.
function isOwn(request) {
  return request.mode !== "navigate" || request.referrer.startsWith(`${self.location.origin}/`);
}

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(caches.open(STORE).then((store) => store.add(EMPTY)));
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("message", (event) => {
  const { person, assets } = event.data;
  if (!person) return event.waitUntil(drop());
  // One after the other, so that the second finds what the first has kept. Without a network nothing changes.
  keeping = keeping.then(() => keep(person, assets)).catch(() => {});
  event.waitUntil(keeping);
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (address.origin !== self.location.origin) return;
  if (request.method === "POST" && address.pathname === "/accounts/logout/") event.waitUntil(drop());
  const isGet = request.method === "GET";
  const isAsset = request.destination === "style" || address.pathname.endsWith(".svg");
  if (isGet && request.mode === "navigate") event.respondWith(page(request));
  else if (isGet && isAsset) event.respondWith(asset(request));
  else if (isOwn(request) && !UNHEARD.test(address.pathname)) event.respondWith(heard(request));
});
