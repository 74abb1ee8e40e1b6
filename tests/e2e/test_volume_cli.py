# SPDX-License-Identifier: MIT
"""Commands for files on volumes, as a person types them: what they show, and what they refuse.

A line that fails says so once and leaves everything as it was.
"""
import json
import re

import pytest

from test_disk import MIB, MODELS, qemu, settled, sha256, start, started
from test_volume import (check_clean, drop, make_volume, mounted, names, ok, power_off,
                         tool)

CTRL_C = "\x03"
SLOW = 4 * MIB  # bytes per second: a copy takes 16 s

SIZES = ["0", "511", "5.5G", "-1", "1GB", "17T", "x", "99999999999999999999999"]
WRONG = [
    ("cp", "cp: words are missing; usage: cp [-r] SOURCE TARGET"),
    ("cp /vm/f", "cp: words are missing; usage: cp [-r] SOURCE TARGET"),
    ("cp /vm/f /vm/x /vm/y", 'cp: too many words: "/vm/y"; usage: cp [-r] SOURCE TARGET'),
    ("cp -x /vm/f /vm/x", "cp: no option -x; see help cp"),
    ("cp --force /vm/f /vm/x", "cp: no option --force; see help cp"),
    ("cp /vm/nope /vm/x", "/vm/nope: no such file or directory"),
    ("cp /vm/f /vm/nope/x", "/vm/nope/x: no such file or directory"),
    ("cp /vm/f /vm/nope/", "/vm/nope/: no such file or directory"),
    ("cp /vm/f /vm/f/x", "/vm/f/x: not a directory"),
    ("cp /vm/f /vm/f", "/vm/f: is itself the source"),
    ("cp /vm/f /vm", "/vm/f: is itself the source"),
    ("cp /vm/dir /vm/x", "/vm/dir: is a directory; -r copies it"),
    ("cp -r /vm/dir /vm/f", "/vm/f: not a directory"),
    ("cp -r /vm/dir /vm/dir/in", "/vm/dir/in: is inside of the source"),
    ("cp -r /vm /vol/data/../../vm/dir", "/vm/dir/vm: is inside of the source"),
    ("cp /vm/f /vm/" + "n" * 256, "/vm/" + "n" * 252 + ": name too long"),
    ("cp /vm/f /boot/x", "/boot/x: read-only file system"),
    ("cp /vm/f /vol/x", "/vol/x: read-only file system"),
    ("cp /vm/f x", "/x: read-only file system"),
    ("cp /vm/f /dev/disk0", "/dev/disk0: in use"),
    ("cp /vm/f /dev/disk9", "/dev/disk9: read-only file system"),
    ("cp /vm/f /dev/cd0", "/dev/cd0: read-only file system"),
    ("mv /vm/f", "mv: words are missing; usage: mv SOURCE TARGET"),
    ("mv /vm/nope /vm/x", "/vm/nope: no such file or directory"),
    ("mv /vm/f /vm/f", "/vm/f: is itself the source"),
    ("mv /vm/dir /vm/f", "/vm/f: not a directory"),
    ("mv /vm/dir /vm/dir/x", "/vm/dir/x: is inside of the source"),
    ("mv /vm/dir /vol/data", "/vol/data/dir: is on another file system; cp -r copies it"),
    ("mv /vm/f /boot", "/boot/f: read-only file system"),
    ("mv /boot/motd /vm", "/boot/motd: read-only file system"),
    ("mv /dev/disk0 /vm/x", "/dev/disk0: read-only file system"),
    ("mv /vm /vol/data", "/vm: in use"),
    ("mv /vol/data /vm", "/vol/data: in use"),
    ("rm", "rm: words are missing; usage: rm PATH..."),
    ("rm -r /vm/dir", "rm: no option -r; see help rm"),
    ("rm /vm/dir", "/vm/dir: directory not empty"),
    ("rm /vm/nope", "/vm/nope: no such file or directory"),
    ("rm /vm/f/x", "/vm/f/x: not a directory"),
    ("rm /vm", "/vm: in use"),
    ("rm /", "/: in use"),
    ("rm /dev/disk0", "/dev/disk0: read-only file system"),
    ("mkdir", "mkdir: words are missing; usage: mkdir PATH..."),
    ("mkdir /vm/dir", "/vm/dir: exists already"),
    ("mkdir /vm/f", "/vm/f: exists already"),
    ("mkdir /vm/a/b", "/vm/a/b: no such file or directory"),
    ("mkdir /vol/x", "/vol/x: read-only file system"),
    ("mkdir /dev/x", "/dev/x: read-only file system"),
    ("ls /vm/nope", "/vm/nope: no such file or directory"),
    ("ls -z /vm", "ls: no option -z; see help ls"),
    ("ls /vm /vol", 'ls: too many words: "/vol"; usage: ls [-l] [--json] [PATH]'),
    ("cat", "cat: words are missing; usage: cat PATH..."),
    ("cat /vm/dir", "/vm/dir: is a directory"),
    ("cat /vm/link", "/vm/link: a symbolic link"),
    ("sha256", "sha256: words are missing; usage: sha256 [--offset N] [--length N] PATH..."),
    ("sha256 /vm/dir", "/vm/dir: is a directory"),
    ("sha256 --offset 4 --length 4093 /vm/f", "/vm/f: has only 4096 bytes"),
    ("sha256 --offset", "sha256: option --offset needs N; see help sha256"),
    ("df /vm", 'df: too many words: "/vm"; usage: df [--json]'),
    ("volume", "volume: a command is missing; see help volume"),
    ("volume show", 'no command "volume show"; see help volume'),
    ("volume list x", 'volume list: too many words: "x"; usage: volume list [--json]'),
    ("disk create", "disk create: words are missing; usage: disk create --size SIZE [--full] PATH"),
    ("disk create /vm/x", "disk create: --size is missing"),
    ("disk create /vm/x --size", "disk create: option --size needs SIZE; see help disk create"),
    ("disk create /vm/x --size 513", "--size: not a multiple of 512"),
    ("disk create /vm/f --size 1M", "/vm/f: exists already"),
    ("disk create /vm/dir --size 1M", "/vm/dir: exists already"),
    ("disk create /vm/a/x --size 1M", "/vm/a/x: no such file or directory"),
    ("disk create x --size 1M", "x: read-only file system"),
    ("disk create /vm/x --size 1G --full", "/vm/x: no space left"),
    # One block more than the format has numbers for.
    ("disk create /vm/x --size 16T", "/vm/x: too large for a file"),
] + [("disk create /vm/x --size %s" % size, '--size: "%s" is not from 512 to 16T; K, M, G or T may '
      "follow the number" % size) for size in SIZES]


