/* SPDX-License-Identifier: MIT */
/*
 * What vm show tells of a VM's devices: its disks, which a VM that is off has as configured, and
 * its bus. For people, tables stand below their rows, behind two blanks.
 */
#include "base/errno.h"
#include "lib/format.h"
#include "lib/string.h"
#include "rootpart/cli/cmd_vm.h"
#include "rootpart/cli/units.h"
#include "rootpart/vfs.h"
#include "rootpart/vm/vm_disk_text.h"

/* A row with a table of @count lines below. */
static void row_table(const struct rows *r, const char *name, u32 count, const char *head)
{
	if (count == 0) {
		rows_text(r, name, NULL);
		return;
	}
	rows_count(r, name, count);
	cli_text(r->cli, head);
}

/* What the disk @text will be when the VM starts; no sectors: it is not there. */
static int expected_disk(const struct vm_config *c, u32 lun, struct vm_disk_info *d)
{
	struct vm_disk_text disk;
	struct vfs_stat stat;

	if (c->disks[lun][0] == '\0' || vm_disk_text_parse(&disk, c->disks[lun]) != NULL)
		return -ENOENT;
	d->lun = lun;
	(void)str_copy(d->path, disk.path, sizeof(d->path));
	d->read_only = disk.read_only;
	d->sector_size = c->sector_size;
	d->sectors = vfs_stat(disk.path, &stat) == 0 ? stat.size / c->sector_size : 0;
	return 0;
}

/* The first disk from @lun on. */
static int next_disk(const struct vm_info *info, u32 lun, struct vm_disk_info *d)
{
	int r = vm_disk_next(info->config.name, lun, d);

	if (r != -EBUSY)
		return r;
	for (; lun < VM_DISKS_MAX && r != 0; lun++)
		r = expected_disk(&info->config, lun, d);
	return r;
}

static void disk_json(struct json *j, const struct vm_disk_info *d)
{
	json_object(j, NULL);
	json_number(j, "lun", d->lun);
	json_string(j, "path", d->path);
	json_bool(j, "read_only", d->read_only);
	json_number(j, "sector_size", d->sector_size);
	if (d->sectors > 0)
		json_number(j, "size", d->sectors * d->sector_size);
	else
		json_string(j, "size", NULL);
	json_close(j);
}

static void print_disk(struct cli *cli, const struct vm_disk_info *d)
{
	char size[UNITS_TEXT] = "-";

	if (d->sectors > 0)
		(void)units_bytes(d->sectors * d->sector_size, size);
	cli_printf(cli, "  %3u  %-9s  %11u  %10s  ", d->lun, d->read_only ? "yes" : "no",
		d->sector_size, size);
	cli_text(cli, d->path);
	cli_text(cli, "\n");
}

static void show_disks(const struct rows *r, const struct vm_info *info)
{
	struct vm_disk_info d;
	u32 count = 0;

	if (r->json != NULL) {
		json_array(r->json, "disks");
	} else {
		for (u32 lun = 0; next_disk(info, lun, &d) == 0; lun = d.lun + 1)
			count++;
		row_table(r, "disks", count, "  lun  read_only  sector_size        size  path\n");
	}
	for (u32 lun = 0; next_disk(info, lun, &d) == 0; lun = d.lun + 1) {
		if (r->json != NULL)
			disk_json(r->json, &d);
		else
			print_disk(r->cli, &d);
	}
	if (r->json != NULL)
		json_close(r->json);
}

static const struct {
	const char *name;
	u32 offset; /* of a u64 in struct vm_bus_info */
	bool bytes;
} bus_counters[] = {
	{ "messages_in", offsetof(struct vm_bus_info, messages_in), false },
	{ "messages_out", offsetof(struct vm_bus_info, messages_out), false },
	{ "malformed", offsetof(struct vm_bus_info, malformed), false },
	{ "reads", offsetof(struct vm_bus_info, reads), false },
	{ "writes", offsetof(struct vm_bus_info, writes), false },
	{ "flushes", offsetof(struct vm_bus_info, flushes), false },
	{ "discards", offsetof(struct vm_bus_info, discards), false },
	{ "read_bytes", offsetof(struct vm_bus_info, read_bytes), true },
	{ "written_bytes", offsetof(struct vm_bus_info, written_bytes), true },
	{ "errors", offsetof(struct vm_bus_info, errors), false },
	{ "stalls", offsetof(struct vm_bus_info, stalls), false },
};

