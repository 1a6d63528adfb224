/* The door of an event, or the front desk of a post, without waiting for pages: forms are sent beside the page, the camera
   reads codes, and what could not be sent is kept and tried again. Everything but the camera works without this file. */
const RETRY = 3000, POLL = 5000, PATIENCE = 8000, SAME_CODE = 3000;
const $ = (id) => document.getElementById(id);
const told = $("told"), read = $("read"), given = $("given"), door = document.querySelector(".door");
const STORE = "door " + location.pathname;
const fine = matchMedia("(pointer: fine)").matches;

/* What is on its way: in order, each with a mark of its own by which the other side knows it again. */
const waiting = JSON.parse(sessionStorage.getItem(STORE) || "[]");
let sending = false, timer = 0;

const mark = () => Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");

function enqueue(url, fields, said) {
  if (fields.has("scan")) fields.set("scan", mark());
  fields.delete("csrf_token");
  waiting.push({ url, body: new URLSearchParams(fields).toString(), said, at: new Date().toLocaleTimeString(), tried: false });
  keep();
  work();
}

function keep() {
  sessionStorage.setItem(STORE, JSON.stringify(waiting));
  const late = waiting.filter((one) => one.tried);
  $("unsent").querySelector("ul").replaceChildren(...late.map((one) => {
    const item = document.createElement("li");
    item.textContent = `${one.said} · ${one.at}`;
    return item;
  }));
  $("unsent").hidden = late.length === 0;
}

async function work() {
  clearTimeout(timer);
  if (sending) return;
  sending = true;
  while (waiting.length) {
    const done = await send(waiting[0]);
    if (!done) break;
    waiting.shift();
    keep();
  }
  sending = false;
  if (waiting.length) timer = setTimeout(work, RETRY);
  else refresh();
}

/* True when the other side has answered; what it cannot answer now stays with us. */
async function send(one) {
  try {
    const answer = await fetch(one.url, {
      method: "POST",
      headers: { "X-Door": "1", "X-CSRFToken": read.elements.csrf_token.value },
      body: new URLSearchParams(one.body),
      signal: AbortSignal.timeout(PATIENCE),
    });
    if ([400, 401, 403].includes(answer.status)) $("signed-out").hidden = false;
    if (answer.ok) {
      $("signed-out").hidden = true;
      show(await answer.text());
      return true;
    }
    if (answer.status === 404) return true; // nothing there to be changed: trying again would not help
  } catch { /* no connection, or none in time */ }
  one.tried = true;
  keep();
  told.replaceChildren();
  return false;
}

function show(html) {
  const focused = told.contains(document.activeElement);
  told.innerHTML = html;
  const block = told.querySelector("[data-tone]");
  if (block?.dataset.tone) sound(block.dataset.tone);
  told.scrollIntoView({ block: "nearest" });
  if (focused || fine) given.focus({ preventScroll: true });
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-door]")) return;
  event.preventDefault();
  const fields = new FormData(form), button = form.querySelector("button");
  if (form === read) {
    const text = given.value.trim();
    given.value = "";
    if (text) enqueue(form.action, fields, short(text));
  } else {
    button.disabled = true;
    enqueue(form.action, fields, button.textContent);
  }
});

/* Of a code its end is enough to know it again by. */
const short = (text) => (/\s/.test(text) || text.length < 20 ? text : "…" + text.slice(-5));

/* A scanner that types does so wherever the focus is. */
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches?.("input, select, textarea");
  if (!typing && event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey && event.key !== " ") given.focus();
});

addEventListener("beforeunload", (event) => { if (waiting.length) event.preventDefault(); });
addEventListener("online", work);

/* What changes by itself: how many are here and who came last, or the queue. What has the focus keeps it where it is there
   again, and stays as it is where it is not; a button is not exchanged under a finger for another that is the same. */
async function refresh() {
  try {
    const answer = await fetch(door.dataset.now + location.search, { headers: { "X-Door": "1" }, signal: AbortSignal.timeout(PATIENCE), redirect: "error" });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const id of (door.dataset.live || "count recent").split(" ")) {
      const old = $(id), made = fresh.getElementById(id);
      if (!old || !made || bare(old) === bare(made)) continue;
      const held = old.contains(document.activeElement) ? document.activeElement.id : null;
      if (held !== null && !(held && fresh.getElementById(held))) continue;
      old.replaceWith(document.adoptNode(made));
      if (held) $(held).focus({ preventScroll: true });
    }
  } catch { /* the next time */ }
}
setInterval(() => { if (!document.hidden) refresh(); }, POLL);

