/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls of ports and connections, and those that send: through a
 * connection, or past all of that to a child of the caller. On the caller's
 * processor. TLFS 6.0b, 11.10 to 11.12.
 */
#include "hv/port.h"
#include "hypervisor/hc.h"
#include "hypervisor/port.h"
#include "hypervisor/synic.h"
#include "hypervisor/vp.h"
#include "lib/string.h"

static bool id_valid(u32 id)
{
	return id != 0 && id <= HV_PORT_ID_MAX;
}

/* A partition at the other end, the caller's own or a child; referred to until it is put. */
static enum hv_status peer(struct hypercall *call, u64 id, struct partition **p)
{
	struct partition *self = call->vp->partition;

	*p = partition_find(hc_is_own_partition(call, id) ? self->id : id);
	if (!*p)
		return HV_STATUS_INVALID_PARTITION_ID;
	if (*p == self || (*p)->parent == self)
		return HV_STATUS_SUCCESS;
	partition_put(*p);
	return HV_STATUS_ACCESS_DENIED;
}

/* The owner of what is made or ended: the caller, or a child that is active. */
static enum hv_status owner_of(struct hypercall *call, u64 id, struct partition **p)
{
	enum hv_status status = hc_owner(call, id, p);

	if (status == HV_STATUS_SUCCESS && call->target && call->target->state != PARTITION_ACTIVE)
		status = HV_STATUS_INVALID_PARTITION_STATE;
	return status;
}

static enum hv_status events_decode(const struct hv_port_info *info, struct port_target *t)
{
	t->base_flag = info->event.base_flag;
	t->flag_count = info->event.flag_count;
	return info->event.reserved3 || !t->flag_count ||
			       t->base_flag + t->flag_count > (s32)HV_EVENT_FLAGS
		       ? HV_STATUS_INVALID_PARAMETER
		       : HV_STATUS_SUCCESS;
}

static enum hv_status vp_decode(
	const struct hypercall *call, const struct partition *owner, u32 vp, struct port_target *t)
{
	t->vp = vp;
	if (vp == HV_VP_SELF && owner == call->vp->partition)
		t->vp = call->vp->index;
	return t->vp == HV_VP_ANY || t->vp < HV_MAX_PROCESSORS ? HV_STATUS_SUCCESS
							       : HV_STATUS_INVALID_VP_INDEX;
}

/* SINT 0 is the hypervisor's. */
static enum hv_status target_decode(const struct hypercall *call, const struct partition *owner,
	const struct hv_port_info *info, struct port_target *t)
{
	enum hv_status status = HV_STATUS_SUCCESS;

	*t = (struct port_target){ .type = (u8)info->type, .sint = (u8)info->sint };
	if (info->type == HV_PORT_MONITOR || info->type == HV_PORT_DOORBELL)
		return HV_STATUS_FEATURE_UNAVAILABLE;
	if (info->reserved || info->sint == 0 || info->sint >= HV_SINT_COUNT)
		return HV_STATUS_INVALID_PARAMETER;
	if (info->type == HV_PORT_EVENT)
		status = events_decode(info, t);
	else if (info->type != HV_PORT_MESSAGE || info->reserved2)
		status = HV_STATUS_INVALID_PARAMETER;
	return status == HV_STATUS_SUCCESS ? vp_decode(call, owner, info->vp, t) : status;
}

static bool create_input_valid(const struct hv_create_port_input *in)
{
	return !in->port_vtl && !in->min_connection_vtl && !in->reserved && !in->proximity.flags;
}

enum hv_status hc_create_port(struct hypercall *call)
{
	const struct hv_create_port_input *in = call->input;
	struct partition *owner, *from;
	struct port_target target;
	enum hv_status status = owner_of(call, in->port_partition, &owner);
	u64 from_id;

	if (status == HV_STATUS_SUCCESS)
		status = peer(call, in->connection_partition, &from);
	if (status != HV_STATUS_SUCCESS)
		return status;
	from_id = from->id;
	partition_put(from);
	if (!create_input_valid(in))
		return HV_STATUS_INVALID_PARAMETER;
	if (!id_valid(in->port_id))
		return HV_STATUS_INVALID_PORT_ID;
	status = target_decode(call, owner, &in->info, &target);
	if (status != HV_STATUS_SUCCESS)
		return status;
	return port_create(owner, in->port_id, &target, from_id);
}

