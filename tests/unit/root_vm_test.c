/* SPDX-License-Identifier: MIT */
/*
 * The table of VMs: what is read at boot, that table and files never disagree,
 * also when saving or removing fails, what may be asked of a VM in which state,
 * what is told of one that is on, and disks that come and go. Its life is root_vm_life_test.c's.
 * sources: rootpart/vm/vm.c rootpart/vm/vm_disk_set.c rootpart/vm/vm_crash.c rootpart/vm/vm_config.c rootpart/vm/vm_config_file.c
 * sources: rootpart/vm/vm_keys.c rootpart/vm/vm_disk_text.c rootpart/memfs.c rootpart/memfs_data.c rootpart/vfs.c
 * sources: rootpart/path.c rootpart/errno_text.c lib/format.c lib/string.c
 * sources: tests/unit/fake_files.c tests/unit/host_assert.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/hypercall_child.h"
#include "rootpart/log.h"
#include "rootpart/memfs.h"
#include "rootpart/time.h"
#include "rootpart/vm/vm.h"
#include "rootpart/vm/vm_events.h"
#include "rootpart/vm/vm_impl.h"
#include "tests/unit/fake_files.h"

static char logged[512];

void log_printf(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(logged + strlen(logged), sizeof(logged) - strlen(logged), fmt, args);
	va_end(args);
	strcat(logged, "\n");
}

/* The life of the one VM that a test starts: each request is done at once. */
static struct vm *vm;
static struct vm_machine machine;
static enum vm_request asked;
static u32 event_inits;

void vm_events_init(void)
{
	event_inits++;
}

int vm_life_start(struct vm *v, char *why)
{
	if (v->state != VM_OFF && v->state != VM_FAILED)
		return vm_because(why, -EBUSY, "on");
	vm = v;
	v->machine = &machine;
	v->state = VM_RUNNING;
	v->on = true;
	return 0;
}

int vm_life_request(struct vm *v, enum vm_request request, char *why)
{
	static const enum vm_state after[] = { [VM_KILL] = VM_OFF,
		[VM_RESET] = VM_RUNNING,
		[VM_PAUSE] = VM_PAUSED,
		[VM_RESUME] = VM_RUNNING };

	assert_ptr_equal(v, vm);
	assert_true(vm_lock.held);
	if (!v->on)
		return vm_because(why, -EBUSY, "busy");
	asked = request;
	v->state = after[request];
	v->on = request != VM_KILL;
	return 0;
}

/* What is below: as much as the table looks at. */
void wait_queue_init(struct wait_queue *q)
{
	list_init(&q->waiters);
}

u64 time_ns(void)
{
	return 70 * NS_PER_S;
}

u64 machine_cpu_ns(const struct vm_machine *m)
{
	assert_ptr_equal(m, &machine);
	return 12345;
}

static u32 shared, share_error;

int child_share(struct child *c, const struct vm_config *config)
{
	assert_ptr_equal(c, &machine.child);
	assert_int_equal(config->weight, 321);
	shared++;
	return share_error ? -EIO : 0;
}

u64 child_overhead(const struct child *c)
{
	assert_ptr_equal(c, &machine.child);
	return 3 * MIB;
}

static int os_id_error;

int hypercall_get_property(u64 id, u32 code, u64 *value)
{
	assert_int_equal(id, 7);
	assert_true(code == HV_PROPERTY_GUEST_OS_ID || code == HV_PROPERTY_PROCESSOR_CLOCK);
	*value = code == HV_PROPERTY_GUEST_OS_ID ? 0x8100000000000000 : 2000500000;
	return os_id_error;
}

/* A console that says "hello" and takes three keys. */
static s32 consoles;
static u32 nudges, typed_told;
static int delete_while_read;

int vm_console_init(struct vm_console *c)
{
	c->closed = true;
	consoles++;
	return 0;
}

void vm_console_free(struct vm_console *c)
{
	assert_non_null(c);
	consoles--;
}

