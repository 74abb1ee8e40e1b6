#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Branch coverage of the bus and its SCSI controller: `make branches`.

Builds their unit tests and fuzz targets with clang's counters into build/branches,
runs each test once and each target over its corpus, and prints for each file how
many of its conditions went either way. Fails below LEAST percent of all of them,
and when a test does.
"""
import concurrent.futures
import glob
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("BUILD", "build") + "/branches"
JOBS = min(int(os.environ.get("JOBS") or 64), os.cpu_count() or 1)
LEAST = 90.0
SOURCES = ("vmbus/*.c", "vsp/storvsp/*.c")
# Those with threads are left out: what they meet is not the same each time.
UNITS = ("scsi", "storvsc", "storvsp", "storvsp_hostile", "storvsp_race", "storvsp_state",
         "storvsp_state_damage", "vmbus_client", "vmbus_gpadl", "vmbus_hostile", "vmbus_ring",
         "vmbus_server", "vmbus_state", "vmbus_state_damage")
FUZZERS = ("scsi", "storvsp", "vmbus_ring", "vmbus_server", "vmbus_state")


def programs():
    return [BUILD + "/unit/" + name for name in UNITS] + [BUILD + "/fuzz/" + n for n in FUZZERS]


def build():
    # Its warnings are not what these tests are written for.
    subprocess.run(["make", "-s", "-k", "-j%d" % JOBS, "-f", "tools/checks.mk", "BUILD=" + BUILD,
                    "UNIT_CC=clang", "HOST_WARNINGS=-w",
                    "SANITIZE=-fprofile-instr-generate -fcoverage-mapping", *programs()],
                   check=True)
    subprocess.run(["sh", "tests/fuzz/seeds.sh", BUILD + "/corpus"], check=True)


def profile(program):
    return "%s/%s.profraw" % (BUILD, program.replace("/", "-"))


def run(program):
    """Whether it passed."""
    kind, name = program.split("/")[-2:]
    inputs = []
    if kind == "fuzz":
        inputs = [file for folder in ("tests/fuzz/corpus", BUILD + "/corpus")
                  for file in sorted(glob.glob("%s/%s/*" % (folder, name)))]
    return subprocess.run([program, *inputs], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL,
                          env=dict(os.environ, LLVM_PROFILE_FILE=profile(program))).returncode == 0


def summaries():
    """File -> (branches that were taken, all of them), sorted."""
    merged = BUILD + "/all.profdata"
    subprocess.run(["llvm-profdata", "merge", "-sparse", "-o", merged,
                    *map(profile, programs())], check=True)
    first, *others = programs()
    sources = [path for pattern in SOURCES for path in sorted(glob.glob(pattern))]
    output = subprocess.run(["llvm-cov", "export", "-summary-only", "-instr-profile=" + merged,
                             first, *["-object=" + other for other in others], *sources],
                            check=True, stdout=subprocess.PIPE).stdout
    files = {os.path.relpath(file["filename"]): file["summary"]["branches"]
             for file in json.loads(output)["data"][0]["files"]}
    return [(path, files[path]["covered"], files[path]["count"]) for path in sources]


def main():
    os.chdir(ROOT)
    build()
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        failed = [name for name, passed in zip(programs(), pool.map(run, programs()))
                  if not passed]
    rows = summaries()
    for path, taken, count in rows:
        print("%5.1f %%  %4d of %4d  %s" % (100 * taken / max(count, 1), taken, count, path))
    taken, count = (sum(row[i] for row in rows) for i in (1, 2))
    percent = 100 * taken / count
    print("%5.1f %%  %4d of %4d  branches of all of these, at least %.0f %%" % (
        percent, taken, count, LEAST))
    for name in failed:
        print("failed: " + name)
    return 1 if failed or percent < LEAST else 0


if __name__ == "__main__":
    sys.exit(main())
