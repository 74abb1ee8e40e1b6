/* SPDX-License-Identifier: MIT */
/*
 * Registers of a child's VPs by hypercall: each name set and read back, at
 * rest and after a stay in the child; what the child changes; each refusal;
 * states that no processor enters; and nothing of it in the root's registers.
 * machines: svm-smp1-bios vmx-smp1 ryzen-smp1
 */
#include "base/assert.h"
#include "hv/hypercall.h"
#include "lib/format.h"
#include "lib/string.h"
#include "tests/guest/lib/child_code.h"
#include "tests/guest/lib/child_vp.h"
#include "tests/guest/lib/message.h"
#include "tests/guest/lib/sleep.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/msr.h"
#include "x86/xsave.h"

#define RAM    (4 * MIB)

#define X64(n) HV_X64_REGISTER_##n

static u64 id;
static u8 *ram;

static enum hv_status set(u32 name, u64 low, u64 high)
{
	struct hv_register_assoc one = { .name = name, .value = { .wide = { low, high } } };

	return HV_RESULT_STATUS(child_set_registers(id, 0, &one, 1));
}

static union hv_register_value get(u32 name)
{
	union hv_register_value v = { .wide = { ~0ull, ~0ull } };

	if (child_get_registers(id, 0, &name, &v, 1) != CHILD_DONE(1))
		guest_fail("get", "name %x", name);
	return v;
}

/* Values that every processor takes, and that no run of OUT changes. */
#define SEG(base, limit, selector, attributes)                                  \
	{                                                                       \
		base, (u64)(attributes) << 48 | (u64)(selector) << 32 | (limit) \
	}
#define TABLE(base, limit)               \
	{                                \
		(u64)(limit) << 48, base \
	}
#define ST(n)                                          \
	{                                              \
		0x8000000000000000 | (n), 0x3fff + (n) \
	}
