/* SPDX-License-Identifier: MIT */
/*
 * A worker's two system calls. Everything that comes from the worker is
 * hostile: each argument is checked, the mailbox is copied once before it is
 * looked at, and a VP is touched only while its worker has its intercept, or
 * before it was ever started. In the worker's task.
 */
#include "base/errno.h"
#include "hv/hypercall.h"
#include "lib/string.h"
#include "rootpart/hypercall_child.h"
#include "rootpart/log.h"
#include "rootpart/time.h"
#include "rootpart/vm/vm_worker.h"
#include "x86/apic.h"
#include "x86/atomic.h"

#define REGISTERS_MAX 64u
#define LOG_LINE      160u
#define FILE_PIECE    PAGE_2M /* of one call: it holds the root's VP */

/* Vectors. */
#define INTERRUPT_FIRST 16u
#define INTERRUPT_LAST  255u

/* A worker keeps itself to fewer; one that does not must not drown what others log. */
#define LOG_LINES       32u
#define LOG_INTERVAL_NS (10 * NS_PER_S)

/* A name from which on a worker may read and write registers: not those that suspend. */
#define REGISTER_FIRST HV_REGISTER_PENDING_INTERRUPTION

struct call {
	struct vm_worker *w;
	u64 a, b, c;
};

/* VP a is stopped for the worker. */
static int vp_stopped(const struct call *call, u32 *vp)
{
	const struct vm_worker *w = call->w;

	if (call->a >= w->child->vps)
		return -EINVAL;
	*vp = (u32)call->a;
	return !w->loaded || w->held >> *vp & 1 ? 0 : -EBUSY;
}

/* The hypervisor knows which VPs are stopped; reading one that is does no harm. */
static s64 get_registers(const struct call *call)
{
	u32 names[REGISTERS_MAX];
	union hv_register_value values[REGISTERS_MAX];
	int r;

	if (call->a >= call->w->child->vps || call->b == 0 || call->b > REGISTERS_MAX)
		return -EINVAL;
	memcpy(names, call->w->mailbox, call->b * sizeof(*names));
	r = hypercall_get_registers(call->w->child->id, (u32)call->a, names, values, (u32)call->b);
	if (r == 0)
		memcpy(call->w->mailbox, values, call->b * sizeof(*values));
	return r;
}

static s64 set_registers(const struct call *call)
{
	struct hv_register_assoc registers[REGISTERS_MAX];
	u32 vp;
	int r = vp_stopped(call, &vp);

	if (r != 0)
		return r;
	if (call->b == 0 || call->b > REGISTERS_MAX)
		return -EINVAL;
	memcpy(registers, call->w->mailbox, call->b * sizeof(*registers));
	for (u32 i = 0; i < call->b; i++)
		if (registers[i].name < REGISTER_FIRST)
			return -EINVAL;
	return hypercall_set_registers(call->w->child->id, vp, registers, (u32)call->b);
}

/* The VP may run before the call is over: it is not the worker's any more. */
static s64 resume(const struct call *call)
{
	struct vm_worker *w = call->w;
	u32 vp;
	int r = vp_stopped(call, &vp);

	if (r != 0)
		return r;
	if (!(w->held >> vp & 1))
		return -EBUSY;
	w->held &= ~BIT(vp);
	r = hypercall_set_register(w->child->id, vp, HV_REGISTER_INTERCEPT_SUSPEND, 0);
	if (r != 0)
		w->held |= BIT(vp);
	return r;
}

static s64 translate(const struct call *call)
{
	struct hv_translate_output out;
	u32 vp;
	int r = vp_stopped(call, &vp);

	if (r == 0)
		r = hypercall_translate(call->w->child->id, vp, call->b, call->c, &out);
	if (r != 0)
		return r;
	memcpy(call->w->mailbox, &out, sizeof(out));
	if (out.result != HV_TRANSLATE_SUCCESS)
		return -EFAULT;
	return (s64)(out.gpfn << PAGE_SHIFT | (call->b & PAGE_MASK));
}

static s64 loaded(const struct call *call)
{
	struct vm_worker *w = call->w;

	if (w->loaded)
		return -EBUSY;
	store_release(&w->loaded, true);
	wait_wake_all(w->changed);
	return 0;
}

