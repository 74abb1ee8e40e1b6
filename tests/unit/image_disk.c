/* SPDX-License-Identifier: MIT */
/*
 * See image_disk.h.
 */
#define _GNU_SOURCE /* SEEK_DATA, memfd_create() */
#include "tests/unit/image_disk.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/errno.h"
#include "rootpart/heap.h"
#include "rootpart/log.h"
#include "rootpart/mutex.h"
#include "rootpart/rtc.h"

char image_log[512], image_log_quiet[512];
u64 image_objects, image_memory_left = ~0ull;
u64 image_clock = 1767225600; /* 2026-01-01 */

/* Every other buffer is, so that both ways are gone; on each disk anew the same ones. */
static bool direct;

static void set_up(struct image_disk *disk, u32 sector_size)
{
	disk->d.limits.sector_size = sector_size;
	disk->d.limits.sectors = disk->size / sector_size;
	disk->d.limits.max_bytes = BLOCK_REQUEST_MAX;
	disk->d.limits.write_cache = true;
	disk->d.limits.fua = true;
	snprintf(disk->d.name, sizeof(disk->d.name), "disk0");
	direct = false;
}

static void check(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	abort();
}

void image_disk_load(struct image_disk *disk, const char *path, u32 sector_size)
{
	FILE *f = fopen(path, "rb");

	check(f != NULL && fseek(f, 0, SEEK_END) == 0, path);
	*disk = (struct image_disk){ .size = (u64)ftell(f) };
	rewind(f);
	disk->bytes = malloc(disk->size);
	check(disk->bytes != NULL && fread(disk->bytes, 1, disk->size, f) == disk->size, path);
	fclose(f);
	set_up(disk, sector_size);
}

/* The piece that byte @offset lies in; NULL: zeroes, and it is not to be made. */
static u8 *piece(const struct image_disk *disk, u64 offset, bool make)
{
	u64 n = offset / IMAGE_PIECE;
	u8 ***table = &disk->pieces[n / IMAGE_TABLE];

	if (*table == NULL && make)
		*table = calloc(IMAGE_TABLE, sizeof(**table));
	if (*table == NULL)
		return NULL;
	if ((*table)[n % IMAGE_TABLE] == NULL && make)
		(*table)[n % IMAGE_TABLE] = calloc(1, IMAGE_PIECE);
	return (*table)[n % IMAGE_TABLE];
}

static u64 table_count(const struct image_disk *disk)
{
	return disk->size / IMAGE_PIECE / IMAGE_TABLE + 1;
}

void image_disk_load_sparse(struct image_disk *disk, const char *path, u32 sector_size)
{
	int fd = open(path, O_RDONLY);
	off_t at = 0;

	check(fd >= 0, path);
	*disk = (struct image_disk){ .size = (u64)lseek(fd, 0, SEEK_END) };
	disk->pieces = calloc(table_count(disk), sizeof(*disk->pieces));
	while ((at = lseek(fd, at, SEEK_DATA)) >= 0) {
		u64 begin = ALIGN_DOWN((u64)at, IMAGE_PIECE);
		u64 len = MIN(IMAGE_PIECE, disk->size - begin);

		check(pread(fd, piece(disk, begin, true), len, (off_t)begin) == (ssize_t)len, path);
		at = (off_t)(begin + len);
	}
	close(fd);
	set_up(disk, sector_size);
}

static void save_sparse(const struct image_disk *disk, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	check(fd >= 0 && ftruncate(fd, (off_t)disk->size) == 0, path);
	for (u64 i = 0; i < table_count(disk); i++) {
		for (u64 k = 0; disk->pieces[i] != NULL && k < IMAGE_TABLE; k++) {
			u64 at = (i * IMAGE_TABLE + k) * IMAGE_PIECE;

			if (disk->pieces[i][k] != NULL)
				check(pwrite(fd, disk->pieces[i][k],
					      MIN(IMAGE_PIECE, disk->size - at), (off_t)at) > 0,
					path);
		}
	}
	close(fd);
}

