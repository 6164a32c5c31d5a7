"""The view `record_page`: a newsletter in the fields and the words of a public archive's record page.

Open it by id. Every part of it is a look-up by key, so it costs the same whatever the number of
newsletters, and counting its rows does not touch the texts.
"""

from __future__ import annotations

# Nine characters each.
_MONTHS = (
    "January  February March    April    May      June     "
    "July     August   SeptemberOctober  November December "
)

# Date and time without a zone, `March 1, 2026 9:05 AM`; the zone is UTC.
_DATE = f"""
    rtrim(substr('{_MONTHS}', 9 * substr(n.received_at, 6, 2) - 8, 9))
    || ' ' || CAST(substr(n.received_at, 9, 2) AS INTEGER) || ', ' || substr(n.received_at, 1, 4)
    || ' ' || ((substr(n.received_at, 12, 2) + 11) % 12 + 1) || substr(n.received_at, 14, 3)
    || CASE WHEN substr(n.received_at, 12, 2) < '12' THEN ' AM' ELSE ' PM' END
"""

# Platforms before delivery services, the best answer first; what the receiver's own results speak against
# is no answer, and one name is not said twice.
_PROVIDERS = """
    SELECT group_concat(name, ', ') FROM (
        SELECT p.name FROM newsletter_providers np JOIN providers p ON p.slug = np.provider
        WHERE np.newsletter_id = n.id AND np.layer IN ('platform', 'delivery')
        AND np.status NOT IN ('contradicted', 'unknown')
        GROUP BY p.name ORDER BY min(np.layer <> 'platform'), min(np.position)
    )
"""

_FROM = """
    CASE WHEN n.from_name <> '' AND n.from_address <> '' THEN n.from_name || ' <' || n.from_address || '>'
    ELSE n.from_name || n.from_address END
"""


def _known(expression: str) -> str:
    return f"coalesce(nullif({expression}, ''), 'n/a')"


def _body(column: str) -> str:
    return _known(f"(SELECT {column} FROM bodies WHERE newsletter_id = n.id)")  # noqa: S608  # constants only


def _sender(column: str) -> str:
    return _known(f"(SELECT {column} FROM senders WHERE slug = n.sender)")  # noqa: S608  # constants only


# Look-ups in the columns and no joins: SQLite would do the joins for `count(*)` too, which every page of the
# view asks for.
RECORD_PAGE = f"""
    CREATE VIEW record_page AS
    SELECT n.id,
        {_known(_FROM)} AS "From",
        {_known("n.subject")} AS "Subject",
        {_DATE} AS "Date",
        {_body("text")} AS "Body",
        {_body("html")} AS "HTML",
        'n/a' AS "Screenshot",
        {_sender("name")} AS "Sender",
        {_sender("party")} AS "Political Party",
        {_sender("country")} AS "Country",
        {_sender("locality")} AS "State/Locality",
        {_sender("office")} AS "Office",
        {_known(f"({_PROVIDERS})")} AS "Email Providers"
    FROM newsletters n
"""  # noqa: S608  # constants only
