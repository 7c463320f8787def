// Threads: the read mark moves when the newest message has been on screen, and the row one has opened is marked in the
// list.
"use strict";

function markSeen() {
  if (document.visibilityState !== "visible") return;
  const form = document.querySelector("form[data-mark-read]:not([data-sent])");
  if (!form || document.getElementById("new-messages")?.hidden === false) return; // what is new lies below the screen
  form.dataset.sent = "";
  form.hidden = true;
  htmx.trigger(form, "seen");
}

function markRow() {
  const open = document.querySelector("#conversation[data-conversation]");
  for (const row of document.querySelectorAll(".row")) {
    const isOpen = open && row.dataset.conversation === open.dataset.conversation;
    if (isOpen) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
}

document.addEventListener("htmx:load", () => {
  markRow();
  markSeen();
});
document.addEventListener("visibilitychange", markSeen);

document.addEventListener("conversation-read", (event) => {
  const open = document.querySelector("#conversation[data-conversation]");
  const read = event.detail?.conversation ?? open?.dataset.conversation; // by a key in the list, or by reading it
  const row = document.querySelector(`.row[data-conversation="${read}"]`);
  row?.classList.remove("unread");
  row?.querySelector(".dot")?.remove();
});

// A thread that came into the page by a click in the list takes the focus, as a page of its own would.
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.elt.id === "conversation") document.getElementById("thread-title")?.focus();
});
