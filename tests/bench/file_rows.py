# SPDX-License-Identifier: MIT
"""Figures of the VM store: what ext4 on an NVMe disk costs the machine.

`volume bench` here, and tests/linux/files.c under Debian's Linux as the same machine's
only system ("native-"), which is the limit: the same work on a fresh file system each,
made by the same mke2fs, by ordinary calls. As in device_rows.py a row is QEMU's count of
instructions for much, less that for little, divided by the difference. Rates and latencies
are of virtual time, in which device and medium take none.
"""
import os
import re
import subprocess
import tempfile

import device_rows
from device_rows import DISKS, KIB, MIB, NS, PER_SECOND

MODEL = "nvme"
MEDIUM = "512M"
# As Debian's mke2fs has them by default.
FEATURES = ("none,has_journal,extent,64bit,flex_bg,metadata_csum,metadata_csum_seed,orphan_file,"
            "dir_index,dir_nlink,huge_file,large_file,sparse_super,resize_inode,ext_attr,"
            "extra_isize,filetype")
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
MODULES = ["crc32c_generic", "crc32c-intel", "crc16", "mbcache", "jbd2", "ext4"]
SIZES = (16 * MIB, 64 * MIB)
COUNTS = (200, 1200)
SMALL_FILE = MIB
IMAGE = 64 * MIB
# In the order of the programs' tests.
WRITE, READ, COPY, OVERWRITE, APPEND, CREATE, REMOVE, CLEAR = range(8)
NAMES = ("write", "read", "copy", "overwrite", "append", "create", "remove")


def each(costs, counts):
    return round((costs[1] - costs[0]) / (counts[1] - counts[0]))


