# SPDX-License-Identifier: MIT
"""QEMU's own count of the instructions that a deterministic machine executed.

Whoever executed them: hypervisor, root, worker and child. What a halted machine
skips is not counted.
"""
import contextlib
import json
import os
import socket
import tempfile


class Instructions:
    """The counter, by QEMU's machine protocol on a socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = self.socket.makefile("rw")
        json.loads(self.file.readline())
        self.ask("qmp_capabilities")

    def ask(self, command):
        self.file.write(json.dumps({"execute": command}) + "\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline())
            if "return" in answer:
                return answer["return"]

    def now(self):
        return self.ask("query-replay")["icount"]


@contextlib.contextmanager
def qmp():
    """Options for a machine, and where its socket will be."""
    with tempfile.TemporaryDirectory(prefix="verdigris-bench-") as work:
        path = os.path.join(work, "qmp")
        yield path, ["-qmp", "unix:%s,server=on,wait=off" % path]
