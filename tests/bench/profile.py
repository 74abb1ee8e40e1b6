#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where the instructions of one exit go: tests/bench/profile.py [FUNCTION].

Steps through the guest kernel bench, on QEMU, from one call of a function of
the hypervisor (policy_cpuid, or hypercall_handle for the fast hypercall) to
the next, and prints the instructions spent in each function on the way; what
has no name is the guest's. The steps themselves go to
build/test-logs/profile.txt, for a look at every single one. `make
bench-profile` does it for both.
"""
import bisect
import collections
import os
import re
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import bench  # noqa: E402
import emulators  # noqa: E402
import machine as machines  # noqa: E402

STEPS = machines.LOGS + "/profile.txt"
WARM_UP, STEPS_MAX = 300, 1500
SCRIPT = """\
set pagination off
set confirm off
set architecture i386:x86-64
file {build}/hypervisor.elf
target remote {work}/gdb
hbreak {function}
ignore 1 {warm_up}
continue
delete
set logging file {steps}
set logging overwrite on
set logging redirect on
set logging enabled on
set $n = 0
while $n < {steps_max}
printf "%lx\\n", $pc
stepi
set $n = $n + 1
end
set logging enabled off
kill
"""


def wait_for(path, emulator):
    while not os.path.exists(path):
        if emulator.poll() is not None:
            sys.exit("profile: the emulator ended")
        time.sleep(0.02)


def step(function):
    """Runs gdb on the stopped machine; returns the addresses, one per step."""
    os.makedirs(machines.LOGS, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="verdigris-") as work:
        command = emulators.qemu_command(bench.guest_iso("bench"), memory="512M",
                                         cpu="max,-rdrand", extra=machines.DETERMINISTIC)
        command += ["-display", "none", "-serial", "file:" + work + "/com1", "-S", "-gdb",
                    "unix:%s/gdb,server=on,wait=off" % work]
        script = work + "/script.gdb"
        with open(script, "w") as f:
            f.write(SCRIPT.format(build=machines.BUILD, work=work, function=function,
                                  warm_up=WARM_UP, steps=STEPS, steps_max=STEPS_MAX))
        emulator = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL,
                                    preexec_fn=machines.die_with_parent)
        try:
            wait_for(work + "/gdb", emulator)
            subprocess.run(["gdb", "-q", "-batch", "-nx", "-x", script], timeout=120,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        finally:
            emulator.kill()
            emulator.wait()
    with open(STEPS) as f:
        return [int(line, 16) for line in f if re.match("[0-9a-f]{4,16}$", line)]


def symbols():
    with open(machines.BUILD + "/hypervisor.sym") as f:
        rows = [line.split() for line in f]
    return sorted((int(row[0], 16), row[2]) for row in rows if row[1] in "tT")


def vmrun():
    """Address of VMRUN, and of the instruction behind it."""
    with open(machines.BUILD + "/hypervisor.dis") as f:
        found = re.search(r"^(\w+):.*\tvmrun.*\n(\w+):", f.read(), re.MULTILINE)
    return int(found.group(1), 16), int(found.group(2), 16)


def names(addresses):
    """The function of each step. The guest's image has the same addresses as ours."""
    table = symbols()
    starts = [address for address, _ in table]
    enter, leave = vmrun()
    inside = False
    for pc in addresses:
        inside = inside and pc != leave
        yield "(guest)" if inside else table[bisect.bisect(starts, pc) - 1][1]
        inside = inside or pc == enter


def profile(function):
    """Instructions by function from one call to the next."""
    addresses = step(function)
    called = list(names(addresses))
    calls = [i for i, pc in enumerate(addresses) if pc == addresses[0] and called[i] == function]
    if len(calls) < 2:
        sys.exit("profile: %s is called only once in %d instructions" % (function, STEPS_MAX))
    return collections.Counter(called[:calls[1]])


def main():
    for function in sys.argv[1:] or ["policy_cpuid", "hypercall_handle"]:
        rows = profile(function)
        print("%s: %d instructions from call to call, %d of them ours" % (
            function, rows.total(), rows.total() - rows["(guest)"]))
        for name, count in rows.most_common():
            print("%6d  %s" % (count, name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
