# SPDX-License-Identifier: MIT
"""Emulated machines for the end-to-end tests.

A Machine is one emulator process with its COM1 as a Console: expect(),
sendline(), prompt() and command(). Everything that COM1 says goes to
build/test-logs/NAME.log, port 0xE9 to NAME.e9, the emulator's own messages
to NAME.emulator or NAME.bochs. The emulator dies with its
`with` block, and with pytest itself. No wait is unbounded.
"""
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import pexpect
import pexpect.fdpexpect

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
import emulators  # noqa: E402

BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
LOGS = BUILD + "/test-logs"
PROMPT = "root> "
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")

# Name of a machine -> what makes it. A name is also a test's parameter.
MACHINES = {
    "svm-smp%d-%s" % (smp, firmware): {"kind": "svm", "smp": smp, "uefi": firmware == "uefi"}
    for smp in (1, 2, 4) for firmware in ("bios", "uefi")
}
# Their processors are really parallel: for whatever restores no FPUs.
for smp in (2, 4):
    MACHINES["svm-parallel%d-bios" % smp] = dict(MACHINES["svm-smp%d-bios" % smp], parallel=True)
# One TSC tick is one instruction: the same figures on any host.
DETERMINISTIC = ["-icount", "shift=0,sleep=off", "-rtc",
                 "base=2026-01-01T00:00:00,clock=vm", "-seed", "1"]
MACHINES["svm-det-smp1"] = dict(MACHINES["svm-smp1-bios"], cpu="max,-rdrand", memory="512M",
                                extra=DETERMINISTIC)
MACHINES["vmx-smp1"] = {"kind": "vmx", "smp": 1}
MACHINES["vmx-smp2"] = {"kind": "vmx", "smp": 2}
MACHINES["ryzen-smp1"] = {"kind": "ryzen", "smp": 1}
if emulators.hardware_can_nest():
    MACHINES["kvm-smp2-bios"] = {"kind": "kvm", "smp": 2}

# Those that the shipped image is tried on.
SHIPPED_ON = [name for name in MACHINES if name != "svm-det-smp1"]
# An older board: PCI without memory-mapped configuration, and a PIIX3.
MACHINES["svm-pc-smp1"] = dict(MACHINES["svm-smp1-bios"], extra=["-M", "pc"])

# Seconds that one step may take on a loaded host, by emulator.
PATIENCE = {"qemu": 60, "bochs": 180}
live = []


def emulator_of(name):
    """The group of a machine, for --emulator: qemu or bochs."""
    return "bochs" if MACHINES[name]["kind"] in emulators.BOCHS_MODELS else "qemu"


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Console:
    """COM1 as a person sees it."""

    def __init__(self, sock, log, patience):
        self.patience = patience
        self.socket = sock
        self.log = open(log, "wb")
        self.child = pexpect.fdpexpect.fdspawn(sock, timeout=patience)
        self.child.logfile_read = self.log

    def text_before(self):
        return self.child.before.decode(errors="replace")

    def expect(self, pattern, timeout=None):
        """Waits for a regular expression; returns its match object."""
        self.child.expect(pattern.encode(), timeout=timeout or self.patience)
        return self.child.match

    def expect_exact(self, text, timeout=None):
        self.child.expect_exact(text.encode(), timeout=timeout or self.patience)

    def send(self, text):
        self.child.send(text.encode())

    def sendline(self, text=""):
        self.send(text + "\r")

    def prompt(self, timeout=None):
        """Waits for the next prompt; returns the lines before it."""
        self.expect_exact(PROMPT, timeout)
        return lines_of(self.text_before())

    def command(self, line, timeout=None):
        """Types a line; returns the lines printed between its echo and the prompt."""
        self.sendline(line)
        self.expect_exact(line + "\r\n", timeout)
        # An empty output leaves the prompt right behind the echo.
        self.expect("(^|\n)" + re.escape(PROMPT), timeout)
        return lines_of(self.text_before())

    def wait_for_end(self, timeout=None):
        """Waits until the emulator closes COM1; returns what it still said."""
        self.child.expect(pexpect.EOF, timeout=timeout or self.patience)
        return self.text_before()

    def heard(self, lines, text):
        """Waits for a line of the log that is shown as it comes: among an answer's lines, or behind."""
        if not any(text in line for line in lines):
            self.expect(re.escape(text) + r"[^\r\n]*\r\n")

    def root_log(self):
        """The root's log as a list. What it says just now may stand before it, too."""
        return json.loads(self.command("log --json root")[-1])["root"]["lines"]

    def rest(self):
        """What has arrived and was not expected yet; waits for nothing."""
        try:
            while True:
                self.child.buffer += self.child.read_nonblocking(4096, timeout=0)
        except (pexpect.TIMEOUT, pexpect.EOF):
            return self.child.buffer.decode(errors="replace")

    def close(self):
        self.socket.close()
        self.log.close()


