/* SPDX-License-Identifier: MIT */
/*
 * HvCallDepositMemory, WithdrawMemory, GetMemoryBalance: pages of the caller
 * become the hypervisor's, for a child or for the caller itself, and go back.
 * TLFS 2.0a, chapter 6.
 */
#include "hypervisor/frame.h"
#include "hypervisor/hc.h"
#include "hypervisor/paging.h"
#include "hypervisor/pool.h"
#include "hypervisor/root.h"
#include "hypervisor/vp.h"

#define GPFN_LIMIT BIT(52 - PAGE_SHIFT)

/*
 * The root loses the page at once, but its processors may still write to it
 * until they are flushed, for all pages at the end. So until then it is on a
 * list that is not in the pages.
 */
enum hv_status hc_deposit_memory(struct hypercall *call)
{
	const struct hv_partition_input *in = call->input;
	u64 gpfn = call->element_in[0];
	struct partition *p;
	enum hv_status status = hc_owner(call, in->partition_id, &p);
	spa_t spa;

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (p->state > PARTITION_ACTIVE)
		return HV_STATUS_INVALID_PARTITION_STATE;
	if (gpfn >= GPFN_LIMIT)
		return HV_STATUS_INVALID_PARAMETER;
	spa = SPA(gpfn << PAGE_SHIFT);
	status = frame_claim_deposit(spa, (u16)p->id);
	if (status != HV_STATUS_SUCCESS)
		return status;
	status = root_ram_take(call->vp->partition, spa);
	if (status != HV_STATUS_SUCCESS) {
		frame_release_deposit(spa);
		return status;
	}
	frame_list_push(&call->moving, spa);
	return HV_STATUS_SUCCESS;
}

void hc_deposit_memory_finish(struct hypercall *call)
{
	struct partition *self = call->vp->partition;
	struct deposit *d = call->target ? &call->target->deposit : &self->deposit;
	spa_t spa;

	partition_flush_tables(self, call->vp);
	while (frame_list_pop(&call->moving, &spa))
		deposit_add(d, paging_map_deposit(spa));
}

static bool anywhere(const struct hv_proximity *p)
{
	return p->id == 0 && p->flags == 0;
}

/* The frame is the root's again, for hypercalls too, only when the page is mapped. */
enum hv_status hc_withdraw_memory(struct hypercall *call)
{
	const struct hv_withdraw_memory_input *in = call->input;
	struct partition *p;
	enum hv_status status = hc_owner(call, in->partition_id, &p);
	void *page;
	spa_t spa;

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (!anywhere(&in->proximity))
		return HV_STATUS_INVALID_PARAMETER;
	page = deposit_remove(&p->deposit);
	if (!page)
		return HV_STATUS_NO_RESOURCES;
	spa = virt_to_spa(page);
	paging_unmap_deposit(spa);
	root_ram_return(call->vp->partition, spa);
	frame_release_deposit(spa);
	*(u64 *)call->output = spa.a >> PAGE_SHIFT;
	return HV_STATUS_SUCCESS;
}

void hc_withdraw_memory_finish(struct hypercall *call)
{
	paging_forget();
	/* Where small pages became large ones, tables went out of use. */
	if (call->vp->partition->slat.stale.first)
		partition_flush_tables(call->vp->partition, call->vp);
}

enum hv_status hc_get_memory_balance(struct hypercall *call)
{
	const struct hv_memory_balance_input *in = call->input;
	struct hv_memory_balance_output *out = call->output;
	struct partition *p;
	enum hv_status status = hc_owner(call, in->partition_id, &p);

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (!anywhere(&in->proximity))
		return HV_STATUS_INVALID_PARAMETER;
	deposit_balance(&p->deposit, &out->available, &out->in_use);
	return HV_STATUS_SUCCESS;
}
