/* SPDX-License-Identifier: MIT */
/*
 * The table of VMs while they are off: what is read at boot, and that table
 * and files never disagree, also when saving or removing fails.
 * sources: rootpart/vm/vm.c rootpart/vm/vm_config.c rootpart/vm/vm_config_file.c
 * sources: rootpart/vm/vm_keys.c rootpart/memfs.c rootpart/memfs_data.c rootpart/vfs.c
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
#include "rootpart/log.h"
#include "rootpart/memfs.h"
#include "rootpart/vm/vm.h"
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_boot),
		cmocka_unit_test(table_and_files_agree),
	};

	return cmocka_run_group_tests(tests, mount, forget);
}
