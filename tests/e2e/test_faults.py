# SPDX-License-Identifier: MIT
"""How the hypervisor and the root die: a report on every console, then all stands still.

Own faults are made by test-fault=, NMIs and machine checks by QEMU's monitor,
the root's triple fault by tests/guest/triple.c.
"""
import re

import pytest

import machine as machines
import screens

SVM, SVM2, UEFI = "svm-smp1-bios", "svm-parallel2-bios", "svm-smp1-uefi"
VMX, VMX2, RYZEN = "vmx-smp1", "vmx-smp2", "ryzen-smp1"
OWN_END = "fatal: the hypervisor has stopped; reset the machine"
ROOT_END = "fatal: the root partition has stopped; reset the machine"
REGISTERS = ("rip rflags error rax rbx rcx rdx rsi rdi rsp rbp r8 r9 r10 r11 r12 r13 r14 r15 cs "
             "cr0 cr2 cr3 cr4").split()
ROOT_REGISTERS = ["efer" if r == "error" else "cr8" if r == "cs" else r for r in REGISTERS]
FEW_REGISTERS = "rsp rbp rflags cr2 cr3 cr4".split()
NAMED = r"  [0-9a-f]{16} (\w+)\+0x[0-9a-f]+$"


class Report:
    """What is told from `log:` to the last line, taken apart."""

    def __init__(self, machine, end=OWN_END):
        console = machine.console
        console.expect_exact("\r\nlog:\r\n")
        console.expect_exact(end + "\r\n")
        lines = machines.lines_of(console.text_before() + end + "\n")
        machine.wait_at_rest()
        assert console.rest() == ""
        fatal = next(i for i, line in enumerate(lines) if line.startswith("fatal: "))
        trace = lines.index("backtrace:")
        root = next((i for i, line in enumerate(lines) if line.startswith("root partition: vp")),
                    len(lines) - 1)
        self.log, self.what, self.details = lines[:fatal], lines[fatal], lines[fatal + 1:trace]
        self.trace, self.root_trace = lines[trace + 1:root], lines[root + 1:-1]
        self.registers = {name: int(value, 16) for line in self.details
                          for name, value in re.findall(r"  (\w+) +([0-9a-f]{16})\b", line)
                          if " base " not in line}
        self.check_consoles(machine, lines)

    def check_consoles(self, machine, lines):
        """The log's tail is there, nothing is cut off, all consoles tell the same."""
        assert any(line.startswith("verdigris: hypervisor ") for line in self.log)
        assert any(line.startswith("root: ") for line in self.log)
        assert all(len(line) <= 80 for line in lines[len(self.log) + 1:]), lines
        said = machine.debug_output().split("\n")
        assert said[-len(lines) - 2:] == ["log:"] + lines + [""]
        if isinstance(machine, machines.QemuMachine):
            shown = [line for line in screens.lines(machine) if line]
            rows = screens.rows_of(machine, lines)[-20:]
            assert shown[-len(rows):] == rows, shown

    def names(self, trace=None):
        """The functions of a backtrace, innermost first; at least two have names."""
        lines = self.trace if trace is None else trace
        names = [match.group(1) for match in (re.match(NAMED, line) for line in lines) if match]
        assert len(names) >= 2, lines
        return names


# Kind -> what is told, and the functions that must be named, innermost first.
OWN = {
    "page": ("page fault: read of 0000000001234560, not mapped", ["fault_page"]),
    "write": ("page fault: write to ffffffff80000000, not allowed", ["fault_write"]),
    "exec": ("page fault: execution of ", []),
    "gp": ("general protection", ["fault_gp"]),
    "ud": ("invalid opcode", ["fault_ud"]),
    "stack": ("stack overrun", ["__stack_chk_fail", "fault_stack"]),
    "assert": ("assertion failed: sink > sink + 1 (hypervisor/test_fault.c:",
               ["assert_failed", "fault_assert"]),
    "df": ("double fault: stack overflow", ["deeper", "deeper", "fault_df"]),
    "nmi": ("non-maskable interrupt (NMI)", ["apic_send"]),
}


@pytest.mark.parametrize("kind", OWN)
@pytest.mark.parametrize("name", [SVM2, VMX])
def test_own_fault(name, kind, boot, make_iso):
    report = Report(boot(name, make_iso(cmdline="test-fault=" + kind)))
    what, names = OWN[kind]
    assert report.what.startswith("fatal: hypervisor: cpu0: " + what)
    assert report.names()[:len(names)] == names
    assert report.names()[-2:] == ["boot_late", "stack_switch"]
    assert list(report.registers) == (
        FEW_REGISTERS if kind in ("stack", "assert") else REGISTERS)
    if kind == "df":
        assert "  ... " in "".join(report.trace)
        assert report.registers["cr2"] < report.registers["rsp"] + 0x1000


