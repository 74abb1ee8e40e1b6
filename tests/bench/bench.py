#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Deterministic figures, compared with those kept in figures.json.

In QEMU's deterministic mode one TSC tick is one instruction, so two runs give
the same numbers on any host. Rows: `BENCH name value` lines of the guest
kernels tests/guest/bench*.c, Debian's Linux as a child to its init, what a request to
that child's disk costs, disks, files and NICs beside Linux on the same machine, what
VMBus' ring carries on the host, virtual time to the prompt, what an idle root does,
sizes. A row that is over its limit, or 3 % above the kept value, fails; of disks, the
child's too, files and NICs, which are not quite the same each time, only what is over its
limit. Kept values belong to one set of tools: with other versions only the limits count.
Sizes, rates, latencies, rows of Bochs ("vmx-"), of how busy an idle root is, of Linux's
exits by kind and of Linux alone ("native-") are shown and fail nothing. --no-vmx leaves
Bochs out, --no-linux the Linux child, --no-storvsc its disk, --no-devices disks and NICs,
--no-files files; --only=NAMES, a regular expression as "files", all whose names do not
begin so. --update keeps what was measured, here and in docs/performance.md. --runs=N
measures the deterministic rows N times, and fails where two runs differ, but for disks,
files and NICs.
"""
import glob
import json
import os
import re
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "tests", "e2e"), os.path.join(ROOT, "tools")]
os.chdir(ROOT)

import check_length  # noqa: E402
import device_rows  # noqa: E402
import file_rows  # noqa: E402
import host_rows  # noqa: E402
import linux_rows  # noqa: E402
import machine as machines  # noqa: E402
import mkcpio  # noqa: E402
import mkiso  # noqa: E402
import storvsc_rows  # noqa: E402
import tables  # noqa: E402

FIGURES = os.path.join(HERE, "figures.json")
TOLERANCE = 0.03
RESULT = r"(?:^|\n)(BENCH|DONE)(?: ([\w.-]+) (\d+))?\r?\n"
MEMORIES = ("512M", "1G", "16G")
IDLE_KINDS = {"hlt", "external interrupt", "interrupt window"}
VMX = "vmx-"
# Percentiles, which jump, and what depends on when QEMU's main loop got to a device:
# over their limits they fail, and by nothing else.
LIMITED = re.compile(r"wake-up-p99|disk-|files-(?!append|create)|nic-|storvsc-")
UNSTEADY = re.compile(r"disk-|files-|nic-|storvsc-")
# What an option leaves out.
LEFT_OUT = {"--no-vmx": r"vmx-", "--no-linux": r"linux-init-", "--no-storvsc": r"storvsc-",
            "--no-devices": r"(native-)?(disk|nic)-", "--no-files": r"(native-)?files-"}
# Shown, not gated: Bochs's, what depends on when the host delivers typed
# characters or how long a halted Linux waited, rates, what Linux takes, and sizes,
# which grow with what the system can do.
INFORMATIONAL = re.compile(r"vmx-|native-|linux-init-exits-|.*-(per-second|bytes|lines|ns)$|"
                           r"storvsc-.*-(root|child)-exits-.+-per-100$")


def first_line(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode().split("\n")[0]


def tools():
    """The versions that the kept figures belong to."""
    qemu = first_line("qemu-system-x86_64", "--version")
    compiler = first_line(os.environ.get("CC", "gcc"), "--version")
    return "%s; %s" % (re.sub(r" \(.*", "", qemu), re.sub(r" \(.*?\)", "", compiler))


def deterministic(log, iso, memory="512M", extra=()):
    return machines.machine("svm-det-smp1", iso, log, memory=memory, extra=extra)


def guest_iso(name):
    """An ISO with a guest kernel in the root partition's place."""
    iso = "%s/test-%s.iso" % (machines.BUILD, name)
    mkiso.build(iso, {"hypervisor.elf": machines.BUILD + "/hypervisor.elf",
                      "rootpart.elf": "%s/guest/%s.elf" % (machines.BUILD, name)},
                "", [("rootpart.elf", "rootpart.elf")])
    return iso


def results(machine, prefix=""):
    """Rows that a guest kernel prints."""
    rows = {}
    while True:
        match = machine.console.expect(RESULT)
        if match.group(1) == b"DONE":
            return rows
        rows[prefix + match.group(2).decode()] = int(match.group(3))


def shipped_iso(extra):
    """The shipped images with one archive more: [(path, "extra.cpio")]."""
    [(archive, _)] = extra
    iso = re.sub(r"\.cpio$", ".iso", archive)
    names = ("hypervisor.elf", "rootpart.elf", "boot.cpio")
    files = {name: "%s/%s" % (machines.BUILD, name) for name in names}
    mkiso.build(iso, dict(files, **{"extra.cpio": archive}), "",
                [(name, name) for name in names[1:] + ("extra.cpio",)])
    return iso


# Those that also run as a child of the shipped root, which has so many VPs.
CHILDREN = {"bench": 1, "bench_interrupts": 2}


