#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Lengths of functions and files: prints who should ask why, fails who must split.

A function is what stands between a "{" and a "}" in column 0. With --lines
it prints the lines of code (neither blank nor comment) of the files named.
"""
import os
import re
import statistics
import sys

FUNCTION_ASK, FUNCTION_SPLIT = 40, 60
FILE_ASK, FILE_SPLIT = 400, 700
FOLDERS = ("boot", "hypervisor", "rootpart", "vmbus", "vsp", "vsc", "include", "lib")
TESTS = ("tests",)
NAME = re.compile(r"(\w+)\(")


def sources(folders):
    for folder in folders:
        for where, _, names in os.walk(folder):
            for name in sorted(names):
                if name.endswith((".c", ".h")):
                    yield os.path.join(where, name)


def functions(lines):
    """Yields (line number, name, lines of the body) of each function."""
    start = None
    for number, line in enumerate(lines, 1):
        if line.rstrip() == "{":
            start = number
        elif line.startswith("}") and start is not None:
            above = "".join(lines[max(0, start - 4):start - 1])
            names = NAME.findall(above)
            yield start, names[0] if names else "?", number - start - 1
            start = None


def code_lines(path):
    with open(path) as f:
        text = re.sub(r"/\*.*?\*/|//[^\n]*", "", f.read(), flags=re.DOTALL)
    return sum(1 for line in text.split("\n") if line.strip())


def main():
    if sys.argv[1:2] == ["--lines"]:
        print(sum(code_lines(path) for path in sys.argv[2:]))
        return 0
    failed, bodies, files = False, [], []
    for path in list(sources(FOLDERS)) + list(sources(TESTS)):
        with open(path) as f:
            lines = f.readlines()
        tested = path.startswith(TESTS)
        found = [("%s:1: file" % path, len(lines), FILE_ASK, FILE_SPLIT)]
        for number, name, length in functions(lines):
            found.append(("%s:%d: %s()" % (path, number, name), length, FUNCTION_ASK,
                          FUNCTION_SPLIT))
            if not tested:
                bodies.append(length)
        if not tested:
            files.append(len(lines))
        for what, length, ask, split in found:
            if length > split:
                failed = True
                print("%s has %d lines: split it (limit %d)" % (what, length, split))
            elif length > ask:
                print("%s has %d lines: ask why" % (what, length))
    if bodies:
        print("functions: median %d, 95th percentile %d lines; files: median %d lines" % (
            statistics.median(bodies), sorted(bodies)[len(bodies) * 95 // 100],
            statistics.median(files)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
