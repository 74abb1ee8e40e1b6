# SPDX-License-Identifier: MIT
"""What a person types before there is a prompt: make gdb, tools/deps.sh, make run."""
import os
import subprocess
import sys

import pytest

import machine as machines

RUN = [sys.executable, "tools/run.py"]


def output_of(command, text="", **environment):
    """Status and output of a command from the repository's root."""
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, cwd=machines.ROOT, timeout=machines.PATIENCE["qemu"],
                          env=dict(os.environ, **environment))
    return done.returncode, done.stdout


def test_gdb_knows_both_images():
    """Stops in both, and names the frames of each by its own symbols."""
    status, said = output_of(RUN + ["--gdb"], "vg-boot\nbt\nvg-root\nbt\nquit\n", MACHINE="svm")
    assert status == 0, said
    hypervisor, root = said.split("Temporary breakpoint")[1:]
    assert "#0  hv_main (" in hypervisor, said
    assert "#0  root_main (" in root and "in root_entry () at rootpart/entry.S" in root, said


@pytest.mark.parametrize("variables, why", [
    ({"MACHINE": "vax"}, "MACHINE=vax: expected one of svm vmx ryzen kvm"),
    ({"MACHINE": "vmx", "UEFI": "1"}, "Bochs has no UEFI: use MACHINE=svm"),
    ({"MACHINE": "svm", "SMP": "two"}, "SMP=two: expected a number of processors"),
    ({"MACHINE": "svm", "MEM": "1T"}, "MEM=1T: expected a size such as 512M or 2G"),
])
def test_wrong_variables_are_told(variables, why):
    assert output_of(RUN, **variables) == (1, "run: %s\n" % why)


def test_other_systems_get_a_list(tmp_path):
    """Without dpkg: what is missing by name, and nothing that is there."""
    for tool in ("sh", "make", "gcc", "python3"):
        os.symlink(os.path.join("/usr/bin", tool), tmp_path / tool)
    status, said = output_of(["/bin/sh", "tools/deps.sh"], PATH=str(tmp_path))
    lines = said.splitlines()
    assert status == 1 and lines[0].startswith("deps: this is not Debian; "), said
    assert {"  clang", "  qemu-system-x86_64", "  bochs", "  xorriso"} <= set(lines), said
    assert not {"  gcc", "  make", "  python3"} & set(lines), said