def child_iso():
    """The guest kernels to be booted as children."""
    archive = machines.BUILD + "/test-bench-child.cpio"
    with open(archive, "wb") as f:
        f.write(mkcpio.archive({name + ".elf": mkcpio.read_file("%s/guest/%s.elf" % (
            machines.BUILD, name)) for name in CHILDREN}))
    return shipped_iso([(archive, "extra.cpio")])


def child_results(machine, prefix=""):
    """Rows of children, one after the other, as their consoles show them."""
    console = machine.console
    console.prompt()
    rows = {}
    for name, vps in CHILDREN.items():
        console.command("vm create %s --memory 32M --cpus %d --kernel /boot/extra/%s.elf" % (
            name, vps, name))
        if console.command("vm start " + name):
            sys.exit("bench: the child does not start: " + console.text_before())
        console.sendline("vm console " + name)
        rows.update(results(machine, prefix))
        console.prompt()
    return rows


def guests():
    return [os.path.basename(path)[:-2] for path in sorted(glob.glob("tests/guest/bench*.c"))]


def guest_rows():
    rows = {}
    for name in guests():
        with deterministic("bench-" + name, guest_iso(name)) as machine:
            rows.update(results(machine))
    return rows


def child_rows():
    with deterministic("bench-child", child_iso()) as machine:
        return child_results(machine)


def vmx_rows():
    """The same on Bochs, whose TSC counts instructions too, but not each one."""
    rows = {}
    for name in guests():
        with machines.machine("vmx-smp1", guest_iso(name), "bench-vmx-" + name) as machine:
            rows.update(results(machine, VMX))
    with machines.machine("vmx-smp1", child_iso(), "bench-vmx-child") as machine:
        rows.update(child_results(machine, VMX))
    with machines.machine("vmx-smp1", machines.BUILD + "/verdigris.iso",
                          "bench-vmx-boot") as machine:
        machine.console.prompt()
        host = command_json(machine.console, "host --json")
        rows[VMX + "boot-to-prompt-us-512m"] = boot_us(host)
    return rows


def command_json(console, line):
    return json.loads(console.command(line)[-1])


def other_exits(kinds):
    """Exits of an idle second but HLT, interrupts, and what belongs to a timer.

    A timer is started by one access to the APIC's page, and each interrupt
    ends by one write of the EOI MSR; `top` has one timer in a second.
    """
    interrupts = kinds.get("external interrupt", 0) + 1
    other = {kind: n for kind, n in kinds.items() if kind not in IDLE_KINDS}
    other["wrmsr"] = max(other.get("wrmsr", 0) - interrupts, 0)
    other["second-level fault"] = max(other.get("second-level fault", 0) - 1, 0)
    return {kind: n for kind, n in other.items() if n}


def idle_rows(console):
    """What the only processor does after the prompt, in five seconds of `top`."""
    seconds = [command_json(console, "top --json")["vps"][0] for _ in range(5)]
    others = [other_exits(second["kinds"]) for second in seconds]
    for second, other in zip(seconds, others):
        if other:
            print("idle root: exits without a reason: %s, of %s" % (other, second["kinds"]))
        if second["idle"] < 99:
            sys.exit("bench: the idle root's processor was not halted: %s" % second)
    return {"idle-exits-per-second": statistics.median(s["exits"] for s in seconds),
            "idle-instructions-per-second": statistics.median(s["busy"] for s in seconds),
            "idle-other-exits": sum(sum(other.values()) for other in others)}


def boot_us(host):
    return round(host["boot"] * 1e6)


def boot_rows():
    """Virtual microseconds from the hypervisor's first instruction to the prompt."""
    rows = {}
    for memory in MEMORIES:
        with deterministic("bench-boot-" + memory, machines.BUILD + "/verdigris.iso",
                           memory) as machine:
            machine.console.prompt()
            host = command_json(machine.console, "host --json")
            rows["boot-to-prompt-us-" + memory.lower()] = boot_us(host)
            if memory == MEMORIES[0]:
                rows.update(idle_rows(machine.console))
    return rows


def sections(path):
    """Bytes by what they are for, of the sections that are loaded."""
    output = subprocess.run(["size", "-A", path], stdout=subprocess.PIPE, check=True).stdout
    sizes = {"text": 0, "rodata": 0, "data": 0, "bss": 0}
    for line in output.decode().split("\n"):
        match = re.match(r"\.(\w+)\S*\s+(\d+)\s+[1-9]", line)
        if match:
            group = match.group(1) if match.group(1) in sizes else "data"
            sizes[group] += int(match.group(2))
    return sizes


def size_rows():
    rows = {}
    for image in ("hypervisor", "rootpart"):
        path = "%s/%s.elf" % (machines.BUILD, image)
        for group, size in sections(path).items():
            rows["%s-%s-bytes" % (image, group)] = size
        rows["%s-file-bytes" % image] = os.path.getsize(path)
    rows["iso-bytes"] = os.path.getsize(machines.BUILD + "/verdigris.iso")
    rows["hypervisor-code-lines"] = code_lines("hypervisor")
    return rows


