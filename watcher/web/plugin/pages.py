"""The pages with addresses of their own: the list with its search, the feed, and the mail in its frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datasette.utils import tilde_decode
from datasette.utils.asgi import NotFound, Response

from watcher.web.plugin.archive import TABLE, find_archive, is_archive, require_view
from watcher.web.plugin.ask import Ask
from watcher.web.plugin.feed import Entry, atom
from watcher.web.plugin.listing import Listing, bodies, listing
from watcher.web.plugin.mail import HEADERS, document
from watcher.web.plugin.wording import calm

if TYPE_CHECKING:
    from datasette.app import Datasette
    from datasette.database import Database
    from datasette.utils.asgi import Request

_MAIL = """
    select n.subject, n.language, b.html
    from newsletters n join bodies b on b.newsletter_id = n.id where n.id = :id
"""


def frame(datasette: Datasette, archive: Database) -> dict[str, Any]:
    """Return what each template of ours needs: the archive's name, and what the site is called."""
    metadata = datasette.metadata()
    # Datasette's own `metadata` is the table's on a row page and missing on a plugin's page.
    return {"archive": archive.name, "site": metadata, "metadata": metadata}


async def search(request: Request, datasette: Datasette) -> Response:
    """Show the newsletters that match the words and values in the address."""
    archive, found = await _list(request, datasette)
    context = {**frame(datasette, archive), "list": found}
    return Response.html(await datasette.render_template("watcher/list.html", context, request=request))


async def feed(request: Request, datasette: Datasette) -> Response:
    """Give the same list as an Atom feed."""
    archive, found = await _list(request, datasette, faceted=False)
    stored = await bodies(archive, found.rows)
    query = found.ask.address()

    def absolute(path: str) -> str:
        return str(datasette.absolute_url(request, str(path)))

    entries = [
        Entry(
            url=absolute(datasette.urls.row(archive.name, TABLE, str(row["id"]))),
            title=calm(row["subject"]),
            author=calm(row["sender_name"] or row["from_name"] or row["from_domain"]),
            updated=row["received_at"],
            summary=row["excerpt"] or "",
            html=stored[row["id"]]["html"] if row["id"] in stored else "",
            text=stored[row["id"]]["text"] if row["id"] in stored else "",
        )
        for row in found.rows
    ]
    body = atom(
        datasette.metadata("title") or "Newsletters",
        absolute(_with_query(datasette.urls.path("/-/newsletters"), query)),
        absolute(_with_query(datasette.urls.path("/-/newsletters.atom"), query)),
        entries,
    )
    return Response(body, content_type="application/atom+xml; charset=utf-8")


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
    archive = await find_archive(datasette, request.actor)
    if archive is None:
        raise NotFound("There is no newsletter archive here that you may read")
    return archive, await listing(archive, Ask.of(_arguments(request)), faceted=faceted)


def _arguments(request: Request) -> dict[str, str]:
    arguments: Any = request.args  # the first of several values counts, as everywhere in Datasette
    return {name: arguments[name] for name in arguments if arguments[name]}


def _with_query(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path
