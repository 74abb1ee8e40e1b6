/* SPDX-License-Identifier: MIT */
/*
 * A port's engines and its link. AHCI 1.3.1, 10.1.2, 10.3, 10.4.2.
 */
#include "base/errno.h"
#include "rootpart/drivers/ahci/ahci.h"
#include "rootpart/page_alloc.h"
#include "rootpart/task.h"
#include "rootpart/time.h"

#define STOP_NS     (500 * NS_PER_MS)
#define PRESENT_NS  (10 * NS_PER_MS) /* a device that is there has answered: SATA 3.0, 8.4.1 */
#define LINK_NS     NS_PER_S
#define COMRESET_NS (2 * NS_PER_MS)
#define RESET_NS    (3 * NS_PER_S / 2)
#define BUSY        (ATA_BSY | ATA_DRQ)

static int port_wait(struct ahci_port *p, u32 reg, u32 mask, u32 value, u64 deadline_ns)
{
	return ahci_wait(p->regs + reg, mask, value, deadline_ns);
}

static void command_set(struct ahci_port *p, u32 set, u32 clear)
{
	port_write(p, PORT_CMD, (port_read(p, PORT_CMD) & ~clear) | set);
}

static void forget_events(struct ahci_port *p)
{
	port_write(p, PORT_SERR, ~0u);
	port_write(p, PORT_IS, ~0u);
}

static void write_addresses(struct ahci_port *p)
{
	u64 list = gpa_of(p->memory->headers).a;
	u64 received = gpa_of(p->memory->received).a;

	port_write(p, PORT_CLB, (u32)list);
	port_write(p, PORT_CLBU, (u32)(list >> 32));
	port_write(p, PORT_FB, (u32)received);
	port_write(p, PORT_FBU, (u32)(received >> 32));
}

void ahci_port_power(struct ahci_port *p)
{
	p->present_by = time_ns() + PRESENT_NS;
	command_set(p, (u32)(CMD_SPIN_UP | CMD_POWER_ON | CMD_ACTIVE), CMD_STATE);
}

/* Somebody is there at once, or nobody. */
static int link_up(struct ahci_port *p, u64 deadline_ns)
{
	u64 link_by = MIN(p->present_by + LINK_NS, deadline_ns);
	u32 state;

	while ((state = SSTS_DEVICE(port_read(p, PORT_SSTS))) != DEVICE_UP) {
		u64 now = time_ns();

		if (now >= link_by || (state == DEVICE_NONE && now >= p->present_by))
			return -ENODEV;
		task_sleep_ns(100 * NS_PER_US);
	}
	return 0;
}

int ahci_port_up(struct ahci_port *p, u64 deadline_ns)
{
	int error;

	if ((port_read(p, PORT_CMD) & CMD_FIS) == 0)
		write_addresses(p);
	if ((port_read(p, PORT_CMD) & CMD_SPIN_UP) == 0)
		ahci_port_power(p);
	command_set(p, (u32)CMD_FIS, 0);
	error = link_up(p, deadline_ns);
	if (error != 0)
		return error;
	/* The device's first FIS is taken when the change of the link is no error any more. */
	forget_events(p);
	return port_wait(p, PORT_TFD, BUSY, 0, deadline_ns);
}

int ahci_port_stop(struct ahci_port *p)
{
	port_write(p, PORT_IE, 0);
	command_set(p, 0, (u32)CMD_START);
	return port_wait(p, PORT_CMD, (u32)CMD_RUNS, 0, time_ns() + STOP_NS);
}

int ahci_port_quiet(struct ahci_port *p)
{
	int error = ahci_port_stop(p);

	command_set(p, 0, (u32)CMD_FIS);
	if (error != 0)
		return error;
	return port_wait(p, PORT_CMD, (u32)CMD_FIS_RUNS, 0, time_ns() + STOP_NS);
}

int ahci_port_start(struct ahci_port *p)
{
	if ((port_read(p, PORT_TFD) & BUSY) != 0)
		return -EBUSY;
	port_write(p, PORT_IE, 0);
	forget_events(p);
	command_set(p, (u32)(CMD_FIS | CMD_START) | (p->identity.packet ? (u32)CMD_ATAPI : 0),
		(u32)CMD_ATAPI);
	return 0;
}

int ahci_port_reset(struct ahci_port *p)
{
	u32 control = port_read(p, PORT_SCTL) & ~SCTL_DEVICE;
	/* One that does not stop may do so by the reset. */
	int stopped = ahci_port_stop(p);
	int error;

	port_write(p, PORT_SCTL, control | SCTL_RESET);
	task_sleep_ns(COMRESET_NS);
	port_write(p, PORT_SCTL, control);
	p->present_by = time_ns() + PRESENT_NS;
	error = ahci_port_up(p, time_ns() + RESET_NS);
	if (error == 0 && stopped != 0)
		error = ahci_port_stop(p);
	return error == 0 ? ahci_port_start(p) : error;
}

int ahci_port_restart(struct ahci_port *p)
{
	if (ahci_port_stop(p) == 0 && ahci_port_start(p) == 0)
		return 0;
	return ahci_port_reset(p);
}
