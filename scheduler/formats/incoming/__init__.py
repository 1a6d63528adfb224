"""Mail that came in (RFC 5322), read into values: what it is, who wrote it when, the calendars and words in it.

Nothing in a mail is executed, fetched or believed: it is data of a stranger. No mail makes an error; what cannot be
understood is said to be so.
"""

from scheduler.formats.incoming.delivery_reports import DeliveryStatus
from scheduler.formats.incoming.received_mail import MOST_BYTES, MailKind, ReceivedCalendar, ReceivedMail, read_mail

__all__ = ["MOST_BYTES", "DeliveryStatus", "MailKind", "ReceivedCalendar", "ReceivedMail", "read_mail"]
