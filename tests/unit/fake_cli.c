/* SPDX-License-Identifier: MIT */
/*
 * The command table, the service and the rest of the kernel of fake_cli.h.
 */
#include "tests/unit/fake_cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/boot_modules.h"
#include "rootpart/cli/cmd_vm.h"
#include "rootpart/cli/commands.h"
#include "rootpart/cli/top.h"
#include "rootpart/console_input.h"
#include "rootpart/memfs.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "rootpart/vm/vm_disk_text.h"
#include "rootpart/vm/vm_store.h"

void task_yield(void)
{
}

bool fake_interrupted;

bool console_interrupted(void)
{
	return fake_interrupted;
}

const struct bootinfo *boot_info(void)
{
	static struct bootinfo info = { .processors = 4 };

	return &info;
}

/* A TSC of 1 GHz. */
u64 time_tsc_to_ns(u64 ticks)
{
	return ticks;
}

bool fake_volatile;

bool vm_store_is_volatile(void)
{
	return fake_volatile;
}

/* The console is cli_vm_console_test.c's. */
const struct cli_command command_vm_console = { .name = "vm console", .help = "not here" };

const struct cli_command *const cli_commands[] = {
	&command_help,
	&command_ls,
	&command_mkdir,
	&command_rm,
	&command_vm,
};
const u32 cli_command_count = ARRAY_SIZE(cli_commands);

/* The service: VMs in the order of their names, and what was asked of it last. */
struct vm_info fake_vms[FAKE_VMS];
u32 fake_vm_count;
char fake_asked[128];
int fake_answer;
const char *fake_why = "";
u32 fake_vps;

const char *vm_state_name(enum vm_state state)
{
	static const char *const names[] = { "off", "starting", "running", "paused", "stopping",
		"failed" };

	return names[state];
}

static struct vm_info *find(const char *name)
{
	for (u32 i = 0; i < fake_vm_count; i++) {
		if (strcmp(fake_vms[i].config.name, name) == 0)
			return &fake_vms[i];
	}
	return NULL;
}

static int ask(const char *what, const char *name, char *why)
{
	sprintf(fake_asked, "%s %s", what, name);
	strcpy(why, fake_why);
	return fake_answer;
}

int vm_create(const struct vm_config *config, char *why)
{
	int r = ask("create", config->name, why);

	if (r == 0) {
		assert_true(fake_vm_count < FAKE_VMS);
		memset(&fake_vms[fake_vm_count], 0, sizeof(fake_vms[0]));
		fake_vms[fake_vm_count++].config = *config;
	}
	return r;
}

int vm_configure(const struct vm_config *config, char *why)
{
	int r = ask("configure", config->name, why);

	if (r == 0)
		find(config->name)->config = *config;
	return r;
}

int vm_delete(const char *name, char *why)
{
	return ask("delete", name, why);
}

int vm_start(const char *name, char *why)
{
	return ask("start", name, why);
}

int vm_kill(const char *name, bool *was_off, char *why)
{
	const struct vm_info *vm = find(name);

	*was_off = vm != NULL && vm->state == VM_OFF;
	return ask("kill", name, why);
}

int vm_reset(const char *name, char *why)
{
	return ask("reset", name, why);
}

int vm_pause(const char *name, char *why)
{
	return ask("pause", name, why);
}

int vm_resume(const char *name, char *why)
{
	return ask("resume", name, why);
}

int vm_get(const char *name, struct vm_info *info)
{
	const struct vm_info *vm = find(name);

	if (vm == NULL)
		return -ENOENT;
	*info = *vm;
	return 0;
}

int vm_next(const char *previous, struct vm_info *info)
{
	for (u32 i = 0; i < fake_vm_count; i++) {
		if (strcmp(fake_vms[i].config.name, previous) > 0) {
			*info = fake_vms[i];
			return 0;
		}
	}
	return -ENOENT;
}

const char *fake_kept = "";

static int change_disk(const char *what, const char *name, const char *path, char *why)
{
	char asked[64];

	sprintf(asked, "%s %.32s", what, path);
	if (strcmp(path, fake_kept) != 0)
		return ask(asked, name, why);
	strcpy(why, "/vm/initrd: is in use by VM db");
	return -EBUSY;
}

int vm_add_disk(const char *name, const char *text, char *why)
{
	struct vm_config *c = &find(name)->config;
	struct vm_disk_text disk;
	int r;

	assert_null(vm_disk_text_parse(&disk, text));
	assert_int_equal(vm_disk_text_find(c, disk.path), VM_DISKS_MAX);
	r = change_disk("add", name, disk.path, why);
	if (r == 0)
		vm_disk_text_format(&disk, c->disks[vm_disk_text_free(c)]);
	return r;
}

int vm_remove_disk(const char *name, const char *path, char *why)
{
	struct vm_config *c = &find(name)->config;
	char normal[PATH_MAX];
	int r;

	assert_int_equal(path_normalise(path, normal), 0);
	r = change_disk("remove", name, normal, why);
	if (r == 0)
		c->disks[vm_disk_text_find(c, normal)][0] = '\0';
	return r;
}

const struct vm_bus_info *fake_bus;
const struct vm_disk_info *fake_disks;
u32 fake_disk_count;
const struct vm_channel_info *fake_channels;
u32 fake_channel_count;

