/* SPDX-License-Identifier: MIT */
/*
 * Making, deleting and printing a VP's control block: what is intercepted,
 * the bitmaps, and the state after power-on reset, all from const tables.
 * Called when a VP is created or deleted, and by the dying.
 * AMD APM volume 2, 14.1.3 (reset), 15.9 to 15.13 (intercepts).
 */
#include "hypervisor/svm/svm.h"

#include "hypervisor/log.h"
#include "hypervisor/partition.h"
#include "hypervisor/policy.h"
#include "hypervisor/pool.h"
#include "hypervisor/vp.h"
#include "lib/string.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/msr.h"

#define IO_BITMAP_PAGES  3u
#define MSR_BITMAP_PAGES 2u

/*
 * CR0 is the guest's: AMD-V lets it hold any value that MOV accepts, and the
 * caching that CR0.CD switches off is then the guest's alone. CR3 likewise.
 * CR4 exits, since what it may hold is policy. CR8 goes to V_TPR.
 */
#define INTERCEPT_CR VMCB_CR_WRITE(4)

#define INTERCEPT_1                                                                       \
	(VMCB_INTERCEPT_1_INTR | VMCB_INTERCEPT_1_NMI | VMCB_INTERCEPT_1_INIT |           \
		VMCB_INTERCEPT_1_RDPMC | VMCB_INTERCEPT_1_CPUID | VMCB_INTERCEPT_1_INVD | \
		VMCB_INTERCEPT_1_HLT | VMCB_INTERCEPT_1_INVLPGA | VMCB_INTERCEPT_1_IO |   \
		VMCB_INTERCEPT_1_MSR | VMCB_INTERCEPT_1_SHUTDOWN)

#define INTERCEPT_2                                                                           \
	(VMCB_INTERCEPT_2_VMRUN | VMCB_INTERCEPT_2_VMMCALL | VMCB_INTERCEPT_2_VMLOAD |        \
		VMCB_INTERCEPT_2_VMSAVE | VMCB_INTERCEPT_2_STGI | VMCB_INTERCEPT_2_CLGI |     \
		VMCB_INTERCEPT_2_SKINIT | VMCB_INTERCEPT_2_MONITOR | VMCB_INTERCEPT_2_MWAIT | \
		VMCB_INTERCEPT_2_MWAIT_COND | VMCB_INTERCEPT_2_XSETBV)

/*
 * A machine check is the hypervisor's. Alignment checks and debug exceptions
 * can be made to fault in their own delivery for ever, which no interrupt
 * ends: of a child they exit, and are injected. The root may hang itself, and
 * keeps DR6 as the processor writes it.
 */
#define EXCEPTIONS_ROOT  BIT(VEC_MC)
#define EXCEPTIONS_CHILD (BIT(VEC_MC) | BIT(VEC_DB) | BIT(VEC_AC))

static const struct vmcb_control control_initial = {
	.intercept_cr = INTERCEPT_CR,
	.intercept_1 = INTERCEPT_1,
	.intercept_2 = INTERCEPT_2,
	.interrupt_control = VMCB_V_MASKING,
	.nested = VMCB_NESTED_PAGING,
};

#define RESET_SEGMENT(attr)                         \
	{                                           \
		.limit = 0xffff, .attributes = attr \
	}

/* VMRUN wants EFER.SVME; the guest never sees it. */
static const struct vmcb_save save_reset = {
	.cs = { .selector = 0xf000, .base = 0xffff0000, .limit = 0xffff, .attributes = 0x9b },
	.ds = RESET_SEGMENT(0x93),
	.es = RESET_SEGMENT(0x93),
	.fs = RESET_SEGMENT(0x93),
	.gs = RESET_SEGMENT(0x93),
	.ss = RESET_SEGMENT(0x93),
	.gdtr = { .limit = 0xffff },
	.idtr = { .limit = 0xffff },
	.ldtr = RESET_SEGMENT(0x82),
	.tr = RESET_SEGMENT(0x8b),
	.efer = EFER_SVME,
	.cr0 = CR0_ET | CR0_NW | CR0_CD,
	.dr6 = 0xffff0ff0,
	.dr7 = 0x400,
	.rflags = RFLAGS_FIXED,
	.rip = 0xfff0,
	.pat = PAT_RESET,
};

/* Two bits per MSR, read then write, in three ranges of 8192 MSRs, 2 KiB each. */
static void msr_pass(void *bitmap, u32 msr, bool read, bool write)
{
	static const u32 ranges[] = { 0, 0xc0000000, 0xc0010000 };

	for (u32 i = 0; i < ARRAY_SIZE(ranges); i++) {
		u32 bit = 2 * (msr - ranges[i]);
		u8 *byte = (u8 *)bitmap + i * 2048 + bit / 8;
		u8 pass = (u8)((read ? 1 : 0) | (write ? 2 : 0));

		if (msr - ranges[i] < 8192)
			*byte &= (u8) ~(pass << (bit % 8));
	}
}

