/* SPDX-License-Identifier: MIT */
/*
 * Contents of a new VMCS: controls, the guest's state after power-on reset
 * (SDM volume 3, table 10-1), and the host's state, which every processor has
 * its own of. Const tables of a field and its value, or the function that
 * makes it. Called by load.c with the VMCS current.
 */
#include "hypervisor/clock.h"
#include "hypervisor/cpu.h"
#include "hypervisor/paging.h"
#include "hypervisor/partition.h"
#include "hypervisor/pool.h"
#include "hypervisor/vmx/vmx.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/msr.h"

/* One field: @value, or if @make is there what it returns. */
struct vmcs_row {
	u32 field;
	u64 value;
	u64 (*make)(const struct vp *vp);
};

struct host_row {
	u32 field;
	u64 value;
	u64 (*make)(const struct cpu *cpu);
};

static u64 pin_controls(const struct vp *vp)
{
	(void)vp;
	return vmx_controls.pin;
}

static u64 proc_controls(const struct vp *vp)
{
	return vmx_of(vp)->proc;
}

static u64 proc2_controls(const struct vp *vp)
{
	return vmx_of(vp)->vpid ? vmx_controls.proc2 : vmx_controls.proc2 & ~PROC2_VPID;
}

static u64 exit_controls(const struct vp *vp)
{
	(void)vp;
	return vmx_controls.exit;
}

static u64 entry_controls(const struct vp *vp)
{
	(void)vp;
	return vmx_controls.entry;
}

static u64 io_bitmap_a(const struct vp *vp)
{
	return virt_to_spa(vp->partition->io_bitmap).a;
}

static u64 io_bitmap_b(const struct vp *vp)
{
	return io_bitmap_a(vp) + PAGE_SIZE;
}

static u64 msr_bitmap(const struct vp *vp)
{
	return virt_to_spa(vp->partition->msr_bitmap).a;
}

static u64 vapic_page(const struct vp *vp)
{
	return virt_to_spa(vmx_of(vp)->vapic).a;
}

static u64 eptp(const struct vp *vp)
{
	return vp->partition->slat.root_spa.a | EPTP_WB | EPTP_LEVELS_4;
}

/*
 * Exceptions that exit: #MC, which is ours; #DB and #AC, because a guest can
 * make their delivery raise them again, for ever and without any other exit.
 */
#define EXCEPTIONS (BIT(VEC_MC) | BIT(VEC_DB) | BIT(VEC_AC))

static u64 exceptions(const struct vp *vp)
{
	return EXCEPTIONS | vp->partition->intercepts.exceptions;
}

void vmx_exceptions_update(struct vp *vp)
{
	u64 wanted = exceptions(vp);

	if (vmx_of(vp)->exceptions == wanted)
		return;
	vmx_of(vp)->exceptions = wanted;
	vmcs_write(VMCS_EXCEPTION_BITMAP, wanted);
}

#define TURNS_PER_SECOND 1000u

void vmx_turn_begin(void)
{
	vmcs_write(VMCS_GUEST_TIMER,
		(clock_tsc_hz / TURNS_PER_SECOND) >> VMX_MISC_TIMER_BIT(vmx_caps.misc));
}

