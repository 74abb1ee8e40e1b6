/* SPDX-License-Identifier: MIT */
/*
 * Numbers and layouts of clocks, timers, and of what a guest tells of its end,
 * written down apart from the headers. TLFS 6.0b chapters 2 and 12.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hv/cpuid.h"
#include "hv/message.h"
#include "hv/msr.h"
#include "hv/registers.h"
#include "hv/timer.h"

#define WHOLE(type, want) assert_int_equal(sizeof(struct type), want)
#define FIELD(type, field, want_at, want_size)                                     \
	do {                                                                       \
		assert_int_equal(offsetof(struct type, field), want_at);           \
		assert_int_equal(sizeof(((struct type *)NULL)->field), want_size); \
	} while (0)

static void fields(void **state)
{
	(void)state;
	WHOLE(hv_reference_tsc_page, 4096);
	FIELD(hv_reference_tsc_page, sequence, 0, 4);
	FIELD(hv_reference_tsc_page, scale, 8, 8);
	FIELD(hv_reference_tsc_page, offset, 16, 8);
	WHOLE(hv_timer_message, 24);
	FIELD(hv_timer_message, index, 0, 4);
	FIELD(hv_timer_message, expiration, 8, 8);
	FIELD(hv_timer_message, delivery, 16, 8);
	WHOLE(hv_stimers_state, 200);
	FIELD(hv_stimers_state, timer[3], 120, 40);
	FIELD(hv_stimer_state, flags, 0, 4);
	FIELD(hv_stimer_state, config, 8, 8);
	FIELD(hv_stimer_state, count, 16, 8);
	FIELD(hv_stimer_state, adjustment, 24, 8);
	FIELD(hv_stimer_state, undelivered_expiration, 32, 8);
}

static void numbers(void **state)
{
	static const struct {
		u64 value, want;
	} rows[] = {
		{ HV_MSR_RESET, 0x40000003 },
		{ HV_MSR_REFERENCE_TSC, 0x40000021 },
		{ HV_MSR_STIMER_CONFIG(0), 0x400000b0 },
		{ HV_MSR_STIMER_COUNT(3), 0x400000b7 },
		{ HV_MSR_GUEST_IDLE, 0x400000f0 },
		{ HV_MSR_CRASH_P(4), 0x40000104 },
		{ HV_MSR_CRASH_CTL, 0x40000105 },
		{ HV_CRASH_NOTIFY, 0x8000000000000000 },
		{ HV_CRASH_MESSAGE, 0x4000000000000000 },
		{ HV_FEATURE_CRASH_MSRS, 0x400 },
		{ HV_FEATURE_DIRECT_TIMERS, 0x80000 },
		{ HV_MESSAGE_TIMER_EXPIRED, 0x80000010 },
		{ HV_REGISTER_REFERENCE_TSC, 0x90017 },
		{ HV_REGISTER_STIMER0_CONFIG, 0xb0000 },
		{ HV_REGISTER_STIMER3_COUNT, 0xb0007 },
		{ HV_X64_REGISTER_CRASH_P0, 0x210 },
		{ HV_X64_REGISTER_CRASH_CTL, 0x215 },
		/* What Linux writes for its timer: vector 0xed. */
		{ HV_STIMER_ENABLE | HV_STIMER_AUTO_ENABLE | HV_STIMER_DIRECT |
				HV_STIMER_VECTOR(0xed),
			0x1ed9 },
		{ HV_STIMER_PERIODIC | HV_STIMER_LAZY, 6 },
		{ HV_STIMER_SINT(2), 0x20000 },
		{ HV_STIMER_SINT_OF(0xf2fffull), 15 },
		{ HV_STIMER_VECTOR_OF(0x1ed9ull), 0xed },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(rows[i].value, rows[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
