/* SPDX-License-Identifier: MIT */
/*
 * A level interrupt that comes just as the APIC's software enables it, on a
 * processor whose plain stores are seen late: it is pending, or its parent is
 * told that it may try again.
 * sources: hypervisor/vlapic_regs.c hypervisor/vlapic_icr.c hypervisor/vlapic_level.c
 * sources: hypervisor/vlapic_timer.c hypervisor/reference_time.c hypervisor/timer.c tests/unit/fake/fake.c tests/unit/vlapic_machine.c
 * cflags: -Itests/unit/fake
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "vlapic_machine.h"
#include "x86/apic.h"
#include "x86/atomic.h"

/* One store of the VP's processor that the others do not see yet. */
static u32 *late_place;
static u32 late_value;

static void stores_seen(void)
{
	if (late_place)
		*late_place = late_value;
	late_place = NULL;
}

static void store_late(void *place, u64 v, size_t size)
{
	stores_seen();
	if (size != sizeof(u32)) {
		*(u64 *)place = v;
		return;
	}
	late_place = place;
	late_value = (u32)v;
}

#undef store_relaxed
#undef atomic_exchange
#undef memory_fence
#define store_relaxed(p, v)   store_late((p), (v), sizeof(*(p)))
#define atomic_exchange(p, v) (stores_seen(), __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST))
#define memory_fence()        stores_seen()
#include "hypervisor/vlapic.c"

#define VECTOR 0x52u

static u32 comes_at; /* the vector that the VP looks at when it comes */

/* Of each vector, in rising order, before the VP looks whether its parent waits for it. */
void irq_virtual_eoi(struct vp *vp, u8 vector)
{
	const struct vlapic_message m = { .dest = vp->index, .vector = VECTOR, .level = true };

	if (vector == comes_at)
		vlapic_send(&partition, &m);
}

static void test_enabled_meanwhile(void **state)
{
	for (u32 at = VECTOR - 1; at <= VECTOR + 1; at++) {
		struct hv_apic_eoi eoi;
		bool told;

		comes_at = 0;
		machine_set_up(state);
		page_write(0, APIC_SVR, 0xff);
		stores_seen();
		comes_at = at;
		page_write(0, APIC_SVR, 0x1ff);
		stores_seen();
		told = machine_read(&eoi);
		assert_true(told || is_pending(0, VECTOR));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_enabled_meanwhile) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
