"""Calendar parts (RFC 5545) as lines that a person can read and a search can find.

Four properties of each event are enough for that: what, when, until when, where. They are text here, times
included, so no time zone has to be known; a library for calendars would bring the time zones of the world.
"""

from __future__ import annotations

import re
from typing import Final

_FOLD: Final = re.compile(r"\r?\n[ \t]")  # section 3.1
_PROPERTY: Final = re.compile(
    r"([A-Za-z-]{1,40})((?:;(?:\"[^\"]*\"|[^\":;])*)*):(.*)", re.DOTALL
)  # name, parameters, value
_ESCAPED: Final = re.compile(r"\\([nN,;\\])")  # section 3.3.11
_MOMENT: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?")  # sections 3.3.4 and 3.3.5
_ZONE: Final = re.compile(r";TZID=\"?([^\";:]{1,60})", re.IGNORECASE)
_COMPONENTS: Final = frozenset({"VEVENT", "VTODO", "VJOURNAL"})
_LABELS: Final = {"SUMMARY": "", "DTSTART": "Start: ", "DTEND": "End: ", "LOCATION": "Location: "}
_MOST_EVENTS: Final = 500


def readable(text: str) -> str:
    """The events of an iCalendar object, one property a line and a blank line between two events."""
    events: list[dict[str, str]] = []
    inside: list[str] = []  # the components that are open
    for line in _FOLD.sub("", text).splitlines():
        found = _PROPERTY.fullmatch(line)
        if found is None:
            continue
        name, parameters, value = found[1].upper(), found[2], found[3].strip()
        if name == "BEGIN":
            inside.append(value.upper())
            if len(inside) == 2 and inside[-1] in _COMPONENTS and len(events) < _MOST_EVENTS:
                events.append({})
        elif name == "END":
            if inside and inside[-1] == value.upper():
                inside.pop()
        elif name in _LABELS and len(inside) == 2 and inside[-1] in _COMPONENTS and events:
            events[-1].setdefault(name, _value(name, parameters, value))
    return "\n\n".join(_lines(each) for each in events if any(each.values()))


def _value(name: str, parameters: str, value: str) -> str:
    if not name.startswith("DT"):
        return " ".join(_ESCAPED.sub(_unescaped, value).split())
    moment = _MOMENT.fullmatch(value)
    if moment is None:
        return ""
    year, month, day, hour, minute, _, utc = moment.groups()
    if hour is None:
        return f"{year}-{month}-{day}"
    zone = _ZONE.search(parameters)
    place = " UTC" if utc else f" {zone[1]}" if zone is not None else ""
    return f"{year}-{month}-{day} {hour}:{minute}{place}"


def _unescaped(found: re.Match[str]) -> str:
    return "\n" if found[1] in "nN" else found[1]


def _lines(event: dict[str, str]) -> str:
    return "\n".join(label + event[name] for name, label in _LABELS.items() if event.get(name))
