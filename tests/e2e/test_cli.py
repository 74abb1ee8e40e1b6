# SPDX-License-Identifier: MIT
"""The root partition's command line, typed as a person does, on both vendors."""
import json
import os
import re
import sys
import time

import pytest

import machine as machines
import screens
from test_disk import settled

sys.path.insert(0, os.path.join(machines.ROOT, "tools"))
import mkcpio  # noqa: E402

BOTH = ["svm-smp2-bios", "vmx-smp1"]
on_both = pytest.mark.parametrize("booted", BOTH, indirect=True, scope="module")
COMMANDS = ["cat", "cp", "df", "disk", "echo", "help", "host", "log", "ls", "mkdir", "mv", "net",
            "nic", "pci", "poweroff", "reboot", "rm", "run", "sha256", "top", "trace", "vm", "volume"]
CTRL_C, CTRL_A, CTRL_W, CTRL_U, CTRL_K = "\x03", "\x01", "\x17", "\x15", "\x0b"
UP, DOWN, LEFT = "\x1b[A", "\x1b[B", "\x1b[D"


def one_json(console, line):
    """The document that a command prints on one line."""
    lines = console.command(line)
    assert len(lines) == 1, lines
    return json.loads(lines[0])


def enter_raw(console, keys):
    """Types keys and Enter without asking for their echo; the lines after it."""
    console.send(keys + "\r")
    console.expect(r"\n")
    console.expect("(^|\n)" + re.escape(machines.PROMPT))
    return machines.lines_of(console.text_before())


@on_both
def test_help(booted):
    lines = booted.console.command("help")
    assert [line.split()[0] for line in lines[:len(COMMANDS)]] == COMMANDS
    assert [c["name"] for c in one_json(booted.console, "help --json")] == COMMANDS
    for name in COMMANDS:
        assert booted.console.command("help " + name)[0].startswith("usage: " + name)
    [one] = one_json(booted.console, "help --json ls")
    assert one["name"] == "ls" and "[PATH]" in one["usage"]
    assert booted.console.command("help poweroff")[0] == "usage: poweroff"
    assert "  -l, --long " in booted.console.command("help ls")[2]


@on_both
def test_host(booted):
    console = booted.console
    host = one_json(console, "host --json")
    count = booted.options.get("smp", 1)
    assert host["vendor"] == ("vmx" if booted.name.endswith("vmx-smp1") else "svm")
    assert host["processors"] == count == len(host["apic_ids"])
    assert host["hypervisor"] == host["root"]
    # Memory adds up, but for what is no page of the allocator.
    assert host["memory_free"] < host["memory_root"]
    left = host["memory"] - host["memory_hypervisor"] - host["memory_root"]
    assert 0 <= left < 16 << 20, host
    assert 0 < host["boot"] < host["uptime"] + 0.001
    assert 100_000_000 < host["tsc"] < 10_000_000_000
    rows = dict(re.split(r"\s+", line, maxsplit=1) for line in console.command("host"))
    assert set(rows) == set(host)
    assert rows["apic_ids"].split() == [str(i) for i in host["apic_ids"]]
    assert 0 < host["boot"] < host["uptime"] + 0.001
    assert one_json(console, "host --json")["uptime"] > host["uptime"]


@on_both
def test_log(booted):
    console = booted.console
    # No line comes by itself any more.
    settled(booted)
    hypervisor = console.command("log hypervisor")
    assert hypervisor[0].startswith("verdigris: hypervisor ")
    root = console.command("log root")
    assert console.command("log") == ["--- hypervisor"] + hypervisor + ["--- root"] + root
    document = one_json(console, "log --json")
    assert document["hypervisor"] == {"dropped": 0, "lines": hypervisor}
    assert document["root"]["lines"] == root
    assert list(one_json(console, "log --json root")) == ["root"]


