# SPDX-License-Identifier: MIT
"""Virtual machines by the command line, as a person types, on both vendors.

The children are tests/guest/act.c, which does what its command line says. One
boot of each machine runs all tests for it; after each test everything of its
VMs is given back, to the last page.
"""
import re

import pytest

import vms

SVM = ["svm-smp1-bios", "svm-smp2-bios"]
ALL = SVM + ["vmx-smp1"]


def on(*names):
    return pytest.mark.parametrize("host", names, indirect=True)


LIST_KEYS = ["name", "state", "memory", "cpus", "uptime", "cpu"]
SHOW_KEYS = ["name", "state", "why", "partition", "uptime", "cpu", "resets", "guest_os_id",
             "crash", "memory_hypervisor", "memory", "cpus", "kernel", "initrd", "cmdline", "weight",
             "cap", "reserve", "affinity", "autostart", "on_reset", "sector_size", "tsc", "disks", "bus",
             "channels"]


@on(*ALL)
def test_life(host):
    """A VM from its creation to its end, and what the CLI says of it meanwhile."""
    assert host.run("vm list") == ["name  state        memory  cpus  uptime           cpu"]
    host.create("a", "count")
    [row] = host.json("vm list --json")
    assert list(row) == LIST_KEYS
    assert row == {"name": "a", "state": "off", "memory": 8 << 20, "cpus": 1, "uptime": 0,
                   "cpu": 0}
    show = host.show("a")
    assert list(show) == SHOW_KEYS
    assert show["partition"] == 0 and show["cmdline"] == "count" and show["resets"] == 0
    assert show["tsc"] is None
    host.ok("vm start a")
    assert host.states() == {"a": "running"}
    assert host.see("a", r"count 1 at")
    show = host.show("a")
    assert show["partition"] > 1 and show["memory_hypervisor"] > 0 and show["uptime"] > 0
    # It has the machine's.
    assert show["tsc"] == host.json("host --json")["tsc"]
    assert host.run("vm list")[1].split()[:2] == ["a", "running"]
    # Tables stand below their rows, behind blanks.
    rows = dict(re.split(r"\s+", line, maxsplit=1) for line in host.run("vm show a")
                if not line.startswith(" "))
    assert set(rows) == set(SHOW_KEYS)
    host.ok("vm kill a")
    assert host.states() == {"a": "off"}
    assert host.run("vm kill a") == ["a is off already"]
    assert host.show("a")["partition"] == 0 and host.show("a")["tsc"] is None
    host.ok("vm delete a")
    assert host.json("vm list --json") == []


@on(*ALL)
def test_console(host):
    """Live, both ways; what was said before comes first; it ends with the VM."""
    host.start("a", "keys")
    with host.at_console("a") as console:
        console.expect_exact("act keys\r\n")
        console.send("x")
        console.expect_exact("key 120\r\n")
        console.send("\x1b[A\x7f")
        for code in (27, 91, 65, 127):
            console.expect_exact("key %d\r\n" % code)
    with host.at_console("a") as console:
        console.expect_exact("act keys\r\nkey 120\r\n")
        console.expect_exact("key 127\r\n")
        # Ctrl-C is the VM's, too: it counts from then on.
        console.send("\x03")
        console.expect_exact("key 3\r\n")
        console.expect_exact("count 2 at")
    host.ok("vm reset a")
    host.console.sendline("vm console a")
    host.console.expect_exact("count 2 at")
    host.console.expect_exact("act keys\r\n")
    host.console.send("\x13")
    host.console.expect_exact("key 19\r\nnote: a is off\r\n")
    host.console.prompt()
    lines, note = host.console_to_end("a")
    assert lines[-1] == "key 19" and note == "is off"


def pairs(text):
    """(number, reference time in seconds) of the lines of act count."""
    return [(int(i), int(t) / 1e7) for i, t in re.findall(r"count (\d+) at (\d+)\r\n", text)]


@on(*ALL)
def test_pause(host):
    """A paused child stands still, and so does its time."""
    host.start("a", "count")
    host.see("a", "count 3 at")
    host.ok("vm pause a")
    assert host.states() == {"a": "paused"}
    assert host.error("vm pause a") == "a: it is not running"
    paused = host.json("host --json")["uptime"]
    before = host.json("vm stats --json a")
    host.wait_for(lambda: host.json("host --json")["uptime"], lambda now: now > paused + 1)
    assert host.json("vm stats --json a") == before
    host.ok("vm resume a")
    assert host.states() == {"a": "running"}
    with host.at_console("a") as console:
        console.expect("count 3 at")
        counted = [3]
        while len(counted) < 3 or counted[-1] < counted[1] + 5:
            counted.append(int(console.expect(r"count (\d+) at \d+\r\n").group(1)))
    assert counted == list(range(3, 3 + len(counted)))


