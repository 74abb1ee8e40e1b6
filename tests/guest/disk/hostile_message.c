/* SPDX-License-Identifier: MIT */
/*
 * Messages and signals that lead nowhere, mean nothing, or are too many.
 */
#include "lib/string.h"
#include "tests/guest/disk/hostile.h"
#include "tests/guest/disk/pattern.h"
#include "tests/guest/lib/guest.h"
#include "x86/atomic.h"

#define OF_VP(vp)  (((vp) + 1) << 24) /* numbers of GPADLs that a VP asks for */
#define GPADLS     8u
#define FUZZ_GPADL 0x9000u
#define FLAG(n)    ((u64)(n) << 32)

static enum hv_status post_to(u32 connection, u32 type, u32 size)
{
	static const u8 nothing[VMBUS_MESSAGE_MAX + 16];

	return hv_bus_post(&bus_vps[0], connection, type, nothing, size);
}

static enum hv_status signal(u64 what)
{
	return HV_RESULT_STATUS(guest_hypercall(HV_CALL_SIGNAL_EVENT | HV_CONTROL_FAST, what, 0));
}

/* ---- connections ---- */

/* None of them is there: neither for messages nor for signals. */
static const u32 unknown[] = { 5, 6, 0xfff, 0x10fff, 0x20001, 0xfffffe, 0xffffff, 0x1000001,
	0xffffffff, 0 };

static void check_unknown(void)
{
	u32 posts = 0, signals = 0;

	for (u32 i = 0; i < ARRAY_SIZE(unknown); i++) {
		posts += post_to(unknown[i], 1, 8) == HV_STATUS_INVALID_CONNECTION_ID;
		signals += signal(unknown[i]) == HV_STATUS_INVALID_CONNECTION_ID;
	}
	guest_check(posts == ARRAY_SIZE(unknown), "connections-post", "%u", posts);
	guest_check(signals == ARRAY_SIZE(unknown), "connections-signal", "%u", signals);
}

/* Of the other kind, with another flag, too long, or of a type that is not the guest's to send. */
static void check_wrong(void)
{
	u32 channel = bus_disks[0].channel.connection;

	guest_check(post_to(channel, 1, 8) != HV_STATUS_SUCCESS, "connections-post-to-channel");
	guest_check(signal(VMBUS_CONNECTION_MESSAGE) != HV_STATUS_SUCCESS,
		"connections-signal-to-messages");
	guest_check(signal(channel | FLAG(1)) != HV_STATUS_SUCCESS &&
			    signal(channel | FLAG(2047)) != HV_STATUS_SUCCESS &&
			    signal(channel | FLAG(0xffff)) != HV_STATUS_SUCCESS,
		"connections-flag");
	guest_check(post_to(VMBUS_CONNECTION_MESSAGE, 1, VMBUS_MESSAGE_MAX + 1) ==
			    HV_STATUS_INVALID_PARAMETER,
		"connections-long");
	guest_check(post_to(VMBUS_CONNECTION_MESSAGE, 0, 8) == HV_STATUS_INVALID_PARAMETER &&
			    post_to(VMBUS_CONNECTION_MESSAGE, 0x80000000, 8) ==
				    HV_STATUS_INVALID_PARAMETER,
		"connections-type");
}

void hostile_connections(void)
{
	u32 channel;

	if (!hostile_open())
		return;
	check_unknown();
	check_wrong();
	channel = bus_disks[0].channel.connection;
	guest_check(signal(channel) == HV_STATUS_SUCCESS, "connections-open");
	bus_close_disks();
	guest_check(signal(channel) == HV_STATUS_INVALID_CONNECTION_ID, "connections-closed");
	vmbus_client_unload(&bus_client);
	guest_check(signal(channel) == HV_STATUS_INVALID_CONNECTION_ID, "connections-unloaded");
}

/* ---- messages that mean nothing ---- */

