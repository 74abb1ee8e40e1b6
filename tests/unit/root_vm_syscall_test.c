/* SPDX-License-Identifier: MIT */
/*
 * A worker's system calls, by one that is hostile: numbers out of range, VPs
 * that are not its own, waiting before it has loaded anything, floods of log
 * lines, intercepts that never end.
 * sources: rootpart/vm/vm_syscall.c rootpart/vm/vm_crash.c lib/string.c
 * cflags: -iquote tests/unit/fake/root
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "hv/registers.h"
#include "rootpart/hypercall_child.h"
#include "rootpart/log.h"
#include "rootpart/time.h"
#include "rootpart/vm/vm_worker.h"

#define VPS    2
#define MEMORY (16 * MIB)

static struct vm_worker w;
static struct child child;
static struct vm_console console;
static struct worker_start start;
static u8 mailbox[WORKER_MAILBOX_SIZE];
static u64 now;
static u64 runs; /* VPs */
static u32 calls, lines, deadlines;
static u64 deadline;
static bool killed;
static u32 typed;
static size_t read_len;
static u64 read_offset;
static u8 *memory;

void *process_owner(const struct process *p)
{
	(void)p;
	return &w;
}

bool process_killed(const struct process *p)
{
	(void)p;
	return killed;
}

void process_kill(struct process *p, const char *why)
{
	(void)p;
	(void)why;
	killed = true;
}

void process_deadline_set(struct process *p, u64 ns)
{
	(void)p;
	deadline = ns;
	deadlines++;
}

void process_deadline_clear(struct process *p)
{
	(void)p;
	deadline = 0;
}

u64 time_ns(void)
{
	return now;
}

void timer_start(struct timer *t, u64 deadline_ns)
{
	t->armed = true;
	t->deadline = deadline_ns;
}

void timer_stop(struct timer *t)
{
	t->armed = false;
}

void wait_wake_all(struct wait_queue *q)
{
	assert_non_null(q);
}

void wait_begin(struct wait_queue *q, struct waiter *waiter)
{
	(void)q;
	(void)waiter;
}

/* Nobody comes. */
int wait_step(struct wait_queue *q, struct waiter *waiter, u64 deadline_ns)
{
	(void)q;
	(void)waiter;
	(void)deadline_ns;
	killed = true;
	return 0;
}

void wait_end(struct wait_queue *q, struct waiter *waiter)
{
	(void)q;
	(void)waiter;
}

void log_printf(const char *fmt, ...)
{
	(void)fmt;
	lines++;
}

void vm_console_put(struct vm_console *c, const void *bytes, size_t count)
{
	assert_ptr_equal(c, &console);
	assert_ptr_equal(bytes, mailbox);
	assert_true(count <= sizeof(mailbox));
}

bool vm_console_typed_waits(const struct vm_console *c)
{
	(void)c;
	return typed > 0;
}

size_t vm_console_typed_take(struct vm_console *c, u8 *bytes, size_t size)
{
	size_t n = MIN(typed, size);

	(void)c;
	memset(bytes, 'x', n);
	typed -= (u32)n;
	return n;
}

s64 vfs_read(struct vfs_file *file, void *buf, size_t len)
{
	(void)buf;
	read_offset = file->offset;
	read_len = len;
	return (s64)len;
}

void *child_piece(const struct child *c, u64 gpa, u64 *len)
{
	assert_ptr_equal(c, &child);
	if (gpa >= MEMORY)
		return NULL;
	*len = MIN(*len, MEMORY - gpa);
	return memory + gpa;
}

int hypercall_get_registers(
	u64 id, u32 vp, const u32 *names, union hv_register_value *values, u32 count)
{
	(void)names;
	assert_int_equal(id, child.id);
	assert_true(vp < VPS);
	memset(values, 0x5a, count * sizeof(*values));
	calls++;
	return runs >> vp & 1 ? -EBUSY : 0;
}

int hypercall_set_registers(u64 id, u32 vp, const struct hv_register_assoc *registers, u32 count)
{
	(void)registers;
	(void)count;
	assert_int_equal(id, child.id);
	assert_true(vp < VPS);
	calls++;
	return 0;
}

static int resume_error;

int hypercall_set_register(u64 id, u32 vp, u32 name, u64 value)
{
	assert_int_equal(id, child.id);
	assert_true(vp < VPS);
	assert_int_equal(name, HV_REGISTER_INTERCEPT_SUSPEND);
	assert_int_equal(value, 0);
	calls++;
	return resume_error;
}

