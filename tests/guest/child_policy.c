/* SPDX-License-Identifier: MIT */
/*
 * CPUID and MSRs as a child sees them: its own data, consistent, without what
 * its parent disabled; what it does not know faults, is ignored, or goes to
 * its parent. The child runs one instruction at a time.
 * machines: svm-smp1-bios vmx-smp1 ryzen-smp1
 */
#include "base/assert.h"
#include "hv/cpuid.h"
#include "hv/hypercall.h"
#include "hv/msr.h"
#include "lib/string.h"
#include "tests/guest/lib/child_code.h"
#include "tests/guest/lib/child_vp.h"
#include "tests/guest/lib/message.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/msr.h"

#define RAM    (4 * MIB)

#define REG(n) (HV_X64_REGISTER_RAX + (n))
#define RAX    REG(0)
#define RCX    REG(1)
#define RDX    REG(2)
#define RBX    REG(3)
#define X2APIC BIT(21)
#define XSAVE  BIT(26)

static u64 id;
static u8 *ram;
static struct hv_message m;
static bool started;

static void begin(void)
{
	id = child_of(code_probe, RAM, &ram);
	child_gate(ram, VEC_GP, CHILD_CODE + CODE_PROBE_FAULT);
	started = false;
}

static u16 port(void)
{
	const struct hv_io_intercept *io = (const void *)m.payload;

	return m.header.type == HV_MESSAGE_IO_PORT ? io->port : 0;
}

/* Runs the instruction at @offset, until the OUT behind it or what comes before. */
static bool probe(u32 offset)
{
	child_register_set(id, 0, REG(4), CHILD_STACK);
	child_register_set(id, 0, HV_X64_REGISTER_RIP, CHILD_CODE + offset);
	if (started)
		child_resume(id, 0);
	else
		child_release(id, 0);
	started = true;
	guest_message_wait(&m);
	return port() == 0x80;
}

static bool reads(u32 msr, u64 *v)
{
	child_register_set(id, 0, RCX, msr);
	if (!probe(0))
		return false;
	*v = (u32)child_register(id, 0, RAX) | child_register(id, 0, RDX) << 32;
	return true;
}

static bool writes(u32 msr, u64 v)
{
	child_register_set(id, 0, RCX, msr);
	child_register_set(id, 0, RAX, (u32)v);
	child_register_set(id, 0, RDX, v >> 32);
	return probe(CODE_PROBE_WRITE);
}

static bool is_gp(void)
{
	return port() == 0x81;
}

static struct cpuid_regs leaf(u32 n, u32 sub)
{
	child_register_set(id, 0, RAX, n);
	child_register_set(id, 0, RCX, sub);
	assert(probe(CODE_PROBE_CPUID));
	return (struct cpuid_regs){ (u32)child_register(id, 0, RAX),
		(u32)child_register(id, 0, RBX), (u32)child_register(id, 0, RCX),
		(u32)child_register(id, 0, RDX) };
}

static bool is_intel(void)
{
	return cpuid(0, 0).ebx == CPUID_INTEL_EBX;
}

static void test_constants(void)
{
	static const struct {
		const char *what;
		u32 msr;
		u64 v;
		u8 who; /* 1 Intel, 2 AMD */
	} rows[] = {
		{ "platform-id", MSR_PLATFORM_ID, 0, 1 },
		{ "feature-control", MSR_FEATURE_CONTROL, 1, 1 },
		{ "mtrr-cap", MSR_MTRR_CAP, 0x100, 3 },
		{ "mcg-cap", MSR_MCG_CAP, 0, 3 },
		{ "mcg-status", MSR_MCG_STATUS, 0, 3 },
		{ "misc-enable", MSR_MISC_ENABLE, 0x1801, 1 },
		{ "debugctl", MSR_DEBUGCTL, 0, 3 },
		{ "mtrr-64k", MSR_MTRR_FIX64K_00000, 0x0606060606060606, 3 },
		{ "mtrr-16k", MSR_MTRR_FIX16K_A0000, 0x0606060606060606, 3 },
		{ "mtrr-4k", 0x26f, 0x0606060606060606, 3 },
		{ "mtrr-type", MSR_MTRR_DEF_TYPE, 0xc06, 3 },
		{ "apic-base", MSR_APIC_BASE, 0xfee00900, 3 },
		{ "pat", MSR_PAT, PAT_RESET, 3 },
		{ "syscfg", MSR_AMD_SYSCFG, 0, 2 },
		{ "hwcr", MSR_AMD_HWCR, BIT(24), 2 },
		{ "nb-cfg", MSR_AMD_NB_CFG, 0, 2 },
		{ "int-pending", MSR_AMD_INT_PENDING, 0, 2 },
		{ "vp-index", HV_MSR_VP_INDEX, 0, 3 },
		{ "apic-frequency", HV_MSR_APIC_FREQUENCY, 200000000, 3 },
		{ "sversion", HV_MSR_SVERSION, 1, 3 },
		{ "sint3", HV_MSR_SINT(3), HV_SINT_MASKED, 3 },
	};
	u8 us = is_intel() ? 1 : 2;

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		bool there = rows[i].who & us;
		u64 v = ~0ull;

		if (there)
			guest_check(
				reads(rows[i].msr, &v) && v == rows[i].v, rows[i].what, "%lx", v);
		else
			guest_check(!reads(rows[i].msr, &v) && is_gp(), rows[i].what, "%lx", v);
	}
}

