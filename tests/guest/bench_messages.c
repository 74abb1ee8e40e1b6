/* SPDX-License-Identifier: MIT */
/*
 * Costs of messages and events: from the call that sends one to the first
 * instruction of the receiver's handler, which is the sender itself, a child that
 * halts, or the root that has halted for a child. "BENCH name value" in TSC
 * ticks, without the guests' own instructions.
 */
#include "base/assert.h"
#include "hv/msr.h"
#include "lib/string.h"
#include "tests/guest/lib/bench.h"
#include "tests/guest/lib/child_code.h"
#include "tests/guest/lib/child_port.h"
#include "tests/guest/lib/message.h"
#include "tests/guest/lib/probe.h"
#include "tests/guest/lib/time.h"
#include "x86/cpu.h"
#include "x86/msr.h"

#define SELF      HV_PARTITION_SELF
#define PORT      0x777u
#define EVENTS    0x778u
#define OVERLAY   0x41000u /* of the child, and what follows */
#define INPUT     0x42000u
#define SIMP      0x43000u
#define SIEFP     0x44000u
#define VECTOR    0x70u
#define SETTLE    2000u /* time in which a child comes to its HLT */
#define FLAG_WORD (PORT_FLAGS / 64)

/* VMCALL, STI, HLT, CLI, RET; a NOP for the byte that VMCALL does not need. */
static struct bench_code call_and_halt;

static struct bench_own own;
static struct guest_regs call; /* what sends */

static const struct hv_post_message_input message = {
	.connection_id = PORT, .type = 0x55, .size = 8
};

static void on_port(u8 vector)
{
	(void)vector;
	bench_fired = rdtsc();
}

static void taken(void)
{
	if (port_slot()->header.type)
		port_slot_done();
	((u64 *)(void *)port_flags)[PORT_SINT * 32 + FLAG_WORD] = 0;
}

static struct guest_regs call_post(u64 input)
{
	return (struct guest_regs){ .rcx = HV_CALL_POST_MESSAGE, .rdx = input };
}

static struct guest_regs call_signal(void)
{
	return (struct guest_regs){ .rcx = HV_CALL_SIGNAL_EVENT | HV_CONTROL_FAST, .rdx = EVENTS };
}

/* --- Within one VP --- */

static u64 to_self(void)
{
	u64 start;

	bench_fired = 0;
	start = rdtsc();
	(void)bench_run(BENCH_FIRST, &call);
	taken();
	assert(bench_fired);
	return bench_fired - start - own.before - own.behind;
}

static void rows_self(u64 input)
{
	port_open(SELF, SELF, PORT);
	port_open_events(SELF, SELF, EVENTS);
	irq_enable();
	bench_put(BENCH_FIRST, bench_call(), false);
	call = call_post(input);
	guest_bench("message-to-self", bench_best(to_self));
	call = call_signal();
	guest_bench("event-to-self", bench_best(to_self));
	irq_disable();
	assert(port_delete(SELF, PORT) == 0 && port_delete(SELF, EVENTS) == 0);
	assert(port_disconnect(SELF, PORT) == 0 && port_disconnect(SELF, EVENTS) == 0);
}

/* --- To a child that halts, and on whose processor the root halts then --- */

static volatile u64 *stamp;

static void on_settled(u8 vector)
{
	(void)vector;
	msr_write(HV_MSR_EOI, 0);
}

/* At a HLT of its own: what the hypervisor remembers of code is part of the figure. */
static void settle(void)
{
	const struct guest_regs none = { 0 };

	msr_write(HV_MSR_STIMER_COUNT(0), guest_time_counter() + SETTLE);
	(void)bench_run(BENCH_HALT, &none);
}

/* The child stands at its OUT. */
static void behind_out(void)
{
	probe_set(HV_X64_REGISTER_RIP, probe_get(HV_X64_REGISTER_RIP) + 2);
}

static u64 to_child(void)
{
	u64 start;

	settle();
	start = rdtsc();
	(void)bench_run(BENCH_CALL, &call);
	guest_message_wait(&probe.m);
	behind_out();
	child_resume(probe.id, 0);
	return *stamp - start - own.before;
}

