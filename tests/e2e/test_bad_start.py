# SPDX-License-Identifier: MIT
"""Bad starts: one line on every console that says what is missing and what to do.

Then all processors stand still with interrupts off, and nothing is said any
more. What no emulator shows (switched off in firmware) are unit tests of
svm/caps.c and vmx/caps.c.
"""
import struct

import pytest

import machine as machines
import screens

ROOT_ELF = machines.BUILD + "/rootpart.elf"
PT_LOAD, PT_NOTE = 1, 4

NO_SVM = ("this processor has no AMD-V (SVM): choose another machine, "
          "or if it is a virtual one, give it AMD-V")
NO_NPT = ("this processor's AMD-V has no nested paging: choose another machine, "
          "or if it is a virtual one, give it nested paging")
NO_VMX = ("this processor has no VT-x (hardware virtualization): "
          "use an Intel processor with VT-x and EPT, or an AMD processor with AMD-V")
NO_EPT = ("this processor has no EPT (nested paging): "
          "use an Intel processor of the Westmere generation (2010) or later")
NO_UNRESTRICTED = ("this processor has no unrestricted guest mode: "
                   "use an Intel processor of the Westmere generation (2010) or later")
NO_LONG_MODE = "this processor has no 64-bit mode (long mode); choose a 64-bit machine"
NO_NX = "this processor has no NX bit, or the firmware hides it: switch it on in the setup"
NO_ACPI = "no ACPI: the firmware gives no tables; switch ACPI on in its setup"
NO_ROOT = ('no root module: add the line "module2 /boot/rootpart.elf rootpart.elf" '
           "to GRUB's menu entry")
TOO_LITTLE = "too little memory: %d MiB; give the machine at least 96 MiB"
DAMAGED = "damaged root module: %s; rebuild rootpart.elf, or copy it again"
ARCHIVE_TOO_LARGE = "boot archive is larger than 8 MiB: move files to a module extra*.cpio"

SVM, UEFI, SMP, VMX = "svm-smp1-bios", "svm-smp1-uefi", "svm-smp2-bios", "vmx-smp1"


def check_refusal(machine, text):
    """The line on COM1, port 0xE9 and the screen, once; then peace."""
    line = "error: " + text
    before = machine.console.expect(r"error: [^\r\n]*\r\n") and machine.console.text_before()
    assert machine.console.child.after.decode() == line + "\r\n"
    assert "panic" not in before and "fatal" not in before
    machine.wait_at_rest()
    assert machine.console.rest() == ""
    said = machine.debug_output()
    assert said.count("error:") == 1 and said.split("\n")[-2:] == [line, ""]
    if isinstance(machine, machines.QemuMachine):
        rows, shown = screens.rows_of(machine, [line]), screens.lines(machine)
        assert rows in [shown[i:i + len(rows)] for i in range(len(shown))], shown


HARDWARE = {
    "no-svm": (SVM, {"cpu": "max,-svm"}, NO_SVM),
    "no-svm-uefi": (UEFI, {"cpu": "max,-svm"}, NO_SVM),
    "no-npt": (SVM, {"cpu": "max,-npt"}, NO_NPT),
    "no-long-mode": (SVM, {"cpu": "max,-lm"}, NO_LONG_MODE),
    "no-nx": (SVM, {"cpu": "max,-nx"}, NO_NX),
    "no-acpi": (SVM, {"extra": ("-M", "pc,acpi=off")}, NO_ACPI),
    "no-svm-on-second": (SMP, {"extra": (
        "-smp", "1,maxcpus=2,sockets=2",
        "-device", "max-x86_64-cpu,socket-id=1,core-id=0,thread-id=0,svm=off")},
        "processor 1 differs from the first: " + NO_SVM),
    "64M": (SMP, {"memory": "64M"}, TOO_LITTLE % 63),
    "16M": (SVM, {"memory": "16M"}, TOO_LITTLE % 15),
    "vmx-64M": (VMX, {"memory": "64M"}, TOO_LITTLE % 63),
    # Bochs' models of processors that lack one thing each.
    "vmx-no-vmx": (VMX, {"model": "p4_prescott_celeron_336"}, NO_VMX),
    "vmx-no-ept": (VMX, {"model": "core2_penryn_t9600"}, NO_EPT),
    "vmx-no-unrestricted": (VMX, {"model": "corei5_lynnfield_750"}, NO_UNRESTRICTED),
    "vmx-no-long-mode": (VMX, {"model": "p3_katmai"}, NO_LONG_MODE),
    "bochs-no-svm": (VMX, {"model": "athlon64_clawhammer"}, NO_SVM),
    "bochs-no-npt": (VMX, {"model": "turion64_tyler"}, NO_NPT),
}


@pytest.mark.parametrize("name, changes, text", HARDWARE.values(), ids=HARDWARE)
def test_machine_lacks(name, changes, text, boot):
    if machines.emulator_of(name) == "qemu":
        changes = dict(changes, extra=tuple(changes.get("extra", ())) + ("-no-reboot",))
    check_refusal(boot(name, **changes), text)


def program_headers(elf):
    """Offsets of the program headers, by type."""
    at, = struct.unpack_from("<Q", elf, 32)
    size, count = struct.unpack_from("<HH", elf, 54)
    headers = range(at, at + size * count, size)
    return {kind: [h for h in headers if struct.unpack_from("<I", elf, h)[0] == kind]
            for kind in (PT_LOAD, PT_NOTE)}


