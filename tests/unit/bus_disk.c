/* SPDX-License-Identifier: MIT */
/* See bus_disk.h. */
#include "tests/unit/bus_disk.h"

#include "x86/atomic.h"

#define TURNS_MAX 20000u

/* ---- disks ---- */

static void check_segments(const struct bus_disk *d, const struct vsp_disk_request *r)
{
	u64 bytes = 0, ram = (u64)d->g->ram;

	BUS_MUST(r->segment_count >= 1 && r->segment_count <= VSP_DISK_SEGMENTS_MAX);
	for (u32 i = 0; i < r->segment_count; i++) {
		u64 first = r->segments[i].gpa.a - ram, last = first + r->segments[i].len - 1;

		BUS_MUST(r->segments[i].len > 0 && r->segments[i].gpa.a >= ram);
		BUS_MUST(last < (u64)d->g->pages * BUS_PAGE);
		for (u64 page = first / BUS_PAGE; page <= last / BUS_PAGE; page++)
			BUS_MUST(d->g->kinds[page] == BUS_RAM);
		bytes += r->segments[i].len;
	}
	BUS_MUST(bytes == r->bytes && bytes <= VSP_DISK_BYTES_MAX);
}

static void disk_submit(struct vsp_disk *disk, struct vsp_disk_request *r)
{
	struct bus_disk *d = container_of(disk, struct bus_disk, d);

	BUS_MUST(d->plugged && !d->gone && d->count < BUS_QUEUE);
	BUS_MUST(((u64)r->private & 15) == 0);
	memset(r->private, 0x77, disk->request_bytes);
	if (r->op != VSP_DISK_FLUSH) {
		BUS_MUST(r->bytes > 0 && r->bytes % 512 == 0 && r->sector < BUS_SECTORS);
		BUS_MUST(r->bytes / 512 <= BUS_SECTORS - r->sector);
	}
	if (r->op == VSP_DISK_READ || r->op == VSP_DISK_WRITE)
		check_segments(d, r);
	d->submitted++;
	d->flushes += r->op == VSP_DISK_FLUSH;
	d->discards += r->op == VSP_DISK_DISCARD;
	d->queue[d->count++] = r;
}

static void disk_plug(struct vsp_disk *disk)
{
	struct bus_disk *d = container_of(disk, struct bus_disk, d);

	BUS_MUST(!d->gone && !d->plugged);
	d->plugged = true;
}

static void disk_unplug(struct vsp_disk *disk)
{
	struct bus_disk *d = container_of(disk, struct bus_disk, d);

	BUS_MUST(!d->gone && d->plugged);
	d->plugged = false;
}

static const struct vsp_disk_ops disk_ops = { disk_submit, disk_plug, disk_unplug };

static void move_data(struct bus_disk *d, const struct vsp_disk_request *r)
{
	u8 *at = d->bytes + r->sector * 512;

	for (u32 i = 0; i < r->segment_count; i++) {
		u8 *p = (u8 *)r->segments[i].gpa.a;

		if (r->op == VSP_DISK_READ)
			memcpy(p, at, r->segments[i].len);
		else
			memcpy(at, p, r->segments[i].len);
		at += r->segments[i].len;
	}
}

void bus_disk_end(struct bus_disk *d, u32 i, int error)
{
	struct vsp_disk_request *r;

	BUS_MUST(i < d->count);
	r = d->queue[i];
	d->count--;
	memmove(&d->queue[i], &d->queue[i + 1], (d->count - i) * sizeof(d->queue[0]));
	if (error == 0 && (r->op == VSP_DISK_READ || r->op == VSP_DISK_WRITE))
		move_data(d, r);
	r->done(r, error);
}

static void disk_init(struct bus_disk *d, struct bus_guest *g, u8 id)
{
	memset(d, 0, sizeof(*d));
	d->g = g;
	d->d = (struct vsp_disk){ .ops = &disk_ops,
		.request_bytes = 40,
		.sector_size = 512,
		.sectors = BUS_SECTORS,
		.write_cache = true,
		.max_discard = 64 * KIB,
		.id = { id } };
}

/* ---- the controller's host ---- */

static bool host_resolve(void *context, u64 pfn, gpa_t *gpa, void **address)
{
	struct bus_controller *c = context;

	BUS_MUST(!c->locked);
	if (c->on_resolve != NULL)
		c->on_resolve(c);
	if (pfn >= c->g->pages || c->g->kinds[pfn] != BUS_RAM ||
		(c->allows != NULL && !c->allows(pfn)))
		return false;
	*gpa = GPA((u64)c->g->ram[pfn]);
	*address = c->g->ram[pfn];
	return true;
}

