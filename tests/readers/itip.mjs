// A guest's calendar program on ical.js, as Thunderbird answers: node itip.mjs QUESTION
//
// QUESTION is JSON: {"message": the calendar of the mail, "stored": what the guest's calendar has of it, or null,
// "guest": address, "answer": PARTSTAT or null, "at": instant}. Prints {"stored", "reply"}: what the calendar has then,
// and what it sends back.

import ICAL from "ical.js";

const asked = JSON.parse(process.argv[2]);
const calendar = new ICAL.Component(ICAL.parse(asked.message));
const event = calendar.getFirstSubcomponent("vevent");
const stored = new ICAL.Component(ICAL.parse(asked.stored ?? asked.message));
const known = stored.getFirstSubcomponent("vevent");

if (calendar.getFirstPropertyValue("method") === "CANCEL") known.updatePropertyWithValue("status", "CANCELLED");
else if (asked.stored && number(event) >= number(known)) {
  stored.removeSubcomponent(known);
  stored.addSubcomponent(event);
}
stored.removeProperty("method");
console.log(JSON.stringify({ stored: stored.toString(), reply: asked.answer ? reply() : null }));

function number(one) {
  return one.getFirstPropertyValue("sequence") ?? 0;
}

function reply() {
  const answer = new ICAL.Component(["vcalendar", [], []]), said = new ICAL.Component("vevent");
  answer.updatePropertyWithValue("prodid", "-//Mozilla.org/NONSGML Mozilla Calendar V1.1//EN");
  answer.updatePropertyWithValue("version", "2.0");
  answer.updatePropertyWithValue("method", "REPLY");
  for (const name of ["uid", "sequence", "dtstart", "dtend", "summary", "organizer"]) {
    const found = event.getFirstProperty(name);
    if (found) said.addProperty(new ICAL.Property(structuredClone(found.toJSON()), said));
  }
  said.updatePropertyWithValue("dtstamp", ICAL.Time.fromJSDate(new Date(asked.at), true));
  const guest = said.addPropertyWithValue("attendee", `mailto:${asked.guest}`);
  guest.setParameter("partstat", asked.answer);
  answer.addSubcomponent(said);
  return answer.toString();
}
