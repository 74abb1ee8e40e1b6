# SPDX-License-Identifier: MIT
"""Machines and media that Verdigris cannot start from.

Each gets one line that says what is missing and what to do, on COM1, on port
0xE9 and on the screen, and then a halt: no restart, no further output.
"""
import os
import re

import pytest

import machine as machines

QEMU, BOCHS = "svm-smp1-bios", "vmx-smp1"
BOTH = pytest.mark.parametrize("name", [QEMU, BOCHS])


def one_line(machine, pattern):
    """Waits for the error line, compares the consoles, and sees that it halts."""
    machine.console.expect(r"(error: [^\r\n]*)\r\n")
    line = machine.console.child.match.group(1).decode()
    assert re.search(pattern, line), line
    machine.wait_until_halted()
    assert machine.console.rest() == ""
    assert machine.debug_output().count(line) == 1
    if isinstance(machine, machines.QemuMachine) and not machine.options["uefi"]:
        # On the screen a long line goes on in the next row.
        assert line in "".join(row.ljust(80) for row in machine.text_screen())


@pytest.mark.parametrize("cpu, pattern", [
    ("max,-svm", "no AMD-V.*choose another machine"),
    ("max,-npt", "no nested paging.*choose another machine"),
    ("max,-nx", "no NX bit.*switch it on"),
    ("max,-lm", "no 64-bit mode.*choose a 64-bit machine"),
])
def test_qemu_processor(cpu, pattern, boot):
    one_line(boot(QEMU, cpu=cpu), pattern)


@pytest.mark.parametrize("name, model, pattern", [
    ("vmx-smp1", "p4_prescott_celeron_336", "no VT-x.*use an Intel processor with"),
    ("vmx-smp1", "core2_penryn_t9600", "no EPT.*use an Intel processor of"),
    ("vmx-smp1", "p4_willamette", "no 64-bit mode.*choose a 64-bit machine"),
    ("ryzen-smp1", "athlon64_clawhammer", "no AMD-V.*choose another machine"),
    ("ryzen-smp1", "turion64_tyler", "no nested paging.*choose another machine"),
])
def test_bochs_processor(name, model, pattern, boot):
    one_line(boot(name, model=model), pattern)


@BOTH
def test_too_little_memory(name, boot):
    one_line(boot(name, memory="64M"), r"too little memory: \d+ MiB.*at least \d+ MiB")


def test_no_acpi(boot):
    """Under UEFI: where QEMU gives no tables, SeaBIOS makes its own."""
    one_line(boot("svm-smp1-uefi", extra=["-machine", "acpi=off"]), "no usable ACPI.*switch ACPI on")


@BOTH
def test_no_root_module(name, boot, make_iso):
    one_line(boot(name, make_iso(root=False)), "no root module.*module2")


def not_an_elf(image):
    return b"this is no kernel\n" * 100


def cut_short(image):
    return image[:len(image) // 2]


def another_machine(image):
    return image[:18] + b"\x28\x00" + image[20:]  # e_machine: ARM


def headers_far_away(image):
    return image[:32] + b"\xff" * 7 + b"\x7f" + image[40:]  # e_phoff


def empty(image):
    return image[:1]


@pytest.mark.parametrize("name, damage", [
    pytest.param(name, damage, id="%s-%s" % (damage.__name__, name))
    for damage in (not_an_elf, cut_short, another_machine, headers_far_away, empty)
    for name in ([QEMU, BOCHS] if damage is cut_short else [QEMU])
])
def test_damaged_root(name, damage, boot, make_iso, tmp_path):
    with open(machines.BUILD + "/rootpart.elf", "rb") as f:
        image = f.read()
    damaged = os.path.join(tmp_path, "rootpart.elf")
    with open(damaged, "wb") as f:
        f.write(damage(image))
    one_line(boot(name, make_iso(root=damaged)), "damaged root module: .*rebuild rootpart.elf")


def test_archive_too_large(boot, make_iso, tmp_path):
    archive = os.path.join(tmp_path, "boot.cpio")
    with open(archive, "wb") as f:
        f.write(b"070701" + bytes(9 << 20))
    one_line(boot(QEMU, make_iso(archive=archive)), "boot archive.*8 MiB")
