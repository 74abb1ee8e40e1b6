/* SPDX-License-Identifier: MIT */
/*
 * AHCI host bus adapters: what the files of this folder share. A port with a
 * device is a block device with one queue; the slots of its command list are the
 * pieces' tags, and the tags of queued commands. Pieces start where the block layer
 * says, under the port's lock; interrupts mark, work completes. All that waits (the
 * adapter's and a port's reset, own commands, what follows an error) is done in tasks
 * that hold the port's mutex and have halted it: then nobody else touches its
 * commands. Errors are the adapter's task's, silence is the block layer's.
 */
#pragma once

#include "base/types.h"
#include "rootpart/block/block.h"
#include "rootpart/drivers/ahci/ahci_regs.h"
#include "rootpart/drivers/ata_common/ata.h"
#include "rootpart/drivers/ata_common/ata_identity.h"
#include "rootpart/drivers/ata_common/atapi.h"
#include "rootpart/mutex.h"
#include "rootpart/pci/pci.h"
#include "x86/mmio.h"

/* Interrupts without a completion until a port is thought to be mad. */
#define AHCI_STORM 10000u
/* Events of a port beside the bits of PORT_IS; those are reserved there. */
#define EVENT_STORM   ((u32)BIT(8))
#define EVENT_SUSPECT ((u32)BIT(9))  /* a command ended with an error status */
#define EVENT_RESET   ((u32)BIT(10)) /* the adapter was reset */
#define EVENTS_BAD    (PORT_IS_ERRORS | EVENT_STORM | EVENT_SUSPECT | EVENT_RESET)

struct ahci;

/* A piece's command, as it stands in its table. */
struct ahci_slot {
	u32 flags; /* the header's */
	u32 bytes; /* that are to come, where it is to be checked; else 0 */
	bool queued;
	bool alone; /* is not to run beside others */
	u8 tries;   /* that ended by somebody else's error */
};

struct ahci_port {
	struct ahci *hba;
	volatile u8 *regs;
	u32 index;
	struct block_device block;
	struct ata_identity identity;
	struct ahci_memory *memory;
	struct ahci_table *tables; /* one a slot */
	u32 tables_order;
	u32 depth;
	struct atapi_drive drive; /* with identity.packet */
	u64 present_by;           /* time_ns() by which a device says that it is there */
	struct work work;         /* the interrupt's VP */

	u32 events; /* atomic: interrupt to work */
	u32 idle;   /* atomic: interrupts since the last completion */

	struct spinlock lock;
	/* Its: */
	struct ahci_slot slots[AHCI_SLOTS];
	u8 order[AHCI_SLOTS]; /* slots that wait, a ring */
	u32 head;
	u32 count;
	u32 running;   /* a bit a slot, as the device's registers */
	bool alone;    /* what runs is not to have company */
	bool halted;   /* only whoever has the mutex touches commands and registers */
	u32 trouble;   /* events that the adapter's task has to see to */
	u32 fruitless; /* troubles in a row that no command's end came of */

	struct mutex mutex;
	/* Its: */
	bool dead;
	u64 log_after; /* time_ns(): an error is worth a line again */
};

struct ahci {
	struct pci_device *pci;
	volatile u8 *regs;
	u64 regs_size;
	u32 capabilities;
	u32 implemented;
	u32 index;
	struct ahci_port *ports[AHCI_PORTS]; /* NULL: no device */
	u32 used;                            /* a bit a port that is not NULL */
	struct wait_queue wake;              /* the task's */
	bool attention;                      /* atomic: a port has trouble */
};

static inline u32 hba_read(const struct ahci *h, u32 reg)
{
	return mmio_read32(h->regs + reg);
}

static inline void hba_write(struct ahci *h, u32 reg, u32 v)
{
	mmio_write32(h->regs + reg, v);
}

static inline u32 port_read(const struct ahci_port *p, u32 reg)
{
	return mmio_read32(p->regs + reg);
}

static inline void port_write(struct ahci_port *p, u32 reg, u32 v)
{
	mmio_write32(p->regs + reg, v);
}

/* ahci_hba.c; tasks. */
/* Takes the adapter from the firmware, resets it; no interrupt comes. 0, -ETIMEDOUT, -ENODEV. */
[[nodiscard]] int ahci_hba_reset(struct ahci *h);
/* Interrupts of its ports come. */
void ahci_hba_listen(struct ahci *h);
/* Waits until the bits @mask of @reg are @value. 0, -ETIMEDOUT. */
[[nodiscard]] int ahci_wait(const volatile u8 *reg, u32 mask, u32 value, u64 deadline_ns);

