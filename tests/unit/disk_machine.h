/* SPDX-License-Identifier: MIT */
/*
 * A machine for tests of disk drivers: one VP, tasks that wait and sleep (each on a
 * stack of its own), work, time that passes only when all wait, memory for DMA, one
 * PCI function with interrupts, a device that does a step at a time, and in the place of
 * the block layer records of what was started and how it ended.
 */
#pragma once

#include "base/types.h"
#include "rootpart/block/block.h"
#include "rootpart/pci/pci.h"

#define MACHINE_MEMORY  (64 * MIB)
#define MACHINE_DEVICES 8u
#define MACHINE_DEPTH   32u

/* The device's: does a step of what it is at; false: it has nothing to do. */
extern bool (*machine_device)(void);
/* Whether its interrupt line is up (level), or has just gone up (edge: gone when looked at). */
extern bool (*machine_line)(void);
/* Someone else's interrupt on the same line. */
void machine_foreign_interrupt(void);

extern struct pci_device machine_pci;
extern u32 machine_irqs; /* calls of the handler */
extern u32 machine_logs;
extern char machine_log[256];
extern u32 machine_isa[2]; /* lines that were asked for, and how often */

void machine_reset(void);
/* Has a task call @fn, and runs all until it returns. */
int machine_call(int (*fn)(void *arg), void *arg);
/* Runs all until nothing happens any more, then lets @ns pass. */
void machine_run(u64 ns);
u64 machine_now(void);

/* DMA memory: the address of @len bytes at @gpa that somebody has allocated; else the test fails. */
void *machine_dma(u64 gpa, u64 len);
/* A buffer of the test's. */
gpa_t machine_buffer(u64 size);
/* Pages that drivers hold now. */
u32 machine_pages(void);

struct machine_piece {
	struct block_piece piece;
	struct block_request request;
	bool busy;
	u32 ended; /* how often */
	int error;
	u32 order; /* 1: the first that ended since machine_reset() */
};

struct machine_disk {
	struct block_device *block;
	bool cd;
	bool asked; /* block_ask_recover() */
	struct machine_piece pieces[MACHINE_DEPTH];
};
extern struct machine_disk machine_disks[MACHINE_DEVICES];
extern u32 machine_disk_count;
extern u32 machine_strays; /* pieces that ended and were not under way */

/* A piece has ended; may start another. May be NULL. */
extern void (*machine_on_done)(struct block_device *d);

/* Starts a piece, and kicks unless @more come. */
struct machine_piece *machine_start(u32 disk, u32 tag, enum block_op op, u64 sector, u64 bytes,
	const struct block_segment *segments, u32 count, bool more);
/* What the block layer does in silence. */
int machine_recover(u32 disk);
