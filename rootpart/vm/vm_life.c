/* SPDX-License-Identifier: MIT */
/*
 * The life of a VM that is on: a task of its own builds its machine, does what
 * is asked of it, and takes it down when it ends, by itself or by request. So
 * starting, restarting and ending are one straight line of code.
 */
#include "base/errno.h"
#include "lib/format.h"
#include "lib/string.h"
#include "rootpart/errno_text.h"
#include "rootpart/heap.h"
#include "rootpart/log.h"
#include "rootpart/task.h"
#include "rootpart/vm/vm_impl.h"
#include "x86/atomic.h"

/* Three resets within this time are too many. */
#define RESET_WINDOW_NS (10 * NS_PER_S)

/* What became of a machine. */
enum outcome { OUTCOME_OFF, OUTCOME_FAILED, OUTCOME_RESTART };

static void answer(struct vm *vm, int r, const char *why)
{
	vm->answer = r;
	(void)str_copy(vm->why, why, sizeof(vm->why));
	vm->request = VM_NO_REQUEST;
	vm->answered++;
	wait_wake_all(&vm->changed);
}

/* Too many in a short time: something in it makes it come again at once. */
static bool reset_storm(struct vm *vm)
{
	u64 now = time_ns();

	vm->reset_ns[vm->resets++ % VM_RECENT_RESETS] = now;
	return vm->resets >= VM_RECENT_RESETS &&
	       now - vm->reset_ns[vm->resets % VM_RECENT_RESETS] < RESET_WINDOW_NS;
}

static enum outcome failed(struct vm *vm, const char *why)
{
	(void)str_copy(vm->why, why, sizeof(vm->why));
	log_printf("vm: %s: %s", vm->config.name, vm->why);
	return OUTCOME_FAILED;
}

/* The worker has ended: by its own word, or by what it did. */
static enum outcome ended(struct vm *vm)
{
	const struct vm_worker *w = &vm->machine->worker;
	char why[VM_WHY];

	if (!w->end_asked) {
		(void)format(why, sizeof(why), "its worker was ended: %s", process_why(w->process));
		return failed(vm, why);
	}
	if (w->end == WORKER_END_FAILED)
		return failed(vm, w->why);
	if (w->end == WORKER_END_POWEROFF)
		return OUTCOME_OFF;
	if (vm->built.on_reset == VM_RESET_STOP)
		return failed(vm, "it reset itself, and is set to stop then");
	if (reset_storm(vm))
		return failed(vm, "it reset itself three times in ten seconds");
	return OUTCOME_RESTART;
}

static int pause_or_resume(struct vm *vm, bool pause)
{
	int r = pause ? machine_pause(vm->machine) : machine_resume(vm->machine);

	if (r == 0)
		vm->state = pause ? VM_PAUSED : VM_RUNNING;
	return r;
}

/* Under the lock. True: the machine's end was asked for. */
static bool serve(struct vm *vm, enum outcome *outcome)
{
	int r;

	switch (vm->request) {
	case VM_KILL:
		*outcome = OUTCOME_OFF;
		return true;
	case VM_RESET:
		*outcome = OUTCOME_RESTART;
		return true;
	case VM_PAUSE:
	case VM_RESUME:
		r = pause_or_resume(vm, vm->request == VM_PAUSE);
		answer(vm, r, errno_text(r));
		return false;
	default:
		return false;
	}
}

static bool worth_a_look(const struct vm *vm)
{
	return load_relaxed(&vm->request) != VM_NO_REQUEST || machine_ended(vm->machine);
}

/* Until the machine's end is due; it is still there. */
static enum outcome run(struct vm *vm)
{
	enum outcome outcome = OUTCOME_OFF;

	for (;;) {
		bool over;

		wait_event(&vm->changed, worth_a_look(vm));
		mutex_lock(&vm_lock);
		over = serve(vm, &outcome);
		if (!over && machine_ended(vm->machine)) {
			outcome = ended(vm);
			over = true;
		}
		if (over)
			vm->on = false;
		mutex_unlock(&vm_lock);
		if (over)
			return outcome;
	}
}

/* Under the lock, before each machine. */
static void set_starting(struct vm *vm)
{
	vm->state = VM_STARTING;
	vm->built = vm->config;
}

/*
 * One machine, from its start to its end. That it is whole is answered; *@error is
 * why it could not be, of which nobody is told before nothing is left of it.
 */
