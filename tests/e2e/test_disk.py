# SPDX-License-Identifier: MIT
"""Disks of every model: what the root reads is what the host wrote, and the other way.

MODELS is the table: a line is a kind of disk, and how a machine gets one. The root reads
and writes them by requests of every size on odd lists of memory (disk check); the host
hashes the same image.
"""
import hashlib
import json
import os
import random
import struct
import zlib

import pytest

import machine as machines

MIB = 1 << 20
SIZE = 16 * MIB


# Where the boot CD is not: ports of q35's adapter, channels and units of a PIIX3.
SATA = ("ide.0", "ide.1", "ide.3", "ide.4")
IDE = ("ide.0,unit=0", "ide.0,unit=1", "ide.1,unit=1")


def device(how, index, sector):
    """A -device of QEMU's: `how` with {drive}, {serial}, {sector} and the like filled in."""
    return ["-device", how.format(drive="d%d" % index, serial="serial%d" % index, sector=sector,
                                  sata=SATA[index % len(SATA)], ide=IDE[index % len(IDE)])]


def qemu(how, index, image, sector=512, debug=""):
    """A disk of QEMU's."""
    return ["-drive", "if=none,id=d%d,format=raw,cache=writeback,file=%s%s" %
            (index, debug, image)] + device(how, index, sector)


def bochs(lines, index, image):
    return [lines[index].format(image=image)]


# The CD is the first channel's first.
BOCHS = ["ata0-slave: type=disk, path={image}, mode=flat",
         "ata1-master: type=disk, path={image}, mode=flat",
         "ata1-slave: type=disk, path={image}, mode=flat"]

# Name -> machine, how, sector size, driver, step of disk check.
MODELS = {
    "nvme": ("svm-smp2-bios", "nvme,drive={drive},serial={serial}", 512, "nvme", 5),
    "nvme-4096": ("svm-smp1-bios", "nvme,drive={drive},serial={serial},"
                  "logical_block_size={sector},physical_block_size={sector}", 4096, "nvme", 1),
    "ahci": ("svm-smp2-bios", "ide-hd,bus={sata},drive={drive},serial={serial}", 512, "ahci", 5),
    "ide": ("svm-pc-smp1", "ide-hd,bus={ide},drive={drive},serial={serial}", 512, "ata", 5),
    "bochs-vmx": ("vmx-smp1", BOCHS, 512, "ata", 35),
    "bochs-ryzen": ("ryzen-smp1", BOCHS, 512, "ata", 35),
    "virtio": ("svm-smp2-bios", "virtio-blk-pci,disable-legacy=on,drive={drive},serial={serial}",
               512, "virtio_blk", 5),
    "virtio-4096": ("svm-smp1-bios", "virtio-blk-pci,disable-legacy=on,drive={drive},"
                    "serial={serial},logical_block_size={sector},physical_block_size={sector}",
                    4096, "virtio_blk", 1),
}
ON_QEMU = [m for m in MODELS if machines.emulator_of(MODELS[m][0]) == "qemu"]

# Whose controllers QEMU resets while a request is under way.
SILENT = ["nvme", "ahci", "virtio"]


def pattern(seed, size=SIZE):
    return random.Random(seed).randbytes(size)


