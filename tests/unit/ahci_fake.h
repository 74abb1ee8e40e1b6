/* SPDX-License-Identifier: MIT */
/*
 * A fake AHCI adapter with disks, and what it is to do wrong. It checks what the
 * driver does: addresses, tags, that no other command runs beside queued ones.
 */
#pragma once

#include "tests/unit/ata_fake.h"

#define AHCI_FAKE_PORTS 4u

struct ahci_fake_port {
	struct ata_fake disk;
	u32 list, list_hi, received, received_hi;
	u32 is, ie, cmd, tfd, sig, ssts, sctl, serr, sact, ci;
	u32 queued;   /* commands that the device has taken */
	bool stopped; /* after an error, until the port is */
	bool broken;  /* after an error of a queued command, until the log is read */
	u32 failed;   /* its tag */
	u32 commands, resets, log_reads;

	/* What it is to do. */
	bool silent;        /* answers nothing */
	bool mute;          /* the same, until it is reset */
	bool dead_on_reset; /* nobody is there after a reset */
	bool forget_resets; /* the link comes up, the device stays busy */
	bool backwards;     /* queued commands end in the reverse order */
	bool hold;          /* takes queued commands, and does not end them */
	bool no_log;        /* cannot read it */
	bool bad_log;       /* names a slot that does not run */
	bool clears_ci;     /* of a failed command, too */
	bool short_data;    /* sends less than it is asked for, and says all is well */
	u32 link_errors;    /* commands that end so, from now on */
	bool stuck;         /* its engine does not stop but by a reset of the adapter */
	u32 answer_twice;
};

struct ahci_fake {
	u32 ghc, is, cap, pi, cap2, bohc;
	u32 adapter_resets;
	bool reset_sticks;
	u32 storm; /* port + 1: interrupts of it without end */
	bool gone; /* all registers read as ones */
	struct ahci_fake_port port[AHCI_FAKE_PORTS];
};
extern struct ahci_fake ahci_fake;

/* A machine with it, without disks. */
void ahci_fake_reset(void);
