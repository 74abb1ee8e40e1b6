/* SPDX-License-Identifier: MIT */
/*
 * A worker's whole life on the host: start page, loading, events, console.
 * sources: rootpart/worker/main.c rootpart/worker/load.c rootpart/worker/load_bzimage.c
 * sources: rootpart/worker/load_entry.c rootpart/worker/load_map.c rootpart/worker/load_multiboot.c
 * sources: rootpart/worker/load_pvh.c rootpart/worker/place.c rootpart/worker/kernel_file.c
 * sources: lib/elf.c rootpart/worker/intercept.c rootpart/worker/intercept_io.c
 * sources: rootpart/worker/intercept_memory.c rootpart/worker/intercept_string.c
 * sources: rootpart/worker/vp.c rootpart/worker/vp_memory.c rootpart/worker/ports.c
 * sources: rootpart/worker/power.c lib/insn.c lib/insn_access.c lib/insn_address.c
 * sources: lib/mmio_emulate.c rootpart/worker/memory.c rootpart/worker/machine.c
 * sources: rootpart/worker/uart.c rootpart/worker/rtc.c lib/date.c
 * sources: rootpart/worker/console.c rootpart/worker/report.c rootpart/worker/sys.c lib/format.c
 * sources: tests/unit/fake_worker.c tests/unit/host_assert.c rootpart/worker/acpi_tables.c
 * sources: rootpart/worker/acpi_dsdt.c rootpart/worker/ioapic.c rootpart/worker/bus.c
 * sources: rootpart/worker/firmware.c rootpart/worker/crash.c
 */
#include "rootpart/worker/main.h"
#include "worker_kernel.h"

#define COM1 0x3f8

static void run(void)
{
	worker_run();
}

static void ends(enum worker_end end, const char *why)
{
	assert_int_equal(fake_run(run), FAKE_ENDED);
	assert_int_equal(fake.end, end);
	assert_string_equal(fake.end_text, why);
}

/* A VP that runs `out dx, al` or `in al, dx` all the time. */
static void vp_on_port(u32 vp, u16 port, u8 access, u8 al)
{
	struct hv_message *m = &fake_intercepts[vp];
	struct hv_io_intercept *io = (struct hv_io_intercept *)m->payload;

	m->header.type = HV_MESSAGE_IO_PORT;
	m->header.size = sizeof(*io);
	io->header.vp_index = vp;
	io->header.length_cr8 = 1;
	io->header.access = access;
	io->port = port;
	io->access = 1;
	fake_registers[vp].gpr[0] = al;
}

static void loads_and_waits(void **state)
{
	(void)state;
	kernel_64();
	assert_int_equal(fake_run(run), FAKE_WAITS);
	assert_true(fake.loaded);
	segments_are_loaded();
	assert_int_equal(fake.resumed[0], 0);
}

static void start_pages_that_are_wrong(void **state)
{
	(void)state;
	kernel_64();
	fake.start.version = 7;
	ends(WORKER_END_FAILED, "the kernel starts workers by version 7, this one has 2: rebuild "
				"boot.cpio");
	kernel_setup(state);
	fake.start.vp_count = 0;
	ends(WORKER_END_FAILED, "0 VPs, which is not 1 to 64");
	kernel_setup(state);
	fake.start.vp_count = 65;
	ends(WORKER_END_FAILED, "65 VPs, which is not 1 to 64");
	kernel_setup(state);
	fake.start.region[1].size = 1;
	ends(WORKER_END_FAILED, "the regions of memory make no sense");
	assert_false(fake.loaded);
}

static void events_that_are_wrong(void **state)
{
	(void)state;
	kernel_64();
	fake_push_intercept(2);
	ends(WORKER_END_FAILED, "an intercept of VP 2, which is not there");
	kernel_setup(state);
	kernel_64();
	fake_push_timer();
	fake.event[0].kind = 9;
	ends(WORKER_END_FAILED, "an event of unknown kind 9");
}

static void vps_are_answered(void **state)
{
	(void)state;
	kernel_64();
	vp_on_port(0, COM1 + 5, HV_ACCESS_READ, 0);
	vp_on_port(1, 0x80, HV_ACCESS_WRITE, 0);
	fake_push_intercept(1);
	fake_push_intercept(0);
	assert_int_equal(fake_run(run), FAKE_WAITS);
	assert_int_equal(fake.resumed[0], 1);
	assert_int_equal(fake.resumed[1], 1);
	assert_int_equal(fake_registers[0].gpr[0], 0x60);
	assert_int_equal(fake_registers[0].rip, 1);
}