/* Read without the lock: what others may do meanwhile is tried here. */
int vm_console_get(
	struct vm_console *c, u64 *position, char *buffer, size_t size, u64 deadline_ns, bool *off)
{
	char reason[VM_WHY];

	assert_ptr_equal(c, &vm->console);
	assert_int_equal(deadline_ns, 5);
	assert_true(size >= 5);
	memcpy(buffer, "hello", 5);
	*position += 5;
	*off = true;
	delete_while_read = vm_delete(vm->config.name, reason);
	return 5;
}

size_t vm_console_typed_put(struct vm_console *c, const u8 *bytes, size_t count)
{
	assert_ptr_equal(c, &vm->console);
	return bytes[0] == '!' ? 0 : MIN(count, (size_t)3);
}

void vm_console_wake(struct vm_console *c)
{
	assert_ptr_equal(c, &vm->console);
	nudges++;
}

void vm_worker_typed(struct vm_worker *w)
{
	assert_ptr_equal(w, &machine.worker);
	typed_told++;
}

/* What the machine was told about disks last; what it answers, and whether memory is out then. */
static char hooked[64];
static int hook_error;
static bool hook_takes_memory;

static int hook(struct vm *v, char *reason)
{
	assert_ptr_equal(v, vm);
	assert_true(v->on);
	assert_true(vm_lock.held);
	if (hook_takes_memory)
		fake_allocations = 0;
	return hook_error != 0 ? vm_because(reason, hook_error, "it will not") : 0;
}

int vm_machine_attach(struct vm *v, u32 lun, char *reason)
{
	sprintf(hooked, "attach %u %s", lun, v->config.disks[lun]);
	return hook(v, reason);
}

int vm_machine_detach(struct vm *v, u32 lun, char *reason)
{
	assert_string_equal(v->config.disks[lun], "");
	sprintf(hooked, "detach %u", lun);
	return hook(v, reason);
}

static struct memfs *fs;
static struct vm_config config;
static struct vm_info info;
static char why[VM_WHY];

static void put_file(const char *path, const char *text)
{
	struct vfs_file file;

	assert_int_equal(vfs_open(path, VFS_WRITE | VFS_CREATE | VFS_TRUNCATE, &file), 0);
	assert_int_equal(vfs_write(&file, text, strlen(text)), strlen(text));
	vfs_close(&file);
}

static int mount(void **state)
{
	(void)state;
	fs = memfs_create(MIB);
	return vfs_mount(VM_ROOT, &memfs_ops, fs);
}

static int forget(void **state)
{
	(void)state;
	assert_int_equal(memfs_used(fs), 0);
	assert_int_equal(consoles, 0);
	free(fs);
	return 0;
}

static const char *names(void)
{
	static char text[256];

	text[0] = '\0';
	info.config.name[0] = '\0';
	while (vm_next(info.config.name, &info) == 0) {
		strcat(text, info.config.name);
		strcat(text, " ");
	}
	return text;
}

static void at_boot(void **state)
{
	(void)state;
	assert_int_equal(vfs_mkdir("/vm/web"), 0);
	put_file("/vm/web/vm.conf", "format = 1\ncpus = 3\n");
	assert_int_equal(vfs_mkdir("/vm/db"), 0);
	put_file("/vm/db/vm.conf", "format = 1\n");
	assert_int_equal(vfs_mkdir("/vm/bad"), 0);
	put_file("/vm/bad/vm.conf", "format = 1\ncpus = 0\n");
	assert_int_equal(vfs_mkdir("/vm/images"), 0);
	assert_int_equal(vfs_mkdir("/vm/.hidden"), 0);
	put_file("/vm/startup", "vm start web\n");
	vm_init();
	assert_int_equal(event_inits, 1);
	assert_string_equal(names(), "db web ");
	assert_string_equal(logged, "vm: /vm/bad/vm.conf: line 2: cpus: "
				    "\"0\" is no number from 1 to 64\n");
	assert_int_equal(vm_get("web", &info), 0);
	assert_int_equal(info.config.cpus, 3);
	assert_string_equal(vm_state_name(info.state), "off");
	assert_int_equal(vm_get("images", &info), -ENOENT);
	/* The broken file stays for whoever mends it. */
	vm_config_default(&config, "bad");
	assert_int_equal(vm_create(&config, why), -EEXIST);
	assert_string_equal(why, "its vm.conf is there already, but has an error; see log root");
	assert_int_equal(vfs_remove("/vm/bad/vm.conf"), 0);
	assert_int_equal(vm_create(&config, why), 0);
	assert_string_equal(names(), "bad db web ");
}

