"""A copy of the archive for everybody: reduced, looked through once more, and complete or not there.

The store names no reader: every text went through the identity gate when it was derived. It did so by the
settings of that day. Before a copy leaves the house, every text of it goes through the gate again, by the
settings of today: an address that was added since, or a row that something else wrote, stops it.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from watcher.cleaning.identity import Identity
from watcher.service.backup import megabytes, sync
from watcher.sqlite_errors import DatabaseError
from watcher.store import Store, public

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from watcher.settings import SenderSettings, Settings

STORE = "newsletters.db"

_SHOWN = 10  # places that an error lists
_SPARE = 16 << 20  # bytes that must be left on the disk
_SIDES = ("-wal", "-shm", "-journal")
_FOR_ALL = 0o644
_URL = re.compile(r"https?://[^\s<>\"'()\[\]]+", re.IGNORECASE)
_LEAST = 5  # characters of the shortest address, a@b.c
_SHORT = 200  # characters of a text that may well come again
_REMEMBERED = 50_000


class PublishError(Exception):
    """No copy can be published; the message says why and what to do, and quotes no mail."""


@dataclass(frozen=True, slots=True)
class Published:
    """What a copy holds. `path` is None when it was only tried."""

    path: Path | None
    newsletters: int
    left_out: int  # mails that are no newsletters, or that could not be read
    size: int  # bytes
    strange_inboxes: tuple[str, ...]  # that the settings do not name: whose readers nobody can look for


def publish(
    settings: Settings,
    senders: Iterable[SenderSettings],
    directory: Path,
    *,
    everything: bool = False,
    dry_run: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> Published:
    """Put a public copy of the store into `directory`, in the place of an older one.

    `everything` copies what is no newsletter as well; `dry_run` does all of it but the last step; `advance`
    hears of newsletters that were looked through. Who reads the older copy goes on reading it. Raises
    `PublishError` when the copy names the reader, when `directory` holds a store in service, or when there is
    no room; then the older copy is as it was.
    """
    source = settings.store.newsletters
    target = directory / STORE
    _refuse_service(source, target)
    gate = Gate(settings, senders)
    with _worded(directory), _workshop(directory, keep=not dry_run) as bench:
        _require_space(source, bench)
        draft, final = bench / "draft.db", bench / STORE
        for path in (draft, final):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        with closing(Store.look(source)) as store:
            total = store.count()
            store.copy_to(draft)
        inboxes = public.reduce(draft, everything=everything)
        _require_silence(gate.hits(public.texts(draft), inboxes, advance))
        public.seal(draft, final)
        size = final.stat().st_size
        if not dry_run:
            final.chmod(_FOR_ALL)
            sync(final)
            final.replace(target)
            sync(directory)
    known = {inbox.name for inbox in settings.inboxes}
    strange = tuple(sorted(set(inboxes.values()) - known))
    return Published(None if dry_run else target, len(inboxes), total - len(inboxes), size, strange)


def newsletters_in(source: Path) -> int:
    """Return how many mails there are to look through; 0 without a store. Raises `PublishError`."""
    if not source.exists():
        return 0
    with _worded(source), closing(Store.look(source)) as store:
        return store.count()


class Gate:
    """Finds whoever reads the mail in a text: the addresses of all inboxes, and the names of its own."""

    def __init__(self, settings: Settings, senders: Iterable[SenderSettings] = ()) -> None:
        aliases = {alias for sender in senders for alias in sender.match.aliases if "@" in alias}
        own = {address for inbox in settings.inboxes for address in (inbox.username, *inbox.addresses)}
        self._addresses = Identity.of(own | aliases)
        self._names = {inbox.name: Identity.of((), inbox.redact) for inbox in settings.inboxes}
        self._every_name = Identity.of((), {name for inbox in settings.inboxes for name in inbox.redact})
        self._names_reader_shortly = lru_cache(_REMEMBERED)(self._look)  # of rules and hosts there are few

    def names_reader(self, text: str, inbox: str | None = None) -> bool:
        """Whether the text names a reader, openly or encoded: `inbox` says whose names may stand in it.

        Without an inbox that the settings know, all names count. In the path of an address of the web a name
        of one word is somebody else's as often as not, so it counts only where the pipeline counts it.
        """
        return self._names_reader_shortly(text, inbox) if len(text) < _SHORT else self._look(text, inbox)

    def _look(self, text: str, inbox: str | None) -> bool:
        if len(text) >= _LEAST:
            if self._addresses.carried_by(text):
                return True
            # Entities and invisible letters inside an address are for what reads as text alone.
            if ("&" in text or not text.isascii()) and self._addresses.redact(text)[1]:
                return True
        names = self._names.get(inbox or "", self._every_name)
        if not names:
            return False
        rest = _URL.sub(" ", text)
        return names.redact(rest)[1] > 0 or any(names.carried_by(url) for url in _URL.findall(text))

    def hits(
        self,
        texts: Iterable[public.Text],
        inboxes: Mapping[int, str],
        advance: Callable[[int], None],
    ) -> Iterator[str]:
        """Say where readers are named, `links.url (newsletter_id 12, position 3)`, and never by what."""
        for text in texts:
            inbox = inboxes.get(text.newsletter) if text.newsletter is not None else None
            if self.names_reader(text.value, inbox):
                yield f"{text.table}.{text.column} ({text.row})"
            if (text.table, text.column) == ("newsletters", "received_at"):
                advance(1)


def _require_silence(hits: Iterator[str]) -> None:
    found = list(hits)
    if not found:
        return
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    raise PublishError(
        f"nothing was published: a reader of the mail is named in {', '.join(found[:_SHOWN])}{more}; "
        "run `watcher rebuild`, which takes out whom inboxes.yaml names today, and publish again (names are "
        "taken out of the mail of their inbox alone)"
    )


def _refuse_service(source: Path, target: Path) -> None:
    if not source.exists():
        raise PublishError(f"store {source}: there is none yet; run `watcher poll` or `watcher import` first")
    if target.exists() and target.samefile(source):
        raise PublishError(f"{target} is the archive itself; name another folder for the copy")
    if beside := [side for side in _SIDES if target.with_name(target.name + side).exists()]:
        raise PublishError(
            f"{target} has a file {beside[0]} beside it, so a program writes to it; name another folder"
        )


def _require_space(source: Path, bench: Path) -> None:
    with closing(Store.look(source)) as store:
        needed = 2 * store.size + _SPARE
    space = os.statvfs(bench)
    free = space.f_bavail * space.f_frsize
    if free < needed:
        raise PublishError(
            f"{bench.parent}: the copy needs {megabytes(needed)} for a moment and {megabytes(free)} are "
            "free; free some space, or name another disk"
        )


@contextmanager
def _workshop(directory: Path, *, keep: bool) -> Iterator[Path]:
    """Give a folder on the disk of `directory`, closed to others, that is gone afterwards.

    `directory` itself is made when it is to be kept.
    """
    if keep and not directory.exists():
        directory.mkdir(parents=True)
        directory.chmod(0o755)  # whatever the umask: it is for everybody
    nearest = next(each for each in (directory, *directory.absolute().parents) if each.is_dir())
    bench = Path(tempfile.mkdtemp(prefix=".watcher-publish-", dir=nearest))
    try:
        yield bench
    finally:
        with suppress(OSError):
            shutil.rmtree(bench)


@contextmanager
def _worded(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PublishError(f"{directory}: {error.strerror or error}") from error
    except DatabaseError as error:
        raise PublishError(f"{directory}: nothing was published: {error}") from error
