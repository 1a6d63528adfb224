"""The outbox: letters that are to be sent, when reminders are due, and which worker sends which letter."""
