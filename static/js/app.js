// What all pages do beyond links and forms. Everything here is an addition: each page works without it.
"use strict";

document.addEventListener("htmx:beforeSwap", (event) => {
  // A form that was filled in wrongly comes back with 422 and is shown like any other answer.
  if (event.detail.xhr.status === 422) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
});
