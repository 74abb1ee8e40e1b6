# SPDX-License-Identifier: MIT
"""What every end-to-end test has at hand: machines, test ISOs, the result rows.

`booted` is a machine at its prompt, shared by all tests of a module; a
module narrows the list with pytest.mark.parametrize("booted", […],
indirect=True, scope="module"). `boot` starts one more machine for one test.
--emulator qemu|bochs runs one group; --rows writes a JSON line per test.
"""
import hashlib
import json
import os
import re
import resource
import sys
import time

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "e2e"))
import machine as machines  # noqa: E402

sys.path.insert(0, os.path.join(machines.ROOT, "tools"))
import mkiso  # noqa: E402
import vms  # noqa: E402

SHIPPED_ISO = machines.BUILD + "/verdigris.iso"
os.chdir(machines.ROOT)


def pytest_addoption(parser):
    parser.addoption("--emulator", choices=["qemu", "bochs"], help="only this group's tests")
    parser.addoption("--rows", help="write a JSON line per test to this file")


def machine_names(item):
    """The machines of a test: those among its parameters."""
    parameters = getattr(item, "callspec", None)
    values = parameters.params.values() if parameters else []
    return [v for v in values if isinstance(v, str) and v in machines.MACHINES]


def vm_machine_name(item):
    """The machine of a test that uses `host`, `linux`, `storage` or `rig`, and which of these."""
    parameters = getattr(item, "callspec", None)
    for who in ("host", "linux", "storage", "rig"):
        if parameters and who in parameters.params:
            return "%s %s" % (who, parameters.params[who])
    return None


def pytest_collection_modifyitems(config, items):
    """Keeps one group's tests, and with MACHINE= those of that kind.

    A test without a machine belongs to the qemu group and to every kind.
    """
    group = config.getoption("--emulator")
    kind = os.environ.get("MACHINE") or "auto"
    keep, leave = [], []
    for item in items:
        name = next(iter(machine_names(item)), None)
        wanted = not group or group == (machines.emulator_of(name) if name else "qemu")
        if name and kind != "auto":
            wanted = wanted and machines.MACHINES[name]["kind"] == kind
        (keep if wanted else leave).append(item)
    # Tests of VMs last, all of a machine together: they share its boot.
    items[:] = sorted(keep, key=lambda item: vm_machine_name(item) or "")
    config.hook.pytest_deselected(items=leave)


@pytest.fixture(scope="module", params=machines.SHIPPED_ON)
def booted(request):
    """A machine of the shipped ISO, at its first prompt."""
    log = "%s-%s" % (request.module.__name__, request.param)
    with machines.machine(request.param, SHIPPED_ISO, log) as machine:
        machine.console.prompt()
        yield machine


@pytest.fixture
def boot(request):
    """boot(name, iso=None, **changes): one more machine, killed after the test."""
    started = []

    def start(name, iso=None, **changes):
        log = re.sub(r"[^\w.-]+", "-", "%s-%d" % (request.node.name, len(started)))
        machine = machines.machine(name, iso or SHIPPED_ISO, log, **changes)
        started.append(machine)
        return machine.__enter__()

    yield start
    for machine in started:
        machine.kill()


@pytest.fixture(scope="session")
def make_iso():
    """make_iso(cmdline=, root=, root_cmdline=, archive=, extra=): a test ISO's path.

    root and archive: a path, None for the built one, or False to leave it
    out. extra: list of (path, module name). acpi: GRUB changes the firmware's
    tables: without those named, and with those in files.
    """

    def make(cmdline="", root=None, root_cmdline="", archive=None, extra=(), hypervisor=None,
             acpi=()):
        files = {"hypervisor.elf": hypervisor or machines.BUILD + "/hypervisor.elf"}
        modules = []
        if root is not False:
            files["rootpart.elf"] = root or machines.BUILD + "/rootpart.elf"
            modules.append(("rootpart.elf", ("rootpart.elf " + root_cmdline).rstrip()))
        if archive is not False:
            files["boot.cpio"] = archive or machines.BUILD + "/boot.cpio"
            modules.append(("boot.cpio", "boot.cpio"))
        for path, name in extra:
            files[name] = path
            modules.append((name, name))
        first = ""
        if acpi:
            without, tables = acpi
            files.update((os.path.basename(path), path) for path in tables)
            first = " ".join(["acpi --exclude=" + without] +
                             ["/boot/" + os.path.basename(path) for path in tables]) + "\n"
        key = hashlib.sha256(repr((cmdline, modules, first)).encode())
        for name in sorted(files):
            with open(files[name], "rb") as f:
                key.update(f.read())
        out = "%s/test-%s.iso" % (machines.BUILD, key.hexdigest()[:12])
        if not os.path.exists(out):
            mkiso.build(out, files, cmdline, modules, first=first,
                        grub_modules=["acpi"] if acpi else [])
        return out

    return make


