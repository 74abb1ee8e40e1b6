/* SPDX-License-Identifier: MIT */
/*
 * The table of VMs: configurations, each with its file, and what is on of
 * them. One lock, held across file operations; any task.
 */
#include "rootpart/vm/vm.h"

#include "base/errno.h"
#include "lib/format.h"
#include "lib/list.h"
#include "lib/string.h"
#include "rootpart/errno_text.h"
#include "rootpart/heap.h"
#include "rootpart/hypercall_child.h"
#include "rootpart/log.h"
#include "rootpart/time.h"
#include "rootpart/vfs.h"
#include "rootpart/vm/vm_events.h"
#include "rootpart/vm/vm_impl.h"

struct mutex vm_lock = MUTEX_INIT(vm_lock);
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

struct vm *vm_find(const char *name)
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

int vm_because(char *why, int error, const char *text)
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

/* A VM without a name yet, off; NULL when memory is out. */
static struct vm *vm_new(void)
{
	struct vm *vm = kzalloc(sizeof(*vm));

	if (vm == NULL)
		return NULL;
	wait_queue_init(&vm->changed);
	if (vm_console_init(&vm->console) == 0)
		return vm;
	kfree(vm);
	return NULL;
}

static void vm_free(struct vm *vm)
{
	vm_console_free(&vm->console);
	kfree(vm);
}

static void load(const char *name)
{
	struct vm *vm = vm_new();
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
	vm_free(vm);
}

void vm_init(void)
{
	struct vfs_directory directory;
	struct vfs_entry entry;

	vm_events_init();
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

	if (vm_find(config->name) != NULL)
		return vm_because(why, -EEXIST, "there is such a VM already; vm set changes it");
	if (has_file(config->name))
		return vm_because(why, -EEXIST,
			"its vm.conf is there already, but has an error; see log root");
	vm = vm_new();
	if (vm == NULL)
		return vm_because(why, -ENOMEM, errno_text(-ENOMEM));
	vm->config = *config;
	r = vm_config_save(config);
	if (r == 0)
		insert(vm);
	else
		vm_free(vm);
	return file_error(why, r, config->name);
}

int vm_create(const struct vm_config *config, char *why)
{
	const char *wrong = vm_name_wrong(config->name);
	int r;

	if (wrong != NULL)
		return vm_because(why, -EINVAL, wrong);
	mutex_lock(&vm_lock);
	r = create(config, why);
	mutex_unlock(&vm_lock);
	return r;
}

static int delete (struct vm *vm, char *why)
{
	int r;

	if (vm_is_on(vm->state) || vm->users > 0)
		return vm_because(why, -EBUSY, "it is on; vm kill ends it");
	r = vm_config_remove(vm->config.name);
	if (r == -ENOTEMPTY)
		return vm_because(why, r, "its directory holds other files; remove them first");
	/* Whoever removed the directory has done the work. */
	if (r != 0 && r != -ENOENT)
		return file_error(why, r, vm->config.name);
	list_remove(&vm->link);
	vm_free(vm);
	return 0;
}

/* Calls @change under the lock for the VM called @name. */
static int with_vm(const char *name, int (*change)(struct vm *vm, char *why), char *why)
{
	struct vm *vm;
	int r;

	mutex_lock(&vm_lock);
	vm = vm_find(name);
	r = vm != NULL ? change(vm, why) : vm_because(why, -ENOENT, "there is no such VM");
	mutex_unlock(&vm_lock);
	return r;
}

int vm_delete(const char *name, char *why)
{
	return with_vm(name, delete, why);
}

int vm_configure_machine(struct vm *vm)
{
	return vm->on ? child_share(&vm->machine->child, &vm->config) : 0;
}

int vm_keep(struct vm *vm, const struct vm_config *config, char *why)
{
	int r = file_error(why, vm_config_save(config), config->name);

	if (r == 0)
		vm->config = *config;
	return r;
}

static int configure(struct vm *vm, const struct vm_config *config, char *why)
{
	int r = vm_keep(vm, config, why);

	if (r != 0)
		return r;
	r = vm_configure_machine(vm);
	return r != 0 ? vm_because(why, r, errno_text(r)) : 0;
}

int vm_configure(const struct vm_config *config, char *why)
{
	struct vm *vm;
	int r;

	mutex_lock(&vm_lock);
	vm = vm_find(config->name);
	r = vm != NULL ? configure(vm, config, why)
		       : vm_because(why, -ENOENT, "there is no such VM");
	mutex_unlock(&vm_lock);
	return r;
}

int vm_start(const char *name, char *why)
{
	return with_vm(name, vm_life_start, why);
}

static int kill_if_on(struct vm *vm, char *why)
{
	return vm_is_on(vm->state) ? vm_life_request(vm, VM_KILL, why) : -ESRCH;
}

int vm_kill(const char *name, bool *was_off, char *why)
{
	int r = with_vm(name, kill_if_on, why);

	*was_off = r == -ESRCH;
	return *was_off ? 0 : r;
}

