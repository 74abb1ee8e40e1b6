/* SPDX-License-Identifier: MIT */
/*
 * Descriptors (ECMA-119, 8): from sector 16 on, until one that says that they end. The
 * primary one is needed; a supplementary one may be Joliet's, with a tree of its own.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/block/block.h"
#include "rootpart/heap.h"
#include "rootpart/iso9660/iso9660_impl.h"
#include "rootpart/log.h"

#define FIRST_DESCRIPTOR 16u
#define DESCRIPTORS_MAX  64u

enum { TYPE_PRIMARY = 1, TYPE_SUPPLEMENTARY = 2, TYPE_END = 255 };

/* Offsets in a primary or supplementary descriptor. */
#define VOLUME_ID      40u
#define VOLUME_ID_SIZE 32u
#define VOLUME_BLOCKS  80u
#define VOLUME_ESCAPES 88u
#define BLOCK_SIZE     128u
#define ROOT_RECORD    156u

/* The first and, if there is one, Joliet's descriptor. */
struct descriptors {
	u8 sector[ISO_SECTOR];
	u8 primary[ISO_SECTOR];
	u8 joliet[ISO_SECTOR];
	bool has_primary;
	bool has_joliet;
};

/* UCS-2 in one of three levels: "%/@", "%/C", "%/E". */
static bool is_joliet(const u8 *d)
{
	const u8 *e = d + VOLUME_ESCAPES;

	return e[0] == '%' && e[1] == '/' && (e[2] == '@' || e[2] == 'C' || e[2] == 'E');
}

static int read_descriptors(struct block_bytes *bytes, struct descriptors *ds)
{
	u8 *d = ds->sector;

	for (u32 i = 0; i < DESCRIPTORS_MAX; i++) {
		int r = block_bytes_read(
			bytes, (u64)(FIRST_DESCRIPTOR + i) * ISO_SECTOR, d, ISO_SECTOR);

		if (r != 0)
			return ds->has_primary ? 0 : r;
		if (memcmp(d + 1, "CD001", 5) != 0 || d[0] == TYPE_END)
			break;
		if (d[0] == TYPE_PRIMARY && !ds->has_primary) {
			memcpy(ds->primary, d, ISO_SECTOR);
			ds->has_primary = true;
		} else if (d[0] == TYPE_SUPPLEMENTARY && !ds->has_joliet && is_joliet(d)) {
			memcpy(ds->joliet, d, ISO_SECTOR);
			ds->has_joliet = true;
		}
	}
	return ds->has_primary ? 0 : -EINVAL;
}

static void copy_label(const u8 *descriptor, char *label)
{
	size_t len = VOLUME_ID_SIZE;

	memcpy(label, descriptor + VOLUME_ID, len);
	while (len > 0 && (label[len - 1] == ' ' || label[len - 1] == '\0'))
		len--;
	label[len] = '\0';
	for (size_t i = 0; i < len; i++) {
		if ((u8)label[i] < 0x20 || (u8)label[i] > 0x7e)
			label[i] = '_';
	}
}

static int set_root(struct iso9660 *fs, const u8 *descriptor)
{
	fs->root = iso_record_extent(fs, descriptor + ROOT_RECORD);
	if (fs->root.size == 0)
		return iso_damaged(fs, "the root directory is empty");
	return iso_extent_check(fs, &fs->root);
}

/* Rock Ridge shows in the root directory's own record. */
static int choose_names(struct iso9660 *fs, const struct descriptors *ds)
{
	u64 offset = 0;
	int r = set_root(fs, ds->primary);

	if (r == 0 && iso_record_next(fs, &fs->root, &offset) == 1)
		r = iso_susp_detect(fs);
	else
		r = -ENOENT;
	if (r >= 0) {
		fs->names = ISO_NAMES_ROCK_RIDGE;
		fs->skip = (u32)r;
		return 0;
	}
	if (ds->has_joliet && set_root(fs, ds->joliet) == 0) {
		fs->names = ISO_NAMES_JOLIET;
		return 0;
	}
	return set_root(fs, ds->primary);
}

static int load(struct iso9660 *fs, struct descriptors *ds)
{
	int r = read_descriptors(fs->bytes, ds);

	if (r != 0) {
		log_printf("iso9660: %s: no descriptors of a volume", fs->d->name);
		return r;
	}
	copy_label(ds->primary, fs->label);
	fs->blocks = iso_le32(ds->primary + VOLUME_BLOCKS);
	fs->block_size = iso_le16(ds->primary + BLOCK_SIZE);
	if (fs->block_size != 512 && fs->block_size != 1024 && fs->block_size != 2048) {
		log_printf("iso9660: %s: blocks of %u bytes", fs->d->name, fs->block_size);
		return -EINVAL;
	}
	r = choose_names(fs, ds);
	return r == -EIO ? -EINVAL : r;
}

bool iso9660_probe(struct block_device *d, char *label)
{
	struct block_bytes *bytes = block_bytes_create(d);
	struct descriptors *ds = kzalloc(sizeof(*ds));
	bool found = bytes != NULL && ds != NULL && read_descriptors(bytes, ds) == 0;

	if (found)
		copy_label(ds->primary, label);
	kfree(ds);
	block_bytes_free(bytes);
	return found;
}

int iso9660_mount(struct block_device *d, struct iso9660 **out)
{
	struct descriptors *ds = kzalloc(sizeof(*ds));
	struct iso9660 *fs = kzalloc(sizeof(*fs));
	int r = -ENOMEM;

	if (fs != NULL && ds != NULL) {
		fs->d = d;
		mutex_init(&fs->lock);
		fs->bytes = block_bytes_create(d);
		r = fs->bytes != NULL ? load(fs, ds) : -ENOMEM;
	}
	kfree(ds);
	if (r != 0) {
		iso9660_unmount(fs);
		return r;
	}
	*out = fs;
	return 0;
}

void iso9660_unmount(struct iso9660 *fs)
{
	if (fs == NULL)
		return;
	block_bytes_free(fs->bytes);
	kfree(fs);
}