class Root(device_rows.Root):
    """Each command makes what its test needs, and takes it away again."""

    path = "/vm/image"

    def test(self, test, size, count):
        return self.run("volume bench /vm --json --test %s --size %d --files %d" % (
            NAMES[test], size, count))

    def whole(self):
        """Instructions for each MiB, and bytes per second, of each test of one file."""
        found, written = {}, None
        for test in (WRITE, READ, COPY):
            answers, costs = zip(*(self.test(test, size, 1) for size in SIZES))
            cost = each(costs, [size // MIB for size in SIZES])
            # A read, or a copy, comes behind a write.
            found[test] = (cost - (written or 0), answers[1]["bytes_per_second"])
            written = written or cost
        return found

    def small(self, test):
        """Instructions for each write and its sync, and how long half of them took, and 99 %."""
        answers, costs = zip(*(self.test(test, SMALL_FILE, count) for count in COUNTS))
        return each(costs, COUNTS), answers[1]["latency_50_ns"], answers[1]["latency_99_ns"]

    def image(self):
        """A file as a disk, with all of its places written."""
        self.console.command("disk create --size %d %s" % (IMAGE, self.path))
        self.run("disk bench %s --json --write --seconds 60 --pattern sequential-write --depth 1 "
                 "--count %d" % (self.path, IMAGE // MIB))

    def names(self):
        """Instructions for each name that is made and removed, and both rates."""
        answers, costs = zip(*(self.test(REMOVE, SMALL_FILE, count) for count in COUNTS))
        created, _ = self.test(CREATE, SMALL_FILE, COUNTS[1])
        return each(costs, COUNTS), created["per_second"], answers[1]["per_second"]


class Native(device_rows.Native):
    """Each command is one test; the caches are empty before it where it reads."""

    def test(self, test, size=SMALL_FILE, count=1):
        return self.run("files %d %d %d" % (test, size, count))

    def number(self, what):
        return int(re.search(re.escape(what) + r": (\d+)", self.said).group(1))

    def per_second(self, count):
        return round(count * 1e6 / self.number("us"))

    def forget(self):
        self.shell("sync && echo 3 >/proc/sys/vm/drop_caches")

    def whole(self):
        found = {test: [] for test in (WRITE, READ, COPY)}
        rates = {}
        for size in SIZES:
            for test, costs in found.items():
                self.forget()
                costs.append(self.test(test, size))
                rates[test] = self.per_second(size)
            self.test(CLEAR)
        return {test: (each(costs, [size // MIB for size in SIZES]), rates[test])
                for test, costs in found.items()}

    def small(self, test):
        costs = []
        for count in COUNTS:
            if test == OVERWRITE:
                self.test(WRITE)
            self.forget()
            costs.append(self.test(test, count=count))
            found = self.number("50 % ns"), self.number("99 % ns")
            self.test(CLEAR)
        return (each(costs, COUNTS), *found)

    def image(self):
        self.shell("busybox dd if=/dev/zero of=/bench/image bs=1M count=%d conv=fsync && "
                   "ln -s /bench/image /dev/bench" % (IMAGE // MIB))

    def names(self):
        costs = []
        for count in COUNTS:
            made = self.test(CREATE, count=count)
            created = self.per_second(count)
            costs.append(made + self.test(REMOVE, count=count))
            removed = self.per_second(count)
        return each(costs, COUNTS), created, removed


def measure(system):
    prefix = system.prefix + "files-"
    found = {}
    for test, (cost, rate) in system.whole().items():
        row = "%s%s-64m-%s" % (prefix, NAMES[test], MODEL)
        found.update({row: cost, row + "-mb" + PER_SECOND: rate // 10 ** 6})
    for test in (OVERWRITE, APPEND):
        row = "%s%s-fsync-%s" % (prefix, NAMES[test], MODEL)
        cost, half, most = system.small(test)
        found.update({row: cost, row + "-50" + NS: half, row + "-99" + NS: most})
    cost, created, removed = system.names()
    found["%screate-and-remove-%s" % (prefix, MODEL)] = cost
    found["%screate-%s%s" % (prefix, MODEL, PER_SECOND)] = created
    found["%sremove-%s%s" % (prefix, MODEL, PER_SECOND)] = removed
    system.image()
    for operation in ("read", "write"):
        for depth in (1, 32):
            found["%simage-random-%s-%d-%s" % (prefix, operation, depth, MODEL)] = system.disk(
                "random", operation, 4 * KIB, depth)
    return found


def at_once(path):
    """How QEMU reads and writes a file in memory so that it is done when the call ends."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_DIRECT))
    except OSError:
        # Before Linux 6.6: by a thread of QEMU's, and an idle machine's clock jumps meanwhile.
        return "aio=threads"
    return "cache.direct=on,aio=native"


def make_volume(folder, name):
    """As Debian's mke2fs does, but that nothing of it is left for the first who mounts it."""
    path = "%s/%s.img" % (folder, name)
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-O", FEATURES,
                    "-L", "VMSTORE", "-E", "lazy_itable_init=0,lazy_journal_init=0", path, MEDIUM],
                   check=True, env=dict(os.environ, PATH=PATH), stdout=subprocess.DEVNULL)
    # No flush reaches the host: what a medium takes is not measured.
    return ["-drive", "if=none,id=d,format=raw,cache=unsafe,%s,file=%s" % (at_once(path), path),
            "-device", DISKS[MODEL][0], "-boot", "d"]


def rows(start):
    """start(log, iso, extra=options): a machine."""
    bench = device_rows.Bench(start)
    _, node, modules = DISKS[MODEL]
    log = "files-" + MODEL
    setup = ("while [ ! -b /dev/{0} ]; do sleep 0.1; done; mkdir /bench && "
             "mount -t ext4 /dev/{0} /bench").format(node)
    # In memory: a disk of the host's would take its own time.
    with tempfile.TemporaryDirectory(prefix="verdigris-bench-", dir="/dev/shm") as folder:
        found = bench.on(Root, "bench-" + log, make_volume(folder, "ours"), measure)
        found.update(bench.natively(log, make_volume(folder, "linux"), modules + MODULES, setup,
                                    measure, Native))
    return found
