/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls from registers to result: both ABIs, parameter blocks in a fake
 * guest memory of two pages, the table of calls, repetition, and the statuses
 * of those whose handlers are small.
 * sources: hypervisor/hypercall.c hypervisor/hypercall_control.c hypervisor/hc_self.c
 * sources: hypervisor/hc_interrupt.c tests/unit/fake_vp.c tests/unit/fake_hc.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "fake_hc.h"
#include "fake_vp.h"
#include "hv/cpuid.h"
#include "hv/devint.h"
#include "hv/msr.h"
#include "hypervisor/clock.h"
#include "hypervisor/guest.h"
#include "hypervisor/hypercall.h"
#include "hypervisor/irq.h"
#include "hypervisor/trace.h"
#include "x86/cr.h"
#include "x86/desc.h"

#define IN                 0x1000ull
#define OUT                0x2000ull
#define FAST               (1ull << 16)
#define REPS(count, start) ((u64)(count) << 32 | (u64)(start) << 48)
#define NOBODY             0xff /* anybody may */

static u32 gave_way;

void sched_give_way(struct vp *vp)
{
	assert_ptr_equal(vp, &fake_vp);
	gave_way++;
}

static u8 memory[2][4096] __attribute__((aligned(16)));
static bool out_read_only;
static struct vp other;
static u64 *gpr = fake_vp.regs.gpr;

bool partition_gpa_to_spa(struct partition *p, gpa_t gpa, u32 access, spa_t *spa)
{
	u64 page = gpa.a >> 12;

	(void)p;
	*spa = SPA(gpa.a);
	return page == 1 || (page == 2 && !(access & SLAT_WRITE && out_read_only));
}

static u8 *at(gpa_t gpa, size_t len)
{
	u64 page = gpa.a >> 12;

	assert_true(len <= 4096 - (gpa.a & 4095));
	return page == 1 || page == 2 ? &memory[page - 1][gpa.a & 4095] : NULL;
}

bool guest_read(struct vp *vp, gpa_t gpa, void *buf, size_t len)
{
	const u8 *p = at(gpa, len);

	(void)vp;
	if (p)
		memcpy(buf, p, len);
	return p;
}

bool guest_write(struct vp *vp, gpa_t gpa, const void *buf, size_t len)
{
	u8 *p = at(gpa, len);

	(void)vp;
	if (p && !(out_read_only && gpa.a >= OUT))
		memcpy(p, buf, len);
	return p && !(out_read_only && gpa.a >= OUT);
}

static u32 traced;

void trace(enum trace_event event, const struct vp *vp, u64 a, u64 b)
{
	(void)vp;
	(void)a;
	(void)b;
	traced += event == TRACE_HYPERCALL;
}

bool hc_is_own_partition(const struct hypercall *call, u64 id)
{
	return id == HV_PARTITION_SELF || id == call->vp->partition->id;
}

/* Called after every handler. */
static u32 released;

void hc_release(struct hypercall *call)
{
	assert_ptr_equal(call->vp, &fake_vp);
	released++;
}

/* How long a call may take: for ever, or for one element. */
static u64 slice;

u64 clock_ns_to_tsc(u64 ns)
{
	assert_int_equal(ns, 50000);
	return slice;
}

static struct hv_map_device_interrupt_input map_seen;
static u64 set_seen[2];
static u32 set_words_seen;
static struct hv_unmap_device_interrupt_input unmap_seen;

enum hv_status irq_map(struct partition *p, const struct hv_map_device_interrupt_input *in,
	const u64 *set, u32 set_words, struct hv_interrupt_entry *out)
{
	assert_ptr_equal(p, &fake_partition);
	map_seen = *in;
	set_words_seen = set_words;
	for (u32 i = 0; i < set_words && i < 2; i++)
		set_seen[i] = set[i];
	out->source = HV_INTERRUPT_SOURCE_MSI;
	out->msi.address = 0xfee00000;
	out->msi.data = 0x41;
	return in->device_id == 7 ? HV_STATUS_INVALID_DEVICE_ID : HV_STATUS_SUCCESS;
}