static void rows_child(u64 input)
{
	probe_begin();
	memcpy(probe.ram + CHILD_CODE, code_stamp, (size_t)(code_stamp_end - code_stamp));
	stamp = (u64 *)(void *)(probe.ram + CHILD_DATA);
	child_gate(probe.ram, CODE_TIMER_VECTOR, CHILD_CODE + CODE_TIMER_HANDLER);
	probe_set(HV_REGISTER_SIMP, SIMP | HV_MSR_PAGE_ENABLE);
	probe_set(HV_REGISTER_SIEFP, SIEFP | HV_MSR_PAGE_ENABLE);
	probe_set(HV_REGISTER_SINT0 + PORT_SINT, CODE_TIMER_VECTOR | HV_SINT_AUTO_EOI);
	probe_set(HV_REGISTER_SCONTROL, HV_SCONTROL_ENABLE);
	probe_set(PROBE_RDI, CHILD_DATA);
	probe_set(PROBE_RSI, SIMP + PORT_SINT * sizeof(struct hv_message));
	probe_set(PROBE_RBX, SIEFP + PORT_SINT * 256 + 8 * FLAG_WORD);
	port_open(probe.id, SELF, PORT);
	port_open_events(probe.id, SELF, EVENTS);
	child_release(probe.id, 0);
	msr_write(HV_MSR_STIMER_CONFIG(0), HV_STIMER_ENABLE | HV_STIMER_AUTO_ENABLE |
						   HV_STIMER_DIRECT | HV_STIMER_VECTOR(VECTOR));
	guest_on_interrupt(VECTOR, on_settled);
	bench_put(BENCH_HALT, &bench_halt, false);
	bench_put(BENCH_CALL, &call_and_halt, false);
	call = call_post(input);
	guest_bench("message-to-child", bench_best(to_child));
	call = call_signal();
	guest_bench("event-to-child", bench_best(to_child));
	probe_end();
	assert(port_disconnect(SELF, PORT) == 0 && port_disconnect(SELF, EVENTS) == 0);
}

/* --- To the root, which halts --- */

static u64 to_root(void)
{
	bench_fired = 0;
	behind_out();
	probe_resume();
	taken();
	assert(bench_fired);
	return bench_fired - *stamp - CODE_STAMP_OWN - own.behind;
}

static void sends(struct guest_regs r)
{
	probe_set(PROBE_REG(12), r.rcx);
	probe_set(PROBE_REG(13), r.rdx);
	probe_set(PROBE_REG(14), 0);
}

static void rows_root(void)
{
	probe_begin();
	memcpy(probe.ram + CHILD_CODE, code_stamp_call,
		(size_t)(code_stamp_call_end - code_stamp_call));
	memcpy(probe.ram + INPUT, &message, sizeof(message));
	stamp = (u64 *)(void *)(probe.ram + CHILD_DATA);
	probe_set(PROBE_RDI, CHILD_DATA);
	probe_set(PROBE_RBX, OVERLAY);
	port_open(SELF, probe.id, PORT);
	port_open_events(SELF, probe.id, EVENTS);
	/* The first call makes the hypercall page before. */
	sends(call_signal());
	probe_at(CHILD_CODE);
	taken();
	sends(call_post(INPUT));
	guest_bench("message-to-root", bench_best(to_root));
	sends(call_signal());
	guest_bench("event-to-root", bench_best(to_root));
	probe_end();
	assert(port_delete(SELF, PORT) == 0 && port_delete(SELF, EVENTS) == 0);
}

void guest_main(void)
{
	u64 input = (u64)guest_pages(1);

	memcpy((void *)input, &message, sizeof(message));
	call_and_halt = *bench_call();
	memcpy(call_and_halt.bytes + call_and_halt.exiting, bench_halt.bytes, bench_halt.size);
	call_and_halt.size = (u8)(call_and_halt.exiting + bench_halt.size);
	(void)guest_hypercall_page();
	guest_messages_init();
	port_receive_init();
	guest_on_interrupt(PORT_VECTOR, on_port);
	guest_on_interrupt(BENCH_VECTOR, on_port);
	own = bench_own();
	rows_self(input);
	rows_child(input);
	rows_root();
	(void)child_withdraw_all(SELF);
}
