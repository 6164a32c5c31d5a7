"""Newsletters of our own making, in the shapes of platforms. All names and tokens are invented."""

from __future__ import annotations

ARTICLE = (
    "The council voted on Tuesday to open the old harbour baths again after eleven years of repairs.",
    "Visitors can swim from the first of June, and the price stays below five euros for the whole season.",
    "The architects kept the wooden changing rooms and added a ramp, so that everybody can reach the water.",
    "A small museum in the former boiler house tells how the baths were built, closed and finally saved.",
)
LIST = "https://harbour.us7.list-manage.com"
TOKENS = "u=0011223344556677889900aab&id=0a1b2c3d4e&e=5f6e7d8c9b"
BROWSER = "https://mailchi.mp/0123456789ab/harbour-news?e=5f6e7d8c9b"
PREHEADER = "Swim from the first of June"


def mailchimp_html(*, footer: bool = True, canspam: bool = False, extra: str = "") -> str:
    """A mail of the old drag-and-drop builder, with the browser link as its first visible line."""
    body = "".join(f"<p>{text}</p>" for text in ARTICLE)
    return f"""<!doctype html><html><head><title>Harbour news</title>
<style>p{{margin:10px 0}} .mcnImage{{background:url(https://cdn.example.com/bg.png)}}</style></head>
<body><!--[if !gte mso 9]><!----><span class="mcnPreviewText" style="display:none; font-size:0px;
max-height:0">{PREHEADER}{"&#847; &zwnj; " * 12}</span><!--<![endif]-->
<center><table id="bodyTable"><tr><td id="templatePreheader"><table class="mcnTextBlock"><tr>
<td class="mcnTextContent"><a href="{BROWSER}">View this email in your browser</a></td></tr></table></td></tr>
<tr><td id="templateBody"><div class="mcnTextContent"><h1>The baths are open</h1>{body}
<p>Read <a href="https://harbour.example.org/opening">the programme</a> and
<a href="{LIST}/track/click?{TOKENS}">buy a ticket</a>.</p>{extra}</div></td></tr>
{_footer() if footer else ""}</table></center>{_canspam() if canspam else ""}
<img src="{LIST}/track/open.php?{TOKENS}" height="1" width="1" alt=""></body></html>"""


def _footer() -> str:
    return f"""<tr><td id="templateFooter"><table class="mcnFollowBlock"><tr><td>
<a href="https://www.facebook.com/harbour.example"><img alt="Facebook"
src="https://cdn-images.mailchimp.com/icons/social-block-v2/facebook.png" width="24" height="24"></a>
</td></tr></table><div class="mcnTextContent">
<em>Copyright &copy; 2025 Harbour Trust, All rights reserved.</em><br>
You are receiving this email because you opted in via our website.<br>
<strong>Our mailing address is:</strong>
<div class="vcard"><span class="org fn">Harbour Trust</span>
<div class="adr">12 Quay Street<br>Anytown</div></div>
Want to change how you receive these emails?<br>You can <a href="{LIST}/profile?{TOKENS}">update your
preferences</a> or <a href="{LIST}/unsubscribe?{TOKENS}">unsubscribe from this list</a>.</div></td></tr>"""


def _canspam() -> str:
    return f"""<center><div id="canspamBarWrapper"><div id="canspamBar">This email was sent to
<a href="mailto:jo.reader@example.org">jo.reader@example.org</a><br>
<a href="{LIST}/about?{TOKENS}"><em>why did I get this?</em></a>&nbsp;&nbsp;&nbsp;
<a href="{LIST}/unsubscribe?{TOKENS}">unsubscribe from this list</a>&nbsp;&nbsp;&nbsp;
<a href="{LIST}/profile?{TOKENS}">update subscription preferences</a><br>
Harbour Trust &middot; 12 Quay Street &middot; Anytown 12345 &middot; USA</div></div></center>"""


def mailchimp_plain() -> str:
    """The plain part that goes with `mailchimp_html`."""
    rule = "-" * 60
    body = "\r\n\r\n".join(ARTICLE)
    return "\r\n".join(
        (
            PREHEADER,
            "",
            f"View this email in your browser ({BROWSER})",
            "",
            "** The baths are open",
            rule,
            "",
            body,
            "",
            "Read the programme (https://harbour.example.org/opening)",
            f"and buy a ticket ({LIST}/track/click?{TOKENS}).",
            "",
            "=" * 60,
            "** Facebook (https://www.facebook.com/harbour.example)",
            "Copyright © 2025 Harbour Trust, All rights reserved.",
            "You are receiving this email because you opted in via our website.",
            "",
            "Our mailing address is:",
            "Harbour Trust",
            "12 Quay Street",
            "Anytown",
            "",
            "Want to change how you receive these emails?",
            f"You can ** update your preferences ({LIST}/profile?{TOKENS})",
            f"or ** unsubscribe from this list ({LIST}/unsubscribe?{TOKENS})",
            ".",
        )
    )
