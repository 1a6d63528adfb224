/* Bring in a guest list: a file dragged onto the page is sent at once, and a digit decides the row that one is at. Without
   this file, it is chosen and decided by pressing. */
(() => {
  const drop = document.querySelector("[data-drop]");
  const form = document.getElementById("import");

  if (drop) {
    const file = drop.querySelector("input[type=file]");
    file.addEventListener("change", () => file.files.length && file.form.requestSubmit());
    for (const kind of ["dragover", "dragenter"]) addEventListener(kind, (event) => mark(event, true));
    addEventListener("dragleave", (event) => event.relatedTarget ?? mark(event, false));
    addEventListener("drop", (event) => {
      mark(event, false);
      if (!event.dataTransfer?.files.length) return;
      file.files = event.dataTransfer.files;
      file.form.requestSubmit();
    });
  }

  function mark(event, on) {
    event.preventDefault();
    drop.classList.toggle("over", on);
  }

  if (form) {
    form.addEventListener("change", count);
    count();
    addEventListener("keydown", (event) => {
      if (!/^[1-9]$/.test(event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target.closest("input:not([type=radio]), select, textarea")) return;
      const rows = [...form.querySelectorAll("[data-question]")];
      const here = form.querySelector("[data-question].here") ?? rows.find(open);
      const choice = here && here.querySelectorAll("input[type=radio]")[event.key - 1];
      if (!choice) return;
      event.preventDefault();
      choice.checked = true;
      count();
      here.classList.remove("here");
      const next = rows.slice(rows.indexOf(here) + 1).find(open) ?? rows.find(open);
      next?.classList.add("here");
      next?.scrollIntoView({ block: "nearest" });
    });
  }

  function open(row) {
    return !row.querySelector("input[type=radio]:checked");
  }

  function count() {
    const button = form.querySelector("[data-bring]");
    if (!button) return;
    const taken = [...form.querySelectorAll("[data-question]")].filter(isTaken).length;
    button.textContent = button.dataset.bring.replace("{number}", Number(button.dataset.settled) + taken);
  }

  /* Whether a row will be brought in: it is somebody, or each of its cells that could not be read is decided. */
  function isTaken(row) {
    const decided = row.querySelector("input[name^=row_]:checked");
    if (decided) return !["out", "later"].includes(decided.value);
    const cells = new Set([...row.querySelectorAll("input[name^=cell_]")].map((one) => one.name));
    return cells.size > 0 && [...cells].every((name) => row.querySelector(`input[type=radio][name="${CSS.escape(name)}"]:checked`));
  }
})();