@on(*ALL)
def test_stats(host):
    host.start("a", "count")
    host.see("a", "count 2 at")
    [vp] = host.json("vm stats --json a")["vps"]
    assert list(vp) == ["vp", "run", "hypervisor", "exits", "kinds"]
    kinds = {kind["kind"]: kind["exits"] for kind in vp["kinds"]}
    assert vp["vp"] == 0 and sum(kinds.values()) == vp["exits"]
    # Each character of "act count", "count 1 at …": a look at the UART, and a write to it.
    assert kinds["io"] > 2 * len("act count\r\ncount 1 at 1234567\r\n")
    assert kinds["rdmsr"] > 0
    assert 0 < vp["hypervisor"] < vp["run"] < host.show("a")["uptime"]
    times = sum(kind["hypervisor"] for kind in vp["kinds"])
    # What it took to begin its turns is no exit's.
    assert vp["hypervisor"] / 2 < times < vp["hypervisor"] + 0.000001 * len(kinds)
    text = host.run("vm stats a")
    assert text[0].split() == ["vp", "run", "hypervisor", "exits", "kind"]
    assert text[1].split()[-1] == "all" and len(text) >= 2 + len(kinds)
    later = host.wait_for(lambda: host.json("vm stats --json a")["vps"][0],
                          lambda now: now["exits"] > vp["exits"])
    assert later["run"] > vp["run"]


@on(*ALL)
def test_resets(host):
    """Who resets itself again and again is stopped at the third time."""
    host.start("a", "reset")
    show = host.wait_state("a", "failed")
    assert show["why"] == "it reset itself three times in ten seconds"
    lines, note = host.console_to_end("a")
    assert lines == ["act reset"] * 3
    assert note == "has failed: " + show["why"]
    assert "vm: a: " + show["why"] in host.console.command("log root")


@on(*ALL)
@pytest.mark.parametrize("act", ["reset", "reset-by-keyboard", "reset-by-msr", "triple", "jump"])
def test_reset_stops(host, act):
    host.start("a", act, "--memory 8M --on-reset stop")
    show = host.wait_state("a", "failed")
    assert show["why"] == "it reset itself, and is set to stop then"
    lines, _ = host.console_to_end("a")
    assert lines == ["act " + act]
    if act in ("triple", "jump"):
        assert re.search(r"vm: a: VP 0: triple fault at RIP 0x[0-9a-f]+\n",
                         "\n".join(host.console.command("log root")) + "\n")


@on(*ALL)
def test_crash(host):
    """What a guest tells of its crash is kept until its next start."""
    host.start("a", "crash", "--memory 8M --on-reset stop")
    crash = host.wait_state("a", "failed")["crash"]
    assert crash["parameters"][:3] == [1, 2, 3] and crash["parameters"][4] == 25
    assert crash["text"] == "one line\nand  [2Janother"
    assert host.console_to_end("a")[0] == ["act crash", "told"]
    said = host.run("vm show a")
    row = next(i for i, line in enumerate(said) if line.startswith("crash "))
    assert re.fullmatch("crash +0x1 0x2 0x3 0x[0-9a-f]+ 0x19", said[row])
    assert said[row + 1:row + 3] == ["one line", "and  [2Janother"]
    assert "vm: a: VP 0: the guest crashed: 0x1 0x2 0x3 " in "\n".join(
        host.console.command("log root"))
    host.ok("vm set a --cmdline spin")
    host.ok("vm start a")
    assert host.show("a")["crash"] is None


DELIVERY = ("VP 0: the delivery of an interrupt or exception touched 0xd000[0-9a-f]{4}, "
            "where no memory is, at RIP 0x[0-9a-f]+")


@on(*ALL)
def test_stack_nowhere(host):
    """What no processor could do: the VM fails, and says why."""
    host.start("a", "stack")
    show = host.wait_state("a", "failed")
    assert re.fullmatch(DELIVERY, show["why"])
    assert host.console_to_end("a") == (["act stack"], "has failed: " + show["why"])


@on(*ALL)
def test_tables_nowhere(host):
    """Without page tables nothing can be delivered either."""
    host.start("a", "tables", "--memory 8M --on-reset stop")
    show = host.wait_state("a", "failed")
    assert re.fullmatch("it reset itself, and is set to stop then|" + DELIVERY, show["why"])
    assert host.console_to_end("a")[0] == ["act tables"]


