/* SPDX-License-Identifier: MIT */
/*
 * Wire formats of child partitions: offsets, sizes and numbers as the
 * specification's tables have them, written down apart from the structs and
 * their assertions. hv/partition.h, memory.h, vp.h, registers.h.
 */
#include "hv/hypercall.h"
#include "hv/memory.h"
#include "hv/partition.h"
#include "hv/registers.h"
#include "hv/vp.h"
#include "wire.h"

/* B, the table of calls; C0. */
static void codes(void **state)
{
	static const struct number rows[] = {
		IS(HV_CALL_FLUSH_VIRTUAL_ADDRESS_SPACE, 0x02),
		IS(HV_CALL_FLUSH_VIRTUAL_ADDRESS_LIST, 0x03),
		IS(HV_CALL_SEND_CLUSTER_IPI, 0x0b),
		IS(HV_CALL_FLUSH_VIRTUAL_ADDRESS_SPACE_EX, 0x13),
		IS(HV_CALL_FLUSH_VIRTUAL_ADDRESS_LIST_EX, 0x14),
		IS(HV_CALL_SEND_CLUSTER_IPI_EX, 0x15),
		IS(HV_CALL_CREATE_PARTITION, 0x40),
		IS(HV_CALL_INITIALIZE_PARTITION, 0x41),
		IS(HV_CALL_FINALIZE_PARTITION, 0x42),
		IS(HV_CALL_DELETE_PARTITION, 0x43),
		IS(HV_CALL_GET_PARTITION_PROPERTY, 0x44),
		IS(HV_CALL_SET_PARTITION_PROPERTY, 0x45),
		IS(HV_CALL_GET_PARTITION_ID, 0x46),
		IS(HV_CALL_GET_NEXT_CHILD_PARTITION, 0x47),
		IS(HV_CALL_DEPOSIT_MEMORY, 0x48),
		IS(HV_CALL_WITHDRAW_MEMORY, 0x49),
		IS(HV_CALL_GET_MEMORY_BALANCE, 0x4a),
		IS(HV_CALL_MAP_GPA_PAGES, 0x4b),
		IS(HV_CALL_UNMAP_GPA_PAGES, 0x4c),
		IS(HV_CALL_INSTALL_INTERCEPT, 0x4d),
		IS(HV_CALL_CREATE_VP, 0x4e),
		IS(HV_CALL_DELETE_VP, 0x4f),
		IS(HV_CALL_GET_VP_REGISTERS, 0x50),
		IS(HV_CALL_SET_VP_REGISTERS, 0x51),
		IS(HV_CALL_TRANSLATE_VIRTUAL_ADDRESS, 0x52),
		IS(HV_CALL_READ_GPA, 0x53),
		IS(HV_CALL_WRITE_GPA, 0x54),
		IS(HV_CALL_CLEAR_VIRTUAL_INTERRUPT, 0x56),
		IS(HV_CALL_DELETE_PORT, 0x58),
		IS(HV_CALL_DISCONNECT_PORT, 0x5b),
		IS(HV_CALL_POST_MESSAGE, 0x5c),
		IS(HV_CALL_SIGNAL_EVENT, 0x5d),
		IS(HV_CALL_MAP_SPARSE_GPA_PAGES, 0x6e),
		IS(HV_CALL_ASSERT_VIRTUAL_INTERRUPT, 0x94),
		IS(HV_CALL_CREATE_PORT, 0x95),
		IS(HV_CALL_CONNECT_PORT, 0x96),
		IS(HV_CALL_SIGNAL_EVENT_DIRECT, 0xc0),
		IS(HV_CALL_POST_MESSAGE_DIRECT, 0xc1),
		IS(HV_CALL_GET_GPA_PAGES_ACCESS_STATE, 0xc9),
		IS(HV_CALL_MAP_VP_STATE_PAGE, 0xe1),
		IS(HV_CALL_UNMAP_VP_STATE_PAGE, 0xe2),
		IS(HV_CALL_GET_VP_STATE, 0xe3),
		IS(HV_CALL_SET_VP_STATE, 0xe4),
		IS(HV_CALL_RESTORE_PARTITION_TIME, 0x103),
		IS(HV_CALL_SET_PARTITION_PROPERTY_EX, 0x10a),
	};

	(void)state;
	check_numbers(rows, ARRAY_SIZE(rows));
}

