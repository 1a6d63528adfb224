// What a guest's program answers with ical.js: node itip.mjs < QUESTION, JSON of calendar, address, answer and stamp
//
// Prints the REPLY (RFC 5546 section 3.2.3).

import { readFileSync } from "node:fs";
import ICAL from "ical.js";

const asked = JSON.parse(readFileSync(0, "utf8"));
const calendar = new ICAL.Component(ICAL.parse(asked.calendar));
calendar.updatePropertyWithValue("method", "REPLY");
for (const event of calendar.getAllSubcomponents("vevent")) {
  const guest = event.getAllProperties("attendee").find((one) => one.getFirstValue() === `mailto:${asked.address}`);
  guest.setParameter("partstat", asked.answer);
  guest.removeParameter("rsvp");
  event.removeAllSubcomponents("valarm");
  event.updatePropertyWithValue("dtstamp", ICAL.Time.fromDateTimeString(asked.stamp));
}
process.stdout.write(calendar.toString());
