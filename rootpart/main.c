/* SPDX-License-Identifier: MIT */
/*
 * The root partition's kernel starts here, a table of contents: each line is
 * a file of this folder. Boot VP, interrupts off, called by entry.S.
 */
#include "rootpart/main.h"

#include "rootpart/apic.h"
#include "rootpart/block/devfs.h"
#include "rootpart/boot_fs.h"
#include "rootpart/boot_modules.h"
#include "rootpart/cli/cli.h"
#include "rootpart/console.h"
#include "rootpart/cpu.h"
#include "rootpart/drivers/drivers.h"
#include "rootpart/firmware.h"
#include "rootpart/hypercall.h"
#include "rootpart/image.h"
#include "rootpart/paging.h"
#include "rootpart/panic.h"
#include "rootpart/pci/pci.h"
#include "rootpart/power.h"
#include "rootpart/ram.h"
#include "rootpart/rtc.h"
#include "rootpart/smp.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "rootpart/trap.h"
#include "rootpart/vm/vm.h"
#include "rootpart/vm/vm_store.h"
#include "rootpart/volume.h"
#include "rootpart/work.h"
#include "x86/cpu.h"

#define COM1 0x3f8

/* The stack protector's; the compiler names it. */
extern u64 __stack_chk_guard;

/* Its caller never returns: no frame holds the old value when it changes. */
__attribute__((no_stack_protector)) static void guard_init(void)
{
	u64 random = 0;

	if (cpu_features()->rdrand)
		(void)rdrand(&random);
	/* A zero byte ends strings that run over. */
	__stack_chk_guard = (random ^ rdtsc() * 0x9e3779b97f4a7c15ull) & ~0xffull;
}

static void start_cpu(void)
{
	early_console_init(COM1);
	cpu_init_features();
	trap_init();
	cpu_load(cpu_init_boot());
}

static void start_memory(u64 start_info, u64 load)
{
	if (boot_modules_init(start_info) != 0)
		panic_start("the loader gave no memory map: boot Verdigris from its own ISO");
	ram_init(load, (u64)image_end - (u64)image_start);
	paging_init(load);
	ram_hand_over();
	paging_use_page_alloc();
	boot_modules_map();
}

static void start_hypervisor(u64 load)
{
	if (!hypercall_present() || boot_info() == NULL)
		panic_start("no Verdigris hypervisor: rootpart.elf is started by it, "
			    "not by itself; boot verdigris.iso");
	hypercall_init(load);
	time_init(boot_info()->tsc_hz, rdtsc());
	console_init((u16)boot_info()->serial_port, &boot_info()->framebuffer);
}

/* What needs to wait. */
static void boot_task(void *arg)
{
	(void)arg;
	rtc_init();
	drivers_start_bounded();
	volumes_mount();
	vm_store_init();
	vm_init();
	cli_start();
	volumes_mount_removable();
}

void root_main(u64 start_info, u64 load)
{
	start_cpu();
	guard_init();
	start_memory(start_info, load);
	start_hypervisor(load);
	apic_init();
	smp_init_vp();
	firmware_init();
	power_init();
	pci_init();
	smp_init();
	work_start();
	boot_fs_init();
	devfs_init();
	if (task_create("boot", boot_task, NULL) == NULL)
		panic("no memory for the boot's last task");
	task_idle_loop();
}
