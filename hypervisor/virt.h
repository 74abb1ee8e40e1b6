/* SPDX-License-Identifier: MIT */
/*
 * The seam between the hypervisor and the processor's virtualization
 * extension. hypervisor/svm and hypervisor/vmx each export one const struct
 * virt_ops and nothing else; the rest never asks which vendor it is.
 *
 * A VP's state while it does not run: general registers, RIP, RSP and RFLAGS
 * are in vp->regs, always current; everything else is in the vendor's control
 * block and reached by get() and set() under its TLFS register name.
 */
#pragma once

#include "base/addr.h"
#include "base/types.h"
#include "hv/hypercall.h"
#include "hv/registers.h"
#include "hv/stats.h"
#include "hv/status.h"

struct cpu;
struct hv_intercept_header;
struct hv_register_page;
struct partition;
struct slat_format;
struct vp;

/* Interruption types, TLFS PendingInterruption and VMX alike. */
enum event_type {
	EVENT_EXTERNAL = 0,
	EVENT_NMI = 2,
	EVENT_EXCEPTION = 3,
	EVENT_SOFTWARE_INT = 4,
	EVENT_PRIV_SOFTWARE_EXCEPTION = 5, /* INT1 */
	EVENT_SOFTWARE_EXCEPTION = 6,      /* INT3, INTO */
};

/* Priority of an interrupt window: the TPR holds nothing back. */
#define VIRT_WINDOW_ANY 16u

/* Room in struct vp for what a back end keeps of a VP. */
#define VIRT_VP_WORDS 96u

/* An event to deliver at the next entry, or that an exit interrupted. */
struct event {
	bool valid;
	u8 type; /* enum event_type */
	u8 vector;
	bool has_error;
	u8 length; /* of the instruction, for software events; 0 unknown */
	u32 error;
};

#define ACCESS_READ  BIT(0)
#define ACCESS_WRITE BIT(1)
#define ACCESS_EXEC  BIT(2)

/* Why a VP left guest mode. Fields beyond kind are as that kind says. */
struct exit {
	enum exit_kind kind;
	u8 length; /* of the instruction if the processor tells, else 0 */
	union {
		struct {
			u32 msr; /* RDMSR, WRMSR; value is in vp->regs */
		} msr;
		struct {
			u16 port;
			u8 size; /* 1, 2, 4 */
			bool in;
			bool string;
			bool rep;
		} io;
		struct {
			gpa_t gpa;
			u32 access; /* ACCESS_* */
			bool walk;  /* fault on the guest's own page tables */
			bool gva_valid;
			gva_t gva;
		} slat;
		struct {
			u8 vector;
			bool has_error;
			u32 error;
			u64 address; /* CR2 for #PF, else 0 */
		} exception;
		struct {
			u8 cr; /* 0, 3, 4 or 8 */
			bool write;
			bool clts;
			bool lmsw;
			u8 gpr;     /* register operand if decoded, see known */
			bool known; /* gpr (or value, for LMSW) is valid */
			u16 lmsw_source;
		} cr;
		struct {
			u64 reason; /* vendor's exit code, for logs */
			u64 info;
		} raw; /* INTERNAL, ENTRY_FAILED, FORBIDDEN */
	};
};

/* What a walk of the guest's page tables and the decoder need, in one call. */
struct vp_mode {
	u64 cr0;
	u64 cr3;
	u64 cr4;
	u64 efer;
	u64 cs_base;
	u8 cpl;
	bool cs_long; /* CS.L and EFER.LMA */
	bool cs_db;
};

struct virt_ops {
	const char *name; /* "svm", "vmx" */

	/* Text of the hypercall page: the vendor's instruction, then RET. */
	const u8 *hypercall_text;
	size_t hypercall_text_size;

	/*
	 * Whether the calling processor can be used. NULL if so, else the
	 * line that tells a person what is missing and what to do.
	 */
	const char *(*unsupported)(void);

	/* Bits of second-level entries; page1g is set by cpu_start. */
	struct slat_format *slat;

	/* Turns the extension on for the calling processor; cpu->virt_page is there. */
	enum hv_status (*cpu_start)(struct cpu *cpu);
	/* Turns it off again; harmless if it is not on. Safe while dying. */
	void (*cpu_stop)(void);

