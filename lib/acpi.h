/* SPDX-License-Identifier: MIT */
/*
 * Readers of the static ACPI tables, for the hypervisor and for the root. They
 * interpret no AML, write nothing but what acpi_table_hide() is given, and
 * take the firmware for damaged until its lengths and checksums say otherwise.
 * Memory is reached only through struct acpi_access. No locks: a struct acpi
 * belongs to one caller at a time.
 *
 * All functions that return int give 0, or with *why set to a phrase for
 * people that names the table:
 *   -ENOENT  what was asked for is not there
 *   -EINVAL  it is there, and damaged or unreadable
 *   -E2BIG   it is there, and has more entries than the result holds
 * After an error the result is zero. *why is a constant, or lives in the
 * struct acpi until the next error.
 */
#pragma once

#include "base/types.h"
#include "firmware/acpi.h"

/*
 * Gives @len bytes at physical address @phys, at any alignment, or NULL if
 * they cannot be read. What it gives stays valid, and unchanged by anybody
 * else, as long as the struct acpi is in use. Never called with len 0 or with
 * a range that wraps.
 */
struct acpi_access {
	const void *(*map)(void *ctx, u64 phys, u64 len);
	void *ctx;
};

struct acpi {
	struct acpi_access access;
	const u8 *entries; /* addresses of the tables, entry_size bytes each */
	u32 entry_size;    /* 4: RSDT, 8: XSDT */
	u32 entry_count;
	char why[80];
};

/* A whole table whose length and checksum are right. */
struct acpi_table {
	u64 phys;
	const struct acpi_sdt *sdt; /* sdt->length bytes */
};

/*
 * For starts without a boot loader that hands over the RSDP: looks in the
 * first KiB of the EBDA and from E0000h to FFFFFh (ACPI 6.5, 5.2.5.1), BIOS
 * only. *rsdp has *size bytes, 20 or 36.
 */
[[nodiscard]] int acpi_rsdp_find(
	const struct acpi_access *access, const void **rsdp, u32 *size, const char **why);

/*
 * Opens the tables from @size (at least 20) bytes of an RSDP, which may be a
 * copy. Of revision 2 with 36 bytes the XSDT is taken, else the RSDT.
 */
[[nodiscard]] int acpi_open(struct acpi *acpi, const struct acpi_access *access, const void *rsdp,
	size_t size, const char **why);

/* Table number @index (from 0) of those with this signature, four letters. */
[[nodiscard]] int acpi_table_find(struct acpi *acpi, const char *signature, u32 index,
	struct acpi_table *out, const char **why);

/* The table at a known address, which must have this signature. */
[[nodiscard]] int acpi_table_at(struct acpi *acpi, const char *signature, u64 phys,
	struct acpi_table *out, const char **why);

/*
 * Renames a table, in writable memory, so that nobody finds it ("DMAR" becomes
 * "dMAR") and keeps its checksum right. Twice is the same as once.
 */
void acpi_table_hide(struct acpi_sdt *table);

#define ACPI_CPUS_MAX       64u
#define ACPI_IOAPICS_MAX    8u
#define ACPI_OVERRIDES_MAX  24u
#define ACPI_NMIS_MAX       8u
#define ACPI_LAPIC_NMIS_MAX 64u
#define ACPI_MCFG_MAX       16u

/* How an interrupt line signals. */
struct acpi_line {
	bool low;   /* active low */
	bool level; /* level-triggered */
};

struct acpi_cpu {
	u32 apic_id;
	u32 acpi_uid;
};

struct acpi_ioapic {
	u8 id;
	u32 addr;
	u32 gsi_base;
};

struct acpi_override {
	u8 source; /* ISA interrupt, 0 to 15 */
	u32 gsi;
	struct acpi_line line;
};

struct acpi_nmi {
	u32 gsi;
	struct acpi_line line;
};

struct acpi_lapic_nmi {
	bool all; /* of all processors; else of the one with acpi_uid */
	u32 acpi_uid;
	u8 lint; /* 0 or 1 */
	struct acpi_line line;
};

