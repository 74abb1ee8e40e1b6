/* SPDX-License-Identifier: MIT */
/*
 * disk COUNT SIZE DEPTH RANDOM WRITE: so many requests to /dev/bench by Linux's
 * asynchronous I/O (io_submit(2)) past the page cache, DEPTH under way all the time. All
 * that have ended are started anew by one call. For whoever counts what a request costs.
 */
#include "tests/linux/lib/program.h"

#define SYS_OPEN         2u
#define SYS_LSEEK        8u
#define SYS_IO_SETUP     206u
#define SYS_IO_GETEVENTS 208u
#define SYS_IO_SUBMIT    209u

#define O_RDWR           2u
#define O_DIRECT         0x4000u
#define SEEK_END         2u
#define IOCB_PREAD       0u
#define IOCB_PWRITE      1u

#define DEPTH_MAX        32u
#define BYTES_MAX        (1u << 20)

struct iocb {
	u64 data; /* comes back in the event: its number */
	u32 key;
	u32 rw_flags;
	u16 opcode;
	u16 priority;
	u32 file;
	u64 buffer;
	u64 bytes;
	s64 offset;
	u64 reserved;
	u32 flags;
	u32 event_file;
};

struct io_event {
	u64 data;
	u64 iocb;
	s64 result;
	s64 result2;
};

struct bench {
	u64 context;
	u64 places; /* of that size on the disk */
	u64 size;
	bool random;
	u64 next; /* the next place, or the state of the random numbers */
	struct iocb iocbs[DEPTH_MAX];
	struct iocb *batch[DEPTH_MAX];
	struct io_event events[DEPTH_MAX];
};

static u8 memory[DEPTH_MAX][BYTES_MAX] __attribute__((aligned(4096)));
static struct bench bench;

static s64 next_offset(struct bench *b)
{
	u64 n = b->next;

	if (b->random) {
		n ^= n << 13;
		n ^= n >> 7;
		n ^= n << 17;
		b->next = n;
	} else {
		b->next++;
	}
	return (s64)(n % b->places * b->size);
}

/* The first @count of the batch, each somewhere else. */
static bool submit(struct bench *b, u64 count)
{
	for (u64 i = 0; i < count; i++)
		b->batch[i]->offset = next_offset(b);
	return count == 0 ||
	       system_call(SYS_IO_SUBMIT, b->context, count, (u64)b->batch, 0) == (s64)count;
}

/* Waits for some; all of them are in the batch then. Their count; negative: an error. */
static s64 collect(struct bench *b, u64 min, u64 max)
{
	s64 got = system_call(SYS_IO_GETEVENTS, b->context, min, max, (u64)b->events);

	for (s64 i = 0; i < got; i++) {
		if (b->events[i].result != (s64)b->size)
			return b->events[i].result < 0 ? b->events[i].result : -1;
		b->batch[i] = &b->iocbs[b->events[i].data];
	}
	return got;
}

static bool run(struct bench *b, u64 count, u64 depth)
{
	u64 started = MIN(count, depth), ended = 0;

	if (!submit(b, started))
		return false;
	while (ended < count) {
		s64 got = collect(b, 1, depth);
		u64 again;

		if (got <= 0)
			return false;
		ended += (u64)got;
		again = MIN((u64)got, count - started);
		started += again;
		if (!submit(b, again))
			return false;
	}
	return true;
}

static bool set_up(struct bench *b, const u64 *numbers)
{
	s64 file = system_call(SYS_OPEN, (u64) "/dev/bench", O_RDWR | O_DIRECT, 0, 0), end;

	if (file < 0 || system_call(SYS_IO_SETUP, DEPTH_MAX, (u64)&b->context, 0, 0) != 0)
		return false;
	end = system_call(SYS_LSEEK, (u64)file, 0, SEEK_END, 0);
	b->size = numbers[1];
	b->places = (u64)end / b->size;
	b->random = numbers[3] != 0;
	b->next = 88172645463325252u;
	for (u64 i = 0; i < DEPTH_MAX; i++) {
		b->iocbs[i] = (struct iocb){ .data = i,
			.opcode = numbers[4] != 0 ? IOCB_PWRITE : IOCB_PREAD,
			.file = (u32)file,
			.buffer = (u64)memory[i],
			.bytes = b->size };
		b->batch[i] = &b->iocbs[i];
	}
	return end >= (s64)b->size;
}

int program_main(u32 count, const u64 *numbers)
{
	if (count != 5 || numbers[1] == 0 || numbers[1] > BYTES_MAX || numbers[2] == 0 ||
		numbers[2] > DEPTH_MAX)
		return verdict("disk", false, "usage: disk COUNT SIZE DEPTH RANDOM WRITE");
	if (!set_up(&bench, numbers))
		return verdict("disk", false, "/dev/bench is no disk");
	return verdict("disk", run(&bench, numbers[0], numbers[2]), "a request failed");
}
