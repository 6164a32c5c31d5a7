"""Calendar parts as readable lines."""

from __future__ import annotations

import pytest

from watcher.message.calendars import readable

EVENT = """BEGIN:VCALENDAR\r
BEGIN:VTIMEZONE\r
TZID:Europe/Example\r
BEGIN:STANDARD\r
DTSTART:19701025T030000\r
END:STANDARD\r
END:VTIMEZONE\r
BEGIN:VEVENT\r
SUMMARY;LANGUAGE=en:The quince\r
  fair\\, and\\na dance\r
DTSTART;TZID=Europe/Example:20261003T140000\r
DTEND:20261003T160000Z\r
LOCATION;ALTREP="http://a.invalid/x:y":Old fire station\\; upstairs\r
BEGIN:VALARM\r
SUMMARY:An alarm\r
END:VALARM\r
END:VEVENT\r
END:VCALENDAR\r
"""


def test_an_event_is_four_lines() -> None:
    """What, when, until when, where: unfolded, unescaped, with the zone as it stands; alarms are left out."""
    assert readable(EVENT).splitlines() == [
        "The quince fair, and a dance",
        "Start: 2026-10-03 14:00 Europe/Example",
        "End: 2026-10-03 16:00 UTC",
        "Location: Old fire station; upstairs",
    ]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("BEGIN:VEVENT\nDTSTART;VALUE=DATE:20261003\nEND:VEVENT", "Start: 2026-10-03"),
        ("BEGIN:VEVENT\nSUMMARY:a\nEND:VEVENT\nBEGIN:VTODO\nSUMMARY:b\nEND:VTODO", "a\n\nb"),
        ("BEGIN:VEVENT\nSUMMARY:first\nSUMMARY:second\nEND:VEVENT", "first"),
        ("BEGIN:VEVENT\nDTSTART:tomorrow\nSUMMARY:x\nEND:VEVENT", "x"),
        ("BEGIN:VEVENT\nEND:VEVENT", ""),
        ("BEGIN:VFREEBUSY\nDTSTART:20261003\nEND:VFREEBUSY", ""),
        ("no calendar : at all", ""),
    ],
)
def test_what_is_odd_is_passed_over(lines: str, expected: str) -> None:
    """One line of nonsense costs that line."""
    assert readable(f"BEGIN:VCALENDAR\n{lines}\nEND:VCALENDAR") == expected
