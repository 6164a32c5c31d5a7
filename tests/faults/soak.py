"""Whether the daemon grows: 24 hours in minutes, with all that happens to it in a day.

    python -m tests.faults.soak                        # 24 hours of 30 s each: twelve minutes
    python -m tests.faults.soak --hours 40 --hour 6 --without line,night    # which of them makes it grow?

`watcher run` watches an inbox of a Dovecot behind a proxy, and one that logs in with tokens of a provider on
loopback. Every wait is divided by what an hour is shortened by, so that IDLE is renewed, tokens expire and
lost connections are back-offs of seconds. In each hour mail comes in, the line breaks in some way, tokens
expire, and SIGHUP brings other settings; each six hours there is a night, with housekeeping and a backup.
The caches of the databases are small, because they may grow to 16 MB each and would hide what has no end.
Memory, threads, file descriptors and write-ahead logs are sampled; growth is the slope of a line through the
samples, the first third left out. Exit code 1 when there is any, or when a mail is missing.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import os
import random
import signal
import socket
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.balance import stored
from tests.faults.service import Service
from tests.faults.stream import Stream
from tests.support.dovecot import running_dovecot
from tests.support.fake_imap import FakeImap
from tests.support.fake_oauth import CLIENT_ID, CLIENT_SECRET, FakeProvider
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.home import Home, mail
from tests.support.oauth_home import SCOPE
from watcher.oauth import Token, TokenFile

if TYPE_CHECKING:
    from tests.support.dovecot import MailUser
    from tests.support.fake_imap import Exchange

HOUR = 3_600.0  # seconds
WARM = 1 / 3  # the share of the samples that is left out: imports, caches and pools fill up first
SAMPLES = 6  # an hour
MAILS = 12  # an hour, by the first inbox
NIGHTS = 6  # hours from one to the next
MOST = {"memory": 100_000.0, "threads": 0.05, "descriptors": 0.1, "wal": 200_000.0}
"""Growth an hour that is taken for noise: at 0.1 MB, a year would be 876 MB; allocators settle for hours."""

EVENTS = ("reloaded", "kept_house", "backed_up", "inbox_failed", "recovered")
HAPPENINGS = ("mail", "token", "line", "settings")  # in each hour, in another order
NIGHT = "night"
FAULTS = (Fault.FIN, Fault.RST, Fault.STALL, Fault.HOLE, Fault.CORRUPT)


@dataclass(frozen=True, slots=True)
class Sample:
    """What the daemon holds, its workers not counted. Bytes, and numbers of things."""

    memory: int
    threads: int
    descriptors: int
    wal: int  # both write-ahead logs

    def __str__(self) -> str:
        return (
            f"{self.memory / 1e6:.1f} MB, {self.threads} threads, {self.descriptors} descriptors, "
            f"{self.wal / 1e6:.1f} MB of WAL"
        )

    @classmethod
    def of(cls, pid: int, home: Home) -> Sample:
        """Look at it now."""
        status = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
        )
        logs = (path.with_name(path.name + "-wal") for path in (home.vault, home.store))
        return cls(
            memory=int(status["VmRSS"].split()[0]) * 1024,
            threads=int(status["Threads"]),
            descriptors=len(os.listdir(f"/proc/{pid}/fd")),  # noqa: PTH208
            wal=sum(path.stat().st_size for path in logs if path.exists()),
        )


@dataclass(frozen=True, slots=True)
class Pace:
    """How long it goes on, and what happens. `hour` is in real seconds."""

    hours: int
    hour: float
    seed: int
    without: frozenset[str] = frozenset()

    @property
    def mails(self) -> int:
        """How many come into the first inbox in an hour."""
        return 0 if "mail" in self.without else MAILS

    def environ(self) -> dict[str, str]:
        """Return what `tests.support.hurried` is to know."""
        night = {} if NIGHT in self.without else {"WATCHER_NIGHT": str(NIGHTS * self.hour)}
        return {"WATCHER_HURRY": str(HOUR / self.hour), "WATCHER_CACHE": "256", **night}


class Lease:
    """A login with tokens that end: the scripted server takes what the provider gave last, and no other."""

    def __init__(self, fake: FakeImap, provider: FakeProvider) -> None:
        self._provider = provider
        self.logins = self.refused = 0
        fake.on("AUTHENTICATE", self._authenticate)

    def _authenticate(self, exchange: Exchange) -> None:
        exchange.send(b"+ \r\n")
        said = base64.b64decode(exchange.line())
        if f"auth=Bearer access-{self._provider.issued}\1".encode() in said:
            self.logins += 1
            exchange.ok("[CAPABILITY IMAP4rev1 IDLE] logged in")
            return
        self.refused += 1
        exchange.send(b"+ " + base64.b64encode(b'{"status": "invalid_token"}') + b"\r\n")
        exchange.line()
        exchange.no("[AUTHENTICATIONFAILED] Invalid credentials")


class Day:
    """The daemon, what it talks to, and what happens to it in an hour."""

    def __init__(self, home: Home, user: MailUser, fake: FakeImap, provider: FakeProvider) -> None:
        self.home = home
        self._user = user
        self._fake = fake
        self._provider = provider
        self._number = 0

    def configure(self, port: int, *, every: int = 10) -> None:
        """Write the settings; other intervals make other settings."""
        for name, secret in (("secret", self._user.password), ("client", CLIENT_SECRET)):
            (self.home.root / name).write_text(secret, encoding="utf-8")
            (self.home.root / name).chmod(0o600)
        self.home.configure(
            f"backup: {{directory: {self.home.root}/copies, keep: 2}}\n"
            f"metrics_file: {self.home.root}/watcher.prom\n"
            f"inboxes:\n  - name: plain\n    host: 127.0.0.1\n    port: {port}\n    security: none\n"
            f"    username: {self._user.name}\n    password: {{file: {self.home.root}/secret}}\n"
            f"    every: {every}s\n"
            f"  - name: tokens\n    host: 127.0.0.1\n    port: {self._fake.port}\n    security: none\n"
            f"    username: reader@example.org\n    every: {every}s\n    oauth:\n      provider: google\n"
            f"      client_id: {CLIENT_ID}\n      client_secret: {{file: {self.home.root}/client}}\n"
            f"      scope: {SCOPE}\n      token_endpoint: {self._provider.url}/token\n"
            f"      device_endpoint: {self._provider.url}/device\n"
            "      authorization_endpoint: https://login.example.org/authorize\n"
        )

    def sign_in(self) -> None:
        """Keep a token that has ended and may be renewed."""
        self._provider._good.add("refresh-0")
        now = time.time()
        token = Token(
            access="access-0",
            refresh="refresh-0",
            obtained_at=now - 2,
            expires_at=now - 1,
            scope=self._provider.scope,
            client_id=CLIENT_ID,
            endpoint=f"{self._provider.url}/token",
        )
        file = TokenFile(self.home.root / "data" / "tokens" / "tokens.json")
        with file.locked(), file.replacing() as write:
            write(token)

    def expire(self) -> None:
        """Send away who idles, as servers do when a token ends; the provider's tokens end by themselves."""
        with self._fake._idle_changed:
            for sock in self._fake._idling:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def mail(self) -> None:
        """One more mail for the inbox with tokens."""
        self._number += 1
        name = f"<{self._number}@token.example.org>"
        self._fake.add(self._number, mail(f"Token {self._number}", message_id=name))
        self._fake.announce()

    @property
    def mails(self) -> int:
        """How many mails the inbox with tokens has."""
        return self._number


