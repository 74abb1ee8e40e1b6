/* SPDX-License-Identifier: MIT */
/*
 * The pump. The SINT ends its interrupts by itself, which saves an exit for
 * each; a slot is freed before its flag is looked at, so that nothing that
 * waits is missed.
 */
#include "rootpart/synic.h"

#include "base/assert.h"
#include "hv/msr.h"
#include "hv/port.h"
#include "rootpart/cpu.h"
#include "rootpart/page_alloc.h"
#include "x86/atomic.h"
#include "x86/msr.h"

#define SINT_INTERCEPT 0u

static synic_handler handler;
static const struct synic_bus *bus;

void synic_set_handler(synic_handler h)
{
	/* Pairs with the load in synic_interrupt(). */
	store_release(&handler, h);
}

void synic_set_bus(const struct synic_bus *b)
{
	/* Pairs with the loads in synic_bus_interrupt(). */
	store_release(&bus, b);
}

/* From here on the hypervisor's page lies over it. */
static void *page_enable(u32 msr)
{
	void *page = page_alloc(0);

	assert(page != NULL);
	msr_write(msr, gpa_of(page).a | HV_MSR_PAGE_ENABLE);
	return page;
}

void synic_init_vp(void)
{
	this_cpu()->messages = page_enable(HV_MSR_SIMP);
	this_cpu()->events = page_enable(HV_MSR_SIEFP);
	msr_write(HV_MSR_SINT(SINT_INTERCEPT), VECTOR_SYNIC | HV_SINT_AUTO_EOI);
	msr_write(HV_MSR_SINT(SYNIC_BUS_SINT), VECTOR_BUS | HV_SINT_AUTO_EOI);
	msr_write(HV_MSR_SCONTROL, HV_SCONTROL_ENABLE);
}

/* The slot is free; the next one that waits may come. */
static void slot_give(struct hv_message *slot)
{
	(void)atomic_exchange(&slot->header.type, HV_MESSAGE_NONE);
	if (load_acquire(&slot->header.flags) & HV_MESSAGE_PENDING)
		msr_write(HV_MSR_EOM, 0);
}

static void pump(u32 sint, synic_handler h)
{
	struct hv_message *slot = &this_cpu()->messages->slot[sint];

	/* Pairs with the release of the type by the hypervisor. */
	while (load_acquire(&slot->header.type) != HV_MESSAGE_NONE) {
		if (h != NULL)
			h(slot);
		slot_give(slot);
	}
}

void synic_interrupt(void)
{
	pump(SINT_INTERCEPT, load_acquire(&handler));
}

void synic_bus_interrupt(void)
{
	const struct synic_bus *b = load_acquire(&bus);

	if (b == NULL)
		return;
	b->events(this_cpu()->events->word[SYNIC_BUS_SINT]);
	pump(SYNIC_BUS_SINT, b->message);
}