	/* Makes p->msr_bitmap and p->io_bitmap from its policy, from the pool; boot. */
	enum hv_status (*bitmaps_create)(struct partition *p);

	/*
	 * Allocates and initializes the control block: state of a processor
	 * after power-on reset (SDM volume 3 table 9-1), passing through and
	 * intercepting what vp->partition's policy says. Slat and bitmaps must be
	 * set; pages are the partition's.
	 */
	enum hv_status (*vp_create)(struct vp *vp);
	void (*vp_delete)(struct vp *vp);

	/*
	 * Enters the guest with interrupts off on the calling processor and
	 * returns with interrupts off at the next exit. Before: delivers
	 * vp->event if valid. After: vp->event holds what the exit
	 * interrupted, if anything, to be delivered again; vp->regs is
	 * current. A physical interrupt is left pending, not taken.
	 */
	void (*run)(struct vp *vp, struct exit *exit);

	/* The VP's state is about to leave, or to come to, this processor. */
	void (*load)(struct vp *vp);
	void (*save)(struct vp *vp);

	/* RDTSC of the VP, at rest or loaded here, gives the processor's TSC and @offset. */
	void (*tsc_offset)(struct vp *vp, u64 offset);

	/* HV_STATUS_UNKNOWN_REGISTER_NAME, _INVALID_REGISTER_VALUE. */
	enum hv_status (*get)(struct vp *vp, u32 name, union hv_register_value *v);
	enum hv_status (*set)(struct vp *vp, u32 name, const union hv_register_value *v);
	void (*mode)(struct vp *vp, struct vp_mode *mode);
	/* Whether mode() would give *mode again; cheap. */
	bool (*mode_is)(struct vp *vp, const struct vp_mode *mode);
	/*
	 * True at CPL 0 in 64-bit code, where nearly all hypercalls come from;
	 * CR4 as the guest sees it. Cheap; for the VP that has just exited.
	 */
	bool (*in_kernel64)(struct vp *vp);
	u64 (*cr4)(struct vp *vp);
	/* Fills CS and all of execution but for HV_EXECUTION_PENDING; the VP has just exited. */
	void (*intercept_header)(struct vp *vp, struct hv_intercept_header *h);
	/* Fills what of the page is not in vp->regs, XMM aside; likewise. */
	void (*register_page)(struct vp *vp, struct hv_register_page *page);

	/* TPR of the guest as bits 7:4 of the APIC's TPR (CR8), cheap. */
	u8 (*tpr)(struct vp *vp);
	void (*tpr_set)(struct vp *vp, u8 cr8);
	/* True if an external interrupt (NMI) can be injected right now. */
	bool (*can_interrupt)(struct vp *vp);
	bool (*can_nmi)(struct vp *vp);
	/*
	 * Asks for an INTERRUPT_WINDOW (NMI_WINDOW) exit as soon as one can be
	 * injected. @priority: vector >> 4 of the waiting interrupt, so that
	 * the window also waits for a lower TPR, or VIRT_WINDOW_ANY.
	 */
	void (*interrupt_window)(struct vp *vp, bool on, u8 priority);
	void (*nmi_window)(struct vp *vp, bool on);

	/* Drops what this processor cached of the VP's GPA mappings at its next entry. */
	void (*flush)(struct vp *vp);
	/* The same of what it cached of the VP's own page tables, global pages included. */
	void (*flush_guest)(struct vp *vp);
	/* Moves RIP on by @length and ends an interrupt shadow. */
	void (*advance)(struct vp *vp, u8 length);
	/* Prints the whole control block to the log; while dying. */
	void (*dump)(struct vp *vp);
	/*
	 * For the dying: an NMI hit the hypervisor at @rip. If that was on the way
	 * out of @vp, vp->regs gets what it has not yet. May be NULL.
	 */
	void (*catch_up)(struct vp *vp, u64 rip);
};

extern const struct virt_ops svm_ops;
extern const struct virt_ops vmx_ops;

/* The one in use; set once at boot. */
extern const struct virt_ops *virt;
