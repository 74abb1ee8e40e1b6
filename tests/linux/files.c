/* SPDX-License-Identifier: MIT */
/*
 * files TEST SIZE COUNT: one test of a file system in /bench, by ordinary calls, as `volume
 * bench` does it (rootpart/cli/volume_bench.c, whose order the tests have): 0 write, 1 read,
 * 2 copy, of a file of SIZE bytes; 3 overwrite, 4 append, COUNT times 4 KiB and an fsync(2);
 * 5 create, 6 remove, COUNT empty files. What one test needs another one has left; 7 takes
 * it all away. For whoever counts what it costs.
 */
#include "lib/format.h"
#include "lib/latency.h"
#include "tests/linux/lib/program.h"

#define SYS_READ   0u
#define SYS_WRITE  1u
#define SYS_OPEN   2u
#define SYS_CLOSE  3u
#define SYS_PWRITE 18u
#define SYS_FSYNC  74u
#define SYS_RENAME 82u
#define SYS_UNLINK 87u

#define O_RDONLY   0u
#define O_RDWR     2u
#define O_CREAT    0x40u
#define O_TRUNC    0x200u
#define ENOENT     2
#define EIO        5

#define FILE_NAME  "/bench/file"
#define COPY_NAME  "/bench/copy"
#define PART_NAME  "/bench/.cp-part"
#define LOG_NAME   "/bench/log"

#define PIECE      (256u * KIB)
#define SMALL      (4u * KIB)

static u8 buffer[PIECE] __attribute__((aligned(4096)));
static struct latency latency;

struct settings {
	u64 size;
	u64 count;
};

static s64 open_file(const char *path, u64 flags)
{
	return system_call(SYS_OPEN, (u64)path, flags, 0644, 0);
}

static s64 close_file(s64 file, s64 error)
{
	s64 r = system_call(SYS_CLOSE, (u64)file, 0, 0, 0);

	return error != 0 ? error : r;
}

static s64 sync_file(s64 file)
{
	return system_call(SYS_FSYNC, (u64)file, 0, 0, 0);
}

static s64 write_piece(s64 file, u64 len)
{
	s64 n = system_call(SYS_WRITE, (u64)file, (u64)buffer, len, 0);

	return n == (s64)len ? 0 : MIN(n, -EIO);
}

static s64 file_write(const struct settings *s)
{
	s64 file = open_file(FILE_NAME, O_RDWR | O_CREAT | O_TRUNC), r = 0;

	if (file < 0)
		return file;
	for (u64 left = s->size; r == 0 && left > 0; left -= MIN(left, PIECE))
		r = write_piece(file, MIN(left, PIECE));
	return close_file(file, r != 0 ? r : sync_file(file));
}

/* All of @from, to @to if that is not negative. */
static s64 read_all(const struct settings *s, s64 from, s64 to)
{
	u64 done = 0;
	s64 n, r = 0;

	do {
		n = system_call(SYS_READ, (u64)from, (u64)buffer, PIECE, 0);
		if (n > 0 && to >= 0)
			r = write_piece(to, (u64)n);
		done += n > 0 ? (u64)n : 0;
	} while (n > 0 && r == 0);
	if (r == 0 && n == 0 && done != s->size)
		return -EIO;
	return r != 0 ? r : n;
}

static s64 file_read(const struct settings *s)
{
	s64 file = open_file(FILE_NAME, O_RDONLY);

	return file < 0 ? file : close_file(file, read_all(s, file, -1));
}

static s64 file_copy(const struct settings *s)
{
	s64 from = open_file(FILE_NAME, O_RDONLY), to, r;

	if (from < 0)
		return from;
	to = open_file(PART_NAME, O_RDWR | O_CREAT | O_TRUNC);
	if (to < 0)
		return close_file(from, to);
	r = read_all(s, from, to);
	if (r == 0)
		r = sync_file(to);
	r = close_file(from, close_file(to, r));
	return r != 0 ? r : system_call(SYS_RENAME, (u64)PART_NAME, (u64)COPY_NAME, 0, 0);
}

static s64 write_small(const struct settings *s, s64 file, u64 end)
{
	s64 r = 0;

	for (u64 i = 0; r == 0 && i < s->count; i++) {
		u64 begin = clock_fast(CLOCK_MONOTONIC);
		s64 n = system_call(SYS_PWRITE, (u64)file, (u64)buffer, SMALL, i * SMALL % end);

		r = n == SMALL ? sync_file(file) : MIN(n, -EIO);
		latency_add(&latency, clock_fast(CLOCK_MONOTONIC) - begin);
	}
	return close_file(file, r);
}

static s64 overwrite(const struct settings *s)
{
	s64 file = open_file(FILE_NAME, O_RDWR);

	return file < 0 ? file : write_small(s, file, s->size);
}

static s64 append(const struct settings *s)
{
	s64 file = open_file(LOG_NAME, O_RDWR | O_CREAT | O_TRUNC);

	return file < 0 ? file : write_small(s, file, ~0ull);
}

static s64 create_one(const char *path)
{
	s64 file = open_file(path, O_RDWR | O_CREAT);

	return file < 0 ? file : close_file(file, 0);
}

static s64 remove_one(const char *path)
{
	return system_call(SYS_UNLINK, (u64)path, 0, 0, 0);
}

static s64 names(const struct settings *s, s64 (*change)(const char *path))
{
	s64 directory = open_file("/bench", O_RDONLY), r = 0;

	if (directory < 0)
		return directory;
	for (u64 i = 0; r == 0 && i < s->count; i++) {
		char path[32];

		(void)format(path, sizeof(path), "/bench/n%06llu", (unsigned long long)i);
		r = change(path);
	}
	return close_file(directory, r != 0 ? r : sync_file(directory));
}

static s64 names_create(const struct settings *s)
{
	return names(s, create_one);
}

static s64 names_remove(const struct settings *s)
{
	return names(s, remove_one);
}

static s64 clear(const struct settings *s)
{
	static const char *const paths[] = { FILE_NAME, COPY_NAME, LOG_NAME };
	s64 r = 0;

	(void)s;
	for (u32 i = 0; i < ARRAY_SIZE(paths); i++) {
		s64 one = remove_one(paths[i]);

		r = one != 0 && one != -ENOENT ? one : r;
	}
	return r;
}

static s64 (*const tests[])(const struct settings *s) = { file_write, file_read, file_copy,
	overwrite, append, names_create, names_remove, clear };

static void tell(u64 ns)
{
	say("us: %llu", (unsigned long long)(ns / 1000));
	say("50 %% ns: %llu", (unsigned long long)latency_percentile(&latency, 50));
	say("99 %% ns: %llu", (unsigned long long)latency_percentile(&latency, 99));
}

int program_main(u32 count, const u64 *numbers)
{
	struct settings s;
	u64 begin;
	s64 r;

	if (count != 3 || numbers[0] >= ARRAY_SIZE(tests) || numbers[1] < SMALL)
		return verdict("files", false, "usage: files TEST SIZE COUNT");
	s = (struct settings){ numbers[1], numbers[2] };
	for (u32 i = 0; i < PIECE; i++)
		buffer[i] = (u8)(i * 7 + i / SMALL + 1);
	begin = clock_fast(CLOCK_MONOTONIC);
	r = tests[numbers[0]](&s);
	tell(clock_fast(CLOCK_MONOTONIC) - begin);
	return verdict("files", r == 0, "error %llu", (unsigned long long)-r);
}
