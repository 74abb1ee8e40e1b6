/* SPDX-License-Identifier: MIT */
/*
 * See ide_fake.h.
 */
#include "tests/unit/ide_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rootpart/drivers/ata/ide_regs.h"
#include "tests/unit/disk_machine.h"
#include "tests/unit/fake/fake.h"

#define MASTER_PORT 0xc000u
#define NATIVE_PORT 0xd000u

struct ide_fake ide_fake;

static struct ide_fake *const f = &ide_fake;

static bool any(const struct ide_fake_channel *c)
{
	return c->device[0].disk.present || c->device[1].disk.present;
}

static struct ide_fake_device *selected(struct ide_fake_channel *c)
{
	return &c->device[c->selected];
}

static void raise(struct ide_fake_channel *c, struct ide_fake_device *d)
{
	if ((c->control & IDE_NO_INTERRUPT) != 0 || d->lost_irq)
		return;
	if (!c->line)
		c->edge = true;
	c->line = true;
	c->master_status |= MASTER_INTERRUPT;
}

static void finish(struct ide_fake_channel *c, u8 status, u8 error)
{
	struct ide_fake_device *d = &c->device[c->runs];

	d->status = status;
	d->error = error;
	c->command = 0;
	c->wants_packet = false;
	raise(c, d);
}

static void signature(struct ide_fake_device *d)
{
	d->count = d->low = 1;
	d->mid = d->disk.packet ? 0x14 : 0;
	d->high = d->disk.packet ? 0xeb : 0;
	d->status = d->disk.packet ? 0 : 0x50;
	d->error = 1;
}

static void bus_reset(struct ide_fake_channel *c)
{
	c->command = 0;
	c->selected = 0;
	c->line = c->wants_packet = false;
	for (u32 i = 0; i < 2; i++) {
		struct ide_fake_device *d = &c->device[i];

		d->mute = false;
		if (d->gone_on_reset && d->resets > 0)
			d->disk.present = false;
		d->resets++;
		signature(d);
		if (d->silent && d->resets > 1)
			d->status = 0x80;
	}
}

/* Moves @bytes by the table of regions. */
static void move(struct ide_fake_channel *c, u8 *data, u64 bytes, bool to_memory)
{
	struct ide_region *r = machine_dma(c->master_table, 4096);
	u64 done = 0;
	u32 n;

	assert_int_equal(c->master_table % 4, 0);
	assert_int_equal((c->master_command & MASTER_TO_MEMORY) != 0, to_memory);
	if (c->device[c->runs].short_data)
		bytes /= 2;
	for (u32 i = 0; done < bytes; i++, done += n) {
		u8 *memory;
		bool whole;

		n = r[i].bytes != 0 ? r[i].bytes : 65536;
		assert_true(i < 512 && r[i].address % 2 == 0 && n % 2 == 0);
		assert_true((r[i].address & 0xffff) + n <= 65536);
		whole = n <= bytes - done;
		n = whole ? n : (u32)(bytes - done);
		memory = machine_dma(r[i].address, n);
		if (to_memory)
			memcpy(memory, data + done, n);
		else
			memcpy(data + done, memory, n);
		if ((r[i].flags & REGION_LAST) != 0 && whole) {
			assert_int_equal(done + n, bytes);
			c->master_status &= (u8)~MASTER_ACTIVE;
		}
	}
}

static bool master_runs(const struct ide_fake_channel *c)
{
	return (c->master_command & MASTER_START) != 0;
}

static bool is_ext(u8 command)
{
	return command == 0x25 || command == 0x35 || command == 0xea || command == 0x06;
}

static u64 lba_of(const struct ide_fake_channel *c, const struct ide_fake_device *d)
{
	u64 low = d->low | (u64)d->mid << 8 | (u64)d->high << 16;

	if (!is_ext(c->command))
		return low | (u64)(c->head & 0xf) << 24;
	return low | (u64)c->upper[2] << 24 | (u64)c->upper[3] << 32 | (u64)c->upper[4] << 40;
}

