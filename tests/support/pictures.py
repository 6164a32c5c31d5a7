"""Makes the README's pictures from the demo: python -m tests.support.pictures."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.bench.grow_store import grow
from tests.support.browser import screenshot
from tests.support.home import Home
from tests.support.web import serving

FOLDER = Path(__file__).resolve().parents[2] / ".pictures"
SUBJECT = "Four undecided votes"
ENOUGH = 20_000  # newsletters for statistics that show something


def main() -> None:
    """Take the samples in, and photograph what Datasette shows of them."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        assert home.run("demo", "--once", "--dir", str(home.root)).code == 0
        store = home.root / "newsletters.db"
        home.store = store
        (row,) = home.rows("select id from newsletters where subject = ?", SUBJECT)
        with serving(store) as web:
            page = f"{web.base}/newsletters/newsletters/{row['id']}"
            screenshot(page, FOLDER / "record-page.png", width=1100)
            screenshot(f"{web.base}/", FOLDER / "front-page.png", width=1100)
            search = f"{web.base}/-/newsletters?q=river"
            screenshot(search, FOLDER / "phone-dark.png", width=390, scheme="dark")
        grown = home.root / "grown" / "newsletters.db"
        grow(grown, ENOUGH)
        with serving(grown) as web:
            page = f"{web.base}/-/newsletters/statistics"
            screenshot(page, FOLDER / "statistics.png", width=1100, height=1280)


if __name__ == "__main__":
    main()
