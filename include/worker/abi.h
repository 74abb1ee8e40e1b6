/* SPDX-License-Identifier: MIT */
/*
 * Between the root kernel and a worker, the ring-3 process that loads one
 * child and emulates its legacy devices: the address space that a worker
 * finds, and its two system calls. Both images include this header; the
 * kernel believes nothing that a worker writes.
 *
 * A system call is SYSCALL with its number in RAX and arguments in RDI, RSI,
 * RDX and R10; RAX comes back with the result, or a negative errno; RCX and
 * R11 are lost. No argument is a pointer: blocks of bytes travel through the
 * mailbox, which the kernel copies once.
 */
#pragma once

#include "base/types.h"

#define WORKER_ABI_VERSION 2u
#define WORKER_PATH        "/boot/worker.elf"

/* The address space; what is not listed is unmapped, but for the image. */
#define WORKER_IMAGE        0x0000000000400000ull /* where the ELF is linked */
#define WORKER_IMAGE_MAX    (4 * MIB)
#define WORKER_START        0x0000000010000000ull /* struct worker_start, read only */
#define WORKER_MAILBOX      0x0000000010010000ull /* WORKER_MAILBOX_SIZE, read and write */
#define WORKER_VP_PAGES     0x0000000020000000ull /* per VP: register page, intercept page */
#define WORKER_DIRTY        0x0000000030000000ull /* bit per 4 KiB of GPA: the worker wrote there */
#define WORKER_STACK_TOP    0x0000000070000000ull
#define WORKER_STACK_SIZE   (64 * KIB)            /* below it: unmapped */
#define WORKER_MEMORY       0x0000100000000000ull /* + GPA: the child's RAM, read and write */

#define WORKER_MAILBOX_SIZE (8 * KIB)

/* Address of a VP's state page in the worker. */
#define WORKER_REGISTER_PAGE(vp)  (WORKER_VP_PAGES + (u64)(vp)*2 * PAGE_SIZE)
#define WORKER_INTERCEPT_PAGE(vp) (WORKER_REGISTER_PAGE(vp) + PAGE_SIZE)

/* A range of the child's GPA space. */
enum worker_region_type {
	WORKER_REGION_RAM,
	WORKER_REGION_ROM, /* RAM that the child may not write; its writes are dropped */
};
struct worker_region {
	u64 gpa;
	u64 size;
	u32 type;
	u32 reserved;
};
#define WORKER_REGIONS_MAX 16u

/* Files of the child, opened by the kernel. */
enum worker_file { WORKER_FILE_KERNEL, WORKER_FILE_INITRD, WORKER_FILES };
#define WORKER_NO_FILE     (~0ull)

#define WORKER_CMDLINE_MAX 2048u
#define WORKER_NAME_MAX    64u

/* The page at WORKER_START. */
struct worker_start {
	u32 version; /* WORKER_ABI_VERSION */
	u32 vp_count;
	u64 tsc_hz;
	u64 wall_seconds;            /* since 1970, UTC, when time was wall_ns */
	u64 wall_ns;                 /* as WORKER_TIME gives it */
	u64 file_size[WORKER_FILES]; /* bytes; WORKER_NO_FILE */
	u32 region_count;
	u32 reserved;
	struct worker_region region[WORKER_REGIONS_MAX];
	char name[WORKER_NAME_MAX];
	char cmdline[WORKER_CMDLINE_MAX];
};
static_assert(sizeof(struct worker_start) <= PAGE_SIZE);

enum worker_syscall {
	/* submit(operation, a, b, c): does one thing for the worker's own child. */
	WORKER_SUBMIT = 1,
	/* wait(): blocks until something came; gives WORKER_EVENT_*, details in the mailbox.
	 * -EBUSY before WORKER_LOADED. */
	WORKER_WAIT = 2,
};

