/* SPDX-License-Identifier: MIT */
/*
 * What a child gets of the processor, settled once at its creation: the
 * policy's view of the host, without what is not switched between VPs, without
 * what its parent disabled, and without what makes no sense alone. Called by
 * HvCallCreatePartition on the caller's processor. Numbers of features: TLFS
 * HV_PARTITION_PROCESSOR_FEATURES and _XSAVE_FEATURES; CPUID bits: Intel SDM
 * volume 2, AMD APM volume 3, appendix E; what needs what: SDM volume 1, 14.
 */
#include "hypervisor/clock.h"
#include "hypervisor/cpu.h"
#include "hypervisor/partition.h"
#include "hypervisor/policy.h"
#include "hypervisor/trap.h"
#include "x86/cr.h"
#include "x86/msr.h"

enum cpuid_reg { EAX, EBX, ECX, EDX };
enum feature_word { BANK_0, BANK_1, XSAVE_BANK, WORDS };

/* One CPUID bit. */
struct cpuid_bit {
	u32 leaf;
	u8 reg;
	u8 bit;
};

/* Bits of one register. */
struct cpuid_bits {
	u32 leaf;
	u8 reg;
	u32 bits;
};

#define X1      0x80000001u
#define X7      0x80000007u
#define X8      0x80000008u
#define D1      0xd1u /* subleaf 1 of leaf 0xD */
#define L1C(n)  0x1, ECX, (n)
#define L7B(n)  0x7, EBX, (n)
#define L7C(n)  0x7, ECX, (n)
#define L7D(n)  0x7, EDX, (n)
#define X1C(n)  X1, ECX, (n)
#define X1D(n)  X1, EDX, (n)
#define X8B(n)  X8, EBX, (n)
#define D1A(n)  D1, EAX, (n)
#define XSAVE   L1C(26)
#define AVX     L1C(28)
#define AVX2    L7B(5)
#define AVX512F L7B(16)

