/* SPDX-License-Identifier: MIT */
/*
 * A child's memory by its parent's calls: translation, and bytes read and
 * written; starting its VPs, by the parent and by the child itself; and what a
 * child without the privilege is refused.
 * machines: svm-smp1-bios vmx-smp1 ryzen-smp1
 */
#include "base/assert.h"
#include "hv/cpuid.h"
#include "hv/hypercall.h"
#include "hv/memory.h"
#include "lib/string.h"
#include "tests/guest/lib/child_code.h"
#include "tests/guest/lib/child_vp.h"
#include "tests/guest/lib/message.h"
#include "tests/guest/lib/sleep.h"
#include "x86/cr.h"
#include "x86/msr.h"
#include "x86/paging.h"

#define RAM       (4 * MIB)
#define READ_ONLY 0x10000000u /* GPA of a page that it may not write */
#define OVERLAY   0x41000u
#define INPUT     0x42000u
#define OUTPUT    0x43000u
#define USER      0x3fe00000u /* the last 2 MiB that its tables map: user's, not executable */

static u64 id;
static u8 *ram;
static struct hv_message m;

static struct hv_translate_output translate(u64 gva, u64 flags, u64 *status)
{
	struct hv_translate_input in = {
		.partition_id = id,
		.flags = flags,
		.gva_page = gva >> PAGE_SHIFT,
	};
	struct hv_translate_output out = { 0 };

	*status = guest_hypercall_block(
		HV_CALL_TRANSLATE_VIRTUAL_ADDRESS, &in, sizeof(in), &out, sizeof(out));
	return out;
}

static void translates(const char *name, u64 gva, u64 flags, u32 result, u64 gpa)
{
	u64 status;
	struct hv_translate_output out = translate(gva, flags, &status);

	guest_check(status == HV_STATUS_SUCCESS && out.result == result &&
			    out.gpfn == gpa >> PAGE_SHIFT,
		name, "status %lx result %u gpfn %lx", status, out.result, out.gpfn);
}

static u64 *entry(u32 level, u64 gva)
{
	u64 table = CHILD_TABLES + (4 - level) * PAGE_SIZE;

	return (u64 *)(void *)(ram + table) + PT_INDEX(gva, level);
}

static void begin(void)
{
	id = child_of(code_out, RAM, &ram);
	child_map(id, READ_ONLY, guest_ram(PAGE_SIZE, PAGE_SIZE), PAGE_SIZE, (u32)HV_MAP_READ);
	child_register_set(id, 0, HV_REGISTER_GUEST_OS_ID, 1);
	child_register_set(id, 0, HV_REGISTER_HYPERCALL, OVERLAY | 1);
	*entry(2, USER) = (RAM - PAGE_2M) | PTE_PS | PTE_P | PTE_W | PTE_U | PTE_NX;
	*entry(3, USER) |= PTE_U;
	*entry(4, USER) |= PTE_U;
	child_register_set(id, 0, HV_X64_REGISTER_EFER, EFER_LME | EFER_NXE);
}

#define R HV_TRANSLATE_READ
#define W HV_TRANSLATE_WRITE
#define X HV_TRANSLATE_EXEC

static void test_translate(void)
{
	struct hv_translate_output out;
	u64 status;

	translates("translate", CHILD_CODE, R | W | X, HV_TRANSLATE_SUCCESS, CHILD_CODE);
	translates("translate-no-access", CHILD_CODE, 0, HV_TRANSLATE_SUCCESS, CHILD_CODE);
	translates("translate-user", USER + 0x5000, R | W, HV_TRANSLATE_SUCCESS,
		RAM - PAGE_2M + 0x5000);
	translates("translate-nx", USER, X, HV_TRANSLATE_PRIVILEGE, 0);
	translates("translate-absent", 2 * GIB, R, HV_TRANSLATE_NOT_PRESENT, 0);
	translates("translate-high", 0xffff800000000000, R, HV_TRANSLATE_NOT_PRESENT, 0);
	translates("translate-not-canonical", 0x800000000000, R, HV_TRANSLATE_NOT_PRESENT, 0);
	translates("translate-unmapped", RAM, R, HV_TRANSLATE_GPA_UNMAPPED, RAM);
	translates("translate-read-only", READ_ONLY, R, HV_TRANSLATE_SUCCESS, READ_ONLY);
	translates("translate-no-write", READ_ONLY, W, HV_TRANSLATE_GPA_NO_WRITE, READ_ONLY);
	out = translate(OVERLAY, R, &status);
	guest_check(out.result == HV_TRANSLATE_SUCCESS && out.overlay == 1 && out.cache_type == 6,
		"translate-overlay", "%u %u", out.overlay, out.cache_type);
	out = translate(CHILD_CODE, R, &status);
	guest_check(out.overlay == 0, "translate-no-overlay");
	(void)translate(CHILD_CODE, BIT(5), &status);
	guest_check(status == HV_STATUS_INVALID_PARAMETER, "translate-flag");
}