enum hv_status hc_delete_port(struct hypercall *call)
{
	const struct hv_delete_port_input *in = call->input;
	struct partition *owner;
	enum hv_status status = owner_of(call, in->port_partition, &owner);

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (in->reserved)
		return HV_STATUS_INVALID_PARAMETER;
	return port_delete(owner, in->port_id);
}

static bool connect_input_valid(const struct hv_connect_port_input *in)
{
	const struct hv_connection_info *info = &in->info;

	return !in->vtl && HC_IS_ZERO(in->reserved) && !in->reserved2 && !in->proximity.flags &&
	       !info->reserved && HC_IS_ZERO(info->reserved2);
}

static enum hv_status connect_decode(const struct hv_connect_port_input *in)
{
	u32 type = in->info.type;

	if (type == HV_PORT_MONITOR || type == HV_PORT_DOORBELL)
		return HV_STATUS_FEATURE_UNAVAILABLE;
	if ((type != HV_PORT_MESSAGE && type != HV_PORT_EVENT) || !connect_input_valid(in))
		return HV_STATUS_INVALID_PARAMETER;
	return id_valid(in->connection_id) ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_CONNECTION_ID;
}

enum hv_status hc_connect_port(struct hypercall *call)
{
	const struct hv_connect_port_input *in = call->input;
	struct partition *from, *owner;
	enum hv_status status = owner_of(call, in->connection_partition, &from);

	if (status == HV_STATUS_SUCCESS)
		status = connect_decode(in);
	if (status == HV_STATUS_SUCCESS)
		status = peer(call, in->port_partition, &owner);
	if (status != HV_STATUS_SUCCESS)
		return status;
	status = port_connect(from, in->connection_id, owner, in->port_id, in->info.type);
	partition_put(owner);
	return status;
}

enum hv_status hc_disconnect_port(struct hypercall *call)
{
	const struct hv_disconnect_port_input *in = call->input;
	struct partition *from;
	enum hv_status status = owner_of(call, in->connection_partition, &from);

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (in->flags)
		return HV_STATUS_INVALID_PARAMETER;
	return port_disconnect(from, in->connection_id);
}

enum hv_status hc_post_message(struct hypercall *call)
{
	const struct hv_post_message_input *in = call->input;

	if (in->reserved || in->type == HV_MESSAGE_NONE || in->type >= HV_MESSAGE_OWN ||
		in->size > HV_MESSAGE_PAYLOAD_MAX)
		return HV_STATUS_INVALID_PARAMETER;
	return port_post(call->vp->partition, in);
}

enum hv_status hc_signal_event(struct hypercall *call)
{
	const struct hv_signal_event_input *in = call->input;

	if (in->reserved)
		return HV_STATUS_INVALID_PARAMETER;
	return port_signal(call->vp->partition, in->connection_id, in->flag);
}

enum hv_status hc_signal_event_direct(struct hypercall *call)
{
	const struct hv_signal_event_direct_input *in = call->input;
	enum hv_status status;
	struct vp *vp;
	bool newly;

	status = hc_child_vp(call, in->partition_id, in->vp_index, &vp);
	if (status != HV_STATUS_SUCCESS)
		return status;
	if (in->target_vtl || in->sint >= HV_SINT_COUNT || in->flag >= HV_EVENT_FLAGS)
		return HV_STATUS_INVALID_PARAMETER;
	status = synic_signal(vp, in->sint, in->flag, &newly);
	*(u64 *)call->output = newly;
	return status;
}

static bool direct_input_valid(const struct hv_post_message_direct_input *in)
{
	return !in->target_vtl && HC_IS_ZERO(in->reserved) && HC_IS_ZERO(in->reserved2) &&
	       !in->reserved3;
}

/* Its flags are the SynIC's to set. */
static bool message_valid(const struct hv_message_header *h)
{
	return h->type != HV_MESSAGE_NONE && h->size <= HV_MESSAGE_PAYLOAD_MAX && !h->flags &&
	       !h->reserved;
}

enum hv_status hc_post_message_direct(struct hypercall *call)
{
	const struct hv_post_message_direct_input *in = call->input;
	struct hv_message message;
	enum hv_status status;
	struct vp *vp;

	status = hc_child_vp(call, in->partition_id, in->vp_index, &vp);
	if (status != HV_STATUS_SUCCESS)
		return status;
	memcpy(&message, in->message, sizeof(message));
	if (!direct_input_valid(in) || in->sint >= HV_SINT_COUNT || !message_valid(&message.header))
		return HV_STATUS_INVALID_PARAMETER;
	return synic_post_now(vp, in->sint, &message);
}
