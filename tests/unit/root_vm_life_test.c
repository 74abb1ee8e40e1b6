/* SPDX-License-Identifier: MIT */
/*
 * The life of a VM that is on, with real tasks and a made-up machine: starts,
 * ends of every kind, restarts and too many of them, requests that come while
 * it starts, stops, or serves another.
 * sources: rootpart/vm/vm_life.c rootpart/vm/vm_crash.c rootpart/errno_text.c lib/format.c
 * sources: rootpart/task.c rootpart/task_switch.S rootpart/run_queue.c rootpart/waitq.c
 * sources: rootpart/mutex.c rootpart/timer.c rootpart/timer_queue.c rootpart/time.c
 * sources: lib/string.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root -fno-sanitize=address
 * (the address sanitizer does not know stacks that are switched by hand)
 */
#include "tests/unit/root_task_machine.h"

#include "rootpart/log.h"
#include "rootpart/vm/vm_impl.h"

struct mutex vm_lock = MUTEX_INIT(vm_lock);
static struct vm vm;

int vm_because(char *why, int error, const char *text)
{
	strcpy(why, text);
	return error;
}

static char logged[256];

void log_printf(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(logged, sizeof(logged), fmt, args);
	va_end(args);
}

/* The console is open from start to end. */
static bool console_open;

void vm_console_open(struct vm_console *c)
{
	assert_ptr_equal(c, &vm.console);
	assert_false(console_open);
	console_open = true;
}

void vm_console_close(struct vm_console *c)
{
	assert_ptr_equal(c, &vm.console);
	assert_true(console_open);
	console_open = false;
	/* Whoever was told already would go on now. */
	task_yield();
}

/* The machine: may take its time to start and to end, and fail at both ends. */
static bool may_start, may_end;
static int start_error, pause_error;
static u32 starts;
static bool alive, paused;

int machine_start(struct vm_machine *m, const struct vm_config *config, struct vm_console *console,
	struct wait_queue *changed, char *why)
{
	const u64 memory = vm.config.memory;

	assert_ptr_equal(m, vm.machine);
	assert_ptr_equal(console, &vm.console);
	assert_false(alive);
	assert_true(console_open);
	memset(m, 0, sizeof(*m));
	starts++;
	wait_event(changed, may_start);
	assert_int_equal(config->memory, memory);
	if (start_error != 0) {
		strcpy(why, "no room for it");
		return start_error;
	}
	alive = true;
	paused = false;
	return 0;
}

/* What was set while it was built is told to it once it is whole. */
static u32 configured;

int vm_configure_machine(struct vm *v)
{
	assert_ptr_equal(v, &vm);
	assert_true(v->on && alive);
	configured++;
	return 0;
}

bool machine_ended(const struct vm_machine *m)
{
	return m->worker.ended;
}

void machine_end(struct vm_machine *m)
{
	assert_ptr_equal(m, vm.machine);
	assert_true(alive);
	assert_false(vm.on);
	wait_event(&vm.changed, may_end);
	alive = false;
}

int machine_pause(struct vm_machine *m)
{
	assert_ptr_equal(m, vm.machine);
	paused = pause_error == 0;
	return pause_error;
}

int machine_resume(struct vm_machine *m)
{
	assert_ptr_equal(m, vm.machine);
	paused = false;
	return 0;
}

const char *process_why(const struct process *p)
{
	(void)p;
	return "page fault";
}

/* Somebody who asks for something, in a task of his own; VM_NO_REQUEST: a start. */
struct caller {
	enum vm_request request;
	int r; /* 1: no answer yet */
	char why[VM_WHY];
	enum vm_state state; /* when it was answered */
};

static void call_task(void *arg)
{
	struct caller *c = arg;

	mutex_lock(&vm_lock);
	c->r = c->request == VM_NO_REQUEST ? vm_life_start(&vm, c->why)
					   : vm_life_request(&vm, c->request, c->why);
	c->state = vm.state;
	mutex_unlock(&vm_lock);
}

static void call(struct caller *c, enum vm_request request)
{
	*c = (struct caller){ .request = request, .r = 1 };
	assert_non_null(task_create_on(0, "caller", call_task, c));
}

/* And as far as all get. */
static void begin(struct caller *c, enum vm_request request)
{
	call(c, request);
	run(0);
}