/* A4. */
static void set_fields(void **state)
{
	static const struct field rows[] = {
		WHOLE(hv_flush_input, 24),
		FIELD(hv_flush_input, address_space, 0, 8),
		FIELD(hv_flush_input, flags, 8, 8),
		FIELD(hv_flush_input, processor_mask, 16, 8),
		WHOLE(hv_flush_ex_input, 32),
		FIELD(hv_flush_ex_input, address_space, 0, 8),
		FIELD(hv_flush_ex_input, flags, 8, 8),
		FIELD(hv_flush_ex_input, set.format, 16, 8),
		FIELD(hv_flush_ex_input, set.valid_banks, 24, 8),
		WHOLE(hv_cluster_ipi_input, 16),
		FIELD(hv_cluster_ipi_input, vector, 0, 4),
		FIELD(hv_cluster_ipi_input, target_vtl, 4, 1),
		FIELD(hv_cluster_ipi_input, processor_mask, 8, 8),
		WHOLE(hv_cluster_ipi_ex_input, 24),
		FIELD(hv_cluster_ipi_ex_input, vector, 0, 4),
		FIELD(hv_cluster_ipi_ex_input, target_vtl, 4, 1),
		FIELD(hv_cluster_ipi_ex_input, set.format, 8, 8),
		FIELD(hv_cluster_ipi_ex_input, set.valid_banks, 16, 8),
	};
	static const struct number bits[] = {
		IS(HV_FLUSH_ALL_PROCESSORS, 1),
		IS(HV_FLUSH_ALL_SPACES, 2),
		IS(HV_FLUSH_NON_GLOBAL, 4),
		IS(HV_VPSET_SPARSE_4K, 0),
		IS(HV_VPSET_ALL, 1),
	};

	(void)state;
	check_fields(rows, ARRAY_SIZE(rows));
	check_numbers(bits, ARRAY_SIZE(bits));
}

/* B, 0x40 to 0x4A; C8. */
static const struct field partition_fields_rows[] = {
	WHOLE(hv_create_partition_input, 56),
	FIELD(hv_create_partition_input, flags, 0, 8),
	FIELD(hv_create_partition_input, proximity, 8, 8),
	FIELD(hv_create_partition_input, compatibility_version, 16, 4),
	FIELD(hv_create_partition_input, properties.disabled_processor_features, 24, 16),
	FIELD(hv_create_partition_input, properties.disabled_xsave_features, 40, 8),
	FIELD(hv_create_partition_input, isolation, 48, 8),
	WHOLE(hv_proximity, 8),
	FIELD(hv_proximity, id, 0, 4),
	FIELD(hv_proximity, flags, 4, 4),
	WHOLE(hv_partition_input, 8),
	FIELD(hv_partition_input, partition_id, 0, 8),
	WHOLE(hv_next_child_input, 16),
	FIELD(hv_next_child_input, parent_id, 0, 8),
	FIELD(hv_next_child_input, previous_id, 8, 8),
	WHOLE(hv_get_property_input, 16),
	FIELD(hv_get_property_input, partition_id, 0, 8),
	FIELD(hv_get_property_input, code, 8, 4),
	WHOLE(hv_set_property_input, 24),
	FIELD(hv_set_property_input, partition_id, 0, 8),
	FIELD(hv_set_property_input, code, 8, 4),
	FIELD(hv_set_property_input, value, 16, 8),
	/* The value follows it. */
	WHOLE(hv_set_property_ex_input, 24),
	FIELD(hv_set_property_ex_input, partition_id, 0, 8),
	FIELD(hv_set_property_ex_input, code, 8, 4),
	FIELD(hv_set_property_ex_input, argument, 16, 8),
	WHOLE(hv_restore_time_input, 32),
	FIELD(hv_restore_time_input, partition_id, 0, 8),
	FIELD(hv_restore_time_input, tsc_sequence, 8, 4),
	FIELD(hv_restore_time_input, reference_time, 16, 8),
	FIELD(hv_restore_time_input, tsc, 24, 8),
	WHOLE(hv_withdraw_memory_input, 16),
	FIELD(hv_withdraw_memory_input, partition_id, 0, 8),
	FIELD(hv_withdraw_memory_input, proximity, 8, 8),
	WHOLE(hv_memory_balance_input, 16),
	FIELD(hv_memory_balance_input, partition_id, 0, 8),
	FIELD(hv_memory_balance_input, proximity, 8, 8),
	WHOLE(hv_memory_balance_output, 16),
	FIELD(hv_memory_balance_output, available, 0, 8),
	FIELD(hv_memory_balance_output, in_use, 8, 8),
};

