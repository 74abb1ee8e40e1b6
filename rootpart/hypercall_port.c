/* SPDX-License-Identifier: MIT */
/*
 * The stubs: an input block, a call.
 */
#include "rootpart/hypercall_port.h"

#include "base/assert.h"
#include "lib/string.h"
#include "rootpart/hypercall.h"
#include "rootpart/hypercall_child.h"

#define NOTIFY_SINTS 48 /* the bit of SINT 0 */

static struct hv_create_port_input create_input(const struct hypercall_port *port)
{
	return (struct hv_create_port_input){
		.port_partition = port->owner,
		.port_id = port->id,
		.connection_partition = port->from,
		.info = { .sint = port->sint, .vp = port->vp },
	};
}

int hypercall_create_message_port(const struct hypercall_port *port)
{
	struct hv_create_port_input in = create_input(port);

	in.info.type = HV_PORT_MESSAGE;
	return hypercall(HV_CALL_CREATE_PORT, &in, sizeof(in), NULL, 0);
}

int hypercall_create_event_port(const struct hypercall_port *port, u16 first, u16 count)
{
	struct hv_create_port_input in = create_input(port);

	in.info.type = HV_PORT_EVENT;
	in.info.event.base_flag = first;
	in.info.event.flag_count = count;
	return hypercall(HV_CALL_CREATE_PORT, &in, sizeof(in), NULL, 0);
}

int hypercall_delete_port(u64 owner, u32 id)
{
	struct hv_delete_port_input in = { .port_partition = owner, .port_id = id };

	return hypercall(HV_CALL_DELETE_PORT, &in, sizeof(in), NULL, 0);
}

int hypercall_connect_port(
	u64 from, u32 id, const struct hypercall_port *port, enum hv_port_type type)
{
	struct hv_connect_port_input in = {
		.connection_partition = from,
		.connection_id = id,
		.port_partition = port->owner,
		.port_id = port->id,
		.info.type = type,
	};

	return hypercall(HV_CALL_CONNECT_PORT, &in, sizeof(in), NULL, 0);
}

int hypercall_disconnect_port(u64 from, u32 id)
{
	struct hv_disconnect_port_input in = { .connection_partition = from, .connection_id = id };

	return hypercall(HV_CALL_DISCONNECT_PORT, &in, sizeof(in), NULL, 0);
}

int hypercall_post_message(u32 connection, u32 type, const void *payload, u32 size)
{
	struct hv_post_message_input in = {
		.connection_id = connection,
		.type = type,
		.size = size,
	};

	assert(size <= sizeof(in.payload));
	memcpy(in.payload, payload, size);
	return hypercall(HV_CALL_POST_MESSAGE, &in, sizeof(in), NULL, 0);
}

int hypercall_signal_event(u32 connection, u16 flag)
{
	struct hv_signal_event_input in = { .connection_id = connection, .flag = flag };

	return hypercall(HV_CALL_SIGNAL_EVENT, &in, sizeof(in), NULL, 0);
}

int hypercall_post_message_direct(u64 id, u32 vp, u8 sint, const struct hv_message *message)
{
	struct hv_post_message_direct_input in = {
		.partition_id = id,
		.vp_index = vp,
		.sint = sint,
	};

	memcpy(in.message, message, sizeof(in.message));
	return hypercall(HV_CALL_POST_MESSAGE_DIRECT, &in, sizeof(in), NULL, 0);
}

int hypercall_signal_event_direct(u64 id, u32 vp, u8 sint, u16 flag, bool *newly)
{
	struct hv_signal_event_direct_input in = {
		.partition_id = id,
		.vp_index = vp,
		.sint = sint,
		.flag = flag,
	};
	u64 out;
	int r = hypercall(HV_CALL_SIGNAL_EVENT_DIRECT, &in, sizeof(in), &out, sizeof(out));

	if (r == 0 && newly != NULL)
		*newly = out;
	return r;
}

int hypercall_notify_deliverable(u64 id, u32 vp, u16 sints)
{
	return hypercall_set_register(
		id, vp, HV_REGISTER_DELIVERABILITY_NOTIFICATIONS, (u64)sints << NOTIFY_SINTS);
}
