# SPDX-License-Identifier: MIT
"""Command lines of the emulators, for tools/run.py and tests/e2e.

A machine kind is a name: svm (QEMU's emulation, AMD-V), vmx (Bochs, VT-x),
ryzen (Bochs, AMD-V) or kvm (QEMU on nested hardware). This file knows what
each needs to boot an ISO, and nothing about what runs inside.
"""
import glob
import os
import shutil

KINDS = ("svm", "vmx", "ryzen", "kvm")
BOCHS_MODELS = {"vmx": "broadwell_ult", "ryzen": "ryzen"}
OVMF = ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd")

BOCHSRC = """\
config_interface: textconfig
display_library: rfb, options="timeout=0"
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/vgabios/vgabios.bin
cpu: model={model}, count={smp}, ips=200000000, reset_on_triple_fault=0, ignore_bad_msrs=1
memory: guest={memory}, host={memory}
clock: sync=none, time0=utc
pci: enabled=1, chipset=i440fx
{medium}
com1: enabled=1, mode=socket-server, dev=localhost:{port}
port_e9_hack: enabled=1
speaker: enabled=0
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
log: {log}
panic: action=fatal
error: action=report
{extra}
"""

MEDIUM_CD = """\
ata0-master: type=cdrom, path={iso}, status=inserted
boot: cdrom"""
MEDIUM_DISK = """\
ata0-master: type=disk, path={image}, mode=flat
boot: disk"""


def megabytes(text):
    """512, 512M or 2G, as a number of MiB."""
    text = str(text).upper()
    if text.endswith("G"):
        return int(text[:-1]) * 1024
    return int(text.rstrip("M"))


def hardware_can_nest():
    """True where /dev/kvm is usable and the processor shows vmx or svm."""
    try:
        with open("/proc/cpuinfo") as f:
            flags = next((line.split() for line in f if line.startswith("flags")), [])
    except OSError:
        return False
    return os.access("/dev/kvm", os.R_OK | os.W_OK) and bool({"vmx", "svm"} & set(flags))


def choose(kind):
    if kind not in ("", "auto", None):
        return kind
    return "kvm" if hardware_can_nest() else "svm"


def one_processor():
    """A prefix by which a program runs on one of the host's processors only."""
    allowed = sorted(os.sched_getaffinity(0))
    return ["taskset", "--cpu-list", str(allowed[os.getpid() % len(allowed)])]


def qemu_command(iso, kind="svm", smp=1, memory="1G", uefi=False, cpu=None, usb=False,
                 parallel=False, extra=()):
    """QEMU without consoles: the caller adds -serial and the like.

    Its threads, one per processor of the machine, take turns on one of the host's;
    really parallel they are not safe where FPUs are restored (docs/caveats.md, "Emulators").
    """
    accel = "kvm" if kind == "kvm" else "tcg"
    command = one_processor() if kind == "svm" and smp > 1 and not parallel else []
    command += ["qemu-system-x86_64", "-M", "q35", "-accel", accel,
                "-cpu", cpu or ("host" if kind == "kvm" else "max"),
                "-m", "%dM" % megabytes(memory), "-smp", str(smp), "-nic", "none",
                "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
    if uefi:
        for option, path in zip(("readonly=on", "snapshot=on"), OVMF):
            command += ["-drive", "if=pflash,format=raw,%s,file=%s" % (option, path)]
    if usb:
        command += ["-drive", "file=%s,format=raw,if=none,id=stick,readonly=on" % iso,
                    "-device", "qemu-xhci", "-device", "usb-storage,drive=stick"]
    else:
        command += ["-cdrom", iso]
    return command + list(extra)


def disk_image(work, iso):
    """A copy padded to whole cylinders of 16 heads and 63 sectors."""
    image, cylinder = work + "/disk.img", 16 * 63 * 512
    shutil.copyfile(iso, image)
    os.truncate(image, -(-os.path.getsize(image) // cylinder) * cylinder)
    return image


def bochs_command(work, iso, port, kind="vmx", smp=1, memory="512M", model=None, disk=False,
                  log=None, extra=()):
    """Writes bochsrc into the directory `work`; COM1 listens on `port`.

    disk: the ISO is copied to a hard disk, as to a USB stick, and booted there.
    """
    medium = MEDIUM_CD.format(iso=os.path.abspath(iso))
    if disk:
        medium = MEDIUM_DISK.format(image=disk_image(work, iso))
    for lock in glob.glob(work + "/*.lock"):
        os.remove(lock)
    with open(work + "/bochsrc", "w") as f:
        f.write(BOCHSRC.format(model=model or BOCHS_MODELS[kind], smp=smp, port=port,
                               memory=megabytes(memory), medium=medium,
                               log=log or work + "/bochs.log", extra="\n".join(extra)))
    with open(work + "/commands", "w") as f:
        f.write("c\n")
    return ["bochs", "-q", "-f", work + "/bochsrc", "-rc", work + "/commands"]