static u64 count_of(const struct ide_fake_channel *c, const struct ide_fake_device *d)
{
	u64 n = d->count | (is_ext(c->command) ? (u64)c->upper[1] << 8 : 0);

	return n != 0 ? n : (is_ext(c->command) ? 65536 : 256);
}

static bool transfer(struct ide_fake_channel *c, struct ide_fake_device *d, bool to_memory)
{
	u64 sector = lba_of(c, d), count = count_of(c, d);

	if (!ata_fake_range(&d->disk, sector, count) || ata_fake_is_bad(&d->disk, sector, count)) {
		finish(c, 0x51, 0x40);
		return true;
	}
	if (!master_runs(c))
		return false;
	move(c, ata_fake_at(&d->disk, sector), count * d->disk.sector_size, to_memory);
	finish(c, 0x50, 0);
	return true;
}

static bool trim(struct ide_fake_channel *c, struct ide_fake_device *d)
{
	u64 ranges[64];

	if (!master_runs(c))
		return false;
	assert_true(c->features == 1 && d->count == 1);
	move(c, (u8 *)ranges, 512, false);
	ata_fake_trim(&d->disk, ranges);
	finish(c, 0x50, 0);
	return true;
}

/* Data that the processor fetches, @chunk bytes at a time. */
static void give(struct ide_fake_channel *c, const void *data, u32 bytes, u32 chunk)
{
	struct ide_fake_device *d = &c->device[c->runs];

	free(c->out);
	c->out = malloc(bytes + 1);
	memcpy(c->out, data, bytes);
	c->out_bytes = bytes;
	c->out_at = 0;
	c->chunk = chunk;
	c->chunk_end = MIN(bytes, chunk);
	d->mid = (u8)c->chunk_end;
	d->high = (u8)(c->chunk_end >> 8);
	d->status = 0x58;
	raise(c, d);
}

static void identify(struct ide_fake_channel *c, struct ide_fake_device *d)
{
	u16 words[256];

	ata_fake_identify(&d->disk, words);
	give(c, words, 512, 512);
	c->command = 0;
}

static bool packet(struct ide_fake_channel *c, struct ide_fake_device *d)
{
	u32 chunk = d->mid | (u32)d->high << 8;
	u8 answer[64];
	u8 *data = answer;
	u32 bytes, count;
	u64 sector = 0;

	if (!c->wants_packet) {
		c->wants_packet = true;
		c->packet_bytes = 0;
		d->status = 0x58;
		return true;
	}
	if (c->packet_bytes < 12)
		return false;
	if (ata_fake_packet(&d->disk, c->packet, answer, &bytes, &sector, &count) != 0) {
		finish(c, 0x51, 0x20);
		return true;
	}
	if (count != 0) {
		data = d->disk.data + sector * 2048;
		bytes = count * 2048;
	}
	if (bytes == 0) {
		finish(c, 0x50, 0);
	} else if ((c->features & 1) != 0) {
		assert_true(d->disk.dma);
		if (!master_runs(c))
			return false;
		move(c, data, bytes, true);
		finish(c, 0x50, 0);
	} else {
		give(c, data, d->pours ? bytes + 2048 : bytes, chunk);
		c->command = 0;
		c->wants_packet = false;
		if (d->nothing)
			d->mid = d->high = 0;
	}
	return true;
}

static bool execute(struct ide_fake_channel *c, struct ide_fake_device *d)
{
	switch (c->command) {
	case 0xec:
	case 0xa1:
		if ((c->command == 0xa1) != d->disk.packet)
			finish(c, 0x51, 4);
		else
			identify(c, d);
		return true;
	case 0xa0:
		return packet(c, d);
	case 0x06:
		return trim(c, d);
	case 0xe7:
	case 0xea:
		d->disk.flushes++;
		finish(c, 0x50, 0);
		return true;
	case 0x25:
	case 0xc8:
		return transfer(c, d, true);
	case 0x35:
	case 0xca:
		return transfer(c, d, false);
	default:
		finish(c, 0x51, 4);
		return true;
	}
}

