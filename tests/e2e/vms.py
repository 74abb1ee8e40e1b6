# SPDX-License-Identifier: MIT
"""A machine that runs VMs, asked and told through its CLI as a person would.

Host.run() gives what a command prints; ok() wants it to print nothing, error()
one line `error: …`, json() one document. Log lines of VMs, which may come at
any time, are left out. What the CLI says about a VM's console is in console(),
which leaves by Ctrl-] whatever happens.
"""
import contextlib
import glob
import json
import os
import re
import sys
import time

import machine as machines

sys.path.insert(0, os.path.join(machines.ROOT, "tools"))
import mkcpio  # noqa: E402

LEAVE = "\x1d"
VOLATILE = "note: no VMSTORE volume, VMs are lost at power-off"
LOG_LINE = re.compile(r"vm: \S+: ")


def kernels():
    """All test kernels."""
    return sorted(glob.glob(machines.BUILD + "/guest/*.elf"))


def archive(name, files):
    """A cpio archive in build/ of archive path -> path of a file, or bytes."""
    path = "%s/test-%s.cpio" % (machines.BUILD, name)
    entries = {where: (mkcpio.FILE, what) if isinstance(what, bytes) else mkcpio.read_file(what)
               for where, what in files.items()}
    # Two test groups may make the same one at once.
    part = "%s.%d" % (path, os.getpid())
    with open(part, "wb") as f:
        f.write(mkcpio.archive(entries))
    os.replace(part, path)
    return path


class Host:
    def __init__(self, machine, warm=True, store=False):
        """warm: act.elf is there, and memory will be counted; store: there is a volume for VMs."""
        self.machine = machine
        self.created = [] if store else [VOLATILE]
        self.console = machine.console
        self.ends = 0
        self.processors = machine.options.get("smp", 1)
        self.vmx = machine.options["kind"] == "vmx"
        self.console.prompt()
        if warm:
            self.warm_up()

    def warm_up(self):
        """What the root keeps for later (discs' files, stacks, pages of its heap) it has after this."""
        self.wait_for(lambda: self.json("volume list --json"),
                      lambda volumes: all(v["state"] != "looking" for v in volumes))
        for name in "abcd":
            self.start(name, "cpus", "--memory 8M --cpus 4")
        for name in "abcd":
            self.see(name, r"cpus \d")
        self.clear()

    def run(self, line, timeout=None):
        lines = self.console.command(line, timeout)
        if lines and LOG_LINE.match(lines[-1]):
            lines += self.rest_of(line)
        return [text for text in lines if not LOG_LINE.match(text)]

    def rest_of(self, line):
        """What a command still says if a log line came between its typing and its Enter.

        Then the prompt and what was typed stood there twice, and the second
        prompt was not that of the command's end. One more command tells. With every
        further log line they stand there once more, or in front of it what was typed by then.
        """
        self.ends += 1
        end = "end of command %d" % self.ends
        self.console.sendline("echo " + end)
        self.console.expect("(^|\n)" + re.escape(end + "\r\n" + machines.PROMPT))
        said = machines.lines_of(self.console.text_before())
        typed = (line, machines.PROMPT + line)
        begun = (machines.PROMPT + line, "echo " + end, machines.PROMPT + "echo " + end)
        return [text for text, behind in zip(said, said[1:] + [""])
                if text not in typed and not text.endswith("echo " + end)
                and not (text and LOG_LINE.match(behind)
                         and any(whole.startswith(text) for whole in begun))]

    def ok(self, line, timeout=None):
        lines = self.run(line, timeout)
        assert lines == [], (line, lines)

    def error(self, line):
        """The text behind `error: ` of a command that must fail."""
        lines = self.run(line)
        assert len(lines) == 1 and lines[0].startswith("error: "), (line, lines)
        return lines[0][len("error: "):]

    def json(self, line):
        lines = self.run(line)
        assert len(lines) == 1, (line, lines)
        return json.loads(lines[0])

    def create(self, name, act="", options="--memory 8M", kernel="/boot/extra/act.elf"):
        """A VM of tests/guest/act.c, which does @act, or of another kernel."""
        line = "vm create %s --kernel %s %s" % (name, kernel, options)
        if act:
            line += " --cmdline " + act
        lines = self.run(line)
        assert lines == self.created, lines

    def start(self, name, act="", options="--memory 8M", kernel="/boot/extra/act.elf"):
        self.create(name, act, options, kernel)
        self.ok("vm start " + name)

    def show(self, name):
        return self.json("vm show --json " + name)

    def states(self):
        return {vm["name"]: vm["state"] for vm in self.json("vm list --json")}

    def memory_free(self):
        return self.json("host --json")["memory_free"]

    def run_time(self, name):
        """Seconds that the VM's processors ran."""
        return sum(vp["run"] for vp in self.json("vm stats --json " + name)["vps"])

    def wait_for(self, what, good):
        """Asks @what() until good(answer); each question is a command to the CLI."""
        deadline = time.monotonic() + self.console.patience
        while True:
            answer = what()
            if good(answer):
                return answer
            assert time.monotonic() < deadline, answer

    def wait_state(self, name, state):
        self.wait_for(lambda: self.states()[name], lambda now: now == state)
        return self.show(name)

    @contextlib.contextmanager
    def at_console(self, name):
        """Within the block, what is typed goes to the VM; Ctrl-] ends it."""
        self.console.sendline("vm console " + name)
        self.console.expect_exact("Ctrl-] leaves it\r\n")
        yield self.console
        self.console.send(LEAVE)
        self.console.prompt()

    def see(self, name, pattern):
        """Looks at the VM's console until it says @pattern; the match."""
        with self.at_console(name) as console:
            return console.expect(pattern)

    def console_to_end(self, name, timeout=None):
        """All that the VM says until it is off: (lines, the CLI's last note)."""
        self.console.sendline("vm console " + name)
        self.console.expect_exact("Ctrl-] leaves it\r\n")
        self.console.expect(r"(?:^|\n)note: %s (is|has) ([^\r\n]*)\r\n" % name, timeout)
        note = b" ".join(self.console.child.match.groups()).decode()
        lines = machines.lines_of(self.console.text_before())
        self.console.prompt()
        return lines, note

    def clear(self):
        """Ends and deletes all VMs."""
        for name, state in self.states().items():
            if state not in ("off", "failed"):
                self.ok("vm kill " + name)
            self.ok("vm delete " + name)
