# SPDX-License-Identifier: MIT
"""pci list, on machines whose devices are known: what QEMU says of itself, and Bochs' own."""
import json
import re

import pytest

DEVICES = [
    "-device", "nvme,serial=one,addr=5", "-device", "e1000,addr=6.0,multifunction=on",
    "-device", "e1000,addr=6.3", "-device", "virtio-net-pci,addr=7",
    "-device", "pci-bridge,id=bridge,chassis_nr=9,addr=8",
    "-device", "e1000,bus=bridge,addr=3", "-device", "pci-bridge,id=below,chassis_nr=10,"
    "bus=bridge,addr=4", "-device", "e1000,bus=below,addr=1f"]
EXPRESS = [
    "-device", "pcie-root-port,id=link,chassis=1,addr=9", "-device", "e1000e,bus=link",
    "-device", "pcie-root-port,id=unused,chassis=2,addr=a"]
COLUMNS = ["address", "id", "driver", "interrupt", "vectors", "class"]


def listed(console):
    """The documents of pci list --json, by address; and the table says the same."""
    lines = console.command("pci list")
    devices = json.loads(console.command("pci list --json")[0])
    assert lines[0].split() == COLUMNS
    assert len(lines) == len(devices) + 1
    for line, device in zip(lines[1:], devices):
        words = [str("-" if device[key] is None else device[key]) for key in COLUMNS]
        assert line.split() == " ".join(words).split()
        assert list(device) == ["address", "id", "driver", "interrupt", "vectors", "class"]
    assert [d["address"] for d in devices] == sorted(d["address"] for d in devices)
    return {device["address"]: device for device in devices}


def shown_by_qemu(machine):
    """Address -> vendor and device of all functions, from `info pci`."""
    found = {}
    for line in machine.monitor("info pci").splitlines():
        place = re.search(r"Bus +(\d+), device +(\d+), function (\d+):", line)
        if place:
            address = "0000:%02x:%02x.%d" % tuple(int(number) for number in place.groups())
        name = re.search(r"PCI device ([0-9a-f]{4}:[0-9a-f]{4})", line)
        if name:
            found[address] = name.group(1)
    return found


@pytest.mark.parametrize("name,chipset", [
    ("svm-smp2-bios", "q35"), ("svm-smp1-uefi", "q35"), ("svm-smp1-bios", "pc")])
def test_all_functions_are_found(name, chipset, boot):
    """Several functions, bridges behind bridges, links; by MCFG and by ports."""
    extra = ["-M", chipset] + DEVICES + (EXPRESS if chipset == "q35" else [])
    machine = boot(name, extra=extra)
    machine.console.prompt()
    devices = listed(machine.console)
    shown = shown_by_qemu(machine)
    assert {address: d["id"] for address, d in devices.items()} == shown
    assert sum(d["id"] == "8086:100e" for d in devices.values()) == 4
    by_id = {d["id"]: d for d in devices.values()}
    nvme = by_id["1b36:0010"]
    assert (nvme["driver"], nvme["interrupt"], nvme["class"]) == (
        "nvme", "msi-x", "NVMe controller")
    assert nvme["vectors"] == 65
    e1000 = by_id["8086:100e"]
    assert (e1000["interrupt"], e1000["vectors"], e1000["class"]) == (
        "intx", 1, "Ethernet controller")
    assert by_id["1af4:1000"]["interrupt"] == "msi-x"
    bridge = next(d for d in devices.values() if d["class"] == "host bridge")
    assert (bridge["address"], bridge["driver"], bridge["vectors"]) == ("0000:00:00.0", None, 0)
    if chipset == "q35":
        assert by_id["8086:2922"]["class"] == "AHCI controller"
        assert by_id["8086:2922"]["interrupt"] == "msi"
        assert by_id["8086:10d3"]["interrupt"] == "msi-x"
        assert not by_id["8086:10d3"]["address"].startswith("0000:00:")


def test_bochs(boot):
    """PIIX3 and its relatives, by ports; the NIC has a pin only."""
    machine = boot("vmx-smp1", extra=[
        "pci: enabled=1, chipset=i440fx, slot1=e1000",
        "e1000: card=0, enabled=1, mac=52:54:00:12:34:56, ethmod=socket, ethdev=41870"])
    machine.console.prompt()
    devices = listed(machine.console)
    assert {address: (d["id"], d["class"], d["interrupt"]) for address, d in devices.items()} == {
        "0000:00:00.0": ("8086:1237", "host bridge", None),
        "0000:00:01.0": ("8086:7000", "ISA bridge", None),
        "0000:00:01.1": ("8086:7010", "IDE controller", None),
        "0000:00:01.2": ("8086:7020", "USB controller, UHCI", "intx"),
        "0000:00:01.3": ("8086:7113", "bridge", "intx"),
        "0000:00:02.0": ("8086:100e", "Ethernet controller", "intx"),
    }


def test_wrong_words(boot):
    console = boot("svm-smp1-bios").console
    console.prompt()
    assert console.command("pci list now") == [
        'error: pci list: too many words: "now"; usage: pci list [--json]']
    assert len(console.command("pci")) == 1
    assert console.command("help pci list")[0] == "usage: pci list [--json]"
