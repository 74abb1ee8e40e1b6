/* SPDX-License-Identifier: MIT */
/*
 * The table of volumes. The boot task alone makes and changes entries, so it reads them as it likes;
 * each change is under the table's lock, and who else reads takes a copy under it. What an entry
 * leads to lives for ever. Devices are waited for without the lock.
 *
 * A partition and its disk cannot both be held, so a disk is only looked at as a whole if its
 * partitions have nothing: discs' images on sticks have a table of partitions as well.
 */
#include "rootpart/volume.h"

#include "base/errno.h"
#include "lib/format.h"
#include "lib/string.h"
#include "rootpart/errno_text.h"
#include "rootpart/ext4/ext4.h"
#include "rootpart/fat/fat.h"
#include "rootpart/iso9660/iso9660.h"
#include "rootpart/log.h"
#include "rootpart/mutex.h"
#include "rootpart/vfs.h"
#include "rootpart/vm/vm_config.h"
#include "rootpart/volume_commit.h"

#define ROOT "/vol/"

/* A kind of file system. Labels fit VOLUME_LABEL. */
struct volume_type {
	const char *name;
	bool (*probe)(struct block_device *d, char *label);
	int (*mount)(struct block_device *d, bool read_only, void **fs);
	const struct vfs_ops *ops;
};

struct volume {
	struct block_device *d;
	const struct volume_type *type; /* NULL: nobody knows yet */
	void *fs;                       /* NULL: not mounted */
	int error;
	char label[VOLUME_LABEL];
	char path[VOLUME_PATH];
};

static struct mutex lock = MUTEX_INIT(lock); /* of the next two */
static struct volume volumes[VOLUMES_MAX];
static u32 volume_count;
static bool store; /* the boot task's until VMs are read */

static int mount_ext4(struct block_device *d, bool read_only, void **out)
{
	struct ext4 *fs = NULL;
	int r = ext4_mount(d, read_only, &fs);

	*out = r == 0 ? fs : NULL;
	return r;
}

static int mount_iso9660(struct block_device *d, bool read_only, void **out)
{
	struct iso9660 *fs = NULL;
	int r = iso9660_mount(d, &fs);

	(void)read_only;
	*out = r == 0 ? fs : NULL;
	return r;
}

static int mount_fat(struct block_device *d, bool read_only, void **out)
{
	struct fat *fs = NULL;
	int r = fat_mount(d, &fs);

	(void)read_only;
	*out = r == 0 ? fs : NULL;
	return r;
}

static_assert(ISO9660_LABEL <= VOLUME_LABEL && FAT_LABEL <= VOLUME_LABEL, "labels fit");

static const struct volume_type types[] = {
	{ "ext4", ext4_probe, mount_ext4, &ext4_vfs_ops },
	{ "iso9660", iso9660_probe, mount_iso9660, &iso9660_vfs_ops },
	{ "fat", fat_probe, mount_fat, &fat_vfs_ops },
};

static bool is_store(const struct volume *v)
{
	return v->type->ops == &ext4_vfs_ops && strcmp(v->label, VOLUME_STORE) == 0;
}

static bool taken(const struct volume *v)
{
	for (u32 i = 0; i < volume_count; i++) {
		if (strcmp(volumes[i].path, v->path) == 0)
			return true;
	}
	return false;
}

/* What of @label is a name that needs no quotes anywhere; the device's name if that is nothing. */
static void safe_name(const struct volume *v, char name[VOLUME_LABEL])
{
	size_t len = 0;

	for (const char *p = v->label; *p != '\0'; p++) {
		bool good = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			    (*p >= '0' && *p <= '9') || *p == '-' || *p == '_' ||
			    (*p == '.' && len > 0);

		name[len++] = good ? *p : '_';
	}
	name[len] = '\0';
	if (len == 0)
		(void)str_copy(name, v->d->name, VOLUME_LABEL);
}

