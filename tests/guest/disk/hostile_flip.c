/* SPDX-License-Identifier: MIT */
/*
 * Double fetches: one VP sends packets, another changes those that the host is about to read, while it reads them: by turns
 * only what leaves the ring whole, and anything. When the host has cut the channel off, it is opened again.
 *
 * All packets have the same size, so that who changes them knows where their fields are. Page numbers are only such as may
 * be written to, whatever a packet becomes.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "tests/guest/disk/hostile.h"
#include "tests/guest/disk/pattern.h"
#include "tests/guest/lib/guest.h"
#include "x86/atomic.h"
#include "x86/cpu.h"

#define RING       ((STORVSC_RING_PAGES / 2 - 1) * 4096u)
#define PACKET     128u /* with its trailer */
#define PAGES      3u
#define BYTES      8192u
#define OFFSET     512u
#define WHOLE_TURN 500u /* packets, as long as the ring stays whole */
#define ANY_TURN   300u
#define CUT_NAPS   50u
#define LATEST     8u /* packets that are changed */
#define VALUES     6u
#define ANYTHING   0xa17a17a17a17a17aull /* in a table: some number */

struct list {
	u32 reserved, ranges, bytes, offset;
	u64 pfns[PAGES];
};

static_assert(
	sizeof(struct vmbus_descriptor) + sizeof(struct list) + sizeof(struct vstor_packet) + 8 ==
	PACKET);
static_assert(RING % PACKET == 0);

/* Where a field is in a packet, and what may stand there. */
struct field {
	u8 at, size;
	u64 values[VALUES];
};

#define LIST(member) ((u8)(sizeof(struct vmbus_descriptor) + offsetof(struct list, member)))
#define VSTOR(member)                                                 \
	((u8)(sizeof(struct vmbus_descriptor) + sizeof(struct list) + \
		offsetof(struct vstor_packet, member)))

static const struct field whole[] = {
	{ 0, 2, { 9, 9, 6, 7, 0xb, ANYTHING } },
	{ 6, 2, { 0, 1, 2, 3, 0xffff, ANYTHING } },
	{ 8, 8, { 0, 1, ~0ull, ~0ull - 2, ANYTHING, ANYTHING } },
	{ LIST(ranges), 4, { 0, 1, 1, 2, 3, 0xffffffff } },
	{ LIST(bytes), 4, { BYTES, BYTES, 512, 0, 0x100000, 0xffffffff } },
	{ LIST(offset), 4, { OFFSET, OFFSET, 8, 4095, 4096, 0xffffffff } },
	{ LIST(pfns[0]), 8, { 0xfee00, 0x100000, 1ull << 40, 1ull << 52, ~0ull, ~0ull >> 12 } },
	{ LIST(pfns[1]), 8, { 0xfee00, 0x100000, 1ull << 40, 1ull << 52, ~0ull, ~0ull >> 12 } },
	{ LIST(pfns[2]), 8, { 0xfee00, 0x100000, 1ull << 40, 1ull << 52, ~0ull, ~0ull >> 12 } },
	{ VSTOR(operation), 4, { 3, 3, 1, 6, 13, ANYTHING } },
	{ VSTOR(status), 4, { 0, ANYTHING, ANYTHING, ANYTHING, ANYTHING, ANYTHING } },
	{ VSTOR(srb.length), 2, { 52, 0, 1, 51, 53, 0xffff } },
	{ VSTOR(srb.path), 1, { 0, 0, 1, 7, 8, 255 } },
	{ VSTOR(srb.target), 1, { 0, 0, 1, 2, 64, 255 } },
	{ VSTOR(srb.lun), 1, { 0, 1, 15, 63, 64, 255 } },
	{ VSTOR(srb.cdb_length), 1, { 16, 0, 6, 10, 17, 255 } },
	{ VSTOR(srb.sense_length), 1, { 20, 0, 1, 18, 21, 255 } },
	{ VSTOR(srb.direction), 1, { 0, 0, 1, 2, 3, 255 } },
	{ VSTOR(srb.transfer_length), 4, { BYTES, BYTES, 512, 0, 0x100000, 0xffffffff } },
	{ VSTOR(srb.cdb_or_sense[0]), 1, { 0x8a, 0x88, 0x12, 0xa0, 0x9e, 0xff } },
	{ VSTOR(srb.cdb_or_sense[2]), 8, { 0, 0, 0x80, ~0ull, ANYTHING, ANYTHING } },
	{ VSTOR(srb.cdb_or_sense[10]), 4, { 0, 0x01000000, 0x10000000, 0xffffffff, 0, ANYTHING } },
};

/* What breaks a ring, or makes the controller begin anew: nothing goes there afterwards. */
static const struct field breaking[] = {
	{ VSTOR(operation), 4, { 3, 7, 8, 9, 10, 0xffffffff } },
	{ 2, 2, { 7, 0, 1, 15, 16, 0xffff } },
	{ 4, 2, { 15, 0, 1, 31, 0xffff, ANYTHING } },
	{ PACKET - 8, 8, { 0, ~0ull, ANYTHING, ANYTHING, ANYTHING, ANYTHING } },
};

static struct storvsc *const s = &bus_disks[0];
static bool stop, any_turn;
static bool stuck; /* the host does not read a ring that is whole */
static u64 random = 1;
static u32 start; /* where a packet begins, and all others by whole packets from there */
static u32 sent, answered, cuts;

/* ---- who changes them ---- */

