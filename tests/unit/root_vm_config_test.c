/* SPDX-License-Identifier: MIT */
/*
 * A VM's configuration: defaults, names, every line that is refused, round
 * trips, and its file on the memory file system while memory runs out.
 * sources: rootpart/vm/vm_config.c rootpart/vm/vm_config_file.c rootpart/vm/vm_keys.c
 * sources: rootpart/vm/vm_disk_text.c
 * sources: rootpart/memfs.c rootpart/memfs_data.c rootpart/vfs.c rootpart/path.c
 * sources: rootpart/errno_text.c lib/format.c lib/string.c tests/unit/fake_files.c tests/unit/host_assert.c
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
#include "rootpart/memfs.h"
#include "rootpart/vm/vm_disk_text.h"
#include "rootpart/vm/vm_keys.h"
#include "tests/unit/fake_files.h"

#define TEXT 65536

static const char whole[] = "format = 1\n"
			    "memory = 1536M\n"
			    "cpus = 4\n"
			    "kernel = \"/vm/images/a \\\"kernel\\\" # 1\"\n"
			    "initrd = \"/boot/initrd\"\n"
			    "cmdline = \" console=ttyS0 x=\\\"a b\\\" c:\\\\ # \\x09\\x01 \"\n"
			    "weight = 200\n"
			    "cap = 75\n"
			    "reserve = 50\n"
			    "affinity = 0-3,5,7-8\n"
			    "autostart = yes\n"
			    "on-reset = stop\n"
			    "sector-size = 4096\n"
			    "disk0 = \"/vm/images/a, b.img\"\n"
			    "disk2 = \"/dev/disk1,ro\"\n"
			    "disk15 = \"/vm/images/\\\"ro\"\n"
			    "processor-features = 0x1f 0xffffffffffffffff\n"
			    "xsave-states = 0x7\n"
			    "tsc-hz = 2000000000\n";

static struct vm_config config;
static char why[256];

static int parse(const char *text)
{
	vm_config_default(&config, "web");
	return vm_config_parse(&config, text, strlen(text), why, sizeof(why));
}

static void a_whole_file(void **state)
{
	char text[TEXT];

	(void)state;
	assert_int_equal(parse(whole), 0);
	assert_string_equal(config.name, "web");
	assert_int_equal(config.memory, 1536 * MIB);
	assert_int_equal(config.cpus, 4);
	assert_string_equal(config.kernel, "/vm/images/a \"kernel\" # 1");
	assert_string_equal(config.initrd, "/boot/initrd");
	assert_string_equal(config.cmdline, " console=ttyS0 x=\"a b\" c:\\ # \t\001 ");
	assert_int_equal(config.weight, 200);
	assert_int_equal(config.cap, 75);
	assert_int_equal(config.reserve, 50);
	assert_int_equal(config.affinity, 0x1af);
	assert_true(config.autostart);
	assert_int_equal(config.on_reset, VM_RESET_STOP);
	assert_int_equal(config.sector_size, 4096);
	assert_string_equal(config.disks[0], "/vm/images/a, b.img");
	assert_string_equal(config.disks[1], "");
	assert_string_equal(config.disks[2], "/dev/disk1,ro");
	assert_string_equal(config.disks[15], "/vm/images/\"ro");
	assert_true(config.has_features);
	assert_int_equal(config.features[0], 0x1f);
	assert_int_equal(config.features[1], ~0ull);
	assert_int_equal(config.xsave_states, 7);
	assert_int_equal(config.tsc_hz, 2000000000);
	assert_int_equal(vm_config_format(&config, text, sizeof(text)), strlen(whole));
	assert_string_equal(text, whole);
	assert_int_equal(vm_config_format(&config, text, strlen(whole)), -ENOSPC);
	assert_int_equal(vm_config_format(&config, text, strlen(whole) + 1), strlen(whole));
}

static void what_may_be_left_out(void **state)
{
	struct vm_config expected;

	(void)state;
	vm_config_default(&expected, "web");
	assert_int_equal(parse("format = 1"), 0);
	assert_memory_equal(&config, &expected, sizeof(config));
	assert_int_equal(parse("# mine\n\n \t# more\r\nformat=1# one\r\n  cpus \t=\t2   # two\n"
			       "cmdline=\"#\" # three\nkernel = \"boot/../x\"\ninitrd = \"\"\n"),
		0);
	assert_int_equal(config.cpus, 2);
	assert_string_equal(config.cmdline, "#");
	assert_string_equal(config.kernel, "/x");
	assert_string_equal(config.initrd, "");
	assert_int_equal(config.memory, 512 * MIB);
	assert_int_equal(config.weight, 100);
	assert_int_equal(parse("format = 1\ndisk5 = \"\"\ndisk1 = \"/a//./b/../c,ro\"\n"), 0);
	assert_string_equal(config.disks[5], "");
	assert_string_equal(config.disks[1], "/a/c,ro");
}

#define N100                                                                                       \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" \
	"nnnnnnnnnnnn"

static const struct {
	const char *text; /* behind "format = 1\n", but for those that begin with '!' */
	const char *why;
} wrong[] = {
	{ "!", "line 1: format is missing: format = 1" },
	{ "!# nothing\n\n", "line 3: format is missing: format = 1" },
	{ "!\ncpus = 1\nformat = 1\n", "line 2: the first key is format, not cpus" },
	{ "!format = 2\n", "line 1: format \"2\" is not known here, only 1 is" },
	{ "!format =\n", "line 1: format \"\" is not known here, only 1 is" },
	{ "!format = \"1\"\n", "line 1: format: this value stands without quotes" },
	{ "!nonsense\n", "line 1: this is not KEY = VALUE" },
	{ "!= 1\n", "line 1: this is not KEY = VALUE" },
	{ "!format # = 1\n", "line 1: this is not KEY = VALUE" },
	{ "format = 1\n", "line 2: format stands here for the second time" },
	{ "disks = 1\n", "line 2: no key \"disks\"" },
	{ "Memory = 512M\n", "line 2: no key \"Memory\"" },
	{ "cpus 1\n", "line 2: this is not KEY = VALUE" },
	{ "cpus = 1\n\ncpus = 1\n", "line 4: cpus stands here for the second time" },
	{ "cpus = 0\n", "line 2: cpus: \"0\" is no number from 1 to 64" },
	{ "cpus = 65\n", "line 2: cpus: \"65\" is no number from 1 to 64" },
	{ "cpus = two\n", "line 2: cpus: \"two\" is no number from 1 to 64" },
	{ "cpus = 1 2\n", "line 2: cpus: \"1 2\" is no number from 1 to 64" },
	{ "cpus = 1\001\n", "line 2: a control character" },
	{ "cpus =\n", "line 2: cpus: \"\" is no number from 1 to 64" },
	{ "memory = 1M\n",
		"line 2: memory: \"1M\" is not from 2M to 1024G; K, M or G may follow the number" },
	{ "memory = 512\n", "line 2: memory: \"512\" is not from 2M to 1024G; K, M or G may follow "
			    "the number" },
	{ "memory = 1025G\n", "line 2: memory: \"1025G\" is not from 2M to 1024G; "
			      "K, M or G may follow the number" },
	{ "memory = 99999999999999999999G\n",
		"line 2: memory: \"99999999999999999999G\" is not from 2M to 1024G; "
		"K, M or G may follow the number" },
	{ "memory = 3M\n", "line 2: memory: \"3M\" is no multiple of 2M" },
	{ "memory = 512 M\n", "line 2: memory: \"512 M\" is no size; "
			      "write a number with K, M or G, as 512M" },
	{ "memory = 512m\n", "line 2: memory: \"512m\" is no size; "
			     "write a number with K, M or G, as 512M" },
	{ "weight = 10001\n", "line 2: weight: \"10001\" is no number from 1 to 10000" },
	{ "cap = 101\n", "line 2: cap: \"101\" is no number from 0 to 100" },
	{ "reserve = -1\n", "line 2: reserve: \"-1\" is no number from 0 to 100" },
	{ "cap = 10\nreserve = 11",
		"line 3: reserve is more than cap, which is the most that it may use" },
	{ "initrd = \"/x\"", "line 2: an initrd needs a kernel" },
	{ "autostart = maybe\n", "line 2: autostart: \"maybe\" is neither no nor yes" },
	{ "on-reset = no\n", "line 2: on-reset: \"no\" is neither restart nor stop" },
	{ "sector-size = 1024\n", "line 2: sector-size: \"1024\" is neither 512 nor 4096" },
	{ "affinity = 64\n", "line 2: affinity: \"64\" is neither \"all\" nor a list of "
			     "processors from 0 to 63, as 0-3,5" },
	{ "affinity =\n", "line 2: affinity: \"\" is neither \"all\" nor a list of "
			  "processors from 0 to 63, as 0-3,5" },
	{ "affinity = 3-1\n", "line 2: affinity: \"3-1\" is neither \"all\" nor a list of "
			      "processors from 0 to 63, as 0-3,5" },
	{ "affinity = 1,\n", "line 2: affinity: \"1,\" is neither \"all\" nor a list of "
			     "processors from 0 to 63, as 0-3,5" },
	{ "affinity = 1-2-3\n", "line 2: affinity: \"1-2-3\" is neither \"all\" nor a list of "
				"processors from 0 to 63, as 0-3,5" },
	{ "affinity = 18446744073709551616\n",
		"line 2: affinity: \"18446744073709551616\" is neither \"all\" nor a list of "
		"processors from 0 to 63, as 0-3,5" },
	{ "kernel = /boot/x\n", "line 2: kernel: text stands in quotes: kernel = \"...\"" },
	{ "kernel = # none\n", "line 2: kernel: text stands in quotes: kernel = \"...\"" },
	{ "kernel = \"/boot/x\n", "line 2: a quote is not closed" },
	{ "kernel = \"/boot/x\\\"\n", "line 2: a quote is not closed" },
	{ "kernel = \"/boot/x\" y\n", "line 2: something stands behind the closing quote" },
	{ "kernel = \"/boot/\tx\"\n", "line 2: a control character; write it as \\x09" },
	{ "kernel = \"\\n\"\n",
		"line 2: behind \\ stands \", \\ or x with two digits 0-9, a-f, not 00" },
	{ "kernel = \"\\x00\"\n",
		"line 2: behind \\ stands \", \\ or x with two digits 0-9, a-f, not 00" },
	{ "kernel = \"\\x1\"\n",
		"line 2: behind \\ stands \", \\ or x with two digits 0-9, a-f, not 00" },
	{ "kernel = \"\\xAA\"\n",
		"line 2: behind \\ stands \", \\ or x with two digits 0-9, a-f, not 00" },
	{ "kernel = \"\\",
		"line 2: behind \\ stands \", \\ or x with two digits 0-9, a-f, not 00" },
	{ "kernel = \"" N100 N100 N100 "\"\n",
		"line 2: kernel: \"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn\"... "
		"is too long a path" },
	{ "tsc-hz = 1000\n", "line 3: processor-features, xsave-states and tsc-hz go together" },
	{ "processor-features = 1\n",
		"line 2: processor-features: it is not two numbers of 64 bits, as 0x1f" },
	{ "processor-features = 1 2 3\n",
		"line 2: processor-features: it is not two numbers of 64 bits, as 0x1f" },
	{ "xsave-states = 0x000000000000000000000001f\n",
		"line 2: xsave-states: it is not one number of 64 bits, as 0x1f" },
	{ "processor-features = 1 x\n",
		"line 2: processor-features: it is not two numbers of 64 bits, as 0x1f" },
	{ "xsave-states = 18446744073709551616\n",
		"line 2: xsave-states: it is not one number of 64 bits, as 0x1f" },
	{ "disk16 = \"/x\"\n", "line 2: no key \"disk16\"" },
	{ "disk0 = /x\n", "line 2: disk0: text stands in quotes: disk0 = \"...\"" },
	{ "disk0 = \"x\"\n", "line 2: disk0: \"x\": a disk's path begins with /" },
	{ "disk9 = \",ro\"\n", "line 2: disk9: \",ro\": a disk needs a path" },
	{ "disk0 = \"/x,ro/,ro\"\n",
		"line 2: disk0: \"/x,ro/,ro\": a disk's path must not end in \",ro\"" },
	{ "disk0 = \"/" N100 N100 N100 "\"\n",
		"line 2: disk0: \"/nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn\": "
		"the path is too long" },
	{ "disk0 = \"/x\"\ndisk0 = \"/y\"\n", "line 3: disk0 stands here for the second time" },
	{ "disk3 = \"/x,ro\"\ndisk14 = \"/y/../x\"\n",
		"line 4: two of its disks are the same one" },
	{ "tsc-hz = 0\n", "line 2: tsc-hz: \"0\" is no frequency in Hz" },
};