int hypercall_translate(u64 id, u32 vp, u64 gva, u64 flags, struct hv_translate_output *out)
{
	(void)gva;
	(void)flags;
	assert_int_equal(id, child.id);
	assert_true(vp < VPS);
	*out = (struct hv_translate_output){ .result = HV_TRANSLATE_SUCCESS, .gpfn = 7 };
	calls++;
	return 0;
}

static struct hv_assert_interrupt_input asserted;
static int assert_error;

int hypercall_assert_interrupt(u64 id, u64 control, u64 destination, u32 vector)
{
	asserted = (struct hv_assert_interrupt_input){
		.partition_id = id,
		.control = control,
		.destination = destination,
		.vector = vector,
	};
	calls++;
	return assert_error;
}

static s64 submit(u64 operation, u64 a, u64 b, u64 c)
{
	return vm_syscall(NULL, WORKER_SUBMIT, operation, a, b, c);
}

static s64 wait(void)
{
	return vm_syscall(NULL, WORKER_WAIT, 0, 0, 0, 0);
}

static int set_up(void **state)
{
	(void)state;
	child = (struct child){ .id = 5, .vps = VPS };
	w = (struct vm_worker){ .child = &child,
		.console = &console,
		.start = &start,
		.mailbox = mailbox,
		.changed = &console.readers };
	w.files[WORKER_FILE_KERNEL].open = true;
	memset(mailbox, 0, sizeof(mailbox));
	now = NS_PER_S;
	runs = 0;
	calls = lines = deadlines = typed = 0;
	deadline = 1;
	killed = false;
	resume_error = 0;
	return 0;
}

/* As after its start, with nothing to do. */
static void load(void)
{
	assert_int_equal(submit(WORKER_LOADED, 0, 0, 0), 0);
	assert_true(w.loaded);
}

static void get_intercept(u32 vp)
{
	w.intercepted |= BIT(vp);
	assert_int_equal(wait(), WORKER_EVENT_INTERCEPT);
	assert_int_equal(((struct worker_vp_event *)mailbox)->vp, vp);
}

static void numbers(void **state)
{
	static const u64 wrong[] = { 0, WORKER_OPERATIONS, 1ull << 32 | WORKER_LOG, ~0ull };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(submit(wrong[i], 0, 0, 0), -ENOSYS);
	assert_int_equal(vm_syscall(NULL, 0, 0, 0, 0, 0), -ENOSYS);
	assert_int_equal(vm_syscall(NULL, 3, 0, 0, 0, 0), -ENOSYS);
}

static void other_vps(void **state)
{
	static const u64 operations[] = { WORKER_SET_REGISTERS, WORKER_RESUME, WORKER_TRANSLATE };
	static const u64 none[] = { VPS, 64, 1ull << 32, ~0ull };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(operations); i++)
		for (u32 k = 0; k < ARRAY_SIZE(none); k++)
			assert_int_equal(submit(operations[i], none[k], 1, 0), -EINVAL);
	for (u32 k = 0; k < ARRAY_SIZE(none); k++)
		assert_int_equal(submit(WORKER_GET_REGISTERS, none[k], 1, 0), -EINVAL);
	/* Before it has run there is nothing to let go on. */
	assert_int_equal(submit(WORKER_RESUME, 0, 0, 0), -EBUSY);
	load();
	for (u32 i = 0; i < ARRAY_SIZE(operations); i++)
		assert_int_equal(submit(operations[i], 1, 1, 0), -EBUSY);
	assert_int_equal(calls, 0);
	get_intercept(1);
	assert_int_equal(submit(WORKER_SET_REGISTERS, 0, 1, 0), -EBUSY);
	assert_int_equal(submit(WORKER_TRANSLATE, 1, 0, 0), 7 << PAGE_SHIFT);
	resume_error = -EINVAL;
	assert_int_equal(submit(WORKER_RESUME, 1, 0, 0), -EINVAL);
	resume_error = 0;
	assert_int_equal(submit(WORKER_RESUME, 1, 0, 0), 0);
	assert_int_equal(submit(WORKER_RESUME, 1, 0, 0), -EBUSY);
}

