/* SPDX-License-Identifier: MIT */
/*
 * The fake VP of fake_vp.h.
 */
#include "fake_vp.h"

#include <stdlib.h>
#include <string.h>

#include "hypervisor/log.h"
#include "x86/cr.h"
#include "x86/msr.h"

struct vp fake_vp;
struct cpu fake_cpu;
struct partition fake_partition;
struct vp_mode fake_mode;
u32 fake_log_lines;
u32 fake_injected;
struct event fake_event;
u64 fake_fault_address;
bool fake_windows;

static struct {
	u32 name;
	union hv_register_value value;
} registers[64];
static u32 register_count;

union hv_register_value *fake_register(u32 name)
{
	for (u32 i = 0; i < register_count; i++)
		if (registers[i].name == name)
			return &registers[i].value;
	if (register_count == sizeof(registers) / sizeof(registers[0]))
		abort();
	registers[register_count].name = name;
	registers[register_count].value = (union hv_register_value){ 0 };
	return &registers[register_count++].value;
}

static enum hv_status fake_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	(void)vp;
	*v = *fake_register(name);
	return HV_STATUS_SUCCESS;
}

/* Keeps what mode() tells in step. */
static enum hv_status fake_set(struct vp *vp, u32 name, const union hv_register_value *v)
{
	(void)vp;
	*fake_register(name) = *v;
	switch (name) {
	case HV_X64_REGISTER_CR0:
		fake_mode.cr0 = v->u64;
		break;
	case HV_X64_REGISTER_CR3:
		fake_mode.cr3 = v->u64;
		break;
	case HV_X64_REGISTER_CR4:
		fake_mode.cr4 = v->u64;
		break;
	case HV_X64_REGISTER_EFER:
		fake_mode.efer = v->u64;
		break;
	}
	return HV_STATUS_SUCCESS;
}

static void fake_get_mode(struct vp *vp, struct vp_mode *mode)
{
	(void)vp;
	*mode = fake_mode;
}

static bool fake_mode_is(struct vp *vp, const struct vp_mode *mode)
{
	(void)vp;
	return mode->cr0 == fake_mode.cr0 && mode->cr3 == fake_mode.cr3 &&
	       mode->cr4 == fake_mode.cr4 && mode->efer == fake_mode.efer &&
	       mode->cpl == fake_mode.cpl && mode->cs_long == fake_mode.cs_long &&
	       mode->cs_db == fake_mode.cs_db && mode->cs_base == fake_mode.cs_base;
}

static bool fake_in_kernel64(struct vp *vp)
{
	(void)vp;
	return fake_mode.cpl == 0 && fake_mode.cs_long;
}

static u64 fake_cr4(struct vp *vp)
{
	(void)vp;
	return fake_register(HV_X64_REGISTER_CR4)->u64;
}

static u8 fake_tpr(struct vp *vp)
{
	(void)vp;
	return 7;
}

static void fake_interrupt_window(struct vp *vp, bool on, u8 priority)
{
	(void)vp;
	(void)priority;
	fake_windows = on;
}

static void fake_nmi_window(struct vp *vp, bool on)
{
	(void)vp;
	fake_windows |= on;
}

static const struct virt_ops ops = {
	.name = "fake",
	.interrupt_window = fake_interrupt_window,
	.nmi_window = fake_nmi_window,
	.get = fake_get,
	.set = fake_set,
	.mode = fake_get_mode,
	.mode_is = fake_mode_is,
	.in_kernel64 = fake_in_kernel64,
	.cr4 = fake_cr4,
	.tpr = fake_tpr,
};

const struct virt_ops *virt = &ops;

void fake_vp_reset(void)
{
	memset(&fake_vp, 0, sizeof(fake_vp));
	memset(&fake_cpu, 0, sizeof(fake_cpu));
	memset(&fake_partition, 0, sizeof(fake_partition));
	memset(&fake_event, 0, sizeof(fake_event));
	register_count = 0;
	fake_log_lines = 0;
	fake_injected = 0;
	fake_vp.partition = &fake_partition;
	fake_vp.cpu = &fake_cpu;
	fake_vp.memo_key = 1;
	fake_partition.id = 1;
	fake_partition.vps[0] = &fake_vp;
	fake_mode = (struct vp_mode){
		.cr0 = CR0_PE | CR0_PG | CR0_WP,
		.cr4 = CR4_PAE,
		.efer = EFER_LME | EFER_LMA | EFER_NXE,
		.cs_long = true,
	};
	fake_register(HV_X64_REGISTER_CR0)->u64 = fake_mode.cr0;
	fake_register(HV_X64_REGISTER_CR4)->u64 = fake_mode.cr4;
	fake_register(HV_X64_REGISTER_EFER)->u64 = fake_mode.efer;
}

void vp_inject_exception(struct vp *vp, u8 vector, bool has_error, u32 error)
{
	(void)vp;
	fake_injected++;
	fake_event = (struct event){ .valid = true,
		.type = EVENT_EXCEPTION,
		.vector = vector,
		.has_error = has_error,
		.error = error };
}

void vp_inject_pf(struct vp *vp, u64 address, u32 error)
{
	fake_fault_address = address;
	vp_inject_exception(vp, 14, true, error);
}

bool vp_length(struct vp *vp, const struct exit *exit, u8 *length)
{
	(void)vp;
	*length = exit->length ? exit->length : FAKE_INSN_LENGTH;
	return true;
}

void vp_advance(struct vp *vp, u8 length)
{
	vp->regs.rip += length;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
	fake_log_lines++;
}

bool log_allowed(struct log_limit *limit)
{
	(void)limit;
	return true;
}

bool vp_skip(struct vp *vp, const struct exit *exit)
{
	u8 length;

	if (!vp_length(vp, exit, &length))
		return false;
	vp_advance(vp, length);
	return true;
}
