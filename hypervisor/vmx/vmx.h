/* SPDX-License-Identifier: MIT */
/*
 * What the files of this folder share: the VP's control block as this back
 * end keeps it, access to the current VMCS, and each file's part of vmx_ops.
 * Everything runs on the calling processor with interrupts off.
 */
#pragma once

#include "base/assert.h"
#include "base/types.h"
#include "hypervisor/vmx/caps.h"
#include "hypervisor/vmx/vmcs.h"
#include "hypervisor/vp.h"
#include "x86/percpu.h"
#include "x86/vmx.h"

/* Done by vmx_run() before the next entry; struct vmx.pending. */
#define VMX_FLUSH_EPT BIT(0)
#define VMX_FLUSH_VPID \
	BIT(1) /* linear translations: CR0, CR3, CR4, EFER changed, or by hypercall */
#define VMX_TPR_THRESHOLD BIT(2)

/* Guest MSRs that no VMCS field holds. */
enum vmx_live { LIVE_STAR, LIVE_LSTAR, LIVE_CSTAR, LIVE_SFMASK, LIVE_KERNEL_GS_BASE, LIVE_COUNT };

struct vmx {
	void *vmcs;      /* a page */
	u8 *vapic;       /* a page, of which only the TPR is used */
	struct cpu *cpu; /* whose host state the VMCS has; NULL: none yet */
	u16 vpid;        /* 0: none */
	bool loaded;     /* between load() and save() */
	bool launched;
	u8 tpr_threshold;
	u32 pending;  /* VMX_* above */
	u32 proc;     /* primary controls, as in the VMCS */
	u64 host_rsp; /* as in the VMCS */
	/* As in the VMCS, so that only changes are written. */
	u64 rip;
	u64 rsp;
	u64 rflags;
	u64 cr4_shadow;
	u64 exceptions;
	/* While not loaded; else in the processor's registers. */
	u64 live[LIVE_COUNT];
	u64 dr6; /* vp->cr2 likewise; DR0 to DR3 are vp_switch()'s */
};

/* Of the boot processor, and compared with every other's. */
extern struct vmx_caps vmx_caps;
extern struct vmx_controls vmx_controls;
extern struct slat_format vmx_slat_format;

static_assert(sizeof(struct vmx) <= sizeof(((struct vp *)NULL)->virt));

static inline struct vmx *vmx_of(const struct vp *vp)
{
	return (struct vmx *)vp->virt;
}

/* Fields of the current VMCS. Failure means a field that the processor lacks: our bug. */
static inline u64 vmcs_read(u32 field)
{
	u64 v;
	bool ok = vmx_read(field, &v);

	assert(ok);
	return v;
}

static inline void vmcs_write(u32 field, u64 v)
{
	bool ok = vmx_write(field, v);

	assert(ok);
}

/* vmcs.c: the fields of a new VMCS, current by now; those of its processor. */
void vmcs_setup(struct vp *vp);
void vmcs_setup_host(void);
/* The exceptions that exit, after the parent's wishes changed. The VMCS is current. */
void vmx_exceptions_update(struct vp *vp);
/*
 * The preemption timer ends the guest's run, or runs, after a millisecond: an
 * interrupt does so at once, but one emulator forgets that at an entry with
 * the guest's IF off. The VMCS is current.
 */
void vmx_turn_begin(void);

/* load.c */
enum hv_status vmx_vp_create(struct vp *vp);
void vmx_vp_delete(struct vp *vp);
void vmx_load(struct vp *vp);
void vmx_save(struct vp *vp);
void vmx_tsc_offset(struct vp *vp, u64 offset);
/* MSRs that no field of the VMCS holds, loaded or not. */
u64 vmx_live_get(const struct vmx *vmx, enum vmx_live which);
void vmx_live_set(struct vmx *vmx, enum vmx_live which, u64 v);
/* Makes the VMCS of @vp, which is loaded nowhere, current, and what was current again. */
void vmx_borrow_unloaded(struct vp *vp);
void vmx_return_unloaded(struct vp *vp);

