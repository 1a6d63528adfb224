/* The waiting room: asks whether it is the reader's turn, and shows how many are ahead of them. To screen readers it says
   how long it takes once a minute at most. Without this file the page loads itself anew. */
const PATIENCE = 15000, SAID_EVERY = 60000;
const $ = (id) => document.getElementById(id);
let saidAt = Date.now();

async function ask() {
  let { seconds } = $("line").dataset;
  try {
    const answer = await fetch(location.href, {
      headers: { Accept: "application/json" },
      cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE),
    });
    const told = await answer.json();
    if (told.turn) return enter();
    seconds = told.seconds;
    show(told);
  } catch { /* the next time */ }
  setTimeout(ask, 1000 * seconds);
}

function enter() {
  document.title = $("said").textContent = $("line").dataset.turn;
  location.replace(location.href.split("#")[0]);
}

function show(told) {
  $("ahead").textContent = told.ahead;
  $("wait").textContent = told.wait;
  if (Date.now() - saidAt < SAID_EVERY) return;
  saidAt = Date.now();
  $("said").textContent = `${told.ahead}. ${told.wait}`;
}

setTimeout(ask, 1000 * $("line").dataset.seconds);