static bool device(void)
{
	bool some = false;

	for (u32 i = 0; i < 2; i++) {
		struct ide_fake_channel *c = &f->channel[i];
		struct ide_fake_device *d = &c->device[c->runs];

		if (c->command != 0 && !d->silent && !d->mute && !c->hold)
			some |= execute(c, d);
	}
	return some;
}

static bool line(void)
{
	bool level = false, edge = false;

	for (u32 i = 0; i < 2; i++) {
		struct ide_fake_channel *c = &f->channel[i];

		if (f->storm && i == 0 && (c->control & IDE_NO_INTERRUPT) == 0) {
			c->master_status |= MASTER_INTERRUPT;
			return true;
		}
		level |= c->line && (c->control & IDE_NO_INTERRUPT) == 0;
		edge |= c->edge;
		c->edge = false;
	}
	return f->native ? level : edge;
}

static u16 read_data(struct ide_fake_channel *c)
{
	struct ide_fake_device *d = selected(c);
	u16 v = 0;

	assert_true((d->status & 0x08) != 0 && c->out_at + 2 <= c->chunk_end);
	memcpy(&v, c->out + c->out_at, 2);
	c->out_at += 2;
	if (c->out_at < c->chunk_end)
		return v;
	if (c->out_at == c->out_bytes) {
		d->status = 0x50;
		return v;
	}
	c->chunk_end = MIN(c->out_bytes, c->out_at + c->chunk);
	d->mid = (u8)(c->chunk_end - c->out_at);
	d->high = (u8)((c->chunk_end - c->out_at) >> 8);
	return v;
}

static u8 read_register(struct ide_fake_channel *c, u32 reg)
{
	struct ide_fake_device *d = selected(c);

	if (!any(c))
		return f->empty_zero ? 0 : 0xff;
	if (!d->disk.present)
		return 0;
	switch (reg) {
	case IDE_ERROR:
		return d->error;
	case IDE_COUNT:
		return d->count;
	case IDE_LBA_LOW:
		return d->low;
	case IDE_LBA_MID:
		return d->mid;
	case IDE_LBA_HIGH:
		return d->high;
	case IDE_STATUS:
		c->line = false;
		return d->status;
	default:
		return 0;
	}
}

static void begin(struct ide_fake_channel *c, u8 command)
{
	struct ide_fake_device *d = selected(c);

	if (!d->disk.present)
		return;
	assert_int_equal(c->command, 0);
	assert_int_equal(d->status & 0x88, 0);
	d->status = 0x80;
	d->commands++;
	c->command = command;
	c->runs = c->selected;
	c->line = false;
}

/* Both devices take what is written. */
static void write_register(struct ide_fake_channel *c, u32 reg, u8 v)
{
	struct ide_fake_device *d = c->device;

	if (reg == IDE_COMMAND) {
		begin(c, v);
		return;
	}
	if (reg >= IDE_FEATURES && reg <= IDE_LBA_HIGH)
		c->upper[reg - 1] =
			reg == IDE_FEATURES ? c->features : (&d->count)[reg - IDE_COUNT];
	switch (reg) {
	case IDE_FEATURES:
		c->features = v;
		break;
	case IDE_COUNT:
		d[0].count = d[1].count = v;
		break;
	case IDE_LBA_LOW:
		d[0].low = d[1].low = v;
		break;
	case IDE_LBA_MID:
		d[0].mid = d[1].mid = v;
		break;
	case IDE_LBA_HIGH:
		d[0].high = d[1].high = v;
		break;
	case IDE_DEVICE:
		c->selected = (v >> 4) & 1;
		c->head = v;
		break;
	}
}

static void write_control(struct ide_fake_channel *c, u8 v)
{
	if ((c->control & IDE_RESET) != 0 && (v & IDE_RESET) == 0)
		bus_reset(c);
	c->control = v;
}

