# SPDX-License-Identifier: MIT
"""Children with disks over VMBus: tests/guest/disk_child.c, and tests/guest/disk_hostile.c beside it.

The disks are image files on a volume, one of them read-only, and a whole disk. What a child says
that it read and wrote is what lies there. Whatever the hostile one does, the root answers, another
child's I/O goes on, and everything comes back when it is killed.
"""
import contextlib
import os
import re

import pytest

import machine as machines
import vms
from test_disk import BOCHS, MIB, make_image, pattern, qemu, sha256
from test_volume import make_volume

SOAK = os.environ.get("VERDIGRIS_SOAK")
# A line of a child's may be long in coming.
LONG = 3600 if SOAK else 300
CYLINDER = 16 * 63 * 512
READ_ONLY = "/vm/ro.img"

# Machine -> bytes of the images, how many packets are changed while they are read.
MACHINES = {
    "svm-smp1-bios": (4 * MIB, 2000),
    "svm-smp2-bios": (4 * MIB, 100000 if SOAK else 5000),
    "vmx-smp1": (MIB, 5000),
}
if SOAK:
    MACHINES["svm-parallel2-bios"] = (4 * MIB, 100000)

RESULT = r"(?:^|\n)(PASS|FAIL|DONE|HOLD)(?: ([^\r\n]*))?\r?\n"


class Rig(vms.Host):
    """A machine with the disks, and what is on them."""

    def __init__(self, machine, machine_name, whole):
        super().__init__(machine, warm=False, store=True)
        self.machine_name = machine_name
        self.whole = whole
        self.keys = 0
        (disk,) = [d for d in self.json("disk list --json") if d["size"] == os.path.getsize(whole)]
        self.whole_name = "/dev/" + disk["name"]
        self.wait_for(lambda: self.json("volume list --json"),
                      lambda volumes: all(v["state"] != "looking" for v in volumes))
        # What the root keeps for later, of VMs and of their disks, it has after this.
        self.start_child("good", "--disk /vm/good.img", "loop")
        self.good_goes_on()
        self.start_child("bad", "--disk /vm/bad.img", "indices", 2, "disk_hostile")
        self.read("bad", "DONE")
        self.start_child("warm", self.options(), "sessions=1", 4)
        self.read("warm", "DONE")
        self.clear()

    def sums(self, *paths):
        said = [line.split() for line in self.run("sha256 " + " ".join(paths), LONG)]
        found = {line[1]: line[0] for line in said if len(line) == 2}
        assert sorted(found) == sorted(paths), said
        return found

    def paths(self):
        """Of test_disks, by LUN."""
        return ["/vm/data.img", READ_ONLY, self.whole_name, "/vm/other.img"]

    def options(self):
        return " ".join("--disk %s%s" % (path, ",ro" if path == READ_ONLY else "")
                        for path in self.paths())

    def start_child(self, name, disks, cmdline="", cpus=1, kernel="disk_child"):
        self.start(name, "'%s'" % cmdline if cmdline else "",
                   "--memory 64M --cpus %d %s" % (cpus, disks), "/boot/extra/%s.elf" % kernel)

    def read(self, name, until):
        """What the VM says up to a word of RESULT, of which none is a FAIL: (PASS lines, text)."""
        console, passed, text = self.console, [], ""
        console.sendline("vm console " + name)
        console.expect_exact("Ctrl-] leaves it\r\n")
        while True:
            match = console.expect(RESULT, LONG)
            text += console.text_before() + "\n"
            word, rest = match.group(1).decode(), (match.group(2) or b"").decode()
            assert word != "FAIL", (rest, text, console.rest())
            if word == "PASS":
                passed.append(rest)
            if word == until:
                break
            assert word != "DONE", (passed, text)
        if until == "DONE":
            console.expect(r"note: %s is off\r\n" % name)
        else:
            console.send(vms.LEAVE)
        console.prompt()
        return passed, text

    def good_rounds(self):
        """How far the good child is: it tells at a key."""
        self.keys += 1
        with self.at_console("good") as console:
            console.send("k")
            match = console.expect(r"loop %d: (\d+) rounds|FAIL [^\r\n]*" % self.keys, LONG)
        assert match.group(1), match.group(0)
        return int(match.group(1))

    def good_goes_on(self):
        """It does, from now on."""
        now = self.good_rounds()
        self.wait_for(self.good_rounds, lambda rounds: rounds > now + 1)