static const struct row {
	const char *what;
	u32 name;
	u64 v[2];
} rows[] = {
	{ "rax", X64(RAX), { 0x1111111111111111 } },
	{ "rcx", X64(RAX) + 1, { 0x1111111111111112 } },
	{ "rdx", X64(RAX) + 2, { 0x1111111111111113 } },
	{ "rbx", X64(RAX) + 3, { 0x1111111111111114 } },
	{ "rsp", X64(RAX) + 4, { CHILD_STACK - 64 } },
	{ "rbp", X64(RAX) + 5, { 0x1111111111111116 } },
	{ "rsi", X64(RAX) + 6, { 0x1111111111111117 } },
	{ "rdi", X64(RAX) + 7, { 0x1111111111111118 } },
	{ "r8", X64(RAX) + 8, { 0x1111111111111119 } },
	{ "r15", X64(R15), { 0x111111111111111a } },
	{ "rip", X64(RIP), { CHILD_CODE } },
	{ "rflags", X64(RFLAGS), { 0x240cd7 } },
	{ "xmm0", X64(XMM0), { 0x2222222222222222, 0x3333333333333333 } },
	{ "xmm15", X64(XMM15), { 0x4444444444444444, 0x5555555555555555 } },
	{ "st0", X64(FP_MMX0), ST(1) },
	{ "st7", X64(FP_MMX7), ST(8) },
	/* FCW 0x27f, FSW with TOP 1, all in use. */
	{ "fp-control", X64(FP_CONTROL), { 0xff0800027f } },
	{ "cr0", X64(CR0), { CR0_PE | CR0_PG | CR0_NE | CR0_ET | CR0_MP | CR0_WP | CR0_AM } },
	{ "cr2", X64(CR2), { 0xffff812345678901 } },
	{ "cr3", X64(CR3), { CHILD_TABLES | 0x18 } },
	{ "cr4", X64(CR4), { CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_PGE | CR4_MCE } },
	{ "cr8", X64(CR8), { 9 } },
	{ "dr0", X64(DR0), { 0x7ff000 } },
	{ "dr1", X64(DR0) + 1, { 0x7ff100 } },
	{ "dr2", X64(DR0) + 2, { 0x7ff200 } },
	{ "dr3", X64(DR3), { 0xffff800000001234 } },
	{ "dr6", X64(DR6), { 0xffff4ff1 } },
	{ "dr7", X64(DR7), { 0x402 } },
	{ "es", X64(ES), SEG(0, 0xffffffff, 0x10, 0xc093) },
	{ "cs", X64(CS), SEG(0, 0xffffffff, 8, 0xa09b) },
	{ "ss", X64(SS), SEG(0, 0xffffffff, 0x10, 0xc093) },
	{ "ds", X64(DS), SEG(0x1000, 0xfffff, 0x18, 0x0093) },
	{ "fs", X64(FS), SEG(0x7f1234567000, 0xffffffff, 0x10, 0xc093) },
	{ "gs", X64(GS), SEG(0xffff888000000000, 0xffffffff, 0x10, 0xc093) },
	{ "ldtr", X64(LDTR), SEG(0x30000, 0xfff, 0x20, 0x0082) },
	{ "tr", X64(TR), SEG(0xffff800000031000, 0x67, 0x28, 0x008b) },
	{ "idtr", X64(IDTR), TABLE(CHILD_IDT, 0xffe) },
	{ "gdtr", X64(GDTR), TABLE(0xffff800000004000, 0x17) },
	{ "efer", X64(EFER), { EFER_LME | EFER_LMA | EFER_NXE | EFER_SCE } },
	{ "kernel-gs-base", X64(KERNEL_GS_BASE), { 0xffffc90000000000 } },
	{ "pat", X64(PAT), { 0x0007010600070106 } },
	{ "sysenter-cs", X64(SYSENTER_CS), { 0x10 } },
	{ "sysenter-eip", X64(SYSENTER_EIP), { 0xffffffff81000000 } },
	{ "sysenter-esp", X64(SYSENTER_ESP), { 0xffff812345678000 } },
	{ "star", X64(STAR), { 0x0023001000000000 } },
	{ "lstar", X64(LSTAR), { 0xffffffff81234567 } },
	{ "cstar", X64(CSTAR), { 0xffffffff81234568 } },
	{ "sfmask", X64(SFMASK), { 0x47700 } },
	{ "apic-base", X64(APIC_BASE), { 0xfee00900 } },
	{ "apic-id", X64(INITIAL_APIC_ID), { 0 } },
	{ "spec-ctrl", X64(SPEC_CTRL), { 0 } },
	{ "nmi-masked", HV_REGISTER_INTERRUPT_STATE, { HV_INTERRUPT_STATE_NMI_MASKED } },
	{ "os-id", HV_REGISTER_GUEST_OS_ID, { 0x8100000601000000 } },
	{ "hypercall", HV_REGISTER_HYPERCALL, { 0x41001 } },
	{ "assist-page", HV_REGISTER_VP_ASSIST_PAGE, { 0x42001 } },
	{ "sint0", HV_REGISTER_SINT0, { 0x10031 } },
	{ "sint15", HV_REGISTER_SINT15, { 0x45 } },
	{ "scontrol", HV_REGISTER_SCONTROL, { 1 } },
	{ "siefp", HV_REGISTER_SIEFP, { 0x43001 } },
	{ "simp", HV_REGISTER_SIMP, { 0x44001 } },
};

static bool is_same(const struct row *row)
{
	union hv_register_value v = get(row->name);

	if (v.wide[0] == row->v[0] && v.wide[1] == row->v[1])
		return true;
	guest_print("%s: %lx %lx, not %lx %lx\r\n", row->what, v.wide[0], v.wide[1], row->v[0],
		row->v[1]);
	return false;
}

static void check_all(const char *when)
{
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		char name[48];

		format(name, sizeof(name), "%s-%s", when, rows[i].what);
		guest_check(is_same(&rows[i]), name);
	}
}

/* What the root has in the same registers. */
struct own {
	u64 msrs[7];
	u64 cr2, dr[4];
	u8 fpu[FXSAVE_SIZE] __aligned(16);
};

