# SPDX-License-Identifier: MIT
"""NICs of the emulators, driven by the root: frames to peers on the host and back.

Every byte of every frame is looked at on both ends (frames.py). QEMU's machine has two
e1000 on one pin, and two e1000e with MSI-X, and its processors are really parallel; Bochs' has
four e1000 on two pins.
"""
import json
import re
import time

import pexpect
import pytest

import frames
import machine as machines

NICS = 4
# In the order of their slots; those with pins are in slots that share one.
QEMU_MODELS = ["e1000", "e1000e", "e1000e", "e1000-82545em"]
QEMU_SLOTS = ["0x4", "0x5", "0x6", "0x8"]
CTRL_C = "\x03"
LONG, READY = 300, 60
on_all = pytest.mark.parametrize("wires", ["svm-parallel2-bios", "vmx-smp1"], indirect=True,
                                 scope="module")
on_qemu = pytest.mark.parametrize("wires", ["svm-parallel2-bios"], indirect=True, scope="module")


def mac_of(number):
    return "52:54:00:12:34:%02x" % (0x50 + number)


def mac_bytes(number):
    return bytes(int(part, 16) for part in mac_of(number).split(":"))


class Wires:
    """A machine with its NICs, and the peer at the other end of each."""

    def __init__(self, machine, peers):
        self.machine = machine
        self.console = machine.console
        self.peers = peers

    def nics(self):
        return json.loads(self.console.command("nic list --json")[0])

    def send(self, options, count, numbers=range(NICS)):
        """Has the root send on NICs at once; all is echoed, none is lost, all are right."""
        for number in numbers:
            self.peers[number].echo_behind(LONG)
        said = self.console.command("nic test --json --send %d %s %s" % (
            count, options, " ".join("nic%d" % number for number in numbers)), timeout=LONG)
        for number in numbers:
            self.peers[number].pause()
        rows = json.loads(said[0])
        assert [row["nic"] for row in rows] == ["nic%d" % number for number in numbers]
        for row, number in zip(rows, numbers):
            self.peers[number].check(count)
            assert (row["sent"], row["good"]) == (count, count), row
            assert row["bad"] == row["send_errors"] == row["dropped"] == 0, row

    def receive(self, number, sizes, options=""):
        """Sends to the root, which echoes."""
        peer = self.peers[number]
        self.console.sendline("nic test --json --echo %d %s nic%d" % (
            len(sizes), options, number))
        peer.wait_ready(READY)
        peer.send(mac_bytes(number), sizes, LONG)
        if peer.bad:
            self.console.send(CTRL_C)
        row = json.loads(self.console.prompt(LONG)[-1])[0]
        assert row["good"] == len(sizes), (row, self.nics()[number], peer.bad)
        peer.check(len(sizes))
        assert row["bad"] == row["send_errors"] == row["dropped"] == 0, row


def qemu_options(peers):
    options = []
    for i, peer in enumerate(peers):
        options += peer.qemu(QEMU_MODELS[i], "n%d" % i, mac_of(i), ",addr=" + QEMU_SLOTS[i])
    return options


def bochs_options(peers):
    slots = ", ".join("slot%d=e1000" % (i + 1) for i in range(len(peers)))
    return ["pci: enabled=1, chipset=i440fx, " + slots] + [
        peer.bochs(i, mac_of(i)) for i, peer in enumerate(peers)]


@pytest.fixture(scope="module")
def wires(request):
    name = request.param
    peers = [frames.Peer() for _ in range(NICS)]
    make = bochs_options if machines.emulator_of(name) == "bochs" else qemu_options
    try:
        with machines.machine(name, machines.BUILD + "/verdigris.iso", "net-" + name,
                              extra=make(peers)) as machine:
            machine.console.prompt()
            yield Wires(machine, peers)
    finally:
        for peer in peers:
            peer.stop()


@on_all
def test_list(wires):
    nics = wires.nics()
    assert [nic["name"] for nic in nics] == ["nic%d" % i for i in range(NICS)]
    assert [nic["mac"] for nic in nics] == [mac_of(i) for i in range(NICS)]
    for nic in nics:
        assert (nic["driver"], nic["link"], nic["mbit"], nic["mtu"]) == (
            "e1000", "up", 1000, 1500)
    lines = wires.console.command("nic list")
    assert lines[0].split() == ["name", "driver", "mac", "link", "mbit", "mtu", "sent",
                                "received", "errors", "dropped"]
    assert len(lines) == 1 + NICS
    devices = json.loads(wires.console.command("pci list --json")[0])
    kinds = [d["interrupt"] for d in devices if d["driver"] == "e1000"]
    if machines.emulator_of(wires.machine.name[4:]) == "bochs":
        assert kinds == ["intx"] * NICS
    else:
        assert kinds == ["intx", "msi-x", "msi-x", "intx"]


@on_all
def test_every_size_out(wires):
    """60 to 1514 bytes, on four NICs at once, out and back."""
    wires.send("--size 60 --to-size 1514", 1455)


@on_all
@pytest.mark.parametrize("number", range(NICS))
def test_every_size_in(wires, number):
    wires.receive(number, list(range(60, 1515)))


