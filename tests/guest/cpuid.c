/* SPDX-License-Identifier: MIT */
/*
 * CPUID as the policy shows it, a case per row of its tables: what is masked
 * is zero, what passes is consistent in itself, the hypervisor's own leaves
 * are exact, everything else is zero. Runs on one VP; smp.c has APIC ids of
 * the others.
 * child: svm-smp1-bios vmx-smp1
 */
#include "hv/cpuid.h"
#include "hv/msr.h"
#include "hv/vpset.h"
#include "tests/guest/lib/guest.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/mmio.h"
#include "x86/msr.h"

#define LAST_BASIC    0xdu
#define LAST_EXTENDED 0x80000008u
#define XSAVE         BIT(26)
#define OSXSAVE       BIT(27)
#define HYPERVISOR    BIT(31)

static bool is_zero(const struct cpuid_regs *r)
{
	return !(r->eax | r->ebx | r->ecx | r->edx);
}

/* Bits that no guest of this hypervisor may see. */
static const struct {
	const char *name;
	u32 leaf;
	struct cpuid_regs hidden;
} masks[] = {
	/* DTES64, MONITOR, DS_CPL, VMX, SMX, EST, TM2, CNXT, SDBG, xTPR, PDCM, 16, DCA;
	 * EDX: 10, PSN, 20, DS, ACPI, TM, IA64, PBE */
	{ "leaf-1-hidden", 0x1, { 0, 0, 0x0005cdfc, 0xe0740400 } },
	/* Power: only ARAT. */
	{ "leaf-6", 0x6, { ~0x4u, ~0u, ~0u, ~0u } },
	/* TSC_ADJUST, SGX, HLE, RTM, MPX, PT, RDT; PKU, CET, WAITPKG, LA57; arch capabilities */
	{ "leaf-7-hidden", 0x7, { ~0u, 0x0240d816, 0xffbfa0b9, 0x73fffae3 } },
	/* SVM, ExtApic, IBS, SKINIT, WDT, LWP, TCE, NodeId, topology, counters, MONITORX;
	 * FFXSR and bits that do not exist */
	{ "leaf-80000001-hidden", 0x80000001, { 0, 0, 0xffdef60c, 0x122c0400 } },
	{ "leaf-80000007", 0x80000007, { ~0u, ~0u, ~0u, ~0x100u } },
	{ "leaf-80000008-hidden", 0x80000008, { 0, ~0x0100d005u, 0, ~0u } },
};

static void test_masks(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(masks); i++) {
		struct cpuid_regs r = cpuid(masks[i].leaf, 0);
		const struct cpuid_regs *h = &masks[i].hidden;

		guest_check(!((r.eax & h->eax) | (r.ebx & h->ebx) | (r.ecx & h->ecx) |
				    (r.edx & h->edx)),
			masks[i].name, "%x %x %x %x", r.eax, r.ebx, r.ecx, r.edx);
	}
}

static void test_vendor(void)
{
	struct cpuid_regs basic = cpuid(0, 0), extended = cpuid(0x80000000, 0);
	bool intel = basic.ebx == 0x756e6547, amd = basic.ebx == 0x68747541;

	guest_check(basic.eax >= 1 && basic.eax <= LAST_BASIC && (intel || amd), "leaf-0",
		"max %x vendor %x", basic.eax, basic.ebx);
	guest_check(extended.eax >= 0x80000001 && extended.eax <= LAST_EXTENDED &&
			    (intel || (extended.ebx == basic.ebx && extended.ecx == basic.ecx &&
					      extended.edx == basic.edx)),
		"leaf-80000000", "max %x vendor %x", extended.eax, extended.ebx);
}

static void test_features(void)
{
	const u32 ecx = (u32)HYPERVISOR;
	/* FPU, PSE, TSC, MSR, PAE, CX8, APIC, MTRR, PGE, CMOV, PAT, FXSR, SSE, SSE2 */
	const u32 edx = 0x0701b379;
	struct cpuid_regs r = cpuid(1, 0);
	u32 id = guest_bootinfo->apic_ids[msr_read(HV_MSR_VP_INDEX)];

	guest_check((r.ecx & ecx) == ecx && (r.edx & edx) == edx, "leaf-1-shown", "%x %x", r.ecx,
		r.edx);
	guest_check(r.ebx >> 24 == id, "leaf-1-apic-id", "%x, expected %x", r.ebx >> 24, id);
	guest_check(mmio_read32((const volatile void *)(APIC_DEFAULT_BASE + APIC_ID)) >> 24 == id,
		"apic-id-register");
}

