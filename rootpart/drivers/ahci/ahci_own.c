/* SPDX-License-Identifier: MIT */
/*
 * Commands of the driver's own, in slot 0 of a port that does nothing else,
 * without interrupts: there are few, when a device is found and when one fails.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/drivers/ahci/ahci.h"
#include "rootpart/page_alloc.h"
#include "rootpart/task.h"
#include "rootpart/time.h"

#define IDENTIFY_NS NS_PER_S
#define LOG_NS      (500 * NS_PER_MS)
#define PACKET_NS   (1500 * NS_PER_MS)
#define POLL_NS     (20 * NS_PER_US)

static struct ahci_table *own_table(struct ahci_port *p)
{
	return (struct ahci_table *)(void *)p->memory->table;
}

static void prepare(struct ahci_port *p, const struct ahci_own *own)
{
	struct ahci_table *t = own_table(p);
	u32 entries = own->bytes != 0 ? 1 : 0;
	u32 packet = own->packet != NULL ? (u32)HEADER_PACKET : 0;

	memset(p->memory->data, 0, sizeof(p->memory->data));
	ahci_fis(&own->taskfile, t->fis);
	if (own->packet != NULL)
		memcpy(t->packet, own->packet->bytes, sizeof(t->packet));
	t->entries[0] = (struct ahci_entry){
		.address = gpa_of(p->memory->data).a,
		.last = own->bytes - 1,
	};
	p->memory->headers[0] = (struct ahci_header){
		.flags = HEADER_FIS_WORDS | packet | entries << HEADER_ENTRIES,
		.table = gpa_of(t).a,
	};
}

/* 0 ended; -EAGAIN not yet; -EIO. */
static int look(struct ahci_port *p)
{
	bool runs = (port_read(p, PORT_CI) & 1) != 0;
	u32 events = port_read(p, PORT_IS);

	if ((events & PORT_IS_ERRORS) != 0)
		return -EIO;
	if (runs)
		return -EAGAIN;
	return (TFD_STATUS(port_read(p, PORT_TFD)) & (ATA_ERR | ATA_DF)) != 0 ? -EIO : 0;
}

static int poll(struct ahci_port *p, u64 deadline_ns)
{
	int error;

	while ((error = look(p)) == -EAGAIN) {
		if (time_ns() >= deadline_ns)
			return -ETIMEDOUT;
		task_sleep_ns(POLL_NS);
	}
	return error;
}

int ahci_own_run(struct ahci_port *p, const struct ahci_own *own)
{
	int error, restart = 0;

	prepare(p, own);
	barrier();
	port_write(p, PORT_CI, 1);
	error = poll(p, time_ns() + own->timeout_ns);
	barrier();
	if (error == -EIO)
		restart = ahci_port_restart(p);
	else if (error != 0)
		restart = ahci_port_reset(p);
	else
		port_write(p, PORT_IS, ~0u);
	return restart != 0 ? restart : error;
}

int ahci_identify(struct ahci_port *p, bool packet, struct ata_identity *out)
{
	const struct ahci_own own = {
		.taskfile = { .command = packet ? ATA_IDENTIFY_PACKET : ATA_IDENTIFY },
		.bytes = ATA_BLOCK,
		.timeout_ns = IDENTIFY_NS,
	};
	int error = ahci_own_run(p, &own);

	if (error != 0)
		return error;
	return ata_identity_read((const u16 *)(void *)p->memory->data, packet, out);
}

/* Its bytes add up to 0. Serial ATA 3.1, 13.7.4. */
static bool log_fits(const u8 *log)
{
	u8 sum = 0;

	for (u32 i = 0; i < ATA_BLOCK; i++)
		sum = (u8)(sum + log[i]);
	return sum == 0;
}

int ahci_failed_slot(struct ahci_port *p)
{
	const struct ahci_own own = {
		.taskfile = {
			.command = ATA_READ_LOG_EXT,
			.device = ATA_LBA,
			.count = 1,
			.lba = ATA_LOG_NCQ_ERROR,
			.ext = true,
		},
		.bytes = ATA_BLOCK,
		.timeout_ns = LOG_NS,
	};
	const u8 *log = p->memory->data;
	int error = ahci_own_run(p, &own);

	if (error != 0)
		return error;
	/* Bit 7: what failed was not queued. */
	return log_fits(log) && (log[0] & 0x80) == 0 ? log[0] & 0x1f : -EPROTO;
}
