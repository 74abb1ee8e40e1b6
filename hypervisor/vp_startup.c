/* SPDX-License-Identifier: MIT */
/*
 * INIT and SIPI: a VP is put back into the state after INIT, and started again
 * in real mode. Who asks, on any processor, changes one word of the VP; the VP
 * does it on its own processor before it enters the guest, or its parent's call
 * while it is at rest, for nobody else may touch its registers.
 * Intel SDM volume 3, 9.4 and table 10-1.
 *
 * What the word says, vp->startup:
 *   0                     it runs, or would but for other reasons to stop
 *   INIT                  its registers are still those from before
 *   INIT | SIPI | vector  the same, and it will not wait
 *   WAITING               it waits for a SIPI; VP_STOP_STARTUP keeps it from running
 *   WAITING | SIPI | vector  who put the vector in lets it run
 *
 * VP_STOP_STARTUP is only a hint to the scheduler: who let the VP run may be
 * late, and the VP wait again. So the VP looks at the word whenever it comes
 * to a processor, and puts the hint right.
 */
#include "base/assert.h"
#include "hypervisor/cpu.h"
#include "hypervisor/partition.h"
#include "hypervisor/policy.h"
#include "hypervisor/sched.h"
#include "hypervisor/trace.h"
#include "hypervisor/vp.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/msr.h"

#define VECTOR    0xffu
#define WAITING   BIT(8)
#define INIT      BIT(9)
#define SIPI      BIT(10)

#define RESET_RIP 0xfff0u
#define RESET_DR6 0xffff0ff0u
#define RESET_DR7 0x400u

/* Attributes of segments in real mode. */
#define CODE 0x9bu
#define DATA 0x93u
#define LDT  0x82u
#define TSS  0x8bu

#define SEGMENT(n, attr)                                                  \
	{                                                                 \
		HV_X64_REGISTER_##n,                                      \
		{                                                         \
			.segment = {.limit = 0xffff, .attributes = attr } \
		}                                                         \
	}
#define TABLE(n)                                    \
	{                                           \
		HV_X64_REGISTER_##n,                \
		{                                   \
			.table = {.limit = 0xffff } \
		}                                   \
	}
#define VALUE(n, v)              \
	{                        \
		HV_##n,          \
		{                \
			.u64 = v \
		}                \
	}

/*
 * What the back end keeps and INIT changes, paging off first. CR0 and CS are
 * apart. FPU, SSE, XCR0 and all MSRs but EFER are kept.
 */
static const struct {
	u32 name;
	union hv_register_value value;
} rows[] = {
	VALUE(X64_REGISTER_CR4, 0),
	VALUE(X64_REGISTER_EFER, 0),
	VALUE(X64_REGISTER_CR3, 0),
	VALUE(X64_REGISTER_CR2, 0),
	VALUE(X64_REGISTER_DR6, RESET_DR6),
	VALUE(X64_REGISTER_DR7, RESET_DR7),
	VALUE(REGISTER_PENDING_INTERRUPTION, 0),
	VALUE(REGISTER_INTERRUPT_STATE, 0),
	SEGMENT(DS, DATA),
	SEGMENT(ES, DATA),
	SEGMENT(FS, DATA),
	SEGMENT(GS, DATA),
	SEGMENT(SS, DATA),
	SEGMENT(LDTR, LDT),
	SEGMENT(TR, TSS),
	TABLE(GDTR),
	TABLE(IDTR),
};

static void set(struct vp *vp, u32 name, const union hv_register_value *v)
{
	enum hv_status status = virt->set(vp, name, v);

	assert(status == HV_STATUS_SUCCESS);
}

/* The caches stay as they were, on or off. */
static void reset_cr0(struct vp *vp)
{
	union hv_register_value v;
	enum hv_status status = virt->get(vp, HV_X64_REGISTER_CR0, &v);

	assert(status == HV_STATUS_SUCCESS);
	v.u64 = (v.u64 & (CR0_CD | CR0_NW)) | CR0_ET;
	set(vp, HV_X64_REGISTER_CR0, &v);
}

static void set_cs(struct vp *vp, u16 selector, u64 base, u64 rip)
{
	union hv_register_value v = { .segment = { .selector = selector,
					      .base = base,
					      .limit = 0xffff,
					      .attributes = CODE } };

	set(vp, HV_X64_REGISTER_CS, &v);
	vp->regs.rip = rip;
}

static void reset_debug(struct vp *vp)
{
	for (u32 i = 0; i < ARRAY_SIZE(vp->dr); i++)
		vp->dr[i] = 0;
}

