"""A whole vault on the workers of a real scheduler: the same store, whoever is lost on the way."""

from __future__ import annotations

import shutil
import signal
import sys
import time
import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import dask
import pytest
from distributed import Security

from tests.support.certificates import Authority
from tests.support.dask_cluster import dask_cluster
from tests.support.derivation import arrive, do
from tests.support.home import Home, ended
from watcher import settings as settings_room
from watcher.archive import Archive
from watcher.batch import slices
from watcher.batch.cluster import ClusterError, ClusterUnreachable, client, site
from watcher.batch.cluster.client import Cluster, Task, runs_of
from watcher.batch.cluster.edition import Edition
from watcher.batch.cluster.importing import ClusterImport
from watcher.batch.rebuilding import Interrupted, rebuild
from watcher.batch.sources import total_bytes
from watcher.demo import samples
from watcher.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.dask_cluster import DaskCluster
    from watcher.archive import Derived
    from watcher.settings import Settings

_MAILS = 8  # of one task: a run has a dozen


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """A scheduler and two workers."""
    with dask_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture(scope="module")
def derived_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A vault with the samples, in a few copies, and a store that was made by this process; to be copied."""
    home = Home(tmp_path_factory.mktemp("derived"))
    raws = [raw.replace(b"Subject: ", b"Subject: %d " % n, 1) for n in range(8) for raw in samples()]
    with Vault.open(home.vault) as vault:
        arrive(vault, "politics", *raws)
    assert home.run("rebuild", "--workers", "1").code == 0
    return home


@pytest.fixture
def settings(home: Home, derived_home: Home) -> Settings:
    """Of a home that has that vault and that store."""
    shutil.copytree(derived_home.vault.parent, home.vault.parent)
    return settings_room.load(home.config)


def of(settings: Settings, cluster: DaskCluster) -> Cluster:
    return Cluster(cluster.address, settings, (), mails=_MAILS)


def shards_of(home: Home) -> Path:
    return home.vault.with_name("vault.db.shards")


@pytest.mark.slow
def test_the_store_is_the_same_when_a_worker_is_killed(
    home: Home, settings: Settings, tmp_path: Path
) -> None:
    """Every row and every term of the search, though one of two workers ends in the midst of its tasks."""
    before = home.dump()
    home.store.unlink()
    batches = 0
    with dask_cluster(tmp_path / "cluster") as cluster:

        def kill(_batch: Derived) -> None:
            nonlocal batches
            batches += 1
            if batches == 2:
                cluster.workers[0].send_signal(signal.SIGKILL)
                cluster.workers[0].wait()

        derived = rebuild(settings, (), crew=of(settings, cluster), on_batch=kill)
    assert derived.done == len(home.rows("select id from newsletters")) > 100
    assert batches > 10
    assert home.dump() == before
    assert not shards_of(home).exists()


def test_the_command_does_it(home: Home, settings: Settings, cluster: DaskCluster) -> None:
    """`--scheduler`, with the shards where they are wanted, over the store in service."""
    before = home.dump()
    elsewhere = home.root / "shared"
    with ended(home.start("rebuild", "--scheduler", cluster.address, "--shards", str(elsewhere))) as process:
        out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert "0 failed" in out
    assert home.dump() == before
    assert [*elsewhere.iterdir()] == []


def test_mail_that_comes_meanwhile_is_derived_as_well(
    home: Home, settings: Settings, cluster: DaskCluster
) -> None:
    """The vault stands still for the workers, and nobody waits for that."""
    came: list[int] = []

    def arrived(_batch: Derived) -> None:
        if not came:
            with Vault.open(home.vault) as vault:
                came.extend(arrive(vault, "politics", do("", "it came meanwhile")))

    rebuild(settings, (), crew=of(settings, cluster), on_batch=arrived)
    assert home.rows("select subject from newsletters where id = ?", came[0]) == [
        {"subject": "it came meanwhile"}
    ]


@pytest.mark.slow
def test_an_import_is_the_same_when_a_worker_is_killed(home: Home, tmp_path: Path) -> None:
    """Vault and store: files and ranges of an mbox from the workers, an archive among them from here."""
    source = old_mail(tmp_path / "old")
    alone = Home(tmp_path / "alone")
    assert alone.run("import", str(source)).code == 0
    settings = settings_room.load(home.config)
    with dask_cluster(tmp_path / "cluster") as running, ExitStack() as stack:
        crew = stack.enter_context(of(settings, running))
        archive = stack.enter_context(Archive.open(settings, (), crew))
        done: list[int] = []

        def kill(count: int) -> None:
            done.append(count)
            if len(done) == 2:
                running.workers[0].kill()
                running.workers[0].wait()

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(slices, "_BYTES", 60_000)
            patched.setattr(slices, "_NAMES", 20)
            work = ClusterImport(crew, archive, max_bytes=settings.max_message, on_bytes=kill)
            work.take([source])
        work.derive_rest()
    assert len(done) > 10
    assert sum(done) == total_bytes([source])
    assert (work.imported.seen, work.imported.known) == (321, 0)
    assert home.dump() == alone.dump()
    assert home.vault_rows(VAULT) == alone.vault_rows(VAULT)
    assert home.vault_rows("select state, count(*) n from derivations group by 1") == [
        {"state": "done", "n": work.imported.stored}
    ]


VAULT = """
    select m.inbox, d.uid, d.message, d.internal_date, d.size, hex(s.sha256), hex(s.raw)
    from deliveries d join mailboxes m on m.id = d.mailbox join messages s on s.id = d.message order by d.id
