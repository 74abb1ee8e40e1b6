# SPDX-License-Identifier: MIT
"""VMs that share one processor: each gets its part, and the root stays usable.

The children are tests/guest/act.c: spin is an endless loop without exits,
tally one that counts and looks for a key now and then, calls floods hypercalls,
ports accesses to a port, flood its console.
"""
import pytest

MACHINES = ["svm-smp1-bios", "svm-smp2-bios", "vmx-smp1"]
ONE_PROCESSOR = "--memory 8M --affinity 0"
SECONDS = 0.5  # of processor time that a look takes in, at least


def busy(host):
    """Seconds that the processors of each VM ran, all seen at once."""
    return {vm["name"]: vm["cpu"] for vm in host.json("vm list --json")}


def get_part(host, name, least, most=1):
    """A VM's part of the time of all is so much, after a while: the longer, the truer."""
    before = busy(host)

    def parts():
        gain = {vm: now - before[vm] for vm, now in busy(host).items()}
        return sum(gain.values()), gain[name] / max(sum(gain.values()), 0.001)

    total, part = host.wait_for(
        parts, lambda now: now[0] > SECONDS and least < now[1] < most or now[0] > 10 * SECONDS)
    assert least < part < most, (total, part)


def tally(host, name, number):
    """How far a child counted, the @number-th time it is asked, from 0 on."""
    with host.at_console(name) as console:
        console.send("x")
        said = console.expect(r"act tally\r\n(?:tally \d+\r\n){%d}tally (\d+)\r\n" % number)
        return int(said.group(1))


def usable(host):
    """Commands take as long as always: a second of the root's time for ten is much."""
    start = host.json("host --json")["uptime"]
    for _ in range(10):
        host.ok("echo")
    assert host.json("host --json")["uptime"] - start < 1


@pytest.mark.parametrize("host", MACHINES, indirect=True)
def test_halves(host):
    host.start("loop", "spin", ONE_PROCESSOR)
    host.start("count", "tally", ONE_PROCESSOR)
    host.see("count", "act tally\r\n")
    get_part(host, "count", 0.45, 0.55)
    usable(host)


# Not on Bochs with VT-x: there the end of a turn is seen after a millisecond in the
# guest only, of which there is little between hypercalls.
@pytest.mark.parametrize("host, act, least", [
    (machine, act, least) for machine in MACHINES
    for act, least in (("calls", 0.45), ("ports", 0.7), ("flood", 0.7))
    if (machine, act) != ("vmx-smp1", "calls")], indirect=["host"])
def test_who_floods_slows_itself(host, act, least):
    """Whose exits cost much has them counted as its own, or waits for its worker."""
    host.start("loop", act, ONE_PROCESSOR)
    host.start("count", "tally", ONE_PROCESSOR)
    host.see("count", "act tally\r\n")
    get_part(host, "count", least)
    usable(host)


@pytest.mark.parametrize("host", MACHINES, indirect=True)
def test_set_while_they_run(host):
    host.start("loop", "spin", ONE_PROCESSOR)
    host.start("count", "tally", ONE_PROCESSOR)
    host.see("count", "act tally\r\n")
    host.ok("vm set loop --cap 5")
    get_part(host, "count", 0.75)
    host.ok("vm set loop --cap 0 --weight 400")
    get_part(host, "loop", 0.7, 0.9)
    usable(host)


@pytest.mark.parametrize("host", MACHINES, indirect=True)
def test_all_go_on(host):
    """More VPs than processors, all in endless loops, and one that counts."""
    host.start("a", "cpus", "--memory 8M --cpus 4")
    host.start("b", "spin")
    host.start("count", "tally")
    assert tally(host, "count", 0) < tally(host, "count", 1)
    usable(host)
