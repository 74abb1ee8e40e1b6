/* SPDX-License-Identifier: MIT */
/*
 * Messages: one page for each of the first VPs, found by VP index.
 */
#include "tests/guest/lib/message.h"

#include "base/assert.h"
#include "hv/msr.h"
#include "lib/string.h"
#include "tests/guest/lib/guest.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/msr.h"

#define VECTOR 0x60u
#define VPS    4u

static struct hv_message_page *pages[VPS];

static void ignore(u8 vector)
{
	(void)vector;
}

void guest_messages_init(void)
{
	u64 vp = msr_read(HV_MSR_VP_INDEX);

	assert(vp < VPS);
	pages[vp] = guest_pages(1);
	guest_on_interrupt(VECTOR, ignore);
	msr_write(HV_MSR_SIMP, (u64)pages[vp] | HV_MSR_PAGE_ENABLE);
	msr_write(HV_MSR_SINT(0), VECTOR | HV_SINT_AUTO_EOI);
	msr_write(HV_MSR_SCONTROL, HV_SCONTROL_ENABLE);
}

bool guest_message_poll(struct hv_message *m)
{
	struct hv_message *slot = &pages[msr_read(HV_MSR_VP_INDEX)]->slot[0];

	if (load_acquire(&slot->header.type) == HV_MESSAGE_NONE)
		return false;
	memcpy(m, slot, sizeof(*m));
	(void)atomic_exchange(&slot->header.type, HV_MESSAGE_NONE);
	if (load_acquire(&slot->header.flags) & HV_MESSAGE_PENDING)
		msr_write(HV_MSR_EOM, 0);
	return true;
}

/* STI takes effect behind HLT: what comes in between ends it. */
void guest_message_wait(struct hv_message *m)
{
	while (!guest_message_poll(m))
		irq_wait();
}
