/* SPDX-License-Identifier: MIT */
/*
 * A disk for tests of the block layer that does what it was asked for when, as often
 * and as badly as the test wants. What its driver is given is checked against its limits.
 * Included by one source of a program.
 */
#pragma once

#include "tests/unit/block_world.h"

#define SECTORS_MAX 8192u
#define DISK_MAX    (4 * MIB)
#define PIECES_MAX  64u

/* The disk: its medium, and what is under way. */
struct fake_piece {
	u32 queue;
	struct block_piece piece; /* segments: own */
	struct block_segment segments[BLOCK_SEGMENTS_MAX];
};

static struct block_device disk;
static u8 medium[DISK_MAX];
static u32 cached; /* writes that no flush has covered */
static struct fake_piece under_way[PIECES_MAX];
static u32 under_way_count;
static u32 started, kicks, recoveries;
static u32 unkicked;
static int recover_result;
static bool recover_keeps; /* the driver forgets to give pieces back */

static inline u64 segment_sum(const struct block_piece *p)
{
	u64 sum = 0;

	for (u32 i = 0; i < p->segment_count; i++)
		sum += p->segments[i].len;
	return sum;
}

static void check_segment(const struct block_limits *l, const struct block_piece *p, u32 i)
{
	u64 a = p->segments[i].gpa.a, len = p->segments[i].len, end = a + len;

	assert_true(len > 0 && is_ram(a) && is_ram(end - 1));
	assert_true(a % l->align == 0 && len % l->align == 0);
	assert_true(end - 1 <= l->address_mask);
	assert_true(l->max_segment == 0 || len <= l->max_segment);
	assert_true(l->boundary == 0 || a / l->boundary == (end - 1) / l->boundary);
	if (l->page_list && i > 0)
		assert_true(a % PAGE_SIZE == 0);
	if (l->page_list && i + 1 < p->segment_count)
		assert_true(end % PAGE_SIZE == 0);
}

static void check_piece(const struct block_device *d, const struct block_piece *p)
{
	const struct block_limits *l = &d->limits;

	assert_true(p->tag < d->depth);
	if (p->op == BLOCK_FLUSH || p->op == BLOCK_DISCARD) {
		assert_int_equal(p->segment_count, 0);
		assert_true(p->op == BLOCK_FLUSH ? l->write_cache : p->bytes <= l->max_discard);
		assert_true(p->op == BLOCK_DISCARD || p->bytes == 0);
		return;
	}
	assert_true(p->bytes > 0 && p->bytes <= l->max_bytes);
	assert_true(p->bytes % l->sector_size == 0);
	assert_true(p->sector + p->bytes / l->sector_size <= l->sectors);
	assert_true(p->segment_count >= 1 && p->segment_count <= l->max_segments);
	assert_true(!p->fua || l->fua);
	assert_int_equal(segment_sum(p), p->bytes);
	for (u32 i = 0; i < p->segment_count; i++)
		check_segment(l, p, i);
}

static void fake_start(struct block_device *d, u32 queue, const struct block_piece *piece)
{
	struct fake_piece *f = &under_way[under_way_count++];

	assert_ptr_equal(d, &disk);
	assert_false(fake_irq_on);
	check_piece(d, piece);
	assert_true(under_way_count <= d->queue_count * d->depth);
	for (u32 i = 0; i + 1 < under_way_count; i++)
		assert_false(under_way[i].queue == queue && under_way[i].piece.tag == piece->tag);
	f->queue = queue;
	f->piece = *piece;
	f->piece.segments = f->segments;
	if (piece->segment_count > 0)
		memcpy(f->segments, piece->segments, piece->segment_count * sizeof(f->segments[0]));
	started++;
	unkicked++;
}

static void fake_kick(struct block_device *d, u32 queue)
{
	(void)d;
	(void)queue;
	assert_false(fake_irq_on);
	kicks++;
	unkicked = 0;
}

/* What the device does to memory, at the end of its time. */
static void move_data(const struct block_piece *p)
{
	u8 *m = &medium[p->sector * disk.limits.sector_size];

	if (p->op == BLOCK_FLUSH)
		cached = 0;
	if (p->op == BLOCK_DISCARD)
		memset(m, 0, p->bytes);
	if (p->op == BLOCK_WRITE)
		cached += !p->fua;
	for (u32 i = 0; i < p->segment_count; i++) {
		const struct block_segment *s = &p->segments[i];

		assert_true(is_bounce(s->gpa.a) || pins[s->gpa.a >> PAGE_SHIFT] > 0);
		assert_true(is_bounce(s->gpa.a) || pins[(s->gpa.a + s->len - 1) >> PAGE_SHIFT] > 0);
		if (p->op == BLOCK_READ)
			memcpy(gpa_ptr(s->gpa), m, s->len);
		else
			memcpy(m, gpa_ptr(s->gpa), s->len);
		m += s->len;
	}
}

