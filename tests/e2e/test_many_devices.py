# SPDX-License-Identifier: MIT
"""Eight disks and four NICs of all models in one machine: at work, and idle for long."""
import json
import os

import frames
from test_disk import MIB, check, device, disks, make_image, pattern, qemu, sha256

DISKS = ["nvme,drive={drive},serial={serial}", "nvme,drive={drive},serial={serial}",
         "ide-hd,bus=ide.0,drive={drive},serial={serial}",
         "ide-hd,bus=ide.1,drive={drive},serial={serial}",
         "ide-hd,bus=second.0,drive={drive},serial={serial}",
         "virtio-blk-pci,disable-legacy=on,drive={drive},serial={serial}",
         "virtio-blk-pci,disable-legacy=on,drive={drive},serial={serial}",
         "virtio-blk-pci,drive={drive},serial={serial}"]
NICS = ["e1000", "e1000e", "virtio-net-pci", "virtio-net-pci"]
SECOND = ["-boot", "d", "-device", "ich9-ahci,id=second"]
HOURS = 24 if os.environ.get("VERDIGRIS_SOAK") else 1
LONG = 300


def mac_of(number):
    return "52:54:00:12:34:%02x" % (0x60 + number)


def test_at_work(boot, tmp_path):
    """Each in turn by patterns of its own, and in between frames of all sizes on all NICs."""
    extra, images = list(SECOND), []
    for i, how in enumerate(DISKS):
        images.append(make_image(tmp_path / ("disk%d.img" % i), pattern(i, (i + 2) * MIB)))
        extra += qemu(how, i, images[i])
    peers = [frames.Peer() for _ in NICS]
    try:
        for i, peer in enumerate(peers):
            extra += peer.qemu(NICS[i], "n%d" % i, mac_of(i))
        machine = boot("svm-parallel2-bios", extra=extra)
        machine.console.prompt()
        all_work(machine, images, peers)
    finally:
        for peer in peers:
            peer.stop()


def all_work(machine, images, peers):
    by_serial = {d["serial"]: d for d in disks(machine)}
    assert len(by_serial) == len(DISKS)
    nics = {n["mac"]: n["name"] for n in json.loads(machine.console.command("nic list --json")[0])}
    assert sorted(nics) == [mac_of(i) for i in range(len(NICS))]
    for i, image in enumerate(images):
        name = by_serial["serial%d" % i]["name"]
        assert check(machine, name, "--write --step 100 --seed %d" % i) == sha256(image)
        for peer in peers:
            peer.echo_behind(LONG)
        said = machine.console.command("nic test --json --send 200 --size %d --to-size 1514 %s" % (
            60 + 180 * i, " ".join(sorted(nics.values()))), timeout=LONG)
        for peer in peers:
            peer.pause()
            peer.check(200)
        assert [row["good"] for row in json.loads(said[0])] == [200] * len(NICS)
        assert check(machine, name, "--step 100") == sha256(image)


def idle_options():
    extra = list(SECOND)
    for i, how in enumerate(DISKS):
        extra += ["-drive", "if=none,id=d%d,driver=null-co,size=64M" % i] + device(how, i, 512)
    for i, model in enumerate(NICS):
        extra += ["-netdev", "hubport,id=n%d,hubid=%d" % (i, i),
                  "-device", "%s,netdev=n%d,mac=%s" % (model, i, mac_of(i))]
    return extra


class Look:
    """What an idle machine is not to change."""

    def __init__(self, console):
        self.host = json.loads(console.command("host --json")[0])
        self.disks = [d["counters"] for d in json.loads(console.command("disk list --json")[0])]
        self.nics = json.loads(console.command("nic list --json")[0])
        self.log = console.command("log")


def test_idle(boot):
    """Hours of virtual time: no memory is lost, nothing is logged, nobody wakes."""
    console = boot("svm-det-smp1", extra=idle_options()).console
    console.prompt()
    # What the root keeps for later it has after this.
    console.command("top --once --json")
    Look(console)
    before = Look(console)
    (top,) = console.command("top --once --json --interval %d" % (HOURS * 3600),
                             timeout=HOURS * 120)
    after = Look(console)
    assert after.host["uptime"] - before.host["uptime"] >= HOURS * 3600
    for key in ("memory_free", "memory_root", "memory_hypervisor"):
        assert after.host[key] == before.host[key], key
    assert (after.disks, after.nics, after.log) == (before.disks, before.nics, before.log)
    (vp,) = json.loads(top)["vps"]
    # Ticks per second, of 10^9: the longest time that the processor's timer takes is 4 s.
    assert vp["busy"] < 5000, vp
