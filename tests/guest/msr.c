/* SPDX-License-Identifier: MIT */
/*
 * MSRs as the policy shows them: a case per row of hypervisor/policy_msr.c. What may be read is read, what may be written reads
 * back, everything else is #GP and a line in the log, and changes nothing.
 * child: svm-smp1-bios vmx-smp1
 */
#include "hv/msr.h"
#include "lib/format.h"
#include "lib/string.h"
#include "tests/guest/lib/guest.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/desc.h"
#include "x86/msr.h"

#define NONCANONICAL 0x0000800000000000ull
#define X2APIC       BIT(21)
#define DEADLINE     BIT(24)

struct access {
	u32 msr;
	u64 value;
};

static void do_read(void *p)
{
	struct access *a = p;

	a->value = msr_read(a->msr);
}

static void do_write(void *p)
{
	struct access *a = p;

	msr_write(a->msr, a->value);
}

static bool reads(u32 msr, u64 *v)
{
	struct access a = { msr, 0 };
	struct guest_fault f = guest_try(do_read, &a);

	*v = a.value;
	return f.vector == GUEST_NO_FAULT;
}

static bool writes(u32 msr, u64 v)
{
	struct access a = { msr, v };

	return guest_try(do_write, &a).vector == GUEST_NO_FAULT;
}

static bool refuses(void (*fn)(void *), u32 msr, u64 v, const char *word)
{
	struct guest_log_mark before = guest_log_mark();
	struct access a = { msr, v };
	struct guest_fault f = guest_try(fn, &a);

	return f.vector == VEC_GP && f.error == 0 && guest_log_says(before, word);
}

static bool refuses_read(u32 msr)
{
	return refuses(do_read, msr, 0, "refused read");
}

static bool refuses_write(u32 msr, u64 v)
{
	return refuses(do_write, msr, v, "refused write");
}

/* Writes @v, which must read back, then puts the old value in again. */
static bool keeps(u32 msr, u64 v)
{
	u64 old, now = 0;
	bool ok = reads(msr, &old) && writes(msr, v) && reads(msr, &now) && now == v;

	if (!ok)
		guest_print("msr %x: wrote %lx, read %lx\r\n", msr, v, now);
	return writes(msr, old) && ok;
}

/* What a child finds in no row reads zero and takes any write, unless it is synthetic. */
static bool is_absent(u32 msr)
{
	u64 v = 1;

	if (!guest_is_child() || (msr >= HV_MSR_FIRST && msr <= HV_MSR_LAST))
		return refuses_read(msr) && refuses_write(msr, 0);
	return reads(msr, &v) && v == 0 && writes(msr, 0);
}

/* A child's memory is all of one type, whatever it writes: as on other hypervisors. */
static bool is_dropped(u32 msr)
{
	return guest_is_child() && msr >= MSR_MTRR_PHYS_BASE(0) && msr <= MSR_MTRR_DEF_TYPE &&
	       msr != MSR_PAT;
}

/* Readable, and any write of another value is refused and changes nothing. */
static bool is_read_only(u32 msr)
{
	u64 before, after = 0;

	if (!reads(msr, &before))
		return false;
	if (is_dropped(msr) ? !writes(msr, before ^ 1) : !refuses_write(msr, before ^ 1))
		return false;
	return reads(msr, &after) && after == before;
}

/* Registers that hold what the guest writes. */
static void test_kept(void)
{
	static const struct {
		const char *name;
		u32 msr;
		u64 value;
		bool address;
	} rows[] = {
		{ "sysenter-cs", MSR_SYSENTER_CS, 0x1234, false },
		{ "sysenter-esp", MSR_SYSENTER_ESP, 0xffff812345678000, true },
		{ "sysenter-eip", MSR_SYSENTER_EIP, 0x00007f2345678000, true },
		{ "star", MSR_STAR, 0x0023001000000000, false },
		{ "lstar", MSR_LSTAR, 0xffffffff81234567, true },
		{ "cstar", MSR_CSTAR, 0xffffffff81234568, true },
		{ "sfmask", MSR_SFMASK, 0x47700, false },
		{ "fs-base", MSR_FS_BASE, 0x00007fff12345678, true },
		{ "gs-base", MSR_GS_BASE, 0xffff888000000000, true },
		{ "kernel-gs-base", MSR_KERNEL_GS_BASE, 0xffffc90000000000, true },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		bool ok = keeps(rows[i].msr, rows[i].value);

		/* These pass without an exit, so the processor refuses them: no line. */
		if (!guest_is_qemu() && rows[i].address && rows[i].msr != MSR_SYSENTER_ESP &&
			rows[i].msr != MSR_SYSENTER_EIP)
			ok = ok && !writes(rows[i].msr, NONCANONICAL);
		guest_check(ok, rows[i].name, "msr %x", rows[i].msr);
	}
}

