/* The form of an event: pickers beside what is typed, hints as one types, and nothing that was typed is lost.
   The server says the hints, with the code that will read the form; without this script a button asks for them. */
(() => {
  const form = document.querySelector("form[data-plan]");
  if (!form) return;
  const kept = form.querySelector("[data-kept]");
  const place = `plan ${location.pathname}${location.search}`;
  const NOT_KEPT = /^(csrf_token|kind|uid|seen_.*|do|sure|seen)$/;
  let asked = 0, waits;

  const check = form.querySelector("[data-check]");
  if (check) check.hidden = true;
  for (const field of form.querySelectorAll("[data-pick]")) addPicker(field);
  form.addEventListener("change", show);
  show();
  if ("quiet" in form.dataset) return;
  if (!document.querySelector(".summary, .meanwhile, .is-wrong")) restore();
  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  form.addEventListener("submit", () => forget());
  addEventListener("keydown", jump);
  mark();

  function changed() {
    mark();
    grow();
    clearTimeout(waits);
    waits = setTimeout(() => { ask(); keep(); }, 400);
  }

  /* Only the fields of what is known of the time. */
  function show() {
    const known = form.querySelector("[name=known]:checked")?.value;
    for (const one of form.querySelectorAll("[data-known]")) one.hidden = !one.dataset.known.split(",").includes(known);
  }

  function mark() {
    for (const one of form.querySelectorAll("[data-lacks]")) {
      one.hidden = ["title", "description"].every((name) => form.elements[`${name}_${one.dataset.lacks}`].value.trim());
    }
  }

  async function ask() {
    const mine = ++asked;
    const body = new URLSearchParams(new FormData(form));
    body.set("do", "look");
    try {
      const answer = await fetch(location.href, { method: "POST", body, headers: { Accept: "application/json" } });
      if (!answer.ok || mine !== asked) return;
      const hints = await answer.json();
      for (const one of form.querySelectorAll("[data-hint]")) one.textContent = hints[one.dataset.hint] ?? "";
    } catch { /* hints only tell */ }
  }

  function addPicker(field) {
    const picker = document.createElement("input");
    picker.type = field.dataset.pick;
    picker.className = "pick";
    picker.tabIndex = -1;
    picker.setAttribute("aria-label", field.labels[0].textContent);
    picker.addEventListener("change", () => {
      field.value = picker.value;
      field.dispatchEvent(new Event("change", { bubbles: true }));
    });
    field.after(picker);
  }

  /* A list has an empty line at its end. */
  function grow() {
    for (const name of ["lead", "closed"]) {
      const lines = [...form.querySelectorAll(`[data-line=${name}]`)];
      const last = lines.at(-1);
      if (!last || lines.length > 28 || !last.querySelector("input").value.trim()) continue;
      const copy = last.cloneNode(true), from = lines.length - 1;
      for (const one of copy.querySelectorAll("[id], [for], [name], [data-hint], [aria-describedby]")) {
        for (const attribute of ["id", "for", "name", "data-hint", "aria-describedby"]) {
          const value = one.getAttribute(attribute);
          if (value) one.setAttribute(attribute, value.replaceAll(new RegExp(`_${from}(?=$|-| )`, "g"), `_${from + 1}`));
        }
      }
      for (const one of copy.querySelectorAll(".pick, .wrong")) one.remove();
      for (const one of copy.querySelectorAll("input")) one.value = "";
      for (const one of copy.querySelectorAll("[data-hint]")) one.textContent = "";
      last.after(copy);
      for (const one of copy.querySelectorAll("[data-pick]")) addPicker(one);
    }
  }

  function jump(event) {
    const column = event.altKey && !event.ctrlKey && /^Digit[1-9]$/.test(event.code) && Number(event.code.slice(5));
    const field = column && form.querySelectorAll("textarea.titled")[column - 1];
    if (!field) return;
    event.preventDefault();
    field.focus();
  }

  function keep() {
    const typed = [...new FormData(form)].filter(([name]) => !NOT_KEPT.test(name));
    try {
      sessionStorage.setItem(place, JSON.stringify({ typed, seen: seen() }));
      const at = new Date().toLocaleTimeString(document.documentElement.lang, { timeStyle: "short" });
      kept.textContent = [kept.dataset.kept, at].join(", ");
    } catch { /* a browser that keeps nothing */ }
  }

  function restore() {
    let before;
    try {
      before = JSON.parse(sessionStorage.getItem(place) ?? "null");
    } catch { /* as if nothing was kept */ }
    if (before?.seen !== seen()) return;
    for (const box of form.querySelectorAll("input[type=checkbox]")) box.checked = false;
    for (const [name, value] of before.typed) {
      const field = form.elements[name];
      if (!field) continue;
      if (field.type === "checkbox") field.checked = true;
      else field.value = value;
    }
    ask();
    kept.textContent = kept.dataset.kept;
  }

  /* What the event was when the form was opened: what was typed about another state of it is not put back. */
  function seen() {
    return [...new FormData(form)].filter(([name]) => name.startsWith("seen_")).join("\n");
  }

  function forget() {
    try {
      sessionStorage.removeItem(place);
    } catch { /* nothing was kept */ }
  }
})();