def lines_of(text):
    lines = [line.rstrip("\r") for line in text.split("\n")]
    return lines[:-1] if lines and lines[-1] == "" else lines


class Machine:
    """One emulator. Subclasses say how it is started and how COM1 is reached."""

    patience = 0

    def __init__(self, name, iso, **options):
        self.name = name
        self.iso = iso
        self.options = options
        self.process = None
        self.console = None
        self.used = 0.0
        self.work = tempfile.mkdtemp(prefix="verdigris-e2e-")
        os.makedirs(LOGS, exist_ok=True)
        self.e9_log = "%s/%s.e9" % (LOGS, name)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.kill()
            raise

    def __exit__(self, *_):
        self.kill()

    def launch(self, command, output):
        with open(output, "wb") as f:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=f,
                                            stderr=subprocess.STDOUT,
                                            preexec_fn=die_with_parent)
        live.append(self)

    def connect(self, family, address):
        deadline = time.monotonic() + self.patience
        while True:
            if self.process.poll() is not None:
                raise RuntimeError("%s: the emulator ended before COM1 was there" % self.name)
            sock = socket.socket(family)
            try:
                sock.connect(address)
                return sock
            except (ConnectionRefusedError, FileNotFoundError):
                sock.close()
            if time.monotonic() > deadline:
                raise RuntimeError("%s: COM1 did not open" % self.name)
            time.sleep(0.02)

    def open_console(self, family, address):
        self.console = Console(self.connect(family, address), "%s/%s.log" % (LOGS, self.name),
                               self.patience)
        return self.console

    def cpu_seconds(self):
        """Processor time of the emulator while it lives."""
        try:
            with open("/proc/%d/stat" % self.process.pid) as f:
                fields = f.read().rsplit(")", 1)[1].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

    def wait_exit(self, timeout=None):
        """Waits for the emulator to end by itself; returns its exit status."""
        return self.process.wait(timeout or self.patience)

    def debug_output(self):
        """What port 0xE9 said so far."""
        with open(self.e9_log, errors="replace") as f:
            return f.read()

    def processors_at_rest(self):
        """How many processors are halted with interrupts off."""
        raise NotImplementedError

    def wait_at_rest(self):
        """Waits until all processors halt for good: then nothing is said any more."""
        deadline = time.monotonic() + self.patience
        while self.processors_at_rest() < self.options.get("smp", 1):
            if self.process.poll() is not None:
                raise RuntimeError("%s: the emulator ended" % self.name)
            if time.monotonic() > deadline:
                raise RuntimeError("%s: its processors do not halt" % self.name)
            time.sleep(0.02)

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        if self in live:
            live.remove(self)
        if self.console:
            self.console.close()
        shutil.rmtree(self.work, ignore_errors=True)


