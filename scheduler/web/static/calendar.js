/* The calendar of the desk by hand and by keys: an event is dragged, stretched or taken up with M, and where it is put
   down the page of its consequences opens; nothing is done before. Week, day and venues get a grid with hours from a
   library (EventCalendar, bundled). Without this script the same pages have links and forms for all of it. */
(() => {
  const TABLE_PARTS = "[role=table], [role=rowgroup], [role=row], [role=columnheader], [role=rowheader], [role=cell],"
    + " [aria-colindex], [aria-rowindex], [aria-colspan], [aria-rowspan], [aria-colcount], [aria-rowcount]";
  const DAY = 86_400_000, QUARTER = 900_000;
  const drop = document.getElementById("drop");
  const board = document.querySelector("[data-calendar]");
  const line = document.querySelector("[data-line]");
  const atRest = line?.innerHTML;
  const language = document.documentElement.lang.replace(/^en$/, "en-GB");
  const look = board?.dataset.calendar;
  let taken = null; // what is being moved: { key, title, element, start, end, timed, show }
  let grid = null;

  sift();
  if (location.hash === "#new" && matchMedia("(min-width: 48.01rem)").matches) addEventListener("load", () => setTimeout(() => document.getElementById("new-title")?.focus(), 0));
  if (drop) {
    addEventListener("keydown", keys, true); // ahead of the keys of the desk
    if (look === "month") byHand(board);
  }
  if (globalThis.EventCalendar && board && ["week", "day", "by-venue"].includes(look) && matchMedia("(min-width: 48.01rem)").matches) ruleHours();

  /* A choice in the line of filters counts at once; a day that is typed counts by the button. */
  function sift() {
    const form = document.querySelector("[data-sift]");
    form?.querySelector("[data-sift-button]")?.toggleAttribute("hidden", !form.elements.until);
    form?.addEventListener("change", (event) => event.target.type === "date" || form.requestSubmit());
  }

  /* Days are instants at midnight UTC, hours are wall times of the place read as UTC: nothing here knows a zone. */
  function read(written) {
    return Date.parse(`${written}${written.length > 10 ? "" : "T00:00"}Z`);
  }

  function write(at) {
    return new Date(at).toISOString().slice(0, 16);
  }

  function describe(at, timed) {
    const said = { weekday: "long", day: "numeric", month: "long", timeZone: "UTC" };
    return new Intl.DateTimeFormat(language, said).format(at) + (timed ? `, ${write(at).slice(11)}` : "");
  }

  /* The event of an element as it stands in the page. */
  function standing(element) {
    const { event: key, first, last, hour } = element.dataset;
    const title = (element.querySelector("bdi") ?? element).textContent.trim();
    const start = first ? read(hour ? `${first}T${hour}` : first) : null;
    return { key, title, element, start, end: last ? read(last) : null, was: start, ended: last ? read(last) : null, timed: false, hour };
  }

  /* Open the page of the consequences. Without an hour of its own an event keeps the one it has. */
  function putDown(moved, more = {}) {
    drop.action = `${drop.dataset.address}${encodeURIComponent(moved.key)}/plan/move`;
    const given = { day: write(moved.start).slice(0, 10), hour: moved.timed ? write(moved.start).slice(11) : moved.hour, ...more };
    for (const field of drop.querySelectorAll("[name=day], [name=hour], [name=last], [name=until]")) {
      field.value = given[field.name] ?? "";
      field.disabled = !field.value;
    }
    drop.submit();
  }

  /* By hand, in the month */

  function byHand(paper) {
    let held = null;
    document.addEventListener("dragstart", (event) => event.target.closest?.("[data-event]") && event.preventDefault());
    document.addEventListener("pointerdown", (event) => {
      const element = event.target.closest("[data-event]");
      if (!element || event.button || event.pointerType === "touch") return;
      const stretch = element.matches(".span.ends") && element.getBoundingClientRect().right - event.clientX < 20;
      held = { ...standing(element), x: event.clientX, y: event.clientY, from: dayAt(event), stretch, moving: false };
    });
    document.addEventListener("pointermove", (event) => {
      if (!held || (!held.moving && Math.hypot(event.clientX - held.x, event.clientY - held.y) < 6)) return;
      if (!held.moving) document.body.classList.add("dragging");
      held.moving = true;
      aim(held, dayAt(event));
    });
    document.addEventListener("pointerup", () => {
      const moved = held;
      held = null;
      if (!moved?.moving) return;
      document.body.classList.remove("dragging");
      addEventListener("click", (event) => { event.preventDefault(); event.stopPropagation(); }, { capture: true, once: true });
      setTimeout(() => dispatchEvent(new MouseEvent("click")), 0); // the click that follows a drag, if the browser sends none
      if (moved.target && moved.target !== moved.from) land(moved);
      else rest();
    });
    paper.addEventListener("click", (event) => {
      if (!event.defaultPrevented && event.target.matches(".day, .day > .n, .day > ul")) event.target.closest(".day").querySelector(".n a").click();
    });
  }

  function dayAt(event) {
    return document.elementsFromPoint(event.clientX, event.clientY).map((one) => one.closest?.("[data-day]")).find(Boolean)?.dataset.day;
  }

  function aim(moved, day) {
    if (day === moved.target) return;
    moved.target = day;
    light(day);
    if (day) tell(moved.title, moved.stretch ? read(day) : whereTo(moved), false);
  }

  /* The first day of an event that was taken at one day and is held over another. */
  function whereTo(moved) {
    return moved.start === null || !moved.from ? read(moved.target) : moved.start + read(moved.target) - read(moved.from);
  }

  function land(moved) {
    if (moved.stretch) return putDown(moved, { last: moved.target });
    putDown({ ...moved, start: whereTo(moved) });
  }

  function light(day) {
    for (const lit of document.querySelectorAll(".day.aimed")) lit.classList.remove("aimed");
    if (day) document.querySelector(`.day[data-day="${day}"]`)?.classList.add("aimed");
  }

  /* The line under the title says where it would go */

  function tell(title, at, timed, acts = false) {
    line.classList.add("moving");
    const said = document.createElement("b");
    said.textContent = drop.dataset.wordsTo.replace("{event}", title).replace("{day}", describe(at, timed));
    const words = document.createElement("p");
    words.setAttribute("role", "status");
    words.append(said);
    line.replaceChildren(words, ...(acts ? [act(drop.dataset.wordsLook, "Enter", lookAt, "first"), act(drop.dataset.wordsBack, "Esc", rest, "")] : []));
  }

  function act(words, key, does, more) {
    const button = document.createElement("button");
    const hint = document.createElement("kbd");
    hint.textContent = key;
    button.type = "button";
    button.classList.add("button", "little", ...(more ? [more] : []));
    button.append(words, " ", hint);
    button.addEventListener("click", does);
    return button;
  }

  function rest() {
    taken?.back?.();
    taken?.element.classList.remove("taken");
    taken = null;
    light();
    line.classList.remove("moving");
    line.innerHTML = atRest;
  }

  /* By keys: M takes an event up, arrows move it, Shift makes it longer or shorter, Enter looks, Esc puts it back */

  function keys(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.isComposing) return;
    if (event.target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select")) return;
    if (!taken) {
      if (event.key.toLowerCase() === "m" && keysAreOn()) take(event);
      return;
    }
    const deed = { Enter: lookAt, m: lookAt, M: lookAt, Escape: rest }[event.key] ?? arrow(event);
    if (!deed) return;
    event.preventDefault();
    event.stopPropagation();
    deed();
  }

  function keysAreOn() {
    try {
      return localStorage.getItem("desk-keys-off") !== "yes";
    } catch {
      return true;
    }
  }

  function take(event) {
    const all = [...document.querySelectorAll("[data-event]")].filter((one) => one.checkVisibility());
    const element = document.activeElement.closest("[data-event]") ?? document.querySelector(".here[data-event]") ?? all[0];
    if (!element) return;
    event.preventDefault();
    event.stopPropagation();
    taken = grid ? inGrid(element) ?? standing(element) : standing(element);
    taken.start ??= read(board?.dataset.at ?? write(Date.now()).slice(0, 10));
    element.classList.add("taken");
    (element.matches("a, [tabindex]") ? element : element.querySelector("a"))?.focus();
    show();
  }

  function arrow(event) {
    const side = { ArrowLeft: -1, ArrowRight: 1 }[event.key], height = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!side && !height) return null;
    const step = side ? side * DAY : height * (taken.timed ? QUARTER : 7 * DAY);
    return () => {
      const least = taken.start + (taken.timed ? QUARTER : 0);
      if (!event.shiftKey) {
        taken.start += step;
        if (taken.end !== null) taken.end += step;
      } else if (taken.end !== null) {
        taken.end = Math.max(least, taken.end + (taken.timed ? (side ?? height) * QUARTER : side ? step : 0));
        taken.stretched = true;
      }
      show();
    };
  }

  function show() {
    taken.show?.();
    light(write(taken.start).slice(0, 10));
    tell(taken.title, taken.stretched ? taken.end : taken.start, taken.timed, true);
  }

  function lookAt() {
    const moved = taken;
    if (!moved) return;
    if (moved.start === moved.was && moved.end === moved.ended) return rest(); // it is where it was
    putDown(moved, moved.stretched ? ending(moved.end, moved.timed) : {});
  }

  /* The grid with hours */

  async function ruleHours() {
    const answer = await fetch(board.dataset.events, { headers: { Accept: "application/json" } });
    if (!answer.ok) return; // the page has it all in lists
    const known = await answer.json();
    const place = document.createElement("div");
    place.className = "hours";
    const venues = look === "by-venue";
    grid = globalThis.EventCalendar.create(place, {
      view: { week: "timeGridWeek", day: "timeGridDay", "by-venue": "resourceTimelineMonth" }[look],
      ...(venues ? { duration: { weeks: 1 }, resources: known.venues, slotWidth: 130 } : {}),
      date: board.dataset.at,
      firstDay: 1,
      locale: language,
      allDayContent: { html: "" }, // the library says "all-day" in English if this is empty
      headerToolbar: { start: "", center: "", end: "" },
      height: "auto",
      slotMinTime: "07:00",
      slotMaxTime: "22:00",
      flexibleSlotTimeLimits: true,
      slotDuration: venues ? { days: 1 } : "00:30",
      snapDuration: venues ? { days: 1 } : "00:15",
      slotEventOverlap: false,
      slotLabelFormat: (time) => ({ html: clocks(time) }),
      dayHeaderFormat: { weekday: "short", day: "numeric", month: "short" },
      nowIndicator: false,
      highlightedDates: known.closed,
      events: [...known.events, ...known.off],
      editable: Boolean(drop),
      longPressDelay: 600,
      eventClassNames: ({ event }) => [event.extendedProps.sort, event.extendedProps.clashes?.length ? "bad" : ""].filter(Boolean),
      eventContent: ({ event }) => ({ domNodes: content(event) }),
      eventDidMount: ({ el, event }) => mark(el, event),
      eventClick: ({ event }) => event.extendedProps.link && !taken && location.assign(event.extendedProps.link),
      dateClick: ({ dateStr, allDay }) => pick(dateStr, allDay || venues),
      eventDrop: ({ event, oldEvent, newResource, revert }) => (newResource ? revert() : landed(event, oldEvent, false)),
      eventResize: ({ event, oldEvent }) => landed(event, oldEvent, true),
    });
    dropTableRoles(place);
    new MutationObserver(() => dropTableRoles(place)).observe(place, { subtree: true, childList: true });
    board.querySelectorAll(".week, .cal-head, .programme").forEach((one) => one.remove());
    if (look === "month" || board.matches("table")) board.replaceWith(place);
    else board.prepend(place);
  }

  /* The library calls its parts a table, but not as tables are made (WAI-ARIA 1.2, 5.2.5): without roles they read in order. */
  function dropTableRoles(place) {
    for (const part of place.querySelectorAll(TABLE_PARTS)) {
      if (!part.matches("[role=button]")) part.removeAttribute("role");
      for (const name of part.getAttributeNames()) if (/^aria-(col|row)/.test(name)) part.removeAttribute(name);
    }
  }

  /* The hour on the clock of the place, and beside it on the officer's. */
  function clocks(time) {
    const hour = `${String(time.getHours()).padStart(2, "0")}:${String(time.getMinutes()).padStart(2, "0")}`;
    if (board.dataset.shift === undefined) return hour;
    const own = new Date(time.getTime() + Number(board.dataset.shift) * 60_000);
    return `${hour} <small>${String(own.getHours()).padStart(2, "0")}:${String(own.getMinutes()).padStart(2, "0")}</small>`;
  }

  function content(event) {
    const { hour, remarks, clashes } = event.extendedProps;
    const parts = [["b", hour ?? ""], ["span", event.title], ["small", remarks ?? ""], ...(clashes ?? []).map((said) => ["strong", said])];
    return parts.filter(([, said]) => said).flatMap(([tag, said]) => {
      const part = document.createElement(tag);
      part.textContent = said;
      return [part, document.createTextNode(" ")];
    });
  }

  function mark(element, event) {
    if (event.extendedProps.states !== undefined || event.editable === false) return;
    element.dataset.event = event.id;
  }

  function wallOf(date) {
    return Date.UTC(date.getFullYear(), date.getMonth(), date.getDate(), date.getHours(), date.getMinutes());
  }

  /* An event of the grid that is taken up by keys: the grid shows where it is. */
  function inGrid(element) {
    const event = grid.getEventById(element.dataset.event);
    if (!event) return null;
    const timed = !event.allDay;
    const start = wallOf(event.start), end = wallOf(event.end) - (timed ? 0 : DAY);
    const local = (at) => write(at);
    const showAt = (from, to) => grid.updateEvent({ ...event, start: local(from), end: local(to + (timed ? 0 : DAY)) });
    return { key: event.id, title: event.title, element, start, end, was: start, ended: end, timed, show: () => showAt(taken.start, taken.end), back: () => showAt(start, end) };
  }

  /* What is let go where it was, is not moved. */
  function landed(event, old, stretched) {
    if (wallOf(event.start) === wallOf(old.start) && wallOf(event.end) === wallOf(old.end)) return;
    const timed = !event.allDay;
    const moved = { key: event.id, start: wallOf(event.start), timed };
    putDown(moved, !stretched ? {} : ending(wallOf(event.end) - (timed ? 0 : DAY), timed));
  }

  /* The new end as the form of a move says it: the last day, and the hour of what has one. */
  function ending(at, timed) {
    return { last: write(at).slice(0, 10), ...(timed ? { until: write(at).slice(11) } : {}) };
  }

  /* A press on a free place of the grid opens the drawer of its day, with the hour. */
  function pick(written, wholeDay) {
    if (!drop) return;
    const address = new URL(location.href);
    address.searchParams.set("day", written.slice(0, 10));
    address.searchParams.set("at", written.slice(0, 10));
    if (wholeDay) address.searchParams.delete("hour");
    else address.searchParams.set("hour", written.slice(11, 16));
    address.hash = "new";
    location.assign(address);
  }
})();
