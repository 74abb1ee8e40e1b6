/* SPDX-License-Identifier: MIT */
/*
 * A VP for tests of what handles its exits: registers by TLFS name in a
 * plain array behind a struct virt_ops, and what was injected, remembered in
 * place of vp.c. Stubs of the log and of vp_length(), vp_advance() and
 * vp_inject_*(), so vp.c is not linked beside it.
 */
#pragma once

#include "hypervisor/cpu.h"
#include "hypervisor/partition.h"
#include "hypervisor/virt.h"
#include "hypervisor/vp.h"

#define FAKE_INSN_LENGTH 3u

extern struct vp fake_vp;
extern struct cpu fake_cpu;
extern struct partition fake_partition;
extern struct vp_mode fake_mode;
extern u32 fake_log_lines;
extern u32 fake_injected; /* exceptions since fake_vp_reset() */
extern struct event fake_event;
extern u64 fake_fault_address;
extern bool fake_windows; /* one is asked for */

/* A root VP 0 in 64-bit mode at CPL 0, all else zero. */
void fake_vp_reset(void);
/* The register of that name, made when first used. */
union hv_register_value *fake_register(u32 name);