static void test_tsc_aux(void)
{
	u64 v;

	if (cpuid(0x80000001, 0).edx & BIT(27))
		guest_check(keeps(MSR_TSC_AUX, 0x12345678), "tsc-aux");
	else
		guest_check(!reads(MSR_TSC_AUX, &v), "tsc-aux-absent");
}

static void test_read_only(void)
{
	static const struct {
		const char *name;
		u32 msr;
	} rows[] = {
		{ "mtrr-cap", MSR_MTRR_CAP },
		{ "mtrr-base", MSR_MTRR_PHYS_BASE(0) },
		{ "mtrr-mask", MSR_MTRR_PHYS_MASK(0) },
		{ "mtrr-fix64k", MSR_MTRR_FIX64K_00000 },
		{ "mtrr-fix16k-80000", MSR_MTRR_FIX16K_80000 },
		{ "mtrr-fix16k-a0000", MSR_MTRR_FIX16K_A0000 },
		{ "mtrr-fix4k-c0000", MSR_MTRR_FIX4K_C0000 },
		{ "mtrr-fix4k-f8000", 0x26f },
		{ "mtrr-def-type", MSR_MTRR_DEF_TYPE },
		{ "mcg-cap", MSR_MCG_CAP },
		{ "vp-index", HV_MSR_VP_INDEX },
		{ "vp-runtime", HV_MSR_VP_RUNTIME },
		{ "tsc-frequency", HV_MSR_TSC_FREQUENCY },
		{ "apic-frequency", HV_MSR_APIC_FREQUENCY },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 v;

		/* A clock moves on between two reads. */
		if (rows[i].msr == HV_MSR_VP_RUNTIME)
			guest_check(reads(rows[i].msr, &v) && refuses_write(rows[i].msr, v),
				rows[i].name);
		else
			guest_check(is_read_only(rows[i].msr), rows[i].name, "msr %x", rows[i].msr);
	}
	guest_check(msr_read(MSR_MCG_CAP) == 0, "mcg-cap-no-banks");
	guest_check(msr_read(HV_MSR_VP_INDEX) == 0, "vp-index-value");
	guest_check(msr_read(HV_MSR_APIC_FREQUENCY) == 200000000, "apic-frequency-value");
	if (!guest_is_child())
		guest_check(msr_read(HV_MSR_TSC_FREQUENCY) == guest_bootinfo->tsc_hz,
			"tsc-frequency-value");
}

static void test_tsc(void)
{
	u64 a = msr_read(MSR_TSC), b = rdtsc(), c = msr_read(MSR_TSC);

	guest_check(a <= b && b <= c && c - a < guest_tsc_hz(), "tsc-read", "%lu %lu %lu", a, b, c);
	guest_check(refuses_write(MSR_TSC, 0) && rdtsc() >= c, "tsc-write");
}

static void test_machine_check(void)
{
	u64 v;

	guest_check(reads(MSR_MCG_STATUS, &v) && v == 0 && writes(MSR_MCG_STATUS, 0) &&
			    refuses_write(MSR_MCG_STATUS, 4),
		"mcg-status");
	guest_check(is_absent(MSR_MC0_CTL), "mc0-ctl");
}

