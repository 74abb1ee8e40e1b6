# SPDX-License-Identifier: MIT
"""Guest kernels: each tests/guest/NAME.c is booted in the root partition's place.

A kernel prints `PASS name` or `FAIL name why` per case and `DONE` at its
end; each line counts as a test. Its first comment may have a line
`machines: NAME…` (default: MACHINES below), `cmdline: OPTIONS` for the
hypervisor, `memory: SIZE` for the machine and `qemu: OPTIONS` for that emulator.
"""
import glob
import os
import re

import pexpect
import pytest

import machine as machines

MACHINES = ["svm-smp1-bios", "svm-smp2-bios", "vmx-smp1", "ryzen-smp1"]
RESULT = r"(?:^|\n)(PASS|FAIL|DONE)(?: ([^\r\n]*))?\r?\n"


def tag(path, word, default):
    with open(path) as f:
        head = "".join(f.readlines()[:15])
    match = re.search(r"^ \* %s: *(.*)" % word, head, re.M)
    return match.group(1).strip() if match else default


def kernels():
    """(guest, machine) pairs."""
    for path in sorted(glob.glob(os.path.join(machines.ROOT, "tests/guest/*.c"))):
        guest = os.path.basename(path)[:-2]
        if guest.startswith("bench"):
            continue
        for name in tag(path, "machines", " ".join(MACHINES)).split():
            options = [tag(path, word, "") for word in ("cmdline", "memory", "qemu")]
            yield pytest.param(guest, name, *options, id="%s-%s" % (guest, name))


@pytest.mark.parametrize("guest, name, cmdline, memory, qemu", kernels())
def test_guest(guest, name, cmdline, memory, qemu, boot, make_iso, record_property):
    iso = make_iso(cmdline=cmdline, root="%s/guest/%s.elf" % (machines.BUILD, guest))
    changes = {"extra": qemu.split()} if machines.emulator_of(name) == "qemu" else {}
    if memory:
        changes["memory"] = memory
    console = boot(name, iso, **changes).console
    passed, failures, done = 0, [], False
    try:
        while not done:
            match = console.expect(RESULT)
            word, text = match.group(1).decode(), (match.group(2) or b"").decode()
            done = word == "DONE"
            passed += word == "PASS"
            if word == "FAIL":
                failures.append(text)
    except (pexpect.TIMEOUT, pexpect.EOF) as end:
        failures.append("no DONE line: %s" % type(end).__name__)
    if not passed and not failures:
        failures.append("it printed no result at all")
    record_property("passed", passed)
    record_property("failed", len(failures))
    assert not failures, "\n".join(failures)
