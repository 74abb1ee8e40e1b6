/* SPDX-License-Identifier: MIT */
/*
 * Loading the root kernel: which modules count, every bad one's line, the
 * memory map that the root is handed, its modules, its entry state. Physical
 * addresses are host addresses here.
 * sources: hypervisor/root_image.c lib/elf.c lib/elf_symbols.c lib/string.c tests/unit/host_assert.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "boot/boot_info.h"
#include "boot/bootinfo.h"
#include "boot/pvh.h"
#include "hypervisor/backtrace.h"
#include "hypervisor/clock.h"
#include "hypervisor/console.h"
#include "hypervisor/cpu.h"
#include "hypervisor/die.h"
#include "hypervisor/frame.h"
#include "hypervisor/log.h"
#include "hypervisor/memory_plan.h"
#include "hypervisor/pool.h"
#include "hypervisor/root_image.h"
#include "hypervisor/shared.h"
#include "hypervisor/vp.h"

#define HOLE  0x40000000ull
#define ENTRY 0x210000ull

u64 clock_tsc_hz = 1234567, clock_boot_tsc = 77;
struct cpu *cpus[HV_MAX_CPUS];
u32 cpu_count;

static struct cpu cpu[2];
static struct boot_info info;
static struct memory_plan plan;
static struct root_image image;
static struct vp vp;
static u64 hole;
static char refused[256];
static jmp_buf refusal;
static void *kept[4];
static u32 kept_count;

_Noreturn void refuse(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(refused, sizeof(refused), fmt, args);
	va_end(args);
	longjmp(refusal, 1);
}

void *shared_alloc(u64 pages)
{
	assert_true(kept_count < ARRAY_SIZE(kept));
	return kept[kept_count++] = calloc(pages, PAGE_SIZE);
}

u64 memory_plan_root_hole(const struct memory_plan *p, const struct boot_info *i, u64 size)
{
	assert_ptr_equal(p, &plan);
	assert_ptr_equal(i, &info);
	assert_int_equal(size, 0x12000);
	return hole;
}

static u32 marks;

void frame_mark(spa_t start, u64 size, enum frame_type type, u16 owner)
{
	assert_int_equal(type, FRAME_SHARED);
	assert_int_equal(owner, 0);
	assert_int_equal((start.a | size) % PAGE_SIZE, 0);
	marks++;
}

spa_t virt_to_spa(const void *p)
{
	return SPA((u64)p);
}

void backtrace_root_symbols(const struct elf_symtab *tab)
{
	(void)tab;
}

u16 console_serial_port(void)
{
	return 0x3f8;
}

u64 shared_log_spa(void)
{
	return 0x111000;
}

u64 shared_trace_spa(void)
{
	return 0x222000;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
}

/* What was set, by name. */
static struct {
	u32 name;
	union hv_register_value value;
} set_registers[32];
static u32 set_count;

static enum hv_status set(struct vp *v, u32 name, const union hv_register_value *value)
{
	assert_ptr_equal(v, &vp);
	assert_true(set_count < ARRAY_SIZE(set_registers));
	set_registers[set_count].name = name;
	set_registers[set_count++].value = *value;
	return HV_STATUS_SUCCESS;
}

static const struct virt_ops ops = { .name = "svm", .set = set };
const struct virt_ops *virt = &ops;

/* The least that is a root kernel: numbers are the gABI's. */
static u8 file[0x400];

static void put(u32 at, u32 bytes, u64 value)
{
	memcpy(file + at, &value, bytes);
}

static void put_phdr(u32 i, u32 type, u64 offset, u64 paddr, u64 filesz, u64 memsz)
{
	u32 at = 64 + 56 * i;

	put(at, 4, type);
	put(at + 4, 4, 5);
	put(at + 8, 8, offset);
	put(at + 16, 8, paddr + 0xffffffff80000000);
	put(at + 24, 8, paddr);
	put(at + 32, 8, filesz);
	put(at + 40, 8, memsz);
	put(at + 48, 8, 4);
}

