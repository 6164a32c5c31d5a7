"""Parameters, look-alikes, roles, contact links and the three policies: what stays, what goes, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.disguises import names_reader
from tests.support.mail_urls import corpus_urls
from watcher.cleaning.identity import Identity
from watcher.cleaning.links import clean_url, role_of, tracker_of
from watcher.cleaning.links.rules import table
from watcher.cleaning.policy import Policy
from watcher.record import LinkAction

if TYPE_CHECKING:
    from pathlib import Path

READER = Identity.of(["someone@inbox.invalid"])
D = "https://dest.invalid/map"

STRIPPED = [
    (f"{D}?utm_source=a&utm_medium=b&UTM_Campaign=c", D),
    (f"{D}?a=1&utm_source=x&b=2", f"{D}?a=1&b=2"),
    (f"{D}?b=%7e&utm_term=x&a=+&&c", f"{D}?b=%7e&a=+&&c"),
    (f"{D}?mc_cid=5&mc_eid=6#part", f"{D}#part"),
    (f"{D}?amp;utm_source=x&amp;a=1", f"{D}?amp;a=1"),
    (f"{D}?amp;amp;fbclid=x", D),
    (f"{D}?utm%5fsource=x&a=1", f"{D}?a=1"),
    (f"{D}?utm_source", D),
    (f"{D}?_hsenc=a&_hsmi=b", D),
    (f"{D}?mkt_tok=abc", D),
    (f"{D}?elqTrackId=a&elq=b&elqaid=5&elqat=1", D),
    (f"{D}?__s=a&ck_subscriber_id=5", D),
    (f"{D}?emci=a&emdi=b&ceid=5", D),
    (f"{D}?nvep=a&hmac=b&id=5", f"{D}?id=5"),
    (f"{D}?akid=1.2.abc&rd=1&t=5&source=mail", f"{D}?source=mail"),
    (f"{D}?can_id=5&source=x&email_referrer=y&email_subject=z&link_id=1", f"{D}?source=x"),
    (f"{D}?lctg=5&user_email=c0ffee", D),
    (f"{D}?mtm_campaign=x&mtm_anything=y&pk_campaign=z&pk_kwd=keep", f"{D}?pk_kwd=keep"),
    (f"{D}?gclid=a&dclid=b&msclkid=c&twclid=d&ttclid=e&yclid=f", D),
    (f"{D}#utm_source=x&utm_medium=y", D),
    (f"{D}?ecmUid=C0FFEE", D),
    ("https://mailchi.mp/newsroom/spring?e=f0f1", "https://mailchi.mp/newsroom/spring"),
    (
        "https://us9.campaign-archive.com/?e=f0f1&u=c0ffee&id=5",
        "https://us9.campaign-archive.com/?u=c0ffee&id=5",
    ),
    (
        "https://newsroom.us2.list-manage.com/subscribe?u=c0ffee&id=5&e=f0f1",
        "https://newsroom.us2.list-manage.com/subscribe?u=c0ffee&id=5",
    ),
    ("https://press.substack.com/p/spring?r=abc&utm_source=x", "https://press.substack.com/p/spring"),
    ("https://www.youtube.com/watch?v=abc&si=def&t=42", "https://www.youtube.com/watch?v=abc&t=42"),
    ("https://youtu.be/abc?si=def&t=42", "https://youtu.be/abc?t=42"),
    ("https://open.spotify.com/show/5?si=abc", "https://open.spotify.com/show/5"),
    ("https://www.linkedin.com/pulse/a?trk=x&lipi=y&trackingId=z", "https://www.linkedin.com/pulse/a"),
    ("https://www.facebook.com/events/5?aref=a&mid=b&n_m=c&id=5", "https://www.facebook.com/events/5?id=5"),
    ("https://www.facebook.com/events/5?__cft__%5B0%5D=a&__tn__=b", "https://www.facebook.com/events/5"),
    ("https://x.com/a/status/5?ref_src=twsrc&s=20", "https://x.com/a/status/5?s=20"),
    ("https://www.amazon.co.uk/dp/5?ascsubtag=a&dib=b&th=1", "https://www.amazon.co.uk/dp/5?th=1"),
    ("https://www.google.co.uk/search?q=map&biw=5&bih=6&client=c", "https://www.google.co.uk/search?q=map"),
    ("https://www.washingtonpost.com/a/?itid=x", "https://www.washingtonpost.com/a/"),
    ("https://www.ebay.co.uk/itm/5?mkcid=1&mkevt=2&hash=x", "https://www.ebay.co.uk/itm/5?hash=x"),
    ("https://www.change.org/p/a?recruiter=5&recruited_by_id=6", "https://www.change.org/p/a"),
    ("https://medium.com/@a/b?source=email-c0ffee", "https://medium.com/@a/b"),
    ("//dest.invalid/map?utm_source=x", D),
    ("www.dest.invalid/map", "https://www.dest.invalid/map"),
    (f" \n{D}\t ", D),
    ("https://dest.in\nvalid/ma\tp", D),
]

UNTOUCHED = [
    D,
    "HTTPS://Dest.INVALID/Map",
    "http://dest.invalid",
    f"{D}?",
    f"{D}?a=1;utm=2&c#frag",
    f"{D}?refcode=spring&refcode2=a&amount=5&source=x&subsource=y&ms=z&cmid=5",
    f"{D}?ref=a&id=5&p=1&s=word&t=9&e=5&m=2&r=3&token=abc",
    f"{D}?rd=1&t=5&link_id=2&hmac=x&email_subject=hello",
    f"{D}?utmost=1&xutm_source=2&mc=3&_source=4&elqua=5",
    f"{D}?q=utm_source%3Dx",
    f"{D}?next=https%3A%2F%2Fother.invalid%2F&url=https://third.invalid/?utm_source=x",
    f"{D}?redirect=https://a.example/",
    f"{D}#utm_source=x&section=2",
    f"{D}#section",
    "https://dest.invalid:8443/map?a=1",
    "https://dest.invalid:/map",
    "http://[2001:db8::1]/map",
    "http://[2001:db8::1]:8080/map?a=1#b",
    "http://192.0.2.7/map",
    "https://bücher.example/straße?q=größe",
    "https://xn--bcher-kva.example/a",
    "https://пример.example/новости",
    "https://例え.example/テスト",
    "https://a_b.example.org/x",
    "https://dest.invalid./map",
    "https://dest.invalid/a b/c",
    "https://dest.invalid/a%20b/%E9",
    "https://web.archive.org/web/20260101000000/https://a.example/?utm_source=x",
    "https://web.archive.org/web/2026id_/http://a.list-manage.com/track/click?u=5",
    "https://archive.ph/2026.01.01-000000/https://a.example/?fbclid=5",
    "https://dest.invalid/open?id=5",
    "https://dest.invalid/click?id=5",
    "https://dest.invalid/click/here",
    "https://dest.invalid/c/words-in-a-path",
    "https://dest.invalid/c/2026/election",
    "https://dest.invalid/o/some-page",
    "https://dest.invalid/u/someone",
    "https://dest.invalid/e/event-name",
    "https://dest.invalid/e/c/about-us",
    "https://dest.invalid/f/a/q/s",
    "https://dest.invalid/q/what-is-a-caucus/answers/a-rather-long-answer-slug",
    "https://dest.invalid/r/politics/comments",
    "https://dest.invalid/r/?id=5",
    "https://dest.invalid/l/list/of/things",
    "https://dest.invalid/link/to/page",
    "https://dest.invalid/lt.php?id=5",
    "https://dest.invalid/lnk/about/us",
    "https://dest.invalid/view/12345",
    "https://dest.invalid/img/logo/a.gif",
    "https://dest.invalid/go/5/page.html",
    "https://dest.invalid/tr/clothes/shirts",
    "https://dest.invalid/tc/terms/of/use",
    "https://dest.invalid/ls/click?id=5",
    "https://dest.invalid/ss/c/short",
    "https://dest.invalid/track/click/counter",
    "https://dest.invalid/tracking/order?d5=1",
    "https://dest.invalid/L0/level/5",
    "https://dest.invalid/pub/crawl?x=_ri_",
    "https://dest.invalid/dc/comics/batman",
    "https://dest.invalid/campaign/2026/volunteer",
    "https://dest.invalid/webmail/login",
    "https://dest.invalid/hs/hubspot",
    "https://email.dest.invalid/c/contact",
    "https://click.dest.invalid/?qs=5",
    "https://view.dest.invalid/?qs=hello",
    "https://notlist-manage.com/track/click?u=5",
    "https://list-manage.com.dest.invalid/track/click?u=5",
    "https://dest.invalid/list-manage.com/track/click?u=5",
    "https://mygoogle.com/url?q=https://a.example/",
    "https://notsafelinks.protection.outlook.com.dest.invalid/?url=https://a.example/",
    "https://dest.invalid/how-to-unsubscribe-from-lists",
    "https://dest.invalid/unsubscribed-voters",
    "https://dest.invalid/news/opt-out-bill-passes",
    "https://dest.invalid/search?q=unsubscribe",
    "https://dest.invalid/my-preferences-in-life",
    "https://dest.invalid/events/confirm",
    "https://www.google.com/search?q=https%3A%2F%2Fa.example%2F",
    "https://www.google.com/maps/place/Paris",
    "https://www.bing.com/search?q=map",
    "https://www.linkedin.com/company/a/posts/",
    "https://www.youtube.com/watch?v=abc&t=42",
    "https://www.reddit.com/r/news/comments/abc/title/",
    "https://substack.com/@writer",
    "https://mandrillapp.com/",
    "https://myemail.constantcontact.com/Spring.html?soid=500500&aid=QwEr",
    "https://mailchi.mp/newsroom/spring",
    "https://t.co/QwErTyUi",
    "https://bit.ly/3QwErTy",
    "https://secure.actblue.com/donate/spring?refcode=mail&amount=25",
    "https://dest.invalid/?act=cl",
    "https://dest.invalid/display.php?id=5",
    "https://dest.invalid/link.php?id=5",
    "https://dest.invalid/app/linkClick/help",
    "tel:+15550100",
    "sms:+15550100?body=hello",
    "mailto:press@dest.invalid",
    "mailto:press@dest.invalid?subject=Question&body=Hello%20there",
    "mailto:unsworth@dest.invalid",
    "MAILTO:press@dest.invalid",
]

REMOVED = [
    ("https://dest.invalid/unsubscribe", "unsubscribe", "unsubscribe"),
    ("https://dest.invalid/mail/Unsubscribe.aspx?x=1", "unsubscribe", "unsubscribe"),
    ("https://dest.invalid/a/unsub/c0ffee", "unsubscribe", "unsubscribe"),
    ("https://dest.invalid/opt-out/", "unsubscribe", "unsubscribe"),
    ("https://dest.invalid/opt_out.php", "unsubscribe", "unsubscribe"),
    ("https://dest.invalid/optout;jsessionid=5", "unsubscribe", "unsubscribe"),
    ("https://dest.invalid/newsletter/abmelden/5", "unsubscribe", "unsubscribe"),
    ("https://dest.invalid/d%C3%A9sinscription?u=5", "unsubscribe", "unsubscribe"),
    ("https://dest.invalid/%75nsubscribe", "unsubscribe", "unsubscribe"),
    ("https://dest.invalid/#/unsubscribe/c0ffee", "unsubscribe", "unsubscribe"),
    ("https://dest.invalid/?action=unsubscribe&u=5", "unsubscribe", "unsubscribe"),
    ("https://dest.invalid/list.php?unsubscribe=5", "unsubscribe", "unsubscribe"),
    ("https://unsubscribe.dest.invalid/c0ffee", "unsubscribe", "unsubscribe"),
    ("https://mail-optout.dest.invalid/?h=c0ffee", "unsubscribe", "unsubscribe"),
    ("https://github.com/notifications/unsubscribe-auth/QwErTyUi", "unsubscribe", "unsubscribe"),
    ("https://dest.invalid/email-preferences?u=5", "preferences", "preferences"),
    ("https://dest.invalid/manage-preferences/c0ffee", "preferences", "preferences"),
    ("https://dest.invalid/view-in-browser?m=5", "view", "view"),
    ("https://dest.invalid/webversion/5a6b7c8d9e", "view", "view"),
    ("https://dest.invalid/forward-to-a-friend?m=5", "forward", "forward"),
    ("https://dest.invalid/confirm?token=5", "confirm", "confirm"),
    ("https://dest.invalid/subscribe/confirm-email/5a6b7c8d9e", "confirm", "confirm"),
    ("https://dest.invalid/for/someone@inbox.invalid/", "content", "personal"),
    ("https://someone=inbox.invalid.dest.example/", "content", "unsafe"),
    ("https://dest.invalid/c29tZW9uZUBpbmJveC5pbnZhbGlk", "content", "personal"),
    ("https://web.archive.org/web/2026/https://a.example/?e=someone@inbox.invalid", "content", "personal"),
    ("mailto:unsubscribe@dest.invalid", "unsubscribe", "unsubscribe"),
    ("mailto:unsub-c0ffee@dest.invalid", "unsubscribe", "unsubscribe"),
    ("mailto:leave-5005-c0ffee@dest.invalid", "unsubscribe", "unsubscribe"),
    ("mailto:list+unsubscribe@dest.invalid", "unsubscribe", "unsubscribe"),
    ("mailto:news@dest.invalid?subject=Unsubscribe%20me", "unsubscribe", "unsubscribe"),
    ("mailto:news@dest.invalid?body=please+unsubscribe", "unsubscribe", "unsubscribe"),
    ("mailto:someone@inbox.invalid", "mailto", "personal"),
    ("mailto:bounce+someone=inbox.invalid@dest.invalid", "mailto", "personal"),
    ("mailto:reply-c0ffee00c0ffee00c0ffee00c0ffee00@dest.invalid", "mailto", "personal"),
]

UNSAFE = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,<b>hi</b>",
    "file:///etc/passwd",
    "ftp://dest.invalid/a",
    "cid:image001",
    "about:blank",
    "vbscript:x",
    "htp://dest.invalid/",
    "https//dest.invalid/",
    "https:/dest.invalid/",
    "https:\\\\dest.invalid\\",
    "https://",
    "https:///path",
    "https://?a=1",
    "https://user@dest.invalid/",
    "https://user:secret@dest.invalid/",
    "https://good.example@evil.invalid/",
    "https://good.example\\@evil.invalid/",
    "https://dest invalid/",
    "https://dest.invalid:99999/",
    "https://dest.invalid:port/",
    "http://[2001:db8::1/",
    "http://[placeholder]/a",
    "http://[::zz]/",
    "https://dest..invalid/",
    "https://%64est.invalid/",
    "https://dest.invalid/a\x00b",
    "https://dest.invalid/a\x7fb",
    "https://dest.invalid/\u202egpj.exe",
    "https://dest.invalid/\u2066a",
    "https://p\u0430ypal.example/",  # a Cyrillic letter among Latin ones
    "https://xn--pypal-4ve.example/",  # the same, in punycode
    "https://\uff44est.invalid/",
    "https://xn--\u00e9.example/",
    "/relative/path",
    "page.html",
    "dest.invalid/map",
    "{{unsubscribe_url}}",
    "https://dest.invalid/" + "a" * 32_768,
    "https://dest.invalid/?" + "a&" * 600,
    "tel:\u202e5",
    "https://click.pstmrk.it/3s/javascript%3Aalert(1)/a/b/c",
    "https://www.google.com/url?q=mailto%3Aa%40b.example",
    "https://www.google.com/url?q=https%3A%2F%2Fuser%40dest.invalid%2F",
]


@pytest.mark.parametrize(("url", "wanted"), STRIPPED)
def test_tracking_parameters_go_and_nothing_else_changes(url: str, wanted: str) -> None:
    """Global names, names of one host, and companions beside their leader."""
    verdict = clean_url(url, READER)
    assert (verdict.action, verdict.url) == (LinkAction.CLEANED, wanted)


@pytest.mark.parametrize("url", UNTOUCHED)
def test_a_look_alike_stays_byte_for_byte(url: str) -> None:
    """An ordinary page is kept, however much its path resembles a tracker's."""
    verdict = clean_url(url, READER)
    assert (verdict.action, verdict.url) == (LinkAction.KEPT, url)


