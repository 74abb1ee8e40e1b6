/* SPDX-License-Identifier: MIT */
/*
 * Memory that is told wrongly, twice, in parts or not at all, and channels that are to be opened with it.
 */
#include "lib/string.h"
#include "tests/guest/disk/hostile.h"
#include "tests/guest/lib/guest.h"

#define IN_HEADER 26u
#define IN_BODY   28u
#define FIRST     0x5000u /* numbers */
#define MANY      1200u   /* more than a guest may have */
#define LONG      64u     /* pages of one that takes a header and two bodies */

/* A header as it should be, of @pages pages from hostile_memory on. */
struct told {
	u32 relid, gpadl;
	u16 range_bytes, range_count;
	u32 bytes, offset;
	u64 pfns[IN_HEADER];
	u32 count; /* of them in the message */
	u32 size;  /* of the message; 0: as it should be */
};

static u32 relid; /* of the controller */
static u32 next = FIRST;

static u64 page(u32 i)
{
	return bus_gpa(hostile_memory) / 4096 + i % HOSTILE_PAGES;
}

static struct told good(u32 pages)
{
	struct told t = { .relid = relid,
		.gpadl = ++next,
		.range_bytes = (u16)(8 + 8 * pages),
		.range_count = 1,
		.bytes = pages * 4096,
		.count = MIN(pages, IN_HEADER) };

	for (u32 i = 0; i < t.count; i++)
		t.pfns[i] = page(i);
	return t;
}

static bool tell(const struct told *t)
{
	u64 words[VMBUS_MESSAGE_MAX / 8] = { 0 };
	struct vmbus_gpadl_header h = { .header.type = VMBUS_GPADL_HEADER,
		.relid = t->relid,
		.gpadl = t->gpadl,
		.range_bytes = t->range_bytes,
		.range_count = t->range_count,
		.byte_count = t->bytes,
		.byte_offset = t->offset };

	memcpy(words, &h, sizeof(h));
	memcpy((u8 *)words + sizeof(h), t->pfns, 8ul * t->count);
	return hostile_post(words, t->size != 0 ? t->size : (u32)sizeof(h) + 8 * t->count);
}

static bool tell_more(u32 gpadl, u32 first, u32 count)
{
	u64 words[VMBUS_MESSAGE_MAX / 8] = { 0 };
	const struct vmbus_gpadl_body b = { .header.type = VMBUS_GPADL_BODY, .gpadl = gpadl };

	memcpy(words, &b, sizeof(b));
	for (u32 i = 0; i < count; i++)
		words[2 + i] = page(first + i);
	return hostile_post(words, (u32)sizeof(b) + 8 * count);
}

/* The answer is for @gpadl, and is good or not. */
static bool answered(u32 gpadl, bool well)
{
	union hostile_message m;

	return hostile_expect(&m, VMBUS_GPADL_CREATED) && m.created.gpadl == gpadl &&
	       (m.created.status == 0) == well;
}

static bool refused(const struct told *t)
{
	return tell(t) && answered(t->gpadl, false);
}

static bool taken(const struct told *t)
{
	return tell(t) && answered(t->gpadl, true);
}

static bool post_teardown(u32 gpadl)
{
	const struct vmbus_gpadl_teardown m = { { .type = VMBUS_GPADL_TEARDOWN }, relid, gpadl };

	return hostile_post(&m, sizeof(m));
}

static bool torn_down(u32 gpadl)
{
	union hostile_message m;

	return hostile_expect(&m, VMBUS_GPADL_TORNDOWN) && m.torndown.gpadl == gpadl;
}

static bool tear_down(u32 gpadl)
{
	return post_teardown(gpadl) && torn_down(gpadl);
}

/* Connected, and nothing open. */
static bool begin(void)
{
	if (!hostile_open())
		return false;
	relid = bus_disks[0].channel.relid;
	bus_close_disks();
	return true;
}

/* ---- numbers ---- */

static void check_twice(void)
{
	struct told t = good(1);

	guest_check(
		taken(&t) && refused(&t) && tear_down(t.gpadl) && taken(&t) && tear_down(t.gpadl),
		"gpadl-twice");
	/* One that was begun has its number, too, until it is whole. */
	t = good(LONG);
	guest_check(tell(&t) && hostile_is_quiet() && refused(&t) &&
			    tell_more(t.gpadl, IN_HEADER, IN_BODY) && hostile_is_quiet() &&
			    tell_more(t.gpadl, IN_HEADER + IN_BODY, LONG - IN_HEADER - IN_BODY) &&
			    answered(t.gpadl, true) && tear_down(t.gpadl),
		"gpadl-begun-twice");
	t = good(1);
	t.relid = relid + 1;
	guest_check(refused(&t), "gpadl-nobody's");
	t.relid = 0;
	guest_check(refused(&t), "gpadl-the-bus's");
}

