"""The Datasette plugin: the archive's own front page, record pages, search and feed.

How it hooks in. Datasette chooses templates by the name of the database file, and the file may have any name;
so `row.html` is overridden, and extends either our page or Datasette's own, depending on whether
`extra_template_vars` found a newsletter archive behind the address. A newsletter's address is therefore
Datasette's own (`/DATABASE/newsletters/ID`), its `.json` works as ever, and every other table and database
looks as it always did. The front page and the lists have routes of their own.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from datasette import handle_exception as error_pages
from datasette.database import QueryInterrupted
from pluggy import HookimplMarker

from watcher.web.plugin import feeds, pages, wording
from watcher.web.plugin.archive import TABLE, is_archive, newsletter
from watcher.web.plugin.csv_cells import with_safe_csv
from watcher.web.plugin.headers import mark_ours, with_quiet_headers
from watcher.web.plugin.mail import SANDBOX
from watcher.web.plugin.pictures import picture, pictures, thumbnail
from watcher.web.plugin.prose import prose
from watcher.web.plugin.queries import QUERIES
from watcher.web.plugin.search import highlighted
from watcher.web.plugin.unreadable import unreadable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from datasette.app import Datasette
    from datasette.utils.asgi import Request, Response
    from jinja2 import Environment

hookimpl = HookimplMarker("datasette")

_FILTERS: dict[str, Callable[..., Any]] = {
    "archive_date": wording.archive_date,
    "short_date": wording.short_date,
    "month_name": wording.month_name,
    "language_name": wording.language_name,
    "status_meaning": wording.status_meaning,
    "calm": wording.calm,
    "ascii_domain": wording.ascii_domain,
    "counted": wording.counted,
    "web_address": wording.web_address,
    "prose": prose,
    "highlighted": highlighted,
}


@hookimpl
def startup() -> None:
    """Keep mail text out of the log: with Rich installed, Datasette prints the local variables of errors."""
    error_pages.rich = None


@hookimpl
def register_routes() -> list[tuple[str, Callable[..., Awaitable[Any]]]]:
    """Add the front page, the list with its search, its feed, statistics, the mail's HTML and pictures."""
    return [
        (r"^/(\.(?P<format>jsono?))?$", pages.front),
        (r"^/-/newsletters$", pages.search),
        (r"^/-/newsletters\.atom$", feeds.feed),
        (r"^/-/newsletters/statistics$", pages.statistics_page),
        (r"^/-/newsletters/(?P<database>[^/]+)/(?P<id>\d{1,18})/mail$", pages.mail),
        (
            r"^/-/newsletters/(?P<database>[^/]+)/(?P<id>\d{1,18})/screenshot-(?P<width>\d{1,5})$",
            picture,
        ),
        (r"^/-/newsletters/(?P<database>[^/]+)/(?P<id>\d{1,18})/thumbnail$", thumbnail),
    ]


@hookimpl
def canned_queries(datasette: Datasette, database: str) -> Callable[[], Awaitable[dict[str, Any]]]:
    """Offer the SQL of the statistics beside an archive; what the settings say of such a query wins."""

    async def found() -> dict[str, Any]:
        if not await is_archive(datasette.get_database(database)):
            return {}
        configured = datasette.metadata("queries", database=database, fallback=False) or {}
        said = {name: each if isinstance(each, dict) else {"sql": each} for name, each in configured.items()}
        return {query.name: {**query.canned, **said.get(query.name, {})} for query in QUERIES}

    return found


@hookimpl
def prepare_jinja2_environment(env: Environment) -> None:
    """Give the templates their words."""
    env.filters.update(_FILTERS)
    env.globals["mail_sandbox"] = SANDBOX


@hookimpl
def extra_template_vars(
    datasette: Datasette,
    request: Request | None,
    template: str,
    view_name: str | None,
    database: str | None,
    table: str | None,
) -> Callable[[], Awaitable[dict[str, Any]]] | dict[str, Any]:
    """Say what a row's page is about: `page` for a newsletter, else nothing."""
    if request is not None and template.startswith("watcher/"):
        mark_ours(request.scope)
    if request is None or view_name != "row" or table != TABLE or database is None:
        return {}

    async def found() -> dict[str, Any]:
        about: dict[str, Any] = {}
        with suppress(QueryInterrupted):  # Datasette's own page is a good answer when ours takes too long
            about = await _record(datasette, request, database)
        if about.get("page"):
            mark_ours(request.scope)
        return about

    return found


@hookimpl
def handle_exception(exception: Exception) -> Response | None:
    """Say it calmly when the file cannot be read; anything else is Datasette's to answer."""
    return unreadable(exception)


@hookimpl
def asgi_wrapper() -> Callable[[Any], Any]:
    """Let no page of this server tell others that it was read, and no CSV cell be a formula."""
    return lambda app: with_quiet_headers(with_safe_csv(app))


async def _record(datasette: Datasette, request: Request, database: str) -> dict[str, Any]:
    archive, key = datasette.get_database(database), request.url_vars["pks"]
    if not key.isdecimal() or not await is_archive(archive):
        return {}
    return {
        **pages.frame(datasette, archive),
        "page": await newsletter(archive, int(key)),
        "screenshots": await pictures(datasette, request.actor, int(key)),
    }