/*
 * Operations. Errors of all: -EINVAL an argument is out of range, -ENOSYS no
 * such operation. "Stopped": the VP waits for its worker because of an
 * intercept, or has not been started; else -EBUSY.
 */
enum worker_operation {
	/* a: VP, stopped; b: count; u32 names in the mailbox become 16-byte values. */
	WORKER_GET_REGISTERS = 1,
	/* a: VP, stopped; b: count; struct hv_register_assoc in the mailbox. Result: 0 or error. */
	WORKER_SET_REGISTERS,
	/* a: VP, stopped: what the register page says is loaded, and the VP goes on. */
	WORKER_RESUME,
	/* a: VP, stopped; b: GVA; c: HV_TRANSLATE_*. Result: the GPA; -EFAULT: none, result in the
	 * mailbox (struct hv_translate_output). */
	WORKER_TRANSLATE,
	/* The child is loaded, VP 0's registers are set: it may be started. */
	WORKER_LOADED,
	/* a: file; b: offset; c: bytes, at most the mailbox's. Result: bytes read into it. */
	WORKER_FILE_READ,
	/* a: file; b: offset; c: bytes; d (mailbox, u64): GPA. Result: bytes read into RAM, which
	 * may be fewer; 0: at the end. */
	WORKER_FILE_LOAD,
	/* a: bytes in the mailbox: output of the child's console. */
	WORKER_CONSOLE_WRITE,
	/* a: bytes of text behind the struct worker_crash in the mailbox: the guest says that it
	 * crashed. The first time counts. */
	WORKER_CRASH,
	/* a: time by WORKER_TIME at which WORKER_EVENT_TIMER comes; 0: none. Replaces the last. */
	WORKER_TIMER,
	/* Result: nanoseconds since some start; never goes back. */
	WORKER_TIME,
	/* a: enum worker_end; b: bytes in the mailbox that say why. Does not return. */
	WORKER_END,
	/* a: bytes in the mailbox: a line for the root's log; 32 in ten seconds are kept. */
	WORKER_LOG,
	/* a: APIC id, or logical destination; b: vector; c: WORKER_INTERRUPT_*: the child's local
	 * APICs get an interrupt, as from an IOAPIC. Other errors: the hypervisor's. */
	WORKER_INTERRUPT,
};
#define WORKER_OPERATIONS (WORKER_INTERRUPT + 1)

/* How an interrupt is delivered. */
#define WORKER_INTERRUPT_MODE(how) ((u32)(how)&7u) /* APIC_DM_*: fixed, lowest, NMI, INIT */
#define WORKER_INTERRUPT_LEVEL     BIT(3)          /* its EOI becomes an event */
#define WORKER_INTERRUPT_LOGICAL   BIT(4)
#define WORKER_INTERRUPT_ALL       0x1fu

/* What became of the child. */
enum worker_end {
	WORKER_END_POWEROFF, /* it switched itself off */
	WORKER_END_RESET,    /* it wants to start again; a triple fault, too */
	WORKER_END_FAILED,   /* it cannot go on */
};

enum worker_event {
	/* VP in the mailbox (struct worker_vp_event): its message is in its intercept page. */
	WORKER_EVENT_INTERCEPT = 1,
	/* Typed bytes in the mailbox (struct worker_input_event). */
	WORKER_EVENT_INPUT,
	WORKER_EVENT_TIMER,
	/* Vector in the mailbox (struct worker_eoi_event): of an interrupt that came by level. */
	WORKER_EVENT_EOI,
};

struct worker_eoi_event {
	u8 vector;
};

#define WORKER_CRASH_TEXT 4096u
struct worker_crash {
	u64 parameter[5];
};
static_assert(sizeof(struct worker_crash) + WORKER_CRASH_TEXT <= WORKER_MAILBOX_SIZE);

struct worker_vp_event {
	u32 vp;
};

#define WORKER_INPUT_MAX 256u
struct worker_input_event {
	u32 count;
	u8 bytes[WORKER_INPUT_MAX];
};
