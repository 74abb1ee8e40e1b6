# SPDX-License-Identifier: MIT
"""NICs of the emulators, driven by the root: frames to a peer on the host and back.

Every byte of every frame is looked at on both ends (frames.py). Bochs has one NIC
with a pin; QEMU's e1000 has a pin too, its e1000e MSI-X.
"""
import json
import struct

import pytest

import frames
import machine as machines

MAC = "52:54:00:12:34:56"
# machine, the emulator's device
NICS = [("svm-smp2-bios", "e1000"), ("svm-smp2-bios", "e1000e"), ("svm-smp1-bios", "e1000-82545em"),
        ("vmx-smp1", "e1000"), ("ryzen-smp1", "e1000")]
CTRL_C = "\x03"
COMMAND_TIMEOUT = 300


def mac_bytes(text):
    return bytes(int(part, 16) for part in text.split(":"))


class Wire:
    """A machine with a NIC, and the peer at the other end."""

    def __init__(self, machine, peer):
        self.machine = machine
        self.console = machine.console
        self.peer = peer

    def nics(self):
        return json.loads(self.console.command("nic list --json")[0])

    def test(self, options, nic="nic0"):
        said = self.console.command("nic test --json %s %s" % (options, nic),
                                    timeout=COMMAND_TIMEOUT)
        assert len(said) == 1, said
        return json.loads(said[0])

    def send(self, options, count):
        """Has the root send frames, which the peer echoes: none is lost, all are right."""
        self.peer.echo_behind(COMMAND_TIMEOUT)
        said = self.test("--send %d %s" % (count, options))
        self.peer.pause()
        self.peer.check(count)
        assert (said["sent"], said["good"]) == (count, count), said
        assert said["bad"] == said["send_errors"] == said["dropped"] == 0, said
        return said

    def receive(self, sizes):
        """Sends frames to the root, which echoes them."""
        self.console.sendline("nic test --json --echo %d nic0" % len(sizes))
        self.peer.wait_ready(mac_bytes(MAC), COMMAND_TIMEOUT)
        self.peer.send(mac_bytes(MAC), sizes, COMMAND_TIMEOUT)
        said = json.loads(self.console.prompt(COMMAND_TIMEOUT)[-1])
        self.peer.check(len(sizes))
        assert said["bad"] == said["send_errors"] == said["dropped"] == 0, said


def nic_options(name, model, peer, mac=MAC, number=0):
    if machines.emulator_of(name) == "bochs":
        return ["pci: enabled=1, chipset=i440fx, slot1=e1000", peer.bochs(number, mac)]
    return peer.qemu(model, "n%d" % number, mac)


@pytest.fixture(scope="module")
def wire(request):
    name, model = request.param
    with frames.Peer() as peer:
        log = "net-%s-%s" % (name, model)
        with machines.machine(name, machines.BUILD + "/verdigris.iso", log,
                              extra=nic_options(name, model, peer)) as machine:
            machine.console.prompt()
            yield Wire(machine, peer)


on_all = pytest.mark.parametrize("wire", NICS, indirect=True, scope="module",
                                 ids=["-".join(nic) for nic in NICS])
