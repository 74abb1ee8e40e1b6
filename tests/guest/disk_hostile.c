/* SPDX-License-Identifier: MIT */
/*
 * A child that does to the bus what no guest should (tests/e2e/test_vmbus.py): the cases that its command line names, one
 * after the other, each with a number of its own of `count=N`; `hold`: those that hurt while they last stop
 * until a key comes. After each it connects anew, and its disk must work.
 * machines: none
 */
#include "lib/cmdline.h"
#include "lib/string.h"
#include "tests/guest/disk/hostile.h"
#include "tests/guest/lib/guest.h"

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "flip", hostile_flip },
	{ "indices", hostile_indices },
	{ "lengths", hostile_lengths },
	{ "packets", hostile_packets },
	{ "gpadls", hostile_gpadls },
	{ "many-gpadls", hostile_many_gpadls },
	{ "overlap", hostile_overlap },
	{ "opens", hostile_opens },
	{ "teardown", hostile_teardown },
	{ "connections", hostile_connections },
	{ "messages", hostile_messages },
	{ "fuzz", hostile_fuzz },
	{ "posts", hostile_posts },
	{ "signals", hostile_signals },
	{ "stuck", hostile_stuck },
	{ "races", hostile_races },
};

static u32 number(const char *text)
{
	u32 v = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		v = v * 10 + (u32)(*text - '0');
	return v;
}

static void run(const char *name)
{
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		if (strcmp(name, cases[i].name) != 0)
			continue;
		guest_print("case %s\r\n", name);
		cases[i].run();
		hostile_recover(name);
		return;
	}
	guest_fail(name, "there is no such case");
}

void guest_main(void)
{
	const char *pos = (const char *)guest_start_info->cmdline;
	char word[32];

	hostile_vps = team_begin();
	bus_begin();
	team_run(bus_vp_begin);
	hostile_memory = (u8 *)guest_ram(HOSTILE_PAGES * PAGE_SIZE, PAGE_SIZE);
	while (cmdline_next(&pos, word, sizeof(word))) {
		if (strcmp(word, "hold") == 0)
			hostile_hold = true;
		else if (strncmp(word, "count=", 6) == 0)
			hostile_count = number(word + 6);
		else
			run(word);
	}
}
