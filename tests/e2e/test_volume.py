# SPDX-License-Identifier: MIT
"""Volumes: VMs on them stay, one that is full, one that cannot be mounted."""
import json
import os
import re
import shutil
import subprocess
import time

from test_disk import MODELS, make_image, pattern, qemu, sha256, start, started

FEATURES = ("none,has_journal,extent,64bit,flex_bg,metadata_csum,metadata_csum_seed,orphan_file,"
            "dir_index,dir_nlink,huge_file,large_file,sparse_super,resize_inode,ext_attr,"
            "extra_isize,filetype")
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
LONG = 3600 if os.environ.get("VERDIGRIS_SOAK") else 300


def tool(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          env=dict(os.environ, PATH=PATH))
    assert done.returncode == 0, done.stdout.decode(errors="replace")
    return done.stdout.decode(errors="replace")


def make_volume(folder, label, files=(), block=4096, size="48M"):
    """An image with those files in it; files: (name, size). They lie in LABEL-files, too."""
    tree = folder / (label + "-files")
    tree.mkdir()
    for name, length in files:
        make_image(tree / name, pattern(name, -(-length // 512) * 512)[:length])
    return volume_of(tree, folder, label, block, size)


def volume_of(tree, folder, label, block=4096, size="48M"):
    """An image with what is in the directory `tree`."""
    image = str(folder / (label + ".img"))
    with open(image, "wb") as f:
        f.truncate(int(size[:-1]) << 20)
    # Bochs wants whole cylinders.
    cylinder = 16 * 63 * 512
    os.truncate(image, -(-os.path.getsize(image) // cylinder) * cylinder)
    tool("mke2fs", "-q", "-F", "-t", "ext4", "-b", str(block), "-O", FEATURES, "-L", label,
         "-d", str(tree), image)
    return image


def ok(machine, line):
    # What takes long shows a bar.
    said = [text for text in machine.console.command(line, timeout=LONG)
            if not re.match(r"\r?\[[#.]", text)]
    assert not [text for text in said if text.startswith("error")], said
    return said


def volumes(machine):
    return {v["label"]: v for v in json.loads(ok(machine, "volume list --json")[0])}


def failing(machine, line):
    """Its one error."""
    (said,) = [text for text in machine.console.command(line, timeout=LONG)
               if not re.match(r"\r?\[[#.]", text)]
    return said


def power_off(machine):
    machine.console.sendline("poweroff")
    machine.wait_exit()


def mounted(machine, path):
    """What df says of it."""
    (found,) = [m for m in json.loads(ok(machine, "df --json")[0]) if m["path"] == path]
    return found


def names(machine, path):
    return sorted(entry["name"] for entry in json.loads(ok(machine, "ls --json " + path)[0]))


def header(image, field):
    """A line of the superblock, as dumpe2fs tells it."""
    (value,) = re.findall("^%s:(.*)$" % field, tool("dumpe2fs", "-h", image), re.M)
    return value.strip()


def check_clean(image):
    assert header(image, "Filesystem state") == "clean"
    tool("e2fsck", "-fn", image)


def check_df(image, before):
    """Debian's tools count the blocks as df did: what is reserved is not free."""
    blocks, free, reserved, size = (int(header(image, field)) for field in (
        "Block count", "Free blocks", "Reserved block count", "Block size"))
    assert before["size"] == blocks * size
    assert before["free"] == max(free - reserved, 0) * size
    assert before["used"] + before["free"] == before["size"]


def drop(folder):
    """At the end of a test that passed: pytest would keep its images."""
    shutil.rmtree(folder)


def disks_of(machine, vm):
    shown = json.loads(ok(machine, "vm show --json " + vm)[0])
    return [(d["lun"], d["path"], d["read_only"]) for d in shown["disks"]]


def test_vms_stay(boot, tmp_path):
    """A VM is there after power-off, and after a power cut: its configuration was synced."""
    image = make_volume(tmp_path, "VMSTORE")
    machine = start(boot, "nvme", [image])
    ok(machine, "disk create /vm/a.img --size 64K")
    assert ok(machine, "vm create one --memory 64M --disk /dev/disk0,ro --disk /vm/a.img") == []
    power_off(machine)
    machine = start(boot, "nvme", [image])
    assert [vm["name"] for vm in json.loads(ok(machine, "vm list --json")[0])] == ["one"]
    assert disks_of(machine, "one") == [(0, "/dev/disk0", True), (1, "/vm/a.img", False)]
    ok(machine, "vm create two --memory 32M")
    ok(machine, "vm set one --cpus 3")
    ok(machine, "vm set one --remove-disk /dev/disk0")
    machine.kill()
    machine = start(boot, "nvme", [image])
    vms = {vm["name"]: vm for vm in json.loads(ok(machine, "vm list --json")[0])}
    assert sorted(vms) == ["one", "two"] and vms["one"]["cpus"] == 3
    assert disks_of(machine, "one") == [(1, "/vm/a.img", False)]
    ok(machine, "vm delete two")
    power_off(machine)
    tool("e2fsck", "-fn", image)


def test_several(boot, tmp_path):
    """Two volumes; a full one; one that cannot be mounted says why."""
    images = [make_volume(tmp_path, "VMSTORE", size="16M"),
              make_volume(tmp_path, "data", [("f", 6 << 20)], size="32M"),
              make_volume(tmp_path, "strange", size="16M")]
    tool("debugfs", "-w", "-R", "feature +inline_data", images[2])
    machine = start(boot, "ahci", images)
    found = volumes(machine)
    assert found["data"]["path"] == "/vol/data"
    assert found["strange"]["state"] == "failed" and "inline_data" in " ".join(
        machine.console.root_log())
    rows = json.loads(ok(machine, "volume bench /vol/data --size 2M --files 20 --json")[0])
    assert [row["test"] for row in rows] == ["write", "read", "copy", "overwrite", "append",
                                             "create", "remove"]
    assert all(row["latency_99_ns"] >= row["latency_50_ns"] > 0 for row in rows[3:5])
    # Ctrl-C amid the small writes.
    machine.console.sendline("volume bench /vol/data --size 2M --files 3000")
    machine.console.expect(r"\ncopy [^\r]*\r\n")
    machine.console.send("\x03")
    assert "append" not in " ".join(machine.console.prompt())
    assert [e["name"] for e in json.loads(ok(machine, "ls --json /vol/data")[0])] == [
        "f", "lost+found"]
    assert machine.console.command("volume bench /vm --size 16M")[0].startswith(
        "error: /vm: needs 36.9 MiB, and ")
    ok(machine, "cp /vol/data/f /vm/one")
    before = mounted(machine, "/vm")
    assert failing(machine, "cp /vol/data/f /vm/two") == "error: /vm/two: no space left"
    assert failing(machine, "disk create /vm/two --size 1G --full") == \
        "error: /vm/two: no space left"
    assert names(machine, "/vm") == ["lost+found", "one"] and mounted(machine, "/vm") == before
    # To the last block, and the room comes back.
    ok(machine, "disk create /vm/rest --full --size %d" % (before["free"] - 64 * 1024))
    assert mounted(machine, "/vm")["free"] <= 64 * 1024
    assert failing(machine, "cp /vol/data/f /vm/two") == "error: /vm/two: no space left"
    ok(machine, "rm /vm/rest /vm/one")
    assert mounted(machine, "/vm")["free"] == before["free"] + (6 << 20)
    ok(machine, "cp /vol/data/f /vm/two")
    assert mounted(machine, "/vm")["free"] == before["free"]
    data = mounted(machine, "/vol/data")
    power_off(machine)
    for image in images[:2]:
        check_clean(image)
    check_df(images[0], before)
    check_df(images[1], data)
    tool("debugfs", "-R", "dump /two %s" % (tmp_path / "back"), images[0])
    assert sha256(tmp_path / "back") == sha256(tmp_path / "data-files" / "f")


def test_committed_by_time(boot, tmp_path):
    """What nobody syncs is on the medium after some seconds: a power cut leaves it."""
    image = make_volume(tmp_path, "VMSTORE", size="16M")
    machine = start(boot, "virtio", [image])
    assert not volumes(machine)["VMSTORE"]["uncommitted"]
    begun = time.monotonic()
    ok(machine, "mkdir /vm/kept")
    assert volumes(machine)["VMSTORE"]["uncommitted"]
    while volumes(machine)["VMSTORE"]["uncommitted"]:
        assert time.monotonic() - begun < machine.patience
    machine.kill()
    machine = start(boot, "virtio", [image])
    assert names(machine, "/vm") == ["kept", "lost+found"]
    power_off(machine)
    tool("e2fsck", "-fn", image)


def journal_block(image, index):
    """Where a block of the journal lies, in sectors."""
    blocks = tool("debugfs", "-R", "blocks <8>", image).split("\n")[1].split()
    return int(blocks[index]) * 4096 // 512


def start_failing(boot, tmp_path, images):
    """A machine whose first disk fails to write a block of its journal; reading goes on."""
    rules = tmp_path / "rules"
    rules.write_text('[inject-error]\nevent = "write_aio"\niotype = "write"\nerrno = "5"\n'
                     'sector = "%d"\n' % journal_block(images[0], 3))
    name, how, sector, _, _ = MODELS["virtio"]
    extra = ["-boot", "d"]
    for index, image in enumerate(images):
        debug = "blkdebug:%s:" % rules if index == 0 else ""
        extra += qemu(how, index, image, sector, debug)
    return started(boot, name, extra)


def test_writing_fails(boot, tmp_path):
    """A volume that cannot be written is read-only from then on; what is there is still read."""
    images = [make_volume(tmp_path, "VMSTORE", [("old", 300_000)]),
              make_volume(tmp_path, "data", [("f", 6 << 20)])]
    old, new = (sha256(str(tmp_path / (label + "-files") / name))
                for label, name in (("VMSTORE", "old"), ("data", "f")))
    machine = start_failing(boot, tmp_path, images)
    said = machine.console.command("cp /vol/data/f /vm/f", timeout=LONG)
    assert any(re.match("error: /vm/f: (input or output failed|read-only)", line)
               for line in said), said
    machine.console.heard(said, "ext4: disk0: a write of the journal failed")
    found = volumes(machine)
    assert (found["VMSTORE"]["state"], found["VMSTORE"]["why"]) == (
        "read-only", "writing to the device failed")
    assert found["data"]["state"] == "mounted"
    for line in ("mkdir /vm/new", "rm /vm/old", "mv /vm/old /vm/new", "cp /boot/motd /vm/new"):
        (said,) = machine.console.command(line)
        assert said.startswith("error: /vm/") and said.endswith("read-only file system"), said
    ok(machine, "cp /vol/data/f /vol/data/g")
    said = ok(machine, "sha256 /vm/old /vol/data/f /vol/data/g")
    assert [line.split()[0] for line in said] == [old, new, new]
    log = machine.console.root_log()
    assert len([line for line in log if "failed" in line and "disk0" in line]) == 1, log
    power_off(machine)
    tool("e2fsck", "-fn", images[1])
    repaired = str(tmp_path / "repaired.img")
    shutil.copyfile(images[0], repaired)
    check = subprocess.run(["e2fsck", "-fp", repaired], check=False,
                           env=dict(os.environ, PATH=PATH))
    assert check.returncode in (0, 1)
    tool("e2fsck", "-fn", repaired)
    # Repaired or not, it is whole.
    machine = start(boot, "virtio", [images[0]])
    assert volumes(machine)["VMSTORE"]["state"] == "mounted"
    assert ok(machine, "sha256 /vm/old")[0].split()[0] == old
    ok(machine, "cp /vm/old /vm/new")
    power_off(machine)
    tool("e2fsck", "-fn", images[0])
