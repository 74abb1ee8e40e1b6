/* SPDX-License-Identifier: MIT */
/*
 * Wire formats of ports, connections and what is sent through them: offsets,
 * sizes and numbers as the specification's tables have them. hv/port.h.
 */
#include "hv/hypercall.h"
#include "hv/port.h"
#include "hv/registers.h"
#include "hv/status.h"
#include "wire.h"

/* C9. */
static const struct field ports[] = {
	WHOLE(hv_create_port_input, 56),
	FIELD(hv_create_port_input, port_partition, 0, 8),
	FIELD(hv_create_port_input, port_id, 8, 4),
	FIELD(hv_create_port_input, port_vtl, 12, 1),
	FIELD(hv_create_port_input, min_connection_vtl, 13, 1),
	FIELD(hv_create_port_input, connection_partition, 16, 8),
	FIELD(hv_create_port_input, info.type, 24, 4),
	FIELD(hv_create_port_input, info.sint, 32, 4),
	FIELD(hv_create_port_input, info.vp, 36, 4),
	FIELD(hv_create_port_input, info.event.base_flag, 40, 2),
	FIELD(hv_create_port_input, info.event.flag_count, 42, 2),
	FIELD(hv_create_port_input, proximity, 48, 8),
	WHOLE(hv_delete_port_input, 16),
	FIELD(hv_delete_port_input, port_partition, 0, 8),
	FIELD(hv_delete_port_input, port_id, 8, 4),
	WHOLE(hv_connect_port_input, 72),
	FIELD(hv_connect_port_input, connection_partition, 0, 8),
	FIELD(hv_connect_port_input, connection_id, 8, 4),
	FIELD(hv_connect_port_input, vtl, 12, 1),
	FIELD(hv_connect_port_input, port_partition, 16, 8),
	FIELD(hv_connect_port_input, port_id, 24, 4),
	FIELD(hv_connect_port_input, info, 32, 32),
	FIELD(hv_connect_port_input, info.type, 32, 4),
	FIELD(hv_connect_port_input, proximity, 64, 8),
	WHOLE(hv_disconnect_port_input, 16),
	FIELD(hv_disconnect_port_input, connection_partition, 0, 8),
	FIELD(hv_disconnect_port_input, connection_id, 8, 4),
	FIELD(hv_disconnect_port_input, flags, 12, 4),
};

/* A4, 0x5C and 0x5D; C5, 0xC0 and 0xC1. */
static const struct field sending[] = {
	WHOLE(hv_post_message_input, 256),
	FIELD(hv_post_message_input, connection_id, 0, 4),
	FIELD(hv_post_message_input, type, 8, 4),
	FIELD(hv_post_message_input, size, 12, 4),
	FIELD(hv_post_message_input, payload, 16, 240),
	WHOLE(hv_signal_event_input, 8),
	FIELD(hv_signal_event_input, connection_id, 0, 4),
	FIELD(hv_signal_event_input, flag, 4, 2),
	WHOLE(hv_signal_event_direct_input, 16),
	FIELD(hv_signal_event_direct_input, partition_id, 0, 8),
	FIELD(hv_signal_event_direct_input, vp_index, 8, 4),
	FIELD(hv_signal_event_direct_input, target_vtl, 12, 1),
	FIELD(hv_signal_event_direct_input, sint, 13, 1),
	FIELD(hv_signal_event_direct_input, flag, 14, 2),
	WHOLE(hv_post_message_direct_input, 280),
	FIELD(hv_post_message_direct_input, partition_id, 0, 8),
	FIELD(hv_post_message_direct_input, vp_index, 8, 4),
	FIELD(hv_post_message_direct_input, target_vtl, 12, 1),
	FIELD(hv_post_message_direct_input, sint, 16, 1),
	FIELD(hv_post_message_direct_input, message, 20, 256),
	WHOLE(hv_event_flags_page, 4096),
	FIELD(hv_sint_deliverable, sints, 40, 2),
};

static const struct number numbers[] = {
	IS(HV_PORT_MESSAGE, 1),
	IS(HV_PORT_EVENT, 2),
	IS(HV_PORT_MONITOR, 3),
	IS(HV_PORT_DOORBELL, 4),
	IS(HV_VP_ANY, 0xffffffff),
	IS(HV_VP_SELF, 0xfffffffe),
	IS(HV_MESSAGE_SINT_DELIVERABLE, 0x80000062),
	IS(HV_REGISTER_DELIVERABILITY_NOTIFICATIONS, 0x10006),
	IS(HV_STATUS_INVALID_SYNIC_STATE, 0x18),
};

static void formats(void **state)
{
	(void)state;
	check_fields(ports, ARRAY_SIZE(ports));
	check_fields(sending, ARRAY_SIZE(sending));
	check_numbers(numbers, ARRAY_SIZE(numbers));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(formats) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
