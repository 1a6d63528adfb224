/* A guest list: how many are chosen, a guest in the panel beside it, and numbers that change while people arrive. All of
   it works without this file: guests have pages of their own. */
(() => {
  const POLL = 10000;
  const list = document.getElementById("guests");
  const panel = document.getElementById("panel");
  let shown = "";

  if (list) {
    list.addEventListener("change", count);
    list.addEventListener("reset", () => setTimeout(count));
    count();
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-guest]");
    if (!link || !panel || event.ctrlKey || event.metaKey || event.shiftKey || !matchMedia("(min-width: 60rem)").matches) return;
    event.preventDefault();
    open(link.href);
  });
  panel?.addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.target;
    send(form.action, { method: "POST", body: new URLSearchParams(new FormData(form, event.submitter)) });
  });
  setInterval(renew, POLL);

  function count() {
    const boxes = [...list.querySelectorAll("input[name=to]")];
    for (const box of boxes) box.closest("tr").classList.toggle("chosen", box.checked);
    const all = list.querySelector("[data-all]");
    const number = boxes.filter((box) => box.checked).length;
    const told = list.querySelector("[data-count]");
    if (!told) return;
    told.dataset.rest ??= told.textContent;
    told.textContent = number && !all?.checked ? told.dataset.count.replace("{number}", number) : told.dataset.rest;
    list.querySelector("[data-none]").hidden = !number && !all?.checked;
  }

  function open(address) {
    shown = address;
    for (const row of list.querySelectorAll("tr[aria-current]")) row.removeAttribute("aria-current");
    [...list.querySelectorAll("[data-guest]")].find((link) => link.href === address)?.closest("tr").setAttribute("aria-current", "true");
    send(address, {});
  }

  async function send(address, given) {
    try {
      const answer = await fetch(address, given);
      const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-panel]");
      if (!found) return location.assign(shown || address);
      panel.replaceChildren(...document.importNode(found, true).childNodes);
      panel.hidden = false;
      panel.closest("[data-beside]").classList.add("open");
      panel.querySelector("h1")?.setAttribute("tabindex", "-1");
      panel.querySelector(".summary, h1")?.focus();
      const answered = panel.querySelector("[name=reply]");
      if (answered) answered.dataset.key = "a";
      list.querySelector("[data-key=a]")?.removeAttribute("data-key");
      if (given.method) refresh();
    } catch {
      location.assign(shown || address);
    }
  }

  /* The row of the guest, and the numbers, as they are now. */
  async function refresh() {
    const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
    const row = list.querySelector("tr[aria-current]");
    const now = row && page.getElementById(row.id);
    if (now) {
      now.setAttribute("aria-current", "true");
      row.replaceWith(document.importNode(now, true));
    }
    replace(page.getElementById("numbers"));
  }

  async function renew() {
    const numbers = document.getElementById("numbers");
    if (document.hidden || !numbers || numbers.contains(document.activeElement)) return;
    try {
      const answer = await fetch(numbers.dataset.now);
      if (answer.ok && !answer.redirected) replace(new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("numbers"));
    } catch { /* no connection: the numbers stay as they are */ }
  }

  function replace(now) {
    const numbers = document.getElementById("numbers");
    if (now && numbers && now.textContent !== numbers.textContent) numbers.replaceWith(document.importNode(now, true));
  }
})();