static void table_and_files_agree(void **state)
{
	(void)state;
	vm_config_default(&config, "web");
	assert_int_equal(vm_create(&config, why), -EEXIST);
	strcpy(config.name, "../x");
	assert_int_equal(vm_create(&config, why), -EINVAL);
	strcpy(config.name, "nope");
	assert_int_equal(vm_configure(&config, why), -ENOENT);
	strcpy(config.name, "startup"); /* a file */
	assert_int_equal(vm_create(&config, why), -ENOTDIR);
	assert_string_equal(why, "/vm/startup: not a directory");
	strcpy(config.name, "new");
	fake_allocations = 2;
	assert_int_equal(vm_create(&config, why), -ENOSPC);
	fake_allocations = FAKE_ENDLESS;
	assert_string_equal(why, "/vm/new: no space left");
	assert_string_equal(names(), "bad db web ");
	strcpy(config.name, "web");
	config.cpus = 5;
	fake_allocations = 1;
	assert_int_equal(vm_configure(&config, why), -ENOSPC);
	fake_allocations = FAKE_ENDLESS;
	assert_int_equal(vm_get("web", &info), 0);
	assert_int_equal(info.config.cpus, 3);
	assert_int_equal(vm_configure(&config, why), 0);
	assert_int_equal(vm_config_load(&config, "web", why, sizeof(why)), 0);
	assert_int_equal(config.cpus, 5);
	put_file("/vm/web/disk", "data");
	assert_int_equal(vm_delete("web", why), -ENOTEMPTY);
	assert_int_equal(vm_get("web", &info), 0);
	assert_int_equal(vm_config_load(&config, "web", why, sizeof(why)), 0);
	assert_int_equal(vfs_remove("/vm/web/disk"), 0);
	assert_int_equal(vm_delete("web", why), 0);
	assert_int_equal(vm_delete("web", why), -ENOENT);
	/* Somebody removed it by hand: it is gone, as was wished. */
	assert_int_equal(vfs_remove("/vm/db/vm.conf"), 0);
	assert_int_equal(vfs_remove("/vm/db"), 0);
	assert_int_equal(vm_delete("db", why), 0);
	assert_int_equal(vm_delete("bad", why), 0);
	assert_string_equal(names(), "");
	assert_int_equal(vfs_remove("/vm/images"), 0);
	assert_int_equal(vfs_remove("/vm/.hidden"), 0);
	assert_int_equal(vfs_remove("/vm/startup"), 0);
}

static void create_one(void)
{
	vm_config_default(&config, "one");
	assert_int_equal(vm_create(&config, why), 0);
}

static void busy(int r, const char *because)
{
	assert_int_equal(r, -EBUSY);
	assert_string_equal(why, because);
}