static void ask(enum vm_request request, int r, const char *why)
{
	struct caller c;

	begin(&c, request);
	assert_int_equal(c.r, r);
	if (r != 0)
		assert_string_equal(c.why, why);
}

static void start(void)
{
	ask(VM_NO_REQUEST, 0, "");
	assert_int_equal(vm.state, VM_RUNNING);
	assert_true(vm.on && alive);
}

/* What others see when something became true. */
static void changed(void)
{
	wait_wake_all(&vm.changed);
	run(0);
}

static void end_worker(enum worker_end end, const char *why)
{
	struct vm_worker *w = &vm.machine->worker;

	w->end_asked = true;
	w->end = end;
	strcpy(w->why, why);
	w->ended = true;
	changed();
}

static void is_off(enum vm_state state)
{
	assert_int_equal(vm.state, state);
	assert_false(vm.on);
	assert_false(alive);
	assert_false(console_open);
	assert_null(vm.machine);
	assert_int_equal(vm.users, 0);
}

static int set_up(void **state)
{
	memset(&vm, 0, sizeof(vm));
	strcpy(vm.config.name, "web");
	wait_queue_init(&vm.changed);
	mutex_init(&vm_lock);
	may_start = may_end = true;
	start_error = pause_error = 0;
	starts = 0;
	console_open = alive = false;
	logged[0] = '\0';
	return setup(state);
}

static void killed(void **state)
{
	(void)state;
	start();
	ask(VM_NO_REQUEST, -EBUSY, "it is on already");
	ask(VM_KILL, 0, "");
	is_off(VM_OFF);
	assert_string_equal(logged, "");
	start();
	ask(VM_KILL, 0, "");
	assert_int_equal(starts, 2);
}

/* Nothing is left of it when that is told. */
static void start_fails(void **state)
{
	struct caller c;

	(void)state;
	start_error = -ENOMEM;
	begin(&c, VM_NO_REQUEST);
	assert_int_equal(c.r, -ENOMEM);
	assert_string_equal(c.why, "no room for it");
	assert_int_equal(c.state, VM_FAILED);
	is_off(VM_FAILED);
	assert_string_equal(vm.why, "no room for it");
	start_error = 0;
	start();
	ask(VM_KILL, 0, "");
}

/* No memory for the machine, the task, or its stack. */
static void no_memory(void **state)
{
	(void)state;
	mutex_lock(&vm_lock);
	for (u32 left = 0; left < 2; left++) {
		char why[VM_WHY];

		memory_left = left;
		assert_int_equal(vm_life_start(&vm, why), -ENOMEM);
		assert_string_equal(why, "out of memory");
		is_off(VM_OFF);
	}
	mutex_unlock(&vm_lock);
	assert_int_equal(starts, 0);
}

/* Until it is whole nothing may be asked of it but its end. */
static void while_starting(void **state)
{
	struct caller first;

	(void)state;
	may_start = false;
	begin(&first, VM_NO_REQUEST);
	assert_int_equal(first.r, 1);
	assert_int_equal(vm.state, VM_STARTING);
	assert_false(vm.on);
	ask(VM_RESET, -EBUSY, "it is just starting or stopping; try again");
	ask(VM_PAUSE, -EBUSY, "it is just starting or stopping; try again");
	ask(VM_NO_REQUEST, -EBUSY, "it is on already");
	assert_int_equal(first.r, 1);
	may_start = true;
	changed();
	assert_int_equal(first.r, 0);
	assert_int_equal(starts, 1);
	ask(VM_KILL, 0, "");
	is_off(VM_OFF);
}

/* It is done as soon as it may be, and told when all is over. */
static void killed_while_starting(void **state)
{
	struct caller first, second;

	(void)state;
	for (int error = 0; error >= -ENOMEM; error -= ENOMEM) {
		start_error = error;
		may_start = false;
		begin(&first, VM_NO_REQUEST);
		begin(&second, VM_KILL);
		assert_int_equal(second.r, 1);
		assert_int_equal(vm.state, VM_STOPPING);
		ask(VM_KILL, -EBUSY, "it is just starting or stopping; try again");
		may_start = true;
		changed();
		assert_int_equal(second.r, 0);
		assert_int_equal(first.r, 0);
		is_off(VM_OFF);
	}
}

