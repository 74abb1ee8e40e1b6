# SPDX-License-Identifier: MIT
"""Figures of disks and NICs: what a request, or a frame, costs the machine.

Each is QEMU's count of instructions for many of them, less that for fewer,
divided by how many more they were; so neither the command nor the start is in it. Beside each stands
what Debian's Linux takes as the same machine's only system ("native-"), which is
the limit: asynchronous requests past the page cache, no
I/O scheduler, by tests/linux/disk.c; frames by tests/linux/frames.c, in bursts.

Disks are QEMU's models on a back end that does nothing; NICs are two of a kind
on one hub. An idle deterministic machine's clock jumps to its next timer, so QEMU is
kept on one of the host's processors with its main loop before its processor:
then whatever a device has to do is done at once. That takes the right to
SCHED_FIFO.
"""
import json
import os
import re
import sys
import tempfile

import counting
import machine as machines
import mklinux

NATIVE = "native-"
CMDLINE = ("console=ttyS0 quiet panic=-1 nokaslr ipv6.disable=1 8250.nr_uarts=1 "
           "tsc=reliable clocksource=tsc")
KIB, MIB = 1 << 10, 1 << 20
BACK_END = ["-drive", "if=none,id=d,driver=null-co,size=1G,read-zeroes=off"]
# QEMU's device, the disk's name under Linux, modules.
CRC = ["crct10dif_common", "crct10dif_generic", "crc-t10dif", "crc64", "crc64_rocksoft_generic",
       "crc64-rocksoft", "t10-pi"]
VIRTIO = ["virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci"]
DISKS = {
    "nvme": ("nvme,serial=bench,drive=d", "nvme0n1", CRC + ["nvme-core", "nvme"]),
    "ahci": ("ide-hd,drive=d,bus=ide.0", "sda",
             CRC + ["scsi_common", "scsi_mod", "sd_mod", "libata", "libahci", "ahci"]),
    "virtio": ("virtio-blk-pci,drive=d,disable-legacy=on", "vda", VIRTIO + ["virtio_blk"]),
}
# pattern -> (bytes, depths, requests: few and many)
PATTERNS = {"random": (4 * KIB, (1, 32), (2000, 12000)),
            "sequential": (MIB, (1, 32), (200, 1200))}
NICS = {
    "e1000": ("e1000", ["e1000"]),
    "e1000e": ("e1000e", ["e1000e"]),
    "virtio": ("virtio-net-pci", VIRTIO + ["failover", "net_failover", "virtio_net"]),
}
SIZES = (64, 1514)
FRAMES = (4096, 24576)
PER_SECOND = "-per-second"
NS = "-ns"
# What takes more than under Linux: docs/performance.md says why.
BEHIND = re.compile(r"files-create-and-remove-")
PATIENCE = 300


def check_rights():
    """Ends all if pin() would fail."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    except PermissionError:
        sys.exit("bench: rows of devices need the right to SCHED_FIFO, as root has it; "
                 "BENCH=--no-devices leaves them out")


def pin(pid):
    """One of the host's processors for QEMU, and its main loop before the rest."""
    one = {min(os.sched_getaffinity(0))}
    for task in os.listdir("/proc/%d/task" % pid):
        os.sched_setaffinity(int(task), one)
    os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(1))


class Root:
    """Verdigris: its root drives the devices."""

    prefix = ""
    path = "disk0"

    def __init__(self, console, count):
        self.console = console
        self.count = count
        self.rate = None
        self.taken = 1
        console.prompt()

    def run(self, line):
        """What the command says in JSON, and the instructions until it has ended."""
        # QEMU's e1000 takes no frame for a second after its filter was set.
        self.console.command("top --once --interval 2")
        before = self.count.now()
        said = self.console.command(line, timeout=PATIENCE)
        answer = json.loads(said[-1])
        answer = answer[0] if isinstance(answer, list) else answer
        self.rate = answer.get("frames_per_second")
        return answer, self.count.now() - before

    def each(self, line, counts, unit):
        """Instructions for each unit of work; the answer says how many there were."""
        few, many = (self.run(line % count) for count in counts)
        assert (few[0][unit], many[0][unit]) == counts
        done = counts[1] - counts[0]
        # A NIC that has no buffer lets frames fall, which cost nothing.
        self.taken = (many[0].get("received", counts[1]) - few[0].get("received", counts[0])) / done
        return round((many[1] - few[1]) / done)

    def disk(self, pattern, operation, size, depth):
        """Instructions for each request."""
        line = ("disk bench %s --json --seconds 60 --count %%d --pattern %s-%s --size %d "
                "--depth %d%s")
        return self.each(line % (self.path, pattern, operation, size, depth,
                                 " --write" if operation == "write" else ""),
                         PATTERNS[pattern][2], "requests")

    def frames(self, size, receive):
        """Instructions for each frame sent, and received; and frames per second."""
        line = "nic bench --json --seconds 60 --count %%d --size %d nic0%s"
        return self.each(line % (size, " nic1" if receive else ""), FRAMES, "sent"), self.rate


