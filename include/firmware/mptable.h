/* SPDX-License-Identifier: MIT */
/*
 * Wire layouts of the MultiProcessor Specification's tables: little-endian, at
 * any alignment, hence packed. lib/mptable.h has the reader that checks them.
 * MultiProcessor Specification 1.4, chapter 4.
 */
#pragma once

#include "base/types.h"

/* 4.1 MP Floating Pointer Structure, at a multiple of 16 bytes. */
#define MP_POINTER_SIGNATURE "_MP_"

struct mp_pointer {
	char signature[4];
	u32 table; /* physical address of the configuration table, 0: none */
	u8 length; /* in units of 16 bytes: 1 */
	u8 revision;
	u8 checksum; /* makes the sum of all bytes 0 */
	u8 features[5];
} __packed;
static_assert(sizeof(struct mp_pointer) == 16);

/* 4.2 MP Configuration Table Header; the base entries follow. */
#define MP_TABLE_SIGNATURE "PCMP"

struct mp_table {
	char signature[4];
	u16 length; /* of header and base entries */
	u8 revision;
	u8 checksum; /* of these */
	char oem_id[8];
	char product_id[12];
	u32 oem_table;
	u16 oem_table_size;
	u16 entry_count;
	u32 lapic_address;
	u16 extended_length;
	u8 extended_checksum;
	u8 reserved;
} __packed;
static_assert(sizeof(struct mp_table) == 44);

/* 4.3: types of base entries. Those of processors have 20 bytes, all others 8. */
#define MP_PROCESSOR       0
#define MP_BUS             1
#define MP_IOAPIC          2
#define MP_INTERRUPT       3
#define MP_LOCAL_INTERRUPT 4

#define MP_PROCESSOR_SIZE  20u
#define MP_ENTRY_SIZE      8u

struct mp_bus {
	u8 type;
	u8 id;
	char name[6]; /* "ISA   ", "PCI   " */
} __packed;
static_assert(sizeof(struct mp_bus) == MP_ENTRY_SIZE);

struct mp_interrupt {
	u8 type;
	u8 kind;   /* 0: INT, the others are NMI, SMI, ExtINT */
	u16 flags; /* bits 0-1 polarity, 2-3 trigger */
	u8 bus;
	u8 irq; /* of a PCI bus: bits 0-1 INTA# to INTD#, bits 2-6 the device */
	u8 ioapic;
	u8 pin;
} __packed;
static_assert(sizeof(struct mp_interrupt) == MP_ENTRY_SIZE);

#define MP_POLARITY_MASK 3u
#define MP_POLARITY_HIGH 1u /* 0: as the bus has it; 3: low */