static bool post_words(u32 type, u32 a, u32 b, u32 size)
{
	u32 words[VMBUS_MESSAGE_MAX / 4] = { type, 0, a, b };

	return hostile_post(words, size);
}

/* None of them has an answer. */
static void check_types(void)
{
	static const u32 types[] = { 0, 1, 2, 4, 6, 10, 12, 15, 17, 18, 19, 20, 21, 23, 24, 25, 26,
		99, 0x7fffffff, 0x80000000, 0xffffffff };
	u32 posted = 0;

	for (u32 i = 0; i < ARRAY_SIZE(types); i++)
		posted += post_words(types[i], 1, 1, VMBUS_MESSAGE_MAX) &&
			  post_words(types[i], 1, 1, 8);
	guest_check(
		posted == ARRAY_SIZE(types) && hostile_is_quiet(), "messages-types", "%u", posted);
}

/* Each is shorter than its kind. */
static void check_short(void)
{
	static const struct {
		u8 type, size;
	} cut[] = { { VMBUS_REQUEST_OFFERS, 7 }, { VMBUS_OPEN_CHANNEL, 147 },
		{ VMBUS_CLOSE_CHANNEL, 11 }, { VMBUS_GPADL_HEADER, 27 }, { VMBUS_GPADL_BODY, 15 },
		{ VMBUS_GPADL_TEARDOWN, 15 }, { VMBUS_RELID_RELEASED, 11 },
		{ VMBUS_INITIATE_CONTACT, 39 }, { VMBUS_UNLOAD, 7 }, { VMBUS_MODIFY_CHANNEL, 15 },
		{ VMBUS_UNLOAD, 0 }, { VMBUS_UNLOAD, 4 } };
	u32 posted = 0;

	for (u32 i = 0; i < ARRAY_SIZE(cut); i++)
		posted += post_words(cut[i].type, 1, 1, cut[i].size);
	guest_check(
		posted == ARRAY_SIZE(cut) && hostile_is_quiet(), "messages-short", "%u", posted);
}

static bool modifies(u32 relid, u32 vp, bool well)
{
	union hostile_message m;

	return post_words(VMBUS_MODIFY_CHANNEL, relid, vp, sizeof(struct vmbus_modify)) &&
	       hostile_expect(&m, VMBUS_MODIFY_RESPONSE) && m.modified.relid == relid &&
	       (m.modified.status == 0) == well;
}

static void check_state(void)
{
	u32 relid = bus_disks[0].channel.relid;

	guest_check(post_words(VMBUS_REQUEST_OFFERS, 0, 0, 8) && hostile_is_quiet(),
		"messages-offers-twice");
	guest_check(post_words(VMBUS_CLOSE_CHANNEL, 0, 0, 12) &&
			    post_words(VMBUS_CLOSE_CHANNEL, relid + 1, 0, 12) &&
			    post_words(VMBUS_CLOSE_CHANNEL, ~0u, 0, 12) &&
			    post_words(VMBUS_RELID_RELEASED, relid, 0, 12) &&
			    post_words(VMBUS_RELID_RELEASED, ~0u, 0, 12) && hostile_is_quiet(),
		"messages-nobody");
	if (bus_client.version < VMBUS_VERSION_5_3)
		return;
	guest_check(modifies(relid, 64, false) && modifies(relid, ~0u, false) &&
			    modifies(relid + 1, 0, false) && modifies(~0u, 0, false) &&
			    modifies(relid, 0, true),
		"messages-modify");
}