static void partition_fields(void **state)
{
	(void)state;
	check_fields(partition_fields_rows, ARRAY_SIZE(partition_fields_rows));
}

/* C8: flags of creation, properties; C12: entries per call. */
static void partition_numbers(void **state)
{
	static const struct number rows[] = {
		IS(HV_CREATE_LARGE_PAGES, 0x10),
		IS(HV_CREATE_LOCAL_APIC, 0x2000),
		IS(HV_CREATE_INTERCEPT_PAGE, 0x80000),
		IS(HV_CREATE_X2APIC, 0x400000),
		IS(HV_CREATE_COMPATIBILITY, 0x0609),
		IS(HV_PROPERTY_PRIVILEGES, 0x00010000),
		IS(HV_PROPERTY_SYNTHETIC_FEATURES, 0x00010001),
		IS(HV_PROPERTY_CPU_RESERVE, 0x00020001),
		IS(HV_PROPERTY_CPU_CAP, 0x00020002),
		IS(HV_PROPERTY_CPU_WEIGHT, 0x00020003),
		IS(HV_PROPERTY_TIME_FREEZE, 0x00030003),
		IS(HV_PROPERTY_REFERENCE_TIME, 0x00030005),
		IS(HV_PROPERTY_ACCESS_TRACKING, 0x00050005),
		IS(HV_PROPERTY_UNIMPLEMENTED_MSR, 0x00050017),
		IS(HV_PROPERTY_PROCESSOR_VENDOR, 0x00060000),
		IS(HV_PROPERTY_XSAVE_STATES, 0x00060007),
		IS(HV_PROPERTY_MAX_XSAVE_BYTES, 0x00060008),
		IS(HV_PROPERTY_PROCESSOR_CLOCK, 0x00060009),
		IS(HV_PROPERTY_PROCESSOR_FEATURES_0, 0x0006000a),
		IS(HV_PROPERTY_PROCESSOR_FEATURES_1, 0x0006000b),
		IS(HV_PROPERTY_GUEST_OS_ID, 0x00070000),
		IS(HV_PROPERTY_AFFINITY, 0x10001000),
		IS(HV_TRACKING_ON, 1),
		IS(HV_TRACKING_LARGE, 2),
		IS(HV_DEPOSIT_MAX, 511),
		IS(HV_WITHDRAW_MAX, 512),
		IS(HV_MAP_GPA_MAX, 509),
		IS(HV_GET_REGISTERS_MAX, 256),
		IS(HV_SET_REGISTERS_MAX, 127),
		/* 31:0 the VP, 63:56 the object. */
		IS(HV_PROPERTY_ARGUMENT_VP(7u) & 0xffffffff, 7),
		IS(HV_PROPERTY_OBJECT(HV_PROPERTY_ARGUMENT_VP(7u)), HV_PROPERTY_OBJECT_VP),
		IS(HV_PROPERTY_OBJECT(0xab00000000000005ull), 0xab),
	};

	(void)state;
	check_numbers(rows, ARRAY_SIZE(rows));
}

/* In a page, elements fill what the fixed part leaves. */
static void elements_fill_a_page(void **state)
{
	(void)state;
	assert_int_equal(sizeof(struct hv_partition_input) + 8 * 511, 4096);
	assert_int_equal(8 * 512, 4096);
	assert_int_equal(sizeof(struct hv_map_gpa_input) + 8 * 509, 4096);
	assert_true(sizeof(struct hv_vp_registers_input) + 32 * 127 <= 4096);
	assert_true(sizeof(struct hv_vp_registers_input) + 32 * 128 > 4096);
	assert_int_equal(16 * 256, 4096);
}