class Rigs:
    """One machine at a time, with fresh disks."""

    def __init__(self, make_iso, folder):
        files = {name + ".elf": "%s/guest/%s.elf" % (machines.BUILD, name)
                 for name in ("disk_child", "disk_hostile")}
        self.iso = make_iso(extra=[(vms.archive("vmbus", files), "extra.cpio")])
        self.folder = folder
        self.boots = 0
        self.name = self.rig = None

    def make(self, name):
        size, _ = MACHINES[name]
        folder = self.folder / str(self.boots)
        folder.mkdir()
        files = [(file, size) for file in ("data.img", "other.img", "good.img", "bad.img")]
        volume = make_volume(folder, "VMSTORE", files + [("ro.img", MIB)], size="48M")
        whole = make_image(folder / "whole.img", pattern("whole", 4 * CYLINDER))
        if machines.emulator_of(name) == "bochs":
            extra = [BOCHS[i].format(image=image) for i, image in enumerate((volume, whole))]
        else:
            extra = ["-boot", "d"] + qemu("nvme,drive={drive},serial={serial}", 0, volume) + \
                qemu("virtio-blk-pci,disable-legacy=on,drive={drive},serial={serial}", 1, whole)
        log = "vmbus-%s-%d" % (name, self.boots)
        self.boots += 1
        machine = machines.machine(name, self.iso, log, extra=extra).__enter__()
        return Rig(machine, name, whole)

    def get(self, name):
        if self.rig and self.name != name:
            self.drop()
        if not self.rig:
            self.name, self.rig = name, self.make(name)
        return self.rig

    def drop(self):
        if self.rig:
            self.rig.machine.kill()
        self.rig = None


@pytest.fixture(scope="module")
def rigs(make_iso, tmp_path_factory):
    one = Rigs(make_iso, tmp_path_factory.mktemp("vmbus"))
    yield one
    one.drop()


@pytest.fixture
def rig(rigs, request):
    """After the test it must be as it was before."""
    rig = rigs.get(request.param)
    free = rig.memory_free()
    yield rig
    if request.node.row["failed"]:
        rigs.drop()
        return
    rig.clear()
    # The kernel's heap keeps a page here or there, and gives it back another time.
    assert abs(rig.memory_free() - free) <= 4 * 4096


# ---- a child with disks ----

def units(text):
    """LUN -> what was said of it, which is the same each time; and SUM lines."""
    said = {}
    for lun, rest in re.findall(r"LUN (\d+): (\d+ sectors [^\r\n]*)", text):
        said.setdefault(int(lun), set()).add(rest)
    assert all(len(lines) == 1 for lines in said.values()), said
    sums = {(word, int(lun)): digest
            for word, lun, digest in re.findall(r"SUM (\w+) (\d+) ([0-9a-f]{64})", text)}
    return {lun: lines.pop() for lun, lines in said.items()}, sums


@pytest.mark.parametrize("rig, cpus", [(name, cpus) for name in MACHINES for cpus in (1, 4)
                                       if SOAK or (name, cpus) != ("vmx-smp1", 4)],
                         indirect=["rig"])