static void test_translate_tables(void)
{
	u64 old = *entry(2, PAGE_2M);

	*entry(2, PAGE_2M) = old | BIT(13);
	translates("translate-reserved", PAGE_2M, R, HV_TRANSLATE_INVALID_FLAGS, 0);
	*entry(2, PAGE_2M) = old & ~(u64)PTE_P;
	translates("translate-not-present", PAGE_2M, R, HV_TRANSLATE_NOT_PRESENT, 0);
	/* A table where there is no memory, and one that may not be marked. */
	*entry(2, PAGE_2M) = 0x20000000 | PTE_P;
	translates("translate-no-table", PAGE_2M, R, HV_TRANSLATE_INVALID_FLAGS, 0);
	*entry(2, PAGE_2M) = old;
	guest_check(!(*entry(2, PAGE_2M) & (PTE_A | PTE_D)), "translate-leaves");
	translates("translate-set-a", PAGE_2M, R | HV_TRANSLATE_SET_BITS, HV_TRANSLATE_SUCCESS,
		PAGE_2M);
	guest_check(
		*entry(2, PAGE_2M) == (old | PTE_A) && *entry(3, 0) & PTE_A && *entry(4, 0) & PTE_A,
		"translate-accessed");
	translates("translate-set-d", PAGE_2M, W | HV_TRANSLATE_SET_BITS, HV_TRANSLATE_SUCCESS,
		PAGE_2M);
	guest_check(*entry(2, PAGE_2M) == (old | PTE_A | PTE_D), "translate-dirty");
	child_register_set(id, 0, HV_X64_REGISTER_CR3, READ_ONLY);
	memcpy((void *)(ram + CHILD_DATA), ram + CHILD_TABLES, PAGE_SIZE);
	translates("translate-empty", 0, R, HV_TRANSLATE_NOT_PRESENT, 0);
	child_register_set(id, 0, HV_X64_REGISTER_CR3, CHILD_TABLES);
}

/* Rights by the VP's privilege, and as if it had all. */
static void test_translate_privilege(void)
{
	struct hv_register_assoc ss = {
		.name = HV_X64_REGISTER_SS,
		.value = { .segment = { 0, ~0u, 0x1b, 0xc0f3 } },
	};
	u64 cr4 = child_register(id, 0, HV_X64_REGISTER_CR4);
	u64 smap = 0;

	assert(child_set_registers(id, 0, &ss, 1) == CHILD_DONE(1));
	translates("user-kernel-page", CHILD_CODE, R, HV_TRANSLATE_PRIVILEGE, 0);
	translates("user-user-page", USER, R | W, HV_TRANSLATE_SUCCESS, RAM - PAGE_2M);
	translates("user-exempt", CHILD_CODE, R | HV_TRANSLATE_PRIVILEGE_EXEMPT,
		HV_TRANSLATE_SUCCESS, CHILD_CODE);
	ss.value.segment = (struct hv_segment){ 0, ~0u, 16, 0xc093 };
	assert(child_set_registers(id, 0, &ss, 1) == CHILD_DONE(1));
	child_get(id, HV_PROPERTY_PROCESSOR_FEATURES_0, &smap);
	if (!(smap & BIT(35)))
		return;
	child_register_set(id, 0, HV_X64_REGISTER_CR4, cr4 | CR4_SMAP);
	translates("smap", USER, R, HV_TRANSLATE_PRIVILEGE, 0);
	translates("smap-exempt", USER, R | HV_TRANSLATE_PRIVILEGE_EXEMPT, HV_TRANSLATE_SUCCESS,
		RAM - PAGE_2M);
	child_register_set(id, 0, HV_X64_REGISTER_RFLAGS, 0x40002);
	translates("smap-ac", USER, R, HV_TRANSLATE_SUCCESS, RAM - PAGE_2M);
	child_register_set(id, 0, HV_X64_REGISTER_RFLAGS, 2);
	child_register_set(id, 0, HV_X64_REGISTER_CR4, cr4);
}