/* Features that a parent can disable, and that the policy offers at all. */
/* clang-format off */
static const struct feature_row {
	u8 word;
	u8 bit;
	struct cpuid_bit at;
	const char *what;
} features[] = {
	{ BANK_0, 0, { L1C(0) }, "SSE3" },
	{ BANK_0, 1, { X1C(0) }, "LAHF in 64-bit mode" },
	{ BANK_0, 2, { L1C(9) }, "SSSE3" },
	{ BANK_0, 3, { L1C(19) }, "SSE4.1" },
	{ BANK_0, 4, { L1C(20) }, "SSE4.2" },
	{ BANK_0, 5, { X1C(6) }, "SSE4A" },
	{ BANK_0, 6, { X1C(11) }, "XOP" },
	{ BANK_0, 7, { L1C(23) }, "POPCNT" },
	{ BANK_0, 8, { L1C(13) }, "CMPXCHG16B" },
	{ BANK_0, 9, { X1C(4) }, "CR8 by LOCK MOV CR0" },
	{ BANK_0, 10, { X1C(5) }, "LZCNT" },
	{ BANK_0, 11, { X1C(7) }, "misaligned SSE" },
	{ BANK_0, 12, { X1D(22) }, "AMD's extensions to MMX" },
	{ BANK_0, 13, { X1D(31) }, "3DNow" },
	{ BANK_0, 14, { X1D(30) }, "extensions to 3DNow" },
	{ BANK_0, 15, { X1D(26) }, "1 GiB pages" },
	{ BANK_0, 16, { L1C(25) }, "AES" },
	{ BANK_0, 17, { L1C(1) }, "PCLMULQDQ" },
	{ BANK_0, 18, { L1C(17) }, "PCID: TLBs tell VPs apart besides" },
	{ BANK_0, 19, { X1C(16) }, "FMA4" },
	{ BANK_0, 20, { L1C(29) }, "F16C" },
	{ BANK_0, 21, { L1C(30) }, "RDRAND" },
	{ BANK_0, 22, { L7B(0) }, "RDFSBASE and the like" },
	{ BANK_0, 23, { L7B(7) }, "SMEP" },
	{ BANK_0, 24, { L7B(9) }, "fast REP MOVSB" },
	{ BANK_0, 25, { L7B(3) }, "BMI1" },
	{ BANK_0, 26, { L7B(8) }, "BMI2" },
	{ BANK_0, 29, { L1C(22) }, "MOVBE" },
	{ BANK_0, 31, { L7B(13) }, "no FPU CS and DS" },
	{ BANK_0, 32, { L7B(18) }, "RDSEED" },
	{ BANK_0, 33, { L7B(19) }, "ADX" },
	{ BANK_0, 34, { X1C(8) }, "PREFETCHW" },
	{ BANK_0, 35, { L7B(20) }, "SMAP" },
	{ BANK_0, 38, { X1D(27) }, "RDTSCP: TSC_AUX is switched" },
	{ BANK_0, 39, { L7B(23) }, "CLFLUSHOPT" },
	{ BANK_0, 40, { L7B(24) }, "CLWB" },
	{ BANK_0, 41, { L7B(29) }, "SHA" },
	{ BANK_0, 42, { X8B(2) }, "FXSAVE always has the error pointers" },
	{ BANK_0, 43, { L7B(10) }, "INVPCID" },
	{ BANK_0, 49, { L7D(4) }, "fast short REP MOVSB" },
	{ BANK_0, 57, { L7C(22) }, "RDPID: TSC_AUX is switched" },
	{ BANK_0, 58, { L7C(2) }, "UMIP" },
	{ BANK_0, 60, { L7D(10) }, "VERW clears buffers" },
	{ BANK_1, 1, { X7, EDX, 8 }, "invariant TSC" },
	{ BANK_1, 2, { X8B(0) }, "CLZERO" },
	{ BANK_1, 17, { L1C(24) }, "TSC deadline of the virtual APIC" },
	{ XSAVE_BANK, 0, { XSAVE }, "XSAVE" },
	{ XSAVE_BANK, 1, { D1A(0) }, "XSAVEOPT" },
	{ XSAVE_BANK, 2, { AVX }, "AVX" },
	{ XSAVE_BANK, 3, { AVX2 }, "AVX2" },
	{ XSAVE_BANK, 4, { L1C(12) }, "FMA" },
	{ XSAVE_BANK, 6, { AVX512F }, "AVX-512 foundation" },
	{ XSAVE_BANK, 7, { L7B(17) }, "AVX-512 DQ" },
	{ XSAVE_BANK, 8, { L7B(28) }, "AVX-512 CD" },
	{ XSAVE_BANK, 9, { L7B(30) }, "AVX-512 BW" },
	{ XSAVE_BANK, 10, { L7B(31) }, "AVX-512 VL" },
	{ XSAVE_BANK, 11, { D1A(1) }, "XSAVEC" },
	{ XSAVE_BANK, 13, { D1A(2) }, "XGETBV of the components in use" },
	{ XSAVE_BANK, 14, { L7C(12) }, "AVX-512 BITALG" },
	{ XSAVE_BANK, 15, { L7B(21) }, "AVX-512 IFMA" },
	{ XSAVE_BANK, 16, { L7C(1) }, "AVX-512 VBMI" },
	{ XSAVE_BANK, 17, { L7C(6) }, "AVX-512 VBMI2" },
	{ XSAVE_BANK, 18, { L7C(11) }, "AVX-512 VNNI" },
	{ XSAVE_BANK, 19, { L7C(8) }, "GFNI" },
	{ XSAVE_BANK, 20, { L7C(9) }, "AES of vectors" },
	{ XSAVE_BANK, 21, { L7C(14) }, "AVX-512 VPOPCNTDQ" },
	{ XSAVE_BANK, 22, { L7C(10) }, "PCLMULQDQ of vectors" },
	{ XSAVE_BANK, 24, { L7D(8) }, "AVX-512 VP2INTERSECT" },
};

/* Of the root's, what no child gets. */
static const struct lost_row {
	struct cpuid_bits what;
	const char *why;
} lost[] = {
	{ { 0x1, EDX, BIT(28) }, "HTT: by the number of VPs" },
	{ { X1, ECX, BIT(1) }, "legacy cores: by the number of VPs" },
	{ { 0x7, EDX, (u32)(BIT(26) | BIT(27) | BIT(31)) }, "SPEC_CTRL is not switched between VPs" },
	{ { X8, EBX, (u32)(BIT(12) | BIT(14) | BIT(15) | BIT(24)) }, "SPEC_CTRL is not switched between VPs" },
};