@on_both
def test_top(booted):
    console = booted.console
    count = booted.options.get("smp", 1)
    lines = console.command("top --once")
    assert lines[0].split() == ["vp", "guest", "hypervisor", "idle", "exits", "kinds"]
    assert [line.split()[0] for line in lines[1:1 + count]] == [str(vp) for vp in range(count)]
    assert lines[1 + count].split() == ["task", "vp", "time"]
    document = one_json(console, "top --json")
    for vp in document["vps"]:
        assert 99.5 <= vp["guest"] + vp["hypervisor"] + vp["idle"] <= 100.5
        assert 0 <= vp["busy"] <= 10_000_000_000
        # Rates are rounded, each by itself.
        assert abs(sum(vp["kinds"].values()) - vp["exits"]) <= len(vp["kinds"])
    assert document["vps"][0]["kinds"]["hlt"] > 0
    names = [task["task"] for task in document["tasks"]]
    assert names.count("idle") == count and "cli" in names
    assert len(console.command("top --count 2 --json")) == 2


@on_both
def test_top_total(booted):
    """Since the start, and exact: what a command costs is what the counters differ by."""
    console = booted.console
    before, after = (one_json(console, "top --total --json")["vps"] for _ in range(2))
    assert [vp["vp"] for vp in after] == list(range(booted.options.get("smp", 1)))
    for old, new in zip(before, after):
        assert new["exits"] == sum(new["kinds"].values()) >= old["exits"]
        assert all(new["kinds"][kind] >= count for kind, count in old["kinds"].items())
        assert 0 < old["hypervisor"] <= new["hypervisor"] <= new["run"]
    assert sum(vp["exits"] for vp in after) > sum(vp["exits"] for vp in before)
    lines = console.command("top --total")
    assert lines[0].split() == ["vp", "run", "hypervisor", "exits", "kind"]
    assert [line.split()[0] for line in lines if line.endswith("  all")] == [
        str(vp["vp"]) for vp in after]


@on_both
def test_top_ends_by_ctrl_c(booted):
    console = booted.console
    console.sendline("top")
    console.expect("vp  guest")
    console.expect("vp  guest")
    console.send(CTRL_C)
    console.expect_exact("^C\r\n" + machines.PROMPT)
    assert console.command("echo alive") == ["alive"]


@on_both
def test_trace(booted):
    console = booted.console
    lines = console.command("trace")
    assert lines[0].split() == ["time", "cpu", "partition", "vp", "event", "detail"]
    assert len(lines) == 33
    records = one_json(console, "trace --json --count 100")
    assert len(records) == 100
    times = [record["time"] for record in records]
    assert times == sorted(times)
    exits = [r for r in records if r["event"] == "exit"]
    assert exits and all("rip=0x" in r["detail"] for r in exits)
    assert {r["cpu"] for r in one_json(console, "trace --json --cpu 0")} == {0}


@on_both
def test_files(booted):
    console = booted.console
    # /vol is there if the machine has disks or discs with file systems.
    settled(booted)
    assert [n for n in console.command("ls") if n != "vol/"] == ["boot/", "dev/", "vm/"]
    assert console.command("ls /") == console.command("ls")
    assert console.command("ls /boot") == ["examples/", "motd", "version.txt", "worker.elf"]
    assert console.command("ls boot/../boot/./examples") == ["echo.elf", "tour.cli"]
    motd = open(machines.ROOT + "/boot/archive/motd").read()
    assert console.command("cat /boot/motd") == [motd.rstrip("\n")]
    lines = console.command("ls -l /boot")
    assert lines[0].split() == ["type", "size", "mtime", "name"]
    assert lines[2].split() == ["file", str(len(motd)), "-", "motd"]
    assert one_json(console, "ls --json /boot")[:2] == [
        {"type": "directory", "size": 0, "mtime": None, "name": "examples"},
        {"type": "file", "size": len(motd), "mtime": None, "name": "motd"}]
    assert console.command("ls --long /boot/motd")[1:] == [lines[2]]
    both = console.command("cat /boot/motd /boot/nope /boot/motd")
    assert both == [motd.rstrip("\n"), "error: /boot/nope: no such file or directory",
                    motd.rstrip("\n")]