@pytest.mark.parametrize(("url", "role", "rule"), REMOVED)
def test_what_acts_for_or_names_the_reader_is_removed(url: str, role: str, rule: str) -> None:
    """Unsubscribe, preference and personal pages go, and say which they were."""
    verdict = clean_url(url, READER)
    assert (verdict.action, verdict.url, verdict.role, verdict.rule) == (LinkAction.REMOVED, None, role, rule)


@pytest.mark.parametrize("url", UNSAFE)
@pytest.mark.parametrize("policy", [Policy.UNWRAP, Policy.KEEP])
def test_a_hostile_or_malformed_url_is_removed_as_unsafe(url: str, policy: Policy) -> None:
    """Other schemes, disguised hosts and control characters never come out, whatever the policy."""
    verdict = clean_url(url, READER, policy)
    assert (verdict.action, verdict.rule) == (LinkAction.REMOVED, "unsafe")


@pytest.mark.parametrize("url", ["", "#", "#top", "  "])
def test_an_anchor_leads_nowhere(url: str) -> None:
    """The text stays; the caller does not count it as a link."""
    assert clean_url(url, READER).role == "anchor"


def test_the_field_that_names_the_reader_goes_and_the_rest_stays() -> None:
    """In a query and a fragment the reader is dropped; the base of the link is content."""
    coded = "eyJlIjoic29tZW9uZUBpbmJveC5pbnZhbGlkIn0"
    verdict = clean_url(f"{D}?a=1&who={coded}&b=2#{coded}", READER)
    assert (verdict.action, verdict.url, verdict.rule) == (LinkAction.CLEANED, f"{D}?a=1&b=2", "personal")


