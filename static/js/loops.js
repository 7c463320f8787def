// GIFs: silent loops that run while they are on screen, each with a button that holds it. Who wants less motion starts
// them. Without this file they have the browser's own controls.
"use strict";

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
