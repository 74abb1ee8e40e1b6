# SPDX-License-Identifier: MIT
"""Discs and FAT volumes: files that other tools put there are read by name, whole, and stay."""
import os
import struct

import pytest

import machine as machines
from test_disk import make_image, mbr_entry, pattern, qemu, settled, sha256, started
from test_volume import names, ok, power_off, tool

LONG_NAME = "a file with spaces and a name that is longer than any disc of old allows.text"
DEEP = "deep/" + "/".join("d%d" % i for i in range(2, 8))
FILES = {
    LONG_NAME: 70_001,
    "LARGE.BIN": 5_000_003,
    DEEP + "/below.txt": 12_345,
    "empty": 0,
}
TOP = sorted([LONG_NAME, "LARGE.BIN", "deep", "empty"])


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A directory with FILES."""
    folder = tmp_path_factory.mktemp("tree")
    for name, size in FILES.items():
        os.makedirs(folder / os.path.dirname(name), exist_ok=True)
        make_image(folder / name, pattern(name, size))
    return folder


def check_files(machine, path, tree):
    """What lies there is the tree; a large file can be copied away."""
    assert names(machine, path) == TOP
    assert names(machine, "%s/%s" % (path, DEEP)) == ["below.txt"]
    for name in FILES:
        (line,) = ok(machine, "sha256 '%s/%s'" % (path, name))
        assert line.split()[0] == sha256(str(tree / name)), name
    ok(machine, "cp %s/LARGE.BIN /vm/copy" % path)
    (line,) = ok(machine, "sha256 /vm/copy")
    assert line.split()[0] == sha256(str(tree / "LARGE.BIN"))
    ok(machine, "rm /vm/copy")


def check_read_only(machine, path):
    for line in ("mkdir {0}/new", "rm {0}/empty", "mv {0}/empty {0}/new", "cp /boot/motd {0}/new",
                 "cp /boot/motd {0}/empty", "disk create --size 1M {0}/new"):
        (said,) = machine.console.command(line.format(path))
        assert said.startswith("error: " + path), said
        assert said.endswith(": read-only file system"), said
    assert names(machine, path) == TOP


def make_disc(folder, tree, label, *options):
    image = str(folder / (label + ".iso"))
    tool("xorriso", "-as", "mkisofs", "-quiet", "-V", label, "-o", image, *options, str(tree))
    return image


def disc(where, index, image):
    """One more CD drive."""
    return ["-drive", "if=none,id=c%d,media=cdrom,readonly=on,format=raw,file=%s" % (index, image),
            "-device", "ide-cd,bus=%s,drive=c%d" % (where, index)]


# Machine, driver, where a second drive is, where a disk is.
DRIVES = {
    "svm-smp2-bios": ("ahci", "ide.4", "ide-hd,bus=ide.5,drive={drive}"),
    "svm-pc-smp1": ("ata", "ide.1,unit=1", "ide-hd,bus=ide.0,drive={drive}"),
}


@pytest.mark.parametrize("name", DRIVES)
def test_discs(name, boot, tree, tmp_path):
    """Names by Rock Ridge and by Joliet; in a drive, and as an image on a disk."""
    driver, drive, disk = DRIVES[name]
    discs = {"ROCK": make_disc(tmp_path, tree, "ROCK", "-R"),
             "JOLIET": make_disc(tmp_path, tree, "JOLIET", "--norock", "-J", "-joliet-long")}
    in_drive, on_disk = sorted(discs, reverse=driver == "ahci")
    extra = ["-boot", "d"] + disc(drive, 0, discs[in_drive]) + qemu(disk, 0, discs[on_disk])
    machine = started(boot, name, extra)
    volumes = settled(machine)
    assert {d: (v["type"], v["label"], v["path"], v["state"]) for d, v in volumes.items()} == {
        "cd0": ("iso9660", "VERDIGRIS", "/vol/VERDIGRIS", "read-only"),
        "cd1": ("iso9660", in_drive, "/vol/" + in_drive, "read-only"),
        "disk0": ("iso9660", on_disk, "/vol/" + on_disk, "read-only")}
    for label in discs:
        check_files(machine, "/vol/" + label, tree)
        check_read_only(machine, "/vol/" + label)
    power_off(machine)


@pytest.mark.parametrize("name", ["svm-smp1-bios", "vmx-smp1"])
def test_boot_disc(name, boot):
    """The disc that the machine starts from; what is said of it is in the log only."""
    machine = started(boot, name, [])
    (volume,) = settled(machine).values()
    assert (volume["device"], volume["path"]) == ("cd0", "/vol/VERDIGRIS")
    (line,) = ok(machine, "sha256 /vol/VERDIGRIS/boot/rootpart.elf")
    assert line.split()[0] == sha256(machines.BUILD + "/rootpart.elf")
    with open(machine.console.log.name, "rb") as f:
        machine.console.log.flush()
        assert b"volume: cd0" not in f.read()
    assert [text for text in machine.console.root_log() if text.startswith("volume: ")] == [
        'volume: cd0: iso9660 "VERDIGRIS" at /vol/VERDIGRIS, read-only: such volumes are only read']
    power_off(machine)


def test_disc_is_taken_out(boot):
    """Reading fails then, and nothing else; a disc that comes back is read again."""
    machine = started(boot, "svm-smp1-bios", [])
    settled(machine)
    machine.monitor("eject -f ide2-cd0")
    said = machine.console.command("sha256 /vol/VERDIGRIS/boot/rootpart.elf")
    assert [line for line in said if line.startswith("error: /vol/VERDIGRIS/boot")], said
    assert settled(machine)["cd0"]["path"] == "/vol/VERDIGRIS"
    ok(machine, "mkdir /vm/still-here")
    machine.monitor("change ide2-cd0 %s" % machine.iso)
    machine.console.expect_exact("cd0: another medium")
    machine.console.sendline()
    machine.console.prompt()
    (line,) = ok(machine, "sha256 /vol/VERDIGRIS/boot/rootpart.elf")
    assert line.split()[0] == sha256(machines.BUILD + "/rootpart.elf")
    power_off(machine)


def make_fat(folder, tree, label, bits, kib, *options):
    image = str(folder / (label + ".img"))
    with open(image, "wb") as f:
        f.truncate(kib << 10)
    tool("mkfs.fat", "-F", str(bits), "-n", label, *options, image)
    tool("mcopy", "-s", "-i", image, *[str(tree / name) for name in TOP], "::")
    tool("fsck.fat", "-n", image)
    return image


def in_partition(image, first=2048):
    """The same as the second partition of a disk."""
    with open(image, "rb") as f:
        data = f.read()
    whole = image + ".disk"
    table = bytes(446) + mbr_entry(0x83, 1, 16) + mbr_entry(0x0e, first, len(data) // 512)
    with open(whole, "wb") as f:
        f.write(table + bytes(32) + struct.pack("<H", 0xaa55))
        f.seek(first * 512)
        f.write(data)
    return whole


def test_fat(boot, tree, tmp_path):
    """Each width, on a disk and in a partition; clusters of one sector and of many."""
    images = [make_fat(tmp_path, tree, "TWELVE", 12, 8 << 10, "-s", "8"),
              make_fat(tmp_path, tree, "SIXTEEN", 16, 16 << 10, "-s", "1"),
              make_fat(tmp_path, tree, "THIRTYTWO", 32, 40 << 10, "-s", "1"),
              in_partition(make_fat(tmp_path, tree, "PARTITION", 16, 64 << 10))]
    extra = ["-boot", "d"]
    for index, image in enumerate(images):
        extra += qemu("virtio-blk-pci,disable-legacy=on,drive={drive}", index, image)
    machine = started(boot, "svm-smp2-bios", extra)
    volumes = settled(machine)
    labels = {"disk0": "TWELVE", "disk1": "SIXTEEN", "disk2": "THIRTYTWO", "disk3p2": "PARTITION"}
    assert {device: (v["type"], v["label"]) for device, v in volumes.items()
            if device != "cd0"} == {device: ("fat", label) for device, label in labels.items()}
    for label in labels.values():
        check_files(machine, "/vol/" + label, tree)
        check_read_only(machine, "/vol/" + label)
    power_off(machine)
    for image in images[:3]:
        tool("fsck.fat", "-n", image)
