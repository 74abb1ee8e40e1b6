/* SPDX-License-Identifier: MIT */
/*
 * See ahci_fake.h. AHCI 1.3.1.
 */
#include "tests/unit/ahci_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "rootpart/drivers/ahci/ahci_regs.h"
#include "tests/unit/disk_machine.h"
#include "tests/unit/fake/fake.h"

struct ahci_fake ahci_fake;

static u8 window[0x1000];
static struct ahci_fake *const h = &ahci_fake;

volatile void *pci_map(const struct pci_device *dev, u32 bar, u64 offset, u64 size)
{
	assert_ptr_equal(dev, &machine_pci);
	assert_true(bar == 5 && offset == 0 && size <= sizeof(window));
	return window;
}

static void raise(u32 i, u32 bits)
{
	h->port[i].is |= bits;
}

static void update(void)
{
	for (u32 i = 0; i < AHCI_FAKE_PORTS; i++)
		if ((h->port[i].is & h->port[i].ie) != 0)
			h->is |= 1u << i;
}

static bool line(void)
{
	if (h->storm != 0) {
		raise(h->storm - 1, PORT_IS_QUEUED);
		update();
	}
	return (h->ghc & GHC_INTERRUPT) != 0 && h->is != 0;
}

static void device_reset(u32 i)
{
	struct ahci_fake_port *p = &h->port[i];

	p->resets++;
	p->ci = p->sact = p->queued = 0;
	p->broken = p->mute = false;
	if (p->dead_on_reset && p->resets > 1)
		p->disk.present = false;
	p->ssts = p->disk.present ? 0x123 : 0;
	p->tfd = p->disk.present && !p->forget_resets ? 0x50 : 0x7f;
	p->sig = p->disk.present ? (p->disk.packet ? SIGNATURE_PACKET : SIGNATURE_DISK) : ~0u;
}

static void adapter_reset(void)
{
	h->adapter_resets++;
	if (h->reset_sticks)
		return;
	h->ghc = (u32)GHC_AHCI;
	h->is = 0;
	for (u32 i = 0; i < AHCI_FAKE_PORTS; i++) {
		struct ahci_fake_port *p = &h->port[i];

		p->is = p->ie = p->cmd = p->sctl = p->serr = 0;
		p->list = p->list_hi = p->received = p->received_hi = 0;
		p->stuck = false;
		device_reset(i);
	}
}

static u32 *port_register(struct ahci_fake_port *p, u32 reg)
{
	switch (reg) {
	case PORT_CLB:
		return &p->list;
	case PORT_CLBU:
		return &p->list_hi;
	case PORT_FB:
		return &p->received;
	case PORT_FBU:
		return &p->received_hi;
	case PORT_IS:
		return &p->is;
	case PORT_IE:
		return &p->ie;
	case PORT_CMD:
		return &p->cmd;
	case PORT_TFD:
		return &p->tfd;
	case PORT_SIG:
		return &p->sig;
	case PORT_SSTS:
		return &p->ssts;
	case PORT_SCTL:
		return &p->sctl;
	case PORT_SERR:
		return &p->serr;
	case PORT_SACT:
		return &p->sact;
	case PORT_CI:
		return &p->ci;
	default:
		fail_msg("port register %x", reg);
		return NULL;
	}
}

static u32 *hba_register(u32 reg)
{
	switch (reg) {
	case AHCI_CAP:
		return &h->cap;
	case AHCI_GHC:
		return &h->ghc;
	case AHCI_IS:
		return &h->is;
	case AHCI_PI:
		return &h->pi;
	case AHCI_CAP2:
		return &h->cap2;
	case AHCI_BOHC:
		return &h->bohc;
	default:
		fail_msg("register %x", reg);
		return NULL;
	}
}

