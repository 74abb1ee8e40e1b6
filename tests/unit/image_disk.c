/* SPDX-License-Identifier: MIT */
/*
 * See image_disk.h.
 */
#include "tests/unit/image_disk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/errno.h"
#include "rootpart/heap.h"
#include "rootpart/log.h"
#include "rootpart/mutex.h"
#include "rootpart/rtc.h"

char image_log[512];
u64 image_objects, image_memory_left = ~0ull;

static void set_up(struct image_disk *disk, u32 sector_size)
{
	disk->d.limits.sector_size = sector_size;
	disk->d.limits.sectors = disk->size / sector_size;
	disk->d.limits.max_bytes = BLOCK_REQUEST_MAX;
	disk->d.limits.write_cache = true;
	disk->d.limits.fua = true;
	snprintf(disk->d.name, sizeof(disk->d.name), "disk0");
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

void image_disk_make(struct image_disk *disk, u64 size, u32 sector_size)
{
	*disk = (struct image_disk){ .size = size, .bytes = calloc(1, size) };
	check(disk->bytes != NULL, "memory");
	set_up(disk, sector_size);
}

void image_disk_save(const struct image_disk *disk, const char *path)
{
	FILE *f = fopen(path, "wb");

	check(f != NULL && fwrite(disk->bytes, 1, disk->size, f) == disk->size && fclose(f) == 0,
		path);
}

void image_disk_free(struct image_disk *disk)
{
	for (u64 i = 0; i < disk->log_count; i++)
		free(disk->log[i].data);
	free(disk->log);
	free(disk->bytes);
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

int block_read(struct block_device *d, u64 sector, void *buf, u64 bytes)
{
	struct image_disk *disk = disk_of(d);

	if (!in_range(disk, sector, bytes))
		return -EINVAL;
	if (++disk->reads == disk->fail_read_at)
		return -EIO;
	memcpy(buf, disk->bytes + sector * d->limits.sector_size, bytes);
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
	memcpy(disk->bytes + sector * d->limits.sector_size, buf, bytes);
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

/* 2026-01-01 */
u64 rtc_seconds(void)
{
	return 1767225600;
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
