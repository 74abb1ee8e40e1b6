/* SPDX-License-Identifier: MIT */
/*
 * The guest's end of SINT 2 on a processor that the test plays: what is turned on, messages in and out, signals, waits
 * that miss nothing.
 * cflags: -Itests/unit/fake
 * sources: vsc/hv_bus.c lib/string.c tests/unit/fake/fake.c
 */
#include "vsc/hv_bus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "fake/fake.h"
#include "hv/hypercall.h"
#include "hv/msr.h"

#define PAGES  HV_BUS_PAGES
#define BASE   0x7000000ull /* of the pages, for the guest */
#define VECTOR 0x62u

static u8 pages[PAGES][4096] __attribute__((aligned(4096)));
static struct hv_bus_vp v;
static struct vmbus_client_host client;
static u64 msr[0x200];
static u32 eoms, waits, calls;
static u64 last_control, last_input;
static struct hv_post_message_input posted;
static u32 busy_calls;         /* posts that are refused before one is taken */
static enum hv_status refusal; /* how, and after that */
static enum hv_status answer;
static void (*at_wait)(void);

#define slot   (&((struct hv_message_page *)(void *)pages[0])->slot[VMBUS_SINT])
#define events (((struct hv_event_flags_page *)(void *)pages[1])->word[VMBUS_SINT])

static u64 gpa(const void *p)
{
	return BASE + (u64)((const u8 *)p - pages[0]);
}

static u64 hypercall(u64 control, u64 input, u64 output)
{
	assert_int_equal(output, 0);
	calls++;
	last_control = control;
	last_input = input;
	if (control != HV_CALL_POST_MESSAGE)
		return (u64)answer;
	memcpy(&posted, pages[0] + (input - BASE), sizeof(posted));
	if (busy_calls > 0) {
		busy_calls--;
		return (u64)refusal;
	}
	return (u64)answer;
}

static const struct hv_bus_system bus_system = { hypercall, gpa };

static void on_msr_write(u32 number, u64 value)
{
	assert_true(number >= HV_MSR_FIRST && number < HV_MSR_FIRST + ARRAY_SIZE(msr));
	msr[number - HV_MSR_FIRST] = value;
	eoms += number == HV_MSR_EOM;
}

static void on_wait(void)
{
	waits++;
	assert_non_null(at_wait);
	at_wait();
}

static u64 msr_of(u32 number)
{
	return msr[number - HV_MSR_FIRST];
}

static int setup(void **state)
{
	(void)state;
	memset(pages, 0, sizeof(pages));
	memset(msr, 0, sizeof(msr));
	eoms = waits = calls = busy_calls = 0;
	answer = HV_STATUS_SUCCESS;
	at_wait = NULL;
	fake_on_msr_write = on_msr_write;
	fake_on_irq_wait = on_wait;
	hv_bus_start(&v, &bus_system, pages, VECTOR);
	hv_bus_client_host(&v, &client);
	return 0;
}

static void turned_on(void **state)
{
	(void)state;
	assert_int_equal(msr_of(HV_MSR_SIMP), BASE | 1);
	assert_int_equal(msr_of(HV_MSR_SIEFP), (BASE + 4096) | 1);
	assert_int_equal((u8)msr_of(HV_MSR_SINT(2)), VECTOR);
	assert_false(msr_of(HV_MSR_SINT(2)) & HV_SINT_MASKED);
	/* One of both ends the interrupt. */
	assert_true(v.writes_eoi == !(msr_of(HV_MSR_SINT(2)) & HV_SINT_AUTO_EOI));
	assert_int_equal(msr_of(HV_MSR_SCONTROL), 1);
	hv_bus_stop(&v);
	assert_true(msr_of(HV_MSR_SIMP) == 0 && msr_of(HV_MSR_SIEFP) == 0);
	assert_int_equal(msr_of(HV_MSR_SINT(2)), HV_SINT_MASKED);
}

static void end_of_interrupt(void **state)
{
	(void)state;
	msr[HV_MSR_EOI - HV_MSR_FIRST] = 7;
	v.writes_eoi = false;
	hv_bus_interrupt(&v);
	assert_int_equal(msr_of(HV_MSR_EOI), 7);
	v.writes_eoi = true;
	hv_bus_interrupt(&v);
	assert_int_equal(msr_of(HV_MSR_EOI), 0);
}