def test_an_address_cut_by_an_ampersand_removes_the_link() -> None:
    """When no single field holds it but the whole does, nothing can be dropped with certainty."""
    reader = Identity.of(["a&b@inbox.invalid"])
    assert clean_url(f"{D}?x=a&b@inbox.invalid", reader).rule == "personal"


def test_a_host_that_names_the_reader_is_not_reported() -> None:
    """The verdict of a removed link says whose tracker it was, unless that says who reads."""
    host = f"{b'someone@inbox.invalid'.hex()}.list-manage.com"
    verdict = clean_url(f"https://{host}/track/click?u=5", READER)
    assert (verdict.action, verdict.host) == (LinkAction.REMOVED, "")


def _wrapped(times: int) -> str:
    url = D
    for _ in range(times):
        url = "https://www.google.com/url?q=" + url.replace("%", "%25").replace("?", "%3F").replace(
            "&", "%26"
        )
    return url


def test_six_wrappers_are_opened_and_a_seventh_is_not() -> None:
    """Real chains are two deep; a bound keeps hostile ones cheap."""
    assert clean_url(_wrapped(6), READER).url == D
    assert clean_url(_wrapped(6), READER).action is LinkAction.UNWRAPPED
    for times in (7, 50):
        verdict = clean_url(_wrapped(times), READER)
        assert (verdict.action, verdict.role) == (LinkAction.REMOVED, "wrapper")


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/view/" + "a1" * 8_000,
        "https://a.example" + "/lists/unsubscribe" * 900,
        "https://a.example/?" + "amp;" * 4_000,
        "https://a.example/" + "%25" * 5_000,
        "https://a.example/%" + "25" * 8_000,
        "https://a.example/" + "@inbox.invalid" * 1_100,
        "https://a.example/?" + "&".join(["someone@inbox.invalid"] * 500),
        "https://" + "a." * 8_000 + "com/",
        "https://xn--" + "a" * 16_000 + ".com/",
        "https://urldefense.com/v3/__https://d.invalid/" + "*" * 8_000 + "__;QUFB!!x$",
        "https://a.example/" + "x" * 1_000_000,
        "javascript:" + "x" * 1_000_000,
    ],
    ids=lambda url: url[:40],
)
def test_a_shape_made_to_be_slow_is_judged_like_any_other(url: str) -> None:
    """Every expression and every loop is linear in the length of the URL."""
    for policy in Policy:
        verdict = clean_url(url, READER, policy)
        assert verdict.url is None or len(verdict.url) <= len(url)