static const struct vmcs_row control_rows[] = {
	{ VMCS_PIN_CONTROLS, 0, pin_controls },
	{ VMCS_PROC_CONTROLS, 0, proc_controls },
	{ VMCS_PROC2_CONTROLS, 0, proc2_controls },
	{ VMCS_EXIT_CONTROLS, 0, exit_controls },
	{ VMCS_ENTRY_CONTROLS, 0, entry_controls },
	{ VMCS_EXCEPTION_BITMAP, 0, exceptions },
	{ VMCS_PF_ERROR_MASK, 0, NULL },
	{ VMCS_PF_ERROR_MATCH, 0, NULL },
	{ VMCS_CR3_TARGETS, 0, NULL },
	{ VMCS_EXIT_MSR_STORES, 0, NULL },
	{ VMCS_EXIT_MSR_LOADS, 0, NULL },
	{ VMCS_ENTRY_MSR_LOADS, 0, NULL },
	{ VMCS_ENTRY_EVENT, 0, NULL },
	{ VMCS_TPR_THRESHOLD, 0, NULL },
	{ VMCS_IO_BITMAP_A, 0, io_bitmap_a },
	{ VMCS_IO_BITMAP_B, 0, io_bitmap_b },
	{ VMCS_MSR_BITMAP, 0, msr_bitmap },
	{ VMCS_TSC_OFFSET, 0, NULL },
	{ VMCS_VAPIC_PAGE, 0, vapic_page },
	{ VMCS_EPTP, 0, eptp },
	{ VMCS_LINK_POINTER, ~0ull, NULL },
};

/* Access rights of segments after reset. */
#define RIGHTS_DATA 0x93u /* read, write, accessed; CS too, in real mode */
#define RIGHTS_LDT  0x82u
#define RIGHTS_TSS  0x8bu

#define SEGMENT(i, sel, start, rights)                                  \
	{ VMCS_SEGMENT(VMCS_GUEST_ES_SELECTOR, i), sel, NULL },         \
		{ VMCS_SEGMENT(VMCS_GUEST_ES_BASE, i), start, NULL },   \
		{ VMCS_SEGMENT(VMCS_GUEST_ES_LIMIT, i), 0xffff, NULL }, \
	{                                                               \
		VMCS_SEGMENT(VMCS_GUEST_ES_RIGHTS, i), rights, NULL     \
	}

#define RESET_DR7 0x400u

/* CR0, CR4 and their masks are vmx_masks_setup()'s. */
static const struct vmcs_row guest_rows[] = {
	SEGMENT(0, 0, 0, RIGHTS_DATA),
	SEGMENT(1, 0xf000, 0xffff0000, RIGHTS_DATA),
	SEGMENT(2, 0, 0, RIGHTS_DATA),
	SEGMENT(3, 0, 0, RIGHTS_DATA),
	SEGMENT(4, 0, 0, RIGHTS_DATA),
	SEGMENT(5, 0, 0, RIGHTS_DATA),
	SEGMENT(6, 0, 0, RIGHTS_LDT),
	SEGMENT(7, 0, 0, RIGHTS_TSS),
	{ VMCS_GUEST_GDTR_BASE, 0, NULL },
	{ VMCS_GUEST_GDTR_LIMIT, 0xffff, NULL },
	{ VMCS_GUEST_IDTR_BASE, 0, NULL },
	{ VMCS_GUEST_IDTR_LIMIT, 0xffff, NULL },
	{ VMCS_GUEST_CR3, 0, NULL },
	{ VMCS_GUEST_EFER, 0, NULL },
	{ VMCS_GUEST_PAT, PAT_RESET, NULL },
	{ VMCS_GUEST_DR7, RESET_DR7, NULL },
	{ VMCS_GUEST_DEBUGCTL, 0, NULL },
	{ VMCS_GUEST_SYSENTER_CS, 0, NULL },
	{ VMCS_GUEST_SYSENTER_ESP, 0, NULL },
	{ VMCS_GUEST_SYSENTER_EIP, 0, NULL },
	{ VMCS_GUEST_RIP, 0, NULL },
	{ VMCS_GUEST_RSP, 0, NULL },
	{ VMCS_GUEST_RFLAGS, RFLAGS_FIXED, NULL },
	{ VMCS_INTERRUPTIBILITY, 0, NULL },
	{ VMCS_ACTIVITY, 0, NULL },
	{ VMCS_PENDING_DEBUG, 0, NULL },
	{ VMCS_GUEST_PDPTE(0), 0, NULL },
	{ VMCS_GUEST_PDPTE(1), 0, NULL },
	{ VMCS_GUEST_PDPTE(2), 0, NULL },
	{ VMCS_GUEST_PDPTE(3), 0, NULL },
};

