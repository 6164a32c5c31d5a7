"""The mail's own HTML as a document that can reach nothing.

The stored HTML is safe by itself: the cleaning took out scripts and every remote reference. This page is the
second wall, and it is built as if the first had fallen: `sandbox` without `allow-scripts`, nothing may be
loaded, and no element is left that a Content-Security-Policy does not govern.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Mapping

# A click on a link of the mail opens a tab of its own: following it is the reader's decision, and the tab
# escapes the sandbox because another site's pages need their scripts. Nothing opens without a click.
SANDBOX: Final = "allow-popups allow-popups-to-escape-sandbox"

HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Content-Security-Policy": (
            "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; "
            f"form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox {SANDBOX}"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "X-DNS-Prefetch-Control": "off",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
)

# `<link rel=preconnect>` and dns-prefetch speak to the network under any policy and in any sandbox; a
# `<base>` or `<meta>` of the mail would compete with ours. None of them is left in stored HTML; should one
# ever be, it is shown as text.
_UNGOVERNED: Final = re.compile(r"<(?=(?:link|meta|base|iframe|frame|object|embed|portal)\b)", re.IGNORECASE)

_STYLE: Final = (
    ":root{color-scheme:light}"
    "html{background:#fff;color:#1c1c1c;font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}"
    "body{margin:0;padding:12px}"
    "table{max-width:100%;border-collapse:collapse}td,th{vertical-align:top}"
    "img{max-width:100%;height:auto}pre{white-space:pre-wrap}a{color:#0a5c7a}"
)

_DOCUMENT: Final = Markup(
    '<!doctype html>\n<html{lang}><head><meta charset="utf-8"><title>{title}</title>'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<base target="_blank"><style>{style}</style></head>\n<body>{body}</body></html>\n'
)


def document(html: str | None, title: str, language: str | None = "") -> str:
    """Wrap stored HTML into the document that the record page frames, to be sent with `HEADERS`."""
    body = _UNGOVERNED.sub("&lt;", html or "")
    return _DOCUMENT.format(
        lang=Markup(' lang="{}"').format(language) if language else "",
        title=title,
        style=Markup(_STYLE),  # noqa: S704  (a constant)
        body=Markup(body) if body.strip() else _nothing(),  # noqa: S704  (the wall is the frame and its policy)
    )


def _nothing() -> Markup:
    return Markup("<p>{}</p>").format(escape("This mail has no HTML part."))
