/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls by which a parent uses a child's memory as the child does: by
 * virtual address of a VP, and a few bytes by physical address. On the
 * parent's processor, under the child's manage lock, so that nothing is mapped
 * or unmapped meanwhile; overlays may come and go. TLFS 6.0b, 5.5 and 6.8.
 */
#include "hv/memory.h"
#include "hypervisor/guest.h"
#include "hypervisor/guest_walk.h"
#include "hypervisor/hc.h"
#include "hypervisor/partition.h"
#include "hypervisor/vp.h"
#include "hypervisor/window.h"
#include "lib/string.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/msr.h"
#include "x86/paging.h"

#define GPA_BYTES_MAX 16u
#define TRANSLATE_FLAGS                                               \
	(HV_TRANSLATE_READ | HV_TRANSLATE_WRITE | HV_TRANSLATE_EXEC | \
		HV_TRANSLATE_PRIVILEGE_EXEMPT | HV_TRANSLATE_SET_BITS)
/* A guest that changes its tables faster than we look has no translation. */
#define MARK_TRIES 16u

static_assert(HV_TRANSLATE_READ == ACCESS_READ && HV_TRANSLATE_WRITE == ACCESS_WRITE &&
	      HV_TRANSLATE_EXEC == ACCESS_EXEC);
static_assert(ACCESS_READ == SLAT_READ && ACCESS_WRITE == SLAT_WRITE && ACCESS_EXEC == SLAT_EXEC);

#define ACCESS_OF(flags) ((u32)(flags) & (ACCESS_READ | ACCESS_WRITE | ACCESS_EXEC))

/* The mode that decides about rights: the VP's, or that of its kernel. */
static void mode_for(struct vp *vp, u64 flags, struct vp_mode *mode)
{
	virt->mode(vp, mode);
	if (flags & HV_TRANSLATE_PRIVILEGE_EXEMPT) {
		mode->cpl = 0;
		mode->cr4 &= ~(u64)(CR4_SMAP | CR4_SMEP);
	} else if (vp->regs.rflags & RFLAGS_AC) {
		mode->cr4 &= ~(u64)CR4_SMAP;
	}
}

/* Whether there is such a linear address at all. */
static bool is_linear(const struct vp_mode *mode, u64 gva)
{
	if (mode->efer & EFER_LMA)
		return linear_is_canonical(gva);
	return gva >> 32 == 0;
}

static enum hv_translate_result fault_result(const struct guest_fault *fault)
{
	/* A table outside of the partition's RAM reads as ones, reserved bits and all. */
	if (fault->vector != VEC_PF)
		return HV_TRANSLATE_INVALID_FLAGS;
	if (!(fault->error & PF_P))
		return HV_TRANSLATE_NOT_PRESENT;
	return fault->error & PF_RSVD ? HV_TRANSLATE_INVALID_FLAGS : HV_TRANSLATE_PRIVILEGE;
}

/* What lies at @gpa, and whether it is an overlay; false: nothing. */
static bool look(struct partition *p, gpa_t gpa, struct slat_mapping *m, bool *overlay)
{
	bool mapped;

	spin_lock(&p->lock);
	*overlay = overlay_find(p, gpa);
	mapped = slat_lookup(&p->slat, gpa, m);
	spin_unlock(&p->lock);
	return mapped;
}

static enum hv_translate_result second_level(
	struct partition *p, gpa_t gpa, u32 access, struct hv_translate_output *out)
{
	struct slat_mapping m;
	bool overlay;

	out->gpfn = gpa.a >> PAGE_SHIFT;
	if (!look(p, gpa, &m, &overlay))
		return HV_TRANSLATE_GPA_UNMAPPED;
	out->cache_type = (u8)m.type;
	out->overlay = overlay;
	if (access & (ACCESS_READ | ACCESS_EXEC) & ~m.access)
		return HV_TRANSLATE_GPA_NO_READ;
	return access & ACCESS_WRITE & ~m.access ? HV_TRANSLATE_GPA_NO_WRITE : HV_TRANSLATE_SUCCESS;
}

