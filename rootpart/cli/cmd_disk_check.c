/* SPDX-License-Identifier: MIT */
/*
 * disk check: reads, or writes and reads, a disk by requests of every size from one
 * sector to the largest, on odd lists of memory, and prints the SHA-256 of what is
 * on it. Requests follow each other to the disk's end and begin anew there, a
 * few under way at a time, looked at in their order. The first round is hashed, the
 * others have to give the same, by a sum that is quicker.
 */
#include "base/errno.h"
#include "lib/sha256.h"
#include "lib/string.h"
#include "rootpart/cli/cmd_disk.h"
#include "rootpart/cli/disk_scatter.h"
#include "rootpart/heap.h"
#include "rootpart/page_alloc.h"
#include "rootpart/waitq.h"
#include "x86/atomic.h"

#define DEPTH       4u
#define SECTORS_MAX (8 * MIB) /* whose generations are kept */
#define FLAT_ORDER  8u        /* BLOCK_REQUEST_MAX */

struct slot {
	struct vdisk_request request;
	bool busy;
	bool done;
	void *arena;
	struct block_segment segments[BLOCK_SEGMENTS_MAX];
};

struct check {
	struct cli *cli;
	struct vdisk *disk;
	u64 sectors;
	u64 seed;
	u64 numbers; /* state of the lists' */
	u32 step;
	bool write;
	u16 *generations; /* of each sector that was written */
	u8 *flat;         /* a request's data */
	/* Where the next request goes, and its size in sectors. */
	u64 at;
	u32 size;
	/* Of what passes in order; a round ends where the disk does. */
	u64 passed; /* sectors of this round */
	u64 sum;
	u64 first_sum; /* the first round's */
	struct sha256 hash;
	u8 digest[SHA256_SIZE];
	u32 rounds;
	u64 requests;
	u64 bytes;
	u32 next_slot;
	struct slot slots[DEPTH];
};

/* Of nobody's stack: who wakes may come after who waited has gone. */
static struct wait_queue waiters = WAIT_QUEUE_INIT(waiters);

static void request_done(struct block_request *r)
{
	/* Pairs with the acquire in settle(). */
	store_release(&container_of(r, struct slot, request.r)->done, true);
	wait_wake_all(&waiters);
}

static int round_ends(struct check *c)
{
	u64 sum = c->sum;

	c->passed = 0;
	c->sum = 0;
	if (c->rounds++ == 0) {
		sha256_end(&c->hash, c->digest);
		c->first_sum = sum;
	}
	if (sum == c->first_sum)
		return 0;
	return cli_error(
		c->cli, -EIO, "%s: reading it twice gave two results", vdisk_name(c->disk));
}

/* Sectors are whole words. */
static u64 add_up(u64 sum, const void *data, u64 bytes)
{
	const u64 *words = data;

	for (u64 i = 0; i < bytes / sizeof(u64); i++)
		sum = (sum << 5 | sum >> 59) ^ words[i] * 0x9e3779b97f4a7c15;
	return sum;
}

/* Takes what a request has read. */
static int look_at(struct check *c, const struct slot *s)
{
	const struct block_request *r = &s->request.r;

	scatter_get(s->segments, r->segment_count, c->flat);
	if (c->rounds == 0)
		sha256_add(&c->hash, c->flat, r->bytes);
	c->sum = add_up(c->sum, c->flat, r->bytes);
	c->passed += r->bytes / c->disk->sector_size;
	return c->passed == c->sectors ? round_ends(c) : 0;
}

/* Waits for @s, if it is under way. */
static int settle(struct check *c, struct slot *s)
{
	if (!s->busy)
		return 0;
	wait_event(&waiters, load_acquire(&s->done));
	s->busy = false;
	if (s->request.r.error != 0)
		return disk_failed(c->cli, vdisk_name(c->disk), s->request.r.error);
	return c->write ? 0 : look_at(c, s);
}

