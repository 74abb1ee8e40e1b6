/* SPDX-License-Identifier: MIT */
/*
 * What the files of the AMD-V back end share: a VP's and a processor's part
 * of it. Everything here is used by the processor that runs the VP only.
 */
#pragma once

#include "base/types.h"
#include "hypervisor/svm/vmcb.h"
#include "hypervisor/virt.h"
#include "hypervisor/vp.h"

struct cpu;
struct partition;
struct slat_format;

/* cpu->virt_host, two pages. */
struct svm_cpu {
	struct vmcb host; /* what VMRUN leaves to VMLOAD: FS, GS, TR, LDTR, call MSRs */
	u64 host_spa;
	/*
	 * Address space identifiers are given out once per generation. When
	 * they run out, a new generation starts with a flush of everything.
	 */
	u64 generation; /* never 0 */
	u32 asid_next;
	u32 asid_count;
	bool delivers_twice; /* see svm_caps_delivers_twice() */
};

/* What run() must look at besides the VMCB. */
#define SVM_WINDOW     BIT(0) /* exit when an interrupt can be injected */
#define SVM_NMI_WINDOW BIT(1) /* exit when an NMI can be injected */
#define SVM_NMI_MASKED BIT(2) /* an NMI was injected, its IRET is not done */
#define SVM_STEP       BIT(3) /* the next entry runs one instruction */
#define SVM_FRESH      BIT(4) /* a child's state that VMRUN may refuse */

/* Of the save area that is in use, bytes. */
#define SVM_SAVE_SIZE offsetof(struct vmcb_save, reserved_278)

/* A VP's part, within struct vp. */
struct svm_vp {
	struct vmcb *vmcb; /* a page */
	u64 vmcb_spa;
	struct svm_cpu *cpu; /* where it is loaded */
	u64 generation;      /* of its ASID; 0: needs a new one */
	u32 flags;           /* SVM_* */
	u32 exceptions;      /* those that exit whenever they come */
	u8 window_priority;

	/* While SVM_STEP is on: the guest's own values. */
	bool step_iret; /* it is the IRET that ends an NMI's handler */
	bool step_tf;
	u64 step_rip;
	u64 step_dr6;

	/* From the entry with SVM_FRESH to its exit: what was to be entered. */
	struct event entered_event;
	u64 entered[SVM_SAVE_SIZE / sizeof(u64)];
};

static_assert(sizeof(struct svm_cpu) <= 2 * PAGE_SIZE);
static_assert(sizeof(struct svm_vp) <= sizeof(((struct vp *)NULL)->virt));

static inline struct svm_vp *svm_of(const struct vp *vp)
{
	return (struct svm_vp *)vp->virt;
}

/* vmcb.c: a VP's control block. */
enum hv_status svm_bitmaps_create(struct partition *p);
/* The exceptions that exit, after the parent's wishes changed. */
void svm_exceptions_update(struct vp *vp);
enum hv_status svm_vp_create(struct vp *vp);
void svm_vp_delete(struct vp *vp);
void svm_vmcb_dump(struct vp *vp);

/* run.c */
void svm_run(struct vp *vp, struct exit *exit);
void svm_load(struct vp *vp);
void svm_save(struct vp *vp);
void svm_tsc_offset(struct vp *vp, u64 offset);
void svm_flush(struct vp *vp);
/* run.S: @regs is a struct vp_regs; @vmcb and @host are physical addresses. */
void svm_enter(void *regs, u64 vmcb, u64 host);
extern const u8 svm_enter_end[];
/* virt_ops.catch_up: an NMI is let in by svm_enter()'s STGI, before run.c copies. */
void svm_catch_up(struct vp *vp, u64 rip);

/* event.c */
/* vp->event as EVENTINJ; 0 if there is nothing to inject. */
u64 svm_event_inject(struct vp *vp);
/* Puts EXITINTINFO, which is valid, into vp->event. */
void svm_event_interrupted(struct vp *vp, u64 info);
/* Whether NMIs wait for the guest's IRET. */
void svm_nmi_mask(struct svm_vp *s, bool on);
bool svm_can_interrupt(struct vp *vp);
bool svm_can_nmi(struct vp *vp);
void svm_interrupt_window(struct vp *vp, bool on, u8 priority);
void svm_nmi_window(struct vp *vp, bool on);
/* Before an entry with svm_vp.flags: arms what they ask for. */
void svm_event_arm(struct vp *vp);

/* refused.c: the next entry of a child's VP may be refused. */
void svm_entry_doubt(struct vp *vp);
/* Around an entry with SVM_FRESH, before it and if it failed. */
void svm_entry_keep(struct vp *vp);
void svm_entry_undo(struct vp *vp);

/* step.c: running one instruction, to get past what keeps an event out. */
void svm_step_begin(struct vp *vp);
/* After the exit; true if that exit was nothing but the end of the step. */
bool svm_step_end(struct vp *vp);

/* regs.c */
enum hv_status svm_get(struct vp *vp, u32 name, union hv_register_value *v);
enum hv_status svm_set(struct vp *vp, u32 name, const union hv_register_value *v);
void svm_mode(struct vp *vp, struct vp_mode *mode);
bool svm_mode_is(struct vp *vp, const struct vp_mode *mode);
bool svm_in_kernel64(struct vp *vp);
u64 svm_cr4(struct vp *vp);
u16 svm_attributes_unpack(u16 packed);
u64 svm_event_pack(const struct event *e);
u64 svm_interrupt_state(const struct svm_vp *s);

/* state.c */
void svm_intercept_header(struct vp *vp, struct hv_intercept_header *h);
void svm_register_page(struct vp *vp, struct hv_register_page *page);
u8 svm_tpr(struct vp *vp);
void svm_tpr_set(struct vp *vp, u8 cr8);
void svm_advance(struct vp *vp, u8 length);

/* slat_format.c */
extern struct slat_format svm_slat_format;