static void choose_path(struct volume *v)
{
	char name[VOLUME_LABEL];

	if (is_store(v) && !store && !v->d->limits.removable) {
		(void)str_copy(v->path, VM_ROOT, sizeof(v->path));
		return;
	}
	safe_name(v, name);
	(void)format(v->path, sizeof(v->path), ROOT "%s", name);
	for (u32 i = 2; taken(v); i++)
		(void)format(v->path, sizeof(v->path), ROOT "%s-%u", name, i);
}

static void describe_ext4(const struct volume *v, struct volume_info *info)
{
	struct ext4_info e;

	ext4_info_get(v->fs, &e);
	info->size = e.blocks * e.block_size;
	info->free = e.free_blocks * e.block_size;
	info->read_only = e.read_only;
	info->uncommitted = e.uncommitted;
	if (e.why != NULL)
		(void)str_copy(info->why, e.why, sizeof(info->why));
}

static void describe_other(const struct volume *v, struct volume_info *info)
{
	struct vfs_statfs s;

	info->read_only = true;
	(void)str_copy(info->why, "such volumes are only read", sizeof(info->why));
	if (v->type->ops->statfs(v->fs, &s) == 0) {
		info->size = s.blocks * s.block_size;
		info->free = s.free_blocks * s.block_size;
	}
}

static void describe(const struct volume *v, struct volume_info *info)
{
	*info = (struct volume_info){ .type = v->type != NULL ? v->type->name : "" };
	memcpy(info->device, v->d->name, sizeof(info->device));
	memcpy(info->label, v->label, sizeof(info->label));
	memcpy(info->path, v->path, sizeof(info->path));
	if (v->fs == NULL) {
		info->size = READ_ONCE(v->d->limits.sectors) * v->d->limits.sector_size;
		info->looking = v->type == NULL;
		if (v->error != 0)
			(void)str_copy(info->why, errno_text(v->error), sizeof(info->why));
	} else if (v->type->ops == &ext4_vfs_ops) {
		describe_ext4(v, info);
	} else {
		describe_other(v, info);
	}
}

/* What is found behind the prompt is for who looks at the log: nobody waits for it. */
static void tell(const struct volume *v)
{
	void (*say)(const char *fmt, ...) = v->d->limits.removable ? log_quiet : log_printf;
	struct volume_info info;

	describe(v, &info);
	if (v->fs == NULL)
		say("volume: %s: %s \"%s\" cannot be mounted: %s", v->d->name, v->type->name,
			v->label, info.why);
	else
		say("volume: %s: %s \"%s\" at %s%s%s%s%s", v->d->name, v->type->name, v->label,
			v->path, info.read_only ? ", read-only" : "",
			info.why[0] != '\0' ? ": " : "", info.why,
			is_store(v) && strcmp(v->path, VM_ROOT) != 0
				? "; another one is at " VM_ROOT
				: "");
}

/* Its path stays empty if that fails. */
static int mount(struct volume *v)
{
	const struct block_limits *limits = &v->d->limits;
	char path[VOLUME_PATH];
	int r = v->type->mount(v->d, limits->read_only || limits->removable, &v->fs);

	if (r != 0)
		return r;
	choose_path(v);
	memcpy(path, v->path, sizeof(path));
	r = vfs_mount(path, v->type->ops, v->fs);
	if (r != 0) {
		v->fs = NULL;
		v->path[0] = '\0';
		return r;
	}
	store = store || strcmp(path, VM_ROOT) == 0;
	if (v->type->ops == &ext4_vfs_ops)
		volume_commit_start(v->fs, v->d->name);
	return 0;
}

static void hold_and_mount(struct volume *v)
{
	char other[BLOCK_HOLDER_SIZE], holder[BLOCK_HOLDER_SIZE];

	(void)format(holder, sizeof(holder), "volume %s",
		v->label[0] != '\0' ? v->label : v->type->name);
	v->error = block_hold(v->d, holder, other);
	if (v->error != 0)
		return;
	v->error = mount(v);
	if (v->error != 0)
		block_let_go(v->d);
}

