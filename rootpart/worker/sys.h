/* SPDX-License-Identifier: MIT */
/*
 * The system calls as typed functions. Each packs its arguments into the
 * mailbox where they do not fit into registers; what stood in the mailbox
 * before is lost. Errors are the kernel's, negative (include/worker/abi.h);
 * where none is listed, one is a bug of ours and ends the worker.
 */
#pragma once

#include "base/types.h"
#include "hv/memory.h"
#include "hv/vp.h"
#include "worker/abi.h"

#define SYS_REGISTERS_MAX ((u32)(WORKER_MAILBOX_SIZE / sizeof(struct hv_register_assoc)))

/* What sys_wait() brought. */
struct sys_event {
	u32 kind;  /* enum worker_event */
	u32 vp;    /* intercepts */
	u8 vector; /* EOIs */
	struct worker_input_event input;
};

void sys_wait(struct sys_event *event);

/* @count up to SYS_REGISTERS_MAX. -EBUSY: the VP is not stopped. */
[[nodiscard]] int sys_get_registers(
	u32 vp, const u32 *names, u32 count, union hv_register_value *values);
/* Of a stopped VP. -EINVAL: the hypervisor refused one. */
[[nodiscard]] int sys_set_registers(u32 vp, const struct hv_register_assoc *assoc, u32 count);
void sys_resume(u32 vp);
/*
 * GPA of @gva by the guest's page tables, with @flags (HV_TRANSLATE_*).
 * -EFAULT: there is none, and *why (enum hv_translate_result) tells.
 */
[[nodiscard]] int sys_translate(u32 vp, u64 gva, u64 flags, u64 *gpa, u32 *why);

/*
 * An interrupt of @vector to the APICs that @destination names, @how:
 * WORKER_INTERRUPT_*. A negative error if the hypervisor does not take it.
 */
[[nodiscard]] int sys_interrupt(u32 destination, u8 vector, u32 how);

void sys_loaded(void);
/* Bytes read, fewer than @len at the end of the file; or a file error. */
[[nodiscard]] s64 sys_file_read(enum worker_file file, u64 offset, void *to, size_t len);
/* The same, into RAM: not to be called but by memory_load(). */
[[nodiscard]] s64 sys_file_load(enum worker_file file, u64 offset, u64 len, u64 gpa);

/* @len up to WORKER_MAILBOX_SIZE. */
void sys_console_write(const u8 *bytes, size_t len);
/* The guest's crash: five parameters, and @size bytes of text, up to WORKER_CRASH_TEXT. */
void sys_crash(const u64 *parameter, const char *text, size_t size);
/* A line for the root's log, without its end. */
void sys_log(const char *line);
/* Nanoseconds; sys_timer(0) puts the timer off. */
u64 sys_time(void);
void sys_timer(u64 when);
_Noreturn void sys_end(enum worker_end end, const char *why);
