"""The addresses of the feeds: every list of newsletters, as Atom, for as long as somebody subscribes to it.

A feed reader asks every few minutes. `ETag` and `Last-Modified` (RFC 9110, sections 8.8 and 13) let it be
told that nothing is new without the feed itself.
"""

from __future__ import annotations

import re
import time
from email.utils import formatdate, parsedate_to_datetime
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from datasette.utils.asgi import NotFound, Response

from watcher.web.plugin.archive import TABLE, find_archive
from watcher.web.plugin.ask import Ask
from watcher.web.plugin.feed import TYPE, Entry, Feed, atom, tag
from watcher.web.plugin.listing import Listing, bodies, listing
from watcher.web.plugin.wording import calm, language_name, month_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from datasette.app import Datasette
    from datasette.database import Database
    from datasette.utils.asgi import Request

    from watcher.web.plugin.archive import Row

PLUGIN: Final = "newsletter-watcher"  # its name in datasette.yaml, below `plugins`
_ISSUED: Final = "2026"  # since when ids are given; RFC 4151, section 2.1 takes a year for its first day
_HOST: Final = re.compile(r"(?i)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){0,8}[a-z0-9-]{1,63}")
_AUTHORITY: Final = re.compile(r"(?i)[a-z0-9._@-]{1,255},\d{4}(?:-\d\d(?:-\d\d)?)?")
_SETTLED: Final = 2.0  # seconds: what was written just now may be written again within the same second
_WORDED: Final[Mapping[str, Any]] = {"month": month_name, "language": language_name}


async def feed(request: Request, datasette: Datasette) -> Response:
    """Give the list that the address asks for as an Atom feed, or say that it is as the reader knows it."""
    archive = await find_archive(datasette, request.actor)
    if archive is None:
        raise NotFound("There is no newsletter archive here that you may read")
    modified = _modified(archive)  # before it is read: what is written meanwhile is newer
    arguments: Any = request.args
    ask = Ask.of({name: arguments[name] for name in arguments if arguments[name]})
    found = await listing(archive, ask, faceted=False)
    body = atom(_described(request, datasette, archive, found, await bodies(archive, found.rows)))
    etag = f'"{blake2b(body.encode(), digest_size=16).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}  # keep it, and ask each time whether it still holds
    if modified is not None:
        headers["Last-Modified"] = formatdate(modified, usegmt=True)
    if _is_known(request, etag, modified):
        return Response("", status=304, headers=headers, content_type=TYPE)
    return Response(body, headers=headers, content_type=f"{TYPE}; charset=utf-8")


def _described(
    request: Request, datasette: Datasette, archive: Database, found: Listing, stored: Mapping[int, Row]
) -> Feed:
    def absolute(path: str, query: str = "") -> str:
        address = str(datasette.absolute_url(request, str(datasette.urls.path(path))))
        return f"{address}?{query}" if query else address

    def entry(row: Row) -> Entry:
        body = stored.get(row["id"])
        return Entry(
            id=tag(authority, f"{archive.name}/{TABLE}/{row['id']}"),
            url=str(datasette.absolute_url(request, datasette.urls.row(archive.name, TABLE, str(row["id"])))),
            title=calm(row["subject"]),
            author=calm(row["sender_name"] or row["from_name"] or row["from_domain"]),
            updated=row["received_at"],
            summary=calm(row["excerpt"]),
            html=body["html"] if body else "",
            text=body["text"] if body else "",
            language=row["language"] if re.fullmatch(r"[A-Za-z]{2,8}", row["language"]) else "",
        )

    authority = _authority(request, datasette)
    site, query = str(datasette.metadata("title") or "Newsletters"), found.ask.address()
    here = found.ask.address(before="~".join(map(str, found.ask.before))) if found.ask.before else query
    return Feed(
        id=tag(authority, f"{archive.name}/feed" + (f"?{query}" if query else "")),
        title=_title(site, found),
        author=site,
        page=absolute("/-/newsletters", here),
        address=absolute("/-/newsletters.atom", here),
        first=absolute("/-/newsletters.atom", query),
        older=absolute("/-/newsletters.atom", found.older) if found.older else "",
        entries=tuple(map(entry, found.rows)),
    )


def _title(site: str, found: Listing) -> str:
    """Name the feed by what its list is narrowed to: a reader has many feeds beside each other."""
    ask, first = found.ask, found.rows[0] if found.rows else None
    parts = [f"“{calm(ask.words)}”"] if ask.words else []
    for name, value in ask.narrowed.items():
        named = {"sender": "sender_name", "platform": "platform_name"}.get(name)
        words = (first[named] if first and named else None) or value
        parts.append(calm(_WORDED.get(name, str)(words)))
    return f"{site}: {', '.join(parts)}" if parts else site


def _authority(request: Request, datasette: Datasette) -> str:
    """Return who gives the ids: as the settings say, else the host that was asked and a fixed year."""
    configured = (datasette.plugin_config(PLUGIN) or {}).get("tag_authority")
    if isinstance(configured, str) and _AUTHORITY.fullmatch(configured):
        return configured
    host = str(request.host or "").rpartition("@")[2].partition(":")[0].lower()
    return f"{host if _HOST.fullmatch(host) else 'localhost'},{_ISSUED}"


def _modified(archive: Database) -> int | None:
    """Return when the archive last changed, in seconds since 1970; None when that is not known for sure.

    An empty -wal file holds no change: whoever reads makes one.
    """
    if not archive.path:
        return None
    path = Path(archive.path)
    try:
        times = [path.stat().st_mtime]
        wal = path.with_name(path.name + "-wal")
        if wal.exists() and (status := wal.stat()).st_size:
            times.append(status.st_mtime)
    except OSError:
        return None
    newest = max(times)
    return int(newest) if time.time() - newest > _SETTLED else None


def _is_known(request: Request, etag: str, modified: int | None) -> bool:
    """Whether the reader has this very feed: by its tag if it sent one, else by the time (section 13.2.2)."""
    known = request.headers.get("if-none-match")
    if known is not None:
        return known.strip() == "*" or etag in {each.strip().removeprefix("W/") for each in known.split(",")}
    try:
        since = parsedate_to_datetime(request.headers.get("if-modified-since", ""))
    except (ValueError, TypeError):
        return False
    return modified is not None and modified <= since.timestamp()