static enum outcome live(struct vm *vm, int *error)
{
	enum outcome outcome;
	char why[VM_WHY];
	int r = machine_start(vm->machine, &vm->built, &vm->console, &vm->changed, why);

	*error = r;
	mutex_lock(&vm_lock);
	vm->on = r == 0;
	/* What was set while it was built. */
	if (r == 0 && vm_configure_machine(vm) != 0)
		log_printf("vm: %s: its weight, cap and reserve stay as before", vm->config.name);
	/* Nobody waits for one that starts again by itself. */
	if (r != 0 && vm->request == VM_NO_REQUEST && vm->resets > 0)
		(void)failed(vm, why);
	else if (r != 0)
		(void)str_copy(vm->why, why, sizeof(vm->why));
	/* A kill that came meanwhile is answered at the end. */
	if (vm->request != VM_KILL) {
		vm->state = r == 0 ? VM_RUNNING : VM_STOPPING;
		if (r == 0)
			answer(vm, 0, "");
	}
	mutex_unlock(&vm_lock);
	if (r != 0)
		return OUTCOME_FAILED;
	outcome = run(vm);
	machine_end(vm->machine);
	mutex_lock(&vm_lock);
	vm_crash_get(&vm->machine->worker.crash, &vm->crash);
	mutex_unlock(&vm_lock);
	return outcome;
}

static bool starts_again(struct vm *vm, enum outcome *outcome)
{
	bool again;

	mutex_lock(&vm_lock);
	if (vm->request == VM_KILL)
		*outcome = OUTCOME_OFF;
	again = *outcome == OUTCOME_RESTART;
	if (again)
		set_starting(vm);
	mutex_unlock(&vm_lock);
	return again;
}

static void life(void *arg)
{
	struct vm *vm = arg;
	enum outcome outcome;
	int error;

	do
		outcome = live(vm, &error);
	while (starts_again(vm, &outcome));
	vm_console_close(&vm->console);
	mutex_lock(&vm_lock);
	kfree(vm->machine);
	vm->machine = NULL;
	vm->state = outcome == OUTCOME_FAILED ? VM_FAILED : VM_OFF;
	if (error != 0 && outcome == OUTCOME_FAILED)
		answer(vm, error, vm->why);
	else if (vm->request != VM_NO_REQUEST)
		answer(vm, 0, outcome == OUTCOME_FAILED ? vm->why : "");
	wait_wake_all(&vm->changed);
	mutex_unlock(&vm_lock);
}

/* Waits for the next answer; the lock is given up meanwhile. */
static int await(struct vm *vm, u32 before, char *why)
{
	int r;

	vm->users++;
	mutex_unlock(&vm_lock);
	wait_event(&vm->changed, load_relaxed(&vm->answered) != before);
	mutex_lock(&vm_lock);
	vm->users--;
	r = vm->answer;
	return r != 0 ? vm_because(why, r, vm->why) : 0;
}

int vm_life_start(struct vm *vm, char *why)
{
	u32 before = vm->answered;

	if (vm_is_on(vm->state))
		return vm_because(why, -EBUSY, "it is on already");
	vm->machine = kzalloc(sizeof(*vm->machine));
	if (vm->machine == NULL)
		return vm_because(why, -ENOMEM, errno_text(-ENOMEM));
	vm_console_open(&vm->console);
	vm->request = VM_NO_REQUEST;
	vm->started_ns = time_ns();
	vm->resets = 0;
	vm->crash.told = false;
	set_starting(vm);
	if (task_create(vm->config.name, life, vm) == NULL) {
		vm->state = VM_OFF;
		vm_console_close(&vm->console);
		kfree(vm->machine);
		vm->machine = NULL;
		return vm_because(why, -ENOMEM, errno_text(-ENOMEM));
	}
	return await(vm, before, why);
}

int vm_life_request(struct vm *vm, enum vm_request request, char *why)
{
	u32 before = vm->answered;

	/* A kill can wait, and must: one that starts again and again is never on for long. */
	if ((!vm->on && request != VM_KILL) || vm->request != VM_NO_REQUEST)
		return vm_because(why, -EBUSY, "it is just starting or stopping; try again");
	vm->request = request;
	if (request == VM_KILL)
		vm->state = VM_STOPPING;
	wait_wake_all(&vm->changed);
	return await(vm, before, why);
}
