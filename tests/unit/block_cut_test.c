/* SPDX-License-Identifier: MIT */
/*
 * Cutting: random limits and lists against a model that walks in the smallest steps
 * there are, so that the list is the longest and the shortest that the device can take.
 * sources: rootpart/block/block_cut.c
 * cflags: -iquote tests/unit/fake/root
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rootpart/block/block_cut.h"

#define ROUNDS 8000u

u64 fake_direct_base;

static struct block_segment list[BLOCK_SEGMENTS_MAX], got[2400], want[2400];
static u32 count;

static u64 pick(u64 n)
{
	return ((u64)rand() << 20 ^ (u64)rand()) % n;
}

#define ONE_OF(...)                                                     \
	({                                                              \
		static const u64 choices_[] = { __VA_ARGS__ };          \
		choices_[pick(sizeof(choices_) / sizeof(choices_[0]))]; \
	})

static struct block_limits random_limits(void)
{
	struct block_limits l = { .sector_size = (u32)ONE_OF(512, 512, 2048, 4096) };

	l.sectors = 1 << 20;
	l.align = (u32)ONE_OF(1, 1, 2, 4, 4, 512);
	l.page_list = pick(2);
	l.max_bytes = l.sector_size * (u32)ONE_OF(1, 2, 16, 256, 1024);
	l.max_segments = (u32)ONE_OF(1, 2, 3, 17, 254, 1024);
	l.max_segment = (u32)ONE_OF(0, 0, 4096, 8192, 65536);
	l.boundary = ONE_OF(0, 0, 4096, 65536, 1 << 20);
	l.address_mask = ONE_OF(~0ull, ~0ull, 0xffffffff, 0xffffffffff);
	return l;
}

/* Lengths and places as they come: pages, odd bytes, runs that go on, high memory. */
static u64 random_list(const struct block_limits *l)
{
	u64 bytes = l->sector_size * (1 + pick(ONE_OF(1, 8, 64, 128))), left = bytes, a = 0;
	bool odd = pick(2);

	for (count = 0; left > 0; count++) {
		u64 len = ONE_OF(1, 3, 100, 508, 512, 1024, 4096, 4096, 65536);

		if (!odd)
			len = ALIGN_UP(len, 512);
		if (pick(3) > 0)
			a = ONE_OF(0x100000, 0xfffff000, 0x100000000, 0x7fffff8000) +
			    pick(16) * 4096 + (odd ? pick(4096) : pick(8) * 512);
		len = count == BLOCK_SEGMENTS_MAX - 1 ? left : MIN(len, left);
		list[count] = (struct block_segment){ GPA(a), (u32)len };
		a += len;
		left -= len;
	}
	return bytes;
}

/* True if the run at @a joins the last segment of the model's. */
static bool joins(const struct block_limits *l, u32 n, u64 a)
{
	const struct block_segment *s = &want[n > 0 ? n - 1 : 0];
	u64 first = s->gpa.a, room = l->max_segment;

	if (n == 0 || first + s->len != a)
		return false;
	if (l->boundary != 0 && first / l->boundary != a / l->boundary)
		return false;
	if (l->page_list)
		room -= first % PAGE_SIZE;
	return l->max_segment == 0 || s->len < room;
}

static bool may_begin(const struct block_limits *l, u32 n, u64 a)
{
	if (n == l->max_segments)
		return false;
	return !l->page_list || n == 0 ||
	       (a % PAGE_SIZE == 0 && (want[n - 1].gpa.a + want[n - 1].len) % PAGE_SIZE == 0);
}

/* The longest that can go; its list in want[0..*n). */
static u64 model(const struct block_limits *l, struct block_cursor at, u64 left, u32 *n)
{
	u64 done = 0, best = 0;
	u32 step = l->align;

	*n = 0;
	left = MIN(left, l->max_bytes);
	while (done < left) {
		const struct block_segment *s = &list[at.segment];
		u64 a = s->gpa.a + at.offset;

		if (a % step != 0 || s->len - at.offset < step || a + step - 1 > l->address_mask)
			break;
		if (joins(l, *n, a))
			want[*n - 1].len += step;
		else if (may_begin(l, *n, a))
			want[(*n)++] = (struct block_segment){ GPA(a), step };
		else
			break;
		done += step;
		at.offset += step;
		if (at.offset == s->len)
			at = (struct block_cursor){ at.segment + 1, 0 };
		if (done % l->sector_size == 0)
			best = done;
	}
	/* What is no whole sector goes back. */
	for (done -= best; done > 0; done -= step) {
		want[*n - 1].len -= step;
		*n -= want[*n - 1].len == 0;
	}
	return best;
}

static void check_lists(u32 n, const struct block_cut *cut)
{
	assert_int_equal(cut->count, n);
	for (u32 i = 0; i < n; i++) {
		assert_int_equal(got[i].gpa.a, want[i].gpa.a);
		assert_int_equal(got[i].len, want[i].len);
	}
}

