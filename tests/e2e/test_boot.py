# SPDX-License-Identifier: MIT
"""From GRUB to the root partition's prompt, on every machine."""

def test_prompt(booted):
    """The machine is at its prompt, and an empty line gives one more."""
    booted.console.sendline()
    assert booted.console.prompt() == [""]