static struct vfs_file *file_of(const struct call *call)
{
	struct vm_worker *w = call->w;

	if (call->a >= WORKER_FILES || !w->files[call->a].open)
		return NULL;
	w->files[call->a].file.offset = call->b;
	return &w->files[call->a].file;
}

static s64 file_read(const struct call *call)
{
	struct vfs_file *file = file_of(call);

	if (file == NULL || call->c > WORKER_MAILBOX_SIZE)
		return -EINVAL;
	return vfs_read(file, call->w->mailbox, call->c);
}

static s64 file_load(const struct call *call)
{
	struct vfs_file *file = file_of(call);
	u64 gpa, piece = MIN(call->c, FILE_PIECE);
	void *to;

	memcpy(&gpa, call->w->mailbox, sizeof(gpa));
	to = child_piece(call->w->child, gpa, &piece);
	return file != NULL && to != NULL ? vfs_read(file, to, piece) : -EINVAL;
}

static s64 console_write(const struct call *call)
{
	if (call->a > WORKER_MAILBOX_SIZE)
		return -EINVAL;
	vm_console_put(call->w->console, call->w->mailbox, call->a);
	return 0;
}

static s64 crash(const struct call *call)
{
	const struct worker_crash *c = (const void *)call->w->mailbox;

	if (call->a > WORKER_CRASH_TEXT)
		return -EINVAL;
	vm_crash_tell(&call->w->crash, c->parameter, (const char *)(c + 1), call->a);
	return 0;
}

static s64 timer_set(const struct call *call)
{
	struct vm_worker *w = call->w;

	timer_stop(&w->timer);
	store_relaxed(&w->timer_fired, false);
	if (call->a != 0)
		timer_start(&w->timer, call->a);
	return 0;
}

static s64 tell_time(const struct call *call)
{
	(void)call;
	return (s64)time_ns();
}

/* Text of the worker's, in which nothing can play tricks with a terminal. */
static void text_copy(const struct call *call, u64 count, char *to, size_t size)
{
	u64 len = MIN(count, size - 1);

	memcpy(to, call->w->mailbox, len);
	to[len] = '\0';
	for (u64 i = 0; i < len; i++)
		if (to[i] < ' ' || to[i] > '~')
			to[i] = ' ';
}

static s64 end(const struct call *call)
{
	struct vm_worker *w = call->w;

	if (call->a > WORKER_END_FAILED)
		return -EINVAL;
	text_copy(call, call->b, w->why, sizeof(w->why));
	w->end = (enum worker_end)call->a;
	store_release(&w->end_asked, true);
	process_kill(w->process, w->why);
	return 0;
}

static bool may_log(struct vm_worker *w)
{
	u64 now = time_ns();

	if (now - w->log_since >= LOG_INTERVAL_NS) {
		w->log_since = now;
		w->log_lines = 0;
	}
	return w->log_lines < LOG_LINES;
}

static s64 log_line(const struct call *call)
{
	char line[LOG_LINE];

	if (!may_log(call->w))
		return 0;
	call->w->log_lines++;
	text_copy(call, call->a, line, sizeof(line));
	log_printf("vm: %s: %s", call->w->start->name, line);
	return 0;
}

/* NMI and INIT have no vector; of the others the first 16 are exceptions' alone. */
static bool interrupt_makes_sense(u32 mode, u64 vector)
{
	switch (mode) {
	case APIC_DM_FIXED:
	case APIC_DM_LOWEST:
		return vector >= INTERRUPT_FIRST && vector <= INTERRUPT_LAST;
	case APIC_DM_NMI:
	case APIC_DM_INIT:
		return vector <= INTERRUPT_LAST;
	default:
		return false;
	}
}

static s64 interrupt(const struct call *call)
{
	u64 how = call->c, control = WORKER_INTERRUPT_MODE(how);

	if (call->a > UINT32_MAX || how & ~(u64)WORKER_INTERRUPT_ALL ||
		!interrupt_makes_sense((u32)control, call->b))
		return -EINVAL;
	if (how & WORKER_INTERRUPT_LEVEL)
		control |= HV_ASSERT_LEVEL;
	if (how & WORKER_INTERRUPT_LOGICAL)
		control |= HV_ASSERT_LOGICAL;
	return hypercall_assert_interrupt(call->w->child->id, control, call->a, (u32)call->b);
}