enum hv_status svm_bitmaps_create(struct partition *p)
{
	p->io_bitmap = pool_alloc(IO_BITMAP_PAGES);
	p->msr_bitmap = pool_alloc(MSR_BITMAP_PAGES);
	if (!p->io_bitmap || !p->msr_bitmap)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	policy_io_bitmap(p, p->io_bitmap, IO_BITMAP_PAGES * PAGE_SIZE);
	memset(p->msr_bitmap, 0xff, MSR_BITMAP_PAGES * PAGE_SIZE);
	policy_msr_pass_through(p, msr_pass, p->msr_bitmap);
	return HV_STATUS_SUCCESS;
}

static void vmcb_init(struct vp *vp, struct svm_vp *s)
{
	struct partition *p = vp->partition;
	struct vmcb *vmcb = s->vmcb;

	s->vmcb_spa = virt_to_spa(vmcb).a;
	vmcb->control = control_initial;
	vmcb->control.iopm = virt_to_spa(p->io_bitmap).a;
	vmcb->control.msrpm = virt_to_spa(p->msr_bitmap).a;
	vmcb->control.nested_cr3 = p->slat.root_spa.a;
	vmcb->save = save_reset;
	svm_exceptions_update(vp);
}

enum hv_status svm_vp_create(struct vp *vp)
{
	struct svm_vp *s = svm_of(vp);

	s->vmcb = partition_page_alloc(vp->partition);
	if (!s->vmcb)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	vmcb_init(vp, s);
	vp->regs.rip = save_reset.rip;
	vp->regs.rflags = save_reset.rflags;
	return HV_STATUS_SUCCESS;
}

void svm_vp_delete(struct vp *vp)
{
	partition_page_free(vp->partition, svm_of(vp)->vmcb);
	svm_of(vp)->vmcb = NULL;
}

void svm_exceptions_update(struct vp *vp)
{
	struct svm_vp *s = svm_of(vp);
	bool root = partition_is_root(vp->partition);

	s->exceptions = (u32)(root ? EXCEPTIONS_ROOT : EXCEPTIONS_CHILD) |
			vp->partition->intercepts.exceptions;
	s->vmcb->control.intercept_exception = s->exceptions;
}

/* What a person needs of the block; sizes in bytes, 16 for segments. */
#define CONTROL(f)                                                              \
	{                                                                       \
#f, offsetof(struct vmcb_control, f), sizeof(control_initial.f) \
	}
#define SAVE(f)                                                                  \
	{                                                                        \
#f, sizeof(struct vmcb_control) + offsetof(struct vmcb_save, f), \
			sizeof(save_reset.f)                                     \
	}

static const struct dump_row {
	const char *name;
	u16 offset;
	u16 size;
} dump_rows[] = {
	CONTROL(intercept_cr),
	CONTROL(intercept_dr),
	CONTROL(intercept_exception),
	CONTROL(intercept_1),
	CONTROL(intercept_2),
	CONTROL(intercept_3),
	CONTROL(iopm),
	CONTROL(msrpm),
	CONTROL(tsc_offset),
	CONTROL(asid),
	CONTROL(tlb_control),
	CONTROL(interrupt_control),
	CONTROL(interrupt_vector),
	CONTROL(interrupt_state),
	CONTROL(exit_code),
	CONTROL(exit_info_1),
	CONTROL(exit_info_2),
	CONTROL(exit_event),
	CONTROL(nested),
	CONTROL(inject),
	CONTROL(nested_cr3),
	CONTROL(next_rip),
	SAVE(es),
	SAVE(cs),
	SAVE(ss),
	SAVE(ds),
	SAVE(fs),
	SAVE(gs),
	SAVE(gdtr),
	SAVE(ldtr),
	SAVE(idtr),
	SAVE(tr),
	SAVE(cpl),
	SAVE(efer),
	SAVE(cr0),
	SAVE(cr2),
	SAVE(cr3),
	SAVE(cr4),
	SAVE(dr6),
	SAVE(dr7),
	SAVE(rflags),
	SAVE(rip),
	SAVE(rsp),
	SAVE(rax),
	SAVE(star),
	SAVE(lstar),
	SAVE(cstar),
	SAVE(sfmask),
	SAVE(kernel_gs_base),
	SAVE(sysenter_cs),
	SAVE(sysenter_esp),
	SAVE(sysenter_eip),
	SAVE(pat),
	SAVE(debug_control),
};

static void dump_row(const struct vmcb *vmcb, const struct dump_row *row)
{
	const u8 *at = (const u8 *)vmcb + row->offset;
	u64 v = 0;

	if (row->size == sizeof(struct vmcb_segment)) {
		const struct vmcb_segment *s = (const void *)at;

		log_error("svm: %-19s %04x base=%016llx limit=%08x attributes=%03x", row->name,
			s->selector, (unsigned long long)s->base, s->limit, s->attributes);
		return;
	}
	memcpy(&v, at, row->size);
	log_error("svm: %-19s %0*llx", row->name, 2 * row->size, (unsigned long long)v);
}

/* After a shutdown the processor may have left any state in it. */
void svm_vmcb_dump(struct vp *vp)
{
	struct svm_vp *s = svm_of(vp);

	if (!s->vmcb)
		return;
	for (u32 i = 0; i < ARRAY_SIZE(dump_rows); i++)
		dump_row(s->vmcb, &dump_rows[i]);
	log_error("svm: flags=%x generation=%llu", s->flags, (unsigned long long)s->generation);
}