/* The bit is the guest's CR4, whatever the hypervisor itself has. */
static void test_osxsave(void)
{
	u64 cr4 = cr4_read() & ~CR4_OSXSAVE;

	if (!(cpuid(1, 0).ecx & XSAVE)) {
		guest_check(!(cpuid(1, 0).ecx & OSXSAVE), "osxsave-absent");
		return;
	}
	cr4_write(cr4);
	guest_check(!(cpuid(1, 0).ecx & OSXSAVE), "osxsave-off");
	cr4_write(cr4 | CR4_OSXSAVE);
	guest_check(cpuid(1, 0).ecx & OSXSAVE, "osxsave-on");
	cr4_write(cr4);
	guest_check(!(cpuid(1, 0).ecx & OSXSAVE), "osxsave-off-again");
}

/* Sublevels of caches end with type 0, none is deeper than four. */
static void test_caches(void)
{
	struct cpuid_regs two = cpuid(2, 0), again = cpuid(2, 0);
	u32 i = 0;

	guest_check(two.eax == again.eax && two.ebx == again.ebx && two.ecx == again.ecx &&
			    two.edx == again.edx,
		"leaf-2", "not constant");
	while (i < 16 && cpuid(4, i).eax & 0x1f)
		i++;
	guest_check(i < 16, "leaf-4", "no end");
}

static void test_topology(void)
{
	u32 id = guest_bootinfo->apic_ids[msr_read(HV_MSR_VP_INDEX)];

	for (u32 i = 0; i < 4; i++) {
		struct cpuid_regs r = cpuid(0xb, i);

		if (r.ebx == 0)
			continue;
		if (r.edx != id || (r.ecx & 0xff) != i || (r.ecx >> 8) > 5) {
			guest_fail(
				"leaf-b", "level %u: %x %x %x %x", i, r.eax, r.ebx, r.ecx, r.edx);
			return;
		}
	}
	guest_pass("leaf-b");
}

static void test_extended_features(void)
{
	struct cpuid_regs sub1 = cpuid(7, 1), sub2 = cpuid(7, 2);

	guest_check(is_zero(&sub1) && is_zero(&sub2), "leaf-7-subleaves");
}

/* Size in subleaf 0 follows XCR0; the maximum does not. */
static void test_xsave_sizes(u64 mask)
{
	struct cpuid_regs least, most;

	xcr0_write(XCR0_X87);
	least = cpuid(0xd, 0);
	guest_check(least.ebx == 576, "leaf-d-size-least", "%u", least.ebx);
	xcr0_write(mask);
	most = cpuid(0xd, 0);
	guest_check(most.ebx == most.ecx && most.ecx == least.ecx, "leaf-d-size-most", "%u of %u",
		most.ebx, most.ecx);
	xcr0_write(XCR0_X87 | XCR0_SSE);
	guest_check(cpuid(0xd, 0).ebx == 576, "leaf-d-size-sse");
}

static bool component_good(u64 mask, u32 i, u32 size)
{
	struct cpuid_regs r = cpuid(0xd, i);

	if (!(mask >> i & 1))
		return is_zero(&r);
	return r.eax && r.ebx >= 576 && r.ebx + r.eax <= size;
}

static void test_xsave(void)
{
	struct cpuid_regs r = cpuid(0xd, 0), one = cpuid(0xd, 1);
	u64 mask = (u64)r.edx << 32 | r.eax;

	if (!(cpuid(1, 0).ecx & XSAVE)) {
		guest_check(is_zero(&r) && is_zero(&one), "leaf-d-absent");
		return;
	}
	guest_check((mask & 3) == 3 && !(mask & ~0xe7ull) && !(mask & 0xe0 && !(mask & 4)),
		"leaf-d-components", "%lx", mask);
	guest_check(!(one.eax & ~7u) && !one.ebx && !one.ecx && !one.edx, "leaf-d-1", "%x %x %x %x",
		one.eax, one.ebx, one.ecx, one.edx);
	cr4_write(cr4_read() | CR4_OSXSAVE);
	test_xsave_sizes(mask);
	for (u32 i = 2; i < 64; i++) {
		if (component_good(mask, i, r.ecx))
			continue;
		guest_fail("leaf-d-n", "component %u", i);
		return;
	}
	guest_pass("leaf-d-n");
}

static void test_extended(void)
{
	struct cpuid_regs one = cpuid(0x80000001, 0), eight = cpuid(0x80000008, 0);

	guest_check(one.edx & BIT(29) && one.edx & BIT(20), "leaf-80000001-shown", "%x", one.edx);
	guest_check((eight.eax & 0xff) >= 36 && (eight.eax & 0xff) <= 52 &&
			    (eight.eax >> 8 & 0xff) == 48,
		"leaf-80000008", "%x", eight.eax);
}

static void test_name(void)
{
	u32 printable = 0;

	for (u32 leaf = 0x80000002; leaf <= 0x80000004; leaf++) {
		struct cpuid_regs r = cpuid(leaf, 0);
		const u8 *text = (const u8 *)&r;

		for (u32 i = 0; i < sizeof(r); i++)
			printable += text[i] == 0 || (text[i] >= ' ' && text[i] <= '~');
	}
	guest_check(printable == 48, "leaves-80000002-to-4");
}

