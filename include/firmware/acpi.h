/* SPDX-License-Identifier: MIT */
/*
 * Wire layouts of the ACPI tables that we read: little-endian, at any
 * alignment, hence packed. The tables are the firmware's and may be damaged;
 * lib/acpi.h has the readers that check them.
 * ACPI Specification 6.5; the section is named at each structure.
 */
#pragma once

#include "base/types.h"

/* 5.2.3.2 Generic Address Structure. */
#define ACPI_SPACE_MEMORY 0
#define ACPI_SPACE_IO     1
#define ACPI_SPACE_PCI    2 /* a register in PCI configuration space of bus 0 */

struct acpi_gas {
	u8 space; /* ACPI_SPACE_* */
	u8 bit_width;
	u8 bit_offset;
	u8 access_size;
	u64 address;
} __packed;
static_assert(sizeof(struct acpi_gas) == 12);

/* 5.2.5.3 Root System Description Pointer. */
#define ACPI_RSDP_SIGNATURE "RSD PTR "
#define ACPI_RSDP_V1_SIZE   20
#define ACPI_RSDP_V2_SIZE   36

struct acpi_rsdp {
	char signature[8];
	u8 checksum; /* of the first 20 bytes */
	char oem_id[6];
	u8 revision; /* 0: ACPI 1.0, and the structure ends behind rsdt */
	u32 rsdt;
	u32 length; /* revision 2 from here on */
	u64 xsdt;
	u8 extended_checksum; /* of all @length bytes */
	u8 reserved[3];
} __packed;
static_assert(sizeof(struct acpi_rsdp) == ACPI_RSDP_V2_SIZE);
static_assert(offsetof(struct acpi_rsdp, length) == ACPI_RSDP_V1_SIZE);
static_assert(offsetof(struct acpi_rsdp, xsdt) == 24);

/* 5.2.6 System Description Table Header: all tables begin with it. */
#define ACPI_SIGNATURE_SIZE 4

struct acpi_sdt {
	char signature[ACPI_SIGNATURE_SIZE];
	u32 length; /* of the whole table */
	u8 revision;
	u8 checksum; /* makes the sum of all bytes 0 */
	char oem_id[6];
	char oem_table_id[8];
	u32 oem_revision;
	u32 creator_id;
	u32 creator_revision;
} __packed;
static_assert(sizeof(struct acpi_sdt) == 36);
static_assert(offsetof(struct acpi_sdt, checksum) == 9);

/* 5.2.7 RSDT and 5.2.8 XSDT: physical addresses behind the header. */
#define ACPI_RSDT_SIGNATURE "RSDT" /* u32 each */
#define ACPI_XSDT_SIGNATURE "XSDT" /* u64 each */

/* Tables of which we use the signature only: 5.2.11, and table 5.6. */
#define ACPI_DSDT_SIGNATURE "DSDT"
#define ACPI_SSDT_SIGNATURE "SSDT"
#define ACPI_DMAR_SIGNATURE "DMAR" /* Intel's DMA remapping */
#define ACPI_IVRS_SIGNATURE "IVRS" /* AMD's I/O virtualization */

/* 5.2.9 Fixed ACPI Description Table; ACPI 1.0 had the first 116 bytes. */
#define ACPI_FADT_SIGNATURE       "FACP"
#define ACPI_FADT_V1_SIZE         116

#define ACPI_FADT_TIMER_32BIT     BIT(8)  /* TMR_VAL_EXT; else 24 bits */
#define ACPI_FADT_RESET_SUPPORTED BIT(10) /* RESET_REG_SUP */
#define ACPI_FADT_HW_REDUCED      BIT(20) /* no PM1, no PM timer, no SCI */

/* 5.2.9.3 IAPC_BOOT_ARCH. */
#define ACPI_BOOT_LEGACY_DEVICES BIT(0)
#define ACPI_BOOT_8042           BIT(1)
#define ACPI_BOOT_NO_VGA         BIT(2)
#define ACPI_BOOT_NO_MSI         BIT(3)
#define ACPI_BOOT_NO_RTC         BIT(5)