/* In the order in which they were begun; all of them, but behind error @r nothing is said of them. */
static int settle_all(struct check *c, int r)
{
	for (u32 i = 0; i < DEPTH; i++) {
		struct slot *s = &c->slots[(c->next_slot + i) % DEPTH];

		if (r == 0)
			r = settle(c, s);
		else if (s->busy)
			wait_event(&waiters, load_acquire(&s->done));
		s->busy = s->busy && !s->done;
	}
	return r;
}

/* Gives the sectors their next contents. */
static void fill(struct check *c, const struct slot *s, u32 count)
{
	u32 size = c->disk->sector_size;

	for (u32 i = 0; i < count; i++) {
		u32 generation = ++c->generations[c->at + i];

		scatter_sector(c->flat + i * size, size, c->seed, c->at + i, generation);
	}
	scatter_put(s->segments, s->request.r.segment_count, c->flat);
}

static void begin(struct check *c, struct slot *s, u32 count)
{
	u64 bytes = (u64)count * c->disk->sector_size;
	u32 kind = (u32)scatter_number(&c->numbers);

	s->request.r = (struct block_request){ .op = c->write ? BLOCK_WRITE : BLOCK_READ,
		.sector = c->at,
		.bytes = bytes,
		.segments = s->segments,
		.done = request_done };
	s->request.r.segment_count = scatter_list(s->segments, s->arena, bytes, kind, &c->numbers);
	if (c->write)
		fill(c, s, count);
	s->done = false;
	s->busy = true;
	c->requests++;
	c->bytes += bytes;
	vdisk_submit(c->disk, &s->request);
}

/*
 * One request of @count sectors, or what fits in front of the end. At the beginning of a
 * round nothing of the one before is under way: writes do not meet.
 */
static int step(struct check *c, u32 count)
{
	struct slot *s = &c->slots[c->next_slot];
	int r = c->at == 0 ? settle_all(c, 0) : settle(c, s);

	if (r != 0)
		return r;
	if (cli_interrupted())
		return -EINTR;
	begin(c, s, (u32)MIN(count, c->sectors - c->at));
	c->next_slot = (c->next_slot + 1) % DEPTH;
	c->at = (c->at + MIN(count, c->sectors - c->at)) % c->sectors;
	return 0;
}

/* Every size, one after the other; at the disk's end what is left, and it again. */
static int all_sizes(struct check *c)
{
	u32 most = (u32)(BLOCK_REQUEST_MAX / c->disk->sector_size);
	int r = 0;

	for (u32 size = 1; r == 0 && size <= MIN(most, c->sectors); size += c->step) {
		if (c->at + size > c->sectors)
			r = step(c, size);
		if (r == 0)
			r = step(c, size);
	}
	/* To the end of the round, and at least one. */
	while (r == 0 && (c->at != 0 || c->bytes < c->sectors * c->disk->sector_size))
		r = step(c, most);
	return r;
}

static int pass(struct check *c, bool write)
{
	c->write = write;
	c->at = 0;
	c->next_slot = 0;
	c->bytes = 0;
	c->numbers = c->seed;
	c->passed = 0;
	c->sum = 0;
	c->rounds = 0;
	sha256_begin(&c->hash);
	return settle_all(c, all_sizes(c));
}

/* What the disk should hold by now. */
static int expected(struct check *c, u8 digest[SHA256_SIZE])
{
	u32 size = c->disk->sector_size;
	struct sha256 hash;

	sha256_begin(&hash);
	for (u64 i = 0; i < c->sectors; i++) {
		scatter_sector(c->flat, size, c->seed, i, c->generations[i]);
		sha256_add(&hash, c->flat, size);
		if (i % 1024 == 0 && cli_interrupted())
			return -EINTR;
	}
	sha256_end(&hash, digest);
	return 0;
}

static int write_and_read(struct check *c)
{
	u8 digest[SHA256_SIZE];
	int r = pass(c, true);

	if (r != 0)
		return r;
	r = vdisk_flush(c->disk);
	if (r != 0)
		return disk_failed(c->cli, vdisk_name(c->disk), r);
	r = pass(c, false);
	if (r == 0)
		r = expected(c, digest);
	if (r == 0 && memcmp(digest, c->digest, sizeof(digest)) != 0)
		r = cli_error(c->cli, -EIO, "%s: what is read is not what was written",
			vdisk_name(c->disk));
	return r;
}