/* One that resets itself all the time is on for moments only. */
static void killed_between_starts(void **state)
{
	struct caller c;

	(void)state;
	start();
	may_start = may_end = false;
	end_worker(WORKER_END_RESET, "");
	begin(&c, VM_KILL);
	assert_int_equal(c.r, 1);
	may_end = true;
	changed();
	assert_int_equal(c.r, 0);
	is_off(VM_OFF);
	may_start = true;
	start();
	may_start = false;
	end_worker(WORKER_END_RESET, "");
	assert_int_equal(vm.state, VM_STARTING);
	begin(&c, VM_KILL);
	assert_int_equal(c.r, 1);
	may_start = true;
	changed();
	assert_int_equal(c.r, 0);
	is_off(VM_OFF);
}

/* One that starts over does so while others may change its configuration. */
static void set_while_starting(void **state)
{
	(void)state;
	vm.config.memory = 4 * GIB;
	start();
	may_start = false;
	end_worker(WORKER_END_RESET, "");
	assert_int_equal(vm.state, VM_STARTING);
	vm.config.memory = 2 * MIB;
	vm.config.on_reset = VM_RESET_STOP;
	configured = 0;
	may_start = true;
	changed();
	assert_int_equal(vm.state, VM_RUNNING);
	/* What it takes at once, when it is whole. */
	assert_int_equal(configured, 1);
	/* The rest from its next start on. */
	end_worker(WORKER_END_RESET, "");
	assert_int_equal(vm.state, VM_RUNNING);
	end_worker(WORKER_END_RESET, "");
	is_off(VM_FAILED);
}

/* A kill returns when all is given back. */
static void while_stopping(void **state)
{
	struct caller first;

	(void)state;
	start();
	may_end = false;
	begin(&first, VM_KILL);
	assert_int_equal(first.r, 1);
	assert_int_equal(vm.state, VM_STOPPING);
	ask(VM_KILL, -EBUSY, "it is just starting or stopping; try again");
	ask(VM_RESET, -EBUSY, "it is just starting or stopping; try again");
	ask(VM_NO_REQUEST, -EBUSY, "it is on already");
	assert_int_equal(first.r, 1);
	may_end = true;
	changed();
	assert_int_equal(first.r, 0);
	is_off(VM_OFF);
}

static void one_request_at_a_time(void **state)
{
	struct caller first, second;

	(void)state;
	start();
	call(&first, VM_PAUSE);
	call(&second, VM_KILL);
	run(0);
	assert_int_equal(first.r, 0);
	assert_int_equal(second.r, -EBUSY);
	assert_int_equal(vm.state, VM_PAUSED);
	ask(VM_KILL, 0, "");
	is_off(VM_OFF);
}

static void pauses(void **state)
{
	(void)state;
	start();
	pause_error = -EIO;
	ask(VM_PAUSE, -EIO, "input or output failed");
	assert_int_equal(vm.state, VM_RUNNING);
	pause_error = 0;
	ask(VM_PAUSE, 0, "");
	assert_true(paused);
	assert_int_equal(vm.state, VM_PAUSED);
	ask(VM_RESUME, 0, "");
	assert_false(paused);
	assert_int_equal(vm.state, VM_RUNNING);
	/* A paused one starts anew, and runs. */
	ask(VM_PAUSE, 0, "");
	ask(VM_RESET, 0, "");
	assert_int_equal(vm.state, VM_RUNNING);
	assert_false(paused);
	assert_int_equal(starts, 2);
	ask(VM_KILL, 0, "");
}

static void ends_by_itself(void **state)
{
	(void)state;
	start();
	end_worker(WORKER_END_POWEROFF, "");
	is_off(VM_OFF);
	assert_string_equal(logged, "");
	start();
	end_worker(WORKER_END_FAILED, "no kernel");
	is_off(VM_FAILED);
	assert_string_equal(vm.why, "no kernel");
	assert_string_equal(logged, "vm: web: no kernel");
	/* Not by its own word. */
	start();
	vm.machine->worker.ended = true;
	changed();
	is_off(VM_FAILED);
	assert_string_equal(vm.why, "its worker was ended: page fault");
}

