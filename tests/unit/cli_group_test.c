/* SPDX-License-Identifier: MIT */
/*
 * Groups of commands in help and for Tab, and ls, mkdir and rm, as typed.
 * sources: rootpart/cli/dispatch.c rootpart/cli/args.c rootpart/cli/words.c rootpart/cli/out.c
 * sources: rootpart/cli/complete.c rootpart/cli/completion.c rootpart/cli/json.c rootpart/cli/units.c
 * sources: rootpart/cli/rows.c rootpart/cli/top.c rootpart/cli/sorted.c rootpart/cli/cmd_help.c
 * sources: rootpart/cli/cmd_file.c rootpart/cli/cmd_tree.c rootpart/cli/cmd_vm.c
 * sources: rootpart/cli/cmd_vm_config.c rootpart/cli/cmd_vm_life.c rootpart/cli/cmd_vm_show.c
 * sources: rootpart/cli/cmd_vm_disk.c rootpart/cli/cmd_vm_devices.c
 * sources: rootpart/cli/cmd_vm_stats.c rootpart/vm/vm_keys.c rootpart/vm/vm_config.c
 * sources: rootpart/vm/vm_disk_text.c
 * sources: rootpart/memfs.c rootpart/memfs_data.c rootpart/vfs.c rootpart/path.c
 * sources: rootpart/errno_text.c lib/format.c lib/string.c lib/date.c
 * sources: tests/unit/fake_cli.c tests/unit/fake_files.c tests/unit/host_assert.c
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
#include "rootpart/cli/command.h"
#include "rootpart/vfs.h"
#include "tests/unit/fake_cli.h"

static void helps(void **state)
{
	(void)state;
	assert_int_equal(fake_type("help vm"), 0);
	assert_non_null(strstr(fake_said, "usage: vm COMMAND ...\n"));
	assert_non_null(strstr(fake_said, "\ncreate     make a VM, which is off\n"));
	assert_int_equal(fake_type("help vm create"), 0);
	assert_non_null(strstr(fake_said, "usage: vm create NAME [OPTION...]\n"));
	assert_non_null(strstr(fake_said, "  --memory SIZE "));
	assert_non_null(strstr(fake_said, "  --disk PATH[,ro] "));
	assert_int_equal(fake_type("help vm set"), 0);
	assert_non_null(strstr(fake_said, "  --add-disk PATH[,ro] "));
	assert_non_null(strstr(fake_said, "  --remove-disk PATH "));
	assert_int_equal(fake_type("help --json vm create"), 0);
	assert_string_equal(fake_said, "[{\"name\":\"vm create\",\"usage\":"
				       "\"NAME [OPTION...]\",\"help\":\"make a VM, which is "
				       "off\"}]\n");
	assert_int_equal(fake_type("help vm --json"), 0);
	assert_non_null(strstr(fake_said, "\"commands\":[{\"name\":\"vm console\""));
	fake_expect("help vm nope", -ENOENT, "error: no command \"vm nope\"; see help\n");
	fake_expect("help ls vm", -ENOENT, "error: no command \"ls vm\"; see help\n");
	fake_expect("help nope", -ENOENT, "error: no command \"nope\"; see help\n");
}

static void files(void **state)
{
	(void)state;
	fake_expect("mkdir /vm/d /vm/d/c /vm/d/a /vm/d/b", 0, "");
	fake_expect("ls /vm/d", 0, "a/\nb/\nc/\n");
	fake_expect("ls /vm", 0, "bzImage\nd/\ninitrd\n");
	fake_expect("ls -l /vm/bzImage", 0,
		"type                size  mtime                name\n"
		"file                   5  -                    bzImage\n");
	fake_expect("mkdir /vm/d/x/y /vm/d/a /vm/d/z", -EEXIST,
		"error: /vm/d/x/y: no such file or directory\n"
		"error: /vm/d/a: exists already\n");
	fake_expect("rm /vm/d /vm/nope /vm/d/z", -ENOENT,
		"error: /vm/d: directory not empty\n"
		"error: /vm/nope: no such file or directory\n");
	fake_expect("rm /vm", -EBUSY, "error: /vm: in use\n");
	fake_expect("mkdir /x", -EROFS, "error: /x: read-only file system\n");
	fake_expect("ls --json /vm/d", 0,
		"[{\"type\":\"directory\",\"size\":0,\"mtime\":null,\"name\":\"a\"},"
		"{\"type\":\"directory\",\"size\":0,\"mtime\":null,\"name\":\"b\"},"
		"{\"type\":\"directory\",\"size\":0,\"mtime\":null,\"name\":\"c\"}]\n");
	fake_interrupted = true;
	fake_expect("ls /vm", -EINTR, "");
	fake_expect("rm /vm/d/a /vm/d/b", -EINTR, "");
	fake_interrupted = false;
	fake_expect("rm /vm/d/b /vm/d/c /vm/d", 0, "");
	fake_expect("rm", -EINVAL, "error: rm: words are missing; usage: rm PATH...\n");
}

/* Any number, made in any order, comes out sorted, and is given back. */
static void many_files_are_sorted(void **state)
{
	char path[32], last[32] = "";
	u32 count = 0;

	(void)state;
	assert_int_equal(vfs_mkdir("/vm/d"), 0);
	for (u32 i = 0; i < 150; i++) {
		sprintf(path, "/vm/d/%u", i * 7919 % 1000);
		assert_int_equal(vfs_mkdir(path), 0);
	}
	assert_int_equal(fake_type("ls /vm/d"), 0);
	for (char *name = strtok(fake_said, "/\n"); name; name = strtok(NULL, "/\n")) {
		assert_true(strcmp(last, name) < 0);
		strcpy(last, name);
		count++;
	}
	assert_int_equal(count, 150);
	for (u32 i = 0; i < 150; i++) {
		sprintf(path, "/vm/d/%u", i * 7919 % 1000);
		assert_int_equal(vfs_remove(path), 0);
	}
	assert_int_equal(vfs_remove("/vm/d"), 0);
}

