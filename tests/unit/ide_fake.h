/* SPDX-License-Identifier: MIT */
/*
 * A fake PCI IDE controller: two channels of two devices each, and what they are to
 * do wrong. It checks what the driver does: that nobody is written to while he
 * is busy, tables of regions, boundaries.
 */
#pragma once

#include "tests/unit/ata_fake.h"

struct ide_fake_device {
	struct ata_fake disk;
	u8 status, error, count, low, mid, high;

	/* What it is to do. */
	bool silent;        /* answers nothing */
	bool mute;          /* the same, until it is reset */
	bool lost_irq;      /* its interrupts do not come */
	bool short_data;    /* moves less, and says that all is well */
	bool pours;         /* with packets by the processor: gives more than it was asked for */
	bool nothing;       /* with packets by the processor: says that it has data, and has none */
	bool gone_on_reset; /* is not there any more after it */
	u32 resets;
	u32 commands;
};

struct ide_fake_channel {
	struct ide_fake_device device[2];
	u8 selected;
	u8 head; /* the device register */
	u8 control;
	u8 upper[5]; /* what was in features to high before */
	u8 features;
	u8 master_command, master_status;
	u32 master_table;
	bool line, edge;
	u8 command; /* that runs; 0: none */
	u32 runs;   /* device */
	bool wants_packet;
	u8 packet[16];
	u32 packet_bytes;
	u8 *out; /* data for the processor */
	u32 out_bytes, out_at, chunk_end, chunk;
	bool hold; /* does not go on */
};

struct ide_fake {
	bool native;
	bool storm;      /* interrupts without end */
	bool empty_zero; /* a channel without devices reads as zeros */
	struct ide_fake_channel channel[2];
};
extern struct ide_fake ide_fake;

void ide_fake_reset(void);
