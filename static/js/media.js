// Films that play by themselves, and photos over the page.
"use strict";

// GIFs: silent loops that run while they are on screen, each with a button that holds it. Who wants less motion starts
// them. Without these lines they have the browser's own controls.
{
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");

  const start = (video) => video.play().catch(() => {}); // a browser that forbids it leaves the button

  const onScreen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) target.pause();
      else if (!still.matches && !("held" in target.dataset)) start(target);
    }
  });

  function name(video, button) {
    button.setAttribute("aria-label", video.paused ? button.dataset.play : button.dataset.pause);
    button.classList.toggle("runs", !video.paused);
  }

  function take(video) {
    const button = video.parentElement.querySelector(".loop-toggle");
    if (!button || !button.hidden) return;
    video.controls = false;
    button.hidden = false;
    name(video, button);
    for (const change of ["play", "pause"]) video.addEventListener(change, () => name(video, button));
    button.addEventListener("click", () => {
      if (video.paused) {
        delete video.dataset.held;
        start(video);
      } else {
        video.dataset.held = "";
        video.pause();
      }
    });
    onScreen.observe(video);
  }

  document.addEventListener("htmx:load", (event) => {
    for (const video of event.detail.elt.querySelectorAll("video[data-loop]")) take(video);
  });
}

// Photos over the page: arrows lead from one to the next, + and - zoom, Esc closes, and the focus goes back to where one
// was. Without these lines each photo is a link to its file.
{
  const ZOOMS = ["1", "2", "4"];
  const SWIPE = 40; // px, as far as a finger is drawn at least
  let links = [];
  let at = 0;

  const box = () => document.getElementById("lightbox");
  const stage = () => box().querySelector(".lightbox-stage");
  const onwards = () => (document.dir === "rtl" ? -1 : 1);

  function show(index) {
    at = (index + links.length) % links.length;
    const link = links[at];
    const small = link.querySelector("img:not(.blur)");
    const large = stage().querySelector("img");
    zoom("1");
    large.src = small.currentSrc || small.src; // what is here already, until the file itself is
    const whole = new Image();
    whole.addEventListener("load", () => {
      if (links[at] === link) large.src = whole.src;
    });
    whole.src = link.href;
    large.alt = small.alt;
    box().querySelector("[data-file]").href = link.href;
    box().querySelector("[data-caption]").textContent = small.alt;
    const count = box().querySelector("[data-count]");
    const numbers = new Intl.NumberFormat(document.documentElement.lang, { numberingSystem: "latn" });
    count.textContent = count.dataset.words
      .replace("{n}", numbers.format(at + 1))
      .replace("{all}", numbers.format(links.length));
    for (const button of box().querySelectorAll("[data-step]")) button.hidden = links.length < 2;
  }

  function zoom(level) {
    const area = stage();
    const middle = [
      (area.scrollLeft + area.clientWidth / 2) / area.scrollWidth,
      (area.scrollTop + area.clientHeight / 2) / area.scrollHeight,
    ];
    area.dataset.zoom = level;
    area.scrollTo(
      middle[0] * area.scrollWidth - area.clientWidth / 2,
      middle[1] * area.scrollHeight - area.clientHeight / 2,
    );
    for (const button of box().querySelectorAll("button[data-zoom]")) {
      button.disabled = level === (button.dataset.zoom === "1" ? ZOOMS.at(-1) : ZOOMS[0]);
    }
  }

  function zoomBy(step) {
    const next = ZOOMS.indexOf(stage().dataset.zoom) + step;
    if (ZOOMS[next]) zoom(ZOOMS[next]);
  }

  function open(link) {
    links = [...document.querySelectorAll("a[data-lightbox]")];
    box().showModal();
    stage().focus();
    show(links.indexOf(link));
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-lightbox]");
    if (link && box() && event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)) {
      event.preventDefault();
      open(link);
      return;
    }
    const step = event.target.closest("#lightbox [data-step]");
    if (step) show(at + Number(step.dataset.step));
    const size = event.target.closest("#lightbox button[data-zoom]");
    if (size) zoomBy(Number(size.dataset.zoom));
  });

  // A finger that is drawn aside leads on, as the arrows do; two zoom, and over a larger photo one moves it.
  let began = null;

  document.addEventListener("touchstart", ({ target, touches }) => {
    const isAlone = touches.length === 1 && window.visualViewport.scale === 1;
    began = isAlone && target.closest(".lightbox-stage[data-zoom='1']") ? touches[0] : null;
  }, { passive: true });

  document.addEventListener("touchend", ({ changedTouches: [ended] }) => {
    const [x, y] = began ? [ended.clientX - began.clientX, ended.clientY - began.clientY] : [0, 0];
    began = null;
    if (Math.abs(x) > SWIPE && Math.abs(x) > 2 * Math.abs(y)) show(at - Math.sign(x) * onwards());
  });

  document.addEventListener("dblclick", (event) => {
    if (event.target.closest("#lightbox .lightbox-stage")) zoom(stage().dataset.zoom === "1" ? "2" : "1");
  });

  document.addEventListener("keydown", (event) => {
    if (!box()?.open || event.ctrlKey || event.metaKey || event.altKey) return;
    const isStill = stage().dataset.zoom === "1"; // else the arrows move over the photo
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key] * onwards();
    if (step && isStill) show(at + step);
    else if (event.key === "+" || event.key === "=") zoomBy(1);
    else if (event.key === "-") zoomBy(-1);
    else if (event.key === "0") zoom("1");
    else return;
    event.preventDefault();
  });

  // Whoever went on to another photo comes back to that one.
  document.addEventListener(
    "close",
    (event) => {
      if (event.target.id !== "lightbox") return;
      stage().querySelector("img").removeAttribute("src");
      links[at]?.focus();
    },
    true,
  );
}
