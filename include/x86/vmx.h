/* SPDX-License-Identifier: MIT */
/*
 * Instructions of VT-x. Each returns false where the processor reports
 * failure (CF or ZF set); what a VMCS field is, hypervisor/vmx/vmcs.h says.
 * Outside VMX operation all but VMXON raise #UD. Intel SDM volume 3, chapter
 * 31; wrappers only, no decisions.
 */
#pragma once

#include "base/types.h"

/* Types of INVEPT and INVVPID. */
#define VMX_INV_CONTEXT 1u
#define VMX_INV_ALL     2u

/* @spa: the VMXON region, its revision already written. */
static inline bool vmx_on(u64 spa)
{
	bool failed;

	__asm__ volatile("vmxon %1" : "=@ccbe"(failed) : "m"(spa) : "memory");
	return !failed;
}

static inline bool vmx_off(void)
{
	bool failed;

	__asm__ volatile("vmxoff" : "=@ccbe"(failed) : : "memory");
	return !failed;
}

/* Writes what the processor caches of the VMCS at @spa back, and lets go of it. */
static inline bool vmx_clear(u64 spa)
{
	bool failed;

	__asm__ volatile("vmclear %1" : "=@ccbe"(failed) : "m"(spa) : "memory");
	return !failed;
}

/* Makes the VMCS at @spa the current one. */
static inline bool vmx_pointer_load(u64 spa)
{
	bool failed;

	__asm__ volatile("vmptrld %1" : "=@ccbe"(failed) : "m"(spa) : "memory");
	return !failed;
}

static inline bool vmx_read(u64 field, u64 *v)
{
	bool failed;

	__asm__ volatile("vmread %2, %1" : "=@ccbe"(failed), "=r"(*v) : "r"(field) : "memory");
	return !failed;
}

static inline bool vmx_write(u64 field, u64 v)
{
	bool failed;

	__asm__ volatile("vmwrite %1, %2" : "=@ccbe"(failed) : "r"(v), "r"(field) : "memory");
	return !failed;
}

/* Drops cached second-level translations of @eptp, or with VMX_INV_ALL of all. */
static inline bool vmx_inv_ept(u64 type, u64 eptp)
{
	const u64 descriptor[2] = { eptp, 0 };
	bool failed;

	__asm__ volatile("invept %1, %2"
			 : "=@ccbe"(failed)
			 : "m"(descriptor), "r"(type)
			 : "memory");
	return !failed;
}

/* Drops cached linear translations of @vpid, or with VMX_INV_ALL of all but 0. */
static inline bool vmx_inv_vpid(u64 type, u16 vpid)
{
	const u64 descriptor[2] = { vpid, 0 };
	bool failed;

	__asm__ volatile("invvpid %1, %2"
			 : "=@ccbe"(failed)
			 : "m"(descriptor), "r"(type)
			 : "memory");
	return !failed;
}
