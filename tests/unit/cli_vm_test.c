/* SPDX-License-Identifier: MIT */
/*
 * The commands of `vm` as typed lines: what they print, refuse, and hand on.
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
#include "rootpart/time.h"
#include "rootpart/vfs.h"
#include "tests/unit/fake_cli.h"

static void create(void **state)
{
	const struct vm_config *c = &fake_vms[2].config;
	struct vm_config plain;

	(void)state;
	fake_expect("vm create xyz", 0, "");
	assert_string_equal(fake_asked, "create xyz");
	vm_config_default(&plain, "xyz");
	assert_memory_equal(c, &plain, sizeof(plain));
	fake_vm_count = 2;
	fake_volatile = true;
	fake_expect("vm create --memory 1536M xyz --cpus=4 --kernel vm/../vm/bzImage --initrd "
		    "/vm/initrd "
		    "--cmdline 'x=\"#\" --json' --weight 10000 --cap 100 --reserve 100 --affinity "
		    "0,2-3 "
		    "--autostart --on-reset stop --sector-size 4096 --cpus 8",
		0, "note: no VMSTORE volume, VMs are lost at power-off\n");
	assert_int_equal(c->memory, 1536 * MIB);
	assert_int_equal(c->cpus, 8);
	assert_string_equal(c->kernel, "/vm/bzImage");
	assert_string_equal(c->initrd, "/vm/initrd");
	assert_string_equal(c->cmdline, "x=\"#\" --json");
	assert_int_equal(c->weight, 10000);
	assert_int_equal(c->cap, 100);
	assert_int_equal(c->reserve, 100);
	assert_int_equal(c->affinity, 0xd);
	assert_true(c->autostart);
	assert_int_equal(c->on_reset, VM_RESET_STOP);
	assert_int_equal(c->sector_size, 4096);
}

static void set(void **state)
{
	(void)state;
	fake_expect("vm set web --memory 2M --autostart", 0, "");
	assert_string_equal(fake_asked, "configure web");
	assert_int_equal(fake_vms[1].config.memory, 2 * MIB);
	assert_true(fake_vms[1].config.autostart);
	fake_expect("vm set web --no-autostart --autostart --no-autostart", 0, "");
	assert_false(fake_vms[1].config.autostart);
	assert_int_equal(fake_vms[1].config.memory, 2 * MIB);
	fake_expect("vm set db --kernel '' --cmdline '' --affinity all --reserve 0", 0,
		"note: db is running, this takes effect at its next start\n");
	fake_expect("vm set db --weight 7 --cap 50 --reserve 10", 0, "");
	assert_int_equal(fake_vms[0].config.weight, 7);
	assert_string_equal(fake_vms[0].config.kernel, "");
	assert_string_equal(fake_vms[0].config.cmdline, "");
	assert_int_equal(fake_vms[0].config.affinity, 0);
	assert_int_equal(fake_vms[0].config.cpus, 16);
	fake_vms[0].state = VM_FAILED;
	fake_expect("vm set db --cpus 1", 0, "");
}

static void create_with_disks(void **state)
{
	const struct vm_config *c = &fake_vms[2].config;

	(void)state;
	fake_expect("vm create xyz --disk /vm/bzImage,ro --cpus 2 --disk=/vm//initrd", 0, "");
	assert_string_equal(fake_asked, "create xyz");
	assert_string_equal(c->disks[0], "/vm/bzImage,ro");
	assert_string_equal(c->disks[1], "/vm/initrd");
	for (u32 i = 2; i < VM_DISKS_MAX; i++)
		assert_string_equal(c->disks[i], "");
}

static void disks_come_and_go(void **state)
{
	struct vm_config *c = &fake_vms[1].config;

	(void)state;
	fake_expect("vm set web --add-disk /vm/bzImage --add-disk //vm/initrd,ro", 0,
		"added /vm/bzImage as LUN 0\nadded /vm/initrd, read-only, as LUN 1\n");
	assert_string_equal(fake_asked, "add /vm/initrd web");
	assert_string_equal(c->disks[0], "/vm/bzImage");
	assert_string_equal(c->disks[1], "/vm/initrd,ro");
	fake_expect(
		"vm set web --remove-disk vm/bzImage", 0, "removed vm/bzImage, which was LUN 0\n");
	assert_string_equal(fake_asked, "remove /vm/bzImage web");
	/* In the order of the line, and what is no disk comes last. */
	fake_expect("vm set web --cpus 3 --add-disk /vm/bzImage --remove-disk /vm/initrd "
		    "--add-disk /vm/initrd",
		0,
		"added /vm/bzImage as LUN 0\nremoved /vm/initrd, which was LUN 1\n"
		"added /vm/initrd as LUN 1\n");
	assert_string_equal(fake_asked, "configure web");
	assert_int_equal(c->cpus, 3);
	assert_string_equal(c->disks[0], "/vm/bzImage");
	assert_string_equal(c->disks[1], "/vm/initrd");
	/* A machine that is on has them at once; the rest may not be. */
	fake_expect("vm set db --add-disk /vm/initrd --weight 3", 0, "added /vm/initrd as LUN 0\n");
	fake_expect("vm set db --remove-disk /vm/initrd --cpus 2", 0,
		"removed /vm/initrd, which was LUN 0\n"
		"note: db is running, this takes effect at its next start\n");
}

