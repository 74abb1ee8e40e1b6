/* SPDX-License-Identifier: MIT */
/*
 * Stopping a child's VP and letting it go on: whatever it does just then, its
 * registers are at rest afterwards, and nothing of it is lost. And the pages
 * in which its parent finds them.
 * machines: svm-smp1-bios svm-smp2-bios vmx-smp1 ryzen-smp1
 */
#include "base/assert.h"
#include "hv/hypercall.h"
#include "lib/string.h"
#include "tests/guest/lib/child_code.h"
#include "tests/guest/lib/message.h"
#include "tests/guest/lib/probe.h"
#include "tests/guest/lib/sleep.h"
#include "x86/cpu.h"
#include "x86/desc.h"

#define SECOND 1000000u
#define ROUNDS 200u

static volatile u64 *data(void)
{
	return (volatile u64 *)(void *)(probe.ram + CHILD_DATA);
}

static u64 set(u32 name, u64 v)
{
	struct hv_register_assoc one = { .name = name, .value = { .wide = { v } } };

	return child_set_registers(probe.id, 0, &one, 1);
}

static void test_running(void)
{
	u32 still = 0, moved = 0;

	probe_start(code_count, code_count_end);
	for (u32 i = 0; i < ROUNDS; i++) {
		u64 before = *data();

		child_release(probe.id, 0);
		moved += guest_sleep_while(data(), before, SECOND);
		child_suspend(probe.id, 0);
		before = *data();
		guest_delay_us(20);
		still += *data() == before;
	}
	guest_check(
		still == ROUNDS && moved == ROUNDS, "running", "still %u moved %u", still, moved);
	/* Twice is as good as once. */
	child_suspend(probe.id, 0);
	guest_check(probe_get(HV_REGISTER_EXPLICIT_SUSPEND) == 1 &&
			    probe_get(HV_REGISTER_INTERCEPT_SUSPEND) == 0,
		"suspended");
	child_release(probe.id, 0);
	child_release(probe.id, 0);
	guest_check(guest_sleep_while(data(), *data(), SECOND), "released");
	child_end(probe.id);
}

/* Of several on one processor, all but one wait in a queue. */
static void test_queued(void)
{
	volatile u64 *second;
	u64 before[2];

	probe_start(code_count, code_count_end);
	second = data() + 1;
	child_add_vp(probe.id, 1, CHILD_CODE, CHILD_STACK - 0x800);
	child_register_set(probe.id, 1, PROBE_RDI, CHILD_DATA + 8);
	assert(child_affinity(probe.id, 0, 1) == 0 && child_affinity(probe.id, 1, 1) == 0);
	child_release(probe.id, 0);
	child_release(probe.id, 1);
	guest_check(guest_sleep_while(data(), 0, SECOND) && guest_sleep_while(second, 0, SECOND),
		"queued-both");
	child_suspend(probe.id, 0);
	before[0] = *data();
	before[1] = *second;
	guest_sleep_us(20000);
	guest_check(*data() == before[0] && *second > before[1], "queued");
	child_end(probe.id);
}

/* Stops it in HLT while its timer of @us runs; false if that is over before, or it is not there yet. */
static bool stop_halted(struct code_timer *t, u64 us)
{
	*t = (struct code_timer){ .initial = us * 200 };
	child_release(probe.id, 0);
	guest_check(guest_sleep_while(&t->start_tsc, 0, SECOND), "halted-starts");
	guest_sleep_us(1000);
	child_suspend(probe.id, 0);
	return !t->count && probe_get(HV_REGISTER_INTERNAL_ACTIVITY) == HV_ACTIVITY_HALT;
}

/* Runs it until it halts again. */
static bool halts(void)
{
	u64 activity;

	for (u32 us = 1; us < SECOND; us *= 2) {
		activity = probe_get(HV_REGISTER_INTERNAL_ACTIVITY);
		if (activity == HV_ACTIVITY_HALT)
			return true;
		child_release(probe.id, 0);
		guest_sleep_us(us);
		child_suspend(probe.id, 0);
	}
	return false;
}

/* Its timer's interrupt waits for it. */
static void test_halted(void)
{
	struct code_timer *t;
	u64 us = 4000;

	probe_start(code_timer, code_timer_end);
	t = (void *)(u64)data();
	/* A slow host may come too late for a short time. */
	while (!stop_halted(t, us) && us < SECOND) {
		us *= 4;
		child_end(probe.id);
		probe_start(code_timer, code_timer_end);
		t = (void *)(u64)data();
	}
	guest_sleep_us(us + 6000);
	guest_check(t->count == 0 && probe_get(HV_REGISTER_INTERNAL_ACTIVITY) == HV_ACTIVITY_HALT,
		"halted", "%lu", t->count);
	child_release(probe.id, 0);
	guest_check(guest_sleep_while(&t->count, 0, SECOND) && t->count == 1, "halted-wakes");
	child_suspend(probe.id, 0);
	guest_check(halts() && t->count == 1, "halted-again");
	child_end(probe.id);
}