static void wrong_files_are_told(void **state)
{
	char text[1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		bool alone = wrong[i].text[0] == '!';

		sprintf(text, "%s%s", alone ? "" : "format = 1\n", wrong[i].text + alone);
		assert_int_equal(parse(text), -EINVAL);
		assert_string_equal(why, wrong[i].why);
	}
}

static void too_long_values(void **state)
{
	static char text[VM_CMDLINE_MAX + 200];

	(void)state;
	for (u32 more = 0; more < 3; more++) {
		sprintf(text, "format = 1\ncmdline = \"%0*d\"\n", (int)(VM_CMDLINE_MAX + more), 7);
		assert_int_equal(parse(text), more == 0 ? 0 : -EINVAL);
		if (more == 0)
			assert_int_equal(strlen(config.cmdline), VM_CMDLINE_MAX);
		else if (more == 1)
			assert_string_equal(
				why, "line 2: cmdline: it is longer than 2047 characters");
		else
			assert_string_equal(why, "line 2: the value is too long");
	}
	/* A sentence that does not fit is cut, not written beyond. */
	assert_int_equal(vm_config_parse(&config, text, strlen(text), why, 4), -EINVAL);
	assert_string_equal(why, "lin");
	/* A zero byte ends nothing. */
	assert_int_equal(vm_config_parse(&config, "format = 1\0", 11, why, sizeof(why)), -EINVAL);
	assert_string_equal(why, "line 1: a control character");
}

