/* SPDX-License-Identifier: MIT */
/*
 * SCSI controllers for tests, with disks in memory whose requests end when the test says so, and a guest's side of the
 * disk's protocol. Whatever is asked of a disk lies within it and in the guest's own RAM, or the program ends.
 * With bus_guest.h.
 */
#pragma once

#include "tests/unit/bus_guest.h"
#include "vsp/storvsp/storvsp.h"

#define BUS_SECTORS 256u
#define BUS_DISKS   2u
#define BUS_QUEUE   512u
#define BUS_INIT_ID 0xfffffffffffffffdull

struct bus_disk {
	struct vsp_disk d;
	struct bus_guest *g;
	u8 bytes[BUS_SECTORS * 512];
	struct vsp_disk_request *queue[BUS_QUEUE]; /* in order */
	u32 count, held;                           /* so many at the front stay for ever */
	u32 submitted, flushes, discards;
	bool plugged, gone;
};

struct bus_controller {
	struct storvsp s;
	struct storvsp_host host;
	struct bus_guest *g;
	struct bus_disk disks[BUS_DISKS];
	bool locked;
	u32 agains; /* channels that want a turn, by index */
	u32 laters; /* those that want one in a while */
	u32 wanted; /* sub-channels */
	u32 lefts[STORVSP_LUNS];
	/* NULL: nothing. Called each time a page of the guest's is looked up. */
	void (*on_resolve)(struct bus_controller *c);
	/* NULL: all of the guest's RAM is for I/O. */
	bool (*allows)(u64 pfn);
};

/* Disk 0 is LUN 0. */
void bus_controller_make(
	struct bus_controller *c, struct bus_guest *g, u8 instance, u32 max_subchannels);
/* Its channels may look at their rings by themselves, with the guest's signals off. */
void bus_controller_look_later(struct bus_controller *c);
/* Turns that were asked for, until none is. */
void bus_controller_run(struct bus_controller *c);
/* Ends request @i of those that are under way. */
void bus_disk_end(struct bus_disk *d, u32 i, int error);
/* Ends all but those that are held, and goes on until nothing is left to be done. */
void bus_controller_drain(struct bus_controller *c);
/* Ends what is held as well, so that the guest may go. */
void bus_controller_let_go(struct bus_controller *c);

/* ---- the guest ---- */

/* As vmbus_ring_write(); one range of @count pages if that is not 0. */
int bus_vstor_write(struct bus_end *e, u64 id, const struct vstor_packet *p, const u64 *pfns,
	u32 count, u32 offset, u32 length);
/* The number of the next answer, ~0: nobody asked for it; 0: there is none. */
u64 bus_vstor_answer(struct bus_end *e, struct vstor_packet *p);
/* A step of the beginning, with its answer's status; ~0: there was none. */
u32 bus_control(struct bus_end *e, u32 operation, u16 value);
/* All steps. */
bool bus_vstor_begin(struct bus_end *e);
struct vstor_packet bus_srb(u8 lun, u8 direction, u32 length, const u8 *cdb, u8 size);
/* READ or WRITE of whole sectors, from and to RAM from page @page on. As bus_vstor_write(). */
int bus_io(struct bus_end *e, u64 id, bool write, u32 sector, u32 count, u32 page);
/* Writes eight sectors and reads them, by @page and the next one: whether all of that is right. */
bool bus_disk_works(struct bus_controller *c, struct bus_end *e, u64 id, u32 sector, u32 page);
