"""Writing at the desk: messages to guests, the e-mails of all events and posts, reminders."""
