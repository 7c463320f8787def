// One stream of changes for all tabs of a browser: a shared worker, or, loaded as a script, the stream of one tab.
"use strict";

const SILENCE_MS = 35_000; // two keep-alives and a little
const PATIENCE_MS = 6_000; // until a stream that does not open is given up for now
const TRY_AGAIN_MS = 30_000;
const KEPT = 300;

function numbersOf(id) {
  return new Map(id ? id.split(".").map((part) => part.split("-").map(Number)) : []);
}

// tell(message): {type: "state", state} | {type: "change", change} | {type: "reload"} | {type: "gone"}
class LiveStream {
  constructor(url, from, tell) {
    Object.assign(this, { url, at: from, since: numbersOf(from), tell, kept: [], state: "again" });
    this.open();
    setInterval(() => this.look(), 1000);
  }

  open() {
    this.source?.close();
    this.triedAt = this.heardAt = Date.now();
    const source = (this.source = new EventSource(`${this.url}?from=${this.at}`));
    const on = (name, act) =>
      source.addEventListener(name, (event) => {
        if (source !== this.source) return;
        this.heardAt = Date.now();
        if (event.lastEventId) this.at = event.lastEventId;
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
    on("gone", () => {
      source.close();
      this.isOver = true;
      this.tell({ type: "gone" });
    });
    source.onerror = () => {
      if (source === this.source && !this.isOver && this.state === "live") this.lose();
    };
  }

  lose() {
    this.triedAt = this.lostAt = Date.now();
    this.say("again");
  }

  pass(change) {
    this.kept.push(change);
    if (this.kept.length > KEPT) this.forget(this.kept.shift());
    this.tell({ type: "change", change });
  }

  forget(change) {
    if (change.number) this.since.set(change.account, change.number);
  }

  // What a page that was made at `from` has missed; undefined when that is no longer known.
  missed(from) {
    const made = numbersOf(from);
    for (const [account, number] of this.since) if ((made.get(account) ?? number) < number) return undefined;
    return this.kept.filter((change) => change.number > (made.get(change.account) ?? 0));
  }

  say(state) {
    if (state === this.state) return;
    this.state = state;
    this.tell({ type: "state", state });
  }

  look() {
    if (this.isOver) return;
    const now = Date.now();
    if (this.state === "live" && now - this.heardAt > SILENCE_MS) {
      this.lose(); // asleep, or cut off without a word
      this.open();
    } else if (this.state === "again" && now - this.triedAt > PATIENCE_MS) {
      this.say("polling");
    } else if (this.source.readyState === EventSource.CLOSED && now - this.triedAt > PATIENCE_MS / 2) {
      this.open(); // refused: a browser does not try that again by itself
    } else if (this.state === "polling" && now - this.triedAt > TRY_AGAIN_MS) {
      this.open();
    }
  }
}

if (typeof SharedWorkerGlobalScope !== "undefined") {
  const ports = new Set();
  let stream = null;
  self.addEventListener("connect", (event) => {
    const port = event.ports[0];
    port.onmessage = ({ data }) => {
      if (data.type === "bye") {
        ports.delete(port);
        return;
      }
      ports.add(port);
      if (!stream || stream.isOver) {
        stream = new LiveStream(data.url, data.from, (message) => ports.forEach((each) => each.postMessage(message)));
      }
      port.postMessage({ type: "state", state: stream.state });
      const missed = stream.missed(data.from);
      if (!missed) port.postMessage({ type: "behind" });
      else missed.forEach((change) => port.postMessage({ type: "change", change }));
    };
  });
}
