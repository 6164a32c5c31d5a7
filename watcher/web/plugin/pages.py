"""The pages with addresses of their own: the list and its feed, statistics, the mail in its frame."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from datasette.utils import tilde_decode
from datasette.utils.asgi import NotFound, Response
from datasette.views.index import IndexView

from watcher.web.plugin.archive import find_archive, is_archive, require_view
from watcher.web.plugin.ask import Ask
from watcher.web.plugin.charts import HEIGHT, WIDTH
from watcher.web.plugin.listing import Listing, listing
from watcher.web.plugin.mail import HEADERS, document
from watcher.web.plugin.pictures import thumbnails
from watcher.web.plugin.statistics import statistics
from watcher.web.plugin.wording import calm

if TYPE_CHECKING:
    from datasette.app import Datasette
    from datasette.database import Database
    from datasette.utils.asgi import Request

_MAIL = """
    select n.subject, n.language, b.html
    from newsletters n join bodies b on b.newsletter_id = n.id where n.id = :id
"""

# What it means that a question has no answer, where that is good news.
_NOTHING: Final = MappingProxyType(
    {
        "senders_gone_quiet": "Nobody: every sender keeps to its rhythm.",
        "alias_leaks": "None: no address that was given to one sender is used by another.",
        "trackers_removed": "There were none.",
    }
)


def frame(datasette: Datasette, archive: Database) -> dict[str, Any]:
    """Return what each template of ours needs: the archive's name, and what the site is called."""
    metadata = datasette.metadata()
    # Datasette's own `metadata` is the table's on a row page and missing on a plugin's page.
    return {"archive": archive.name, "site": metadata, "metadata": metadata}


async def front(request: Request, datasette: Datasette, send: Any) -> Response:
    """Show the newest newsletters at `/`; Datasette's own page beside other data, and for those who may not.

    Not a template for Datasette's page: that one counts and asks permission for every table before it is
    drawn, which takes as long again as all of this.
    """
    archive = None
    if request.method == "GET" and not request.url_vars["format"]:
        archive = await find_archive(datasette, request.actor)
    if archive is None:
        answer: Response = await IndexView.as_view(datasette)(request, send)
        return answer
    return await _list_page(request, datasette, archive, await listing(archive, Ask()))


async def search(request: Request, datasette: Datasette) -> Response:
    """Show the newsletters that match the words and values in the address."""
    archive, found = await _list(request, datasette)
    return await _list_page(request, datasette, archive, found)


async def _list_page(request: Request, datasette: Datasette, archive: Database, found: Listing) -> Response:
    small = await thumbnails(datasette, request.actor, [row["id"] for row in found.rows])
    context = {**frame(datasette, archive), "list": found, "thumbnails": small}
    return Response.html(await datasette.render_template("watcher/list.html", context, request=request))


async def statistics_page(request: Request, datasette: Datasette) -> Response:
    """Show what the archive knows as charts and leaderboards."""
    archive = await _archive(request, datasette)
    context = {
        **frame(datasette, archive),
        "sections": await statistics(datasette, archive, request.actor),
        "nothing": _NOTHING,
        "chart_width": WIDTH,
        "chart_height": HEIGHT,
    }
    return Response.html(await datasette.render_template("watcher/statistics.html", context, request=request))


async def mail(request: Request, datasette: Datasette) -> Response:
    """Give one mail's own HTML, for a frame: with the policy that lets it reach nothing."""
    try:
        archive = datasette.get_database(route=tilde_decode(request.url_vars["database"]))
    except KeyError:
        raise NotFound("There is no such database") from None
    await require_view(datasette, request.actor, archive)
    if not await is_archive(archive):
        raise NotFound("There are no newsletters in this database")
    row = (await archive.execute(_MAIL, {"id": int(request.url_vars["id"])})).first()
    if row is None:
        raise NotFound("There is no such newsletter")
    return Response.html(document(row["html"], calm(row["subject"]), row["language"]), headers=dict(HEADERS))


async def _list(request: Request, datasette: Datasette, *, faceted: bool = True) -> tuple[Database, Listing]:
    archive = await _archive(request, datasette)
    return archive, await listing(archive, Ask.of(_arguments(request)), faceted=faceted)


async def _archive(request: Request, datasette: Datasette) -> Database:
    archive = await find_archive(datasette, request.actor)
    if archive is None:
        raise NotFound("There is no newsletter archive here that you may read")
    return archive


def _arguments(request: Request) -> dict[str, str]:
    arguments: Any = request.args  # the first of several values counts, as everywhere in Datasette
    return {name: arguments[name] for name in arguments if arguments[name]}