/* The same GVA without paging, and by the other forms of page tables. */
static void test_translate_modes(void)
{
	u64 cr0 = child_register(id, 0, HV_X64_REGISTER_CR0);
	u32 *directory = (u32 *)(void *)(ram + CHILD_DATA);
	u64 status;

	child_register_set(id, 0, HV_X64_REGISTER_CR0, cr0 & ~(u64)CR0_PG);
	translates("no-paging", 0x2345000, R, HV_TRANSLATE_GPA_UNMAPPED, 0x2345000);
	translates("no-paging-high", BIT(32), R, HV_TRANSLATE_NOT_PRESENT, 0);
	child_register_set(id, 0, HV_X64_REGISTER_EFER, 0);
	child_register_set(id, 0, HV_X64_REGISTER_CR4, CR4_PSE);
	child_register_set(id, 0, HV_X64_REGISTER_CR3, CHILD_DATA);
	memset(directory, 0, PAGE_SIZE);
	directory[1] = PTE_P | PTE_PS;
	child_register_set(id, 0, HV_X64_REGISTER_CR0, cr0);
	translates("32-bit", 0x400000 + CHILD_CODE, R, HV_TRANSLATE_SUCCESS, CHILD_CODE);
	(void)translate(0x400000, R | HV_TRANSLATE_SET_BITS, &status);
	guest_check(directory[1] == (PTE_P | PTE_PS | PTE_A) && !directory[0] && !directory[2],
		"32-bit-accessed", "%x", directory[1]);
	child_machine_vp(id, 0, CHILD_CODE, CHILD_STACK);
}

static u64 read_bytes(u64 gpa, u32 count, struct hv_read_gpa_output *out)
{
	struct hv_read_gpa_input in = { id, 0, count, gpa, 0 };

	memset(out, 0, sizeof(*out));
	return guest_hypercall_block(HV_CALL_READ_GPA, &in, sizeof(in), out, sizeof(*out));
}

static u64 write_bytes(u64 gpa, u32 count, u64 *result)
{
	struct hv_write_gpa_input in = { id, 0, count, gpa, 0, "0123456789abcde" };

	return guest_hypercall_block(HV_CALL_WRITE_GPA, &in, sizeof(in), result, sizeof(*result));
}

static void test_bytes(void)
{
	struct hv_read_gpa_output out;
	u64 result = ~0ull;

	guest_check(read_bytes(CHILD_CODE, 4, &out) == 0 && out.result == HV_GPA_SUCCESS &&
			    memcmp(out.data, ram + CHILD_CODE, 4) == 0 && out.data[4] == 0,
		"read");
	guest_check(write_bytes(CHILD_DATA + 0xff0, 16, &result) == 0 && result == 0 &&
			    memcmp(ram + CHILD_DATA + 0xff0, "0123456789abcde", 16) == 0,
		"write", "%lu", result);
	guest_check(
		read_bytes(RAM, 1, &out) == 0 && out.result == HV_GPA_UNMAPPED, "read-unmapped");
	guest_check(
		write_bytes(RAM, 1, &result) == 0 && result == HV_GPA_UNMAPPED, "write-unmapped");
	guest_check(read_bytes(READ_ONLY, 8, &out) == 0 && out.result == 0, "read-read-only");
	guest_check(write_bytes(READ_ONLY, 8, &result) == 0 && result == HV_GPA_NO_WRITE,
		"write-read-only", "%lu", result);
	guest_check(read_bytes(OVERLAY, 4, &out) == 0 && out.result == 0 &&
			    memcmp(out.data, (const void *)guest_hypercall_page(), 4) == 0,
		"read-overlay");
	guest_check(write_bytes(OVERLAY, 4, &result) == 0 && result == HV_GPA_ILLEGAL_OVERLAY,
		"write-overlay", "%lu", result);
	guest_check(
		read_bytes(0xfee00000, 4, &out) == 0 && out.result == HV_GPA_UNMAPPED, "read-apic");
	guest_check(read_bytes(CHILD_CODE, 0, &out) == HV_STATUS_INVALID_PARAMETER &&
			    read_bytes(CHILD_CODE, 17, &out) == HV_STATUS_INVALID_PARAMETER &&
			    read_bytes(CHILD_CODE + 0xfff, 2, &out) == HV_STATUS_INVALID_PARAMETER,
		"read-sizes");
}

