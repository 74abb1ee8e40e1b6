# SPDX-License-Identifier: MIT
"""A Linux child with disks on the bus: fio in it, and its disks by their LUNs.

The machine has a volume for VMs, a disk that is the child's as a whole, and on QEMU, if it
is wanted, one more volume whose every write is logged.
"""
import crash_log
import linux as linuxes
import machine as machines
from test_disk import BOCHS, MODELS, bochs, make_image, pattern, qemu
from test_volume import make_volume

KIB, MIB = 1 << 10, 1 << 20
SYSTEM, RAW, READ_ONLY, MORE = range(4)  # LUNs: those at the start, and the first one free
SYSTEM_SIZE = 16 * MIB
CYLINDER = 16 * 63 * 512
RAW_SIZE = 32 * CYLINDER  # whole ones, for Bochs: 15.75 MiB
READ_ONLY_SIZE = 3 * MIB
SCSI_CLASS = "{ba6163d9-04a1-4d29-b605-72e2ffb1dc7f}"
DRIVER = "/sys/bus/vmbus/drivers/hv_storvsc"

# In the shell of the child: how fio is called; the name of a LUN's disk once it is there; until a
# LUN is gone; until a disk has something to do.
FIO = "$F"
FUNCTIONS = (
    'F="fio --minimal --terse-version=3 --eta=never --disk_util=0 --group_reporting --thread '
    '--direct=1 --ioengine=libaio"',
    "node() { while :; do for n in /sys/bus/scsi/devices/*:0:0:$1/block/sd*; do n=${n##*/}; "
    '[ ! -b "/dev/$n" ] || { echo $n; return; }; done; sleep 0.1; done; }',
    'gone() { while [ -e "$(echo /sys/bus/scsi/devices/*:0:0:$1)" ]; do sleep 0.1; done; }',
    # What fio has to say comes at its end.
    "busy() { while grep -q '^ *0 *0$' /sys/block/$1/inflight; do [ ! -s /tmp/load ] || return; "
    "done; }",
    # Of what fio said: error, KiB read, KiB written; all of it, if there is no such line.
    "fields() { grep '^3;' $1 | cut -d';' -f5,6,47 | grep . || cat $1; }")

VERIFY = "--verify=crc32c --verify_fatal=1"


class Storage:
    """The VM of linuxes.Linux on one machine, running."""

    def __init__(self, name, iso, folder, cpus, logged=False):
        self.name = name
        self.folder = folder
        self.bochs = machines.emulator_of(name) == "bochs"
        self.store = make_volume(folder, "VMSTORE", [("ro.img", READ_ONLY_SIZE)], size="96M")
        self.raw = make_image(folder / "raw.img", pattern("raw", RAW_SIZE))
        self.log = None
        self.failed = 0  # commands by scsi()
        # The firmware is not to start from them.
        extra = self.drives() + (self.logged_drive() if logged else [])
        self.machine = machines.machine(name, iso, "storage-" + name, extra=extra)
        self.machine.__enter__()
        self.linux = linuxes.Linux(self.machine, cpus, store=True)
        self.begin()

    def drives(self):
        if self.bochs:
            return bochs(BOCHS, 0, self.store) + bochs(BOCHS, 1, self.raw)
        _, how, _, _, _ = MODELS["nvme"]
        return ["-boot", "d"] + qemu(how, 0, self.store) + qemu(how, 1,
                                                                self.raw + ",discard=unmap")

    def logged_drive(self):
        image = make_volume(self.folder, "logged", size="64M")
        self.base = str(self.folder / "logged.base")
        with open(image, "rb") as f:
            make_image(self.base, f.read())
        self.log = crash_log.Log(str(self.folder / "logged.log"))
        # Not QEMU's NVMe, which forgets that a write was to go through.
        return crash_log.blockdev("d2", image, self.log.path) + [
            "-device", "virtio-blk-pci,disable-legacy=on,drive=d2"]

    def begin(self):
        host = self.linux.host
        host.ok("disk create /vm/system.img --size %d" % SYSTEM_SIZE)
        self.linux.create(options=" --disk /vm/system.img --disk /dev/disk1 --disk /vm/ro.img,ro")
        self.linux.start()
        for line in FUNCTIONS:
            self.sh(line)

    def sh(self, line):
        return self.linux.sh(line)

    def value(self, path):
        """Of a file of one line."""
        [line] = self.sh("cat " + path)
        return line

    def node(self, lun):
        """sda, when it is there."""
        [name] = self.sh("node %d" % lun)
        return name

    def gone(self, lun):
        assert self.sh("gone %d" % lun) == []

    def luns(self):
        return sorted(int(path.rsplit(":", 1)[1])
                      for path in self.sh("ls -1d /sys/bus/scsi/devices/*:0:0:* || true"))

    def add(self, path, lun):
        said = self.linux.host.run("vm set %s --add-disk %s" % (linuxes.NAME, path))
        assert said == ["added %s as LUN %d" % (path, lun)]

    def remove(self, path, lun):
        said = self.linux.host.run("vm set %s --remove-disk %s" % (linuxes.NAME, path))
        assert said == ["removed %s, which was LUN %d" % (path, lun)]

    def fio(self, *jobs):
        """Runs jobs, which are options, side by side; (KiB read, KiB written) of all."""
        [line] = self.sh("%s %s >/tmp/fio 2>&1 && fields /tmp/fio || { cat /tmp/fio; false; }" % (
            FIO, " ".join(jobs)))
        error, read, written = map(int, line.split(";"))
        assert error == 0
        return read, written

    def start_load(self, lun, options):
        """fio in the background until it is stopped, or fails; its disk has work by then."""
        node = self.node(lun)
        self.sh("%s --name=load --filename=/dev/%s --loops=1000000 %s >/tmp/load 2>&1 & "
                "load=$!; busy %s" % (FIO, node, options, node))

    def stop_load(self):
        """What it did, without an error: (KiB read, KiB written)."""
        self.sh("kill $load; wait $load; true")
        [line] = self.sh("fields /tmp/load")
        error, read, written = map(int, line.split(";"))
        assert error == 0, self.sh("cat /tmp/load")
        return read, written

    def scsi(self, lun, opcode, lba, blocks):
        """A command past Linux' own checks: (status, sense key, code, qualifier)."""
        self.sh("ln -sf /dev/%s /dev/target" % self.node(lun))
        lines = self.linux.program("scsi %d %d %d" % (opcode, lba, blocks))
        words = lines[0].split()
        assert (words[0], words[2]) == ("status", "sense")
        self.failed += words[1] != "0"
        return int(words[1]), *(int(word, 16) for word in words[3:])

    def drop(self):
        self.machine.kill()
