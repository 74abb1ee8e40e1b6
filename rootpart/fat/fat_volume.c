/* SPDX-License-Identifier: MIT */
/*
 * The boot sector: which FAT it is, and where its parts lie. Everything in it is checked
 * here, so that the rest only has to look at cluster numbers.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/block/block.h"
#include "rootpart/fat/fat_impl.h"
#include "rootpart/heap.h"
#include "rootpart/log.h"

#define BOOT_SIZE 512u

/* Offsets in it. */
#define BOOT_SYSTEM        3u
#define BOOT_SECTOR_SIZE   11u
#define BOOT_CLUSTER       13u
#define BOOT_RESERVED      14u
#define BOOT_TABLES        16u
#define BOOT_ROOT_ENTRIES  17u
#define BOOT_SECTORS_16    19u
#define BOOT_MEDIA         21u
#define BOOT_TABLE_SIZE_16 22u
#define BOOT_SECTORS_32    32u
#define BOOT_TABLE_SIZE_32 36u
#define BOOT_FLAGS_32      40u
#define BOOT_VERSION_32    42u
#define BOOT_ROOT_32       44u
#define BOOT_INFO_32       48u
#define BOOT_LABEL_16      43u
#define BOOT_LABEL_32      71u
#define BOOT_SIGNATURE     510u

#define FLAG_ONE_TABLE     BIT(7) /* bits 0 to 3: which one */
#define CLUSTERS_12        4085u  /* those of FAT12 are fewer */