static enum hv_translate_result translate(
	struct vp *vp, gva_t gva, u64 flags, struct hv_translate_output *out)
{
	u32 access = ACCESS_OF(flags);
	struct guest_fault fault;
	struct guest_walk w = { .window = WINDOW_WALK };
	struct vp_mode mode;

	mode_for(vp, flags, &mode);
	if (!is_linear(&mode, gva.a))
		return HV_TRANSLATE_NOT_PRESENT;
	for (u32 i = 0; i < MARK_TRIES; i++) {
		enum hv_translate_result result;
		enum guest_mark mark;

		if (!guest_walk(vp, &mode, gva, access, &w, &fault))
			return fault_result(&fault);
		result = second_level(vp->partition, GPA(w.gpa), access, out);
		if (result != HV_TRANSLATE_SUCCESS || !(flags & HV_TRANSLATE_SET_BITS))
			return result;
		mark = guest_walk_mark(vp, &mode, gva, &w, access & ACCESS_WRITE);
		if (mark == GUEST_MARKED)
			return HV_TRANSLATE_SUCCESS;
		if (mark == GUEST_MARK_READ_ONLY)
			return HV_TRANSLATE_GPA_NO_WRITE;
	}
	return HV_TRANSLATE_NOT_PRESENT;
}

enum hv_status hc_translate_virtual_address(struct hypercall *call)
{
	const struct hv_translate_input *in = call->input;
	struct hv_translate_output *out = call->output;
	enum hv_status status;
	struct vp *vp;

	if (in->reserved || in->flags & ~(u64)TRANSLATE_FLAGS || in->gva_page >> (64 - PAGE_SHIFT))
		return HV_STATUS_INVALID_PARAMETER;
	status = hc_child_vp_stopped(call, in->partition_id, in->vp_index, &vp);
	if (status == HV_STATUS_SUCCESS)
		out->result = translate(vp, GVA(in->gva_page << PAGE_SHIFT), in->flags, out);
	return status;
}

static bool bytes_valid(u64 gpa, u32 count, u64 flags)
{
	return count && count <= GPA_BYTES_MAX && count <= PAGE_SIZE - (gpa & PAGE_MASK) && !flags;
}

static enum hv_gpa_result reach(struct partition *p, gpa_t gpa, u32 access)
{
	struct slat_mapping m;
	bool overlay;

	if (!look(p, gpa, &m, &overlay))
		return HV_GPA_UNMAPPED;
	if (m.access & access)
		return HV_GPA_SUCCESS;
	if (access == SLAT_READ)
		return HV_GPA_NO_READ;
	return overlay ? HV_GPA_ILLEGAL_OVERLAY : HV_GPA_NO_WRITE;
}

enum hv_status hc_read_gpa(struct hypercall *call)
{
	const struct hv_read_gpa_input *in = call->input;
	struct hv_read_gpa_output *out = call->output;
	enum hv_status status;
	struct vp *vp;

	if (!bytes_valid(in->gpa, in->byte_count, in->flags))
		return HV_STATUS_INVALID_PARAMETER;
	status = hc_child_vp(call, in->partition_id, in->vp_index, &vp);
	if (status != HV_STATUS_SUCCESS)
		return status;
	out->result = reach(vp->partition, GPA(in->gpa), SLAT_READ);
	if (out->result == HV_GPA_SUCCESS &&
		!guest_read(vp, GPA(in->gpa), out->data, in->byte_count))
		out->result = HV_GPA_NO_READ;
	return HV_STATUS_SUCCESS;
}

enum hv_status hc_write_gpa(struct hypercall *call)
{
	const struct hv_write_gpa_input *in = call->input;
	u64 *result = call->output;
	enum hv_status status;
	struct vp *vp;

	if (!bytes_valid(in->gpa, in->byte_count, in->flags))
		return HV_STATUS_INVALID_PARAMETER;
	status = hc_child_vp(call, in->partition_id, in->vp_index, &vp);
	if (status != HV_STATUS_SUCCESS)
		return status;
	*result = reach(vp->partition, GPA(in->gpa), SLAT_WRITE);
	if (*result == HV_GPA_SUCCESS && !guest_write(vp, GPA(in->gpa), in->data, in->byte_count))
		*result = HV_GPA_NO_WRITE;
	return HV_STATUS_SUCCESS;
}
