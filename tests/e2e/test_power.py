# SPDX-License-Identifier: MIT
"""How a machine ends or starts anew by the CLI; what test_cli.py leaves out."""
import struct

import pytest

PC = {"extra": ("-M", "pc", "-no-reboot")}
Q35 = {"extra": ("-no-reboot",)}


@pytest.mark.parametrize("name, changes", [
    ("svm-smp1-bios", PC), ("svm-parallel4-bios", Q35), ("svm-smp2-uefi", Q35)],
    ids=["pc", "q35", "q35-uefi"])
def test_poweroff_by_acpi(name, changes, boot):
    """QEMU ends with status 0 when the guest enters S5."""
    machine = boot(name, **changes)
    machine.console.prompt()
    machine.console.sendline("poweroff")
    assert machine.console.wait_for_end() == "poweroff\r\n"
    assert machine.wait_exit() == 0


@pytest.mark.parametrize("name", ["svm-smp2-bios", "svm-smp1-uefi"])
def test_poweroff_for_tests(name, boot, make_iso):
    """isa-debug-exit makes 3 of the 1 that `test-exit` writes."""
    machine = boot(name, make_iso(cmdline="test-exit"))
    machine.console.prompt()
    machine.console.sendline("poweroff")
    assert machine.wait_exit() == 3


@pytest.mark.parametrize("name, changes", [("svm-smp1-bios", {"extra": ("-M", "pc")}),
                                           ("svm-smp2-uefi", {})], ids=["pc", "q35-uefi"])
def test_reboot(name, changes, boot):
    console = boot(name, **changes).console
    console.prompt()
    console.sendline("reboot")
    console.expect("verdigris: hypervisor")
    console.prompt()
    assert console.command("echo again") == ["again"]


def test_reboot_is_a_reset(boot):
    """Which -no-reboot turns into QEMU's end."""
    machine = boot("svm-smp1-bios", **Q35)
    machine.console.prompt()
    machine.console.sendline("reboot")
    assert machine.wait_exit() == 0


def dsdt(body):
    """A DSDT with a right checksum."""
    table = bytearray(struct.pack("<4sIBB6s8sI4sI", b"DSDT", 36 + len(body), 2, 0, b"VERDIG",
                                  b"TEST    ", 1, b"TEST", 1) + body)
    table[9] = -sum(table) & 0xff
    return bytes(table)


def test_machine_that_cannot_switch_itself_off(boot, make_iso, tmp_path):
    """GRUB puts a DSDT without \\_S5_ in the place of the firmware's: a message and a halt."""
    (tmp_path / "dsdt.aml").write_bytes(dsdt(b""))
    machine = boot("svm-smp1-bios", make_iso(acpi=("DSDT", [str(tmp_path / "dsdt.aml")])), **Q35)
    machine.console.prompt()
    machine.console.sendline("poweroff")
    machine.console.expect_exact(
        "poweroff\r\npower: this machine cannot switch itself off "
        "(ACPI: _S5_: in no DSDT or SSDT); it is safe to do so now\r\n")
    machine.monitor("info status")
    assert machine.process.poll() is None
    assert machine.console.rest() == ""