/* Between the disk, where its bytes are, and @buf. */
static void transfer(struct image_disk *disk, u64 offset, void *buf, const void *from, u64 bytes)
{
	while (bytes > 0) {
		u64 in = disk->bytes != NULL ? 0 : offset % IMAGE_PIECE;
		u64 n = disk->bytes != NULL ? bytes : MIN(bytes, IMAGE_PIECE - in);
		u8 *at = disk->bytes != NULL ? disk->bytes + offset : piece(disk, offset, !buf);

		if (from != NULL)
			memcpy(at + in, from, n);
		else if (at != NULL)
			memcpy(buf, at + in, n);
		else
			memset(buf, 0, n);
		offset += n;
		bytes -= n;
		buf = buf != NULL ? (u8 *)buf + n : NULL;
		from = from != NULL ? (const u8 *)from + n : NULL;
	}
}

void image_disk_make(struct image_disk *disk, u64 size, u32 sector_size)
{
	*disk = (struct image_disk){ .size = size, .bytes = calloc(1, size) };
	check(disk->bytes != NULL, "memory");
	set_up(disk, sector_size);
}

void image_disk_share(struct image_disk *disk, u64 size, u32 sector_size)
{
	*disk = (struct image_disk){ .size = size, .fd = memfd_create("image", 0) };
	check(disk->fd > 0 && ftruncate(disk->fd, (off_t)size) == 0, "memfd");
	disk->bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, disk->fd, 0);
	check(disk->bytes != MAP_FAILED, "mmap");
	snprintf(disk->path, sizeof(disk->path), "/proc/self/fd/%d", disk->fd);
	set_up(disk, sector_size);
}

void image_disk_save(const struct image_disk *disk, const char *path)
{
	FILE *f;

	if (disk->bytes == NULL) {
		save_sparse(disk, path);
		return;
	}
	f = fopen(path, "wb");
	check(f != NULL && fwrite(disk->bytes, 1, disk->size, f) == disk->size && fclose(f) == 0,
		path);
}

void image_disk_free(struct image_disk *disk)
{
	for (u64 i = 0; i < disk->log_count; i++)
		free(disk->log[i].data);
	free(disk->log);
	if (disk->fd != 0) {
		munmap(disk->bytes, disk->size);
		close(disk->fd);
	} else {
		free(disk->bytes);
	}
	for (u64 i = 0; disk->pieces != NULL && i < table_count(disk); i++) {
		for (u64 k = 0; disk->pieces[i] != NULL && k < IMAGE_TABLE; k++)
			free(disk->pieces[i][k]);
		free(disk->pieces[i]);
	}
	free(disk->pieces);
	*disk = (struct image_disk){ 0 };
}

static struct image_disk *disk_of(struct block_device *d)
{
	return container_of(d, struct image_disk, d);
}

static void record(struct image_disk *disk, u64 offset, const void *data, u64 len, bool fua)
{
	struct image_write *w;

	if (!disk->record)
		return;
	if ((disk->log_count & (disk->log_count - 1)) == 0) {
		u64 room = disk->log_count > 0 ? 2 * disk->log_count : 1;

		disk->log = realloc(disk->log, room * sizeof(*disk->log));
	}
	w = &disk->log[disk->log_count++];
	*w = (struct image_write){ .offset = offset, .len = (u32)len, .fua = fua };
	if (len > 0) {
		w->data = malloc(len);
		memcpy(w->data, data, len);
	}
}

static bool in_range(const struct image_disk *disk, u64 sector, u64 bytes)
{
	u32 size = disk->d.limits.sector_size;

	return bytes > 0 && bytes <= BLOCK_REQUEST_MAX && bytes % size == 0 &&
	       sector <= disk->d.limits.sectors && bytes / size <= disk->d.limits.sectors - sector;
}

bool block_is_direct(const void *buf)
{
	(void)buf;
	direct = !direct;
	return direct;
}

int block_read(struct block_device *d, u64 sector, void *buf, u64 bytes)
{
	struct image_disk *disk = disk_of(d);

	if (!in_range(disk, sector, bytes))
		return -EINVAL;
	if (++disk->reads == disk->fail_read_at)
		return -EIO;
	transfer(disk, sector * d->limits.sector_size, buf, NULL, bytes);
	return 0;
}