"""


def old_mail(folder: Path) -> Path:
    """An mbox, a folder of letters that are partly the same, and an archive."""
    raws = [
        raw.replace(b"Subject: ", b"Subject: %d " % n, 1).replace(b"\r\n", b"\n")
        for n in range(12)
        for raw in samples()
    ]
    (folder / "letters").mkdir(parents=True)
    for n, raw in enumerate(raws[-100:]):
        (folder / "letters" / f"{n:03d}.eml").write_bytes(raw)
    box = b"".join(b"From news@example.org Sun Mar  1 09:30:00 2026\n" + raw + b"\n" for raw in raws)
    (folder / "old.mbox").write_bytes(box)
    with zipfile.ZipFile(folder / "letters" / "more.zip", "w") as archive:
        for n, raw in enumerate(raws[:53]):
            archive.writestr(f"{n:03d}.eml", raw.replace(b"Subject: ", b"Subject: packed ", 1))
    return folder


def test_an_import_goes_on_where_it_ended(home: Home, cluster: DaskCluster, tmp_path: Path) -> None:
    """What is in the vault already is read, and neither derived nor stored again."""
    source = old_mail(tmp_path / "old")
    with ended(home.start("import", "--scheduler", cluster.address, str(source / "letters"))) as process:
        out, err = process.communicate()
    assert (process.returncode, out) == (
        0,
        "read 153: 153 new, 0 same as another, 0 imported before\nderived 153, failed 0\n",
    ), err
    before = home.dump()
    with ended(home.start("import", "--scheduler", cluster.address, str(source / "letters"))) as process:
        out, err = process.communicate()
    assert "read 153: 0 new, 0 same as another, 153 imported before\nderived 0" in out, err
    assert home.dump() == before
    assert not shards_of(home).exists()


def test_a_path_without_mail_is_named(home: Home, cluster: DaskCluster, tmp_path: Path) -> None:
    """As without a cluster."""
    (tmp_path / "nothing").mkdir()
    with ended(home.start("import", "--scheduler", cluster.address, str(tmp_path / "nothing"))) as process:
        _, err = process.communicate()
    assert process.returncode == 1
    assert "no mail in this folder" in err


def test_a_stop_changes_nothing(home: Home, settings: Settings, cluster: DaskCluster) -> None:
    """The old store stays, and no task and no shard is left."""
    before = home.dump()
    done: list[Derived] = []
    with pytest.raises(Interrupted, match="the store stays as it was"):
        rebuild(settings, (), crew=of(settings, cluster), stopped=lambda: len(done) > 1, on_batch=done.append)
    assert home.dump() == before
    assert not shards_of(home).exists()


def test_ctrl_c_ends_the_command(home: Home, settings: Settings, cluster: DaskCluster) -> None:
    """With a sentence, once the batch under way is over."""
    with Vault.open(home.vault) as vault:
        arrive(vault, "politics", *(do("", f"no. {n}") for n in range(4_000)))
    with ended(home.start("rebuild", "--scheduler", cluster.address)) as process:
        while process.poll() is None and not [*shards_of(home).glob("*.shard")]:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 1
    assert err.endswith("stopped; the store stays as it was\n")
    assert "Traceback" not in err


def test_the_processes_of_a_run_end_with_it(settings: Settings, cluster: DaskCluster) -> None:
    """A worker keeps nothing of it."""
    with of(settings, cluster) as crew:
        assert sum(len(rows) for rows in crew.derive(range(1, 100))) == 99
        assert any(children(worker.pid) for worker in cluster.workers)
    deadline = time.monotonic() + 30
    while any(children(worker.pid) for worker in cluster.workers):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def children(pid: int) -> list[str]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [child for task in tasks for child in task.read_text().split()]


def test_other_rules_are_refused(
    settings: Settings, cluster: DaskCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record must not depend on who made it: each worker is asked first, and again with each task."""
    own = Edition.here()
    newer = Edition((("rules", "99-0"), *own.parts[1:]))
    monkeypatch.setattr(Edition, "here", classmethod(lambda _cls: newer))
    sentence = (
        rf"worker tcp://127\S+ .*has rules {own.parts[0][1]} \(here 99-0\): .*install the same versions"
    )
    with pytest.raises(ClusterError, match=sentence), of(settings, cluster):
        pass
    monkeypatch.setattr(Cluster, "_check", lambda _self, _own: None)  # as when the worker joins later
    with of(settings, cluster) as crew, pytest.raises(ClusterError, match=sentence):
        next(crew.derive([1]))