/* Both reasons are there at once: only when none is left it runs. */
static void test_intercepted(void)
{
	probe_start(code_out, code_out_end);
	probe_resume();
	guest_check(probe_get(HV_REGISTER_INTERCEPT_SUSPEND) == 1, "intercepted");
	child_suspend(probe.id, 0);
	probe_set(HV_X64_REGISTER_RIP, probe_get(HV_X64_REGISTER_RIP) + 2);
	child_resume(probe.id, 0);
	guest_sleep_us(1000);
	guest_check(!guest_message_poll(&probe.m), "intercepted-explicit");
	child_release(probe.id, 0);
	guest_message_wait(&probe.m);
	child_suspend(probe.id, 0);
	child_release(probe.id, 0);
	guest_sleep_us(1000);
	guest_check(!guest_message_poll(&probe.m) && probe_get(HV_REGISTER_INTERCEPT_SUSPEND) == 1,
		"released-intercepted");
	guest_check(
		set(HV_REGISTER_INTERCEPT_SUSPEND, 1) == HV_STATUS_INVALID_REGISTER_VALUE &&
			set(HV_REGISTER_INTERCEPT_SUSPEND, 2) == HV_STATUS_INVALID_REGISTER_VALUE &&
			set(HV_REGISTER_EXPLICIT_SUSPEND, 2) == HV_STATUS_INVALID_REGISTER_VALUE,
		"suspend-values");
	child_resume(probe.id, 0);
	guest_message_wait(&probe.m);
	child_end(probe.id);
}

/* It makes intercepts all the time: when it stands there is one message of each, or none. */
static void test_race(void)
{
	u32 intercepts = 0, wrong = 0;

	probe_start(code_out, code_out_end);
	for (u32 i = 0; i < ROUNDS; i++) {
		bool stopped, came;

		child_release(probe.id, 0);
		/* Asleep, so that it runs also where it has no processor of its own. */
		if (i % 8)
			guest_delay_us(i % 16);
		else
			guest_sleep_us(i * 10);
		child_suspend(probe.id, 0);
		stopped = probe_get(HV_REGISTER_INTERCEPT_SUSPEND);
		came = guest_message_poll(&probe.m);
		wrong += stopped != came || guest_message_poll(&probe.m);
		intercepts += came;
		if (!came)
			continue;
		probe_set(HV_X64_REGISTER_RIP, CHILD_CODE);
		child_resume(probe.id, 0);
	}
	guest_check(!wrong, "race", "%u wrong, %u intercepts", wrong, intercepts);
	guest_check(intercepts, "race-intercepts");
	child_end(probe.id);
}

static void end_vp(const char *name)
{
	u64 result = child_delete_vp(probe.id, 0);

	guest_check(result == HV_STATUS_SUCCESS, name, "%lx", result);
	guest_sleep_us(1000);
	guest_check(!guest_message_poll(&probe.m), "deleted-silent", "%s", name);
	/* Another one in its place begins from the start. */
	result = child_create_vp(probe.id, 0);
	guest_check(result == HV_STATUS_SUCCESS && probe_get(PROBE_RDI) == 0 &&
			    probe_get(HV_X64_REGISTER_RIP) == 0xfff0,
		"made-again", "%s %lx", name, result);
	child_end(probe.id);
}

static void test_deleted(void)
{
	probe_start(code_count, code_count_end);
	end_vp("deleted-new");
	probe_start(code_count, code_count_end);
	child_release(probe.id, 0);
	guest_check(guest_sleep_while(data(), 0, SECOND), "to-be-deleted");
	end_vp("deleted-running");
	probe_start(code_halt, code_halt_end);
	child_release(probe.id, 0);
	guest_check(guest_sleep_while(data(), 0, SECOND), "to-be-deleted");
	end_vp("deleted-halted");
	probe_start(code_timer, code_timer_end);
	*(struct code_timer *)(void *)(u64)data() =
		(struct code_timer){ .mode = 0x20000, .initial = 200 * 50 };
	child_release(probe.id, 0);
	guest_check(guest_sleep_while(data(), 0, SECOND), "to-be-deleted");
	end_vp("deleted-timer");
	probe_start(code_out, code_out_end);
	probe_resume();
	end_vp("deleted-intercepted");
}

