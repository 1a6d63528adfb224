"""Mail that comes back: answers to invitations, words, and reports about e-mails that did not arrive.

Everything that comes in is kept, and shown with what became of it. What is certain is done; the rest waits for an
officer. Nothing is done because a mail says so in words.
"""