/* B, 0x4B to 0x54 and 0x6E; C7. */
static const struct field memory_fields_rows[] = {
	WHOLE(hv_map_gpa_input, 24),
	FIELD(hv_map_gpa_input, partition_id, 0, 8),
	FIELD(hv_map_gpa_input, base_gpfn, 8, 8),
	FIELD(hv_map_gpa_input, flags, 16, 4),
	WHOLE(hv_unmap_gpa_input, 24),
	FIELD(hv_unmap_gpa_input, partition_id, 0, 8),
	FIELD(hv_unmap_gpa_input, base_gpfn, 8, 8),
	FIELD(hv_unmap_gpa_input, flags, 16, 4),
	WHOLE(hv_map_sparse_input, 16),
	FIELD(hv_map_sparse_input, partition_id, 0, 8),
	FIELD(hv_map_sparse_input, flags, 8, 4),
	WHOLE(hv_sparse_gpa, 16),
	FIELD(hv_sparse_gpa, target_gpfn, 0, 8),
	FIELD(hv_sparse_gpa, source_gpfn, 8, 8),
	WHOLE(hv_access_state_input, 24),
	FIELD(hv_access_state_input, partition_id, 0, 8),
	FIELD(hv_access_state_input, flags, 8, 8),
	FIELD(hv_access_state_input, base_gpfn, 16, 8),
	WHOLE(hv_read_gpa_input, 32),
	FIELD(hv_read_gpa_input, partition_id, 0, 8),
	FIELD(hv_read_gpa_input, vp_index, 8, 4),
	FIELD(hv_read_gpa_input, byte_count, 12, 4),
	FIELD(hv_read_gpa_input, gpa, 16, 8),
	FIELD(hv_read_gpa_input, flags, 24, 8),
	WHOLE(hv_read_gpa_output, 24),
	FIELD(hv_read_gpa_output, result, 0, 8),
	FIELD(hv_read_gpa_output, data, 8, 16),
	WHOLE(hv_write_gpa_input, 48),
	FIELD(hv_write_gpa_input, partition_id, 0, 8),
	FIELD(hv_write_gpa_input, vp_index, 8, 4),
	FIELD(hv_write_gpa_input, byte_count, 12, 4),
	FIELD(hv_write_gpa_input, gpa, 16, 8),
	FIELD(hv_write_gpa_input, flags, 24, 8),
	FIELD(hv_write_gpa_input, data, 32, 16),
	WHOLE(hv_translate_input, 32),
	FIELD(hv_translate_input, partition_id, 0, 8),
	FIELD(hv_translate_input, vp_index, 8, 4),
	FIELD(hv_translate_input, flags, 16, 8),
	FIELD(hv_translate_input, gva_page, 24, 8),
	/* Of the upper word of the result: 7:0 the type, bit 8 overlay. */
	WHOLE(hv_translate_output, 16),
	FIELD(hv_translate_output, result, 0, 4),
	FIELD(hv_translate_output, cache_type, 4, 1),
	FIELD(hv_translate_output, overlay, 5, 1),
	FIELD(hv_translate_output, gpfn, 8, 8),
};

static void memory_fields(void **state)
{
	(void)state;
	check_fields(memory_fields_rows, ARRAY_SIZE(memory_fields_rows));
}

static void memory_numbers(void **state)
{
	static const struct number rows[] = {
		IS(HV_MAP_READ, 0x1),
		IS(HV_MAP_WRITE, 0x2),
		IS(HV_MAP_KERNEL_EXEC, 0x4),
		IS(HV_MAP_USER_EXEC, 0x8),
		IS(HV_MAP_ADJUSTABLE, 0x8000),
		IS(HV_MAP_LARGE, 0x80000000),
		IS(HV_MAP_EXEC, 0xc),
		IS(HV_MAP_ALL, 0xf),
		IS(HV_UNMAP_LARGE, 0x2),
		IS(HV_ACCESS_CLEAR_ACCESSED, 0x1),
		IS(HV_ACCESS_SET_ACCESSED, 0x2),
		IS(HV_ACCESS_CLEAR_DIRTY, 0x4),
		IS(HV_ACCESS_SET_DIRTY, 0x8),
		IS(HV_ACCESS_STATE_ACCESSED, 0x1),
		IS(HV_ACCESS_STATE_DIRTY, 0x2),
		IS(HV_GPA_SUCCESS, 0),
		IS(HV_GPA_UNMAPPED, 1),
		IS(HV_GPA_NO_READ, 2),
		IS(HV_GPA_NO_WRITE, 3),
		IS(HV_GPA_ILLEGAL_OVERLAY, 4),
		IS(HV_TRANSLATE_READ, 0x1),
		IS(HV_TRANSLATE_WRITE, 0x2),
		IS(HV_TRANSLATE_EXEC, 0x4),
		IS(HV_TRANSLATE_PRIVILEGE_EXEMPT, 0x8),
		IS(HV_TRANSLATE_SET_BITS, 0x10),
		IS(HV_TRANSLATE_FLUSH_INHIBIT, 0x20),
		IS(HV_TRANSLATE_SUCCESS, 0),
		IS(HV_TRANSLATE_NOT_PRESENT, 1),
		IS(HV_TRANSLATE_PRIVILEGE, 2),
		IS(HV_TRANSLATE_INVALID_FLAGS, 3),
		IS(HV_TRANSLATE_GPA_UNMAPPED, 4),
		IS(HV_TRANSLATE_GPA_NO_READ, 5),
		IS(HV_TRANSLATE_GPA_NO_WRITE, 6),
	};

	(void)state;
	check_numbers(rows, ARRAY_SIZE(rows));
}

