#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Which lines the unit tests run, by file: `make coverage`.

Builds all unit tests with gcov's counters into build/coverage, runs them, and
prints for each file of the images how many of its lines ran in any of them.
A file that no unit test is linked to has 0 of unknown: it is listed last.
"""
import collections
import glob
import gzip
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("BUILD", "build") + "/coverage"
FOLDERS = ("boot", "hypervisor", "lib", "rootpart", "vmbus", "vsp", "vsc")


def build_and_run():
    subprocess.run(["make", "-s", "-k", "-j%d" % (os.cpu_count() or 1), "-f", "tools/checks.mk",
                    "BUILD=" + BUILD, "SANITIZE=--coverage", "units"], check=True)
    for path in glob.glob(BUILD + "/obj/unit/**/*.gcda", recursive=True):
        os.remove(path)
    failed = []
    for program in sorted(glob.glob(BUILD + "/unit/*")):
        if subprocess.run([program], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode:
            failed.append(os.path.basename(program))
    return failed


def counts():
    """File -> line -> how often it ran, over all programs."""
    files = collections.defaultdict(collections.Counter)
    for path in glob.glob(BUILD + "/obj/unit/**/*.gcda", recursive=True):
        output = subprocess.run(["gcov", "--json-format", "--stdout", path], check=True,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        if output[:2] == b"\x1f\x8b":
            output = gzip.decompress(output)
        for file in json.loads(output)["files"]:
            lines = files[os.path.normpath(file["file"])]
            for line in file["lines"]:
                lines[line["line_number"]] += line["count"]
    return files


def main():
    os.chdir(ROOT)
    failed = build_and_run()
    files = counts()
    total = ran = 0
    rows = []
    for folder in FOLDERS:
        for where, _, names in os.walk(folder):
            rows += [os.path.join(where, name) for name in names if name.endswith(".c")]
    for path in sorted(rows):
        lines = files.get(path)
        if not lines:
            continue
        hit = sum(1 for count in lines.values() if count)
        total += len(lines)
        ran += hit
        print("%5.1f %%  %4d of %4d  %s" % (100 * hit / len(lines), hit, len(lines), path))
    print("%5.1f %%  %4d of %4d  all of these" % (100 * ran / total, ran, total))
    print("in no unit test: " + " ".join(p for p in sorted(rows) if not files.get(p)))
    if failed:
        print("failed, so their counts may miss: " + " ".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
