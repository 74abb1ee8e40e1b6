/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's start, as a table of contents: boot/entry.S calls hv_main()
 * on the boot processor, with GRUB's information and where the image lies.
 */
#include "base/assert.h"
#include "boot/boot_info.h"
#include "boot/bootinfo.h"
#include "boot/mbi.h"
#include "hypervisor/apic.h"
#include "hypervisor/backtrace.h"
#include "hypervisor/clock.h"
#include "hypervisor/console.h"
#include "hypervisor/cpu.h"
#include "hypervisor/die.h"
#include "hypervisor/frame.h"
#include "hypervisor/irq.h"
#include "hypervisor/log.h"
#include "hypervisor/memory_plan.h"
#include "hypervisor/mtrr.h"
#include "hypervisor/options.h"
#include "hypervisor/paging.h"
#include "hypervisor/platform.h"
#include "hypervisor/pool.h"
#include "hypervisor/root.h"
#include "hypervisor/root_image.h"
#include "hypervisor/sched.h"
#include "hypervisor/shared.h"
#include "hypervisor/smp.h"
#include "hypervisor/test_fault.h"
#include "hypervisor/trap.h"
#include "hypervisor/version.h"
#include "hypervisor/virt.h"
#include "x86/cpu.h"
#include "x86/cr.h"

#define MINIMUM_RAM (96 * MIB)
#define MBI_LIMIT   (1 * MIB)

extern char image_start[], image_end[];
extern u64 boot_tsc;
extern u64 __stack_chk_guard;

/* Copies the image and goes on in the copy, on the tables at @cr3; trap.S. */
void image_move(u64 to, const void *from, u64 bytes, u64 cr3);
_Noreturn void hv_main(u32 mbi, u32 load);

static struct cpu boot_cpu;
static struct boot_info boot_info;
static struct memory_plan plan;

const struct virt_ops *virt;

static void read_boot_info(u32 mbi)
{
	const char *why;
	int err = mbi_parse((const void *)(u64)mbi, MBI_LIMIT, &boot_info, &why);

	console_init(&boot_info);
	if (err)
		refuse("GRUB's boot information is not usable: %s; start the ISO as it was built, "
		       "or update GRUB",
			why);
	options_apply(&boot_info);
	log_info("verdigris: hypervisor %s", VERDIGRIS_VERSION);
}

static void choose_virt(void)
{
	const char *why;

	virt = boot_cpu.features.intel ? &vmx_ops : &svm_ops;
	why = virt->unsupported();
	if (why)
		refuse("%s", why);
	if (!boot_cpu.features.nx)
		refuse("this processor has no NX bit, or the firmware hides it: switch it on in "
		       "the setup");
}

static void settle(u32 load)
{
	u64 size = (u64)(image_end - image_start);

	if (!memory_plan_make(&plan, &boot_info, load, size, platform.cpu_count) ||
		plan.ram < MINIMUM_RAM)
		refuse("too little memory: %lu MiB; give the machine at least %lu MiB",
			plan.ram / MIB, MINIMUM_RAM / MIB);
	paging_init(SPA(plan.image), MAX(plan.top, 4 * GIB));
	paging_map(HV_DIRECT_BASE + plan.owned, SPA(plan.owned), plan.owned_size, PAGING_DATA);
	image_move(plan.image, image_start, size, paging_cr3());
}

static void take_memory(void)
{
	u64 table_size = ALIGN_UP(plan.frames * sizeof(struct frame), PAGE_SIZE);
	struct frame *table = (struct frame *)(HV_DIRECT_BASE + plan.owned);

	frame_table_init(table, plan.frames);
	for (u64 i = 0; i < table_size / 8; i++)
		((u64 *)(void *)table)[i] = 0;
	for (u32 i = 0; i < boot_info.memory.count; i++) {
		const struct memmap_range *r = &boot_info.memory.range[i];

		if (r->type == MEMMAP_RAM)
			frame_mark(SPA(ALIGN_UP(r->start, PAGE_SIZE)),
				ALIGN_DOWN(r->end, PAGE_SIZE) - ALIGN_UP(r->start, PAGE_SIZE),
				FRAME_ROOT, (u16)HV_PARTITION_ID_ROOT);
	}
	frame_mark(SPA(plan.image), plan.image_size, FRAME_IMAGE, 0);
	frame_mark(SPA(plan.owned), table_size, FRAME_IMAGE, 0);
	pool_init(SPA(plan.owned + table_size), plan.owned_size - table_size);
	paging_reserve_deposits(plan.direct_reserve);
}

static void start_boot_processor(void)
{
	struct cpu *cpu = smp_cpu_alloc(0, platform.apic_ids[0]);

	cpus[cpu_count++] = cpu;
	cpu_tables_load(cpu);
	trap_use_ist();
}

static void start_virtualization(void)
{
	struct cpu *cpu = this_cpu();

	if (virt->cpu_start(cpu) != HV_STATUS_SUCCESS)
		refuse("the processor's virtualization (%s) does not start, though it is there; "
		       "power-cycle the machine, or update its firmware",
			virt->name);
	cpu->online = true;
	log_info("virt: %s on %u processors, tsc %lu kHz", virt->name, platform.cpu_count,
		clock_tsc_hz / 1000);
}

/* The second half, on the boot processor's own stack. */
static void boot_late(void *unused)
{
	(void)unused;
	clock_boot_tsc = boot_tsc;
	if (!clock_init(&platform))
		refuse("no timer to calibrate by: neither HPET nor ACPI PM timer; switch the HPET "
		       "on in the firmware's setup");
	sched_setup();
	apic_init(platform.lapic_address);
	/* The 8259 falls silent while LINT0 still listens: QEMU would keep its
	 * last request for ever otherwise. */
	irq_init(&platform);
	apic_enable();
	apic_timer_calibrate();
	mtrr_init();
	start_virtualization();
	smp_start(&boot_info);
	root_create(&boot_info, &plan);
	console_hand_over(&root_bootinfo()->framebuffer);
	paging_drop_identity();
	root_start();
	smp_release();
	test_fault(&boot_info);
	sched_loop();
}

_Noreturn void hv_main(u32 mbi, u32 load)
{
	trap_init();
	cpu_tables_load(&boot_cpu);
	read_boot_info(mbi);
	choose_virt();
	platform_read(&boot_info);
	settle(load);
	take_memory();
	console_remap();
	backtrace_keep_symbols(&boot_info.symbols);
	shared_rings_init(platform.cpu_count);
	start_boot_processor();
	__stack_chk_guard ^= rdtsc() << 8;
	stack_switch(this_cpu()->stack_top, boot_late, NULL);
}
