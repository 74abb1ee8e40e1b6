/* SPDX-License-Identifier: MIT */
/*
 * Per-VP data and tables: struct cpu behind GS, GDT, TSS with the stacks of
 * exceptions that may come at any instruction, control registers. Each VP
 * loads its own. Intel SDM volume 3, chapters 2, 3 and 7.
 */
#include "rootpart/cpu.h"

#include "lib/string.h"
#include "rootpart/cpu_offsets.h"
#include "rootpart/heap.h"
#include "rootpart/stack.h"
#include "rootpart/syscall.h"
#include "rootpart/task.h"
#include "rootpart/trap.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/msr.h"

#define BOOT_IST_SIZE 4096u

static_assert(offsetof(struct cpu, self) == 0);
static_assert(offsetof(struct cpu, tss.rsp) == CPU_KERNEL_STACK);
static_assert(offsetof(struct cpu, user_rsp) == CPU_USER_RSP);
static_assert(offsetof(struct cpu, current) == CPU_CURRENT);
static_assert(offsetof(struct cpu, run_queue.attention) == CPU_ATTENTION);
static_assert(offsetof(struct task, process) == TASK_PROCESS);

struct cpu *cpus[HV_MAX_PROCESSORS];
u32 cpu_count = 1;

static struct cpu boot_cpu = { .self = &boot_cpu };
static u8 boot_ist[TRAP_STACKS][BOOT_IST_SIZE] __aligned(16);
static struct cpu_features features;

/* struct cpu's first word as the segment GS sees it. */
struct cpu *this_cpu(void)
{
	return *(struct cpu *const __seg_gs *)0;
}

const struct cpu_features *cpu_features(void)
{
	return &features;
}

static void read_vendor(char *vendor)
{
	struct cpuid_regs r = cpuid(0, 0);

	memcpy(vendor, &r.ebx, 4);
	memcpy(vendor + 4, &r.edx, 4);
	memcpy(vendor + 8, &r.ecx, 4);
}

static void read_brand(char *brand)
{
	for (u32 i = 0; i < 3; i++) {
		struct cpuid_regs r = cpuid(0x80000002u + i, 0);

		memcpy(brand + 16 * i, &r, 16);
	}
}

void cpu_init_features(void)
{
	u32 max = cpuid(0, 0).eax;
	u32 max_extended = cpuid(0x80000000u, 0).eax;
	struct cpuid_regs basic = cpuid(1, 0);

	features.x2apic = basic.ecx & BIT(21);
	features.tsc_deadline = basic.ecx & BIT(24);
	features.rdrand = basic.ecx & BIT(30);
	if (max >= 7) {
		struct cpuid_regs more = cpuid(7, 0);

		features.smep = more.ebx & BIT(7);
		features.smap = more.ebx & BIT(20);
		features.umip = more.ecx & BIT(2);
	}
	if (max_extended >= 0x80000001u) {
		u32 edx = cpuid(0x80000001u, 0).edx;

		features.nx = edx & BIT(20);
		features.page_1g = edx & BIT(26);
	}
	read_vendor(features.vendor);
	if (max_extended >= 0x80000004u)
		read_brand(features.brand);
}

static void set_tss_descriptor(struct cpu *cpu)
{
	u64 base = (u64)&cpu->tss;
	u64 limit = sizeof(cpu->tss) - 1;

	/* Available 64-bit TSS, present, DPL 0. */
	cpu->gdt[5] = limit | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
	cpu->gdt[6] = base >> 32;
}

static void cpu_set_up(struct cpu *cpu, u32 vp, u32 id)
{
	static const u64 gdt[] = { 0, DESC_CODE64, DESC_DATA, DESC_USER_DATA, DESC_USER_CODE64 };

	static_assert(sizeof(gdt) == (CPU_GDT_ENTRIES - 2) * sizeof(u64));
	cpu->self = cpu;
	cpu->vp = vp;
	cpu->apic_id = id;
	memcpy(cpu->gdt, gdt, sizeof(gdt));
	set_tss_descriptor(cpu);
	cpu->tss.iomap_base = sizeof(cpu->tss);
	run_queue_init(&cpu->run_queue);
	timer_queue_init(&cpu->timers);
	cpus[vp] = cpu;
}

struct cpu *cpu_init_boot(void)
{
	cpu_set_up(&boot_cpu, 0, 0);
	for (u32 i = 0; i < TRAP_STACKS; i++)
		boot_cpu.tss.ist[i] = (u64)boot_ist[i] + BOOT_IST_SIZE;
	return &boot_cpu;
}

struct cpu *cpu_create(u32 vp, u32 id)
{
	struct cpu *cpu = kzalloc(sizeof(*cpu));

	if (cpu == NULL)
		return NULL;
	for (u32 i = 0; i < TRAP_STACKS; i++) {
		u64 stack = stack_alloc();

		if (stack == 0)
			return NULL;
		cpu->tss.ist[i] = stack + ROOT_STACK_SIZE;
	}
	cpu_set_up(cpu, vp, id);
	return cpu;
}

/*
 * Nobody in the root uses the FPU: EM and TS make ring 3's instructions for x87,
 * MMX, SSE and their state fault, and CR4 without OSXSAVE those for the rest. So
 * there is no state to switch between processes, nor to leak.
 */
u64 cpu_cr0(void)
{
	return CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
}

u64 cpu_cr4(void)
{
	u64 cr4 = CR4_PAE | CR4_PGE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT;

	if (features.smep)
		cr4 |= CR4_SMEP;
	if (features.smap)
		cr4 |= CR4_SMAP;
	if (features.umip)
		cr4 |= CR4_UMIP;
	return cr4;
}

/* Ring 3's bases are always 0: it can load null or its one data segment, no more. */
static void load_bases(struct cpu *cpu)
{
	msr_write(MSR_GS_BASE, (u64)cpu);
	msr_write(MSR_KERNEL_GS_BASE, 0);
	msr_write(MSR_FS_BASE, 0);
}

void cpu_load(struct cpu *cpu)
{
	struct desc_ptr gdt = { .limit = sizeof(cpu->gdt) - 1, .base = (u64)cpu->gdt };

	gdt_load(&gdt);
	segments_reload();
	load_bases(cpu);
	set_tss_descriptor(cpu);
	tr_load(SEL_TSS);
	ldt_load(0);
	trap_load();
	if (features.nx)
		msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_NXE);
	cr0_write(cpu_cr0());
	cr4_write(cpu_cr4());
	syscall_init_vp();
}
