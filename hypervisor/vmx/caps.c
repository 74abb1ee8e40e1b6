/* SPDX-License-Identifier: MIT */
/*
 * Whether a processor's VT-x is enough, and which controls it runs with. Pure,
 * called at start-up by vmx.c and by the unit test. Intel SDM volume 3,
 * appendix A; IA32_FEATURE_CONTROL in 24.7.
 */
#include "hypervisor/vmx/caps.h"

#include "hypervisor/vmx/vmcs.h"
#include "x86/msr.h"
#include "x86/vmx.h"

#define LINE_NO_VTX                                              \
	"this processor has no VT-x (hardware virtualization): " \
	"use an Intel processor with VT-x and EPT, or an AMD processor with AMD-V"
#define LINE_SWITCHED_OFF                        \
	"VT-x is switched off in the firmware: " \
	"enable \"Intel Virtualization Technology\" in its setup, then power-cycle"
#define LINE_NO_EPT                                   \
	"this processor has no EPT (nested paging): " \
	"use an Intel processor of the Westmere generation (2010) or later"
#define LINE_NO_UNRESTRICTED                              \
	"this processor has no unrestricted guest mode: " \
	"use an Intel processor of the Westmere generation (2010) or later"
#define LINE_EPT_LACKS                                                             \
	"this processor's EPT lacks 4 levels, 2 MiB pages, write-back or INVEPT: " \
	"use an Intel processor of the Westmere generation (2010) or later"
#define LINE_CONTROLS                                                          \
	"this processor's VT-x lacks a control that is needed (virtual NMIs, " \
	"TSC offset, TPR shadow, bitmaps, or switching of EFER and PAT): "     \
	"use an Intel processor of the Westmere generation (2010) or later"

#define EPT_CAPS_NEEDED (EPT_CAP_LEVELS_4 | EPT_CAP_WB | EPT_CAP_2M | EPT_CAP_INVEPT)
#define VPID_CAPS       (VPID_CAP_CONTEXT | VPID_CAP_ALL)

/* What is wanted of each control field. */
struct control_row {
	size_t caps;     /* offset in struct vmx_caps */
	size_t controls; /* offset in struct vmx_controls */
	u32 required;
	u32 optional;
	u32 unwanted; /* must be possible to leave off */
};

#define FIELD(name) offsetof(struct vmx_caps, name), offsetof(struct vmx_controls, name)

static const struct control_row rows[] = {
	{ FIELD(pin), PIN_EXTERNAL_INTERRUPT | PIN_NMI | PIN_VIRTUAL_NMIS, PIN_PREEMPTION_TIMER,
		0 },
	{ FIELD(proc),
		PROC_TSC_OFFSET | PROC_HLT | PROC_MWAIT | PROC_RDPMC | PROC_TPR_SHADOW |
			PROC_IO_BITMAPS | PROC_MSR_BITMAPS | PROC_MONITOR | PROC_SECONDARY,
		0,
		PROC_INVLPG | PROC_RDTSC | PROC_CR3_LOAD | PROC_CR3_STORE | PROC_CR8_LOAD |
			PROC_CR8_STORE | PROC_MOV_DR | PROC_PAUSE },
	{ FIELD(proc2), PROC2_EPT | PROC2_UNRESTRICTED_GUEST,
		PROC2_RDTSCP | PROC2_VPID | PROC2_INVPCID, PROC2_DESCRIPTOR_TABLES | PROC2_WBINVD },
	{ FIELD(exit),
		EXIT_CTL_SAVE_DEBUG | EXIT_CTL_HOST_64 | EXIT_CTL_SAVE_PAT | EXIT_CTL_LOAD_PAT |
			EXIT_CTL_SAVE_EFER | EXIT_CTL_LOAD_EFER,
		EXIT_CTL_SAVE_TIMER, EXIT_CTL_ACKNOWLEDGE },
	{ FIELD(entry), ENTRY_CTL_LOAD_DEBUG | ENTRY_CTL_LOAD_PAT | ENTRY_CTL_LOAD_EFER, 0,
		ENTRY_CTL_LONG_MODE | ENTRY_CTL_SMM },
};

static u64 capability(const struct vmx_caps *caps, const struct control_row *row)
{
	return *(const u64 *)(const void *)((const u8 *)caps + row->caps);
}

static bool may_be_one(u64 capability, u32 bits)
{
	return ((u32)(capability >> 32) & bits) == bits;
}

static bool controls_suffice(const struct vmx_caps *caps)
{
	if (!(caps->basic & VMX_BASIC_TRUE) || !(caps->misc & VMX_MISC_STORES_LMA))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 c = capability(caps, &rows[i]);

		if (!may_be_one(c, rows[i].required) || ((u32)c & rows[i].unwanted))
			return false;
	}
	return true;
}

static bool ept_suffices(u64 cap)
{
	return (cap & EPT_CAPS_NEEDED) == EPT_CAPS_NEEDED &&
	       (cap & (EPT_CAP_INVEPT_CONTEXT | EPT_CAP_INVEPT_ALL));
}

const char *vmx_caps_unsupported(const struct vmx_caps *caps)
{
	u64 fc = caps->feature_control;

	if (!caps->vmx)
		return LINE_NO_VTX;
	if ((fc & FEATURE_CONTROL_LOCKED) && !(fc & FEATURE_CONTROL_VMX))
		return LINE_SWITCHED_OFF;
	if (!may_be_one(caps->proc, PROC_SECONDARY) || !may_be_one(caps->proc2, PROC2_EPT))
		return LINE_NO_EPT;
	if (!may_be_one(caps->proc2, PROC2_UNRESTRICTED_GUEST))
		return LINE_NO_UNRESTRICTED;
	if (!ept_suffices(caps->ept_vpid))
		return LINE_EPT_LACKS;
	return controls_suffice(caps) ? NULL : LINE_CONTROLS;
}

void vmx_caps_controls(const struct vmx_caps *caps, struct vmx_controls *controls)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 c = capability(caps, &rows[i]);
		u32 wanted = rows[i].required | rows[i].optional;

		*(u32 *)(void *)((u8 *)controls + rows[i].controls) =
			(wanted | (u32)c) & (u32)(c >> 32);
	}
	/* VPIDs that cannot be invalidated are of no use. */
	if (!(caps->ept_vpid & EPT_CAP_INVVPID) || !(caps->ept_vpid & VPID_CAPS))
		controls->proc2 &= ~PROC2_VPID;
}

u64 vmx_caps_inv_ept_type(const struct vmx_caps *caps)
{
	return caps->ept_vpid & EPT_CAP_INVEPT_CONTEXT ? VMX_INV_CONTEXT : VMX_INV_ALL;
}

u64 vmx_caps_inv_vpid_type(const struct vmx_caps *caps)
{
	return caps->ept_vpid & VPID_CAP_CONTEXT ? VMX_INV_CONTEXT : VMX_INV_ALL;
}
