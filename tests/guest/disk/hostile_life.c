/* SPDX-License-Identifier: MIT */
/*
 * Channels that end while there is something to do, that are not read, that come and go.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "tests/guest/disk/hostile.h"
#include "tests/guest/lib/guest.h"
#include "x86/atomic.h"

#define UNDER_WAY  24u
#define AT_A_TIME  (32 * KIB)
#define MARK       0x6d
#define STUCK_MAX  8192u
#define STUCK_NAPS 500u /* without room, before it is believed */

/* ---- an end with I/O under way ---- */

/* Of its own memory, which is looked at afterwards. */
static struct storvsc victim;
static struct storvsc_request requests[UNDER_WAY];
static u8 *rings, *data;

enum ending { BY_CLOSE, BY_UNLOAD, BY_CONTACT, ENDINGS };

static bool open_victim(void)
{
	if (rings == NULL) {
		rings = (u8 *)guest_ram(STORVSC_RING_PAGES * PAGE_SIZE, PAGE_SIZE);
		data = (u8 *)guest_ram(UNDER_WAY * AT_A_TIME, PAGE_SIZE);
	}
	memset(rings, 0, STORVSC_RING_PAGES * PAGE_SIZE);
	victim = (struct storvsc){ .wait = hv_bus_wait, .context = &bus_vps[0] };
	return hostile_connect() && storvsc_open(&victim, &bus_client, rings, 0) == 0;
}

static bool submit_all(u32 round)
{
	const struct storvsc_disk *d = hostile_disk();
	u32 sectors = (u32)AT_A_TIME / d->sector_size;

	for (u32 i = 0; i < UNDER_WAY; i++) {
		u64 at = (i + round) * sectors % (d->sectors - sectors);

		storvsc_transfer(&requests[i], hostile_lun(), d, (i + round) % 3 == 0, at,
			data + i * AT_A_TIME, sectors);
		if (storvsc_submit(&victim, &requests[i]) != 0)
			return false;
	}
	return true;
}

static void end_by(enum ending how)
{
	switch (how) {
	case BY_CLOSE:
		storvsc_close(&victim);
		vmbus_client_unload(&bus_client);
		break;
	case BY_UNLOAD:
		vmbus_client_unload(&bus_client);
		break;
	default:
		(void)hostile_connect();
		vmbus_client_unload(&bus_client);
		break;
	}
}

static bool is_marked(const u8 *p, u64 size)
{
	for (u64 i = 0; i < size; i++)
		if (p[i] != MARK)
			return false;
	return true;
}

/* When the host says that it is over, it is: nothing changes in that memory any more. */
static bool end_with_requests(u32 round)
{
	if (!open_victim() || !submit_all(round))
		return false;
	end_by((enum ending)(round % ENDINGS));
	memset(rings, MARK, STORVSC_RING_PAGES * PAGE_SIZE);
	memset(data, MARK, UNDER_WAY * AT_A_TIME);
	/* As long as another connection takes, and a read that stands behind what was under way. */
	if (!hostile_open() || storvsc_flush(&bus_disks[0], hostile_lun()) != 0)
		return false;
	bus_close_disks();
	vmbus_client_unload(&bus_client);
	return is_marked(rings, STORVSC_RING_PAGES * PAGE_SIZE) &&
	       is_marked(data, UNDER_WAY * AT_A_TIME);
}

void hostile_teardown(void)
{
	u32 rounds = 6 + hostile_count / 500, good = 0;

	if (!hostile_open() || hostile_disk() == NULL)
		return;
	bus_close_disks();
	while (good < rounds && end_with_requests(good))
		good++;
	guest_check(good == rounds, "teardown", "round %u", good);
}

/* ---- one that is not read ---- */

static u8 seen[STUCK_MAX];

static int send_ready(u64 id)
{
	struct vstor_packet p = { .operation = VSTOR_EXECUTE_SRB,
		.flags = 1,
		.srb = { .length = sizeof(p.srb),
			.lun = hostile_lun(),
			.cdb_length = 6,
			.direction = VSTOR_NO_DATA } };
	const struct vmbus_message m = { .type = VMBUS_PACKET_INBAND,
		.flags = VMBUS_PACKET_WANTS_COMPLETION,
		.transaction = id,
		.payload = { &p, sizeof(p) } };

	return vmbus_client_write(&bus_client, &bus_disks[0].channel, &m);
}

/* Until the host takes no more: how many it were. */
static u32 fill(void)
{
	u32 sent = 0, naps = 0;

	while (sent < STUCK_MAX - 1 && naps < STUCK_NAPS) {
		int r = send_ready(sent + 1);

		if (r == 0) {
			sent++;
			naps = 0;
		} else {
			(void)hv_bus_signal(&bus_vps[0], bus_disks[0].channel.connection);
			hostile_nap();
			naps++;
		}
	}
	return sent;
}