static void write_packet(struct ide_fake_channel *c, u16 v)
{
	assert_true(c->wants_packet && c->packet_bytes < 12);
	memcpy(c->packet + c->packet_bytes, &v, 2);
	c->packet_bytes += 2;
	if (c->packet_bytes == 12)
		c->device[c->runs].status = 0x80;
}

static void write_master(struct ide_fake_channel *c, u32 reg, u32 v)
{
	switch (reg) {
	case MASTER_COMMAND:
		if ((v & MASTER_START) != 0 && !master_runs(c))
			c->master_status |= MASTER_ACTIVE;
		if ((v & MASTER_START) == 0)
			c->master_status &= (u8)~MASTER_ACTIVE;
		c->master_command = (u8)v;
		break;
	case MASTER_STATUS:
		c->master_status &= (u8) ~(v & (MASTER_ERROR | MASTER_INTERRUPT));
		break;
	case MASTER_TABLE:
		c->master_table = v;
		break;
	default:
		fail_msg("master register %u", reg);
	}
}

/* Which channel's registers; control ports give 8. */
static struct ide_fake_channel *decode(u16 port, u32 *reg)
{
	for (u32 i = 0; i < 2; i++) {
		u16 command = (u16)(f->native ? NATIVE_PORT + 0x20 * i : 0x1f0 - 0x80 * i);
		u16 control = (u16)(f->native ? NATIVE_PORT + 0x12 + 0x20 * i : 0x3f6 - 0x80 * i);

		if (port >= command && port < command + 8) {
			*reg = port - command;
			return &f->channel[i];
		}
		if (port == control) {
			*reg = 8;
			return &f->channel[i];
		}
		if (port >= MASTER_PORT + 8 * i && port < MASTER_PORT + 8 * i + 8) {
			*reg = 16 + port - (MASTER_PORT + 8 * i);
			return &f->channel[i];
		}
	}
	fail_msg("port %x", port);
	return NULL;
}

static u32 in(u16 port, u32 size)
{
	u32 reg;
	struct ide_fake_channel *c = decode(port, &reg);

	if (reg >= 16)
		return reg == 16 + MASTER_STATUS ? c->master_status : c->master_command;
	if (reg == 8) {
		if (!any(c))
			return f->empty_zero ? 0 : 0xff;
		return selected(c)->disk.present ? selected(c)->status : 0;
	}
	assert_int_equal(size, reg == IDE_DATA ? 2 : 1);
	return reg == IDE_DATA ? read_data(c) : read_register(c, reg);
}

static void out(u16 port, u32 size, u32 v)
{
	u32 reg;
	struct ide_fake_channel *c = decode(port, &reg);

	if (reg >= 16)
		write_master(c, reg - 16, v);
	else if (reg == 8)
		write_control(c, (u8)v);
	else if (reg == IDE_DATA && size == 2)
		write_packet(c, (u16)v);
	else
		write_register(c, reg, (u8)v);
}

void ide_fake_reset(void)
{
	for (u32 i = 0; i < 2; i++) {
		free(f->channel[i].out);
		for (u32 d = 0; d < 2; d++)
			ata_fake_free(&f->channel[i].device[d].disk);
	}
	*f = (struct ide_fake){ 0 };
	machine_reset();
	machine_device = device;
	machine_line = line;
	machine_pci = (struct pci_device){ .class_code = 1, .subclass = 1, .interface = 0x80 };
	machine_pci.bar[4] = (struct pci_bar){ PCI_BAR_IO, MASTER_PORT, 16 };
	for (u32 i = 0; i < 2; i++) {
		machine_pci.bar[2 * i] = (struct pci_bar){ PCI_BAR_IO, NATIVE_PORT + 0x20 * i, 8 };
		machine_pci.bar[2 * i + 1] =
			(struct pci_bar){ PCI_BAR_IO, NATIVE_PORT + 0x10 + 0x20 * i, 4 };
	}
	fake_on_in = in;
	fake_on_out = out;
}