static void check_bodies(void)
{
	struct told t = good(LONG);

	guest_check(tell_more(t.gpadl, 0, 1) && hostile_is_quiet(), "gpadl-body-alone");
	guest_check(tell(&t) && tell_more(t.gpadl, 0, 0) && answered(t.gpadl, false),
		"gpadl-body-empty");
	t = good(IN_HEADER + 1);
	guest_check(tell(&t) && tell_more(t.gpadl, 0, 2) && answered(t.gpadl, false),
		"gpadl-body-long");
	/* It is not there any more, and its number is free. */
	guest_check(tell_more(t.gpadl, 0, 1) && hostile_is_quiet() && tell(&t) &&
			    tell_more(t.gpadl, 0, 1) && answered(t.gpadl, true) &&
			    tear_down(t.gpadl),
		"gpadl-again");
	/* The body never comes. */
	t = good(LONG);
	guest_check(tell(&t) && hostile_is_quiet(), "gpadl-unfinished");
}

static void check_sizes(void)
{
	struct told t;

	t = good(1), t.range_count = 0;
	guest_check(refused(&t), "gpadl-no-range");
	t = good(1), t.range_count = 2;
	guest_check(refused(&t), "gpadl-two-ranges");
	t = good(1), t.bytes = 0;
	guest_check(refused(&t), "gpadl-no-bytes");
	t = good(1), t.bytes = 0xffffffff;
	guest_check(refused(&t), "gpadl-many-bytes");
	t = good(1), t.range_bytes = 8;
	guest_check(refused(&t), "gpadl-no-pages");
	t = good(1), t.range_bytes = 17;
	guest_check(refused(&t), "gpadl-odd");
	t = good(1), t.offset = 4096;
	guest_check(refused(&t), "gpadl-offset");
	t = good(1), t.offset = 0xfffff000, t.bytes = 0x2000;
	guest_check(refused(&t), "gpadl-wraps");
	t = good(1), t.count = 2;
	guest_check(refused(&t), "gpadl-more-than-said");
	/* Less than a header is no message. */
	t = good(1), t.size = 27;
	guest_check(tell(&t) && hostile_is_quiet(), "gpadl-short");
}

static void check_pages(void)
{
	static const u64 foreign[] = { 0xfee00, 0xfec00, 0xd0000, 0x100000, 1ull << 36, 1ull << 40,
		1ull << 52, 1ull << 63, ~0ull, ~0ull >> 12 };
	u32 count = 0;

	for (u32 i = 0; i < ARRAY_SIZE(foreign); i++) {
		struct told t = good(3);

		t.pfns[1 + i % 2] = foreign[i];
		count += refused(&t);
	}
	guest_check(count == ARRAY_SIZE(foreign), "gpadl-foreign", "%u", count);
}

void hostile_gpadls(void)
{
	if (!begin())
		return;
	check_twice();
	check_bodies();
	check_sizes();
	check_pages();
}

/* As many as there may be; whole ones and some that are never finished. */
void hostile_many_gpadls(void)
{
	u32 made = 0, begun = 0, gone = 0, first = next + 1;

	if (!begin())
		return;
	for (u32 i = 0; i < MANY; i++) {
		struct told t = good(i % 8 == 4 ? LONG : 1);

		if (t.bytes == 4096)
			made += taken(&t);
		else if (made + begun == i)
			begun += tell(&t);
	}
	guest_print("%u made, %u begun\r\n", made, begun);
	guest_check(begun > 0 && made > 0 && made < MANY - MANY / 8, "gpadl-limit", "%u", made);
	for (u32 id = first; id <= next; id++)
		gone += tear_down(id);
	guest_check(gone == MANY, "gpadl-limit-gone", "%u", gone);
}

/* ---- opening ---- */

static bool post_open(u32 to, u32 gpadl, u32 vp, u32 downstream)
{
	const struct vmbus_open m = { .header.type = VMBUS_OPEN_CHANNEL,
		.relid = to,
		.open_id = to,
		.gpadl = gpadl,
		.vp = vp,
		.downstream = downstream };

	return hostile_post(&m, sizeof(m));
}

static bool opens(u32 to, u32 gpadl, u32 vp, u32 downstream, bool well)
{
	union hostile_message m;

	return post_open(to, gpadl, vp, downstream) && hostile_expect(&m, VMBUS_OPEN_RESULT) &&
	       m.opened.relid == to && (m.opened.status == 0) == well;
}