static const struct {
	const char *text;
	const char *wrong; /* NULL: nothing */
	const char *path;
	bool read_only;
} disks[] = {
	{ "/vm/a.img", NULL, "/vm/a.img", false },
	{ "/vm/a.img,ro", NULL, "/vm/a.img", true },
	{ "//vm/./b/../a.img/,ro", NULL, "/vm/a.img", true },
	{ "/vm/a,rw", NULL, "/vm/a,rw", false },
	{ "/ro", NULL, "/ro", false },
	{ "/,r", NULL, "/,r", false },
	{ "/", NULL, "/", false },
	{ "", "a disk needs a path", NULL, false },
	{ ",ro", "a disk needs a path", NULL, false },
	{ "ro", "a disk's path begins with /", NULL, false },
	{ "vm/a.img,ro", "a disk's path begins with /", NULL, false },
	{ "/a,ro,ro", "a disk's path must not end in \",ro\"", NULL, false },
	{ "/a,ro/", "a disk's path must not end in \",ro\"", NULL, false },
};

static void disks_as_text(void **state)
{
	static const char full[] = "/" N100 N100 "/" N100 N100 "/" N100;
	struct vm_disk_text disk;
	char text[PATH_MAX + 64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(disks); i++) {
		const char *said = vm_disk_text_parse(&disk, disks[i].text);

		if (disks[i].wrong != NULL) {
			assert_non_null(said);
			assert_string_equal(said, disks[i].wrong);
			continue;
		}
		assert_null(said);
		assert_string_equal(disk.path, disks[i].path);
		assert_int_equal(disk.read_only, disks[i].read_only);
		vm_disk_text_format(&disk, text);
		assert_true(strlen(text) < VM_DISK_TEXT);
		sprintf(text + 32, "%s%s", disks[i].path, disks[i].read_only ? ",ro" : "");
		assert_string_equal(text, text + 32);
	}
	/* The longest one. */
	sprintf(text, "%s/%0*d,ro", full, (int)(PATH_MAX - 2 - strlen(full)), 7);
	assert_int_equal(strlen(text), PATH_MAX - 1 + 3);
	assert_null(vm_disk_text_parse(&disk, text));
	assert_int_equal(strlen(disk.path), PATH_MAX - 1);
	vm_disk_text_format(&disk, config.disks[0]);
	assert_string_equal(config.disks[0], text);
	sprintf(text, "%s/%0*d", full, (int)(PATH_MAX - 1 - strlen(full)), 7);
	assert_string_equal(vm_disk_text_parse(&disk, text), "the path is too long");
}

