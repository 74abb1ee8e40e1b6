/* SPDX-License-Identifier: MIT */
/*
 * The IOAPICs' registers and the state of their pins. Level pins are masked
 * from the physical interrupt to the virtual EOI, so that the physical APIC
 * is done with them at once and a slow VP blocks nobody.
 * Pins are set up on any processor under irq.c's map lock; the rest runs in
 * interrupts and EOI exits, any processor. 82093AA data sheet.
 */
#include "hypervisor/ioapic.h"

#include "base/assert.h"
#include "hypervisor/log.h"
#include "hypervisor/paging.h"
#include "hypervisor/platform.h"
#include "hypervisor/pool.h"
#include "x86/apic.h"
#include "x86/atomic.h"
#include "x86/mmio.h"
#include "x86/spinlock.h"

#define MAX_PINS 240u /* the version register has room for them */

struct pin {
	struct vp *vp; /* NULL: not routed */
	u32 rte_low;   /* unmasked */
	u8 vector;     /* virtual */
};

static_assert(MAX_PINS * sizeof(struct pin) <= PAGE_SIZE);

struct ioapic {
	volatile u8 *regs;
	u32 id;
	u32 pin_count;
	struct spinlock lock; /* of all below, and of the register pair */
	struct pin *pins;
	u64 waiting[(MAX_PINS + 63) / 64]; /* pins masked until the virtual EOI */
};

static struct ioapic ioapics[PLATFORM_MAX_IOAPICS];
static u32 ioapic_count;
static u32 waiting_total; /* bits set in all waiting[]; atomic */

static u32 reg_read(struct ioapic *io, u32 reg)
{
	mmio_write32(io->regs + IOAPIC_REG_SELECT, reg);
	return mmio_read32(io->regs + IOAPIC_REG_WINDOW);
}

static void reg_write(struct ioapic *io, u32 reg, u32 v)
{
	mmio_write32(io->regs + IOAPIC_REG_SELECT, reg);
	mmio_write32(io->regs + IOAPIC_REG_WINDOW, v);
}

static void rte_low_write(struct ioapic *io, u32 pin, u32 v)
{
	reg_write(io, IOAPIC_RTE(pin), v);
}

static void ioapic_open(struct ioapic *io, const struct platform_ioapic *p)
{
	u32 last;

	io->regs = paging_map_device(p->address, PAGE_SIZE);
	io->id = p->id;
	last = (reg_read(io, IOAPIC_VERSION) >> 16) & 0xff;
	io->pin_count = MIN(last + 1, MAX_PINS);
	io->pins = pool_alloc(1);
	assert(io->pins);
	for (u32 pin = 0; pin < io->pin_count; pin++)
		rte_low_write(io, pin, (u32)IOAPIC_RTE_MASKED);
	log_info("ioapic: id=%u gsi=%u pins=%u", io->id, p->gsi_base, io->pin_count);
}

void ioapic_init(const struct platform *p)
{
	ioapic_count = p->ioapic_count;
	for (u32 i = 0; i < ioapic_count; i++)
		ioapic_open(&ioapics[i], &p->ioapics[i]);
}

int ioapic_find(u32 id)
{
	for (u32 i = 0; i < ioapic_count; i++)
		if (ioapics[i].id == id)
			return (int)i;
	return IOAPIC_NONE;
}

u32 ioapic_pin_count(u32 index)
{
	return ioapics[index].pin_count;
}

bool ioapic_pin_used(u32 index, u32 pin)
{
	return ioapics[index].pins[pin].vp;
}

/* The pin's bit in waiting[] as asked; lock held. */
static void waiting_set(struct ioapic *io, u32 pin, bool on)
{
	u64 *word = &io->waiting[pin / 64];

	if (!!(*word & BIT(pin % 64)) == on)
		return;
	*word ^= BIT(pin % 64);
	/* Partner: the load in ioapic_virtual_eoi(), ordered by IRR and ISR. */
	atomic_fetch_add(&waiting_total, on ? 1u : ~0u);
}

void ioapic_route(u32 index, u32 pin, u64 rte, struct vp *vp, u8 vector)
{
	struct ioapic *io = &ioapics[index];

	spin_lock(&io->lock);
	io->pins[pin] = (struct pin){ .vp = vp, .rte_low = (u32)rte, .vector = vector };
	reg_write(io, IOAPIC_RTE(pin) + 1, (u32)(rte >> 32));
	rte_low_write(io, pin, (u32)rte);
	spin_unlock(&io->lock);
}

void ioapic_release(u32 index, u32 pin)
{
	struct ioapic *io = &ioapics[index];

	spin_lock(&io->lock);
	rte_low_write(io, pin, (u32)IOAPIC_RTE_MASKED);
	waiting_set(io, pin, false);
	io->pins[pin].vp = NULL;
	spin_unlock(&io->lock);
}

void ioapic_wait(u32 index, u32 pin)
{
	struct ioapic *io = &ioapics[index];

	spin_lock(&io->lock);
	/* A pin released meanwhile is masked already and waits for nobody. */
	if (io->pins[pin].vp) {
		rte_low_write(io, pin, io->pins[pin].rte_low | (u32)IOAPIC_RTE_MASKED);
		waiting_set(io, pin, true);
	}
	spin_unlock(&io->lock);
}

static void pins_unmask(struct ioapic *io, const struct vp *vp, u8 vector)
{
	for (u32 word = 0; word < ARRAY_SIZE(io->waiting); word++) {
		for (u64 bits = io->waiting[word]; bits; bits &= bits - 1) {
			u32 pin = word * 64 + (u32)__builtin_ctzll(bits);

			if (io->pins[pin].vp != vp || io->pins[pin].vector != vector)
				continue;
			waiting_set(io, pin, false);
			rte_low_write(io, pin, io->pins[pin].rte_low);
		}
	}
}

void ioapic_virtual_eoi(struct vp *vp, u8 vector)
{
	/*
	 * Partner: waiting_set(), which came before the interrupt became
	 * pending at this VP.
	 */
	if (likely(!load_relaxed(&waiting_total)))
		return;
	for (u32 i = 0; i < ioapic_count; i++) {
		spin_lock(&ioapics[i].lock);
		pins_unmask(&ioapics[i], vp, vector);
		spin_unlock(&ioapics[i].lock);
	}
}