enum hv_status irq_unmap(struct partition *p, const struct hv_unmap_device_interrupt_input *in)
{
	(void)p;
	unmap_seen = *in;
	return HV_STATUS_NOT_FOUND;
}

static int setup(void **state)
{
	(void)state;
	fake_vp_reset();
	memset(memory, 0xee, sizeof(memory));
	memset(&other, 0, sizeof(other));
	fake_cpu.features.phys_bits = 40;
	fake_partition.privileges = ~0ull;
	fake_partition.hypercall_msr = 0x5000 | HV_MSR_HYPERCALL_ENABLE;
	fake_partition.vps[2] = &other;
	other.partition = &fake_partition;
	other.cpu = &fake_cpu;
	other.index = 2;
	other.apic_id = 0x42;
	fake_vp.regs.rip = 0x1000;
	fake_hc_reset();
	slice = 1ull << 60;
	out_read_only = false;
	traced = set_words_seen = 0;
	return 0;
}

static u64 call(u64 control, u64 input, u64 output)
{
	struct exit exit = { .kind = EXIT_HYPERCALL };
	u64 rip = fake_vp.regs.rip;

	gpr[GPR_RCX] = control;
	gpr[GPR_RDX] = input;
	gpr[GPR_R8] = output;
	gpr[GPR_RAX] = 0x5555555555555555ull;
	hypercall_handle(&fake_vp, &exit);
	assert_int_equal(fake_injected, 0);
	assert_int_equal(fake_vp.regs.rip, rip + FAKE_INSN_LENGTH);
	return gpr[GPR_RAX];
}

/* A call that is not over: RIP stays at it. Its control word, as it is made again. */
static u64 call_again(u64 control, u64 input, u64 output)
{
	struct exit exit = { .kind = EXIT_HYPERCALL };

	gpr[GPR_RCX] = control;
	gpr[GPR_RDX] = input;
	gpr[GPR_R8] = output;
	gpr[GPR_RAX] = 0x5555555555555555ull;
	hypercall_handle(&fake_vp, &exit);
	assert_int_equal(fake_injected, 0);
	assert_int_equal(fake_vp.regs.rip, 0x1000);
	assert_int_equal(gpr[GPR_RAX], 0x5555555555555555ull);
	assert_int_equal(gpr[GPR_RDX], input);
	assert_int_equal(gpr[GPR_R8], output);
	return gpr[GPR_RCX];
}

static u64 out64(void)
{
	u64 v;

	memcpy(&v, memory[1], 8);
	return v;
}

static void put(const void *input, size_t size)
{
	memcpy(memory[0], input, size);
}

