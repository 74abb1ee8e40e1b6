# SPDX-License-Identifier: MIT
"""VMs as the command line keeps them: create, set, list, show, delete, and /vm's files.

None of them is started here.
"""
import json
import os
import sys

import pytest

import machine as machines

sys.path.insert(0, os.path.join(machines.ROOT, "tools"))
import mkcpio  # noqa: E402

on_both = pytest.mark.parametrize("booted", ["svm-smp1-bios", "vmx-smp1"], indirect=True,
                                  scope="module")
on_svm = pytest.mark.parametrize("booted", ["svm-smp1-bios"], indirect=True, scope="module")
NOTE = "note: no VMSTORE volume, VMs are lost at power-off"
CTRL_C, CTRL_U = "\x03", "\x15"
CONF = """\
format = 1
memory = 1536M
cpus = 4
kernel = "/boot/motd"
initrd = "/boot/version.txt"
cmdline = "console=ttyS0 root=\\"a b\\" # \\\\"
weight = 200
cap = 75
reserve = 50
affinity = 0
autostart = yes
on-reset = stop
sector-size = 512
"""


@pytest.fixture
def console(booted):
    """The console, with no VM and nothing at /vm before and after."""
    console = booted.console
    assert names(console) == []
    yield console
    for name in names(console):
        assert console.command("vm delete " + name) == []
    assert console.command("ls /vm") == []


def one_json(console, line):
    lines = console.command(line)
    assert len(lines) == 1, lines
    return json.loads(lines[0])


def names(console):
    return [vm["name"] for vm in one_json(console, "vm list --json")]


@on_both
def test_create_list_show_set_delete(console):
    assert console.command("vm list") == [
        "name  state        memory  cpus  uptime           cpu"]
    assert console.command("vm create web") == [NOTE]
    assert console.command(
        "vm create big-database --memory 1536M --cpus 4 --kernel boot/motd "
        "--initrd /boot/version.txt --cmdline 'console=ttyS0 root=\"a b\" # \\' --weight 200 "
        "--cap 75 --reserve 50 --affinity 0 --autostart --on-reset stop") == [NOTE]
    assert console.command("vm list") == [
        "name          state        memory  cpus  uptime           cpu",
        "big-database  off         1.5 GiB     4  -                -",
        "web           off         512 MiB     1  -                -"]
    assert one_json(console, "vm list --json") == [
        {"name": "big-database", "state": "off", "memory": 1536 << 20, "cpus": 4, "uptime": 0,
         "cpu": 0},
        {"name": "web", "state": "off", "memory": 512 << 20, "cpus": 1, "uptime": 0, "cpu": 0}]
    assert "\n".join(console.command("cat /vm/big-database/vm.conf")) + "\n" == CONF
    shown = one_json(console, "vm show big-database --json")
    assert shown["cmdline"] == 'console=ttyS0 root="a b" # \\'
    assert shown["affinity"] == [0] and shown["autostart"] is True and shown["cap"] == 75
    rows = dict(line.split(None, 1) for line in console.command("vm show big-database"))
    assert set(rows) == set(shown)
    assert rows["cmdline"] == shown["cmdline"] and rows["on_reset"] == "stop"
    assert console.command("vm set web --memory 2M --cpus 2 --kernel /boot/motd") == []
    assert console.command("vm set web --cap 0 --kernel '' --autostart --no-autostart") == []
    shown = one_json(console, "vm show --json web")
    assert (shown["memory"], shown["cpus"], shown["kernel"]) == (2 << 20, 2, None)
    assert shown["autostart"] is False and shown["affinity"] is None
    assert console.command("vm delete big-database") == []
    assert names(console) == ["web"]
    assert console.command("ls /vm") == ["web/"]