/* A version that nobody knows; then nothing is answered but the next contact. */
static void check_contact(void)
{
	static const u32 versions[] = { 0, 1, 0x00050004, 0x7fffffff, 0xffffffff };
	union hostile_message m;
	u32 refused = 0;

	for (u32 i = 0; i < ARRAY_SIZE(versions); i++)
		refused += post_words(VMBUS_INITIATE_CONTACT, versions[i], 64,
				   sizeof(struct vmbus_contact)) &&
			   hostile_expect(&m, VMBUS_VERSION_RESPONSE) && !m.version.supported;
	guest_check(refused == ARRAY_SIZE(versions), "messages-versions", "%u", refused);
	guest_check(post_words(VMBUS_REQUEST_OFFERS, 0, 0, 8) &&
			    post_words(VMBUS_GPADL_TEARDOWN, 1, 1, 16) &&
			    post_words(VMBUS_OPEN_CHANNEL, 1, 1, 148) &&
			    post_words(VMBUS_INITIATE_CONTACT, VMBUS_VERSION_5_0, 0,
				    sizeof(struct vmbus_contact)) &&
			    hostile_expect(&m, VMBUS_VERSION_RESPONSE) && m.version.supported,
		"messages-unconnected");
}

void hostile_messages(void)
{
	if (!hostile_open())
		return;
	check_types();
	check_short();
	check_state();
	bus_close_disks();
	check_contact();
}

/* ---- any messages ---- */

/* Its first page's word; a body has its list sooner. */
static u32 put_pages(u32 *words, u32 first, u32 pages, u64 *state)
{
	for (u32 i = 0; i < pages; i++)
		words[first + 2 * i] =
			(u32)(bus_gpa(hostile_memory) / 4096) + pattern_any(state, HOSTILE_PAGES);
	return 4 * first + 8 * pages;
}

/* Of numbers and pages that may be right; its size. */
static u32 any_message(u32 *words, u64 *state)
{
	static const u8 types[] = { VMBUS_OPEN_CHANNEL, VMBUS_CLOSE_CHANNEL, VMBUS_GPADL_HEADER,
		VMBUS_GPADL_HEADER, VMBUS_GPADL_BODY, VMBUS_GPADL_TEARDOWN, VMBUS_RELID_RELEASED,
		VMBUS_MODIFY_CHANNEL, VMBUS_REQUEST_OFFERS };
	u32 pages = 2 + pattern_any(state, 12);

	memset(words, 0, VMBUS_MESSAGE_MAX);
	words[0] = types[pattern_any(state, sizeof(types))];
	/* Seldom everything at once. */
	if (pattern_any(state, 64) == 0)
		words[0] = pattern_any(state, 8) ? VMBUS_INITIATE_CONTACT : VMBUS_UNLOAD;
	words[2] = pattern_any(state, 4);
	words[3] = FUZZ_GPADL + pattern_any(state, GPADLS);
	switch (words[0]) {
	case VMBUS_OPEN_CHANNEL:
		words[4] = FUZZ_GPADL + pattern_any(state, GPADLS);
		words[5] = pattern_any(state, 3);
		words[6] = pattern_any(state, 8);
		break;
	case VMBUS_INITIATE_CONTACT:
		words[2] = VMBUS_VERSION_5_3;
		words[3] = 0;
		break;
	case VMBUS_GPADL_HEADER:
		words[4] = 1u << 16 | (8 + 8 * pages);
		words[5] = pages * 4096;
		return put_pages(words, 7, pattern_any(state, 4) ? pages : pages / 2, state);
	case VMBUS_GPADL_BODY:
		return put_pages(words, 4, 1 + pages / 2, state);
	default:
		break;
	}
	return VMBUS_MESSAGE_MAX;
}

/* What came is thrown away. */
static void take_all(void)
{
	union hostile_message m;
	u32 size;

	while (hv_bus_take_message(&bus_vps[0], &m, &size))
		;
}

void hostile_fuzz(void)
{
	static u64 state = 5;
	u32 words[VMBUS_MESSAGE_MAX / 4], posted = 0;

	if (!hostile_connect())
		return;
	memset(hostile_memory, 0, HOSTILE_PAGES * 4096ul);
	for (u32 i = 0; i < hostile_count; i++) {
		u32 size = any_message(words, &state);

		posted += hostile_post(words, size);
		if (pattern_any(&state, 4) == 0)
			take_all();
		/* What is shared is full of whatever there is. */
		if (pattern_any(&state, 8) == 0)
			hostile_memory[pattern_any(&state, HOSTILE_PAGES * 4096)] = (u8)state;
		(void)signal(0x10000 + pattern_any(&state, 4));
	}
	guest_check(posted == hostile_count, "fuzz", "%u", posted);
}