/* 0 if there is such a VM, and it is on. */
static int look_at_bus(const char *name)
{
	const struct vm_info *vm = find(name);

	if (vm == NULL)
		return -ENOENT;
	return vm_is_on(vm->state) && fake_bus != NULL ? 0 : -EBUSY;
}

int vm_disk_next(const char *name, u32 lun, struct vm_disk_info *info)
{
	int r = look_at_bus(name);

	for (u32 i = 0; i < fake_disk_count && r == 0; i++) {
		if (fake_disks[i].lun >= lun) {
			*info = fake_disks[i];
			return 0;
		}
	}
	return r != 0 ? r : -ENOENT;
}

int vm_channel_get(const char *name, u32 index, struct vm_channel_info *info)
{
	int r = look_at_bus(name);

	if (r == 0 && index >= fake_channel_count)
		r = -ENOENT;
	if (r == 0)
		*info = fake_channels[index];
	return r;
}

int vm_bus_get(const char *name, struct vm_bus_info *info)
{
	int r = look_at_bus(name);

	if (r == 0)
		*info = *fake_bus;
	return r;
}

int vm_vp_counters(const char *name, u32 vp, u64 *counters)
{
	const struct vm_info *vm = find(name);

	if (vm == NULL)
		return -ENOENT;
	if (vm->state == VM_OFF)
		return -EBUSY;
	if (vp >= fake_vps)
		return -ERANGE;
	memset(counters, 0, HV_VP_COUNTER_MAX * sizeof(*counters));
	counters[HV_VP_COUNTER_TOTAL_RUN_TIME] = 1500000000 + vp;
	counters[HV_VP_COUNTER_HYPERVISOR_TIME] = 250000000;
	counters[HV_VP_COUNTER_EXITS + 2 * EXIT_HLT] = 40;
	counters[HV_VP_COUNTER_EXITS + 2 * EXIT_HLT + 1] = 1234567;
	counters[HV_VP_COUNTER_EXITS + 2 * EXIT_IO] = 2;
	return 0;
}

/* What the CLI prints. */
char fake_said[FAKE_SAID];
static size_t said_len;

static void capture_write(struct out *out, const char *text, size_t len)
{
	(void)out;
	assert_true(said_len + len < sizeof(fake_said));
	memcpy(fake_said + said_len, text, len);
	said_len += len;
	fake_said[said_len] = '\0';
}

int fake_type(const char *line)
{
	static struct cli cli = { .out = { capture_write } };
	static char copy[2048];

	said_len = 0;
	fake_said[0] = '\0';
	fake_asked[0] = '\0';
	strcpy(copy, line);
	return cli_run_line(&cli, copy);
}

void fake_expect(const char *line, int result, const char *said)
{
	int r = fake_type(line);

	if (r != result || strcmp(fake_said, said) != 0)
		fail_msg("%s: %d, \"%s\" instead of %d, \"%s\"", line, r, fake_said, result, said);
}

static struct memfs *fs;

static void make_file(const char *path)
{
	struct vfs_file file;

	assert_int_equal(vfs_open(path, VFS_WRITE | VFS_CREATE, &file), 0);
	assert_int_equal(vfs_write(&file, "text\n", 5), 5);
	vfs_close(&file);
}

int fake_cli_mount(void **state)
{
	(void)state;
	fs = memfs_create(MIB);
	return vfs_mount("/vm", &memfs_ops, fs);
}

int fake_cli_forget(void **state)
{
	(void)state;
	assert_int_equal(memfs_used(fs), 0);
	free(fs);
	return 0;
}

int fake_cli_setup(void **state)
{
	(void)state;
	make_file("/vm/bzImage");
	make_file("/vm/initrd");
	memset(fake_vms, 0, sizeof(fake_vms));
	fake_vm_count = 2;
	vm_config_default(&fake_vms[0].config, "db");
	fake_vms[0].config.memory = 3 * GIB;
	fake_vms[0].config.cpus = 16;
	strcpy(fake_vms[0].config.kernel, "/vm/bzImage");
	strcpy(fake_vms[0].config.cmdline, "a=\"b c\"");
	fake_vms[0].config.affinity = 0xb;
	fake_vms[0].config.reserve = 20;
	fake_vms[0].tsc_hz = 2000500000;
	fake_vms[0].state = VM_RUNNING;
	fake_vms[0].partition_id = 7;
	fake_vms[0].uptime_ns = 3661 * NS_PER_S;
	fake_vms[0].cpu_ns = 1500 * NS_PER_MS;
	fake_vms[0].hypervisor_memory = 3 * MIB;
	fake_vms[0].guest_os_id = 0x8100;
	fake_vms[0].resets = 2;
	vm_config_default(&fake_vms[1].config, "web");
	fake_answer = 0;
	fake_why = "";
	fake_kept = "";
	fake_bus = NULL;
	fake_volatile = fake_interrupted = false;
	return 0;
}

int fake_cli_teardown(void **state)
{
	(void)state;
	assert_int_equal(vfs_remove("/vm/bzImage"), 0);
	assert_int_equal(vfs_remove("/vm/initrd"), 0);
	return 0;
}
