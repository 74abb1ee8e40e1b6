/* SPDX-License-Identifier: MIT */
/*
 * Further VPs start in 64-bit mode, in smp_vp_main(), with page tables, GDT
 * and GS base already right: HvCallStartVirtualProcessor takes it all. The
 * boot VP waits for each, so what it made for it needs no lock.
 * TLFS 6.0b, HvCallStartVirtualProcessor.
 */
#include "rootpart/smp.h"

#include "rootpart/apic.h"
#include "rootpart/boot_modules.h"
#include "rootpart/cpu.h"
#include "rootpart/hypercall.h"
#include "rootpart/page_alloc.h"
#include "rootpart/paging.h"
#include "rootpart/panic.h"
#include "rootpart/stack.h"
#include "rootpart/stats.h"
#include "rootpart/synic.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/msr.h"

/* A VP that is not up by then never will be. */
#define START_TIMEOUT_NS (5 * NS_PER_S)

#define ATTR_CODE64      0xa09bu /* present, code, accessed, long */
#define ATTR_DATA        0xc093u
#define ATTR_TSS_BUSY    0x008bu
#define ATTR_LDT         0x0082u

void smp_init_vp(void)
{
	hypercall_init_vp();
	apic_init_vp();
	synic_init_vp();
	task_init_vp();
	stats_init_vp();
}

static _Noreturn void smp_vp_main(void)
{
	struct cpu *cpu = this_cpu();

	cpu_load(cpu);
	paging_load();
	smp_init_vp();
	/* Pairs with the acquire in vp_start(): all of *cpu is there. */
	store_release(&cpu->online, true);
	task_idle_loop();
}

static struct hv_segment segment(u16 selector, u16 attributes, u64 base, u32 limit)
{
	return (struct hv_segment){
		.base = base,
		.limit = limit,
		.selector = selector,
		.attributes = attributes,
	};
}

static void fill_segments(struct hv_initial_vp_context *c, const struct cpu *cpu)
{
	struct hv_segment data = segment(SEL_DATA, ATTR_DATA, 0, ~0u);
	struct desc_ptr idt;

	idt_store(&idt);
	c->cs = segment(SEL_CODE, ATTR_CODE64, 0, ~0u);
	c->ds = c->es = c->ss = c->fs = c->gs = data;
	c->gs.base = (u64)cpu;
	c->tr = segment(SEL_TSS, ATTR_TSS_BUSY, (u64)&cpu->tss, sizeof(cpu->tss) - 1);
	c->ldtr = segment(0, ATTR_LDT, 0, 0);
	c->gdtr = (struct hv_table_register){
		.limit = sizeof(cpu->gdt) - 1,
		.base = (u64)cpu->gdt,
	};
	c->idtr = (struct hv_table_register){ .limit = idt.limit, .base = idt.base };
}

static void fill_context(struct hv_initial_vp_context *c, const struct cpu *cpu, u64 stack)
{
	fill_segments(c, cpu);
	c->rip = (u64)smp_vp_main;
	/* As if called: what would be the return address is zero. */
	c->rsp = stack + ROOT_STACK_SIZE - 8;
	c->rflags = RFLAGS_FIXED;
	c->efer = EFER_LME | EFER_LMA | (cpu_features()->nx ? EFER_NXE : 0);
	c->cr0 = cpu_cr0();
	c->cr3 = paging_cr3();
	c->cr4 = cpu_cr4();
	c->pat = paging_pat();
}

static void wait_online(const struct cpu *cpu)
{
	u64 limit = time_ns() + START_TIMEOUT_NS;

	/* Pairs with the release in smp_vp_main(). */
	while (!load_acquire(&cpu->online)) {
		if (time_ns() > limit)
			panic("VP %u was started and does not run", cpu->vp);
		cpu_pause();
	}
}

static void vp_start(u32 vp, u32 id)
{
	struct hv_initial_vp_context context = { 0 };
	struct cpu *cpu = cpu_create(vp, id);
	u64 stack = stack_alloc();
	int r;

	if (cpu == NULL || stack == 0)
		panic("no memory for VP %u", vp);
	*(u64 *)(stack + ROOT_STACK_SIZE - 8) = 0;
	fill_context(&context, cpu, stack);
	r = hypercall_start_vp(vp, &context);
	if (r != 0)
		panic("VP %u cannot be started: error %d", vp, r);
	wait_online(cpu);
}

void smp_init(void)
{
	const struct bootinfo *info = boot_info();
	u32 count = info != NULL ? MIN(info->processors, HV_MAX_PROCESSORS) : 1;

	for (u32 vp = 1; vp < count; vp++) {
		vp_start(vp, info->apic_ids[vp]);
		cpu_count = vp + 1;
	}
}
