# SPDX-License-Identifier: MIT
"""Disks of a Linux child: Debian's own hv_vmbus and hv_storvsc, on both vendors.

Each machine boots the child once, and all tests of that machine look at that boot, in
this order; the last one pulls its plug and looks at the volume. fio verifies
by crc32c; small sizes here, large ones in `make soak`.
"""
import hashlib
import os
import re
import shutil
import subprocess

import pytest

import linux as linuxes
import machine as machines
import mklinux
from storage import (CYLINDER, DRIVER, FIO, KIB, MIB, MORE, RAW, RAW_SIZE, READ_ONLY,
                     READ_ONLY_SIZE, SCSI_CLASS, SYSTEM, SYSTEM_SIZE, VERIFY, Storage)
from test_disk import sha256
from test_volume import PATH, check_clean, power_off, tool

SOAK = os.environ.get("VERDIGRIS_SOAK")
# Machine -> VPs of the child.
CPUS = {"svm-smp4-bios": 4, "svm-smp1-bios": 1, "vmx-smp2": 4}
if SOAK:
    CPUS["vmx-smp1"] = 1
ALL = list(CPUS)
FOUR = [name for name in ALL if CPUS[name] == 4]
ONE = [name for name in ALL if CPUS[name] == 1]
# Where writes to one volume are logged.
LOGGED = "svm-smp1-bios"
RELOADS = {"svm-smp1-bios": 20, "svm-smp4-bios": 5}
SYNCS = 6


def on(*names):
    return pytest.mark.parametrize("storage", names, indirect=True)


class StorageMachine:
    """One at a time, booted when asked for."""

    def __init__(self, make_iso, folders):
        self.make_iso = make_iso
        self.folders = folders
        self.name = None
        self.storage = None

    def get(self, name):
        if self.name != name:
            self.drop()
            self.name = name
            iso = linuxes.disks_iso(self.make_iso)
            self.storage = Storage(name, iso, self.folders.mktemp("storage"), CPUS[name],
                                   logged=name == LOGGED)
        assert self.storage, "it did not come up, see the first test of this machine"
        return self.storage

    def drop(self):
        if self.storage:
            self.storage.drop()
        self.storage = None


@pytest.fixture(scope="module")
def storage_machine(make_iso, tmp_path_factory):
    one = StorageMachine(make_iso, tmp_path_factory)
    yield one
    one.drop()


@pytest.fixture
def storage(storage_machine, request):
    """A Storage whose child runs, by the name of a machine."""
    return storage_machine.get(request.param)


def check_disk(s, lun, size, read_only):
    """What sysfs says of it, as it would on Hyper-V."""
    name = s.node(lun)
    block = "/sys/block/%s/" % name
    assert int(s.value(block + "size")) * 512 == size
    assert s.value(block + "ro") == str(int(read_only))
    assert s.value(block + "queue/logical_block_size") == "512"
    assert s.value(block + "queue/rotational") == "0"
    device = block + "device/"
    assert [s.value(device + what) for what in ("vendor", "model", "rev", "type")] == [
        "VERDIGRS", "Virtual Disk    ", "1.0 ", "0"]
    return s.value(device + "wwid")


def lsscsi(s):
    """(LUN, kind, vendor) of each line."""
    return [re.match(r"\[\d+:0:0:(\d+)\]\s+(\S+)\s+(\S+)\s+Virtual Disk\s+1\.0", line).groups()
            for line in s.sh("lsscsi")]