def slope(values: list[int]) -> float:
    """Growth a sample, by least squares."""
    return statistics.linear_regression(range(len(values)), values).slope if len(values) > 1 else 0.0


def growth(samples: list[Sample]) -> dict[str, float]:
    """Growth an hour of each thing that is sampled, once it is warm."""
    warm = samples[int(len(samples) * WARM) :]
    return {
        each.name: SAMPLES * slope([getattr(sample, each.name) for sample in warm]) for each in fields(Sample)
    }


def live(day: Day, service: Service, stream: Stream, proxy: FaultProxy, pace: Pace) -> list[Sample]:
    """Let the hours pass; returns what was sampled."""
    chance = random.Random(pace.seed)
    samples: list[Sample] = []
    for hour in range(1, pace.hours + 1):
        began = time.monotonic()
        stream.allow(pace.mails * hour, pace.hour)
        happenings = [each for each in HAPPENINGS if each not in pace.without]
        chance.shuffle(happenings)
        for number in range(1, SAMPLES + 1):
            proxy.fault = Fault.NONE
            match happenings.pop() if happenings else "":
                case "mail":
                    day.mail()
                case "token":
                    day.expire()
                case "line":
                    proxy.harm(chance.choice(FAULTS), chance.randrange(2_000))
                case "settings":
                    day.configure(proxy.port, every=10 + hour % 2)
                    os.kill(service.pid, signal.SIGHUP)
            time.sleep(max(0.0, began + pace.hour * number / SAMPLES - time.monotonic()))
            if not service.running():
                raise SystemExit(f"the daemon ended by itself: {service.last_words()}")
            samples.append(Sample.of(service.pid, day.home))
        print(f"hour {hour}: {samples[-1]}, {stored(day.home)} mails", flush=True)
    return samples