static void own_read(struct own *o)
{
	static const u32 msrs[] = { MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SFMASK, MSR_KERNEL_GS_BASE,
		MSR_SYSENTER_ESP, MSR_PAT };

	memset(o, 0, sizeof(*o));
	for (u32 i = 0; i < ARRAY_SIZE(msrs); i++)
		o->msrs[i] = msr_read(msrs[i]);
	o->cr2 = cr2_read();
	o->dr[0] = dr0_read();
	o->dr[1] = dr1_read();
	o->dr[2] = dr2_read();
	o->dr[3] = dr3_read();
	fxsave(o->fpu);
}

static struct hv_message m;

static void run(void)
{
	child_release(id, 0);
	guest_message_wait(&m);
}

static void again(void)
{
	child_resume(id, 0);
	guest_message_wait(&m);
}

static void test_round_trip(void)
{
	static struct own before, after;
	bool ok = true;

	id = child_of(code_out, RAM, &ram);
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		if (set(rows[i].name, rows[i].v[0], rows[i].v[1]) != HV_STATUS_SUCCESS) {
			guest_fail("set", "%s", rows[i].what);
			ok = false;
		}
	guest_check(ok, "set-all");
	check_all("rest");
	dr0_write(0x1230);
	cr2_write(0x4560);
	msr_write(MSR_KERNEL_GS_BASE, 0x7890);
	own_read(&before);
	run();
	own_read(&after);
	guest_check(m.header.type == HV_MESSAGE_IO_PORT, "ran", "%x", m.header.type);
	check_all("ran");
	guest_check(memcmp(before.msrs, after.msrs, sizeof(before.msrs)) == 0, "own-msrs");
	guest_check(before.cr2 == after.cr2, "own-cr2", "%lx", after.cr2);
	guest_check(memcmp(before.dr, after.dr, sizeof(before.dr)) == 0, "own-dr");
	guest_check(memcmp(before.fpu, after.fpu, sizeof(before.fpu)) == 0, "own-fpu");
	again();
	check_all("twice");
	child_end(id);
}

/* Those that have fewer values, or more, by the processor. */
static void test_optional(void)
{
	u64 states = 0;

	id = child_of(code_out, RAM, &ram);
	child_get(id, HV_PROPERTY_XSAVE_STATES, &states);
	for (u64 v = 0; v < 8; v++) {
		bool good = v == 1 || ((v == 3 || v == 7) && !(v & ~states));
		enum hv_status status = set(X64(XFEM), v, 0);

		if (status != (good ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_REGISTER_VALUE) ||
			(good && get(X64(XFEM)).u64 != v))
			guest_fail("xfem", "%lx of %lx: %x", v, states, status);
	}
	run();
	guest_check(get(X64(XFEM)).u64 == (states & 7 ? states & 7 : 1), "xfem", "%lx",
		get(X64(XFEM)).u64);
	guest_check(set(X64(TSC_AUX), 0x12345678, 0) ==
			    (cpuid(0x80000001, 0).edx & BIT(27) ? HV_STATUS_SUCCESS
								: HV_STATUS_INVALID_REGISTER_VALUE),
		"tsc-aux");
	/* FOP, FIP and FDP are kept where they are, not everywhere by the processor. */
	guest_check(set(X64(FP_CONTROL), 0x07f900ff0800027f, 0x1234567890) == HV_STATUS_SUCCESS &&
			    get(X64(FP_CONTROL)).wide[1] == 0x1234567890,
		"fp-pointers");
	guest_check(set(X64(XMM_CONTROL), 0x4321, 0x9fc0) == HV_STATUS_SUCCESS &&
			    get(X64(XMM_CONTROL)).wide[0] == 0x4321 &&
			    (u32)get(X64(XMM_CONTROL)).wide[1] == 0x9fc0,
		"xmm-control");
	again();
	guest_check((u32)get(X64(XMM_CONTROL)).wide[1] == 0x9fc0, "mxcsr-after-run");
	child_end(id);
}