static void test_probed(void)
{
	u64 v;

	guest_check(reads(MSR_BIOS_SIGN_ID, &v) && writes(MSR_BIOS_SIGN_ID, 0) &&
			    refuses_write(MSR_BIOS_SIGN_ID, 1),
		"bios-sign-id");
	if (cpuid(0, 0).ebx != 0x756e6547) {
		guest_check(is_absent(MSR_FEATURE_CONTROL), "feature-control-absent");
		guest_check(is_absent(MSR_MISC_ENABLE), "misc-enable-absent");
		return;
	}
	guest_check(reads(MSR_FEATURE_CONTROL, &v) && v == FEATURE_CONTROL_LOCKED &&
			    refuses_write(MSR_FEATURE_CONTROL, 5),
		"feature-control");
	guest_check(reads(MSR_MISC_ENABLE, &v) && !(v & BIT(18)) && writes(MSR_MISC_ENABLE, v) &&
			    refuses_write(MSR_MISC_ENABLE, v ^ 1),
		"misc-enable", "%lx", v);
}

/* Without the feature the processor itself refuses them, so there may be no line. */
static void test_speculation(void)
{
	bool offered = cpuid(7, 0).edx & BIT(26) || cpuid(0x80000008, 0).ebx & BIT(14);
	u64 v = 0;

	if (offered)
		guest_check(reads(MSR_SPEC_CTRL, &v) && writes(MSR_SPEC_CTRL, v), "spec-ctrl");
	else
		guest_pass("spec-ctrl-absent");
	if (offered && cpuid(0, 0).ebx == 0x756e6547)
		guest_check(writes(MSR_PRED_CMD, 1), "pred-cmd");
	guest_check(guest_is_child() ? is_absent(MSR_PRED_CMD) : !reads(MSR_PRED_CMD, &v),
		"pred-cmd-read");
}

static void test_pat(void)
{
	static const u64 bad[] = { 2, 3, 8, 0x0200000000000000, 0x0007040600070403,
		0x00070406000704ff, 0x8007040600070406 };
	u64 old = msr_read(MSR_PAT);

	guest_check(old == 0x0007040600070406, "pat-reset", "%lx", old);
	guest_check(keeps(MSR_PAT, 0x0001040500070406), "pat-kept");
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		if (refuses_write(MSR_PAT, bad[i]) && msr_read(MSR_PAT) == old)
			continue;
		guest_fail("pat-invalid", "%lx", bad[i]);
		return;
	}
	guest_pass("pat-invalid");
}

static void test_efer(void)
{
	u64 old = msr_read(MSR_EFER), allowed = EFER_SCE | EFER_NXE | EFER_LME | EFER_LMA;

	guest_check((old & ~allowed) == 0 && old & EFER_LMA, "efer", "%lx", old);
	guest_check(keeps(MSR_EFER, old ^ EFER_SCE), "efer-sce");
	guest_check(
		writes(MSR_EFER, old & ~EFER_LMA) && msr_read(MSR_EFER) == old, "efer-lma-ignored");
	guest_check(refuses_write(MSR_EFER, old & ~EFER_LME), "efer-lme-while-paging");
	for (u32 bit = 0; bit < 64; bit++) {
		if (allowed >> bit & 1)
			continue;
		if (refuses_write(MSR_EFER, old | BIT(bit)) && msr_read(MSR_EFER) == old)
			continue;
		guest_fail("efer-reserved", "bit %u", bit);
		return;
	}
	guest_pass("efer-reserved");
}

/* What Linux expects of any processor, and the root does not have. */
static bool is_childs_own(u32 msr)
{
	u64 v;

	if (!guest_is_child())
		return false;
	if (guest_is_vmx())
		return msr == MSR_PLATFORM_ID && reads(msr, &v);
	return msr == MSR_AMD_HWCR && reads(msr, &v) && v == BIT(24);
}

