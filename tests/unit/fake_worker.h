/* SPDX-License-Identifier: MIT */
/*
 * A kernel and hypervisor for the worker on the host: its address space, its
 * two system calls, and a child's memory with nothing around its regions, so
 * that a touch outside of them ends the test. What the worker asks for is kept
 * to be looked at. Breaking the contract (a VP that is not stopped, a region
 * that is not there) aborts.
 */
#pragma once

#include "base/types.h"
#include "hv/memory.h"
#include "hv/message.h"
#include "hv/vp.h"
#include "worker/abi.h"

#define FAKE_VPS        4u
#define FAKE_TEXT       8192u
#define FAKE_SETS       128u
#define FAKE_PAGES      16u
#define FAKE_EVENTS     8u
#define FAKE_INTERRUPTS 16u

/* How fake_run() ended. */
enum fake_end {
	FAKE_RETURNED,
	FAKE_WAITS, /* for an event that will not come */
	FAKE_ENDED, /* by WORKER_END: fake.end and fake.end_text */
};

struct fake_set {
	u32 vp;
	u32 name;
	union hv_register_value value;
};

/* A page of the guest's tables; result other than success: no such page. */
struct fake_page {
	u64 linear;
	u64 gpa;
	u32 result; /* enum hv_translate_result */
	u64 rights; /* HV_TRANSLATE_*; others give HV_TRANSLATE_PRIVILEGE */
};

struct fake_event {
	u32 kind;
	u32 vp;
	u8 vector;
	struct worker_input_event input;
};

struct fake_interrupt {
	u32 destination;
	u8 vector;
	u32 how; /* WORKER_INTERRUPT_* */
};

struct fake_worker {
	/* What the worker finds. */
	struct worker_start start;
	const u8 *file[WORKER_FILES];
	s64 file_error;             /* of every read, if not 0 */
	u64 file_chunk;             /* the most that one read gives */
	u64 file_end[WORKER_FILES]; /* where it ends, whatever the start page says */
	u64 time;
	u64 running; /* bit per VP that is not stopped */
	u64 activity[FAKE_VPS];
	s64 set_error;       /* of setting registers, if not 0 */
	s64 interrupt_error; /* of interrupts, likewise */
	u32 page_count;
	struct fake_page page[FAKE_PAGES]; /* others are mapped one to one */
	u32 event_count;
	struct fake_event event[FAKE_EVENTS];

	/* What it did. */
	u32 calls[WORKER_OPERATIONS]; /* by operation */
	u32 set_count;
	struct fake_set set[FAKE_SETS];
	u32 resumed[FAKE_VPS];
	bool loaded;
	u64 timer;
	u32 console_size;
	char console[FAKE_TEXT];
	char log[FAKE_TEXT]; /* lines */
	struct worker_crash crash;
	char crash_text[FAKE_TEXT];
	enum worker_end end;
	char end_text[FAKE_TEXT];
	u64 last_flags; /* of a translation */
	u32 interrupt_count;
	struct fake_interrupt interrupt[FAKE_INTERRUPTS]; /* the last ones */
};
extern struct fake_worker fake;

extern struct hv_register_page fake_registers[FAKE_VPS];
extern struct hv_message fake_intercepts[FAKE_VPS];
extern u8 fake_mailbox[WORKER_MAILBOX_SIZE];

/* Two VPs, no files, no memory; then memory can be added. */
void fake_reset(void);
/* A region of GPA space, below 16 GiB. */
void fake_region(u64 gpa, u64 size, u32 type);
u8 *fake_memory(u64 gpa);
bool fake_dirty(u64 gpa);
void fake_file(enum worker_file file, const void *data, u64 size);
void fake_map(u64 linear, u64 gpa, u32 result, u64 rights);
void fake_push_intercept(u32 vp);
void fake_push_input(const char *text);
void fake_push_eoi(u8 vector);
void fake_push_timer(void);

/* Runs @fn until it returns or the worker stops. */
enum fake_end fake_run(void (*fn)(void));
/* The last value that register @name was set to; false: it was not. */
bool fake_was_set(u32 vp, u32 name, union hv_register_value *value);