static u64 host_lock(void *context, struct vmbus_channel *channel)
{
	struct bus_controller *c = context;

	(void)channel;
	BUS_MUST(!c->locked);
	c->locked = true;
	return 42;
}

static void host_unlock(void *context, struct vmbus_channel *channel, u64 state)
{
	struct bus_controller *c = context;

	(void)channel;
	BUS_MUST(c->locked && state == 42);
	c->locked = false;
}

static void host_again(void *context, struct vmbus_channel *channel)
{
	struct bus_controller *c = context;

	BUS_MUST(c->locked);
	c->agains |= 1u << container_of(channel, struct storvsp_channel, c)->index;
}

static void host_look_later(void *context, struct vmbus_channel *channel)
{
	struct bus_controller *c = context;

	BUS_MUST(!c->locked);
	c->laters |= 1u << container_of(channel, struct storvsp_channel, c)->index;
}

static void host_want_channels(void *context, struct storvsp *s, u32 count)
{
	struct bus_controller *c = context;

	BUS_MUST(s == &c->s && count <= s->max_subchannels);
	c->wanted = count;
}

static void host_lun_left(void *context, struct storvsp *s, u32 lun)
{
	struct bus_controller *c = context;

	BUS_MUST(s == &c->s && !c->locked && lun < STORVSP_LUNS);
	BUS_MUST(load_relaxed(&s->luns[lun]) == NULL && !storvsp_lun_busy(s, lun));
	c->lefts[lun]++;
}

void bus_controller_make(
	struct bus_controller *c, struct bus_guest *g, u8 instance, u32 max_subchannels)
{
	const struct guid guid = { { instance } };

	memset(c, 0, sizeof(*c));
	c->g = g;
	c->host = (struct storvsp_host){ .context = c,
		.alloc = bus_alloc,
		.free = bus_free,
		.resolve = host_resolve,
		.lock = host_lock,
		.unlock = host_unlock,
		.again = host_again,
		.want_channels = host_want_channels,
		.lun_left = host_lun_left };
	for (u32 i = 0; i < BUS_DISKS; i++)
		disk_init(&c->disks[i], g, (u8)(instance * BUS_DISKS + i));
	BUS_MUST(storvsp_create(&c->s, &c->host, &g->server, &guid, 40, max_subchannels) == 0);
	BUS_MUST(storvsp_set_lun(&c->s, 0, &c->disks[0].d) == 0);
}

void bus_controller_look_later(struct bus_controller *c)
{
	c->host.look_later = host_look_later;
}

void bus_controller_run(struct bus_controller *c)
{
	for (u32 turn = 0; c->agains != 0; turn++) {
		u32 agains = c->agains;

		BUS_MUST(turn < TURNS_MAX);
		c->agains = 0;
		for (u32 i = 0; i < STORVSP_CHANNELS_MAX; i++) {
			struct storvsp_channel *ch = c->s.channels[i];

			if (agains >> i & 1 && ch != NULL && ch->c.state == VMBUS_CHANNEL_OPEN)
				vmbus_server_signalled(&ch->c);
		}
		bus_attend(c->g);
	}
}

void bus_controller_drain(struct bus_controller *c)
{
	bool any;

	do {
		any = c->agains != 0;
		c->agains |= c->laters;
		c->laters = 0;
		bus_controller_run(c);
		for (u32 i = 0; i < BUS_DISKS; i++) {
			while (c->disks[i].count > c->disks[i].held) {
				bus_disk_end(&c->disks[i], c->disks[i].held, 0);
				any = true;
			}
		}
		bus_attend(c->g);
	} while (any);
}

void bus_controller_let_go(struct bus_controller *c)
{
	for (u32 i = 0; i < BUS_DISKS; i++)
		c->disks[i].held = 0;
	bus_controller_drain(c);
}

/* ---- the guest ---- */