static u32 load(const volatile void *address)
{
	u64 offset = (u64)((const volatile u8 *)address - window);

	assert_true(offset < sizeof(window));
	if (h->gone)
		return ~0u;
	if (offset < 0x100)
		return *hba_register((u32)offset);
	return *port_register(&h->port[(offset - 0x100) / 0x80], (offset - 0x100) % 0x80);
}

static void write_command(struct ahci_fake_port *p, u32 v)
{
	bool was = (p->cmd & CMD_START) != 0;

	if ((v & CMD_FIS) != 0)
		assert_true(p->received != 0 && p->list % 1024 == 0 && p->received % 256 == 0);
	if ((v & CMD_START) != 0 && !was)
		assert_true((v & CMD_FIS) != 0 && (p->tfd & 0x88) == 0 && (p->cmd & CMD_RUNS) == 0);
	v &= ~(u32)(CMD_RUNS | CMD_FIS_RUNS);
	if ((v & CMD_START) != 0 || (was && p->stuck))
		v |= (u32)CMD_RUNS;
	if ((v & CMD_FIS) != 0)
		v |= (u32)CMD_FIS_RUNS;
	if ((v & CMD_START) == 0 && was)
		p->ci = p->sact = p->queued = 0;
	if ((v & CMD_START) == 0)
		p->stopped = false;
	p->cmd = v;
}

static void port_store(u32 i, u32 reg, u32 v)
{
	struct ahci_fake_port *p = &h->port[i];

	switch (reg) {
	case PORT_IS:
		p->is &= ~v;
		break;
	case PORT_SERR:
		p->serr &= ~v;
		break;
	case PORT_CMD:
		write_command(p, v);
		break;
	case PORT_SACT:
		assert_int_equal(p->sact & v, 0);
		p->sact |= v;
		break;
	case PORT_CI:
		assert_true((p->cmd & CMD_START) != 0);
		assert_int_equal(p->ci & v, 0);
		p->ci |= v;
		break;
	case PORT_SCTL:
		if ((p->sctl & 0xf) == 1 && (v & 0xf) == 0)
			device_reset(i);
		p->sctl = v;
		break;
	case PORT_CLB:
	case PORT_FB:
		assert_int_equal(p->cmd & CMD_FIS, 0);
		*port_register(p, reg) = v;
		break;
	default:
		*port_register(p, reg) = v;
		break;
	}
}

static void store(volatile void *address, u32 v)
{
	u64 offset = (u64)((volatile u8 *)address - window);

	assert_true(offset < sizeof(window));
	if (h->gone)
		return;
	if (offset >= 0x100) {
		port_store((u32)(offset - 0x100) / 0x80, (offset - 0x100) % 0x80, v);
	} else if (offset == AHCI_IS) {
		h->is &= ~v;
		update();
	} else if (offset == AHCI_GHC) {
		h->ghc = v;
		if (v & GHC_RESET)
			adapter_reset();
	} else {
		*hba_register((u32)offset) = v;
	}
}

/* A command as it stands in memory. */
struct command {
	struct ahci_header *header;
	struct ahci_table *table;
	u32 entries;
	u64 lba;
	u16 features, count;
	u8 command;
};

static struct command fetch(struct ahci_fake_port *p, u32 slot)
{
	struct ahci_header *list =
		machine_dma(p->list | (u64)p->list_hi << 32, AHCI_SLOTS * sizeof(*list));
	struct command c = { .header = &list[slot], .entries = list[slot].flags >> 16 };
	const u8 *f;

	assert_int_equal(list[slot].flags & 0x1f, 5);
	assert_int_equal(list[slot].table % 128, 0);
	c.table = machine_dma(list[slot].table, 128 + 16ull * c.entries);
	f = c.table->fis;
	assert_true(f[0] == 0x27 && f[1] == 0x80);
	c.command = f[2];
	c.features = (u16)(f[3] | f[11] << 8);
	c.count = (u16)(f[12] | f[13] << 8);
	c.lba = f[4] | (u64)f[5] << 8 | (u64)f[6] << 16 | (u64)f[8] << 24 | (u64)f[9] << 32 |
		(u64)f[10] << 40;
	return c;
}