/* What was done is told, and nothing else is done. */
static void a_disk_that_is_refused(void **state)
{
	struct vm_config *c = &fake_vms[1].config;

	(void)state;
	fake_kept = "/vm/initrd";
	fake_expect("vm set web --cpus 9 --add-disk /vm/bzImage --add-disk /vm/initrd", -EBUSY,
		"added /vm/bzImage as LUN 0\nerror: web: /vm/initrd: is in use by VM db\n");
	assert_string_equal(fake_asked, "add /vm/bzImage web");
	assert_int_equal(c->cpus, 1);
	assert_string_equal(c->disks[1], "");
	strcpy(c->disks[5], "/vm/initrd,ro");
	fake_expect("vm set web --remove-disk /vm/initrd --remove-disk /vm/bzImage", -EBUSY,
		"error: web: /vm/initrd: is in use by VM db\n");
	assert_string_equal(c->disks[0], "/vm/bzImage");
	fake_kept = "";
	fake_answer = -ENOENT;
	/* It is the disk that is not there. */
	fake_expect("vm set web --remove-disk /vm/initrd", -ENOENT,
		"error: web: no such file or directory\n");
	fake_answer = 0;
	for (u32 i = 0; i < VM_DISKS_MAX; i++)
		sprintf(c->disks[i], "/d%u", i);
	fake_expect("vm set web --add-disk /vm/initrd", -ENOSPC,
		"error: --add-disk: /vm/initrd: a VM has at most 16 disks\n");
	assert_string_equal(fake_asked, "");
	fake_expect("vm set web --remove-disk /d7 --add-disk /vm/initrd", 0,
		"removed /d7, which was LUN 7\nadded /vm/initrd as LUN 7\n");
}

#define NAME_WRONG                                                      \
	"error: a VM's name is letters, digits, '-', '_' and '.', and " \
	"begins with a letter or digit\n"
#define N63 "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"