int bus_vstor_write(struct bus_end *e, u64 id, const struct vstor_packet *p, const u64 *pfns,
	u32 count, u32 offset, u32 length)
{
	const u32 head[4] = { 0, 1, length, offset };
	_Alignas(8) u8 bytes[16 + 8 * 257];
	struct vmbus_message m = { .type = VMBUS_PACKET_INBAND,
		.flags = VMBUS_PACKET_WANTS_COMPLETION,
		.transaction = id,
		.payload = { p, sizeof(*p) } };

	BUS_MUST(count <= 257);
	if (count > 0) {
		memcpy(bytes, head, sizeof(head));
		memcpy(bytes + sizeof(head), pfns, 8ul * count);
		m.type = VMBUS_PACKET_GPA_DIRECT;
		m.header = (struct vmbus_part){ bytes, 16 + 8 * count };
	}
	return bus_end_write(e, &m);
}

u64 bus_vstor_answer(struct bus_end *e, struct vstor_packet *p)
{
	struct vmbus_packet packet;
	_Alignas(8) u8 buf[128];

	if (bus_end_read(e, &packet, buf, sizeof(buf)) != 1)
		return 0;
	/* As much as Linux has room for. */
	BUS_MUST(packet.length == 80 && packet.header == 16);
	memcpy(p, buf + packet.header, sizeof(*p));
	if (packet.transaction != 0)
		return packet.type == VMBUS_PACKET_COMPLETION ? packet.transaction : 0;
	return ~0ull;
}

u32 bus_control(struct bus_end *e, u32 operation, u16 value)
{
	const struct vstor_packet p = { .operation = operation, .flags = 1, .version = value };
	struct vstor_packet answer;

	if (bus_vstor_write(e, BUS_INIT_ID, &p, NULL, 0, 0, 0) < 0 ||
		bus_vstor_answer(e, &answer) != BUS_INIT_ID)
		return ~0u;
	return answer.status;
}

bool bus_vstor_begin(struct bus_end *e)
{
	return bus_control(e, VSTOR_BEGIN_INITIALIZATION, 0) == 0 &&
	       bus_control(e, VSTOR_QUERY_PROTOCOL_VERSION, VSTOR_VERSION_6_2) == 0 &&
	       bus_control(e, VSTOR_QUERY_PROPERTIES, 0) == 0 &&
	       bus_control(e, VSTOR_END_INITIALIZATION, 0) == 0;
}

struct vstor_packet bus_srb(u8 lun, u8 direction, u32 length, const u8 *cdb, u8 size)
{
	struct vstor_packet p = { .operation = VSTOR_EXECUTE_SRB,
		.flags = 1,
		.srb = { .length = sizeof(p.srb),
			.lun = lun,
			.cdb_length = size,
			.sense_length = VSTOR_SENSE_ROOM,
			.direction = direction,
			.transfer_length = length } };

	memcpy(p.srb.cdb_or_sense, cdb, size);
	return p;
}

int bus_io(struct bus_end *e, u64 id, bool write, u32 sector, u32 count, u32 page)
{
	const u8 cdb[10] = { write ? 0x2a : 0x28, 0, 0, 0, (u8)(sector >> 8), (u8)sector, 0,
		(u8)(count >> 8), (u8)count, 0 };
	struct vstor_packet p = bus_srb(0, write ? VSTOR_WRITE : VSTOR_READ, count * 512, cdb, 10);
	u32 pages = (count * 512 + BUS_PAGE - 1) / BUS_PAGE;
	u64 pfns[257];

	BUS_MUST(pages >= 1 && pages <= 257);
	for (u32 i = 0; i < pages; i++)
		pfns[i] = page + i;
	return bus_vstor_write(e, id, &p, pfns, pages, 0, count * 512);
}

/* One that ends well. */
static bool one_io(
	struct bus_controller *c, struct bus_end *e, u64 id, bool write, u32 sector, u32 page)
{
	struct vstor_packet p;

	if (bus_io(e, id, write, sector, 8, page) < 0)
		return false;
	bus_controller_drain(c);
	return bus_vstor_answer(e, &p) == id && p.operation == VSTOR_COMPLETE_IO &&
	       p.srb.srb_status == SRB_SUCCESS && p.srb.transfer_length == 4096;
}

bool bus_disk_works(struct bus_controller *c, struct bus_end *e, u64 id, u32 sector, u32 page)
{
	u8 *from = c->g->ram[page], *to = c->g->ram[page + 1];
	struct vstor_packet p;

	for (u32 i = 0; i < BUS_PAGE; i++)
		from[i] = (u8)(id * 13 + i);
	memset(to, 0, BUS_PAGE);
	return one_io(c, e, id, true, sector, page) &&
	       one_io(c, e, id + 1, false, sector, page + 1) && memcmp(from, to, BUS_PAGE) == 0 &&
	       bus_vstor_answer(e, &p) == 0;
}
