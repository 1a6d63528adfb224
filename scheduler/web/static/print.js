/* A button that prints the page. Without JavaScript it is not shown: browsers have their own. */
(() => {
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }
})();
