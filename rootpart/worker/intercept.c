/* SPDX-License-Identifier: MIT */
/*
 * Dispatch of intercepts, and the kinds that need few words.
 */
#include "rootpart/worker/intercept.h"

#include "base/errno.h"
#include "hv/msr.h"
#include "rootpart/worker/crash.h"
#include "rootpart/worker/machine.h"
#include "rootpart/worker/report.h"
#include "rootpart/worker/space.h"
#include "rootpart/worker/sys.h"
#include "x86/desc.h"

/* The order of encoding. */
enum { RAX, RCX, RDX, RBX };

#define OPCODE_CPUID 0xa2u /* behind 0F */

void intercept_refuse(struct vp *vp, const char *what, const u8 *bytes)
{
	report("VP %u: %s not emulated, #GP at RIP 0x%lx, bytes %02x %02x %02x %02x", vp->index,
		what, vp->regs->rip, bytes[0], bytes[1], bytes[2], bytes[3]);
	vp_inject(vp, VEC_GP, true, 0);
}

static void on_msr_write(struct vp *vp, const struct hv_msr_intercept *m)
{
	u64 v = (u32)m->rax | m->rdx << 32;

	switch (m->msr) {
	case HV_MSR_RESET:
		report_end(WORKER_END_RESET, "VP %u: reset by MSR", vp->index);
	case HV_MSR_CRASH_CTL:
		crash_tell(vp, v);
		vp_advance(vp, HV_INTERCEPT_LENGTH(&m->header));
		break;
	default:
		vp_inject(vp, VEC_GP, true, 0);
		break;
	}
}

static void on_msr(struct vp *vp, const void *payload)
{
	const struct hv_msr_intercept *m = payload;

	if (m->header.access == HV_ACCESS_WRITE)
		on_msr_write(vp, m);
	else
		vp_inject(vp, VEC_GP, true, 0);
}

/* Length of the CPUID at RIP. */
static u8 cpuid_length(struct vp *vp)
{
	const u8 none[1] = { 0 };
	struct vp_fault fault;
	struct insn insn;

	if (vp_decode(vp, none, 0, &insn, &fault) != 0 || insn.map != INSN_MAP_0F ||
		insn.opcode != OPCODE_CPUID)
		report_failure("VP %u: no CPUID at RIP 0x%lx", vp->index, vp->regs->rip);
	return insn.length;
}

static void on_cpuid(struct vp *vp, const void *payload)
{
	const struct hv_cpuid_intercept *c = payload;
	u8 length = HV_INTERCEPT_LENGTH(&c->header);
	u64 *gpr = vp->regs->gpr;

	if (length == 0)
		length = cpuid_length(vp);
	gpr[RAX] = c->default_rax;
	gpr[RCX] = c->default_rcx;
	gpr[RDX] = c->default_rdx;
	gpr[RBX] = c->default_rbx;
	vp_gprs_changed(vp);
	vp_advance(vp, length);
}

/* The guest takes it as if nobody had looked. */
static void on_exception(struct vp *vp, const void *payload)
{
	const struct hv_exception_intercept *e = payload;
	struct vp_fault fault = { (u8)e->vector, e->error, e->parameter };

	if (e->info & HV_EXCEPTION_SOFTWARE)
		vp_inject_software(vp, fault.vector, HV_INTERCEPT_LENGTH(&e->header));
	else if (fault.vector == VEC_PF)
		vp_inject_fault(vp, &fault);
	else
		vp_inject(vp, fault.vector, e->info & HV_EXCEPTION_HAS_ERROR, e->error);
}

static void on_triple_fault(struct vp *vp, const void *payload)
{
	const struct hv_intercept_header *h = payload;

	report("VP %u: triple fault at RIP 0x%lx", vp->index, h->rip);
	report_end(WORKER_END_RESET, "VP %u: triple fault at RIP 0x%lx", vp->index, h->rip);
}

/* Whether @vp will do nothing any more by itself. */
static bool is_idle_for_ever(u32 vp)
{
	const u32 name = HV_REGISTER_INTERNAL_ACTIVITY;
	union hv_register_value activity;

	if (machine.halted & BIT(vp))
		return true;
	return sys_get_registers(vp, &name, 1, &activity) == 0 &&
	       activity.u64 & HV_ACTIVITY_STARTUP_SUSPEND;
}

/*
 * A child without power management ends so. One VP of several may be woken:
 * RIP is behind the HLT, and the VP is halted when it goes on.
 */
static void on_halt(struct vp *vp, const void *payload)
{
	u32 count = space_start()->vp_count;
	u32 idle = 0;

	(void)payload;
	machine.halted |= BIT(vp->index);
	while (idle < count && is_idle_for_ever(idle))
		idle++;
	if (idle == count)
		report_end(WORKER_END_POWEROFF, "all VPs halted with interrupts off");
}

static void on_invalid_register(struct vp *vp, const void *payload)
{
	(void)payload;
	report_failure(
		"VP %u: the processor refuses to run it with the registers it has", vp->index);
}

static void on_unsupported(struct vp *vp, const void *payload)
{
	const struct hv_unsupported_feature *u = payload;

	report_failure("VP %u: feature %u of the processor is not supported, parameter 0x%lx",
		vp->index, u->code, u->parameter);
}

/* @size: of the payload, at least; @runs: it begins with the common header. */
static const struct kind {
	u32 type;
	u8 size;
	bool runs;
	void (*handle)(struct vp *vp, const void *payload);
} kinds[] = {
	{ HV_MESSAGE_IO_PORT, sizeof(struct hv_io_intercept), true, intercept_io },
	{ HV_MESSAGE_UNMAPPED_GPA, sizeof(struct hv_memory_intercept), true, intercept_memory },
	{ HV_MESSAGE_GPA_INTERCEPT, sizeof(struct hv_memory_intercept), true, intercept_memory },
	{ HV_MESSAGE_MSR, sizeof(struct hv_msr_intercept), true, on_msr },
	{ HV_MESSAGE_CPUID, sizeof(struct hv_cpuid_intercept), true, on_cpuid },
	{ HV_MESSAGE_EXCEPTION, sizeof(struct hv_exception_intercept), true, on_exception },
	{ HV_MESSAGE_HALT, sizeof(struct hv_intercept_header), true, on_halt },
	{ HV_MESSAGE_TRIPLE_FAULT, sizeof(struct hv_intercept_header), false, on_triple_fault },
	{ HV_MESSAGE_INVALID_REGISTER, sizeof(struct hv_invalid_register), false,
		on_invalid_register },
	{ HV_MESSAGE_UNSUPPORTED_FEATURE, sizeof(struct hv_unsupported_feature), false,
		on_unsupported },
};

static const struct kind *kind_of(const struct hv_message *m)
{
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].type == m->header.type && kinds[i].size <= m->header.size)
			return &kinds[i];
	return NULL;
}

void intercept_handle(u32 index)
{
	const struct hv_message *m = space_intercept(index);
	const struct kind *kind = kind_of(m);
	struct vp vp = {
		.index = index,
		.regs = space_registers(index),
		.why = (const struct hv_intercept_header *)m->payload,
	};

	if (kind == NULL)
		report_failure("VP %u: intercept of unknown type 0x%x with %u bytes", index,
			m->header.type, m->header.size);
	if (kind->runs && !vp.regs->valid)
		report_failure(
			"VP %u: intercept of type 0x%x without registers", index, m->header.type);
	machine.halted &= ~BIT(index);
	kind->handle(&vp, m->payload);
	sys_resume(index);
}