@on_both
def test_words(booted):
    console = booted.console
    for line, said in [
            ("echo a   b", "a b"), ("  echo a ", "a"),
            ("echo 'a   b' \"c  d\"", "a   b c  d"), ("echo \"it's\" 'a \"b\"'", "it's a \"b\""),
            ("echo a'b'\"c\"", "abc"), ("echo '' x", " x"), ("echo a # comment", "a"),
            ("echo '#' a#b", "# a#b"), ("echo -- -l --json", "-l --json"), ("echo ^C;|&", "^C;|&")]:
        assert console.command(line) == [said], line
    assert console.command("") == []
    assert console.command("   ") == []
    assert console.command("# nothing") == []


WRONG = [
    ("nope", 'no command "nope"; see help'),
    ("Help", 'no command "Help"; see help'),
    ("'two words'", 'no command "two words"; see help'),
    ("echo 'open", "a quote is not closed"),
    ('echo "open', "a quote is not closed"),
    ("echo " + "x " * 70, "more than 64 words"),
    ("echo --loud", "echo: no option --loud; see help echo"),
    ("help nope", 'no command "nope"; see help'),
    ("help --json nope", 'no command "nope"; see help'),
    ("help a b", 'no command "a b"; see help'),
    ("help a b c", 'help: too many words: "c"; usage: help [--json] [COMMAND]'),
    ("host now", 'host: too many words: "now"; usage: host [--json]'),
    ("host --json=yes", "host: option --json takes no value; see help host"),
    ("log nobody", 'no log "nobody"; there are hypervisor and root'),
    ("ls -x", "ls: no option -x; see help ls"),
    ("ls /nope", "/nope: no such file or directory"),
    ("ls /boot/motd/x", "/boot/motd/x: not a directory"),
    ("ls --json /nope", "/nope: no such file or directory"),
    ("ls ''", ": no such file or directory"),
    ("ls " + "n" * 300, "n" * 256 + ": name too long"),
    ("cat", "cat: words are missing; usage: cat PATH..."),
    ("cat /boot", "/boot: is a directory"),
    ("run", "run: words are missing; usage: run FILE"),
    ("run /nope", "/nope: no such file or directory"),
    ("top --count", "top: option --count needs N; see help top"),
    ("top --count 0", '--count: "0" is no number from 1 to 1000000'),
    ("top --count -1", '--count: "-1" is no number from 1 to 1000000'),
    ("trace --cpu 64", None),
    ("trace --count 18446744073709551616",
     '--count: "18446744073709551616" is no number from 1 to 1024'),
    ("poweroff now", 'poweroff: too many words: "now"; usage: poweroff'),
    ("reboot --force", "reboot: no option --force; see help reboot"),
]


@on_both
def test_wrong_input_gets_one_line(booted):
    for line, why in WRONG:
        said = booted.console.command(line)
        assert len(said) == 1 and said[0].startswith("error: "), (line, said)
        assert why is None or said == ["error: " + why], line


@on_both
def test_long_lines(booted):
    """512 characters are the promise, 1024 the truth; a bell for each one more."""
    console = booted.console
    for length in (512, 1024):
        text = "echo " + "0123456789" * 110
        assert console.command(text[:length]) == [text[5:length]]
    console.send("echo " + "y" * 1019 + "zz")
    console.expect_exact("y" * 1019 + "\a\a")
    console.send("\r")
    assert console.prompt() == ["", "y" * 1019]


@on_both
def test_editing(booted):
    console = booted.console
    assert enter_raw(console, "echo ac" + LEFT + "b") == ["abc"]
    assert enter_raw(console, "cho abc" + CTRL_A + "e") == ["abc"]
    assert enter_raw(console, "echo abcx\x7f") == ["abc"]
    assert enter_raw(console, "junk" + CTRL_U + "echo abc") == ["abc"]
    assert enter_raw(console, "echo abc junk" + CTRL_W) == ["abc"]
    assert enter_raw(console, "echo abcd" + LEFT + CTRL_K) == ["abc"]
    # Neither Ctrl-], nor Ctrl-D, nor an unknown sequence does anything.
    assert enter_raw(console, "ec\x1d\x04\x1b[24~ho abc") == ["abc"]