static void make_file(void)
{
	memset(file, 0, sizeof(file));
	memcpy(file, "\177ELF\2\1\1", 7);
	put(16, 2, 2);
	put(18, 2, 62);
	put(20, 4, 1);
	put(24, 8, 0xffffffff80200000);
	put(32, 8, 64);
	put(54, 2, 56);
	put(56, 2, 3);
	put_phdr(0, 1, 0x300, 0x200000, 0x20, 0x20);
	put_phdr(1, 1, 0x320, 0x210000, 0x10, 0x2000);
	put_phdr(2, 4, 0x200, 0, 20, 20);
	put(0x200, 4, 4);
	put(0x204, 4, 4);
	put(0x208, 4, 18);
	memcpy(file + 0x20c, "Xen", 4);
	put(0x210, 4, ENTRY);
	memset(file + 0x300, 0xaa, 0x20);
	memset(file + 0x320, 0xbb, 0x10);
}

static void add_module(const char *text, const void *start, u64 size)
{
	struct boot_module *m = &info.modules[info.module_count++];

	m->start = (u64)start;
	m->end = m->start + size;
	strcpy(m->text, text);
}

static void add_range(u64 start, u64 end, enum memmap_type type)
{
	info.memory.range[info.memory.count++] = (struct memmap_range){ start, end, type };
}

static int setup(void **state)
{
	(void)state;
	memset(&info, 0, sizeof(info));
	memset(&plan, 0, sizeof(plan));
	memset(&vp, 0xee, sizeof(vp));
	set_count = marks = 0;
	hole = HOLE;
	refused[0] = '\0';
	cpu_count = 2;
	for (u32 i = 0; i < 2; i++) {
		cpu[i].apic_id = 4 * i;
		cpus[i] = &cpu[i];
	}
	make_file();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	while (kept_count)
		free(kept[--kept_count]);
	return 0;
}

static void find(const char *line)
{
	if (setjmp(refusal) == 0)
		root_image_find(&image, &info, &plan);
	if (line)
		assert_non_null(strstr(refused, line));
	else
		assert_string_equal(refused, "");
}

static void bad_modules(void **state)
{
	(void)state;
	find("no root module");
	add_module("rootpart.elfx", file, sizeof(file));
	add_module("boot.cpio", file, 8);
	find("no root module");
	setup(state);
	add_module("rootpart.elf", file, 0);
	find("no root module");
	setup(state);
	add_module("rootpart.elf", file, 100);
	find("damaged root module");
	setup(state);
	put(0, 4, 0);
	add_module("rootpart.elf", file, sizeof(file));
	find("damaged root module");
	setup(state);
	put(0x208, 4, 17);
	teardown(state);
	add_module("rootpart.elf", file, sizeof(file));
	find("no PVH entry");
	setup(state);
	add_module("rootpart.elf", file, sizeof(file));
	add_module("boot.cpio", file, 8 * MIB + 1);
	find("larger than 8 MiB");
	setup(state);
	teardown(state);
	add_module("rootpart.elf", file, sizeof(file));
	hole = 0;
	find("too little memory");
}

/* The copies are the hypervisor's own, whole pages, and the rest of the last is zero. */
static void copies(void **state)
{
	const u8 *copy;

	(void)state;
	add_module("extra0.cpio", file, 5);
	add_module("boot.cpio of the archive", file + 8, 100);
	add_module("rootpart.elf some options", file, sizeof(file));
	find(NULL);
	assert_int_equal(image.file_size, sizeof(file));
	assert_memory_equal(image.file, file, sizeof(file));
	assert_ptr_not_equal(image.file, file);
	copy = image.file;
	for (u32 i = sizeof(file); i < PAGE_SIZE; i++)
		assert_int_equal(copy[i], 0);
	assert_int_equal(image.archive_size, 100);
	assert_memory_equal(image.archive, file + 8, 100);
	assert_int_equal(image.hole, HOLE);
	assert_int_equal(kept_count, 2);
}

