/* SPDX-License-Identifier: MIT */
/*
 * Control registers and XCR0: bits that exist are kept, reserved ones and
 * combinations that the processor does not know are #GP and change nothing.
 * The rules are hypervisor/policy_cr.c's, or the processor's where a back end
 * leaves a register to it.
 * child: svm-smp1-bios vmx-smp1
 */
#include "hv/msr.h"
#include "tests/guest/lib/guest.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/msr.h"

static bool gp(void (*fn)(void *), u64 v)
{
	return guest_try(fn, (void *)v).vector == VEC_GP;
}

static void write_cr0(void *p)
{
	cr0_write((u64)p);
}

static void write_cr3(void *p)
{
	cr3_write((u64)p);
}

static void write_cr4(void *p)
{
	cr4_write((u64)p);
}

static void write_cr8(void *p)
{
	cr8_write((u64)p);
}

static void write_xcr0(void *p)
{
	xcr0_write((u64)p);
}

/* AMD-V leaves CR0 to the processor, and neither emulator's checks all of this. */
static void test_cr0_invalid(u64 old)
{
	bool ok = true;

	for (u32 bit = 32; bit < 64; bit++)
		ok = ok && gp(write_cr0, old | BIT(bit)) && cr0_read() == old;
	guest_check(ok, "cr0-reserved");
	guest_check(gp(write_cr0, old & ~CR0_PE), "cr0-pg-without-pe");
	guest_check(gp(write_cr0, (old | CR0_NW) & ~CR0_CD), "cr0-nw-without-cd");
	guest_check(gp(write_cr0, old & ~CR0_PG), "cr0-pg-off-in-64-bit");
}

#define CR0_FREE (CR0_MP | CR0_WP | CR0_AM | CR0_TS)

static void test_cr0(void)
{
	u64 old = cr0_read();

	if (guest_is_vmx())
		test_cr0_invalid(old);
	cr0_write(old ^ CR0_FREE);
	guest_check(cr0_read() == (old ^ CR0_FREE), "cr0-kept", "%lx", cr0_read());
	cr0_write(old & ~(CR0_ET | CR0_NE));
	guest_check(cr0_read() == (old & ~CR0_NE), "cr0-et-ne", "%lx", cr0_read());
	cr0_write(old | CR0_CD);
	guest_check(cr0_read() == (old | CR0_CD), "cr0-cd", "%lx", cr0_read());
	cr0_write(old);
}
static u64 cr4_possible(void)
{
	struct cpuid_regs one = cpuid(1, 0), seven = cpuid(7, 0);

	return 0x7fc | (one.edx & BIT(1) ? CR4_VME | CR4_PVI : 0) |
	       (one.ecx & BIT(17) ? CR4_PCIDE : 0) | (one.ecx & BIT(26) ? CR4_OSXSAVE : 0) |
	       (seven.ebx & BIT(0) ? CR4_FSGSBASE : 0) | (seven.ebx & BIT(7) ? CR4_SMEP : 0) |
	       (seven.ebx & BIT(20) ? CR4_SMAP : 0) | (seven.ecx & BIT(2) ? CR4_UMIP : 0);
}

static void test_cr4(void)
{
	u64 old = cr4_read(), possible = cr4_possible();

	for (u32 bit = 0; bit < 64; bit++) {
		bool legal = bit != 5 && possible >> bit & 1;
		bool refused = gp(write_cr4, old ^ BIT(bit));
		bool taken = cr4_read() == (old ^ BIT(bit));

		if (!refused)
			cr4_write(old);
		if (taken == legal && refused == !legal)
			continue;
		guest_fail("cr4-bits", "bit %u", bit);
		return;
	}
	guest_pass("cr4-bits");
	guest_check(gp(write_cr4, old | CR4_VMXE), "cr4-vmxe");
	guest_check(gp(write_cr4, old & ~CR4_PAE), "cr4-pae-off-in-long-mode");
}

static void test_cr3(void)
{
	u64 old = cr3_read();
	bool ok = true;

	for (u32 bit = guest_is_qemu() ? 64 : cpuid(0x80000008, 0).eax & 0xff; bit < 64; bit++)
		ok = ok && gp(write_cr3, old | BIT(bit)) && cr3_read() == old;
	guest_check(ok, "cr3-reserved");
	cr3_write(old | 0x18);
	guest_check((cr3_read() & ~0x18ull) == (old & ~0x18ull), "cr3-kept");
	cr3_write(old);
}

static void test_cr8(void)
{
	bool ok = true;

	for (u64 v = 0; v < 16; v++) {
		cr8_write(v);
		ok = ok && cr8_read() == v && msr_read(HV_MSR_TPR) == v << 4;
	}
	cr8_write(0);
	guest_check(ok, "cr8-kept");
	if (!guest_is_qemu())
		guest_check(gp(write_cr8, 16) && gp(write_cr8, BIT(63)) && cr8_read() == 0,
			"cr8-reserved");
}

static void test_xcr0(void)
{
	u64 mask = cpuid(0xd, 0).eax | (u64)cpuid(0xd, 0).edx << 32;
	bool ok = true;

	if (!(cpuid(1, 0).ecx & BIT(26))) {
		guest_check(gp(write_cr4, cr4_read() | CR4_OSXSAVE), "xcr0-absent");
		return;
	}
	guest_check(guest_try(write_xcr0, (void *)1).vector == VEC_UD, "xcr0-without-osxsave");
	cr4_write(cr4_read() | CR4_OSXSAVE);
	guest_check(xcr0_read() == XCR0_X87, "xcr0-reset", "%lx", xcr0_read());
	for (u32 bit = 0; bit < 64; bit++)
		/* QEMU intercepts no XSETBV, and has PKRU. */
		if (!(mask >> bit & 1) && !(bit == 9 && guest_is_qemu()))
			ok = ok && gp(write_xcr0, mask | BIT(bit)) && xcr0_read() == XCR0_X87;
	guest_check(ok, "xcr0-reserved");
	guest_check(gp(write_xcr0, 0) && gp(write_xcr0, XCR0_SSE), "xcr0-without-x87");
	guest_check(gp(write_xcr0, XCR0_X87 | XCR0_AVX), "xcr0-avx-without-sse");
	guest_check(gp(write_xcr0, mask | 0x20) || (mask & 0xe0) == 0xe0, "xcr0-part-of-avx512");
	xcr0_write(mask);
	guest_check(xcr0_read() == mask, "xcr0-all", "%lx", xcr0_read());
}

void guest_main(void)
{
	test_cr0();
	test_cr3();
	test_cr4();
	test_cr8();
	test_xcr0();
}
