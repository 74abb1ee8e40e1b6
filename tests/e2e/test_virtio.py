# SPDX-License-Identifier: MIT
"""Virtio devices as they differ: chipset, interrupts, rings, offloads.

What all disks have in common is in test_disk.py. A NIC's offloads need a host that
takes them: a bridge between two taps, one of which the machine has, the other one
without offloads, so that the host cuts and sums what the root leaves to its device.
"""
import fcntl
import os
import select
import struct
import subprocess
import time

import pytest

import frames
from test_disk import check, disks, make_image, pattern, sha256, started

MAC = "52:54:00:12:34:56"
I440FX = ["-machine", "pc"]
COMMAND_TIMEOUT = 60

# Name -> machine, options of the device, of the machine; interrupt.
DISKS = {
    "i440fx": ("svm-smp2-bios", "disable-legacy=on", I440FX, "msi-x"),
    "i440fx-pin": ("svm-smp1-bios", "vectors=0", I440FX, "intx"),
    "one-vector": ("svm-smp2-bios", "vectors=1,event_idx=off,queue-size=1024", [], "msi-x"),
    "no-tables": ("svm-smp2-bios", "disable-legacy=on,indirect_desc=off,queue-size=128", [],
                  "msi-x"),
    "platform": ("svm-smp1-bios", "disable-legacy=on,iommu_platform=on,page-per-vq=on,packed=on,"
                 "write-cache=off,discard=off", [], "msi-x"),
}


@pytest.mark.parametrize("kind", DISKS)
def test_disk(kind, boot, tmp_path):
    machine, options, extra, interrupt = DISKS[kind]
    image = make_image(tmp_path / "disk.img", pattern(kind))
    machine = started(boot, machine, extra + [
        "-boot", "d", "-drive", "if=none,id=d0,format=raw,file=%s" % image,
        "-device", "virtio-blk-pci,drive=d0,serial=a-serial," + options])
    (disk,) = disks(machine)
    assert (disk["driver"], disk["serial"]) == ("virtio_blk", "a-serial")
    assert any("virtio_blk  %s " % interrupt in line for line in machine.console.command("pci list"))
    assert check(machine, "disk0", "--step 40") == sha256(image)
    assert check(machine, "disk0", "--step 40 --write --seed 5") == sha256(image)
    assert disks(machine)[0]["counters"]["errors"] == 0


class TapPeer(frames.Peer):
    """Behind a bridge of the host's. `partial`: checksums of what is sent are left to do."""

    HEADER = struct.Struct("<BBHHHH")

    def __init__(self):
        super().__init__()
        self.name = "v%d" % os.getpid()
        self.fd = os.open("/dev/net/tun", os.O_RDWR)
        self.partial = False
        try:
            self.make_bridge()
        except (OSError, subprocess.CalledProcessError):
            self.stop()
            raise

    def make_bridge(self):
        theirs, ours, bridge = self.names()
        ip("tuntap", "add", "dev", theirs, "mode", "tap", "vnet_hdr")
        # TUNSETIFF; TAP, NO_PI, VNET_HDR.
        fcntl.ioctl(self.fd, 0x400454CA, struct.pack("16sH22s", ours.encode(), 0x5002, b""))
        ip("link", "add", bridge, "type", "bridge")
        for name in self.names():
            with open("/proc/sys/net/ipv6/conf/%s/disable_ipv6" % name, "w") as f:
                f.write("1")
            # So that no frame is lost of one that the host has cut.
            ip("link", "set", name, "mtu", "9000", "txqueuelen", "10000")
        ip("link", "set", theirs, "master", bridge)
        ip("link", "set", ours, "master", bridge)
        for name in self.names():
            ip("link", "set", name, "up")

    def names(self):
        return self.name + "q", self.name + "p", self.name + "b"

    def qemu_tap(self, options):
        return ["-netdev", "tap,id=n0,ifname=%s,script=no,downscript=no" % self.names()[0],
                "-device", "virtio-net-pci,netdev=n0,mac=%s,%s" % (MAC, options)]

    def get(self, deadline):
        while time.monotonic() < deadline and not self.stopped.is_set():
            if select.select([self.fd], [], [], 0.2)[0]:
                return os.read(self.fd, 1 << 17)[self.HEADER.size:]
        return None

    def put(self, frame):
        header = self.HEADER.pack(0, 0, 0, 0, 0, 0)
        if self.partial and len(frame) > 60:
            # The place of the sum such that completing it makes the frame what it is to be.
            start, at = 35, 47
            want = struct.unpack(">H", frame[at:at + 2])[0]
            rest = frames.ones_sum(frame[start:at] + b"\0\0" + frame[at + 2:])
            seed = (0xFFFF - want) + (0xFFFF - rest)
            seed = (seed & 0xFFFF) + (seed >> 16)
            frame = frame[:at] + struct.pack(">H", seed) + frame[at + 2:]
            header = self.HEADER.pack(1, 0, 0, 0, start, at - start)
        os.write(self.fd, header + frame)

    def stop(self):
        super().stop()
        os.close(self.fd)
        for name in (self.names()[0], self.names()[2]):
            subprocess.run(["ip", "link", "del", name], check=False, capture_output=True)


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def exchange(machine, peer, options, count):
    """The root sends, the peer echoes: none is lost, all are right."""
    peer.echo_behind(COMMAND_TIMEOUT)
    lines = machine.console.command("nic test --send %d %s nic0" % (count, options),
                                    timeout=COMMAND_TIMEOUT)
    peer.pause()
    peer.check(count)
    said = dict(line.split()[:2] for line in lines)
    assert said["sent"] == said["good"] == str(count), lines