/* Numbers in no row: performance, VMX and SVM, debug, power, ranges' edges, synthetic ones. */
static void test_unknown(void)
{
	static const u32 msrs[] = { 0x0, 0x1, 0x17, MSR_TSC_ADJUST, 0x79, 0xc1, 0xc2, 0xe7, 0xe8,
		0xcd, 0xce, MSR_ARCH_CAPABILITIES, 0x11e, 0x122, 0x186, 0x19a, 0x19c, MSR_DEBUGCTL,
		0x1db, 0x1f2, 0x220, 0x251, 0x257, 0x25a, 0x267, 0x270, 0x276, 0x278, 0x2fe, 0x300,
		0x309, 0x38d, 0x38f, 0x3f1, 0x479, MSR_VMX_BASIC, 0x491, 0x4c1, 0x560, 0x600, 0x606,
		0x680, 0x770, 0x7ff, 0x900, 0xc80, 0xc90, MSR_XSS, 0x1000, 0x40000004, 0x40000011,
		0x40000024, 0x40000040, 0x4000006f, 0x40000074, 0x4000007f, 0x40000085, 0x4000008f,
		0x400000a0, 0x400000b8, 0x400000e0, 0x400000f1, 0x400000ff, 0x40000106, 0x40000118,
		0x400001ff, 0x40000200, 0x4b564d00, 0x4b564d01, 0xbfffffff, 0xc000007f, 0xc0000085,
		0xc00000ff, 0xc0000104, 0xc0000105, 0xc0010000, 0xc0010004, MSR_AMD_SYSCFG,
		0xc0010015, 0xc001001f, 0xc0010055, 0xc0010058, 0xc0010061, 0xc001010a,
		MSR_AMD_VM_CR, MSR_AMD_VM_HSAVE_PA, 0xc0010130, 0xc0010200, 0xc0011005, 0xc0011020,
		0xc0011030, 0xc0012000, 0xfffffffe, 0xffffffff };

	for (u32 i = 0; i < ARRAY_SIZE(msrs); i++) {
		if (is_absent(msrs[i]) || is_childs_own(msrs[i]))
			continue;
		guest_fail("unknown", "msr %x", msrs[i]);
	}
	/* What a root has no parent for. */
	for (u32 msr = HV_MSR_CRASH_P(0); msr <= HV_MSR_CRASH_CTL && !guest_is_child(); msr++)
		guest_check(is_absent(msr), "unknown-crash", "%x", msr);
	guest_check(guest_is_child() || is_absent(HV_MSR_RESET), "unknown-reset");
	guest_pass("unknown");
}

static void test_apic_rows(void)
{
	u64 base = msr_read(MSR_APIC_BASE), v;

	guest_check(base == (APIC_DEFAULT_BASE | APIC_BASE_ENABLE | APIC_BASE_BSP), "apic-base",
		"%lx", base);
	guest_check(writes(MSR_APIC_BASE, base), "apic-base-same");
	/* x2APIC registers do not exist in xAPIC mode. */
	for (u32 msr = 0x800; msr < 0x900; msr += 0x11) {
		if (refuses_read(msr) && refuses_write(msr, 0))
			continue;
		guest_fail("x2apic-in-xapic-mode", "msr %x", msr);
		return;
	}
	guest_pass("x2apic-in-xapic-mode");
	guest_check(refuses_read(HV_MSR_EOI) && writes(HV_MSR_EOI, 0), "hv-eoi");
	guest_check(reads(HV_MSR_ICR, &v), "hv-icr");
	guest_check(keeps(HV_MSR_TPR, 0x35) && refuses_write(HV_MSR_TPR, 0x100), "hv-tpr");
	if (cpuid(1, 0).ecx & DEADLINE)
		guest_check(reads(MSR_TSC_DEADLINE, &v) && v == 0 && writes(MSR_TSC_DEADLINE, 0),
			"tsc-deadline");
	else
		guest_check(refuses_read(MSR_TSC_DEADLINE) && refuses_write(MSR_TSC_DEADLINE, 0),
			"tsc-deadline-absent");
}

static u64 os_id, page;

static bool page_set(u64 v)
{
	return writes(HV_MSR_HYPERCALL, v) && msr_read(HV_MSR_HYPERCALL) == v;
}

/* The page's bytes are its instruction, RET, and INT3 to the end. */
static bool is_covered(u64 gpa)
{
	const u8 *p = (const u8 *)gpa;

	return p[0] == 0x0f && p[1] == 0x01 && p[3] == 0xc3 && p[4] == 0xcc && p[4095] == 0xcc;
}

static void store(void *p)
{
	*(volatile u8 *)p = 0x5a;
}

static void call_page(void *p)
{
	(void)guest_call_hypercall(p, HV_CALL_NOTIFY_LONG_SPIN_WAIT | HV_CONTROL_FAST, 1, 0);
}

