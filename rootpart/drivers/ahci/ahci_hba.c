/* SPDX-License-Identifier: MIT */
/*
 * The adapter as a whole: from the firmware to us, reset, interrupts. AHCI
 * 1.3.1, 10.1.2, 10.4.3, 10.6.3.
 */
#include "base/errno.h"
#include "rootpart/drivers/ahci/ahci.h"
#include "rootpart/task.h"
#include "rootpart/time.h"

#define POLL_NS         (20 * NS_PER_US)
#define RESET_NS        NS_PER_S
#define HANDOFF_NS      (25 * NS_PER_MS)
#define HANDOFF_BUSY_NS (2 * NS_PER_S)

int ahci_wait(const volatile u8 *reg, u32 mask, u32 value, u64 deadline_ns)
{
	while ((mmio_read32(reg) & mask) != value) {
		if (time_ns() >= deadline_ns)
			return -ETIMEDOUT;
		task_sleep_ns(POLL_NS);
	}
	return 0;
}

/* Firmware that does not let go in time has lost it. */
static void handoff(struct ahci *h)
{
	if ((hba_read(h, AHCI_CAP2) & CAP2_HANDOFF) == 0)
		return;
	hba_write(h, AHCI_BOHC, hba_read(h, AHCI_BOHC) | (u32)BOHC_OS);
	if (ahci_wait(h->regs + AHCI_BOHC, BOHC_BIOS, 0, time_ns() + HANDOFF_NS) != 0 &&
		(hba_read(h, AHCI_BOHC) & BOHC_BUSY) != 0)
		(void)ahci_wait(h->regs + AHCI_BOHC, BOHC_BIOS, 0, time_ns() + HANDOFF_BUSY_NS);
}

static u32 ports_mapped(const struct ahci *h)
{
	u64 ports = (h->regs_size - AHCI_PORT(0)) / AHCI_PORT_SIZE;

	return ports < AHCI_PORTS ? (u32)BIT(ports) - 1 : ~0u;
}

int ahci_hba_reset(struct ahci *h)
{
	int error;

	if (hba_read(h, AHCI_CAP) == ~0u)
		return -ENODEV;
	hba_write(h, AHCI_GHC, (u32)GHC_AHCI);
	handoff(h);
	hba_write(h, AHCI_GHC, (u32)(GHC_AHCI | GHC_RESET));
	error = ahci_wait(h->regs + AHCI_GHC, GHC_RESET, 0, time_ns() + RESET_NS);
	if (error != 0)
		return error;
	hba_write(h, AHCI_GHC, (u32)GHC_AHCI);
	h->capabilities = hba_read(h, AHCI_CAP);
	h->implemented = hba_read(h, AHCI_PI) & ports_mapped(h);
	return h->implemented != 0 && h->capabilities != ~0u ? 0 : -ENODEV;
}

void ahci_hba_listen(struct ahci *h)
{
	hba_write(h, AHCI_IS, ~0u);
	hba_write(h, AHCI_GHC, (u32)(GHC_AHCI | GHC_INTERRUPT));
}