class QemuMachine(Machine):
    """Has a monitor, too: keys, NMIs, and what the screen shows."""

    patience = PATIENCE["qemu"]

    def start(self):
        com1, monitor = self.work + "/com1", self.work + "/monitor"
        command = emulators.qemu_command(self.iso, **self.options)
        command += ["-display", "none", "-debugcon", "file:" + self.e9_log,
                    "-monitor", "unix:%s,server=on,wait=off" % monitor,
                    "-serial", "unix:%s,server=on,wait=on" % com1]
        self.launch(command, "%s/%s.emulator" % (LOGS, self.name))
        self.open_console(socket.AF_UNIX, com1)
        self.monitor_socket = self.connect(socket.AF_UNIX, monitor)
        self.monitor_child = pexpect.fdpexpect.fdspawn(self.monitor_socket,
                                                       timeout=self.patience)
        self.monitor_child.expect_exact(b"(qemu) ")
        return self

    def monitor(self, line):
        """One command of QEMU's monitor (sendkey a, nmi, …); returns its output."""
        self.monitor_child.send(line.encode() + b"\n")
        self.monitor_child.expect_exact(b"(qemu) ")
        return self.monitor_child.before.decode(errors="replace")

    def halts(self):
        """Per processor: whether it is halted, and whether interrupts are on."""
        text = self.monitor("info registers -a")
        flags = [int(value, 16) for value in re.findall(r"(?:RFL|EFL)=([0-9a-f]+)", text)]
        return [(halted == "1", bool(flag & 0x200))
                for halted, flag in zip(re.findall(r"HLT=(\d)", text), flags)]

    def processors_at_rest(self):
        return self.halts().count((True, False))

    def wait_idle(self):
        """Waits until all processors halt and wait for interrupts, for some looks."""
        deadline = time.monotonic() + self.patience
        looks = 0
        while looks < 5:
            idle = all(halted and interruptible for halted, interruptible in self.halts())
            looks = looks + 1 if idle else 0
            if time.monotonic() > deadline:
                raise RuntimeError("%s: it is never idle" % self.name)
            time.sleep(0.02)

    def type_keys(self, text):
        """Types on the PS/2 keyboard: letters, digits, space and newline."""
        names = {" ": "spc", "\n": "ret", "-": "minus"}
        for character in text:
            self.monitor("sendkey " + names.get(character, character))

    def text_screen(self):
        """The 25 lines of the VGA text screen."""
        path = self.work + "/vga"
        self.monitor('pmemsave 0xb8000 4000 "%s"' % path)
        with open(path, "rb") as f:
            cells = f.read()[::2].decode("cp437")
        return [cells[i:i + 80].rstrip(" \0") for i in range(0, 2000, 80)]

    def picture(self):
        """The screen in pixels: (width, height, RGB bytes)."""
        path = self.work + "/screen.ppm"
        self.monitor('screendump "%s"' % path)
        with open(path, "rb") as f:
            _, size, _, pixels = f.read().split(b"\n", 3)
        width, height = map(int, size.split())
        return width, height, pixels

    def kill(self):
        super().kill()
        if hasattr(self, "monitor_socket"):
            self.monitor_socket.close()


class BochsMachine(Machine):
    """Its standard output is port 0xE9, between the emulator's own lines."""

    patience = PATIENCE["bochs"]

    def start(self):
        with socket.socket() as s:
            s.bind(("localhost", 0))
            port = s.getsockname()[1]
        self.bochs_log = "%s/%s.bochs" % (LOGS, self.name)
        command = emulators.bochs_command(self.work, self.iso, port, log=self.bochs_log,
                                           **self.options)
        self.launch(command, self.e9_log)
        self.open_console(socket.AF_INET, ("localhost", port))
        return self

    def processors_at_rest(self):
        """By its own log. Its BIOS leaves all but the first one so, too."""
        with open(self.bochs_log, errors="replace") as f:
            halts = re.findall(r"\[CPU(\d+) *\] WARNING: HLT instruction with IF=0", f.read())
        return sum(halts.count(cpu) > (cpu != "0") for cpu in set(halts))


def machine(name, iso, log=None, **changes):
    """An unstarted machine of this name. changes: memory, cpu, model, usb, extra…"""
    if not os.path.exists(iso):
        raise FileNotFoundError(iso)
    options = dict(MACHINES[name], **changes)
    options["extra"] = MACHINES[name].get("extra", []) + list(changes.get("extra", []))
    if options["kind"] in emulators.BOCHS_MODELS:
        options.pop("uefi", None)
        return BochsMachine(log or name, iso, **options)
    return QemuMachine(log or name, iso, **options)