static void off_and_on(void **state)
{
	bool was_off = false;

	(void)state;
	create_one();
	busy(vm_reset("one", why), "it is off; vm start starts it");
	busy(vm_pause("one", why), "it is off; vm start starts it");
	busy(vm_resume("one", why), "it is off; vm start starts it");
	assert_int_equal(vm_kill("one", &was_off, why), 0);
	assert_true(was_off);
	assert_int_equal(asked, VM_NO_REQUEST);
	assert_int_equal(vm_start("one", why), 0);
	busy(vm_delete("one", why), "it is on; vm kill ends it");
	busy(vm_resume("one", why), "it is not paused");
	assert_int_equal(vm_pause("one", why), 0);
	assert_int_equal(asked, VM_PAUSE);
	busy(vm_pause("one", why), "it is not running");
	busy(vm_delete("one", why), "it is on; vm kill ends it");
	assert_int_equal(vm_resume("one", why), 0);
	assert_int_equal(asked, VM_RESUME);
	assert_int_equal(vm_reset("one", why), 0);
	assert_int_equal(asked, VM_RESET);
	assert_int_equal(vm_kill("one", &was_off, why), 0);
	assert_false(was_off);
	assert_int_equal(asked, VM_KILL);
	assert_int_equal(vm_delete("one", why), 0);
}

/* What is on has its share of the processors at once. */
static void set_while_on(void **state)
{
	bool was_off;

	(void)state;
	create_one();
	config.weight = 321;
	assert_int_equal(vm_configure(&config, why), 0);
	assert_int_equal(shared, 0);
	assert_int_equal(vm_start("one", why), 0);
	assert_int_equal(vm_configure(&config, why), 0);
	assert_int_equal(shared, 1);
	share_error = 1;
	assert_int_equal(vm_configure(&config, why), -EIO);
	assert_string_not_equal(why, "");
	assert_int_equal(vm_kill("one", &was_off, why), 0);
	assert_int_equal(vm_configure(&config, why), 0);
	assert_int_equal(shared, 2);
	assert_int_equal(vm_delete("one", why), 0);
}

/* In between nothing is asked; what failed is off. */
static void other_states(void **state)
{
	bool was_off;

	(void)state;
	create_one();
	assert_int_equal(vm_start("one", why), 0);
	vm->on = false;
	vm->state = VM_STARTING;
	busy(vm_pause("one", why), "it is not running");
	busy(vm_kill("one", &was_off, why), "busy");
	assert_false(was_off);
	vm->state = VM_STOPPING;
	busy(vm_reset("one", why), "busy");
	busy(vm_delete("one", why), "it is on; vm kill ends it");
	vm->state = VM_FAILED;
	strcpy(vm->why, "it had enough");
	assert_int_equal(vm_get("one", &info), 0);
	assert_string_equal(info.why, "it had enough");
	assert_string_equal(vm_state_name(info.state), "failed");
	busy(vm_reset("one", why), "it is off; vm start starts it");
	assert_int_equal(vm_kill("one", &was_off, why), 0);
	assert_true(was_off);
	assert_int_equal(vm_delete("one", why), 0);
}

static void tells(void **state)
{
	static u64 counters[PAGE_SIZE / 8], copy[PAGE_SIZE / 8];
	bool was_off;

	(void)state;
	create_one();
	assert_int_equal(vm_vp_counters("two", 0, copy), -ENOENT);
	assert_int_equal(vm_vp_counters("one", 0, copy), -EBUSY);
	assert_int_equal(vm_get("one", &info), 0);
	assert_int_equal(info.partition_id, 0);
	assert_int_equal(info.uptime_ns, 0);
	machine.child.id = 7;
	machine.child.vps = 2;
	machine.child.vp[1].counters = counters;
	counters[511] = 4711;
	assert_int_equal(vm_start("one", why), 0);
	vm->started_ns = 30 * NS_PER_S;
	vm->resets = 2;
	assert_int_equal(vm_get("one", &info), 0);
	assert_int_equal(info.partition_id, 7);
	assert_int_equal(info.uptime_ns, 40 * NS_PER_S);
	assert_int_equal(info.cpu_ns, 12345);
	assert_int_equal(info.hypervisor_memory, 3 * MIB);
	assert_int_equal(info.guest_os_id, 0x8100000000000000);
	assert_int_equal(info.tsc_hz, 2000500000);
	assert_int_equal(info.resets, 2);
	os_id_error = -EIO;
	assert_int_equal(vm_get("one", &info), 0);
	os_id_error = 0;
	assert_int_equal(info.guest_os_id, 0);
	assert_int_equal(info.tsc_hz, 0);
	assert_int_equal(vm_vp_counters("one", 1, copy), 0);
	assert_int_equal(copy[511], 4711);
	assert_int_equal(vm_vp_counters("one", 2, copy), -ERANGE);
	assert_int_equal(vm_kill("one", &was_off, why), 0);
	assert_int_equal(vm_delete("one", why), 0);
}

