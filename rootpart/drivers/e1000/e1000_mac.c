/* SPDX-License-Identifier: MIT */
/*
 * The device's MAC address, from the registers that it loads at reset or from its
 * EEPROM, and its PHY.
 */
#include "base/errno.h"
#include "rootpart/drivers/e1000/e1000.h"
#include "rootpart/task.h"
#include "rootpart/time.h"

#define MULTICAST BIT(0) /* of the first byte */
#define LIMIT_NS  (10 * NS_PER_MS)
#define STEP_NS   (50 * NS_PER_US)

static bool is_valid(const u8 *mac)
{
	u32 any = 0;

	for (u32 i = 0; i < 6; i++)
		any |= mac[i];
	return any != 0 && !(mac[0] & MULTICAST);
}

/* Waits until a bit of @mask of @reg is set; what it reads then, or 0. */
static u32 wait_for_bit(const struct e1000 *e, u32 reg, u32 mask)
{
	u64 deadline = time_ns() + LIMIT_NS;

	for (;;) {
		u32 v = e1000_read(e, reg);

		if (v & mask)
			return v;
		if (time_ns() >= deadline)
			return 0;
		task_sleep_ns(STEP_NS);
	}
}

static bool read_eeprom(const struct e1000 *e, u32 word, u16 *out)
{
	bool pcie = e->model->quirks & E1000_PCIE;
	u32 shift = pcie ? EERD_PCIE_ADDR_SHIFT : EERD_ADDR_SHIFT;
	u32 v;

	e1000_write(e, E1000_EERD, (u32)EERD_START | word << shift);
	v = wait_for_bit(e, E1000_EERD, pcie ? EERD_PCIE_DONE : EERD_DONE);
	*out = (u16)(v >> EERD_DATA_SHIFT);
	return v != 0;
}

static bool mac_from_registers(const struct e1000 *e, u8 *mac)
{
	u32 low = e1000_read(e, E1000_RAL(0));
	u32 high = e1000_read(e, E1000_RAH(0));

	for (u32 i = 0; i < 4; i++)
		mac[i] = (u8)(low >> 8 * i);
	mac[4] = (u8)high;
	mac[5] = (u8)(high >> 8);
	return (high & RAH_AV) && is_valid(mac);
}

static bool mac_from_eeprom(const struct e1000 *e, u8 *mac)
{
	for (u32 i = 0; i < 3; i++) {
		u16 word;

		if (!read_eeprom(e, i, &word))
			return false;
		mac[2 * i] = (u8)word;
		mac[2 * i + 1] = (u8)(word >> 8);
	}
	return is_valid(mac);
}

int e1000_read_mac(const struct e1000 *e, u8 *mac)
{
	return mac_from_registers(e, mac) || mac_from_eeprom(e, mac) ? 0 : -EIO;
}

static u32 phy_access(const struct e1000 *e, u32 command)
{
	e1000_write(e, E1000_MDIC, (u32)MDIC_PHY_1 | PHY_CONTROL << MDIC_REG_SHIFT | command);
	return wait_for_bit(e, E1000_MDIC, MDIC_READY | MDIC_ERROR);
}

void e1000_wake_phy(const struct e1000 *e)
{
	u32 v = phy_access(e, MDIC_READ);

	if (!(v & MDIC_READY) || (v & MDIC_ERROR) ||
		!(v & (PHY_CONTROL_DOWN | PHY_CONTROL_ISOLATE)))
		return;
	v &= 0xffffu & ~(u32)(PHY_CONTROL_DOWN | PHY_CONTROL_ISOLATE);
	(void)phy_access(e, MDIC_WRITE | PHY_CONTROL_AUTO | PHY_CONTROL_RESTART | v);
}