/* Without the seals of its forms, which are made anew each time. */
const bare = (one) => one.innerHTML.replace(/ name="csrf_token" value="[^"]*"/g, "");

/* The camera */
const lens = $("lens"), view = $("view"), canvas = document.createElement("canvas");
let stream = null, last = { text: "", at: 0 };

if (navigator.mediaDevices?.getUserMedia) $("camera").hidden = false;
lens.addEventListener("click", () => (stream ? stop() : start()));

async function start() {
  $("blind").hidden = true;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } } });
    const reader = await findReader();
    view.srcObject = stream;
    view.hidden = false;
    lens.setAttribute("aria-pressed", "true");
    await view.play();
    look(reader, stream);
  } catch {
    stop();
    $("blind").hidden = false;
  }
}

function stop() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  view.hidden = true;
  $("unread").hidden = true;
  lens.setAttribute("aria-pressed", "false");
}

/* The browser's own reader where it has one; else the server reads the picture, which it does not keep. */
async function findReader() {
  if ("BarcodeDetector" in window && (await BarcodeDetector.getSupportedFormats()).includes("qr_code")) {
    const own = new BarcodeDetector({ formats: ["qr_code"] });
    return { side: 1280, pause: 120, read: async () => (await own.detect(canvas).catch(() => []))[0]?.rawValue };
  }
  return { side: 640, pause: 250, read: readByServer };
}

async function look(reader, source) {
  if (stream !== source) return;
  let pause = reader.pause;
  const scale = Math.min(1, reader.side / Math.max(view.videoWidth, view.videoHeight, 1));
  canvas.width = view.videoWidth * scale;
  canvas.height = view.videoHeight * scale;
  if (canvas.width && !document.hidden) {
    const paper = canvas.getContext("2d", { willReadFrequently: true });
    paper.drawImage(view, 0, 0, canvas.width, canvas.height);
    try {
      const text = await reader.read(paper);
      if (stream !== source) return;
      $("unread").hidden = true;
      if (text) seen(text);
    } catch {
      if (stream !== source) return;
      $("unread").hidden = false;
      pause = RETRY;
    }
  }
  setTimeout(look, pause, reader, source);
}

/* Throws where the server does not answer. */
async function readByServer(paper) {
  const { width, height } = canvas;
  const answer = await fetch(`${$("camera").dataset.reads}?width=${width}&height=${height}`, {
    method: "POST",
    headers: { "Content-Type": "application/octet-stream", "X-CSRFToken": read.elements.csrf_token.value },
    body: await packed(paper.getImageData(0, 0, width, height).data),
    signal: AbortSignal.timeout(PATIENCE),
  });
  if ([400, 401, 403].includes(answer.status)) $("signed-out").hidden = false;
  if (!answer.ok) throw new Error(answer.status);
  $("signed-out").hidden = true;
  return answer.text();
}

/* Sixteen greys are enough to read a code by, and pack into a tenth of the picture. */
function packed(pixels) {
  const greys = new Uint8Array(pixels.length / 4);
  for (let at = 0; at < greys.length; at++) {
    greys[at] = ((77 * pixels[4 * at] + 150 * pixels[4 * at + 1] + 29 * pixels[4 * at + 2]) >> 8) & 0xf0;
  }
  return new Response(new Blob([greys]).stream().pipeThrough(new CompressionStream("gzip"))).blob();
}

/* A code that stays in view is one scan; it may be shown again after it has been away. */
function seen(text) {
  const now = performance.now(), fresh = text !== last.text || now - last.at > SAME_CODE;
  last = { text, at: now };
  if (!fresh) return;
  const fields = new FormData(read);
  fields.set("given", text);
  enqueue(read.action, fields, short(text));
}

/* Sound, for whoever looks at the guest and not at the screen. */
let audio = null;
$("sound").addEventListener("change", () => { audio ??= new AudioContext(); audio.resume(); });

function sound(tone) {
  navigator.vibrate?.(tone === "good" ? 80 : [120, 80, 120]);
  if (!$("sound").checked || !audio) return;
  (tone === "good" ? [880] : [220, 220]).forEach((pitch, number) => {
    const voice = audio.createOscillator(), from = audio.currentTime + number * 0.25;
    voice.frequency.value = pitch;
    voice.connect(audio.destination);
    voice.start(from);
    voice.stop(from + 0.15);
  });
}

keep();
if (waiting.length) work();
