/* SPDX-License-Identifier: MIT */
/*
 * VPs of children for test kernels in the root's place: stubs as in child.h,
 * and short cuts that assert success.
 */
#pragma once

#include "hv/message.h"
#include "hv/vp.h"
#include "tests/guest/lib/child.h"

u64 child_create_vp(u64 id, u32 vp);
u64 child_delete_vp(u64 id, u32 vp);
u64 child_get_registers(
	u64 id, u32 vp, const u32 *names, union hv_register_value *values, u32 count);
u64 child_set_registers(u64 id, u32 vp, const struct hv_register_assoc *list, u32 count);
/* Its GPFN in our space. */
u64 child_state_page(u64 id, u32 vp, u32 type, u64 *gpfn);
u64 child_install(u64 id, u32 type, u32 access, u64 parameter);

/* Elements for child_set_registers(): of 64 bits, and descriptor tables. */
static inline struct hv_register_assoc child_word(u32 name, u64 v)
{
	return (struct hv_register_assoc){ .name = name, .value = { .wide = { v } } };
}

static inline struct hv_register_assoc child_table(u32 name, u64 base, u16 limit)
{
	return (struct hv_register_assoc){
		.name = name,
		.value = { .table = { .limit = limit, .base = base } },
	};
}

/* One register of 64 bits. */
u64 child_register(u64 id, u32 vp, u32 name);
void child_register_set(u64 id, u32 vp, u32 name, u64 value);

/* VP @vp may run on the processors of @mask only. */
u64 child_affinity(u64 id, u32 vp, u64 mask);
/* Its counters, HV_VP_COUNTER_*. */
const volatile u64 *child_counters(u64 id, u32 vp);

/*
 * A child with one VP and @size bytes of RAM at GPA 0, which lie at *@ram;
 * @code is copied to CHILD_CODE. In 64-bit mode at CPL 0 at CHILD_CODE, its
 * page tables map the first 1 GiB one to one, and its APIC; stack below
 * CHILD_STACK, descriptors of code 8 and data 16 at CHILD_GDT, no gates.
 */
#define CHILD_TABLES 0x1000u /* PML4, PDPT, PD: three pages */
#define CHILD_GDT    0x4000u
#define CHILD_IDT    0x5000u
#define CHILD_STACK  0x9000u
#define CHILD_CODE   0x10000u
#define CHILD_DATA   0x20000u /* free to use, and all behind */
u64 child_machine(const void *code, size_t code_size, u64 size, u8 **ram);
/* The same with assembled code of child_code.h. */
#define child_of(name, size, ram) child_machine(name, (size_t)(name##_end - name), size, ram)
/* Puts VP @vp into that state, at @rip. */
void child_machine_vp(u64 id, u32 vp, u64 rip, u64 rsp);
/* One more VP in that state, which needs only to be released. */
void child_add_vp(u64 id, u32 vp, u64 rip, u64 rsp);
/* An interrupt gate of the child that has its RAM at @ram. */
void child_gate(u8 *ram, u8 vector, u64 rip);
/* Clears ExplicitSuspend, sets it, clears InterceptSuspend. */
void child_release(u64 id, u32 vp);
void child_suspend(u64 id, u32 vp);
void child_resume(u64 id, u32 vp);
