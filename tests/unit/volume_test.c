/* SPDX-License-Identifier: MIT */
/*
 * Volumes on made-up devices: which are mounted where, what the log says, and where VMs are
 * kept. ext4 is one of the test's own: a device with its magic number and a label.
 * sources: rootpart/volume.c rootpart/vfs.c rootpart/path.c rootpart/errno_text.c
 * sources: rootpart/vm/vm_store.c lib/string.c lib/format.c lib/utf16.c lib/date.c
 * sources: rootpart/iso9660/iso9660.c rootpart/iso9660/iso9660_volume.c
 * sources: rootpart/iso9660/iso9660_records.c rootpart/iso9660/iso9660_susp.c
 * sources: rootpart/fat/fat.c rootpart/fat/fat_volume.c rootpart/fat/fat_entries.c
 * sources: rootpart/fat/fat_chain.c rootpart/block/block_bytes.c tests/unit/image_disk.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/ext4/ext4.h"
#include "rootpart/memfs.h"
#include "rootpart/page_alloc.h"
#include "rootpart/vfs.h"
#include "rootpart/vm/vm_store.h"
#include "rootpart/volume.h"
#include "rootpart/volume_commit.h"
#include "tests/unit/image_disk.h"

#define EXT4_MAGIC_AT 1080u
#define EXT4_LABEL_AT 1144u
#define EXT4_ANSWER   1200u /* ext4_mount()'s error */
#define EXT4_READONLY 1201u

/* Disks with their partitions behind them. */
static struct image_disk devices[24];
static u32 device_count;
static u32 memory_stores;

struct block_device *block_next(const struct block_device *d)
{
	u32 i = 0;

	for (; d != NULL && i < device_count; i++) {
		if (&devices[i].d == d) {
			i++;
			break;
		}
	}
	return i < device_count ? &devices[i].d : NULL;
}

int block_hold(struct block_device *d, const char *holder, char other[BLOCK_HOLDER_SIZE])
{
	if (d->holder[0] != '\0') {
		strcpy(other, d->holder);
		return -EBUSY;
	}
	snprintf(d->holder, sizeof(d->holder), "%s", holder);
	return 0;
}

void block_let_go(struct block_device *d)
{
	d->holder[0] = '\0';
}

void block_stats_get(const struct block_device *d, struct block_stats *stats)
{
	*stats = (struct block_stats){ .timeouts = strcmp(d->name, "disk7") == 0 ||
						   strcmp(d->name, "cd9") == 0 };
}

/* The file system is its device. */
bool ext4_probe(struct block_device *d, char *label)
{
	static u8 buf[2048];

	if (block_read(d, 0, buf, sizeof(buf)) != 0 || buf[EXT4_MAGIC_AT] != 0x53)
		return false;
	memcpy(label, buf + EXT4_LABEL_AT, 17);
	return true;
}

static u8 ext4_byte(struct block_device *d, u32 at)
{
	return container_of(d, struct image_disk, d)->bytes[at];
}

int ext4_mount(struct block_device *d, bool read_only, struct ext4 **out)
{
	assert_int_equal(read_only, d->limits.removable);
	*out = (struct ext4 *)(void *)d;
	return -(int)ext4_byte(d, EXT4_ANSWER);
}

void ext4_info_get(struct ext4 *fs, struct ext4_info *info)
{
	bool read_only = ext4_byte((void *)fs, EXT4_READONLY) != 0;

	*info = (struct ext4_info){ .block_size = 4096, .blocks = 1000, .free_blocks = 600 };
	info->read_only = read_only;
	info->why = read_only ? "a feature" : NULL;
}

/* Those that are committed by time. */
static char committed[128];

void volume_commit_start(struct ext4 *fs, const char *name)
{
	assert_ptr_equal((void *)fs, container_of(name, struct block_device, name[0]));
	strcat(strcat(committed, " "), name);
}

static u32 synced;

int ext4_stop(struct ext4 *fs)
{
	(void)fs;
	synced++;
	return synced == 1 ? -EIO : 0;
}

static int ext4_stat(void *fs, const char *path, struct vfs_stat *stat)
{
	(void)fs;
	*stat = (struct vfs_stat){ .type = VFS_DIRECTORY };
	return path[0] == '\0' ? 0 : -ENOENT;
}

const struct vfs_ops ext4_vfs_ops = { .stat = ext4_stat };
const struct vfs_ops memfs_ops = { .stat = ext4_stat };

struct memfs *memfs_create(u64 limit)
{
	(void)limit;
	memory_stores++;
	return (struct memfs *)(void *)&memory_stores;
}

struct page_stats page_stats_get(void)
{
	return (struct page_stats){ .total = 1000 };
}

static struct image_disk *add(const char *name, struct image_disk *parent)
{
	struct image_disk *d = &devices[device_count++];

	image_disk_make(d, 64 * KIB, 512);
	snprintf(d->d.name, sizeof(d->d.name), "%s", name);
	d->d.parent = parent != NULL ? &parent->d : NULL;
	return d;
}