static void report(struct check *c, bool for_programs)
{
	char text[SHA256_TEXT];
	struct json j;

	sha256_text(c->digest, text);
	if (!for_programs) {
		cli_printf(c->cli, "%s  %s: %llu requests\n", text, vdisk_name(c->disk),
			(unsigned long long)c->requests);
		return;
	}
	json_begin(&j, &c->cli->out);
	json_object(&j, NULL);
	json_string(&j, "name", vdisk_name(c->disk));
	json_number(&j, "size", c->sectors * c->disk->sector_size);
	json_number(&j, "requests", c->requests);
	json_string(&j, "sha256", text);
	json_close(&j);
	json_end(&j);
}

static int memory_take(struct check *c, bool write)
{
	bool all = true;

	for (u32 i = 0; i < DEPTH; i++) {
		c->slots[i].arena = page_alloc(SCATTER_ORDER);
		all &= c->slots[i].arena != NULL;
	}
	c->flat = page_alloc(FLAT_ORDER);
	all &= c->flat != NULL;
	if (write)
		c->generations = kzalloc(c->sectors * sizeof(*c->generations));
	return all && (!write || c->generations != NULL) ? 0 : -ENOMEM;
}

static void memory_give_back(struct check *c)
{
	for (u32 i = 0; i < DEPTH; i++) {
		if (c->slots[i].arena != NULL)
			(void)page_free(c->slots[i].arena, SCATTER_ORDER);
	}
	if (c->flat != NULL)
		(void)page_free(c->flat, FLAT_ORDER);
	kfree(c->generations);
}

static int options_take(struct check *c, const struct cli_args *args)
{
	u64 n = 1;
	int r;

	if (args_has(args, "write") && c->sectors > SECTORS_MAX)
		return cli_error(c->cli, -ENOTSUP,
			"%s: is too large to be written: %llu sectors at most", vdisk_name(c->disk),
			(unsigned long long)SECTORS_MAX);
	r = cli_number(c->cli, args, "seed", 0, ~0ull, &c->seed);
	if (r == 0)
		r = cli_number(c->cli, args, "step", 1, 2048, &n);
	c->step = (u32)n;
	return r;
}

static int check_with_memory(struct check *c, bool write)
{
	int r = memory_take(c, write);

	if (r != 0)
		r = cli_error_errno(c->cli, r, "disk check");
	else
		r = write ? write_and_read(c) : pass(c, false);
	memory_give_back(c);
	return r;
}

static int check_disk(struct check *c, const struct cli_args *args)
{
	int r = options_take(c, args);

	if (r == 0)
		r = check_with_memory(c, args_has(args, "write"));
	if (r == 0)
		report(c, args_has(args, "json"));
	return r;
}

static int run_check(struct cli *cli, const struct cli_args *args)
{
	struct check *c = kzalloc(sizeof(*c));
	int r;

	if (c == NULL)
		return cli_error_errno(cli, -ENOMEM, "disk check");
	c->cli = cli;
	r = disk_open(cli, args, &c->disk);
	if (r == 0) {
		c->sectors = c->disk->sectors;
		r = check_disk(c, args);
		vdisk_close(c->disk);
	}
	kfree(c);
	return r;
}

static const struct cli_option options[] = {
	{ .name = "write", .help = "write it all first: WHAT IS THERE IS LOST" },
	{ .name = "seed", .value = "N", .help = "other lists of memory, other contents" },
	{ .name = "step", .value = "N", .help = "only every Nth size" },
	{ .name = "force", .help = "also if there are partitions" },
	CLI_OPTION_JSON,
};

const struct cli_command command_disk_check = {
	.name = "disk check",
	.usage = "PATH [--write] [--seed N] [--step N] [--force] [--json]",
	.help = "read a disk, or an image file, by requests of every size, and print its SHA-256",
	.more = "Requests of one sector to 1 MiB follow each other over the whole disk, again and\n"
		"again, on odd lists of memory; each round has to give the same. Ctrl-C ends it.",
	.min_words = 1,
	.max_words = 1,
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.run = run_check,
	.complete = complete_disk,
};
