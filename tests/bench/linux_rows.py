# SPDX-License-Identifier: MIT
"""Figures of Debian's Linux as a child: from `vm start` to its /init.

Instructions are QEMU's own count of what the machine executed, whoever did
it: root, worker, hypervisor and child. Exits are the child's, by kind. What a
halted machine skips is not counted.
"""
import re

import counting
import linux as linuxes

PREFIX = "linux-init-"


def rows(start, make_iso):
    """start(log, iso, extra=options): a machine; make_iso as the tests have it."""
    with counting.qmp() as (path, options):
        with start("bench-linux", linuxes.iso_of(make_iso, "cloud"), extra=options) as machine:
            linux = linuxes.Linux(machine)
            linux.create()
            count = counting.Instructions(path)
            before = count.now()
            linux.start()
            found = {PREFIX + "instructions": count.now() - before}
            stats = linux.host.json("vm stats --json " + linuxes.NAME)
    for vp in stats["vps"]:
        for kind in vp["kinds"]:
            name = PREFIX + "exits-" + re.sub(r"\W+", "-", kind["kind"])
            found[name] = found.get(name, 0) + kind["exits"]
    return found
