"""What users of other tools lost or leaked in the content, and must not here.

T numbers: the acceptance list.
"""

from __future__ import annotations

import base64
import hashlib
import sqlite3
import zlib
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.support.home import READER, mail

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.home import Home

ARTICLE = [
    "The river path is open again after four months of work on the eastern bank.",
    "Volunteers planted two hundred willows, and the council paid for a new bridge.",
    "On Saturday we walk the whole length of it; meet at the mill at ten o'clock.",
    "Bring boots, because the meadow behind the lock is still wet from the spring flood.",
]

MAILCHIMP = f"""<html><body><center><table id="bodyTable"><tr><td>
<table id="templatePreheader"><tr><td class="mcnTextContent">
<a href="https://mailchi.mp/example/river?e=0a1b2c3d4e">View this email in your browser</a></td></tr></table>
<table id="templateBody"><tr><td class="mcnTextContent"><h1>The river path</h1>
{"".join(f"<p>{line}</p>" for line in ARTICLE)}
<p><a href="https://x.us9.list-manage.com/track/click?u=0&id=1&e=0a1b2c3d4e">Read the plan</a></p>
</td></tr></table>
<table id="templateFooter"><tr><td class="mcnTextContent">
<em>Copyright &copy; 2026 River Watch, All rights reserved.</em><br>
<strong>Our mailing address is:</strong><br>River Watch<br>1 Mill Lane<br>Exampleton<br>
Want to change how you receive these emails?<br>
You can <a href="https://x.us9.list-manage.com/profile?u=0&id=1&e=0a1b2c3d4e">update your
preferences</a>
or <a href="https://x.us9.list-manage.com/unsubscribe?u=0&id=1&e=0a1b2c3d4e&c=2">unsubscribe from this
list</a>.
</td></tr></table></td></tr></table></center>
<img src="https://x.us9.list-manage.com/track/open.php?u=0&id=1&e=0a1b2c3d4e" width="1" height="1">
</body></html>"""


def take(home: Home, *raws: bytes) -> list[dict[str, object]]:
    """Import these mails; their rows, joined with the bodies, in order."""
    letters = home.root / "letters"
    letters.mkdir()
    for number, raw in enumerate(raws):
        (letters / f"{number:03}.eml").write_bytes(raw)
    outcome = home.run("import", str(letters))
    assert outcome.code == 0, outcome.err
    return home.rows("select * from newsletters join bodies on newsletter_id = id order by id")


def test_t01_a_mailchimp_mail_keeps_its_article_and_loses_its_footer(home: Home) -> None:
    """The browser link stands in the first line: cutting everything behind it would leave nothing."""
    (row,) = take(home, mail(body=MAILCHIMP, content_type="text/html; charset=utf-8"))
    text = str(row["text"])
    assert all(line in text for line in ARTICLE)
    for gone in (
        "View this email",
        "mailing address",
        "1 Mill Lane",
        "preferences",
        "unsubscribe",
        "Copyright",
    ):
        assert gone not in text
    assert "Read the plan ([link removed])" in text


def test_t11_an_equals_sign_in_a_link_is_not_decoded_twice(home: Home) -> None:
    """Quoted-printable is decoded once: `u=bc97` and `q=20off` are what the sender wrote."""
    html = '<p>See <a href="https://shop.example.com/p?u=bc97&amp;q=20off&amp;x=3D">the shop</a> today.</p>'
    body = "".join(f"={byte:02X}" if byte in b"=&" else chr(byte) for byte in html.encode())
    raw = mail(
        body=body,
        content_type="text/html; charset=utf-8",
        headers="Content-Transfer-Encoding: quoted-printable",
    )
    take(home, raw)
    assert home.rows("select url from links")[0]["url"] == "https://shop.example.com/p?u=bc97&q=20off&x=3D"


@pytest.mark.parametrize("charset", ["iso-8859-1", "us-ascii", "windows-1252", ""], ids=str)
def test_t12_an_8_bit_body_survives(home: Home, charset: str) -> None:
    """`café` stays `café`, declared rightly, wrongly or not at all."""
    kind = f"text/plain; charset={charset}" if charset else "text/plain"
    raw = mail(
        body="We meet in the @ on Sunday.", content_type=kind, headers="Content-Transfer-Encoding: 8bit"
    )
    (row,) = take(home, raw.replace(b"@ on", "café on".encode("latin-1")))
    assert "We meet in the café on Sunday." in str(row["text"])


def test_t13_links_to_a_provider_do_not_name_it(home: Home) -> None:
    """A Substack mail that links to hubspot.com and shopify.com is neither HubSpot nor Shopify."""
    headers = (
        "List-Id: <river.substack.com>\nX-Mailgun-Tag: post\n"
        "List-Unsubscribe: <https://river.substack.com/action/disable_email?token=abc>\n"
        "List-Post: <https://river.substack.com/p/river>\n"
    )
    body = '<p>We moved from <a href="https://www.hubspot.com/a">one</a> to <a href="https://shopify.com/b">two</a>.</p>'
    (row,) = take(
        home,
        mail(
            body=body,
            headers=headers,
            sender="River <river@substack.com>",
            message_id="<20260301.0.abc@mg1.substack.com>",
            content_type="text/html; charset=utf-8",
        ),
    )
    named = {each["provider"] for each in home.rows("select provider from newsletter_providers")}
    assert row["platform"] == "substack"
    assert not named & {"hubspot", "shopify"}