/* Leaves that hold a value on one vendor's processors only: not changing is all. */
static void test_amd_caches(void)
{
	for (u32 leaf = 0x80000005; leaf <= 0x80000006; leaf++) {
		struct cpuid_regs a = cpuid(leaf, 0), b = cpuid(leaf, 7);

		guest_check(a.eax == b.eax && a.ebx == b.ebx && a.ecx == b.ecx && a.edx == b.edx,
			leaf == 0x80000005 ? "leaf-80000005" : "leaf-80000006");
	}
}

static void test_hypervisor(void)
{
	struct cpuid_regs v = cpuid(HV_CPUID_VENDOR, 0), i = cpuid(HV_CPUID_INTERFACE, 0);
	struct cpuid_regs f = cpuid(HV_CPUID_FEATURES, 0), h = cpuid(HV_CPUID_HINTS, 0);
	struct cpuid_regs l = cpuid(HV_CPUID_LIMITS, 0), w = cpuid(HV_CPUID_HARDWARE, 0);
	const u32 msrs = HV_ACCESS_VP_RUNTIME | HV_ACCESS_REFERENCE_COUNT | HV_ACCESS_APIC_MSRS |
			 HV_ACCESS_HYPERCALL_MSRS | HV_ACCESS_VP_INDEX | HV_ACCESS_FREQUENCY_MSRS;
	const u32 roots = HV_ACCESS_PARTITION_ID | HV_ACCESS_STATS_PAGES | HV_CPU_MANAGEMENT;
	const u32 childs = HV_POST_MESSAGES | HV_SIGNAL_EVENTS;
	const u32 calls = (guest_is_child() ? childs : roots) | HV_START_VIRTUAL_PROCESSOR;

	guest_check(v.eax == HV_CPUID_LAST && v.ebx == HV_VENDOR_EBX && v.ecx == HV_VENDOR_ECX &&
			    v.edx == HV_VENDOR_EDX,
		"leaf-40000000");
	guest_check(i.eax == HV_INTERFACE_HV1 && !(i.ebx | i.ecx | i.edx), "leaf-40000001");
	guest_check(cpuid(HV_CPUID_VERSION, 0).ebx != 0, "leaf-40000002");
	if (guest_is_child())
		guest_check(f.ebx == calls, "child's-calls", "%x", f.ebx);
	guest_check((f.eax & msrs) == msrs && (f.ebx & calls) == calls && f.ecx == 0 &&
			    f.edx == (HV_FEATURE_FREQUENCY_MSRS | HV_FEATURE_XMM_INPUT),
		"leaf-40000003", "%x %x %x %x", f.eax, f.ebx, f.ecx, f.edx);
	/* Bit 7: that it may be what an IOMMU serves is for the root alone. */
	guest_check(h.eax == (guest_is_child() ? 0xe2c : 0xeac) && h.ebx == ~0u && !(h.ecx | h.edx),
		"leaf-40000004", "%x %x %x %x", h.eax, h.ebx, h.ecx, h.edx);
	guest_check(l.eax == HV_MAX_PROCESSORS && l.ebx == HV_MAX_PROCESSORS && !(l.ecx | l.edx),
		"leaf-40000005");
	guest_check(w.eax == 0xa && !(w.ebx | w.ecx | w.edx), "leaf-40000006", "%x", w.eax);
}

static void test_unknown(void)
{
	static const u32 leaves[] = { 0x3, 0x5, 0x8, 0x9, 0xa, 0xc, 0xe, 0xf, 0x10, 0x12, 0x14,
		0x15, 0x16, 0x18, 0x19, 0x1a, 0x1f, 0x20, 0x24, 0x3fffffff, 0x40000007, 0x40000008,
		0x40000009, 0x4000000a, 0x4000000b, 0x40000010, 0x40000080, 0x40000081, 0x40000082,
		0x40000100, 0x40000101, 0x4000ff00, 0x7fffffff, 0x80000009, 0x8000000a, 0x80000019,
		0x8000001a, 0x8000001b, 0x8000001c, 0x8000001d, 0x8000001e, 0x8000001f, 0x80860000,
		0xc0000000, 0xc0000001, 0xffffffff };

	for (u32 i = 0; i < ARRAY_SIZE(leaves); i++) {
		struct cpuid_regs r = cpuid(leaves[i], 0);

		if (is_zero(&r))
			continue;
		guest_fail("unknown-leaves", "leaf %x: %x %x %x %x", leaves[i], r.eax, r.ebx, r.ecx,
			r.edx);
		return;
	}
	guest_pass("unknown-leaves");
}

void guest_main(void)
{
	test_vendor();
	test_masks();
	test_features();
	test_osxsave();
	test_caches();
	test_extended_features();
	test_topology();
	test_xsave();
	test_extended();
	test_name();
	test_amd_caches();
	test_hypervisor();
	test_unknown();
}