static void test_spin_wait(void **state)
{
	(void)state;
	/* The record of its exit has the plain call's control word already. */
	assert_int_equal(call(0x8 | FAST, 100, 0), 0);
	assert_int_equal(traced, 0);
	assert_int_equal(call(0x8, IN, 0), 0);
	assert_int_equal(traced, 1);
	assert_int_equal(call(0x8, 0x3000, 0), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(call(0x8, IN + 4, 0), HV_STATUS_INVALID_ALIGNMENT);
	assert_int_equal(call(0x8 | FAST | BIT(27), 0, 0), HV_STATUS_INVALID_HYPERCALL_INPUT);
	/* It gives way to those who wait, if there are any. */
	assert_int_equal(gave_way, 0);
	fake_cpu.run_queue.policy.count = 1;
	assert_int_equal(call(0x8 | FAST, 100, 0), 0);
	assert_int_equal(gave_way, 1);
	fake_cpu.run_queue.policy.count = 0;
}

static void test_32_bit(void **state)
{
	struct exit exit = { .kind = EXIT_HYPERCALL };

	(void)state;
	fake_mode.cs_long = false;
	gpr[GPR_RDX] = 0xffffffff00000000ull; /* EDX:EAX control */
	gpr[GPR_RAX] = 0xffffffff00000046ull;
	gpr[GPR_RDI] = 0;
	gpr[GPR_RSI] = OUT; /* EDI:ESI output */
	hypercall_handle(&fake_vp, &exit);
	assert_int_equal(gpr[GPR_RAX], 0);
	assert_int_equal(gpr[GPR_RDX], 0);
	assert_int_equal(out64(), 1);
	/* A status, and reps done, in EDX. */
	put((const u64[]){ ~0ull, 0, 0x9900000042ull }, 24);
	gpr[GPR_RDX] = 2;
	gpr[GPR_RAX] = 0x9a;
	gpr[GPR_RBX] = 0;
	gpr[GPR_RCX] = IN;
	hypercall_handle(&fake_vp, &exit);
	assert_int_equal(gpr[GPR_RAX], HV_STATUS_NOT_FOUND);
	assert_int_equal(gpr[GPR_RDX], 1);
}

static void refused_with_ud(void)
{
	struct exit exit = { .kind = EXIT_HYPERCALL };

	gpr[GPR_RCX] = 0x8 | FAST;
	gpr[GPR_RAX] = 77;
	hypercall_handle(&fake_vp, &exit);
	assert_int_equal(fake_injected, 1);
	assert_int_equal(fake_event.vector, VEC_UD);
	assert_int_equal(gpr[GPR_RAX], 77);
	assert_int_equal(fake_vp.regs.rip, 0x1000);
	fake_injected = 0;
}

static void test_no_such_instruction(void **state)
{
	(void)state;
	fake_mode.cpl = 3;
	refused_with_ud();
	fake_mode.cpl = 0;
	fake_mode.cr0 = 0;
	fake_mode.cs_long = false;
	refused_with_ud();
	fake_mode.cr0 = CR0_PE;
	fake_partition.hypercall_msr = 0x5000;
	refused_with_ud();
	assert_int_equal(traced, 0);
}

/*
 * The calls whose handlers are elsewhere, by TLFS 6.0b, and after it as Linux'
 * root partition has them: sizes in bytes, of the fixed part and of an element
 * if they repeat; the privilege is a bit of the high word, 0 none.
 */
static const struct row {
	u16 code;
	const char *name;
	bool rep;
	u16 in, rep_in, out, rep_out;
	u8 privilege;
	const char *finish;
} rows[] = {
	{ 0x02, "flush_space", false, 24, 0, 0, 0, NOBODY, NULL },
	{ 0x03, "flush_list", true, 24, 8, 0, 0, NOBODY, NULL },
	{ 0x0b, "send_cluster_ipi", false, 16, 0, 0, 0, NOBODY, NULL },
	{ 0x13, "flush_space_ex", false, 32, 0, 0, 0, NOBODY, NULL },
	{ 0x14, "flush_list_ex", true, 32, 8, 0, 0, NOBODY, NULL },
	{ 0x15, "send_cluster_ipi_ex", false, 24, 0, 0, 0, NOBODY, NULL },
	{ 0x40, "create_partition", false, 56, 0, 8, 0, 0, NULL },
	{ 0x41, "initialize_partition", false, 8, 0, 0, 0, 0, NULL },
	{ 0x42, "finalize_partition", false, 8, 0, 0, 0, 0, NULL },
	{ 0x43, "delete_partition", false, 8, 0, 0, 0, 0, NULL },
	{ 0x44, "get_partition_property", false, 16, 0, 8, 0, 0, NULL },
	{ 0x45, "set_partition_property", false, 24, 0, 0, 0, 0, NULL },
	{ 0x47, "get_next_child_partition", false, 16, 0, 8, 0, 0, NULL },
	{ 0x48, "deposit_memory", true, 8, 8, 0, 0, 2, "deposit_memory_finish" },
	{ 0x49, "withdraw_memory", true, 16, 0, 0, 8, 2, "withdraw_memory_finish" },
	{ 0x4a, "get_memory_balance", false, 16, 0, 16, 0, 2, NULL },
	{ 0x4b, "map_gpa_pages", true, 24, 8, 0, 0, NOBODY, "map_finish" },
	{ 0x4c, "unmap_gpa_pages", true, 24, 0, 0, 0, NOBODY, "map_finish" },
	{ 0x4d, "install_intercept", false, 24, 0, 0, 0, 0, NULL },
	{ 0x4e, "create_vp", false, 40, 0, 0, 0, 0, NULL },
	{ 0x4f, "delete_vp", false, 16, 0, 0, 0, 0, NULL },
	{ 0x50, "get_vp_registers", true, 16, 4, 0, 16, 17, NULL },
	{ 0x51, "set_vp_registers", true, 16, 32, 0, 0, 17, NULL },
	{ 0x52, "translate_virtual_address", false, 32, 0, 16, 0, NOBODY, NULL },
	{ 0x53, "read_gpa", false, 32, 0, 24, 0, NOBODY, NULL },
	{ 0x54, "write_gpa", false, 48, 0, 8, 0, NOBODY, NULL },
	{ 0x56, "clear_virtual_interrupt", false, 8, 0, 0, 0, 0, NULL },
	{ 0x58, "delete_port", false, 16, 0, 0, 0, 6, NULL },
	{ 0x5b, "disconnect_port", false, 16, 0, 0, 0, 7, NULL },
	{ 0x5c, "post_message", false, 256, 0, 0, 0, 4, NULL },
	{ 0x5d, "signal_event", false, 8, 0, 0, 0, 5, NULL },
	{ 0x6c, "map_stats_page", false, 24, 0, 8, 0, 8, NULL },
	{ 0x6d, "unmap_stats_page", false, 24, 0, 0, 0, 8, NULL },
	{ 0x6e, "map_sparse_gpa_pages", true, 16, 16, 0, 0, NOBODY, "map_finish" },
	{ 0x94, "assert_virtual_interrupt", false, 32, 0, 0, 0, 0, NULL },
	{ 0x95, "create_port", false, 56, 0, 0, 0, 6, NULL },
	{ 0x96, "connect_port", false, 72, 0, 0, 0, 7, NULL },
	{ 0x99, "start_virtual_processor", false, 240, 0, 0, 0, 21, NULL },
	{ 0xc0, "signal_event_direct", false, 16, 0, 8, 0, 5, NULL },
	{ 0xc1, "post_message_direct", false, 280, 0, 0, 0, 4, NULL },
	{ 0xc9, "get_gpa_pages_access_state", true, 24, 0, 0, 1, NOBODY, "map_finish" },
	{ 0xe1, "map_vp_state_page", false, 24, 0, 8, 0, 0, NULL },
	{ 0xe2, "unmap_vp_state_page", false, 16, 0, 0, 0, 0, NULL },
	{ 0xe3, "get_vp_state", false, 40, 0, 200, 0, 17, NULL },
	{ 0xe4, "set_vp_state", false, 40, 0, 0, 0, 17, NULL },
	{ 0x103, "restore_partition_time", false, 32, 0, 0, 0, 0, NULL },
	{ 0x10a, "set_partition_property_ex", false, 24, 0, 0, 0, 0, NULL },
};

static const struct row *row_of(u32 code)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].code == code)
			return &rows[i];
	return NULL;
}

