/* SPDX-License-Identifier: MIT */
/*
 * Making and ending ports and connections: arguments that cannot be, memory
 * that is short, and ends in every order, of children and VPs too, with messages
 * queued; after each, all memory is back with who paid.
 * machines: svm-smp1-bios svm-smp2-bios vmx-smp1 ryzen-smp1
 */
#include "base/assert.h"
#include "hv/msr.h"
#include "tests/guest/lib/child_code.h"
#include "tests/guest/lib/child_port.h"
#include "tests/guest/lib/message.h"
#include "tests/guest/lib/sleep.h"
#include "x86/cpu.h"
#include "x86/msr.h"

#define SELF       HV_PARTITION_SELF
#define RAM        (4 * MIB)
#define PORT       0x777u
#define SECOND     1000000u
#define POST_INPUT (CHILD_DATA + 0x1000)
#define OVERLAY    (CHILD_DATA + 0x2000)

static u64 id;
static u8 *ram;

static void child_begin(void)
{
	id = child_of(code_count, RAM, &ram);
	child_register_set(id, 0, HV_X64_REGISTER_RAX + 7, CHILD_DATA);
}

static u64 in_use(u64 partition)
{
	u64 available, used;

	assert(child_balance(partition, &available, &used) == HV_STATUS_SUCCESS);
	return used;
}

/* --- Arguments --- */

static struct hv_create_port_input create_input(void)
{
	return (struct hv_create_port_input){
		.port_partition = SELF,
		.port_id = PORT,
		.connection_partition = id,
		.info = { .type = HV_PORT_MESSAGE, .sint = PORT_SINT },
	};
}

static struct hv_connect_port_input connect_input(void)
{
	return (struct hv_connect_port_input){
		.connection_partition = id,
		.connection_id = PORT,
		.port_partition = SELF,
		.port_id = PORT,
		.info.type = HV_PORT_MESSAGE,
	};
}

static void given(const char *name, const char *what, u64 result, u64 expected)
{
	guest_check(result == expected, name, "%s: %lx, not %lx", what, result, expected);
}