@on(*ALL)
def test_disks_are_there(storage):
    """Sizes and identifiers, and a SCSI controller on the bus."""
    s = storage
    ids = {check_disk(s, SYSTEM, SYSTEM_SIZE, False), check_disk(s, RAW, RAW_SIZE, False),
           check_disk(s, READ_ONLY, READ_ONLY_SIZE, True)}
    assert len(ids) == 3 and all(re.fullmatch(r"naa\.3[0-9a-f]{15}", name) for name in ids), ids
    assert s.luns() == [SYSTEM, RAW, READ_ONLY]
    assert sorted(lsscsi(s)) == [(str(lun), "disk", "VERDIGRS") for lun in s.luns()]
    [device] = s.sh("ls %s | grep -- -" % DRIVER)
    bus = "/sys/bus/vmbus/devices/%s/" % device
    assert s.value(bus + "class_id") == SCSI_CLASS
    assert s.value(bus + "device_id") == "{%s}" % device
    assert s.value(bus + "state") == "3"  # open
    assert s.value("/sys/class/scsi_host/host*/proc_name") == "storvsc_host"


def channels(s):
    """Of the SCSI controller, by their sub-channel numbers."""
    shown = s.linux.host.show(linuxes.NAME)
    return {channel["subchannel"]: channel for channel in shown["channels"]
            if channel["device"] == "scsi"}


@on(*ALL)
def test_channels(storage):
    """What both ends say of them: a child of four VPs has several, each to another VP."""
    s = storage
    found = channels(s)
    assert all(channel["state"] == "open" for channel in found.values())
    assert len({channel["vp"] for channel in found.values()}) == len(found)
    assert (len(found) > 1) == (s.linux.cpus > 1)
    here = s.sh("ls -1 /sys/bus/vmbus/devices/*/channels")
    assert sorted(map(int, here)) == sorted(channel["relid"] for channel in found.values())
    assert all(channel["malformed"] == 0 for channel in found.values())
    assert found[0]["packets_in"] > 0 and found[0]["interrupts"] > 0 and found[0]["signals"] > 0


def sum_of(path, offset, length=-1):
    """SHA-256 of a part of a file of the host's."""
    with open(path, "rb") as f:
        f.seek(offset)
        return hashlib.sha256(f.read(length)).hexdigest()


def sum_in(s, lun, block, skip, count=None):
    """SHA-256 of what the child reads, past its cache, from a block of that many bytes on."""
    [line] = s.sh("dd if=/dev/%s bs=%d skip=%d %s iflag=direct 2>/dev/null | sha256sum" % (
        s.node(lun), block, skip, "count=%d" % count if count else ""))
    return line.split()[0]


@on(*ALL)
def test_contents(storage):
    """What the host has put on them, to the last byte."""
    s = storage
    # Bochs takes seconds for each MiB.
    skip = 30 if s.bochs else 0
    assert sum_in(s, RAW, CYLINDER, skip) == sum_of(s.raw, skip * CYLINDER)
    assert sum_in(s, READ_ONLY, MIB, 0) == sum_of(s.folder / "VMSTORE-files" / "ro.img", 0)


def verify(s, lun, size, depth, blocks="--bs=4k", rounds=1):
    """Writes and reads @size bytes, each VP a part of it: all comes back as it was written.

    Returns bytes, read and written.
    """
    part = size // s.linux.cpus // KIB
    read, written = s.fio("--name=verify --filename=/dev/%s --rw=randwrite --iodepth=%d %s %s "
                          "--numjobs=%d --size=%dk --offset_increment=%dk --loops=%d" % (
                              s.node(lun), depth, blocks, VERIFY, s.linux.cpus, part, part,
                              rounds))
    assert read == written
    return read * KIB


@on(*ALL)
@pytest.mark.parametrize("depth", [1, 32])
def test_verify(storage, depth):
    """4 KiB at random on an image that was but holes, and on a disk of the machine."""
    size, rounds = (12 * MIB, 20) if SOAK else ((8 if depth > 1 else 2) * MIB, 1)
    if storage.bochs and not SOAK:
        size //= 4
    for lun in (SYSTEM, RAW):
        assert verify(storage, lun, size, depth, rounds=rounds) == size * rounds


@on(*ALL)
def test_verify_sizes(storage):
    """Requests of every size from 4 KiB to 1 MiB, odd ones among them."""
    # A piece that is left is not always one of the sizes.
    size = (4 if storage.bochs else 12) * MIB
    assert verify(storage, RAW, size, 8, "--bsrange=4k-1m", 10 if SOAK else 1) > size // 2