static inline bool vmx_loaded_here(const struct vmx *vmx)
{
	return likely(vmx->loaded && vmx->cpu == percpu_self());
}

/* The VMCS of @vp, loaded here or nowhere, is current from borrow to return. */
static inline void vmx_borrow(struct vp *vp)
{
	if (!vmx_loaded_here(vmx_of(vp)))
		vmx_borrow_unloaded(vp);
}

static inline void vmx_return(struct vp *vp)
{
	if (!vmx_loaded_here(vmx_of(vp)))
		vmx_return_unloaded(vp);
}

/* bitmap.c: INSUFFICIENT_MEMORY. */
enum hv_status vmx_bitmaps_create(struct partition *p);

/* vpid.c: 0 if there are none left; such a VP runs without. Any processor. */
u16 vmx_vpid_alloc(void);
void vmx_vpid_free(u16 vpid);

/* run.c and run.S */
void vmx_run(struct vp *vp, struct exit *exit);
void vmx_flush(struct vp *vp);
void vmx_flush_guest(struct vp *vp);
/*
 * Restores the guest's registers, enters, and returns at the exit with them
 * saved again: 0. Not 0: VMLAUNCH or VMRESUME refused. @host_rsp is what the
 * VMCS has, kept current.
 */
u64 vmx_enter(struct vp_regs *regs, u64 *host_rsp, bool launched);
/* Where the processor goes at an exit; part of vmx_enter(). */
extern const u8 vmx_exit_entry[];

/* exit.c: fills @exit, and vp->event if an event was being delivered. */
void vmx_exit_decode(struct vp *vp, struct exit *exit);

/* regs.c */
struct hv_segment vmx_segment(u32 index);
u64 vmx_interrupt_state(void);
enum hv_status vmx_get(struct vp *vp, u32 name, union hv_register_value *v);
enum hv_status vmx_set(struct vp *vp, u32 name, const union hv_register_value *v);
void vmx_mode(struct vp *vp, struct vp_mode *mode);
bool vmx_mode_is(struct vp *vp, const struct vp_mode *mode);
bool vmx_in_kernel64(struct vp *vp);
void vmx_advance(struct vp *vp, u8 length);

/* state.c */
void vmx_intercept_header(struct vp *vp, struct hv_intercept_header *h);
void vmx_register_page(struct vp *vp, struct hv_register_page *page);

/* control.c: CR0, CR4 and EFER. The VMCS is current. */
u64 vmx_cr0(void);
u64 vmx_cr4(struct vp *vp);
enum hv_status vmx_cr0_set(struct vp *vp, u64 v);
enum hv_status vmx_cr3_set(struct vp *vp, u64 v);
enum hv_status vmx_cr4_set(struct vp *vp, u64 v);
enum hv_status vmx_efer_set(struct vp *vp, u64 v);
/* Which bits of CR0 and CR4 the guest may not change by itself. */
void vmx_masks_setup(struct vp *vp);

/* event.c */
void vmx_event_inject(struct vp *vp);
void vmx_event_interrupted(struct vp *vp);
/* After a failed entry: the event that was to be delivered is the VP's again. */
void vmx_event_refused(struct vp *vp);
u64 vmx_event_pack(const struct event *event);
[[nodiscard]] bool vmx_event_unpack(u64 v, struct event *event);
u8 vmx_tpr(struct vp *vp);
void vmx_tpr_set(struct vp *vp, u8 cr8);
bool vmx_can_interrupt(struct vp *vp);
bool vmx_can_nmi(struct vp *vp);
void vmx_interrupt_window(struct vp *vp, bool on, u8 priority);
void vmx_nmi_window(struct vp *vp, bool on);

/* dump.c */
void vmx_dump(struct vp *vp);