/* ahci_port.c; tasks, the port is halted. */
/* Power and spin-up. */
void ahci_port_power(struct ahci_port *p);
/* Lets link and device come up. 0; -ENODEV nobody there; -ETIMEDOUT it stays busy. */
[[nodiscard]] int ahci_port_up(struct ahci_port *p, u64 deadline_ns);
/* No command runs any more, no data is moved. -ETIMEDOUT: some may be. */
[[nodiscard]] int ahci_port_stop(struct ahci_port *p);
/* Nor is anything else. */
[[nodiscard]] int ahci_port_quiet(struct ahci_port *p);
/* Commands may be issued; no interrupt comes. -EBUSY: the device is. */
[[nodiscard]] int ahci_port_start(struct ahci_port *p);
/* Stops the port, has its device be as new, starts it. As ahci_port_up(). */
[[nodiscard]] int ahci_port_reset(struct ahci_port *p);
/* Stops and starts it, and resets it only if that is not enough. */
[[nodiscard]] int ahci_port_restart(struct ahci_port *p);

/* ahci_memory.c. -ENOMEM. */
[[nodiscard]] int ahci_memory_get(struct ahci_port *p);
[[nodiscard]] int ahci_memory_tables(struct ahci_port *p, u32 slots);
/* The port writes none of it any more. */
void ahci_memory_free(struct ahci_port *p);

/* ahci_own.c: commands of the driver's own; tasks, the port is halted and started. */
struct ahci_own {
	struct ata_taskfile taskfile;
	const struct atapi_packet *packet; /* or NULL */
	u32 bytes;                         /* up to 512, to memory->data */
	u64 timeout_ns;
};
/* 0; -EIO: the device's error; others: the port cannot be started again. */
[[nodiscard]] int ahci_own_run(struct ahci_port *p, const struct ahci_own *own);
/* IDENTIFY data; errors of ata_identity_read(), too. */
[[nodiscard]] int ahci_identify(struct ahci_port *p, bool packet, struct ata_identity *out);
/* The slot of the queued command that failed; negative: the device does not tell. */
int ahci_failed_slot(struct ahci_port *p);

/* ahci_slot.c: a piece becomes a command in its slot; the port's lock. */
void ahci_slot_fill(struct ahci_port *p, const struct block_piece *piece);
/* Puts the header of @slot into the command list. */
void ahci_slot_header(struct ahci_port *p, u32 slot);
void ahci_fis(const struct ata_taskfile *t, u8 *fis);
struct ata_taskfile ahci_packet_taskfile(const struct ata_identity *id);

/* ahci_queue.c. */
void ahci_queue_init(struct ahci_port *p);
/* Has @slot wait for its turn; the port's lock. */
void ahci_push(struct ahci_port *p, u32 slot);
/* Issues what waits and may; the port's lock. */
void ahci_pump(struct ahci_port *p);
/* Takes off what has ended well; the port's lock. *@events gets EVENT_SUSPECT. */
[[nodiscard]] u32 ahci_collect(struct ahci_port *p, u32 *events);
/* Ends the pieces of @slots, which do not run any more. */
void ahci_end(struct ahci_port *p, u32 slots, int error);

/* ahci_irq.c. */
void ahci_interrupt(void *ctx);
void ahci_work(struct work *w);

/* ahci_halt.c: what tasks do to a port; its mutex but for ahci_trouble(). */
/* Halts the port and has the adapter's task see to it; the port's lock. */
void ahci_trouble(struct ahci_port *p, u32 events);
/* Halts it, and ends what has ended well. */
void ahci_halt(struct ahci_port *p);
/* Ends all that runs or waits. */
void ahci_end_all(struct ahci_port *p, int error);
/*
 * What ran waits again, before all else; @alone: one after the other. Ends what was
 * tried too often. Then the port goes on.
 */
void ahci_resume(struct ahci_port *p, bool alone);

/* ahci_error.c, ahci_recover.c. */
void ahci_task(void *arg);
[[nodiscard]] int ahci_recover(struct block_device *d);
/* The device cannot be used any more; the port's mutex. */
void ahci_die(struct ahci_port *p, int error);
/* One line, if there was none lately; the port's mutex. */
void ahci_say(struct ahci_port *p, const char *what);

/* ahci_disk.c; tasks, the port is halted, and up. */
/* Finds out what is there, and describes it to the block layer. */
[[nodiscard]] int ahci_disk_find(struct ahci_port *p);
[[nodiscard]] int ahci_disk_register(struct ahci_port *p);

/* ahci_cd.c; tasks, the port is halted. */
void ahci_cd_init(struct ahci_port *p);
/* Looks for a medium where there was none. */
void ahci_cd_poll(struct ahci_port *p);