/* Two elements of those that repeat. */
static void dispatches(const struct row *row, u64 in, u64 out)
{
	fake_hc_reset();
	released = 0;
	assert_int_equal(
		call(row->code | (row->rep ? REPS(2, 0) : 0), in, out), row->rep ? 2ull << 32 : 0);
	assert_string_equal(fake_hc_called, row->name);
	assert_int_equal(fake_hc_calls, row->rep ? 2 : 1);
	assert_int_equal(fake_hc_input_size, row->in);
	assert_int_equal(released, 1);
	assert_int_equal(fake_hc_finishes, row->finish ? 1 : 0);
	if (row->finish)
		assert_string_equal(fake_hc_finished, row->finish);
}

static void refuses(const struct row *row, u64 in, u64 out, enum hv_status status)
{
	fake_hc_reset();
	assert_int_equal(call(row->code | (row->rep ? REPS(2, 0) : 0), in, out), status);
	assert_int_equal(fake_hc_calls, 0);
	assert_int_equal(fake_hc_finishes, 0);
}

/* Blocks that end with their page, and 8 bytes later. */
static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		u64 in = row->in + (row->rep ? 2 * row->rep_in : 0);
		u64 out = ALIGN_UP(row->out + (row->rep ? 2 * row->rep_out : 0), 8);

		dispatches(row, IN, OUT);
		dispatches(row, OUT + 4096 - in, IN);
		refuses(row, OUT + 4096 - in + 8, IN, HV_STATUS_INVALID_PARAMETER);
		if (out == 0)
			continue;
		dispatches(row, IN, OUT + 4096 - out);
		refuses(row, IN, OUT + 4096 - out + 8, HV_STATUS_INVALID_PARAMETER);
	}
}

