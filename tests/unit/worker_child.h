/* SPDX-License-Identifier: MIT */
/*
 * A child of the worker for tests of intercepts: modes of VP 0, messages as
 * the hypervisor writes them, and one intercept from message to resumption.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake_worker.h"
#include "rootpart/worker/intercept.h"
#include "rootpart/worker/machine.h"
#include "rootpart/worker/memory.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/msr.h"

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };

/* RAM of 4 MiB, a page of ROM behind it, then nothing. */
#define CHILD_RAM 0x400000ull
#define CHILD_ROM CHILD_RAM
#define NOWHERE   0x10000000ull
#define RIP       0x1000ull

static struct hv_register_page *const regs = &fake_registers[0];
static u64 *const gpr = fake_registers[0].gpr;
static u32 child_vp;

static inline void child_segments(u16 attributes, u32 limit)
{
	struct hv_segment data = { .limit = limit, .attributes = attributes };

	regs->es = regs->ss = regs->ds = regs->fs = regs->gs = data;
}

static inline void child_64(void)
{
	regs->cr0 = CR0_PG | CR0_PE;
	regs->cr4 = CR4_PAE;
	regs->efer = EFER_LMA | EFER_LME;
	regs->cs = (struct hv_segment){ .limit = 0xffffffff, .attributes = 0xa09b };
	child_segments(0xc093, 0xffffffff);
}

static inline void child_32(void)
{
	regs->cr0 = CR0_PE;
	regs->cr4 = regs->efer = 0;
	regs->cs = (struct hv_segment){ .limit = 0xffffffff, .attributes = 0xc09b };
	child_segments(0xc093, 0xffffffff);
}

static inline void child_16(void)
{
	regs->cr0 = regs->cr4 = regs->efer = 0;
	regs->cs = (struct hv_segment){ .limit = 0xffff, .attributes = 0x009b };
	child_segments(0x0093, 0xffff);
}

static inline int child_setup(void **state)
{
	static u64 tests;

	(void)state;
	fake_reset();
	fake.time = ++tests * 1000000000000ull; /* long after what others logged */
	fake_region(0, CHILD_RAM, WORKER_REGION_RAM);
	fake_region(CHILD_ROM, PAGE_SIZE, WORKER_REGION_ROM);
	machine_init();
	child_64();
	regs->rip = RIP;
	regs->rflags = RFLAGS_FIXED;
	for (u32 i = 0; i < 16; i++)
		gpr[i] = 0x1111111111111111ull * i;
	child_vp = 0;
	return memory_init() ? 0 : -1;
}

/* An empty message of VP @vp; its payload. */
static inline void *child_message(u32 vp, u32 type, u8 size)
{
	struct hv_message *m = &fake_intercepts[vp];
	struct hv_intercept_header *h = (struct hv_intercept_header *)m->payload;

	memset(m, 0, sizeof(*m));
	m->header.type = type;
	m->header.size = size;
	h->vp_index = vp;
	h->rip = fake_registers[vp].rip;
	return m->payload;
}

static inline struct hv_memory_intercept *child_touches(
	u64 gpa, u8 access, const u8 *bytes, size_t count)
{
	struct hv_memory_intercept *m = child_message(0, HV_MESSAGE_UNMAPPED_GPA, sizeof(*m));

	m->header.access = access;
	m->gpa = gpa;
	m->info = HV_MEMORY_GVA_GPA_VALID;
	m->byte_count = (u8)count;
	if (count)
		memcpy(m->bytes, bytes, count);
	return m;
}

static inline struct hv_io_intercept *child_port(
	u16 port, u8 access, u8 size, const u8 *bytes, size_t count)
{
	struct hv_io_intercept *io = child_message(0, HV_MESSAGE_IO_PORT, sizeof(*io));

	io->header.access = access;
	io->port = port;
	io->access = size;
	io->byte_count = (u8)count;
	if (count)
		memcpy(io->bytes, bytes, count);
	return io;
}

static inline void child_stops(void)
{
	intercept_handle(child_vp);
}

/* Handles the intercept of VP 0, which goes on. */
static inline void child_run(void)
{
	u32 before = fake.resumed[0];

	child_vp = 0;
	if (fake_run(child_stops) != FAKE_RETURNED)
		fail_msg("%s", fake.end_text);
	assert_int_equal(fake.resumed[0], before + 1);
}

/* Handles the intercept of @vp, which ends the child. */
static inline void child_ends(u32 vp, enum worker_end end, const char *why)
{
	child_vp = vp;
	assert_int_equal(fake_run(child_stops), FAKE_ENDED);
	assert_int_equal(fake.end, end);
	assert_string_equal(fake.end_text, why);
	assert_int_equal(fake.resumed[vp], 0);
}

/* Whether VP 0 is to take an exception; its error code, or ~0 for none. */
static inline void child_takes(u8 vector, u32 error)
{
	union hv_register_value v;

	assert_true(fake_was_set(0, HV_REGISTER_PENDING_INTERRUPTION, &v));
	assert_int_equal(
		v.u64 & 0xffff07ff, 1 | 3 << 1 | (u64)vector << 16 | (error == ~0u ? 0 : 0x10));
	if (error != ~0u)
		assert_int_equal(v.u64 >> 32, error);
	assert_int_equal(regs->rip, RIP);
}

static inline void child_takes_pf(u64 address, u32 error)
{
	union hv_register_value v;

	child_takes(VEC_PF, error);
	assert_true(fake_was_set(0, HV_X64_REGISTER_CR2, &v));
	assert_int_equal(v.u64, address);
}

static inline void child_takes_nothing(void)
{
	union hv_register_value v;

	assert_false(fake_was_set(0, HV_REGISTER_PENDING_INTERRUPTION, &v));
}