def test_disks(rig, cpus, record_property):
    """All that the child checks, and that both sides see the same bytes."""
    paths = rig.paths()
    files = [path for path in paths if path.startswith("/vm")]
    before = dict(rig.sums(*files), **{rig.whole_name: sha256(rig.whole)})
    rig.start_child("a", rig.options(), "seed=%d" % (10 * cpus), cpus)
    passed, text = rig.read("a", "DONE")
    record_property("passed", len(passed))
    record_property("failed", 0)
    luns, sums = units(text)
    assert sorted(luns) == [0, 1, 2, 3]
    assert [lun for lun in luns if "read-only" in luns[lun]] == [1]
    assert text.count("channels %d\r\n" % cpus) == 3
    size, _ = MACHINES[rig.machine_name]
    assert luns[0].startswith("%d sectors of 512 B" % (size // 512))
    after = dict(rig.sums(*files), **{rig.whole_name: sha256(rig.whole)})
    for lun, path in enumerate(paths):
        assert sums["before", lun] == before[path], path
        assert sums["after", lun] == after[path], path
        assert (before[path] == after[path]) == (lun == 1), path


@pytest.mark.parametrize("host", ["svm-smp1-bios", "vmx-smp1"], indirect=True)
def test_memory_disk(host, record_property):
    """A file in the root's memory, where there is no volume."""
    host.ok("disk create --size 1M /vm/mem.img")
    host.start("a", options="--memory 64M --disk /vm/mem.img", kernel="/boot/extra/disk_child.elf")
    lines, note = host.console_to_end("a", LONG)
    results = [line for line in lines if re.match("PASS|FAIL|DONE", line)]
    record_property("passed", len(results) - 1)
    record_property("failed", 0)
    assert note == "is off" and results[-1] == "DONE"
    assert not [line for line in results if line.startswith("FAIL")]
    _, sums = units("\n".join(lines))
    (said,) = host.run("sha256 /vm/mem.img", LONG)
    assert sums["after", 0] == said.split()[0]
    host.clear()
    host.ok("rm /vm/mem.img")


# ---- a child that means harm ----

# Cases that run one after the other in one child.
GROUPS = {
    "rings": "indices lengths packets",
    "memory": "gpadls opens overlap",
    "limits": "many-gpadls",
    "messages": "connections messages fuzz",
    "lives": "teardown races",
    "flip": "flip",
}
# Those that hurt as long as they are held, and those that go on until they are killed.
HELD = ["posts", "signals", "stuck"]
ENDLESS = ["flip", "fuzz", "teardown", "signals"]
FAST = ["svm-smp2-bios", "svm-smp1-bios"] if SOAK else ["svm-smp2-bios"]
# Bochs takes its time.
SLOW = (list(GROUPS), HELD, ENDLESS) if SOAK else (["rings"], [], [])


def both(cases, slow):
    return [(name, case) for name in FAST for case in cases] + \
        [("vmx-smp1", case) for case in slow]


def bad(rig, words, count=1000):
    rig.start_child("bad", "--disk /vm/bad.img", "count=%d %s" % (count, words), 2,
                    "disk_hostile")


@contextlib.contextmanager
def beside_good(rig):
    """With a child that does I/O all the time, and still does it at the end, without the bad one."""
    rig.keys = 0
    rig.start_child("good", "--disk /vm/good.img", "loop")
    rig.good_goes_on()
    free = rig.memory_free()
    yield
    rig.good_goes_on()
    rig.ok("vm delete bad")
    assert abs(rig.memory_free() - free) <= 2 * 4096


# Where processors are really parallel what is read twice changes oftener.
PARALLEL = [("svm-parallel2-bios", "flip")] if SOAK else []


@pytest.mark.parametrize("rig, group", both(GROUPS, SLOW[0]) + PARALLEL, indirect=["rig"])
def test_hostile(rig, group, record_property):
    """Each case, after which the same child connects anew and does good I/O."""
    with beside_good(rig):
        bad(rig, GROUPS[group], MACHINES[rig.machine_name][1] if group == "flip" else 1000)
        passed, _ = rig.read("bad", "DONE")
        for case in GROUPS[group].split():
            assert case + "-recovers" in passed
    record_property("passed", len(passed))
    record_property("failed", 0)


@pytest.mark.parametrize("rig, case", both(HELD, SLOW[1]), indirect=["rig"])
def test_held(rig, case):
    """While it lasts the root answers and the other child goes on; it ends well, or is killed."""
    with beside_good(rig):
        bad(rig, "hold " + case)
        rig.read("bad", "HOLD")
        assert rig.states() == {"good": "running", "bad": "running"}
        rig.good_goes_on()
        with rig.at_console("bad") as console:
            console.send("k")
            console.expect(r"PASS %s-recovers\r\n" % case, LONG)
        rig.wait_state("bad", "off")
        rig.ok("vm start bad")
        rig.read("bad", "HOLD")
        rig.ok("vm kill bad")


@pytest.mark.parametrize("rig, case", both(ENDLESS, SLOW[2]), indirect=["rig"])
def test_killed(rig, case):
    """In the midst of it."""
    with beside_good(rig):
        bad(rig, case, 100000000)
        rig.see("bad", "case %s\r\n" % case)
        rig.good_goes_on()
        assert rig.states()["bad"] == "running"
        rig.ok("vm kill bad")
