/* SPDX-License-Identifier: MIT */
/*
 * Split virtqueues against a device that plays by the rules, one that does not, and a
 * random one next to a model.
 * sources: rootpart/drivers/virtio/virtq.c lib/string.c tests/unit/fake/fake.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root -Itests/unit/fake -fno-builtin
 */
#include "tests/unit/virtio_ring.h"

#include "base/errno.h"
#include "fake/fake.h"
#include "rootpart/drivers/virtio/virtq.h"
#include "rootpart/heap.h"
#include "rootpart/page_alloc.h"
#include "tests/unit/fake_root.h"

static struct virtq q;
static struct ring ring;
static u8 data[64][64];
static u32 bells;
static u32 allocations_left;
static s32 objects;

static void *allocate(size_t size)
{
	if (allocations_left == 0)
		return NULL;
	allocations_left--;
	objects++;
	size = ALIGN_UP(size, 4096);
	return memset(aligned_alloc(4096, size), 0, size);
}

void *page_alloc_zeroed(u32 order)
{
	return allocate(PAGE_SIZE << order);
}

u32 page_order(u64 size)
{
	u32 order = 0;

	while (PAGE_SIZE << order < size)
		order++;
	return order;
}

int page_free(void *p, u32 order)
{
	(void)order;
	kfree(p);
	return 0;
}

void *kzalloc(size_t size)
{
	return allocate(size);
}

void kfree(void *p)
{
	objects -= p != NULL;
	free(p);
}

static void ring_bell(volatile void *p, u32 size, u64 v)
{
	assert_ptr_equal(p, q.bell);
	assert_int_equal(size, 2);
	assert_int_equal(v, q.index);
	bells++;
}

static void make(u32 size, u32 slots, u32 chain, bool tables, bool event_idx)
{
	struct virtq_shape shape = { size, slots, chain, tables, event_idx };

	q = (struct virtq){ .index = 3, .bell = (void *)0x1000 };
	assert_int_equal(virtq_alloc(&q, &shape), 0);
	virtq_reset(&q);
	ring = (struct ring){ (u64)q.desc, (u64)q.avail, (u64)q.used, size, 0, true, event_idx, 0,
		0 };
	assert_int_equal(ring.desc % 16, 0);
	assert_int_equal(ring.avail % 2, 0);
	assert_int_equal(ring.used % 4, 0);
}

static int setup(void **state)
{
	(void)state;
	fake_on_mmio_store = ring_bell;
	allocations_left = ~0u;
	objects = 0;
	bells = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	virtq_free(&q);
	assert_int_equal(objects, 0);
	return 0;
}

/* @reads and @writes parts of 8 bytes. */
static void post(u32 slot, u32 reads, u32 writes)
{
	struct virtq_chain c;

	virtq_chain_begin(&c, &q, slot);
	for (u32 i = 0; i < reads + writes; i++)
		virtq_chain_add(&c, gpa_of(data[slot] + 8 * i), 8, i >= reads);
	virtq_post(&c);
}

static void expect_taken(u32 slot, u32 len)
{
	struct virtq_done done;

	assert_true(virtq_take(&q, &done));
	assert_int_equal(done.slot, slot);
	assert_int_equal(done.len, len);
}

static void expect_none(void)
{
	struct virtq_done done;

	assert_false(virtq_take(&q, &done));
}

static void expect_chain(u32 slot, u32 reads, u32 writes)
{
	struct chain c;

	assert_true(ring_take(&ring, &c));
	assert_int_equal(c.count, reads + writes);
	assert_int_equal(c.readable, reads * 8);
	assert_int_equal(c.writable, writes * 8);
	for (u32 i = 0; i < c.count; i++)
		assert_ptr_equal(c.parts[i].p, data[slot] + 8 * i);
	assert_int_equal(c.head, slot * q.stride);
}