/* B, 0x4D to 0x51; C3. */
static void vp_fields(void **state)
{
	static const struct field rows[] = {
		WHOLE(hv_create_vp_input, 40),
		FIELD(hv_create_vp_input, partition_id, 0, 8),
		FIELD(hv_create_vp_input, vp_index, 8, 4),
		FIELD(hv_create_vp_input, subnode_type, 15, 1),
		FIELD(hv_create_vp_input, subnode_id, 16, 8),
		FIELD(hv_create_vp_input, proximity, 24, 8),
		FIELD(hv_create_vp_input, flags, 32, 8),
		/* Linux makes it a fast call. */
		WHOLE(hv_delete_vp_input, 16),
		FIELD(hv_delete_vp_input, partition_id, 0, 8),
		FIELD(hv_delete_vp_input, vp_index, 8, 4),
		WHOLE(hv_vp_registers_input, 16),
		FIELD(hv_vp_registers_input, partition_id, 0, 8),
		FIELD(hv_vp_registers_input, vp_index, 8, 4),
		FIELD(hv_vp_registers_input, target_vtl, 12, 1),
		WHOLE(hv_register_assoc, 32),
		FIELD(hv_register_assoc, name, 0, 4),
		FIELD(hv_register_assoc, value, 16, 16),
		WHOLE(hv_map_state_page_input, 24),
		FIELD(hv_map_state_page_input, partition_id, 0, 8),
		FIELD(hv_map_state_page_input, vp_index, 8, 4),
		FIELD(hv_map_state_page_input, type, 12, 2),
		FIELD(hv_map_state_page_input, target_vtl, 14, 1),
		FIELD(hv_map_state_page_input, flags, 15, 1),
		FIELD(hv_map_state_page_input, requested_gpfn, 16, 8),
		WHOLE(hv_unmap_state_page_input, 16),
		FIELD(hv_unmap_state_page_input, partition_id, 0, 8),
		FIELD(hv_unmap_state_page_input, vp_index, 8, 4),
		FIELD(hv_unmap_state_page_input, type, 12, 2),
		FIELD(hv_unmap_state_page_input, target_vtl, 14, 1),
		WHOLE(hv_install_intercept_input, 24),
		FIELD(hv_install_intercept_input, partition_id, 0, 8),
		FIELD(hv_install_intercept_input, access, 8, 4),
		FIELD(hv_install_intercept_input, type, 12, 4),
		FIELD(hv_install_intercept_input, parameter, 16, 8),
	};

	(void)state;
	check_fields(rows, ARRAY_SIZE(rows));
}

