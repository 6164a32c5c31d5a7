"""What a worker gives up: seen in a child process, for there is no way back."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

CHILD = """
import encodings.idna, json, os, socket  # nobody may not be able to read the interpreter
from watcher.rendering import isolation
alone = isolation.cut_network()
isolation.give_up_root()
try:
    socket.create_connection(("127.0.0.1", {port}), 5).close()
    reached = True
except OSError:
    reached = False
print(json.dumps([alone, reached, os.geteuid(), isolation.owner()]))
"""


def test_a_process_without_a_network_reaches_not_even_this_machine() -> None:
    """And root has become nobody."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        code = CHILD.format(port=server.getsockname()[1])
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    alone, reached, user, owner = json.loads(done.stdout)
    assert user == owner == (os.geteuid() or 65_534)
    if not alone:
        pytest.skip("this system lets nobody have a network namespace")
    assert not reached
