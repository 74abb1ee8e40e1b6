/* SPDX-License-Identifier: MIT */
/*
 * The calls, and the end of the root: messages are polled, and interrupts counted.
 */
#include "tests/guest/lib/child_port.h"

#include "base/assert.h"
#include "hv/msr.h"
#include "lib/string.h"
#include "tests/guest/lib/message.h"
#include "x86/atomic.h"
#include "x86/msr.h"

#define OPEN_PAGES 5u /* at most, of either end */

volatile u32 port_interrupts;
struct hv_event_flags_page *port_flags;

u64 port_create(const struct hv_create_port_input *in)
{
	return guest_hypercall_block(HV_CALL_CREATE_PORT, in, sizeof(*in), NULL, 0);
}

u64 port_connect(const struct hv_connect_port_input *in)
{
	return guest_hypercall_block(HV_CALL_CONNECT_PORT, in, sizeof(*in), NULL, 0);
}

u64 port_delete(u64 partition, u32 port)
{
	return guest_hypercall(HV_CALL_DELETE_PORT | HV_CONTROL_FAST, partition, port);
}

u64 port_disconnect(u64 partition, u32 connection)
{
	return guest_hypercall(HV_CALL_DISCONNECT_PORT | HV_CONTROL_FAST, partition, connection);
}

u64 port_post(u32 connection, u32 type, const void *payload, u32 size)
{
	struct hv_post_message_input in = {
		.connection_id = connection, .type = type, .size = size
	};

	memcpy(in.payload, payload, MIN(size, sizeof(in.payload)));
	return guest_hypercall_block(HV_CALL_POST_MESSAGE, &in, sizeof(in), NULL, 0);
}

u64 port_signal(u32 connection, u16 flag)
{
	return guest_hypercall(
		HV_CALL_SIGNAL_EVENT | HV_CONTROL_FAST, connection | (u64)flag << 32, 0);
}

u64 port_post_direct(u64 id, u8 sint, const struct hv_message *m)
{
	struct hv_post_message_direct_input in = { .partition_id = id, .sint = sint };

	memcpy(in.message, m, sizeof(*m));
	return guest_hypercall_block(HV_CALL_POST_MESSAGE_DIRECT, &in, sizeof(in), NULL, 0);
}

u64 port_signal_direct(u64 id, u8 sint, u16 flag, u64 *newly)
{
	struct hv_signal_event_direct_input in = { .partition_id = id, .sint = sint, .flag = flag };

	return guest_hypercall_block(
		HV_CALL_SIGNAL_EVENT_DIRECT, &in, sizeof(in), newly, sizeof(*newly));
}

static void make(struct hv_create_port_input *in)
{
	const struct hv_connect_port_input connect = {
		.connection_partition = in->connection_partition,
		.connection_id = in->port_id,
		.port_partition = in->port_partition,
		.port_id = in->port_id,
		.info.type = in->info.type,
	};

	child_deposit_pages(in->port_partition, OPEN_PAGES);
	child_deposit_pages(in->connection_partition, OPEN_PAGES);
	assert(port_create(in) == HV_STATUS_SUCCESS);
	assert(port_connect(&connect) == HV_STATUS_SUCCESS);
}

void port_open(u64 to, u64 from, u32 port)
{
	make(&(struct hv_create_port_input){
		.port_partition = to,
		.port_id = port,
		.connection_partition = from,
		.info = { .type = HV_PORT_MESSAGE, .sint = PORT_SINT },
	});
}

void port_open_events(u64 to, u64 from, u32 port)
{
	make(&(struct hv_create_port_input){
		.port_partition = to,
		.port_id = port,
		.connection_partition = from,
		.info = {
			.type = HV_PORT_EVENT,
			.sint = PORT_SINT,
			.event = { .base_flag = PORT_FLAGS, .flag_count = 8 },
		},
	});
}

static void count(u8 vector)
{
	(void)vector;
	port_interrupts++;
}

void port_receive_init(void)
{
	if (!port_flags)
		port_flags = guest_pages(1);
	guest_on_interrupt(PORT_VECTOR, count);
	msr_write(HV_MSR_SIEFP, (u64)port_flags | HV_MSR_PAGE_ENABLE);
	msr_write(HV_MSR_SINT(PORT_SINT), PORT_VECTOR | HV_SINT_AUTO_EOI);
}

struct hv_message *port_slot(void)
{
	u64 page = msr_read(HV_MSR_SIMP) & ~PAGE_MASK;

	return &((struct hv_message_page *)page)->slot[PORT_SINT];
}

void port_slot_done(void)
{
	struct hv_message *slot = port_slot();

	(void)atomic_exchange(&slot->header.type, HV_MESSAGE_NONE);
	if (load_acquire(&slot->header.flags) & HV_MESSAGE_PENDING)
		msr_write(HV_MSR_EOM, 0);
}