@on_all
def test_odd_lists(wires):
    for pieces in (2, 7, 40):
        wires.send("--pieces %d --size 61 --to-size 1499" % pieces, 150)


@on_all
def test_checksums(wires):
    """The device computes UDP's; the peer looks at it."""
    wires.send("--checksum --pieces 3 --size 60 --to-size 1514", 1455)


@on_all
def test_cut_by_the_device(wires):
    """TCP of up to 64 KiB: right headers and checksums in each segment, nothing missing.

    QEMU's e1000e makes IP fragments of it, whose checksums are the whole's: not here.
    """
    numbers = [0] if machines.emulator_of(wires.machine.name[4:]) == "qemu" else range(NICS)
    wires.send("--cut 1448 --size 1600 --to-size 1700", 100, numbers)
    wires.send("--cut 1000 --pieces 40 --size 65000 --to-size 65549", 50, numbers)


@on_qemu
def test_large_frames(wires):
    """Of up to 9014 bytes, in buffers of 2048."""
    wires.send("--mtu 9000 --pieces 5 --size 1500 --to-size 9014", 1000)
    sizes = list(range(60, 9015, 37)) + [2047, 2048, 2049, 4096, 8192, 9014]
    for number in range(NICS):
        wires.receive(number, sizes, "--mtu 9000")
    wires.send("--mtu 1500", 10)


# What lies on the wire, and the text that net dump has for it.
DUMPED = [
    ("0806 0001 0800 0604 0001 52540012fe01 0a000202 000000000000 0a00020f",
     "ARP who has 10.0.2.15? tell 10.0.2.2"),
    ("0800 4500 0020 0001 0000 4011 0000 0a000202 0a00020f 0400 0035 000c 0000 01020304",
     "IPv4 10.0.2.2.1024 > 10.0.2.15.53 UDP 4 bytes"),
    ("0800 4500 0028 0001 4000 4006 0000 0a000202 0a00020f 0050 0400 00000001 00000002 5010 "
     "1000 0000 0000", "IPv4 10.0.2.2.80 > 10.0.2.15.1024 TCP A seq 1 ack 2 window 4096 0 bytes"),
    ("0800 4500 001c 0001 0000 4001 0000 0a000202 0a00020f 0800 0000 0007 0009",
     "IPv4 10.0.2.2 > 10.0.2.15 ICMP echo request id 7 seq 9"),
    ("86dd 6000 0000 0008 3a40 fe800000000000000000000000000001 ff020000000000000000000000000001 "
     "8000 0000 0007 0009", "IPv6 fe80::1 > ff02::1 ICMPv6 echo request id 7 seq 9"),
    ("88cc 1b5b324a", "type 0x88cc"),
]
def target_of(wires):
    """Others': only who takes everything sees it. Bochs passes on ours and broadcasts only."""
    others = machines.emulator_of(wires.machine.name[4:]) == "qemu"
    return bytes.fromhex("020000000001") if others else b"\xff" * 6


def dumped_frames(target):
    return [(target + frames.MAC + bytes.fromhex(text)).ljust(60, b"\0") for text, _ in DUMPED]


def mac_text(mac):
    return ":".join("%02x" % byte for byte in mac)


def start_dump(wires, options, number=0):
    """Starts net dump, and sends frames of a type of their own until it shows one."""
    console, peer = wires.console, wires.peers[number]
    console.sendline("net dump %s nic%d" % (options, number))
    for _ in range(READY * 4):
        peer.put((b"\xff" * 6 + frames.MAC + b"\x90\x00").ljust(60, b"\0"))
        try:
            console.expect("type 0x9000[^\n]*\n", timeout=0.25)
            return
        except pexpect.TIMEOUT:
            continue
    raise AssertionError("net dump shows nothing")


def wait_for_line(console, part):
    """The next line that has this in it; those of the start are passed over."""
    console.expect_exact(part)
    before = console.text_before().rsplit("\n", 1)[-1]
    console.expect("\n")
    return before + part + console.text_before().rstrip("\r")


@on_all
def test_dump(wires):
    console, target = wires.console, target_of(wires)
    start_dump(wires, "")
    for frame, (_, text) in zip(dumped_frames(target), DUMPED):
        wires.peers[0].put(frame)
        line = wait_for_line(console, text)
        head = r"\d+\.\d{6} 52:54:00:ff:fe:01 > %s %d: " % (mac_text(target), len(frame))
        assert re.fullmatch(head + re.escape(text), line), line
    console.send(CTRL_C)
    console.prompt()
    assert console.command("echo alive") == ["alive"]


@on_all
def test_dump_json(wires):
    """A burst of frames, all of which come, in order."""
    count, target = 60, target_of(wires)
    start_dump(wires, "--json --count %d" % (1000 + count))
    sizes = [60 + 3 * i for i in range(count)]
    for i, size in enumerate(sizes):
        wires.peers[0].put((target + frames.MAC + b"\x90\x01").ljust(size, b"\0"))
    seen = []
    while len(seen) < count:
        document = json.loads(wait_for_line(wires.console, '"type 0x9001"'))
        assert document["source"] == "52:54:00:ff:fe:01"
        assert document["target"] == mac_text(target)
        seen.append((document["length"], document["time"]))
    assert [length for length, _ in seen] == sizes
    assert sorted(time for _, time in seen) == [time for _, time in seen]
    wires.console.send(CTRL_C)
    wires.console.prompt()