static bool post_relid(u32 type, u32 to)
{
	const struct vmbus_relid m = { { .type = type }, to };

	return hostile_post(&m, sizeof(m));
}

static struct vmbus_ring_control *control(u32 of_page)
{
	return (struct vmbus_ring_control *)(void *)(hostile_memory + of_page * 4096ul);
}

/* Rings that are not empty, or not at a place that there is, when they are opened. */
static void check_rings(u32 gpadl)
{
	static const u32 pairs[][2] = { { 8, 0 }, { 0, 8 }, { 4, 4 }, { 0x3000, 0x3000 },
		{ 0xfffffff8, 0xfffffff8 }, { 0xffffffff, 0xffffffff } };
	u32 count = 0;

	for (u32 i = 0; i < 2 * ARRAY_SIZE(pairs); i++) {
		struct vmbus_ring_control *c = control(i % 2 ? 4 : 0);

		c->write = pairs[i / 2][0];
		c->read = pairs[i / 2][1];
		count += opens(relid, gpadl, 0, 4, false);
		c->write = c->read = 0;
	}
	guest_check(count == 2 * ARRAY_SIZE(pairs), "open-rings", "%u", count);
}

void hostile_opens(void)
{
	static const u32 places[] = { 0, 1, 7, 8, 9, 0x80000000, 0xffffffff };
	struct told t, odd;
	u32 count = 0;

	if (!begin())
		return;
	memset(hostile_memory, 0, HOSTILE_PAGES * 4096ul);
	t = good(8);
	odd = good(8);
	odd.offset = 512;
	odd.bytes -= 1024;
	if (!taken(&t) || !taken(&odd)) {
		guest_fail("open", "no GPADL");
		return;
	}
	for (u32 i = 0; i < ARRAY_SIZE(places); i++)
		count += opens(relid, t.gpadl, 0, places[i], false);
	guest_check(count == ARRAY_SIZE(places), "open-places", "%u", count);
	guest_check(opens(relid, odd.gpadl, 0, 4, false), "open-offset");
	guest_check(opens(relid, t.gpadl + 77, 0, 4, false), "open-no-gpadl");
	guest_check(opens(relid, t.gpadl, 64, 4, false) && opens(relid, t.gpadl, ~0u - 1, 4, false),
		"open-no-vp");
	guest_check(opens(relid + 1, t.gpadl, 0, 4, false) && opens(0, t.gpadl, 0, 4, false) &&
			    opens(~0u, t.gpadl, 0, 4, false),
		"open-nobody");
	check_rings(t.gpadl);
	guest_check(opens(relid, t.gpadl, VMBUS_NO_VP, 4, true), "open");
	guest_check(opens(relid, t.gpadl, 0, 4, false), "open-twice");
	/* What is in use is torn down when it is not any more. */
	guest_check(post_teardown(t.gpadl) && hostile_is_quiet(), "open-teardown");
	guest_check(post_relid(VMBUS_CLOSE_CHANNEL, relid) && torn_down(t.gpadl), "open-close");
	guest_check(
		post_relid(VMBUS_CLOSE_CHANNEL, relid) && hostile_is_quiet(), "open-close-twice");
	guest_check(post_relid(VMBUS_RELID_RELEASED, relid) && hostile_is_quiet() &&
			    tear_down(odd.gpadl),
		"open-released");
}

/* Both rings in the same few pages, several times over, and a second list of the same. */
void hostile_overlap(void)
{
	struct told t, same;
	u64 *word = (u64 *)(void *)hostile_memory;

	if (!begin())
		return;
	memset(hostile_memory, 0, HOSTILE_PAGES * 4096ul);
	t = good(8);
	for (u32 i = 0; i < t.count; i++)
		t.pfns[i] = page(i % 2);
	same = t;
	same.gpadl = ++next;
	if (!taken(&t) || !taken(&same) || !opens(relid, t.gpadl, 0, 4, true)) {
		guest_fail("overlap", "it was refused");
		return;
	}
	/* Whatever is written there is a packet, an index and an answer at once. */
	for (u32 i = 0; i < 1000; i++) {
		u32 at = i * 40503u % 1024;

		WRITE_ONCE(word[at], (u64)i << 32 | 0x000b000200060000ull >> (i % 3) * 16);
		WRITE_ONCE(control(0)->write, i % 2000 * 8);
		(void)hv_bus_signal(&bus_vps[0], VMBUS_CONNECTION_EVENT);
		(void)hv_bus_signal(&bus_vps[0], bus_disks[0].channel.connection);
	}
	guest_check(post_relid(VMBUS_CLOSE_CHANNEL, relid) && tear_down(t.gpadl) &&
			    tear_down(same.gpadl),
		"overlap");
}
