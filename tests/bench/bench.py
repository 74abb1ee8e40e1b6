#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Deterministic figures, compared with those kept in figures.json.

In QEMU's deterministic mode one TSC tick is one instruction, so two runs give
the same numbers on any host. Rows: `BENCH name value` lines of the guest
kernels tests/guest/bench*.c, virtual time to the prompt, sizes. A row that is
over its limit, or 3 % above the kept value, fails. Kept values belong to one
set of tools: with other versions only the limits count. --update keeps what
was measured.
"""
import glob
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "tests", "e2e"), os.path.join(ROOT, "tools")]
os.chdir(ROOT)

import check_length  # noqa: E402
import machine as machines  # noqa: E402
import mkiso  # noqa: E402

FIGURES = os.path.join(HERE, "figures.json")
TOLERANCE = 0.03
DETERMINISTIC = ["-icount", "shift=0,sleep=off", "-rtc",
                 "base=2026-01-01T00:00:00,clock=vm", "-seed", "1"]
RESULT = r"(?:^|\n)(BENCH|DONE)(?: ([\w.-]+) (\d+))?\r?\n"


def first_line(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode().split("\n")[0]


def tools():
    """The versions that the kept figures belong to."""
    qemu = first_line("qemu-system-x86_64", "--version")
    compiler = first_line(os.environ.get("CC", "gcc"), "--version")
    return "%s; %s" % (re.sub(r" \(.*", "", qemu), re.sub(r" \(.*?\)", "", compiler))


def deterministic(log, iso):
    return machines.machine("svm-smp1-bios", iso, log, cpu="max,-rdrand", memory="512M",
                            extra=DETERMINISTIC)


def guest_rows(name):
    """Rows of one guest kernel, which runs in the root partition's place."""
    iso = "%s/test-%s.iso" % (machines.BUILD, name)
    mkiso.build(iso, {"hypervisor.elf": machines.BUILD + "/hypervisor.elf",
                      "rootpart.elf": "%s/guest/%s.elf" % (machines.BUILD, name)},
                "", [("rootpart.elf", "rootpart.elf")])
    rows = {}
    with deterministic("bench-" + name, iso) as machine:
        while True:
            match = machine.console.expect(RESULT)
            if match.group(1) == b"DONE":
                return rows
            rows[match.group(2).decode()] = int(match.group(3))


def boot_rows():
    """Virtual microseconds from the hypervisor's first instruction to the prompt."""
    with deterministic("bench-boot", machines.BUILD + "/verdigris.iso") as machine:
        machine.console.prompt()
        lines = machine.console.command("host --json")
    return {"boot-to-prompt-us": round(json.loads(lines[-1])["boot"] * 1e6)}


def size_rows():
    rows = {}
    for image in ("hypervisor", "rootpart"):
        path = "%s/%s.elf" % (machines.BUILD, image)
        output = subprocess.run(["size", path], stdout=subprocess.PIPE, check=True).stdout
        text, data, bss = map(int, output.decode().split("\n")[1].split()[:3])
        rows["%s-text-bytes" % image] = text
        rows["%s-data-bytes" % image] = data + bss
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


def measure():
    rows = {}
    for path in sorted(glob.glob("tests/guest/bench*.c")):
        rows.update(guest_rows(os.path.basename(path)[:-2]))
    rows.update(boot_rows())
    rows.update(size_rows())
    return rows


def judge(name, value, kept, figures):
    """Returns (word, is it a failure). An aim is shown and fails nothing."""
    if value > figures["limits"].get(name, value):
        return "over the limit of %d" % figures["limits"][name], True
    if value > figures["aims"].get(name, value):
        return "over the aim of %d" % figures["aims"][name], False
    if kept is None:
        return "new", False
    if value > kept * (1 + TOLERANCE):
        return "worse than %d" % kept, True
    return ("better than %d: keep it with --update" % kept
            if value < kept * (1 - TOLERANCE) else "as kept (%d)" % kept), False


def main():
    with open(FIGURES) as f:
        figures = json.load(f)
    key = tools()
    kept = figures["kept"].get(key, {})
    rows = measure()
    missing = sorted((set(kept) | set(figures["limits"])) - set(rows))
    failed = len(missing)
    print("tools: %s%s" % (key, "" if kept else " (no figures are kept for these)"))
    for name, value in rows.items():
        word, bad = judge(name, value, kept.get(name), figures)
        failed += bad
        print("%-4s %-36s %10d  %s" % ("FAIL" if bad else "ok", name, value, word))
    for name in missing:
        print("FAIL %-36s          -  not measured" % name)
    if "--update" in sys.argv[1:]:
        figures["kept"][key] = rows
        with open(FIGURES, "w") as f:
            json.dump(figures, f, indent=1, sort_keys=True)
            f.write("\n")
    print("%d passed, %d failed" % (len(rows) + len(missing) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