static const struct {
	const char *line;
	int result;
	const char *said;
} refused[] = {
	{ "vm", -EINVAL, "error: vm: a command is missing; see help vm\n" },
	{ "vm nope web", -ENOENT, "error: no command \"vm nope\"; see help vm\n" },
	{ "vm --json", -ENOENT, "error: no command \"vm --json\"; see help vm\n" },
	{ "vm create", -EINVAL,
		"error: vm create: words are missing; usage: vm create NAME "
		"[OPTION...]\n" },
	{ "vm create a b", -EINVAL,
		"error: vm create: too many words: \"b\"; "
		"usage: vm create NAME [OPTION...]\n" },
	{ "vm create a --nic x", -EINVAL,
		"error: vm create: no option --nic; see help vm create\n" },
	{ "vm create a --disk", -EINVAL,
		"error: vm create: option --disk needs PATH[,ro]; see help vm create\n" },
	{ "vm create a --disk ''", -EINVAL, "error: --disk: \"\": a disk needs a path\n" },
	{ "vm create a --disk vm/initrd,ro", -EINVAL,
		"error: --disk: \"vm/initrd,ro\": a disk's path begins with /\n" },
	{ "vm create a --disk /vm/nope,ro", -ENOENT,
		"error: --disk: /vm/nope: no such file or directory\n" },
	{ "vm create a --disk /vm/initrd,rw", -ENOENT,
		"error: --disk: /vm/initrd,rw: no such file or directory\n" },
	{ "vm create a --disk /vm/../vm", -EISDIR, "error: --disk: /vm: is a directory\n" },
	{ "vm create a --disk /vm/initrd --disk /vm/./initrd,ro", -EEXIST,
		"error: --disk: /vm/initrd: a has this disk already, as LUN 0\n" },
	{ "vm create a --add-disk /vm/initrd", -EINVAL,
		"error: vm create: no option --add-disk; see help vm create\n" },
	{ "vm set web --disk /vm/initrd", -EINVAL,
		"error: vm set: no option --disk; see help vm set\n" },
	{ "vm set web --cpus 2 --add-disk /vm/initrd --add-disk /vm/nope", -ENOENT,
		"error: --add-disk: /vm/nope: no such file or directory\n" },
	{ "vm set web --add-disk /vm/initrd --add-disk /vm/bzImage --add-disk /vm/initrd,ro",
		-EEXIST, "error: --add-disk: /vm/initrd: web has this disk already, as LUN 0\n" },
	{ "vm set web --add-disk /vm/initrd --remove-disk /vm/bzImage", -ENOENT,
		"error: --remove-disk: web has no disk \"/vm/bzImage\"; see vm show web\n" },
	{ "vm set web --remove-disk ''", -ENOENT,
		"error: --remove-disk: web has no disk \"\"; see vm show web\n" },
	{ "vm set web --add-disk /vm/initrd --cpus 0", -EINVAL,
		"error: --cpus: \"0\" is no number from 1 to 64\n" },
	{ "vm set nope --add-disk /vm/initrd", -ENOENT, "error: no VM \"nope\"; see vm list\n" },
	{ "vm create a --cpus", -EINVAL,
		"error: vm create: option --cpus needs N; see help vm create\n" },
	{ "vm create a --autostart=yes", -EINVAL,
		"error: vm create: option --autostart takes no value; "
		"see help vm create\n" },
	{ "vm create a --no-autostart", -EINVAL,
		"error: vm create: no option --no-autostart; see help vm create\n" },
	{ "vm create ''", -EINVAL, "error: the VM's name is empty\n" },
	{ "vm create ../x", -EINVAL, NAME_WRONG },
	{ "vm create 'a b'", -EINVAL, NAME_WRONG },
	{ "vm create " N63 "n", -EINVAL, "error: a VM's name has at most 63 characters\n" },
	{ "vm create a --memory 512", -EINVAL,
		"error: --memory: \"512\" is not from 2M to 1024G; "
		"K, M or G may follow the number\n" },
	{ "vm create a --memory lots", -EINVAL,
		"error: --memory: \"lots\" is no size; "
		"write a number with K, M or G, as 512M\n" },
	{ "vm create a --memory 3M", -EINVAL, "error: --memory: \"3M\" is no multiple of 2M\n" },
	{ "vm create a --cpus 65", -EINVAL, "error: --cpus: \"65\" is no number from 1 to 64\n" },
	{ "vm create a --cpus 0x", -EINVAL, "error: --cpus: \"0x\" is no number from 1 to 64\n" },
	{ "vm create a --weight 0", -EINVAL,
		"error: --weight: \"0\" is no number from 1 to 10000\n" },
	{ "vm create a --cap 101", -EINVAL, "error: --cap: \"101\" is no number from 0 to 100\n" },
	{ "vm create a --reserve -1", -EINVAL,
		"error: --reserve: \"-1\" is no number from 0 to 100\n" },
	{ "vm create a --reserve 60 --cap 50", -EINVAL,
		"error: a: reserve is more than cap, which is the most that it may use\n" },
	{ "vm create a --initrd /vm/initrd", -EINVAL, "error: a: an initrd needs a kernel\n" },
	{ "vm create a --sector-size 4K", -EINVAL,
		"error: --sector-size: \"4K\" is neither 512 nor 4096\n" },
	{ "vm create a --on-reset maybe", -EINVAL,
		"error: --on-reset: \"maybe\" is neither restart nor stop\n" },
	{ "vm create a --affinity 4", -EINVAL,
		"error: --affinity: there is no processor 4, "
		"this machine has 0 to 3\n" },
	{ "vm create a --affinity 0-99", -EINVAL,
		"error: --affinity: \"0-99\" is neither \"all\" nor a list of processors "
		"from 0 to 63, as 0-3,5\n" },
	{ "vm create a --kernel /vm/nope", -ENOENT,
		"error: --kernel: /vm/nope: no such file or directory\n" },
	{ "vm create a --kernel /vm/bzImage --initrd /vm", -EISDIR,
		"error: --initrd: /vm: is a directory\n" },
	{ "vm create a --kernel /vm/bzImage/x", -ENOTDIR,
		"error: --kernel: /vm/bzImage/x: not a directory\n" },
	{ "vm create a --kernel " N63 N63 N63 N63 N63, -EINVAL,
		"error: --kernel: \"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn\"... "
		"is too long a path\n" },
	{ "vm set web", -EINVAL,
		"error: vm set: nothing to set; see help vm set for the options\n" },
	{ "vm set nope --cpus 1", -ENOENT, "error: no VM \"nope\"; see vm list\n" },
	{ "vm set web --memory 4M --cpus 0", -EINVAL,
		"error: --cpus: \"0\" is no number from 1 to 64\n" },
	{ "vm set db --kernel ''  --initrd /vm/initrd", -EINVAL,
		"error: db: an initrd needs a kernel\n" },
	{ "vm set db --cap 10", -EINVAL,
		"error: db: reserve is more than cap, which is the most that it may "
		"use\n" },
	{ "vm start", -EINVAL, "error: vm start: words are missing; usage: vm start NAME\n" },
	{ "vm kill web now", -EINVAL,
		"error: vm kill: too many words: \"now\"; usage: vm kill NAME\n" },
	{ "vm list web", -EINVAL,
		"error: vm list: too many words: \"web\"; usage: vm list [--json]\n" },
	{ "vm show nope", -ENOENT, "error: no VM \"nope\"; see vm list\n" },
	{ "vm show --json nope", -ENOENT, "error: no VM \"nope\"; see vm list\n" },
	{ "vm stats nope", -ENOENT, "error: no VM \"nope\"; see vm list\n" },
	{ "vm stats web", -EBUSY, "error: web: it is off; counters begin at vm start\n" },
	{ "vm stats --json web", -EBUSY, "error: web: it is off; counters begin at vm start\n" },
};

