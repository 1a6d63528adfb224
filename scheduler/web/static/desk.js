/* Keys of the desk, and counts that renew themselves. Whatever has data-key is pressed by that key; lines with data-row are walked with J and K. Keys do
   nothing inside a field, and each officer can switch them off in the foot. Nothing depends on them. */
(() => {
  const OFF = "desk-keys-off";
  const every = document.getElementById("every-key");
  const choice = document.querySelector("[data-keys-on]");
  let on = !recalls();

  if (every) every.hidden = false;
  if (choice) {
    choice.checked = on;
    choice.addEventListener("change", () => remember(on = choice.checked));
  }
  for (const pressed of document.querySelectorAll("[data-key]")) pressed.setAttribute("aria-keyshortcuts", pressed.dataset.key);
  addEventListener("keydown", (event) => {
    if (!on || event.isComposing || event.defaultPrevented) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) return done(event, filled(event));
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const field = event.target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
    if (event.key === "Escape") return field ? field.blur() : done(event, find("Escape"));
    if (!field) press(event);
  });

  const LIVE = "[data-renewed][id]", POLL = 5000;
  if (document.querySelector(LIVE)) setTimeout(renew, POLL);

  /* What changes by itself, such as the counts of a message that is leaving, as it is now; until nothing changes any
     more. What somebody is just using stays as it is. */
  async function renew() {
    try {
      const answer = document.hidden ? null : await fetch(location.href);
      if (answer?.ok && !answer.redirected) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const old of document.querySelectorAll(LIVE)) {
          const now = page.getElementById(old.id);
          if (now && !old.contains(document.activeElement)) old.replaceWith(document.importNode(now, true));
        }
      }
    } catch { /* no connection: the counts stay as they are */ }
    if (document.querySelector(LIVE)) setTimeout(renew, POLL);
  }

  function press(event) {
    const pressed = find(event.key) ?? find(event.key.toLowerCase());
    if (pressed) return done(event, pressed);
    if (event.key === "/") return done(event, document.querySelector("input[type=search][name=q]"));
    if (event.key === "?" && every) {
      event.preventDefault();
      every.open = !every.open;
      every.scrollIntoView({ block: "nearest" });
    }
    const walk = { j: 1, k: -1 }[event.key.toLowerCase()];
    if (walk) return step(event, walk);
    if (event.key.toLowerCase() === "x") done(event, here()?.querySelector("input[type=checkbox]"));
    if (event.key === "Enter" && !event.target.closest("a, button, summary, [type=radio]")) done(event, here()?.querySelector("a"));
  }

  function find(key) {
    return [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].find((one) => one.checkVisibility?.() ?? true);
  }

  function done(event, pressed) {
    if (!pressed) return;
    event.preventDefault();
    if (pressed.matches("input:not([type=checkbox], [type=radio], [type=submit]), textarea, select")) {
      pressed.focus();
      pressed.select?.();
    } else {
      pressed.click();
      if (pressed.matches("[type=radio]")) pressed.focus(); // Enter sends its form
    }
  }

  /* The filled button of the form one is in, otherwise that of the page. */
  function filled(event) {
    const button = ".button.first:not([disabled])";
    return event.target.closest?.("form")?.querySelector(button) ?? document.querySelector(button);
  }

  function here() {
    return document.querySelector("[data-row].here");
  }

  function step(event, by) {
    const rows = [...document.querySelectorAll("[data-row]")].filter((row) => row.checkVisibility?.() ?? true);
    if (!rows.length) return;
    event.preventDefault();
    const at = rows.indexOf(here());
    const next = rows[Math.max(0, Math.min(rows.length - 1, at + by))];
    here()?.classList.remove("here");
    next.classList.add("here");
    next.querySelector("a, button, input")?.focus();
    next.scrollIntoView({ block: "nearest" });
  }

  function remember(kept) {
    try {
      if (kept) localStorage.removeItem(OFF);
      else localStorage.setItem(OFF, "yes");
    } catch { /* a browser that keeps nothing asks again */ }
  }

  function recalls() {
    try {
      return localStorage.getItem(OFF) === "yes";
    } catch {
      return false;
    }
  }
})();
