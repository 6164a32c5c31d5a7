"""A small archive of our own newsletters, as Records: what the web pages are tested and looked at with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watcher.record import (
    Attachment,
    Author,
    Evidence,
    Kind,
    Layer,
    Link,
    LinkAction,
    Provider,
    ProviderEntry,
    ProviderStatus,
    Record,
    Removed,
    Sender,
    SenderMatch,
    Status,
    Tracker,
)
from watcher.store import Store

if TYPE_CHECKING:
    from pathlib import Path

SENDERS = (
    Sender(
        slug="willow-creek-party",
        name="Willow Creek Party",
        kind="party",
        party="Willow Creek Party",
        country="Exampleland",
        locality="Willow County",
        office="County Council",
        website="https://willow-creek.example.org",
    ),
    Sender(slug="river-watch", name="River Watch", kind="organisation", country="Exampleland"),
)

PROVIDERS = (
    ProviderEntry("mailchimp", "MailChimp", Layer.PLATFORM, "marketing"),
    ProviderEntry("substack", "Substack", Layer.PLATFORM, "newsletter"),
    ProviderEntry("mailgun", "Mailgun", Layer.DELIVERY, "delivery"),
)

_HEADER = "Authentication-Results"
MAILCHIMP = Provider(
    "mailchimp",
    "MailChimp",
    Layer.PLATFORM,
    ProviderStatus.VERIFIED,
    "ac0ffee",
    (
        Evidence("dkim_domain", _HEADER, "mcsv.net", "mailchimp-9", "definitive", "authenticated"),
        Evidence("header_name", "X-MC-User", "X-MC-User", "mailchimp-1", "strong", "claimed"),
        Evidence(
            "list_unsubscribe_host",
            "List-Unsubscribe",
            "list-manage.com",
            "mailchimp-11",
            "strong",
            "claimed",
        ),
    ),
)
MAILCHIMP_DELIVERY = replace(MAILCHIMP, layer=Layer.DELIVERY, evidence=())
SUBSTACK = Provider("substack", "Substack", Layer.PLATFORM, ProviderStatus.ASSERTED)
MAILGUN = Provider("mailgun", "Mailgun", Layer.DELIVERY, ProviderStatus.HINTED)

_TEXT = """\
# What the council will decide in November

Dear neighbours,

the water in **Willow Creek** is lower than in any autumn since the gauge was built. On Thursday the \
county council decides on the restoration plan, and the gallery is open to everyone.

## Three things to know