static const struct pvh_start_info *load(void)
{
	static struct pvh_start_info *last;
	u8 *at = mmap((void *)HOLE, PAGE_2M, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	assert_ptr_equal(at, (void *)HOLE);
	memset(at, 0xcc, 0x13000);
	add_module("rootpart.elf", file, sizeof(file));
	find(NULL);
	/* It lies in zeroed memory and is filled once in a boot. */
	if (last)
		memset(last, 0, sizeof(*last));
	root_image_load(&image, &info, &plan, &vp);
	last = (struct pvh_start_info *)vp.regs.gpr[GPR_RBX];
	return last;
}

static void segments(void **state)
{
	const u8 *at = (const u8 *)HOLE;

	(void)state;
	load();
	assert_memory_equal(at, file + 0x300, 0x20);
	assert_memory_equal(at + 0x10000, file + 0x320, 0x10);
	for (u32 i = 0x10010; i < 0x12000; i++)
		assert_int_equal(at[i], 0);
	assert_int_equal(at[0x12000], 0xcc);
	assert_int_equal(vp.regs.rip, HOLE + ENTRY - 0x200000);
	assert_int_equal(vp.regs.rflags, 2);
	for (u32 i = 0; i < 16; i++)
		if (i != GPR_RBX)
			assert_int_equal(vp.regs.gpr[i], 0);
	assert_int_equal(marks, 1);
}

static void entry_state(void **state)
{
	bool cr0 = false, cs = false;

	(void)state;
	load();
	for (u32 i = 0; i < set_count; i++) {
		if (set_registers[i].name == HV_X64_REGISTER_CR0) {
			/* Protected mode, no paging. */
			assert_int_equal(set_registers[i].value.u64 & 0x80000001, 1);
			cr0 = true;
		}
		if (set_registers[i].name == HV_X64_REGISTER_CS) {
			assert_int_equal(set_registers[i].value.segment.base, 0);
			assert_int_equal(set_registers[i].value.segment.limit, 0xffffffff);
			assert_int_equal(set_registers[i].value.segment.attributes, 0xc09b);
			cs = true;
		}
	}
	assert_true(cr0 && cs);
}

static void module_is(
	const struct pvh_start_info *s, u32 i, const char *name, u64 address, u64 size)
{
	const struct pvh_module *m = (const struct pvh_module *)s->modules + i;

	assert_true(i < s->module_count);
	assert_string_equal((const char *)m->cmdline, name);
	if (address)
		assert_int_equal(m->address, address);
	assert_int_equal(m->size, size);
}

/* The archive and the blob by their names, extra ones where they lie, no others. */
static void start_information(void **state)
{
	const struct pvh_start_info *s;
	const struct bootinfo *b;

	(void)state;
	strcpy(info.cmdline, "console=com1");
	add_module("extra7.cpio", file + 3, 9);
	add_module("boot.cpio", file, 40);
	add_module("stranger", file, 50);
	plan.ram = 512 * MIB;
	plan.image_size = 3 * MIB;
	plan.owned_size = 5 * MIB;
	s = load();
	assert_int_equal(s->magic, 0x336ec578);
	assert_int_equal(s->version, 1);
	assert_string_equal((const char *)s->cmdline, "console=com1");
	assert_int_equal(s->module_count, 3);
	module_is(s, 0, "boot.cpio", (u64)image.archive, 40);
	module_is(s, 1, "bootinfo", (u64)root_bootinfo(), sizeof(*b));
	module_is(s, 2, "extra7.cpio", (u64)file + 3, 9);
	b = root_bootinfo();
	assert_int_equal(b->magic, BOOTINFO_MAGIC);
	assert_int_equal(b->tsc_hz, 1234567);
	assert_int_equal(b->boot_tsc, 77);
	assert_string_equal(b->vendor, "svm");
	assert_int_equal(b->memory_total, 512 * MIB);
	assert_int_equal(b->memory_hypervisor, 8 * MIB);
	assert_int_equal(b->log_ring, 0x111000);
	assert_int_equal(b->trace_rings, 0x222000);
	assert_int_equal(b->processors, 2);
	assert_int_equal(b->apic_ids[1], 4);
	assert_int_equal(b->serial_port, 0x3f8);
	assert_int_equal(b->root_image, (u64)image.file);
}

struct row {
	u64 start;
	u64 end;
	u32 type;
};

static void map_is(const struct row *rows, u32 count)
{
	const struct pvh_start_info *s = load();
	const struct pvh_memory *m = (const struct pvh_memory *)s->memory_map;

	assert_int_equal(s->memory_map_entries, count);
	for (u32 i = 0; i < count; i++) {
		assert_int_equal(m[i].address, rows[i].start);
		assert_int_equal(m[i].address + m[i].size, rows[i].end);
		assert_int_equal(m[i].type, rows[i].type);
	}
}

/* Neither what the hypervisor keeps nor half a page is the root's RAM. */
static void map_one_range(void **state)
{
	static const struct row rows[] = {
		{ 0, 0x9f000, 1 },
		{ 0x9fc00, 0xa0000, 2 },
		{ MIB, 100 * MIB, 1 },
		{ 100 * MIB, 120 * MIB, 2 },
		{ 120 * MIB, 200 * MIB, 1 },
		{ 200 * MIB, 203 * MIB, 2 },
		{ 203 * MIB, 255 * MIB, 1 },
		{ 255 * MIB + 5, 256 * MIB, 3 },
	};

	(void)state;
	add_range(0, 0x9fc00, MEMMAP_RAM);
	add_range(0x9fc00, 0xa0000, MEMMAP_RESERVED);
	add_range(MIB - 8 + 8, 255 * MIB + 5, MEMMAP_RAM);
	add_range(255 * MIB + 5, 256 * MIB, MEMMAP_ACPI);
	plan.image = 200 * MIB;
	plan.image_size = 3 * MIB;
	plan.owned = 100 * MIB;
	plan.owned_size = 20 * MIB;
	map_is(rows, ARRAY_SIZE(rows));
}

static void map_at_the_ends(void **state)
{
	static const struct row rows[] = {
		{ MIB, 30 * MIB, 1 },
		{ 30 * MIB, 32 * MIB, 2 },
		{ 4 * GIB, 4 * GIB + 2 * MIB, 2 },
		{ 4 * GIB + 2 * MIB, 5 * GIB, 1 },
		{ 6 * GIB, 7 * GIB, 1 },
	};

	(void)state;
	add_range(MIB, 32 * MIB, MEMMAP_RAM);
	add_range(4 * GIB, 5 * GIB, MEMMAP_RAM);
	add_range(6 * GIB, 7 * GIB, MEMMAP_RAM);
	plan.image = 30 * MIB;
	plan.image_size = 2 * MIB;
	plan.owned = 4 * GIB;
	plan.owned_size = 2 * MIB;
	map_is(rows, ARRAY_SIZE(rows));
}

/* Back to back: nothing between them. */
static void map_neighbours(void **state)
{
	static const struct row rows[] = {
		{ MIB, 30 * MIB, 1 },
		{ 30 * MIB, 34 * MIB, 2 },
		{ 34 * MIB, 36 * MIB, 2 },
		{ 36 * MIB, 40 * MIB, 1 },
	};

	(void)state;
	add_range(MIB, 40 * MIB, MEMMAP_RAM);
	plan.owned = 30 * MIB;
	plan.owned_size = 4 * MIB;
	plan.image = 34 * MIB;
	plan.image_size = 2 * MIB;
	map_is(rows, ARRAY_SIZE(rows));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bad_modules),
		TEST(copies),
		TEST(segments),
		TEST(entry_state),
		TEST(start_information),
		TEST(map_one_range),
		TEST(map_at_the_ends),
		TEST(map_neighbours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