/* Ends piece @i of those under way, on its queue's VP or on @vp. */
static void finish_on(u32 vp, u32 i, int error)
{
	struct fake_piece f = under_way[i];

	if (error == 0) {
		f.piece.segments = under_way[i].segments;
		move_data(&f.piece);
	}
	memmove(&under_way[i], &under_way[i + 1], (--under_way_count - i) * sizeof(f));
	for (u32 k = i; k < under_way_count; k++)
		under_way[k].piece.segments = under_way[k].segments;
	on_vp(vp);
	block_piece_done(&disk, f.queue, f.piece.tag, error);
	on_vp(0);
}

static void finish(u32 i, int error)
{
	finish_on(under_way[i].queue % VPS, i, error);
}

/* Everything, in the order in which it came. */
static inline void finish_all(void)
{
	settle();
	while (under_way_count > 0) {
		finish(0, 0);
		settle();
	}
}

static int fake_recover(struct block_device *d)
{
	(void)d;
	recoveries++;
	while (under_way_count > 0 && !recover_keeps)
		finish_on(running->vp, 0, -ETIMEDOUT);
	return recover_result;
}

static const struct block_ops fake_ops = { fake_start, fake_kick, fake_recover };

static void disk_init(u32 sector_size)
{
	disk = (struct block_device){
		.driver = "fake",
		.limits = { .sector_size = sector_size,
			.sectors = DISK_MAX / sector_size,
			.max_bytes = (u32)MIB,
			.max_segments = BLOCK_SEGMENTS_MAX,
			.address_mask = ~0ull,
			.align = 1 },
		.queue_count = 1,
		.depth = 4,
		.ops = &fake_ops,
	};
}

static void machine_init(void)
{
	if (fake_direct_base == 0)
		fake_memory(MEMORY_TOP);
	fake_tsc = 0;
	time_init(NS_PER_S, 0);
	for (u32 i = 0; i < VPS; i++) {
		vps[i].vp = i;
		list_init(&works[i]);
	}
	on_vp(0);
	next_block[0] = MEMORY / 2;
	next_block[1] = HIGH + 32 * MIB;
	pin_limit = ~0ull;
	allocations_left = ~0u;
	under_way_count = 0;
	started = kicks = unkicked = recoveries = log_lines = cached = 0;
	recover_result = 0;
	recover_keeps = false;
	disk_init(512);
}

/* Requests that count their ends. */
struct test_request {
	struct block_request r;
	u32 done;
	struct block_segment segments[BLOCK_SEGMENTS_MAX + 1];
};

static u32 submitting;

static void test_done(struct block_request *r)
{
	struct test_request *t = container_of(r, struct test_request, r);

	assert_int_equal(submitting, 0);
	assert_true(fake_irq_on);
	assert_int_equal(running->vp, r->queue->vp);
	t->done++;
	assert_int_equal(t->done, 1);
}

static inline void submit_to(struct block_device *d, struct test_request *t)
{
	t->done = 0;
	t->r.segments = t->segments;
	t->r.done = test_done;
	submitting++;
	block_submit(d, &t->r);
	submitting--;
}

static inline void submit(struct test_request *t)
{
	submit_to(&disk, t);
}

/* @bytes at @gpa, one segment. */
static inline void fill(struct test_request *t, enum block_op op, u64 sector, u64 gpa, u32 bytes)
{
	*t = (struct test_request){ .r = { .op = op, .sector = sector, .bytes = bytes } };
	t->segments[0] = (struct block_segment){ GPA(gpa), bytes };
	t->r.segment_count = op == BLOCK_READ || op == BLOCK_WRITE;
}

static void disk_register(void)
{
	assert_int_equal(block_register(&disk, false), 0);
	settle();
}

/* Agents stay, as they do; the disk and its watch go. */
static void machine_end(void)
{
	struct task *watch = tasks[--task_count];

	assert_ptr_equal(watch->arg, &disk);
	kfree(watch);
	for (u32 i = 0; i < disk.queue_count; i++)
		block_queue_free(&disk.queues[i]);
	kfree(disk.queues);
	kfree(disk.watch);
	list_remove(&disk.link);
}

static inline int setup(void **state)
{
	(void)state;
	machine_init();
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	if (disk.queues != NULL)
		machine_end();
	assert_int_equal(objects, task_count); /* the agents */
	return 0;
}

static inline void expect(const struct test_request *t, int error)
{
	assert_int_equal(t->done, 1);
	assert_int_equal(t->r.error, error);
}

static inline void pass_time(u64 ns)
{
	fake_tsc += ns;
	settle();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
