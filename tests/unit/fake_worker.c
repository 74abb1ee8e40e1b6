/* SPDX-License-Identifier: MIT */
/*
 * The worker's fake kernel; see fake_worker.h.
 */
#include "fake_worker.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/errno.h"
#include "rootpart/worker/space.h"

#define MEMORY_SIZE (16 * GIB)
#define DIRTY_SIZE  (MEMORY_SIZE / PAGE_SIZE / 8)

s64 worker_syscall(u64 number, u64 a, u64 b, u64 c, u64 d);

struct fake_worker fake;
struct hv_register_page fake_registers[FAKE_VPS];
struct hv_message fake_intercepts[FAKE_VPS];
u8 fake_mailbox[WORKER_MAILBOX_SIZE];

static u8 *memory;
static u64 *dirty;
static u32 mapped_count;
static struct worker_region mapped[WORKER_REGIONS_MAX];
static jmp_buf stop;
static bool can_stop;

_Noreturn static void broken(const char *what)
{
	fprintf(stderr, "fake worker: %s\n", what);
	abort();
}

const struct worker_start *space_start(void)
{
	return &fake.start;
}

void *space_mailbox(void)
{
	return fake_mailbox;
}

static void vp_check(u64 vp)
{
	if (vp >= fake.start.vp_count || vp >= FAKE_VPS)
		broken("no such VP");
}

struct hv_register_page *space_registers(u32 vp)
{
	vp_check(vp);
	return &fake_registers[vp];
}

const struct hv_message *space_intercept(u32 vp)
{
	vp_check(vp);
	return &fake_intercepts[vp];
}

u64 *space_dirty(void)
{
	return dirty;
}

u8 *space_memory(void)
{
	return memory;
}

