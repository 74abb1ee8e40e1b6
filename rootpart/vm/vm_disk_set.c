/* SPDX-License-Identifier: MIT */
/*
 * Disks that come and go: vm.conf and the table first, then the machine, if it is on. What the
 * machine refuses is taken back. Any task.
 */
#include "base/errno.h"
#include "lib/format.h"
#include "lib/string.h"
#include "rootpart/errno_text.h"
#include "rootpart/heap.h"
#include "rootpart/log.h"
#include "rootpart/vm/vm_disk_text.h"
#include "rootpart/vm/vm_impl.h"

/* A configuration before and after: from the heap, because both are too large for a stack. */
struct change {
	struct vm_config old;
	struct vm_config new;
};

/* Keeps a configuration that has the disk @text, or "", at @lun. */
static int put(struct vm *vm, struct change *c, u32 lun, const char *text, char *why)
{
	c->new = vm->config;
	(void)str_copy(c->new.disks[lun], text, sizeof(c->new.disks[lun]));
	return vm_keep(vm, &c->new, why);
}

/* What the machine has is what counts, whatever becomes of the file. */
static void put_back(struct vm *vm, struct change *c, u32 lun)
{
	char why[VM_WHY];

	if (put(vm, c, lun, c->old.disks[lun], why) == 0)
		return;
	(void)str_copy(vm->config.disks[lun], c->old.disks[lun], sizeof(vm->config.disks[lun]));
	log_printf("vm: %s: disk%u of its vm.conf is wrong: %s", vm->config.name, lun, why);
}

/* All of it or nothing. */
static int make(struct vm *vm, struct change *c, u32 lun, const char *text, char *why)
{
	int r = put(vm, c, lun, text, why);

	if (r != 0 || !vm->on)
		return r;
	r = text[0] != '\0' ? vm_machine_attach(vm, lun, why) : vm_machine_detach(vm, lun, why);
	if (r != 0)
		put_back(vm, c, lun);
	return r;
}

static int change(struct vm *vm, u32 lun, const char *text, char *why)
{
	struct change *c;
	int r;

	/* What it is built from is read already, or what was built is not gone. */
	if (vm_is_on(vm->state) && !vm->on)
		return vm_because(why, -EBUSY, "it is just starting or stopping; try again");
	c = kmalloc(sizeof(*c));
	if (c == NULL)
		return vm_because(why, -ENOMEM, errno_text(-ENOMEM));
	c->old = vm->config;
	r = make(vm, c, lun, text, why);
	kfree(c);
	return r;
}

static int add(struct vm *vm, const char *disk, char *why)
{
	u32 lun = vm_disk_text_free(&vm->config);
	const char *wrong;
	struct vm_disk_text d;
	char text[VM_DISK_TEXT];

	wrong = vm_disk_text_parse(&d, disk);
	if (wrong != NULL)
		return vm_because(why, -EINVAL, wrong);
	if (vm_disk_text_find(&vm->config, d.path) < VM_DISKS_MAX) {
		(void)format(why, VM_WHY, "it has the disk %.200s already", d.path);
		return -EEXIST;
	}
	if (lun == VM_DISKS_MAX)
		return vm_because(why, -ENOSPC, "it has 16 disks, and cannot have more");
	vm_disk_text_format(&d, text);
	return change(vm, lun, text, why);
}

static int remove(struct vm *vm, const char *path, char *why)
{
	char normal[PATH_MAX];
	u32 lun = VM_DISKS_MAX;

	if (path_normalise(path, normal) == 0)
		lun = vm_disk_text_find(&vm->config, normal);
	if (lun < VM_DISKS_MAX)
		return change(vm, lun, "", why);
	(void)format(why, VM_WHY, "it has no disk %.200s", path);
	return -ENOENT;
}

static int with_vm(const char *name, const char *text,
	int (*what)(struct vm *vm, const char *text, char *why), char *why)
{
	struct vm *vm;
	int r;

	mutex_lock(&vm_lock);
	vm = vm_find(name);
	r = vm != NULL ? what(vm, text, why) : vm_because(why, -ENOENT, "there is no such VM");
	mutex_unlock(&vm_lock);
	return r;
}

int vm_add_disk(const char *name, const char *disk, char *why)
{
	return with_vm(name, disk, add, why);
}

int vm_remove_disk(const char *name, const char *path, char *why)
{
	return with_vm(name, path, remove, why);
}
