/* SPDX-License-Identifier: MIT */
/*
 * Children that run machine code, and what their parent is told of it: ports,
 * memory, MSRs, CPUID, exceptions, HLT, triple faults, as messages at SINT 0.
 * machines: svm-smp1-bios svm-smp2-bios vmx-smp1 vmx-smp2 ryzen-smp1
 */
#include "base/assert.h"
#include "hv/hypercall.h"
#include "lib/string.h"
#include "tests/guest/lib/child_vp.h"
#include "tests/guest/lib/message.h"
#include "x86/cpu.h"

#define RAM (4 * MIB)

static u64 id;
static u8 *ram;
static struct hv_message m;

/* A child that begins with @code, until its first message. */
static void start(const void *code, size_t size)
{
	id = child_machine(code, size, RAM, &ram);
	child_release(id, 0);
	guest_message_wait(&m);
}

static void go_on(u64 rip)
{
	child_register_set(id, 0, HV_X64_REGISTER_RIP, rip);
	child_resume(id, 0);
	guest_message_wait(&m);
}

static void end(void)
{
	child_unmap(id, 0, RAM, 0);
	child_end(id);
}

static void test_out(void)
{
	/* MOV AL, 0x5a; OUT 0x80, AL; IN EAX, DX */
	static const u8 code[] = { 0xb0, 0x5a, 0xe6, 0x80, 0xed };
	const struct hv_io_intercept *io = (const void *)m.payload;

	start(code, sizeof(code));
	guest_check(m.header.type == HV_MESSAGE_IO_PORT, "out-type", "%x", m.header.type);
	guest_check(m.header.sender == id, "out-sender");
	guest_check(io->port == 0x80 && HV_IO_SIZE(io->access) == 1 && (io->rax & 0xff) == 0x5a,
		"out-what", "port %x access %x rax %lx", io->port, io->access, io->rax);
	guest_check(io->header.rip == CHILD_CODE + 2 && HV_INTERCEPT_LENGTH(&io->header) == 2,
		"out-where", "rip %lx length %u", io->header.rip, HV_INTERCEPT_LENGTH(&io->header));
	guest_check(io->header.access == HV_ACCESS_WRITE, "out-access");
	child_register_set(id, 0, HV_X64_REGISTER_RAX + 2, 0x1f0);
	go_on(CHILD_CODE + 4);
	guest_check(m.header.type == HV_MESSAGE_IO_PORT && io->port == 0x1f0 &&
			    HV_IO_SIZE(io->access) == 4 && io->header.access == HV_ACCESS_READ,
		"in-what", "type %x port %x", m.header.type, io->port);
	end();
}

static void test_memory(void)
{
	/* MOV EBX, 0x10000000; MOV [RBX+8], ECX */
	static const u8 code[] = { 0xbb, 0, 0, 0, 0x10, 0x89, 0x4b, 0x08 };
	const struct hv_memory_intercept *mem = (const void *)m.payload;

	start(code, sizeof(code));
	guest_check(m.header.type == HV_MESSAGE_UNMAPPED_GPA, "memory-type", "%x", m.header.type);
	guest_check(mem->gpa == 0x10000008 && mem->header.access == HV_ACCESS_WRITE, "memory-gpa",
		"%lx", mem->gpa);
	guest_check(mem->byte_count >= 3 && memcmp(mem->bytes, code + 5, 3) == 0, "memory-bytes");
	end();
}

static void test_triple(void)
{
	static const u8 code[] = { 0x0f, 0x0b };

	start(code, sizeof(code));
	guest_check(m.header.type == HV_MESSAGE_TRIPLE_FAULT, "triple-fault", "%x", m.header.type);
	end();
}

/* The first exception of @code that the parent asked for: @vector. */
static void expect_exception(const char *name, u8 vector, const u8 *code, size_t size)
{
	const struct hv_exception_intercept *e = (const void *)m.payload;
	u64 result;

	id = child_machine(code, size, RAM, &ram);
	result = child_install(id, HV_INTERCEPT_EXCEPTION, HV_INTERCEPT_EXEC, vector);
	assert(result == HV_STATUS_SUCCESS);
	child_release(id, 0);
	guest_message_wait(&m);
	guest_check(m.header.type == HV_MESSAGE_EXCEPTION && e->vector == vector &&
			    e->header.rip == CHILD_CODE,
		name, "type %x vector %u rip %lx", m.header.type, e->vector, e->header.rip);
	end();
}

static void test_exceptions(void)
{
	static const u8 int3[] = { 0xcc }, ud2[] = { 0x0f, 0x0b };

	expect_exception("exception-ud", 6, ud2, sizeof(ud2));
	/* QEMU's AMD-V exits neither for INT3 nor for what becomes a double fault. */
	if (guest_is_qemu())
		return;
	expect_exception("exception-bp", 3, int3, sizeof(int3));
	/* There are no gates. */
	expect_exception("exception-df", 8, ud2, sizeof(ud2));
}

static void test_halt(void)
{
	static const u8 code[] = { 0xfa, 0xf4 };

	start(code, sizeof(code));
	guest_check(m.header.type == HV_MESSAGE_HALT, "halt", "%x", m.header.type);
	end();
}

void guest_main(void)
{
	guest_messages_init();
	test_out();
	test_memory();
	test_exceptions();
	test_halt();
	test_triple();
}
