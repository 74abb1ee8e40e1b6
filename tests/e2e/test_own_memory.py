# SPDX-License-Identifier: MIT
"""The hypervisor's own address space, read by the emulator from its page tables.

While the root idles, the processor stands in the hypervisor, so QEMU's
`info tlb` lists the hypervisor's tables: a line per page with its rights.
"""
import re

import pytest

from test_disk import settled

DIRECT = 0xFFFF800000000000
WINDOWS = 0xFFFFD00000000000
STACKS = 0xFFFFD10000000000
DEVICES = 0xFFFFD20000000000
IMAGE = 0xFFFFFFFF80000000
# hypervisor/window.h: walks and copies, and 64 pages of code with the tables that lead to them.
WINDOW_SLOTS = 9 + 64 * 5
STACK_SIZE, STACK_STRIDE = 16 << 10, 32 << 10
LINE = re.compile(r"^([0-9a-f]{16}): ([0-9a-f]{16}) (\S{9})", re.M)

pytestmark = pytest.mark.parametrize("booted", ["svm-smp1-bios", "svm-smp2-uefi"], indirect=True,
                                     scope="module")


class Page:
    def __init__(self, virtual, physical, flags):
        self.virtual, self.physical = int(virtual, 16), int(physical, 16)
        self.executable, self.large = flags[0] != "X", flags[2] == "P"
        self.user, self.writable = flags[7] == "U", flags[8] == "W"

    def __repr__(self):
        return "%x -> %x %s" % (self.virtual, self.physical, vars(self))


@pytest.fixture(scope="module")
def pages(booted):
    # Nothing is going on any more, so that it still stands there when its tables are read.
    settled(booted)
    assert any("HLT=1" in booted.monitor("info registers") for _ in range(1000))
    found = [Page(*line) for line in LINE.findall(booted.monitor("info tlb"))]
    assert len(found) > 100, "no page tables to look at"
    return found


def test_nothing_is_writable_and_executable(pages):
    assert [p for p in pages if p.writable and p.executable] == []


def test_nothing_is_for_user_mode(pages):
    assert [p for p in pages if p.user] == []


def test_the_lower_half_is_empty(pages):
    """The identity map of boot is gone."""
    assert [p for p in pages if p.virtual < DIRECT] == []


def test_only_the_image_is_executable(pages):
    code = [p for p in pages if p.executable]
    assert code and all(p.virtual >= IMAGE for p in code)


def test_the_direct_map_is_one_range_at_its_offset(pages):
    """Owned memory and nothing else: contiguous, small, where base + SPA says."""
    direct = sorted((p.virtual, p) for p in pages if DIRECT <= p.virtual < WINDOWS)
    assert all(p.virtual - DIRECT == p.physical for _, p in direct)
    at = direct[0][0]
    for virtual, page in direct:
        assert virtual == at, "a hole at %x" % at
        at += 2 << 20 if page.large else 4096
    assert at - direct[0][0] < 64 << 20


def test_stacks_have_guard_pages(pages):
    stacks = {p.virtual for p in pages if STACKS <= p.virtual < DEVICES}
    assert stacks
    for virtual in stacks:
        assert virtual % STACK_STRIDE >= STACK_STRIDE - STACK_SIZE


def test_windows_show_no_guest_page_but_of_this_moment(pages):
    """At most a page per slot of each processor, and of those the few that it has used of late."""
    windows = [p for p in pages if WINDOWS <= p.virtual < STACKS]
    assert windows and len(windows) <= 2 * WINDOW_SLOTS
