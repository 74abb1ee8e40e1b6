/* SPDX-License-Identifier: MIT */
/*
 * HvCallMapVpStatePage and its unmap: pages of the child's deposit that its
 * parent finds at GPA = SPA: the registers, which it may write, and the
 * intercept message, which it reads. On the parent's processor, under the
 * child's manage lock. Layouts: hv/vp.h.
 */
#include "hv/message.h"
#include "hv/vp.h"
#include "hypervisor/hc.h"
#include "hypervisor/partition.h"
#include "hypervisor/pool.h"
#include "hypervisor/share_page.h"
#include "hypervisor/vp.h"

static void **page_of(struct vp *vp, u32 type)
{
	return type == HV_STATE_PAGE_REGISTERS ? (void **)&vp->register_page
					       : (void **)&vp->intercept_page;
}

static void page_end(struct vp *vp, u32 type, struct vp *self)
{
	void **page = page_of(vp, type);
	void *old = *page;

	if (!old)
		return;
	*page = NULL;
	share_page_end(vp->partition, old, self);
	partition_page_free(vp->partition, old);
}

void vp_state_pages_end(struct vp *vp, struct vp *self)
{
	page_end(vp, HV_STATE_PAGE_REGISTERS, self);
	page_end(vp, HV_STATE_PAGE_INTERCEPT, self);
}

static enum hv_status page_make(struct vp *vp, u32 type)
{
	u32 access = type == HV_STATE_PAGE_REGISTERS ? SLAT_READ | SLAT_WRITE : SLAT_READ;
	void *page = partition_page_alloc(vp->partition);
	enum hv_status status;

	if (!page)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	status = share_page(vp->partition, page, access);
	if (status != HV_STATUS_SUCCESS) {
		partition_page_free(vp->partition, page);
		return status;
	}
	if (type == HV_STATE_PAGE_REGISTERS)
		((struct hv_register_page *)page)->version = HV_REGISTER_PAGE_VERSION;
	*page_of(vp, type) = page;
	return HV_STATUS_SUCCESS;
}

/* A page that is there is told again. An intercept under way stays where it is. */
enum hv_status hc_map_vp_state_page(struct hypercall *call)
{
	const struct hv_map_state_page_input *in = call->input;
	struct vp *vp;
	enum hv_status status;

	if (in->type > HV_STATE_PAGE_INTERCEPT || in->target_vtl || in->flags || in->requested_gpfn)
		return HV_STATUS_INVALID_PARAMETER;
	status = hc_child_vp_stopped(call, in->partition_id, in->vp_index, &vp);
	if (status == HV_STATUS_SUCCESS && !*page_of(vp, in->type))
		status = page_make(vp, in->type);
	if (status == HV_STATUS_SUCCESS)
		*(u64 *)call->output = virt_to_spa(*page_of(vp, in->type)).a >> PAGE_SHIFT;
	return status;
}

enum hv_status hc_unmap_vp_state_page(struct hypercall *call)
{
	const struct hv_unmap_state_page_input *in = call->input;
	struct vp *vp;
	enum hv_status status;

	if (in->type > HV_STATE_PAGE_INTERCEPT || in->target_vtl || in->reserved)
		return HV_STATUS_INVALID_PARAMETER;
	status = hc_child_vp_stopped(call, in->partition_id, in->vp_index, &vp);
	if (status != HV_STATUS_SUCCESS)
		return status;
	if (!*page_of(vp, in->type))
		return HV_STATUS_INVALID_VP_STATE;
	page_end(vp, in->type, call->vp);
	return HV_STATUS_SUCCESS;
}