- The footpath moves up the bank, see [the map of the new path](https://willow-creek.example.org/map).
- Two weirs go; the mill keeps its water.
- It costs each household *about one coffee a month*.

> A creek is not a ditch. It is the reason that the town is here.

Read the whole plan ([link removed]) or come to the reading on Tuesday, in the old fire station.

[link removed]

See you there,
the Willow Creek team
"""

_HTML = """\
<table width="100%" style="background-color:#eef3ee"><tr><td align="center"><table width="560"
 style="background-color:#ffffff;font-family:Georgia,serif;color:#223322"><tr><td style="padding:32px">
<p style="color:#4a7a5a;font-size:13px;letter-spacing:2px;text-transform:uppercase">Willow Creek Party</p>
<h1 style="font-size:28px;line-height:1.2">What the council will decide in November</h1>
<p>Dear neighbours,</p><p>the water in <strong>Willow Creek</strong> is lower than in any autumn since the
gauge was built. On Thursday the county council decides on the restoration plan, and the gallery is open to
everyone.</p><h2 style="color:#4a7a5a;font-size:20px">Three things to know</h2>
<ul><li>The plan moves the footpath up the bank, see
<a href="https://willow-creek.example.org/map">the map of the new path</a>.</li><li>Two weirs go;
the mill keeps its water.</li><li>It costs each household <em>about one coffee a month</em>.</li></ul>
<table><tr><td style="background-color:#4a7a5a;padding:12px 22px;color:#ffffff">Read the whole plan
[link removed]</td></tr></table><p>See you there,<br>the Willow Creek team</p></td></tr></table>
</td></tr></table>
"""

_SITE = "willow-creek.example.org"

_CREEK = Record(
    inbox="politics",
    received_at="2026-11-19T07:42:10Z",
    sent_at="2026-11-19T07:40:00Z",
    kind=Kind.NEWSLETTER,
    subject="Thursday decides about the creek: will you be there?",
    author=Author("Willow Creek Party", f"news@{_SITE}", _SITE),
    list_id="c0ffee.list-id.example.org",
    campaign_id="f00dcafe01",
    sender=SenderMatch("willow-creek-party", "list_id: c0ffee.list-id.example.org", unauthenticated=False),
    providers=(MAILCHIMP, MAILCHIMP_DELIVERY),
    text=_TEXT,
    html=_HTML,
    plain=_TEXT,
    preheader="The gallery is open to everyone, and seats go quickly.",
    disclaimer="Paid for by the Willow Creek Party, 1 Example Street, Willow County.",
    excerpt=(
        "The water in Willow Creek is lower than in any autumn since the gauge was built. On Thursday the "
        "county council decides on the restoration plan, and the gallery is open to everyone."
    ),
    language="en",
    words=118,
    reading_minutes=1,
    links=(
        Link(
            position=1,
            text="the map of the new path",
            action=LinkAction.UNWRAPPED,
            url=f"https://{_SITE}/map",
            host=_SITE,
            role="content",
            rule="mailgun-click",
        ),
        Link(
            2, "Read the whole plan", LinkAction.REMOVED, None, "list-manage.com", "click", "mailchimp-click"
        ),
        Link(3, "", LinkAction.REMOVED, None, "list-manage.com", "click", "mailchimp-click"),
        Link(4, "our site", LinkAction.KEPT, f"https://{_SITE}/", _SITE, "content", ""),
    ),
    trackers=(
        Tracker("pixel", "list-manage.com", "mailchimp-pixel"),
        Tracker("css", "fonts.example.com", "css-url"),
        Tracker("css", "fonts.example.com", "css-url"),
    ),
    removed=(
        Removed("preheader", ".mcnPreviewText", 54),
        Removed("footer", "#templateFooter", 412),
        Removed("social", ".mcnFollowBlock", 61),
    ),
    redactions=2,
    attachments=(Attachment("restoration-plan.pdf", "application/pdf", 248_113, "0" * 64),),
    list_unsubscribe="http one-click",
    pipeline_version="1",
)

_RIVER = replace(
    _CREEK,
    inbox="nature",
    received_at="2026-11-20T16:05:00Z",
    subject="Kingfishers are back below the weir",
    author=Author("Mara at River Watch", "river-watch@letters.example.com", "letters.example.com"),
    sender=SenderMatch("river-watch", "from_domain: letters.example.com"),
    providers=(SUBSTACK, MAILGUN),
    excerpt="Eleven sightings in one week, the first breeding pair since we began to count, and a question.",
    words=1240,
    reading_minutes=6,
    disclaimer="",
    trackers=(),
    attachments=(),
)

_GARTEN = "Liebe Gartenfreunde,\n\ndie Quitten sind reif, und das Laub darf liegen bleiben.\n"
_GARDEN = Record(
    inbox="nature",
    received_at="2026-11-12T06:30:00Z",
    kind=Kind.NEWSLETTER,
    subject="Gartenbrief im November: Quitten, Laub und ein Fest",
    author=Author("Gartenfreunde am Bühl", "brief@gartenfreunde.example.org", "gartenfreunde.example.org"),
    language="de",
    text=_GARTEN,
    plain=_GARTEN,
    excerpt="Die Quitten sind reif, und das Laub darf liegen bleiben: fünf gute Gründe.",
    words=13,
    reading_minutes=1,
)

HOSTILE_TEXT = (
    "<script>window.ran = 1</script> and <img src=x onerror='window.ran = 1'>\n\n"
    "[click](javascript:alert(1)) ![](http://pixel.invalid/a.gif) "
    '[x](https://a.invalid/"onmouseover=alert(1))\n'
)
HOSTILE_HTML = (
    "<script>parent.ran = 1; window.ran = 1</script>"
    "<img src='http://pixel.invalid/b.gif' onerror='parent.ran = 1'>"
    "<link rel='preconnect' href='http://connect.invalid'><link rel='dns-prefetch' href='//name.invalid'>"
    "<style>body{background:url(http://css.invalid/c.png)}</style><iframe src='http://frame.invalid/'>"
    "</iframe>"
    "<form action='http://form.invalid/'><button>go</button></form><svg onload='parent.ran = 1'></svg>"
    "<meta http-equiv=refresh content='0;url=http://refresh.invalid/'><base href='http://base.invalid/'>"
    "<a href='https://anchor.invalid/'>a link of the mail</a><p>The hostile mail's own words.</p>"
)
_HOSTILE = replace(
    _GARDEN,
    received_at="2026-11-11T01:00:00Z",
    subject="<script>window.ran = 1</script> {{ 7 * 7 }} &amp; an offer",
    author=Author(
        "<img src=x onerror='window.ran=1'>\u202eexe", "x@\u0430pple.example.com", "\u0430pple.example.com"
    ),
    language="",
    text=HOSTILE_TEXT,
    html=HOSTILE_HTML,
    excerpt="<b>bold</b> <script>window.ran = 1</script>",
    attachments=(Attachment("<script>window.ran = 1</script>.pdf", "application/pdf", 12, "1" * 64),),
    links=(Link(1, "<b>x</b>", LinkAction.KEPT, "javascript:alert(1)", "", "content", ""),),
)

_WELCOME = replace(
    _GARDEN, kind=Kind.CONFIRMATION, received_at="2026-11-02T09:00:00Z", subject="Bitte bestätigen"
)

_FAILED = Record(
    inbox="nature",
    received_at="2026-10-30T10:00:00Z",
    status=Status.FAILED,
    subject="A mail that no one could read",
    warnings=("more than 50 parts inside each other",),
)

_EARLIER = tuple(
    replace(_CREEK, subject=subject, received_at=f"2026-10-{28 - number * 5:02}T07:30:00Z")
    for number, subject in enumerate(
        ("The gauge, explained", "Who owns the bank?", "A year of levels", "Minutes of the October meeting"),
        1,
    )
)


def newsletters() -> list[tuple[int, Record]]:
    """Return ten records with their ids: registered and unknown senders, several platforms, oddities."""
    records = (_CREEK, _RIVER, _GARDEN, _HOSTILE, _WELCOME, _FAILED, *_EARLIER)
    return list(enumerate(sorted(records, key=lambda record: record.received_at), 1))


def write_archive(path: Path) -> Path:
    """Write the newsletters above into a new store at `path` and return it."""
    with Store.open(path) as store:
        store.write_senders(SENDERS)
        store.write_providers(PROVIDERS)
        store.write(newsletters())
    return path
