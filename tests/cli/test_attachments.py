"""watcher attachments: what a person sees of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.home import mail

if TYPE_CHECKING:
    from tests.support.home import Home

BODY = """--edge
Content-Type: text/plain

The mail.
--edge
Content-Type: application/pdf; name="=?utf-8?q?plan=1b=5B31m.pdf?="

MZ, a program
--edge
Content-Type: image/png
Content-Disposition: inline; filename=logo.png
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--edge--
"""


def test_attachments_are_listed_and_written(home: Home) -> None:
    """The type by the bytes with the declared one behind it; inline parts when they are asked for."""
    letter = home.root / "a.eml"
    letter.write_bytes(mail(body=BODY, content_type='multipart/mixed; boundary="edge"'))
    assert home.run("import", str(letter)).code == 0
    listed = home.run("attachments", "1")
    assert listed.code == 0
    (line,) = listed.out.splitlines()
    assert "application/vnd.microsoft.portable-executable (declared application/pdf)" in line
    assert line.endswith("plan [31m.pdf")
    target = home.root / "out"
    assert home.run("attachments", "1", "--inline", "--to", str(target)).code == 0
    assert {each.name: each.read_bytes() for each in target.iterdir()} == {
        "plan [31m.pdf": b"MZ, a program",
        "logo.png": b"\x89PNG\r\n\x1a\n",
    }


def test_a_mail_without_attachments_and_one_that_is_not_there(home: Home) -> None:
    """Both exit with 1 and say why."""
    letter = home.root / "a.eml"
    letter.write_bytes(mail())
    home.run("import", str(letter))
    without, missing = home.run("attachments", "1"), home.run("attachments", "7")
    assert (without.code, missing.code) == (1, 1)
    assert "has no attachments" in without.err
    assert "there is no message 7" in missing.err