static void put(u8 *const *pages, u32 at, const u64 *value, u32 size)
{
	const u8 *from = (const u8 *)value;

	for (u32 i = 0; i < size; i++) {
		u32 to = (at + i) % RING;

		WRITE_ONCE(pages[to / 4096][to % 4096], from[i]);
	}
}

static void change(const struct field *f, u64 *state)
{
	struct vmbus_ring_control *c = s->channel.to_host.control;
	u32 write = load_relaxed(&c->write) % RING;
	u32 packet = (write - start) / PACKET * PACKET + start;
	u32 back = (1 + pattern_any(state, LATEST)) * PACKET;
	u64 value = f->values[pattern_any(state, VALUES)];

	if (value == ANYTHING)
		value = *state;
	put(s->channel.to_host.pages, packet + RING - back + f->at, &value, f->size);
}

/* Of the pages in front of both rings, what is the guest's to write. */
static void change_control(u64 *state)
{
	struct vmbus_ring_control *to = s->channel.to_host.control;
	struct vmbus_ring_control *from = s->channel.from_host.control;
	u32 *const words[] = { &to->write, &to->pending_send, &to->features, &from->read,
		&from->interrupt_mask, &from->features };
	u32 value = pattern_any(state, 2) ? pattern_any(state, RING / 8) * 8 : (u32)*state;

	store_relaxed(words[pattern_any(state, ARRAY_SIZE(words))], value);
}

/* A job of the team's. */
static void flip(u32 vp)
{
	u64 state = random + vp;

	while (!load_acquire(&stop)) {
		u32 which = any_turn ? pattern_any(&state, 256) : 255;

		if (which == 0)
			change_control(&state);
		else if (which < 32)
			change(&breaking[pattern_any(&state, ARRAY_SIZE(breaking))], &state);
		else
			change(&whole[pattern_any(&state, ARRAY_SIZE(whole))], &state);
	}
	random = state;
}

/* ---- who sends them ---- */

static int send_one(u64 id)
{
	u64 pfn = bus_gpa(hostile_memory) / 4096;
	const struct list list = {
		.ranges = 1, .bytes = BYTES, .offset = OFFSET, .pfns = { pfn, pfn + 1, pfn + 2 }
	};
	const struct vstor_packet p = { .operation = VSTOR_EXECUTE_SRB,
		.flags = 1,
		.srb = { .length = sizeof(p.srb),
			.lun = hostile_lun(),
			.cdb_length = 16,
			.sense_length = VSTOR_SENSE_ROOM,
			.direction = VSTOR_WRITE,
			.transfer_length = BYTES,
			.cdb_or_sense = {
				0x8a, [13] = (u8)(BYTES / hostile_disk()->sector_size) } } };
	const struct vmbus_message m = { .type = VMBUS_PACKET_GPA_DIRECT,
		.flags = VMBUS_PACKET_WANTS_COMPLETION,
		.transaction = id,
		.header = { &list, sizeof(list) },
		.payload = { &p, sizeof(p) } };

	return vmbus_client_write(s->client, &s->channel, &m);
}

/* Takes what came; false: nothing of the ring can be believed any more. */
static bool take_answers(void)
{
	struct vmbus_packet packet;
	u8 buf[128];
	int r;

	while ((r = vmbus_client_read(s->client, &s->channel, &packet, buf, sizeof(buf))) == 1)
		answered++;
	return r == 0;
}

/* One more, when there is room; false: the turn is over. */
static bool send_next(void)
{
	u64 deadline = hostile_deadline(any_turn ? 1 : HOSTILE_SECONDS);
	int r;

	while ((r = send_one(sent + 1)) == -EAGAIN) {
		enum hv_status status = hv_bus_signal(&bus_vps[0], s->channel.connection);

		if (status == HV_STATUS_INVALID_CONNECTION_ID || !take_answers())
			return false;
		if (hostile_is_late(deadline)) {
			/* What was changed may have been what says that there is room. */
			stuck = stuck || !any_turn;
			return false;
		}
		cpu_pause();
	}
	sent += r == 0;
	return r == 0 && take_answers();
}

/* Soon, if at all. */
static bool is_cut_off(void)
{
	for (u32 i = 0; i < CUT_NAPS; i++) {
		if (hv_bus_signal(&bus_vps[0], s->channel.connection) ==
			HV_STATUS_INVALID_CONNECTION_ID)
			return true;
		hostile_nap();
	}
	return false;
}

static void take_turn(void)
{
	u32 most = any_turn ? ANY_TURN : WHOLE_TURN;

	start = s->channel.to_host.index % PACKET;
	store_release(&stop, false);
	team_start(1, flip);
	while (most-- > 0 && sent < hostile_count && send_next())
		;
	store_release(&stop, true);
	team_wait(1);
	cuts += any_turn && is_cut_off();
}

void hostile_flip(void)
{
	bool open;

	if (hostile_vps < 2 || !hostile_open() || hostile_disk() == NULL) {
		guest_fail("flip", "it needs two VPs and a disk");
		return;
	}
	sent = answered = cuts = 0;
	any_turn = false;
	do {
		take_turn();
		any_turn = !any_turn;
		bus_close_disks();
		open = bus_open_disks(1) == 0;
	} while (open && !stuck && sent < hostile_count);
	guest_print("flip: %u sent, %u answered, %u times cut off\r\n", sent, answered, cuts);
	guest_check(open && !stuck && sent >= hostile_count, "flip", "%u", sent);
	guest_check(answered > sent / 8 && cuts > 0, "flip-heard", "%u %u", answered, cuts);
	if (open)
		bus_close_disks();
}
