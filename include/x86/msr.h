/* SPDX-License-Identifier: MIT */
/*
 * Model-specific registers: numbers, bits and access. Intel SDM volume 4,
 * AMD APM volume 2 appendix A.
 */
#pragma once

#include "base/types.h"

#define MSR_TSC                 0x10u
#define MSR_PLATFORM_ID         0x17u
#define MSR_APIC_BASE           0x1bu
#define MSR_FEATURE_CONTROL     0x3au
#define MSR_TSC_ADJUST          0x3bu
#define MSR_SPEC_CTRL           0x48u
#define MSR_PRED_CMD            0x49u
#define MSR_BIOS_SIGN_ID        0x8bu
#define MSR_MTRR_CAP            0xfeu
#define MSR_ARCH_CAPABILITIES   0x10au
#define MSR_SYSENTER_CS         0x174u
#define MSR_SYSENTER_ESP        0x175u
#define MSR_SYSENTER_EIP        0x176u
#define MSR_MCG_CAP             0x179u
#define MSR_MCG_STATUS          0x17au
#define MSR_MISC_ENABLE         0x1a0u
#define MSR_DEBUGCTL            0x1d9u
#define MSR_MTRR_PHYS_BASE(n)   (0x200u + 2 * (n))
#define MSR_MTRR_PHYS_MASK(n)   (0x201u + 2 * (n))
#define MSR_MTRR_FIX64K_00000   0x250u
#define MSR_MTRR_FIX16K_80000   0x258u
#define MSR_MTRR_FIX16K_A0000   0x259u
#define MSR_MTRR_FIX4K_C0000    0x268u
#define MSR_PAT                 0x277u
#define PAT_RESET               0x0007040600070406ull
#define MSR_MTRR_DEF_TYPE       0x2ffu
#define MSR_MC0_CTL             0x400u
#define MSR_VMX_BASIC           0x480u
#define MSR_VMX_PIN_CTLS        0x481u
#define MSR_VMX_PROC_CTLS       0x482u
#define MSR_VMX_EXIT_CTLS       0x483u
#define MSR_VMX_ENTRY_CTLS      0x484u
#define MSR_VMX_MISC            0x485u
#define MSR_VMX_CR0_FIXED0      0x486u
#define MSR_VMX_CR0_FIXED1      0x487u
#define MSR_VMX_CR4_FIXED0      0x488u
#define MSR_VMX_CR4_FIXED1      0x489u
#define MSR_VMX_PROC_CTLS2      0x48bu
#define MSR_VMX_EPT_VPID_CAP    0x48cu
#define MSR_VMX_TRUE_PIN_CTLS   0x48du
#define MSR_VMX_TRUE_PROC_CTLS  0x48eu
#define MSR_VMX_TRUE_EXIT_CTLS  0x48fu
#define MSR_VMX_TRUE_ENTRY_CTLS 0x490u
#define MSR_TSC_DEADLINE        0x6e0u
#define MSR_X2APIC(reg)         (0x800u + (reg) / 16) /* reg: offset in the xAPIC page */
#define MSR_XSS                 0xda0u
#define MSR_EFER                0xc0000080u
#define MSR_STAR                0xc0000081u
#define MSR_LSTAR               0xc0000082u
#define MSR_CSTAR               0xc0000083u
#define MSR_SFMASK              0xc0000084u
#define MSR_FS_BASE             0xc0000100u
#define MSR_GS_BASE             0xc0000101u
#define MSR_KERNEL_GS_BASE      0xc0000102u
#define MSR_TSC_AUX             0xc0000103u
#define MSR_AMD_SYSCFG          0xc0010010u
#define MSR_AMD_HWCR            0xc0010015u
#define MSR_AMD_NB_CFG          0xc001001fu
#define MSR_AMD_INT_PENDING     0xc0010055u
#define MSR_AMD_VM_CR           0xc0010114u
#define MSR_AMD_VM_HSAVE_PA     0xc0010117u

#define APIC_BASE_BSP           BIT(8)
#define APIC_BASE_X2APIC        BIT(10)
#define APIC_BASE_ENABLE        BIT(11)

#define FEATURE_CONTROL_LOCKED  BIT(0)
#define FEATURE_CONTROL_VMX     BIT(2) /* VMX outside SMX */

#define VM_CR_LOCK              BIT(3)
#define VM_CR_SVMDIS            BIT(4)

#define EFER_SCE                BIT(0)
#define EFER_LME                BIT(8)
#define EFER_LMA                BIT(10)
#define EFER_NXE                BIT(11)
#define EFER_SVME               BIT(12)
#define EFER_LMSLE              BIT(13)
#define EFER_FFXSR              BIT(14)
#define EFER_TCE                BIT(15)

static inline u64 msr_read(u32 msr)
{
	u32 lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
	return ((u64)hi << 32) | lo;
}

static inline void msr_write(u32 msr, u64 v)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}

/*
 * Orders all earlier memory accesses before a following write of an MSR that
 * does not serialize: x2APIC registers, TSC deadline. SDM volume 3, 11.12.3.
 */
static inline void msr_fence(void)
{
	__asm__ volatile("mfence; lfence" : : : "memory");
}
