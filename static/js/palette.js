// The command palette (Ctrl-K, ⌘K): a combobox whose choices the server makes. Without this script every choice is a link
// somewhere on the pages.
"use strict";

{
  const palette = document.getElementById("palette");
  const input = document.getElementById("palette-input");
  const list = document.getElementById("palette-list");
  const lost = document.getElementById("palette-lost"); // said aloud too, and inside the dialog: all else is inert
  const pause = 120;
  let waiting = 0;
  let asked = null; // what is on its way; typing on ends it
  let isDue = false; // what is typed has no answer yet: the choices are those of what was typed before
  let isTaken = false; // Enter was pressed meanwhile

  const choices = () => [...list.querySelectorAll("[role=option]")];
  const chosen = () => list.querySelector("[aria-selected=true]");

  function choose(choice) {
    chosen()?.setAttribute("aria-selected", "false");
    choice?.setAttribute("aria-selected", "true");
    choice?.scrollIntoView({ block: "nearest" });
    if (choice) input.setAttribute("aria-activedescendant", choice.id);
    else input.removeAttribute("aria-activedescendant");
  }

  function move(by) {
    const all = choices();
    if (all.length) choose(all[(all.indexOf(chosen()) + by + all.length) % all.length]);
  }

  function show() {
    const isEmpty = !choices().length;
    list.hidden = isEmpty;
    input.setAttribute("aria-expanded", String(!isEmpty));
    choose(choices()[0]);
    isDue = false;
    if (isTaken) take(chosen());
    isTaken = false;
  }

  async function ask() {
    asked?.abort();
    isDue = true;
    const mine = (asked = new AbortController());
    const query = new URLSearchParams({ q: input.value });
    try {
      const answer = await fetch(`${palette.dataset.address}?${query}`, { signal: mine.signal });
      if (answer.status >= 500) throw new Error(`${answer.status}`); // a page loaded anew would be one of errors
      if (!answer.ok || answer.redirected) return window.location.reload(); // signed out meanwhile: the page says so
      const html = await answer.text();
      if (mine !== asked) return;
      list.innerHTML = html; // made by our own server, from escaped text
      lost.textContent = "";
    } catch (error) {
      if (error.name === "AbortError") return;
      list.textContent = "";
      lost.textContent = lost.dataset.words;
    }
    show();
  }

  function open() {
    if (palette.open) return;
    document.querySelector("dialog[open]")?.close();
    input.value = "";
    list.textContent = lost.textContent = "";
    palette.showModal();
    input.focus();
    ask();
  }

  function take(choice) {
    if (!choice) return;
    palette.close();
    if (choice.dataset.deed === "help") document.getElementById("key-sheet").showModal();
    else if (choice.dataset.deed === "sign-out") document.querySelector(".bar-leave").requestSubmit();
    else window.location.assign(choice.dataset.href);
  }

  const acts = {
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    Enter: () => (isDue ? (isTaken = true) : take(chosen())),
  };

  input.addEventListener("keydown", (event) => {
    if (event.isComposing || !Object.hasOwn(acts, event.key)) return;
    event.preventDefault();
    acts[event.key]();
  });
  input.addEventListener("input", () => {
    isDue = true;
    isTaken = false;
    clearTimeout(waiting);
    waiting = setTimeout(ask, pause);
  });
  palette.addEventListener("close", () => (isTaken = false));
  list.addEventListener("click", (event) => take(event.target.closest("[role=option]")));
  document.addEventListener("open-palette", open);
  document.addEventListener("keydown", (event) => {
    if (keyOf(event) !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    event.preventDefault();
    open();
  });
  // The key has another name on Apple's keyboards. Put there while the button beside it is hidden, so that nothing moves.
  if (navigator.userAgent.includes("Mac OS X")) {
    for (const key of document.querySelectorAll("[data-ctrl]")) key.textContent = "⌘";
  }
  for (const button of document.querySelectorAll("[data-opens-palette]")) {
    button.hidden = false;
    button.addEventListener("click", open);
  }
}