struct acpi_table_fadt {
	struct acpi_sdt header;
	u32 facs;
	u32 dsdt;
	u8 reserved0;
	u8 preferred_profile;
	u16 sci_int;
	u32 smi_cmd; /* I/O port, 0: always in ACPI mode */
	u8 acpi_enable;
	u8 acpi_disable;
	u8 s4bios_req;
	u8 pstate_cnt;
	u32 pm1a_evt_blk; /* I/O ports */
	u32 pm1b_evt_blk;
	u32 pm1a_cnt_blk;
	u32 pm1b_cnt_blk;
	u32 pm2_cnt_blk;
	u32 pm_tmr_blk;
	u32 gpe0_blk;
	u32 gpe1_blk;
	u8 pm1_evt_len; /* bytes, of status and enable register together */
	u8 pm1_cnt_len;
	u8 pm2_cnt_len;
	u8 pm_tmr_len; /* 4, or 0: there is none */
	u8 gpe0_blk_len;
	u8 gpe1_blk_len;
	u8 gpe1_base;
	u8 cst_cnt;
	u16 p_lvl2_lat;
	u16 p_lvl3_lat;
	u16 flush_size;
	u16 flush_stride;
	u8 duty_offset;
	u8 duty_width;
	u8 day_alrm;
	u8 mon_alrm;
	u8 century; /* CMOS index, 0: none */
	u16 iapc_boot_arch;
	u8 reserved1;
	u32 flags;
	struct acpi_gas reset_reg; /* ACPI 2.0 from here on */
	u8 reset_value;
	u16 arm_boot_arch;
	u8 minor_version;
	u64 x_facs;
	u64 x_dsdt;
	struct acpi_gas x_pm1a_evt_blk; /* each wins over its plain form if not 0 */
	struct acpi_gas x_pm1b_evt_blk;
	struct acpi_gas x_pm1a_cnt_blk;
	struct acpi_gas x_pm1b_cnt_blk;
	struct acpi_gas x_pm2_cnt_blk;
	struct acpi_gas x_pm_tmr_blk;
	struct acpi_gas x_gpe0_blk;
	struct acpi_gas x_gpe1_blk;
	struct acpi_gas sleep_control_reg; /* ACPI 5.0 from here on */
	struct acpi_gas sleep_status_reg;
	u64 hypervisor_vendor; /* ACPI 6.0 */
} __packed;
static_assert(sizeof(struct acpi_table_fadt) == 276);
static_assert(offsetof(struct acpi_table_fadt, sci_int) == 46);
static_assert(offsetof(struct acpi_table_fadt, pm_tmr_blk) == 76);
static_assert(offsetof(struct acpi_table_fadt, century) == 108);
static_assert(offsetof(struct acpi_table_fadt, flags) == 112);
static_assert(offsetof(struct acpi_table_fadt, reset_reg) == ACPI_FADT_V1_SIZE);
static_assert(offsetof(struct acpi_table_fadt, x_dsdt) == 140);
static_assert(offsetof(struct acpi_table_fadt, x_pm_tmr_blk) == 208);
static_assert(offsetof(struct acpi_table_fadt, sleep_control_reg) == 244);

/* 4.8.3 PM1 registers. */
#define ACPI_PM1_SCI_EN        BIT(0)
#define ACPI_PM1_SLP_TYP_SHIFT 10
#define ACPI_PM1_SLP_TYP_MASK  (7u << ACPI_PM1_SLP_TYP_SHIFT)
#define ACPI_PM1_SLP_EN        BIT(13)
/* 4.8.3.3: the PM timer counts at this rate. */
#define ACPI_PM_TIMER_HZ 3579545u

/* 5.2.12 Multiple APIC Description Table. */
#define ACPI_MADT_SIGNATURE   "APIC"
#define ACPI_MADT_PCAT_COMPAT BIT(0) /* two 8259s are there too: mask them */

struct acpi_table_madt {
	struct acpi_sdt header;
	u32 lapic_addr;
	u32 flags;
} __packed;
static_assert(sizeof(struct acpi_table_madt) == 44);

#define ACPI_MADT_LAPIC      0
#define ACPI_MADT_IOAPIC     1
#define ACPI_MADT_OVERRIDE   2
#define ACPI_MADT_NMI_SOURCE 3
#define ACPI_MADT_LAPIC_NMI  4
#define ACPI_MADT_LAPIC_ADDR 5
#define ACPI_MADT_X2APIC     9
#define ACPI_MADT_X2APIC_NMI 10

struct acpi_madt_entry {
	u8 type; /* ACPI_MADT_* */
	u8 length;
} __packed;
static_assert(sizeof(struct acpi_madt_entry) == 2);

/* 5.2.12.2, and table 5.22 for the flags of processors. */
#define ACPI_CPU_ENABLED        BIT(0)
#define ACPI_CPU_ONLINE_CAPABLE BIT(1)

