// An open thread in a live page: what of it may show otherwise, and how messages come in without anything jumping.
"use strict";

const liveThread = (() => {
  const { announce, asker, fetchPage, opened, replaceNotices, standing, swap, typingWatch } = livePage;
  const REVIEWED = 45; // newest messages that are looked at again where the stream may have left out what changed
  const AVATARS = ":is(.avatar, .avatars)";
  let unseen = 0;
  let late = 0; // messages of others that came in among those that were here, and are not yet told of
  let unmarked = 0; // messages of others that no form to mark as read has come for yet
  let isUnlooked = false; // something has come, or may have, while nobody looked
  const updated = new Set(); // events that may show otherwise
  const told = new Set(); // events that are new, and perhaps not the newest
  const thread = asker(() => 5, refreshThread);
  const contents = asker(() => 20, replaceEvents);
  const review = asker(() => 100, reviewThread); // after what is new
  const beginning = asker(() => 200, refreshBeginning);
  const watchTyping = typingWatch("#typing", thread.want);

  function take(change) {
    const pane = opened();
    if (change.kind === "account" && String(change.account) === pane?.dataset.account) thread.want();
    if (!pane || String(change.conversation) !== pane.dataset.conversation) return;
    if (change.kind === "event_updated") {
      updated.add(change.event);
      contents.want();
    } else if (change.kind !== "read") {
      thread.want();
    }
    if (change.kind === "event") {
      told.add(change.event);
      isUnlooked ||= !isLookedAt();
    }
    const isOlder = change.event && change.kind === "event" && BigInt(change.event) < firstId(pane);
    if (isOlder || change.kind === "conversation") beginning.want();
  }

  function refresh() {
    isUnlooked ||= !isLookedAt();
    thread.want();
    review.want();
  }

  // --- Asking -------------------------------------------------------------------------------------------------------

  async function fragment(pane, query) {
    const kept = pane.dataset.kept ? `&${pane.dataset.kept}` : "";
    const fresh = await fetchPage(`${pane.dataset.newer}?${query}${kept}`);
    return opened() === pane ? fresh?.getElementById("newer") : null;
  }

  async function refreshThread() {
    const pane = opened();
    if (!pane?.querySelector(".events")) return;
    const isOlder = toNewest() !== null;
    const line = isUnlooked ? `&line=${lastId(pane)}` : ""; // above what came meanwhile
    let fresh;
    await fetchLate(pane);
    do {
      const people = pane.querySelector(".members").dataset.state;
      fresh = await fragment(pane, `after=${isOlder ? newestKnown(pane) : lastId(pane)}&people=${people}${line}`);
      if (!fresh) return;
      isUnlooked &&= !line;
      renewHead(pane, fresh);
      if (isOlder) tellOfNewest(pane, fresh);
      else add(pane, fresh);
    } while (fresh.dataset.more !== undefined);
  }

  // The way to the newest messages, from a stretch of the thread that ends before them.
  function toNewest() {
    return document.getElementById("to-newest");
  }

  function newestKnown(pane) {
    const [known, shown] = [pane.dataset.newest, lastId(pane)].map(BigInt);
    return known > shown ? known : shown;
  }

  // They do not come into an older stretch, but whoever reads it is told of them.
  function tellOfNewest(pane, fresh) {
    const messages = fresh.querySelectorAll(".event:not(.ours)").length;
    pane.dataset.newest = eventsIn(fresh).at(-1)?.id.slice(1) ?? pane.dataset.newest;
    if (!messages) return;
    tellNews(fresh);
    count(unseen + messages);
  }

  // What X shows late belongs among messages that are here already.
  async function fetchLate(pane) {
    for (const id of told) {
      const fresh = isAmid(pane, id) && (await fragment(pane, `at=${id}`));
      told.delete(id);
      if (fresh && placeLate(pane, fresh)) tellNews(fresh);
    }
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

  // What stands above the oldest message: more of them, the beginning, or the question whether to ask X.
  async function refreshBeginning() {
    const pane = opened();
    const isShown = () => opened() === pane && pane.querySelector("#top.beginning:not([hx-get])"); // else it looks itself
    if (!pane || !isShown()) return;
    const kept = pane.dataset.kept ? `&${pane.dataset.kept}` : "";
    const fresh = await fetchPage(`${pane.dataset.history}?before=${firstId(pane)}${kept}`);
    const old = isShown();
    if (!fresh || !old) return;
    standing(document.getElementById("scroller"), ".events > [id^='e']", () => swap(old, fresh.getElementById("top")));
  }

  // --- Messages -----------------------------------------------------------------------------------------------------

  // Folded lines hold events too.
  function eventsIn(box) {
    return [...box.querySelectorAll("[id^='e']")].filter((each) => /^e[0-9]+$/.test(each.id));
  }

  function firstId(pane) {
    return BigInt(eventsIn(pane)[0]?.id.slice(1) ?? 0);
  }

  function lastId(pane) {
    return eventsIn(pane).at(-1)?.id.slice(1) ?? "0";
  }

  function isHere(comer) {
    const named = comer.id ? [comer] : eventsIn(comer);
    return named.some((each) => document.getElementById(each.id));
  }

  function isAmid(pane, id) {
    return !document.getElementById(`e${id}`) && firstId(pane) < BigInt(id) && BigInt(id) < BigInt(lastId(pane));
  }

  function add(pane, fresh) {
    const box = document.getElementById("scroller");
    const wasAtEnd = isAtEnd(box);
    renewLine(pane, fresh.querySelector("#unread-line"));
    const events = [...pane.querySelectorAll(".events")].at(-1);
    const comers = [...fresh.querySelector(".events").children].filter((each) => !isHere(each));
    const messages = comers.filter((each) => each.matches(".event:not(.ours)")).length;
    const news = messages + late;
    unmarked += news;
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
    const fixed = pane.querySelector(".thread");
    replaceNotices(fixed, fresh.querySelectorAll(":scope > .notice"), (...notices) => box.before(...notices));
    if (fresh.dataset.more === undefined) renewMark(pane, fresh.querySelector("#mark-read"));
    if (messages) tellNews(fresh);
    if (news && !wasAtEnd) count(unseen + news);
    if (wasAtEnd) markSeen();
    watchTyping();
  }

  // It stays above what has not been seen yet, and moves down once that has.
  function renewLine(pane, line) {
    const isWaiting = pane.querySelector("#mark-read:not([data-sent])");
    if (line) (isWaiting ? line : pane.querySelector("#unread-line"))?.remove();
  }

  // What is new is to be marked, and what is not marked yet; where all has been read, somebody may want it unread again.
  function renewMark(pane, form) {
    const old = pane.querySelector("#mark-read");
    const isWaiting = old && old.dataset.sent === undefined;
    if (form && (unmarked || isWaiting)) {
      if (isWaiting) Object.assign(form.dataset, old.dataset); // what of it has been seen
      old?.remove();
      pane.querySelector(".scroll-body").append(form);
      htmx.process(form);
    } else if (!form && isWaiting) {
      for (const each of [old, document.getElementById("unread-above")]) each?.remove(); // read elsewhere
    }
    unmarked = 0;
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

  function replace(old, now) {
    keepSender(old, now);
    const box = document.getElementById("scroller");
    const isWalkedOn = old === document.activeElement; // by the keys n and p
    staying(box, () => swap(old, now));
    if (isWalkedOn) {
      now.tabIndex = -1;
      now.focus({ preventScroll: true });
    }
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

  // What other scripts do with whatever comes into a page.
  function tellOthers(box) {
    htmx.trigger(box, "htmx:load", { elt: box });
  }

  function tellNews(fresh) {
    announce(fresh.querySelector("#news")?.textContent ?? "");
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

  // --- What stands around them --------------------------------------------------------------------------------------

  // Whom it is with and how old it is, and of the people in it what shows otherwise.
  function renewHead(pane, fresh) {
    const [old, now] = [pane, fresh].map((each) => each.querySelector("#thread-title"));
    if (old.textContent !== now.textContent) {
      document.title = document.title.replace(old.textContent, () => now.textContent);
      old.textContent = now.textContent; // it may have the focus
    }
    for (const link of fresh.querySelectorAll(".members a")) {
      const same = pane.querySelectorAll(`.event-by a[href="${CSS.escape(link.getAttribute("href"))}"]`);
      for (const each of same) {
        relabel(each.closest(".event"), each.textContent, link.textContent);
        each.textContent = link.textContent;
      }
    }
    for (const member of fresh.querySelectorAll(".member")) {
      renewLabels(pane, member);
      renewAvatars(pane, member);
      renewNames(pane, member);
      renewCards(pane, member);
    }
    if (fresh.querySelector(".members")) review.want(); // what else of a message tells of them
    for (const place of ["#as-of", "#thread-handle", ".members"]) swap(pane.querySelector(place), fresh.querySelector(place));
    swap(pane.querySelector(`.thread-head > ${AVATARS}`), fresh.querySelector(`:scope > ${AVATARS}`));
  }

  // All messages of a run are named by who wrote them; the first alone shows it.
  function relabel(first, old, now) {
    if (old === now) return;
    for (let each = first; each && (each === first || !each.matches(".first")); each = each.nextElementSibling) {
      each.ariaLabel = each.ariaLabel?.replace(old, () => now) ?? null;
    }
  }

  // Between two no message shows who wrote it, and each is named all the same.
  function renewLabels(pane, member) {
    const known = pane.querySelector(`.member[data-x-user="${member.dataset.xUser}"]`);
    const [old, now] = [known, member].map((each) => each?.querySelector("a.by").textContent);
    if (!old || old === now) return;
    for (const each of pane.querySelectorAll(".of-two .event")) {
      if (each.ariaLabel?.startsWith(old)) each.ariaLabel = each.ariaLabel.replace(old, () => now);
    }
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

  // On posts they wrote, however old the message that shares one.
  function renewCards(pane, member) {
    const [name, handle] = ["a.by", "p + p > a"].map((place) => member.querySelector(place).textContent);
    for (const each of pane.querySelectorAll(`.post-by[data-x-user="${member.dataset.xUser}"]`)) {
      rename(each.querySelector("b"), name);
      rename(each.querySelector("bdi"), handle);
      swap(each.querySelector(".avatar"), member.querySelector(".avatar").cloneNode(true));
    }
  }

  // What a search marked in a name stays marked as long as it is the same.
  function rename(place, words) {
    if (place.textContent !== words) place.textContent = words;
  }

  function renew(old, fresh, put) {
    if (old && fresh && old.textContent === fresh.textContent && old.dataset.under === fresh.dataset.under) return;
    old?.remove();
    if (fresh) put(fresh);
  }

  // --- Begin --------------------------------------------------------------------------------------------------------

  document.addEventListener("click", (event) => {
    if (!event.target.closest("#new-messages")) return;
    if (toNewest()) {
      toNewest().click();
      return;
    }
    const box = document.getElementById("scroller");
    box.scrollTop = 0;
    box.focus({ preventScroll: true });
  });
  document.addEventListener(
    "scroll",
    (event) => {
      if (event.target.id !== "scroller" || !isAtEnd(event.target)) return;
      if (unseen && !toNewest()) count(0);
      markSeen();
    },
    { capture: true, passive: true },
  );
  document.addEventListener("htmx:load", (event) => {
    watchTyping();
    if (event.detail.elt.id !== "conversation") return;
    late = 0;
    count(0);
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.elt.id === "conversation") thread.want(); // what was told before it came
  });

  return { take, refresh, want: thread.want };
})();
