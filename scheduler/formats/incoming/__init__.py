"""Mail that came in (RFC 5322), read into values: what it is, who wrote it when, the calendars and words in it.

Nothing in a mail is executed, fetched or believed: it is data of a stranger. No mail makes an error; what cannot be
understood is said to be so.
"""