def look(machine):
    """All that a line which fails must not change."""
    return [json.loads(ok(machine, line)[0]) for line in (
        "ls --json /vm", "ls --json /vm/dir", "ls --json /vol/data", "df --json")]


def test_wrong_input_changes_nothing(boot, tmp_path):
    images = [make_volume(tmp_path, "VMSTORE", [("f", 4096)], size="16M"),
              make_volume(tmp_path, "data", [("g", 100)], size="16M")]
    for change in ("mkdir dir", "symlink link f"):
        tool("debugfs", "-w", "-R", change, images[0])
    tool("debugfs", "-w", "-R", "write %s dir/inner" % (tmp_path / "data-files" / "g"), images[0])
    machine = start(boot, "nvme", images)
    settled(machine)
    before = look(machine)
    said = [(line, machine.console.command(line)) for line, _ in WRONG]
    wanted = [(line, ["error: " + why]) for line, why in WRONG]
    assert [pair for pair in zip(said, wanted) if pair[0] != pair[1]] == []
    assert look(machine) == before
    # Those that can be done are.
    assert machine.console.command("rm /vm/nope /vm/f /vm/dir") == [
        "error: /vm/nope: no such file or directory", "error: /vm/dir: directory not empty"]
    assert machine.console.command("mkdir /vm/a/b /vm/a /vm/a/b") == [
        "error: /vm/a/b: no such file or directory"]
    assert names(machine, "/vm") == ["a", "dir", "link", "lost+found"]
    assert names(machine, "/vm/a") == ["b"]
    ok(machine, "rm /vm/a/b /vm/a")
    power_off(machine)
    for image in images:
        check_clean(image)
    drop(tmp_path)


