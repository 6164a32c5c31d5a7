"""Screenshots of mails, where Datasette serves media.db beside the archive (`watcher screenshots` fills it).

The pictures were drawn by a browser that could reach nothing; what is sent here is their bytes and nothing of
the mail's.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from datasette.database import Database, QueryInterrupted
from datasette.utils import tilde_decode
from datasette.utils.asgi import Forbidden, NotFound, Response

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from datasette.app import Datasette
    from datasette.utils.asgi import Request

    from watcher.web.plugin.archive import Actor, Row

_TABLE: Final = "screenshots"
_TABLES: Final = frozenset({_TABLE, "shots"})
_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {"webp": "image/webp", "png": "image/png", "jpeg": "image/jpeg"}
)
_KEPT: Final = "private, max-age=31536000, immutable"  # a picture has its version in its address

_SHOT: Final = "SELECT reason FROM shots WHERE newsletter_id = :id"
_PICTURES: Final = """
    SELECT width, height, cut, format, bytes, substr(sha256, 1, 16) AS version
    FROM screenshots WHERE newsletter_id = :id ORDER BY width DESC
"""
_CONTENT: Final = (
    "SELECT format, content, sha256 FROM screenshots WHERE newsletter_id = :id AND width = :width"
)
_SMALL: Final = "thumbnails"
_THUMBNAIL: Final = "SELECT format, content, sha256 FROM thumbnails WHERE newsletter_id = :id"
_THUMBNAILS: Final = """
    SELECT newsletter_id, width, height, substr(sha256, 1, 16) AS version
    FROM thumbnails WHERE newsletter_id IN (SELECT value FROM json_each(:ids))
"""


@dataclass(frozen=True, slots=True)
class Pictures:
    """What is there of one newsletter: `reason` says why there are no pictures, where that was tried."""

    database: str
    rows: Sequence[Row]  # the widest first
    reason: str


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """The small picture of a newsletter, and the database that has it."""

    database: str
    row: Row


async def pictures(datasette: Datasette, actor: Actor, identity: int) -> Pictures | None:
    """Look for screenshots of a newsletter; None where no media.db is served, or not to this actor."""
    for name, database in datasette.databases.items():
        if name != "_internal" and await _may_view(datasette, actor, database):
            try:
                shot = (await database.execute(_SHOT, {"id": identity})).first()
                rows = (await database.execute(_PICTURES, {"id": identity})).rows
            except QueryInterrupted:
                return None
            return Pictures(name, rows, shot["reason"] if shot else "")
    return None


async def thumbnails(datasette: Datasette, actor: Actor, ids: Sequence[int]) -> Mapping[int, Thumbnail]:
    """Look for small pictures of these newsletters; none where they are not served, or not to this actor."""
    for name, database in datasette.databases.items():
        if name == "_internal" or not await _may_view(datasette, actor, database):
            continue
        if _SMALL in await database.table_names():
            with suppress(QueryInterrupted):
                rows = (await database.execute(_THUMBNAILS, {"ids": json.dumps(list(ids))})).rows
                return {row["newsletter_id"]: Thumbnail(name, row) for row in rows}
    return {}


async def thumbnail(request: Request, datasette: Datasette) -> Response:
    """Give the bytes of one small picture."""
    return await _sent(request, datasette, _THUMBNAIL, _SMALL)


async def picture(request: Request, datasette: Datasette) -> Response:
    """Give the bytes of one screenshot."""
    return await _sent(request, datasette, _CONTENT, _TABLE)


async def _sent(request: Request, datasette: Datasette, sql: str, table: str) -> Response:
    try:
        database = datasette.get_database(route=tilde_decode(request.url_vars["database"]))
    except KeyError:
        raise NotFound("There is no such database") from None
    if not {*_TABLES, table}.issubset(await database.table_names()):
        raise NotFound("There are no screenshots in this database")
    if not await _may_view(datasette, request.actor, database):
        raise Forbidden("You do not have permission to view these screenshots")
    found = {name: int(value) for name, value in request.url_vars.items() if name != "database"}
    row = (await database.execute(sql, found)).first()
    if row is None or row["format"] not in _TYPES:
        raise NotFound("There is no such screenshot")
    tag = f'"{row["sha256"][:32]}"'  # RFC 9110, section 8.8.3
    headers = {"Cache-Control": _KEPT, "Cross-Origin-Resource-Policy": "same-origin", "ETag": tag}
    if tag in request.headers.get("if-none-match", ""):
        return Response(b"", status=304, headers=headers)
    return Response(row["content"], headers=headers, content_type=_TYPES[row["format"]])


async def _may_view(datasette: Datasette, actor: Actor, database: Database) -> bool:
    if not _TABLES.issubset(await database.table_names()):
        return False
    visible, _ = await datasette.check_visibility(
        actor, permissions=[("view-table", (database.name, _TABLE)), ("view-database", database.name)]
    )
    return bool(visible)