static void posts(void **state)
{
	static const enum hv_status refusals[] = { HV_STATUS_INSUFFICIENT_BUFFERS,
		HV_STATUS_INSUFFICIENT_MEMORY, HV_STATUS_INVALID_CONNECTION_ID };
	u8 message[VMBUS_MESSAGE_MAX] __aligned(8);
	struct vmbus_contact contact = { .header.type = VMBUS_INITIATE_CONTACT };

	(void)state;
	for (u32 i = 0; i < sizeof(message); i++)
		message[i] = (u8)(i + 3);
	for (u32 i = 0; i < ARRAY_SIZE(refusals); i++) {
		calls = 0;
		busy_calls = 5;
		refusal = refusals[i];
		assert_int_equal(client.post(client.context, 4, message, sizeof(message)), 0);
		assert_true(calls == 6 && v.busy == 5 * (i + 1));
		assert_true(posted.connection_id == 4 && posted.type == VMBUS_MESSAGE_TYPE &&
			    posted.size == sizeof(message));
		assert_memory_equal(posted.payload, message, sizeof(message));
		assert_int_equal(last_control, HV_CALL_POST_MESSAGE);
	}
	/* It must not leave its page. */
	assert_true(last_input % 8 == 0 && last_input % 4096 + sizeof(posted) <= 4096);
	/* With the first one that is an answer, and is not said again. */
	calls = 0;
	answer = HV_STATUS_INVALID_CONNECTION_ID;
	assert_int_equal(client.post(client.context, 4, &contact, sizeof(contact)), -ENOENT);
	assert_int_equal(calls, 1);
	answer = HV_STATUS_ACCESS_DENIED;
	assert_int_equal(client.post(client.context, 4, message, 8), -EIO);
}

static void signals(void **state)
{
	(void)state;
	client.signal(client.context, 0x10003);
	assert_int_equal(last_control, 0x1005d);
	assert_int_equal(last_input, 0x10003);
	answer = HV_STATUS_INVALID_CONNECTION_ID;
	assert_int_equal(hv_bus_signal(&v, 5), HV_STATUS_INVALID_CONNECTION_ID);
	assert_int_equal(client.pfn(client.context, pages[1]), BASE / 4096 + 1);
}

static void put(u8 size, u8 flags)
{
	*slot = (struct hv_message){ .header = { .size = size, .flags = flags } };
	memset(slot->payload, size, sizeof(slot->payload));
	slot->header.type = VMBUS_MESSAGE_TYPE;
}

/* Some interrupt, and then what was waited for. */
static void late_message(void)
{
	if (waits == 2)
		put(240, HV_MESSAGE_PENDING);
}

static void receives(void **state)
{
	u8 message[VMBUS_MESSAGE_MAX];
	u32 size;

	(void)state;
	assert_false(hv_bus_take_message(&v, message, &size));
	/* It was there already. */
	put(16, 0);
	assert_int_equal(client.receive(client.context, message), 16);
	assert_true(message[0] == 16 && message[15] == 16);
	assert_true(waits == 0 && eoms == 0 && slot->header.type == HV_MESSAGE_NONE);
	at_wait = late_message;
	assert_int_equal(client.receive(client.context, message), 240);
	assert_true(waits == 2 && eoms == 1 && message[239] == 240);
	/* More than there can be in one. */
	put(255, 0);
	assert_true(hv_bus_take_message(&v, message, &size));
	assert_int_equal(size, VMBUS_MESSAGE_MAX);
}

static void flag_meanwhile(void)
{
	events[31] |= BIT(63);
}

static void flags(void **state)
{
	(void)state;
	events[0] = BIT(1) | BIT(63);
	events[2] = BIT(5);
	events[31] = BIT(63);
	assert_int_equal(hv_bus_next_event(&v), 1);
	assert_int_equal(hv_bus_next_event(&v), 63);
	assert_int_equal(hv_bus_next_event(&v), 133);
	assert_int_equal(hv_bus_next_event(&v), 2047);
	assert_int_equal(hv_bus_next_event(&v), 0);
	/* One that came before it waits: it does not. */
	events[1] = BIT(3);
	hv_bus_wait(&v);
	assert_true(waits == 0 && events[1] == 0);
	/* One that ends it is taken, so that the next one interrupts again. */
	at_wait = flag_meanwhile;
	hv_bus_wait(&v);
	assert_true(waits == 1 && events[31] == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(turned_on, setup),
		cmocka_unit_test_setup(end_of_interrupt, setup),
		cmocka_unit_test_setup(posts, setup),
		cmocka_unit_test_setup(signals, setup),
		cmocka_unit_test_setup(receives, setup),
		cmocka_unit_test_setup(flags, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
