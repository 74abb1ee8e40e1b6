/* SPDX-License-Identifier: MIT */
/*
 * A VMCS for the host: an array that vmcs_read() and vmcs_write() of the
 * sources included after this header go to. Reading a field that nobody wrote
 * fails the test.
 */
#pragma once

#include "hypervisor/vmx/vmx.h"
#include "x86/cpu.h"
#include "x86/cr.h"

#define FAKE_FIELDS 0x7000

static u64 fake_fields[FAKE_FIELDS];
static bool fake_written[FAKE_FIELDS];
static u64 fake_dr6;

static inline u64 fake_read(u32 field)
{
	if (field >= FAKE_FIELDS || !fake_written[field])
		fail_msg("field 0x%x was never written", field);
	return fake_fields[field];
}

static inline void fake_write(u32 field, u64 v)
{
	if (field >= FAKE_FIELDS)
		fail_msg("field 0x%x", field);
	fake_written[field] = true;
	fake_fields[field] = v;
}

static inline void fake_reset(void)
{
	for (u32 i = 0; i < FAKE_FIELDS; i++) {
		fake_fields[i] = 0;
		fake_written[i] = false;
	}
	fake_dr6 = 0xffff0ff0;
}

static inline u64 fake_dr6_read(void)
{
	return fake_dr6;
}

static inline void fake_dr6_write(u64 v)
{
	fake_dr6 = v;
}

/* To and from VMCSs of other VPs; borrowed counts. */
static u32 fake_borrowed;

static inline void fake_borrow(struct vp *vp)
{
	(void)vp;
	fake_borrowed++;
}

static inline void fake_return(struct vp *vp)
{
	(void)vp;
	fake_borrowed--;
}

#define vmx_borrow fake_borrow
#define vmx_return fake_return
#define vmcs_read  fake_read
#define vmcs_write fake_write
#define dr6_read   fake_dr6_read
#define dr6_write  fake_dr6_write
