/* SPDX-License-Identifier: MIT */
/*
 * The bus of a test child: vsc/hv_bus.h on the library's hypercalls and memory, the client's connection on VP 0, and
 * the SCSI controller with a channel for each VP of the team.
 */
#pragma once

#include "tests/guest/disk/team.h"
#include "vsc/hv_bus.h"
#include "vsc/storvsc.h"

#define BUS_VECTOR 0x62u

extern struct hv_bus_vp bus_vps[TEAM_MAX];
extern struct vmbus_client bus_client;
/* Channels of the controller that is open: VP's own, 0 the primary's. */
extern struct storvsc bus_disks[TEAM_MAX];

/* What all VPs share; and then the calling VP, @vp, has its SynIC on, a job of the team's. */
void bus_begin(void);
void bus_vp_begin(u32 vp);
/* As vmbus_client_connect(), and storvsc_open() with a sub-channel for each VP but VP 0, if there can be so many. */
[[nodiscard]] int bus_connect(void);
[[nodiscard]] int bus_open_disks(u32 vps);
/* Channels that are open. */
u32 bus_channels(void);
void bus_close_disks(void);
/* Memory for the rings of VP @vp's channel, zeroed. */
u8 *bus_rings(u32 vp);
/* Of our memory, wherever it is mapped. */
u64 bus_gpa(const void *p);