@on_both
def test_history(booted):
    console = booted.console
    assert console.command("echo one") == ["one"]
    assert console.command("echo two") == ["two"]
    assert enter_raw(console, UP) == ["two"]
    assert enter_raw(console, UP + UP) == ["one"]
    assert enter_raw(console, "half" + UP + UP + DOWN + DOWN + "\x15echo three") == ["three"]
    assert enter_raw(console, UP + " more") == ["three more"]


@on_both
def test_tab(booted):
    console = booted.console
    console.send("ec\t")
    console.expect_exact("echo ")
    console.send("/b\t")
    console.expect_exact("\a")  # echo takes no paths
    console.send(CTRL_C)
    console.prompt()
    assert enter_raw(console, "cat /bo\tmo\t") == console.command("cat /boot/motd")
    console.send("h\t\t")
    console.expect_exact("help  host\r\nroot> h")
    console.send("o\t")
    console.expect_exact("ost ")
    console.send("--j\t")
    console.expect_exact("son ")
    console.send("\r")
    console.expect("\n")
    json.loads(console.prompt()[0])
    console.send("nothing\t")
    console.expect_exact("nothing\a")
    console.send(CTRL_C)
    console.prompt()


@on_both
def test_ctrl_c_gives_a_line_up(booted):
    console = booted.console
    console.send("poweroff" + CTRL_C)
    console.expect_exact("poweroff^C\r\n" + machines.PROMPT)
    console.send(CTRL_C)
    console.expect_exact("^C\r\n" + machines.PROMPT)
    assert console.command("echo alive") == ["alive"]


@on_both
def test_one_prompt_per_command(booted):
    """Typed ahead, more than the input queue holds: every line once, in order."""
    console = booted.console
    lines = ["echo line-%04d-%s" % (i, "x" * 40) for i in range(300)]
    console.send("".join(line + "\r" for line in lines))
    for line in lines:
        console.expect_exact(line + "\r\n" + line[5:] + "\r\n" + machines.PROMPT)
    console.sendline("echo end")
    console.expect_exact("echo end\r\nend\r\n" + machines.PROMPT)
    assert console.text_before() == ""


def script(*lines):
    return mkcpio.archive({name: (mkcpio.FILE, text.encode()) for name, text in lines})


@pytest.fixture(scope="module")
def scripts_iso(make_iso, tmp_path_factory):
    """Two extra archives, the later with a damaged end."""
    folder = tmp_path_factory.mktemp("extra")
    one = script(
        ("good.cli", "# a comment\necho one\n\necho 'two  words'\n"),
        ("bad.cli", "echo before\nnope\ncat /nope\necho after"),
        ("outer.cli", "echo outer\nrun /boot/extra/bad.cli\necho end\n"),
        ("deep.cli", "echo deeper\nrun /boot/extra/deep.cli\n"),
        ("long.cli", "echo short\r\n" + "x" * 2000 + "\necho next\n"),
        ("endless.cli", "top\necho never\n"),
        ("large", "0123456789abcdef\n" * 250000),
        ("both", "of the first\n"))
    two = script(("both", "of the second\n"), ("dir/inside", "no newline"))
    paths = []
    for name, data in (("extra1.cpio", one), ("extra2.cpio", two[:-124] + b"damage")):
        paths.append((str(folder / name), name))
        (folder / name).write_bytes(data)
    return make_iso(extra=paths)