/* A child ends while it runs, VPs everywhere. */
static void test_finalized(void)
{
	probe_start(code_count, code_count_end);
	for (u32 i = 1; i < 8; i++) {
		child_add_vp(probe.id, i, CHILD_CODE, CHILD_STACK - 0x100 * i);
		child_register_set(probe.id, i, PROBE_RDI, CHILD_DATA + 8 * i);
		child_release(probe.id, i);
	}
	child_release(probe.id, 0);
	guest_check(guest_sleep_while(data(), 0, SECOND), "to-be-finalized");
	child_end(probe.id);
	guest_pass("finalized");
}

static struct hv_register_page *registers;
static const struct hv_message *message;

static void state_pages(void)
{
	u64 gpfn[2], again;

	assert(child_state_page(probe.id, 0, HV_STATE_PAGE_REGISTERS, &gpfn[0]) == 0);
	assert(child_state_page(probe.id, 0, HV_STATE_PAGE_INTERCEPT, &gpfn[1]) == 0);
	guest_check(child_state_page(probe.id, 0, HV_STATE_PAGE_REGISTERS, &again) == 0 &&
			    again == gpfn[0] && gpfn[0] != gpfn[1],
		"state-page-again");
	registers = (void *)(gpfn[0] << PAGE_SHIFT);
	message = (const void *)(gpfn[1] << PAGE_SHIFT);
}

static bool is_opaque(void)
{
	return probe.m.header.type == HV_MESSAGE_OPAQUE_INTERCEPT &&
	       probe.m.header.sender == probe.id && probe.m.header.size == 4 &&
	       (u32)probe.m.payload[0] == 0;
}

static struct hv_segment segment(u32 name)
{
	union hv_register_value v;
	u64 result = child_get_registers(probe.id, 0, &name, &v, 1);

	assert(result == CHILD_DONE(1));
	return v.segment;
}

static bool page_is_right(void)
{
	struct hv_segment cs = segment(HV_X64_REGISTER_CS), ss = segment(HV_X64_REGISTER_SS);

	for (u32 i = 0; i < 16; i++)
		if (registers->gpr[i] != probe_get(PROBE_REG(i)))
			return false;
	return registers->version == HV_REGISTER_PAGE_VERSION && registers->valid == 1 &&
	       registers->vtl == 0 && registers->dirty == 0 &&
	       registers->rip == probe_get(HV_X64_REGISTER_RIP) &&
	       registers->rflags == probe_get(HV_X64_REGISTER_RFLAGS) &&
	       registers->cr0 == probe_get(HV_X64_REGISTER_CR0) &&
	       registers->cr3 == probe_get(HV_X64_REGISTER_CR3) &&
	       registers->cr4 == probe_get(HV_X64_REGISTER_CR4) &&
	       registers->efer == probe_get(HV_X64_REGISTER_EFER) &&
	       registers->cr8 == probe_get(HV_X64_REGISTER_CR8) &&
	       registers->dr7 == probe_get(HV_X64_REGISTER_DR7) &&
	       memcmp(&registers->cs, &cs, sizeof(cs)) == 0 &&
	       memcmp(&registers->ss, &ss, sizeof(ss)) == 0;
}

/* What is named as changed is loaded, and nothing else. */
static void test_dirty(void)
{
	registers->gpr[2] = 0x2222;
	registers->rip = CHILD_CODE + 0x1000;
	registers->rflags = RFLAGS_FIXED | RFLAGS_CF;
	probe_at(CHILD_CODE);
	guest_check(is_opaque() && probe_get(PROBE_RDX) == 0x1234 &&
			    probe_get(HV_X64_REGISTER_RIP) == CHILD_CODE &&
			    !(probe_get(HV_X64_REGISTER_RFLAGS) & RFLAGS_CF),
		"not-dirty", "rdx %lx rip %lx", probe_get(PROBE_RDX),
		probe_get(HV_X64_REGISTER_RIP));
	registers->gpr[2] = 0x2222;
	registers->rip = CHILD_CODE + 0x1000;
	registers->rflags = RFLAGS_FIXED | RFLAGS_CF;
	registers->es.base = 0x123000;
	registers->cr3 = 0x777000;
	memcpy(probe.ram + CHILD_CODE + 0x1000, (const u8[]){ 0xe6, 0x99 }, 2);
	registers->dirty = HV_DIRTY_GPRS | HV_DIRTY_RIP | HV_DIRTY_RFLAGS | HV_DIRTY_SEGMENTS;
	probe_resume();
	guest_check(is_opaque() && probe_get(PROBE_RDX) == 0x2222 &&
			    probe_get(HV_X64_REGISTER_RIP) == CHILD_CODE + 0x1000 &&
			    probe_get(HV_X64_REGISTER_RFLAGS) & RFLAGS_CF &&
			    segment(HV_X64_REGISTER_ES).base == 0x123000 &&
			    probe_get(HV_X64_REGISTER_CR3) == CHILD_TABLES && page_is_right(),
		"dirty", "rip %lx", probe_get(HV_X64_REGISTER_RIP));
}