struct acpi_madt_lapic {
	struct acpi_madt_entry entry;
	u8 acpi_uid;
	u8 apic_id;
	u32 flags; /* ACPI_CPU_* */
} __packed;
static_assert(sizeof(struct acpi_madt_lapic) == 8);

/* 5.2.12.3 */
struct acpi_madt_ioapic {
	struct acpi_madt_entry entry;
	u8 id;
	u8 reserved;
	u32 addr;
	u32 gsi_base;
} __packed;
static_assert(sizeof(struct acpi_madt_ioapic) == 12);

/* 5.2.12.5, and table 5.26 for the flags of interrupts (MPS INTI). */
#define ACPI_INTI_POLARITY      3u /* 0: as the bus has it, 1: high, 3: low */
#define ACPI_INTI_POLARITY_LOW  3u
#define ACPI_INTI_TRIGGER       12u /* 0: as the bus has it, 4: edge, 12: level */
#define ACPI_INTI_TRIGGER_LEVEL 12u

struct acpi_madt_override {
	struct acpi_madt_entry entry;
	u8 bus; /* 0: ISA */
	u8 source;
	u32 gsi;
	u16 flags; /* ACPI_INTI_* */
} __packed;
static_assert(sizeof(struct acpi_madt_override) == 10);

/* 5.2.12.6 */
struct acpi_madt_nmi_source {
	struct acpi_madt_entry entry;
	u16 flags; /* ACPI_INTI_* */
	u32 gsi;
} __packed;
static_assert(sizeof(struct acpi_madt_nmi_source) == 8);

/* 5.2.12.7 */
#define ACPI_MADT_UID_ALL 0xFF

struct acpi_madt_lapic_nmi {
	struct acpi_madt_entry entry;
	u8 acpi_uid; /* or ACPI_MADT_UID_ALL */
	u16 flags;   /* ACPI_INTI_* */
	u8 lint;     /* 0 or 1 */
} __packed;
static_assert(sizeof(struct acpi_madt_lapic_nmi) == 6);

/* 5.2.12.8 */
struct acpi_madt_lapic_addr {
	struct acpi_madt_entry entry;
	u16 reserved;
	u64 addr;
} __packed;
static_assert(sizeof(struct acpi_madt_lapic_addr) == 12);

/* 5.2.12.12 */
struct acpi_madt_x2apic {
	struct acpi_madt_entry entry;
	u16 reserved;
	u32 apic_id;
	u32 flags; /* ACPI_CPU_* */
	u32 acpi_uid;
} __packed;
static_assert(sizeof(struct acpi_madt_x2apic) == 16);

/* 5.2.12.13 */
#define ACPI_MADT_X2APIC_UID_ALL 0xFFFFFFFFu

struct acpi_madt_x2apic_nmi {
	struct acpi_madt_entry entry;
	u16 flags;    /* ACPI_INTI_* */
	u32 acpi_uid; /* or ACPI_MADT_X2APIC_UID_ALL */
	u8 lint;
	u8 reserved[3];
} __packed;
static_assert(sizeof(struct acpi_madt_x2apic_nmi) == 12);

/* PCI Firmware Specification 3.3, section 4.1.2: MCFG. */
#define ACPI_MCFG_SIGNATURE "MCFG"

struct acpi_mcfg_entry {
	u64 base; /* of bus 0 of the segment, whatever start_bus is */
	u16 segment;
	u8 start_bus;
	u8 end_bus; /* inclusive */
	u32 reserved;
} __packed;
static_assert(sizeof(struct acpi_mcfg_entry) == 16);

struct acpi_table_mcfg {
	struct acpi_sdt header;
	u64 reserved;
	struct acpi_mcfg_entry entries[];
} __packed;
static_assert(sizeof(struct acpi_table_mcfg) == 44);

/* IA-PC HPET Specification 1.0a, section 3.2.4. */
#define ACPI_HPET_SIGNATURE          "HPET"
#define ACPI_HPET_ID_COMPARATORS(id) (((id) >> 8) & 0x1F) /* number of the last one */
#define ACPI_HPET_ID_64BIT           BIT(13)

struct acpi_table_hpet {
	struct acpi_sdt header;
	u32 id;
	struct acpi_gas base;
	u8 number;
	u16 min_tick;
	u8 page_protection;
} __packed;
static_assert(sizeof(struct acpi_table_hpet) == 56);
