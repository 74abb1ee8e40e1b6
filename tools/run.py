#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Boots build/verdigris.iso in this terminal: `make run` and `make gdb`.

Options come from the environment: MACHINE=svm|vmx|ryzen|kvm, SMP=2, MEM=1G,
UEFI=1, ISO=path, APPEND="hypervisor options", QEMU_EXTRA="more options". COM1 is this terminal; every
key goes to the guest, and Ctrl-A x ends the emulator.
"""
import os
import re
import select
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time
import tty

import emulators

ESCAPE = b"\x01"  # Ctrl-A, as in QEMU
BUILD = os.environ.get("BUILD", "build")


def note(text):
    print("run: " + text, file=sys.stderr, flush=True)


def settings():
    kind = emulators.choose(os.environ.get("MACHINE"))
    if kind not in emulators.KINDS:
        sys.exit("run: MACHINE=%s: expected one of %s" % (kind, " ".join(emulators.KINDS)))
    if kind == "kvm" and not emulators.hardware_can_nest():
        sys.exit("run: MACHINE=kvm needs /dev/kvm and a processor with VT-x or AMD-V")
    bochs = kind in emulators.BOCHS_MODELS
    smp = os.environ.get("SMP") or ("1" if bochs else "2")
    memory = os.environ.get("MEM") or ("512M" if bochs else "1G")
    if not re.fullmatch("[1-9][0-9]*", smp):
        sys.exit("run: SMP=%s: expected a number of processors" % smp)
    if not re.fullmatch("[1-9][0-9]*[MmGg]?", memory):
        sys.exit("run: MEM=%s: expected a size such as 512M or 2G" % memory)
    return {
        "kind": kind,
        "smp": int(smp),
        "memory": memory,
        "iso": os.environ.get("ISO") or iso_with(os.environ.get("APPEND", "")),
    }


def iso_with(append):
    """The ISO that make built, or one more with these hypervisor options."""
    if not append:
        return BUILD + "/verdigris.iso"
    out = BUILD + "/run.iso"
    mkiso = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mkiso.py")
    subprocess.run([sys.executable, mkiso, "--build", BUILD, "--out", out, "--cmdline", append],
                   check=True)
    return out


def free_port():
    with socket.socket() as s:
        s.bind(("localhost", 0))
        return s.getsockname()[1]


def run_qemu(options, gdb):
    command = emulators.qemu_command(uefi=bool(os.environ.get("UEFI")), **options)
    # Not -nographic: SeaBIOS would then use COM1, too, and leave the terminal
    # with its line wrap off.
    command += shlex.split(os.environ.get("QEMU_EXTRA", ""))
    command += ["-display", "none", "-serial", "mon:stdio"]
    if not gdb:
        os.execvp(command[0], command)
    # The debugger has the terminal, so the console goes to a file.
    log = BUILD + "/gdb-console.log"
    port = free_port()
    command[-2:] = ["-serial", "file:" + log, "-monitor", "none",
                    "-gdb", "tcp:localhost:%d" % port, "-S"]
    note("console in %s, gdb at port %d" % (log, port))
    emulator = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        subprocess.run(["gdb", "-q", "-ex", "set confirm off",
                        "-ex", "symbol-file %s/hypervisor.debug" % BUILD,
                        "-ex", "add-symbol-file %s/rootpart.debug" % BUILD,
                        "-x", "tools/gdbinit",
                        "-ex", "target remote localhost:%d" % port],
                       preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    finally:
        emulator.kill()
        emulator.wait()
    return 0


def connect(port, emulator):
    while emulator.poll() is None:
        try:
            return socket.create_connection(("localhost", port))
        except ConnectionRefusedError:
            time.sleep(0.05)
    sys.exit("run: bochs ended before it opened COM1")


def bridge(serial, emulator):
    """Moves bytes both ways until the guest ends or Ctrl-A x is typed."""
    keyboard = sys.stdin.fileno()
    sources = [serial, keyboard]
    escaped = False
    while emulator.poll() is None:
        ready, _, _ = select.select(sources, [], [], 1)
        if serial in ready:
            data = serial.recv(4096)
            if not data:
                return
            os.write(sys.stdout.fileno(), data)
        if keyboard in ready:
            data = os.read(keyboard, 1)
            if not data:
                sources.remove(keyboard)
            elif escaped and data == b"x":
                return
            elif not escaped and data == ESCAPE:
                escaped = True
            else:
                escaped = False
                serial.sendall(data)


def run_bochs(options):
    with tempfile.TemporaryDirectory(prefix="verdigris-") as work:
        port = free_port()
        command = emulators.bochs_command(work, port=port, **options)
        with open(work + "/output", "wb") as output:
            emulator = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                                        stderr=output, start_new_session=True)
        terminal = termios.tcgetattr(sys.stdin) if sys.stdin.isatty() else None
        try:
            serial = connect(port, emulator)
            if terminal:
                tty.setraw(sys.stdin)
            bridge(serial, emulator)
        finally:
            if terminal:
                termios.tcsetattr(sys.stdin, termios.TCSADRAIN, terminal)
            emulator.kill()
            emulator.wait()
    return 0


def main():
    gdb = "--gdb" in sys.argv[1:]
    options = settings()
    bochs = options["kind"] in emulators.BOCHS_MODELS
    if gdb and bochs:
        sys.exit("run: make gdb needs QEMU: MACHINE=svm or kvm")
    if bochs and os.environ.get("UEFI"):
        sys.exit("run: Bochs has no UEFI: use MACHINE=svm")
    if not gdb:
        note("MACHINE=%(kind)s SMP=%(smp)d MEM=%(memory)s; Ctrl-A x quits" % options)
    return run_bochs(options) if bochs else run_qemu(options, gdb)


if __name__ == "__main__":
    sys.exit(main())