static void shapes(void **state)
{
	struct virtq_shape shape = { 256, 128, 258, true, false };

	(void)state;
	make(256, 128, 258, true, false);
	assert_int_equal(q.chain, 256); /* no longer than the ring */
	assert_int_equal(q.slots, 128);
	assert_int_equal(q.stride, 1);
	virtq_free(&q);
	make(256, 128, 16, false, false);
	assert_int_equal(q.slots, 16);
	assert_int_equal(q.stride, 16);
	virtq_free(&q);
	make(8, 128, 16, false, false);
	assert_int_equal(q.slots, 1);
	assert_int_equal(q.chain, 8);
	virtq_free(&q);
	make(8, 128, 1, true, false);
	assert_false(q.tables);
	assert_int_equal(q.slots, 8);
	virtq_free(&q);
	for (shape.size = 0; shape.size < 600; shape.size++) {
		bool good =
			shape.size > 0 && shape.size <= 256 && (shape.size & (shape.size - 1)) == 0;

		q = (struct virtq){ 0 };
		assert_int_equal(virtq_alloc(&q, &shape), good ? 0 : -EINVAL);
		virtq_free(&q);
	}
	shape.size = 64;
	for (u32 i = 0; i < 3; i++) {
		allocations_left = i;
		q = (struct virtq){ 0 };
		assert_int_equal(virtq_alloc(&q, &shape), -ENOMEM);
		virtq_free(&q);
		assert_int_equal(objects, 0);
	}
}

/* Chains arrive as they were made, come back out of order, three times around the ring. */
static void chains(bool tables, bool event_idx)
{
	make(16, 4, 4, tables, event_idx);
	for (u32 round = 0; round < 40; round++) {
		post(0, 2, 1);
		post(1, 1, 3);
		post(3, 0, 1);
		virtq_kick(&q);
		expect_chain(0, 2, 1);
		expect_chain(1, 1, 3);
		expect_chain(3, 0, 1);
		expect_none();
		(void)ring_give(&ring, 3u * q.stride, 8);
		(void)ring_give(&ring, 0, 0);
		(void)ring_give(&ring, 1u * q.stride, 24);
		assert_true(virtq_ready(&q));
		expect_taken(3, 8);
		expect_taken(0, 0);
		expect_taken(1, 24);
		expect_none();
		assert_false(virtq_ready(&q));
	}
	assert_int_equal(bells, 40);
	assert_null(q.broken);
}

static void chains_in_tables(void **state)
{
	(void)state;
	chains(true, true);
}

static void chains_in_the_ring(void **state)
{
	(void)state;
	chains(false, false);
}

static void broken_by(u32 id, u32 len, u32 count, const char *why)
{
	make(16, 4, 4, true, false);
	post(0, 1, 1);
	post(2, 1, 2);
	virtq_kick(&q);
	ring_write(&ring, 0, id, len);
	ring_write(&ring, 1, id, len);
	(void)ring_tell(&ring, count);
	expect_none();
	assert_string_equal(q.broken, why);
	/* And for good, until it is reset. */
	(void)ring_give(&ring, 2, 0);
	expect_none();
	assert_int_equal(q.busy, 2);
	virtq_reset(&q);
	ring.seen = ring.given = 0;
	post(0, 1, 1);
	virtq_kick(&q);
	expect_chain(0, 1, 1);
	(void)ring_give(&ring, 0, 8);
	expect_taken(0, 8);
	virtq_free(&q);
}

static void nonsense(void **state)
{
	static const char not_given[] = "it ended what it was not given";
	static const char too_long[] = "it wrote more than there was room for";
	static const char too_many[] = "it ended more than it was given";

	(void)state;
	broken_by(1, 0, 1, not_given); /* that is the driver's */
	broken_by(4, 0, 1, not_given); /* no slot */
	broken_by(16, 0, 1, not_given);
	broken_by(0x10000, 0, 1, not_given);
	broken_by(~0u, 0, 1, not_given);
	broken_by(0, 9, 1, too_long);
	broken_by(2, 17, 1, too_long);
	broken_by(2, ~0u, 1, too_long);
	broken_by(0, 0, 3, too_many);
	broken_by(0, 0, 0xffff, too_many);
}