def sha256(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def make_image(path, data):
    with open(path, "wb") as f:
        f.write(data)
    return str(path)


def start(boot, model, images, debug=""):
    """The model's machine at its prompt, with one of its disks for each image."""
    machine, how, sector, _, _ = MODELS[model]
    # The firmware is not to start from a disk that has a partition table.
    extra = [] if isinstance(how, list) else ["-boot", "d"]
    for index, image in enumerate(images):
        if isinstance(how, list):
            extra += bochs(how, index, image)
        else:
            extra += qemu(how, index, image, sector, debug)
    return started(boot, machine, extra)


def started(boot, machine, extra):
    m = boot(machine, extra=extra)
    m.console.prompt()
    return m


def settled(machine):
    """Volumes by device, when all drives have been looked at."""
    while True:
        found = json.loads(machine.console.command("volume list --json")[0])
        if all(v["state"] != "looking" for v in found):
            return {v["device"]: v for v in found}


def devices(machine):
    return json.loads(machine.console.command("disk list --json")[0])


def disks(machine):
    """Without the CD drive that most machines start from."""
    return [d for d in devices(machine) if d["name"].startswith("disk")]


def check(machine, name, options=""):
    """The SHA-256 that the root finds."""
    lines = machine.console.command("disk check /dev/%s --json %s" % (name, options), timeout=600)
    return json.loads(lines[-1])["sha256"]


@pytest.mark.parametrize("model", MODELS)
def test_reads_and_writes(model, boot, tmp_path):
    """Both ways, every size, and what `disk list` says of it."""
    _, _, sector, driver, step = MODELS[model]
    image = make_image(tmp_path / "disk.img", pattern(model))
    machine = start(boot, model, [image])
    before = sha256(image)
    assert check(machine, "disk0", "--step %d" % step) == before
    written = check(machine, "disk0", "--step %d --write --seed 7" % step)
    assert written == sha256(image) != before
    (disk,) = disks(machine)
    assert (disk["name"], disk["size"], disk["sector"]) == ("disk0", SIZE, sector)
    assert (disk["driver"], disk["state"]) == (driver, "online")
    assert disk["counters"]["errors"] == 0 and disk["counters"]["writes"] > 50


@pytest.mark.parametrize("model", ON_QEMU)
def test_errors_of_the_medium(model, boot, tmp_path):
    """An error is told, and only who meets it hears of it."""
    image = make_image(tmp_path / "disk.img", pattern(model))
    rules = tmp_path / "rules"
    rules.write_text('[inject-error]\nevent = "read_aio"\nerrno = "5"\nonce = "on"\n'
                     'sector = "%d"\n' % (9 * MIB // 512))
    machine = start(boot, model, [image], "blkdebug:%s:" % rules)
    lines = machine.console.command("disk check disk0 --step 500", timeout=300)
    # The driver may say what the device has said.
    assert lines[-1] == "error: disk0: input or output failed" and len(lines) < 3
    (disk,) = disks(machine)
    assert disk["state"] == "online" and disk["counters"]["errors"] == 1
    assert check(machine, "disk0", "--step 500") == sha256(image)


@pytest.mark.parametrize("model", SILENT)
def test_silent_disk(model, boot):
    """A disk that takes longer than it may: each request ends, then it is off line, and
    the one beside it does not notice."""
    machine, how, sector, _, _ = MODELS[model]
    extra = ["-boot", "d"]
    for index, latency in enumerate((5500000000, 0)):
        extra += ["-blockdev", "driver=null-co,read-zeroes=on,node-name=d%d,size=%d,latency-ns=%d" %
                  (index, SIZE, latency)] + device(how, index, sector)
    machine = started(boot, machine, extra)
    for error, log in (("timed out", "disk0: silent: reset"), ("timed out", "disk0: off line"),
                       ("off line; see log", "")):
        lines = machine.console.command("disk bench disk0 --depth 2 --seconds 1", timeout=60)
        assert "error: disk0: " + error in lines
        machine.console.heard(lines, log)
        assert check(machine, "disk1", "--step 500") == hashlib.sha256(bytes(SIZE)).hexdigest()
    slow, good = disks(machine)
    assert (slow["state"], good["state"]) == ("offline", "online")
    assert slow["counters"]["resets"] == 3 and good["counters"]["errors"] == 0
    log = machine.console.root_log()
    assert len([line for line in log if "disk0: silent: reset" in line]) == 2
    assert len([line for line in log if "disk0: off line" in line]) == 1


@pytest.mark.parametrize("model", ON_QEMU)
def test_several_disks(model, boot, tmp_path):
    """Several at once, in the order of the bus, each with its own contents."""
    count = {"ahci": len(SATA), "ide": len(IDE)}.get(model, 8)
    images = [make_image(tmp_path / ("disk%d.img" % i), pattern("%s%d" % (model, i)))
              for i in range(count)]
    machine = start(boot, model, images)
    assert [d["name"] for d in disks(machine)] == ["disk%d" % i for i in range(count)]
    for i, image in enumerate(images):
        assert check(machine, "disk%d" % i, "--step 200") == sha256(image)


def test_eight_disks(boot, tmp_path):
    """Two adapters, eight disks, a CD: each by requests of its own while others are there."""
    extra = ["-boot", "d", "-device", "ich9-ahci,id=second"]
    images = []
    for i in range(8):
        images.append(make_image(tmp_path / ("disk%d.img" % i), pattern(i, (i + 2) * MIB)))
        bus = SATA[i] if i < 4 else "second.%d" % (i - 4)
        extra += qemu("ide-hd,bus=%s,drive={drive},serial={serial}" % bus, i, images[i])
    machine = started(boot, "svm-smp2-bios", extra)
    by_serial = {d["serial"]: d for d in disks(machine)}
    assert len(by_serial) == 8
    for i, image in enumerate(images):
        disk = by_serial["serial%d" % i]
        assert disk["size"] == (i + 2) * MIB
        assert check(machine, disk["name"], "--step 100") == sha256(image)


@pytest.mark.parametrize("name", ["svm-smp1-bios", "svm-pc-smp1", "vmx-smp1"])
def test_cd(name, boot):
    """The medium that the machine starts from: read-only, sectors of 2048 bytes."""
    machine = started(boot, name, [])
    (cd,) = devices(machine)
    assert (cd["name"], cd["sector"]) == ("cd0", 2048)
    assert cd["size"] == os.path.getsize(machine.iso)
    assert cd["driver"] == ("ahci" if name == "svm-smp1-bios" else "ata")
    assert check(machine, "cd0", "--step 40") == sha256(machine.iso)
    (refused,) = machine.console.command("disk check cd0 --write")
    assert "read-only" in refused


def test_cd_comes_and_goes(boot):
    """A drive whose medium is taken out, and put in again."""
    machine = started(boot, "svm-smp1-bios", [])
    settled(machine)
    machine.monitor("eject -f ide2-cd0")
    lines = machine.console.command("disk check cd0 --step 500")
    assert any("no medium" in line for line in lines), lines
    assert devices(machine)[0]["size"] == 0
    machine.monitor("change ide2-cd0 %s" % machine.iso)
    machine.console.expect_exact("cd0: another medium")
    machine.console.sendline()
    machine.console.prompt()
    assert check(machine, "cd0", "--step 400") == sha256(machine.iso)


def mbr_entry(kind, first, count):
    return struct.pack("<BxxxBxxxII", 0, kind, first, count)


def put_gpt(image, partitions):
    """A GPT of 512-byte sectors, both copies, as the UEFI specification has it."""
    sectors = os.path.getsize(image) // 512
    array = b"".join(struct.pack("<16s16sQQQ72s", b"\1" * 16, bytes([i + 1]) * 16, first, last, 0,
                                 b"") for i, (first, last) in enumerate(partitions))
    array = array.ljust(16384, b"\0")

    def header(here, other, entries):
        h = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, here, other, 34,
                        sectors - 34, b"\3" * 16, entries, 128, 128, zlib.crc32(array))
        return h[:16] + struct.pack("<I", zlib.crc32(h)) + h[20:]

    with open(image, "r+b") as f:
        f.write(bytes(446) + mbr_entry(0xee, 1, 0xffffffff) + bytes(48) + b"\x55\xaa")
        f.write(header(1, sectors - 1, 2).ljust(512, b"\0") + array)
        f.seek((sectors - 33) * 512)
        f.write(array + header(sectors - 1, 1, sectors - 33).ljust(512, b"\0"))


def test_partitions(boot, tmp_path):
    """GPT, a GPT whose first copy is damaged, MBR; a partition is part of its disk."""
    images = [make_image(tmp_path / ("%s.img" % name), pattern(name))
              for name in ("gpt", "damaged", "mbr")]
    put_gpt(images[0], [(2048, 10239), (10240, 12287)])
    put_gpt(images[1], [(64, 71)])
    with open(images[1], "r+b") as f:
        f.seek(512 + 40)
        f.write(b"\xff")
    with open(images[2], "r+b") as f:
        f.write(bytes(446) + mbr_entry(0x83, 2048, 4096) + mbr_entry(0x0f, 8192, 8192) +
                bytes(32) + b"\x55\xaa")
        f.seek(8192 * 512)
        f.write(bytes(446) + mbr_entry(0x83, 2048, 2048) + bytes(48) + b"\x55\xaa")
    machine = start(boot, "nvme", images)
    found = [[(p["name"], p["first"], p["size"]) for p in d["partitions"]] for d in disks(machine)]
    assert found == [[("disk0p1", 2048, 8192 * 512), ("disk0p2", 10240, 2048 * 512)],
                     [("disk1p1", 64, 8 * 512)],
                     [("disk2p1", 2048, 4096 * 512), ("disk2p5", 10240, 2048 * 512)]]
    assert any("its copy is used" in line for line in machine.console.root_log())
    with open(images[0], "rb") as f:
        f.seek(2048 * 512)
        assert check(machine, "disk0p1", "--step 300") == \
            hashlib.sha256(f.read(8192 * 512)).hexdigest()
    refused = machine.console.command("disk check disk0 --write")
    assert len(refused) == 1 and "has partitions" in refused[0] and "--force" in refused[0]
    assert sha256(images[0]) == check(machine, "disk0", "--step 400")


def test_devices_are_files(boot, tmp_path):
    """/dev, and what a file says that is a disk."""
    text = b"the first line\nthe second line\n"
    image = make_image(tmp_path / "disk.img", text.ljust(512, b"\n"))
    machine = start(boot, "nvme", [image])
    assert {"type": "file", "size": 512, "mtime": None, "name": "disk0"} in json.loads(
        machine.console.command("ls --json /dev")[0])
    assert machine.console.command("cat /dev/disk0")[:2] == text.decode().splitlines()
    machine.console.send("disk check /dev/d\t\r")
    machine.console.expect_exact(sha256(image) + "  disk0: 1 requests")
    machine.console.prompt()
    assert machine.console.command("disk bench disk9") == [
        'error: no disk "disk9"; see disk list']


@pytest.mark.parametrize("model", ON_QEMU)
def test_bench(model, boot, tmp_path):
    """Rows for programs and for people; Ctrl-C ends it; --write writes."""
    image = make_image(tmp_path / "disk.img", pattern(model))
    machine = start(boot, model, [image])
    rows = json.loads(machine.console.command("disk bench disk0 --seconds 1 --json")[0])
    assert [(r["pattern"], r["operation"], r["size"]) for r in rows] == [
        ("sequential", "read", MIB), ("random", "read", 4096)]
    for row in rows:
        assert row["requests"] > 10 and row["latency_50_ns"] <= row["latency_99_ns"] <= \
            row["latency_max_ns"]
    machine.console.sendline("disk bench disk0 --seconds 3600")
    machine.console.expect_exact("max us\r\n")
    machine.console.send("\x03")
    machine.console.prompt()
    (row,) = json.loads(machine.console.command(
        "disk bench disk0 --pattern random-read --count 777 --depth 5 --json")[0])
    assert (row["pattern"], row["operation"], row["requests"]) == ("random", "read", 777)
    assert row["requests_per_second"] > 0
    assert machine.console.command("disk bench disk0 --pattern random-write") == [
        'error: --pattern: sequential-read or random-read; others need --write, not "random-write"']
    before = sha256(image)
    rows = machine.console.command("disk bench disk0 --seconds 1 --depth 32 --write")
    assert [row.split()[:2] for row in rows[1:]] == [
        ["sequential", "read"], ["random", "read"], ["sequential", "write"], ["random", "write"]]
    assert sha256(image) != before
