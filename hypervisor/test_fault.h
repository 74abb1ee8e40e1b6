/* SPDX-License-Identifier: MIT */
/*
 * Faults on demand, for the tests of what the dying say: `test-fault=KIND` on
 * the command line. docs/boot.md lists the kinds.
 */
#pragma once

struct boot_info;

/*
 * Called on the boot processor at the end of boot, before the root is
 * entered. Returns without the option; a kind that there is not is told.
 */
void test_fault(const struct boot_info *info);
