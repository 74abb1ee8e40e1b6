# SPDX-License-Identifier: MIT
"""Debian's own kernel as a child: enlightened, on both vendors.

Each machine boots it once, with as many processors as the machine has, and
all tests of that machine look at that boot, in this order; the last ones
end it. The generic flavour is booted once, too.
"""
import pytest

import linux as linuxes
import machine as machines

SVM = ["svm-smp1-bios", "svm-smp2-bios", "svm-smp4-bios"]
VMX = ["vmx-smp1", "vmx-smp2"]
ALL = SVM + VMX
SEVERAL = [name for name in ALL if machines.MACHINES[name]["smp"] > 1]
CLOCKSOURCE = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
CPU = "/sys/devices/system/cpu/cpu%d/online"


def on(*names):
    return pytest.mark.parametrize("linux", names, indirect=True)


def booted_linux(make_iso, name, flavour):
    log = "linux-%s-%s" % (flavour, name)
    return machines.machine(name, linuxes.iso_of(make_iso, flavour), log)


class LinuxMachine:
    """The machine of the tests' Linux: one at a time, booted when asked for."""

    def __init__(self, make_iso):
        self.make_iso = make_iso
        self.name = None
        self.machine = None
        self.linux = None

    def get(self, name):
        if self.name != name:
            self.drop()
            self.name = name
            self.machine = booted_linux(self.make_iso, name, "cloud").__enter__()
            linux = linuxes.Linux(self.machine)
            linux.create()
            linux.start()
            self.linux = linux
        assert self.linux, "it did not come up, see the first test of this machine"
        return self.linux

    def drop(self):
        if self.machine:
            self.machine.kill()
        self.machine = self.linux = None


@pytest.fixture(scope="module")
def linux_machine(make_iso):
    one = LinuxMachine(make_iso)
    yield one
    one.drop()


@pytest.fixture
def linux(linux_machine, request):
    """A linuxes.Linux that is at its /init, by the name of a machine."""
    return linux_machine.get(request.param)


def check_clocks(linux):
    assert linux.sh("cat " + CLOCKSOURCE) == ["hyperv_clocksource_tsc_page"]
    devices = linux.sh("cat /sys/devices/system/clockevents/clockevent*/current_device")
    # One per processor; the last is the broadcast device's, which is none.
    assert devices[:linux.cpus] == ["Hyper-V clockevent"] * linux.cpus
    assert set(devices[linux.cpus:]) <= {"<NULL>"}


@on(*ALL)
def test_init(linux):
    assert linux.release.endswith("-cloud-amd64")
    assert linux.sh("uname -r") == [linux.release]
    show = linux.host.show(linuxes.NAME)
    # 6.1, as the TLFS has open-source systems tell who they are.
    assert int(show["guest_os_id"], 16) >> 32 == 0x81000006
    assert (show["state"], show["resets"]) == ("running", 0)


@on(*ALL)
def test_clocks(linux):
    check_clocks(linux)
    linux.program("clocks 300")


@on(*ALL)
def test_processors(linux):
    assert linux.sh("nproc") == [str(linux.cpus)]
    ids = linux.sh("grep '^apicid' /proc/cpuinfo")
    assert len(set(ids)) == linux.cpus
    linux.program("cpus")


@on(*ALL)
def test_sleeps(linux):
    """10,000 of 1 ms, none early."""
    linux.program("sleeps 10000 1000000")


@on(*ALL)
def test_vectors(linux):
    linux.program("vectors %d 2000" % (3 * linux.cpus))


@on(*ALL)
def test_time_needs_no_exit(linux):
    """Who reads the clock stays in the guest."""
    def exits():
        vps = linux.host.json("vm stats --json " + linuxes.NAME)["vps"]
        return sum(kind["exits"] for vp in vps for kind in vp["kinds"]
                   if kind["kind"] == "rdmsr")

    # With several processors the clocks' program goes from one to the next, which takes its time.
    rounds = 2000 if linux.cpus == 1 else 400
    before = exits()
    linux.program("clocks %d" % rounds)
    assert exits() - before < rounds / 2