/* The table and the file say that it has these disks, with a blank behind each. */
static void has_disks(const char *expected)
{
	char text[2][512] = { "", "" };

	assert_int_equal(vm_get("one", &info), 0);
	assert_int_equal(vm_config_load(&config, "one", why, sizeof(why)), 0);
	for (u32 lun = 0; lun < VM_DISKS_MAX; lun++) {
		const char *disks[] = { info.config.disks[lun], config.disks[lun] };

		for (u32 i = 0; i < 2; i++) {
			if (disks[i][0] != '\0')
				sprintf(text[i] + strlen(text[i]), "%u:%s ", lun, disks[i]);
		}
	}
	assert_string_equal(text[0], expected);
	assert_string_equal(text[1], expected);
}

static void refused(int r, int error, const char *because)
{
	assert_int_equal(r, error);
	assert_string_equal(why, because);
}

static void disks_while_off(void **state)
{
	char path[16];

	(void)state;
	create_one();
	hooked[0] = '\0';
	refused(vm_add_disk("two", "/a", why), -ENOENT, "there is no such VM");
	refused(vm_remove_disk("two", "/a", why), -ENOENT, "there is no such VM");
	refused(vm_add_disk("one", "a", why), -EINVAL, "a disk's path begins with /");
	refused(vm_remove_disk("one", "/a", why), -ENOENT, "it has no disk /a");
	refused(vm_remove_disk("one", "", why), -ENOENT, "it has no disk ");
	has_disks("");
	assert_int_equal(vm_add_disk("one", "/vm/../a", why), 0);
	assert_int_equal(vm_add_disk("one", "/b,ro", why), 0);
	assert_int_equal(vm_add_disk("one", "/c", why), 0);
	has_disks("0:/a 1:/b,ro 2:/c ");
	refused(vm_add_disk("one", "/b", why), -EEXIST, "it has the disk /b already");
	refused(vm_add_disk("one", "/a,ro", why), -EEXIST, "it has the disk /a already");
	refused(vm_remove_disk("one", "/b,ro", why), -ENOENT, "it has no disk /b,ro");
	for (u32 n = 0; n < 3; n++) {
		fake_allocations = n;
		assert_true(vm_remove_disk("one", "/b", why) < 0);
		fake_allocations = FAKE_ENDLESS;
		assert_string_not_equal(why, "");
		has_disks("0:/a 1:/b,ro 2:/c ");
	}
	assert_int_equal(vm_remove_disk("one", "//b/", why), 0);
	has_disks("0:/a 2:/c ");
	assert_int_equal(vm_add_disk("one", "/d", why), 0);
	has_disks("0:/a 1:/d 2:/c ");
	for (u32 i = 3; i < VM_DISKS_MAX; i++) {
		sprintf(path, "/%u", i);
		assert_int_equal(vm_add_disk("one", path, why), 0);
	}
	refused(vm_add_disk("one", "/e", why), -ENOSPC, "it has 16 disks, and cannot have more");
	assert_string_equal(hooked, "");
	assert_int_equal(vm_delete("one", why), 0);
}