/* Text without the end of a line comes after a moment, by one timer. */
static void prompts_come_by_the_timer(void **state)
{
	(void)state;
	kernel_64();
	vp_on_port(0, COM1, HV_ACCESS_WRITE, '>');
	fake_push_intercept(0);
	fake_push_intercept(0);
	assert_int_equal(fake_run(run), FAKE_WAITS);
	assert_int_equal(fake.console_size, 0);
	assert_int_equal(fake.calls[WORKER_TIMER], 1);
	assert_int_equal(fake.timer, fake.time + 4000000);
	kernel_setup(state);
	kernel_64();
	vp_on_port(0, COM1, HV_ACCESS_WRITE, '>');
	fake_push_intercept(0);
	fake_push_intercept(0);
	fake_push_timer();
	fake_push_intercept(0);
	assert_int_equal(fake_run(run), FAKE_WAITS);
	assert_int_equal(fake.console_size, 2);
	assert_memory_equal(fake.console, ">>", 2);
	assert_int_equal(fake.calls[WORKER_TIMER], 2);
}

static void lines_come_at_once(void **state)
{
	(void)state;
	kernel_64();
	vp_on_port(0, COM1, HV_ACCESS_WRITE, '\n');
	fake_push_intercept(0);
	fake_push_timer(); /* of nothing */
	assert_int_equal(fake_run(run), FAKE_WAITS);
	assert_int_equal(fake.console_size, 1);
	assert_int_equal(fake.calls[WORKER_CONSOLE_WRITE], 1);
	assert_int_equal(fake.calls[WORKER_TIMER], 0);
}

/* A VP that runs `mov [rbx], eax` all the time. */
static void vp_on_memory(u32 vp, u64 gpa, u32 eax)
{
	struct hv_message *m = &fake_intercepts[vp];
	struct hv_memory_intercept *access = (struct hv_memory_intercept *)m->payload;
	struct hv_register_page *regs = &fake_registers[vp];

	m->header.type = HV_MESSAGE_UNMAPPED_GPA;
	m->header.size = sizeof(*access);
	access->header.vp_index = vp;
	access->header.access = HV_ACCESS_WRITE;
	access->gpa = gpa;
	access->info = HV_MEMORY_GVA_GPA_VALID;
	access->byte_count = 2;
	memcpy(access->bytes, "\x89\x03", 2);
	regs->gpr[0] = eax;
	regs->gpr[3] = gpa;
	regs->cr0 = 1;
	regs->cs = (struct hv_segment){ .limit = 0xffffffff, .attributes = 0xc09b };
	regs->ds = (struct hv_segment){ .limit = 0xffffffff, .attributes = 0xc093 };
}

/* The serial port's line stays asserted, and its pin is programmed as a level. */
static void ends_of_interrupts_reach_the_ioapic(void **state)
{
	(void)state;
	kernel_64();
	fake.start.vp_count = 3;
	/* IER and MCR at once. */
	vp_on_port(2, COM1 + 1, HV_ACCESS_WRITE, 0);
	((struct hv_io_intercept *)fake_intercepts[2].payload)->access = 4;
	fake_registers[2].gpr[0] = 0x08000002;
	vp_on_memory(0, 0xfec00000, 0x18);
	vp_on_memory(1, 0xfec00010, 0x8024);
	fake_push_intercept(2);
	fake_push_intercept(0);
	fake_push_intercept(1);
	fake_push_eoi(0x25);
	fake_push_eoi(0x24);
	fake_push_eoi(0x24);
	assert_int_equal(fake_run(run), FAKE_WAITS);
	assert_int_equal(fake.interrupt_count, 3);
	for (u32 i = 0; i < 3; i++) {
		assert_int_equal(fake.interrupt[i].vector, 0x24);
		assert_int_equal(fake.interrupt[i].how, WORKER_INTERRUPT_LEVEL);
	}
}

static void typed_bytes_reach_the_port(void **state)
{
	(void)state;
	kernel_64();
	vp_on_port(0, COM1, HV_ACCESS_READ, 0);
	fake_push_input("xy");
	fake_push_intercept(0);
	assert_int_equal(fake_run(run), FAKE_WAITS);
	assert_int_equal(fake_registers[0].gpr[0], 'x');
	assert_int_equal(machine.uart.rx_count, 1);
}

static void last_words_are_complete(void **state)
{
	(void)state;
	kernel_64();
	vp_on_port(0, COM1, HV_ACCESS_WRITE, '!');
	vp_on_port(1, 0x64, HV_ACCESS_WRITE, 0xfe);
	fake_push_intercept(0);
	fake_push_intercept(1);
	ends(WORKER_END_RESET, "VP 1 reset the machine");
	assert_int_equal(fake.console_size, 1);
	assert_int_equal(fake.resumed[1], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(loads_and_waits, kernel_setup),
		cmocka_unit_test_setup(start_pages_that_are_wrong, kernel_setup),
		cmocka_unit_test_setup(events_that_are_wrong, kernel_setup),
		cmocka_unit_test_setup(vps_are_answered, kernel_setup),
		cmocka_unit_test_setup(prompts_come_by_the_timer, kernel_setup),
		cmocka_unit_test_setup(lines_come_at_once, kernel_setup),
		cmocka_unit_test_setup(ends_of_interrupts_reach_the_ioapic, kernel_setup),
		cmocka_unit_test_setup(typed_bytes_reach_the_port, kernel_setup),
		cmocka_unit_test_setup(last_words_are_complete, kernel_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