@on(*ALL)
def test_pause(linux):
    """Its time stands still with it, and all of its clocks agree on that."""
    host = linux.host
    outside = [host.json("host --json")["uptime"]]
    before = linux.time()
    host = linux.host
    host.ok("vm pause " + linuxes.NAME)
    start = host.json("host --json")["uptime"]
    end = host.wait_for(lambda: host.json("host --json")["uptime"], lambda now: now > start + 3)
    host.ok("vm resume " + linuxes.NAME)
    after = linux.time()
    outside.append(linux.host.json("host --json")["uptime"])
    passed = {clock: after[clock] - before[clock] for clock in before}
    assert 0 < passed["mono"] / 1e9 <= outside[1] - outside[0] - (end - start) + 0.1
    # Nothing has slept, and nobody has set a clock.
    assert abs(passed["boot"] - passed["mono"]) < 1e6
    assert abs(passed["real"] - passed["mono"]) < 1e6
    tsc = passed["tsc"] * 1e9 / linux.host.json("host --json")["tsc"]
    # So has its TSC stood, by which the clock goes.
    assert abs(tsc - passed["mono"]) < passed["mono"] * 0.001 + 1e6
    linux.program("sleeps 100 1000000")


@on(*SEVERAL)
def test_processors_off_and_on(linux):
    for cpu in range(1, linux.cpus):
        linux.sh("echo 0 > " + CPU % cpu)
        assert linux.sh("cat " + CPU % cpu) == ["0"]
    assert linux.sh("nproc") == ["1"]
    linux.program("sleeps 100 1000000")
    for cpu in range(1, linux.cpus):
        linux.sh("echo 1 > " + CPU % cpu)
    assert linux.sh("nproc") == [str(linux.cpus)]
    check_clocks(linux)
    linux.program("cpus")
    linux.program("clocks 100")
    linux.program("vectors %d 500" % (3 * linux.cpus))


@on(*ALL)
def test_nothing_strange_in_the_log(linux):
    """After all the tests before."""
    assert linux.warnings() == []


@on("svm-smp1-bios", "vmx-smp2")
def test_reboot(linux):
    """Its own doing, and it comes up again."""
    linux.sh("reboot -f &")
    host = linux.host
    host.wait_for(lambda: host.show(linuxes.NAME)["resets"], lambda resets: resets == 1)
    assert host.show(linuxes.NAME)["state"] == "running"
    if not host.vmx:
        linux.wait_for_init()


@on("svm-smp1-bios")
def test_panic(linux):
    """Its last words are on its console, and by panic=-1 it begins anew."""
    host = linux.host
    before = host.show(linuxes.NAME)["resets"]
    linux.attach()
    linux.console.sendline("echo c > /proc/sysrq-trigger")
    linux.console.expect_exact("Kernel panic - not syncing: sysrq triggered crash")
    # Its many words take their time: nobody asks meanwhile, which would take more.
    linux.wait_for_init()
    assert linux.host.show(linuxes.NAME)["resets"] == before + 1


@on("svm-smp1-bios", "svm-smp4-bios", "vmx-smp1")
def test_power_off(linux):
    linux.sh("poweroff -f &")
    show = linux.host.wait_state(linuxes.NAME, "off")
    assert show["why"] is None


@pytest.mark.parametrize("name", ["svm-smp1-bios"])
def test_generic_flavour(make_iso, name):
    """The kernel of every Debian, which brings its own decompressor and more drivers."""
    with booted_linux(make_iso, name, "amd64") as machine:
        linux = linuxes.Linux(machine)
        linux.create()
        linux.start()
        assert linux.release.endswith("-amd64") and "cloud" not in linux.release
        check_clocks(linux)
        linux.program("clocks 100")
        linux.program("cpus")
        linux.program("sleeps 1000 1000000")
        linux.program("vectors 4 500")
        assert linux.warnings() == []
        linux.sh("poweroff -f &")
        linux.host.wait_state(linuxes.NAME, "off")