static void twice(void **state)
{
	(void)state;
	make(16, 4, 4, false, true);
	post(1, 1, 1);
	post(2, 1, 1);
	virtq_kick(&q);
	(void)ring_give(&ring, 4, 8);
	(void)ring_give(&ring, 4, 8);
	expect_taken(1, 8);
	expect_none();
	assert_string_equal(q.broken, "it ended what it was not given");
}

/* In the ring only a chain's first descriptor is its name. */
static void not_the_first(void **state)
{
	(void)state;
	make(16, 4, 4, false, true);
	post(1, 1, 1);
	virtq_kick(&q);
	(void)ring_give(&ring, 5, 8);
	expect_none();
	assert_non_null(q.broken);
}

/* The bell is rung when the device asks for it, and only then. */
static void bells_by_flag(void **state)
{
	(void)state;
	make(16, 8, 2, true, false);
	post(0, 1, 0);
	assert_true(virtq_publish(&q));
	assert_false(virtq_publish(&q)); /* nothing new */
	ring_put(ring.used, 2, 1);
	post(1, 1, 0);
	assert_false(virtq_publish(&q));
	ring_put(ring.used, 2, 0);
	post(2, 1, 0);
	virtq_kick(&q);
	assert_int_equal(bells, 1);
	expect_chain(0, 1, 0);
	expect_chain(1, 1, 0);
	expect_chain(2, 1, 0);
}

static void bells_by_index(void **state)
{
	u64 event;

	(void)state;
	make(16, 8, 2, true, true);
	event = ring.used + 4 + 8 * 16;
	post(0, 1, 0);
	assert_true(virtq_publish(&q)); /* past 0 */
	post(1, 1, 0);
	assert_false(virtq_publish(&q)); /* it has not looked yet */
	ring_put(event, 2, 4);
	post(2, 1, 0);
	post(3, 1, 0);
	assert_false(virtq_publish(&q)); /* 3 is the last */
	post(4, 1, 0);
	post(5, 1, 0);
	assert_true(virtq_publish(&q)); /* past 4 */
}

static void interrupts_by_index(void **state)
{
	(void)state;
	make(16, 8, 2, true, true);
	for (u32 i = 0; i < 4; i++)
		post(i, 1, 0);
	virtq_kick(&q);
	assert_false(ring_give(&ring, 0, 0)); /* not asked for yet */
	assert_true(virtq_listen(&q));        /* it came before */
	expect_taken(0, 0);
	assert_false(virtq_listen(&q));
	assert_true(ring_give(&ring, 1, 0));
	virtq_quiet(&q);
	assert_false(ring_give(&ring, 2, 0)); /* one is enough */
	expect_taken(1, 0);
	expect_taken(2, 0);
	assert_false(virtq_listen(&q));
	assert_true(ring_give(&ring, 3, 0));
}

static void interrupts_by_flag(void **state)
{
	(void)state;
	make(16, 8, 2, true, false);
	for (u32 i = 0; i < 3; i++)
		post(i, 1, 0);
	virtq_kick(&q);
	assert_false(ring_give(&ring, 0, 0));
	assert_true(virtq_listen(&q));
	expect_taken(0, 0);
	assert_true(ring_give(&ring, 1, 0));
	virtq_quiet(&q);
	assert_false(ring_give(&ring, 2, 0));
	expect_taken(1, 0);
	expect_taken(2, 0);
}

static void misuse(void **state)
{
	struct virtq_chain c;

	(void)state;
	make(16, 4, 2, true, false);
	post(0, 1, 1);
	assert_true(fails_assert(post(0, 1, 1)));
	assert_true(fails_assert(post(4, 1, 1)));
	assert_true(fails_assert(post(1, 2, 1)));
	virtq_chain_begin(&c, &q, 1);
	assert_true(fails_assert(virtq_post(&c)));
}

/* Next to a model: what the driver has posted, and what the device has. */
struct model {
	u32 slots;
	bool posted[256];  /* not seen by the device yet */
	bool devices[256]; /* it has it */
	u32 writable[256];
	u32 order[256]; /* as the device gives them back */
	u32 lens[256];
	u32 out, in;
};

static u32 seed;

