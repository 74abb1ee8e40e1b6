# SPDX-License-Identifier: MIT
"""Debian's Linux as a VM, told what to do by its console.

Its first process, tests/linux/init, runs each line that is typed. sh() types
one and gives what it said. The console stays open between commands; what is
asked of the root leaves it, through `host`.
"""
import os
import re

import machine as machines
import mklinux
import vms

NAME = "linux"
OPTIONS = "--memory 256M --cpus %d --initrd /boot/extra/initrd"
CMDLINE = "console=ttyS0 quiet panic=-1 8250.nr_uarts=1"
HERE = r"init: Linux (\S+) on (\d+) processors\r\n"
PROGRAMS = ("clocks", "cpus", "sleeps", "vectors")
# For a child with disks: modules, which bring what they need, and programs besides fio.
DISK_MODULES = ("sd_mod", "hv_storvsc")
DISK_PROGRAMS = ("scsi",)
# Of warnings and worse, what is expected; see the file.
EXPECTED = machines.ROOT + "/tests/linux/expected_dmesg.txt"


def programs(names):
    """Files of an initrd."""
    return [("bin/" + name, "%s/linux/%s" % (machines.BUILD, name)) for name in names]


def iso_with(make_iso, name, flavour, modules, files):
    """A test ISO with that kernel and an initrd in /boot/extra."""
    kernel = mklinux.Kernel(flavour)
    # Two test groups may make the same one at once.
    initrd = "%s/linux/initrd-%s.%d" % (machines.BUILD, name, os.getpid())
    mklinux.initrd(initrd, kernel, modules, files)
    extra = vms.archive("linux-" + name, {"vmlinuz": kernel.path, "initrd": initrd})
    os.remove(initrd)
    return make_iso(extra=[(extra, "extra.cpio")])


def iso_of(make_iso, flavour):
    """For a Linux without devices of the bus."""
    return iso_with(make_iso, flavour, flavour, (), programs(PROGRAMS))


def disks_iso(make_iso, more=()):
    """For one that loads its drivers of the bus and of disks; more: programs."""
    return iso_with(make_iso, "disks", "cloud", DISK_MODULES,
                    programs([*DISK_PROGRAMS, *more]) + mklinux.fio())


# Where processors take turns on one of the host's, one may stand still for some ms.
TAKES_TURNS = re.compile(r"^hrtimer: interrupt took \d+ ns$")


def expected():
    """Regular expressions of the lines that may be there."""
    with open(EXPECTED) as f:
        lines = [line.rstrip("\n") for line in f]
    return [re.compile(line.split("  # ")[0]) for line in lines if line and line[0] != "#"]


class Linux:
    """The VM on one machine."""

    def __init__(self, machine, cpus=None, store=False):
        """cpus: None: as many as the machine has; store: the machine has a volume for VMs."""
        self._host = vms.Host(machine, warm=False, store=store)
        # A start takes longer than any other step.
        self.patience = 5 * machine.patience
        self.cpus = cpus or machine.options["smp"]
        self.turns = self.cpus > 1 and machine.options["kind"] == "svm"
        self.console = machine.console
        self.attached = False
        self.count = 0
        self.starts = 0
        self.release = None

    @property
    def host(self):
        """The root's CLI."""
        self.detach()
        return self._host

    def detach(self):
        if self.attached:
            self.console.send(vms.LEAVE)
            self.console.prompt()
            self.attached = False

    def attach(self):
        if not self.attached:
            self.console.sendline("vm console " + NAME)
            self.console.expect_exact("Ctrl-] leaves it\r\n")
            self.attached = True

    def create(self, cmdline=CMDLINE, options=""):
        self.host.create(NAME, '"%s"' % cmdline, OPTIONS % self.cpus + options,
                         "/boot/extra/vmlinuz")

    def start(self):
        self.host.ok("vm start " + NAME, self.patience)
        self.wait_for_init()

    def wait_for_init(self):
        """Looks at the console until /init is there, after a start or a reset."""
        self.starts += 1
        self.detach()
        self.attach()
        # What was said before a reset is shown, too.
        for _ in range(self.starts):
            match = self.console.expect(HERE, self.patience)
        self.release = match.group(1).decode()
        assert int(match.group(2)) == self.cpus

    def sh(self, line, timeout=None):
        """Lines that a command said; it must end with 0."""
        self.attach()
        self.count += 1
        self.console.sendline("echo begin %d; %s\necho end %d $?" % (
            self.count, line, self.count))
        self.console.expect(r"begin %d\r+\n" % self.count, timeout or self.patience)
        match = self.console.expect(r"(?:^|\n)end %d (\d+)\r+\n" % self.count,
                                    timeout or self.patience)
        lines = [text for text in machines.lines_of(self.console.text_before() + "\n")
                 if text and not vms.LOG_LINE.match(text)]
        assert match.group(1) == b"0", (line, lines)
        return lines

    def program(self, line, timeout=None):
        """A test program: its last line must be PASS; the lines before that."""
        lines = self.sh(line + " || true", timeout)
        assert lines and lines[-1] == "PASS " + line.split()[0], lines
        return lines[:-1]

    def warnings(self):
        """Lines of the kernel's log, warnings and worse, that nobody expects."""
        found, known_lines = [], expected()
        if self.turns:
            known_lines.append(TAKES_TURNS)
        for line in self.sh("dmesg -r | grep '^<[0-9]*[0-4]>\\|^<[0-9]*[89]>' || true"):
            level, text = re.match(r"<(\d+)>(.*)", line).groups()
            text = re.sub(r"^\[ *\d+\.\d+\] ", "", text)
            if int(level) & 7 <= 4 and not any(known.search(text) for known in known_lines):
                found.append(text)
        return found

    def time(self):
        """All clocks at once, in ns, and the TSC."""
        words = self.program("clocks 10")[-1].split()
        return dict(zip(words[1::2], map(int, words[2::2])))
