"""Days and hours as a formal Thai card gives them: ในวันศุกร์ที่ ๑๒ มีนาคม พุทธศักราช ๒๕๗๐ เวลา ๑๐.๓๐ นาฬิกา."""

from __future__ import annotations

from datetime import date, time

from scheduler.base.date_format import BUDDHIST_ERA

_WEEKDAYS = ("จันทร์", "อังคาร", "พุธ", "พฤหัสบดี", "ศุกร์", "เสาร์", "อาทิตย์")
_MONTHS = (
    *("มกราคม", "กุมภาพันธ์", "มีนาคม", "เมษายน", "พฤษภาคม", "มิถุนายน"),
    *("กรกฎาคม", "สิงหาคม", "กันยายน", "ตุลาคม", "พฤศจิกายน", "ธันวาคม"),
)
_DIGITS = str.maketrans("0123456789", "๐๑๒๓๔๕๖๗๘๙")


def spell(day: date, hour: time | None) -> str:
    """Return a day, and an hour on it, as on a card of invitation: in Thai digits and the Buddhist era."""
    month, year = _MONTHS[day.month - 1], day.year + BUDDHIST_ERA
    words = f"ในวัน{_WEEKDAYS[day.weekday()]}ที่ {day.day} {month} พุทธศักราช {year}"
    return (f"{words} เวลา {hour:%H.%M} นาฬิกา" if hour else words).translate(_DIGITS)