static void test_translate_running(void)
{
	u64 status;

	memcpy(ram + CHILD_CODE, code_count, (size_t)(code_count_end - code_count));
	child_machine_vp(id, 0, CHILD_CODE, CHILD_STACK);
	child_register_set(id, 0, HV_X64_REGISTER_RAX + 7, CHILD_DATA);
	child_register_set(id, 0, HV_X64_REGISTER_RFLAGS, 0x202);
	child_release(id, 0);
	guest_sleep_us(2000);
	(void)translate(CHILD_CODE, R, &status);
	guest_check(status == HV_STATUS_INVALID_VP_STATE, "translate-running", "%lx", status);
	child_suspend(id, 0);
}

/* A context in which VP @vp does code_out. */
static struct hv_start_vp_input context(u64 partition, u32 vp)
{
	struct hv_start_vp_input in;

	guest_vp_context(vp, CHILD_STACK - 0x800, &in);
	in.partition_id = partition;
	in.context.rip = CHILD_CODE;
	in.context.cr3 = CHILD_TABLES;
	in.context.cr4 = CR4_PAE;
	in.context.cr0 = CR0_PE | CR0_PG | CR0_NE | CR0_ET;
	in.context.efer = EFER_LME | EFER_LMA;
	in.context.pat = PAT_RESET;
	return in;
}

static u32 vp_of_message(void)
{
	return ((const struct hv_intercept_header *)(const void *)m.payload)->vp_index;
}

static void test_start_by_parent(void)
{
	struct hv_start_vp_input in;

	id = child_of(code_out, RAM, &ram);
	child_deposit_pages(id, 24);
	assert(child_create_vp(id, 1) == HV_STATUS_SUCCESS);
	guest_check(
		child_register(id, 1, HV_REGISTER_INTERNAL_ACTIVITY) == HV_ACTIVITY_STARTUP_SUSPEND,
		"start-waits");
	in = context(id, 0);
	guest_check(guest_start_vp_by(&in) == HV_STATUS_INVALID_VP_STATE, "start-first");
	in = context(id, 2);
	guest_check(guest_start_vp_by(&in) == HV_STATUS_INVALID_VP_INDEX, "start-absent");
	in = context(id, 1);
	in.context.cr4 = 0;
	guest_check(guest_start_vp_by(&in) == HV_STATUS_INVALID_REGISTER_VALUE, "start-no-pae");
	in = context(id, 1);
	guest_check(guest_start_vp_by(&in) == HV_STATUS_SUCCESS, "start");
	guest_check(guest_start_vp_by(&in) == HV_STATUS_INVALID_VP_STATE, "start-twice");
	guest_sleep_us(1000);
	guest_check(
		!guest_message_poll(&m) && child_register(id, 1, HV_X64_REGISTER_RIP) == CHILD_CODE,
		"start-not-released");
	child_release(id, 1);
	guest_message_wait(&m);
	guest_check(m.header.type == HV_MESSAGE_IO_PORT && vp_of_message() == 1, "start-runs", "%x",
		m.header.type);
	child_end(id);
}

/* The child calls @control, behind the OUT of the last call; its result. */
static u64 call(u64 control, bool first)
{
	const u64 out = 2;

	child_register_set(id, 0, HV_X64_REGISTER_RAX + 12, control);
	if (first) {
		child_release(id, 0);
	} else {
		child_register_set(id, 0, HV_X64_REGISTER_RIP,
			child_register(id, 0, HV_X64_REGISTER_RIP) + out);
		child_resume(id, 0);
	}
	do
		guest_message_wait(&m);
	while (vp_of_message() != 0);
	return child_register(id, 0, HV_X64_REGISTER_RAX);
}