static u32 random_below(u32 n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static void model_post(struct model *m)
{
	u32 slot = random_below(m->slots);
	u32 reads = random_below(3), writes = random_below(3);

	if (m->posted[slot] || m->devices[slot] || q.slot[slot].busy || reads + writes == 0)
		return;
	post(slot, reads, writes);
	m->posted[slot] = true;
	m->writable[slot] = 8 * writes;
}

static void model_device_takes(struct model *m)
{
	struct chain c;
	u32 slot;

	if (!ring_take(&ring, &c))
		return;
	assert_int_equal(c.head % q.stride, 0);
	slot = c.head / q.stride;
	assert_true(m->posted[slot]);
	assert_int_equal(c.writable, m->writable[slot]);
	m->posted[slot] = false;
	m->devices[slot] = true;
}

static void model_device_gives(struct model *m)
{
	u32 slot = random_below(m->slots);
	u32 len;

	if (!m->devices[slot])
		return;
	len = random_below(m->writable[slot] + 1);
	m->devices[slot] = false;
	m->order[m->in % 256] = slot;
	m->lens[m->in++ % 256] = len;
	(void)ring_give(&ring, slot * q.stride, len);
}

static void model_take(struct model *m)
{
	if (m->out == m->in) {
		expect_none();
		assert_null(q.broken);
		return;
	}
	expect_taken(m->order[m->out % 256], m->lens[m->out % 256]);
	m->out++;
}

static void random_run(u32 size, u32 chain, bool tables, bool event_idx)
{
	struct model m = { 0 };

	make(size, 64, chain, tables, event_idx);
	m.slots = q.slots;
	/* Soon the indexes wrap, too. */
	q.avail_next = q.published = q.used_next = ring.seen = ring.given = 0xffc0;
	ring_put(ring.avail + 2, 2, 0xffc0);
	ring_put(ring.used + 2, 2, 0xffc0);
	for (u32 i = 0; i < 200000; i++) {
		switch (random_below(5)) {
		case 0:
			model_post(&m);
			break;
		case 1:
			(void)virtq_publish(&q);
			break;
		case 2:
			model_device_takes(&m);
			break;
		case 3:
			model_device_gives(&m);
			break;
		default:
			model_take(&m);
		}
	}
	assert_true(m.in > 1000);
	virtq_free(&q);
}

static void random_against_a_model(void **state)
{
	(void)state;
	for (u32 i = 0; i < 4; i++) {
		seed = i + 1;
		random_run(64, 4, i & 1, i & 2);
		random_run(4, 4, i & 1, i & 2);
	}
}

/* Memory that the device can write is full of garbage: nothing else is touched, nothing hangs. */
static void random_garbage(void **state)
{
	struct virtq_done done;
	u32 taken = 0, broke = 0;

	(void)state;
	for (u32 round = 0; round < 300; round++) {
		seed = round;
		make(16, 8, 2, round & 1, round & 2);
		for (u32 i = 0; i < 300; i++) {
			u32 slot = random_below(q.slots);

			if (!q.slot[slot].busy)
				post(slot, 1, 1);
			(void)virtq_publish(&q);
			for (u32 n = random_below(4); n > 0; n--)
				ring_write(&ring, random_below(16), random_below(24),
					random_below(10));
			if (random_below(4) == 0)
				(void)ring_tell(&ring, random_below(3));
			ring_put(ring.used, 2, random_below(0x10000));
			while (virtq_take(&q, &done)) {
				assert_true(done.slot < q.slots && done.len <= 8);
				taken++;
			}
			if (q.broken != NULL) {
				broke++;
				virtq_reset(&q);
				ring.seen = ring.given = 0;
			}
		}
		virtq_free(&q);
	}
	assert_true(taken > 1000 && broke > 1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(shapes),
		TEST(chains_in_tables),
		TEST(chains_in_the_ring),
		TEST(nonsense),
		TEST(twice),
		TEST(not_the_first),
		TEST(bells_by_flag),
		TEST(bells_by_index),
		TEST(interrupts_by_index),
		TEST(interrupts_by_flag),
		TEST(misuse),
		TEST(random_against_a_model),
		TEST(random_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
