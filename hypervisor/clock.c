/* SPDX-License-Identifier: MIT */
/*
 * Frequency of the TSC, measured against HPET or PM timer, and conversions by
 * multiplication with factors made once. Calibration runs on the boot
 * processor before any other is up, conversions anywhere.
 * IA-PC HPET specification 1.0a 2.3; ACPI 6.4, 4.8.3.3; TLFS 6.0b 12.
 */
#include "hypervisor/clock.h"

#include "hypervisor/log.h"
#include "hypervisor/paging.h"
#include "hypervisor/platform.h"
#include "x86/cpu.h"
#include "x86/io.h"
#include "x86/mmio.h"

#define HPET_CAPABILITIES 0x000u
#define HPET_CONFIG       0x010u
#define HPET_COUNTER      0x0f0u
#define HPET_ENABLE       BIT(0)
#define HPET_PERIOD_MAX   100000000u /* fs, by the specification */
#define FS_PER_SECOND     1000000000000000ull
#define NS_PER_SECOND     1000000000ull
#define PM_TIMER_HZ       3579545u

#define SAMPLES           4u
#define SAMPLE_DISTANCE   400u /* a second divided by it: 2.5 ms */
#define SAMPLE_TRIES      8u
#define TICK_READS        10000u /* more of them than any tick lasts */
#define WAIT_READS        2000000u
#define SHIFT             56u /* of the factors: fine for 4 MHz to 255 GHz */

u64 clock_tsc_hz;
u64 clock_boot_tsc;

static u64 ns_per_tsc; /* << SHIFT */
static u64 tsc_per_ns; /* << SHIFT */

/* A counter of known frequency. */
struct reference {
	const char *name;
	u64 hz;
	u32 mask; /* of the bits that count */
	u32 (*read)(void);
};

struct sample {
	u64 tsc;
	u64 gap; /* TSC ticks that the reading took: its uncertainty */
	u32 count;
};

static volatile u8 *hpet;
static u16 pm_port;

/* n / d for quotients that fit 64 bits; there is no 128-bit division to call. */
static u64 divide(unsigned __int128 n, u64 d)
{
	unsigned __int128 rest = 0;
	u64 q = 0;

	for (u32 bit = 128; bit-- > 0;) {
		rest = rest << 1 | (n >> bit & 1);
		q <<= 1;
		if (rest >= d) {
			rest -= d;
			q |= 1;
		}
	}
	return q;
}

static u32 hpet_read(void)
{
	return mmio_read32(hpet + HPET_COUNTER);
}

static u32 pm_timer_read(void)
{
	return in32(pm_port);
}

static bool hpet_open(const struct platform *p, struct reference *r)
{
	u32 period;

	if (!p->hpet_address)
		return false;
	hpet = paging_map_device(p->hpet_address, PAGE_SIZE);
	period = mmio_read32(hpet + HPET_CAPABILITIES + 4);
	if (!period || period > HPET_PERIOD_MAX)
		return false;
	mmio_write32(hpet + HPET_CONFIG, mmio_read32(hpet + HPET_CONFIG) | (u32)HPET_ENABLE);
	*r = (struct reference){ "hpet", FS_PER_SECOND / period, ~0u, hpet_read };
	return true;
}

static bool pm_timer_open(const struct platform *p, struct reference *r)
{
	if (!p->pm_timer_port)
		return false;
	pm_port = (u16)p->pm_timer_port;
	/* 24 bits wrap after 4.7 s; a 32-bit timer is no better for this. */
	*r = (struct reference){ "pm-timer", PM_TIMER_HZ, 0xffffff, pm_timer_read };
	return true;
}

/* One reading right behind a tick, so that slow counters are as good as fast ones. */
static bool sample_once(const struct reference *r, struct sample *s)
{
	u32 first = r->read();
	u64 before = rdtsc();

	for (u32 i = 0; i < TICK_READS; i++) {
		u32 count = r->read();
		u64 after = rdtsc();

		if (count != first) {
			*s = (struct sample){ before + (after - before) / 2, after - before,
				count };
			return true;
		}
		before = after;
	}
	return false;
}

/* The best of a few: an SMI, or a host that takes the processor away, shows as a gap. */
static bool sample_take(const struct reference *r, struct sample *best)
{
	best->gap = ~0ull;
	for (u32 i = 0; i < SAMPLE_TRIES; i++) {
		struct sample s;

		if (!sample_once(r, &s))
			return false;
		if (s.gap < best->gap)
			*best = s;
	}
	return true;
}

static bool wait_ticks(const struct reference *r, u32 since, u64 ticks)
{
	for (u32 i = 0; i < WAIT_READS; i++)
		if (((r->read() - since) & r->mask) >= ticks)
			return true;
	return false;
}

/* Uncertainty over distance: a.x / a.y < b.x / b.y without a division. */
static bool sharper(u64 ax, u64 ay, u64 bx, u64 by)
{
	return (unsigned __int128)ax * by < (unsigned __int128)bx * ay;
}

/* Frequency by the pair of samples that determines it best. */
static u64 best_pair(const struct reference *r, const struct sample *s)
{
	u64 gap = ~0ull, span = 1, hz = 0;

	for (u32 i = 0; i < SAMPLES; i++) {
		for (u32 j = i + 1; j < SAMPLES; j++) {
			u64 g = s[i].gap + s[j].gap;
			u64 d = s[j].tsc - s[i].tsc;
			u32 ticks = (s[j].count - s[i].count) & r->mask;

			if (!ticks || !sharper(g, d, gap, span))
				continue;
			gap = g;
			span = d;
			hz = divide((unsigned __int128)d * r->hz, ticks);
		}
	}
	return hz;
}

/* 0 if the reference does not count. */
static u64 measure(const struct reference *r)
{
	struct sample s[SAMPLES];

	for (u32 i = 0; i < SAMPLES; i++) {
		if (i && !wait_ticks(r, s[i - 1].count, r->hz / SAMPLE_DISTANCE))
			return 0;
		if (!sample_take(r, &s[i]))
			return 0;
	}
	return best_pair(r, s);
}

static void factors_set(u64 hz)
{
	clock_tsc_hz = hz;
	ns_per_tsc = divide((unsigned __int128)NS_PER_SECOND << SHIFT, hz);
	tsc_per_ns = divide((unsigned __int128)hz << SHIFT, NS_PER_SECOND);
}

bool clock_init(const struct platform *p)
{
	static bool (*const open[])(
		const struct platform *, struct reference *) = { hpet_open, pm_timer_open };

	for (u32 i = 0; i < ARRAY_SIZE(open); i++) {
		struct reference r;
		u64 hz;

		if (!open[i](p, &r))
			continue;
		hz = measure(&r);
		/* Below, the factors overflow; and no processor is that slow. */
		if (hz < 10 * 1000 * 1000) {
			log_warn("clock: %s does not count", r.name);
			continue;
		}
		factors_set(hz);
		log_info("clock: tsc hz=%lu by=%s", hz, r.name);
		return true;
	}
	return false;
}

u64 clock_tsc_to_ns(u64 ticks)
{
	return (u64)((unsigned __int128)ticks * ns_per_tsc >> SHIFT);
}

u64 clock_ns_to_tsc(u64 ns)
{
	return (u64)((unsigned __int128)ns * tsc_per_ns >> SHIFT);
}

void clock_delay_us(u32 us)
{
	u64 start = rdtsc();
	u64 ticks = clock_ns_to_tsc(us * 1000ull);

	while (rdtsc() - start < ticks)
		cpu_pause();
}