/* Not while somebody waits for the answer. */
static void starts_again_in_vain(void **state)
{
	(void)state;
	start_error = -ENOMEM;
	ask(VM_NO_REQUEST, -ENOMEM, "no room for it");
	assert_string_equal(logged, "");
	start_error = 0;
	start();
	start_error = -ENOMEM;
	ask(VM_RESET, -ENOMEM, "no room for it");
	assert_string_equal(logged, "");
	start_error = 0;
	start();
	start_error = -ENOMEM;
	end_worker(WORKER_END_RESET, "");
	is_off(VM_FAILED);
	assert_string_equal(vm.why, "no room for it");
	assert_string_equal(logged, "vm: web: no room for it");
}

/* Who kills it gets what he wants, whatever it does at the same time. */
static void killed_as_it_ends(void **state)
{
	struct caller c;

	(void)state;
	start();
	call(&c, VM_KILL);
	vm.machine->worker.ended = true;
	run(0);
	assert_int_equal(c.r, 0);
	is_off(VM_OFF);
}

static void resets_itself(void **state)
{
	(void)state;
	start();
	end_worker(WORKER_END_RESET, "");
	assert_int_equal(starts, 2);
	assert_int_equal(vm.state, VM_RUNNING);
	assert_true(vm.on && alive && console_open);
	assert_int_equal(vm.resets, 1);
	/* The new one cannot be made. */
	start_error = -ENOMEM;
	end_worker(WORKER_END_RESET, "");
	is_off(VM_FAILED);
	assert_string_equal(vm.why, "no room for it");
	start_error = 0;
	vm.config.on_reset = VM_RESET_STOP;
	start();
	assert_int_equal(vm.resets, 0);
	end_worker(WORKER_END_RESET, "");
	is_off(VM_FAILED);
	assert_string_equal(vm.why, "it reset itself, and is set to stop then");
}

/* The third within ten seconds is one too many; slower ones go on for ever. */
static void resets_too_often(void **state)
{
	(void)state;
	start();
	for (u32 i = 1; i <= 10; i++) {
		fake_tsc += 5 * NS_PER_S;
		end_worker(WORKER_END_RESET, "");
		assert_int_equal(starts, 1 + i);
		assert_int_equal(vm.resets, i);
		assert_int_equal(vm.state, VM_RUNNING);
	}
	fake_tsc += 5 * NS_PER_S - 1;
	end_worker(WORKER_END_RESET, "");
	is_off(VM_FAILED);
	assert_string_equal(vm.why, "it reset itself three times in ten seconds");
	/* A new start counts anew. */
	start();
	end_worker(WORKER_END_RESET, "");
	end_worker(WORKER_END_RESET, "");
	assert_int_equal(vm.state, VM_RUNNING);
	end_worker(WORKER_END_RESET, "");
	is_off(VM_FAILED);
}

/* Those that people ask for are not its fault. */
static void reset_by_request(void **state)
{
	struct caller c;

	(void)state;
	start();
	for (u32 i = 0; i < 5; i++)
		ask(VM_RESET, 0, "");
	assert_int_equal(starts, 6);
	assert_int_equal(vm.resets, 0);
	may_start = false;
	begin(&c, VM_RESET);
	assert_int_equal(c.r, 1);
	assert_int_equal(vm.state, VM_STARTING);
	ask(VM_KILL, -EBUSY, "it is just starting or stopping; try again");
	start_error = -ENOMEM;
	may_start = true;
	changed();
	assert_int_equal(c.r, -ENOMEM);
	assert_string_equal(c.why, "no room for it");
	is_off(VM_FAILED);
}

#define LIFE(name) cmocka_unit_test_setup_teardown(name, set_up, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIFE(killed),
		LIFE(start_fails),
		LIFE(no_memory),
		LIFE(while_starting),
		LIFE(set_while_starting),
		LIFE(killed_while_starting),
		LIFE(killed_between_starts),
		LIFE(while_stopping),
		LIFE(one_request_at_a_time),
		LIFE(pauses),
		LIFE(ends_by_itself),
		LIFE(starts_again_in_vain),
		LIFE(killed_as_it_ends),
		LIFE(resets_itself),
		LIFE(resets_too_often),
		LIFE(reset_by_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