/* What a VP has before anybody set anything. */
static void test_reset(void)
{
	static const struct row reset[] = {
		{ "rip", X64(RIP), { 0xfff0 } },
		{ "rflags", X64(RFLAGS), { 2 } },
		{ "cr0", X64(CR0), { 0x60000010 } },
		{ "cs", X64(CS), SEG(0xffff0000, 0xffff, 0xf000, 0x9b) },
		{ "xmm7", X64(XMM0) + 7, { 0, 0 } },
		{ "st3", X64(FP_MMX0) + 3, { 0, 0 } },
		{ "fp-control", X64(FP_CONTROL), { 0x37f, 0 } },
		{ "dr6", X64(DR6), { 0xffff0ff0 } },
		{ "dr7", X64(DR7), { 0x400 } },
		{ "efer", X64(EFER), { 0 } },
		{ "xfem", X64(XFEM), { 1 } },
		{ "pat", X64(PAT), { PAT_RESET } },
		{ "sint5", HV_REGISTER_SINT0 + 5, { 0x10000 } },
		{ "apic-base", X64(APIC_BASE), { 0xfee00900 } },
		{ "explicit", HV_REGISTER_EXPLICIT_SUSPEND, { 1 } },
		{ "intercept", HV_REGISTER_INTERCEPT_SUSPEND, { 0 } },
		{ "activity", HV_REGISTER_INTERNAL_ACTIVITY, { 0 } },
		{ "index", HV_REGISTER_VP_INDEX, { 0 } },
		{ "sversion", HV_REGISTER_SVERSION, { 1 } },
	};

	id = child_make(40);
	assert(child_create_vp(id, 0) == HV_STATUS_SUCCESS);
	for (u32 i = 0; i < ARRAY_SIZE(reset); i++) {
		char name[48];
		struct row row = reset[i];

		/* VT-x has the code segment of reset as real mode has it. */
		if (row.name == X64(CS) && guest_is_vmx())
			row.v[1] = (row.v[1] & ~(0xffull << 48)) | 0x93ull << 48;
		format(name, sizeof(name), "reset-%s", row.what);
		guest_check(is_same(&row), name);
	}
	child_end(id);
}