/* Nothing of it reaches the service. */
static void what_is_refused(void **state)
{
	struct vm_info before[FAKE_VMS];

	(void)state;
	memcpy(before, fake_vms, sizeof(fake_vms));
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		fake_expect(refused[i].line, refused[i].result, refused[i].said);
		assert_string_equal(fake_asked, "");
	}
	assert_int_equal(fake_vm_count, 2);
	assert_memory_equal(before, fake_vms, sizeof(fake_vms));
}

static void lives(void **state)
{
	static const char *const commands[] = { "start", "reset", "pause", "resume", "delete" };
	char line[64], said[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		fake_answer = 0;
		fake_why = "";
		sprintf(line, "vm %s db", commands[i]);
		fake_expect(line, 0, "");
		assert_string_equal(fake_asked, line + 3);
		fake_answer = -EBUSY;
		fake_expect(line, -EBUSY, "error: db: in use\n");
		fake_why = "it sleeps";
		fake_expect(line, -EBUSY, "error: db: it sleeps\n");
		fake_answer = -ENOENT;
		sprintf(line, "vm %s gone", commands[i]);
		sprintf(said, "error: no VM \"gone\"; see vm list\n");
		fake_expect(line, -ENOENT, said);
	}
	fake_answer = 0;
	fake_why = "";
	fake_expect("vm kill db", 0, "");
	assert_string_equal(fake_asked, "kill db");
	fake_expect("vm kill web", 0, "web is off already\n");
	fake_answer = -ENOENT;
	fake_expect("vm kill gone", -ENOENT, "error: no VM \"gone\"; see vm list\n");
	fake_answer = -EEXIST;
	fake_why = "there is one";
	fake_expect("vm create web", -EEXIST, "error: web: there is one\n");
	fake_answer = -ENOSPC;
	fake_why = "";
	fake_expect("vm set web --cpus 2", -ENOSPC, "error: web: no space left\n");
}

