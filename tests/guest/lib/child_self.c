/* SPDX-License-Identifier: MIT */
/*
 * The copy has the same page tables, which map the same addresses one to one,
 * and the same descriptors and handlers.
 */
#include "tests/guest/lib/child_self.h"

#include "base/assert.h"
#include "lib/string.h"
#include "tests/guest/lib/child_vp.h"
#include "x86/cr.h"
#include "x86/desc.h"

#define VPS        2u
#define STACK_SIZE 16384u

extern u8 image_start[], image_end[];
extern u64 gdt[8];

/* The child's. */
static u8 stacks[VPS][STACK_SIZE] __aligned(16);

void child_self_vp(const struct child_self *c, u32 vp, void (*fn)(void))
{
	struct hv_register_assoc list[5];
	struct desc_ptr idt;

	idt_store(&idt);
	assert(child_create_vp(c->id, vp) == HV_STATUS_SUCCESS);
	/* As a call would leave the stack. */
	child_machine_vp(c->id, vp, (u64)fn, (u64)stacks[vp] + STACK_SIZE - 8);
	list[0] = child_word(HV_X64_REGISTER_CR3, cr3_read());
	list[1] = child_word(HV_X64_REGISTER_CR4, cr4_read());
	list[2] = child_table(HV_X64_REGISTER_IDTR, idt.base, idt.limit);
	list[3] = child_table(HV_X64_REGISTER_GDTR, (u64)gdt, sizeof(gdt) - 1);
	list[4] = child_word(HV_REGISTER_INTERNAL_ACTIVITY, 0);
	assert(child_set_registers(c->id, vp, list, ARRAY_SIZE(list)) ==
		CHILD_DONE(ARRAY_SIZE(list)));
}

void child_self_of_copy(struct child_self *c, u64 copy, u64 pages)
{
	c->size = ALIGN_UP((u64)image_end - (u64)image_start, PAGE_SIZE);
	c->copy = copy;
	c->id = child_make(pages);
	child_map(c->id, guest_load, copy, c->size, (u32)HV_MAP_ALL);
}

void child_self_begin(struct child_self *c, u64 pages)
{
	u64 size = ALIGN_UP((u64)image_end - (u64)image_start, PAGE_SIZE);
	u64 copy = guest_ram(size, PAGE_SIZE);

	memcpy((void *)copy, image_start, size);
	child_self_of_copy(c, copy, pages);
}

void *child_self_at(const struct child_self *c, const void *p)
{
	return (void *)(c->copy + ((u64)p - (u64)image_start));
}

u64 child_self_end(const struct child_self *c)
{
	for (u32 i = 0; i < VPS; i++)
		child_suspend(c->id, i);
	child_unmap(c->id, guest_load, c->size, 0);
	return child_end(c->id);
}