def code_lines(image):
    """Lines of every source and header of what the linker took into an image."""
    with open("%s/%s.map" % (machines.BUILD, image)) as f:
        linker_map = f.read()
    objects = re.findall(r"^LOAD (\S+\.o)$", linker_map, re.MULTILINE)
    members = re.findall(r"^\S+/lib\.a\((\S+\.o)\)$", linker_map, re.MULTILINE)
    folder = os.environ.get("BUILD", "build") + "/obj/" + image
    files = set()
    for path in objects + [folder + "/lib/" + name for name in members]:
        with open(path[:-2] + ".d") as f:
            rule = f.read().split("\n\n")[0].replace("\\\n", " ").split(":", 1)[1]
        files |= {os.path.normpath(word) for word in rule.split()}
    return sum(check_length.code_lines(f) for f in files
               if os.path.isfile(f) and not os.path.isabs(f) and f.endswith((".c", ".h", ".S")))


# Who measures, and names that begin as its rows do.
GROUPS = (
    (guest_rows, ("cpuid", "hypercall", "wake-up")),
    (child_rows, ("child-",)),
    (lambda: linux_rows.rows(deterministic, shipped_iso), ("linux-init-instructions",)),
    (lambda: storvsc_rows.rows(deterministic, shipped_iso), ("storvsc-",)),
    (lambda: device_rows.rows(deterministic), ("disk-", "nic-")),
    (lambda: file_rows.rows(deterministic), ("files-",)),
    (host_rows.rows, ("ring-",)),
    (boot_rows, ("boot-", "idle-")),
    (size_rows, ("hypervisor-", "rootpart-", "iso-")),
)


def measure_once():
    rows = {}
    for group, names in GROUPS:
        if not all(left_out(name) for name in names):
            rows.update(group())
    return rows


def measure(runs):
    """All deterministic rows; and the names of those that differed between runs."""
    first = measure_once()
    differing = set()
    for _ in range(runs - 1):
        again = measure_once()
        differing |= {name for name in first if again.get(name) != first[name]
                      and not INFORMATIONAL.match(name) and not UNSTEADY.match(name)}
    return {name: value for name, value in first.items() if not left_out(name)}, differing


def judge(name, value, kept, limits, aims):
    """Returns (word, is it a failure). An aim is shown and fails nothing."""
    if value > limits.get(name, value):
        return "over the limit of %d" % limits[name], True
    if value > aims.get(name, value):
        return "over the aim of %d" % aims[name], False
    if kept is None:
        return "new", False
    if value > kept * (1 + TOLERANCE):
        change = "%.1f %% worse than %d" % ((value / kept - 1) * 100 if kept else 100, kept)
        return change, not (INFORMATIONAL.match(name) or LIMITED.match(name))
    return ("better than %d: keep it with BENCH=--update" % kept
            if value < kept * (1 - TOLERANCE) else "as kept (%d)" % kept), False


def option(name, default):
    values = [a.split("=", 1)[1] for a in sys.argv[1:] if a.startswith(name + "=")]
    return values[-1] if values else default


def left_out(name):
    """Whether a row of that name was not wanted."""
    only = option("--only", "")
    if only and not re.match("(native-|vmx-)?(%s)" % only, name):
        return True
    return any(re.match(names, name) for word, names in LEFT_OUT.items() if word in sys.argv[1:])


def update(figures, key, rows, limits):
    kept = figures["kept"].get(key, {})
    figures["kept"][key] = {**{n: v for n, v in kept.items() if left_out(n)}, **rows}
    with open(FIGURES, "w") as f:
        json.dump(figures, f, indent=1, sort_keys=True)
        f.write("\n")
    tables.update(rows, limits)


def main():
    with open(FIGURES) as f:
        figures = json.load(f)
    if not all(left_out(name) for name in ("disk-", "nic-", "files-", "storvsc-")):
        device_rows.check_rights()
    key = tools()
    kept = figures["kept"].get(key, {})
    rows, differing = measure(int(option("--runs", 1)))
    if not left_out(VMX):
        rows.update(vmx_rows())
    limits = dict(figures["limits"], **device_rows.limits(rows))
    missing = sorted(name for name in (set(kept) | set(limits)) - set(rows)
                     if not INFORMATIONAL.match(name) and not left_out(name))
    failed = len(missing)
    print("tools: %s%s" % (key, "" if kept else " (no figures are kept for these)"))
    for name, value in rows.items():
        word, bad = judge(name, value, kept.get(name), limits, figures["aims"])
        if name in differing:
            word, bad = "differs between runs", True
        failed += bad
        print("%-4s %-41s %9d  %s" % ("FAIL" if bad else "ok", name, value, word))
    for name in missing:
        print("FAIL %-41s         -  not measured" % name)
    if "--update" in sys.argv[1:]:
        update(figures, key, rows, limits)
    print("%d passed, %d failed" % (len(rows) + len(missing) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