/* What the machine refuses is as it was, in the table and in the file. */
static void disks_while_on(void **state)
{
	bool was_off;

	(void)state;
	create_one();
	assert_int_equal(vm_add_disk("one", "/a", why), 0);
	assert_int_equal(vm_start("one", why), 0);
	assert_int_equal(vm_add_disk("one", "/b,ro", why), 0);
	assert_string_equal(hooked, "attach 1 /b,ro");
	assert_int_equal(vm_remove_disk("one", "/a", why), 0);
	assert_string_equal(hooked, "detach 0");
	has_disks("1:/b,ro ");
	hook_error = -EBUSY;
	refused(vm_add_disk("one", "/c", why), -EBUSY, "it will not");
	assert_string_equal(hooked, "attach 0 /c");
	has_disks("1:/b,ro ");
	refused(vm_remove_disk("one", "/b", why), -EBUSY, "it will not");
	assert_string_equal(hooked, "detach 1");
	has_disks("1:/b,ro ");
	/* When the file cannot be put right the machine still is. */
	logged[0] = '\0';
	hook_takes_memory = true;
	refused(vm_add_disk("one", "/c", why), -EBUSY, "it will not");
	hook_takes_memory = false;
	fake_allocations = FAKE_ENDLESS;
	assert_string_equal(
		logged, "vm: one: disk0 of its vm.conf is wrong: /vm/one: out of memory\n");
	assert_int_equal(vm_get("one", &info), 0);
	assert_string_equal(info.config.disks[0], "");
	hook_error = 0;
	assert_int_equal(vm_add_disk("one", "/d", why), 0);
	has_disks("0:/d 1:/b,ro ");
	/* In between: what is built now would not hear of it. */
	hooked[0] = '\0';
	vm->on = false;
	vm->state = VM_STARTING;
	busy(vm_add_disk("one", "/e", why), "it is just starting or stopping; try again");
	busy(vm_remove_disk("one", "/d", why), "it is just starting or stopping; try again");
	vm->state = VM_FAILED;
	assert_int_equal(vm_remove_disk("one", "/d", why), 0);
	has_disks("1:/b,ro ");
	assert_string_equal(hooked, "");
	assert_int_equal(vm_kill("one", &was_off, why), 0);
	assert_int_equal(vm_delete("one", why), 0);
}

static void console(void **state)
{
	char said[8] = "";
	u64 position = 1;
	bool off = false;

	(void)state;
	create_one();
	assert_int_equal(vm_console_read("two", &position, said, 8, 5, &off), -ENOENT);
	assert_int_equal(vm_console_type("two", (const u8 *)"abcd", 4), -ENOENT);
	vm_console_nudge("two");
	assert_int_equal(vm_console_type("one", (const u8 *)"abcd", 4), -EBUSY);
	assert_int_equal(vm_start("one", why), 0);
	assert_int_equal(vm_console_type("one", (const u8 *)"abcd", 4), 3);
	assert_int_equal(typed_told, 1);
	assert_int_equal(vm_console_type("one", (const u8 *)"!", 1), 0);
	assert_int_equal(typed_told, 1);
	assert_int_equal(nudges, 0);
	vm_console_nudge("one");
	assert_int_equal(nudges, 1);
	assert_int_equal(vm_kill("one", &off, why), 0);
	/* Read when it is off, too; it may not go while somebody reads. */
	assert_int_equal(vm_console_read("one", &position, said, 8, 5, &off), 5);
	assert_string_equal(said, "hello");
	assert_int_equal(position, 6);
	assert_true(off);
	assert_int_equal(delete_while_read, -EBUSY);
	assert_int_equal(vm_delete("one", why), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_boot),
		cmocka_unit_test(table_and_files_agree),
		cmocka_unit_test(off_and_on),
		cmocka_unit_test(set_while_on),
		cmocka_unit_test(other_states),
		cmocka_unit_test(tells),
		cmocka_unit_test(disks_while_off),
		cmocka_unit_test(disks_while_on),
		cmocka_unit_test(console),
	};

	return cmocka_run_group_tests(tests, mount, forget);
}
