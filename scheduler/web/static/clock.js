/* Shows the times of a place on the browser's own clock beside them, and proposes that clock in the form at the foot.
   Nothing depends on it. Who chooses "local time only" is asked nothing again: the browser remembers it. */
(() => {
  const ONLY_PLACE = "only-place";
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone) return;
  const form = document.querySelector("form[data-clock]");
  for (const one of document.querySelectorAll("form.clock")) one.addEventListener("submit", () => remember(one.elements.clock.value === ""));
  if (recalls()) return;
  if (form) propose(form.elements.clock);
  for (const place of document.querySelectorAll("[data-starts]")) fill(place);

  function remember(only) {
    try {
      if (only) localStorage.setItem("clock", ONLY_PLACE);
      else localStorage.removeItem("clock");
    } catch { /* a browser that keeps nothing asks again */ }
  }

  function recalls() {
    try {
      return localStorage.getItem("clock") === ONLY_PLACE;
    } catch {
      return false;
    }
  }

  function propose(list) {
    if (list.value) return;
    if (![...list.options].some((option) => option.value === zone)) list.add(new Option(zone.replaceAll("_", " "), zone));
    list.value = zone;
  }

  function fill(place) {
    const start = wall(place.dataset.starts), end = place.dataset.ends && wall(place.dataset.ends);
    if (`${start.day}T${start.hours}` === place.dataset.starts.slice(0, 16)) return;
    const gaps = { time: span(start, end, wordsOf(place)), city: city(), offset: offset(place.dataset.starts) };
    place.textContent = place.dataset.words.replace(/\{(\w+)\}/g, (whole, name) => gaps[name] ?? whole);
    place.hidden = false;
  }

  function wall(stamp) {
    const part = parts(stamp, { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    return { day: `${part.year}-${part.month}-${part.day}`, hours: `${part.hour}:${part.minute}` };
  }

  function parts(stamp, options) {
    const at = new Date(stamp.replace(/(\d\d)$/, ":$1")); // +07:00, as all browsers read it
    const found = new Intl.DateTimeFormat("en-GB", { calendar: "gregory", timeZone: zone, ...options }).formatToParts(at);
    return Object.fromEntries(found.map(({ type, value }) => [type, value]));
  }

  function wordsOf(place) {
    return new Map(place.closest("[data-days]").dataset.days.split("|").map((pair) => pair.split("=")));
  }

  function span(start, end, days) {
    const say = (day, hours) => (days.get(day) ?? `${day}, {hours}`).replace("{hours}", hours);
    if (!end) return say(start.day, start.hours);
    if (end.day === start.day) return say(start.day, `${start.hours}–${end.hours}`);
    if (end.hours === "00:00" && nextDay(start.day) === end.day) return say(start.day, `${start.hours}–24:00`);
    return `${say(start.day, start.hours)} – ${say(end.day, end.hours)}`;
  }

  function nextDay(day) {
    return new Date(Date.parse(`${day}T00:00Z`) + 864e5).toISOString().slice(0, 10);
  }

  function city() {
    const known = document.querySelector(`form.clock option[value="${CSS.escape(zone)}"]`)?.textContent;
    return (known ?? zone).split(",")[0].split("/").pop().replaceAll("_", " ");
  }

  function offset(stamp) {
    return parts(stamp, { hour: "2-digit", timeZoneName: "shortOffset" }).timeZoneName.replace("GMT", "UTC").replace("\u2212", "-").replace(/^UTC[+-]0$/, "UTC");
  }
})();
