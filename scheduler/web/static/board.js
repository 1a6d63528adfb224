/* The display board: asks for what has changed, says each new call aloud to those who listen, and says when it is out of
   date. Without this file the page loads itself anew. */
const POLL = 3000, PATIENCE = 8000, STALE = 20000;
const $ = (id) => document.getElementById(id);
let fresh = Date.now();

const calls = (place) => new Map([...place.querySelectorAll("[data-call]")].map((one) => [one.dataset.call, one.dataset.said]));

async function look() {
  try {
    const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    if (!answer.ok) throw new Error(answer.status);
    show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    fresh = Date.now();
  } catch { /* the next time */ }
  $("stale").hidden = Date.now() - fresh < STALE;
  setTimeout(look, POLL);
}

function show(page) {
  const before = calls($("called"));
  for (const id of ["called", "next"]) {
    const made = page.getElementById(id);
    if ($(id).innerHTML !== made.innerHTML) $(id).replaceWith(document.adoptNode(made));
  }
  const said = [...calls($("called"))].filter(([call]) => !before.has(call));
  for (const [call] of said) document.querySelector(`[data-call="${CSS.escape(call)}"]`).classList.add("fresh");
  if (said.length) $("said").textContent = said.map(([, words]) => words).join(" ");
}

setTimeout(look, POLL);
