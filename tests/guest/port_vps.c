/* SPDX-License-Identifier: MIT */
/*
 * Two VPs of a child that post through one connection at the same time, and a
 * third that hears of events meanwhile: each VP's messages arrive in its order,
 * and the port's buffers are shared, never lost.
 * machines: svm-smp2-bios vmx-smp2
 */
#include "base/assert.h"
#include "hv/msr.h"
#include "lib/string.h"
#include "tests/guest/lib/child_code.h"
#include "tests/guest/lib/child_port.h"
#include "tests/guest/lib/message.h"
#include "tests/guest/lib/sleep.h"
#include "x86/cpu.h"

#define SELF        HV_PARTITION_SELF
#define RAM         (4 * MIB)
#define PORT        0x777u
#define DOWN        0x778u
#define SECOND      1000000u
#define STREAM      (guest_is_qemu() ? 5000u : 1500u)
#define POSTERS     2u
#define RECEIVER    2u /* the VP */
#define CODE_2      (CHILD_CODE + 0x1000u)
#define OVERLAY     (CHILD_DATA + 0x10000u)
#define SIMP        (CHILD_DATA + 0x11000u)
#define SIEFP       (CHILD_DATA + 0x12000u)
#define RECORD(vp)  (CHILD_DATA + 0x100u * (vp))
#define INPUT(vp)   (CHILD_DATA + 0x1000u * ((vp) + 1))
#define REGISTER(n) (HV_X64_REGISTER_RAX + (n))
#define RBX         3u
#define RSI         6u
#define RDI         7u

static u64 id;
static u8 *ram;

static void set(u32 vp, u32 name, u64 v)
{
	child_register_set(id, vp, name, v);
}

static const struct code_post *poster(u32 vp)
{
	struct code_post *r = (void *)(ram + RECORD(vp));

	if (vp)
		child_add_vp(id, vp, CHILD_CODE, CHILD_STACK - 0x400);
	r->wanted = STREAM;
	*(struct hv_post_message_input *)(void *)(ram + INPUT(vp)) =
		(struct hv_post_message_input){ .connection_id = PORT, .type = 1 + vp, .size = 8 };
	set(vp, REGISTER(RDI), RECORD(vp));
	set(vp, REGISTER(RSI), INPUT(vp));
	set(vp, REGISTER(RBX), OVERLAY);
	return r;
}

static const struct code_receive *receiver(void)
{
	memcpy(ram + CODE_2, code_receive, (size_t)(code_receive_end - code_receive));
	child_gate(ram, CODE_TIMER_VECTOR, CODE_2 + CODE_TIMER_HANDLER);
	child_add_vp(id, RECEIVER, CODE_2, CHILD_STACK - 0x800);
	set(RECEIVER, HV_REGISTER_SIMP, SIMP | HV_MSR_PAGE_ENABLE);
	set(RECEIVER, HV_REGISTER_SIEFP, SIEFP | HV_MSR_PAGE_ENABLE);
	set(RECEIVER, HV_REGISTER_SINT0 + PORT_SINT, CODE_TIMER_VECTOR);
	set(RECEIVER, HV_REGISTER_SCONTROL, HV_SCONTROL_ENABLE);
	set(RECEIVER, REGISTER(RDI), RECORD(RECEIVER));
	set(RECEIVER, REGISTER(RSI), SIMP + PORT_SINT * sizeof(struct hv_message));
	set(RECEIVER, REGISTER(RBX), SIEFP + PORT_SINT * 256 + 8);
	return (const void *)(ram + RECORD(RECEIVER));
}

/* Any VP: the receiver is the only one that listens. */
static void open_events(void)
{
	const struct hv_create_port_input in = {
		.port_partition = id,
		.port_id = DOWN,
		.connection_partition = SELF,
		.info = {
			.type = HV_PORT_EVENT,
			.sint = PORT_SINT,
			.vp = HV_VP_ANY,
			.event = { .base_flag = PORT_FLAGS, .flag_count = 64 },
		},
	};
	const struct hv_connect_port_input connect = {
		.connection_partition = SELF,
		.connection_id = DOWN,
		.port_partition = id,
		.port_id = DOWN,
		.info.type = HV_PORT_EVENT,
	};

	child_deposit_pages(id, 5);
	child_deposit_pages(SELF, 5);
	assert(port_create(&in) == 0 && port_connect(&connect) == 0);
}

/* One message of a poster, if there is one; false: out of order. */
static bool take(u64 *next)
{
	const struct hv_message *slot = port_slot();
	u32 from = slot->header.type - 1;
	bool right = from < POSTERS && slot->payload[0] == next[from]++;

	port_slot_done();
	return right;
}

static void test_both(void)
{
	u64 next[POSTERS] = { 0 }, wrong = 0, refused = 0;
	const struct code_receive *heard;

	id = child_of(code_post, RAM, &ram);
	port_open(SELF, id, PORT);
	for (u32 vp = 0; vp < POSTERS; vp++)
		poster(vp);
	heard = receiver();
	open_events();
	for (u32 vp = 0; vp <= RECEIVER; vp++)
		child_release(id, vp);
	for (u64 seen = 0; seen < (u64)POSTERS * STREAM;) {
		if (port_slot()->header.type == 0) {
			irq_wait();
			continue;
		}
		wrong += !take(next);
		if (seen++ % 16 == 0)
			refused += port_signal(DOWN, (u16)(seen / 16 % 64)) != 0;
	}
	guest_check(wrong == 0, "in-order", "%lu wrong", wrong);
	guest_check(next[0] == STREAM && next[1] == STREAM, "all", "%lu and %lu", next[0], next[1]);
	guest_check(refused == 0, "signals", "%lu refused", refused);
	for (u64 last = 0; heard->flags != ~0ull && guest_sleep_while(&heard->flags, last, SECOND);)
		last = heard->flags;
	guest_check(heard->flags == ~0ull && heard->count == 0, "events", "%lx, %lu messages",
		heard->flags, heard->count);
	child_end(id);
	assert(port_delete(SELF, PORT) == 0 && port_disconnect(SELF, DOWN) == 0);
	child_withdraw_all(SELF);
}

void guest_main(void)
{
	guest_messages_init();
	port_receive_init();
	test_both();
}