@on_both
def test_disks(console):
    """Disks of a VM that is off: what is set is shown, and stands in its file."""
    assert console.command("disk create /vm/a.img --size 1M") == []
    assert console.command("disk create /vm/b.img --size 6K") == []
    assert console.command("vm create web --disk /vm/a.img --sector-size 4096 "
                           "--disk //boot/./motd,ro") == [NOTE]
    assert console.command("cat /vm/web/vm.conf")[-3:] == [
        "sector-size = 4096", 'disk0 = "/vm/a.img"', 'disk1 = "/boot/motd,ro"']
    assert console.command("vm set web --add-disk /vm/b.img --remove-disk /vm/a.img") == [
        "added /vm/b.img as LUN 2", "removed /vm/a.img, which was LUN 0"]
    assert console.command("vm set web --cpus 2 --add-disk /vm/a.img,ro") == [
        "added /vm/a.img, read-only, as LUN 0"]
    assert console.command("cat /vm/web/vm.conf")[-3:] == [
        'disk0 = "/vm/a.img,ro"', 'disk1 = "/boot/motd,ro"', 'disk2 = "/vm/b.img"']
    shown = one_json(console, "vm show --json web")
    assert shown["cpus"] == 2 and shown["bus"] is None and shown["channels"] == []
    # motd is shorter than a sector.
    assert shown["disks"] == [
        {"lun": 0, "path": "/vm/a.img", "read_only": True, "sector_size": 4096, "size": 1 << 20},
        {"lun": 1, "path": "/boot/motd", "read_only": True, "sector_size": 4096, "size": None},
        {"lun": 2, "path": "/vm/b.img", "read_only": False, "sector_size": 4096, "size": 4096}]
    lines = console.command("vm show web")
    assert lines[lines.index("disks              3"):] == [
        "disks              3",
        "  lun  read_only  sector_size        size  path",
        "    0  yes               4096       1 MiB  /vm/a.img",
        "    1  yes               4096           -  /boot/motd",
        "    2  no                4096       4 KiB  /vm/b.img",
        "bus                -",
        "channels           -"]
    assert console.command("vm set web --remove-disk /boot/motd --remove-disk vm/a.img "
                           "--remove-disk /vm/b.img") == [
        "removed /boot/motd, which was LUN 1", "removed vm/a.img, which was LUN 0",
        "removed /vm/b.img, which was LUN 2"]
    assert one_json(console, "vm show --json web")["disks"] == []
    assert console.command("cat /vm/web/vm.conf")[-1] == "sector-size = 4096"
    assert console.command("rm /vm/a.img /vm/b.img") == []


@on_svm
def test_sixteen_disks(console):
    images = ["/vm/%d.img" % i for i in range(17)]
    for image in images:
        assert console.command("disk create %s --size 512" % image) == []
    assert console.command("vm create web " + " ".join("--disk " + i for i in images[:16])) == [
        NOTE]
    assert [d["path"] for d in one_json(console, "vm show --json web")["disks"]] == images[:16]
    assert console.command("vm set web --add-disk /vm/16.img") == [
        "error: --add-disk: /vm/16.img: a VM has at most 16 disks"]
    assert console.command("vm set web --remove-disk /vm/9.img --add-disk /vm/16.img") == [
        "removed /vm/9.img, which was LUN 9", "added /vm/16.img as LUN 9"]
    assert console.command("rm " + " ".join(images)) == []


