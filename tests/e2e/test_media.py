# SPDX-License-Identifier: MIT
"""Starts from other media and with other amounts of memory."""
import pytest

import machine as machines

ALL = pytest.mark.parametrize("name", machines.SHIPPED_ON)


@ALL
def test_starts_from_usb_stick(name, boot):
    """The same file as a USB stick; Bochs has no USB start, so its disk stands in."""
    if machines.emulator_of(name) == "qemu":
        machine = boot(name, usb=True)
    else:
        machine = boot(name, disk=True)
    machine.console.prompt()


@pytest.mark.parametrize("name", ["svm-smp2-bios"])
@pytest.mark.parametrize("memory", ["512M", "5G", "16G"])
def test_memory_sizes(name, memory, boot):
    boot(name, memory=memory).console.prompt()


@pytest.mark.parametrize("name", ["svm-smp2-bios", "vmx-smp1"])
def test_clang_build(name, boot):
    boot(name, machines.BUILD + "/clang/verdigris.iso").console.prompt()