static void test_os_id(void)
{
	guest_check(msr_read(HV_MSR_GUEST_OS_ID) == 0 && msr_read(HV_MSR_HYPERCALL) == 0,
		"hypercall-reset");
	guest_check(writes(HV_MSR_HYPERCALL, page | 1) && msr_read(HV_MSR_HYPERCALL) == page &&
			    !is_covered(page),
		"hypercall-without-os-id", "%lx", msr_read(HV_MSR_HYPERCALL));
	os_id = 0x8100000601c00000;
	guest_check(writes(HV_MSR_GUEST_OS_ID, os_id) && msr_read(HV_MSR_GUEST_OS_ID) == os_id,
		"guest-os-id");
}

static void test_hypercall_page(void)
{
	u64 other = page + PAGE_SIZE;

	memset((void *)page, 0x11, PAGE_SIZE);
	memset((void *)other, 0x22, PAGE_SIZE);
	guest_check(page_set(page | 1) && is_covered(page), "hypercall-enable");
	guest_check(guest_try(store, (void *)page).vector == VEC_GP && is_covered(page),
		"hypercall-page-read-only");
	guest_check(guest_try(call_page, (void *)page).vector == GUEST_NO_FAULT, "hypercall-call");
	guest_check(
		page_set(other | 1) && is_covered(other) && *(u8 *)page == 0x11, "hypercall-move");
	guest_check(page_set(other) && *(u8 *)other == 0x22, "hypercall-disable");
	guest_check(page_set(page | 1) && is_covered(page), "hypercall-enable-again");
	guest_check(writes(HV_MSR_GUEST_OS_ID, 0) && msr_read(HV_MSR_HYPERCALL) == page &&
			    *(u8 *)page == 0x11,
		"hypercall-off-with-os-id", "%lx", msr_read(HV_MSR_HYPERCALL));
	guest_check(writes(HV_MSR_GUEST_OS_ID, os_id), "guest-os-id-again");
}

/* Pages that cannot be covered: beyond memory, the hypervisor's, a device's, shared ones. */
static void test_hypercall_gpfn(void)
{
	/* A child may have it anywhere within the processor's addresses. */
	u32 count = guest_is_child() ? 2 : 8;
	u64 bad[] = { BIT(52) | 1, 0xfffffffffffff001, (128 * GIB) | 1, 0xfec00001, 0xfee00001,
		0xb8001, ((u64)guest_start_info - PAGE_SIZE) | 1, (u64)guest_bootinfo | 1 };

	for (u32 i = 0; i < count; i++) {
		u64 before = msr_read(HV_MSR_HYPERCALL);

		if (refuses_write(HV_MSR_HYPERCALL, bad[i]) && msr_read(HV_MSR_HYPERCALL) == before)
			continue;
		guest_fail("hypercall-gpfn", "%lx", bad[i]);
		return;
	}
	guest_pass("hypercall-gpfn");
}

/* Last of all: nothing but a reset undoes it. */
static void test_hypercall_locked(void)
{
	u64 locked = page | HV_MSR_HYPERCALL_ENABLE | HV_MSR_HYPERCALL_LOCKED;

	guest_check(page_set(locked) && is_covered(page), "hypercall-lock");
	guest_check(refuses_write(HV_MSR_HYPERCALL, page | 1) &&
			    refuses_write(HV_MSR_HYPERCALL, locked + PAGE_SIZE) &&
			    refuses_write(HV_MSR_HYPERCALL, 0) &&
			    msr_read(HV_MSR_HYPERCALL) == locked && is_covered(page),
		"hypercall-locked");
	guest_check(writes(HV_MSR_HYPERCALL, locked), "hypercall-locked-same");
	/* Without an identity there is no page, and the lock stays. */
	guest_check(writes(HV_MSR_GUEST_OS_ID, 0) && !is_covered(page) &&
			    msr_read(HV_MSR_HYPERCALL) == (page | HV_MSR_HYPERCALL_LOCKED),
		"hypercall-locked-os-id", "%lx", msr_read(HV_MSR_HYPERCALL));
}

static void test_assist_page(void)
{
	u64 v;

	guest_check(reads(HV_MSR_VP_ASSIST_PAGE, &v) && v == 0, "assist-page-reset");
	guest_check(keeps(HV_MSR_VP_ASSIST_PAGE, (page + PAGE_SIZE) | 1), "assist-page");
}

