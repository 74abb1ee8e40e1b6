/* SPDX-License-Identifier: MIT */
/*
 * Prints the control block of a VP to the log, some fields a line. Called while
 * dying, on the processor where the VP is loaded; a field that cannot be read
 * is left out.
 */
#include "hypervisor/log.h"
#include "hypervisor/partition.h"
#include "hypervisor/vmx/vmx.h"
#include "lib/format.h"

struct dump_row {
	u32 field;
	const char *name;
};

#define SEGMENT(i, name)                                                 \
	{ VMCS_SEGMENT(VMCS_GUEST_ES_SELECTOR, i), name ".selector" },   \
		{ VMCS_SEGMENT(VMCS_GUEST_ES_BASE, i), name ".base" },   \
		{ VMCS_SEGMENT(VMCS_GUEST_ES_LIMIT, i), name ".limit" }, \
	{                                                                \
		VMCS_SEGMENT(VMCS_GUEST_ES_RIGHTS, i), name ".rights"    \
	}

static const struct dump_row rows[] = {
	{ VMCS_EXIT_REASON, "exit.reason" },
	{ VMCS_QUALIFICATION, "exit.qualification" },
	{ VMCS_INSTRUCTION_ERROR, "exit.instruction_error" },
	{ VMCS_EXIT_EVENT, "exit.event" },
	{ VMCS_EXIT_EVENT_ERROR, "exit.event_error" },
	{ VMCS_VECTORING, "exit.vectoring" },
	{ VMCS_VECTORING_ERROR, "exit.vectoring_error" },
	{ VMCS_EXIT_LENGTH, "exit.length" },
	{ VMCS_EXIT_INSTRUCTION, "exit.instruction" },
	{ VMCS_GUEST_PHYSICAL, "exit.gpa" },
	{ VMCS_GUEST_LINEAR, "exit.gva" },
	{ VMCS_GUEST_RIP, "rip" },
	{ VMCS_GUEST_RSP, "rsp" },
	{ VMCS_GUEST_RFLAGS, "rflags" },
	{ VMCS_GUEST_CR0, "cr0" },
	{ VMCS_CR0_SHADOW, "cr0.shadow" },
	{ VMCS_CR0_MASK, "cr0.mask" },
	{ VMCS_GUEST_CR3, "cr3" },
	{ VMCS_GUEST_CR4, "cr4" },
	{ VMCS_CR4_SHADOW, "cr4.shadow" },
	{ VMCS_CR4_MASK, "cr4.mask" },
	{ VMCS_GUEST_EFER, "efer" },
	{ VMCS_GUEST_PAT, "pat" },
	{ VMCS_GUEST_DR7, "dr7" },
	{ VMCS_GUEST_DEBUGCTL, "debugctl" },
	{ VMCS_GUEST_PDPTE(0), "pdpte0" },
	{ VMCS_GUEST_PDPTE(1), "pdpte1" },
	{ VMCS_GUEST_PDPTE(2), "pdpte2" },
	{ VMCS_GUEST_PDPTE(3), "pdpte3" },
	SEGMENT(0, "es"),
	SEGMENT(1, "cs"),
	SEGMENT(2, "ss"),
	SEGMENT(3, "ds"),
	SEGMENT(4, "fs"),
	SEGMENT(5, "gs"),
	SEGMENT(6, "ldtr"),
	SEGMENT(7, "tr"),
	{ VMCS_GUEST_GDTR_BASE, "gdtr.base" },
	{ VMCS_GUEST_GDTR_LIMIT, "gdtr.limit" },
	{ VMCS_GUEST_IDTR_BASE, "idtr.base" },
	{ VMCS_GUEST_IDTR_LIMIT, "idtr.limit" },
	{ VMCS_GUEST_SYSENTER_CS, "sysenter.cs" },
	{ VMCS_GUEST_SYSENTER_ESP, "sysenter.esp" },
	{ VMCS_GUEST_SYSENTER_EIP, "sysenter.eip" },
	{ VMCS_INTERRUPTIBILITY, "interruptibility" },
	{ VMCS_ACTIVITY, "activity" },
	{ VMCS_PENDING_DEBUG, "pending_debug" },
	{ VMCS_PIN_CONTROLS, "controls.pin" },
	{ VMCS_PROC_CONTROLS, "controls.proc" },
	{ VMCS_PROC2_CONTROLS, "controls.proc2" },
	{ VMCS_EXIT_CONTROLS, "controls.exit" },
	{ VMCS_ENTRY_CONTROLS, "controls.entry" },
	{ VMCS_ENTRY_EVENT, "entry.event" },
	{ VMCS_ENTRY_EVENT_ERROR, "entry.event_error" },
	{ VMCS_ENTRY_EVENT_LENGTH, "entry.event_length" },
	{ VMCS_TPR_THRESHOLD, "tpr_threshold" },
	{ VMCS_TSC_OFFSET, "tsc_offset" },
	{ VMCS_EPTP, "eptp" },
	{ VMCS_HOST_RIP, "host.rip" },
	{ VMCS_HOST_RSP, "host.rsp" },
	{ VMCS_HOST_CR0, "host.cr0" },
	{ VMCS_HOST_CR3, "host.cr3" },
	{ VMCS_HOST_CR4, "host.cr4" },
	{ VMCS_HOST_EFER, "host.efer" },
	{ VMCS_HOST_GS_BASE, "host.gs_base" },
	{ VMCS_HOST_TR_BASE, "host.tr_base" },
};

#define PER_LINE 5u

/* Adds the fields of one line to @line; returns the row after them. */
static size_t dump_line(char *line, size_t size, size_t row)
{
	size_t used = 0;
	u64 v;

	line[0] = '\0';
	for (size_t end = MIN(row + PER_LINE, ARRAY_SIZE(rows)); row < end; row++)
		if (vmx_read(rows[row].field, &v) && used < size)
			used += (size_t)format(line + used, size - used, " %s=%llx", rows[row].name,
				(unsigned long long)v);
	return row;
}

void vmx_dump(struct vp *vp)
{
	char line[200];

	if (!vmx_of(vp) || !vmx_of(vp)->loaded)
		return;
	for (size_t row = 0; row < ARRAY_SIZE(rows);) {
		row = dump_line(line, sizeof(line), row);
		log_error("vmx: p%u.v%u:%s", (u32)vp->partition->id, vp->index, line);
	}
}
