/* SPDX-License-Identifier: MIT */
/*
 * A child with disks: the example of a kernel that reads and writes them, and their test from a guest's side
 * (tests/e2e/test_vmbus.py). It connects three times, or by `sessions=N` on its command line N times; each time it
 * says what disks there are and tries them, with a channel for each VP. By `loop` it works on the first disk that can
 * be written for ever, and tells how far it is when a key comes; by `seed=N` it writes other data. It says what stands
 * on each disk before and after.
 * machines: none
 */
#include "lib/cmdline.h"
#include "lib/string.h"
#include "tests/guest/disk/bus.h"
#include "tests/guest/disk/check.h"
#include "tests/guest/disk/parallel.h"
#include "tests/guest/lib/guest.h"
#include "x86/io.h"

#define COM1     0x3f8u
#define SESSIONS 3u /* or `sessions=N` */
#define ROUNDS   4u /* in each area of all VPs */

static struct lun luns[LUNS_MAX];
static u32 lun_count;

static u64 number(const char *name, u64 otherwise)
{
	char text[24];
	u64 v = 0;

	if (cmdline_get((const char *)guest_start_info->cmdline, name, text, sizeof(text)) != 0)
		return otherwise;
	for (const char *p = text; *p >= '0' && *p <= '9'; p++)
		v = v * 10 + (u64)(*p - '0');
	return v;
}

/* All numbers differ, and are some. */
static bool ids_differ(void)
{
	static const u8 none[LUN_ID];

	for (u32 i = 0; i < lun_count; i++) {
		if (memcmp(luns[i].id, none, LUN_ID) == 0)
			return false;
		for (u32 k = 0; k < i; k++)
			if (memcmp(luns[i].id, luns[k].id, LUN_ID) == 0)
				return false;
	}
	return true;
}

/* False: there is nothing to go on with. */
static bool begin(u32 vps)
{
	int r = bus_connect();

	guest_check(r == 0, "connect", "%d", r);
	if (r != 0)
		return false;
	guest_print("version %u.%u\r\n", bus_client.version >> 16, bus_client.version & 0xffff);
	r = bus_open_disks(vps);
	guest_check(r == 0, "open", "%d", r);
	if (r != 0)
		return false;
	guest_check(bus_channels() == MIN(vps, bus_disks[0].max_subchannels + 1u), "channels", "%u",
		bus_channels());
	guest_print("channels %u\r\n", bus_channels());
	r = luns_find(&bus_disks[0], luns);
	guest_check(r > 0, "luns", "%d", r);
	lun_count = r > 0 ? (u32)r : 0;
	return r > 0;
}

static void end(void)
{
	bus_close_disks();
	vmbus_client_unload(&bus_client);
	guest_check(bus_client.lost == 0, "nothing-lost", "%lu", bus_client.lost);
}

static void all_at_once(const struct lun *l, u64 seed)
{
	u64 done;
	const char *wrong = parallel_run(l, seed, ROUNDS, &done);

	if (wrong != NULL)
		guest_print("LUN %u: %s\r\n", l->number, wrong);
	check_is(wrong == NULL, l, "all-at-once", (s64)done);
}

/* In the first session all of it; later what was written is still there, and gives way to other data. */
static void try_disk(const struct lun *l, u64 seed, u32 session)
{
	struct storvsc *s = &bus_disks[0];

	if (l->read_only) {
		check_read_only(s, l);
		check_errors(s, l);
		return;
	}
	if (session > 0)
		check_kept(s, l, seed + session - 1);
	all_at_once(l, seed + session);
	check_data(s, l, seed + session);
	if (session > 0)
		return;
	check_commands(s, l, seed);
	check_errors(s, l);
	check_unmap(s, l, seed);
}

static void run_session(u32 vps, u32 session, bool last)
{
	u64 seed = number("seed", 1);

	if (!begin(vps))
		return;
	guest_check(ids_differ(), "ids");
	for (u32 i = 0; i < lun_count; i++) {
		lun_print(&luns[i]);
		if (session == 0)
			check_sum(&bus_disks[0], &luns[i], "before");
		try_disk(&luns[i], seed, session);
		if (last) {
			check_is(storvsc_flush(&bus_disks[0], luns[i].number) == 0, &luns[i],
				"last-flush", 0);
			check_sum(&bus_disks[0], &luns[i], "after");
		}
	}
	end();
}

/* "loop N: …" at the Nth key. */
static void answer_key(u64 rounds, u64 requests)
{
	static u32 keys;

	if (!(in8(COM1 + 5) & 1))
		return;
	(void)in8(COM1);
	guest_print("loop %u: %lu rounds, %lu requests\r\n", ++keys, rounds, requests);
}

static void loop(u32 vps)
{
	u64 seed = number("seed", 1), done, all = 0;
	const struct lun *l = luns;

	if (!begin(vps))
		return;
	while (l < luns + lun_count - 1 && l->read_only)
		l++;
	for (u64 i = 1;; i++) {
		const char *wrong = parallel_run(l, seed + i, 1, &done);

		if (wrong != NULL) {
			guest_fail("loop", "round %lu: %s", i, wrong);
			return;
		}
		all += done;
		answer_key(i, all);
	}
}

void guest_main(void)
{
	u64 sessions = number("sessions", SESSIONS);
	u32 vps = team_begin();

	bus_begin();
	team_run(bus_vp_begin);
	check_begin();
	parallel_begin(vps);
	if (cmdline_get((const char *)guest_start_info->cmdline, "loop", NULL, 0) == 0) {
		loop(vps);
		return;
	}
	for (u32 i = 0; i < sessions; i++)
		run_session(vps, i, i == sessions - 1);
}
