#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The include law: who may include whom, and what may stand where.

The table below is the one in docs/architecture.md. Besides: hypervisor/
never hears of VMBus, inline assembly stands only in include/x86/ (and .S
files), and every file opens with its SPDX line.
"""
import os
import re
import sys

# folder -> folders whose headers it may include, besides its own.
# The longest folder that matches a file decides; None: everything.
LAW = {
    "boot": {"include", "lib"},
    "hypervisor": {"include", "lib"},
    "hypervisor/vmx": {"hypervisor", "include", "lib"},
    "hypervisor/svm": {"hypervisor", "include", "lib"},
    "vmbus": {"include", "lib"},
    "vsp": {"include", "lib", "vmbus"},
    "vsc": {"include", "lib", "vmbus"},
    "rootpart": {"include", "lib", "vmbus", "vsp"},
    "rootpart/worker": {"include", "lib"},
    "include": {"lib"},
    "lib": {"include"},
    "tests": None,
}
FOLDERS = sorted(LAW, key=len, reverse=True)
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.MULTILINE)
# An empty template is a compiler barrier: no instruction, any host compiles it.
ASSEMBLY = re.compile(
    r"\b(__asm__|__asm|asm)\b\s*(?!volatile\(\"\")(volatile|__volatile__|goto|inline|\()")
# Of the compiler's own headers, the freestanding ones only.
SYSTEM = {"stdarg.h", "stddef.h", "stdint.h", "stdbool.h", "stdalign.h", "limits.h"}
HOST_ONLY = ("tests/unit", "tests/fuzz")


def folder_of(path):
    return next((f for f in FOLDERS if path.startswith(f + "/")), None)


def sources():
    for top in sorted({f.split("/")[0] for f in LAW}):
        for where, _, names in os.walk(top):
            for name in sorted(names):
                if name.endswith((".c", ".h", ".S")):
                    yield os.path.join(where, name)


def resolve(name):
    """An include's path from the repository's root."""
    return "include/" + name if os.path.exists("include/" + name) else name


def check_include(path, folder, quote, name):
    if quote == "<":
        return None if name in SYSTEM else "<%s> is not freestanding" % name
    target = folder_of(resolve(name))
    if target is None or not os.path.exists(resolve(name)):
        return '"%s" is not a header below the repository\'s root' % name
    if target == folder or target in LAW[folder]:
        return None
    return '%s may not include %s ("%s")' % (folder, target, name)


def strip_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", lambda m: "\n" * m.group().count("\n"), text,
                  flags=re.DOTALL)


def check_file(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    folder = folder_of(path)
    code = strip_comments(text)
    if not text.startswith("/* SPDX-License-Identifier: MIT */\n"):
        yield "1: does not open with the SPDX line"
    if path.startswith("hypervisor/") and "vmbus" in text.lower():
        yield "1: the hypervisor never hears of VMBus"
    if LAW[folder] is None:
        return
    for match in INCLUDE.finditer(code):
        why = check_include(path, folder, *match.groups())
        if why:
            yield "%d: %s" % (code.count("\n", 0, match.start(2)) + 1, why)
    if path.endswith(".S") or path.startswith("include/x86/"):
        return
    for match in ASSEMBLY.finditer(code):
        yield "%d: inline assembly outside include/x86/" % (code.count("\n", 0, match.start()) + 1)


def main():
    failures = ["%s:%s" % (path, why) for path in sources() for why in check_file(path)]
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