# What lies in /boot/extra of `host` besides all test kernels.
FILES = {
    "empty": b"",
    "text": b"This is no kernel.\n" * 100,
    "short.elf": b"\x7fELF\x02\x01\x01" + bytes(30),
    "old.bzimage": bytes(0x1fe) + b"\x55\xaa\xeb\x66HdrS\x04\x02" + bytes(0x100),
}


class VmMachine:
    """The machine that has the tests' VMs: one at a time, booted when asked for."""

    def __init__(self, iso):
        self.iso = iso
        self.boots = 0
        self.host = None

    def get(self, name):
        if self.host and not self.host.machine.name.startswith("vms-" + name):
            self.drop()
        if not self.host:
            log = "vms-%s-%d" % (name, self.boots)
            self.boots += 1
            self.host = vms.Host(machines.machine(name, self.iso, log).__enter__())
        return self.host

    def drop(self):
        if self.host:
            self.host.machine.kill()
        self.host = None


@pytest.fixture(scope="session")
def vm_machine(make_iso):
    files = {os.path.basename(path): path for path in vms.kernels()}
    one = VmMachine(make_iso(extra=[(vms.archive("vms", dict(files, **FILES)), "extra.cpio")]))
    yield one
    one.drop()


@pytest.fixture
def host(vm_machine, request):
    """A vms.Host of the machine that is the test's parameter, with the shipped
    root. After the test it must be as it was before."""
    host = vm_machine.get(request.param)
    free = host.memory_free()
    yield host
    if request.node.row["failed"]:
        vm_machine.drop()
        return
    host.clear()
    assert host.states() == {}
    # The kernel's heap keeps a page here or there, and gives it back another time.
    assert abs(host.memory_free() - free) <= 2 * 4096


def cpu_now():
    """Processor time of this process, of ended emulators and of living ones."""
    total = sum(machine.cpu_seconds() for machine in machines.live)
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        used = resource.getrusage(who)
        total += used.ru_utime + used.ru_stime
    return total


def describe(report, item):
    """What a failed test leaves: its own message and the consoles' last lines."""
    text = str(report.longrepr)
    for machine in machines.live:
        path = "%s/%s.log" % (machines.LOGS, machine.name)
        if machine.console:
            machine.console.log.flush()
        with open(path, errors="replace") as f:
            text += "\n--- the end of %s\n%s" % (path, "".join(f.readlines()[-25:]))
        status = machine.process.poll()
        if status is not None:
            text += "\n--- the emulator ended with status %d" % status
    return text


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    item.row = {"name": "e2e/" + item.nodeid.split("tests/e2e/")[-1], "failed": 0, "passed": 0,
                "output": ""}
    wall, cpu = time.monotonic(), cpu_now()
    yield
    counts = dict(item.user_properties)
    row = item.row
    if "passed" in counts:
        row["passed"] = counts["passed"]
        row["failed"] = max(counts["failed"], row["failed"])
    elif not row["failed"]:
        row["passed"] = 1
    row["wall"], row["cpu"] = time.monotonic() - wall, cpu_now() - cpu
    path = item.config.getoption("--rows")
    if path:
        with open(path, "a") as f:
            f.write(json.dumps(row) + "\n")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        item.row["failed"] = 1
        item.row["output"] += describe(report, item) + "\n"
    elif report.skipped:
        # No test is left out silently: a skip is a failure of the runner's rules.
        item.row["failed"] = 1
        item.row["output"] += "skipped: tests here are never skipped\n"