#define AVX512_EBX (u32)(BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31))
#define AVX512_ECX (u32)(BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14))
#define AVX512_EDX (u32)(BIT(2) | BIT(3) | BIT(8))

/* What goes with what it needs. In this order one pass suffices. */
static const struct need_row {
	struct cpuid_bit needed;
	struct cpuid_bits by;
} needs[] = {
	{ { XSAVE }, { D1, EAX, ~0u } },
	{ { XSAVE }, { 0x1, ECX, (u32)BIT(28) /* AVX */ } },
	{ { AVX }, { 0x1, ECX, (u32)(BIT(12) /* FMA */ | BIT(29) /* F16C */) } },
	{ { AVX }, { X1, ECX, (u32)(BIT(11) /* XOP */ | BIT(16) /* FMA4 */) } },
	{ { AVX }, { 0x7, EBX, (u32)BIT(5) /* AVX2 */ } },
	{ { AVX }, { 0x7, ECX, (u32)(BIT(9) /* VAES */ | BIT(10) /* VPCLMULQDQ */) } },
	{ { X1C(11) /* XOP */ }, { X1, ECX, (u32)BIT(21) /* TBM */ } },
	{ { L1C(25) /* AES */ }, { 0x7, ECX, (u32)BIT(9) /* VAES */ } },
	{ { L1C(1) /* PCLMULQDQ */ }, { 0x7, ECX, (u32)BIT(10) /* VPCLMULQDQ */ } },
	{ { AVX2 }, { 0x7, EBX, (u32)BIT(16) /* AVX512F */ } },
	{ { AVX512F }, { 0x7, EBX, AVX512_EBX } },
	{ { AVX512F }, { 0x7, ECX, AVX512_ECX } },
	{ { AVX512F }, { 0x7, EDX, AVX512_EDX } },
};
/* clang-format on */

#define XCR0_AVX512 0xe0ull

static u32 *reg_of(struct cpuid_table *t, u32 leaf, u8 reg)
{
	struct cpuid_regs *r;

	if (leaf == D1)
		r = &t->xsave[1];
	else if (leaf >= X1)
		r = &t->extended[leaf & 0xf];
	else
		r = &t->basic[leaf];
	switch (reg) {
	case EAX:
		return &r->eax;
	case EBX:
		return &r->ebx;
	case ECX:
		return &r->ecx;
	default:
		return &r->edx;
	}
}

static bool has(struct cpuid_table *t, const struct cpuid_bit *b)
{
	return *reg_of(t, b->leaf, b->reg) >> b->bit & 1;
}

static void clear_bit(struct cpuid_table *t, const struct cpuid_bit *b)
{
	*reg_of(t, b->leaf, b->reg) &= ~(1u << b->bit);
}

static void clear_bits(struct cpuid_table *t, const struct cpuid_bits *b)
{
	*reg_of(t, b->leaf, b->reg) &= ~b->bits;
}

/* Behind its last leaf a processor answers with anything. */
static void copy_host(struct cpuid_table *t)
{
	u32 last = MIN(policy_cpuid_masked(0, 0).eax, CPUID_TABLE_BASIC - 1);
	u32 last_extended = policy_cpuid_masked(0x80000000u, 0).eax - 0x80000000u;

	last_extended = MIN(last_extended, CPUID_TABLE_EXTENDED - 1);
	for (u32 i = 0; i <= last; i++)
		t->basic[i] = policy_cpuid_masked(i, 0);
	for (u32 i = 0; i <= last_extended; i++)
		t->extended[i] = policy_cpuid_masked(0x80000000u + i, 0);
	for (u32 i = 0; i < CPUID_TABLE_CACHES && last >= 4; i++)
		t->caches[i] = policy_cpuid_masked(4, i);
	t->basic[0].eax = last;
	t->extended[0].eax = 0x80000000u + last_extended;
	/* 48 bits of linear addresses, whatever the processor has. */
	t->extended[8].eax = (t->extended[8].eax & ~0xff00u) | 48u << 8;
}