def receive(machine, peer, sizes, options=""):
    """The peer sends, the root echoes."""
    machine.console.sendline("nic test --echo %d %s nic0" % (len(sizes), options))
    peer.wait_ready(COMMAND_TIMEOUT)
    peer.send(bytes.fromhex(MAC.replace(":", "")), sizes, COMMAND_TIMEOUT)
    machine.console.prompt(COMMAND_TIMEOUT)
    peer.check(len(sizes))


# Name -> machine, options of the device, of the machine; bytes of the largest frame.
NICS = {
    "q35": ("svm-smp2-bios", "disable-legacy=on", [], 9014),
    "i440fx": ("svm-smp2-bios", "disable-legacy=on", I440FX, 9014),
    "i440fx-pin": ("svm-smp1-bios", "vectors=0", I440FX, 9014),
    "least": ("svm-smp1-bios", "disable-legacy=on,mrg_rxbuf=off,indirect_desc=off,event_idx=off,"
              "ctrl_vq=off,status=off", [], 1514),
}


@pytest.mark.parametrize("kind", NICS)
def test_nic(kind, boot):
    """Frames of every size, both ways, and lists longer than the device takes."""
    machine, options, extra, largest = NICS[kind]
    with frames.Peer() as peer:
        machine = started(boot, machine, extra + peer.qemu(
            "virtio-net-pci," + options, "n0", MAC))
        exchange(machine, peer, "--size 60 --to-size 1514", 1455)
        exchange(machine, peer, "--size 60 --to-size 1514 --pieces 40", 300)
        exchange(machine, peer, "--size 60 --to-size 1514 --checksum", 300)
        receive(machine, peer, list(range(60, 1515)))
        if largest > 1514:
            sizes = list(range(60, largest + 1, 37)) + [2034, 2035, 2036, 2037, 4084, largest]
            exchange(machine, peer, "--mtu %d --size 1500 --to-size %d" % (largest - 14, largest),
                     20)
            receive(machine, peer, sizes, "--mtu %d" % (largest - 14))
        line = machine.console.command("nic list")[1].split()
        assert line[1:4] == ["virtio_net", MAC, "up"] and line[-2:] == ["0", "0"]


@pytest.mark.skipif(os.geteuid() != 0 or not os.path.exists("/dev/net/tun"),
                    reason="only root makes taps")
def test_offloads(boot):
    """Checksums both ways, and TCP that the device is to cut; the host judges."""
    with TapPeer() as peer:
        machine = started(boot, "svm-smp2-bios", peer.qemu_tap("disable-legacy=on"))
        exchange(machine, peer, "--checksum --size 60 --to-size 1514 --pieces 3", 1455)
        exchange(machine, peer, "--cut 1448 --size 1600 --to-size 1700", 100)
        exchange(machine, peer, "--cut 1000 --pieces 40 --size 20000 --to-size 20100", 100)
        exchange(machine, peer, "--cut 1448 --size 65000 --to-size 65549", 50)
        peer.partial = True
        receive(machine, peer, list(range(60, 1515)))
        receive(machine, peer, list(range(1515, 9015, 41)), "--mtu 9000")
        (said,) = [line for line in machine.console.command("log root") if line.startswith("nic:")]
        assert said.startswith("nic: nic0: link up")


def test_link(boot):
    """What the machine's owner pulls out, the root notices, and sends nothing meanwhile."""
    with frames.Peer() as peer:
        machine = started(boot, "svm-smp2-bios", peer.qemu(
            "virtio-net-pci,disable-legacy=on,id=v0", "n0", MAC))
        machine.monitor("set_link v0 off")
        machine.console.expect_exact("nic0: link down")
        machine.console.command("")
        assert machine.console.command("nic list")[1].split()[3] == "down"
        machine.monitor("set_link v0 on")
        machine.console.expect_exact("nic0: link up")
        machine.console.command("")
        exchange(machine, peer, "", 100)