static void register_page_fields(void **state)
{
	static const struct field rows[] = {
		WHOLE(hv_register_page, 4096),
		FIELD(hv_register_page, version, 0, 2),
		FIELD(hv_register_page, valid, 2, 1),
		FIELD(hv_register_page, vtl, 3, 1),
		FIELD(hv_register_page, dirty, 4, 4),
		FIELD(hv_register_page, gpr, 8, 128),
		FIELD(hv_register_page, rip, 136, 8),
		FIELD(hv_register_page, rflags, 144, 8),
		FIELD(hv_register_page, xmm, 160, 96),
		FIELD(hv_register_page, es, 256, 16),
		FIELD(hv_register_page, cs, 272, 16),
		FIELD(hv_register_page, ss, 288, 16),
		FIELD(hv_register_page, ds, 304, 16),
		FIELD(hv_register_page, fs, 320, 16),
		FIELD(hv_register_page, gs, 336, 16),
		FIELD(hv_register_page, cr0, 352, 8),
		FIELD(hv_register_page, cr3, 360, 8),
		FIELD(hv_register_page, cr4, 368, 8),
		FIELD(hv_register_page, cr8, 376, 8),
		FIELD(hv_register_page, efer, 384, 8),
		FIELD(hv_register_page, dr7, 392, 8),
		FIELD(hv_register_page, pending_interruption, 400, 8),
		FIELD(hv_register_page, interrupt_state, 408, 8),
		FIELD(hv_register_page, emulation_hints, 416, 8),
		FIELD(hv_register_page, xfem, 424, 8),
		FIELD(hv_register_page, interrupt_vectors, 688, 8),
	};

	(void)state;
	check_fields(rows, ARRAY_SIZE(rows));
}

static void vp_numbers(void **state)
{
	static const struct number rows[] = {
		IS(HV_STATE_PAGE_REGISTERS, 0),
		IS(HV_STATE_PAGE_INTERCEPT, 1),
		IS(HV_REGISTER_PAGE_VERSION, 1),
		IS(HV_DIRTY_GPRS, 0x1),
		IS(HV_DIRTY_RIP, 0x2),
		IS(HV_DIRTY_XMM, 0x4),
		IS(HV_DIRTY_SEGMENTS, 0x8),
		IS(HV_DIRTY_RFLAGS, 0x10),
		IS(HV_INTERCEPT_READ, 1),
		IS(HV_INTERCEPT_WRITE, 2),
		IS(HV_INTERCEPT_EXEC, 4),
		IS(HV_INTERCEPT_MSR, 1),
		IS(HV_INTERCEPT_CPUID, 2),
		IS(HV_INTERCEPT_EXCEPTION, 3),
	};

	(void)state;
	check_numbers(rows, ARRAY_SIZE(rows));
}

