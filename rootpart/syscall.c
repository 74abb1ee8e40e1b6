/* SPDX-License-Identifier: MIT */
/*
 * The MSRs behind SYSCALL and SYSRET. SYSENTER, for which there is no entry
 * point, faults in ring 3. Intel SDM volume 3, 5.8.7 and 5.8.8.
 */
#include "rootpart/syscall.h"

#include "x86/cpu.h"
#include "x86/desc.h"
#include "x86/msr.h"

/* Of ring 3's flags these are off in the kernel from its first instruction on. */
#define FLAGS_OFF (RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_NT | RFLAGS_AC)

/* Where SYSRET counts from: its data segment is the next one, its code the one after. */
#define SYSRET_BASE (SEL_USER_DATA - 8)

static_assert(SEL_USER_CODE == SYSRET_BASE + 16);
static_assert(SEL_DATA == SEL_CODE + 8);

void syscall_init_vp(void)
{
	msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_SCE);
	msr_write(MSR_STAR, (u64)SYSRET_BASE << 48 | (u64)SEL_CODE << 32);
	msr_write(MSR_LSTAR, (u64)syscall_entry);
	msr_write(MSR_CSTAR, 0);
	msr_write(MSR_SFMASK, FLAGS_OFF);
	msr_write(MSR_SYSENTER_CS, 0);
}