/* One row for each check that there is. */
static const struct {
	const char *what;
	u32 name;
	u64 v[2];
	u32 status;
} bad[] = {
	{ "unknown-2", 2, { 0 }, HV_STATUS_UNKNOWN_REGISTER_NAME },
	{ "unknown-gpr", 0x00020012, { 0 }, HV_STATUS_UNKNOWN_REGISTER_NAME },
	{ "unknown-high", 0xffffffff, { 0 }, HV_STATUS_UNKNOWN_REGISTER_NAME },
	{ "tsc", X64(TSC), { 0 }, HV_STATUS_ACCESS_DENIED },
	{ "runtime", HV_REGISTER_VP_RUNTIME, { 0 }, HV_STATUS_ACCESS_DENIED },
	{ "vp-index", HV_REGISTER_VP_INDEX, { 0 }, HV_STATUS_ACCESS_DENIED },
	{ "ref-count", HV_REGISTER_TIME_REF_COUNT, { 0 }, HV_STATUS_ACCESS_DENIED },
	{ "sversion", HV_REGISTER_SVERSION, { 1 }, HV_STATUS_ACCESS_DENIED },
#define VALUE HV_STATUS_INVALID_REGISTER_VALUE
	{ "explicit-2", HV_REGISTER_EXPLICIT_SUSPEND, { 2 }, VALUE },
	{ "intercept-1", HV_REGISTER_INTERCEPT_SUSPEND, { 1 }, VALUE },
	{ "activity-8", HV_REGISTER_INTERNAL_ACTIVITY, { 8 }, VALUE },
	{ "pending-type", HV_REGISTER_PENDING_INTERRUPTION, { 1 | 1 << 1 }, VALUE },
	{ "pending-nmi", HV_REGISTER_PENDING_INTERRUPTION, { 1 | 2 << 1 | 3 << 16 }, VALUE },
	{ "pending-15", HV_REGISTER_PENDING_INTERRUPTION, { 1 | 3 << 1 | 15 << 16 }, VALUE },
	{ "pending-wide", HV_REGISTER_PENDING_INTERRUPTION, { 1 | 0x100 << 16 }, VALUE },
	{ "interrupt-state", HV_REGISTER_INTERRUPT_STATE, { 4 }, VALUE },
	{ "rip", X64(RIP), { 0x1000000000000 }, VALUE },
	{ "rflags-1", X64(RFLAGS), { 0 }, VALUE },
	{ "rflags-3", X64(RFLAGS), { 0xa }, VALUE },
	{ "rflags-high", X64(RFLAGS), { 0x400002 }, VALUE },
	{ "st-reserved", X64(FP_MMX0), { 0, 0x10000 }, VALUE },
	{ "fp-reserved", X64(FP_CONTROL), { 0x10000000000 }, VALUE },
	{ "mxcsr", X64(XMM_CONTROL), { 0, 0x80000000 }, VALUE },
	{ "cr0-high", X64(CR0), { 0x100000011 }, VALUE },
	{ "cr0-unknown", X64(CR0), { 0x91 }, VALUE },
	{ "cr0-pg", X64(CR0), { CR0_PG | CR0_ET }, VALUE },
	{ "cr0-nw", X64(CR0), { CR0_NW | CR0_ET | CR0_PE }, VALUE },
	{ "cr3-high", X64(CR3), { BIT(60) }, VALUE },
	{ "cr4-vmxe", X64(CR4), { CR4_VMXE }, VALUE },
	{ "cr4-high", X64(CR4), { BIT(32) }, VALUE },
	{ "cr8", X64(CR8), { 16 }, VALUE },
	{ "dr6", X64(DR6), { BIT(32) }, VALUE },
	{ "dr7", X64(DR7), { BIT(32) }, VALUE },
	{ "cs-absent", X64(CS), SEG(0, 0xffff, 8, 0x1b), VALUE },
	{ "cs-system", X64(CS), SEG(0, 0xffff, 8, 0x8b), VALUE },
	{ "cs-read-only", X64(CS), SEG(0, 0xffff, 8, 0x91), VALUE },
	{ "cs-base", X64(CS), SEG(BIT(32), 0xffff, 8, 0x9b), VALUE },
	{ "ss-code", X64(SS), SEG(0, 0xffff, 8, 0x9b), VALUE },
	{ "ss-read-only", X64(SS), SEG(0, 0xffff, 8, 0x91), VALUE },
	{ "ds-execute-only", X64(DS), SEG(0, 0xffff, 8, 0x99), VALUE },
	{ "es-limit", X64(ES), SEG(0, 0x100000, 8, 0x93), VALUE },
	{ "es-granularity", X64(ES), SEG(0, 0xfff00000, 8, 0x8093), VALUE },
	{ "es-reserved", X64(ES), SEG(0, 0xffff, 8, 0x193), VALUE },
	{ "fs-base", X64(FS), SEG(0x800000000000, 0xffff, 8, 0x93), VALUE },
	{ "ldtr-type", X64(LDTR), SEG(0, 0xffff, 8, 0x83), VALUE },
	{ "tr-absent", X64(TR), SEG(0, 0xffff, 8, 0x0b), VALUE },
	{ "tr-local", X64(TR), SEG(0, 0xffff, 12, 0x8b), VALUE },
	{ "gdtr-base", X64(GDTR), TABLE(0x800000000000, 0xff), VALUE },
	{ "idtr-pad", X64(IDTR), { 1, 0 }, VALUE },
	{ "efer-svme", X64(EFER), { EFER_SVME }, VALUE },
	{ "efer-high", X64(EFER), { BIT(63) }, VALUE },
	{ "gs-base", X64(KERNEL_GS_BASE), { 0x800000000000 }, VALUE },
	{ "apic-base-move", X64(APIC_BASE), { 0xfef00900 }, VALUE },
	{ "pat", X64(PAT), { 2 }, VALUE },
	{ "sysenter-cs", X64(SYSENTER_CS), { BIT(32) }, VALUE },
	{ "sysenter-eip", X64(SYSENTER_EIP), { 0x800000000000 }, VALUE },
	{ "sysenter-esp", X64(SYSENTER_ESP), { 0x800000000000 }, VALUE },
	{ "lstar", X64(LSTAR), { 0x800000000000 }, VALUE },
	{ "cstar", X64(CSTAR), { 0x800000000000 }, VALUE },
	{ "sfmask", X64(SFMASK), { BIT(32) }, VALUE },
	{ "apic-id", X64(INITIAL_APIC_ID), { 1 }, VALUE },
	{ "tsc-aux", X64(TSC_AUX), { BIT(32) }, VALUE },
	{ "spec-ctrl", X64(SPEC_CTRL), { 1 }, VALUE },
	{ "sint-vector", HV_REGISTER_SINT0 + 2, { 15 }, VALUE },
};