/* Moves @bytes between @data and the command's list. */
static void move(struct ahci_fake_port *p, struct command *c, u8 *data, u64 bytes, bool to_host)
{
	u64 done = 0;

	assert_int_equal((c->header->flags & HEADER_WRITE) == 0, to_host || bytes == 0);
	if (p->short_data)
		bytes /= 2;
	for (u32 i = 0; i < c->entries && done < bytes; i++) {
		struct ahci_entry *e = &c->table->entries[i];
		u64 n = MIN((u64)(e->last & 0x3fffff) + 1, bytes - done);
		u8 *memory = machine_dma(e->address, n);

		assert_true(e->address % 2 == 0 && (e->last & 1) != 0);
		if (to_host)
			memcpy(memory, data + done, n);
		else
			memcpy(data + done, memory, n);
		done += n;
	}
	assert_int_equal(done, bytes);
	c->header->bytes = (u32)done;
}

static bool transfer(
	struct ahci_fake_port *p, struct command *c, u64 sector, u64 count, bool to_host)
{
	struct ata_fake *d = &p->disk;

	if (!ata_fake_range(d, sector, count) || ata_fake_is_bad(d, sector, count))
		return false;
	move(p, c, ata_fake_at(d, sector), count * d->sector_size, to_host);
	return true;
}

static bool packet(struct ahci_fake_port *p, struct command *c)
{
	u8 answer[64];
	u64 sector = 0;
	u32 bytes, count;

	assert_true((c->header->flags & HEADER_PACKET) != 0);
	if (ata_fake_packet(&p->disk, c->table->packet, answer, &bytes, &sector, &count) != 0)
		return false;
	if (count != 0)
		move(p, c, p->disk.data + sector * 2048, count * 2048ull, true);
	else
		move(p, c, answer, bytes, true);
	return true;
}

static bool read_log(struct ahci_fake_port *p, struct command *c)
{
	u8 log[512] = { 0 };
	u8 sum = 0;

	assert_true(c->lba == 0x10 && c->count == 1);
	p->log_reads++;
	if (p->no_log)
		return false;
	p->broken = false;
	log[0] = (u8)(p->bad_log ? 31 : p->failed);
	log[2] = 0x41;
	log[3] = 0x40;
	for (u32 i = 0; i < 511; i++)
		sum = (u8)(sum + log[i]);
	log[511] = (u8)-sum;
	move(p, c, log, 512, true);
	return true;
}

static bool trim(struct ahci_fake_port *p, struct command *c)
{
	u64 ranges[64];

	assert_true(c->features == 1 && c->count == 1);
	move(p, c, (u8 *)ranges, 512, false);
	ata_fake_trim(&p->disk, ranges);
	return true;
}

static bool identify(struct ahci_fake_port *p, struct command *c)
{
	u16 words[256];

	ata_fake_identify(&p->disk, words);
	move(p, c, (u8 *)words, 512, true);
	return true;
}

/* False: the command fails. */
static bool execute(struct ahci_fake_port *p, struct command *c)
{
	u64 count = c->count != 0 ? c->count : 65536;

	p->commands++;
	if (p->broken && c->command != 0x2f)
		return false;
	switch (c->command) {
	case 0xec:
		return !p->disk.packet && identify(p, c);
	case 0xa1:
		return p->disk.packet && identify(p, c);
	case 0xa0:
		return packet(p, c);
	case 0x2f:
		return read_log(p, c);
	case 0x06:
		return trim(p, c);
	case 0xea:
	case 0xe7:
		p->disk.flushes++;
		return true;
	case 0x25:
	case 0x35:
		return transfer(p, c, c->lba, count, c->command == 0x25);
	case 0x60:
	case 0x61:
		return transfer(
			p, c, c->lba, c->features != 0 ? c->features : 65536, c->command == 0x60);
	default:
		return false;
	}
}

