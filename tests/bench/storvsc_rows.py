# SPDX-License-Identifier: MIT
"""Figures of a Linux child's disk: what a request costs the child, the hypervisor and the root.

Debian's fio in Debian's Linux with one VP, on a whole NVMe disk of the machine whose back end
does nothing. As in device_rows.py a row is what many requests cost, less what fewer did,
divided by how many more they were. Instructions are QEMU's count, and by whom as the
hypervisor's clocks have it, which tick once for each. Exits and the like are for a hundred
requests. The child's own timer writes, of the exits for WRMSR, stand apart: how many these are
is seen in traces of the same work.
"""
import re

import counting
import device_rows
import linux as linuxes

PREFIX = "storvsc-"
BATCH = (" --iodepth_batch_submit={0} --iodepth_batch_complete_min={0} "
         "--iodepth_batch_complete_max={0}")
# Name -> fio's options, requests: few and many.
WORK = {
    "read-4k-1": ("--rw=randread --bs=4k --iodepth=1", (2000, 10000)),
    "read-4k-32": ("--rw=randread --bs=4k --iodepth=32" + BATCH.format(32), (3200, 16000)),
    "read-1m-1": ("--rw=read --bs=1m --iodepth=1", (100, 400)),
    "read-1m-32": ("--rw=read --bs=1m --iodepth=32" + BATCH.format(32), (96, 480)),
}
FIO = ("fio --minimal --terse-version=3 --eta=never --disk_util=0 --gtod_reduce=1 --direct=1 "
       "--ioengine=libaio --randrepeat=1 --name=bench --filename=/dev/%s ")
DEVICE = "disk0"
NS = 1e9
# HV_X64_MSR_STIMER0_CONFIG to STIMER3_COUNT, and IA32_TSC_DEADLINE.
TIMERS = {*range(0x400000b0, 0x400000b8), 0x6e0}
TRACES = 4
# What is for a hundred requests is so by its name.
HUNDRED = "-per-100"


def kinds_of(vps):
    """Exits by kind, of a `vm stats` or `top --total`."""
    found = {}
    for vp in vps:
        rows = vp["kinds"]
        rows = rows.items() if isinstance(rows, dict) else [(r["kind"], r["exits"]) for r in rows]
        for kind, exits in rows:
            found[kind] = found.get(kind, 0) + exits
    return found


def times_of(vps):
    """Instructions in the guest, and in the hypervisor for it."""
    run, hypervisor = (sum(vp[what] for vp in vps) * NS for what in ("run", "hypervisor"))
    return run - hypervisor, hypervisor


class Bench:
    def __init__(self, linux, count):
        self.linux = linux
        self.count = count
        [self.node] = linux.sh("for n in /sys/bus/scsi/devices/*:0:0:0/block/*; do "
                               "echo ${n##*/}; done")
        linux.sh("echo none >/sys/block/%s/queue/scheduler" % self.node)

    def look(self):
        """All counters, as one flat table."""
        host = self.linux.host
        child = host.json("vm stats --json " + linuxes.NAME)["vps"]
        root = host.json("top --total --json")["vps"]
        show = host.json("vm show --json " + linuxes.NAME)
        [disk] = [d for d in host.json("disk list --json") if d["name"] == DEVICE]
        found = {"instructions": self.count.now(), "copies": disk["counters"]["bounced"]}
        found["child"], of_child = times_of(child)
        found["root"], of_root = times_of(root)
        found["hypervisor"] = of_child + of_root
        for what in ("interrupts", "signals"):
            found[what] = sum(channel[what] for channel in show["channels"])
        for who, vps in (("child", child), ("root", root)):
            found.update(("%s-exits-%s" % (who, kind), n) for kind, n in kinds_of(vps).items())
        return found

    def run(self, options, requests):
        """What the counters differ by."""
        line = FIO % self.node + options + " --number_ios=%d" % requests
        before = self.look()
        [said] = self.linux.sh(line + " | cut -d';' -f5,6")
        error, read = map(int, said.split(";"))
        size = 1024 if "bs=1m" in options else 4
        assert error == 0 and read == requests * size, said
        after = self.look()
        return {name: value - before.get(name, 0) for name, value in after.items()}

    def timer_share(self, options):
        """Of the child's writes of MSRs, those that start a timer."""
        self.linux.sh(FIO % self.node + options +
                      " --time_based --runtime=3600 >/dev/null & bench=$!")
        partition = self.linux.host.show(linuxes.NAME)["partition"]
        msrs = []
        for _ in range(TRACES):
            for record in self.linux.host.json("trace --json --count 1024"):
                if record["event"] == "exit" and record["partition"] == partition:
                    match = re.match(r"wrmsr .*msr=(0x[0-9a-f]+)", record["detail"])
                    msrs += [int(match.group(1), 16)] if match else []
        self.linux.sh("kill $bench; wait $bench; true")
        return sum(msr in TIMERS for msr in msrs) / len(msrs) if msrs else 0.0

    def rows(self, name, options, requests):
        few, many = (self.run(options, n) for n in requests)
        done = requests[1] - requests[0]
        each = {what: (value - few.get(what, 0)) / done for what, value in many.items()}
        timers = each.get("child-exits-wrmsr", 0) * self.timer_share(options)
        exits = {who: sum(value for what, value in each.items() if what.startswith(who + "-exits-"))
                 for who in ("child", "root")}
        row = PREFIX + name
        found = {"%s-%s" % (row, what): round(each[what])
                 for what in ("instructions", "child", "hypervisor", "root")}
        hundreds = {"child-exits": exits["child"] - timers, "child-timer-writes": timers,
                    "root-exits": exits["root"], "interrupts": each["interrupts"],
                    "signals": each["signals"], "copies": each["copies"],
                    **{what: value for what, value in each.items() if "-exits-" in what and value}}
        found.update(("%s-%s%s" % (row, re.sub(r"\W+", "-", what), HUNDRED), round(value * 100))
                     for what, value in hundreds.items())
        return found


def rows(start, make_iso):
    """start(log, iso, extra=options): a machine; make_iso as the tests have it."""
    extra = device_rows.BACK_END + ["-device", device_rows.DISKS["nvme"][0], "-boot", "d"]
    found = {}
    with counting.qmp() as (path, options):
        with start("bench-storvsc", linuxes.disks_iso(make_iso), extra=extra + options) as machine:
            device_rows.pin(machine.process.pid)
            linux = linuxes.Linux(machine)
            linux.create(options=" --disk /dev/" + DEVICE)
            linux.start()
            bench = Bench(linux, counting.Instructions(path))
            for name, (fio, requests) in WORK.items():
                found.update(bench.rows(name, fio, requests))
    return found