static void test_refused(void)
{
	id = child_of(code_out, RAM, &ram);
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		bool known = bad[i].status != HV_STATUS_UNKNOWN_REGISTER_NAME;
		union hv_register_value before = { 0 }, after = { 0 };
		enum hv_status status;
		char name[48];

		/* Time goes on. */
		if (bad[i].status != HV_STATUS_ACCESS_DENIED && known)
			before = get(bad[i].name);
		status = set(bad[i].name, bad[i].v[0], bad[i].v[1]);
		if (bad[i].status != HV_STATUS_ACCESS_DENIED && known)
			after = get(bad[i].name);
		format(name, sizeof(name), "refused-%s", bad[i].what);
		guest_check(status == bad[i].status && memcmp(&before, &after, 16) == 0, name,
			"status %x", status);
	}
	run();
	guest_check(m.header.type == HV_MESSAGE_IO_PORT, "refused-runs");
	child_end(id);
}

/* A list ends at its first bad element, and says how far it came. */
static void test_lists(void)
{
	const struct hv_register_assoc list[] = {
		{ .name = X64(RAX), .value = { .u64 = 5 } },
		{ .name = X64(CR8), .value = { .u64 = 99 } },
		{ .name = X64(RAX) + 1, .value = { .u64 = 6 } },
	};
	const u32 names[] = { X64(RAX), X64(RAX) + 1, 0x1234, X64(RAX) };
	union hv_register_value v[4];
	u64 result;

	id = child_of(code_out, RAM, &ram);
	result = child_set_registers(id, 0, list, 3);
	guest_check(result == (CHILD_DONE(1) | HV_STATUS_INVALID_REGISTER_VALUE), "list-set", "%lx",
		result);
	result = child_get_registers(id, 0, names, v, 4);
	guest_check(result == (CHILD_DONE(2) | HV_STATUS_UNKNOWN_REGISTER_NAME) && v[0].u64 == 5 &&
			    v[1].u64 != 6,
		"list-get", "%lx", result);
	child_end(id);
}

/* The fixed part, each field wrong. */
static void test_header(void)
{
	static struct {
		struct hv_vp_registers_input in;
		struct hv_register_assoc e;
	} block;
	static const struct {
		const char *what;
		u64 partition;
		u32 vp;
		u8 vtl, reserved;
		u32 element;
		u32 status;
	} cases[] = {
		{ "partition", 999, 0, 0, 0, 0, HV_STATUS_INVALID_PARTITION_ID },
		{ "vp", 0, 1, 0, 0, 0, HV_STATUS_INVALID_VP_INDEX },
		{ "vp-64", 0, 64, 0, 0, 0, HV_STATUS_INVALID_VP_INDEX },
		{ "vtl", 0, 0, 1, 0, 0, HV_STATUS_INVALID_PARAMETER },
		{ "reserved", 0, 0, 0, 1, 0, HV_STATUS_INVALID_PARAMETER },
		{ "element", 0, 0, 0, 0, 1, HV_STATUS_INVALID_PARAMETER },
		{ "own-rax", HV_PARTITION_SELF, HV_VP_SELF, 0, 0, 0, HV_STATUS_ACCESS_DENIED },
		{ "own-other-vp", HV_PARTITION_SELF, 5, 0, 0, 0, HV_STATUS_ACCESS_DENIED },
	};

	id = child_of(code_out, RAM, &ram);
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		char name[48];
		u64 result;

		block.in = (struct hv_vp_registers_input){
			.partition_id = cases[i].partition ? cases[i].partition : id,
			.vp_index = cases[i].vp,
			.target_vtl = cases[i].vtl,
			.reserved = { 0, cases[i].reserved, 0 },
		};
		block.e = (struct hv_register_assoc){ .name = X64(RAX),
			.reserved = { 0, cases[i].element, 0 } };
		result = guest_hypercall_block(HV_CALL_SET_VP_REGISTERS | HV_CONTROL_REPS(1, 0),
			&block, sizeof(block), NULL, 0);
		format(name, sizeof(name), "header-%s", cases[i].what);
		guest_check(result == cases[i].status, name, "%lx", result);
	}
	child_end(id);
}