WRONG = [
    ("vm", "vm: a command is missing; see help vm"),
    ("vm nope", 'no command "vm nope"; see help vm'),
    ("vm create web", "web: there is such a VM already; vm set changes it"),
    ("vm create -x", "vm create: no option -x; see help vm create"),
    ("vm create .x", "a VM's name is letters, digits, '-', '_' and '.', "
     "and begins with a letter or digit"),
    ("vm create " + "n" * 64, "a VM's name has at most 63 characters"),
    ("vm create x --memory 3M", '--memory: "3M" is no multiple of 2M'),
    ("vm create x --memory 1025G", '--memory: "1025G" is not from 2M to 1024G; '
     "K, M or G may follow the number"),
    ("vm create x --cpus 65", '--cpus: "65" is no number from 1 to 64'),
    ("vm create x --kernel /nope", "--kernel: /nope: no such file or directory"),
    ("vm create x --kernel /boot", "--kernel: /boot: is a directory"),
    ("vm create x --disk", "vm create: option --disk needs PATH[,ro]; see help vm create"),
    ("vm create x --disk ''", '--disk: "": a disk needs a path'),
    ("vm create x --disk boot/motd", '--disk: "boot/motd": a disk\'s path begins with /'),
    ("vm create x --disk /boot/motd,ro,ro",
     '--disk: "/boot/motd,ro,ro": a disk\'s path must not end in ",ro"'),
    ("vm create x --disk /" + "n" * 300, '--disk: "/%s": the path is too long' % ("n" * 255)),
    ("vm create x --disk /dev/nope", "--disk: /dev/nope: no such file or directory"),
    ("vm create x --disk /boot,ro", "--disk: /boot: is a directory"),
    ("vm create x --disk /boot/motd --disk /boot/motd,ro",
     "--disk: /boot/motd: x has this disk already, as LUN 0"),
    ("vm create x --add-disk /boot/motd",
     "vm create: no option --add-disk; see help vm create"),
    ("vm set web --disk /boot/motd", "vm set: no option --disk; see help vm set"),
    ("vm set web --add-disk /boot/motd --add-disk /nope",
     "--add-disk: /nope: no such file or directory"),
    ("vm set web --add-disk /boot/motd --remove-disk /boot/motd --remove-disk /boot/motd",
     '--remove-disk: web has no disk "/boot/motd"; see vm show web'),
    ("vm set web --add-disk /boot/motd --cpus 65", '--cpus: "65" is no number from 1 to 64'),
    ("vm set nope --add-disk /boot/motd", 'no VM "nope"; see vm list'),
    ("vm create x --affinity 63", "--affinity: there is no processor 63, "
     "this machine has 0 to 0"),
    ("vm set web --memory 4M --cap 10 --reserve 20",
     "web: reserve is more than cap, which is the most that it may use"),
    ("vm set web --cpus 2 --initrd /boot/motd", "web: an initrd needs a kernel"),
    ("vm set web", "vm set: nothing to set; see help vm set for the options"),
    ("vm set nope --cpus 1", 'no VM "nope"; see vm list'),
    ("vm start nope", 'no VM "nope"; see vm list'),
    ("vm console nope", 'no VM "nope"; see vm list'),
    ("vm delete nope", 'no VM "nope"; see vm list'),
    ("vm pause web", "web: it is off; vm start starts it"),
    ("vm resume web", "web: it is off; vm start starts it"),
    ("vm stats web", "web: it is off; counters begin at vm start"),
    ("mkdir /vm/web", "/vm/web: exists already"),
    ("mkdir /vm/nope/x", "/vm/nope/x: no such file or directory"),
    ("mkdir /vm/web/vm.conf/x", "/vm/web/vm.conf/x: not a directory"),
    ("mkdir /boot/x", "/boot/x: read-only file system"),
    ("rm /vm/web", "/vm/web: directory not empty"),
    ("rm /vm", "/vm: in use"),
    ("rm /boot/motd", "/boot/motd: read-only file system"),
    ("rm /vm/nope", "/vm/nope: no such file or directory"),
]


@on_both
def test_wrong_input_changes_nothing(console):
    assert console.command("vm create web") == [NOTE]
    before = one_json(console, "vm show --json web")
    for line, why in WRONG:
        assert console.command(line) == ["error: " + why], line
    assert one_json(console, "vm show --json web") == before
    assert names(console) == ["web"]
    assert console.command("ls /vm") == ["web/"]
    assert console.command("ls /vm/web") == ["vm.conf"]
    # No error: it is as it is wanted.
    assert console.command("vm kill web") == ["web is off already"]


@on_both
def test_files(console):
    assert console.command("mkdir /vm/web /vm/web/b /vm/web/a") == []
    assert console.command("ls /vm/web") == ["a/", "b/"]
    # A directory without a vm.conf is no VM, but may become one.
    assert names(console) == []
    assert console.command("vm create web") == [NOTE]
    refused = ["error: web: its directory holds other files; remove them first"]
    assert console.command("vm delete web") == refused
    assert names(console) == ["web"]
    assert console.command("rm /vm/web/a /vm/web/nope /vm/web/b") == [
        "error: /vm/web/nope: no such file or directory"]
    # A VM whose file is gone can be saved again, and deleted.
    assert console.command("rm /vm/web/vm.conf") == []
    assert console.command("vm set web --cpus 3") == []
    assert "cpus = 3" in console.command("cat /vm/web/vm.conf")
    assert console.command("rm /vm/web/vm.conf /vm/web") == []
    assert console.command("vm delete web") == []


