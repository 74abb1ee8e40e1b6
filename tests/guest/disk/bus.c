/* SPDX-License-Identifier: MIT */
/*
 * All memory is the child's for good: rings are zeroed each time.
 */
#include "tests/guest/disk/bus.h"

#include "lib/string.h"
#include "tests/guest/lib/guest.h"

#define IMAGE_BASE 0xffffffff80000000ull

struct hv_bus_vp bus_vps[TEAM_MAX];
struct vmbus_client bus_client;
struct storvsc bus_disks[TEAM_MAX];
static struct vmbus_client_host client_host;
static u8 *pages; /* of the SynICs */
static u8 *rings;
static u32 channels;

u64 bus_gpa(const void *p)
{
	return (u64)p >= IMAGE_BASE ? guest_phys(p) : (u64)p;
}

static const struct hv_bus_system bus_system = { guest_hypercall, bus_gpa };

static void interrupted(u8 vector)
{
	(void)vector;
	hv_bus_interrupt(&bus_vps[team_self()]);
}

/* The library's memory and hypercall page are not made for several at once. */
void bus_begin(void)
{
	(void)guest_hypercall_page();
	guest_on_interrupt(BUS_VECTOR, interrupted);
	pages = (u8 *)guest_ram(TEAM_MAX * HV_BUS_PAGES * PAGE_SIZE, PAGE_SIZE);
}

void bus_vp_begin(u32 vp)
{
	hv_bus_start(&bus_vps[vp], &bus_system, pages + vp * HV_BUS_PAGES * PAGE_SIZE, BUS_VECTOR);
}

u8 *bus_rings(u32 vp)
{
	const u64 size = STORVSC_RING_PAGES * PAGE_SIZE;

	if (rings == NULL)
		rings = (u8 *)guest_ram(TEAM_MAX * size, PAGE_SIZE);
	memset(rings + vp * size, 0, size);
	return rings + vp * size;
}

int bus_connect(void)
{
	hv_bus_client_host(&bus_vps[0], &client_host);
	return vmbus_client_connect(&bus_client, &client_host, 0);
}

static int open_subchannel(u32 vp)
{
	struct storvsc *s = &bus_disks[vp];

	s->wait = hv_bus_wait;
	s->context = &bus_vps[vp];
	return storvsc_open_subchannel(s, &bus_disks[0], (u16)vp, bus_rings(vp), vp);
}

int bus_open_disks(u32 vps)
{
	struct storvsc *s = &bus_disks[0];
	u32 more;
	int r;

	s->wait = hv_bus_wait;
	s->context = &bus_vps[0];
	channels = 0;
	r = storvsc_open(s, &bus_client, bus_rings(0), 0);
	if (r != 0)
		return r;
	channels = 1;
	more = MIN(vps - 1, (u32)s->max_subchannels);
	if (more > 0)
		r = storvsc_ask_subchannels(s, more);
	while (r == 0 && channels < more + 1) {
		r = open_subchannel(channels);
		channels += r == 0;
	}
	return r;
}

u32 bus_channels(void)
{
	return channels;
}

void bus_close_disks(void)
{
	while (channels > 0)
		storvsc_close(&bus_disks[--channels]);
}