/* Whether all VPs are idle for ever is seen of those that were never started, too. */
static void registers_of_another(void **state)
{
	(void)state;
	load();
	get_intercept(0);
	memset(mailbox, 0, sizeof(mailbox));
	runs = BIT(1);
	assert_int_equal(submit(WORKER_GET_REGISTERS, 1, 1, 0), -EBUSY);
	assert_int_equal(mailbox[0], 0);
	runs = 0;
	assert_int_equal(submit(WORKER_GET_REGISTERS, 1, 1, 0), 0);
	assert_int_equal(mailbox[15], 0x5a);
	assert_int_equal(mailbox[16], 0);
}

static void register_counts(void **state)
{
	static const u64 wrong[] = { 0, 65, 1ull << 32 | 1, ~0ull };
	struct hv_register_assoc *set = (void *)mailbox;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(submit(WORKER_GET_REGISTERS, 0, wrong[i], 0), -EINVAL);
		assert_int_equal(submit(WORKER_SET_REGISTERS, 0, wrong[i], 0), -EINVAL);
	}
	/* The registers that let a VP run are not the worker's. */
	for (u32 i = 0; i < 64; i++)
		set[i].name = HV_X64_REGISTER_RAX;
	assert_int_equal(submit(WORKER_SET_REGISTERS, 0, 64, 0), 0);
	assert_int_equal(calls, 1);
	set[63].name = HV_REGISTER_EXPLICIT_SUSPEND;
	assert_int_equal(submit(WORKER_SET_REGISTERS, 0, 64, 0), -EINVAL);
	set[63].name = HV_REGISTER_INTERCEPT_SUSPEND;
	assert_int_equal(submit(WORKER_SET_REGISTERS, 0, 64, 0), -EINVAL);
	assert_int_equal(calls, 1);
}

/* Nobody waits for ever for a worker that never says that it has loaded its child. */
static void never_loads(void **state)
{
	(void)state;
	typed = 1;
	w.timer_fired = true;
	assert_int_equal(wait(), -EBUSY);
	for (u32 i = 0; i < 100; i++) {
		assert_int_equal(submit(WORKER_FILE_READ, WORKER_FILE_KERNEL, 0, 1), 1);
		assert_int_equal(submit(WORKER_FILE_LOAD, WORKER_FILE_KERNEL, 0, 1), 1);
	}
	assert_int_equal(deadlines, 0);
	assert_int_equal(deadline, 1);
	load();
	assert_int_equal(submit(WORKER_LOADED, 0, 0, 0), -EBUSY);
}

static void files(void **state)
{
	static const u64 nowhere[] = { MEMORY, 1ull << 63, ~0ull };

	(void)state;
	assert_int_equal(submit(WORKER_FILE_READ, WORKER_FILE_INITRD, 0, 1), -EINVAL);
	assert_int_equal(submit(WORKER_FILE_READ, WORKER_FILES, 0, 1), -EINVAL);
	assert_int_equal(submit(WORKER_FILE_READ, ~0ull, 0, 1), -EINVAL);
	assert_int_equal(
		submit(WORKER_FILE_READ, WORKER_FILE_KERNEL, 0, WORKER_MAILBOX_SIZE + 1), -EINVAL);
	assert_int_equal(submit(WORKER_FILE_READ, WORKER_FILE_KERNEL, ~0ull, 1), 1);
	assert_int_equal(read_offset, ~0ull);
	for (u32 i = 0; i < ARRAY_SIZE(nowhere); i++) {
		memcpy(mailbox, &nowhere[i], sizeof(u64));
		assert_int_equal(submit(WORKER_FILE_LOAD, WORKER_FILE_KERNEL, 0, 1), -EINVAL);
	}
}

/* One call holds the root's VP for so long, and reaches no further than the memory. */
static void large_loads(void **state)
{
	const u64 gpa = MEMORY - 4096;

	(void)state;
	assert_int_equal(submit(WORKER_FILE_LOAD, WORKER_FILE_KERNEL, 0, ~0ull), PAGE_2M);
	assert_int_equal(read_len, PAGE_2M);
	memcpy(mailbox, &gpa, sizeof(gpa));
	assert_int_equal(submit(WORKER_FILE_LOAD, WORKER_FILE_KERNEL, 0, ~0ull), 4096);
	assert_int_equal(read_len, 4096);
}