static void luns(void **state)
{
	struct vm_config *c = &config;

	(void)state;
	vm_config_default(c, "web");
	assert_int_equal(vm_disk_text_free(c), 0);
	assert_int_equal(vm_disk_text_find(c, ""), VM_DISKS_MAX);
	assert_false(vm_disk_text_twice(c));
	for (u32 i = 0; i < VM_DISKS_MAX; i++) {
		assert_int_equal(vm_disk_text_free(c), i);
		sprintf(c->disks[i], "/d%u%s", i, i % 2 ? ",ro" : "");
	}
	assert_int_equal(vm_disk_text_free(c), VM_DISKS_MAX);
	assert_int_equal(vm_disk_text_find(c, "/d14"), 14);
	assert_int_equal(vm_disk_text_find(c, "/d15"), 15);
	assert_int_equal(vm_disk_text_find(c, "/d15,ro"), VM_DISKS_MAX);
	assert_int_equal(vm_disk_text_find(c, "/d16"), VM_DISKS_MAX);
	assert_int_equal(vm_disk_text_find(c, "/d"), VM_DISKS_MAX);
	assert_int_equal(vm_disk_text_find(c, ""), VM_DISKS_MAX);
	assert_false(vm_disk_text_twice(c));
	c->disks[3][0] = c->disks[7][0] = '\0';
	assert_int_equal(vm_disk_text_free(c), 3);
	assert_false(vm_disk_text_twice(c));
	strcpy(c->disks[7], "/d15");
	assert_true(vm_disk_text_twice(c));
	assert_string_equal(vm_config_clash(c), "two of its disks are the same one");
}

