# SPDX-License-Identifier: MIT
"""Bad workers: each tests/worker/NAME.c in the place of the worker of a VM called NAME.

All of them are one program, build/worker-tests.elf, which is the real worker
for a VM of another name: a good VM runs beside them, and must go on.
"""
import glob
import os
import re

import pytest

import machine as machines
import mkcpio
import vms

PROGRAMS = sorted(os.path.basename(path)[:-2]
                  for path in glob.glob(machines.ROOT + "/tests/worker/*.c"))


def why(program):
    """What must be said of its end."""
    with open("%s/tests/worker/%s.c" % (machines.ROOT, program)) as f:
        return re.search(r"^ \* why: (.*)", f.read(), re.M).group(1)


@pytest.fixture
def workers(request, make_iso):
    """A vms.Host whose worker is the test program."""
    tree = mkcpio.read_tree(machines.ROOT + "/boot/archive")
    archive = vms.archive("workers", dict(
        {name: data for name, (_, data) in tree.items()},
        **{"worker.elf": machines.BUILD + "/worker-tests.elf"}))
    act = vms.archive("workers-extra", {"act.elf": machines.BUILD + "/guest/act.elf"})
    iso = make_iso(archive=archive, extra=[(act, "extra.cpio")])
    with machines.machine(request.param, iso, "workers-" + request.param) as machine:
        yield vms.Host(machine)


def end_of(host, program):
    """Starts it; what is said of its end, once the VM has failed."""
    lines = host.run("vm start " + program)
    host.wait_state(program, "failed")
    show = host.show(program)
    if lines:
        assert lines == ["error: %s: %s" % (program, show["why"])]
    return show["why"]


def check(host, program):
    """None, or what is wrong."""
    free, ticks = host.memory_free(), host.run_time("good")
    host.create(program, "idle")
    text = end_of(host, program)
    if not re.fullmatch("(its worker was ended: )?(%s)" % why(program), text):
        return text
    host.ok("vm delete " + program)
    if host.memory_free() != free:
        return "%d bytes are missing" % (free - host.memory_free())
    host.wait_for(lambda: host.run_time("good"), lambda now: now > ticks)
    return None


# Of each kind one, for Bochs takes its time.
SOME = ["divide", "kernel_write", "outside", "registers", "single_step_call", "text_write", "vmcall"]


@pytest.mark.parametrize("workers, programs", [
    ("svm-smp1-bios", PROGRAMS), ("svm-smp2-bios", PROGRAMS), ("vmx-smp1", SOME)],
    indirect=["workers"], ids=["svm-smp1-bios", "svm-smp2-bios", "vmx-smp1"])
def test_bad_workers(workers, programs, record_property):
    host = workers
    host.start("good", "count")
    wrong = {}
    # What the kernel's heap keeps once a first life has been.
    check(host, programs[0])
    for program in programs:
        text = check(host, program)
        if text:
            wrong[program] = text
    record_property("passed", len(programs) - len(wrong))
    record_property("failed", len(wrong))
    assert wrong == {}
    assert host.states() == {"good": "running"}
    host.see("good", "count 2 at")
