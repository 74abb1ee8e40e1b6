/* SPDX-License-Identifier: MIT */
/*
 * Wire formats of messages to a parent, and of interrupts that it asserts, as the
 * specification's tables have them. hv/message.h, hv/interrupt.h.
 */
#include "hv/hypercall.h"
#include "hv/interrupt.h"
#include "hv/message.h"
#include "wire.h"

/* A5: a slot; B: payloads, whose offsets begin behind 16 bytes of header. */
static const struct field message_fields_rows[] = {
	WHOLE(hv_message, 256),
	FIELD(hv_message, header.type, 0, 4),
	FIELD(hv_message, header.size, 4, 1),
	FIELD(hv_message, header.flags, 5, 1),
	FIELD(hv_message, header.sender, 8, 8),
	FIELD(hv_message, payload, 16, 240),
	WHOLE(hv_message_page, 4096),
	FIELD(hv_message_page, slot[1], 256, 256),
	WHOLE(hv_intercept_header, 40),
	FIELD(hv_intercept_header, vp_index, 0, 4),
	FIELD(hv_intercept_header, length_cr8, 4, 1),
	FIELD(hv_intercept_header, access, 5, 1),
	FIELD(hv_intercept_header, execution, 6, 2),
	FIELD(hv_intercept_header, cs, 8, 16),
	FIELD(hv_intercept_header, rip, 24, 8),
	FIELD(hv_intercept_header, rflags, 32, 8),
	WHOLE(hv_io_intercept, 128),
	FIELD(hv_io_intercept, port, 40, 2),
	FIELD(hv_io_intercept, access, 42, 1),
	FIELD(hv_io_intercept, byte_count, 43, 1),
	FIELD(hv_io_intercept, rax, 48, 8),
	FIELD(hv_io_intercept, bytes, 56, 16),
	FIELD(hv_io_intercept, ds, 72, 16),
	FIELD(hv_io_intercept, es, 88, 16),
	FIELD(hv_io_intercept, rcx, 104, 8),
	FIELD(hv_io_intercept, rsi, 112, 8),
	FIELD(hv_io_intercept, rdi, 120, 8),
	WHOLE(hv_memory_intercept, 80),
	FIELD(hv_memory_intercept, cache_type, 40, 4),
	FIELD(hv_memory_intercept, byte_count, 44, 1),
	FIELD(hv_memory_intercept, info, 45, 1),
	FIELD(hv_memory_intercept, tpr, 46, 1),
	FIELD(hv_memory_intercept, gva, 48, 8),
	FIELD(hv_memory_intercept, gpa, 56, 8),
	FIELD(hv_memory_intercept, bytes, 64, 16),
	WHOLE(hv_msr_intercept, 64),
	FIELD(hv_msr_intercept, msr, 40, 4),
	FIELD(hv_msr_intercept, rdx, 48, 8),
	FIELD(hv_msr_intercept, rax, 56, 8),
	WHOLE(hv_cpuid_intercept, 104),
	FIELD(hv_cpuid_intercept, rax, 40, 8),
	FIELD(hv_cpuid_intercept, rcx, 48, 8),
	FIELD(hv_cpuid_intercept, rdx, 56, 8),
	FIELD(hv_cpuid_intercept, rbx, 64, 8),
	FIELD(hv_cpuid_intercept, default_rax, 72, 8),
	FIELD(hv_cpuid_intercept, default_rcx, 80, 8),
	FIELD(hv_cpuid_intercept, default_rdx, 88, 8),
	FIELD(hv_cpuid_intercept, default_rbx, 96, 8),
	WHOLE(hv_exception_intercept, 240),
	FIELD(hv_exception_intercept, vector, 40, 2),
	FIELD(hv_exception_intercept, info, 42, 1),
	FIELD(hv_exception_intercept, byte_count, 43, 1),
	FIELD(hv_exception_intercept, error, 44, 4),
	FIELD(hv_exception_intercept, parameter, 48, 8),
	FIELD(hv_exception_intercept, bytes, 64, 16),
	FIELD(hv_exception_intercept, ds, 80, 16),
	FIELD(hv_exception_intercept, ss, 96, 16),
	FIELD(hv_exception_intercept, gpr, 112, 128),
	WHOLE(hv_invalid_register, 8),
	FIELD(hv_invalid_register, vp_index, 0, 4),
	WHOLE(hv_unsupported_feature, 16),
	FIELD(hv_unsupported_feature, vp_index, 0, 4),
	FIELD(hv_unsupported_feature, code, 4, 4),
	FIELD(hv_unsupported_feature, parameter, 8, 8),
	WHOLE(hv_opaque_intercept, 4),
	WHOLE(hv_apic_eoi, 8),
	FIELD(hv_apic_eoi, vp_index, 0, 4),
	FIELD(hv_apic_eoi, vector, 4, 4),
	WHOLE(hv_assert_interrupt_input, 32),
	FIELD(hv_assert_interrupt_input, control, 8, 8),
	FIELD(hv_assert_interrupt_input, destination, 16, 8),
	FIELD(hv_assert_interrupt_input, vector, 24, 4),
	FIELD(hv_assert_interrupt_input, target_vtl, 28, 1),
	WHOLE(hv_local_apic_state, 176),
	FIELD(hv_local_apic_state, isr, 20, 32),
	FIELD(hv_local_apic_state, irr, 84, 32),
	FIELD(hv_local_apic_state, lvt, 128, 28),
	FIELD(hv_local_apic_state, divide, 168, 4),
};