static void *reserve(u64 size, int rights)
{
	void *p = mmap(NULL, size, rights, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		broken("no address space");
	return p;
}

/* Fresh pages in place of those of the test before. */
static void regions_drop(void)
{
	for (u32 i = 0; i < mapped_count; i++) {
		const struct worker_region *r = &mapped[i];

		if (mmap(memory + r->gpa, r->size, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
			    0) == MAP_FAILED)
			broken("no address space");
		memset((u8 *)dirty + r->gpa / PAGE_SIZE / 8, 0, r->size / PAGE_SIZE / 8 + 1);
	}
	mapped_count = 0;
}

void fake_reset(void)
{
	if (memory == NULL) {
		memory = reserve(MEMORY_SIZE, PROT_NONE);
		dirty = reserve(DIRTY_SIZE, PROT_READ | PROT_WRITE);
	}
	regions_drop();
	memset(&fake, 0, sizeof(fake));
	memset(fake_registers, 0, sizeof(fake_registers));
	memset(fake_intercepts, 0, sizeof(fake_intercepts));
	memset(fake_mailbox, 0x5a, sizeof(fake_mailbox));
	fake.start.version = WORKER_ABI_VERSION;
	fake.start.vp_count = 2;
	fake.file_chunk = UINT64_MAX;
	for (u32 i = 0; i < WORKER_FILES; i++) {
		fake.start.file_size[i] = WORKER_NO_FILE;
		fake.file_end[i] = UINT64_MAX;
	}
	for (u32 i = 0; i < FAKE_VPS; i++)
		fake_registers[i].valid = 1;
}

void fake_region(u64 gpa, u64 size, u32 type)
{
	struct worker_region r = { .gpa = gpa, .size = size, .type = type };

	if (mapped_count == WORKER_REGIONS_MAX || gpa + size > MEMORY_SIZE)
		broken("a region that the fake has no room for");
	if (mprotect(memory + gpa, size, PROT_READ | PROT_WRITE))
		broken("no memory");
	mapped[mapped_count++] = r;
	fake.start.region[fake.start.region_count++] = r;
}

u8 *fake_memory(u64 gpa)
{
	return memory + gpa;
}

bool fake_dirty(u64 gpa)
{
	u64 page = gpa / PAGE_SIZE;

	return dirty[page / 64] >> page % 64 & 1;
}

void fake_file(enum worker_file file, const void *data, u64 size)
{
	fake.file[file] = data;
	fake.start.file_size[file] = size;
}

void fake_map(u64 linear, u64 gpa, u32 result, u64 rights)
{
	if (fake.page_count == FAKE_PAGES)
		broken("too many pages");
	fake.page[fake.page_count++] = (struct fake_page){ linear, gpa, result, rights };
}

static struct fake_event *push(u32 kind)
{
	struct fake_event *e = &fake.event[fake.event_count++];

	if (fake.event_count > FAKE_EVENTS)
		broken("too many events");
	e->kind = kind;
	return e;
}

void fake_push_intercept(u32 vp)
{
	push(WORKER_EVENT_INTERCEPT)->vp = vp;
}

void fake_push_input(const char *text)
{
	struct worker_input_event *input = &push(WORKER_EVENT_INPUT)->input;

	input->count = (u32)strlen(text);
	memcpy(input->bytes, text, input->count);
}

void fake_push_eoi(u8 vector)
{
	push(WORKER_EVENT_EOI)->vector = vector;
}

void fake_push_timer(void)
{
	push(WORKER_EVENT_TIMER);
}

/* Nothing that the worker calls may keep locals across a stop. */
enum fake_end fake_run(void (*fn)(void))
{
	int how;

	can_stop = true;
	how = setjmp(stop);
	if (how == 0)
		fn();
	can_stop = false;
	return how == 0 ? FAKE_RETURNED : (enum fake_end)how;
}

_Noreturn static void stop_here(enum fake_end how)
{
	if (!can_stop)
		broken(how == FAKE_ENDED ? fake.end_text : "the worker waits");
	longjmp(stop, (int)how);
}

bool fake_was_set(u32 vp, u32 name, union hv_register_value *value)
{
	for (u32 i = fake.set_count; i-- > 0;)
		if (fake.set[i].vp == vp && fake.set[i].name == name) {
			*value = fake.set[i].value;
			return true;
		}
	return false;
}

static void stopped_check(u64 vp)
{
	vp_check(vp);
	if (fake.running >> vp & 1)
		broken("a VP that is not stopped");
}

static s64 get_registers(u64 vp, u64 count)
{
	union hv_register_value values[WORKER_MAILBOX_SIZE / sizeof(union hv_register_value)];
	u32 names[ARRAY_SIZE(values)];

	vp_check(vp);
	if (count > ARRAY_SIZE(names))
		broken("too many registers");
	if (fake.running >> vp & 1)
		return -EBUSY;
	memcpy(names, fake_mailbox, count * sizeof(names[0]));
	for (u64 i = 0; i < count; i++) {
		values[i] = (union hv_register_value){ .u64 = 0 };
		if (names[i] == HV_REGISTER_INTERNAL_ACTIVITY)
			values[i].u64 = fake.activity[vp];
		else
			(void)fake_was_set((u32)vp, names[i], &values[i]);
	}
	memcpy(fake_mailbox, values, count * sizeof(values[0]));
	return 0;
}

static s64 set_registers(u64 vp, u64 count)
{
	stopped_check(vp);
	if (count > WORKER_MAILBOX_SIZE / sizeof(struct hv_register_assoc))
		broken("too many registers");
	if (fake.set_error)
		return fake.set_error;
	for (u64 i = 0; i < count; i++) {
		struct hv_register_assoc assoc;

		memcpy(&assoc, fake_mailbox + i * sizeof(assoc), sizeof(assoc));
		/* The oldest give way. */
		if (fake.set_count == FAKE_SETS)
			memmove(fake.set, fake.set + 1, --fake.set_count * sizeof(fake.set[0]));
		fake.set[fake.set_count++] = (struct fake_set){ (u32)vp, assoc.name, assoc.value };
	}
	return 0;
}

static s64 resume(u64 vp)
{
	stopped_check(vp);
	if (!fake_registers[vp].valid)
		broken("a VP without registers goes on");
	fake.resumed[vp]++;
	return 0;
}

static s64 translated(const struct fake_page *page, u64 gva, u64 flags)
{
	u64 asked = flags & (HV_TRANSLATE_READ | HV_TRANSLATE_WRITE | HV_TRANSLATE_EXEC);
	struct hv_translate_output out = { .result = page->result };

	if (out.result == HV_TRANSLATE_SUCCESS && asked & ~page->rights)
		out.result = HV_TRANSLATE_PRIVILEGE;
	if (out.result == HV_TRANSLATE_GPA_NO_WRITE && !(asked & HV_TRANSLATE_WRITE))
		out.result = HV_TRANSLATE_SUCCESS;
	if (out.result == HV_TRANSLATE_SUCCESS)
		return (s64)(page->gpa | (gva & PAGE_MASK));
	memcpy(fake_mailbox, &out, sizeof(out));
	return -EFAULT;
}

static s64 translate(u64 vp, u64 gva, u64 flags)
{
	struct fake_page same = { gva, ALIGN_DOWN(gva, PAGE_SIZE), 0, HV_TRANSLATE_READ };

	stopped_check(vp);
	fake.last_flags = flags;
	same.rights |= HV_TRANSLATE_WRITE | HV_TRANSLATE_EXEC;
	for (u32 i = 0; i < fake.page_count; i++)
		if (fake.page[i].linear == ALIGN_DOWN(gva, PAGE_SIZE))
			return translated(&fake.page[i], gva, flags);
	if (same.gpa > INT64_MAX) {
		same.result = HV_TRANSLATE_NOT_PRESENT;
		same.gpa = 0;
	}
	return translated(&same, gva, flags);
}

/* Bytes of a file from @offset, at most @len. */
static s64 file_part(u64 file, u64 offset, u64 len)
{
	u64 size;

	if (file >= WORKER_FILES || fake.start.file_size[file] == WORKER_NO_FILE)
		broken("no such file");
	size = MIN(fake.start.file_size[file], fake.file_end[file]);
	if (fake.file_error)
		return fake.file_error;
	return (s64)MIN(MIN(len, fake.file_chunk), size - MIN(offset, size));
}

static s64 file_read(u64 file, u64 offset, u64 len)
{
	s64 n = file_part(file, offset, len);

	if (len > WORKER_MAILBOX_SIZE)
		broken("a read larger than the mailbox");
	if (n > 0)
		memcpy(fake_mailbox, fake.file[file] + offset, (size_t)n);
	return n;
}

static s64 file_load(u64 file, u64 offset, u64 len)
{
	s64 n = file_part(file, offset, len);
	u64 gpa;

	memcpy(&gpa, fake_mailbox, sizeof(gpa));
	for (u32 i = 0; i < fake.start.region_count; i++) {
		const struct worker_region *r = &fake.start.region[i];

		if (r->type != WORKER_REGION_RAM || gpa < r->gpa || gpa - r->gpa >= r->size ||
			len > r->size - (gpa - r->gpa))
			continue;
		if (n > 0)
			memcpy(memory + gpa, fake.file[file] + offset, (size_t)n);
		return n;
	}
	broken("a load outside of memory");
}

/* Appends @len bytes of the mailbox to text of FAKE_TEXT bytes, as far as they fit. */
static void take_text(char *text, u64 len)
{
	size_t have = strlen(text);

	if (len > WORKER_MAILBOX_SIZE)
		broken("text larger than the mailbox");
	len = MIN(len, FAKE_TEXT - 1 - have);
	memcpy(text + have, fake_mailbox, len);
	text[have + len] = '\0';
}

static s64 console_write(u64 len)
{
	if (len == 0 || len > WORKER_MAILBOX_SIZE)
		broken("console output of a wrong size");
	len = MIN(len, FAKE_TEXT - fake.console_size);
	memcpy(fake.console + fake.console_size, fake_mailbox, len);
	fake.console_size += (u32)len;
	return 0;
}

static s64 crash(u64 len)
{
	if (len > WORKER_CRASH_TEXT)
		broken("too long a crash text");
	memcpy(&fake.crash, fake_mailbox, sizeof(fake.crash));
	memcpy(fake.crash_text, fake_mailbox + sizeof(fake.crash), len);
	fake.crash_text[len] = '\0';
	return 0;
}

static s64 log_line(u64 len)
{
	size_t have;

	take_text(fake.log, len);
	have = strlen(fake.log);
	if (have < FAKE_TEXT - 1)
		memcpy(fake.log + have, "\n", 2);
	return 0;
}

static s64 interrupt(u64 destination, u64 vector, u64 how)
{
	if (destination > UINT32_MAX || vector > 255 || how & ~(u64)WORKER_INTERRUPT_ALL)
		broken("an interrupt that the kernel refuses");
	if (fake.interrupt_error)
		return fake.interrupt_error;
	if (fake.interrupt_count == FAKE_INTERRUPTS)
		memmove(fake.interrupt, fake.interrupt + 1,
			--fake.interrupt_count * sizeof(fake.interrupt[0]));
	fake.interrupt[fake.interrupt_count++] =
		(struct fake_interrupt){ (u32)destination, (u8)vector, (u32)how };
	return 0;
}

static s64 submit(u64 operation, u64 a, u64 b, u64 c)
{
	if (operation < WORKER_GET_REGISTERS || operation >= WORKER_OPERATIONS)
		broken("no such operation");
	fake.calls[operation]++;
	switch ((enum worker_operation)operation) {
	case WORKER_GET_REGISTERS:
		return get_registers(a, b);
	case WORKER_SET_REGISTERS:
		return set_registers(a, b);
	case WORKER_RESUME:
		return resume(a);
	case WORKER_TRANSLATE:
		return translate(a, b, c);
	case WORKER_LOADED:
		fake.loaded = true;
		return 0;
	case WORKER_FILE_READ:
		return file_read(a, b, c);
	case WORKER_FILE_LOAD:
		return file_load(a, b, c);
	case WORKER_CONSOLE_WRITE:
		return console_write(a);
	case WORKER_CRASH:
		return crash(a);
	case WORKER_TIMER:
		fake.timer = a;
		return 0;
	case WORKER_TIME:
		return (s64)fake.time;
	case WORKER_END:
		fake.end = (enum worker_end)a;
		take_text(fake.end_text, b);
		stop_here(FAKE_ENDED);
	case WORKER_LOG:
		return log_line(a);
	case WORKER_INTERRUPT:
		return interrupt(a, b, c);
	}
	broken("no such operation");
}

static s64 wait_event(void)
{
	struct fake_event e = fake.event[0];

	if (fake.event_count == 0)
		stop_here(FAKE_WAITS);
	memmove(fake.event, fake.event + 1, --fake.event_count * sizeof(e));
	if (e.kind == WORKER_EVENT_INTERCEPT)
		memcpy(fake_mailbox, &(struct worker_vp_event){ e.vp }, sizeof(e.vp));
	if (e.kind == WORKER_EVENT_EOI)
		memcpy(fake_mailbox, &(struct worker_eoi_event){ e.vector }, sizeof(e.vector));
	if (e.kind == WORKER_EVENT_INPUT)
		memcpy(fake_mailbox, &e.input, sizeof(e.input));
	return e.kind;
}

s64 worker_syscall(u64 number, u64 a, u64 b, u64 c, u64 d)
{
	switch (number) {
	case WORKER_SUBMIT:
		return submit(a, b, c, d);
	case WORKER_WAIT:
		return wait_event();
	default:
		broken("no such system call");
	}
}