static u64 host_cr0(const struct cpu *cpu)
{
	(void)cpu;
	return cr0_read();
}

static u64 host_cr3(const struct cpu *cpu)
{
	(void)cpu;
	return paging_cr3();
}

static u64 host_cr4(const struct cpu *cpu)
{
	(void)cpu;
	return cr4_read();
}

static u64 host_pat(const struct cpu *cpu)
{
	(void)cpu;
	return msr_read(MSR_PAT);
}

static u64 host_efer(const struct cpu *cpu)
{
	(void)cpu;
	return msr_read(MSR_EFER);
}

static u64 host_gs(const struct cpu *cpu)
{
	return (u64)cpu;
}

static u64 host_tr(const struct cpu *cpu)
{
	return (u64)&cpu->tss;
}

static u64 host_gdt(const struct cpu *cpu)
{
	return (u64)cpu->gdt;
}

static u64 host_idt(const struct cpu *cpu)
{
	return (u64)cpu->idt;
}

static u64 host_rip(const struct cpu *cpu)
{
	(void)cpu;
	return (u64)vmx_exit_entry;
}

/* HOST_RSP is vmx_enter()'s. */
static const struct host_row host_rows[] = {
	{ VMCS_HOST_CS, SEL_CODE, NULL },
	{ VMCS_HOST_SS, SEL_DATA, NULL },
	{ VMCS_HOST_DS, SEL_DATA, NULL },
	{ VMCS_HOST_ES, SEL_DATA, NULL },
	{ VMCS_HOST_FS, 0, NULL },
	{ VMCS_HOST_GS, 0, NULL },
	{ VMCS_HOST_TR, SEL_TSS, NULL },
	{ VMCS_HOST_CR0, 0, host_cr0 },
	{ VMCS_HOST_CR3, 0, host_cr3 },
	{ VMCS_HOST_CR4, 0, host_cr4 },
	{ VMCS_HOST_PAT, 0, host_pat },
	{ VMCS_HOST_EFER, 0, host_efer },
	{ VMCS_HOST_FS_BASE, 0, NULL },
	{ VMCS_HOST_GS_BASE, 0, host_gs },
	{ VMCS_HOST_TR_BASE, 0, host_tr },
	{ VMCS_HOST_GDTR_BASE, 0, host_gdt },
	{ VMCS_HOST_IDTR_BASE, 0, host_idt },
	{ VMCS_HOST_SYSENTER_CS, 0, NULL },
	{ VMCS_HOST_SYSENTER_ESP, 0, NULL },
	{ VMCS_HOST_SYSENTER_EIP, 0, NULL },
	{ VMCS_HOST_RIP, 0, host_rip },
};

static void write_rows(const struct vmcs_row *rows, size_t count, const struct vp *vp)
{
	for (size_t i = 0; i < count; i++)
		vmcs_write(rows[i].field, rows[i].make ? rows[i].make(vp) : rows[i].value);
}

void vmcs_setup(struct vp *vp)
{
	struct vmx *vmx = vmx_of(vp);

	vmx->proc = vmx_controls.proc;
	write_rows(control_rows, ARRAY_SIZE(control_rows), vp);
	if (vmx->vpid)
		vmcs_write(VMCS_VPID, vmx->vpid);
	write_rows(guest_rows, ARRAY_SIZE(guest_rows), vp);
	if (vmx_controls.pin & PIN_PREEMPTION_TIMER)
		vmx_turn_begin();
	vmx_masks_setup(vp);
	vmx->rip = 0;
	vmx->rsp = 0;
	vmx->rflags = RFLAGS_FIXED;
	vmx->exceptions = exceptions(vp);
}

void vmcs_setup_host(void)
{
	const struct cpu *cpu = this_cpu();

	for (size_t i = 0; i < ARRAY_SIZE(host_rows); i++) {
		const struct host_row *row = &host_rows[i];

		vmcs_write(row->field, row->make ? row->make(cpu) : row->value);
	}
}
