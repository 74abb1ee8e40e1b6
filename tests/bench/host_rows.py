# SPDX-License-Identifier: MIT
"""What VMBus' ring carries on the host that measures, across two threads.

Rates of this machine and of what else it does meanwhile: shown, with memcpy of the same
beside them, and no limits. tests/bench/ring_bench.c has what is measured.
"""
import os
import re
import subprocess

SOURCES = ["tests/bench/ring_bench.c", "vmbus/ring.c"]
FLAGS = ["-std=gnu2x", "-O2", "-Wall", "-Wextra", "-Werror", "-I", "include", "-I", ".", "-pthread"]


def rows():
    build = os.environ.get("BUILD", "build") + "/bench"
    os.makedirs(build, exist_ok=True)
    program = build + "/ring_bench"
    subprocess.run([os.environ.get("CC", "gcc"), *FLAGS, *SOURCES, "-o", program], check=True)
    output = subprocess.run([program], check=True, stdout=subprocess.PIPE).stdout.decode()
    return {name: int(value) for name, value in re.findall(r"^BENCH (\S+) (\d+)$", output,
                                                           re.MULTILINE)}
