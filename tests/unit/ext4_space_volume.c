/* SPDX-License-Identifier: MIT */
/*
 * See ext4_space_volume.h.
 */
#include "tests/unit/ext4_space_volume.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static u32 volumes;

void volume_put(const char *name, const u8 *data, u64 size)
{
	char path[128];
	FILE *f;

	assert_int_equal(image_command("mkdir -p %s/from", image_folder()), 0);
	snprintf(path, sizeof(path), "%s/from/%s", image_folder(), name);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, size, f), size);
	fclose(f);
}

void volume_make(struct volume *v, const char *options, const char *size)
{
	*v = (struct volume){ 0 };
	snprintf(v->path, sizeof(v->path), "%s/volume%u", image_folder(), volumes++);
	assert_int_equal(
		image_command("mkdir -p %s/from && truncate -s %s %s && "
			      "mke2fs -q -F -t ext4 -E lazy_itable_init=1 %s -d %s/from %s",
			image_folder(), size, v->path, options, image_folder(), v->path),
		0);
}

void volume_make_with(struct volume *v, const char *options, const char *size, u64 bytes)
{
	u8 *data = malloc(bytes + 1);

	for (u64 i = 0; i < bytes; i++)
		data[i] = (u8)(i * 7 + i / 256);
	volume_put("file", data, bytes);
	volume_make(v, options, size);
	free(data);
}

struct ext4_super *volume_super(const struct volume *v)
{
	/* The first piece is there always. */
	return (struct ext4_super *)(void *)(v->disk.pieces[0][0] + EXT4_SUPER_OFFSET);
}

void volume_seal_super(const struct volume *v)
{
	struct ext4_super *s = volume_super(v);

	s->checksum = ext4_crc32c(~0u, s, offsetof(struct ext4_super, checksum));
}

void volume_load(struct volume *v)
{
	image_disk_load_sparse(&v->disk, v->path, 512);
}

void volume_mount(struct volume *v)
{
	volume_load(v);
	assert_int_equal(ext4_mount(&v->disk.d, false, &v->fs), 0);
	assert_false(v->fs->read_only);
}

void volume_save(struct volume *v)
{
	image_disk_save(&v->disk, v->path);
	image_disk_free(&v->disk);
}

int volume_check(const struct volume *v)
{
	return image_command("e2fsck -fn %s", v->path);
}

void volume_unmount(struct volume *v)
{
	assert_int_equal(ext4_unmount(v->fs), 0);
	assert_int_equal(image_objects, 0);
	volume_save(v);
	assert_int_equal(volume_check(v), 0);
}

u32 volume_inode(const struct volume *v, const char *path)
{
	char name[128], line[256];
	u32 ino = 0;
	FILE *f;

	assert_int_equal(image_command("debugfs -R 'stat %s' %s", path, v->path), 0);
	snprintf(name, sizeof(name), "%s/output", image_folder());
	f = fopen(name, "r");
	while (ino == 0 && fgets(line, sizeof(line), f) != NULL)
		(void)sscanf(line, "Inode: %u", &ino);
	fclose(f);
	assert_int_not_equal(ino, 0);
	return ino;
}

bool volume_has(const struct volume *v, const char *path, const u8 *data, u64 size)
{
	char name[128];
	u8 *have = malloc(size + 1);
	bool same;
	FILE *f;

	snprintf(name, sizeof(name), "%s/dump", image_folder());
	assert_int_equal(
		image_command("rm -f %s; debugfs -R 'dump %s %s' %s", name, path, name, v->path),
		0);
	f = fopen(name, "rb");
	assert_non_null(f);
	same = fread(have, 1, size + 1, f) == size && memcmp(have, data, size) == 0;
	fclose(f);
	free(have);
	return same;
}