@pytest.mark.parametrize("name", BOTH)
def test_extra_archives_and_run(name, boot, scripts_iso):
    console = boot(name, scripts_iso).console
    console.prompt()
    assert console.command("ls /boot/extra") == [
        "bad.cli", "both", "deep.cli", "dir/", "endless.cli", "good.cli",
        "large", "long.cli", "outer.cli"]
    assert console.command("cat /boot/extra/both") == ["of the second"]
    # The prompt comes on its own line all the same.
    assert console.command("cat /boot/extra/dir/inside") == ["no newline"]
    assert any("extra2.cpio is damaged at byte" in line for line in console.command("log root"))
    assert console.command("run /boot/extra/good.cli") == ["one", "two  words"]
    bad = ["before", 'error: /boot/extra/bad.cli:2: no command "nope"; see help',
           "error: /boot/extra/bad.cli:3: /nope: no such file or directory", "after"]
    assert console.command("run /boot/extra/bad.cli") == bad
    assert console.command("run /boot/extra/outer.cli") == ["outer"] + bad + ["end"]
    assert console.command("run /boot/extra/deep.cli") == ["deeper"] * 4 + [
        "error: /boot/extra/deep.cli:2: run: files run files more than 4 deep"]
    assert console.command("run /boot/extra/long.cli") == [
        "short", "error: /boot/extra/long.cli:2: more than 1024 characters", "next"]
    console.sendline("cat /boot/extra/large")
    console.expect_exact("0123456789abcdef\r\n" * 3)
    console.send(CTRL_C)
    assert len(console.prompt()) < 200000
    console.sendline("run /boot/extra/endless.cli")
    console.expect("vp  guest")
    console.send(CTRL_C)
    console.expect_exact("^C\r\n" + machines.PROMPT)
    assert console.command("echo alive") == ["alive"]


@pytest.mark.parametrize("name", BOTH)
def test_reboot_and_poweroff(name, boot):
    machine = boot(name)
    machine.console.prompt()
    machine.console.sendline("reboot")
    machine.console.prompt()
    machine.console.sendline("poweroff")
    machine.console.wait_for_end()
    machine.wait_exit()


NAMES = {" ": "spc", "-": "minus", "/": "slash", "\n": "ret", "'": "apostrophe"}


def type_keys(machine, text):
    for c in text:
        machine.monitor("sendkey %s%s 5" % ("shift-" if c.isupper() else "",
                                           NAMES.get(c, c.lower())))


def wait_for(look, *wanted):
    """Looks until these lines, one below the other, are on the screen; its lines."""
    deadline = time.monotonic() + machines.PATIENCE["qemu"]
    while True:
        lines = [line for line in look() if line]
        if any(tuple(lines[i:i + len(wanted)]) == wanted for i in range(len(lines))):
            return lines
        assert time.monotonic() < deadline, "\n".join(lines)
        time.sleep(0.05)


# What stands where the cursor is, on a screen read by its glyphs.
CURSOR = "\x7f"


@pytest.mark.parametrize("name", ["svm-smp1-bios", "svm-smp2-uefi"])
def test_screen_and_keyboard(name, boot):
    """The prompt on the screen, commands from the PS/2 keyboard, both consoles the same."""
    machine = boot(name)
    console = machine.console
    console.prompt()
    prompt = "root> " + CURSOR if name.endswith("uefi") else "root>"

    def look():
        return screens.lines(machine)

    lines = wait_for(look, prompt)
    # What the hypervisor wrote stays in sight.
    assert any(line.startswith("verdigris: hypervisor") for line in lines), lines
    assert any(line.startswith("Verdigris ") for line in lines), lines
    type_keys(machine, "echo 'Hello  World' a/b-c\n")
    console.expect_exact("echo 'Hello  World' a/b-c\r\nHello  World a/b-c\r\n")
    console.prompt()
    wait_for(look, "Hello  World a/b-c")
    # Arrows, Ctrl-C, Caps Lock.
    machine.monitor("sendkey up 5")
    console.expect_exact("echo 'Hello  World' a/b-c")
    machine.monitor("sendkey ctrl-c 5")
    console.expect_exact("^C\r\n" + machines.PROMPT)
    machine.monitor("sendkey caps_lock 5")
    type_keys(machine, "abc")
    console.expect_exact("ABC")
    machine.monitor("sendkey caps_lock 5")
    machine.monitor("sendkey ctrl-u 5")
    type_keys(machine, "top\n")
    console.expect("vp  guest")
    machine.monitor("sendkey ctrl-c 5")
    console.expect_exact("^C\r\n" + machines.PROMPT)
    # More than a screen: it scrolls, and the newest is there.
    console.command("help")
    console.command("log hypervisor")
    console.command("help")
    assert console.command("echo the end") == ["the end"]
    lines = wait_for(look, "root> echo the end", "the end", prompt)
    assert lines[-1] == prompt