def test_a_wrapped_unsubscribe_link_is_found_behind_its_wrapper() -> None:
    """Under every policy the destination decides what a link is for."""
    url = "https://click.pstmrk.it/3s/dest.invalid%2Funsubscribe%3Fu%3D5/a/b/c"
    for policy in Policy:
        verdict = clean_url(url, READER, policy)
        assert (verdict.action, verdict.role) == (LinkAction.REMOVED, "unsubscribe")


def test_senders_that_wrap_each_other_are_opened_one_by_one() -> None:
    """Mandrill around Postmark was seen on real mail; the rules are named in order."""
    verdict = clean_url(
        "https://us19.mailchimp.com/mctx/clicks?url=https%3A%2F%2Fclick.pstmrk.it%2F3s%2F"
        "dest.invalid%252Fmap%253Futm_source%253Dx%2Fa%2Fb%2Fc&xid=5",
        READER,
    )
    assert (verdict.url, verdict.rule) == (D, "mailchimp-mctx-click+postmark-click+parameters")


@pytest.mark.parametrize(
    ("url", "role"),
    [
        ("https://www.facebook.com/newsroom", "social"),
        ("https://twitter.com/newsroom", "social"),
        ("https://x.com/newsroom?lang=en", "social"),
        ("https://www.instagram.com/newsroom/", "social"),
        ("https://www.youtube.com/@newsroom", "social"),
        ("https://www.youtube.com/channel/UC5", "social"),
        ("https://www.linkedin.com/company/newsroom", "social"),
        ("https://bsky.app/profile/newsroom.example", "social"),
        ("https://t.me/newsroom", "social"),
        ("https://www.tiktok.com/@newsroom", "social"),
        ("https://www.threads.net/@newsroom", "social"),
        ("https://www.facebook.com/sharer/sharer.php?u=https%3A%2F%2Fa.example", "share"),
        ("https://twitter.com/intent/tweet?url=https%3A%2F%2Fa.example", "share"),
        ("https://www.linkedin.com/shareArticle?url=https%3A%2F%2Fa.example", "share"),
        ("https://wa.me/?text=hello", "share"),
        ("https://t.me/share/url?url=https%3A%2F%2Fa.example", "share"),
        ("https://www.facebook.com/newsroom/posts/5", "content"),
        ("https://x.com/newsroom/status/5", "content"),
        ("https://www.youtube.com/watch?v=5", "content"),
        ("https://www.instagram.com/p/abc/", "content"),
        ("https://mailchi.mp/newsroom/spring", "archive"),
        ("https://dest.invalid/events/confirm", "confirm"),
        ("https://dest.invalid/", "content"),
    ],
)
def test_the_role_is_read_from_the_form_of_the_url(url: str, role: str) -> None:
    """Profiles are social, share buttons share, posts and videos are content."""
    assert role_of(url) == role
    verdict = clean_url(url, READER)
    assert (verdict.action, verdict.role) == (LinkAction.KEPT, role)