/* A disk that does not answer would hold the boot up by each request, and be given up for it. */
static bool answers(const struct block_device *d)
{
	const struct block_device *disk = d->parent != NULL ? d->parent : d;
	struct block_stats stats;

	block_stats_get(disk, &stats);
	return !disk->offline && stats.timeouts == 0 && d->limits.sectors > 0;
}

/* Labels are printed: no control characters. */
static void copy_label(const char *label, char out[VOLUME_LABEL])
{
	(void)str_copy(out, label, VOLUME_LABEL);
	for (char *p = out; *p != '\0'; p++) {
		if ((u8)*p < 0x20 || *p == 0x7f)
			*p = '_';
	}
}

/* Whether @d has a file system: @v, not mounted yet. */
static bool identify(struct block_device *d, struct volume *v)
{
	for (u32 i = 0; i < ARRAY_SIZE(types) && answers(d); i++) {
		char label[VOLUME_LABEL] = "";

		if (!types[i].probe(d, label))
			continue;
		*v = (struct volume){ .d = d, .type = &types[i] };
		copy_label(label, v->label);
		return true;
	}
	return false;
}

static bool has_room(const struct block_device *d)
{
	if (volume_count < VOLUMES_MAX)
		return true;
	log_printf("volume: %s: more than %u volumes", d->name, VOLUMES_MAX);
	return false;
}

static void add(const struct volume *v)
{
	mutex_lock(&lock);
	volumes[volume_count++] = *v;
	mutex_unlock(&lock);
}

/* True if @d has a file system, mounted or not. */
static bool look_at(struct block_device *d)
{
	struct volume v;

	if (!identify(d, &v))
		return false;
	if (has_room(d)) {
		hold_and_mount(&v);
		tell(&v);
		add(&v);
	}
	return true;
}

/* A drive may take many seconds to tell what lies in it: boot does not wait for it. */
static void leave_for_later(struct block_device *drive)
{
	const struct volume v = { .d = drive };

	if (READ_ONCE(drive->limits.sectors) > 0 && has_room(drive))
		add(&v);
}

void volumes_mount(void)
{
	struct block_device *d = block_next(NULL);

	while (d != NULL) {
		struct block_device *disk = d;
		bool found = false;

		for (d = block_next(d); d != NULL && d->parent == disk; d = block_next(d))
			found = look_at(d) || found;
		if (found)
			continue;
		if (disk->limits.removable)
			leave_for_later(disk);
		else
			(void)look_at(disk);
	}
}

/* What was found takes the place of entry @i; NULL: those behind it do. */
static void settle(u32 i, const struct volume *found)
{
	mutex_lock(&lock);
	if (found != NULL) {
		volumes[i] = *found;
	} else {
		volume_count--;
		memmove(&volumes[i], &volumes[i + 1], (volume_count - i) * sizeof(volumes[i]));
	}
	mutex_unlock(&lock);
}

void volumes_mount_removable(void)
{
	struct volume v;
	u32 i = 0;

	while (i < volume_count) {
		if (volumes[i].type != NULL) {
			i++;
		} else if (identify(volumes[i].d, &v)) {
			hold_and_mount(&v);
			tell(&v);
			settle(i++, &v);
		} else {
			settle(i, NULL);
		}
	}
}

bool volume_is_store(void)
{
	return store;
}

/* A copy of the @i-th; false behind the last one. */
static bool get(u32 i, struct volume *v)
{
	bool there;

	mutex_lock(&lock);
	there = i < volume_count;
	if (there)
		*v = volumes[i];
	mutex_unlock(&lock);
	return there;
}

void volumes_stop(void)
{
	struct volume v;

	for (u32 i = 0; get(i, &v); i++) {
		int r;

		if (v.fs == NULL || v.type->ops != &ext4_vfs_ops)
			continue;
		r = ext4_stop(v.fs);
		if (r != 0)
			log_printf("volume: %s: not all that was written is on the medium: %s",
				v.d->name, errno_text(r));
	}
}

bool volume_get(u32 i, struct volume_info *info)
{
	struct volume v;

	if (!get(i, &v))
		return false;
	describe(&v, info);
	return true;
}