def test_a_directory_that_is_not_shared_is_named(settings: Settings, cluster: DaskCluster) -> None:
    """With the worker that does not find it."""
    with of(settings, cluster) as crew:
        shutil.rmtree(crew.directory.path)
        with pytest.raises(ClusterError, match=r"worker tcp://127\S+ \(.+\): .*shards.*: No such file"):
            next(crew.derive([1]))


def test_a_vault_that_a_worker_cannot_read_is_named(settings: Settings, cluster: DaskCluster) -> None:
    """In the words of the vault."""
    with (
        of(settings, cluster) as crew,
        pytest.raises(ClusterError, match=r"worker .*there is no message 999"),
    ):
        next(crew.shards([Task("999", site.derive_rows, (((999, 999),),))]))


def test_a_task_that_fails_is_told_with_its_error(settings: Settings, cluster: DaskCluster) -> None:
    """A defect, for whoever mends it."""
    with of(settings, cluster) as crew, pytest.raises(ClusterError, match="on its worker: TypeError"):
        next(crew.shards([Task("1", site.derive_rows, (1,))]))


def test_a_run_that_is_over_takes_no_task(settings: Settings, cluster: DaskCluster) -> None:
    """What a command left behind that was killed does no harm."""
    with of(settings, cluster) as crew:
        crew._leave()
        with pytest.raises(ClusterError, match="has ended, or never began here"):
            next(crew.derive([1]))


