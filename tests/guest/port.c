/* SPDX-License-Identifier: MIT */
/*
 * Messages and events between a parent and its child, both ways, through ports
 * and past them: order, queues that are full, what is masked, and what a
 * child's hostile calls give. Their ends are port_end.c's.
 * machines: svm-smp1-bios svm-smp2-bios vmx-smp1 ryzen-smp1
 */
#include "base/assert.h"
#include "hv/cpuid.h"
#include "hv/msr.h"
#include "lib/string.h"
#include "tests/guest/lib/child_code.h"
#include "tests/guest/lib/child_port.h"
#include "tests/guest/lib/message.h"
#include "tests/guest/lib/probe.h"
#include "tests/guest/lib/sleep.h"
#include "x86/cpu.h"
#include "x86/msr.h"

#define SELF       HV_PARTITION_SELF
#define PORT       0x777u
#define EVENTS     0x778u
#define STREAM     (guest_is_qemu() ? 10000u : 3000u)
#define SECOND     1000000u
#define INPUT      0x42000u /* of the child's calls */
#define OVERLAY    0x41000u
#define SIMP       0x43000u
#define SIEFP      0x44000u
#define MASKED_ALL (HV_SINT_MASKED | PORT_VECTOR)

static struct hv_message m;

/* How many interrupts there were so far, those that are pending among them. */
static u32 interrupts(void)
{
	irq_take_pending();
	return port_interrupts;
}

static void sint(u64 v)
{
	msr_write(HV_MSR_SINT(PORT_SINT), v);
}

static bool slot_is(u32 type, u64 first, bool more)
{
	const struct hv_message *slot = port_slot();

	return slot->header.type == type && slot->payload[0] == first &&
	       (slot->header.flags & HV_MESSAGE_PENDING) == more;
}

static u64 post(u64 first)
{
	return port_post(PORT, 0x55, &first, sizeof(first));
}

/* --- The root to itself --- */

static void test_slot(void)
{
	const struct hv_message *slot = port_slot();
	u32 before = interrupts();

	guest_check(port_post(PORT, 0x7fffffff, "thirteen byte", 13) == 0, "post");
	guest_check(slot->header.type == 0x7fffffff && slot->header.size == 13 &&
			    slot->header.sender == PORT && slot->header.flags == 0 &&
			    memcmp(slot->payload, "thirteen byte\0\0\0", 16) == 0,
		"slot", "type %x size %u sender %lx", slot->header.type, slot->header.size,
		slot->header.sender);
	guest_check(interrupts() == before + 1, "slot-interrupt", "%u", port_interrupts - before);
	port_slot_done();
}

/* One in the slot, 16 behind it; each EOM brings the next, and an interrupt. */
static void test_full(void)
{
	u32 before = interrupts();
	bool right = true;

	for (u64 i = 0; i < HV_PORT_BUFFERS + 1; i++)
		right &= post(i) == HV_STATUS_SUCCESS;
	guest_check(right, "fill");
	guest_check(post(0) == HV_STATUS_INSUFFICIENT_BUFFERS, "full");
	for (u64 i = 0; i < HV_PORT_BUFFERS + 1; i++) {
		right &= slot_is(0x55, i, i < HV_PORT_BUFFERS) && interrupts() == before + i + 1;
		port_slot_done();
	}
	guest_check(right && slot_is(0, HV_PORT_BUFFERS, false), "drained");
	guest_check(interrupts() == before + HV_PORT_BUFFERS + 1, "drain-interrupts", "%u",
		port_interrupts - before);
}

/* What is off keeps messages; what turns it on brings them. */
static void test_off(void)
{
	sint(MASKED_ALL);
	guest_check(post(1) == 0 && post(2) == 0 && port_slot()->header.type == 0, "masked");
	sint(PORT_VECTOR | HV_SINT_AUTO_EOI);
	guest_check(slot_is(0x55, 1, true), "unmasked");
	msr_write(HV_MSR_SCONTROL, 0);
	port_slot_done();
	guest_check(port_slot()->header.type == 0, "disabled");
	msr_write(HV_MSR_SCONTROL, HV_SCONTROL_ENABLE);
	guest_check(slot_is(0x55, 2, false), "enabled");
	port_slot_done();
}

