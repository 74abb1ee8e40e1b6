/* SPDX-License-Identifier: MIT */
/*
 * hypervisor/vmx/caps.c on made-up processors: the line for each that is not
 * enough, and the control words of those that are.
 * sources: hypervisor/vmx/caps.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hypervisor/vmx/caps.h"
#include "hypervisor/vmx/vmcs.h"
#include "x86/msr.h"
#include "x86/vmx.h"

#define ALLOWED(zero, one) ((u64)(one) << 32 | (zero))

/* Bits that every processor insists on, TRUE forms; SDM volume 3, A.3 to A.5. */
#define PIN_FORCED   0x16u
#define PROC_FORCED  0x04006172u
#define EXIT_FORCED  0x00036dfbu
#define ENTRY_FORCED 0x000011fbu

static struct vmx_caps good(void)
{
	return (struct vmx_caps){
		.vmx = true,
		.feature_control = FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMX,
		.basic = VMX_BASIC_TRUE | 0x12,
		.misc = VMX_MISC_STORES_LMA,
		.pin = ALLOWED(PIN_FORCED, 0x7f),
		.proc = ALLOWED(PROC_FORCED, 0xfff9fffe),
		.proc2 = ALLOWED(0, 0x10ff),
		.exit = ALLOWED(EXIT_FORCED, 0x7fffff),
		.entry = ALLOWED(ENTRY_FORCED, 0xffff),
		.ept_vpid = 0x00000f0106734141,
		.cr0_fixed0 = 0x80000021,
		.cr4_fixed0 = 0x2000,
		.cr4_fixed1 = 0x3767ff,
	};
}

static void expect(const struct vmx_caps *caps, const char *line)
{
	const char *got = vmx_caps_unsupported(caps);

	assert_non_null(got);
	if (strncmp(got, line, strlen(line)) != 0)
		fail_msg("\"%s\" instead of \"%s\"", got, line);
	/* One line, which also says what to do. */
	assert_null(strchr(got, '\n'));
	assert_non_null(strstr(got, ": "));
}

static void good_processor_is_taken(void **state)
{
	struct vmx_caps caps = good();

	(void)state;
	assert_null(vmx_caps_unsupported(&caps));
	/* Not locked yet: cpu_start() switches it on. */
	caps.feature_control = 0;
	assert_null(vmx_caps_unsupported(&caps));
	caps.feature_control = FEATURE_CONTROL_VMX;
	assert_null(vmx_caps_unsupported(&caps));
}

static void missing_vtx(void **state)
{
	struct vmx_caps caps = { 0 };

	(void)state;
	expect(&caps, "this processor has no VT-x");
}

static void switched_off_in_firmware(void **state)
{
	struct vmx_caps caps = good();

	(void)state;
	caps.feature_control = FEATURE_CONTROL_LOCKED;
	expect(&caps, "VT-x is switched off in the firmware");
	/* VMX inside SMX alone does not help. */
	caps.feature_control = FEATURE_CONTROL_LOCKED | BIT(1);
	expect(&caps, "VT-x is switched off in the firmware");
}

static void missing_ept(void **state)
{
	struct vmx_caps caps = good();

	(void)state;
	caps.proc2 &= ~((u64)PROC2_EPT << 32);
	expect(&caps, "this processor has no EPT");
	/* A processor of 2006: no secondary controls, no TRUE forms. */
	caps = good();
	caps.basic = 0x0d;
	caps.proc = ALLOWED(0x0401e172, 0x77b9fffe);
	caps.proc2 = 0;
	caps.ept_vpid = 0;
	expect(&caps, "this processor has no EPT");
}

static void missing_unrestricted_guest(void **state)
{
	struct vmx_caps caps = good();

	(void)state;
	caps.proc2 &= ~((u64)PROC2_UNRESTRICTED_GUEST << 32);
	expect(&caps, "this processor has no unrestricted guest mode");
}

static void poor_ept(void **state)
{
	static const u64 needed[] = { EPT_CAP_LEVELS_4, EPT_CAP_WB, EPT_CAP_2M, EPT_CAP_INVEPT,
		EPT_CAP_INVEPT_CONTEXT | EPT_CAP_INVEPT_ALL };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		struct vmx_caps caps = good();

		caps.ept_vpid &= ~needed[i];
		expect(&caps, "this processor's EPT lacks");
	}
}