def test_who_is_gone_is_told(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker to begin with, all workers, and the scheduler itself."""
    monkeypatch.setattr(client, "_CONNECT", 0.5)
    monkeypatch.setattr(client, "_DESERTED", 0.0)
    with dask_cluster(tmp_path / "cluster", workers=0) as running:
        crew = of(settings, running)
        with pytest.raises(ClusterError, match="it has no worker; start some with `dask worker tcp:"), crew:
            pass
        monkeypatch.setattr(client, "_CONNECT", 30)
        running.add_worker()
        with of(settings, running) as crew:
            running.workers[0].kill()
            with pytest.raises(ClusterError, match="all its workers are gone"):
                next(crew.derive([1]))
        running.add_worker()
        with dask.config.set({"distributed.comm.timeouts.connect": "1s"}), of(settings, running) as crew:
            running.scheduler.kill()
            with pytest.raises(ClusterUnreachable, match="the connection was lost"):
                next(crew.derive([1]))


def test_nobody_at_the_address(home: Home, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be there later: exit code 75."""
    monkeypatch.setattr(client, "_CONNECT", 0.3)
    outcome = home.run("rebuild", "--scheduler", "tcp://127.0.0.1:1")
    assert outcome.code == 75
    assert "scheduler tcp://127.0.0.1:1: nobody answers there; start it with `dask scheduler`" in outcome.err
    assert not shards_of(home).exists()


def test_without_the_extra_it_is_named(
    home: Home, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And how to install it."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    outcome = home.run("rebuild", "--scheduler", "tcp://127.0.0.1:1")
    assert outcome.code == 1
    assert "pip install 'newsletter-watcher[cluster]'" in outcome.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--scheduler", "cluster.example.org"], "an address reads tcp://HOST:8786"),
        (["--shards", "somewhere"], "--shards belongs to --scheduler"),
        (["--scheduler", "tcp://127.0.0.1:1", "--failed"], "--scheduler takes whole vaults"),
        (["--scheduler", "tcp://127.0.0.1:1", "--workers", "2"], "--scheduler takes whole vaults"),
    ],
)
def test_words_that_do_not_fit_are_refused(
    home: Home, settings: Settings, words: list[str], sentence: str
) -> None:
    """Before anybody is called."""
    outcome = home.run("rebuild", *words)
    assert outcome.code in {1, 2}
    assert sentence in outcome.err


def test_encrypted_by_the_settings_of_dask(home: Home, settings: Settings, tmp_path: Path) -> None:
    """Both ends show a certificate of the same authority; without one nobody is let in."""
    authority = Authority.create(tmp_path / "authority")
    pair = authority.issue("cluster")
    tls = "DASK_DISTRIBUTED__COMM__TLS__"
    environ = {f"{tls}CA_FILE": str(authority.cafile)}
    for role in ("SCHEDULER", "WORKER", "CLIENT"):
        environ |= {f"{tls}{role}__CERT": str(pair.cert), f"{tls}{role}__KEY": str(pair.key)}
    before = home.dump()
    security = Security(
        tls_ca_file=str(authority.cafile),
        tls_client_cert=str(pair.cert),
        tls_client_key=str(pair.key),
        require_encryption=True,
    )
    with dask_cluster(
        tmp_path / "cluster", 1, options=["--protocol", "tls"], environ=environ, security=security
    ) as running:
        assert running.address.startswith("tls://")
        with ended(home.start("rebuild", "--scheduler", running.address, environ=environ)) as process:
            _, err = process.communicate()
        assert (process.returncode, err) == (0, "")
    assert home.dump() == before


@pytest.mark.parametrize(
    ("ids", "runs"),
    [([], ()), ([7], ((7, 7),)), ([1, 2, 3], ((1, 3),)), ([1, 2, 4, 8, 9], ((1, 2), (4, 4), (8, 9)))],
)
def test_ids_travel_as_runs(ids: list[int], runs: site.Runs) -> None:
    """A task is a few numbers, however many mails it names."""
    assert runs_of(ids) == runs
