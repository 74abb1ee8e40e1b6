# SPDX-License-Identifier: MIT
"""What a person types before there is a prompt: make gdb, tools/deps.sh, make run, and tools
that tests use: tools/mklinux.py."""
import collections
import os
import re
import subprocess
import sys

import pexpect
import pytest

import machine as machines
import mklinux

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


LINUX = [sys.executable, "tools/mklinux.py"]
NO_NETWORK = 'Acquire::http::Proxy "http://127.0.0.1:9/";\nAcquire::Retries "0";\n'


@pytest.fixture
def offline(tmp_path):
    """Variables by which apt reaches nothing, and the cache is empty."""
    (tmp_path / "apt.conf").write_text(NO_NETWORK)
    return {"APT_CONFIG": str(tmp_path / "apt.conf"), "XDG_CACHE_HOME": str(tmp_path)}


def test_linux_offline(tmp_path, offline):
    """One line; with a kept kernel a note, and that one."""
    out = str(tmp_path / "out")
    status, said = output_of(LINUX + ["--out", out], **offline)
    assert status == 1
    assert re.fullmatch("mklinux: cannot get linux-image-cloud-amd64: apt-get: .+\n", said), said
    folder = tmp_path / "verdigris" / "linux"
    for name in (str(mklinux.Kernel("cloud").package.folder), mklinux.fetch("busybox-static").folder):
        os.symlink(name, folder / os.path.basename(name))
    # No list knows it now, so that what is kept is all there is.
    status, said = output_of(LINUX + ["--out", out], **dict(
        offline, APT_CONFIG=no_lists(tmp_path)))
    assert status == 0, said
    lines = said.splitlines()
    assert len(lines) == 3 and all("which was kept" in line for line in lines[:2]), said
    assert lines[2].startswith("linux-image-"), said


def no_lists(tmp_path):
    """An apt.conf of a system that knows no package."""
    (tmp_path / "lists").mkdir()
    path = tmp_path / "no-lists.conf"
    path.write_text(NO_NETWORK + 'Dir::State::Lists "%s/lists";\n' % tmp_path)
    return str(path)


def test_linux_without_apt(tmp_path):
    status, said = output_of(LINUX, PATH=str(tmp_path), XDG_CACHE_HOME=str(tmp_path))
    assert (status, said) == (1, "mklinux: cannot get linux-image-cloud-amd64: "
                              "apt-get is missing: this needs Debian\n")


def test_linux_without_space(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(mklinux.shutil, "disk_usage", lambda _: collections.namedtuple(
        "usage", "free")(1 << 20))
    with pytest.raises(mklinux.Failure) as error:
        mklinux.fetch("busybox-static")
    assert re.fullmatch("cannot get busybox-static: busybox-static needs [0-9]+ MiB in .*, "
                        "where 1 MiB are free", str(error.value))


def test_linux_initrd(tmp_path):
    """Of each thing that was asked for, one, and modules in their order."""
    kernel = mklinux.Kernel("cloud")
    path = mklinux.initrd(str(tmp_path / "initrd"), kernel, ["scsi_common", "hv_vmbus"],
                          [("bin/sleeps", machines.BUILD + "/linux/sleeps")])
    with open(path, "rb") as f:
        names = re.findall(rb"070701[0-9A-F]{104}([^\0]+)\0", f.read())
    assert {b"init", b"bin/busybox", b"bin/sleeps", b"bin/sh", b"proc"} <= set(names)
    assert [name for name in names if name.startswith(b"modules/")] == [
        b"modules/00-scsi_common.ko", b"modules/01-hv_vmbus.ko"]
    with pytest.raises(mklinux.Failure, match="has no module nope$"):
        kernel.modules(["hv_vmbus", "nope"])


class SoakTotals:
    """What tests/run counts with."""

    def __init__(self):
        self.passed, self.failed, self.names = 0, 0, []

    def add(self, name, passed, failed, *rest):
        self.passed += passed
        self.failed += failed
        self.names.append(name)


def test_soak_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    sys.path.insert(0, os.path.join(machines.ROOT, "tests"))
    import soak
    for name, path in (("CACHE", ""), ("STATE", "/state.json"), ("REPORT", "/soak.md")):
        monkeypatch.setattr(soak, name, str(tmp_path) + path)
    asked = []

    def fuzz(command, timeout):
        asked.append(command[0])
        if asked == ["a", "b"]:
            raise KeyboardInterrupt
        return 0, "stat::number_of_executed_units: 7\n", 1.0, 1.0

    def one_round(failed=0):
        totals = SoakTotals()
        soak.tests_once(totals, lambda: totals.add("the tests", 3, failed))
        soak.fuzz_all(totals, ["a", "b"], lambda name, *options: [name, *options], fuzz)
        return totals.names

    with pytest.raises(KeyboardInterrupt):
        one_round()
    assert not (tmp_path / "soak.md").exists()
    assert one_round() == ["soak/fuzz/b"]
    rows = (tmp_path / "soak.md").read_text().splitlines()
    assert [row.split("|")[2:4] for row in rows[-3:]] == [
        [" a ", " 7 "], [" b ", " 7 "], [" tests ", " 3 "]]
    # A new round; a failure leaves no row, and is tried again.
    assert one_round(failed=1) == ["the tests", "soak/fuzz/a", "soak/fuzz/b"]
    assert one_round() == ["the tests"]
    assert len((tmp_path / "soak.md").read_text().splitlines()) == len(rows) + 3


@pytest.mark.parametrize("name", ["svm-smp2-bios", "vmx-smp1"])
def test_run_ends_at_the_prompt(name):
    """What `make run` starts, in a terminal of its own: every key is the guest's."""
    kind = machines.MACHINES[name]["kind"]
    patience = machines.PATIENCE[machines.emulator_of(name)]
    child = pexpect.spawn(sys.executable, ["tools/run.py"], cwd=machines.ROOT, timeout=patience,
                          env=dict(os.environ, MACHINE=kind, SMP="", MEM="", UEFI="", APPEND=""))
    try:
        child.expect_exact(b"run: MACHINE=%s " % kind.encode())
        child.expect_exact(b"root> ")
        # Neither firmware nor loader left the terminal with its line wrap off.
        assert b"\x1b[?7l" not in child.before
        child.send(b"poweroff\x03\x1decho alive\r")
        child.expect_exact(b"poweroff^C")
        # QEMU's terminal adds a carriage return of its own.
        child.expect(rb"\nalive\r+\nroot> ")
        child.send(b"poweroff\r")
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 0
    finally:
        child.close(force=True)


def test_symbols_lie_beside_the_images():
    for image, function in (("hypervisor", "hv_main"), ("rootpart", "root_main")):
        for ending in ("sym", "dis"):
            with open("%s/%s.%s" % (machines.BUILD, image, ending)) as f:
                assert function in f.read()