static struct image_disk *add_ext4(const char *name, struct image_disk *parent, const char *label)
{
	struct image_disk *d = add(name, parent);

	d->bytes[EXT4_MAGIC_AT] = 0x53;
	snprintf((char *)d->bytes + EXT4_LABEL_AT, 17, "%s", label);
	return d;
}

/* Also those that turn out to have nothing, or do not answer. */
static void add_drives(void)
{
	add("cd2", NULL)->d.limits.removable = true;
	/* It is only read, and VMs are not kept on it. */
	add_ext4("cd3", NULL, VOLUME_STORE)->d.limits.removable = true;
	add_ext4("cd9", NULL, "SILENT")->d.limits.removable = true;
}

static void add_file(const char *name, struct image_disk *parent, u32 sector_size)
{
	struct image_disk *d = &devices[device_count++];
	char path[128];

	snprintf(path, sizeof(path), "%s/image", image_folder());
	image_disk_load(d, path, sector_size);
	snprintf(d->d.name, sizeof(d->d.name), "%s", name);
	d->d.parent = parent != NULL ? &parent->d : NULL;
}

static void make_devices(void)
{
	struct image_disk *disk = add("disk0", NULL);
	const char *f = image_folder();

	/* A whole disk with an old file system's head, whose partitions count. */
	disk->bytes[EXT4_MAGIC_AT] = 0x53;
	strcpy((char *)disk->bytes + EXT4_LABEL_AT, "OLD");
	add_ext4("disk0p1", disk, VOLUME_STORE)->bytes[EXT4_ANSWER] = EINVAL;
	add("disk0p2", disk);
	add_ext4("disk1", NULL, VOLUME_STORE);
	disk = add("disk2", NULL);
	add_ext4("disk2p1", disk, VOLUME_STORE);
	add_ext4("disk2p2", disk, "")->bytes[EXT4_READONLY] = 1;
	add_ext4("disk2p3", disk, "../etc\x1b dir");
	assert_int_equal(image_command("cd %s && mkdir -p t && echo hello >t/a.txt && "
				       "xorriso -as mkisofs -quiet -R -V DATA -o image t",
				 f),
		0);
	add_file("cd0", NULL, 2048);
	devices[device_count - 1].d.limits.removable = true;
	assert_int_equal(image_command("cd %s && rm image && truncate -s 1440K image && "
				       "mformat -i image -f 1440 -v DATA :: && "
				       "mcopy -i image t/a.txt ::",
				 f),
		0);
	add_file("disk3", NULL, 512);
	/* Held by somebody, without a medium, off line, nothing on it, one that does not answer. */
	strcpy(add_ext4("disk4", NULL, "HELD")->d.holder, "VM web");
	add_ext4("cd1", NULL, "NONE")->d.limits.sectors = 0;
	devices[device_count - 1].d.limits.removable = true;
	add_ext4("disk5", NULL, "OFF")->d.offline = true;
	add("disk6", NULL);
	disk = add_ext4("disk7", NULL, "SILENT");
	add_ext4("disk7p1", disk, "SILENT");
	add_drives();
}

static void expect_volume(const char *device, const char *path, const char *why)
{
	struct volume_info info;

	for (u32 i = 0; volume_get(i, &info); i++) {
		if (strcmp(info.device, device) != 0)
			continue;
		assert_string_equal(info.path, path);
		assert_string_equal(info.why, why);
		return;
	}
	fail_msg("%s is no volume", device);
}

static void expect_content(const char *path)
{
	struct vfs_file file;
	char text[16];

	assert_int_equal(vfs_open(path, VFS_READ, &file), 0);
	assert_int_equal(vfs_read(&file, text, sizeof(text)), 6);
	assert_memory_equal(text, "hello\n", 6);
	vfs_close(&file);
}