static void lists(void **state)
{
	(void)state;
	fake_expect("vm list", 0,
		"name  state        memory  cpus  uptime           cpu\n"
		"db    running       3 GiB    16  1 h 1 min 1 s    1.500 s\n"
		"web   off         512 MiB     1  -                -\n");
	fake_expect("vm list --json", 0,
		"[{\"name\":\"db\",\"state\":\"running\",\"memory\":3221225472,\"cpus\":16,"
		"\"uptime\":3661.000,\"cpu\":1.500},"
		"{\"name\":\"web\",\"state\":\"off\",\"memory\":536870912,\"cpus\":1,"
		"\"uptime\":0.000,\"cpu\":0.000}]\n");
	strcpy(fake_vms[1].config.name, "web-of-trust");
	fake_vms[1].state = VM_FAILED;
	fake_expect("vm list", 0,
		"name          state        memory  cpus  uptime           cpu\n"
		"db            running       3 GiB    16  1 h 1 min 1 s    1.500 s\n"
		"web-of-trust  failed      512 MiB     1  -                -\n");
	fake_vm_count = 0;
	fake_expect("vm list", 0, "name  state        memory  cpus  uptime           cpu\n");
	fake_expect("vm list --json", 0, "[]\n");
	fake_vm_count = 2;
	/* Ctrl-C leaves a whole document. */
	fake_interrupted = true;
	fake_expect("vm list --json", -EINTR, "[]\n");
}

static void shows(void **state)
{
	(void)state;
	fake_expect("vm show db", 0,
		"name               db\n"
		"state              running\n"
		"why                -\n"
		"partition          7\n"
		"uptime             1 h 1 min 1 s\n"
		"cpu                1.500 s\n"
		"resets             2\n"
		"guest_os_id        0x8100\n"
		"crash              -\n"
		"memory_hypervisor  3 MiB\n"
		"memory             3 GiB\n"
		"cpus               16\n"
		"kernel             /vm/bzImage\n"
		"initrd             -\n"
		"cmdline            a=\"b c\"\n"
		"weight             100\n"
		"cap                -\n"
		"reserve            20 %\n"
		"affinity           0-1,3\n"
		"autostart          no\n"
		"on_reset           restart\n"
		"sector_size        512\n"
		"tsc                2000.500 MHz\n"
		"disks              -\n"
		"bus                -\n"
		"channels           -\n");
	fake_expect("vm show db --json", 0,
		"{\"name\":\"db\",\"state\":\"running\",\"why\":null,\"partition\":7,"
		"\"uptime\":3661.000,\"cpu\":1.500,\"resets\":2,\"guest_os_id\":\"0x8100\","
		"\"crash\":null,"
		"\"memory_hypervisor\":3145728,\"memory\":3221225472,\"cpus\":16,"
		"\"kernel\":\"/vm/bzImage\",\"initrd\":null,\"cmdline\":\"a=\\\"b c\\\"\","
		"\"weight\":100,\"cap\":0,\"reserve\":20,\"affinity\":[0,1,3],"
		"\"autostart\":false,\"on_reset\":\"restart\",\"sector_size\":512,\"tsc\":"
		"2000500000,\"disks\":[],\"bus\":null,\"channels\":[]}\n");
}

static void shows_what_went_wrong(void **state)
{
	(void)state;
	fake_vms[0].crash = (struct vm_crash){
		.told = true,
		.parameter = { 1, 0x8100, 3, ~0ull, 5 },
		.text = "Kernel panic\nnot syncing",
	};
	assert_int_equal(fake_type("vm show db"), 0);
	assert_non_null(strstr(fake_said, "\ncrash              0x1 0x8100 0x3 0xffffffffffffffff "
					  "0x5\nKernel panic\nnot syncing\nmemory_hyp"));
	assert_int_equal(fake_type("vm show db --json"), 0);
	assert_non_null(strstr(fake_said, ",\"crash\":{\"parameters\":[1,33024,3,"
					  "18446744073709551615,5],\"text\":\"Kernel panic\\nnot "
					  "syncing\"},"));
	fake_vms[1].state = VM_FAILED;
	strcpy(fake_vms[1].why, "its kernel is none");
	memset(fake_vms[1].config.cmdline, 'x', VM_CMDLINE_MAX);
	assert_int_equal(fake_type("vm show web"), 0);
	assert_non_null(strstr(fake_said, "\nwhy                its kernel is none\n"));
	assert_non_null(strstr(fake_said, "\npartition          -\nuptime             -\n"));
	assert_non_null(strstr(fake_said, "\naffinity           all\n"));
	assert_int_equal(strspn(strstr(fake_said, "xxx"), "x"), VM_CMDLINE_MAX);
	assert_int_equal(fake_type("vm show web --json"), 0);
	assert_non_null(strstr(fake_said, "\"why\":\"its kernel is none\","));
	assert_non_null(strstr(fake_said, "\"affinity\":null,"));
	assert_non_null(strstr(fake_said, "\"tsc\":null,\"disks\":[]"));
}