@on_all
def test_wrong_input(wires):
    for line, why in [
            ("nic", "nic: a command is missing; see help nic"),
            ("net dump", "net dump: words are missing; usage: net dump [--count N] [--json] NIC"),
            ("net dump nic9", 'no NIC "nic9"; see nic list'),
            ("nic test nic0", "nic test: one of --send and --echo is needed"),
            ("nic test --send 1 nic0 nic0", "nic0: in use"),
            ("nic bench nic0 nic0", "nic bench: a NIC does not receive what it sends"),
            ("nic bench --size 1515 nic0", '--size: "1515" is no number from 60 to 1514'),
            ("nic bench nic0 nic9", 'no NIC "nic9"; see nic list'),
            ("nic test --send 1 --size 59 nic0", '--size: "59" is no number from 60 to 9014'),
            ("net dump --count 0 nic0", '--count: "0" is no number from 1 to 1000000')]:
        assert wires.console.command(line) == ["error: " + why], line
    wires.send("", 3)


@on_all
def test_nobody_takes_them(wires):
    """What comes while the NIC has no user is counted."""
    before = wires.nics()[1]
    for _ in range(20):
        wires.peers[1].put((b"\xff" * 6 + frames.MAC + b"\x90\x02").ljust(60, b"\0"))
    deadline = time.monotonic() + READY
    while wires.nics()[1]["receive_dropped"] < before["receive_dropped"] + 20:
        assert time.monotonic() < deadline
    assert wires.nics()[1]["received"] == before["received"] + 20


@on_qemu
def test_link(wires):
    """A cable that is pulled: the log tells, frames end with an error, and all goes on."""
    console, machine = wires.console, wires.machine
    for number in (0, 1):
        machine.monitor("set_link n%d off" % number)
        console.expect_exact("nic: nic%d: link down\r\n" % number)
        nic = wires.nics()[number]
        assert (nic["link"], nic["mbit"]) == ("down", 0)
        row = json.loads(console.command(
            "nic test --json --send 5 nic%d" % number, timeout=LONG)[0])[0]
        assert (row["send_errors"], row["good"]) == (5, 0)
        assert console.command("nic bench nic%d" % number) == [
            "error: nic%d: network is down" % number]
        machine.monitor("set_link n%d on" % number)
        console.expect_exact("nic: nic%d: link up, 1000 Mbit/s\r\n" % number)
        wires.send("", 50, [number])


# Of these only the first lets frames fall when it has no buffer; it counts them, each more than once.
BENCHED = ["e1000", "e1000e", "virtio-net-pci"]


@pytest.mark.parametrize("model", BENCHED)
def test_bench(model, boot):
    """From one NIC to another on the same hub: what one sends the other receives."""
    extra = []
    for i in range(2):
        extra += ["-netdev", "hubport,id=n%d,hubid=0" % i,
                  "-device", "%s,netdev=n%d,mac=%s" % (model, i, mac_of(i))]
    console = boot("svm-smp2-bios", extra=extra).console
    console.prompt()

    def bench(options):
        return json.loads(console.command("nic bench --json " + options, timeout=LONG)[0])

    def dropped():
        return json.loads(console.command("nic list --json")[0])[1]["receive_dropped"]

    for size in (60, 64, 1514):
        before = dropped()
        row = bench("--count 3000 --size %d nic0 nic1" % size)
        assert (row["size"], row["sent"]) == (size, 3000)
        assert 0 < row["received"] <= 3000
        assert row["received"] == 3000 or (
            model == "e1000" and row["received"] + dropped() - before >= 3000)
        assert row["bytes_per_second"] >= row["frames_per_second"] * size > 0
    # So few find room, and there are no more, on whatever VP they end.
    for nics in ("nic0 nic1", "nic1 nic0"):
        row = bench("--count 100 " + nics)
        assert (row["sent"], row["received"]) == (100, 100)
    lines = dict(line.split() for line in console.command("nic bench --seconds 1 nic1"))
    assert (lines["nic"], lines["size"]) == ("nic1", "1514") and int(lines["sent"]) > 100
    assert "receiver" not in lines
    console.sendline("nic bench --seconds 3600 nic0 nic1")
    console.send(CTRL_C)
    console.prompt()
    for nic in json.loads(console.command("nic list --json")[0]):
        assert nic["send_errors"] == nic["resets"] == 0


@on_all
def test_nothing_went_wrong(wires):
    """After all of it: no reset, no error but those that were meant."""
    for nic in wires.nics():
        assert nic["resets"] == nic["receive_errors"] == 0, nic
    if machines.emulator_of(wires.machine.name[4:]) == "bochs":
        assert not [line for line in wires.console.command("log root") if "nic" in line]