def tab(console, typed, shows):
    """Types and looks for what appears, then gives the line up."""
    console.send(typed)
    console.expect_exact(shows)
    console.send(CTRL_C)
    console.prompt()


@on_both
def test_tab(console):
    assert console.command("vm create web-server") == [NOTE]
    assert console.command("vm create db") == [NOTE]
    tab(console, "vm del\t", "delete ")
    tab(console, "vm res\t\t", "reset  resume\r\n")
    tab(console, "vm start \t\t", "db  web-server\r\n")
    tab(console, "vm show --json w\t", "web-server ")
    tab(console, "vm set db --au\t", "--autostart ")
    tab(console, "vm create x --kernel /bo\tmo\t", "/boot/motd ")
    tab(console, "vm create x --disk /boot/mo\t", "/boot/motd ")
    tab(console, "vm set db --add-disk /boot/mo\t", "/boot/motd ")
    tab(console, "vm set db --re\t\t", "--reserve  --remove-disk\r\n")
    tab(console, "vm create x --initrd=/boot/v\t", "/boot/version.txt ")
    tab(console, "vm set db --on-reset r\t", "restart ")
    tab(console, "help vm cre\t", "create ")
    tab(console, "rm /vm/web\t", "/vm/web-server/")


@on_both
def test_help(console):
    lines = console.command("help vm")
    assert lines[0] == "usage: vm COMMAND ..."
    for command in one_json(console, "help --json vm")[0]["commands"]:
        assert any(line.split()[:1] == [command["name"].split()[1]] for line in lines)
        usage = "usage: %s %s" % (command["name"], command["usage"])
        assert console.command("help " + command["name"])[0] == usage


@on_both
def test_console_of_a_vm_that_is_off(console):
    assert console.command("vm create web") == [NOTE]
    assert console.command("vm console web") == [
        "note: this is the console of web; Ctrl-] leaves it", "note: web is off"]
    assert console.command("echo alive") == ["alive"]


def many_directories(i):
    """A line that makes 61 directories, which take 31,232 bytes."""
    return "mkdir /vm/d%d " % i + " ".join("/vm/d%d/%d" % (i, j) for j in range(60))


@pytest.mark.parametrize("name", ["svm-smp1-bios"])
def test_until_it_is_full(name, boot, make_iso, tmp_path):
    """Up to the limit of the memory behind /vm; what is there still works, and room comes back."""
    archive = tmp_path / "extra.cpio"
    script = "".join(many_directories(i) + "\n" for i in range(450))
    archive.write_bytes(mkcpio.archive({"fill.cli": (mkcpio.FILE, script.encode())}))
    console = boot(name, make_iso(extra=[(str(archive), "extra.cpio")]), memory="128M").console
    console.prompt()
    free = one_json(console, "host --json")["memory_free"]
    assert console.command("vm create web") == [NOTE]
    assert console.command("run /boot/extra/fill.cli", timeout=180) == []
    said, count = [], 450
    while not said:
        assert count * 61 * 512 < (128 << 20) // 8
        said = console.command(many_directories(count))
        count += 1
    assert all(line.startswith("error: /vm/d") for line in said)
    assert said[0].endswith(": no space left")
    assert free - one_json(console, "host --json")["memory_free"] < (128 << 20) // 8
    assert console.command("vm create db") == ["error: db: /vm/db: no space left"]
    assert console.command("vm set web --cpus 2") == ["error: web: /vm/web: no space left"]
    assert "cpus = 1" in console.command("cat /vm/web/vm.conf")
    assert one_json(console, "vm show --json web")["cpus"] == 1
    room = " ".join("/vm/d0/%d" % i for i in range(60))
    assert console.command("rm " + room) == []
    assert console.command("vm set web --cpus 2") == []
    assert console.command("vm create db") == [NOTE]
    assert names(console) == ["db", "web"]