/* The root's own, as by MSR. */
static void test_own(void)
{
	const u32 name = HV_REGISTER_SINT0 + 7;
	struct hv_register_assoc e = { .name = name, .value = { .u64 = 0x10077 } };
	union hv_register_value v;

	guest_check(
		child_set_registers(HV_PARTITION_SELF, HV_VP_SELF, &e, 1) == CHILD_DONE(1) &&
			child_get_registers(HV_PARTITION_SELF, 0, &name, &v, 1) == CHILD_DONE(1) &&
			v.u64 == 0x10077,
		"own-sint");
	e.value.u64 = 3;
	guest_check(child_set_registers(HV_PARTITION_SELF, HV_VP_SELF, &e, 1) ==
			    HV_STATUS_INVALID_REGISTER_VALUE,
		"own-sint-vector");
}

static void test_running(void)
{
	const u32 rip = X64(RIP), intercept = HV_REGISTER_INTERCEPT_SUSPEND;
	union hv_register_value v;
	u64 at;

	id = child_of(code_count, RAM, &ram);
	child_register_set(id, 0, X64(RAX) + 7, CHILD_DATA);
	/* One emulator takes no interrupt while the child's own are off. */
	child_register_set(id, 0, X64(RFLAGS), RFLAGS_FIXED | RFLAGS_IF);
	child_release(id, 0);
	guest_sleep_us(2000);
	guest_check(child_get_registers(id, 0, &rip, &v, 1) == HV_STATUS_INVALID_VP_STATE,
		"running-get");
	guest_check(set(X64(RAX), 1, 0) == HV_STATUS_INVALID_VP_STATE, "running-set");
	guest_check(set(intercept, 0, 0) == HV_STATUS_INVALID_VP_STATE, "running-intercept");
	guest_check(child_get_registers(id, 0, &intercept, &v, 1) == CHILD_DONE(1) && v.u64 == 0,
		"running-get-intercept");
	guest_check(child_register(id, 0, HV_REGISTER_EXPLICIT_SUSPEND) == 0, "running-explicit");
	child_suspend(id, 0);
	at = get(rip).u64;
	guest_check(at >= CHILD_CODE && at < CHILD_CODE + 8, "suspended-rip", "%lx", at);
	guest_check(child_register(id, 0, HV_REGISTER_VP_RUNTIME) > 0, "suspended-runtime");
	child_end(id);
}

/* What the child does to its registers, its parent sees. */
static void test_changes(void)
{
	id = child_of(code_state, RAM, &ram);
	child_register_set(id, 0, X64(KERNEL_GS_BASE), 0xffff888000001000);
	assert(set(X64(XMM0) + 4, 0x77, 0x88) == HV_STATUS_SUCCESS);
	run();
	guest_check(get(X64(XMM0) + 3).wide[0] == ~0ull && get(X64(XMM0) + 3).wide[1] == ~0ull,
		"child-xmm3");
	guest_check(get(X64(XMM0) + 4).wide[0] == 0x77 && get(X64(XMM0) + 4).wide[1] == 0x88,
		"child-xmm4");
	guest_check(get(X64(FP_MMX0)).wide[0] == 0xc90fdaa22168c235 &&
			    get(X64(FP_MMX0)).wide[1] == 0x4000,
		"child-st0", "%lx %lx", get(X64(FP_MMX0)).wide[0], get(X64(FP_MMX0)).wide[1]);
	guest_check((get(X64(FP_CONTROL)).u64 >> 16 & 0x3800) == 0x3800, "child-fp-top");
	guest_check(get(X64(CR2)).u64 == 0x123456789000, "child-cr2");
	guest_check(get(X64(DR0) + 1).u64 == 0x123456789000, "child-dr1");
	guest_check(get(X64(GS)).segment.base == 0xffff888000001000, "child-gs");
	guest_check(get(X64(KERNEL_GS_BASE)).u64 == 0, "child-kernel-gs");
	guest_check(get(X64(LSTAR)).u64 == 0x1000, "child-lstar");
	guest_check(msr_read(MSR_LSTAR) != 0x1000, "child-not-root");
	child_end(id);
}