@pytest.mark.parametrize(
    "url", [*UNTOUCHED, *(url for url, _ in STRIPPED), *(url for url, *_ in REMOVED), *UNSAFE]
)
def test_under_remove_nothing_comes_out(url: str) -> None:
    """A public archive page shows `[link removed]` for every link."""
    verdict = clean_url(url, READER, Policy.REMOVE)
    assert (verdict.action, verdict.url, verdict.rule) == (LinkAction.REMOVED, None, "policy")


@pytest.mark.parametrize(
    "url", [url for url, _ in STRIPPED if url.startswith("https://") and "\n" not in url]
)
def test_under_keep_a_tracked_link_stays_as_it_came(url: str) -> None:
    """Private use keeps parameters and click links."""
    assert clean_url(url, READER, Policy.KEEP).url == url


@pytest.mark.parametrize(
    ("url", "role", "rule"), [case for case in REMOVED if case[1] not in {"forward", "confirm"}]
)
def test_under_keep_what_acts_for_or_names_the_reader_still_goes(url: str, role: str, rule: str) -> None:
    """Unsubscribe links, pixels and the reader himself are in no record."""
    verdict = clean_url(url, READER, Policy.KEEP)
    assert (verdict.action, verdict.role, verdict.rule) == (LinkAction.REMOVED, role, rule)


