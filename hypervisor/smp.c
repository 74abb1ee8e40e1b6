/* SPDX-License-Identifier: MIT */
/*
 * Start-up of the other processors, one after the other through one page
 * below 1 MiB, whose contents are put back afterwards.
 */
#include "hypervisor/smp.h"

#include "base/assert.h"
#include "boot/boot_info.h"
#include "hypervisor/apic.h"
#include "hypervisor/clock.h"
#include "hypervisor/cpu.h"
#include "hypervisor/die.h"
#include "hypervisor/guest.h"
#include "hypervisor/irq.h"
#include "hypervisor/log.h"
#include "hypervisor/paging.h"
#include "hypervisor/platform.h"
#include "hypervisor/pool.h"
#include "hypervisor/sched.h"
#include "hypervisor/shared.h"
#include "hypervisor/trap.h"
#include "hypervisor/virt.h"
#include "hypervisor/window.h"
#include "lib/string.h"
#include "x86/apic.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/cr.h"

#define INIT_WAIT_US    10000u
#define STARTUP_WAIT_US 200u
#define ONLINE_TRIES    5000u /* of STARTUP_WAIT_US: one second */

extern const u8 ap_trampoline[], ap_trampoline_end[];
extern const u8 ap_trampoline_cr3[], ap_trampoline_stack[], ap_trampoline_cpu[];

static bool released;

/* Maps stack @n of processor @cpu above its guard page; gives its top. */
static u64 stack_alloc(u32 cpu, u32 n)
{
	u64 top = HV_STACK_BASE + ((u64)cpu * HV_STACKS_PER_CPU + n + 1) * HV_STACK_STRIDE;
	void *pages = pool_alloc(HV_STACK_SIZE / PAGE_SIZE);

	assert(pages);
	paging_map(top - HV_STACK_SIZE, virt_to_spa(pages), HV_STACK_SIZE, PAGING_DATA);
	return top;
}

struct cpu *smp_cpu_alloc(u32 index, u32 apic_id)
{
	struct cpu *cpu = pool_alloc((sizeof(*cpu) + PAGE_MASK) >> PAGE_SHIFT);

	assert(cpu);
	cpu->index = index;
	cpu->apic_id = apic_id;
	cpu->stack_top = stack_alloc(index, 0);
	for (u32 ist = 1; ist < HV_STACKS_PER_CPU; ist++)
		cpu->tss.ist[ist - 1] = stack_alloc(index, ist);
	cpu->tss.iomap_base = sizeof(struct tss);
	cpu->trace = shared_trace_ring(index);
	cpu->routes = pool_alloc((256 * sizeof(struct irq_route) + PAGE_MASK) >> PAGE_SHIFT);
	cpu->virt_page = pool_alloc(1);
	cpu->memos = guest_memos_alloc();
	assert(cpu->routes && cpu->virt_page && cpu->memos);
	cpu->window_ptes = paging_entries(HV_WINDOW_BASE + index * HV_WINDOW_SLOTS * PAGE_SIZE);
	for (u32 i = 0; i < HV_WINDOW_SLOTS; i++)
		cpu->windows[i].frame = ~0ull;
	timer_queue_init(&cpu->timers);
	sched_init(cpu);
	return cpu;
}

_Noreturn void smp_ap_main(struct cpu *cpu)
{
	const char *why;

	cpu_tables_load(cpu);
	apic_enable();
	why = virt->unsupported();
	if (why)
		refuse("processor %u differs from the first: %s", cpu->index, why);
	if (virt->cpu_start(cpu) != HV_STATUS_SUCCESS)
		refuse("the virtualization (%s) of processor %u does not start; power-cycle the "
		       "machine, or update its firmware",
			virt->name, cpu->index);
	/* Pairs with wait_online(). */
	store_release(&cpu->online, true);
	/* Pairs with smp_release(). */
	while (!load_acquire(&released))
		irq_wait();
	/* The identity map is gone from the tables; now from this TLB too. */
	cr3_write(cr3_read());
	sched_loop();
}

void smp_release(void)
{
	/* Pairs with smp_ap_main(). */
	store_release(&released, true);
	for (u32 i = 1; i < cpu_count; i++)
		cpu_kick(cpus[i]);
}

static bool wait_online(struct cpu *cpu)
{
	for (u32 i = 0; i < ONLINE_TRIES; i++) {
		/* Pairs with smp_ap_main(). */
		if (load_acquire(&cpu->online))
			return true;
		clock_delay_us(STARTUP_WAIT_US);
	}
	return false;
}

static bool is_free(const struct boot_info *info, u64 page)
{
	for (u32 i = 0; i < info->module_count; i++)
		if (page < info->modules[i].end && page + PAGE_SIZE > info->modules[i].start)
			return false;
	for (u32 i = 0; i < info->memory.count; i++) {
		const struct memmap_range *r = &info->memory.range[i];

		if (r->type == MEMMAP_RAM && page >= r->start && page + PAGE_SIZE <= r->end)
			return true;
	}
	return false;
}

/* A page of RAM below 640 KiB, but not the first, or 0. */
static u64 find_low_page(const struct boot_info *info)
{
	for (u64 page = 0x9f000; page >= 0x1000; page -= PAGE_SIZE)
		if (is_free(info, page))
			return page;
	return 0;
}

static void set_field(u8 *page, const u8 *field, u64 value)
{
	memcpy(page + (field - ap_trampoline), &value, sizeof(value));
}

static void start_one(u8 *page, struct cpu *cpu)
{
	u32 startup = APIC_DM_STARTUP << 8 | APIC_ICR_ASSERT | (u32)((u64)page >> PAGE_SHIFT);

	set_field(page, ap_trampoline_cr3, paging_cr3());
	set_field(page, ap_trampoline_stack, cpu->stack_top);
	set_field(page, ap_trampoline_cpu, (u64)cpu);
	apic_send(cpu->apic_id, startup);
	clock_delay_us(STARTUP_WAIT_US);
	if (!load_acquire(&cpu->online))
		apic_send(cpu->apic_id, startup);
	if (wait_online(cpu)) {
		cpus[cpu_count++] = cpu;
		return;
	}
	/* Or it might come yet, when page and stack are another's. */
	apic_send(cpu->apic_id, APIC_DM_INIT << 8 | APIC_ICR_ASSERT);
	log_error("smp: processor with APIC id %u does not start, left out", cpu->apic_id);
}

void smp_start(const struct boot_info *info)
{
	u64 low = find_low_page(info);
	u8 *page = (u8 *)low;
	u8 *kept;

	if (platform.cpu_count < 2)
		return;
	if (!low) {
		log_error("smp: no memory below 640 KiB, running on one processor");
		return;
	}
	kept = pool_alloc(1);
	assert(kept);
	memcpy(kept, page, PAGE_SIZE);
	memcpy(page, ap_trampoline, (size_t)(ap_trampoline_end - ap_trampoline));
	for (u32 i = 1; i < platform.cpu_count; i++)
		apic_send(platform.apic_ids[i], APIC_DM_INIT << 8 | APIC_ICR_ASSERT);
	clock_delay_us(INIT_WAIT_US);
	for (u32 i = 1; i < platform.cpu_count; i++)
		start_one(page, smp_cpu_alloc(cpu_count, platform.apic_ids[i]));
	memcpy(page, kept, PAGE_SIZE);
	pool_free(kept, 1);
}