static void names(void **state)
{
	static const char *const good[] = { "a", "web", "Web-1_x.y", "7", "a..",
		"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" };
	static const char *const bad[] = { "", ".", "..", "-a", "_a", ".a", "a/b", "a b", "a\n",
		"\303\274", "a\"",
		"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_null(vm_name_wrong(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_non_null(vm_name_wrong(bad[i]));
	assert_string_equal(vm_name_wrong(bad[11]), "a VM's name has at most 63 characters");
}

static u64 random_state = 1;

static u32 random_below(u32 n)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)(random_state >> 33) % n;
}

static void random_text(char *text, u32 size)
{
	u32 len = random_below(4) ? random_below(40) : random_below(size);

	for (u32 i = 0; i < len; i++)
		text[i] = random_below(3) ? "\"\\#= x\t\n\r\001"[random_below(10)]
					  : (char)(1 + random_below(255));
	text[len] = '\0';
}

/* The last part is the LUN, so that no two are the same. */
static void random_disk(struct vm_config *c, u32 lun)
{
	char text[PATH_MAX], path[PATH_MAX];

	path[0] = '/';
	do {
		random_text(path + 1, 200);
		sprintf(path + strlen(path), "/%u", lun);
	} while (path_normalise(path, text) != 0);
	sprintf(c->disks[lun], "%s%s", text, random_below(2) ? ",ro" : "");
}