/* In a process of its own: what is mounted is so for good. */
static void without_volumes_vms_are_in_memory(void **state)
{
	pid_t child = fork();
	int status = 0;

	(void)state;
	if (child == 0) {
		struct vfs_stat stat;
		bool good = vfs_stat("/vm", &stat) == -ENOENT;

		volumes_mount();
		vm_store_init();
		_exit(good && vm_store_is_volatile() && memory_stores == 1 &&
					vfs_stat("/vm", &stat) == 0
				? 0
				: 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void each_volume_has_its_place(void **state)
{
	struct volume_info info;
	u32 count = 0;

	(void)state;
	while (volume_get(count, &info))
		count++;
	assert_int_equal(count, 9);
	/* The first one is damaged, so it is the second one that has the VMs. */
	expect_volume("disk0p1", "", "invalid");
	expect_volume("disk1", "/vm", "");
	expect_volume("disk2p1", "/vol/VMSTORE", "");
	expect_volume("disk2p2", "/vol/disk2p2", "a feature");
	expect_volume("disk2p3", "/vol/_._etc__dir", "");
	expect_volume("cd0", "/vol/DATA-2", "such volumes are only read");
	expect_volume("disk3", "/vol/DATA", "such volumes are only read");
	expect_volume("disk4", "", "in use");
	expect_volume("cd3", "/vol/VMSTORE-2", "");
	assert_string_equal(committed, " disk1 disk2p1 disk2p2 disk2p3 cd3");
	expect_content("/vol/DATA-2/a.txt");
	expect_content("/vol/DATA/A.TXT");
	for (u32 i = 0; i < device_count; i++) {
		const char *name = devices[i].d.name;

		if (strncmp(name, "disk7", 5) == 0 || strcmp(name, "cd1") == 0)
			assert_int_equal(devices[i].reads, 0);
	}
}

static void devices_are_held_while_they_are_mounted(void **state)
{
	(void)state;
	for (u32 i = 0; i < device_count; i++) {
		const struct block_device *d = &devices[i].d;
		bool mounted = strcmp(d->name, "disk1") == 0 || strcmp(d->name, "cd0") == 0 ||
			       strcmp(d->name, "disk3") == 0 || strcmp(d->name, "cd3") == 0 ||
			       (strncmp(d->name, "disk2p", 6) == 0);

		if (strcmp(d->name, "disk4") == 0)
			assert_string_equal(d->holder, "VM web");
		else
			assert_int_equal(d->holder[0] != '\0', mounted);
	}
	assert_string_equal(block_next(&devices[2].d)->holder, "volume VMSTORE");
}

static void sizes_are_known(void **state)
{
	struct volume_info info;

	(void)state;
	assert_true(volume_get(1, &info));
	assert_string_equal(info.type, "ext4");
	assert_int_equal(info.size, 4096000);
	assert_int_equal(info.free, 600 * 4096);
	assert_false(info.read_only);
	assert_true(volume_get(4, &info));
	assert_string_equal(info.label, "../etc_ dir");
	assert_true(volume_get(0, &info));
	assert_int_equal(info.size, 64 * KIB);
	assert_true(volume_get(6, &info));
	assert_string_equal(info.type, "fat");
	assert_true(info.size > 1400 * KIB && info.size < 1440 * KIB);
	assert_true(info.read_only);
}

static void a_store_takes_the_place_of_memory(void **state)
{
	(void)state;
	assert_true(volume_is_store());
	assert_false(vm_store_is_volatile());
	vm_store_init();
	assert_int_equal(memory_stores, 0);
}

static void what_is_not_synced_is_told(void **state)
{
	(void)state;
	volumes_stop();
	assert_int_equal(synced, 5);
	assert_string_equal(image_log,
		"volume: disk1: not all that was written is on the medium: input or output failed");
}

static u64 reads_of_drives(void)
{
	u64 reads = 0;

	for (u32 i = 0; i < device_count; i++)
		reads += devices[i].d.limits.removable ? devices[i].reads : 0;
	return reads;
}

/* Boot does not touch drives; those with a medium are listed as such meanwhile. */
static void volumes_are_found(void **state)
{
	struct volume_info info;
	char looking[64] = "";

	(void)state;
	make_devices();
	volumes_mount();
	assert_string_equal(image_log, "volume: disk4: ext4 \"HELD\" cannot be mounted: in use");
	for (u32 i = 0; volume_get(i, &info); i++) {
		if (!info.looking)
			continue;
		assert_string_equal(info.type, "");
		assert_string_equal(info.path, "");
		assert_string_equal(info.why, "");
		strcat(strcat(looking, " "), info.device);
	}
	assert_string_equal(looking, " cd0 cd2 cd3 cd9");
	assert_int_equal(reads_of_drives(), 0);
}

/* Only in the log, and no longer than they answer. */
static void drives_are_looked_at_later(void **state)
{
	struct volume_info info;

	(void)state;
	image_log[0] = '\0';
	volumes_mount_removable();
	assert_true(reads_of_drives() > 0);
	assert_string_equal(image_log, "");
	assert_string_equal(image_log_quiet,
		"volume: cd3: ext4 \"VMSTORE\" at /vol/VMSTORE-2; another one is at /vm");
	for (u32 i = 0; volume_get(i, &info); i++) {
		assert_false(info.looking);
		assert_string_not_equal(info.device, "cd2");
		assert_string_not_equal(info.device, "cd9");
	}
}

static int tear_down(void **state)
{
	(void)state;
	for (u32 i = 0; i < device_count; i++)
		image_disk_free(&devices[i]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_volumes_vms_are_in_memory),
		cmocka_unit_test(volumes_are_found),
		cmocka_unit_test(drives_are_looked_at_later),
		cmocka_unit_test(each_volume_has_its_place),
		cmocka_unit_test(devices_are_held_while_they_are_mounted),
		cmocka_unit_test(sizes_are_known),
		cmocka_unit_test(a_store_takes_the_place_of_memory),
		cmocka_unit_test(what_is_not_synced_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, tear_down);
}
