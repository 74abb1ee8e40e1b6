/* SPDX-License-Identifier: MIT */
/*
 * A small kernel for tests, entered in the place of the root kernel, or by a
 * worker as a child: output on COM1, PASS and FAIL lines, faults that are caught, interrupts, hypercalls,
 * further VPs. Memory is identity-mapped; the image is mapped high as well.
 */
#pragma once

#include "base/types.h"
#include "boot/bootinfo.h"
#include "boot/pvh.h"
#include "hv/hypercall.h"
#include "hv/status.h"

/* Each test program has one: runs after everything is set up. */
void guest_main(void);

extern const struct pvh_start_info *guest_start_info;
extern const struct bootinfo *guest_bootinfo;
extern u64 guest_load; /* physical address of the image */

void guest_print(const char *fmt, ...) __printf(1, 2);
/* One line each: "PASS name", or "FAIL name why". */
void guest_pass(const char *name);
void guest_fail(const char *name, const char *fmt, ...) __printf(2, 3);
/* A check: PASS if @ok, else FAIL with the text. */
#define guest_check(ok, name, ...) ((ok) ? guest_pass(name) : guest_fail(name, " " __VA_ARGS__))
/* A figure for the bench: "BENCH name value". */
void guest_bench(const char *name, u64 value);
/* "DONE", then power off as far as a test machine goes. */
_Noreturn void guest_done(void);

#define GUEST_NO_FAULT 0xffffffffu

struct guest_fault {
	u32 vector; /* GUEST_NO_FAULT if there was none */
	u64 error;
	u64 rip;
	u64 cr2;
};

/* Calls fn(arg) and reports the exception that ended it. Not nestable. */
struct guest_fault guest_try(void (*fn)(void *arg), void *arg);

/* Goes to ring 3, interrupts off, and reports the exception that ended it. */
struct guest_fault guest_user(u64 rip, u64 rsp);
/* From now on @vector is taken on IST stack @ist, 1 to 7; 0: on the current one. First VP only. */
void guest_ist(u8 vector, u8 ist, u64 stack_top);

struct guest_regs {
	u64 rax, rbx, rcx, rdx, rsi, rdi, r8;
};

/* Runs machine code at @code, which ends in RET, with these registers. */
void guest_execute(const void *code, struct guest_regs *r);

/* Calls @handler for each interrupt at @vector (32 to 255); it ends with EOI itself. */
void guest_on_interrupt(u8 vector, void (*handler)(u8 vector));
/* An exception handler that returns; NULL: guest_try() or panic. */
void guest_on_exception(u8 vector, void (*handler)(u8 vector));

/* As the stubs leave it on the stack; an error code of 0 where there is none. */
struct guest_frame {
	u64 rbx, r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax;
	u64 vector, error;
	u64 rip, cs, rflags, rsp, ss;
};

/* Of the handler that runs, on any VP the last one: for tests on one VP. */
extern struct guest_frame *guest_frame;

/* A handler that never returns: what came ends the guest_try() under way, as a fault does. */
void guest_leave(u8 vector);
/* An IRET to the next instruction: NMIs may come again. */
void guest_iret(void);
/* Runs code at @code on the stack @rsp with RAX and RDI; only a fault leads back. */
void guest_run_on(u64 rsp, u64 code, u64 rax, u64 rdi);

/* Identity-mapped physical address of something in the image. */
static inline u64 guest_phys(const void *p)
{
	return (u64)p - 0xffffffff80000000ull + guest_load;
}

/* Zeroed pages below 4 GiB that are the guest's, identity-mapped. */
void *guest_pages(u64 count);

/*
 * Zeroed RAM below 4 GiB, identity-mapped, behind what was given before: more
 * than guest_pages() has. Asserts that there is so much.
 */
u64 guest_ram(u64 size, u64 align);
u64 guest_ram_left(void);

/* Sets the hypercall page up on first use. */
u64 guest_hypercall(u64 control, u64 input_gpa, u64 output_gpa);
/* The page that guest_hypercall() goes through, set up if need be. */
u64 guest_hypercall_page(void);
/*
 * Calls 32-bit code at @code in compatibility mode with EAX, EBX, ECX, EDX, ESI
 * and EDI from @r, and stores them there again. @r, @code and the stack's top
 * lie below 4 GiB.
 */
void guest_call_compat(u32 r[6], u64 code, u64 stack_top);
/* Calls through a hypercall page elsewhere, or whatever code is there. */
u64 guest_call_hypercall(const void *page, u64 control, u64 input, u64 output);
/* A fast one with XMM0 to 5 from @in; @out is what they hold afterwards. */
u64 guest_call_xmm(
	const void *page, u64 control, u64 first, u64 second, const u64 in[12], u64 out[12]);
/* Call with one input and output page of the library's; copies in and out. */
u64 guest_hypercall_block(u64 control, const void *in, size_t in_size, void *out, size_t out_size);

struct hv_start_vp_input;
/* What guest_start_vp() asks for, to be changed; @stack_top: of a stack that no other VP uses. */
void guest_vp_context(u32 index, u64 stack_top, struct hv_start_vp_input *in);
enum hv_status guest_start_vp_by(const struct hv_start_vp_input *in);
/* Starts VP @index at fn(arg) on a stack of its own; returns the status. */
enum hv_status guest_start_vp(u32 index, void (*fn)(void *arg), void *arg);
/* Loads the library's tables on the calling VP and enables its APIC; guest_start_vp() does it. */
void guest_load_tables(void);

/* A point in the hypervisor's log. */
struct guest_log_mark {
	u64 head;
	u64 dropped;
};

/* A child sees no log: what is asked about it is true. */
struct guest_log_mark guest_log_mark(void);
/* Since the mark came @word, or a line that the rate limit held back. */
bool guest_log_says(struct guest_log_mark since, const char *word);
bool guest_log_silent(struct guest_log_mark since);

/* The hypervisor's back end is VT-x's. */
bool guest_is_vmx(void);
/* It runs as a child of the root, not in the root's place: there is no bootinfo. */
bool guest_is_child(void);
/* QEMU's own processor, which checks less than a real one where nothing is intercepted. */
bool guest_is_qemu(void);

u64 guest_tsc_hz(void);
void guest_delay_us(u64 us);