int block_write(struct block_device *d, u64 sector, const void *buf, u64 bytes, u32 flags)
{
	struct image_disk *disk = disk_of(d);

	if (!in_range(disk, sector, bytes))
		return -EINVAL;
	if (d->limits.read_only)
		return -EROFS;
	disk->writes++;
	if (disk->fail_write_at != 0 &&
		(disk->writes == disk->fail_write_at ||
			(disk->fail_for_good && disk->writes > disk->fail_write_at)))
		return -EIO;
	transfer(disk, sector * d->limits.sector_size, NULL, buf, bytes);
	record(disk, sector * d->limits.sector_size, buf, bytes, flags & BLOCK_FUA);
	return 0;
}

int block_flush(struct block_device *d)
{
	struct image_disk *disk = disk_of(d);

	disk->flushes++;
	record(disk, ~0ull, NULL, 0, false);
	return 0;
}

static void *counted(void *p)
{
	image_objects += p != NULL;
	return p;
}

static bool memory_left(void)
{
	if (image_memory_left == 0)
		return false;
	image_memory_left -= image_memory_left != ~0ull;
	return true;
}

void *kmalloc(size_t size)
{
	return memory_left() ? counted(malloc(size)) : NULL;
}

void *kzalloc(size_t size)
{
	return memory_left() ? counted(calloc(1, size)) : NULL;
}

void kfree(void *p)
{
	image_objects -= p != NULL;
	free(p);
}

void mutex_init(struct mutex *m)
{
	*m = (struct mutex){ 0 };
}

void mutex_lock(struct mutex *m)
{
	check(!m->held, "a mutex is locked twice");
	m->held = true;
}

void mutex_unlock(struct mutex *m)
{
	check(m->held, "a mutex is not locked");
	m->held = false;
}

void log_printf(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(image_log, sizeof(image_log), fmt, args);
	va_end(args);
}

void log_quiet(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(image_log_quiet, sizeof(image_log_quiet), fmt, args);
	va_end(args);
}

u64 rtc_seconds(void)
{
	return image_clock;
}

int image_command(const char *fmt, ...)
{
	char command[2048], log[256], whole[2560];
	va_list args;
	int status;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	snprintf(log, sizeof(log), "%s/output", image_folder());
	snprintf(whole, sizeof(whole), "PATH=$PATH:/usr/sbin:/sbin; (%s) >%s 2>&1", command, log);
	status = system(whole);
	if (status != 0) {
		snprintf(whole, sizeof(whole), "cat %s >&2", log);
		(void)!system(whole);
		fprintf(stderr, "%s: status %d\n", command, WEXITSTATUS(status));
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Without a shell: some tests do it thousands of times. */
int image_fsck(const char *options, const char *path, int most)
{
	char log[256], whole[512], *arguments[] = { "e2fsck", (char *)options, (char *)path, NULL };
	posix_spawn_file_actions_t actions;
	int status;
	pid_t pid;

	snprintf(log, sizeof(log), "%s/output", image_folder());
	check(posix_spawn_file_actions_init(&actions) == 0 &&
			posix_spawn_file_actions_addopen(
				&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0600) == 0 &&
			posix_spawn_file_actions_adddup2(&actions, 1, 2) == 0,
		"spawn");
	check(posix_spawn(&pid, "/usr/sbin/e2fsck", &actions, NULL, arguments, environ) == 0 ||
			posix_spawn(&pid, "/sbin/e2fsck", &actions, NULL, arguments, environ) == 0,
		"e2fsck");
	posix_spawn_file_actions_destroy(&actions);
	check(waitpid(pid, &status, 0) == pid, "e2fsck");
	status = WIFEXITED(status) ? WEXITSTATUS(status) : 255;
	if (status > most) {
		snprintf(whole, sizeof(whole), "cat %s >&2", log);
		(void)!system(whole);
		fprintf(stderr, "e2fsck %s: status %d\n", options, status);
	}
	return status;
}

static char folder[64];

static void remove_folder(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	(void)!system(command);
}

const char *image_folder(void)
{
	if (folder[0] == '\0') {
		snprintf(folder, sizeof(folder), "/tmp/verdigris-image-XXXXXX");
		check(mkdtemp(folder) != NULL, "mkdtemp");
		atexit(remove_folder);
	}
	return folder;
}