static bool is_power_of_2(u32 n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

static u32 table_sectors(const u8 *b)
{
	u32 size = fat_le16(b + BOOT_TABLE_SIZE_16);

	return size != 0 ? size : fat_le32(b + BOOT_TABLE_SIZE_32);
}

/* A boot sector at all: other things begin with the same jump. */
static bool looks_right(const u8 *b)
{
	u32 sector = fat_le16(b + BOOT_SECTOR_SIZE);

	return (b[0] == 0xeb || b[0] == 0xe9) && fat_le16(b + BOOT_SIGNATURE) == 0xaa55 &&
	       is_power_of_2(sector) && sector >= 512 && sector <= 4096 &&
	       is_power_of_2(b[BOOT_CLUSTER]) && fat_le16(b + BOOT_RESERVED) > 0 &&
	       b[BOOT_TABLES] > 0 && b[BOOT_TABLES] <= 4 &&
	       (b[BOOT_MEDIA] == 0xf0 || b[BOOT_MEDIA] >= 0xf8) && table_sectors(b) > 0;
}

static void copy_label(const u8 *from, char *label)
{
	size_t len = 11;

	memcpy(label, from, len);
	while (len > 0 && (label[len - 1] == ' ' || label[len - 1] == '\0'))
		len--;
	label[len] = '\0';
	for (size_t i = 0; i < len; i++) {
		if ((u8)label[i] < 0x20 || (u8)label[i] > 0x7e)
			label[i] = '_';
	}
	if (strcmp(label, "NO NAME") == 0)
		label[0] = '\0';
}

/* FAT32 only. False: a version, or a table, that is not there. */
static bool read_32(const u8 *b, struct fat_geometry *g, u64 table_size)
{
	u32 flags = fat_le16(b + BOOT_FLAGS_32), table = flags & 15;
	u32 info = fat_le16(b + BOOT_INFO_32);

	g->bits = 32;
	g->root_cluster = fat_le32(b + BOOT_ROOT_32);
	if (flags & FLAG_ONE_TABLE) {
		if (table >= b[BOOT_TABLES])
			return false;
		g->table += table * table_size;
	}
	if (info != 0 && info < fat_le16(b + BOOT_RESERVED))
		g->info = (u64)info * g->sector_size;
	copy_label(b + BOOT_LABEL_32, g->label);
	return fat_le16(b + BOOT_VERSION_32) == 0 && g->root_cluster >= FAT_FIRST &&
	       g->root_cluster - FAT_FIRST < g->clusters;
}

/* Clusters are no more than the table has entries for. */
static bool table_holds(const struct fat_geometry *g, u64 table_size)
{
	return (g->clusters + (u64)FAT_FIRST) * g->bits <= table_size * 8;
}

static bool read_geometry(const u8 *b, struct fat_geometry *g)
{
	u64 table_size, sectors = fat_le16(b + BOOT_SECTORS_16), end, clusters;

	g->sector_size = fat_le16(b + BOOT_SECTOR_SIZE);
	g->cluster_size = g->sector_size * b[BOOT_CLUSTER];
	table_size = (u64)table_sectors(b) * g->sector_size;
	sectors = sectors != 0 ? sectors : fat_le32(b + BOOT_SECTORS_32);
	g->table = (u64)fat_le16(b + BOOT_RESERVED) * g->sector_size;
	g->root = g->table + b[BOOT_TABLES] * table_size;
	g->root_size = (u64)fat_le16(b + BOOT_ROOT_ENTRIES) * FAT_ENTRY_SIZE;
	g->data = g->root + ALIGN_UP(g->root_size, g->sector_size);
	end = sectors * g->sector_size;
	if (end < g->data)
		return false;
	clusters = (end - g->data) / g->cluster_size;
	if (clusters == 0 || clusters > 0x0ffffff5)
		return false;
	g->clusters = (u32)clusters;
	if (fat_le16(b + BOOT_TABLE_SIZE_16) == 0)
		return read_32(b, g, table_size) && table_holds(g, table_size);
	g->bits = clusters < CLUSTERS_12 ? 12 : 16;
	copy_label(b + BOOT_LABEL_16, g->label);
	return g->root_size > 0 && table_holds(g, table_size);
}

static int refuse(const struct fat *fs, int error, const char *why)
{
	if (!fs->quiet)
		log_printf("fat: %s: %s", fs->d->name, why);
	return error;
}

/* The root directory's entry for it counts more than the boot sector's field. */
static void read_label(struct fat *fs)
{
	u64 offset = 0;
	u32 entries = 0;

	while (entries++ < 512 && fat_entry_next(fs, fs->g.root_cluster, &offset) == 1) {
		u8 raw[FAT_ENTRY_SIZE];

		if (fs->found.kind != FAT_VOLUME_LABEL)
			continue;
		if (fat_chain_read(fs, &fs->listed, offset - FAT_ENTRY_SIZE, raw, sizeof(raw)) ==
			(s64)sizeof(raw))
			copy_label(raw, fs->g.label);
		return;
	}
}

static int load(struct fat *fs)
{
	u8 boot[BOOT_SIZE];
	int r = block_bytes_read(fs->bytes, 0, boot, sizeof(boot));

	if (r != 0)
		return r;
	if (memcmp(boot + BOOT_SYSTEM, "EXFAT   ", 8) == 0)
		return refuse(fs, -ENOTSUP, "exFAT, which is not known here");
	if (!looks_right(boot) || !read_geometry(boot, &fs->g))
		return refuse(fs, -EINVAL, "no FAT file system, or a damaged one");
	/* A probe finds it all the same, so that somebody is told why it is not mounted. */
	if (!fs->quiet && !block_bytes_within(
				  fs->bytes, fs->g.data, (u64)fs->g.clusters * fs->g.cluster_size))
		return refuse(fs, -EINVAL, "the file system is larger than the device");
	read_label(fs);
	return 0;
}

static int load_new(struct block_device *d, bool quiet, struct fat **out)
{
	struct fat *fs = kzalloc(sizeof(*fs));
	int r = -ENOMEM;

	if (fs != NULL) {
		fs->d = d;
		fs->quiet = quiet;
		mutex_init(&fs->lock);
		fs->bytes = block_bytes_create(d);
		r = fs->bytes != NULL ? load(fs) : -ENOMEM;
	}
	if (r != 0) {
		fat_unmount(fs);
		return r;
	}
	*out = fs;
	return 0;
}

bool fat_probe(struct block_device *d, char *label)
{
	struct fat *fs;

	if (load_new(d, true, &fs) != 0)
		return false;
	memcpy(label, fs->g.label, FAT_LABEL);
	fat_unmount(fs);
	return true;
}

int fat_mount(struct block_device *d, struct fat **out)
{
	return load_new(d, false, out);
}

void fat_unmount(struct fat *fs)
{
	if (fs == NULL)
		return;
	block_bytes_free(fs->bytes);
	kfree(fs);
}