static void message_fields(void **state)
{
	(void)state;
	check_fields(message_fields_rows, ARRAY_SIZE(message_fields_rows));
}

static void message_numbers(void **state)
{
	static const struct number rows[] = {
		IS(HV_SINT_COUNT, 16),
		IS(HV_MESSAGE_PAYLOAD_MAX, 240),
		IS(HV_MESSAGE_NONE, 0),
		IS(HV_MESSAGE_OPAQUE_INTERCEPT, 0x8000003f),
		IS(HV_MESSAGE_UNMAPPED_GPA, 0x80000000),
		IS(HV_MESSAGE_GPA_INTERCEPT, 0x80000001),
		IS(HV_MESSAGE_INVALID_REGISTER, 0x80000020),
		IS(HV_MESSAGE_TRIPLE_FAULT, 0x80000021),
		IS(HV_MESSAGE_UNSUPPORTED_FEATURE, 0x80000022),
		IS(HV_MESSAGE_IO_PORT, 0x80010000),
		IS(HV_MESSAGE_MSR, 0x80010001),
		IS(HV_MESSAGE_CPUID, 0x80010002),
		IS(HV_MESSAGE_EXCEPTION, 0x80010003),
		IS(HV_MESSAGE_APIC_EOI, 0x80010004),
		IS(HV_MESSAGE_HALT, 0x80010007),
		IS(HV_MESSAGE_PENDING, 1),
		IS(HV_ACCESS_READ, 0),
		IS(HV_ACCESS_WRITE, 1),
		IS(HV_ACCESS_EXECUTE, 2),
		IS(HV_EXECUTION_CPL(0xffffu), 3),
		IS(HV_EXECUTION_CR0_PE, 0x4),
		IS(HV_EXECUTION_CR0_AM, 0x8),
		IS(HV_EXECUTION_EFER_LMA, 0x10),
		IS(HV_EXECUTION_DEBUG, 0x20),
		IS(HV_EXECUTION_PENDING, 0x40),
		IS(HV_EXECUTION_SHADOW, 0x1000),
		IS(HV_IO_SIZE(0xffu), 7),
		IS(HV_IO_STRING, 0x8),
		IS(HV_IO_REP, 0x10),
		IS(HV_MEMORY_GVA_VALID, 1),
		IS(HV_MEMORY_GVA_GPA_VALID, 2),
		IS(HV_EXCEPTION_HAS_ERROR, 1),
		IS(HV_EXCEPTION_SOFTWARE, 2),
	};
	const struct hv_intercept_header h = { .length_cr8 = 0xdf };

	(void)state;
	check_numbers(rows, ARRAY_SIZE(rows));
	assert_int_equal(HV_INTERCEPT_LENGTH(&h), 15);
}

/* C5. */
static void asserted_interrupts(void **state)
{
	static const struct field fields[] = {
		WHOLE(hv_assert_interrupt_input, 32),
		FIELD(hv_assert_interrupt_input, partition_id, 0, 8),
		FIELD(hv_assert_interrupt_input, control, 8, 8),
		FIELD(hv_assert_interrupt_input, destination, 16, 8),
		FIELD(hv_assert_interrupt_input, vector, 24, 4),
		FIELD(hv_assert_interrupt_input, target_vtl, 28, 1),
		WHOLE(hv_apic_eoi, 8),
		FIELD(hv_apic_eoi, vp_index, 0, 4),
		FIELD(hv_apic_eoi, vector, 4, 4),
	};
	static const struct number numbers[] = {
		IS(HV_CALL_ASSERT_VIRTUAL_INTERRUPT, 0x94),
		IS(HV_MESSAGE_APIC_EOI, 0x80010004),
		IS(HV_ASSERT_FIXED, 0),
		IS(HV_ASSERT_LOWEST_PRIORITY, 1),
		IS(HV_ASSERT_NMI, 4),
		IS(HV_ASSERT_INIT, 5),
		IS(HV_ASSERT_LEVEL, 0x100000000),
		IS(HV_ASSERT_LOGICAL, 0x200000000),
		IS(HV_ASSERT_TYPE(0x300000004), 4),
	};

	(void)state;
	check_fields(fields, ARRAY_SIZE(fields));
	check_numbers(numbers, ARRAY_SIZE(numbers));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_fields),
		cmocka_unit_test(message_numbers),
		cmocka_unit_test(asserted_interrupts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