/* Each needs its own and no other. */
static void test_table_privileges(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 bit = rows[i].privilege == NOBODY ? 0 : BIT(32 + rows[i].privilege);

		fake_partition.privileges = bit;
		dispatches(&rows[i], IN, OUT);
		fake_partition.privileges = ~bit;
		if (bit)
			refuses(&rows[i], IN, OUT, HV_STATUS_ACCESS_DENIED);
	}
}

/* A failure counts the elements before it, which are finished. */
static void test_rep_failure(void **state)
{
	(void)state;
	fake_hc_status = HV_STATUS_OBJECT_IN_USE;
	assert_int_equal(call(0x4b | REPS(3, 1), IN, OUT), 1ull << 32 | HV_STATUS_OBJECT_IN_USE);
	assert_int_equal(fake_hc_calls, 1);
	assert_int_equal(fake_hc_finishes, 0);
	assert_int_equal(call(0x4b | REPS(3, 3), IN, OUT), HV_STATUS_INVALID_HYPERCALL_INPUT);
	assert_int_equal(fake_hc_calls, 1);
}

/* When its time is over it leaves the rest, finished so far, and is made again. */
static void test_rep_yields(void **state)
{
	u64 control = 0x4b | REPS(3, 0);

	(void)state;
	slice = 0;
	for (u32 i = 1; i < 3; i++) {
		control = call_again(control, IN, OUT);
		assert_int_equal(control, 0x4b | REPS(3, i));
		assert_int_equal(fake_hc_calls, i);
		assert_int_equal(fake_hc_finishes, i);
		assert_int_equal(fake_hc_first, i - 1);
		assert_int_equal(fake_hc_end, i);
	}
	assert_int_equal(call(control, IN, OUT), 3ull << 32);
	assert_int_equal(fake_hc_calls, 3);
	assert_int_equal(fake_hc_first, 2);
	assert_int_equal(fake_hc_end, 3);
}

static void test_rep_yields_32_bit(void **state)
{
	struct exit exit = { .kind = EXIT_HYPERCALL };

	(void)state;
	slice = 0;
	fake_mode.cs_long = false;
	gpr[GPR_RDX] = 2;
	gpr[GPR_RAX] = 0x4b;
	gpr[GPR_RBX] = 0;
	gpr[GPR_RCX] = IN;
	hypercall_handle(&fake_vp, &exit);
	assert_int_equal(gpr[GPR_RDX], 1 << 16 | 2);
	assert_int_equal(gpr[GPR_RAX], 0x4b);
	assert_int_equal(fake_vp.regs.rip, 0x1000);
	hypercall_handle(&fake_vp, &exit);
	assert_int_equal(gpr[GPR_RDX], 2);
	assert_int_equal(gpr[GPR_RAX], 0);
	assert_int_equal(fake_vp.regs.rip, 0x1000 + FAKE_INSN_LENGTH);
}

/* A simple call that is not done yet is made again as it is. */
static void test_simple_again(void **state)
{
	(void)state;
	fake_hc_status = HYPERCALL_AGAIN;
	assert_int_equal(call_again(0x42, IN, OUT), 0x42);
	assert_int_equal(call_again(0x42 | FAST, 0x77, 0), 0x42 | FAST);
	assert_int_equal(fake_hc_input, 0x77);
	fake_hc_status = HV_STATUS_SUCCESS;
	assert_int_equal(call(0x42, IN, OUT), 0);
	assert_int_equal(fake_hc_calls, 3);
}