/* Each required control missing, each unwanted one forced. */
static void controls_that_do_not_fit(void **state)
{
	static const struct {
		size_t field;
		u32 required;
		u32 unwanted;
	} rows[] = {
		{ offsetof(struct vmx_caps, pin), 0x29, 0 },
		{ offsetof(struct vmx_caps, proc), 0xb2200c88, 0x40999200 },
		{ offsetof(struct vmx_caps, exit), 0x3c0204, 0x8000 },
		{ offsetof(struct vmx_caps, entry), 0xc004, 0x0600 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (u32 bit = 0; bit < 32; bit++) {
			struct vmx_caps caps = good();
			u64 *field = (u64 *)(void *)((u8 *)&caps + rows[i].field);

			*field &= ~(BIT(bit) << 32);
			assert_int_equal(
				vmx_caps_unsupported(&caps) != NULL, (rows[i].required >> bit) & 1);
			caps = good();
			*field |= BIT(bit) | BIT(bit) << 32;
			assert_int_equal(
				vmx_caps_unsupported(&caps) != NULL, (rows[i].unwanted >> bit) & 1);
		}
	}
}

static void old_capabilities(void **state)
{
	struct vmx_caps caps = good();

	(void)state;
	caps.basic &= ~VMX_BASIC_TRUE;
	expect(&caps, "this processor's VT-x lacks a control");
	caps = good();
	caps.misc = 0;
	expect(&caps, "this processor's VT-x lacks a control");
}

static void control_words(void **state)
{
	struct vmx_caps caps = good();
	struct vmx_controls c;

	(void)state;
	vmx_caps_controls(&caps, &c);
	assert_int_equal(c.pin, PIN_FORCED | 0x69);
	assert_int_equal(c.proc, PROC_FORCED | 0xb2200c88);
	assert_int_equal(c.proc2, 0x10aa);
	assert_int_equal(c.exit, EXIT_FORCED | 0x7c0204);
	assert_int_equal(c.entry, ENTRY_FORCED | 0xc004);
}

static void optional_controls_follow_the_processor(void **state)
{
	struct vmx_caps caps = good();
	struct vmx_controls c;

	(void)state;
	caps.proc2 = ALLOWED(0, PROC2_EPT | PROC2_UNRESTRICTED_GUEST);
	assert_null(vmx_caps_unsupported(&caps));
	vmx_caps_controls(&caps, &c);
	assert_int_equal(c.proc2, PROC2_EPT | PROC2_UNRESTRICTED_GUEST);
	/* VPIDs without INVVPID, or without a type that we use. */
	caps = good();
	caps.ept_vpid &= ~EPT_CAP_INVVPID;
	vmx_caps_controls(&caps, &c);
	assert_false(c.proc2 & PROC2_VPID);
	caps = good();
	caps.ept_vpid &= ~(VPID_CAP_CONTEXT | VPID_CAP_ALL);
	vmx_caps_controls(&caps, &c);
	assert_false(c.proc2 & PROC2_VPID);
}

static void invalidation_types(void **state)
{
	struct vmx_caps caps = good();

	(void)state;
	assert_int_equal(vmx_caps_inv_ept_type(&caps), VMX_INV_CONTEXT);
	assert_int_equal(vmx_caps_inv_vpid_type(&caps), VMX_INV_CONTEXT);
	caps.ept_vpid &= ~(EPT_CAP_INVEPT_CONTEXT | VPID_CAP_CONTEXT);
	assert_null(vmx_caps_unsupported(&caps));
	assert_int_equal(vmx_caps_inv_ept_type(&caps), VMX_INV_ALL);
	assert_int_equal(vmx_caps_inv_vpid_type(&caps), VMX_INV_ALL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_processor_is_taken),
		cmocka_unit_test(missing_vtx),
		cmocka_unit_test(switched_off_in_firmware),
		cmocka_unit_test(missing_ept),
		cmocka_unit_test(missing_unrestricted_guest),
		cmocka_unit_test(poor_ept),
		cmocka_unit_test(controls_that_do_not_fit),
		cmocka_unit_test(old_capabilities),
		cmocka_unit_test(control_words),
		cmocka_unit_test(optional_controls_follow_the_processor),
		cmocka_unit_test(invalidation_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