def test_t14_an_html_only_multipart_mixed_gives_prose_in_the_index(home: Home) -> None:
    """The index holds words, not style sheets."""
    body = (
        "--b\nContent-Type: text/html; charset=utf-8\n\n"
        "<html><head><style>.mso{mso-line-height:1px}</style></head>"
        "<body><!--[if mso]><p>outlook</p><![endif]--><p>Lanterns along the canal.</p></body></html>\n--b--\n"
    )
    take(home, mail(body=body, content_type='multipart/mixed; boundary="b"'))

    def found(word: str) -> int:
        return int(
            home.rows("select count(*) as n from newsletters_fts where newsletters_fts match ?", word)[0]["n"]
        )

    assert found("lantern") == 1  # porter: the index holds the stem of `Lanterns`
    assert found("mso") == found("outlook") == 0


NAME = "Jane Doe"


def encodings(address: str) -> dict[str, str]:
    """The address in the forms in which senders hide it."""
    raw = address.encode()
    padded = [base64.urlsafe_b64encode(b"x" * shift + raw + b"yz").decode().rstrip("=") for shift in range(3)]
    return {
        "plain": address,
        "upper": address.upper(),
        "percent": quote(address, safe=""),
        "percent twice": quote(quote(address, safe=""), safe=""),
        "verp": address.replace("@", "="),
        "hex": raw.hex(),
        "md5": hashlib.md5(raw).hexdigest(),
        "sha1": hashlib.sha1(raw).hexdigest(),
        "sha256": hashlib.sha256(raw).hexdigest(),
        "zlib": base64.urlsafe_b64encode(zlib.compress(b"r=" + quote(address).encode() + b"&l=x")).decode(),
        **{f"base64 at {shift}": text for shift, text in enumerate(padded)},
    }


def test_t15_the_subscriber_is_absent_from_every_column(home: Home) -> None:
    """Address, plus-tag, name, tokens and every encoding of them, in every header and corner of the body."""
    tagged = READER.replace("@", "+river@")
    home.configure(
        f"""
        inboxes:
          - name: mine
            host: imap.example.org
            username: {READER}
            password: {{env: NOWHERE}}
            redact: [{NAME}]
        """
    )
    forms = encodings(READER)
    links = "".join(
        f'<p><a href="https://t.example.com/a?k={form}&amp;n=1">q{form}</a></p>' for form in forms.values()
    )
    paths = "".join(f'<p><a href="https://t.example.com/{form}/a">path</a></p>' for form in forms.values())
    body = f"""<html><head><title>{READER}</title></head><body>
    <div style="display:none">Hello {NAME}, for {READER} only</div>
    <p title="{READER}">Dear {NAME}, this was sent to {tagged}.</p>{links}{paths}
    <img alt="{NAME}" src="https://t.example.com/{forms["md5"]}.gif">
    <a href="mailto:leave-token77@example.com?subject={READER}">leave</a>
    <a href="https://x.list-manage.com/unsubscribe?u=0&amp;id=1&amp;e=tokenA77&amp;c=2">unsubscribe</a>
    </body></html>"""
    headers = f"""Delivered-To: {tagged}
Return-Path: <bounce-token77-{READER.replace("@", "=")}@bounces.example.com>
List-Unsubscribe: <https://t.example.com/u/tokenB77>, <mailto:leave-tokenC77@example.com>
X-PM-RCPT: {base64.b64encode(READER.encode()).decode()}
X-MC-User: 0123456789abcdef
List-Id: list for {READER} <list.example.com>
"""
    raw = mail(
        f"{NAME}, news for {READER}",
        body,
        headers=headers,
        sender=f'"News for {NAME}" <news@example.com>',
        content_type="text/html; charset=utf-8",
    ).replace(f"To: {READER}".encode(), f'To: "{NAME}" <{READER}>'.encode(), 1)
    plain = mail(body=f"Hi {NAME}\nsent to {READER}\nhttps://t.example.com/?e={forms['base64 at 1']}\n")
    letters = home.root / "letters"
    letters.mkdir()
    (letters / "a.eml").write_bytes(raw)
    (letters / "b.eml").write_bytes(plain)
    assert home.run("import", "--inbox", "mine", str(letters)).code == 0
    content = _everything(home.store)
    assert "Dear" in content
    needles = {
        **forms,
        "name": NAME,
        "tagged": tagged,
        "token A": "tokenA77",
        "token B": "tokenB77",
        "token C": "tokenC77",
    }
    assert [name for name, needle in needles.items() if needle.lower() in content.lower()] == []
    assert all(row["redactions"] > 0 for row in home.rows("select redactions from newsletters"))


def _everything(path: Path) -> str:
    """Every value of every table of a database, the full-text index included, and the bytes of its files."""
    with closing(sqlite3.connect(path)) as db:
        dump = "\n".join(db.iterdump())
    files = [path, *path.parent.glob(f"{path.name}-*")]
    return dump + "".join(file.read_bytes().decode("latin-1") for file in files)