/* With EOI of its own, and none told of more: the end of the interrupt brings the next. */
static void test_eoi(void)
{
	u64 page = msr_read(HV_MSR_SIMP);

	sint(PORT_VECTOR);
	post(1);
	irq_take_pending();
	post(2);
	port_slot()->header.type = 0;
	guest_check(port_slot()->header.type == 0, "before-eoi");
	msr_write(HV_MSR_EOI, 0);
	guest_check(slot_is(0x55, 2, false), "eoi");
	port_slot_done();
	irq_take_pending();
	msr_write(HV_MSR_EOI, 0);
	sint(PORT_VECTOR | HV_SINT_AUTO_EOI);
	/* Without a page they wait, too. */
	msr_write(HV_MSR_SIMP, page & ~HV_MSR_PAGE_ENABLE);
	guest_check(post(3) == 0, "no-page");
	msr_write(HV_MSR_SIMP, page);
	guest_check(slot_is(0x55, 3, false), "page-back");
	port_slot_done();
}

static void test_polled(void)
{
	u32 before = interrupts();

	sint(PORT_VECTOR | HV_SINT_POLLING);
	post(1);
	port_signal(EVENTS, 0);
	guest_check(slot_is(0x55, 1, false) && port_flags->word[PORT_SINT][1] == 1 &&
			    interrupts() == before,
		"polled");
	port_slot_done();
	port_flags->word[PORT_SINT][1] = 0;
	sint(PORT_VECTOR | HV_SINT_AUTO_EOI);
}

static void test_flags(void)
{
	volatile u64 *word = &port_flags->word[PORT_SINT][1];
	u32 before = interrupts();

	guest_check(port_signal(EVENTS, 0) == 0 && *word == 1, "flag", "%lx", *word);
	guest_check(interrupts() == before + 1, "flag-interrupt");
	guest_check(port_signal(EVENTS, 0) == 0 && interrupts() == before + 1, "flag-again");
	guest_check(port_signal(EVENTS, 7) == 0 && *word == 0x81 && interrupts() == before + 2,
		"flag-other", "%lx", *word);
	*word = 0;
	guest_check(port_signal(EVENTS, 0) == 0 && *word == 1 && interrupts() == before + 3,
		"flag-cleared");
	*word = 0;
	sint(MASKED_ALL);
	guest_check(port_signal(EVENTS, 0) == HV_STATUS_INVALID_SYNIC_STATE && *word == 0,
		"flag-masked");
	sint(PORT_VECTOR | HV_SINT_AUTO_EOI);
	msr_write(HV_MSR_SIEFP, (u64)port_flags);
	guest_check(port_signal(EVENTS, 0) == HV_STATUS_INVALID_SYNIC_STATE, "flag-no-page");
	port_receive_init();
	guest_check(port_signal(EVENTS, 8) == HV_STATUS_INVALID_PARAMETER, "flag-none");
}

static void test_self(void)
{
	port_open(SELF, SELF, PORT);
	port_open_events(SELF, SELF, EVENTS);
	test_slot();
	test_full();
	test_off();
	test_eoi();
	test_polled();
	test_flags();
	assert(port_delete(SELF, PORT) == 0 && port_delete(SELF, EVENTS) == 0);
	assert(port_disconnect(SELF, PORT) == 0 && port_disconnect(SELF, EVENTS) == 0);
}

/* --- A child's calls --- */

/* The child makes the call, with its input at INPUT or fast, and tells its result. */
static u64 child_makes(u64 control, u64 rdx, u64 r8)
{
	probe_set(PROBE_REG(12), control);
	probe_set(PROBE_REG(13), rdx);
	probe_set(PROBE_REG(14), r8);
	probe_at(CHILD_CODE);
	return probe_get(PROBE_RAX);
}

