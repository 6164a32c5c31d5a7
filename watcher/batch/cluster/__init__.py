"""The work of a batch on many machines: the workers of a dask.distributed cluster derive (extra `cluster`).

    with Cluster("tcp://scheduler:8786", settings, senders) as cluster:
        rebuild(settings, senders, derivers=cluster)

Everything large goes through a directory that all machines share; tasks and their answers are names and
numbers. A task names row ids of the vault, or file names and ranges of bytes. Whoever gets it opens them for
itself, derives in a worker process as everywhere, and writes a shard (`shards`). Here the shards are read in
the order of the tasks, and one process writes them to the store: so it comes out the same as on one machine.
A task is a pure function of the bytes and the rules: who gets it after a worker was lost writes the same
shard.
"""

from __future__ import annotations

from watcher.batch.cluster.errors import ClusterError, ClusterUnreachable

__all__ = ["ClusterError", "ClusterUnreachable"]