static void error(u32 i, u32 slot, bool queued)
{
	struct ahci_fake_port *p = &h->port[i];

	p->tfd = 0x4041;
	p->stopped = true;
	if (queued) {
		p->broken = true;
		p->failed = slot;
		p->queued &= ~(1u << slot);
	} else if (p->clears_ci) {
		p->ci &= ~(1u << slot);
	}
	raise(i, (u32)PORT_IS_TASK_FILE | (queued ? PORT_IS_QUEUED : PORT_IS_DEVICE));
}

static bool link_error(u32 i)
{
	struct ahci_fake_port *p = &h->port[i];

	if (p->link_errors == 0)
		return false;
	p->link_errors--;
	p->serr = 0x400;
	p->tfd = 0xd0;
	raise(i, (u32)PORT_IS_LINK);
	return true;
}

static void finish(u32 i, u32 slot, bool queued)
{
	struct ahci_fake_port *p = &h->port[i];
	struct command c = fetch(p, slot);

	if (link_error(i))
		return;
	if (!execute(p, &c)) {
		error(i, slot, queued);
		return;
	}
	if (queued) {
		p->sact &= ~(1u << slot);
		p->queued &= ~(1u << slot);
	} else {
		p->ci &= ~(1u << slot);
		p->tfd = 0x50;
	}
	raise(i, queued ? PORT_IS_QUEUED : PORT_IS_DEVICE);
}

/* Takes issued commands; queued ones stay with the device. */
static bool take(u32 i)
{
	struct ahci_fake_port *p = &h->port[i];
	u32 slot = (u32)__builtin_ctz(p->ci);
	struct command c = fetch(p, slot);

	if (c.command != 0x60 && c.command != 0x61) {
		assert_int_equal(p->sact | p->queued, 0);
		assert_int_equal(p->ci, 1u << slot);
		finish(i, slot, false);
		return true;
	}
	assert_int_equal(c.count >> 3, slot);
	assert_true((p->sact & (1u << slot)) != 0 && p->disk.queue_depth > slot);
	p->ci &= ~(1u << slot);
	p->queued |= 1u << slot;
	return true;
}

static bool port_step(u32 i)
{
	struct ahci_fake_port *p = &h->port[i];

	if ((p->cmd & CMD_RUNS) == 0 || p->silent || p->mute || (p->tfd & 0x80) != 0 || p->stopped)
		return false;
	if (p->ci != 0)
		return take(i);
	if (p->queued != 0 && !p->hold && !p->broken) {
		u32 slot = (u32)(p->backwards ? 31 - __builtin_clz(p->queued)
					      : __builtin_ctz(p->queued));

		finish(i, slot, true);
		return true;
	}
	if (p->answer_twice > 0) {
		p->answer_twice--;
		raise(i, PORT_IS_QUEUED | PORT_IS_DEVICE);
		return true;
	}
	return false;
}

static bool device(void)
{
	bool some = false;

	for (u32 i = 0; i < AHCI_FAKE_PORTS; i++)
		some |= port_step(i);
	update();
	return some;
}

void ahci_fake_reset(void)
{
	for (u32 i = 0; i < AHCI_FAKE_PORTS; i++)
		ata_fake_free(&h->port[i].disk);
	*h = (struct ahci_fake){
		.cap = (u32)(CAP_64 | CAP_NCQ) | 31 << 8 | (AHCI_FAKE_PORTS - 1),
		.pi = (1u << AHCI_FAKE_PORTS) - 1,
	};
	machine_reset();
	machine_device = device;
	machine_line = line;
	machine_pci = (struct pci_device){ .class_code = 1, .subclass = 6, .interface = 1 };
	machine_pci.bar[5] = (struct pci_bar){ PCI_BAR_MEMORY, 0xfebf0000, sizeof(window) };
	fake_on_mmio_read = load;
	fake_on_mmio_write = store;
}
