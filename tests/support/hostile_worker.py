"""A worker process whose rules obey a mail: the header field `X-Do` says what happens to the process.

What real mail does to a library cannot be had on demand, so it is done in its place. It runs like the real
one, `python -m tests.support.hostile_worker FD`, and is the real one in everything else.
"""

from __future__ import annotations

import os
import pickle
import re
import signal
import sys
import time
from typing import TYPE_CHECKING

from watcher import pipeline
from watcher.derivation import process

if TYPE_CHECKING:
    from watcher.pipeline import Context
    from watcher.record import Record

PROGRAM = "tests.support.hostile_worker"

_derive = pipeline.derive
_spoken = re.compile(rb"^X-Do: (\S+)", re.MULTILINE)


def _obedient(raw: bytes, context: Context) -> Record:  # noqa: C901  # a table of what to do
    found = _spoken.search(raw)
    match found[1].decode() if found else "":
        case "hang":
            time.sleep(3600)
        case "spin":
            while True:
                pass
        case "allocate":
            return _derive(raw + b"x" * (4 << 30), context)
        case "exit":
            os._exit(3)
        case "leave":
            os._exit(0)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "once":
            # Dies of the first mail of its kind, and leaves a note for the next worker.
            note = context.inbox + ".died"
            if not os.path.exists(note):  # noqa: PTH110
                os.close(os.open(note, os.O_CREAT | os.O_WRONLY, 0o600))
                os._exit(1)
        case "lie":
            os.write(int(sys.argv[1]), len(_LIE).to_bytes(4, "big") + _LIE)
        case "chatter":
            print("what the mail says", file=sys.stderr, flush=True)
    return _derive(raw, context)


class _Call:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("true",)


_LIE = pickle.dumps(_Call())

if __name__ == "__main__":
    pipeline.derive = _obedient
    process.main(int(sys.argv[1]))