/* One field is changed, all others are right. */
#define CREATE(field, value, expected)                                                       \
	do {                                                                                 \
		struct hv_create_port_input changed = create_input();                        \
		changed.field = (value);                                                     \
		given("create-refused", #field " " #value, port_create(&changed), expected); \
	} while (0)
#define CONNECT(field, value, expected)                                                        \
	do {                                                                                   \
		struct hv_connect_port_input changed = connect_input();                        \
		changed.field = (value);                                                       \
		given("connect-refused", #field " " #value, port_connect(&changed), expected); \
	} while (0)
#define EVENT(base, count, expected)                                                          \
	do {                                                                                  \
		struct hv_create_port_input changed = create_input();                         \
		changed.info.type = HV_PORT_EVENT;                                            \
		changed.info.event.base_flag = (base);                                        \
		changed.info.event.flag_count = (count);                                      \
		given("create-events", #base " " #count, port_create(&changed), expected);    \
		if ((expected) == HV_STATUS_SUCCESS)                                          \
			given("delete-events", #base " " #count, port_delete(SELF, PORT), 0); \
	} while (0)

#define BAD HV_STATUS_INVALID_PARAMETER

static void test_create(void)
{
	CREATE(port_id, 0, HV_STATUS_INVALID_PORT_ID);
	CREATE(port_id, 1 << 24, HV_STATUS_INVALID_PORT_ID);
	CREATE(port_id, ~0u, HV_STATUS_INVALID_PORT_ID);
	CREATE(port_partition, 0, HV_STATUS_INVALID_PARTITION_ID);
	CREATE(port_partition, 1000, HV_STATUS_INVALID_PARTITION_ID);
	CREATE(port_partition, 1ull << 63, HV_STATUS_INVALID_PARTITION_ID);
	CREATE(connection_partition, 0, HV_STATUS_INVALID_PARTITION_ID);
	CREATE(connection_partition, 1000, HV_STATUS_INVALID_PARTITION_ID);
	CREATE(port_vtl, 1, BAD);
	CREATE(min_connection_vtl, 1, BAD);
	CREATE(reserved, 1, BAD);
	CREATE(proximity.flags, 1, BAD);
	CREATE(info.type, 0, BAD);
	CREATE(info.type, HV_PORT_MONITOR, HV_STATUS_FEATURE_UNAVAILABLE);
	CREATE(info.type, HV_PORT_DOORBELL, HV_STATUS_FEATURE_UNAVAILABLE);
	CREATE(info.type, 5, BAD);
	CREATE(info.type, 0x101, BAD);
	CREATE(info.reserved, 1, BAD);
	CREATE(info.reserved2, 1, BAD);
	CREATE(info.sint, 0, BAD);
	CREATE(info.sint, 16, BAD);
	CREATE(info.sint, 0x102, BAD);
	CREATE(info.vp, 64, HV_STATUS_INVALID_VP_INDEX);
	CREATE(info.vp, HV_VP_ANY - 2, HV_STATUS_INVALID_VP_INDEX);
	EVENT(0, 0, BAD);
	EVENT(2047, 2, BAD);
	EVENT(0xffff, 1, BAD);
	EVENT(1, 0xffff, BAD);
	EVENT(0, 2048, HV_STATUS_SUCCESS);
	EVENT(2047, 1, HV_STATUS_SUCCESS);
	/* A child's VP is not the caller. */
	{
		struct hv_create_port_input in = create_input();

		in.port_partition = id;
		in.info.vp = HV_VP_SELF;
		given("create-refused", "self", port_create(&in), HV_STATUS_INVALID_VP_INDEX);
	}
}

static void test_connect(void)
{
	struct hv_create_port_input in = create_input();

	assert(port_create(&in) == HV_STATUS_SUCCESS);
	given("create-again", "", port_create(&in), HV_STATUS_OBJECT_IN_USE);
	CONNECT(connection_id, 0, HV_STATUS_INVALID_CONNECTION_ID);
	CONNECT(connection_id, 1 << 24, HV_STATUS_INVALID_CONNECTION_ID);
	CONNECT(connection_partition, 0, HV_STATUS_INVALID_PARTITION_ID);
	CONNECT(connection_partition, SELF, HV_STATUS_ACCESS_DENIED);
	CONNECT(port_partition, 0, HV_STATUS_INVALID_PARTITION_ID);
	CONNECT(port_partition, id, HV_STATUS_INVALID_PORT_ID);
	CONNECT(port_id, 0, HV_STATUS_INVALID_PORT_ID);
	CONNECT(port_id, PORT + 1, HV_STATUS_INVALID_PORT_ID);
	CONNECT(port_id, PORT | 1 << 24, HV_STATUS_INVALID_PORT_ID);
	CONNECT(vtl, 1, BAD);
	CONNECT(reserved[2], 1, BAD);
	CONNECT(reserved2, 1, BAD);
	CONNECT(proximity.flags, 1, BAD);
	CONNECT(info.type, 0, BAD);
	CONNECT(info.type, HV_PORT_EVENT, BAD);
	CONNECT(info.type, HV_PORT_MONITOR, HV_STATUS_FEATURE_UNAVAILABLE);
	CONNECT(info.type, HV_PORT_DOORBELL, HV_STATUS_FEATURE_UNAVAILABLE);
	CONNECT(info.reserved, 1, BAD);
	CONNECT(info.reserved2[2], 1, BAD);
	given("delete-refused", "", port_delete(SELF, PORT + 1), HV_STATUS_INVALID_PORT_ID);
	given("delete-refused", "reserved", port_delete(SELF, PORT | 1 << 24),
		HV_STATUS_INVALID_PORT_ID);
	given("delete-refused", "nobody", port_delete(1000, PORT), HV_STATUS_INVALID_PARTITION_ID);
	given("delete-refused", "reserved",
		guest_hypercall(HV_CALL_DELETE_PORT | HV_CONTROL_FAST, SELF, PORT | 1ull << 32),
		BAD);
	given("disconnect-refused", "", port_disconnect(id, PORT), HV_STATUS_INVALID_CONNECTION_ID);
	given("disconnect-refused", "doorbell",
		guest_hypercall(HV_CALL_DISCONNECT_PORT | HV_CONTROL_FAST, id, PORT | 1ull << 32),
		BAD);
	given("delete", "", port_delete(SELF, PORT), HV_STATUS_SUCCESS);
}

static void test_arguments(void)
{
	u64 root_before, child_before;

	child_begin();
	root_before = in_use(SELF);
	child_before = in_use(id);
	child_deposit_pages(SELF, 5);
	test_create();
	test_connect();
	guest_check(in_use(SELF) == root_before && in_use(id) == child_before, "refused-free");
	child_end(id);
}

/* Each page that a call may want, one after the other. */
static void test_no_memory(void)
{
	struct hv_create_port_input create = create_input();
	struct hv_connect_port_input connect = connect_input();
	u32 pages;
	u64 before;

	child_begin();
	create.connection_partition = connect.connection_partition = id;
	child_withdraw_all(SELF);
	before = in_use(SELF);
	for (pages = 0; port_create(&create) == HV_STATUS_INSUFFICIENT_MEMORY && pages < 9;
		pages++) {
		guest_check(in_use(SELF) == before, "create-short");
		child_deposit_pages(SELF, 1);
	}
	guest_check(pages == 5 && in_use(SELF) == before + 5, "create-pages", "%u", pages);
	child_withdraw_all(id);
	before = in_use(id);
	for (pages = 0; port_connect(&connect) == HV_STATUS_INSUFFICIENT_MEMORY && pages < 9;
		pages++)
		child_deposit_pages(id, 1);
	guest_check(pages == 3 && in_use(id) == before + 3, "connect-pages", "%u", pages);
	/* Many of both share their tables. */
	for (u32 i = 1; i < 64 - PORT % 64; i++) {
		connect.connection_id = PORT + i;
		assert(port_connect(&connect) == HV_STATUS_SUCCESS);
	}
	guest_check(in_use(id) == before + 3, "connections-share");
	child_end(id);
	given("delete-after", "", port_delete(SELF, PORT), 0);
	guest_check(in_use(SELF) == 0, "no-memory-free", "%lu", in_use(SELF));
}

/* --- Ends --- */

static u64 to, from; /* one of them is SELF */

static void end_port(void)
{
	given("end-port", "", port_delete(to, PORT), 0);
}

static void end_connection(void)
{
	given("end-connection", "", port_disconnect(from, PORT), 0);
}

static void end_vp(void)
{
	given("end-vp", "", child_delete_vp(id, 0), 0);
}

/* The child as a whole, and all that is its own. */
static bool child_ended;

static void end_child(void)
{
	child_end(id);
	child_ended = true;
}

static const struct order {
	const char *name;
	void (*step[3])(void);
} orders[] = {
	{ "port-connection-vp", { end_port, end_connection, end_vp } },
	{ "port-vp-connection", { end_port, end_vp, end_connection } },
	{ "connection-port-vp", { end_connection, end_port, end_vp } },
	{ "connection-vp-port", { end_connection, end_vp, end_port } },
	{ "vp-port-connection", { end_vp, end_port, end_connection } },
	{ "vp-connection-port", { end_vp, end_connection, end_port } },
	{ "port-child", { end_port, end_child } },
	{ "connection-child", { end_connection, end_child } },
	{ "child", { end_child } },
};

/* What of the root's own is left ends afterwards. */
static void rest(void)
{
	(void)port_delete(SELF, PORT);
	(void)port_disconnect(SELF, PORT);
	if (!child_ended)
		child_end(id);
}

/* The root posts to the child, which does not read. */
static void test_down(const struct order *o)
{
	u32 queued = 0;

	child_begin();
	child_ended = false;
	to = id;
	from = SELF;
	port_open(to, from, PORT);
	for (u32 i = 0; i < 2 * HV_PORT_BUFFERS; i++)
		queued += port_post(PORT, 1, &i, sizeof(i)) == HV_STATUS_SUCCESS;
	guest_check(queued == HV_PORT_BUFFERS, "down-queued", "%u", queued);
	for (u32 i = 0; i < ARRAY_SIZE(o->step) && o->step[i]; i++) {
		o->step[i]();
		if (i == 0 && o->step[0] == end_vp)
			given("post-no-vp", o->name, port_post(PORT, 1, &i, 4),
				HV_STATUS_INVALID_VP_INDEX);
		if (i == 0 && (o->step[0] == end_port || o->step[0] == end_child))
			given("post-no-port", o->name, port_post(PORT, 1, &i, 4),
				HV_STATUS_INVALID_PORT_ID);
	}
	rest();
	guest_check(in_use(SELF) == 0, o->name, "%lu pages", in_use(SELF));
}

/* A child that posts to the root, without an end. */
static const struct code_post *poster_begin(void)
{
	struct hv_message m;
	struct code_post *r;

	/* The one before may have left a message, whose port had ended. */
	while (guest_message_poll(&m))
		;
	id = child_of(code_post, RAM, &ram);
	port_open(SELF, id, PORT);
	r = (void *)(ram + CHILD_DATA);
	r->wanted = ~0ull;
	*(struct hv_post_message_input *)(void *)(ram + POST_INPUT) =
		(struct hv_post_message_input){ .connection_id = PORT, .type = 1, .size = 8 };
	child_register_set(id, 0, HV_X64_REGISTER_RAX + 7, CHILD_DATA);
	child_register_set(id, 0, HV_X64_REGISTER_RAX + 6, POST_INPUT);
	child_register_set(id, 0, HV_X64_REGISTER_RAX + 3, OVERLAY);
	child_release(id, 0);
	return r;
}

/* The child posts to the root, masked there, until it is ended. */
static void test_up(const struct order *o)
{
	const struct code_post *r;

	msr_write(HV_MSR_SINT(PORT_SINT), HV_SINT_MASKED);
	r = poster_begin();
	child_ended = false;
	to = SELF;
	from = id;
	guest_check(guest_sleep_while(&r->refused, 0, 5 * SECOND) && r->sent == HV_PORT_BUFFERS,
		"up-queued", "%lu", r->sent);
	for (u32 i = 0; i < ARRAY_SIZE(o->step) && o->step[i]; i++)
		o->step[i]();
	rest();
	guest_check(in_use(SELF) == 0, o->name, "%lu pages", in_use(SELF));
	/* What was the port's does not come any more. */
	msr_write(HV_MSR_SINT(PORT_SINT), PORT_VECTOR | HV_SINT_AUTO_EOI);
	guest_check(port_slot()->header.type == 0, "up-silent", "%s", o->name);
}

/* It posts all the time while its port and connection come and go. */
static void test_busy(void)
{
	struct hv_create_port_input create;
	struct hv_connect_port_input connect;
	struct hv_message m;
	const struct code_post *r = poster_begin();
	u32 rounds = guest_is_qemu() ? 300 : 50, posted = 0;

	create = create_input();
	connect = connect_input();
	for (u32 i = 0; i < rounds; i++) {
		u64 before = r->sent;

		guest_sleep_us(i % 8 * 30);
		assert(port_delete(SELF, PORT) == 0);
		/* Whether it was told before or after: it ends in an OUT, and begins again. */
		guest_message_wait(&m);
		port_slot()->header.type = 0;
		assert(port_disconnect(id, PORT) == 0);
		assert(port_create(&create) == 0 && port_connect(&connect) == 0);
		posted += r->sent != before;
		child_register_set(id, 0, HV_X64_REGISTER_RIP, CHILD_CODE);
		child_resume(id, 0);
	}
	guest_check(posted > 0, "busy", "%u", posted);
	child_end(id);
	assert(port_delete(SELF, PORT) == 0);
	guest_check(in_use(SELF) == 0, "busy-free", "%lu", in_use(SELF));
	port_slot()->header.type = 0;
}

void guest_main(void)
{
	guest_messages_init();
	port_receive_init();
	test_arguments();
	test_no_memory();
	for (u32 i = 0; i < ARRAY_SIZE(orders); i++) {
		test_down(&orders[i]);
		test_up(&orders[i]);
	}
	test_busy();
	child_withdraw_all(SELF);
}