/* A request that makes sense in @state only. */
static int request_in(struct vm *vm, enum vm_state state, enum vm_request request, char *why)
{
	if (!vm_is_on(vm->state))
		return vm_because(why, -EBUSY, "it is off; vm start starts it");
	if (vm->state != state)
		return vm_because(
			why, -EBUSY, state == VM_PAUSED ? "it is not paused" : "it is not running");
	return vm_life_request(vm, request, why);
}

static int reset(struct vm *vm, char *why)
{
	if (!vm_is_on(vm->state))
		return vm_because(why, -EBUSY, "it is off; vm start starts it");
	return vm_life_request(vm, VM_RESET, why);
}

int vm_reset(const char *name, char *why)
{
	return with_vm(name, reset, why);
}

static int pause(struct vm *vm, char *why)
{
	return request_in(vm, VM_RUNNING, VM_PAUSE, why);
}

int vm_pause(const char *name, char *why)
{
	return with_vm(name, pause, why);
}

static int resume(struct vm *vm, char *why)
{
	return request_in(vm, VM_PAUSED, VM_RESUME, why);
}

int vm_resume(const char *name, char *why)
{
	return with_vm(name, resume, why);
}

static void describe(struct vm *vm, struct vm_info *info)
{
	memset(info, 0, sizeof(*info));
	info->config = vm->config;
	info->state = vm->state;
	if (vm->state == VM_FAILED)
		memcpy(info->why, vm->why, sizeof(info->why));
	vm_crash_get(&vm->crash, &info->crash);
	if (!vm->on)
		return;
	vm_crash_get(&vm->machine->worker.crash, &info->crash);
	info->partition_id = vm->machine->child.id;
	info->uptime_ns = time_ns() - vm->started_ns;
	info->cpu_ns = machine_cpu_ns(vm->machine);
	info->hypervisor_memory = child_overhead(&vm->machine->child);
	info->resets = vm->resets;
	if (hypercall_get_property(
		    info->partition_id, HV_PROPERTY_GUEST_OS_ID, &info->guest_os_id) != 0)
		info->guest_os_id = 0;
	if (hypercall_get_property(
		    info->partition_id, HV_PROPERTY_PROCESSOR_CLOCK, &info->tsc_hz) != 0)
		info->tsc_hz = 0;
}

int vm_next(const char *previous, struct vm_info *info)
{
	int r = -ENOENT;

	mutex_lock(&vm_lock);
	list_for_each(l, &vms)
	{
		struct vm *vm = list_entry(l, struct vm, link);

		if (strcmp(vm->config.name, previous) <= 0)
			continue;
		describe(vm, info);
		r = 0;
		break;
	}
	mutex_unlock(&vm_lock);
	return r;
}

int vm_get(const char *name, struct vm_info *info)
{
	struct vm *vm;

	mutex_lock(&vm_lock);
	vm = vm_find(name);
	if (vm != NULL)
		describe(vm, info);
	mutex_unlock(&vm_lock);
	return vm != NULL ? 0 : -ENOENT;
}

int vm_vp_counters(const char *name, u32 vp, u64 *counters)
{
	struct vm *vm;
	int r = 0;

	mutex_lock(&vm_lock);
	vm = vm_find(name);
	if (vm == NULL)
		r = -ENOENT;
	else if (!vm->on)
		r = -EBUSY;
	else if (vp >= vm->machine->child.vps)
		r = -ERANGE;
	else
		memcpy(counters, vm->machine->child.vp[vp].counters, PAGE_SIZE);
	mutex_unlock(&vm_lock);
	return r;
}

/* The VM called @name, which stays until let_go(); NULL: there is none. */
static struct vm *hold(const char *name)
{
	struct vm *vm;

	mutex_lock(&vm_lock);
	vm = vm_find(name);
	if (vm != NULL)
		vm->users++;
	mutex_unlock(&vm_lock);
	return vm;
}

static void let_go(struct vm *vm)
{
	mutex_lock(&vm_lock);
	vm->users--;
	mutex_unlock(&vm_lock);
}

int vm_console_read(
	const char *name, u64 *position, char *buffer, size_t size, u64 deadline_ns, bool *off)
{
	struct vm *vm = hold(name);
	int r;

	if (vm == NULL)
		return -ENOENT;
	r = vm_console_get(&vm->console, position, buffer, size, deadline_ns, off);
	let_go(vm);
	return r;
}

int vm_console_type(const char *name, const u8 *bytes, size_t count)
{
	struct vm *vm;
	int r;

	mutex_lock(&vm_lock);
	vm = vm_find(name);
	if (vm == NULL)
		r = -ENOENT;
	else if (!vm->on)
		r = -EBUSY;
	else
		r = (int)vm_console_typed_put(&vm->console, bytes, count);
	if (r > 0)
		vm_worker_typed(&vm->machine->worker);
	mutex_unlock(&vm_lock);
	return r;
}

/* From an interrupt the lock cannot be had: only tasks call it. */
void vm_console_nudge(const char *name)
{
	struct vm *vm = hold(name);

	if (vm == NULL)
		return;
	vm_console_wake(&vm->console);
	let_go(vm);
}