/* B, register names and their values. */
static const struct number register_names_rows[] = {
	IS(HV_REGISTER_EXPLICIT_SUSPEND, 0),
	IS(HV_REGISTER_INTERCEPT_SUSPEND, 1),
	IS(HV_REGISTER_INTERNAL_ACTIVITY, 4),
	IS(HV_REGISTER_PENDING_INTERRUPTION, 0x10002),
	IS(HV_REGISTER_INTERRUPT_STATE, 0x10003),
	IS(HV_X64_REGISTER_RAX, 0x20000),
	IS(HV_X64_REGISTER_R15, 0x2000f),
	IS(HV_X64_REGISTER_RIP, 0x20010),
	IS(HV_X64_REGISTER_RFLAGS, 0x20011),
	IS(HV_X64_REGISTER_XMM0, 0x30000),
	IS(HV_X64_REGISTER_XMM15, 0x3000f),
	IS(HV_X64_REGISTER_FP_MMX0, 0x30010),
	IS(HV_X64_REGISTER_FP_MMX7, 0x30017),
	IS(HV_X64_REGISTER_FP_CONTROL, 0x30018),
	IS(HV_X64_REGISTER_XMM_CONTROL, 0x30019),
	IS(HV_X64_REGISTER_CR0, 0x40000),
	IS(HV_X64_REGISTER_CR2, 0x40001),
	IS(HV_X64_REGISTER_CR3, 0x40002),
	IS(HV_X64_REGISTER_CR4, 0x40003),
	IS(HV_X64_REGISTER_CR8, 0x40004),
	IS(HV_X64_REGISTER_XFEM, 0x40005),
	IS(HV_X64_REGISTER_DR0, 0x50000),
	IS(HV_X64_REGISTER_DR3, 0x50003),
	IS(HV_X64_REGISTER_DR6, 0x50004),
	IS(HV_X64_REGISTER_DR7, 0x50005),
	IS(HV_X64_REGISTER_ES, 0x60000),
	IS(HV_X64_REGISTER_CS, 0x60001),
	IS(HV_X64_REGISTER_SS, 0x60002),
	IS(HV_X64_REGISTER_DS, 0x60003),
	IS(HV_X64_REGISTER_FS, 0x60004),
	IS(HV_X64_REGISTER_GS, 0x60005),
	IS(HV_X64_REGISTER_LDTR, 0x60006),
	IS(HV_X64_REGISTER_TR, 0x60007),
	IS(HV_X64_REGISTER_IDTR, 0x70000),
	IS(HV_X64_REGISTER_GDTR, 0x70001),
	IS(HV_X64_REGISTER_TSC, 0x80000),
	IS(HV_X64_REGISTER_EFER, 0x80001),
	IS(HV_X64_REGISTER_KERNEL_GS_BASE, 0x80002),
	IS(HV_X64_REGISTER_APIC_BASE, 0x80003),
	IS(HV_X64_REGISTER_PAT, 0x80004),
	IS(HV_X64_REGISTER_SYSENTER_CS, 0x80005),
	IS(HV_X64_REGISTER_SYSENTER_EIP, 0x80006),
	IS(HV_X64_REGISTER_SYSENTER_ESP, 0x80007),
	IS(HV_X64_REGISTER_STAR, 0x80008),
	IS(HV_X64_REGISTER_LSTAR, 0x80009),
	IS(HV_X64_REGISTER_CSTAR, 0x8000a),
	IS(HV_X64_REGISTER_SFMASK, 0x8000b),
	IS(HV_X64_REGISTER_INITIAL_APIC_ID, 0x8000c),
	IS(HV_X64_REGISTER_TSC_AUX, 0x8007b),
	IS(HV_X64_REGISTER_SPEC_CTRL, 0x80084),
	IS(HV_X64_REGISTER_TSC_DEADLINE, 0x80095),
	IS(HV_REGISTER_VP_RUNTIME, 0x90000),
	IS(HV_REGISTER_HYPERCALL, 0x90001),
	IS(HV_REGISTER_GUEST_OS_ID, 0x90002),
	IS(HV_REGISTER_VP_INDEX, 0x90003),
	IS(HV_REGISTER_TIME_REF_COUNT, 0x90004),
	IS(HV_REGISTER_VP_ASSIST_PAGE, 0x90013),
	IS(HV_REGISTER_REFERENCE_TSC_SEQUENCE, 0x9001a),
	IS(HV_REGISTER_SINT0, 0xa0000),
	IS(HV_REGISTER_SINT15, 0xa000f),
	IS(HV_REGISTER_SCONTROL, 0xa0010),
	IS(HV_REGISTER_SVERSION, 0xa0011),
	IS(HV_REGISTER_SIMP, 0xa0013),
	IS(HV_REGISTER_EOM, 0xa0014),
	IS(HV_ACTIVITY_STARTUP_SUSPEND, 1),
	IS(HV_ACTIVITY_HALT, 2),
	IS(HV_INTERRUPT_STATE_SHADOW, 1),
	IS(HV_INTERRUPT_STATE_NMI_MASKED, 2),
	IS(HV_SEG_PRESENT, 0x80),
	IS(HV_SEG_LONG, 0x2000),
	IS(HV_SEG_DB, 0x4000),
	IS(HV_SEG_DPL(0x0060u), 3),
	IS(HV_SEG_DPL(0xff9fu), 0),
};

static void register_names(void **state)
{
	(void)state;
	check_numbers(register_names_rows, ARRAY_SIZE(register_names_rows));
}

static void register_values(void **state)
{
	static const struct field rows[] = {
		WHOLE(hv_segment, 16),
		FIELD(hv_segment, base, 0, 8),
		FIELD(hv_segment, limit, 8, 4),
		FIELD(hv_segment, selector, 12, 2),
		FIELD(hv_segment, attributes, 14, 2),
		WHOLE(hv_table_register, 16),
		FIELD(hv_table_register, limit, 6, 2),
		FIELD(hv_table_register, base, 8, 8),
	};

	(void)state;
	check_fields(rows, ARRAY_SIZE(rows));
	assert_int_equal(sizeof(union hv_register_value), 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes),
		cmocka_unit_test(set_fields),
		cmocka_unit_test(partition_fields),
		cmocka_unit_test(partition_numbers),
		cmocka_unit_test(elements_fill_a_page),
		cmocka_unit_test(memory_fields),
		cmocka_unit_test(memory_numbers),
		cmocka_unit_test(vp_fields),
		cmocka_unit_test(register_page_fields),
		cmocka_unit_test(vp_numbers),
		cmocka_unit_test(register_names),
		cmocka_unit_test(register_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
