// The small menu of a message. There is one for all of them; without this file the same stands on a page of its own.
"use strict";

{
  let message = null;
  let opener = null;
  let placedAt = 0; // where the opener stood, in pixels from the window's top

  const menu = () => document.getElementById("message-menu");

  // The text as it was written: a link in full, not shortened for the eye, also that of a post that stands as a card.
  function textOf(article) {
    const shown = article.querySelector(".long-text, .bubble:not(.soft), .emoji");
    if (!shown) return "";
    const copy = shown.cloneNode(true);
    for (const link of copy.querySelectorAll("a[href]")) {
      if (!/^[@＠#＃$]/.test(link.textContent)) link.textContent = link.href;
    }
    const text = copy.textContent;
    const posts = [...article.querySelectorAll(".event-main > .post > .post-foot > a")].map((link) => link.href);
    const hidden = posts.filter((address) => !text.includes(address.slice(address.lastIndexOf("/status/"))));
    return [text, ...hidden].join("\n");
  }

  function open(button) {
    message = button.closest("article");
    opener = button;
    const time = message.querySelector("a.event-time");
    const about = menu().querySelector("[data-about]");
    about.href = button.href;
    const onX = menu().querySelector("[data-on-x]");
    onX.href = message.querySelector("a.on-x")?.href ?? onX.dataset.onX;
    menu().querySelector("[data-raw]")?.setAttribute("href", `${time.getAttribute("href")}raw/`);
    menu().querySelector("[data-copy=text]").hidden = !textOf(message);
    menu().querySelector("[role=status]").textContent = "";
    menu().showPopover();
    const place = button.getBoundingClientRect();
    const size = menu().getBoundingClientRect();
    const left = Math.max(8, Math.min(place.right - size.width, window.innerWidth - size.width - 8));
    const isLow = place.bottom + size.height > window.innerHeight - 8;
    menu().style.left = `${left}px`;
    menu().style.top = `${Math.max(8, isLow ? place.top - size.height : place.bottom)}px`;
    menu().querySelector("button:not([hidden]), a").focus();
    placedAt = button.getBoundingClientRect().top;
  }

  const isOpen = () => Boolean(menu()?.matches(":popover-open"));

  function close() {
    if (isOpen()) menu().hidePopover();
  }

  // It stands beside its message only as long as that stays. The scrolling that brought it here may be told of late.
  function closeIfMoved() {
    if (isOpen() && Math.abs(opener.getBoundingClientRect().top - placedAt) > 1) menu().hidePopover();
  }

  async function copy(button) {
    const link = message.querySelector("a.event-time").href;
    const status = menu().querySelector("[role=status]");
    try {
      await navigator.clipboard.writeText(button.dataset.copy === "link" ? link : textOf(message));
      status.textContent = status.dataset.copied;
    } catch {
      status.textContent = status.dataset.refused;
    }
  }

  document.addEventListener("click", (event) => {
    const more = event.target.closest("a.more");
    if (more && menu()?.showPopover && !(event.ctrlKey || event.metaKey || event.shiftKey)) {
      event.preventDefault();
      open(more);
    }
    const button = event.target.closest("#message-menu [data-copy]");
    if (button) copy(button);
  });
  document.addEventListener("scroll", closeIfMoved, { capture: true, passive: true });
  window.addEventListener("resize", close);
}
