// Keeps list and thread as they would be if they were loaded now: asks the server for fragments when the stream says so.
"use strict";

{
  const POLL_MS = 20_000;
  const AT_END = 40;
  const live = document.getElementById("live");
  let state = "again";
  let unseen = 0;

  // --- Where news come from --------------------------------------------------------------------------------------

  function connect() {
    const { url, worker, person, from } = live.dataset;
    const hello = { type: "hello", url, from };
    if (window.SharedWorker) {
      const port = new SharedWorker(worker, { name: `dminbox-live-${person}` }).port;
      port.onmessage = (event) => hear(event.data);
      port.postMessage(hello);
      window.addEventListener("pagehide", () => port.postMessage({ type: "bye" }));
      window.addEventListener("pageshow", (event) => {
        if (event.persisted) {
          port.postMessage(hello);
          refreshAll();
        }
      });
    } else {
      lead(hello, worker, `dminbox-live-${person}`);
    }
  }

  // Without shared workers one tab holds the stream, under a lock that the next takes over, and tells the others.
  function lead(hello, worker, name) {
    const channel = new BroadcastChannel(name);
    channel.onmessage = (event) => hear(event.data);
    const begin = () =>
      new Promise(() => {
        const script = document.createElement("script");
        script.src = worker;
        script.onload = () =>
          new LiveStream(hello.url, hello.from, (message) => {
            hear(message);
            channel.postMessage(message);
          });
        document.head.append(script);
      });
    if (navigator.locks) {
      say("live");
      navigator.locks.request(name, begin);
      refreshAll();
    } else {
      begin();
    }
  }

  function hear(message) {
    if (message.type === "state") {
      const isBack = message.state === "live" && state !== "live";
      const wasLost = state === "again" && live.dataset.lost !== undefined;
      say(message.state);
      if ((isBack && wasLost) || message.state === "polling") refreshAll();
      if (message.state !== "live") live.dataset.lost = "";
      else delete live.dataset.lost;
    } else if (message.type === "change") {
      take(message.change);
    } else if (message.type === "behind") {
      refreshAll();
    } else {
      window.location.reload();
    }
  }

  function say(now) {
    state = now;
    const place = document.getElementById("live-state");
    if (!place) return;
    place.hidden = false;
    place.dataset.state = now;
    const words = { live: "isLive", again: "isAgain", polling: "isPolling" }[now];
    place.textContent = live.dataset[words];
  }

  // --- What changes ----------------------------------------------------------------------------------------------

  function opened() {
    return document.querySelector("#conversation[data-conversation]");
  }

  function take(change) {
    list.want();
    if (change.kind === "account") thread.want();
    if (String(change.conversation) !== opened()?.dataset.conversation) return;
    if (change.kind === "event_updated") replaceEvent(change.event);
    else if (change.kind !== "read") thread.want();
  }

  function refreshAll() {
    list.want();
    thread.want();
  }

  // Many changes at once are one question; one that comes while an answer is on its way is asked about after it.
  function asker(ask) {
    let isAsking = false;
    let isWanted = false;
    return {
      async want() {
        isWanted = true;
        if (isAsking) return;
        isAsking = true;
        try {
          while (isWanted) {
            await new Promise((resolve) => setTimeout(resolve, 20));
            isWanted = false;
            await ask();
          }
        } catch (error) {
          if (!(error instanceof TypeError)) throw error; // the network is away: what comes back asks again
        } finally {
          isAsking = false;
        }
      },
    };
  }
  const list = asker(refreshList);
  const thread = asker(refreshThread);

  async function page(address) {
    const answer = await fetch(address, { headers: { "X-Live": "1" } });
    if (answer.status === 404 || answer.redirected) window.location.reload(); // no longer ours to see
    if (!answer.ok || answer.redirected) return null;
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  }

  // --- The list --------------------------------------------------------------------------------------------------

  async function refreshList() {
    const address = document.getElementById("accounts")?.getAttribute("hx-get");
    const fresh = address && (await page(address));
    if (!fresh?.getElementById("list")) return;
    for (const id of ["accounts", "views", "read-at"]) {
      const old = document.getElementById(id);
      // One that htmx is asking for is left to it: taken away meanwhile, its answer would find no place.
      if (old && !old.classList.contains("htmx-request")) swap(old, fresh.getElementById(id));
    }
    const box = document.querySelector("#list .list-scroll");
    const ours = box.querySelector(":scope > ul");
    const theirs = fresh.querySelector("#list .list-scroll > ul");
    replaceNotices(box, fresh.querySelectorAll("#list .list-scroll > .notice"));
    if (ours && theirs) standing(box, ".row", () => mergeRows(ours, theirs));
    else if (ours || theirs) swap(box, fresh.querySelector("#list .list-scroll"));
    markRow();
  }

  function replaceNotices(place, fresh) {
    const old = [...place.querySelectorAll(":scope > .notice")];
    const alike = (notices) => [...notices].map((notice) => notice.textContent.trim()).join("\n");
    if (alike(old) === alike(fresh)) return;
    old.forEach((notice) => notice.remove());
    place.prepend(...fresh);
  }

  function mergeRows(ours, theirs) {
    const focused = document.activeElement?.closest?.("#list .row")?.dataset.conversation;
    const known = new Map([...ours.querySelectorAll(".row")].map((row) => [row.dataset.conversation, row]));
    const rows = [...theirs.querySelectorAll(".row")];
    let place = ours.firstElementChild;
    for (const row of rows) {
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
    const last = BigInt(rows.at(-1)?.dataset.newest ?? 0);
    const isWhole = !theirs.querySelector(".more");
    for (const row of known.values()) {
      if (isWhole || BigInt(row.dataset.newest) > last) row.closest("li").remove();
    }
    if (focused && !document.activeElement?.closest?.("#list .row")) {
      ours.querySelector(`.row[data-conversation="${focused}"]`)?.focus({ preventScroll: true });
    }
  }

  function swap(old, fresh) {
    if (!old || !fresh || old.outerHTML === fresh.outerHTML) return;
    const focus = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
    old.replaceWith(fresh);
    htmx.process(fresh);
    if (!focus) return;
    const again = fresh.matches(`[href="${CSS.escape(focus)}"]`) ? fresh : fresh.querySelector(`[href="${CSS.escape(focus)}"]`);
    again?.focus({ preventScroll: true });
  }

  // Runs `act`; whatever a person was looking at in the box is at the same place afterwards.
  function standing(box, selector, act) {
    const top = box.getBoundingClientRect().top;
    const seen = [...box.querySelectorAll(selector)].filter((each) => each.getBoundingClientRect().bottom > top);
    const isAtTop = box.scrollTop === 0;
    const places = seen.slice(0, 60).map((each) => [keyOf(each), each.getBoundingClientRect().top]);
    act();
    if (isAtTop) return;
    for (const [key, place] of places) {
      const now = box.querySelector(key)?.getBoundingClientRect().top;
      if (now === undefined) continue;
      if (now !== place) box.scrollTop += now - place; // setting it ends whatever scrolling is under way
      return;
    }
  }

  function keyOf(element) {
    return element.id ? `[id="${element.id}"]` : `.row[data-conversation="${element.dataset.conversation}"]`;
  }

  // --- The thread ------------------------------------------------------------------------------------------------

  async function fragment(pane, query) {
    const kept = pane.dataset.kept ? `&${pane.dataset.kept}` : "";
    const fresh = await page(`${pane.dataset.newer}?${query}${kept}`);
    return opened() === pane ? fresh?.getElementById("newer") : null;
  }

  function lastId(pane) {
    return eventsIn(pane).at(-1)?.id.slice(1) ?? "0";
  }

  // Folded lines hold events too.
  function eventsIn(box) {
    return [...box.querySelectorAll("[id^='e']")].filter((each) => /^e[0-9]+$/.test(each.id));
  }

  function isHere(comer) {
    const named = comer.id ? [comer] : eventsIn(comer);
    return named.some((each) => document.getElementById(each.id));
  }

  // What other scripts do with whatever comes into a page.
  function tellOthers(box) {
    htmx.trigger(box, "htmx:load", { elt: box });
  }

  async function refreshThread() {
    const pane = opened();
    if (!pane || pane.querySelector(".scroll-body > p.newer")) return; // an older stretch: the newest are elsewhere
    if (!pane.querySelector(".events")) return;
    let fresh;
    do {
      fresh = await fragment(pane, `after=${lastId(pane)}`);
      if (!fresh) return;
      add(pane, fresh);
    } while (fresh.dataset.more !== undefined);
  }

  async function replaceEvent(id) {
    const pane = opened();
    if (!document.getElementById(`e${id}`)) return;
    const fresh = await fragment(pane, `at=${id}`);
    const now = fresh?.querySelector(`[id="e${id}"]`);
    const old = document.getElementById(`e${id}`);
    if (!now || !old) return;
    now.classList.toggle("first", old.classList.contains("first"));
    const box = document.getElementById("scroller");
    staying(box, () => swap(old, now));
    tellOthers(box);
  }

  function isAtEnd(box) {
    return box.scrollTop > -AT_END; // it lies upside down: 0 is the newest
  }

  function staying(box, act) {
    if (isAtEnd(box)) {
      const height = box.scrollHeight;
      act();
      if (box.scrollHeight !== height) box.scrollTop = 0;
    } else {
      standing(box, ".events > [id^='e']", act);
    }
  }

  function add(pane, fresh) {
    const box = document.getElementById("scroller");
    const wasAtEnd = isAtEnd(box);
    const events = [...pane.querySelectorAll(".events")].at(-1);
    const comers = [...fresh.querySelector(".events").children].filter((each) => !isHere(each));
    const messages = comers.filter((each) => each.matches(".event:not(.ours)")).length;
    staying(box, () => {
      if (comers.some((each) => each.matches(".locked"))) events.querySelector(".locked")?.remove();
      events.append(...comers);
      renew(pane.querySelector("#typing"), fresh.querySelector("#typing"), (typing) => pane.querySelector(".scroll-body").append(typing));
      const seen = fresh.querySelector("#seen");
      renew(pane.querySelector("#seen"), seen, (line) => document.getElementById(line.dataset.under)?.after(line));
    });
    comers.forEach((each) => htmx.process(each));
    tellOthers(events);
    replaceThreadNotices(pane, fresh.querySelectorAll(":scope > .notice"));
    const form = fresh.querySelector("form[data-mark-read]");
    if (form && messages) {
      pane.querySelector("form[data-mark-read]")?.remove();
      pane.querySelector(".scroll-body").append(form);
      htmx.process(form);
    }
    if (messages) {
      live.textContent = fresh.querySelector("#news")?.textContent ?? "";
      if (!wasAtEnd) count(unseen + messages);
    }
    if (wasAtEnd) markSeen();
    if (fresh.querySelector("#typing")) setTimeout(() => thread.want(), 6000); // X says that it begins, not that it ends
  }

  function renew(old, fresh, put) {
    if (old && fresh && old.textContent === fresh.textContent && old.dataset.under === fresh.dataset.under) return;
    old?.remove();
    if (fresh) put(fresh);
  }

  function replaceThreadNotices(pane, fresh) {
    const place = pane.querySelector(".thread");
    const old = [...place.querySelectorAll(":scope > .notice")];
    const alike = (notices) => [...notices].map((notice) => notice.textContent.trim()).join("\n");
    if (alike(old) === alike(fresh)) return;
    old.forEach((notice) => notice.remove());
    place.querySelector(".scroller").before(...fresh);
  }

  function count(number) {
    unseen = number;
    const button = document.getElementById("new-messages");
    if (!button) return;
    button.hidden = number === 0;
    const { lang } = document.documentElement;
    const words = JSON.parse(button.dataset.words)[new Intl.PluralRules(lang).select(number)];
    button.textContent = words.replace("{n}", new Intl.NumberFormat(lang, { numberingSystem: "latn" }).format(number));
  }

  // --- Begin -----------------------------------------------------------------------------------------------------

  document.addEventListener("click", (event) => {
    if (!event.target.closest("#new-messages")) return;
    const box = document.getElementById("scroller");
    box.scrollTop = 0;
    box.focus({ preventScroll: true });
  });
  document.addEventListener(
    "scroll",
    (event) => {
      if (event.target.id !== "scroller" || !isAtEnd(event.target)) return;
      if (unseen) count(0);
      markSeen();
    },
    { capture: true, passive: true },
  );
  document.addEventListener("htmx:load", (event) => {
    say(state);
    if (event.detail.elt.id === "conversation") count(0);
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    // Both came some time after the stream had begun: what was told in between is asked for.
    if (event.detail.elt.id === "conversation") thread.want();
    if (event.detail.elt.id === "list") list.want();
  });
  setInterval(() => {
    if (state === "polling" && document.visibilityState === "visible") refreshAll();
  }, POLL_MS);
  window.addEventListener("online", refreshAll);
  if (live) {
    say(state);
    connect();
  }
}