static struct hv_post_message_input *input(void)
{
	struct hv_post_message_input *in = (void *)(probe.ram + INPUT);

	*in = (struct hv_post_message_input){ .connection_id = PORT, .type = 0x66, .size = 240 };
	return in;
}

#define POST(field, value) (input()->field = (value), child_makes(HV_CALL_POST_MESSAGE, INPUT, 0))
#define SIGNAL(word)       child_makes(HV_CALL_SIGNAL_EVENT | HV_CONTROL_FAST, word, 0)

static void given(const char *name, u64 result, u64 expected)
{
	guest_check(result == expected, name, "%lx, not %lx", result, expected);
}

static void test_child_posts(void)
{
	const struct hv_message *slot = port_slot();

	memset(input()->payload, 0xab, 240);
	given("child-post", child_makes(HV_CALL_POST_MESSAGE, INPUT, 0), 0);
	guest_check(slot->header.type == 0x66 && slot->header.size == 240 &&
			    slot->header.sender == PORT && slot->payload[29] == 0xabababababababab,
		"child-message", "%x %u", slot->header.type, slot->header.size);
	port_slot_done();
	given("child-post-empty", POST(size, 0), 0);
	guest_check(slot->header.type == 0x66 && slot->header.size == 0, "child-empty");
	port_slot_done();
	given("post-type-0", POST(type, 0), HV_STATUS_INVALID_PARAMETER);
	given("post-type-own", POST(type, 0x80000000), HV_STATUS_INVALID_PARAMETER);
	given("post-type-all", POST(type, ~0u), HV_STATUS_INVALID_PARAMETER);
	given("post-size", POST(size, 241), HV_STATUS_INVALID_PARAMETER);
	given("post-size-all", POST(size, ~0u), HV_STATUS_INVALID_PARAMETER);
	given("post-size-wraps", POST(size, 0x100), HV_STATUS_INVALID_PARAMETER);
	given("post-reserved", POST(reserved, 1), HV_STATUS_INVALID_PARAMETER);
	given("post-nowhere", POST(connection_id, 1), HV_STATUS_INVALID_CONNECTION_ID);
	given("post-0", POST(connection_id, 0), HV_STATUS_INVALID_CONNECTION_ID);
	given("post-high", POST(connection_id, 1 << 24 | PORT), HV_STATUS_INVALID_CONNECTION_ID);
	given("post-event", POST(connection_id, EVENTS), HV_STATUS_INVALID_PORT_ID);
	given("post-fast", child_makes(HV_CALL_POST_MESSAGE | HV_CONTROL_FAST, PORT, 0),
		HV_STATUS_INVALID_HYPERCALL_INPUT);
	given("post-crossing", child_makes(HV_CALL_POST_MESSAGE, INPUT + 0xf08, 0),
		HV_STATUS_INVALID_PARAMETER);
	given("post-unmapped", child_makes(HV_CALL_POST_MESSAGE, 1ull << 40, 0),
		HV_STATUS_INVALID_PARAMETER);
	guest_check(slot->header.type == 0, "nothing-came");
}

static void test_child_signals(void)
{
	u64 *in = (u64 *)(void *)(probe.ram + INPUT);

	given("child-signal", SIGNAL(EVENTS | 3ull << 32), 0);
	guest_check(port_flags->word[PORT_SINT][1] == 8, "child-flag");
	*in = EVENTS | 4ull << 32;
	given("child-signal-memory", child_makes(HV_CALL_SIGNAL_EVENT, INPUT, 0), 0);
	guest_check(port_flags->word[PORT_SINT][1] == 0x18, "child-flag-memory");
	given("signal-count", SIGNAL(EVENTS | 8ull << 32), HV_STATUS_INVALID_PARAMETER);
	given("signal-all", SIGNAL(EVENTS | 0xffffull << 32), HV_STATUS_INVALID_PARAMETER);
	given("signal-reserved", SIGNAL(EVENTS | 1ull << 48), HV_STATUS_INVALID_PARAMETER);
	given("signal-nowhere", SIGNAL(1), HV_STATUS_INVALID_CONNECTION_ID);
	given("signal-message", SIGNAL(PORT), HV_STATUS_INVALID_PORT_ID);
	guest_check(port_flags->word[PORT_SINT][1] == 0x18, "no-other-flag");
	port_flags->word[PORT_SINT][1] = 0;
}