/* In registers: two general ones, then XMM0 on, which hold whatever the host put there. */
static void test_fast(void **state)
{
	(void)state;
	assert_int_equal(call(0x48 | FAST | REPS(1, 0), 7, 0x1234), 1ull << 32);
	assert_string_equal(fake_hc_called, "deposit_memory");
	assert_int_equal(fake_hc_input, 7);
	assert_int_equal(fake_hc_element, 0x1234);
	assert_int_equal(fake_hc_finishes, 1);
	assert_int_equal(call(0x15 | FAST, 0x77, 0), 0);
	assert_int_equal(fake_hc_input_size, 24);
	assert_int_equal(call(0x15 | FAST | 11ull << 17, 0x77, 0), 0);
	assert_int_equal(fake_hc_input_size, 112);
	assert_int_equal(
		call(0x15 | FAST | 12ull << 17, 0x77, 0), HV_STATUS_INVALID_HYPERCALL_INPUT);
	assert_int_equal(call(0x14 | FAST | REPS(10, 9), 0x77, 0), 10ull << 32);
	/* The list's last word is the last of XMM5. */
	assert_int_equal(fake_hc_element, fake_vp.call.input_block[13]);
}

/* Few of the calls have it. */
static bool is_variable(u16 code)
{
	return code == 0x13 || code == 0x14 || code == 0x15 || code == 0xe3 || code == 0xe4 ||
	       code == 0x10a;
}

static void test_variable_header(void **state)
{
	(void)state;
	assert_int_equal(call(0x10a | 2ull << 17, IN, OUT), 0);
	assert_int_equal(fake_hc_input_size, 24 + 16);
	assert_int_equal(call(0x14 | REPS(1, 0) | 3ull << 17, IN, OUT), 1ull << 32);
	assert_int_equal(fake_hc_input_size, 32 + 24);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!is_variable(rows[i].code))
			assert_int_equal(
				call(rows[i].code | (rows[i].rep ? REPS(1, 0) : 0) | 1ull << 17, IN,
					OUT),
				HV_STATUS_INVALID_HYPERCALL_INPUT);
}

static void test_codes(void **state)
{
	static const u16 known[] = { 0x08, 0x46, 0x7c, 0x7d, 0x9a };

	(void)state;
	for (u32 code = 0; code < 0x10000; code++) {
		bool is_known = row_of(code) != NULL;

		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			is_known |= code == known[i];
		if (!is_known)
			assert_int_equal(call(code, IN, OUT), HV_STATUS_INVALID_HYPERCALL_CODE);
		else
			assert_int_not_equal(
				call(code, IN + 4, OUT + 4), HV_STATUS_INVALID_HYPERCALL_CODE);
	}
}

