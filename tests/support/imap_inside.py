"""A Dovecot for a test machine (`tests.support.nspawn`): run inside it as a service of Type=notify.

Prints nothing; writes port, user and password to the file that it is given, and then says READY.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from tests.support.dovecot import running_dovecot
from tests.support.home import mail
from watcher.service.notify import Notifier

PASSWORD = "not to be seen in any log"


def main(file: Path) -> None:
    """Serve one account with one mail until SIGTERM."""
    with running_dovecot() as server:
        user = server.user(PASSWORD)
        user.deliver(mail("The first one"))
        file.write_text(json.dumps({"port": server.port, "username": user.name}))
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        Notifier().ready()
        while True:
            signal.pause()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