/* What makes and ends is its parent's. */
static void test_child_refused(void)
{
	static const u16 codes[] = { HV_CALL_CREATE_PORT, HV_CALL_DELETE_PORT, HV_CALL_CONNECT_PORT,
		HV_CALL_DISCONNECT_PORT };
	bool denied = true;

	for (u32 i = 0; i < ARRAY_SIZE(codes); i++)
		denied &= child_makes(codes[i], INPUT, 0) == HV_STATUS_ACCESS_DENIED;
	guest_check(denied, "child-makes-none");
	/* Those past ports are for its children, of which it has none. */
	memset(probe.ram + INPUT, 0, 280);
	*(u64 *)(void *)(probe.ram + INPUT) = HV_PARTITION_ID_ROOT;
	given("child-direct", child_makes(HV_CALL_POST_MESSAGE_DIRECT, INPUT, 0),
		HV_STATUS_ACCESS_DENIED);
	given("child-signal-direct", child_makes(HV_CALL_SIGNAL_EVENT_DIRECT, INPUT, INPUT + 0x800),
		HV_STATUS_ACCESS_DENIED);
	*(u64 *)(void *)(probe.ram + INPUT) = probe.id;
	given("child-direct-self", child_makes(HV_CALL_POST_MESSAGE_DIRECT, INPUT, 0),
		HV_STATUS_ACCESS_DENIED);
}

static void caller_begin(void)
{
	probe_begin();
	memcpy(probe.ram + CHILD_CODE, code_call, (size_t)(code_call_end - code_call));
	probe_set(PROBE_RBX, OVERLAY);
	port_open(SELF, probe.id, PORT);
	port_open_events(SELF, probe.id, EVENTS);
}

/* The ports are the root's: they outlive the child. */
static void caller_end(void)
{
	probe_end();
	assert(port_delete(SELF, PORT) == 0 && port_delete(SELF, EVENTS) == 0);
}

static void test_calls(void)
{
	caller_begin();
	test_child_posts();
	test_child_signals();
	test_child_refused();
	caller_end();
}

/* Without the privileges all of it is denied, whatever is open. */
static void test_unprivileged(void)
{
	child_privileges = HV_ACCESS_HYPERCALL_MSRS | HV_ACCESS_VP_INDEX;
	caller_begin();
	input();
	given("unprivileged-post", child_makes(HV_CALL_POST_MESSAGE, INPUT, 0),
		HV_STATUS_ACCESS_DENIED);
	given("unprivileged-signal", SIGNAL(EVENTS), HV_STATUS_ACCESS_DENIED);
	caller_end();
	child_privileges = 0;
}

/* --- Streams --- */

/* The root reads now and then only: the child feels it. */
static void test_stream_up(void)
{
	struct code_post *r;
	u64 seen = 0, wrong = 0;

	probe_begin();
	memcpy(probe.ram + CHILD_CODE, code_post, (size_t)(code_post_end - code_post));
	port_open(SELF, probe.id, PORT);
	input()->size = 8;
	r = (void *)(probe.ram + CHILD_DATA);
	r->wanted = STREAM;
	probe_set(PROBE_RDI, CHILD_DATA);
	probe_set(PROBE_RSI, INPUT);
	probe_set(PROBE_RBX, OVERLAY);
	child_release(probe.id, 0);
	guest_check(guest_sleep_while(&r->refused, 0, 5 * SECOND), "stream-up-full");
	guest_check(r->sent == HV_PORT_BUFFERS + 1, "stream-up-queued", "%lu", r->sent);
	while (seen < STREAM) {
		if (port_slot()->header.type == 0) {
			irq_wait();
			continue;
		}
		wrong += port_slot()->payload[0] != seen++;
		port_slot_done();
	}
	guest_check(wrong == 0, "stream-up", "%lu wrong", wrong);
	guest_message_wait(&m);
	guest_check(m.header.type == HV_MESSAGE_IO_PORT && r->sent == STREAM &&
			    port_slot()->header.type == 0,
		"stream-up-end", "%x %lu", m.header.type, r->sent);
	probe_end();
	assert(port_delete(SELF, PORT) == 0);
}

