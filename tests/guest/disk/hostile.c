/* SPDX-License-Identifier: MIT */
/*
 * No wait is for ever: what does not come is a FAIL, and the test's.
 */
#include "tests/guest/disk/hostile.h"

#include "base/errno.h"
#include "lib/format.h"
#include "lib/string.h"
#include "tests/guest/disk/lun.h"
#include "tests/guest/disk/pattern.h"
#include "tests/guest/lib/guest.h"
#include "tests/guest/lib/sleep.h"
#include "x86/cpu.h"
#include "x86/io.h"

#define COM1     0x3f8u
#define NAP_US   100u
#define PATIENCE 100u        /* naps before it is believed that the host waits for us */
#define NONCE    0x7eee0000u /* numbers of GPADLs that there are none of */
#define GOOD     (32 * KIB)  /* of good I/O at a time */
#define ROUNDS   8u

u32 hostile_count = 1000;
bool hostile_hold;
u32 hostile_vps;
u8 *hostile_memory;
static struct lun luns[LUNS_MAX];
static const struct lun *disk;

/* ---- time ---- */

u64 hostile_deadline(u32 seconds)
{
	return rdtsc() + seconds * guest_tsc_hz();
}

bool hostile_is_late(u64 deadline)
{
	return rdtsc() >= deadline;
}

void hostile_nap(void)
{
	(void)guest_sleep_us(NAP_US);
}

void hostile_wait_for_key(const char *name)
{
	if (!hostile_hold)
		return;
	guest_print("HOLD %s\r\n", name);
	while (!(in8(COM1 + 5) & 1))
		hostile_nap();
	(void)in8(COM1);
}

/* ---- messages ---- */

static bool receive_until(union hostile_message *m, u32 *size, u64 deadline)
{
	memset(m, 0, sizeof(*m));
	while (!hv_bus_take_message(&bus_vps[0], m, size)) {
		if (hostile_is_late(deadline))
			return false;
		hostile_nap();
	}
	return true;
}

bool hostile_receive(union hostile_message *m, u32 *size)
{
	return receive_until(m, size, hostile_deadline(HOSTILE_SECONDS));
}

bool hostile_expect(union hostile_message *m, u32 type)
{
	u32 size;

	return hostile_receive(m, &size) && m->header.type == type;
}

bool hostile_is_later(enum hv_status status)
{
	return status == HV_STATUS_INSUFFICIENT_BUFFERS ||
	       status == HV_STATUS_INSUFFICIENT_MEMORY || status == HV_STATUS_INVALID_CONNECTION_ID;
}

bool hostile_post(const void *message, u32 size)
{
	u64 deadline = hostile_deadline(HOSTILE_SECONDS);
	union hostile_message m;
	u32 naps = 0, ignored;

	while (!hostile_is_late(deadline)) {
		enum hv_status status = hv_bus_post(
			&bus_vps[0], VMBUS_CONNECTION_MESSAGE, VMBUS_MESSAGE_TYPE, message, size);

		if (!hostile_is_later(status))
			return status == HV_STATUS_SUCCESS;
		hostile_nap();
		if (naps++ > PATIENCE)
			(void)hv_bus_take_message(&bus_vps[0], &m, &ignored);
	}
	return false;
}

/* A question that is answered at once, with the same number, and not while all is being closed. */
static u32 nonce = NONCE;

static bool post_question(void)
{
	const struct vmbus_gpadl_teardown m = { { .type = VMBUS_GPADL_TEARDOWN }, 0, ++nonce };

	return hostile_post(&m, sizeof(m));
}

bool hostile_is_quiet(void)
{
	union hostile_message answer;

	return post_question() && hostile_expect(&answer, VMBUS_GPADL_TORNDOWN) &&
	       answer.torndown.gpadl == nonce;
}

/* ---- channels ---- */

bool hostile_is_cut_off(u32 connection)
{
	u64 deadline = hostile_deadline(HOSTILE_SECONDS);

	while (hv_bus_signal(&bus_vps[0], connection) != HV_STATUS_INVALID_CONNECTION_ID) {
		if (hostile_is_late(deadline))
			return false;
		hostile_nap();
	}
	return true;
}

