/* SPDX-License-Identifier: MIT */
/*
 * Packing and unpacking of the mailbox around worker_syscall(). Nothing here
 * knows what the calls are for.
 */
#include "rootpart/worker/sys.h"

#include "base/assert.h"
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/worker/space.h"

s64 worker_syscall(u64 number, u64 a, u64 b, u64 c, u64 d);

static s64 submit(enum worker_operation operation, u64 a, u64 b, u64 c)
{
	return worker_syscall(WORKER_SUBMIT, operation, a, b, c);
}

/* For calls that fail only if the worker is wrong. */
static s64 submit_sure(enum worker_operation operation, u64 a, u64 b, u64 c)
{
	s64 result = submit(operation, a, b, c);

	assert(result >= 0);
	return result;
}

/* Puts text into the mailbox, cut to its size; its length. */
static size_t mail_text(const char *text)
{
	size_t len = strnlen(text, WORKER_MAILBOX_SIZE);

	memcpy(space_mailbox(), text, len);
	return len;
}

void sys_wait(struct sys_event *event)
{
	s64 kind = worker_syscall(WORKER_WAIT, 0, 0, 0, 0);

	assert(kind > 0);
	event->kind = (u32)kind;
	switch (event->kind) {
	case WORKER_EVENT_INTERCEPT:
		event->vp = ((const struct worker_vp_event *)space_mailbox())->vp;
		break;
	case WORKER_EVENT_EOI:
		event->vector = ((const struct worker_eoi_event *)space_mailbox())->vector;
		break;
	case WORKER_EVENT_INPUT:
		memcpy(&event->input, space_mailbox(), sizeof(event->input));
		assert(event->input.count <= WORKER_INPUT_MAX);
		break;
	default:
		break;
	}
}

int sys_get_registers(u32 vp, const u32 *names, u32 count, union hv_register_value *values)
{
	s64 result;

	assert(count <= SYS_REGISTERS_MAX);
	memcpy(space_mailbox(), names, count * sizeof(*names));
	result = submit(WORKER_GET_REGISTERS, vp, count, 0);
	assert(result >= 0 || result == -EBUSY);
	if (result >= 0)
		memcpy(values, space_mailbox(), count * sizeof(*values));
	return result >= 0 ? 0 : (int)result;
}

int sys_set_registers(u32 vp, const struct hv_register_assoc *assoc, u32 count)
{
	s64 result;

	assert(count <= SYS_REGISTERS_MAX);
	memcpy(space_mailbox(), assoc, count * sizeof(*assoc));
	result = submit(WORKER_SET_REGISTERS, vp, count, 0);
	assert(result >= 0 || result == -EINVAL);
	return result >= 0 ? 0 : (int)result;
}

void sys_resume(u32 vp)
{
	submit_sure(WORKER_RESUME, vp, 0, 0);
}

int sys_translate(u32 vp, u64 gva, u64 flags, u64 *gpa, u32 *why)
{
	s64 result = submit(WORKER_TRANSLATE, vp, gva, flags);

	if (result == -EFAULT) {
		*why = ((const struct hv_translate_output *)space_mailbox())->result;
		return -EFAULT;
	}
	assert(result >= 0);
	*gpa = ALIGN_DOWN((u64)result, PAGE_SIZE) | (gva & PAGE_MASK);
	return 0;
}

int sys_interrupt(u32 destination, u8 vector, u32 how)
{
	return (int)submit(WORKER_INTERRUPT, destination, vector, how);
}

void sys_loaded(void)
{
	submit_sure(WORKER_LOADED, 0, 0, 0);
}

s64 sys_file_read(enum worker_file file, u64 offset, void *to, size_t len)
{
	s64 result = submit(WORKER_FILE_READ, file, offset, MIN(len, WORKER_MAILBOX_SIZE));

	assert(result <= (s64)MIN(len, WORKER_MAILBOX_SIZE));
	if (result > 0)
		memcpy(to, space_mailbox(), (size_t)result);
	return result;
}

s64 sys_file_load(enum worker_file file, u64 offset, u64 len, u64 gpa)
{
	s64 result;

	memcpy(space_mailbox(), &gpa, sizeof(gpa));
	result = submit(WORKER_FILE_LOAD, file, offset, len);
	assert(result < 0 || (u64)result <= len);
	return result;
}

void sys_console_write(const u8 *bytes, size_t len)
{
	assert(len <= WORKER_MAILBOX_SIZE);
	memcpy(space_mailbox(), bytes, len);
	submit_sure(WORKER_CONSOLE_WRITE, len, 0, 0);
}

void sys_crash(const u64 *parameter, const char *text, size_t size)
{
	struct worker_crash *crash = space_mailbox();

	assert(size <= WORKER_CRASH_TEXT);
	memcpy(crash->parameter, parameter, sizeof(crash->parameter));
	memcpy(crash + 1, text, size);
	(void)submit_sure(WORKER_CRASH, size, 0, 0);
}

void sys_log(const char *line)
{
	submit_sure(WORKER_LOG, mail_text(line), 0, 0);
}

u64 sys_time(void)
{
	return (u64)submit_sure(WORKER_TIME, 0, 0, 0);
}

void sys_timer(u64 when)
{
	submit_sure(WORKER_TIMER, when, 0, 0);
}

_Noreturn void sys_end(enum worker_end end, const char *why)
{
	submit(WORKER_END, end, mail_text(why), 0);
	__builtin_trap();
}
