/* SPDX-License-Identifier: MIT */
/*
 * The commands of `vm`, mkdir, rm, ls and help as typed lines, on a made-up
 * service behind vm.h and real files: what they print, refuse, and hand on;
 * and what Tab offers.
 * sources: rootpart/cli/dispatch.c rootpart/cli/args.c rootpart/cli/words.c rootpart/cli/out.c
 * sources: rootpart/cli/complete.c rootpart/cli/completion.c rootpart/cli/json.c rootpart/cli/units.c
 * sources: rootpart/cli/rows.c rootpart/cli/top.c rootpart/cli/sorted.c rootpart/cli/cmd_help.c
 * sources: rootpart/cli/cmd_file.c rootpart/cli/cmd_tree.c rootpart/cli/cmd_vm.c
 * sources: rootpart/cli/cmd_vm_config.c rootpart/cli/cmd_vm_life.c rootpart/cli/cmd_vm_show.c
 * sources: rootpart/cli/cmd_vm_stats.c rootpart/vm/vm_keys.c rootpart/vm/vm_config.c
 * sources: rootpart/memfs.c rootpart/memfs_data.c rootpart/vfs.c rootpart/path.c
 * sources: rootpart/errno_text.c lib/format.c lib/string.c tests/unit/host_assert.c
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
#include "rootpart/boot_modules.h"
#include "rootpart/cli/cmd_vm.h"
#include "rootpart/cli/commands.h"
#include "rootpart/cli/top.h"
#include "rootpart/heap.h"
#include "rootpart/memfs.h"
#include "rootpart/mutex.h"
#include "rootpart/page_alloc.h"
#include "rootpart/time.h"
#include "rootpart/vm/vm_store.h"

/* The rest of the kernel. */
void *kmalloc(size_t size)
{
	return malloc(size);
}

void *kzalloc(size_t size)
{
	return calloc(1, size);
}

void kfree(void *p)
{
	free(p);
}

void *page_alloc_zeroed(u32 order)
{
	return calloc(1, PAGE_SIZE << order);
}

int page_free(void *p, u32 order)
{
	(void)order;
	free(p);
	return 0;
}

void mutex_init(struct mutex *m)
{
	(void)m;
}

void mutex_lock(struct mutex *m)
{
	(void)m;
}

void mutex_unlock(struct mutex *m)
{
	(void)m;
}

void task_yield(void)
{
}

static bool interrupted;