@on(*ALL)
def test_reset_restarts(host):
    """One reset builds it anew: a second life, counted."""
    host.start("a", "keys")
    with host.at_console("a") as console:
        console.expect_exact("act keys\r\n")
        console.send("\x12")
        console.expect_exact("key 18\r\n")
        console.expect_exact("act keys\r\n")
    show = host.show("a")
    assert show["state"] == "running" and show["resets"] == 1


@on(*ALL)
@pytest.mark.parametrize("act", ["sleep", "halt"])
def test_ends_by_itself(host, act):
    host.start("a", act)
    assert host.console_to_end("a") == (["act " + act], "is off")
    assert host.wait_state("a", "off")["why"] is None


@on(*ALL)
def test_set(host):
    host.create("a", "sleep")
    host.ok("vm set a --memory 12M --cpus 2 --cmdline keys --weight 7 --cap 90 --reserve 5 "
            "--affinity 0 --on-reset stop --sector-size 4096 --autostart")
    show = host.show("a")
    assert [show[key] for key in ("memory", "cpus", "cmdline", "weight", "cap", "reserve",
                                  "affinity", "on_reset", "sector_size", "autostart")] == [
        12 << 20, 2, "keys", 7, 90, 5, [0], "stop", 4096, True]
    host.ok("vm set a --affinity all --no-autostart --cpus 1 --cap 0")
    show = host.show("a")
    assert (show["affinity"], show["autostart"]) == (None, False)
    host.ok("vm start a")
    host.see("a", "act keys")
    assert host.run("vm set a --cmdline count --memory 8M") == [
        "note: a is running, this takes effect at its next start"]
    assert host.show("a")["cmdline"] == "count"
    with host.at_console("a") as console:
        console.send("x")
        console.expect_exact("key 120\r\n")
    host.ok("vm reset a")
    host.see("a", "act count")
    host.ok("vm kill a")
    host.ok("vm set a --kernel '' --cmdline ''")
    assert host.show("a")["kernel"] is None


# Commands that must fail while "on" runs; what is wrong with any VM is test_vm_cli.py's.
ERRORS = [
    ("vm start on", "on: it is on already"),
    ("vm resume on", "on: it is not paused"),
    ("vm delete on", "on: it is on; vm kill ends it"),
    ("vm create on", "on: there is such a VM already; vm set changes it"),
    ("vm set on --memory 3M", '--memory: "3M" is no multiple of 2M'),
    ("vm set on --kernel /boot/extra/nope", "--kernel: /boot/extra/nope: no such file or "
     "directory"),
    ("vm reset off", "off: it is off; vm start starts it"),
    ("vm kill nobody", 'no VM "nobody"; see vm list'),
    ("vm stats nobody", 'no VM "nobody"; see vm list'),
]


@on(*ALL)
def test_errors(host):
    host.start("on", "idle")
    host.create("off", "idle")
    free = host.memory_free()
    for line, text in ERRORS:
        assert host.error(line) == text, line
    assert host.states() == {"off": "off", "on": "running"}
    assert host.memory_free() == free
    # Nothing of all this was heard by the one that runs.
    host.see("on", "act idle")


# Files that are no kernels, and sizes that do not fit: what `vm start` says.
NO_KERNEL = r"KERNEL: .*; give a bzImage, or a multiboot1 or PVH ELF kernel"
BAD_STARTS = [
    ("--memory 8M", r"KERNEL: there is none; name one with --kernel"),
    ("--memory 8M --kernel /boot/extra/empty", NO_KERNEL),
    ("--memory 8M --kernel /boot/extra/text", NO_KERNEL),
    ("--memory 8M --kernel /boot/extra/short.elf", NO_KERNEL),
    ("--memory 8M --kernel /boot/extra/old.bzimage",
     r"KERNEL: a Linux bzImage by boot protocol 2\.04, and 2\.12 is the oldest that can be loaded; "
     r"name another one with --kernel"),
    ("--memory 2M --kernel /boot/extra/act.elf",
     r"KERNEL: it wants \d+ KiB at 0x200000, where there is not so much memory; give the VM more"),
    ("--memory 64G --kernel /boot/extra/act.elf",
     r"not enough memory for 65536 MiB: \d+ MiB are free; give it less, or stop another VM"),
    ("--memory 8M --kernel /boot/extra/act.elf --initrd /boot/extra/empty",
     r"INITRD: the file is empty; name another one, or none"),
]


@on(*ALL)
def test_bad_starts(host):
    for options, text in BAD_STARTS:
        free = host.memory_free()
        assert host.run("vm create a " + options) == [vms.VOLATILE]
        error = host.error("vm start a")
        assert re.fullmatch("a: " + text, error), error
        show = host.show("a")
        assert (show["state"], "a: " + str(show["why"])) == ("failed", error)
        assert host.error("vm pause a") == "a: it is off; vm start starts it"
        host.ok("vm delete a")
        assert host.memory_free() == free, options