@on(*ALL)
def test_read_only(storage):
    """It is not written by ordinary means, nor by those that go past Linux' checks."""
    s = storage
    name = s.node(READ_ONLY)
    assert s.sh("dd if=/dev/zero of=/dev/%s bs=4k count=1 2>/dev/null && echo written || true" %
                name) == []
    assert s.scsi(READ_ONLY, 42, 0, 1) == (2, 7, 0x27, 0)
    assert s.scsi(READ_ONLY, 40, 0, 1) == (0, 0, 0, 0)
    assert sum_in(s, READ_ONLY, MIB, 0) == sum_of(s.folder / "VMSTORE-files" / "ro.img", 0)


@on(*ALL)
def test_commands_that_fail(storage):
    """Beyond the end, and such as are not known: sense data, and nothing else suffers."""
    s = storage
    last = RAW_SIZE // 512 - 1
    assert s.scsi(RAW, 40, last, 1) == (0, 0, 0, 0)
    assert s.scsi(RAW, 40, last, 2) == (2, 5, 0x21, 0)
    assert s.scsi(RAW, 42, last + 1, 1) == (2, 5, 0x21, 0)
    assert s.scsi(RAW, 0xc1, 0, 0) == (2, 5, 0x20, 0)
    assert channels(s)[0]["malformed"] == 0


@on(*ALL)
def test_discard(storage):
    """What is discarded reaches the device and reads as zeroes; files and Bochs' disks cannot."""
    s = storage
    name = s.node(RAW)
    limits = {lun: int(s.value("/sys/block/%s/queue/discard_max_bytes" % s.node(lun)))
              for lun in (SYSTEM, RAW)}
    assert limits[SYSTEM] == 0 and (limits[RAW] > 0) == (not s.bochs)
    if s.bochs:
        assert s.scsi(RAW, 0x42, 0, 0)[:3] == (2, 5, 0x20)
        return

    def discards():
        [disk] = [d for d in s.linux.host.json("disk list --json") if d["name"] == "disk1"]
        return disk["counters"]["discards"]

    before, around = discards(), [sum_of(s.raw, place, MIB) for place in (9 * MIB, 14 * MIB)]
    s.sh("blkdiscard -o %d -l %d /dev/%s" % (10 * MIB, 4 * MIB, name))
    assert discards() > before
    assert sum_in(s, RAW, MIB, 10, 4) == hashlib.sha256(bytes(4 * MIB)).hexdigest()
    assert [sum_in(s, RAW, MIB, skip, 1) for skip in (9, 14)] == around
    # The host's file gave its room back.
    with open(s.raw, "rb") as f:
        assert os.lseek(f.fileno(), 10 * MIB, os.SEEK_DATA) >= 14 * MIB


# Written to one place after the other of a new image, each time with a sync.
PLACE = MIB
THROUGH = 8 * MIB  # behind all of them: what is written through
PATTERN = bytes.fromhex("5ec7")


