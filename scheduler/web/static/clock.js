/* Proposes the browser's own clock in the form at the foot of the page. Nothing depends on it. */
(() => {
  const form = document.querySelector("form[data-clock]");
  if (!form) return;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const list = form.elements.clock;
  if (!zone || list.value) return;
  if (![...list.options].some((option) => option.value === zone)) list.add(new Option(zone.replaceAll("_", " "), zone));
  list.value = zone;
})();