def test_under_keep_an_opaque_click_link_stays_and_loses_only_the_reader() -> None:
    """It is his own link; his address in it is not for the record."""
    url = "https://u5.ct.sendgrid.net/ls/click?upn=u001.QwEr"
    assert clean_url(url, READER, Policy.KEEP).url == url
    assert clean_url(f"{url}&e=someone%40inbox.invalid", READER, Policy.KEEP).url == url


def test_under_keep_a_pixel_goes() -> None:
    """It would report every later look at the archive."""
    verdict = clean_url("https://u5.ct.sendgrid.net/wf/open?upn=u001.QwEr", READER, Policy.KEEP)
    assert (verdict.action, verdict.role) == (LinkAction.REMOVED, "pixel")


@pytest.mark.parametrize(
    "url", ["https://dest.invalid/logo.png", "cid:logo", "", "http://[", "https://dest.invalid/o/a.gif"]
)
def test_an_ordinary_image_is_no_tracker(url: str) -> None:
    """Only a known open grammar is one; size and style are the caller's to judge."""
    assert tracker_of(url) is None


@pytest.mark.parametrize("name", ["trackers.csv", "roles.csv", "parameters.csv", "words.csv"])
def test_every_fact_names_its_source_and_when_it_was_checked(name: str) -> None:
    """A rule that nobody can check again rots."""
    for row in table(name):
        assert row["source"], row
        assert row["checked"], row
        assert row["status"] in {"verified", "documented", "unverified", "own decision"}, row


def test_no_rule_is_named_twice() -> None:
    """A record names the rule that fired."""
    names = [row["rule"] for name in ("trackers.csv", "roles.csv") for row in table(name)]
    assert len(names) == len(set(names))


def test_over_the_corpus_no_output_names_a_recipient(corpus: Path) -> None:
    """Every URL of the development mail, under all three policies, with the recipients of its mail."""
    seen = 0
    for url, recipients in dict.fromkeys(corpus_urls(corpus)):
        identity = Identity.of(recipients)
        for policy in Policy:
            verdict = clean_url(url, identity, policy)
            seen += 1
            if verdict.url is None:
                continue
            assert not any(names_reader(verdict.url, address) for address in identity.addresses)
            assert clean_url(verdict.url, identity, policy).url == verdict.url
    assert seen > 6_000
