/* SPDX-License-Identifier: MIT */
/*
 * After an error: the port is halted, one command has failed and those that were
 * queued with it are cut short. Who it was the device tells in a log; where it does
 * not, they are done again one after the other. AHCI 1.3.1, 6.2; Serial ATA 3.1,
 * 13.7.4: until the log is read, or the device reset, it takes no command.
 */
#include "base/errno.h"
#include "rootpart/drivers/ahci/ahci.h"
#include "rootpart/errno_text.h"
#include "rootpart/lock.h"
#include "rootpart/log.h"
#include "rootpart/time.h"
#include "x86/atomic.h"

#define LOG_EVERY_NS  (5 * NS_PER_S)
#define FRUITLESS_MAX 8u

void ahci_say(struct ahci_port *p, const char *what)
{
	u32 tfd = port_read(p, PORT_TFD);

	if (time_ns() < p->log_after)
		return;
	p->log_after = time_ns() + LOG_EVERY_NS;
	log_printf("ahci: %s: %s status=%02x error=%02x link=%08x", p->block.name, what,
		TFD_STATUS(tfd), TFD_ERROR(tfd), port_read(p, PORT_SERR));
}

void ahci_die(struct ahci_port *p, int error)
{
	p->dead = true;
	log_printf("ahci: %s: given up: %s", p->block.name, errno_text(error));
	block_ask_recover(&p->block);
}

static bool is_one(u32 set)
{
	return set != 0 && (set & (set - 1)) == 0;
}

/* Of several that were queued. 0: it is not known. */
static u32 failed_of(struct ahci_port *p)
{
	int slot = ahci_failed_slot(p);

	return slot >= 0 ? (u32)BIT(slot) & p->running : 0;
}

/* The command failed that ran alone: 0 if it is to be done again. */
static int error_of(struct ahci_port *p)
{
	return p->identity.packet ? atapi_failed(&p->drive) : -EIO;
}

/*
 * The device has said that a command failed. Ends that one, or makes known that all
 * are to go alone. Not 0: the port is of no use.
 */
static int command_failed(struct ahci_port *p, bool *alone)
{
	bool queued = p->running != 0 && p->slots[__builtin_ctz(p->running)].queued;
	u32 failed = queued ? failed_of(p) : p->running;
	int error = 0;

	if (queued && failed == 0) {
		*alone = true;
		failed = is_one(p->running) ? p->running : 0;
		error = ahci_port_reset(p);
	}
	if (error == 0 && failed != 0) {
		int of_command = error_of(p);

		if (of_command == 0)
			return 0;
		p->running &= ~failed;
		p->fruitless = 0;
		ahci_end(p, failed, of_command);
	}
	return error;
}

static int settle(struct ahci_port *p, u32 events, bool *alone)
{
	/* Link, memory, the interrupts themselves: whose fault it was is not known. */
	bool deep = (events & ~(u32)(PORT_IS_TASK_FILE | EVENT_SUSPECT)) != 0;
	int error = deep ? ahci_port_reset(p) : ahci_port_restart(p);

	*alone = deep;
	return error == 0 && !deep ? command_failed(p, alone) : error;
}

/* The port's mutex. */
static void attend(struct ahci_port *p)
{
	bool alone = false;
	int error;

	ahci_halt(p);
	ahci_say(p, (p->trouble & EVENT_STORM) ? "interrupts without end" : "error");
	error = p->fruitless++ < FRUITLESS_MAX ? settle(p, p->trouble, &alone) : -EIO;
	if (error != 0)
		ahci_die(p, error);
	else
		ahci_resume(p, alone);
}

static void attend_if_needed(struct ahci_port *p)
{
	mutex_lock(&p->mutex);
	if (load_acquire(&p->trouble) != 0 && !p->dead)
		attend(p);
	mutex_unlock(&p->mutex);
}

static bool is_empty(const struct ahci_port *p)
{
	return p->identity.packet && !p->dead && atapi_empty(&p->drive);
}

/* When to look whether a drive has got a medium; now, if @look_at has come. */
static u64 next_look(struct ahci *h, u64 look_at)
{
	bool now = time_ns() >= look_at;
	bool any = false;

	for (u32 left = h->used; left != 0; left &= left - 1) {
		struct ahci_port *p = h->ports[__builtin_ctz(left)];

		if (!is_empty(p))
			continue;
		if (now)
			ahci_cd_poll(p);
		any = true;
	}
	if (!any)
		return TIME_NEVER;
	return now || look_at == TIME_NEVER ? time_ns() + ATAPI_LOOK_NS : look_at;
}

static void attend_all(struct ahci *h)
{
	for (u32 left = h->used; left != 0; left &= left - 1)
		attend_if_needed(h->ports[__builtin_ctz(left)]);
}

void ahci_task(void *arg)
{
	struct ahci *h = arg;
	u64 look_at = TIME_NEVER;

	for (;;) {
		look_at = next_look(h, look_at);
		/* Pairs with the release in ahci_trouble(). */
		if (wait_event_until(&h->wake, atomic_exchange(&h->attention, false), look_at) == 0)
			attend_all(h);
	}
}