static void test_privileges(void **state)
{
	static const struct {
		u16 code;
		u8 bit;
	} rows[] = { { 0x46, 1 }, { 0x7c, 12 }, { 0x7d, 12 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fake_partition.privileges = ~(1ull << (32 + rows[i].bit));
		assert_int_equal(call(rows[i].code, IN, OUT), HV_STATUS_ACCESS_DENIED);
	}
	fake_partition.privileges = 0;
	assert_int_equal(call(0x8 | FAST, 0, 0), 0);
	assert_int_equal(call(0x9a | 1ull << 32, IN, OUT), HV_STATUS_INVALID_PARTITION_ID);
}

static void test_partition_id(void **state)
{
	(void)state;
	assert_int_equal(call(0x46, 3, OUT), 0);
	assert_int_equal(out64(), 1);
	assert_int_equal(call(0x46 | FAST, 0, OUT), HV_STATUS_INVALID_HYPERCALL_INPUT);
	assert_int_equal(call(0x46, 0, 0x3000), HV_STATUS_INVALID_PARAMETER);
	out_read_only = true;
	assert_int_equal(call(0x46, 0, OUT), HV_STATUS_INVALID_PARAMETER);
}

static void test_vp_index(void **state)
{
	const u64 count3 = 3ull << 32;
	u64 in[4] = { ~0ull, 0, 0x0000004200000000ull, 0x77 };
	u32 out[3];

	(void)state;
	/* APIC ids 0, 0x42 and 0x77, the last of which nobody has. */
	put(in, sizeof(in));
	assert_int_equal(call(0x9a | 2ull << 32, IN, OUT), 2ull << 32);
	memcpy(out, memory[1], 12);
	assert_int_equal(out[0], 0);
	assert_int_equal(out[1], 2);
	assert_int_equal(out[2], 0xeeeeeeee);
	assert_int_equal(call(0x9a | count3, IN, OUT), 2ull << 32 | HV_STATUS_NOT_FOUND);
	/* From element 1 on; what is before is not touched. */
	memset(memory[1], 0xee, 16);
	assert_int_equal(call(0x9a | 2ull << 32 | 1ull << 48, IN, OUT), 2ull << 32);
	memcpy(out, memory[1], 12);
	assert_int_equal(out[0], 0xeeeeeeee);
	assert_int_equal(out[1], 2);
	in[0] = 5;
	put(in, sizeof(in));
	assert_int_equal(call(0x9a | count3, IN, OUT), HV_STATUS_INVALID_PARTITION_ID);
	in[0] = 1;
	in[1] = 1;
	put(in, sizeof(in));
	assert_int_equal(call(0x9a | count3, IN, OUT), HV_STATUS_INVALID_PARAMETER);
	in[1] = 1ull << 63;
	put(in, sizeof(in));
	assert_int_equal(call(0x9a | count3, IN, OUT), HV_STATUS_INVALID_PARAMETER);
	/* More elements than a page holds. */
	assert_int_equal(call(0x9a | 0xfffull << 32, IN, OUT), HV_STATUS_INVALID_PARAMETER);
}

static void test_device_interrupts(void **state)
{
	struct {
		struct hv_map_device_interrupt_input in;
		u64 set[2];
	} map = { .in = { .partition_id = ~0ull, .device_id = 0x1234 }, .set = { 1, 4 } };
	struct hv_map_device_interrupt_output out;
	struct hv_unmap_device_interrupt_input unmap = { .partition_id = 1, .device_id = 9 };

	(void)state;
	put(&map, sizeof(map));
	assert_int_equal(call(0x7c | 2ull << 17, IN, OUT), 0);
	assert_memory_equal(&map_seen, &map.in, sizeof(map_seen));
	assert_int_equal(set_words_seen, 2);
	assert_int_equal(set_seen[1], 4);
	memcpy(&out, memory[1], sizeof(out));
	assert_int_equal(out.entry.msi.address, 0xfee00000);
	assert_int_equal(out.entry.msi.data, 0x41);
	assert_int_equal(call(0x7c, IN, OUT), 0);
	assert_int_equal(set_words_seen, 0);
	/* A failure writes no output. */
	map.in.device_id = 7;
	put(&map, sizeof(map));
	memset(memory[1], 0xee, 64);
	assert_int_equal(call(0x7c, IN, OUT), HV_STATUS_INVALID_DEVICE_ID);
	assert_int_equal(out64(), 0xeeeeeeeeeeeeeeeeull);
	map.in.partition_id = 3;
	put(&map, sizeof(map));
	assert_int_equal(call(0x7c, IN, OUT), HV_STATUS_INVALID_PARTITION_ID);
	put(&unmap, sizeof(unmap));
	assert_int_equal(call(0x7d, IN, 0), HV_STATUS_NOT_FOUND);
	assert_int_equal(unmap_seen.device_id, 9);
	/* A set that no partition can have. */
	assert_int_equal(call(0x7c | 200ull << 17, IN, OUT), HV_STATUS_INVALID_HYPERCALL_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_spin_wait, setup),
		cmocka_unit_test_setup(test_32_bit, setup),
		cmocka_unit_test_setup(test_no_such_instruction, setup),
		cmocka_unit_test_setup(test_table, setup),
		cmocka_unit_test_setup(test_table_privileges, setup),
		cmocka_unit_test_setup(test_rep_failure, setup),
		cmocka_unit_test_setup(test_rep_yields, setup),
		cmocka_unit_test_setup(test_rep_yields_32_bit, setup),
		cmocka_unit_test_setup(test_simple_again, setup),
		cmocka_unit_test_setup(test_fast, setup),
		cmocka_unit_test_setup(test_variable_header, setup),
		cmocka_unit_test_setup(test_codes, setup),
		cmocka_unit_test_setup(test_privileges, setup),
		cmocka_unit_test_setup(test_partition_id, setup),
		cmocka_unit_test_setup(test_vp_index, setup),
		cmocka_unit_test_setup(test_device_interrupts, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
