// What ical.js reads in every feed of a directory: node ical.mjs DIRECTORY UNTIL
//
// Prints JSON: by file a list of occurrences that begin before UNTIL, a date, each as a flat object of strings.

import { readdirSync, readFileSync } from "node:fs";
import ICAL from "ical.js";

const [, , directory, until] = process.argv;
const LAST = ICAL.Time.fromDateString(until);

function read(file) {
  const calendar = new ICAL.Component(ICAL.parse(readFileSync(`${directory}/${file}`, "utf8")));
  const events = calendar.getAllSubcomponents("vevent");
  const overrides = events.filter((one) => one.hasProperty("recurrence-id"));
  return events
    .filter((one) => !one.hasProperty("recurrence-id"))
    .map((one) => new ICAL.Event(one, { strictExceptions: true, exceptions: of(one, overrides) }))
    .flatMap((event) => (event.isRecurring() ? [...series(event)] : [seen(event, event)]));
}

function of(series, overrides) {
  const uid = series.getFirstPropertyValue("uid");
  return overrides.filter((one) => one.getFirstPropertyValue("uid") === uid);
}

function* series(event) {
  const starts = event.iterator();
  for (let start = starts.next(); start && start.compare(LAST) < 0; start = starts.next()) {
    const day = event.getOccurrenceDetails(start);
    yield seen(day.item, day);
  }
}

function seen(event, { startDate, endDate }) {
  return {
    uid: event.uid,
    start: instant(startDate),
    end: instant(endDate),
    summary: event.summary,
    description: event.description ?? "",
    location: event.location ?? "",
    status: event.component.getFirstPropertyValue("status"),
    sequence: String(event.sequence),
    alarms: event.component
      .getAllSubcomponents("valarm")
      .map((alarm) => alarm.getFirstPropertyValue("trigger").toString())
      .join(" "),
  };
}

// A date, or an instant in UTC by the VTIMEZONE of the file; a time without a zone stays one, without a Z.
function instant(time) {
  const zoned = !time.isDate && time.zone !== ICAL.Timezone.localTimezone;
  return (zoned ? time.convertToZone(ICAL.Timezone.utcTimezone) : time).toString();
}

const files = readdirSync(directory).filter((name) => name.endsWith(".ics"));
console.log(JSON.stringify(Object.fromEntries(files.map((file) => [file, read(file)]))));