/* Each answer once: how many there are. */
static u32 take(u32 sent)
{
	struct vmbus_client_channel *c = &bus_disks[0].channel;
	u64 deadline = hostile_deadline(HOSTILE_SECONDS);
	struct vmbus_packet packet;
	u32 good = 0, all = 0;
	u8 buf[128];

	memset(seen, 0, sizeof(seen));
	while (all < sent && !hostile_is_late(deadline)) {
		int r = vmbus_client_read(&bus_client, c, &packet, buf, sizeof(buf));

		if (r < 0)
			break;
		if (r == 0) {
			hostile_nap();
			continue;
		}
		all++;
		if (packet.transaction >= 1 && packet.transaction <= sent)
			good += !seen[packet.transaction]++;
	}
	return good;
}

void hostile_stuck(void)
{
	u32 sent, got;

	if (!hostile_open() || hostile_disk() == NULL)
		return;
	sent = fill();
	guest_print("stuck: %u sent\r\n", sent);
	guest_check(sent > 0 && sent < STUCK_MAX - 1, "stuck", "%u", sent);
	hostile_wait_for_key("stuck");
	/* Nothing of it is lost: all is answered when there is room. */
	got = take(sent);
	guest_check(got == sent, "stuck-answers", "%u of %u", got, sent);
	bus_close_disks();
}

/* ---- those that come and go ---- */

static bool post_relid(u32 type, u32 relid)
{
	const struct vmbus_relid m = { { .type = type }, relid };

	return hostile_post(&m, sizeof(m));
}

static bool post_open(u32 relid, u32 gpadl)
{
	const struct vmbus_open m = { .header.type = VMBUS_OPEN_CHANNEL,
		.relid = relid,
		.open_id = relid,
		.gpadl = gpadl,
		.downstream = STORVSC_RING_PAGES / 2 };

	return hostile_post(&m, sizeof(m));
}

/*
 * The primary is closed before its sub-channels, one of which is open; as the host takes them back, all that can be said
 * of one is said. @relids: of sub-channels. How many were taken back.
 */
static u32 say_all(const u32 *relids, u32 count, u32 gpadl)
{
	u32 rescinded = 0, left = count, size;
	union hostile_message m;

	while (left > 0 && hostile_receive(&m, &size)) {
		if (m.header.type != VMBUS_RESCIND_OFFER)
			continue;
		left--;
		for (u32 i = 0; i < count; i++)
			rescinded += relids[i] == m.relid.relid;
		(void)post_open(m.relid.relid, gpadl);
		(void)post_relid(VMBUS_CLOSE_CHANNEL, m.relid.relid);
		(void)post_relid(VMBUS_RELID_RELEASED, m.relid.relid);
		(void)post_relid(VMBUS_RELID_RELEASED, m.relid.relid);
		(void)post_open(m.relid.relid, gpadl);
	}
	return rescinded;
}

/* False: it is not as it should be. */
static bool come_and_go(u32 vps)
{
	u32 relids[TEAM_MAX], count = 0;
	u32 primary, gpadl;

	if (!hostile_connect() || bus_open_disks(vps) != 0)
		return false;
	primary = bus_disks[0].channel.relid;
	gpadl = bus_disks[0].channel.gpadl;
	for (u32 i = 1; i < bus_channels(); i++)
		relids[count++] = bus_disks[i].channel.relid;
	/* A command is under way on each. */
	for (u32 i = 0; i < bus_channels(); i++) {
		static struct storvsc_request r[TEAM_MAX];

		r[i] = (struct storvsc_request){ .lun = hostile_lun(),
			.cdb_size = 10,
			.cdb = { 0x35 },
			.direction = STORVSC_NONE };
		if (storvsc_submit(&bus_disks[i], &r[i]) != 0)
			return false;
	}
	if (!post_relid(VMBUS_CLOSE_CHANNEL, primary) || !post_relid(VMBUS_CLOSE_CHANNEL, primary))
		return false;
	return say_all(relids, count, gpadl) == count;
}

void hostile_races(void)
{
	u32 rounds = 4 + hostile_count / 500, good = 0;

	if (!hostile_open() || hostile_disk() == NULL)
		return;
	bus_close_disks();
	while (good < rounds && come_and_go(hostile_vps)) {
		/* Whatever was left open is closed by the next contact. */
		hostile_recover("races");
		good++;
	}
	guest_check(good == rounds, "races", "round %u", good);
}