static void random_config(struct vm_config *c)
{
	char text[PATH_MAX];

	vm_config_default(c, "web");
	c->memory = 2 * MIB * (1 + random_below(512 * 1024));
	c->cpus = 1 + random_below(64);
	do
		random_text(text, 200);
	while (path_normalise(text, c->kernel) != 0);
	if (random_below(2)) {
		do
			random_text(text, 200);
		while (path_normalise(text, c->initrd) != 0);
	}
	random_text(c->cmdline, VM_CMDLINE_MAX);
	c->weight = 1 + random_below(10000);
	c->cap = random_below(101);
	c->reserve = random_below(c->cap + 1);
	c->autostart = random_below(2);
	c->on_reset = random_below(2) ? VM_RESET_STOP : VM_RESET_RESTART;
	c->sector_size = random_below(2) ? 4096 : 512;
	for (u32 i = 0; i < 64; i++)
		c->affinity |= random_below(3) ? 0 : BIT(i);
	for (u32 i = 0; i < VM_DISKS_MAX; i++) {
		if (random_below(4) == 0)
			random_disk(c, i);
	}
	c->has_features = random_below(2);
	if (c->has_features) {
		c->features[0] = random_state;
		c->features[1] = random_below(~0u);
		c->xsave_states = random_below(4);
		c->tsc_hz = 1 + random_below(~0u);
	}
}

static void round_trips(void **state)
{
	static struct vm_config c;
	static char text[TEXT];

	(void)state;
	for (u32 i = 0; i < 3000; i++) {
		int len;

		random_config(&c);
		len = vm_config_format(&c, text, sizeof(text));
		assert_true(len > 0);
		memset(&config, 0xaa, sizeof(config));
		strcpy(config.name, "web");
		assert_int_equal(vm_config_parse(&config, text, (size_t)len, why, sizeof(why)), 0);
		assert_memory_equal(&config, &c, sizeof(c));
	}
}

static void set_all(struct vm_config *c, char with, u32 cpus)
{
	vm_config_default(c, "web");
	c->cpus = cpus;
	memset(c->cmdline, with, VM_CMDLINE_MAX);
}

static struct memfs *fs;

static int mount(void **state)
{
	(void)state;
	fs = memfs_create(64 * PAGE_SIZE);
	return vfs_mount(VM_ROOT, &memfs_ops, fs);
}

static int forget(void **state)
{
	(void)state;
	assert_int_equal(memfs_used(fs), 0);
	free(fs);
	return 0;
}

static void files(void **state)
{
	struct vfs_file file;
	struct vfs_stat stat;

	(void)state;
	assert_int_equal(vm_config_load(&config, "web", why, sizeof(why)), -ENOENT);
	assert_string_equal(why, "no such file or directory");
	set_all(&config, '\001', 3);
	assert_int_equal(vm_config_save(&config), 0);
	memset(&config, 0xaa, sizeof(config));
	assert_int_equal(vm_config_load(&config, "web", why, sizeof(why)), 0);
	assert_string_equal(config.name, "web");
	assert_int_equal(config.cpus, 3);
	assert_int_equal(vfs_stat("/vm/web/vm.conf.new", &stat), -ENOENT);
	/* Somebody else's file stays, and everything with it. */
	assert_int_equal(vfs_open("/vm/web/disk", VFS_WRITE | VFS_CREATE, &file), 0);
	vfs_close(&file);
	assert_int_equal(vm_config_remove("web"), -ENOTEMPTY);
	assert_int_equal(vm_config_load(&config, "web", why, sizeof(why)), 0);
	assert_int_equal(vfs_remove("/vm/web/disk"), 0);
	/* A rest of a save that was cut off does not matter. */
	assert_int_equal(vfs_open("/vm/web/vm.conf.new", VFS_WRITE | VFS_CREATE, &file), 0);
	vfs_close(&file);
	assert_int_equal(vm_config_remove("web"), 0);
	assert_int_equal(vfs_stat("/vm/web", &stat), -ENOENT);
	assert_int_equal(vm_config_remove("web"), -ENOENT);
}