@pytest.mark.parametrize("name", [SVM, UEFI, RYZEN])
def test_own_fault_elsewhere(name, boot, make_iso):
    report = Report(boot(name, make_iso(cmdline="test-fault=df")))
    assert report.what == "fatal: hypervisor: cpu0: double fault: stack overflow"


@pytest.mark.parametrize("name", [SVM, SVM2])
def test_nmi_while_idle(name, boot):
    machine = boot(name)
    machine.console.prompt()
    machine.wait_idle()
    machine.monitor("nmi")
    report = Report(machine)
    assert report.what == "fatal: hypervisor: cpu0: non-maskable interrupt (NMI)"
    assert list(report.registers) == REGISTERS
    assert "sched_loop" in report.names()
    assert report.names(report.root_trace)[0] == "task_idle_loop"
    others = [line for line in report.root_trace if line.startswith("root partition: vp1: ffff")]
    assert len(others) == (name == SVM2)


@pytest.mark.parametrize("name", [SVM, SVM2])
def test_nmi_while_busy(name, boot, make_iso):
    """The report says where the root was, too: here in a loop without exits."""
    machine = boot(name, make_iso(root=machines.BUILD + "/guest/spin.elf"))
    machine.console.expect_exact("spinning")
    machine.monitor("nmi")
    report = Report(machine)
    assert report.names()[0] == "svm_enter"
    assert "sched_loop" in report.names()
    assert report.names(report.root_trace)[0] == "spin"


def test_machine_check(boot):
    """Of the root's processors while they are idle: QEMU gives a busy one's to the root."""
    machine = boot(SVM)
    machine.console.prompt()
    machine.wait_idle()
    machine.monitor("mce 0 1 0xbe00000000000000 0x5 0x1234000 0x8c")
    report = Report(machine)
    assert report.what == "fatal: hypervisor: cpu0: machine check"
    assert report.details[:2] == [
        "  machine check status 0000000000000005",
        "  bank 1 status be00000000000000 address 1234000 misc 8c"]
    assert "sched_loop" in report.names()


@pytest.mark.parametrize("name", [SVM, SVM2, VMX, VMX2])
def test_triple_fault_of_the_root(name, boot, make_iso):
    changes = {"extra": ("-no-reboot",)} if machines.emulator_of(name) == "qemu" else {}
    machine = boot(name, make_iso(root=machines.BUILD + "/guest/triple.elf"), **changes)
    report = Report(machine, ROOT_END)
    assert report.what == "fatal: root partition: vp0: triple fault"
    assert list(report.registers) == ROOT_REGISTERS
    assert report.registers["cr0"] & 0x80000001 == 0x80000001
    assert "  idtr        base 0000000000000000 limit 00000000" in report.details
    assert report.names()[:3] == ["lose_all_handlers", "go_astray", "guest_main"]


def test_nothing_follows_a_prompt_on_its_line(boot):
    machine = boot(SVM)
    machine.console.prompt()
    machine.console.send("half a command")
    machine.console.expect_exact("half a command")
    machine.monitor("nmi")
    machine.console.expect(r"^\r\nlog:\r\n")


@pytest.mark.parametrize("consoles", ["com1", "vga", "e9", "vga,com1", "e9,vga,com1"])
def test_console_option_silences_the_others(consoles, boot, make_iso):
    machine = boot(SVM, make_iso(cmdline="console=%s test-fault=ud" % consoles))
    if "com1" in consoles:
        machine.console.expect_exact("verdigris: ")
        machine.console.expect_exact(OWN_END)
    machine.wait_at_rest()
    rest = machine.console.rest()
    assert rest == "\r\n" if "com1" in consoles else "verdigris" not in rest
    assert any(OWN_END == line for line in screens.lines(machine)) == ("vga" in consoles)
    assert (OWN_END in machine.debug_output()) == ("e9" in consoles)
    assert bool(machine.debug_output()) == ("e9" in consoles)


@pytest.mark.parametrize("level, shown, hidden", [
    ("error", [], ["verdigris: ", "root: "]), ("warn", [], ["verdigris: ", "root: "]),
    ("info", ["verdigris: ", "root: "], []), ("debug", ["verdigris: ", "root: "], [])])
def test_log_levels(level, shown, hidden, boot, make_iso):
    machine = boot(SVM, make_iso(cmdline="loglevel=" + level))
    said = "\n".join(machine.console.prompt())
    for text in shown:
        assert text in said and text in machine.debug_output()
    for text in hidden:
        assert text not in said and text not in machine.debug_output()
