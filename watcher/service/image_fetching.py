"""Pictures of new mail, fetched once for the inboxes that ask for it: `images: fetch`.

Only newsletters that have just come: mail of an import, of a first look into a full mailbox or of the time
before the setting would tell its senders much more than that a mail arrived.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from watcher.clock import utc_now
from watcher.derivation import Assignment
from watcher.derivation.contexts import Contexts
from watcher.images import Fetcher, Image, Refused, wanted
from watcher.images.wanted import personal
from watcher.log import get_logger
from watcher.message import Unparseable, parse
from watcher.pipeline import identity_of
from watcher.rendering import Media
from watcher.service import shutter
from watcher.settings import Images
from watcher.sqlite_errors import DatabaseError
from watcher.store import Store
from watcher.vault import MessageDamaged, Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from watcher.cleaning import Identity
    from watcher.settings import Settings

_NEW = timedelta(days=1)  # since INTERNALDATE: what is older did not just arrive
_PAUSE = 10.0  # seconds between two rounds
_REST = 900.0  # seconds after one that failed
_PATIENCE = 60.0  # seconds for all pictures of one mail, after which no further one is begun


def fetch_images(
    settings: Settings, *, fetcher: Fetcher | None = None, stopped: Callable[[], bool] = lambda: False
) -> int:
    """Ask for the pictures of newsletters that came since the last round; returns for how many mails.

    Raises `VaultError`, `StoreError` and `MediaError`.
    """
    inboxes = [inbox.name for inbox in settings.inboxes if inbox.images is Images.FETCH]
    if not inboxes or not settings.store.newsletters.exists():
        return 0
    done = 0
    contexts = Contexts(Assignment.of(settings, ()))
    with (
        Vault.look(settings.store.vault) as vault,
        Store.look(settings.store.newsletters) as store,
        Media.open(settings.store.media) as media,
    ):
        arrived = {each for inbox in inboxes for each in vault.arrived_since(inbox, utc_now() - _NEW)}
        new = sorted(each for each in arrived if not media.has_fetched(each))
        these = ", ".join(map(str, new))
        for number in sorted(store.ids(f"id IN ({these}) AND kind = 'newsletter' AND status = 'done'")):
            if stopped():
                break
            source = vault.source(number)
            context = contexts.of(source.inbox, source.internal_date)
            try:
                message = parse(vault.raw(number))
            except (Unparseable, MessageDamaged):
                continue
            identity = identity_of(message, context.addresses, context.names)
            _fetch(number, message.html, identity, media, fetcher or Fetcher(), stopped)
            done += 1
    if done:
        shutter.press(settings.store.media)
    return done


def _fetch(
    number: int, html: str, identity: Identity, media: Media, fetcher: Fetcher, stopped: Callable[[], bool]
) -> None:
    chosen = wanted(html, identity)
    images: dict[str, tuple[str, bytes]] = {}
    refusals = dict(chosen.refusals)
    until = utc_now() + timedelta(seconds=_PATIENCE)
    for written, asked in chosen.urls.items():
        if stopped() or utc_now() > until:
            refusals[written] = "the mail's other pictures took too long"
            continue
        try:
            image: Image = fetcher.fetch(asked, lambda url: personal(url, identity))
        except Refused as refusal:
            refusals[written] = refusal.reason
        else:
            images[written] = (image.media_type, image.content)
    media.keep_images(number, images, refusals)


@contextmanager
def fetching_images(settings: Settings) -> Iterator[None]:
    """While entered, a thread of its own makes a round every few seconds; none when no inbox asks for it."""
    if not any(inbox.images is Images.FETCH for inbox in settings.inboxes):
        yield
        return
    stop = threading.Event()

    def rounds() -> None:
        while not stop.is_set():
            stop.wait(_PAUSE if _round(settings, stop.is_set) else _REST)

    thread = threading.Thread(target=rounds, name="images", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(_PAUSE)


def _round(settings: Settings, stopped: Callable[[], bool]) -> bool:
    log = get_logger()
    try:
        done = fetch_images(settings, stopped=stopped)
    except DatabaseError as error:
        log.warning("images_failed", error=str(error))
        return False
    # The boundary that isolates an extra from the intake: a defect in it must not end the daemon.
    except Exception as error:  # noqa: BLE001
        log.error("images_defect", error=type(error).__name__)  # noqa: TRY400  # its text may be mail's
        return False
    if done:
        log.info("images", mails=done)
    return True
