# SPDX-License-Identifier: MIT
"""Volumes on disks of every model: what Debian's tools make the root reads, and the other way."""
import json
import os
import re
import subprocess

import pytest

from test_disk import MODELS, make_image, pattern, sha256, start

FEATURES = ("none,has_journal,extent,64bit,flex_bg,metadata_csum,metadata_csum_seed,orphan_file,"
            "dir_index,dir_nlink,huge_file,large_file,sparse_super,resize_inode,ext_attr,"
            "extra_isize,filetype")
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
# One of each driver, on both vendors' emulators.
ON = ["nvme", "ahci", "virtio", "ide", "bochs-vmx"]
SIZES = [1, 4095, 4096, 1 << 20, 5_000_001]
LONG = 300


def tool(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          env=dict(os.environ, PATH=PATH))
    assert done.returncode == 0, done.stdout.decode(errors="replace")
    return done.stdout.decode(errors="replace")


def make_volume(folder, label, files=(), block=4096, size="48M"):
    """An image with those files in it; files: (name, size)."""
    tree = folder / (label + "-files")
    tree.mkdir()
    for name, length in files:
        make_image(tree / name, pattern(name, -(-length // 512) * 512)[:length])
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


def power_off(machine):
    machine.console.sendline("poweroff")
    machine.wait_exit()


@pytest.mark.parametrize("model", ON)
def test_files(model, boot, tmp_path):
    """Files of some sizes: read, copied, renamed; what is left is whole for e2fsck and debugfs."""
    files = [("f%d" % size, size) for size in SIZES]
    image = make_volume(tmp_path, "VMSTORE", files, 1024 if model == "ide" else 4096)
    assert model in MODELS
    machine = start(boot, model, [image])
    (store,) = [v for v in json.loads(ok(machine, "volume list --json")[0])
                if v["label"] == "VMSTORE"]
    assert (store["type"], store["path"], store["state"]) == ("ext4", "/vm", "mounted")
    ok(machine, "mkdir /vm/new")
    for name, _ in files:
        here = sha256(str(tmp_path / "VMSTORE-files" / name))
        ok(machine, "cp /vm/%s /vm/new/copy" % name)
        ok(machine, "mv /vm/new/copy /vm/new/" + name)
        said = ok(machine, "sha256 /vm/%s /vm/new/%s" % (name, name))
        assert [line.split()[0] for line in said] == [here, here]
    ok(machine, "rm /vm/f1")
    assert machine.console.command("cat /vm/f1") == ["error: /vm/f1: no such file or directory"]
    power_off(machine)
    assert "clean" in tool("dumpe2fs", "-h", image).split("Filesystem state:")[1].split("\n")[0]
    tool("e2fsck", "-fn", image)
    for name, _ in files:
        back = str(tmp_path / "back")
        tool("debugfs", "-R", "dump /new/%s %s" % (name, back), image)
        assert sha256(back) == sha256(str(tmp_path / "VMSTORE-files" / name))
    assert "File not found" in tool("debugfs", "-R", "stat /f1", image)


def test_vms_stay(boot, tmp_path):
    """A VM is there after power-off, and after a power cut: its configuration was synced."""
    image = make_volume(tmp_path, "VMSTORE")
    machine = start(boot, "nvme", [image])
    assert ok(machine, "vm create one --memory 64M") == []
    power_off(machine)
    machine = start(boot, "nvme", [image])
    assert [vm["name"] for vm in json.loads(ok(machine, "vm list --json")[0])] == ["one"]
    ok(machine, "vm create two --memory 32M")
    ok(machine, "vm set one --cpus 3")
    machine.kill()
    machine = start(boot, "nvme", [image])
    vms = {vm["name"]: vm for vm in json.loads(ok(machine, "vm list --json")[0])}
    assert sorted(vms) == ["one", "two"] and vms["one"]["cpus"] == 3
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
    volumes = {v["label"]: v for v in json.loads(ok(machine, "volume list --json")[0])}
    assert volumes["data"]["path"] == "/vol/data"
    assert volumes["strange"]["state"] == "failed" and "inline_data" in " ".join(
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
    (said,) = [line for line in machine.console.command("cp /vol/data/f /vm/two", timeout=LONG)
               if line.startswith("error")]
    assert said == "error: /vm/two: no space left"
    names = [entry["name"] for entry in json.loads(ok(machine, "ls --json /vm")[0])]
    assert sorted(names) == ["lost+found", "one"]
    power_off(machine)
    for image in images[:2]:
        tool("e2fsck", "-fn", image)