static void child_calls(void)
{
	id = child_of(code_call, RAM, &ram);
	child_register_set(id, 0, HV_X64_REGISTER_RAX + 3, OVERLAY);
	child_register_set(id, 0, HV_X64_REGISTER_RAX + 13, INPUT);
	child_register_set(id, 0, HV_X64_REGISTER_RAX + 14, OUTPUT);
}

/* Calls of parents, and those for which it has no privilege. */
static void test_denied(void)
{
	static const struct {
		const char *what;
		u64 control;
		u64 result;
	} rows[] = {
		{ "denied-create", HV_CALL_CREATE_PARTITION, HV_STATUS_ACCESS_DENIED },
		{ "denied-id", HV_CALL_GET_PARTITION_ID, HV_STATUS_ACCESS_DENIED },
		{ "denied-deposit", HV_CALL_DEPOSIT_MEMORY | HV_CONTROL_REPS(1, 0),
			HV_STATUS_ACCESS_DENIED },
		{ "denied-registers", HV_CALL_GET_VP_REGISTERS | HV_CONTROL_REPS(1, 0),
			HV_STATUS_ACCESS_DENIED },
		{ "denied-start", HV_CALL_START_VIRTUAL_PROCESSOR, HV_STATUS_ACCESS_DENIED },
		{ "denied-interrupt", HV_CALL_MAP_DEVICE_INTERRUPT, HV_STATUS_ACCESS_DENIED },
		{ "denied-stats", HV_CALL_MAP_STATS_PAGE, HV_STATUS_ACCESS_DENIED },
		/* Open to all, for children, of whom it has none. */
		{ "no-child-read", HV_CALL_READ_GPA, HV_STATUS_INVALID_PARTITION_ID },
		{ "no-child-map", HV_CALL_MAP_GPA_PAGES | HV_CONTROL_REPS(1, 0),
			HV_STATUS_INVALID_PARTITION_ID },
		{ "no-call", 0x3fff, HV_STATUS_INVALID_HYPERCALL_CODE },
	};

	child_calls();
	/* Partition 0 is nobody; one byte, for ReadGpa. */
	((u32 *)(void *)(ram + INPUT))[3] = 1;
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 result = call(rows[i].control, i == 0);

		guest_check(result == rows[i].result, rows[i].what, "%lx", result);
	}
	/* Its parent is no child of its. */
	*(u64 *)(void *)(ram + INPUT) = HV_PARTITION_ID_ROOT;
	guest_check(call(HV_CALL_READ_GPA, false) == HV_STATUS_ACCESS_DENIED, "denied-parent");
	child_end(id);
}

/* A child with the privilege starts its second VP, which its parent has released. */
static void test_start_by_itself(void)
{
	struct hv_start_vp_input in;

	child_privileges = 0x0020003000000877;
	child_calls();
	child_privileges = 0;
	child_deposit_pages(id, 24);
	assert(child_create_vp(id, 1) == HV_STATUS_SUCCESS);
	child_release(id, 1);
	in = context(HV_PARTITION_SELF, 1);
	in.context.rip = CHILD_DATA;
	memcpy(ram + CHILD_DATA, code_halt, (size_t)(code_halt_end - code_halt));
	memcpy(ram + INPUT, &in, sizeof(in));
	guest_check(call(HV_CALL_START_VIRTUAL_PROCESSOR, true) == HV_STATUS_SUCCESS, "self-start");
	guest_sleep_us(2000);
	child_suspend(id, 1);
	guest_check(child_register(id, 1, HV_X64_REGISTER_RIP) != CHILD_DATA, "self-start-runs");
	guest_check(call(HV_CALL_START_VIRTUAL_PROCESSOR, false) == HV_STATUS_INVALID_VP_STATE,
		"self-start-twice");
	child_end(id);
}

void guest_main(void)
{
	guest_messages_init();
	begin();
	test_translate();
	test_translate_tables();
	test_translate_privilege();
	test_translate_modes();
	test_bytes();
	test_translate_running();
	child_end(id);
	test_start_by_parent();
	test_denied();
	test_start_by_itself();
}
