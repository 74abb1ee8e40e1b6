# SPDX-License-Identifier: MIT
"""From GRUB to the root partition's prompt, on every machine."""
import os

import pytest

ROUNDS = 100 if os.environ.get("VERDIGRIS_SOAK") else 2


def test_prompt(booted):
    """The machine is at its prompt, and an empty line gives one more."""
    booted.console.sendline()
    assert booted.console.prompt() == [""]


@pytest.mark.parametrize("name", ["svm-parallel4-bios", "svm-smp2-uefi"])
def test_boots_again_and_again(name, boot):
    """Warm starts, one after another: each comes to its prompt and knows its processors."""
    machine = boot(name)
    console = machine.console
    console.prompt()
    for _ in range(ROUNDS):
        console.sendline("reboot")
        banner = console.prompt()[-1]
        assert "%d processors" % machine.options["smp"] in banner
