# SPDX-License-Identifier: MIT
"""What only NVMe has: namespaces, queue pairs and vectors; and a controller that falls silent."""
import json
import time

import pytest

import machine as machines
from test_disk import MIB, check, disks, make_image, pattern, sha256

SILENCE = 5  # seconds that the root waits for an answer


def start(boot, name, extra):
    machine = boot(name, extra=["-boot", "d"] + extra)
    machine.console.prompt()
    return machine


def image_of(tmp_path, name, size=4 * MIB):
    return make_image(tmp_path / name, pattern(name, size))


def drive(image, drive_id):
    return ["-drive", "if=none,format=raw,cache=writeback,id=%s,file=%s" % (drive_id, image)]


def test_namespaces(boot, tmp_path):
    """Each is a disk, in the order of their numbers, with a sector size of its own."""
    images = [image_of(tmp_path, "ns%d" % i) for i in range(3)]
    extra = ["-device", "nvme,serial=many,id=many"]
    for i, (number, sector) in enumerate([(2, 512), (7, 4096), (5, 512)]):
        extra += drive(images[i], "n%d" % i) + [
            "-device", "nvme-ns,bus=many,drive=n%d,nsid=%d,logical_block_size=%d,"
            "physical_block_size=%d" % (i, number, sector, sector)]
    machine = start(boot, "svm-smp2-bios", extra)
    images = [images[0], images[2], images[1]]
    assert [(d["name"], d["sector"]) for d in disks(machine)] == [
        ("disk0", 512), ("disk1", 512), ("disk2", 4096)]
    for i, image in enumerate(images):
        assert check(machine, "disk%d" % i, "--write --step 40 --seed %d" % i) == sha256(image)
    hashes = [sha256(image) for image in images]
    assert len(set(hashes)) == 3
    assert [check(machine, "disk%d" % i, "--step 100") for i in range(3)] == hashes


@pytest.mark.parametrize("properties,queues", [
    ("max_ioqpairs=1", 1), ("msix_qsize=1", 1), ("mdts=1", 2), ("mdts=0", 2)])
def test_other_controllers(properties, queues, boot, tmp_path):
    """One queue pair, one vector, pieces of 8 KiB, pieces of 1 MiB."""
    image = image_of(tmp_path, "disk")
    machine = start(boot, "svm-smp2-bios", drive(image, "n") + [
        "-device", "nvme,serial=small,drive=n," + properties])
    assert check(machine, "disk0", "--write --step 30") == sha256(image)
    (disk,) = disks(machine)
    assert (disk["queues"], disk["counters"]["errors"]) == (queues, 0)
    # No piece is larger than the controller takes.
    moved = disk["counters"]["read_bytes"] + disk["counters"]["written_bytes"]
    assert properties != "mdts=1" or disk["counters"]["pieces"] >= moved / 8192


def test_what_was_written_is_there_after_power_off(boot, tmp_path):
    """Without a flush of the root's: the controller is told that the power goes."""
    image = image_of(tmp_path, "disk")
    machine = start(boot, "svm-smp1-bios", drive(image, "n") + [
        "-device", "nvme,serial=off,drive=n", "-trace", "pci_nvme_mmio_shutdown_set"])
    written = check(machine, "disk0", "--write --step 100")
    machine.console.sendline("poweroff")
    machine.wait_exit()
    assert written == sha256(image)
    with open("%s/%s.emulator" % (machines.LOGS, machine.name)) as f:
        assert "pci_nvme_mmio_shutdown_set" in f.read()


def test_silence(boot, tmp_path):
    """A request that is not answered ends in time, the disk is reset and works; others go on."""
    images = [image_of(tmp_path, name) for name in ("silent", "other")]
    machine = start(boot, "svm-smp2-bios", drive(images[0], "n0") + drive(images[1], "n1") + [
        "-device", "nvme,serial=silent,drive=n0", "-device", "nvme,serial=other,drive=n1"])
    console = machine.console
    good = sha256(images[0])
    assert check(machine, "disk0", "--step 300") == good
    # A byte a second; the first requests are free.
    machine.monitor("block_set_io_throttle n0 1 0 0 0 0 0")
    began = time.monotonic()
    lines = console.command("disk check disk0 --step 300", timeout=120)
    assert [line for line in lines if line.startswith("error")] == ["error: disk0: timed out"]
    assert time.monotonic() - began > SILENCE / 2
    console.heard(lines, "disk0: silent: reset")
    log = console.root_log()
    assert sum("disk0: silent: reset" in line for line in log) == 1
    assert check(machine, "disk1", "--step 300") == sha256(images[1])
    machine.monitor("block_set_io_throttle n0 0 0 0 0 0 0")
    assert check(machine, "disk0", "--step 300") == good
    counters = {d["name"]: d["counters"] for d in json.loads(
        console.command("disk list --json")[0])}
    assert counters["disk0"]["timeouts"] >= 1 and counters["disk0"]["resets"] == 1
    assert counters["disk1"]["timeouts"] == counters["disk1"]["resets"] == 0
