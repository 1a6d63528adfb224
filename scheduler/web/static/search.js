/* Suggestions while somebody types: in the search in the head of the desk, and in fields that name a venue, a city, an
   organisation or a person. Without this script, Enter shows the page of results, and fields offer the first of them.
   In the search, Enter opens what is called exactly so, or the suggestion that the arrows have chosen; in a field it
   takes that suggestion over. */
(() => {
  const search = document.querySelector("form[data-suggestions]");
  const head = search?.querySelector("input[name=q]");
  if (head) suggest(head, search.dataset.suggestions, search);
  addEventListener("focusin", ({ target }) => {
    if (target.matches?.("input[data-suggestions]:not([role=combobox])")) suggest(target, target.dataset.suggestions);
  });

  /* `form` is the search, whose suggestions are links. */
  function suggest(field, address, form) {
    const list = document.createElement("ul");
    const none = { typed: "", exact: false, found: [] };
    let found = none, chosen = -1, waiting = 0;

    field.removeAttribute("list");
    list.id = form ? "suggestions" : `${field.id}-suggestions`;
    list.className = "suggestions";
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", field.placeholder || field.labels[0].textContent);
    list.hidden = true;
    if (form) form.append(list);
    else field.after(list);
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
      if (step && list.hidden && !form) {
        event.preventDefault();
        ask();
      } else if (step && found.found.length) {
        event.preventDefault();
        choose((chosen + step + found.found.length + (chosen < 0 && step < 0 ? 1 : 0)) % found.found.length);
      } else if (event.key === "Enter" && !form && chosen >= 0 && !list.hidden) {
        event.preventDefault();
        take(found.found[chosen]);
      } else if (event.key === "Escape") {
        if (!form && !list.hidden) event.preventDefault(); // the field is not left
        hide();
      }
    });
    field.addEventListener("blur", () => setTimeout(hide, 150));
    form?.addEventListener("submit", (event) => {
      const current = found.typed === field.value.trim();
      const first = chosen >= 0 ? found.found[chosen] : current && found.exact ? found.found[0] : null;
      if (!first) return;
      event.preventDefault();
      location.assign(first.address);
    });

    /* What is typed: in a field of several, the last of them. */
    function part() {
      return ("several" in field.dataset ? field.value.split(/[;,]/).at(-1) : field.value).trim();
    }

    async function ask() {
      const typed = part();
      if (!typed && form) return show(none);
      try {
        const where = new URL(address, location.href);
        where.searchParams.set("q", typed);
        const answer = await fetch(where);
        if (answer.ok && typed === part()) show(await answer.json());
      } catch { /* away: Enter still shows the page, and what is typed is read when the form is sent */ }
    }

    function show(answer) {
      found = answer;
      chosen = -1;
      list.replaceChildren(...found.found.map((one, number) => {
        const line = document.createElement("li");
        const name = document.createElement(form ? "a" : "b");
        const kind = document.createElement("span");
        line.id = `${list.id.replace(/s$/, "")}-${number}`;
        line.setAttribute("role", "option");
        name.textContent = one.label;
        if (form) {
          name.href = one.address;
          name.tabIndex = -1;
        } else line.addEventListener("pointerdown", (event) => {
          event.preventDefault();
          take(one);
        });
        kind.classList.add("quiet", "small");
        kind.textContent = [one.kind, one.details].filter(Boolean).join(" · ");
        line.append(name, " ", kind);
        return line;
      }));
      list.hidden = !found.found.length || document.activeElement !== field;
      field.setAttribute("aria-expanded", String(!list.hidden));
      field.removeAttribute("aria-activedescendant");
    }

    function choose(number) {
      chosen = number;
      [...list.children].forEach((line, at) => line.setAttribute("aria-selected", String(at === chosen)));
      field.setAttribute("aria-activedescendant", list.children[chosen].id);
    }

    function take(one) {
      const before = "several" in field.dataset ? field.value.split(/[;,]/).slice(0, -1).map((name) => name.trim()) : [];
      field.value = [...before, one.label].join("; ");
      hide();
      for (const sort of ["input", "change"]) field.dispatchEvent(new Event(sort, { bubbles: true }));
      clearTimeout(waiting);
    }

    function hide() {
      list.hidden = true;
      chosen = -1;
      field.setAttribute("aria-expanded", "false");
      field.removeAttribute("aria-activedescendant");
    }
  }
})();
