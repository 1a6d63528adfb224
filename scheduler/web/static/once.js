/* A button that is pressed twice in a row sends its form once: two tickets for one person are one too many. */
document.addEventListener("submit", (event) => {
  const form = event.target, now = performance.now();
  if (form.matches("[data-door]")) return; // sent beside the page, where each is known again
  if (now - (form.sent ?? -Infinity) < 3000) event.preventDefault();
  else form.sent = now;
});
