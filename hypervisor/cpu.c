/* SPDX-License-Identifier: MIT */
/*
 * Logical processors: features, descriptor tables, control registers. Runs on
 * each processor as it comes up.
 */
#include "hypervisor/cpu.h"

#include "hypervisor/apic.h"
#include "hypervisor/trap.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/msr.h"
#include "x86/percpu.h"
#include "x86/xsave.h"

struct cpu *cpus[HV_MAX_CPUS];
u32 cpu_count;

struct cpu *this_cpu(void)
{
	return percpu_self();
}

struct cpu *cpu_by_apic_id(u32 id)
{
	for (u32 i = 0; i < cpu_count; i++)
		if (cpus[i]->apic_id == id)
			return cpus[i];
	return NULL;
}

/* State components that we switch: x87, SSE, AVX, and AVX-512 as a whole. */
#define XCR0_KNOWN (XCR0_X87 | XCR0_SSE | XCR0_AVX | 0xe0ull)

/* The mask depends on CR4.OSXSAVE no more than the size does: leaf 0Dh, 0. */
static void read_xsave(struct cpu_features *f)
{
	struct cpuid_regs r = cpuid(0xd, 0);
	u32 size = FXSAVE_SIZE + XSAVE_HEADER_SIZE;

	f->xcr0_mask = (r.eax | (u64)r.edx << 32) & XCR0_KNOWN;
	for (u32 i = 2; i < 8; i++) {
		struct cpuid_regs c;

		if (!(f->xcr0_mask & BIT(i)))
			continue;
		c = cpuid(0xd, i);
		size = MAX(size, c.ebx + c.eax);
	}
	f->xsave_size = size;
}

void cpu_features_read(struct cpu_features *f)
{
	u32 max = cpuid(0, 0).eax;
	u32 max_ext = cpuid(0x80000000, 0).eax;
	struct cpuid_regs r0 = cpuid(0, 0), r1 = cpuid(1, 0);
	u32 ebx7 = max >= 7 ? cpuid(7, 0).ebx : 0;
	u32 edx_ext = cpuid(0x80000001, 0).edx;

	f->intel = r0.ebx == CPUID_INTEL_EBX;
	f->x2apic = r1.ecx & BIT(21);
	f->tsc_deadline = r1.ecx & BIT(24);
	f->xsave = r1.ecx & BIT(26);
	f->rdrand = r1.ecx & BIT(30);
	f->mce = r1.edx & BIT(7);
	f->fsgsbase = ebx7 & BIT(0);
	f->smep = ebx7 & BIT(7);
	f->smap = ebx7 & BIT(20);
	f->nx = edx_ext & BIT(20);
	f->page1g = edx_ext & BIT(26);
	f->tsc_aux = edx_ext & BIT(27);
	f->phys_bits = max_ext >= 0x80000008 ? (u8)cpuid(0x80000008, 0).eax : 36;
	f->x87_pointers_stay =
		!f->intel && !(max_ext >= 0x80000008 && cpuid(0x80000008, 0).ebx & BIT(2));
	f->xcr0_mask = XCR0_X87 | XCR0_SSE;
	f->xsave_size = FXSAVE_SIZE;
	if (f->xsave && max >= 0xd)
		read_xsave(f);
}

static void load_control_registers(struct cpu_features *f)
{
	u64 cr4 = CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT;

	if (f->mce)
		cr4 |= CR4_MCE;
	if (f->smep)
		cr4 |= CR4_SMEP;
	if (f->smap)
		cr4 |= CR4_SMAP;
	if (f->xsave)
		cr4 |= CR4_OSXSAVE;
	if (f->nx)
		msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_NXE);
	/* Our tables and AMD-V's nested ones rely on it, whatever firmware chose. */
	msr_write(MSR_PAT, PAT_RESET);
	cr0_write(CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG);
	cr4_write(cr4);
}

static void set_tss_descriptor(struct cpu *cpu)
{
	u64 base = (u64)&cpu->tss;

	cpu->gdt[5] = (sizeof(struct tss) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 |
		      (base >> 24 & 0xff) << 56;
	cpu->gdt[6] = base >> 32;
}

/* FXSAVE tells; the control registers let it. */
static u32 read_mxcsr_mask(void)
{
	u8 area[FXSAVE_SIZE] __aligned(16);
	u32 mask;

	fxsave(area);
	mask = *(const u32 *)(const void *)(area + FXSAVE_MXCSR_MASK);
	return mask ? mask : MXCSR_MASK_DEFAULT;
}

void cpu_tables_load(struct cpu *cpu)
{
	struct desc_ptr gdt = { sizeof(cpu->gdt) - 1, (u64)cpu->gdt };

	cpu->self = cpu;
	cpu->gdt[1] = DESC_CODE64;
	cpu->gdt[2] = DESC_DATA;
	cpu->gdt[3] = DESC_USER_DATA;
	cpu->gdt[4] = DESC_USER_CODE64;
	set_tss_descriptor(cpu);
	gdt_load(&gdt);
	segments_reload();
	tr_load(SEL_TSS);
	msr_write(MSR_GS_BASE, (u64)cpu);
	trap_table_load();
	cpu_features_read(&cpu->features);
	if (cpu->features.tsc_aux)
		msr_write(MSR_TSC_AUX, cpu->tsc_aux);
	load_control_registers(&cpu->features);
	cpu->features.mxcsr_mask = read_mxcsr_mask();
}

void cpu_kick(struct cpu *cpu)
{
	if (cpu != this_cpu())
		apic_send(cpu->apic_id, HV_VECTOR_KICK);
}