static void test_clocks(void)
{
	u64 before = rdtsc(), v = 0, w = 0;

	guest_check(reads(MSR_TSC, &v) && v > before && v < rdtsc(), "tsc");
	guest_check(!writes(MSR_TSC, 0) && is_gp(), "tsc-write");
	guest_check(
		reads(HV_MSR_TSC_FREQUENCY, &v) && v == guest_tsc_hz(), "tsc-frequency", "%lu", v);
	guest_check(reads(HV_MSR_TIME_REF_COUNT, &v) && reads(HV_MSR_TIME_REF_COUNT, &w) && w > v,
		"time-ref-count");
}

/* Written, it is so for the child and not for us; the parent finds it, too. */
static void test_kept(void)
{
	static const struct {
		const char *what;
		u32 msr;
		u32 name;
		u64 v;
	} rows[] = {
		{ "sysenter-eip", MSR_SYSENTER_EIP, HV_X64_REGISTER_SYSENTER_EIP, 0x123456789000 },
		{ "star", MSR_STAR, HV_X64_REGISTER_STAR, 0x0013000800000000 },
		{ "lstar", MSR_LSTAR, HV_X64_REGISTER_LSTAR, 0xffffffff80001000 },
		{ "sfmask", MSR_SFMASK, HV_X64_REGISTER_SFMASK, 0x700 },
		{ "kernel-gs", MSR_KERNEL_GS_BASE, HV_X64_REGISTER_KERNEL_GS_BASE, 0x7000 },
		{ "pat-kept", MSR_PAT, HV_X64_REGISTER_PAT, 0x0007010600070106 },
		{ "efer", MSR_EFER, HV_X64_REGISTER_EFER,
			EFER_LME | EFER_LMA | EFER_SCE | EFER_NXE },
		{ "scontrol", HV_MSR_SCONTROL, HV_REGISTER_SCONTROL, 1 },
		{ "sint2", HV_MSR_SINT(2), HV_REGISTER_SINT0 + 2, 0x10035 },
		{ "os-id", HV_MSR_GUEST_OS_ID, HV_REGISTER_GUEST_OS_ID, 0x8100 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 v = ~0ull;
		bool ok = writes(rows[i].msr, rows[i].v) && reads(rows[i].msr, &v) &&
			  v == rows[i].v && child_register(id, 0, rows[i].name) == rows[i].v;

		guest_check(ok, rows[i].what, "%lx", v);
	}
	guest_check(msr_read(MSR_LSTAR) != rows[2].v && msr_read(MSR_STAR) != rows[1].v,
		"kept-from-us");
	guest_check(!writes(MSR_PAT, 2) && is_gp(), "pat-refused");
	guest_check(!writes(MSR_EFER, EFER_LME | EFER_SVME) && is_gp(), "efer-refused");
	guest_check(writes(MSR_MTRR_DEF_TYPE, 0), "mtrr-type-dropped");
}

static const u32 unknown[] = { 0xce, MSR_SPEC_CTRL, MSR_PRED_CMD, MSR_TSC_ADJUST,
	MSR_ARCH_CAPABILITIES, 0x140, 0x200, 0x201, 0x20f, 0x38d, MSR_XSS, 0x606, 0xc0000104,
	0xc0010000, MSR_AMD_VM_CR, 0xc0011029 };

static void test_unknown(void)
{
	u64 v;

	for (u32 i = 0; i < ARRAY_SIZE(unknown); i++)
		if (reads(unknown[i], &v) || !is_gp() || writes(unknown[i], 0) || !is_gp())
			guest_fail("unknown", "%x", unknown[i]);
	guest_check(!reads(HV_MSR_RESET, &v) && is_gp(), "unknown-synthetic");
	assert(child_set(id, HV_PROPERTY_UNIMPLEMENTED_MSR, 1) == HV_STATUS_SUCCESS);
	for (u32 i = 0; i < ARRAY_SIZE(unknown); i++)
		if (!writes(unknown[i], 5) || !reads(unknown[i], &v) || v != 0)
			guest_fail("ignored", "%x", unknown[i]);
	guest_check(!reads(HV_MSR_RESET, &v) && is_gp(), "ignored-synthetic");
	assert(child_set(id, HV_PROPERTY_UNIMPLEMENTED_MSR, 0) == HV_STATUS_SUCCESS);
}

static void test_intercepted(void)
{
	const struct hv_msr_intercept *x = (const void *)m.payload;
	u64 v;

	assert(child_install(id, HV_INTERCEPT_MSR, HV_INTERCEPT_READ, 0) == HV_STATUS_SUCCESS);
	guest_check(!reads(0xce, &v) && m.header.type == HV_MESSAGE_MSR && x->msr == 0xce &&
			    x->header.access == HV_ACCESS_READ &&
			    HV_INTERCEPT_LENGTH(&x->header) == 2,
		"intercept-read", "%x", m.header.type);
	guest_check(!writes(0xce, 1) && is_gp(), "intercept-not-write");
	assert(child_install(id, HV_INTERCEPT_MSR, HV_INTERCEPT_WRITE, 0) == HV_STATUS_SUCCESS);
	guest_check(!writes(0xce, 0x500000007) && m.header.type == HV_MESSAGE_MSR && x->rax == 7 &&
			    x->rdx == 5 && x->header.access == HV_ACCESS_WRITE,
		"intercept-write");
	assert(child_install(id, HV_INTERCEPT_MSR, 0, 0) == HV_STATUS_SUCCESS);
}

static void test_cpuid(void)
{
	struct cpuid_regs r = leaf(0, 0), ours = cpuid(0, 0);

	guest_check(r.eax <= 0xd && r.ebx == ours.ebx && r.ecx == ours.ecx && r.edx == ours.edx,
		"cpuid-vendor");
	r = leaf(1, 0);
	ours = cpuid(1, 0);
	guest_check(r.eax == ours.eax, "cpuid-signature");
	guest_check(r.ebx >> 24 == 0 && (r.ebx >> 16 & 0xff) == 1 && !(r.edx & BIT(28)),
		"cpuid-one-vp", "%x %x", r.ebx, r.edx);
	guest_check(r.ecx & BIT(31) && r.ecx & X2APIC && !(r.ecx & BIT(27)), "cpuid-features", "%x",
		r.ecx);
	r = leaf(7, 0);
	guest_check(!(r.edx & (BIT(26) | BIT(27) | BIT(31))), "cpuid-no-spec-ctrl");
	r = leaf(0xb, 0);
	guest_check(r.ebx == 1 && r.ecx == 0x100 && r.edx == 0, "cpuid-threads");
	r = leaf(0xb, 1);
	guest_check(r.ebx == 1 && r.ecx == 0x201 && r.edx == 0, "cpuid-cores", "%x", r.ebx);
	r = leaf(0x80000008, 0);
	guest_check((r.eax >> 8 & 0xff) == 48 && (u8)r.eax == (u8)cpuid(0x80000008, 0).eax &&
			    (is_intel() || (u8)r.ecx == 0),
		"cpuid-addresses", "%x", r.eax);
	r = leaf(HV_CPUID_FEATURES, 0);
	guest_check(r.eax == 0x877 && r.ebx == 0x30 && r.edx == 0x110, "cpuid-privileges", "%x %x",
		r.eax, r.ebx);
	r = leaf(HV_CPUID_HINTS, 0);
	guest_check(r.eax == 0xe2c && r.ebx == 0xfff, "cpuid-hints", "%x %x", r.eax, r.ebx);
	r = leaf(0x4000000b, 0);
	guest_check(!(r.eax | r.ebx | r.ecx | r.edx), "cpuid-none");
}

static void test_xsave(void)
{
	bool there = leaf(1, 0).ecx & XSAVE;
	struct cpuid_regs r = leaf(0xd, 0);
	u64 states = 0;
	u32 size = 576;

	assert(child_get(id, HV_PROPERTY_XSAVE_STATES, &states) == HV_STATUS_SUCCESS);
	guest_check(there == (states != 0) && (r.eax | (u64)r.edx << 32) == states, "xsave-states",
		"%lx", states);
	if (!there)
		return;
	guest_check(r.ebx == 576, "xsave-now", "%u", r.ebx);
	for (u32 i = 2; i < 8; i++)
		if (states >> i & 1)
			size = MAX(size, leaf(0xd, i).eax + leaf(0xd, i).ebx);
	guest_check(r.ecx == size, "xsave-all", "%u", r.ecx);
	child_register_set(id, 0, HV_X64_REGISTER_XFEM, states);
	guest_check(leaf(0xd, 0).ebx == size, "xsave-follows", "%u", leaf(0xd, 0).ebx);
	r = leaf(0xd, 8);
	guest_check(!(r.eax | r.ebx | r.ecx | r.edx), "xsave-none");
}

/* By OSXSAVE in CR4, and with a second VP. */
static void test_changing(void)
{
	u64 cr4 = child_register(id, 0, HV_X64_REGISTER_CR4);
	struct cpuid_regs r;

	if (leaf(1, 0).ecx & XSAVE) {
		child_register_set(id, 0, HV_X64_REGISTER_CR4, cr4 | CR4_OSXSAVE);
		guest_check(leaf(1, 0).ecx & BIT(27), "osxsave");
	}
	child_add_vp(id, 1, CHILD_CODE, CHILD_STACK - 0x800);
	r = leaf(1, 0);
	guest_check((r.ebx >> 16 & 0xff) == 2 && r.edx & BIT(28), "two-vps", "%x", r.ebx);
	r = leaf(0xb, 1);
	guest_check(r.eax == 1 && r.ebx == 2, "two-cores");
}

/* What the parent disables is gone from CPUID, from its own list, and from CR4. */
static void test_disabled(void)
{
	u64 features = 0, states = 0;
	struct hv_register_assoc smep = {
		.name = HV_X64_REGISTER_CR4,
		.value = { .u64 = CR4_PAE | CR4_SMEP },
	};

	child_input.properties.disabled_processor_features[0] = BIT(4) | BIT(23) | BIT(38);
	child_input.properties.disabled_xsave_features = BIT(2);
	child_input.flags &= ~(u64)HV_CREATE_X2APIC;
	begin();
	child_input.properties = (struct hv_creation_properties){ { 0, 0 }, 0 };
	child_input.flags |= HV_CREATE_X2APIC;
	guest_check(!(leaf(1, 0).ecx & (BIT(20) | BIT(28) | BIT(12) | X2APIC)), "disabled-1", "%x",
		leaf(1, 0).ecx);
	guest_check(!(leaf(7, 0).ebx & (BIT(7) | BIT(5))), "disabled-7");
	guest_check(!(leaf(0x80000001, 0).edx & BIT(27)), "disabled-rdtscp");
	guest_check(child_get(id, HV_PROPERTY_PROCESSOR_FEATURES_0, &features) == 0 && features &&
			    !(features & (BIT(4) | BIT(23) | BIT(38))),
		"disabled-property", "%lx", features);
	guest_check(child_get(id, HV_PROPERTY_XSAVE_STATES, &states) == 0 && !(states & 4),
		"disabled-state");
	guest_check(child_set_registers(id, 0, &smep, 1) == HV_STATUS_INVALID_REGISTER_VALUE,
		"disabled-smep");
	guest_check(!writes(MSR_TSC_AUX, 1) == !(leaf(7, 0).ecx & BIT(22)), "disabled-tsc-aux");
	child_end(id);
}

void guest_main(void)
{
	guest_messages_init();
	begin();
	test_constants();
	test_clocks();
	test_kept();
	test_unknown();
	test_intercepted();
	test_cpuid();
	test_xsave();
	test_changing();
	child_end(id);
	test_disabled();
}
