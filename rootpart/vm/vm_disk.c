/* SPDX-License-Identifier: MIT */
/*
 * One request is one of the virtual disk's, in the memory that the provider keeps for it.
 */
#include "rootpart/vm/vm_disk.h"

#include "base/errno.h"
#include "lib/format.h"
#include "lib/sha256.h"
#include "lib/string.h"
#include "rootpart/errno_text.h"
#include "rootpart/heap.h"

/* Lists of segments go down as they are. */
static_assert(sizeof(struct vsp_segment) == sizeof(struct block_segment));
static_assert(offsetof(struct vsp_segment, gpa) == offsetof(struct block_segment, gpa));
static_assert(offsetof(struct vsp_segment, len) == offsetof(struct block_segment, len));
static_assert(VSP_DISK_BYTES_MAX <= BLOCK_REQUEST_MAX);
static_assert(VSP_DISK_SEGMENTS_MAX <= BLOCK_SEGMENTS_MAX);

static const enum block_op ops_of[] = {
	[VSP_DISK_READ] = BLOCK_READ,
	[VSP_DISK_WRITE] = BLOCK_WRITE,
	[VSP_DISK_FLUSH] = BLOCK_FLUSH,
	[VSP_DISK_DISCARD] = BLOCK_DISCARD,
};

static struct vm_disk *disk_of(struct vsp_disk *d)
{
	return container_of(d, struct vm_disk, disk);
}

static void done(struct block_request *b)
{
	struct vsp_disk_request *r = container_of(b, struct vm_disk_request, q.r)->from;

	r->done(r, b->error);
}

static void submit(struct vsp_disk *d, struct vsp_disk_request *r)
{
	struct vm_disk_request *p = r->private;

	p->from = r;
	p->q.r.op = ops_of[r->op];
	p->q.r.flags = r->fua ? BLOCK_FUA : 0;
	p->q.r.sector = r->sector;
	p->q.r.bytes = r->bytes;
	p->q.r.segments = (const struct block_segment *)r->segments;
	p->q.r.segment_count = r->segment_count;
	p->q.r.done = done;
	vdisk_submit(disk_of(d)->vdisk, &p->q);
}

static void plug(struct vsp_disk *d)
{
	vdisk_plug(disk_of(d)->vdisk);
}

static void unplug(struct vsp_disk *d)
{
	vdisk_unplug(disk_of(d)->vdisk);
}

static const struct vsp_disk_ops ops = { .submit = submit, .plug = plug, .unplug = unplug };

void vm_disk_make_id(const char *vm, const void *what, size_t size, u8 id[16])
{
	u8 digest[SHA256_SIZE];
	struct sha256 s;

	sha256_begin(&s);
	/* With what ends it: neither of both runs into the other. */
	sha256_add(&s, vm, strlen(vm) + 1);
	sha256_add(&s, what, size);
	sha256_end(&s, digest);
	memcpy(id, digest, 16);
}

static void describe(struct vm_disk *d, const struct vm_disk_how *how)
{
	d->disk = (struct vsp_disk){
		.ops = &ops,
		.request_bytes = VM_DISK_REQUEST_BYTES,
		.sector_size = d->vdisk->sector_size,
		.sectors = d->vdisk->sectors,
		.read_only = d->vdisk->read_only,
		.write_cache = d->vdisk->write_cache,
		.max_discard = d->vdisk->max_discard,
	};
	vm_disk_make_id(how->vm, how->path, strlen(how->path), d->disk.id);
}

static int explain(char *why, size_t size, const char *path, int error, const char *other)
{
	if (error == -EBUSY && other[0] != '\0')
		(void)format(why, size, "%.120s: %s has it", path, other);
	else
		(void)format(why, size, "%.120s: %s", path, errno_text(error));
	return error;
}

int vm_disk_open(const struct vm_disk_how *how, struct vm_disk **out, char *why, size_t why_size)
{
	char holder[BLOCK_HOLDER_SIZE], other[BLOCK_HOLDER_SIZE];
	const struct vdisk_how open = {
		.path = how->path,
		.holder = holder,
		.write = !how->read_only,
		.sector_size = how->sector_size,
	};
	struct vm_disk *d = kzalloc(sizeof(*d));
	int r;

	other[0] = '\0';
	(void)format(holder, sizeof(holder), "VM %.30s", how->vm);
	r = d != NULL ? vdisk_open(&open, other, &d->vdisk) : -ENOMEM;
	if (r != 0) {
		kfree(d);
		return explain(why, why_size, how->path, r, other);
	}
	describe(d, how);
	*out = d;
	return 0;
}

void vm_disk_close(struct vm_disk *d)
{
	vdisk_close(d->vdisk);
	kfree(d);
}