bool console_interrupted(void)
{
	return interrupted;
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

static bool is_volatile;

bool vm_store_is_volatile(void)
{
	return is_volatile;
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
#define VMS_MAX 4

static struct vm_info vms[VMS_MAX];
static u32 vm_count;
static char asked[128];
static int answer; /* of the next call that does something */
static const char *answer_why = "";
static u32 counted_vps;

const char *vm_state_name(enum vm_state state)
{
	static const char *const names[] = { "off", "starting", "running", "paused", "stopping",
		"failed" };

	return names[state];
}

static struct vm_info *find(const char *name)
{
	for (u32 i = 0; i < vm_count; i++) {
		if (strcmp(vms[i].config.name, name) == 0)
			return &vms[i];
	}
	return NULL;
}

static int ask(const char *what, const char *name, char *why)
{
	sprintf(asked, "%s %s", what, name);
	strcpy(why, answer_why);
	return answer;
}

int vm_create(const struct vm_config *config, char *why)
{
	int r = ask("create", config->name, why);

	if (r == 0) {
		assert_true(vm_count < VMS_MAX);
		memset(&vms[vm_count], 0, sizeof(vms[0]));
		vms[vm_count++].config = *config;
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
	for (u32 i = 0; i < vm_count; i++) {
		if (strcmp(vms[i].config.name, previous) > 0) {
			*info = vms[i];
			return 0;
		}
	}
	return -ENOENT;
}

int vm_vp_counters(const char *name, u32 vp, u64 *counters)
{
	const struct vm_info *vm = find(name);

	if (vm == NULL)
		return -ENOENT;
	if (vm->state == VM_OFF)
		return -EBUSY;
	if (vp >= counted_vps)
		return -ERANGE;
	memset(counters, 0, HV_VP_COUNTER_MAX * sizeof(*counters));
	counters[HV_VP_COUNTER_TOTAL_RUN_TIME] = 1500000000 + vp;
	counters[HV_VP_COUNTER_HYPERVISOR_TIME] = 250000000;
	counters[HV_VP_COUNTER_EXITS + 2 * EXIT_HLT] = 40;
	counters[HV_VP_COUNTER_EXITS + 2 * EXIT_HLT + 1] = 1234567;
	counters[HV_VP_COUNTER_EXITS + 2 * EXIT_IO] = 2;
	return 0;
}

/* What was printed since the last line. */
struct capture {
	struct cli cli;
	char text[8192];
	size_t len;
};

static void capture_write(struct out *out, const char *text, size_t len)
{
	struct capture *c = (struct capture *)out;

	assert_true(c->len + len < sizeof(c->text));
	memcpy(c->text + c->len, text, len);
	c->len += len;
	c->text[c->len] = '\0';
}

static struct capture capture = { .cli = { .out = { capture_write } } };

static int type(const char *line)
{
	static char copy[2048];

	capture.len = 0;
	capture.text[0] = '\0';
	asked[0] = '\0';
	strcpy(copy, line);
	return cli_run_line(&capture.cli, copy);
}

static void expect(const char *line, int result, const char *said)
{
	int r = type(line);

	if (r != result || strcmp(capture.text, said) != 0)
		fail_msg("%s: %d, \"%s\" instead of %d, \"%s\"", line, r, capture.text, result,
			said);
}

static struct memfs *fs;

static void make_file(const char *path)
{
	struct vfs_file file;

	assert_int_equal(vfs_open(path, VFS_WRITE | VFS_CREATE, &file), 0);
	assert_int_equal(vfs_write(&file, "text\n", 5), 5);
	vfs_close(&file);
}

static int mount(void **state)
{
	(void)state;
	fs = memfs_create(MIB);
	return vfs_mount("/vm", &memfs_ops, fs);
}

static int forget(void **state)
{
	(void)state;
	assert_int_equal(memfs_used(fs), 0);
	free(fs);
	return 0;
}

/* Two files; two VMs, one of them running. */
static int setup(void **state)
{
	(void)state;
	make_file("/vm/bzImage");
	make_file("/vm/initrd");
	memset(vms, 0, sizeof(vms));
	vm_count = 2;
	vm_config_default(&vms[0].config, "db");
	vms[0].config.memory = 3 * GIB;
	vms[0].config.cpus = 16;
	strcpy(vms[0].config.kernel, "/vm/bzImage");
	strcpy(vms[0].config.cmdline, "a=\"b c\"");
	vms[0].config.affinity = 0xb;
	vms[0].config.reserve = 20;
	vms[0].config.has_features = true;
	vms[0].config.tsc_hz = 2000500000;
	vms[0].state = VM_RUNNING;
	vms[0].partition_id = 7;
	vms[0].uptime_ns = 3661 * NS_PER_S;
	vms[0].cpu_ns = 1500 * NS_PER_MS;
	vms[0].hypervisor_memory = 3 * MIB;
	vms[0].guest_os_id = 0x8100;
	vms[0].resets = 2;
	vm_config_default(&vms[1].config, "web");
	answer = 0;
	answer_why = "";
	is_volatile = interrupted = false;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(vfs_remove("/vm/bzImage"), 0);
	assert_int_equal(vfs_remove("/vm/initrd"), 0);
	return 0;
}

static void create(void **state)
{
	const struct vm_config *c = &vms[2].config;
	struct vm_config plain;

	(void)state;
	expect("vm create xyz", 0, "");
	assert_string_equal(asked, "create xyz");
	vm_config_default(&plain, "xyz");
	assert_memory_equal(c, &plain, sizeof(plain));
	vm_count = 2;
	is_volatile = true;
	expect("vm create --memory 1536M xyz --cpus=4 --kernel vm/../vm/bzImage --initrd "
	       "/vm/initrd "
	       "--cmdline 'x=\"#\" --json' --weight 10000 --cap 100 --reserve 100 --affinity 0,2-3 "
	       "--autostart --on-reset stop --cpus 8",
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
}

static void set(void **state)
{
	(void)state;
	expect("vm set web --memory 2M --autostart", 0, "");
	assert_string_equal(asked, "configure web");
	assert_int_equal(vms[1].config.memory, 2 * MIB);
	assert_true(vms[1].config.autostart);
	expect("vm set web --no-autostart --autostart --no-autostart", 0, "");
	assert_false(vms[1].config.autostart);
	assert_int_equal(vms[1].config.memory, 2 * MIB);
	expect("vm set db --kernel '' --cmdline '' --affinity all --reserve 0", 0,
		"note: db is running, this takes effect at its next start\n");
	assert_string_equal(vms[0].config.kernel, "");
	assert_string_equal(vms[0].config.cmdline, "");
	assert_int_equal(vms[0].config.affinity, 0);
	assert_int_equal(vms[0].config.cpus, 16);
	vms[0].state = VM_FAILED;
	expect("vm set db --cpus 1", 0, "");
}

#define NAME_WRONG                                                      \
	"error: a VM's name is letters, digits, '-', '_' and '.', and " \
	"begins with a letter or digit\n"
#define N63 "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"

/* Nothing of it reaches the service. */
static void what_is_refused(void **state)
{
	static const struct {
		const char *line;
		int result;
		const char *said;
	} rows[] = {
		{ "vm", -EINVAL, "error: vm: a command is missing; see help vm\n" },
		{ "vm nope web", -ENOENT, "error: no command \"vm nope\"; see help vm\n" },
		{ "vm --json", -ENOENT, "error: no command \"vm --json\"; see help vm\n" },
		{ "vm create", -EINVAL,
			"error: vm create: words are missing; usage: vm create NAME "
			"[OPTION...]\n" },
		{ "vm create a b", -EINVAL,
			"error: vm create: too many words: \"b\"; "
			"usage: vm create NAME [OPTION...]\n" },
		{ "vm create a --disk x", -EINVAL,
			"error: vm create: no option --disk; see help vm create\n" },
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
		{ "vm create a --memory 3M", -EINVAL,
			"error: --memory: \"3M\" is no multiple of 2M\n" },
		{ "vm create a --cpus 65", -EINVAL,
			"error: --cpus: \"65\" is no number from 1 to 64\n" },
		{ "vm create a --cpus 0x", -EINVAL,
			"error: --cpus: \"0x\" is no number from 1 to 64\n" },
		{ "vm create a --weight 0", -EINVAL,
			"error: --weight: \"0\" is no number from 1 to 10000\n" },
		{ "vm create a --cap 101", -EINVAL,
			"error: --cap: \"101\" is no number from 0 to 100\n" },
		{ "vm create a --reserve -1", -EINVAL,
			"error: --reserve: \"-1\" is no number from 0 to 100\n" },
		{ "vm create a --reserve 60 --cap 50", -EINVAL,
			"error: a: reserve is more than cap, which is the most that it may use\n" },
		{ "vm create a --initrd /vm/initrd", -EINVAL,
			"error: a: an initrd needs a kernel\n" },
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
		{ "vm start", -EINVAL,
			"error: vm start: words are missing; usage: vm start NAME\n" },
		{ "vm kill web now", -EINVAL,
			"error: vm kill: too many words: \"now\"; usage: vm kill NAME\n" },
		{ "vm list web", -EINVAL,
			"error: vm list: too many words: \"web\"; usage: vm list [--json]\n" },
		{ "vm show nope", -ENOENT, "error: no VM \"nope\"; see vm list\n" },
		{ "vm show --json nope", -ENOENT, "error: no VM \"nope\"; see vm list\n" },
		{ "vm stats nope", -ENOENT, "error: no VM \"nope\"; see vm list\n" },
		{ "vm stats web", -EBUSY, "error: web: it is off; counters begin at vm start\n" },
		{ "vm stats --json web", -EBUSY,
			"error: web: it is off; counters begin at vm start\n" },
	};
	struct vm_info before[VMS_MAX];

	(void)state;
	memcpy(before, vms, sizeof(vms));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		expect(rows[i].line, rows[i].result, rows[i].said);
		assert_string_equal(asked, "");
	}
	assert_int_equal(vm_count, 2);
	assert_memory_equal(before, vms, sizeof(vms));
}

static void lives(void **state)
{
	static const char *const commands[] = { "start", "reset", "pause", "resume", "delete" };
	char line[64], said[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		answer = 0;
		answer_why = "";
		sprintf(line, "vm %s db", commands[i]);
		expect(line, 0, "");
		assert_string_equal(asked, line + 3);
		answer = -EBUSY;
		expect(line, -EBUSY, "error: db: in use\n");
		answer_why = "it sleeps";
		expect(line, -EBUSY, "error: db: it sleeps\n");
		answer = -ENOENT;
		sprintf(line, "vm %s gone", commands[i]);
		sprintf(said, "error: no VM \"gone\"; see vm list\n");
		expect(line, -ENOENT, said);
	}
	answer = 0;
	answer_why = "";
	expect("vm kill db", 0, "");
	assert_string_equal(asked, "kill db");
	expect("vm kill web", 0, "web is off already\n");
	answer = -ENOENT;
	expect("vm kill gone", -ENOENT, "error: no VM \"gone\"; see vm list\n");
	answer = -EEXIST;
	answer_why = "there is one";
	expect("vm create web", -EEXIST, "error: web: there is one\n");
	answer = -ENOSPC;
	answer_why = "";
	expect("vm set web --cpus 2", -ENOSPC, "error: web: no space left\n");
}

static void lists(void **state)
{
	(void)state;
	expect("vm list", 0,
		"name  state        memory  cpus  uptime           cpu\n"
		"db    running       3 GiB    16  1 h 1 min 1 s    1.500 s\n"
		"web   off         512 MiB     1  -                -\n");
	expect("vm list --json", 0,
		"[{\"name\":\"db\",\"state\":\"running\",\"memory\":3221225472,\"cpus\":16,"
		"\"uptime\":3661.000,\"cpu\":1.500},"
		"{\"name\":\"web\",\"state\":\"off\",\"memory\":536870912,\"cpus\":1,"
		"\"uptime\":0.000,\"cpu\":0.000}]\n");
	strcpy(vms[1].config.name, "web-of-trust");
	vms[1].state = VM_FAILED;
	expect("vm list", 0,
		"name          state        memory  cpus  uptime           cpu\n"
		"db            running       3 GiB    16  1 h 1 min 1 s    1.500 s\n"
		"web-of-trust  failed      512 MiB     1  -                -\n");
	vm_count = 0;
	expect("vm list", 0, "name  state        memory  cpus  uptime           cpu\n");
	expect("vm list --json", 0, "[]\n");
	vm_count = 2;
	/* Ctrl-C leaves a whole document. */
	interrupted = true;
	expect("vm list --json", -EINTR, "[]\n");
}

static void shows(void **state)
{
	(void)state;
	expect("vm show db", 0,
		"name               db\n"
		"state              running\n"
		"why                -\n"
		"partition          7\n"
		"uptime             1 h 1 min 1 s\n"
		"cpu                1.500 s\n"
		"resets             2\n"
		"guest_os_id        0x8100\n"
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
		"tsc                2000.500 MHz\n");
	expect("vm show db --json", 0,
		"{\"name\":\"db\",\"state\":\"running\",\"why\":null,\"partition\":7,"
		"\"uptime\":3661.000,\"cpu\":1.500,\"resets\":2,\"guest_os_id\":\"0x8100\","
		"\"memory_hypervisor\":3145728,\"memory\":3221225472,\"cpus\":16,"
		"\"kernel\":\"/vm/bzImage\",\"initrd\":null,\"cmdline\":\"a=\\\"b c\\\"\","
		"\"weight\":100,\"cap\":0,\"reserve\":20,\"affinity\":[0,1,3],"
		"\"autostart\":false,\"on_reset\":\"restart\",\"tsc\":2000500000}\n");
	vms[1].state = VM_FAILED;
	strcpy(vms[1].why, "its kernel is none");
	memset(vms[1].config.cmdline, 'x', VM_CMDLINE_MAX);
	assert_int_equal(type("vm show web"), 0);
	assert_non_null(strstr(capture.text, "\nwhy                its kernel is none\n"));
	assert_non_null(strstr(capture.text, "\npartition          -\nuptime             -\n"));
	assert_non_null(strstr(capture.text, "\naffinity           all\n"));
	assert_int_equal(strspn(strstr(capture.text, "xxx"), "x"), VM_CMDLINE_MAX);
	assert_int_equal(type("vm show web --json"), 0);
	assert_non_null(strstr(capture.text, "\"why\":\"its kernel is none\","));
	assert_non_null(strstr(capture.text, "\"affinity\":null,"));
	assert_non_null(strstr(capture.text, "\"tsc\":null}"));
}

static void counts(void **state)
{
	(void)state;
	counted_vps = 2;
	expect("vm stats db", 0,
		"vp              run       hypervisor        exits  kind\n"
		" 0          1.500 s          0.250 s           42  all\n"
		"                             0.001 s           40  hlt\n"
		"                             0.000 s            2  io\n"
		" 1          1.500 s          0.250 s           42  all\n"
		"                             0.001 s           40  hlt\n"
		"                             0.000 s            2  io\n");
	counted_vps = 1;
	expect("vm stats --json db", 0,
		"{\"vps\":[{\"vp\":0,\"run\":1.500000,\"hypervisor\":0.250000,\"exits\":42,"
		"\"kinds\":[{\"kind\":\"hlt\",\"hypervisor\":0.001234,\"exits\":40},"
		"{\"kind\":\"io\",\"hypervisor\":0.000000,\"exits\":2}]}]}\n");
	interrupted = true;
	expect("vm stats --json db", -EINTR, "{\"vps\":[]}\n");
}

static void helps(void **state)
{
	(void)state;
	assert_int_equal(type("help vm"), 0);
	assert_non_null(strstr(capture.text, "usage: vm COMMAND ...\n"));
	assert_non_null(strstr(capture.text, "\ncreate     make a VM, which is off\n"));
	assert_int_equal(type("help vm create"), 0);
	assert_non_null(strstr(capture.text, "usage: vm create NAME [OPTION...]\n"));
	assert_non_null(strstr(capture.text, "  --memory SIZE "));
	assert_int_equal(type("help --json vm create"), 0);
	assert_string_equal(capture.text, "[{\"name\":\"vm create\",\"usage\":"
					  "\"NAME [OPTION...]\",\"help\":\"make a VM, which is "
					  "off\"}]\n");
	assert_int_equal(type("help vm --json"), 0);
	assert_non_null(strstr(capture.text, "\"commands\":[{\"name\":\"vm console\""));
	expect("help vm nope", -ENOENT, "error: no command \"vm nope\"; see help\n");
	expect("help ls vm", -ENOENT, "error: no command \"ls vm\"; see help\n");
	expect("help nope", -ENOENT, "error: no command \"nope\"; see help\n");
}

static void files(void **state)
{
	(void)state;
	expect("mkdir /vm/d /vm/d/c /vm/d/a /vm/d/b", 0, "");
	expect("ls /vm/d", 0, "a/\nb/\nc/\n");
	expect("ls /vm", 0, "bzImage\nd/\ninitrd\n");
	expect("ls -l /vm/bzImage", 0,
		"type             size  name\nfile                5  bzImage\n");
	expect("mkdir /vm/d/x/y /vm/d/a /vm/d/z", -EEXIST,
		"error: /vm/d/x/y: no such file or directory\n"
		"error: /vm/d/a: exists already\n");
	expect("rm /vm/d /vm/nope /vm/d/z", -ENOENT,
		"error: /vm/d: directory not empty\n"
		"error: /vm/nope: no such file or directory\n");
	expect("rm /vm", -EBUSY, "error: /vm: in use\n");
	expect("mkdir /x", -EROFS, "error: /x: read-only file system\n");
	expect("ls --json /vm/d", 0,
		"[{\"type\":\"directory\",\"size\":0,\"name\":\"a\"},"
		"{\"type\":\"directory\",\"size\":0,\"name\":\"b\"},"
		"{\"type\":\"directory\",\"size\":0,\"name\":\"c\"}]\n");
	interrupted = true;
	expect("ls /vm", -EINTR, "");
	expect("rm /vm/d/a /vm/d/b", -EINTR, "");
	interrupted = false;
	expect("rm /vm/d/b /vm/d/c /vm/d", 0, "");
	expect("rm", -EINVAL, "error: rm: words are missing; usage: rm PATH...\n");
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
	assert_int_equal(type("ls /vm/d"), 0);
	for (char *name = strtok(capture.text, "/\n"); name; name = strtok(NULL, "/\n")) {
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

static void tab(void **state)
{
	static const struct {
		const char *line;
		const char *list; /* of candidates */
		size_t from;
	} rows[] = {
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

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct completion c;

		completion_begin(&c);
		complete_line(NULL, rows[i].line, strlen(rows[i].line), &c);
		assert_string_equal(c.list, rows[i].list);
		assert_int_equal(c.from, rows[i].from);
		assert_null(c.args);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(create),
		TEST(set),
		TEST(what_is_refused),
		TEST(lives),
		TEST(lists),
		TEST(shows),
		TEST(counts),
		TEST(helps),
		TEST(files),
		TEST(many_files_are_sorted),
		TEST(tab),
	};

	return cmocka_run_group_tests(tests, mount, forget);
}
