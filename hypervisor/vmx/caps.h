/* SPDX-License-Identifier: MIT */
/*
 * What a processor's VT-x can do, and what of it the back end turns on. Pure:
 * it decides from values that vmx.c read, or that a unit test made up.
 */
#pragma once

#include "base/types.h"

/* Raw capabilities; what depends on something that is missing is 0. */
struct vmx_caps {
	bool vmx;            /* CPUID.1:ECX[5] */
	u64 feature_control; /* IA32_FEATURE_CONTROL */
	u64 basic;           /* IA32_VMX_BASIC */
	u64 misc;            /* IA32_VMX_MISC */
	/* Allowed 0-settings below, 1-settings above; the TRUE forms if there. */
	u64 pin;
	u64 proc;
	u64 proc2;
	u64 exit;
	u64 entry;
	u64 ept_vpid; /* IA32_VMX_EPT_VPID_CAP */
	u64 cr0_fixed0;
	u64 cr4_fixed0;
	u64 cr4_fixed1;
};

/* Values of the five control fields. */
struct vmx_controls {
	u32 pin;
	u32 proc;
	u32 proc2;
	u32 exit;
	u32 entry;
};

/* NULL if the processor will do, else the line for a person. */
const char *vmx_caps_unsupported(const struct vmx_caps *caps);

/* Required bits, optional ones that exist, and what the processor insists on. */
void vmx_caps_controls(const struct vmx_caps *caps, struct vmx_controls *controls);

/* Type of INVEPT (INVVPID) to use: the narrowest that the processor has. */
u64 vmx_caps_inv_ept_type(const struct vmx_caps *caps);
u64 vmx_caps_inv_vpid_type(const struct vmx_caps *caps);