/* ---- too many ---- */

static u32 accepted[TEAM_MAX], refused[TEAM_MAX], wrong[TEAM_MAX];

/* A job of the team's: each would have an answer, and is numbered. */
static void flood(u32 vp)
{
	struct vmbus_gpadl_teardown m = { { .type = VMBUS_GPADL_TEARDOWN }, 0, OF_VP(vp) };

	accepted[vp] = refused[vp] = 0;
	for (u32 i = 0; i < hostile_count; i++) {
		enum hv_status status = hv_bus_post(
			&bus_vps[vp], VMBUS_CONNECTION_MESSAGE, VMBUS_MESSAGE_TYPE, &m, sizeof(m));

		accepted[vp] += status == HV_STATUS_SUCCESS;
		m.gpadl += status == HV_STATUS_SUCCESS;
		refused[vp] += hostile_is_later(status);
	}
	wrong[vp] = hostile_count - accepted[vp] - refused[vp];
}

/* All that were accepted have their answers, in order for each VP. */
static u32 take_answers(u32 count)
{
	u32 next[TEAM_MAX];
	union hostile_message m;
	u32 n = 0;

	for (u32 vp = 0; vp < TEAM_MAX; vp++)
		next[vp] = OF_VP(vp);
	for (; n < count && hostile_expect(&m, VMBUS_GPADL_TORNDOWN); n++) {
		u32 vp = (m.torndown.gpadl >> 24) - 1;

		if (vp >= TEAM_MAX || m.torndown.gpadl != next[vp]++)
			break;
	}
	return n;
}

void hostile_posts(void)
{
	u32 all = 0, later = 0, bad = 0, got;

	if (!hostile_connect())
		return;
	team_run(flood);
	for (u32 vp = 0; vp < hostile_vps; vp++) {
		all += accepted[vp];
		later += refused[vp];
		bad += wrong[vp];
	}
	guest_print("posts: %u accepted, %u refused\r\n", all, later);
	hostile_wait_for_key("posts");
	/* What waits for a guest that does not read is bounded. */
	guest_check(bad == 0 && later > 0 && all < 1000, "posts", "%u %u", all, bad);
	got = take_answers(all);
	guest_check(got == all && hostile_is_quiet(), "posts-answers", "%u of %u", got, all);
}

/* A job of the team's. */
static void flood_signals(u32 vp)
{
	u32 channel = bus_disks[0].channel.connection;

	accepted[vp] = refused[vp] = 0;
	for (u32 i = 0; i < hostile_count; i++) {
		accepted[vp] += hv_bus_signal(&bus_vps[vp], channel) == HV_STATUS_SUCCESS;
		refused[vp] +=
			hv_bus_signal(&bus_vps[vp], 0x1ffff) == HV_STATUS_INVALID_CONNECTION_ID;
	}
}

void hostile_signals(void)
{
	u32 all = 0, none = 0;
	const struct storvsc_disk *d;

	if (!hostile_open())
		return;
	team_run(flood_signals);
	for (u32 vp = 0; vp < hostile_vps; vp++) {
		all += accepted[vp];
		none += refused[vp];
	}
	guest_check(
		all == hostile_vps * hostile_count && none == all, "signals", "%u %u", all, none);
	hostile_wait_for_key("signals");
	/* The channel is none the worse for it. */
	d = hostile_disk();
	guest_check(d != NULL && storvsc_read(&bus_disks[0], hostile_lun(), d, 0, hostile_memory,
					 8) == 0,
		"signals-channel");
	bus_close_disks();
}