def main() -> None:
    """Run, and print what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--hour", type=float, default=30.0, help="real seconds of one hour")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument(
        "--without",
        type=lambda names: frozenset(names.split(",")),
        default=frozenset(),
        metavar="WHAT",
        help=f"leave out what happens, to find what grows: of {', '.join((*HAPPENINGS, NIGHT))}",
    )
    pace = Pace(**vars(parser.parse_args()))
    if unknown := pace.without - {*HAPPENINGS, NIGHT}:
        parser.error(f"--without: there is no {' or '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the servers and the daemon end with it
    print(f"seed {pace.seed}", flush=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_dovecot() as server,
        FaultProxy(server.port) as proxy,
        FakeImap(capabilities="IMAP4rev1 AUTH=OAUTHBEARER AUTH=XOAUTH2 IDLE") as fake,
        FakeProvider() as provider,
    ):
        home = Home(Path(folder))
        user = server.user()
        provider.expires_in = pace.hour
        lease = Lease(fake, provider)
        day = Day(home, user, fake, provider)
        day.configure(proxy.port)
        day.sign_in()
        with Stream(user, pace.seed) as stream, Service(home, pace.environ()) as service:
            service.start()
            service.until(lambda: '"started"' in service.last_words(), 60)  # before, SIGHUP is its end
            samples = live(day, service, stream, proxy, pace)
            proxy.fault = Fault.NONE
            wanted = pace.mails * pace.hours + day.mails
            service.until(lambda: stored(home) >= wanted, 10 * pace.hour)
            found = stored(home)
            code = service.stop()
        log = service.log.read_text(errors="replace")
    events = ", ".join(f"{log.count(each)} {each}" for each in EVENTS)
    logins = f"{lease.logins} logins with {provider.issued} tokens"
    print(f"{found} of {wanted} mails; exit code {code}; {logins}; {events}")
    grown = growth(samples)
    for name, value in grown.items():
        first, last = getattr(samples[int(len(samples) * WARM)], name), getattr(samples[-1], name)
        print(f"{name}: {first} to {last}, growth {value:+.3f} an hour")
    steady = all(value <= MOST[name] for name, value in grown.items())
    sys.exit(0 if steady and found == wanted and code == 0 else 1)


if __name__ == "__main__":
    main()
