/* SPDX-License-Identifier: MIT */
/*
 * The command line for host tests: commands that files and VMs have, on a
 * memory file system at /vm and a made-up service behind vm.h. Lines are
 * typed, and what they print is kept.
 */
#pragma once

#include "rootpart/vm/vm.h"

#define FAKE_VMS  4u
#define FAKE_SAID 8192u

/* The service: VMs in the order of their names. */
extern struct vm_info fake_vms[FAKE_VMS];
extern u32 fake_vm_count;
extern u32 fake_vps;          /* that have counters, of one that is on */
extern int fake_answer;       /* of whatever would change something, */
extern const char *fake_why;  /* and its sentence */
extern char fake_asked[128];  /* what it was last asked to do: "start web" */
extern bool fake_volatile;    /* vm_store_is_volatile() */
extern const char *fake_kept; /* the disk's path that is neither given nor taken away: -EBUSY */

/* Of whatever VM is on: its bus, NULL: -EBUSY for all of this; its disks and channels. */
extern const struct vm_bus_info *fake_bus;
extern const struct vm_disk_info *fake_disks;
extern u32 fake_disk_count;
extern const struct vm_channel_info *fake_channels;
extern u32 fake_channel_count;

extern bool fake_interrupted; /* Ctrl-C was typed */
extern char fake_said[FAKE_SAID];

/* Runs a line; what it prints is in fake_said then. Returns its result. */
int fake_type(const char *line);
/* The same, and fails the test unless result and text are these. */
void fake_expect(const char *line, int result, const char *said);

/* For cmocka: of a group; of a test, which finds files /vm/bzImage and
 * /vm/initrd, db, which runs, and web, which is off. */
int fake_cli_mount(void **state);
int fake_cli_forget(void **state);
int fake_cli_setup(void **state);
int fake_cli_teardown(void **state);