static void log_flood(void **state)
{
	u32 kept;

	(void)state;
	for (u32 i = 0; i < 1000; i++)
		assert_int_equal(submit(WORKER_LOG, ~0ull, 0, 0), 0);
	kept = lines;
	assert_in_range(kept, 21, 100);
	now += 8 * NS_PER_S;
	assert_int_equal(submit(WORKER_LOG, 1, 0, 0), 0);
	assert_int_equal(lines, kept);
	now += NS_PER_S;
	assert_int_equal(submit(WORKER_LOG, 1, 0, 0), 0);
	assert_int_equal(lines, kept + 1);
}

/* VPs that never stop having intercepts keep neither keys nor timers away. */
static void events_are_fair(void **state)
{
	(void)state;
	load();
	w.intercepted = 3;
	typed = WORKER_INPUT_MAX + 1;
	w.timer_fired = true;
	for (u32 left = 3; left > 0; left--) {
		s64 event = wait();

		w.intercepted = 3;
		assert_true(event == WORKER_EVENT_INPUT || event == WORKER_EVENT_TIMER);
	}
	assert_int_equal(typed, 0);
	assert_int_equal(wait(), WORKER_EVENT_INTERCEPT);
	assert_int_equal(((struct worker_vp_event *)mailbox)->vp, 0);
	w.intercepted = 3;
	assert_int_equal(wait(), WORKER_EVENT_INTERCEPT);
	assert_int_equal(((struct worker_vp_event *)mailbox)->vp, 1);
	assert_int_equal(deadline, WORKER_DEADLINE_NS);
}

static void killed_while_waiting(void **state)
{
	(void)state;
	load();
	assert_int_equal(wait(), 0);
	assert_true(killed);
}

/* Last words are bounded, and play no tricks with a terminal. */
static void last_words(void **state)
{
	(void)state;
	assert_int_equal(submit(WORKER_END, WORKER_END_FAILED + 1, 0, 0), -EINVAL);
	assert_int_equal(submit(WORKER_END, ~0ull, 0, 0), -EINVAL);
	assert_false(killed);
	memset(mailbox, 0x1b, sizeof(mailbox));
	mailbox[0] = 'a';
	assert_int_equal(submit(WORKER_END, WORKER_END_FAILED, ~0ull, 0), 0);
	assert_true(killed && w.end_asked);
	assert_int_equal(strlen(w.why), sizeof(w.why) - 1);
	assert_int_equal(w.why[0], 'a');
	for (u32 i = 1; w.why[i] != '\0'; i++)
		assert_int_equal(w.why[i], ' ');
}

static void console_output(void **state)
{
	(void)state;
	assert_int_equal(submit(WORKER_CONSOLE_WRITE, WORKER_MAILBOX_SIZE, 0, 0), 0);
	assert_int_equal(submit(WORKER_CONSOLE_WRITE, WORKER_MAILBOX_SIZE + 1, 0, 0), -EINVAL);
	assert_int_equal(submit(WORKER_CONSOLE_WRITE, ~0ull, 0, 0), -EINVAL);
}