def test_shown_and_moved(boot, tmp_path):
    """What ls, df, volume list and cat show; mv within a volume and to another one."""
    images = [make_volume(tmp_path, "VMSTORE", [("f", 5000)], size="16M"),
              make_volume(tmp_path, "data", size="16M")]
    there = sha256(tmp_path / "VMSTORE-files" / "f")
    with open(tmp_path / "text", "w", encoding="ascii") as f:
        f.write("the first line\nthe second\n")
    tool("debugfs", "-w", "-R", "write %s text" % (tmp_path / "text"), images[1])
    machine = start(boot, "virtio", images)
    settled(machine)
    console = machine.console
    head, row, lost = ok(machine, "ls -l /vm")
    assert head.split() == ["type", "size", "mtime", "name"]
    assert row.split()[:2] == ["file", "5000"] and row.split()[-1] == "f"
    assert re.fullmatch(r"directory +0  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  lost\+found", lost)
    assert ok(machine, "cat /vol/data/text") == ["the first line", "the second"]
    rows = [line.split() for line in ok(machine, "volume list")]
    assert [row[:3] + row[-3:] for row in rows[1:]] == [
        ["disk0", "ext4", "VMSTORE", "/vm", "mounted", "-"],
        ["disk1", "ext4", "data", "/vol/data", "mounted", "-"],
        # What the machine was started from.
        ["cd0", "iso9660", "VERDIGRIS", "are", "only", "read"]]
    assert [line.split()[-2:] for line in ok(machine, "df")[1:]][-3:] == [
        ["no", "/vm"], ["no", "/vol/data"], ["yes", "/vol/VERDIGRIS"]]
    for line in ("mkdir /vm/dir", "mv /vm/f /vm/dir", "mv /vm/dir/f /vm/dir/g", "mv /vm/dir /vm/d",
                 "mv /vm/d/g /vol/data", "cp -r /vm/d /vol/data/e",
                 "cp /vol/data/g /vol/data/text"):
        assert console.command(line) == [], line
    assert names(machine, "/vm") == ["d", "lost+found"] and names(machine, "/vm/d") == []
    assert names(machine, "/vol/data") == ["e", "g", "lost+found", "text"]
    power_off(machine)
    for image in images:
        check_clean(image)
    for path in ("/g", "/text"):
        tool("debugfs", "-R", "dump %s %s" % (path, tmp_path / "back"), images[1])
        assert sha256(tmp_path / "back") == there
    drop(tmp_path)


@pytest.mark.parametrize("command", ["cp", "mv"])
def test_ctrl_c(command, boot, tmp_path):
    """A copy shows how far it is; Ctrl-C takes away what there is of it."""
    images = [make_volume(tmp_path, "VMSTORE", [("f", 64 * MIB)], size="96M"),
              make_volume(tmp_path, "data", size="96M")]
    name, how, sector, _, _ = MODELS["ahci"]
    # Slow to read, so that there is time.
    extra = ["-boot", "d"] + qemu(how, 0, images[0] + ",throttling.bps-read=%d" % SLOW, sector)
    machine = started(boot, name, extra + qemu(how, 1, images[1], sector))
    console, before = machine.console, mounted(machine, "/vol/data")
    console.sendline(command + " /vm/f /vol/data/copy")
    console.expect(r"\r\[#[#.]{23}\] +(\d+) %")
    console.send(CTRL_C)
    said = console.prompt()
    assert not [text for text in said if "error" in text or "100 %" in text], said
    assert names(machine, "/vol/data") == ["lost+found"]
    assert mounted(machine, "/vol/data") == before
    assert names(machine, "/vm") == ["f", "lost+found"]
    power_off(machine)
    for image in images:
        check_clean(image)
    drop(tmp_path)
