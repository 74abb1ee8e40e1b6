/* SPDX-License-Identifier: MIT */
/*
 * PCI IDE controllers: what the files of this folder share. A channel has two
 * devices and does one command at a time; each device is a block device of depth 1,
 * and a task for each channel does what they wait for, in turn, as straight-line code:
 * data by bus master and interrupt, all else by polling with sleeps. Only the task
 * touches the channel's registers, but for the interrupt handler, which reads the status.
 */
#pragma once

#include "base/types.h"
#include "rootpart/block/block.h"
#include "rootpart/drivers/ata/ide_regs.h"
#include "rootpart/drivers/ata_common/ata.h"
#include "rootpart/drivers/ata_common/ata_identity.h"
#include "rootpart/drivers/ata_common/atapi.h"
#include "rootpart/pci/pci.h"
#include "rootpart/waitq.h"

/* Less than the block layer's patience: the channel's other device waits as long. */
#define IDE_COMMAND_NS (3 * NS_PER_S)
/* Interrupts without a command until the channel is thought to be mad. */
#define IDE_STORM 10000u

struct ide_channel;

/* A command, with the device's table of regions if it moves data. */
struct ide_command {
	struct ata_taskfile taskfile;
	struct atapi_packet packet; /* with ATA_PACKET */
	u32 bytes;                  /* 0: no data */
	bool to_memory;
};

struct ide_device {
	struct ide_channel *channel;
	u32 index;
	bool present;
	struct ata_identity identity;
	struct block_device block;
	struct atapi_drive drive;   /* with identity.packet */
	struct ide_region *regions; /* of pieces */
	u8 *own;                    /* 512 bytes: of the driver's own commands, TRIM's ranges */

	/* The channel's lock. */
	struct ide_command command; /* of the piece */
	bool waiting;               /* a piece is there */
	bool running;
	bool give_up; /* of what runs */

	/* The task's. */
	bool dead;
	u32 silences; /* in a row */
	u64 log_after;
};

struct ide_channel {
	struct pci_device *pci;
	u32 index;
	u16 command_port;
	u16 control_port;
	u16 master_port; /* 0: none */
	struct ide_device devices[2];
	struct wait_queue wake; /* the task: there is something to do */
	struct wait_queue done; /* the task: an interrupt; and whoever waits for the task */

	struct spinlock lock;
	u32 turn; /* the device that is looked at first */

	/* Interrupt to task, atomic. */
	bool answered;
	u8 status;
	u8 master_status;
	bool expects; /* a command runs that answers so */
	u32 idle;     /* interrupts since the last command */
};

/* ide_bus.c: registers; the task. */
u8 ide_read(const struct ide_channel *ch, u32 reg);
void ide_write(const struct ide_channel *ch, u32 reg, u8 v);
u8 ide_status(const struct ide_channel *ch); /* without effect */
void ide_control(const struct ide_channel *ch, u8 v);
/* Waits until the bits @mask of the status are @value. 0; -ETIMEDOUT; -ENODEV floating. */
[[nodiscard]] int ide_wait(const struct ide_channel *ch, u8 mask, u8 value, u64 ns);
/* Has @d hear what is written. As ide_wait(). */
[[nodiscard]] int ide_select(struct ide_device *d);
/* Writes all registers, the command last. */
void ide_issue(struct ide_device *d, const struct ata_taskfile *t);
/* What the status after a command says. */
[[nodiscard]] int ide_verdict(u8 status);

/* ide_pio.c: commands without interrupts; the task. 0; -EIO; -ETIMEDOUT; -EPROTO. */
/* IDENTIFY data, checked. */
[[nodiscard]] int ide_identify(struct ide_device *d, bool packet, struct ata_identity *out);
/* @command, to memory only; up to the bytes that it has. */
[[nodiscard]] int ide_packet_pio(
	struct ide_device *d, const struct ide_command *command, const struct ide_region *regions);
/* Waits until the device wants the packet; an interrupt because of that is over then. */
[[nodiscard]] int ide_packet_wait(struct ide_device *d);
void ide_packet_send(struct ide_device *d, const struct ide_command *command);
void ide_drive_init(struct ide_device *d);

/* ide_dma.c: by bus master and interrupt; the task. The same, and -ECANCELED: to give up. */
[[nodiscard]] int ide_dma(struct ide_device *d, const struct ide_command *command);
/* Writes the table of a piece; returns its bytes. Any VP, nothing of @d runs. */
void ide_regions_fill(struct ide_device *d, const struct block_piece *piece);

/* ide_irq.c */
void ide_interrupt(void *ctx); /* of a channel */

/* ide_reset.c; the task. */
/* Both devices of the channel; waits until they are ready, or for too long. */
[[nodiscard]] int ide_reset(struct ide_channel *ch);
/* Has @d work again after a command that did not end: -ENODEV it does not. */
[[nodiscard]] int ide_revive(struct ide_device *d);

/* ide_queue.c: pieces. */
extern const struct block_ops ide_ops;
/* ide_task.c */
void ide_task(void *arg);

/* ide_find.c, ide_disk.c: in boot's task, before the channel has its own. */
void ide_find(struct ide_channel *ch);
void ide_register(struct ide_channel *ch);
/* -ENOMEM, -ENOTSUP. */
[[nodiscard]] int ide_describe(struct ide_device *d);
void ide_forget(struct ide_device *d);