bool hostile_answer(struct storvsc *s, u64 id, struct vstor_packet *p)
{
	u64 deadline = hostile_deadline(HOSTILE_SECONDS);

	while (!hostile_is_late(deadline)) {
		struct vmbus_packet packet;
		u8 buf[128];
		int r = vmbus_client_read(s->client, &s->channel, &packet, buf, sizeof(buf));

		if (r < 0)
			return false;
		if (r == 0) {
			hostile_nap();
			continue;
		}
		if (packet.transaction != id || packet.length - packet.header < sizeof(*p))
			continue;
		memcpy(p, buf + packet.header, sizeof(*p));
		return packet.type == VMBUS_PACKET_COMPLETION;
	}
	return false;
}

/* ---- good I/O ---- */

bool hostile_connect(void)
{
	int r = bus_connect();

	if (r != 0)
		guest_fail("connect", "%d", r);
	return r == 0;
}

bool hostile_open(void)
{
	int r;

	if (!hostile_connect())
		return false;
	r = bus_open_disks(1);
	if (r != 0)
		guest_fail("open", "%d", r);
	return r == 0;
}

/* NULL: there is none. The controller is open. */
static const struct lun *find_disk(void)
{
	int count = luns_find(&bus_disks[0], luns);

	for (int i = 0; i < count; i++)
		if (!luns[i].read_only)
			return &luns[i];
	return NULL;
}

const struct storvsc_disk *hostile_disk(void)
{
	if (disk == NULL)
		disk = find_disk();
	return disk != NULL ? &disk->d : NULL;
}

u8 hostile_lun(void)
{
	return hostile_disk() != NULL ? disk->number : 0;
}

/* Some writes, read back. NULL, or what was wrong. */
static const char *do_good(void)
{
	static u64 seed = 99;
	static u8 *memory;
	const struct storvsc_disk *d = hostile_disk();
	u32 sectors;

	if (d == NULL)
		return "no disk can be written";
	if (memory == NULL)
		memory = (u8 *)guest_ram(GOOD, PAGE_SIZE);
	sectors = (u32)GOOD / d->sector_size;
	for (u32 i = 0; i < ROUNDS; i++) {
		u64 at = pattern_any(&seed, (u32)MIN(d->sectors, 0x10000ull) - sectors);
		u64 with = seed;

		pattern_fill(with, at, d->sector_size, memory, sectors);
		if (storvsc_write(&bus_disks[0], hostile_lun(), d, at, memory, sectors) != 0)
			return "a write failed";
		memset(memory, 0, GOOD);
		if (storvsc_read(&bus_disks[0], hostile_lun(), d, at, memory, sectors) != 0)
			return "a read failed";
		if (pattern_check(with, at, d->sector_size, memory, sectors) != sectors)
			return "other data came back";
	}
	return NULL;
}

/* Whatever was said before is answered, and was read: a new contact goes, and has an answer to a question of its own. */
static bool catch_up(void)
{
	const struct vmbus_contact m = { .header.type = VMBUS_INITIATE_CONTACT,
		.version = VMBUS_VERSION_5_2,
		.interrupt_page = VMBUS_SINT };
	u64 deadline = hostile_deadline(HOSTILE_SECONDS);
	u32 size, first = nonce + 1;
	union hostile_message answer;

	if (!hostile_post(&m, sizeof(m)))
		return false;
	while (!hostile_is_late(deadline) && post_question()) {
		u64 soon = rdtsc() + guest_tsc_hz() / 20;

		while (receive_until(&answer, &size, soon))
			if (answer.header.type == VMBUS_GPADL_TORNDOWN &&
				answer.torndown.gpadl - first <= nonce - first)
				return true;
	}
	return false;
}

/* The host has forgotten everything, and nothing of it waits to be read. */
static bool give_up(void)
{
	const struct vmbus_header m = { .type = VMBUS_UNLOAD };
	union hostile_message answer;
	u32 size;

	if (!catch_up() || !hostile_post(&m, sizeof(m)))
		return false;
	while (hostile_receive(&answer, &size))
		if (answer.header.type == VMBUS_UNLOAD_RESPONSE)
			return true;
	return false;
}

void hostile_recover(const char *name)
{
	const char *wrong = "no answer to its unload";
	char text[48];

	format(text, sizeof(text), "%s-recovers", name);
	if (give_up())
		wrong = hostile_open() ? do_good() : "it cannot connect";
	guest_check(wrong == NULL, text, "%s", wrong);
	if (wrong != NULL)
		return;
	bus_close_disks();
	vmbus_client_unload(&bus_client);
}
