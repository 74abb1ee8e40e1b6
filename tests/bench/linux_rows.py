# SPDX-License-Identifier: MIT
"""Figures of Debian's Linux as a child: from `vm start` to its /init.

Instructions are QEMU's own count of what the machine executed, whoever did
it: root, worker, hypervisor and child. Exits are the child's, by kind. What a
halted machine skips is not counted.
"""
import contextlib
import json
import os
import re
import socket
import tempfile

import linux as linuxes

PREFIX = "linux-init-"


class Instructions:
    """QEMU's counter, by its machine protocol on a socket."""

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


def rows(start, make_iso):
    """start(log, iso, extra=options): a machine; make_iso as the tests have it."""
    with qmp() as (path, options):
        with start("bench-linux", linuxes.iso_of(make_iso, "cloud"), extra=options) as machine:
            linux = linuxes.Linux(machine)
            linux.create()
            count = Instructions(path)
            before = count.now()
            linux.start()
            found = {PREFIX + "instructions": count.now() - before}
            stats = linux.host.json("vm stats --json " + linuxes.NAME)
    for vp in stats["vps"]:
        for kind in vp["kinds"]:
            name = PREFIX + "exits-" + re.sub(r"\W+", "-", kind["kind"])
            found[name] = found.get(name, 0) + kind["exits"]
    return found
