/* SPDX-License-Identifier: MIT */
/*
 * The child that fuzzes. Its copy of the image has the same page tables, which
 * map the same addresses one to one.
 */
#include "tests/guest/lib/fuzz_child.h"

#include "base/assert.h"
#include "lib/string.h"
#include "tests/guest/lib/child_vp.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/io.h"

#define STACK_SIZE 16384u
/* All privileges that a child can have. */
#define PRIVILEGES 0x0020003200000e7full

extern u8 image_start[], image_end[];
extern u64 gdt[8];

/* The child's. */
static struct fuzz own;
static u64 own_count;
static u8 stacks[2][STACK_SIZE] __aligned(16);

_Noreturn static void child_main(void)
{
	fuzz_begin();
	(void)fuzz_run(&own, own_count);
	for (;;)
		out8(FUZZ_CHILD_PORT, 0);
}

_Noreturn static void child_second(void)
{
	for (;;)
		cpu_pause();
}

static struct hv_register_assoc word(u32 name, u64 v)
{
	return (struct hv_register_assoc){ .name = name, .value = { .wide = { v } } };
}

static struct hv_register_assoc table(u32 name, u64 base, u16 limit)
{
	return (struct hv_register_assoc){
		.name = name,
		.value = { .table = { .limit = limit, .base = base } },
	};
}

/* VP @vp as we are, at @rip. */
static void prepare(u64 id, u32 vp, void (*rip)(void))
{
	struct hv_register_assoc list[5];
	struct desc_ptr idt;

	idt_store(&idt);
	assert(child_create_vp(id, vp) == HV_STATUS_SUCCESS);
	/* As a call would leave the stack. */
	child_machine_vp(id, vp, (u64)rip, (u64)stacks[vp] + STACK_SIZE - 8);
	list[0] = word(HV_X64_REGISTER_CR3, cr3_read());
	list[1] = word(HV_X64_REGISTER_CR4, cr4_read());
	list[2] = table(HV_X64_REGISTER_IDTR, idt.base, idt.limit);
	list[3] = table(HV_X64_REGISTER_GDTR, (u64)gdt, sizeof(gdt) - 1);
	list[4] = word(HV_REGISTER_INTERNAL_ACTIVITY, 0);
	assert(child_set_registers(id, vp, list, ARRAY_SIZE(list)) == CHILD_DONE(ARRAY_SIZE(list)));
}

void fuzz_child_begin(struct fuzz_child *c, u64 seed, u64 count, bool both)
{
	u64 here = (u64)image_start;

	c->size = ALIGN_UP((u64)image_end - here, PAGE_SIZE);
	c->copy = guest_ram(c->size, PAGE_SIZE);
	c->fuzz = (const struct fuzz *)(c->copy + (u64)&own - here);
	own = (struct fuzz){ .seed = seed };
	own_count = count;
	child_privileges = PRIVILEGES;
	c->id = child_make(FUZZ_CHILD_PAGES);
	child_privileges = 0;
	memcpy((void *)c->copy, image_start, c->size);
	child_map(c->id, guest_load, c->copy, c->size, (u32)HV_MAP_ALL);
	prepare(c->id, 0, child_main);
	prepare(c->id, 1, child_second);
	if (both)
		child_release(c->id, 1);
	child_release(c->id, 0);
}

u64 fuzz_child_end(struct fuzz_child *c)
{
	child_suspend(c->id, 0);
	child_suspend(c->id, 1);
	child_unmap(c->id, guest_load, c->size, 0);
	return child_end(c->id);
}
