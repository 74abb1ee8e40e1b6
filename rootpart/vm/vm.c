/* SPDX-License-Identifier: MIT */
/*
 * The table of VMs: configurations, each with its file. All are off, as there
 * are no child partitions yet. One lock, held across file operations; any
 * task.
 */
#include "rootpart/vm/vm.h"

#include "base/errno.h"
#include "lib/format.h"
#include "lib/list.h"
#include "lib/string.h"
#include "rootpart/errno_text.h"
#include "rootpart/heap.h"
#include "rootpart/log.h"
#include "rootpart/mutex.h"
#include "rootpart/vfs.h"

struct vm {
	struct list_node link; /* in vms, by name */
	struct vm_config config;
	enum vm_state state;
};

static struct mutex lock = MUTEX_INIT(lock);
static struct list_node vms = LIST_INIT(vms);

const char *vm_state_name(enum vm_state state)
{
	static const char *const names[] = {
		[VM_OFF] = "off",
		[VM_STARTING] = "starting",
		[VM_RUNNING] = "running",
		[VM_PAUSED] = "paused",
		[VM_STOPPING] = "stopping",
		[VM_FAILED] = "failed",
	};

	return names[state];
}

static struct vm *find(const char *name)
{
	list_for_each(l, &vms)
	{
		struct vm *vm = list_entry(l, struct vm, link);

		if (strcmp(vm->config.name, name) == 0)
			return vm;
	}
	return NULL;
}

static void insert(struct vm *vm)
{
	struct list_node *l = vms.next;

	while (l != &vms &&
		strcmp(list_entry(l, struct vm, link)->config.name, vm->config.name) < 0)
		l = l->next;
	list_insert_before(l, &vm->link);
}

/* Fills @why and returns @error. */
static int because(char *why, int error, const char *text)
{
	(void)str_copy(why, text, VM_WHY);
	return error;
}

/* The same for an error of the file layer, which changes nothing for 0. */
static int file_error(char *why, int error, const char *name)
{
	if (error != 0)
		(void)format(why, VM_WHY, "%s/%s: %s", VM_ROOT, name, errno_text(error));
	return error;
}

static void load(const char *name)
{
	struct vm *vm = kzalloc(sizeof(*vm));
	char why[VM_WHY];
	int r;

	if (vm == NULL) {
		log_printf("vm: no memory for %s", name);
		return;
	}
	r = vm_config_load(&vm->config, name, why, sizeof(why));
	if (r == 0) {
		insert(vm);
		return;
	}
	/* Not all that lies there is a VM. */
	if (r != -ENOENT && r != -ENOTDIR)
		log_printf("vm: %s/%s/vm.conf: %s", VM_ROOT, name, why);
	kfree(vm);
}

void vm_init(void)
{
	struct vfs_directory directory;
	struct vfs_entry entry;

	if (vfs_opendir(VM_ROOT, &directory) != 0)
		return;
	while (vfs_readdir(&directory, &entry) == 1) {
		if (vm_name_wrong(entry.name) == NULL)
			load(entry.name);
	}
}

/* A file that made no VM when it was read is not ours to replace. */
static bool has_file(const char *name)
{
	char path[PATH_MAX];
	struct vfs_stat stat;

	(void)format(path, sizeof(path), "%s/%s/vm.conf", VM_ROOT, name);
	return vfs_stat(path, &stat) == 0;
}

static int create(const struct vm_config *config, char *why)
{
	struct vm *vm;
	int r;

	if (find(config->name) != NULL)
		return because(why, -EEXIST, "there is such a VM already; vm set changes it");
	if (has_file(config->name))
		return because(why, -EEXIST,
			"its vm.conf is there already, but has an error; see log root");
	vm = kzalloc(sizeof(*vm));
	if (vm == NULL)
		return because(why, -ENOMEM, errno_text(-ENOMEM));
	vm->config = *config;
	r = vm_config_save(config);
	if (r == 0)
		insert(vm);
	else
		kfree(vm);
	return file_error(why, r, config->name);
}