static u64 bus_counter(const struct vm_bus_info *bus, u32 i)
{
	return *(const u64 *)(const void *)((const char *)bus + bus_counters[i].offset);
}

static void bus_json(struct json *j, const char *version, const struct vm_bus_info *bus)
{
	json_object(j, "bus");
	json_string(j, "version", version);
	for (u32 i = 0; i < ARRAY_SIZE(bus_counters); i++)
		json_number(j, bus_counters[i].name, bus_counter(bus, i));
	json_close(j);
}

static void print_bus(const struct rows *r, const char *version, const struct vm_bus_info *bus)
{
	char text[UNITS_TEXT];

	rows_text(r, "bus", version != NULL ? version : "not connected");
	for (u32 i = 0; i < ARRAY_SIZE(bus_counters); i++) {
		u64 count = bus_counter(bus, i);

		if (bus_counters[i].bytes)
			(void)units_bytes(count, text);
		else
			(void)format(text, sizeof(text), "%llu", (unsigned long long)count);
		cli_printf(r->cli, "  %-16s %s\n", bus_counters[i].name, text);
	}
}

static void show_bus(const struct rows *r, const char *name)
{
	struct vm_bus_info bus;
	char text[UNITS_TEXT];
	const char *version;

	if (vm_bus_get(name, &bus) != 0) {
		rows_text(r, "bus", NULL);
		return;
	}
	(void)format(text, sizeof(text), "%u.%u", bus.version >> 16, bus.version & 0xffff);
	version = bus.version != 0 ? text : NULL;
	if (r->json != NULL)
		bus_json(r->json, version, &bus);
	else
		print_bus(r, version, &bus);
}

static void channel_json(struct json *j, const struct vm_channel_info *c)
{
	json_object(j, NULL);
	json_number(j, "relid", c->relid);
	json_string(j, "device", c->device);
	json_number(j, "subchannel", c->subchannel);
	json_string(j, "state", c->state);
	json_number(j, "vp", c->vp);
	json_number(j, "from_size", c->from_size);
	json_number(j, "from_used", c->from_used);
	json_number(j, "to_size", c->to_size);
	json_number(j, "to_used", c->to_used);
	json_number(j, "packets_in", c->packets_in);
	json_number(j, "packets_out", c->packets_out);
	json_number(j, "interrupts", c->interrupts);
	json_number(j, "signals", c->signals);
	json_number(j, "malformed", c->malformed);
	json_close(j);
}

#define CHANNEL_HEAD                                                                  \
	"  relid device sub state     vp            from              to         in " \
	"       out interrupts    signals malformed\n"

/* How much of a ring is used; of one that is not there, nothing. */
static const char *level(u32 used, u32 size, char text[UNITS_TEXT])
{
	if (size == 0)
		return "-";
	(void)format(text, UNITS_TEXT, "%u/%u", used, size);
	return text;
}

static void print_channel(struct cli *cli, const struct vm_channel_info *c)
{
	char from[UNITS_TEXT], to[UNITS_TEXT];

	cli_printf(cli, "  %5u %-6s %3u %-9s %2u %15s %15s %10llu %10llu %10llu %10llu %9llu\n",
		c->relid, c->device, c->subchannel, c->state, c->vp,
		level(c->from_used, c->from_size, from), level(c->to_used, c->to_size, to),
		(unsigned long long)c->packets_in, (unsigned long long)c->packets_out,
		(unsigned long long)c->interrupts, (unsigned long long)c->signals,
		(unsigned long long)c->malformed);
}

static void show_channels(const struct rows *r, const char *name)
{
	struct vm_channel_info c;
	u32 count = 0;

	if (r->json != NULL) {
		json_array(r->json, "channels");
	} else {
		while (vm_channel_get(name, count, &c) == 0)
			count++;
		row_table(r, "channels", count, CHANNEL_HEAD);
	}
	for (u32 i = 0; vm_channel_get(name, i, &c) == 0; i++) {
		if (r->json != NULL)
			channel_json(r->json, &c);
		else
			print_channel(r->cli, &c);
	}
	if (r->json != NULL)
		json_close(r->json);
}

void vm_show_devices(const struct rows *r, const struct vm_info *info)
{
	show_disks(r, info);
	show_bus(r, info->config.name);
	show_channels(r, info->config.name);
}