@on(LOGGED)
def test_flush(storage):
    """A power cut behind an fsync, or a write through the cache, leaves what was written."""
    s = storage
    s.linux.host.ok("disk create /vol/logged/x.img --size 16M")
    s.add("/vol/logged/x.img", MORE)
    name = s.node(MORE)
    synced = []  # (entries of the log by then, digests)
    digests = []
    for i in range(SYNCS):
        [line] = s.sh("dd if=/dev/urandom of=/tmp/block bs=4096 count=1 2>/dev/null; "
                      "dd if=/tmp/block of=/dev/%s bs=4096 seek=%d conv=notrunc,fsync 2>/dev/null "
                      "&& sha256sum </tmp/block" % (name, i * PLACE // 4096))
        count = s.log.count()
        digests.append(line.split()[0])
        synced.append((count, len(digests)))
    # In its place, and without a sync: no flush.
    flushes = s.log.flushes()
    s.sh("dd if=/tmp/block of=/dev/%s bs=4096 conv=notrunc oflag=direct 2>/dev/null" % name)
    assert s.log.flushes() == flushes and s.log.count() > count
    s.fio("--name=through --filename=/dev/%s --rw=write --bs=4k --offset=%d --size=64k --iodepth=1 "
          "--sync=dsync --buffer_pattern=0x%s" % (name, THROUGH, PATTERN.hex()))
    through = s.log.count()
    for count, known in synced:
        assert on_medium(s, count, [(i * PLACE, 4096) for i in range(known)]) == digests[:known]
    assert on_medium(s, through, [(THROUGH, 64 * KIB)]) == [
        hashlib.sha256(PATTERN * (32 * KIB)).hexdigest()]
    s.remove("/vol/logged/x.img", MORE)
    s.gone(MORE)


def on_medium(s, count, places):
    """Digests of places of the image after a power cut behind so many entries of the log."""
    image = s.log.image_at(s.base, count, str(s.folder / "cut.img"))
    # The journal is written out by it.
    assert subprocess.run(["e2fsck", "-fp", image], check=False, stdout=subprocess.DEVNULL,
                          env=dict(os.environ, PATH=PATH)).returncode in (0, 1)
    tool("e2fsck", "-fn", image)
    out = str(s.folder / "x.img")
    tool("debugfs", "-R", "dump /x.img " + out, image)
    return [sum_of(out, offset, length) for offset, length in places]


@on(*FOUR)
def test_eight_disks(storage):
    """Five more while it runs; all eight have the right size, and work at the same time."""
    s = storage
    sizes = {lun: (lun - 1) * MIB + 4096 * lun for lun in range(MORE, 8)}
    for lun, size in sizes.items():
        s.linux.host.ok("disk create /vm/more%d.img --size %d" % (lun, size))
        s.add("/vm/more%d.img" % lun, lun)
    ids = {check_disk(s, lun, size, False) for lun, size in sizes.items()}
    assert len(ids) == len(sizes)
    assert s.luns() == list(range(8)) and len(s.sh("lsscsi")) == 8
    shown = s.linux.host.show(linuxes.NAME)["disks"]
    assert {disk["lun"]: disk["path"] for disk in shown} == {
        SYSTEM: "/vm/system.img", RAW: "/dev/disk1", READ_ONLY: "/vm/ro.img",
        **{lun: "/vm/more%d.img" % lun for lun in sizes}}
    jobs = ["--name=d%d --filename=/dev/%s --rw=randwrite --bs=4k --size=1m --iodepth=4 %s" % (
        lun, s.node(lun), VERIFY) for lun in s.luns() if lun != READ_ONLY]
    jobs.append("--name=ro --filename=/dev/%s --rw=randread --bs=4k --size=1m --iodepth=4" %
                s.node(READ_ONLY))
    assert s.fio(*jobs) == (8 * KIB, 7 * KIB)
    for lun in sizes:
        s.remove("/vm/more%d.img" % lun, lun)
    for lun in sizes:
        s.gone(lun)
    assert s.luns() == [SYSTEM, RAW, READ_ONLY]


LOAD = "--rw=randwrite --bs=4k --size=1m --iodepth=8 " + VERIFY


@on(*FOUR)
def test_add_and_remove_under_load(storage):
    """A disk comes and goes while another works; its own work ends by errors, all else goes on."""
    s = storage
    s.linux.host.ok("disk create /vm/hot.img --size 4M")
    s.start_load(RAW, LOAD)
    ids = set()
    for _ in range(10 if SOAK else 2):
        s.add("/vm/hot.img", MORE)
        name = s.node(MORE)
        ids.add(s.value("/sys/block/%s/device/wwid" % name))
        assert s.fio("--name=hot --filename=/dev/%s %s" % (name, LOAD)) == (KIB, KIB)
        # Its plug is pulled while it has work.
        s.sh("%s --name=hot --filename=/dev/%s --rw=randwrite --bs=4k --size=4m --iodepth=8 "
             "--loops=1000000 >/tmp/hot 2>&1 & hot=$!; busy %s" % (FIO, name, name))
        s.remove("/vm/hot.img", MORE)
        assert s.sh("wait $hot && echo went on || true") == []
        s.gone(MORE)
        assert s.luns() == [SYSTEM, RAW, READ_ONLY]
    assert len(ids) == 1
    read, written = s.stop_load()
    assert read > 0 and written > 0
    s.linux.host.ok("rm /vm/hot.img")


@on(*ALL)
def test_nothing_strange_in_the_log(storage):
    """After all the tests before.

    But for what was said of the disk that went under load, and a line for each command that
    test_read_only and test_commands_that_fail gave.
    """
    gone = re.compile(r"I/O error, dev sdd, |\[sdd\] |sd \d+:0:0:3: |status: scsi 0x0 srb 0x20 |"
                      r"\d callbacks suppressed$")
    failed = re.compile(r"hv_storvsc \S+: tag#\d+ cmd 0x(28|2a|c1|42) status: scsi 0x2 srb 0x84 ")
    found = [line for line in storage.linux.warnings() if not gone.search(line)]
    assert len([line for line in found if failed.match(line)]) == storage.failed
    assert [line for line in found if not failed.match(line)] == []


# The driver lets go of the controller while its disk has work, goes, and comes again. The bus
# stays: with hv_vmbus the first VP's timer would go (docs/caveats.md).
RELOAD = ("for d in {0}/*-*; do echo ${{d##*/}} >{0}/unbind; done; wait $load; "
          "while ! rmmod hv_storvsc 2>/dev/null; do sleep 0.1; done; "
          "insmod /modules/*hv_storvsc.ko").format(DRIVER)


@on(*ALL)
def test_reload(storage):
    """The driver's module goes under load and comes again, and what was on the disk is there."""
    s = storage
    region = "--name=kept --filename=/dev/%s --bs=4k --size=256k --iodepth=8 " + VERIFY
    assert s.fio(region % s.node(RAW) + " --rw=write") == (256, 256)
    for _ in range(20 if SOAK else RELOADS.get(s.name, 3)):
        s.start_load(RAW, "--rw=randwrite --bs=4k --offset=4m --size=4m --iodepth=16")
        s.sh(RELOAD)
        assert s.fio(region % s.node(RAW) + " --rw=read") == (256, 0)
    assert s.luns() == [SYSTEM, RAW, READ_ONLY]
    assert all(channel["state"] == "open" for channel in channels(s).values())


@on(*ALL)
def test_kill_in_mid_write(storage):
    """What was synced is there, the volume has nothing to mend, and the root goes on."""
    s = storage
    [busybox] = mklinux.fetch(mklinux.BUSYBOX).files(["bin/busybox"])
    s.sh("dd if=/bin/busybox of=/dev/%s bs=64k conv=notrunc,fsync 2>/dev/null" % s.node(SYSTEM))
    s.linux.host.ok("disk create /vm/late.img --size 32M")
    s.add("/vm/late.img", MORE)
    # Holes, each of which gets its place.
    s.start_load(MORE, "--rw=randwrite --bsrange=4k-256k --size=32m --iodepth=16")
    host = s.linux.host
    host.ok("vm kill " + linuxes.NAME)
    assert host.show(linuxes.NAME)["state"] == "off"
    kept = sha256(busybox)
    said = host.run("sha256 --length %d /vm/system.img" % os.path.getsize(busybox))
    # Where it takes its time a bar is drawn before, on the same line.
    assert re.findall(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])", "\n".join(said)) == [kept]
    host.ok("disk create /vm/after.img --size 1M")
    host.ok("rm /vm/after.img")
    power_off(s.machine)
    check_clean(s.store)
    out = str(s.folder / "system.img")
    tool("debugfs", "-R", "dump /system.img " + out, s.store)
    assert sum_of(out, 0, os.path.getsize(busybox)) == kept
    shutil.rmtree(s.folder)