static const struct {
	const char *line;
	const char *list; /* of candidates */
	size_t from;
} tabs[] = {
	{ "", "help  ls  mkdir  rm  vm", 0 },
	{ "v", "vm", 0 },
	{ "vm ",
		"console  create  delete  kill  list  pause  reset  resume  set  show  "
		"start  stats",
		3 },
	{ "vm st", "start  stats", 3 },
	{ "  vm  st", "start  stats", 6 },
	{ "vm x", "", 3 },
	{ "vm start ", "db  web", 9 },
	{ "vm start w", "web", 9 },
	{ "vm start web ", "", 13 },
	{ "vm show --json d", "db", 15 },
	{ "vm create ", "", 10 },
	{ "vm create x --c", "--cpus  --cmdline  --cap", 12 },
	{ "vm create x --no", "", 12 },
	{ "vm set x --no", "--no-autostart", 9 },
	{ "vm create x --kernel ", "vm/", 21 },
	{ "vm create x --kernel /v", "/vm/", 21 },
	{ "vm create x --kernel /vm/b", "/vm/bzImage", 21 },
	{ "vm create x --kernel=/vm/b", "/vm/bzImage", 21 },
	{ "vm create x --json=/vm/b", "", 19 },
	{ "vm create x --disk /vm/b", "/vm/bzImage", 19 },
	{ "vm set x --add-disk=/vm/i", "/vm/initrd", 20 },
	{ "vm set x --remove-disk /vm/i", "/vm/initrd", 23 },
	{ "vm set x --a", "--affinity  --autostart  --add-disk", 9 },
	{ "vm create 'x' --initrd /vm/i", "/vm/initrd", 23 },
	{ "vm create x --on-reset ", "restart  stop", 23 },
	{ "vm create x --on-reset=s", "stop", 23 },
	{ "vm create x --memory ", "", 21 },
	{ "vm create x --memory --k", "", 21 },
	{ "vm set --autostart ", "db  web", 19 },
	{ "vm set --cpus 1 w", "web", 16 },
	{ "vm set --nope w", "", 14 },
	{ "vm nope w", "", 8 },
	{ "nope w", "", 5 },
	{ "help v", "vm", 5 },
	{ "help vm cr", "create", 8 },
	{ "help ls x", "", 8 },
	{ "help vm create x", "", 15 },
	{ "rm /vm/bz", "/vm/bzImage", 3 },
	{ "rm /vm/bzImage /vm/in", "/vm/initrd", 15 },
	{ "rm 'a b", "", 6 },
	{ "rm 'a b' /vm/in", "/vm/initrd", 9 },
	{ "rm \"/vm/in", "", 3 },
};

static void tab(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tabs); i++) {
		struct completion c;

		completion_begin(&c);
		complete_line(NULL, tabs[i].line, strlen(tabs[i].line), &c);
		assert_string_equal(c.list, tabs[i].list);
		assert_int_equal(c.from, tabs[i].from);
		assert_null(c.args);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_cli_setup, fake_cli_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(helps),
		TEST(files),
		TEST(many_files_are_sorted),
		TEST(tab),
	};

	return cmocka_run_group_tests(tests, fake_cli_mount, fake_cli_forget);
}