/* LME, PG and no PAE: each is good, together no processor enters them. */
static void test_contradiction(void)
{
	const struct hv_invalid_register *invalid = (const void *)m.payload;
	u64 cr4;

	id = child_of(code_out, RAM, &ram);
	cr4 = get(X64(CR4)).u64;
	guest_check(set(X64(CR4), cr4 & ~(u64)CR4_PAE, 0) == HV_STATUS_SUCCESS, "no-pae-set");
	run();
	guest_check(m.header.type == HV_MESSAGE_INVALID_REGISTER && invalid->vp_index == 0,
		"no-pae-message", "%x", m.header.type);
	guest_check(get(HV_REGISTER_INTERCEPT_SUSPEND).u64 == 1, "no-pae-waits");
	child_register_set(id, 0, X64(CR4), cr4);
	again();
	guest_check(m.header.type == HV_MESSAGE_IO_PORT, "no-pae-mended", "%x", m.header.type);
	child_end(id);
}

static void halt_check(const char *name, u64 count, u64 activity)
{
	u64 n = *(volatile u64 *)(void *)(ram + CHILD_DATA);
	u64 now = get(HV_REGISTER_INTERNAL_ACTIVITY).u64;

	guest_check(n == count && now == activity, name, "count %lu activity %lx", n, now);
}

/* A VP that halts, and is told not to; one that waits to be started is at rest. */
static void test_activity(void)
{
	const volatile u64 *count;

	id = child_of(code_halt, RAM, &ram);
	count = (const volatile u64 *)(void *)(ram + CHILD_DATA);
	child_register_set(id, 0, X64(RAX) + 7, CHILD_DATA);
	child_release(id, 0);
	guest_sleep_while(count, 0, 1000000);
	guest_sleep_us(1000);
	child_suspend(id, 0);
	halt_check("halted", 1, HV_ACTIVITY_HALT);
	child_register_set(id, 0, HV_REGISTER_INTERNAL_ACTIVITY, 0);
	child_release(id, 0);
	guest_sleep_while(count, 1, 1000000);
	guest_sleep_us(1000);
	child_suspend(id, 0);
	halt_check("halted-again", 2, HV_ACTIVITY_HALT);
	child_register_set(id, 0, HV_REGISTER_INTERNAL_ACTIVITY, HV_ACTIVITY_STARTUP_SUSPEND);
	child_release(id, 0);
	guest_sleep_us(2000);
	halt_check("startup", 2, HV_ACTIVITY_STARTUP_SUSPEND);
	child_end(id);
}

/* #UD by its parent's hand: no gate, so it ends in a triple fault; else a handler. */
static void test_pending(void)
{
	const struct hv_io_intercept *io = (const void *)m.payload;
	const u64 ud = 1 | 3 << 1 | 6 << 16;

	id = child_of(code_out, RAM, &ram);
	child_gate(ram, 6, CHILD_CODE);
	child_register_set(id, 0, X64(RIP), 0x100000);
	guest_check(set(HV_REGISTER_PENDING_INTERRUPTION, ud, 0) == HV_STATUS_SUCCESS &&
			    get(HV_REGISTER_PENDING_INTERRUPTION).u64 == ud,
		"pending-set");
	run();
	guest_check(m.header.type == HV_MESSAGE_IO_PORT && io->header.rip == CHILD_CODE,
		"pending-delivered", "%x", m.header.type);
	guest_check(get(HV_REGISTER_PENDING_INTERRUPTION).u64 == 0, "pending-gone");
	guest_check(*(u64 *)(void *)(ram + (CHILD_STACK & ~15u) - 40) == 0x100000, "pending-frame");
	child_end(id);
}

void guest_main(void)
{
	guest_messages_init();
	test_reset();
	test_round_trip();
	test_optional();
	test_refused();
	test_lists();
	test_header();
	test_own();
	test_running();
	test_changes();
	test_contradiction();
	test_activity();
	test_pending();
}