static void put_sectors(const char *path, u32 count)
{
	static const char zeroes[512];
	struct vfs_file file;

	assert_int_equal(vfs_open(path, VFS_WRITE | VFS_CREATE, &file), 0);
	for (u32 i = 0; i < count; i++)
		assert_int_equal(vfs_write(&file, zeroes, 512), 512);
	vfs_close(&file);
}

/* What follows the row before the devices. */
static const char *devices(const char *line)
{
	assert_int_equal(fake_type(line), 0);
	return strstr(fake_said, "disks");
}

static void shows_disks_while_off(void **state)
{
	struct vm_config *c = &fake_vms[1].config;

	(void)state;
	put_sectors("/vm/image", 24);
	strcpy(c->disks[0], "/vm/image");
	strcpy(c->disks[2], "/vm/gone,ro");
	strcpy(c->disks[15], "/vm/initrd");
	assert_string_equal(devices("vm show web"),
		"disks              3\n"
		"  lun  read_only  sector_size        size  path\n"
		"    0  no                 512      12 KiB  /vm/image\n"
		"    2  yes                512           -  /vm/gone\n"
		"   15  no                 512           -  /vm/initrd\n"
		"bus                -\n"
		"channels           -\n");
	c->sector_size = 4096;
	assert_string_equal(devices("vm show web --json"),
		"disks\":[{\"lun\":0,\"path\":\"/vm/image\",\"read_only\":false,"
		"\"sector_size\":4096,\"size\":12288},"
		"{\"lun\":2,\"path\":\"/vm/gone\",\"read_only\":true,\"sector_size\":4096,"
		"\"size\":null},"
		"{\"lun\":15,\"path\":\"/vm/initrd\",\"read_only\":false,\"sector_size\":4096,"
		"\"size\":null}],\"bus\":null,\"channels\":[]}\n");
	assert_int_equal(vfs_remove("/vm/image"), 0);
}

static const struct vm_disk_info disks_on[] = {
	{ .lun = 1, .path = "/dev/disk1", .read_only = true, .sector_size = 4096, .sectors = 256 },
	{ .lun = 15, .path = "/vm/b", .sector_size = 512, .sectors = 3 },
};
static const struct vm_channel_info channels_on[] = {
	{ .relid = 1,
		.device = "scsi",
		.state = "open",
		.vp = 3,
		.from_size = 122880,
		.from_used = 64,
		.to_size = 61440,
		.to_used = 128,
		.packets_in = 1001,
		.packets_out = 1002,
		.interrupts = 1003,
		.signals = 1004,
		.malformed = 1005 },
	{ .relid = 0, .device = "scsi", .state = "rescinded", .subchannel = 1 },
};

static struct vm_bus_info bus_on;

static void turn_bus_on(void)
{
	bus_on = (struct vm_bus_info){ .version = 0x50002,
		.messages_in = 1,
		.messages_out = 2,
		.malformed = 3,
		.reads = 4,
		.writes = 5,
		.flushes = 6,
		.discards = 7,
		.read_bytes = 8 * KIB,
		.written_bytes = 9,
		.errors = 10,
		.stalls = 11 };
	fake_bus = &bus_on;
	fake_disks = disks_on;
	fake_disk_count = ARRAY_SIZE(disks_on);
	fake_channels = channels_on;
	fake_channel_count = ARRAY_SIZE(channels_on);
}