static void test_synic(void)
{
	bool ok = true;

	for (u32 i = 0; i < 16; i++)
		ok = ok && msr_read(HV_MSR_SINT(i)) == HV_SINT_RESET;
	guest_check(ok && !msr_read(HV_MSR_SCONTROL) && !msr_read(HV_MSR_SIMP), "synic-reset");
	guest_check(
		is_read_only(HV_MSR_SVERSION) && msr_read(HV_MSR_SVERSION) == 1, "synic-version");
	guest_check(
		keeps(HV_MSR_SCONTROL, 1) && keeps(HV_MSR_SIEFP, page | 1) && writes(HV_MSR_EOM, 0),
		"synic-kept");
	guest_check(keeps(HV_MSR_SINT(15), 0x42 | HV_SINT_POLLING) &&
			    refuses_write(HV_MSR_SINT(15), 0xf) &&
			    msr_read(HV_MSR_SINT(15)) == HV_SINT_RESET,
		"synic-sint");
}

/* A page of its own over the guest's, empty at first, and the guest's again after it. */
static void test_message_page(void)
{
	u64 bad[] = { BIT(52) | 1, (128 * GIB) | 1, 0xfee00001, 0xb8001 };
	/* A child may have it anywhere within the processor's addresses. */
	u32 count = guest_is_child() ? 1 : ARRAY_SIZE(bad);
	u64 *own = (u64 *)page;
	bool ok = true;

	WRITE_ONCE(own[5], 0x5555);
	guest_check(writes(HV_MSR_SIMP, page | 1) && READ_ONCE(own[5]) == 0, "simp-on");
	WRITE_ONCE(own[5], 0x7777);
	for (u32 i = 0; i < count; i++)
		ok = ok && refuses_write(HV_MSR_SIMP, bad[i]) &&
		     msr_read(HV_MSR_SIMP) == (page | 1) && READ_ONCE(own[5]) == 0x7777;
	guest_check(ok, "simp-gpfn");
	guest_check(writes(HV_MSR_SIMP, page) && READ_ONCE(own[5]) == 0x5555 &&
			    msr_read(HV_MSR_SIMP) == page,
		"simp-off");
	guest_check(writes(HV_MSR_SIMP, 0), "simp-zero");
}

/* 20 ms of both clocks: a unit of the reference is 100 ns, so 1 µs of difference shows. */
static void test_reference(void)
{
	u64 hz = guest_tsc_hz(), least = 0, t0, t1, ref, start, last;
	bool monotonic = true;
	s64 off;

	t0 = rdtsc();
	start = last = msr_read(HV_MSR_TIME_REF_COUNT);
	t1 = rdtsc();
	do {
		u64 now = msr_read(HV_MSR_TIME_REF_COUNT);

		monotonic = monotonic && now >= last;
		last = now;
	} while (rdtsc() - t1 < hz / 50);
	/* The tightest of a few pairs, for the host may take the processor away. */
	for (u32 i = 0; i < 50; i++) {
		u64 a = rdtsc(), r = msr_read(HV_MSR_TIME_REF_COUNT), b = rdtsc();

		if (i == 0 || b - a < least) {
			least = b - a;
			ref = r;
			last = a;
		}
	}
	off = (s64)((ref - start) * 100) - (s64)((last - t0) / (hz / 1000000) * 1000);
	guest_check(monotonic, "reference-monotonic");
	/* Between the two clocks' reads lie at most (t1 - t0) and least. */
	guest_check(off < 1000 + (s64)(least * 1000000 / (hz / 1000)) &&
			    -off < 1000 + (s64)((t1 - t0) * 1000000 / (hz / 1000)),
		"reference-rate", "off %ld ns, reads %lu %lu", off, t1 - t0, least);
	guest_check(refuses_write(HV_MSR_TIME_REF_COUNT, 0), "reference-read-only");
}

void guest_main(void)
{
	page = (u64)guest_pages(2);
	test_kept();
	test_tsc_aux();
	test_read_only();
	test_tsc();
	test_machine_check();
	test_probed();
	test_speculation();
	test_pat();
	test_efer();
	test_unknown();
	test_apic_rows();
	test_os_id();
	test_hypercall_page();
	test_hypercall_gpfn();
	test_assist_page();
	test_synic();
	test_message_page();
	test_reference();
	test_hypercall_locked();
}
