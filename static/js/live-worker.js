// One stream of changes for all tabs of a browser, and one answer for all that ask the same at the same moment: a shared
// worker, or, loaded as a script, the tab that speaks for the others.
"use strict";

const SILENCE_MS = 35_000; // two keep-alives and a little
const PATIENCE_MS = 6_000; // until pages help themselves, and no longer wait for the stream
const TRY_SOON_MS = 3_000;
const TRY_LATER_MS = 10_000;
const LONGEST_MS = 20_000; // for one answer: a page waits for it before it asks again
const KEPT = 300;

function numbersOf(id) {
  return new Map(id ? id.split(".").map((part) => part.split("-").map(Number)) : []);
}

// Whether one names fewer X accounts than the other: those that may no longer be seen.
function isLessThan(one, other) {
  const seen = numbersOf(one);
  return [...numbersOf(other).keys()].some((account) => !seen.has(account));
}

// tell(message): {type: "state", state, at, version} | {type: "change", change, at} | {type: "reload"} | {type: "gone"}
class LiveStream {
  constructor(url, from, tell) {
    Object.assign(this, { url, at: from, since: numbersOf(from), tell, kept: [], state: "again", told: 0 });
    this.lostAt = Date.now();
    this.open();
    this.timer = setInterval(() => this.look(), 1000);
  }

  open() {
    this.source?.close();
    this.triedAt = this.heardAt = Date.now();
    const source = (this.source = new EventSource(`${this.url}?from=${this.at}`));
    const on = (name, act) =>
      source.addEventListener(name, (event) => {
        if (source !== this.source) return;
        this.heardAt = Date.now();
        if (name === "hello" && isLessThan(event.lastEventId, this.at)) {
          this.leave(); // it was lost while nobody listened
          return;
        }
        if (event.lastEventId) this.note(event.lastEventId);
        if (name === "hello" || name === "reload") this.version = JSON.parse(event.data).version;
        act(event);
      });
    on("hello", () => this.say("live"));
    on("still", () => this.say("live"));
    on("message", (event) => this.pass(JSON.parse(event.data)));
    on("reload", () => {
      this.kept = [];
      this.since = numbersOf(this.at);
      this.say("live");
      this.tell({ type: "reload" });
    });
    on("gone", () => this.leave());
    source.onerror = () => {
      if (source === this.source && !this.isOver && this.state === "live") this.lose();
    };
  }

  // From here on it goes on, and all it tells of an X account that it did not know is told after this.
  note(at) {
    this.at = at;
    for (const [account, number] of numbersOf(at)) if (!this.since.has(account)) this.since.set(account, number);
  }

  // What a page shows and the stream does not know is asked for: the server says whether it may still be seen.
  include(from) {
    if (!isLessThan(this.at, from)) return;
    this.at = [...new Map([...numbersOf(from), ...numbersOf(this.at)])].map((part) => part.join("-")).join(".");
    this.open();
  }

  leave() {
    this.isOver = true;
    clearInterval(this.timer);
    this.source.close();
    this.tell({ type: "gone" });
  }

  lose() {
    this.triedAt = this.lostAt = Date.now();
    this.say("again");
  }

  pass(change) {
    this.told += 1;
    this.kept.push(change);
    if (this.kept.length > KEPT) this.forget(this.kept.shift());
    this.tell({ type: "change", change, at: this.at });
  }

  forget(change) {
    if (change.number) this.since.set(change.account, change.number);
  }

  // What a page that was made at `from` has missed; undefined when that is no longer known.
  missed(from) {
    const made = numbersOf(from);
    if ([...made.keys()].some((account) => !this.since.has(account))) return undefined;
    for (const [account, number] of this.since) if ((made.get(account) ?? number) < number) return undefined;
    return this.kept.filter((change) => change.number > (made.get(change.account) ?? 0));
  }

  say(state) {
    if (state === this.state) return;
    this.state = state;
    this.tell(this.standing());
  }

  // version: of the static files, as the server has said last.
  standing() {
    return { type: "state", state: this.state, at: this.at, version: this.version };
  }

  look() {
    const now = Date.now();
    if (this.state === "live" && now - this.heardAt > SILENCE_MS) {
      this.lose(); // asleep, or cut off without a word
      this.open();
    }
    if (this.state === "again" && now - this.lostAt > PATIENCE_MS) this.say("polling");
    if (this.state === "live") return;
    // A browser tries again by itself after a cut, but neither after a refusal nor when nothing comes through.
    const isRefused = this.source.readyState === EventSource.CLOSED;
    const wait = this.state === "polling" ? TRY_LATER_MS : TRY_SOON_MS;
    if ((isRefused || this.state === "polling") && now - this.triedAt > wait) this.open();
  }
}

// status 0: the server cannot be reached. isLed: somewhere else than was asked for, to the sign-in page that is.
async function answerTo(address) {
  try {
    const answer = await fetch(address, { signal: AbortSignal.timeout(LONGEST_MS) });
    return { status: answer.status, isLed: answer.redirected, text: await answer.text() };
  } catch {
    return { status: 0, isLed: false, text: "" };
  }
}

// The pages of a browser, each with its way to be told something.
class Pages {
  constructor() {
    Object.assign(this, { all: new Map(), asked: new Map(), stream: null, deeds: 0 });
  }

  hear(page, send, data) {
    if (data.type === "bye") this.all.delete(page);
    else if (data.type === "ask") this.answer(send, data);
    else if (data.type === "deed") this.deeds += 1;
    else this.welcome(page, send, data);
  }

  welcome(page, send, { url, from }) {
    this.all.set(page, send);
    if (!this.stream || this.stream.isOver) {
      this.stream = new LiveStream(url, from, (message) => this.all.forEach((each) => each(message)));
    }
    send(this.stream.standing());
    const missed = this.stream.missed(from);
    this.stream.include(from);
    if (!missed) send({ type: "behind" });
    else missed.forEach((change) => send({ type: "change", change, at: this.stream.at }));
  }

  // An answer that is on its way serves whoever asks the same, unless something was told or done since it was asked for.
  async answer(send, { number, address }) {
    const key = `${this.stream?.told} ${this.deeds} ${address}`;
    if (!this.asked.has(key)) {
      this.asked.set(key, answerTo(address).finally(() => this.asked.delete(key)));
    }
    send({ type: "answer", number, answer: await this.asked.get(key) });
  }
}

if (typeof SharedWorkerGlobalScope !== "undefined") {
  const pages = new Pages();
  self.addEventListener("connect", (event) => {
    const port = event.ports[0];
    port.onmessage = ({ data }) => pages.hear(port, (message) => port.postMessage(message), data);
  });
}