static void shows_bus(void **state)
{
	(void)state;
	turn_bus_on();
	/* The configuration does not matter then. */
	strcpy(fake_vms[0].config.disks[0], "/vm/initrd");
	assert_string_equal(devices("vm show db"),
		"disks              2\n"
		"  lun  read_only  sector_size        size  path\n"
		"    1  yes               4096       1 MiB  /dev/disk1\n"
		"   15  no                 512     1.5 KiB  /vm/b\n"
		"bus                5.2\n"
		"  messages_in      1\n"
		"  messages_out     2\n"
		"  malformed        3\n"
		"  reads            4\n"
		"  writes           5\n"
		"  flushes          6\n"
		"  discards         7\n"
		"  read_bytes       8 KiB\n"
		"  written_bytes    9 B\n"
		"  errors           10\n"
		"  stalls           11\n"
		"channels           2\n"
		"  relid device sub state     vp            from              to         in "
		"       out interrupts    signals malformed\n"
		"      1 scsi     0 open       3       64/122880       128/61440       1001 "
		"      1002       1003       1004      1005\n"
		"      0 scsi     1 rescinded  0               -               -          0 "
		"         0          0          0         0\n");
}

static void shows_bus_as_json(void **state)
{
	(void)state;
	turn_bus_on();
	assert_string_equal(devices("vm show db --json"),
		"disks\":[{\"lun\":1,\"path\":\"/dev/disk1\",\"read_only\":true,"
		"\"sector_size\":4096,\"size\":1048576},{\"lun\":15,\"path\":\"/vm/b\","
		"\"read_only\":false,\"sector_size\":512,\"size\":1536}],"
		"\"bus\":{\"version\":\"5.2\",\"messages_in\":1,\"messages_out\":2,"
		"\"malformed\":3,\"reads\":4,\"writes\":5,\"flushes\":6,\"discards\":7,"
		"\"read_bytes\":8192,\"written_bytes\":9,\"errors\":10,\"stalls\":11},"
		"\"channels\":[{\"relid\":1,\"device\":\"scsi\",\"subchannel\":0,"
		"\"state\":\"open\",\"vp\":3,\"from_size\":122880,\"from_used\":64,"
		"\"to_size\":61440,\"to_used\":128,\"packets_in\":1001,\"packets_out\":1002,"
		"\"interrupts\":1003,\"signals\":1004,\"malformed\":1005},"
		"{\"relid\":0,\"device\":\"scsi\",\"subchannel\":1,\"state\":\"rescinded\","
		"\"vp\":0,\"from_size\":0,\"from_used\":0,\"to_size\":0,\"to_used\":0,"
		"\"packets_in\":0,\"packets_out\":0,\"interrupts\":0,\"signals\":0,"
		"\"malformed\":0}]}\n");
}

static void shows_bus_without_guest(void **state)
{
	(void)state;
	turn_bus_on();
	bus_on.version = 0;
	fake_channel_count = fake_disk_count = 0;
	assert_non_null(strstr(devices("vm show db"), "disks              -\nbus                "
						      "not connected\n  messages_in      1\n"));
	assert_non_null(strstr(devices("vm show db --json"),
		"disks\":[],\"bus\":{\"version\":null,\"messages_in\":1,"));
}

static void counts(void **state)
{
	(void)state;
	fake_vps = 2;
	fake_expect("vm stats db", 0,
		"vp              run       hypervisor        exits  kind\n"
		" 0          1.500 s          0.250 s           42  all\n"
		"                             0.001 s           40  hlt\n"
		"                             0.000 s            2  io\n"
		" 1          1.500 s          0.250 s           42  all\n"
		"                             0.001 s           40  hlt\n"
		"                             0.000 s            2  io\n");
	fake_vps = 1;
	fake_expect("vm stats --json db", 0,
		"{\"vps\":[{\"vp\":0,\"run\":1.500000,\"hypervisor\":0.250000,\"exits\":42,"
		"\"kinds\":[{\"kind\":\"hlt\",\"hypervisor\":0.001234,\"exits\":40},"
		"{\"kind\":\"io\",\"hypervisor\":0.000000,\"exits\":2}]}]}\n");
	fake_interrupted = true;
	fake_expect("vm stats --json db", -EINTR, "{\"vps\":[]}\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_cli_setup, fake_cli_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(create),
		TEST(create_with_disks),
		TEST(set),
		TEST(disks_come_and_go),
		TEST(a_disk_that_is_refused),
		TEST(what_is_refused),
		TEST(lives),
		TEST(lists),
		TEST(shows),
		TEST(shows_what_went_wrong),
		TEST(shows_disks_while_off),
		TEST(shows_bus),
		TEST(shows_bus_as_json),
		TEST(shows_bus_without_guest),
		TEST(counts),
	};

	return cmocka_run_group_tests(tests, fake_cli_mount, fake_cli_forget);
}