/* What a loaded VP has in the processor; of one at rest a window may open in vain. */
static void reset_loaded(struct vp *vp)
{
	if (this_cpu()->current != vp)
		return;
	dr0_write(0);
	dr1_write(0);
	dr2_write(0);
	dr3_write(0);
	virt->interrupt_window(vp, false, 0);
	virt->nmi_window(vp, false);
}

/* EDX tells the processor's model, as after power-on. */
static void reset_regs(struct vp *vp)
{
	policy_cpuid(vp, 1, 0, &vp->cpuid);
	for (u32 i = 0; i < GPR_COUNT; i++)
		vp->regs.gpr[i] = 0;
	vp->regs.gpr[GPR_RDX] = vp->cpuid.eax;
	vp->regs.rflags = RFLAGS_FIXED;
}

static void reset(struct vp *vp)
{
	reset_cr0(vp);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		set(vp, rows[i].name, &rows[i].value);
	set_cs(vp, 0xf000, 0xffff0000, RESET_RIP);
	reset_debug(vp);
	reset_regs(vp);
	reset_loaded(vp);
	vlapic_reset(vp);
	vp->memo_key = vp_memo_key(vp);
	atomic_fetch_and(&vp->work, ~(u32)VP_WORK_NMI);
}

/* As on a real one, an NMI from before the start is none. */
static void start(struct vp *vp, u8 vector)
{
	set_cs(vp, (u16)(vector << 8), (u64)vector << 12, 0);
	atomic_fetch_and(&vp->work, ~(u32)VP_WORK_NMI);
	atomic_fetch_and(&vp->stop, ~(u32)(VP_STOP_STARTUP | VP_STOP_HALT));
	trace(TRACE_VP_START, vp, vp->index, (u64)vector << 12);
}

static bool is_bsp(const struct vp *vp)
{
	return load_relaxed(&vp->vlapic.base_msr) & APIC_BASE_BSP;
}

void vp_init(struct vp *vp)
{
	u32 old = load_acquire(&vp->startup);

	do
		if (old == WAITING)
			return;
	while (!atomic_compare_exchange(&vp->startup, &old, (u32)INIT));
	vp_notify(vp, VP_WORK_INIT);
}

void vp_sipi(struct vp *vp, u8 vector)
{
	u32 old = load_acquire(&vp->startup);

	do
		if (!(old & (WAITING | INIT)) || old & SIPI || (old & INIT && is_bsp(vp)))
			return;
	while (!atomic_compare_exchange(&vp->startup, &old, (u32)(old | SIPI | vector)));
	if (old & INIT)
		return;
	/* Pairs with the loads of stop in sched.c: the word comes first. */
	atomic_fetch_and(&vp->stop, ~(u32)VP_STOP_STARTUP);
	sched_wake(vp);
}

/* The INIT of @old is done: what it leaves in the word. Sets the hint before anybody can see it. */
static u32 after_init(struct vp *vp, u32 old)
{
	atomic_fetch_and(&vp->stop, ~(u32)VP_STOP_HALT);
	if (is_bsp(vp)) {
		atomic_fetch_and(&vp->stop, ~(u32)VP_STOP_STARTUP);
		return 0;
	}
	atomic_fetch_or(&vp->stop, (u32)VP_STOP_STARTUP);
	return (u32)(WAITING | (old & ~INIT));
}

/* One step of what the word asks; true: look again. */
static bool step(struct vp *vp, bool *clean)
{
	u32 old = load_acquire(&vp->startup);

	if (old & INIT) {
		if (!*clean)
			reset(vp);
		*clean = true;
		(void)atomic_compare_exchange(&vp->startup, &old, after_init(vp, old));
		return true;
	}
	if (!(old & WAITING))
		return false;
	if (!(old & SIPI))
		return !(atomic_fetch_or(&vp->stop, (u32)VP_STOP_STARTUP) & VP_STOP_STARTUP);
	if (!atomic_compare_exchange(&vp->startup, &old, 0u))
		return true;
	start(vp, (u8)(old & VECTOR));
	return false;
}

void vp_startup_take(struct vp *vp)
{
	bool clean = false;

	/* Before the look at the word: what comes later is seen later. */
	atomic_fetch_and(&vp->work, ~(u32)VP_WORK_INIT);
	while (step(vp, &clean))
		;
}

bool vp_startup_claim(struct vp *vp)
{
	u32 old = WAITING;

	return atomic_compare_exchange(&vp->startup, &old, 0u);
}

/* An INIT that it has not done yet stays. */
void vp_startup_set(struct vp *vp, bool waits)
{
	u32 old = load_acquire(&vp->startup);

	do
		if (old & INIT)
			return;
	while (!atomic_compare_exchange(&vp->startup, &old, waits ? (u32)WAITING : 0u));
}