struct acpi_madt {
	u64 lapic_addr;
	bool has_8259;
	u32 cpu_count;                       /* at least 1 */
	u32 cpus_left_out;                   /* enabled, but beyond ACPI_CPUS_MAX */
	u32 cpus_pluggable;                  /* not there now, may be plugged in later */
	struct acpi_cpu cpus[ACPI_CPUS_MAX]; /* enabled ones, in the table's order */
	u32 ioapic_count;
	struct acpi_ioapic ioapics[ACPI_IOAPICS_MAX];
	u32 override_count;
	struct acpi_override overrides[ACPI_OVERRIDES_MAX];
	u32 nmi_count;
	struct acpi_nmi nmis[ACPI_NMIS_MAX];
	u32 lapic_nmi_count;
	u32 lapic_nmis_left_out;
	struct acpi_lapic_nmi lapic_nmis[ACPI_LAPIC_NMIS_MAX];
};

/*
 * Reads the MADT. A processor listed both as local APIC and as x2APIC counts
 * once. Too many processors are no error (the rest stays asleep, and counted);
 * too many IOAPICs, overrides or NMI sources are.
 */
[[nodiscard]] int acpi_madt_parse(struct acpi *acpi, struct acpi_madt *out, const char **why);

/*
 * Where ISA interrupt @irq arrives: by its override, else at the GSI of the
 * same number, active high, edge. The SCI is not asked for here: without an
 * override it is active low and level.
 */
struct acpi_override acpi_isa_route(const struct acpi_madt *madt, u8 irq);

/* A register of the platform; addr 0: there is none. */
struct acpi_register {
	u8 space; /* ACPI_SPACE_* */
	u8 bits;
	u64 addr;
};

struct acpi_fadt {
	u64 dsdt;        /* physical address, never 0 */
	u32 flags;       /* ACPI_FADT_* */
	u16 boot_arch;   /* ACPI_BOOT_*; 0 in tables of ACPI 1.0, which says nothing */
	u16 sci;         /* ISA interrupt or GSI */
	u16 smi_cmd;     /* I/O port, 0: none, ACPI mode is always on */
	u8 acpi_enable;  /* value for smi_cmd that turns ACPI mode on */
	u8 acpi_disable; /* and off */
	struct acpi_register pm1a_event, pm1b_event; /* status, then enable: half of bits each */
	struct acpi_register pm1a_control, pm1b_control;
	struct acpi_register pm_timer; /* bits: 24 or 32, those that count */
	struct acpi_register reset;    /* only if supported */
	u8 reset_value;
	u8 century; /* CMOS index of the century, 0: none */
};

/*
 * Reads the FADT, of any length from ACPI 1.0's on. The X_ forms win where
 * they are not 0. A table that says "hardware-reduced" has no PM1 and PM timer.
 */
[[nodiscard]] int acpi_fadt_parse(struct acpi *acpi, struct acpi_fadt *out, const char **why);

struct acpi_segment {
	u64 base; /* of bus 0, whatever start_bus is; 1 MiB per bus */
	u16 segment;
	u8 start_bus;
	u8 end_bus; /* inclusive, never below start_bus */
};

struct acpi_mcfg {
	u32 count; /* at least 1 */
	struct acpi_segment segments[ACPI_MCFG_MAX];
};

/* Reads the MCFG: where PCI Express has its configuration space in memory. */
[[nodiscard]] int acpi_mcfg_parse(struct acpi *acpi, struct acpi_mcfg *out, const char **why);

struct acpi_hpet {
	u64 addr;
	u32 comparators; /* 1 to 32 */
	bool counter_64bit;
	u16 min_tick; /* shortest safe period, in ticks */
};

[[nodiscard]] int acpi_hpet_parse(struct acpi *acpi, struct acpi_hpet *out, const char **why);

/* Values of SLP_TYP in PM1a and PM1b control for S5, soft off: 0 to 7. */
struct acpi_s5 {
	u8 slp_typ_a;
	u8 slp_typ_b;
};

/* Looks for \_S5_ in the DSDT, then in the SSDTs; the first one is taken. */
[[nodiscard]] int acpi_s5_find(
	struct acpi *acpi, const struct acpi_fadt *fadt, struct acpi_s5 *out, const char **why);

/*
 * The search itself, in @len bytes of AML without the table's header. Returns
 * 0 or -ENOENT. acpi_s5.c says what it takes for a match.
 */
[[nodiscard]] int acpi_s5_scan(const u8 *aml, size_t len, struct acpi_s5 *out);