static struct code_receive *receiver_begin(void)
{
	probe_begin();
	memcpy(probe.ram + CHILD_CODE, code_receive, (size_t)(code_receive_end - code_receive));
	child_gate(probe.ram, CODE_TIMER_VECTOR, CHILD_CODE + CODE_TIMER_HANDLER);
	probe_set(HV_REGISTER_SIMP, SIMP | HV_MSR_PAGE_ENABLE);
	probe_set(HV_REGISTER_SIEFP, SIEFP | HV_MSR_PAGE_ENABLE);
	probe_set(HV_REGISTER_SINT0 + PORT_SINT, CODE_TIMER_VECTOR);
	probe_set(HV_REGISTER_SCONTROL, HV_SCONTROL_ENABLE);
	probe_set(PROBE_RDI, CHILD_DATA);
	probe_set(PROBE_RSI, SIMP + PORT_SINT * sizeof(struct hv_message));
	probe_set(PROBE_RBX, SIEFP + PORT_SINT * 256 + 8);
	return (void *)(probe.ram + CHILD_DATA);
}

/* Whatever it does, the child hears of each once, in order. */
static void test_stream_down(void)
{
	struct code_receive *r = receiver_begin();
	u64 refused = 0, status = 0;

	port_open(probe.id, SELF, PORT);
	child_release(probe.id, 0);
	for (u64 sent = 0; sent < STREAM;) {
		u64 last = r->count;

		status = post(sent);
		if (status == HV_STATUS_SUCCESS) {
			sent++;
			continue;
		}
		refused++;
		if (status != HV_STATUS_INSUFFICIENT_BUFFERS ||
			!guest_sleep_while(&r->count, last, SECOND))
			break;
	}
	for (u64 last = 0; r->count < STREAM && guest_sleep_while(&r->count, last, SECOND);)
		last = r->count;
	guest_check(r->count == STREAM && r->wrong == 0, "stream-down", "%lu, %lu wrong", r->count,
		r->wrong);
	guest_check(refused != 0, "stream-down-full");
	probe_end();
	assert(port_disconnect(SELF, PORT) == 0);
}

/* --- Past ports --- */

