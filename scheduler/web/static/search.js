/* The search in the head of the desk: suggestions while somebody types. Without this script, Enter shows the page of
   results; with it, Enter opens what is called exactly so, or the suggestion that the arrows have chosen. */
(() => {
  const form = document.querySelector("form[data-suggestions]");
  const field = form?.querySelector("input[name=q]");
  if (!field) return;
  const list = document.createElement("ul");
  let found = { typed: "", exact: false, found: [] };
  let chosen = -1;
  let waiting = 0;

  list.id = "suggestions";
  list.className = "suggestions";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", field.placeholder);
  list.hidden = true;
  form.append(list);
  field.setAttribute("role", "combobox");
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", list.id);
  field.setAttribute("aria-expanded", "false");

  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(ask, 180);
  });
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && found.found.length) {
      event.preventDefault();
      choose((chosen + step + found.found.length + (chosen < 0 && step < 0 ? 1 : 0)) % found.found.length);
    } else if (event.key === "Escape") hide();
  });
  field.addEventListener("blur", () => setTimeout(hide, 150));
  form.addEventListener("submit", (event) => {
    const current = found.typed === field.value.trim();
    const first = chosen >= 0 ? found.found[chosen] : current && found.exact ? found.found[0] : null;
    if (!first) return;
    event.preventDefault();
    location.assign(first.address);
  });

  async function ask() {
    const typed = field.value.trim();
    if (!typed) return show({ typed, exact: false, found: [] });
    try {
      const address = new URL(form.dataset.suggestions, location.href);
      address.searchParams.set("q", typed);
      const answer = await fetch(address);
      if (answer.ok && typed === field.value.trim()) show(await answer.json());
    } catch { /* away: Enter still shows the page */ }
  }

  function show(answer) {
    found = answer;
    chosen = -1;
    list.replaceChildren(...found.found.map((one, number) => {
      const line = document.createElement("li");
      const link = document.createElement("a");
      const kind = document.createElement("span");
      line.id = `suggestion-${number}`;
      line.setAttribute("role", "option");
      link.href = one.address;
      link.tabIndex = -1;
      link.textContent = one.label;
      kind.classList.add("quiet", "small");
      kind.textContent = [one.kind, one.details].filter(Boolean).join(" · ");
      line.append(link, " ", kind);
      return line;
    }));
    list.hidden = !found.found.length || document.activeElement !== field;
    field.setAttribute("aria-expanded", String(!list.hidden));
    field.removeAttribute("aria-activedescendant");
  }

  function choose(number) {
    chosen = number;
    [...list.children].forEach((line, at) => line.setAttribute("aria-selected", String(at === chosen)));
    field.setAttribute("aria-activedescendant", `suggestion-${chosen}`);
  }

  function hide() {
    list.hidden = true;
    field.setAttribute("aria-expanded", "false");
  }
})();
