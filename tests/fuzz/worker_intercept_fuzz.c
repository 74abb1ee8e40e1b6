/* SPDX-License-Identifier: MIT */
/*
 * Intercepts with any message, registers, page tables and instruction bytes.
 * The input is a struct input, cut short or not. Each intercept ends with the
 * VP going on or with a sentence, after bounded work, and touches only RAM.
 * sources: rootpart/worker/intercept.c rootpart/worker/intercept_io.c
 * sources: rootpart/worker/intercept_memory.c rootpart/worker/intercept_string.c
 * sources: rootpart/worker/vp.c rootpart/worker/vp_memory.c rootpart/worker/ports.c
 * sources: rootpart/worker/power.c lib/insn.c lib/insn_access.c lib/insn_address.c
 * sources: lib/mmio_emulate.c rootpart/worker/memory.c rootpart/worker/machine.c
 * sources: rootpart/worker/uart.c rootpart/worker/rtc.c lib/date.c
 * sources: rootpart/worker/console.c rootpart/worker/report.c rootpart/worker/sys.c lib/format.c
 * sources: tests/unit/fake_worker.c tests/unit/host_assert.c
 * sources: rootpart/worker/ioapic.c rootpart/worker/bus.c rootpart/worker/crash.c
 */
#include <string.h>

#include "rootpart/worker/intercept.h"
#include "rootpart/worker/machine.h"
#include "rootpart/worker/memory.h"
#include "tests/unit/fake_worker.h"

#define RAM_SIZE  0x20000u
#define STOPS     4u
#define CALLS_MAX 8192u

/* What the fuzzer chooses. Fields that make most runs end early come masked. */
struct input {
	u8 type;      /* index of types[] */
	u8 mode;      /* 0: 16 bits, 1: 32, 2: 64, else what regs say */
	u8 result[4]; /* of the pages at 0x8000 to 0xb000 */
	u8 rights[4];
	u8 code[32]; /* at 0x7ff0 */
	u64 rip, rflags, cr0, cr4, efer;
	u64 gpr[16];
	struct hv_segment es, cs, ss, ds, fs, gs;
	u64 payload[HV_MESSAGE_PAYLOAD_MAX / 8];
};

static const u32 types[] = { HV_MESSAGE_IO_PORT, HV_MESSAGE_UNMAPPED_GPA, HV_MESSAGE_GPA_INTERCEPT,
	HV_MESSAGE_MSR, HV_MESSAGE_CPUID, HV_MESSAGE_EXCEPTION, HV_MESSAGE_HALT,
	HV_MESSAGE_TRIPLE_FAULT, HV_MESSAGE_INVALID_REGISTER, HV_MESSAGE_UNSUPPORTED_FEATURE,
	HV_MESSAGE_NONE };

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		__builtin_trap();
}

static void set_registers(const struct input *in)
{
	struct hv_register_page *regs = &fake_registers[0];

	memcpy(regs->gpr, in->gpr, sizeof(regs->gpr));
	regs->rip = in->rip;
	regs->rflags = in->rflags;
	regs->es = in->es;
	regs->cs = in->cs;
	regs->ss = in->ss;
	regs->ds = in->ds;
	regs->fs = in->fs;
	regs->gs = in->gs;
	regs->cr0 = in->cr0;
	regs->cr4 = in->cr4;
	regs->efer = in->efer;
	if (in->mode > 2)
		return;
	regs->cr0 = in->mode ? 0x80000001 : 0;
	regs->efer = in->mode == 2 ? 0x500 : 0;
	regs->cs.attributes = in->mode == 2 ? 0xa09b : in->mode ? 0xc09b : 0x9b;
}

static void set_pages(const struct input *in)
{
	for (u32 i = 0; i < ARRAY_SIZE(in->result); i++)
		fake_map(0x8000 + i * PAGE_SIZE, (in->rights[i] >> 3) * PAGE_SIZE,
			in->result[i] % (HV_TRANSLATE_GPA_NO_WRITE + 1), in->rights[i] & 7);
	memcpy(fake_memory(0x7ff0), in->code, sizeof(in->code));
}

static void stop(void)
{
	intercept_handle(0);
}

static u32 all_calls(void)
{
	u32 all = 0;

	for (u32 i = 0; i < ARRAY_SIZE(fake.calls); i++)
		all += fake.calls[i];
	return all;
}

static void run(const struct input *in)
{
	struct hv_message *m = &fake_intercepts[0];

	m->header.type = types[in->type % ARRAY_SIZE(types)];
	m->header.size = HV_MESSAGE_PAYLOAD_MAX;
	memcpy(m->payload, in->payload, sizeof(m->payload));
	for (u32 i = 0; i < STOPS; i++) {
		u32 calls = all_calls();
		enum fake_end end = fake_run(stop);

		require(all_calls() - calls <= CALLS_MAX);
		require(machine.uart.tx_count <= UART_TX_SIZE);
		if (end == FAKE_ENDED) {
			require(fake.end_text[0] != '\0');
			return;
		}
		require(end == FAKE_RETURNED && fake.resumed[0] == i + 1);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { 0 };

	memcpy(&in, data, MIN(size, sizeof(in)));
	fake_reset();
	fake.start.vp_count = 1 + (in.type >> 7);
	fake_region(0, RAM_SIZE, WORKER_REGION_RAM);
	fake_region(RAM_SIZE, PAGE_SIZE, WORKER_REGION_ROM);
	machine_init();
	require(memory_init());
	set_registers(&in);
	set_pages(&in);
	run(&in);
	return 0;
}
