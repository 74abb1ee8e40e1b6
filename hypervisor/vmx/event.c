/* SPDX-License-Identifier: MIT */
/*
 * Events into the guest: what an entry delivers, what an exit interrupted,
 * windows, and the task priority, which the guest reads and writes in its
 * virtual-APIC page without an exit. Called on the VP's processor, between
 * exit and entry. Intel SDM volume 3, 25.8.3, 27.2.4, 27.6, 30.1.
 */
#include "hypervisor/vmx/vmx.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"

/* Exceptions that push an error code outside real mode. */
#define ERROR_VECTORS                                                                        \
	(BIT(VEC_DF) | BIT(VEC_TS) | BIT(VEC_NP) | BIT(VEC_SS) | BIT(VEC_GP) | BIT(VEC_PF) | \
		BIT(VEC_AC))

#define VAPIC_TPR 0x80u

/* Layout of HV_REGISTER_PENDING_INTERRUPTION. */
#define PENDING_VALID        BIT(0)
#define PENDING_TYPE_SHIFT   1
#define PENDING_ERROR        BIT(4)
#define PENDING_LENGTH_SHIFT 5
#define PENDING_VECTOR_SHIFT 16
#define PENDING_ERROR_SHIFT  32
#define PENDING_RESERVED     0x000000000000fe00ull

static bool is_software(u8 type)
{
	return type >= EVENT_SOFTWARE_INT;
}

/* The processor insists on an error code exactly where the guest's mode has one. */
static bool pushes_error(const struct event *e)
{
	return e->type == EVENT_EXCEPTION && e->vector < VEC_EXCEPTIONS &&
	       (ERROR_VECTORS & BIT(e->vector)) && (vmcs_read(VMCS_GUEST_CR0) & CR0_PE);
}

/*
 * Delivery ends a shadow; and were it left to the processor, an entry into a
 * shadow with RFLAGS.TF would fail for want of a pending debug exception.
 */
static void shadow_end(void)
{
	u64 state = vmcs_read(VMCS_INTERRUPTIBILITY);

	if (state & INTERRUPTIBILITY_SHADOW)
		vmcs_write(VMCS_INTERRUPTIBILITY, state & ~(u64)INTERRUPTIBILITY_SHADOW);
}

void vmx_event_inject(struct vp *vp)
{
	const struct event *e = &vp->event;
	u32 info = EVENT_INFO_VALID | (u32)e->type << 8 | e->vector;

	if (pushes_error(e)) {
		info |= EVENT_INFO_ERROR;
		vmcs_write(VMCS_ENTRY_EVENT_ERROR, e->has_error ? e->error : 0);
	}
	if (is_software(e->type))
		vmcs_write(VMCS_ENTRY_EVENT_LENGTH, e->length);
	/* Interrupts and NMIs were not let through in one. */
	if (e->type != EVENT_EXTERNAL)
		shadow_end();
	vmcs_write(VMCS_ENTRY_EVENT, info);
	vp->event.valid = false;
}

/* The guest is inside its NMI handler only once the NMI has been delivered. */
static void nmi_unblock(void)
{
	u64 state = vmcs_read(VMCS_INTERRUPTIBILITY);

	vmcs_write(VMCS_INTERRUPTIBILITY, state & ~(u64)INTERRUPTIBILITY_NMI);
}

/* Takes an event back from the fields that hold it; gives false if there is none. */
static bool take_back(struct vp *vp, u32 info, u32 error_field, u32 length_field)
{
	u8 type = EVENT_INFO_TYPE(info);
	bool has_error = info & EVENT_INFO_ERROR;

	if (!(info & EVENT_INFO_VALID))
		return false;
	vp->event = (struct event){
		.valid = true,
		.type = type,
		.vector = EVENT_INFO_VECTOR(info),
		.has_error = has_error,
		.length = is_software(type) ? (u8)vmcs_read(length_field) : 0,
		.error = has_error ? (u32)vmcs_read(error_field) : 0,
	};
	return true;
}

void vmx_event_interrupted(struct vp *vp)
{
	u32 info = (u32)vmcs_read(VMCS_VECTORING);

	if (take_back(vp, info, VMCS_VECTORING_ERROR, VMCS_EXIT_LENGTH) &&
		EVENT_INFO_TYPE(info) == EVENT_NMI)
		nmi_unblock();
}

