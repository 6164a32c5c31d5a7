"""Screenshots of mails, where Datasette serves media.db beside the archive (`watcher screenshots` fills it).

The pictures were drawn by a browser that could reach nothing; what is sent here is their bytes and nothing of
the mail's.
"""

from __future__ import annotations

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
_KEPT: Final = "private, max-age=86400"  # a picture has its version in its address

_SHOT: Final = "SELECT reason FROM shots WHERE newsletter_id = :id"
_PICTURES: Final = """
    SELECT width, height, cut, format, bytes, substr(sha256, 1, 16) AS version
    FROM screenshots WHERE newsletter_id = :id ORDER BY width DESC
"""
_CONTENT: Final = "SELECT format, content FROM screenshots WHERE newsletter_id = :id AND width = :width"


@dataclass(frozen=True, slots=True)
class Pictures:
    """What is there of one newsletter: `reason` says why there are no pictures, where that was tried."""

    database: str
    rows: Sequence[Row]  # the widest first
    reason: str


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


async def picture(request: Request, datasette: Datasette) -> Response:
    """Give the bytes of one screenshot."""
    try:
        database = datasette.get_database(route=tilde_decode(request.url_vars["database"]))
    except KeyError:
        raise NotFound("There is no such database") from None
    if not _TABLES.issubset(await database.table_names()):
        raise NotFound("There are no screenshots in this database")
    if not await _may_view(datasette, request.actor, database):
        raise Forbidden("You do not have permission to view these screenshots")
    found = {"id": int(request.url_vars["id"]), "width": int(request.url_vars["width"])}
    row = (await database.execute(_CONTENT, found)).first()
    if row is None or row["format"] not in _TYPES:
        raise NotFound("There is no such screenshot")
    headers = {"Cache-Control": _KEPT, "Cross-Origin-Resource-Policy": "same-origin"}
    return Response(row["content"], headers=headers, content_type=_TYPES[row["format"]])


async def _may_view(datasette: Datasette, actor: Actor, database: Database) -> bool:
    if not _TABLES.issubset(await database.table_names()):
        return False
    visible, _ = await datasette.check_visibility(
        actor, permissions=[("view-table", (database.name, _TABLE)), ("view-database", database.name)]
    )
    return bool(visible)