/* The VP waits on, unchanged, until the page has nothing that cannot be. */
static void test_bad_dirty(void)
{
	u64 bad = HV_STATUS_INVALID_REGISTER_VALUE;

	registers->dirty = HV_DIRTY_XMM;
	guest_check(set(HV_REGISTER_INTERCEPT_SUSPEND, 0) == bad, "dirty-xmm");
	registers->dirty = HV_DIRTY_SEGMENTS | HV_DIRTY_GPRS;
	registers->gpr[2] = 0x3333;
	registers->ss.attributes = 0xffff;
	guest_check(set(HV_REGISTER_INTERCEPT_SUSPEND, 0) == bad, "dirty-segment");
	guest_check(probe_get(HV_REGISTER_INTERCEPT_SUSPEND) == 1 &&
			    probe_get(PROBE_RDX) == 0x2222 &&
			    segment(HV_X64_REGISTER_ES).base == 0x123000,
		"dirty-refused");
	registers->dirty = 0;
	probe_resume();
	guest_check(is_opaque() && probe_get(PROBE_RDX) == 0x2222, "dirty-mended");
}

static void write_byte(void *p)
{
	*(volatile u8 *)p = 1;
}

static void read_byte(void *p)
{
	(void)*(volatile u8 *)p;
}

static void unmap_state_page(u16 type)
{
	struct hv_unmap_state_page_input in = { .partition_id = probe.id, .type = type };
	u64 result = guest_hypercall_block(HV_CALL_UNMAP_VP_STATE_PAGE, &in, sizeof(in), NULL, 0);

	guest_check(result == HV_STATUS_SUCCESS, "state-page-unmapped", "%lx", result);
	result = guest_hypercall_block(HV_CALL_UNMAP_VP_STATE_PAGE, &in, sizeof(in), NULL, 0);
	guest_check(
		result == HV_STATUS_INVALID_VP_STATE, "state-page-unmapped-twice", "%lx", result);
}

static void test_state_pages(void)
{
	const struct hv_io_intercept *io;

	probe_start(code_count, code_count_end);
	probe_set(PROBE_RDX, 0x1234);
	state_pages();
	io = (const void *)message->payload;
	guest_check(registers->valid == 0 && registers->version == HV_REGISTER_PAGE_VERSION,
		"register-page-new");
	PROBE(0xe6, 0x99);
	guest_check(is_opaque() && message->header.type == HV_MESSAGE_IO_PORT &&
			    message->header.sender == probe.id && io->port == 0x99 &&
			    io->header.rip == CHILD_CODE,
		"opaque", "%x", message->header.type);
	guest_check(page_is_right(), "register-page");
	guest_check(guest_try(write_byte, (void *)(u64)message).vector == VEC_GP,
		"intercept-page-read-only");
	test_dirty();
	test_bad_dirty();
	/* While it runs there is nothing in it. */
	memcpy(probe.ram + CHILD_CODE, code_count, (size_t)(code_count_end - code_count));
	probe_set(HV_X64_REGISTER_RIP, CHILD_CODE);
	child_resume(probe.id, 0);
	guest_check(guest_sleep_while(data(), 0, SECOND) && registers->valid == 0, "not-valid");
	child_suspend(probe.id, 0);
	unmap_state_page(HV_STATE_PAGE_REGISTERS);
	unmap_state_page(HV_STATE_PAGE_INTERCEPT);
	guest_check(guest_try(read_byte, registers).vector == VEC_GP &&
			    guest_try(read_byte, (void *)(u64)message).vector == VEC_GP,
		"state-pages-gone");
	memcpy(probe.ram + CHILD_CODE, (const u8[]){ 0xe6, 0x98 }, 2);
	probe_set(HV_X64_REGISTER_RIP, CHILD_CODE);
	child_release(probe.id, 0);
	guest_message_wait(&probe.m);
	guest_check(probe.m.header.type == HV_MESSAGE_IO_PORT, "message-whole-again", "%x",
		probe.m.header.type);
	child_end(probe.id);
}

void guest_main(void)
{
	guest_messages_init();
	test_running();
	test_queued();
	test_halted();
	test_intercepted();
	test_race();
	test_deleted();
	test_finalized();
	test_state_pages();
}