class Native:
    """Linux as the machine's only system."""

    prefix = NATIVE

    def __init__(self, console, count):
        self.console = console
        self.count = count
        self.said = ""
        self.taken = 1
        console.expect(r"init: Linux (\S+) on (\d+) processors\r\n", PATIENCE)

    def shell(self, line):
        """A line that is to go well."""
        self.console.sendline("{ %s; } && echo PASS || echo FAIL" % line)
        if self.console.expect("(PASS|FAIL)\r\n", PATIENCE).group(1) != b"PASS":
            sys.exit("bench: Linux: %s: %s" % (line, self.console.text_before()))

    def run(self, line):
        before = self.count.now()
        self.console.sendline(line)
        verdict = self.console.expect(r"(PASS|FAIL) ([^\r]*)\r\n", PATIENCE)
        if verdict.group(1) != b"PASS":
            sys.exit("bench: %s: %s" % (line, verdict.group(2).decode()))
        self.said = self.console.text_before()
        return self.count.now() - before

    def each(self, line, counts):
        few, many = (self.run(line % n) for n in counts)
        return round((many - few) / (counts[1] - counts[0]))

    def disk(self, pattern, operation, size, depth):
        return self.each("disk %%d %d %d %d %d" % (
            size, depth, pattern == "random", operation == "write"), PATTERNS[pattern][2])

    def frames(self, size, receive):
        # Interfaces: 1 is the loopback, then come both NICs.
        each = self.each("frames %%d %d 2 %d" % (size, 3 if receive else 0), FRAMES)
        return each, int(re.search(r"per second: (\d+)", self.said).group(1))


def disk_rows(name, system):
    found = {}
    for pattern, (size, depths, _) in PATTERNS.items():
        for operation in ("read", "write"):
            for depth in depths:
                row = "%sdisk-%s-%s-%s-%d" % (system.prefix, name, pattern, operation, depth)
                found[row] = system.disk(pattern, operation, size, depth)
    return found


def nic_rows(name, system):
    """What a frame costs to be sent; and to be received, by what both cost."""
    found = {}
    for size in SIZES:
        row = "%snic-%s-%%s-%d" % (system.prefix, name, size)
        (sends, rate), (both, rate_of_both) = (system.frames(size, r) for r in (False, True))
        found.update({row % "send": sends, row % "send" + PER_SECOND: rate,
                      row % "receive": round((both - sends) / system.taken),
                      row % "receive" + PER_SECOND: round(rate_of_both * system.taken)})
    return found


def nic_options(model):
    options = []
    for i in range(2):
        options += ["-netdev", "hubport,id=n%d,hubid=0" % i,
                    "-device", "%s,netdev=n%d,mac=52:54:00:12:34:5%d" % (model, i, i)]
    return options


def initrd(modules, folder):
    programs = [("bin/" + name, "%s/linux/%s" % (machines.BUILD, name))
                for name in ("disk", "files", "frames")]
    kernel = mklinux.Kernel("amd64")
    path = mklinux.initrd(folder + "/initrd", kernel, modules, programs)
    return ["-kernel", kernel.path, "-initrd", path, "-append", CMDLINE]


class Bench:
    def __init__(self, start):
        self.start = start

    def on(self, system, log, options, measure):
        """What @measure finds with that system on a machine with those devices."""
        with counting.qmp() as (path, qmp_options):
            with self.start(log, machines.BUILD + "/verdigris.iso",
                            extra=options + qmp_options) as machine:
                pin(machine.process.pid)
                return measure(system(machine.console, counting.Instructions(path)))

    def natively(self, log, options, modules, setup, measure, system=Native):
        """Linux's, after the shell line @setup."""
        def after_setup(native):
            native.shell(setup)
            return measure(native)

        with tempfile.TemporaryDirectory(prefix="verdigris-bench-") as folder:
            return self.on(system, "bench-native-" + log, options + initrd(modules, folder),
                           after_setup)

    def both(self, log, options, modules, setup, measure):
        """Ours, and beside it Linux's."""
        return {**self.on(Root, "bench-" + log, options, measure),
                **self.natively(log, options, modules, setup, measure)}


def rows(start):
    """start(log, iso, extra=options): a machine."""
    bench = Bench(start)
    found = {}
    for name, (device, node, modules) in DISKS.items():
        setup = ("while [ ! -b /dev/{0} ]; do sleep 0.1; done; ln -s /dev/{0} /dev/bench && "
                 "echo none >/sys/block/{0}/queue/scheduler").format(node)
        found.update(bench.both("disk-" + name, BACK_END + ["-device", device], modules, setup,
                                lambda system, name=name: disk_rows(name, system)))
    for name, (model, modules) in NICS.items():
        setup = ("for i in 0 1; do busybox ip link set eth$i up; done; for i in 0 1; do while "
                 "[ $(cat /sys/class/net/eth$i/carrier) = 0 ]; do sleep 0.1; done; done")
        found.update(bench.both("nic-" + name, nic_options(model), modules, setup,
                                lambda system, name=name: nic_rows(name, system)))
    return found


def limits(found):
    """What it costs Linux, in the same run; not of what costs us more."""
    return {name[len(NATIVE):]: value for name, value in found.items() if name.startswith(NATIVE)
            and not name.endswith((PER_SECOND, NS)) and not BEHIND.search(name)}