/* At least a sector, within the block, and as the limits say. */
static void check_bounce(const struct block_limits *l, u64 bytes, const struct block_cut *cut)
{
	u64 a = 0x200000;

	assert_true(bytes >= l->sector_size && bytes <= MIN(BLOCK_BOUNCE_SIZE, l->max_bytes));
	assert_true(bytes % l->sector_size == 0 && cut->count <= l->max_segments);
	for (u32 i = 0; i < cut->count; i++) {
		assert_int_equal(got[i].gpa.a, a);
		a += got[i].len;
		assert_true(l->max_segment == 0 || got[i].len <= l->max_segment);
		assert_true(!l->page_list || i + 1 == cut->count || a % PAGE_SIZE == 0);
		assert_true(
			l->boundary == 0 || got[i].gpa.a / l->boundary == (a - 1) / l->boundary);
	}
	assert_int_equal(a - 0x200000, bytes);
}

static void whole_request(const struct block_limits *l, u64 bytes)
{
	struct block_cursor at = { 0, 0 };

	while (bytes > 0) {
		struct block_cut cut = { .out = got };
		u64 n = block_cut_direct(l, list, at, bytes, &cut);
		u32 segments;

		assert_int_equal(n, model(l, at, bytes, &segments));
		check_lists(segments, &cut);
		if (n == 0) {
			n = block_cut_bounce(l, list, at, bytes, GPA(0x200000), &cut);
			check_bounce(l, n, &cut);
		}
		block_cursor_move(list, &at, n);
		bytes -= n;
	}
	assert_int_equal(at.segment, count);
	assert_int_equal(at.offset, 0);
}

static void random_requests(void **state)
{
	u32 made = 0;

	(void)state;
	srand(11);
	while (made < ROUNDS) {
		struct block_limits l = random_limits();
		u64 bytes = random_list(&l);

		if (!block_limits_check(&l))
			continue;
		whole_request(&l, bytes);
		made++;
	}
}

/* What a device can do at once goes at once. */
static void one_piece(void **state)
{
	const struct block_limits nvme = { .sector_size = 512,
		.sectors = 1 << 20,
		.max_bytes = 512 * KIB,
		.max_segments = 129,
		.address_mask = ~0ull,
		.align = 4,
		.page_list = true };
	struct block_cut cut = { .out = got };

	(void)state;
	list[0] = (struct block_segment){ GPA(0x10e00), 512 };
	for (u32 i = 1; i < 129; i++)
		list[i] = (struct block_segment){ GPA(0x20000 + i * 0x3000), 4096 };
	list[129] = (struct block_segment){ GPA(0x8000), 512 };
	assert_int_equal(block_cut_direct(&nvme, list, (struct block_cursor){ 0, 0 },
				 512 * KIB + 1024, &cut),
		512 * KIB);
	assert_int_equal(cut.count, 129);
	assert_int_equal(got[128].len, 3584);
}

/* Where the list becomes good again the bounce ends. */
static void short_bounce(void **state)
{
	const struct block_limits l = { .sector_size = 512,
		.sectors = 1 << 20,
		.max_bytes = MIB,
		.max_segments = 257,
		.address_mask = ~0ull,
		.align = 512 };
	struct block_cut cut = { .out = got };

	(void)state;
	list[0] = (struct block_segment){ GPA(0x10003), 512 };
	list[1] = (struct block_segment){ GPA(0x20000), 65536 };
	assert_int_equal(block_cut_bounce(&l, list, (struct block_cursor){ 0, 0 }, 66048,
				 GPA(0x200000), &cut),
		512);
}

static void limits(void **state)
{
	const struct block_limits good = { .sector_size = 512,
		.sectors = 100,
		.max_bytes = 4096,
		.max_segments = 1,
		.address_mask = 0xffffffff,
		.align = 1 };
	struct block_limits l;

	(void)state;
	assert_true(block_limits_check(&good));
#define BAD(field, value)                             \
	do {                                          \
		l = good;                             \
		l.field = value;                      \
		assert_false(block_limits_check(&l)); \
	} while (0)
	BAD(sector_size, 0);
	BAD(sector_size, 520);
	BAD(sector_size, 8192);
	BAD(sectors, ~0ull / 512 + 1);
	BAD(max_bytes, 0);
	BAD(max_bytes, 700);
	BAD(max_segments, 0);
	BAD(max_segment, 256);
	BAD(boundary, 2048);
	BAD(boundary, 65537);
	BAD(address_mask, 0);
	BAD(address_mask, 0xffffff);
	BAD(address_mask, 0xfffffffffffff000);
	BAD(align, 0);
	BAD(align, 3);
	BAD(align, 1024);
	BAD(max_discard, 100);
	l = good;
	l.page_list = true;
	l.max_segment = 512;
	assert_false(block_limits_check(&l));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_requests),
		cmocka_unit_test(one_piece),
		cmocka_unit_test(short_bounce),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
