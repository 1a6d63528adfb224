/* A file may be dragged onto the page that asks for one, and is then sent. */
(() => {
  const form = document.querySelector("form[data-drop]");
  const box = form?.querySelector(".drop");
  const field = form?.querySelector("input[type=file]");
  if (!field) return;
  for (const one of form.querySelectorAll("[data-told]")) one.textContent = one.dataset.told;
  for (const name of ["dragenter", "dragover"]) {
    addEventListener(name, (event) => {
      if (![...event.dataTransfer.types].includes("Files")) return;
      event.preventDefault();
      box.classList.add("over");
    });
  }
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) box.classList.remove("over"); });
  addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    field.files = event.dataTransfer.files;
    form.requestSubmit();
  });
})();
