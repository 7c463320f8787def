// Keeps list and thread as they would be if they were loaded now: hears what changes, and tells live-list.js,
// live-unread.js and live-thread.js, which ask the server for fragments.
"use strict";

const livePage = (() => {
  const POLL_MS = 20_000;
  const LOOK_MS = 4_000; // while no stream comes through: whether there is anything to ask for, and still allowed
  const AGE_MS = 60_000; // times are shown to the minute
  const SPREAD_MS = 3_000; // not all pages at the same moment
  const SILENCE_MS = 35_000; // of the tab that speaks for the others
  const STILL_MS = 15_000;
  const AGAIN_MS = 3_000;
  const ANSWER_MS = 6_000; // a shared worker answers at once; one that cannot be loaded never does
  const TYPING_MS = 6_000; // X says that it begins, not that it ends
  const live = document.getElementById("live");
  let state = "again";
  let wasLive = false;
  let heardAt = Date.now(); // the server, last
  let isLost = false; // it does not answer at all

  // --- Where news come from -----------------------------------------------------------------------------------------

  const NO_ANSWER = { status: 0, isLed: false, text: "" };
  let ask = async () => NO_ANSWER; // (address) -> {status, isLed, text}
  let tellOfDeed = () => {}; // no answer that was asked for before it will do

  function connect() {
    const { url, worker, person, from } = live.dataset;
    const name = `dminbox-live-${person}`;
    const hello = { type: "hello", url, from };
    const speakHere = () => loadScript(worker, () => speak(hello, name));
    if (window.SharedWorker) share(hello, worker, name, speakHere);
    else speakHere();
  }

  function share(hello, worker, name, speakHere) {
    const shared = new SharedWorker(worker, { name });
    const { port } = shared;
    const answers = new Map();
    let isLeft = false;
    const leaveIt = () => {
      if (isLeft) return;
      isLeft = true;
      port.onmessage = null;
      port.postMessage({ type: "bye" });
      ask = async () => NO_ANSWER;
      tellOfDeed = () => {};
      for (const resolve of answers.values()) resolve(NO_ANSWER);
      speakHere();
    };
    shared.onerror = leaveIt;
    const patience = setTimeout(leaveIt, ANSWER_MS);
    let asked = 0;
    ask = (address) =>
      new Promise((resolve) => {
        asked += 1;
        answers.set(asked, resolve);
        port.postMessage({ type: "ask", number: asked, address });
      });
    tellOfDeed = () => port.postMessage({ type: "deed" });
    port.onmessage = ({ data }) => {
      clearTimeout(patience);
      if (data.type !== "answer") {
        hear(data);
        return;
      }
      answers.get(data.number)?.(data.answer);
      answers.delete(data.number);
    };
    port.postMessage(hello);
    window.addEventListener("pagehide", () => port.postMessage({ type: "bye" }));
    window.addEventListener("pageshow", (event) => {
      if (event.persisted && !isLeft) {
        port.postMessage(hello);
        refreshAll();
      }
    });
  }

  // Until it can be loaded, the page says that it is on its way to the server.
  function loadScript(address, act) {
    const script = document.createElement("script");
    script.src = address;
    script.onload = act;
    script.onerror = () => {
      script.remove();
      wasLive = true;
      say("again");
      setTimeout(() => loadScript(address, act), AGAIN_MS);
    };
    document.head.append(script);
  }

  // Without shared workers one tab holds the stream, under a lock that the next takes over, and tells the others. They
  // claim to be live only as long as it says so.
  function speak(hello, name) {
    const me = `${Date.now()}-${Math.random()}`;
    const channel = new BroadcastChannel(name);
    let heardAt = Date.now();
    let pages = null;
    ask = answerTo;
    const heed = (message) => {
      heardAt = Date.now();
      if (message.at) hello.from = message.at; // from here on it would go on, if it came to speak
      hear(message);
    };
    channel.onmessage = ({ data }) => {
      if (pages && data.of) pages.hear(data.of, (message) => channel.postMessage({ to: data.of, message }), data.said);
      else if (!pages && data.to === me) heed(data.message);
      else if (!pages && data.isNew) greet();
    };
    const greet = () => channel.postMessage({ of: me, said: hello });
    const begin = () =>
      new Promise(() => {
        pages = new Pages();
        pages.hear(me, heed, hello);
        channel.postMessage({ isNew: true });
        const repeat = () => pages.all.forEach((send) => send(pages.stream.standing()));
        setInterval(repeat, STILL_MS);
      });
    window.addEventListener("pageshow", (event) => {
      if (!event.persisted) return;
      if (!pages) greet(); // it has said goodbye
      refreshAll();
    });
    if (!navigator.locks) {
      begin();
      return;
    }
    greet();
    navigator.locks.request(name, begin);
    window.addEventListener("pagehide", () => channel.postMessage({ of: me, said: { type: "bye" } }));
    const began = heardAt;
    setInterval(() => {
      const patience = heardAt === began ? PATIENCE_MS : SILENCE_MS;
      if (!pages && state !== "polling" && Date.now() - heardAt > patience) hear({ type: "state", state: "polling" });
    }, 1000);
  }

  function hear(message) {
    if (message.type === "state") {
      const isBack = message.state === "live" && state !== "live" && wasLive;
      const isLeftAlone = message.state === "polling" && state !== "polling";
      const isOther = message.state !== state;
      if (state === "live") heardAt = Date.now();
      isLost &&= message.state !== "live";
      say(message.state);
      if (isOther && (wasLive || state === "polling")) announce(wordsOf(state)); // heard, wherever one is
      wasLive ||= state !== "again";
      if (isBack || isLeftAlone) refreshAll();
      if (isLeftAlone) look();
      compare(message.version);
    } else if (message.type === "change") {
      take(message.change);
    } else if (message.type === "behind") {
      refreshAll();
    } else if (message.type === "gone") {
      leave();
    } else {
      window.location.reload();
    }
  }

  // Something is no longer ours to see: neither here, nor in the list that is kept for when there is no network.
  function leave() {
    document.dispatchEvent(new Event("list-lost"));
    window.location.reload();
  }

  function say(now) {
    state = now;
    if (now === "again" && !wasLive) return; // the first time it connects, nothing moves for it
    for (const place of document.querySelectorAll(".live-state")) {
      place.hidden = false;
      place.dataset.state = isLost ? "lost" : now;
      place.textContent = wordsOf(now);
    }
  }

  // Scripts of another version may not know what the server answers. Nothing is loaded anew by itself: somebody may type.
  function compare(version) {
    const offer = document.getElementById("updated");
    if (!version || !live.dataset.version || version === live.dataset.version || !offer.hidden) return;
    offer.hidden = false;
    announce(offer.firstElementChild.textContent);
  }

  function wordsOf(now) {
    if (isLost) return live.dataset.isLost.replace("{time}", () => clockOf(heardAt));
    return live.dataset[{ live: "isLive", again: "isAgain", polling: "isPolling" }[now]];
  }

  function clockOf(moment) {
    const { lang } = document.documentElement;
    const style = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", numberingSystem: "latn" };
    return new Intl.DateTimeFormat(lang, style).format(moment);
  }

  // To those who hear a page rather than see it.
  function announce(words) {
    live.textContent = words;
  }

  // --- What changes -------------------------------------------------------------------------------------------------

  let agedAt = -AGE_MS;
  const ages = asker(() => Math.max(0, agedAt + AGE_MS - performance.now()) + Math.random() * SPREAD_MS, refreshAges);

  function take(change) {
    if (change.kind === "age") {
      ages.want();
      return;
    }
    liveUnread.take(change);
    liveList.take(change);
    liveThread.take(change);
  }

  // How old what is shown may be stands in both.
  function refreshAges() {
    agedAt = performance.now();
    liveList.want();
    liveThread.want();
  }

  function refreshAll() {
    liveList.refresh();
    liveThread.refresh();
  }

  // The server cannot be reached, or not answer, at this moment.
  class NotNow extends Error {}

  // Many changes at once are one question; one that comes while an answer is on its way is asked about after it. A page
  // that nobody sees waits until somebody does; with "hidden" for `state` it is the other way about.
  function asker(wait, act, state = "visible") {
    let isAsking = false;
    let isWanted = false;
    const begin = async () => {
      if (isAsking || !isWanted || document.visibilityState !== state) return;
      isAsking = true;
      try {
        while (isWanted && document.visibilityState === state) {
          await new Promise((resolve) => setTimeout(resolve, wait()));
          if (document.visibilityState !== state) return;
          isWanted = false;
          await act();
        }
      } catch (error) {
        if (!(error instanceof NotNow)) throw error;
        isWanted = true;
        setTimeout(begin, AGAIN_MS);
      } finally {
        isAsking = false;
      }
    };
    document.addEventListener("visibilitychange", begin);
    return {
      want() {
        isWanted = true;
        begin();
      },
    };
  }

  async function fetchPage(address) {
    const { status, isLed, text } = await ask(address);
    if (status === 404 || isLed) leave();
    if (status === 0 || status >= 500) throw new NotNow();
    if (status !== 200 || isLed) return null;
    return new DOMParser().parseFromString(text, "text/html");
  }

  // --- Without a stream ---------------------------------------------------------------------------------------------

  let stand = ""; // what one may see and the number each X account stands at, as the last look said

  async function look() {
    if (state !== "polling" || document.visibilityState !== "visible") return;
    const { status, isLed, text } = await ask(live.dataset.now);
    if (isLed) leave();
    noteAnswer(status !== 0 && status < 500);
    if (status !== 200) return;
    const [now, version] = text.split("\n");
    compare(version);
    if (now === stand) return;
    stand = now;
    refreshAll(); // finds out too what may no longer be seen
  }

  function noteAnswer(isThere) {
    if (isThere) heardAt = Date.now();
    if (state !== "polling" || isLost === !isThere) return;
    isLost = !isThere;
    say(state);
    announce(wordsOf(state));
  }

  function poll() {
    if (state === "polling" && document.visibilityState === "visible") refreshAll();
  }

  // --- Parts of the page --------------------------------------------------------------------------------------------

  function opened() {
    return document.querySelector("#conversation[data-conversation]");
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

  function replaceNotices(box, fresh, put) {
    const old = [...box.querySelectorAll(":scope > .notice")];
    const alike = (notices) => [...notices].map((notice) => notice.textContent.trim()).join("\n");
    if (alike(old) === alike(fresh)) return;
    const lines = (notices, state) => [...notices].flatMap((notice) => [...notice.querySelectorAll(`details${state} > summary`)]);
    const opened = new Set(lines(old, "[open]").map((line) => line.textContent));
    for (const line of lines(fresh, "")) line.parentElement.open = opened.has(line.textContent);
    old.forEach((notice) => notice.remove());
    put(...fresh);
  }

  // As long as anything tells that somebody types, `look` is called to find out whether they still do.
  function typingWatch(selector, look) {
    let timer = 0;
    const watch = () => {
      if (!timer && document.querySelector(selector)) timer = setTimeout(again, TYPING_MS);
    };
    const again = () => {
      timer = 0;
      const shown = [...document.querySelectorAll(selector)];
      if (shown.length) look(shown);
      watch();
    };
    return watch;
  }

  // --- Begin --------------------------------------------------------------------------------------------------------

  document.addEventListener("htmx:load", () => say(state));
  setInterval(poll, POLL_MS);
  setInterval(look, LOOK_MS);
  document.addEventListener("visibilitychange", poll);
  window.addEventListener("online", refreshAll);
  // As soon as the other scripts are there.
  document.addEventListener("DOMContentLoaded", () => {
    if (!live) return;
    say(state);
    connect();
  });

  const tell = () => tellOfDeed(); // as it is by then
  return { announce, asker, fetchPage, leave, opened, replaceNotices, standing, swap, tellOfDeed: tell, typingWatch };
})();
