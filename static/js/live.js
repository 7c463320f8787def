// Keeps list and thread as they would be if they were loaded now: asks the server for fragments when the stream says so.
"use strict";

{
  const POLL_MS = 20_000;
  const LOOK_MS = 4_000; // while no stream comes through: whether there is anything to ask for, and still allowed
  const AGE_MS = 60_000; // times are shown to the minute
  const SPREAD_MS = 3_000; // not all pages at the same moment
  const SILENCE_MS = 35_000; // of the tab that speaks for the others
  const STILL_MS = 15_000;
  const AGAIN_MS = 3_000;
  const ANSWER_MS = 6_000; // a shared worker answers at once; one that cannot be loaded never does
  const TYPING_MS = 6_000; // X says that it begins, not that it ends
  const MOST_ROWS = 20; // more than these, and the whole list is asked for
  const AT_END = 40;
  const REVIEWED = 45; // newest messages that are looked at again where the stream may have left out what changed
  const LAST_ID = 2n ** 63n - 1n; // no event has it: after this one there are none
  const AVATARS = ":is(.avatar, .avatars)";
  const live = document.getElementById("live");
  let state = "again";
  let wasLive = false;
  let unseen = 0;
  let late = 0; // messages of others that came in among those that were here, and are not yet told of

  // --- Where news come from --------------------------------------------------------------------------------------

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
        const repeat = () => pages.all.forEach((send) => send({ type: "state", state, at: pages.stream.at }));
        setInterval(repeat, STILL_MS);
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
      say(message.state);
      if (isOther && (wasLive || state === "polling")) live.textContent = wordsOf(state); // heard, wherever one is
      wasLive ||= state !== "again";
      if (isBack || isLeftAlone) refreshAll();
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
      place.dataset.state = now;
      place.textContent = wordsOf(now);
    }
  }

  function wordsOf(now) {
    return live.dataset[{ live: "isLive", again: "isAgain", polling: "isPolling" }[now]];
  }

  // --- What changes ----------------------------------------------------------------------------------------------

  function opened() {
    return document.querySelector("#conversation[data-conversation]");
  }

  function take(change) {
    const pane = opened();
    if (change.kind === "age") {
      ages.want();
      return;
    }
    takeForList(change);
    if (change.kind === "account" && String(change.account) === pane?.dataset.account) thread.want();
    if (!pane || String(change.conversation) !== pane.dataset.conversation) return;
    if (change.kind === "event_updated") {
      updated.add(change.event);
      contents.want();
    } else if (change.kind !== "read") {
      thread.want();
    }
    if (change.kind === "event") told.add(change.event);
    const isOlder = change.event && change.kind === "event" && BigInt(change.event) < firstId(pane);
    if (isOlder || change.kind === "conversation") beginning.want();
  }

  // What a row does not show is not asked for.
  function takeForList(change) {
    if (change.kind === "receipt") return;
    const row = rowOf(change.conversation);
    if (change.kind === "event_updated" && row?.dataset.newest !== change.event) return;
    if (change.kind === "typing" && !row) return;
    if (change.conversation) rows.add(String(change.conversation));
    else isWhole = true;
    list.want();
  }

  function refreshAll() {
    isWhole = true;
    list.want();
    thread.want();
    review.want();
  }

  // The server cannot be reached, or not answer, at this moment.
  class NotNow extends Error {}

  // Many changes at once are one question; one that comes while an answer is on its way is asked about after it. A page
  // that nobody sees waits until somebody does.
  function asker(wait, act) {
    let isAsking = false;
    let isWanted = false;
    const begin = async () => {
      if (isAsking || !isWanted || document.visibilityState === "hidden") return;
      isAsking = true;
      try {
        while (isWanted && document.visibilityState !== "hidden") {
          await new Promise((resolve) => setTimeout(resolve, wait()));
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
  const rows = new Set(); // conversations whose row may show otherwise
  const updated = new Set(); // events that may
  const told = new Set(); // events that are new, and perhaps not the newest
  let isWhole = false; // whether the whole list may
  let accounts = new Set(); // all that one may see, as the last whole list said
  const thread = asker(() => 5, refreshThread);
  const contents = asker(() => 20, replaceEvents);
  const review = asker(() => 100, reviewThread); // after what is new
  const beginning = asker(() => 200, refreshBeginning);
  let agedAt = -AGE_MS;
  const ages = asker(() => Math.max(0, agedAt + AGE_MS - performance.now()) + Math.random() * SPREAD_MS, refreshAges);
  const list = asker(() => (opened() ? 150 : 20), refreshList); // after the thread: there one reads

  // How old what is shown may be stands in both.
  function refreshAges() {
    agedAt = performance.now();
    list.want();
    thread.want();
  }

  async function page(address) {
    const { status, isLed, text } = await ask(address);
    if (status === 404 || isLed) leave();
    if (status === 0 || status >= 500) throw new NotNow();
    if (status !== 200 || isLed) return null;
    return new DOMParser().parseFromString(text, "text/html");
  }

  // --- The list --------------------------------------------------------------------------------------------------

  function rowOf(conversation) {
    return document.querySelector(`#list .row[data-conversation="${conversation}"]`);
  }

  // A row stays in its place until its conversation is open: htmx looks there for where the answer belongs.
  async function isOpened() {
    while (document.querySelector("#list .row.htmx-request")) await new Promise((done) => setTimeout(done, 50));
  }

  async function refreshList() {
    const counts = document.getElementById("accounts")?.dataset.counts;
    if (!counts) return;
    const asked = isWhole || rows.size > MOST_ROWS ? null : [...rows];
    rows.clear();
    isWhole = false;
    const address = new URL(counts, window.location.href);
    if (asked) address.searchParams.set("only", asked.join(","));
    else address.searchParams.delete("only");
    try {
      const fresh = await page(address.pathname + address.search);
      await isOpened();
      // What was to be asked for once more meanwhile shows as it is here until then: this answer may be older.
      if (fresh?.getElementById("list")) show(fresh, asked?.filter((each) => !rows.has(each)) ?? null);
      else if (fresh) leave(); // there is no list for this person any more
    } catch (error) {
      isWhole = true; // what is asked next makes up for it
      throw error;
    }
  }

  // An X account that one may no longer see takes its rows along, also those of older pages.
  function leaveIfLost(fresh) {
    const from = fresh.getElementById("live")?.dataset.from;
    if (from === undefined) return;
    const now = new Set(from.split(".").map((part) => part.split("-")[0]));
    if ([...accounts].some((account) => !now.has(account))) leave();
    accounts = now;
  }

  function show(fresh, asked) {
    leaveIfLost(fresh);
    for (const id of ["accounts", "views", "read-at"]) swap(document.getElementById(id), fresh.getElementById(id));
    const box = document.querySelector("#list .list-scroll");
    const ours = box.querySelector(":scope > ul");
    const theirs = fresh.querySelector("#list .list-scroll > ul");
    replaceNotices(box, fresh.querySelectorAll("#list .list-scroll > .notice"));
    if (asked && ours) standing(box, ".row", () => placeRows(ours, fresh, asked));
    else if (ours && theirs) standing(box, ".row", () => mergeRows(ours, theirs));
    else if (asked && theirs) refreshWhole();
    else if (!asked && (ours || theirs)) swap(box, fresh.querySelector("#list .list-scroll"));
    if (asked && ours && !ours.querySelector(".row")) refreshWhole();
    if (!asked) document.dispatchEvent(new Event("list-read"));
    markRow();
    watchTyping();
  }

  function refreshWhole() {
    isWhole = true;
    list.want();
  }

  let typingTimer = 0;

  function watchTyping() {
    const isShown = document.querySelector("#typing, #list .row-preview.typing");
    if (isShown && !typingTimer) typingTimer = setTimeout(lookAtTyping, TYPING_MS);
  }

  function lookAtTyping() {
    typingTimer = 0;
    if (document.getElementById("typing")) thread.want();
    for (const each of document.querySelectorAll("#list .row-preview.typing")) {
      rows.add(each.closest(".row").dataset.conversation);
    }
    if (rows.size) list.want();
    watchTyping(); // as long as somebody types
  }

  function replaceNotices(place, fresh) {
    const old = [...place.querySelectorAll(":scope > .notice")];
    const alike = (notices) => [...notices].map((notice) => notice.textContent.trim()).join("\n");
    if (alike(old) === alike(fresh)) return;
    old.forEach((notice) => notice.remove());
    place.prepend(...fresh);
  }

  function isFocusedIn(row) {
    return row?.contains(document.activeElement) ?? false;
  }

  // These rows alone, each where it belongs: what was asked for and did not come is not in this list.
  function placeRows(ours, fresh, asked) {
    for (const conversation of asked) {
      const old = rowOf(conversation);
      const row = fresh.querySelector(`.row[data-conversation="${conversation}"]`);
      const next = row && nextOf(ours, row);
      const isBelow = next?.matches(".more-pages"); // among rows that are not loaded
      if (!row || isBelow) {
        old?.closest("li").remove();
        continue;
      }
      const hasFocus = isFocusedIn(old);
      if (old) swap(old, row);
      const item = (old && rowOf(conversation) ? rowOf(conversation) : row).closest("li");
      if (item.parentElement !== ours || item.nextElementSibling !== next) ours.insertBefore(item, next);
      htmx.process(item);
      if (hasFocus) rowOf(conversation)?.focus({ preventScroll: true });
    }
  }

  function nextOf(ours, row) {
    const others = [...ours.querySelectorAll(".row")].filter((each) => each.dataset.conversation !== row.dataset.conversation);
    const below = others.find((each) => isBelow(each, row));
    return below?.closest("li") ?? ours.querySelector(":scope > .more-pages");
  }

  function isBelow(each, row) {
    const [one, other] = [BigInt(each.dataset.newest), BigInt(row.dataset.newest)];
    return one < other || (one === other && Number(each.dataset.conversation) < Number(row.dataset.conversation));
  }

  function mergeRows(ours, theirs) {
    const focused = document.activeElement?.closest?.("#list .row")?.dataset.conversation;
    const known = new Map([...ours.querySelectorAll(".row")].map((row) => [row.dataset.conversation, row]));
    const fresh = [...theirs.querySelectorAll(".row")];
    let place = ours.firstElementChild;
    for (const row of fresh) {
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
    const last = BigInt(fresh.at(-1)?.dataset.newest ?? 0);
    const isAll = !theirs.querySelector(".more-pages");
    for (const row of known.values()) {
      if (isAll || BigInt(row.dataset.newest) > last) row.closest("li").remove();
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

  function firstId(pane) {
    return BigInt(eventsIn(pane)[0]?.id.slice(1) ?? 0);
  }

  // What stands above the oldest message: more of them, the beginning, or the question whether to ask X.
  async function refreshBeginning() {
    const pane = opened();
    const isShown = () => opened() === pane && pane.querySelector("#top.beginning:not([hx-get])"); // else it looks itself
    if (!pane || !isShown()) return;
    const kept = pane.dataset.kept ? `&${pane.dataset.kept}` : "";
    const fresh = await page(`${pane.dataset.history}?before=${firstId(pane)}${kept}`);
    const old = isShown();
    if (!fresh || !old) return;
    standing(document.getElementById("scroller"), ".events > [id^='e']", () => swap(old, fresh.getElementById("top")));
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
    if (!pane?.querySelector(".events")) return;
    const isOlder = pane.querySelector(".scroll-body > p.newer"); // a stretch of it: the newest are elsewhere
    let fresh;
    await fetchLate(pane);
    do {
      const people = pane.querySelector(".members").dataset.state;
      fresh = await fragment(pane, `after=${isOlder ? LAST_ID : lastId(pane)}&people=${people}`);
      if (!fresh) return;
      renewHead(pane, fresh);
      if (!isOlder) add(pane, fresh);
    } while (fresh.dataset.more !== undefined);
  }

  // What X shows late belongs among messages that are here already.
  async function fetchLate(pane) {
    for (const id of told) {
      const fresh = isAmid(pane, id) && (await fragment(pane, `at=${id}`));
      told.delete(id);
      if (fresh && placeLate(pane, fresh)) live.textContent = fresh.querySelector("#news")?.textContent ?? "";
    }
  }

  function isAmid(pane, id) {
    return !document.getElementById(`e${id}`) && firstId(pane) < BigInt(id) && BigInt(id) < BigInt(lastId(pane));
  }

  // Each where it belongs, under its day; whoever wrote the next is perhaps to be named there now.
  function placeLate(pane, fresh) {
    const comers = eventsIn(fresh).filter((each) => isAmid(pane, each.id.slice(1)));
    const days = comers.map((each) => (each.closest(".markers") ?? each).previousElementSibling);
    const box = document.getElementById("scroller");
    comers.forEach((comer, number) => {
      const next = eventsIn(pane).find((each) => BigInt(each.id.slice(1)) > BigInt(comer.id.slice(1)));
      staying(box, () => placeBefore(next, comer, days[number]?.matches(".day") ? days[number] : null));
      htmx.process(comer);
      updated.add(next.id.slice(1));
    });
    if (!comers.length) return false;
    tellOthers(box);
    contents.want();
    const messages = comers.filter((each) => each.matches(".event:not(.ours)")).length;
    late += messages;
    return messages > 0;
  }

  function placeBefore(next, comer, day) {
    const place = comer.matches(".marker") ? next : (next.closest(".markers") ?? next);
    const same = day && document.getElementById(day.id);
    const lines = [];
    for (let line = place.previousElementSibling; line?.matches(".day, .unread-line"); line = line.previousElementSibling) {
      lines.unshift(line);
    }
    if (same) same.after(comer);
    else if (lines.some((line) => line.matches(".day"))) lines[0].before(...(day ? [day] : []), comer);
    else place.before(comer);
  }

  // Whom it is with and how old it is, and of the people in it what shows otherwise.
  function renewHead(pane, fresh) {
    const [old, now] = [pane, fresh].map((each) => each.querySelector("#thread-title"));
    if (old.textContent !== now.textContent) {
      document.title = document.title.replace(old.textContent, () => now.textContent);
      old.textContent = now.textContent; // it may have the focus
    }
    for (const link of fresh.querySelectorAll(".members a")) {
      const same = pane.querySelectorAll(`.event-by a[href="${CSS.escape(link.getAttribute("href"))}"]`);
      for (const each of same) each.textContent = link.textContent;
    }
    for (const member of fresh.querySelectorAll(".member")) {
      renewAvatars(pane, member);
      renewNames(pane, member);
    }
    if (fresh.querySelector(".members")) review.want(); // cards may show them too
    for (const place of ["#as-of", "#thread-handle", ".members"]) swap(pane.querySelector(place), fresh.querySelector(place));
    swap(pane.querySelector(`.thread-head > ${AVATARS}`), fresh.querySelector(`:scope > ${AVATARS}`));
  }

  function renewAvatars(pane, member) {
    const avatar = member.querySelector(":scope > .avatar");
    const address = CSS.escape(member.querySelector("a.by").getAttribute("href"));
    for (const each of pane.querySelectorAll(`.event-by a.by[href="${address}"]`)) {
      swap(each.closest(".event").querySelector(".avatar"), avatar.cloneNode(true));
    }
  }

  // In words on who came and who left, however old or folded.
  function renewNames(pane, { dataset }) {
    for (const each of pane.querySelectorAll(`span[data-x-user="${dataset.xUser}"]`)) each.textContent = dataset.name;
  }

  async function replaceEvents() {
    const ids = [...updated];
    updated.clear();
    try {
      for (const id of ids) await replaceEvent(opened(), id);
    } catch (error) {
      ids.forEach((id) => updated.add(id));
      throw error;
    }
  }

  async function replaceEvent(pane, id) {
    if (!pane || !document.getElementById(`e${id}`)) return;
    const fresh = await fragment(pane, `at=${id}`);
    const now = fresh?.querySelector(`[id="e${id}"]`);
    const old = document.getElementById(`e${id}`);
    if (now && old) replace(old, now);
  }

  // What is on screen as it shows now, where nobody told what of it does otherwise.
  async function reviewThread() {
    const pane = opened();
    const first = pane && eventsIn(pane).slice(-REVIEWED)[0];
    const fresh = first && (await fragment(pane, `after=${BigInt(first.id.slice(1)) - 1n}`));
    if (!fresh) return;
    if (placeLate(pane, fresh)) thread.want();
    for (const now of eventsIn(fresh)) {
      const old = document.getElementById(now.id);
      if (old && looksOf(old) !== looksOf(now)) replace(old, now);
    }
  }

  // What other scripts add to a message is none of it.
  function looksOf(event) {
    const body = event.querySelector(":scope > .event-body") ?? event;
    const files = [...body.querySelectorAll("[src], [href], [poster]")];
    const addresses = files.flatMap((each) => ["src", "href", "poster"].map((name) => each.getAttribute(name)));
    return [body.textContent.replace(/\s+/g, " "), ...addresses].join("\n");
  }

  function replace(old, now) {
    keepSender(old, now);
    const box = document.getElementById("scroller");
    staying(box, () => swap(old, now));
    tellOthers(box);
  }

  // Alone it comes as it stands after the message before it; who opens a run here goes on to.
  function keepSender(old, now) {
    if (now.querySelector(":scope > .event-by")) return;
    now.classList.toggle("first", old.classList.contains("first"));
    now.prepend(...old.querySelectorAll(":scope > .avatar, :scope > .event-by"));
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
    const news = messages + late;
    late = 0;
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
    if (form && news) {
      pane.querySelector("form[data-mark-read]")?.remove();
      pane.querySelector(".scroll-body").append(form);
      htmx.process(form);
    }
    if (messages) live.textContent = fresh.querySelector("#news")?.textContent ?? "";
    if (news && !wasAtEnd) count(unseen + news);
    if (wasAtEnd) markSeen();
    watchTyping();
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

  // --- Without a stream ------------------------------------------------------------------------------------------

  let stand = ""; // what one may see and the number each X account stands at, as the last look said

  async function look() {
    if (state !== "polling" || document.visibilityState !== "visible") return;
    const { status, isLed, text } = await ask(live.dataset.now);
    if (isLed) leave();
    if (status !== 200 || text === stand) return;
    stand = text;
    refreshAll(); // finds out too what may no longer be seen
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
    watchTyping();
    if (event.detail.elt.id === "conversation") late = 0;
    if (event.detail.elt.id === "conversation") count(0);
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    // Both came some time after the stream had begun: what was told in between is asked for.
    if (event.detail.elt.id === "conversation") thread.want();
    if (event.detail.elt.id === "list") list.want();
  });
  for (const name of ["conversation-read", "conversation-unread"]) {
    document.addEventListener(name, (event) => {
      const conversation = event.detail?.conversation ?? opened()?.dataset.conversation;
      if (conversation) rows.add(String(conversation));
      tellOfDeed();
      list.want();
    });
  }
  const poll = () => {
    if (state === "polling" && document.visibilityState === "visible") refreshAll();
  };
  setInterval(poll, POLL_MS);
  setInterval(look, LOOK_MS);
  document.addEventListener("visibilitychange", poll);
  window.addEventListener("online", refreshAll);
  if (live) {
    say(state);
    connect();
  }
}