@on(*ALL)
def test_several(host):
    """Three at once; each has its own console and its own end."""
    for name in ("a", "b", "c"):
        host.start(name, "keys")
    assert host.states() == {"a": "running", "b": "running", "c": "running"}
    for number, name in enumerate(("a", "b", "c")):
        with host.at_console(name) as console:
            console.send("ABC"[number])
            console.expect_exact("key %d\r\n" % (65 + number))
    host.ok("vm kill b")
    assert host.states() == {"a": "running", "b": "off", "c": "running"}
    ids = {host.show(name)["partition"] for name in ("a", "c")}
    assert len(ids) == 2 and 0 not in ids
    lines, note = host.console_to_end("b")
    assert lines == ["act keys", "key 66"] and note == "is off"
    host.ok("vm start b")
    host.see("b", "act keys")


@on(*ALL, "svm-smp4-bios")
@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_cpus(host, cpus):
    host.start("a", "cpus", "--memory 8M --cpus %d" % cpus)
    host.see("a", "cpus %d\r\n" % cpus)
    vps = host.wait_for(lambda: host.json("vm stats --json a")["vps"],
                        lambda vps: all(vp["run"] > 0 for vp in vps))
    assert [vp["vp"] for vp in vps] == list(range(cpus))


@on(*ALL)
def test_starts(host):
    """Processors that start by INIT and SIPI, as a PC's do, beside those that start by hypercall."""
    host.start("a", "starts", "--memory 8M --cpus 5")
    host.see("a", "starts 5, 2 by SIPI\r\n")


@on("svm-smp2-bios")
def test_many_cpus(host):
    """64 virtual processors on two."""
    host.start("a", "cpus", "--memory 16M --cpus 64")
    host.see("a", "cpus 64\r\n")
    host.wait_for(lambda: host.json("vm stats --json a")["vps"],
                  lambda vps: len(vps) == 64 and all(vp["run"] > 0 for vp in vps))


@on(*ALL)
def test_memory_is_new(host):
    """What a VM had in its memory no later one finds."""
    words = str((16 << 20) // 8)
    for i in range(3):
        host.start("a", "fill", "--memory 32M")
        host.see("a", "look %s\r\n" % words)
        host.ok("vm kill a")
        host.ok("vm delete a")
        host.start("b", "look", "--memory 32M")
        host.see("b", "look 0\r\n")
        host.ok("vm kill b")
        host.ok("vm delete b")


@on("svm-smp1-bios", "vmx-smp1")
def test_vector_registers(host):
    """x87, SSE and AVX of three VMs that share a processor, and its root's."""
    for name in ("a", "b", "c"):
        host.start(name, "fpu")
    for name in ("a", "b", "c"):
        host.see(name, "fpu kept 10\r\n")
        host.ok("vm kill " + name)
        lines, _ = host.console_to_end(name)
        assert not [line for line in lines if "lost" in line]


@on("svm-smp1-bios", "svm-smp4-bios")
def test_start_and_kill(host):
    """Again and again, whatever it is doing just then."""
    acts = ["spin", "count", "flood", "calls", "ports", "idle"]
    for act in acts:
        host.create(act, act)
    free = host.memory_free()
    for i in range(50):
        name = acts[i % len(acts)]
        host.ok("vm start " + name)
        host.ok("vm kill " + name)
    assert host.memory_free() == free


@on(*ALL)
def test_kill_while_it_starts(host):
    """One that starts again by itself; much memory makes that take a while."""
    host.start("a", "keys", "--memory 256M")
    for _ in range(3):
        host.console.sendline("vm console a")
        host.console.expect_exact("act keys\r\n")
        # Its reset, and before that can be over we leave and kill it.
        host.console.send("\x12" + vms.LEAVE + "vm kill a\r")
        host.console.expect_exact("vm kill a\r\n")
        host.console.prompt()
        assert host.states() == {"a": "off"}
        host.ok("vm start a")


@on(*ALL)
def test_kill_while_it_floods(host):
    host.start("a", "flood")
    host.see("a", "flood 50, a line")
    host.ok("vm kill a")
    lines, _ = host.console_to_end("a")
    # 64 KiB are kept, and nothing in them is lost or twice.
    numbers = [int(n) for n in re.findall(r"^flood (\d+), a line like many others of the same "
                                          r"child$", "\n".join(lines), re.MULTILINE)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert len(lines) - len(numbers) <= 2