static void interrupts(void **state)
{
	static const struct {
		u64 destination, vector, how;
	} wrong[] = {
		{ 1ull << 32, 0x20, 0 },
		{ ~0ull, 0x20, 0 },
		{ 0, 256, 0 },
		{ 0, ~0ull, 0 },
		{ 0, 15, 0 },
		{ 0, 15, 1 | WORKER_INTERRUPT_LEVEL },
		{ 0, 0x20, 2 },
		{ 0, 0x20, 3 },
		{ 0, 0x20, 6 },
		{ 0, 0x20, 7 },
		{ 0, 256, 4 },
		{ 0, 0x20, WORKER_INTERRUPT_ALL + 1 },
		{ 0, 0x20, 1ull << 32 },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(submit(WORKER_INTERRUPT, wrong[i].destination, wrong[i].vector,
					 wrong[i].how),
			-EINVAL);
	assert_int_equal(calls, 0);
	assert_int_equal(submit(WORKER_INTERRUPT, 0xffffffff, 0xff,
				 1 | WORKER_INTERRUPT_LEVEL | WORKER_INTERRUPT_LOGICAL),
		0);
	assert_int_equal(asserted.partition_id, child.id);
	assert_int_equal(asserted.control, 0x300000001);
	assert_int_equal(asserted.destination, 0xffffffff);
	assert_int_equal(asserted.vector, 0xff);
	assert_int_equal(submit(WORKER_INTERRUPT, 1, 0, 4), 0);
	assert_int_equal(asserted.control, 4);
	assert_error = -EINVAL;
	assert_int_equal(submit(WORKER_INTERRUPT, 1, 16, 0), -EINVAL);
	assert_int_equal(calls, 3);
	assert_error = 0;
}

/* Each vector once, however often it came; before intercepts, which may never end. */
static void ends_of_interrupts(void **state)
{
	static const u8 vectors[] = { 0x10, 0x3f, 0x40, 0xff };

	(void)state;
	load();
	for (u32 i = 0; i < ARRAY_SIZE(vectors); i++)
		w.eoi[vectors[i] / 64] |= BIT(vectors[i] % 64);
	w.intercepted = 1;
	for (u32 i = 0; i < ARRAY_SIZE(vectors); i++) {
		assert_int_equal(wait(), WORKER_EVENT_EOI);
		assert_int_equal(((struct worker_eoi_event *)mailbox)->vector, vectors[i]);
	}
	assert_int_equal(wait(), WORKER_EVENT_INTERCEPT);
}

static s64 crash(const char *text, size_t size)
{
	struct worker_crash c = { .parameter = { 1, 2, 3, 4, 5 } };

	memcpy(mailbox, &c, sizeof(c));
	memcpy(mailbox + sizeof(c), text, size);
	return submit(WORKER_CRASH, size, 0, 0);
}

/* The first report counts; of the text the last lines, and nothing that a terminal obeys. */
static void crash_reports(void **state)
{
	char text[WORKER_CRASH_TEXT];
	struct vm_crash c = { .told = false };

	vm_crash_get(&w.crash, &c);
	assert_false(c.told);
	assert_int_equal(submit(WORKER_CRASH, WORKER_CRASH_TEXT + 1, 0, 0), -EINVAL);
	assert_int_equal(submit(WORKER_CRASH, ~0ull, 0, 0), -EINVAL);
	assert_int_equal(crash("one\ntwo\x1b[3m\n \n", 15), 0);
	assert_int_equal(crash("later", 5), 0);
	vm_crash_get(&w.crash, &c);
	assert_true(c.told);
	for (u32 i = 0; i < VM_CRASH_PARAMETERS; i++)
		assert_int_equal(c.parameter[i], i + 1);
	assert_string_equal(c.text, "one\ntwo [3m");
	/* 64 lines of 64 bytes: the last 15 are whole. */
	for (u32 i = 0; i < sizeof(text); i++)
		text[i] = i % 64 == 63 ? '\n' : (char)('0' + i / 64 % 10);
	set_up(state);
	assert_int_equal(crash(text, sizeof(text)), 0);
	assert_int_equal(strlen(w.crash.text), 15 * 64 + 63);
	assert_int_equal(w.crash.text[0], '8');
	assert_int_equal(w.crash.text[15 * 64 + 62], '3');
	/* One line that is too long, and none. */
	memset(text, 'x', sizeof(text));
	set_up(state);
	assert_int_equal(crash(text, sizeof(text)), 0);
	assert_int_equal(strlen(w.crash.text), VM_CRASH_TEXT - 1);
	set_up(state);
	assert_int_equal(crash(text, 0), 0);
	assert_string_equal(w.crash.text, "");
	assert_true(w.crash.told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(numbers, set_up),
		cmocka_unit_test_setup(other_vps, set_up),
		cmocka_unit_test_setup(registers_of_another, set_up),
		cmocka_unit_test_setup(register_counts, set_up),
		cmocka_unit_test_setup(never_loads, set_up),
		cmocka_unit_test_setup(files, set_up),
		cmocka_unit_test_setup(large_loads, set_up),
		cmocka_unit_test_setup(log_flood, set_up),
		cmocka_unit_test_setup(events_are_fair, set_up),
		cmocka_unit_test_setup(killed_while_waiting, set_up),
		cmocka_unit_test_setup(last_words, set_up),
		cmocka_unit_test_setup(console_output, set_up),
		cmocka_unit_test_setup(interrupts, set_up),
		cmocka_unit_test_setup(ends_of_interrupts, set_up),
		cmocka_unit_test_setup(crash_reports, set_up),
	};
	int r;

	memory = malloc(MEMORY);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	free(memory);
	return r;
}
