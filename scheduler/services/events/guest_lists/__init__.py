"""Guest lists: spreadsheets of people, read into the list of an event and written from it."""
