/* SPDX-License-Identifier: MIT */
/*
 * Nothing is lost between a look and a wait: interrupts are off from one to the other, and what comes in between is
 * pending, so that the HLT ends at once.
 */
#include "vsc/hv_bus.h"

#include "base/errno.h"
#include "hv/cpuid.h"
#include "hv/hypercall.h"
#include "hv/msr.h"
#include "lib/string.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/msr.h"

#define EVENT_WORDS (HV_EVENT_FLAGS / 64)

void hv_bus_start(struct hv_bus_vp *v, const struct hv_bus_system *system, void *pages, u8 vector)
{
	bool no_auto_eoi = cpuid(HV_CPUID_HINTS, 0).eax & HV_HINT_NO_AUTO_EOI;
	u8 *page = pages;

	*v = (struct hv_bus_vp){ .system = system,
		.messages = pages,
		.events = (void *)(page + PAGE_SIZE),
		.input = (void *)(page + 2 * PAGE_SIZE),
		.writes_eoi = no_auto_eoi };
	msr_write(HV_MSR_SIMP, system->gpa(v->messages) | HV_MSR_PAGE_ENABLE);
	msr_write(HV_MSR_SIEFP, system->gpa(v->events) | HV_MSR_PAGE_ENABLE);
	msr_write(HV_MSR_SINT(VMBUS_SINT), vector | (no_auto_eoi ? 0 : HV_SINT_AUTO_EOI));
	msr_write(HV_MSR_SCONTROL, HV_SCONTROL_ENABLE);
}

void hv_bus_stop(struct hv_bus_vp *v)
{
	(void)v;
	msr_write(HV_MSR_SINT(VMBUS_SINT), HV_SINT_RESET);
	msr_write(HV_MSR_SIEFP, 0);
	msr_write(HV_MSR_SIMP, 0);
	msr_write(HV_MSR_SCONTROL, 0);
}

void hv_bus_interrupt(const struct hv_bus_vp *v)
{
	if (v->writes_eoi)
		msr_write(HV_MSR_EOI, 0);
}

enum hv_status hv_bus_post(
	struct hv_bus_vp *v, u32 connection, u32 type, const void *message, u32 size)
{
	*v->input = (struct hv_post_message_input){
		.connection_id = connection, .type = type, .size = size
	};
	memcpy(v->input->payload, message, MIN(size, (u32)sizeof(v->input->payload)));
	return HV_RESULT_STATUS(
		v->system->hypercall(HV_CALL_POST_MESSAGE, v->system->gpa(v->input), 0));
}

enum hv_status hv_bus_signal(const struct hv_bus_vp *v, u32 connection)
{
	return HV_RESULT_STATUS(
		v->system->hypercall(HV_CALL_SIGNAL_EVENT | HV_CONTROL_FAST, connection, 0));
}

/* The slot is given back before it is asked whether more wait: who puts one there sets the flag first. */
static void slot_done(struct hv_message *slot)
{
	(void)atomic_exchange(&slot->header.type, HV_MESSAGE_NONE);
	if (load_acquire(&slot->header.flags) & HV_MESSAGE_PENDING)
		msr_write(HV_MSR_EOM, 0);
}

bool hv_bus_take_message(struct hv_bus_vp *v, void *message, u32 *size)
{
	struct hv_message *slot = &v->messages->slot[VMBUS_SINT];

	/* Pairs with the hypervisor's store of the type, behind all the rest. */
	if (load_acquire(&slot->header.type) == HV_MESSAGE_NONE)
		return false;
	*size = MIN((u32)slot->header.size, VMBUS_MESSAGE_MAX);
	memcpy(message, slot->payload, *size);
	slot_done(slot);
	return true;
}

u32 hv_bus_next_event(struct hv_bus_vp *v)
{
	u64 *words = v->events->word[VMBUS_SINT];

	for (u32 i = 0; i < EVENT_WORDS; i++) {
		u64 set = load_relaxed(&words[i]);
		u32 bit;

		if (set == 0)
			continue;
		bit = (u32)__builtin_ctzll(set);
		/* Before the ring is looked at: pairs with the host's, which sets it behind its packet. */
		(void)atomic_fetch_and(&words[i], ~BIT(bit));
		return i * 64 + bit;
	}
	return 0;
}

static bool take_events(struct hv_bus_vp *v)
{
	bool any = false;

	while (hv_bus_next_event(v) != 0)
		any = true;
	return any;
}

void hv_bus_wait(void *context)
{
	struct hv_bus_vp *v = context;

	if (take_events(v))
		return;
	irq_wait();
	(void)take_events(v);
}

/* ---- for the client ---- */

/* A connection that is not there is a host of another version at first, and one that is busy later. */
static bool is_later(enum hv_status status, bool contact)
{
	return status == HV_STATUS_INSUFFICIENT_MEMORY ||
	       status == HV_STATUS_INSUFFICIENT_BUFFERS ||
	       (status == HV_STATUS_INVALID_CONNECTION_ID && !contact);
}

static int client_post(void *context, u32 connection, const void *message, u32 size)
{
	const struct vmbus_header *h = message;
	bool contact = h->type == VMBUS_INITIATE_CONTACT;
	struct hv_bus_vp *v = context;
	enum hv_status status;

	for (;;) {
		status = hv_bus_post(v, connection, VMBUS_MESSAGE_TYPE, message, size);
		if (!is_later(status, contact))
			break;
		v->busy++;
		cpu_pause();
	}
	if (status == HV_STATUS_SUCCESS)
		return 0;
	return status == HV_STATUS_INVALID_CONNECTION_ID ? -ENOENT : -EIO;
}

static u32 client_receive(void *context, void *message)
{
	struct hv_bus_vp *v = context;
	u32 size;

	while (!hv_bus_take_message(v, message, &size))
		irq_wait();
	return size;
}

/* A channel that the host has closed meanwhile needs none. */
static void client_signal(void *context, u32 connection)
{
	(void)hv_bus_signal(context, connection);
}

static u64 client_pfn(void *context, const void *p)
{
	const struct hv_bus_vp *v = context;

	return v->system->gpa(p) / PAGE_SIZE;
}

void hv_bus_client_host(struct hv_bus_vp *v, struct vmbus_client_host *host)
{
	*host = (struct vmbus_client_host){ .context = v,
		.post = client_post,
		.receive = client_receive,
		.signal = client_signal,
		.pfn = client_pfn };
}
