# SPDX-License-Identifier: MIT
"""Guest kernels: each tests/guest/NAME.c is booted in the root partition's place,
or as a child of the root.

A kernel prints `PASS name` or `FAIL name why` per case and `DONE` at its
end; each line counts as a test. Its first comment may have a line
`machines: NAME…` (default: MACHINES below), `cmdline: OPTIONS` for the
hypervisor, `memory: SIZE` for the machine and `qemu: OPTIONS` for that emulator.
`machines: none`: it is a child only. With `child: NAME…` it is a child on these
machines, with `child-options: OPTIONS` of `vm create`; at its end it is off, or what
the regular expression after `child-end:` says. `soak: OPTIONS` are more of its
command line in `make soak`.
"""
import glob
import os
import re

import pexpect
import pytest

import machine as machines

NONE = "none"
MACHINES = ["svm-smp1-bios", "svm-smp2-bios", "vmx-smp1", "ryzen-smp1"]
RESULT = r"(?:^|\n)(PASS|FAIL|DONE)(?: ([^\r\n]*))?\r?\n"


def tag(path, word, default):
    with open(path) as f:
        head = "".join(f.readlines()[:15])
    match = re.search(r"^ \* %s: *(.*)" % word, head, re.M)
    return match.group(1).strip() if match else default


def soak_options(path):
    return tag(path, "soak", "") if os.environ.get("VERDIGRIS_SOAK") else ""


def kernels():
    """(guest, machine) pairs."""
    for path in sorted(glob.glob(os.path.join(machines.ROOT, "tests/guest/*.c"))):
        guest = os.path.basename(path)[:-2]
        if guest.startswith("bench"):
            continue
        for name in tag(path, "machines", " ".join(MACHINES)).replace(NONE, "").split():
            options = [tag(path, word, "") for word in ("cmdline", "memory", "qemu")]
            options[0] = (options[0] + " " + soak_options(path)).strip()
            yield pytest.param(guest, name, *options, id="%s-%s" % (guest, name))


def children():
    """(guest, machine, options, end) of those that are children."""
    for path in sorted(glob.glob(os.path.join(machines.ROOT, "tests/guest/*.c"))):
        guest = os.path.basename(path)[:-2]
        options = tag(path, "child-options", "--memory 32M")
        if soak_options(path):
            options += " --cmdline '%s'" % soak_options(path)
        for name in tag(path, "child", "").split():
            yield pytest.param(guest, name, options, tag(path, "child-end", "is off"),
                               id="%s-%s" % (guest, name))


class Results:
    """Counts the lines that a kernel prints."""

    def __init__(self, record_property):
        self.passed = 0
        self.failures = []
        self.record = record_property

    def read(self, console):
        """Up to DONE, or to what comes instead."""
        done = False
        try:
            while not done:
                match = console.expect(RESULT)
                word, text = match.group(1).decode(), (match.group(2) or b"").decode()
                done = word == "DONE"
                self.passed += word == "PASS"
                if word == "FAIL":
                    self.failures.append(text)
        except (pexpect.TIMEOUT, pexpect.EOF) as end:
            self.failures.append("no DONE line: %s" % type(end).__name__)

    def judge(self):
        if not self.passed and not self.failures:
            self.failures.append("it printed no result at all")
        self.record("passed", self.passed)
        self.record("failed", len(self.failures))
        assert not self.failures, "\n".join(self.failures)


@pytest.mark.parametrize("guest, name, cmdline, memory, qemu", kernels())
def test_guest(guest, name, cmdline, memory, qemu, boot, make_iso, record_property):
    iso = make_iso(cmdline=cmdline, root="%s/guest/%s.elf" % (machines.BUILD, guest))
    changes = {"extra": qemu.split()} if machines.emulator_of(name) == "qemu" else {}
    if memory:
        changes["memory"] = memory
    results = Results(record_property)
    results.read(boot(name, iso, **changes).console)
    results.judge()


@pytest.mark.parametrize("guest, host, options, end", children(), indirect=["host"])
def test_child(guest, host, options, end, record_property):
    results = Results(record_property)
    host.create(guest, options=options, kernel="/boot/extra/%s.elf" % guest)
    host.ok("vm start " + guest)
    host.console.sendline("vm console " + guest)
    results.read(host.console)
    if not results.failures:
        note = host.console.expect(r"note: %s ((?:is|has) [^\r\n]*)\r\n" % guest).group(1)
        host.console.prompt()
        if not re.fullmatch(end, note.decode()):
            results.failures.append("at its end it " + note.decode())
    results.judge()