static void test_direct(void)
{
	struct code_receive *r = receiver_begin();
	struct hv_message message = { .header = { .type = 0x80000077, .size = 8, .sender = 5 } };
	u64 newly = 2, id = probe.id;

	/* It was not started yet: the slot is free once. */
	given("direct", port_post_direct(id, PORT_SINT, &message), 0);
	given("direct-full", port_post_direct(id, PORT_SINT, &message), HV_STATUS_OBJECT_IN_USE);
	given("direct-masked", port_post_direct(id, 3, &message), HV_STATUS_INVALID_SYNIC_STATE);
	given("direct-sint", port_post_direct(id, 16, &message), HV_STATUS_INVALID_PARAMETER);
	message.header.size = 241;
	given("direct-size", port_post_direct(id, PORT_SINT, &message),
		HV_STATUS_INVALID_PARAMETER);
	message.header.size = 8;
	message.header.type = 0;
	given("direct-type", port_post_direct(id, PORT_SINT, &message),
		HV_STATUS_INVALID_PARAMETER);
	message.header.type = 1;
	given("direct-nobody", port_post_direct(SELF, PORT_SINT, &message),
		HV_STATUS_INVALID_PARTITION_ID);
	given("direct-signal", port_signal_direct(id, PORT_SINT, 64, &newly), 0);
	guest_check(newly == 1, "direct-newly", "%lu", newly);
	given("direct-signal-again", port_signal_direct(id, PORT_SINT, 64, &newly), 0);
	guest_check(newly == 0, "direct-not-newly", "%lu", newly);
	given("direct-flag", port_signal_direct(id, PORT_SINT, 2048, &newly),
		HV_STATUS_INVALID_PARAMETER);
	given("direct-signal-sint", port_signal_direct(id, 16, 1, &newly),
		HV_STATUS_INVALID_PARAMETER);
	given("direct-signal-masked", port_signal_direct(id, 3, 1, &newly),
		HV_STATUS_INVALID_SYNIC_STATE);
	child_release(id, 0);
	/* Its handler looks at the flags last. */
	guest_check(guest_sleep_while(&r->flags, 0, SECOND) && r->flags == 1 && r->count == 1 &&
			    r->wrong == 0,
		"direct-came", "%lu %lx", r->count, r->flags);
	/* While it runs, and halts, too. */
	given("direct-signal-live", port_signal_direct(id, PORT_SINT, 65, &newly), 0);
	guest_check(guest_sleep_while(&r->flags, 1, SECOND) && r->flags == 3, "direct-live", "%lx",
		r->flags);
	child_suspend(id, 0);
	child_end(id);
}

static bool deliverable(u16 sints)
{
	const struct hv_sint_deliverable *d = (const void *)m.payload;

	return m.header.type == HV_MESSAGE_SINT_DELIVERABLE && m.header.sender == probe.id &&
	       m.header.size == sizeof(*d) && d->header.vp_index == 0 && d->sints == sints;
}

/* The parent asks to hear of a slot, and hears when the child has emptied it. */
static void test_deliverable(void)
{
	struct code_receive *r = receiver_begin();
	struct hv_message message = { .header = { .type = 0x77, .size = 8 } };
	u64 bit = 1ull << (48 + PORT_SINT), old = 0;

	child_deposit_pages(probe.id, 1);
	probe_set(HV_REGISTER_DELIVERABILITY_NOTIFICATIONS, bit | 1ull << 51);
	guest_message_wait(&m);
	guest_check(deliverable(1 << PORT_SINT), "deliverable-at-once", "%x", m.header.type);
	guest_check(probe_get(HV_REGISTER_DELIVERABILITY_NOTIFICATIONS) == 1ull << 51,
		"deliverable-once");
	given("deliverable-post", port_post_direct(probe.id, PORT_SINT, &message), 0);
	probe_set(HV_REGISTER_DELIVERABILITY_NOTIFICATIONS, bit);
	guest_sleep_us(1000);
	guest_check(!guest_message_poll(&m), "not-deliverable");
	child_release(probe.id, 0);
	guest_message_wait(&m);
	guest_check(deliverable(1 << PORT_SINT), "deliverable", "%x", m.header.type);
	/* It was not stopped for that; again while it runs. */
	for (u64 i = 1; i < 100; i++) {
		guest_sleep_while(&r->count, old, SECOND);
		old = r->count;
		message.payload[0] = i;
		while (port_post_direct(probe.id, PORT_SINT, &message) == HV_STATUS_OBJECT_IN_USE) {
			probe_set(HV_REGISTER_DELIVERABILITY_NOTIFICATIONS, bit);
			guest_message_wait(&m);
		}
	}
	guest_sleep_while(&r->count, 99, SECOND);
	guest_check(r->count == 100 && r->wrong == 0, "deliverable-each", "%lu, %lu wrong",
		r->count, r->wrong);
	child_suspend(probe.id, 0);
	child_end(probe.id);
}

void guest_main(void)
{
	guest_messages_init();
	port_receive_init();
	test_self();
	test_calls();
	test_unprivileged();
	test_stream_up();
	test_stream_down();
	test_direct();
	test_deliverable();
	child_withdraw_all(SELF);
}
