/* SPDX-License-Identifier: MIT */
/*
 * The pump. The SINT ends its interrupts by itself, which saves an exit for
 * each; a slot is freed before its flag is looked at, so that nothing that
 * waits is missed.
 */
#include "rootpart/synic.h"

#include "base/assert.h"
#include "hv/msr.h"
#include "rootpart/cpu.h"
#include "rootpart/page_alloc.h"
#include "x86/atomic.h"
#include "x86/msr.h"

#define SINT_INTERCEPT 0u

static synic_handler handler;

void synic_set_handler(synic_handler h)
{
	/* Pairs with the load in synic_interrupt(). */
	store_release(&handler, h);
}

void synic_init_vp(void)
{
	struct hv_message_page *page = page_alloc(0);

	assert(page != NULL);
	/* From here on the hypervisor's page lies over it. */
	this_cpu()->messages = page;
	msr_write(HV_MSR_SIMP, gpa_of(page).a | HV_MSR_PAGE_ENABLE);
	msr_write(HV_MSR_SINT(SINT_INTERCEPT), VECTOR_SYNIC | HV_SINT_AUTO_EOI);
	msr_write(HV_MSR_SCONTROL, HV_SCONTROL_ENABLE);
}

void synic_interrupt(void)
{
	struct hv_message *slot = &this_cpu()->messages->slot[SINT_INTERCEPT];
	synic_handler h = load_acquire(&handler);

	/* Pairs with the release of the type by the hypervisor. */
	while (load_acquire(&slot->header.type) != HV_MESSAGE_NONE) {
		if (h != NULL)
			h(slot);
		(void)atomic_exchange(&slot->header.type, HV_MESSAGE_NONE);
		if (load_acquire(&slot->header.flags) & HV_MESSAGE_PENDING)
			msr_write(HV_MSR_EOM, 0);
	}
}