static s64 (*const operations[])(const struct call *call) = {
	[WORKER_GET_REGISTERS] = get_registers,
	[WORKER_SET_REGISTERS] = set_registers,
	[WORKER_RESUME] = resume,
	[WORKER_TRANSLATE] = translate,
	[WORKER_LOADED] = loaded,
	[WORKER_FILE_READ] = file_read,
	[WORKER_FILE_LOAD] = file_load,
	[WORKER_CONSOLE_WRITE] = console_write,
	[WORKER_CRASH] = crash,
	[WORKER_TIMER] = timer_set,
	[WORKER_TIME] = tell_time,
	[WORKER_END] = end,
	[WORKER_LOG] = log_line,
	[WORKER_INTERRUPT] = interrupt,
};

static s64 submit(struct vm_worker *w, u64 operation, u64 a, u64 b, u64 c)
{
	const struct call call = { w, a, b, c };

	if (operation >= ARRAY_SIZE(operations) || operations[operation] == NULL)
		return -ENOSYS;
	return operations[operation](&call);
}

/* One VP's intercept, the one that follows the last given out. */
static bool take_intercept(struct vm_worker *w)
{
	u64 waiting = load_acquire(&w->intercepted);
	struct worker_vp_event event;

	if (waiting == 0)
		return false;
	event.vp = (u32)__builtin_ctzll(waiting);
	if (waiting >> w->next_vp != 0)
		event.vp = w->next_vp + (u32)__builtin_ctzll(waiting >> w->next_vp);
	w->next_vp = (event.vp + 1) % HV_MAX_PROCESSORS;
	atomic_fetch_and(&w->intercepted, ~BIT(event.vp));
	w->held |= BIT(event.vp);
	memcpy(w->mailbox, &event, sizeof(event));
	return true;
}

static bool take_eoi(struct vm_worker *w)
{
	for (u32 i = 0; i < ARRAY_SIZE(w->eoi); i++) {
		u64 waiting = load_acquire(&w->eoi[i]);
		struct worker_eoi_event event;

		if (waiting == 0)
			continue;
		event.vector = (u8)(i * 64 + (u32)__builtin_ctzll(waiting));
		atomic_fetch_and(&w->eoi[i], ~BIT(event.vector % 64));
		memcpy(w->mailbox, &event, sizeof(event));
		return true;
	}
	return false;
}

static bool take_input(struct vm_worker *w)
{
	struct worker_input_event event;

	event.count = (u32)vm_console_typed_take(w->console, event.bytes, sizeof(event.bytes));
	if (event.count == 0)
		return false;
	memcpy(w->mailbox, &event, sizeof(event));
	return true;
}

static bool take_timer(struct vm_worker *w)
{
	if (!load_acquire(&w->timer_fired))
		return false;
	store_relaxed(&w->timer_fired, false);
	return true;
}

/* 0: nothing came yet. Intercepts last: VPs that poll a device keep them coming for ever. */
static s64 take_event(struct vm_worker *w)
{
	if (take_timer(w))
		return WORKER_EVENT_TIMER;
	if (vm_console_typed_waits(w->console) && take_input(w))
		return WORKER_EVENT_INPUT;
	if (take_eoi(w))
		return WORKER_EVENT_EOI;
	return take_intercept(w) ? WORKER_EVENT_INTERCEPT : 0;
}

static s64 wait(struct vm_worker *w)
{
	s64 event;

	/* Nothing would come, and who started it waits until it is loaded. */
	if (!w->loaded)
		return -EBUSY;
	process_deadline_clear(w->process);
	wait_event(&w->queue, (event = take_event(w)) != 0 || process_killed(w->process));
	process_deadline_set(w->process, WORKER_DEADLINE_NS);
	return event;
}

s64 vm_syscall(struct process *p, u64 number, u64 a, u64 b, u64 c, u64 d)
{
	struct vm_worker *w = process_owner(p);

	switch (number) {
	case WORKER_SUBMIT:
		return submit(w, a, b, c, d);
	case WORKER_WAIT:
		return wait(w);
	default:
		return -ENOSYS;
	}
}