void vmx_event_refused(struct vp *vp)
{
	u32 info = (u32)vmcs_read(VMCS_ENTRY_EVENT);

	if (take_back(vp, info, VMCS_ENTRY_EVENT_ERROR, VMCS_ENTRY_EVENT_LENGTH))
		vmcs_write(VMCS_ENTRY_EVENT, 0);
}

u64 vmx_event_pack(const struct event *e)
{
	if (!e->valid)
		return 0;
	return PENDING_VALID | (u64)e->type << PENDING_TYPE_SHIFT |
	       (e->has_error ? PENDING_ERROR : 0) | (u64)e->length << PENDING_LENGTH_SHIFT |
	       (u64)e->vector << PENDING_VECTOR_SHIFT | (u64)e->error << PENDING_ERROR_SHIFT;
}

static bool event_possible(const struct event *e)
{
	switch (e->type) {
	case EVENT_EXTERNAL:
		return true;
	case EVENT_NMI:
		return e->vector == VEC_NMI;
	case EVENT_EXCEPTION:
		return e->vector < VEC_EXCEPTIONS && e->vector != VEC_NMI;
	case EVENT_SOFTWARE_INT:
		return e->length > 0;
	case EVENT_PRIV_SOFTWARE_EXCEPTION:
		return e->length > 0 && e->vector == VEC_DB;
	case EVENT_SOFTWARE_EXCEPTION:
		return e->length > 0 && (e->vector == VEC_BP || e->vector == VEC_OF);
	default:
		return false;
	}
}

bool vmx_event_unpack(u64 v, struct event *e)
{
	*e = (struct event){
		.valid = v & PENDING_VALID,
		.type = (v >> PENDING_TYPE_SHIFT) & 7,
		.vector = (u8)(v >> PENDING_VECTOR_SHIFT),
		.has_error = v & PENDING_ERROR,
		.length = (v >> PENDING_LENGTH_SHIFT) & 15,
		.error = (u32)(v >> PENDING_ERROR_SHIFT),
	};
	if (!e->valid)
		return true;
	/* Bits 31:24 are the upper half of the vector. */
	return !(v & PENDING_RESERVED) && !((v >> 24) & 0xff) && event_possible(e);
}

u8 vmx_tpr(struct vp *vp)
{
	return vmx_of(vp)->vapic[VAPIC_TPR] >> 4;
}

/* An entry with a threshold above the TPR fails: one is never left there. */
static void threshold_set(struct vmx *vmx, u8 threshold)
{
	if (vmx->tpr_threshold == threshold)
		return;
	vmx->tpr_threshold = threshold;
	vmx->pending |= VMX_TPR_THRESHOLD;
}

void vmx_tpr_set(struct vp *vp, u8 cr8)
{
	struct vmx *vmx = vmx_of(vp);

	vmx->vapic[VAPIC_TPR] = (u8)(cr8 << 4);
	if (vmx->tpr_threshold > cr8)
		threshold_set(vmx, 0);
}

/* A halted VP is asked while another is loaded, too. */
static u64 interruptibility(struct vp *vp)
{
	u64 state;

	vmx_borrow(vp);
	state = vmcs_read(VMCS_INTERRUPTIBILITY);
	vmx_return(vp);
	return state;
}

bool vmx_can_interrupt(struct vp *vp)
{
	return (vp->regs.rflags & RFLAGS_IF) && !vp->event.valid &&
	       !(interruptibility(vp) & INTERRUPTIBILITY_SHADOW);
}

bool vmx_can_nmi(struct vp *vp)
{
	return !vp->event.valid &&
	       !(interruptibility(vp) & (INTERRUPTIBILITY_SHADOW | INTERRUPTIBILITY_NMI));
}

static void proc_set(struct vmx *vmx, u32 bit, bool on)
{
	u32 proc = on ? vmx->proc | bit : vmx->proc & ~bit;

	if (proc == vmx->proc)
		return;
	vmx->proc = proc;
	vmcs_write(VMCS_PROC_CONTROLS, proc);
}

/*
 * While the TPR holds the interrupt back, what is waited for is a lower TPR;
 * then the caller is asked again, and waits for the window proper.
 */
void vmx_interrupt_window(struct vp *vp, bool on, u8 priority)
{
	struct vmx *vmx = vmx_of(vp);
	bool held = on && priority <= vmx_tpr(vp);

	threshold_set(vmx, held ? priority : 0);
	proc_set(vmx, PROC_INTERRUPT_WINDOW, on && !held);
}

void vmx_nmi_window(struct vp *vp, bool on)
{
	proc_set(vmx_of(vp), PROC_NMI_WINDOW, on);
}