int vm_create(const struct vm_config *config, char *why)
{
	const char *wrong = vm_name_wrong(config->name);
	int r;

	if (wrong != NULL)
		return because(why, -EINVAL, wrong);
	mutex_lock(&lock);
	r = create(config, why);
	mutex_unlock(&lock);
	return r;
}

static int delete (struct vm *vm, char *why)
{
	int r = vm_config_remove(vm->config.name);

	if (r == -ENOTEMPTY)
		return because(why, r, "its directory holds other files; remove them first");
	/* Whoever removed the directory has done the work. */
	if (r != 0 && r != -ENOENT)
		return file_error(why, r, vm->config.name);
	list_remove(&vm->link);
	kfree(vm);
	return 0;
}

/* Calls @change under the lock for the VM called @name. */
static int with_vm(const char *name, int (*change)(struct vm *vm, char *why), char *why)
{
	struct vm *vm;
	int r;

	mutex_lock(&lock);
	vm = find(name);
	r = vm != NULL ? change(vm, why) : because(why, -ENOENT, "there is no such VM");
	mutex_unlock(&lock);
	return r;
}

int vm_delete(const char *name, char *why)
{
	return with_vm(name, delete, why);
}

int vm_configure(const struct vm_config *config, char *why)
{
	struct vm *vm;
	int r;

	mutex_lock(&lock);
	vm = find(config->name);
	r = vm != NULL ? file_error(why, vm_config_save(config), config->name)
		       : because(why, -ENOENT, "there is no such VM");
	if (r == 0)
		vm->config = *config;
	mutex_unlock(&lock);
	return r;
}

static int start(struct vm *vm, char *why)
{
	(void)vm;
	return because(why, -ENOTSUP, "child partitions are not there yet");
}

int vm_start(const char *name, char *why)
{
	return with_vm(name, start, why);
}

static int is_off(struct vm *vm, char *why)
{
	(void)vm;
	return because(why, -EBUSY, "it is off");
}

static int is_off_already(struct vm *vm, char *why)
{
	(void)vm;
	(void)why;
	return 0;
}

int vm_kill(const char *name, bool *was_off, char *why)
{
	*was_off = true;
	return with_vm(name, is_off_already, why);
}

int vm_reset(const char *name, char *why)
{
	return with_vm(name, is_off, why);
}

int vm_pause(const char *name, char *why)
{
	return with_vm(name, is_off, why);
}

int vm_resume(const char *name, char *why)
{
	return with_vm(name, is_off, why);
}

static void describe(const struct vm *vm, struct vm_info *info)
{
	memset(info, 0, sizeof(*info));
	info->config = vm->config;
	info->state = vm->state;
}

int vm_next(const char *previous, struct vm_info *info)
{
	int r = -ENOENT;

	mutex_lock(&lock);
	list_for_each(l, &vms)
	{
		const struct vm *vm = list_entry(l, struct vm, link);

		if (strcmp(vm->config.name, previous) <= 0)
			continue;
		describe(vm, info);
		r = 0;
		break;
	}
	mutex_unlock(&lock);
	return r;
}

int vm_get(const char *name, struct vm_info *info)
{
	const struct vm *vm;

	mutex_lock(&lock);
	vm = find(name);
	if (vm != NULL)
		describe(vm, info);
	mutex_unlock(&lock);
	return vm != NULL ? 0 : -ENOENT;
}

int vm_vp_counters(const char *name, u32 vp, u64 *counters)
{
	char why[VM_WHY];

	(void)vp;
	(void)counters;
	return with_vm(name, is_off, why);
}

int vm_console_read(
	const char *name, u64 *position, char *buffer, size_t size, u64 deadline_ns, bool *off)
{
	char why[VM_WHY];

	(void)position;
	(void)buffer;
	(void)size;
	(void)deadline_ns;
	*off = true;
	return with_vm(name, is_off_already, why);
}

int vm_console_type(const char *name, const u8 *bytes, size_t count)
{
	char why[VM_WHY];

	(void)bytes;
	(void)count;
	return with_vm(name, is_off, why);
}

void vm_console_nudge(const char *name)
{
	(void)name;
}