def changed(elf, offset, form, value):
    elf = bytearray(elf)
    struct.pack_into(form, elf, offset, value)
    return bytes(elf)


def overlapping(elf):
    """The second segment where the first one is."""
    first, second = program_headers(elf)[PT_LOAD][:2]
    return changed(elf, second + 24, "<Q", struct.unpack_from("<Q", elf, first + 24)[0])


def without_note(elf):
    note, = program_headers(elf)[PT_NOTE]
    return changed(elf, note, "<I", 0)


DAMAGES = {
    "empty": (lambda elf: b"", NO_ROOT),
    "cut-in-header": (lambda elf: elf[:40], DAMAGED % "not an ELF file"),
    "cut-in-half": (lambda elf: elf[:len(elf) // 3], DAMAGED % "segment beyond end of file"),
    "bad-magic": (lambda elf: b"\0" + elf[1:], DAMAGED % "not an ELF file"),
    "32-bit": (lambda elf: changed(elf, 4, "B", 1), DAMAGED % "not for 64-bit x86"),
    "segment-beyond-end": (
        lambda elf: changed(elf, program_headers(elf)[PT_LOAD][0] + 8, "<Q", 1 << 63),
        DAMAGED % "segment beyond end of file"),
    "overlapping": (overlapping, DAMAGED % "segments overlap"),
    "no-pvh-note": (without_note,
                    "damaged root module: no PVH entry note; rebuild rootpart.elf"),
}


def check_damage(name, damage, text, boot, make_iso, tmp_path):
    root = tmp_path / "rootpart.elf"
    with open(ROOT_ELF, "rb") as f:
        root.write_bytes(damage(f.read()))
    extra = {"extra": ("-no-reboot",)} if machines.emulator_of(name) == "qemu" else {}
    check_refusal(boot(name, make_iso(root=str(root)), **extra), text)


@pytest.mark.parametrize("damage, text", DAMAGES.values(), ids=DAMAGES)
def test_damaged_root(damage, text, boot, make_iso, tmp_path):
    check_damage(SMP, damage, text, boot, make_iso, tmp_path)


@pytest.mark.parametrize("name", [VMX])
def test_damaged_root_vmx(name, boot, make_iso, tmp_path):
    check_damage(name, *DAMAGES["cut-in-half"], boot, make_iso, tmp_path)


@pytest.mark.parametrize("name", [SMP, UEFI, VMX])
def test_no_root(name, boot, make_iso):
    check_refusal(boot(name, make_iso(root=False)), NO_ROOT)


def test_large_archive(boot, make_iso, tmp_path):
    archive = tmp_path / "boot.cpio"
    archive.write_bytes(bytes((8 << 20) + 1))
    check_refusal(boot(SVM, make_iso(archive=str(archive))), ARCHIVE_TOO_LARGE)


NO_ARCHIVE = "boot: the loader gave no boot.cpio: /boot is empty"
BAD_ARCHIVES = {
    "missing": (None, NO_ARCHIVE),
    "empty": (b"", NO_ARCHIVE),
    "garbage": (b"no archive at all" * 10,
                "boot: boot.cpio is damaged at byte 0: what follows is missing"),
}


@pytest.mark.parametrize("content, text", BAD_ARCHIVES.values(), ids=BAD_ARCHIVES)
def test_bad_archive_is_told(content, text, boot, make_iso, tmp_path):
    """The root says so and goes on without."""
    archive = False
    if content is not None:
        archive = tmp_path / "boot.cpio"
        archive.write_bytes(content)
    console = boot(SVM, make_iso(archive=archive and str(archive))).console
    assert text in console.prompt()
    assert text in console.command("log root")
    assert console.command("ls /boot") == []


OPTIONS = {
    "loglevel=loud": "options: loglevel= takes error, warn, info or debug; it stays at info",
    "console=serial": "options: console= takes com1, vga and e9, with commas between; "
                      "all are used",
    "console=com1,vga1": "options: console= takes com1, vga and e9, with commas between; "
                         "all are used",
    "test-fault=nothing": "options: test-fault= takes page, write, exec, gp, ud, stack, assert, "
                          "df or nmi; there is none",
}


@pytest.mark.parametrize("cmdline", OPTIONS)
def test_unknown_option_values_are_told(cmdline, boot, make_iso):
    machine = boot(SVM, make_iso(cmdline=cmdline))
    machine.console.prompt()
    assert OPTIONS[cmdline] in machine.debug_output().split("\n")
    assert OPTIONS[cmdline] in machine.console.command("log hypervisor")


# Tables that GRUB leaves out of the firmware's -> what is told.
NO_TABLE = {
    "APIC": "ACPI: APIC: not there; switch ACPI on in the firmware's setup, or update the firmware",
    "HPET,FACP": "no timer to calibrate by: neither HPET nor ACPI PM timer; "
                 "switch the HPET on in the firmware's setup",
}


@pytest.mark.parametrize("without", NO_TABLE)
def test_acpi_without_a_table(without, boot, make_iso):
    check_refusal(boot(SVM, make_iso(acpi=(without, []))), NO_TABLE[without])


@pytest.mark.parametrize("without", ["HPET", "FACP", "MCFG"])
def test_tables_that_are_not_needed(without, boot, make_iso):
    boot(SVM, make_iso(acpi=(without, []))).console.prompt()