/* Everything as long as it may be, and every character of it escaped. */
static void the_longest_file(void **state)
{
	static struct vm_config longest;

	(void)state;
	set_all(&longest, '\001', 64);
	for (u32 i = 0; i < VM_DISKS_MAX + 2; i++) {
		char *path = i < VM_DISKS_MAX    ? longest.disks[i]
			     : i == VM_DISKS_MAX ? longest.kernel
						 : longest.initrd;

		memset(path, '\001', PATH_MAX - 1);
		path[0] = path[NAME_MAX + 1] = '/';
		path[1] = (char)(2 + i);
		strcpy(path + PATH_MAX - 1, i < VM_DISKS_MAX ? ",ro" : "");
	}
	assert_int_equal(vm_config_save(&longest), 0);
	memset(&config, 0xaa, sizeof(config));
	assert_int_equal(vm_config_load(&config, "web", why, sizeof(why)), 0);
	assert_memory_equal(&config, &longest, sizeof(config));
	assert_int_equal(vm_config_remove("web"), 0);
}

static void what_is_in_the_way(void **state)
{
	struct vfs_file file;
	char text[100];

	(void)state;
	vm_config_default(&config, "web");
	assert_int_equal(vfs_open("/vm/web", VFS_WRITE | VFS_CREATE, &file), 0);
	vfs_close(&file);
	assert_int_equal(vm_config_save(&config), -ENOTDIR);
	assert_int_equal(vm_config_load(&config, "web", why, sizeof(why)), -ENOTDIR);
	assert_int_equal(vm_config_remove("web"), -ENOTDIR);
	assert_int_equal(vfs_remove("/vm/web"), 0);
	/* A file that is no configuration at all. */
	assert_int_equal(vfs_mkdir("/vm/web"), 0);
	assert_int_equal(vfs_open("/vm/web/vm.conf", VFS_WRITE | VFS_CREATE, &file), 0);
	memset(text, '\n', sizeof(text));
	for (u32 i = 0; i < 700; i++)
		assert_int_equal(vfs_write(&file, text, sizeof(text)), sizeof(text));
	vfs_close(&file);
	assert_int_equal(vm_config_load(&config, "web", why, sizeof(why)), -E2BIG);
	assert_int_equal(vm_config_remove("web"), 0);
}

/* With every number of allocations: all of it, or nothing at all. */
static void memory_runs_out(void **state)
{
	u32 failed[2] = { 0, 0 };
	int r;

	(void)state;
	for (u32 old = 0; old < 2; old++) {
		for (u32 n = 0; n < 40; n++) {
			u64 used;

			vm_config_default(&config, "web");
			if (old)
				assert_int_equal(vm_config_save(&config), 0);
			used = memfs_used(fs);
			set_all(&config, '\001', 9);
			fake_allocations = n;
			r = vm_config_save(&config);
			fake_allocations = FAKE_ENDLESS;
			if (r != 0) {
				failed[old]++;
				assert_true(r == -ENOSPC || r == -ENOMEM);
				assert_int_equal(memfs_used(fs), used);
			}
			if (r == 0 || old) {
				assert_int_equal(
					vm_config_load(&config, "web", why, sizeof(why)), 0);
				assert_int_equal(config.cpus, r == 0 ? 9 : 1);
				assert_int_equal(vm_config_remove("web"), 0);
			}
		}
	}
	assert_in_range(failed[0], 5, 30);
	assert_in_range(failed[1], 3, 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_file),
		cmocka_unit_test(what_may_be_left_out),
		cmocka_unit_test(wrong_files_are_told),
		cmocka_unit_test(too_long_values),
		cmocka_unit_test(disks_as_text),
		cmocka_unit_test(luns),
		cmocka_unit_test(names),
		cmocka_unit_test(round_trips),
		cmocka_unit_test(files),
		cmocka_unit_test(the_longest_file),
		cmocka_unit_test(what_is_in_the_way),
		cmocka_unit_test(memory_runs_out),
	};

	return cmocka_run_group_tests(tests, mount, forget);
}