static void take_away(struct cpuid_table *t, const u64 off[WORDS])
{
	for (u32 i = 0; i < ARRAY_SIZE(lost); i++)
		clear_bits(t, &lost[i].what);
	for (u32 i = 0; i < ARRAY_SIZE(features); i++)
		if (off[features[i].word] >> features[i].bit & 1)
			clear_bit(t, &features[i].at);
}

/* The virtual APIC is ours, so it has two modes on any processor. */
static void apic(struct cpuid_table *t, u64 flags)
{
	static const struct cpuid_bits without[] = {
		{ 0x1, EDX, (u32)BIT(9) },
		{ X1, EDX, (u32)BIT(9) },
		{ 0x1, ECX, (u32)BIT(24) /* TSC deadline */ },
	};
	u32 *ecx = reg_of(t, 0x1, ECX);

	*ecx &= ~(u32)BIT(21);
	if (flags & HV_CREATE_LOCAL_APIC) {
		*ecx |= flags & HV_CREATE_X2APIC ? (u32)BIT(21) : 0;
		return;
	}
	for (u32 i = 0; i < ARRAY_SIZE(without); i++)
		clear_bits(t, &without[i]);
}

/* No AVX without a place for its registers, and nothing without what it needs. */
static void make_consistent(struct cpuid_table *t, u64 host_states)
{
	static const struct cpuid_bit xsave = { XSAVE }, avx = { AVX }, avx512 = { AVX512F };

	if (!host_states || t->basic[0].eax < 0xd)
		clear_bit(t, &xsave);
	if (!(host_states & XCR0_AVX))
		clear_bit(t, &avx);
	if ((host_states & XCR0_AVX512) != XCR0_AVX512)
		clear_bit(t, &avx512);
	for (u32 i = 0; i < ARRAY_SIZE(needs); i++)
		if (!has(t, &needs[i].needed))
			clear_bits(t, &needs[i].by);
}

static u64 states_of(struct cpuid_table *t)
{
	static const struct cpuid_bit xsave = { XSAVE }, avx = { AVX }, avx512 = { AVX512F };

	if (!has(t, &xsave))
		return 0;
	return XCR0_X87 | XCR0_SSE | (has(t, &avx) ? XCR0_AVX : 0) |
	       (has(t, &avx512) ? XCR0_AVX512 : 0);
}

static void xsave_leaf(struct cpuid_table *t, u64 states)
{
	for (u32 i = 2; i < CPUID_TABLE_XSAVE; i++)
		if (states >> i & 1)
			t->xsave[i] = policy_cpuid_xsave(i);
	t->xsave[0] = (struct cpuid_regs){
		.eax = (u32)states,
		.ecx = cpuid_table_xsave_size(t, states),
		.edx = (u32)(states >> 32),
	};
}

static void features_tell(struct partition *p)
{
	for (u32 i = 0; i < ARRAY_SIZE(features); i++)
		if (features[i].word != XSAVE_BANK && has(&p->cpuid, &features[i].at))
			p->processor_features[features[i].word] |= BIT(features[i].bit);
}

void policy_child_init(struct partition *p, const struct hv_creation_properties *off)
{
	const struct cpu_features *host = &this_cpu()->features;
	const u64 words[WORDS] = {
		[BANK_0] = off->disabled_processor_features[0],
		[BANK_1] = off->disabled_processor_features[1],
		[XSAVE_BANK] = off->disabled_xsave_features,
	};
	struct cpuid_table *t = &p->cpuid;

	*t = (struct cpuid_table){ 0 };
	copy_host(t);
	t->xsave[1] = policy_cpuid_xsave(1);
	take_away(t, words);
	apic(t, p->create_flags);
	make_consistent(t, host->xsave ? host->xcr0_mask : 0);
	p->xsave_states = states_of(t);
	xsave_leaf(t, p->xsave_states);
	p->processor_features[0] = p->processor_features[1] = 0;
	features_tell(p);
	policy_msr_init(p);
	p->tsc_hz = clock_tsc_hz;
	if (!msr_read_safe(MSR_BIOS_SIGN_ID, &p->microcode))
		p->microcode = 0;
}
