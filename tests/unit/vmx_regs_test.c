/* SPDX-License-Identifier: MIT */
/*
 * hypervisor/vmx/regs.c and control.c against a made-up VMCS: registers by
 * name, what VT-x forces hidden from the guest, long mode and PAE followed in
 * whatever order their bits are set, values refused that no processor has or
 * that would fault in the hypervisor.
 * sources: tests/unit/host_assert.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vmx_fake.h"

#include "hypervisor/vmx/control.c"
#include "hypervisor/vmx/regs.c"

struct vmx_caps vmx_caps;
static struct cpu cpu;
static struct vp vp;
#define own (*vmx_of(&vp))
static u64 memory_pdptes[4];
static u64 memory_at;
static u64 policy_cr4_bits;

struct cpu *this_cpu(void)
{
	return &cpu;
}

bool policy_cr4_valid(const struct vp *v, u64 value)
{
	(void)v;
	return !(value & ~policy_cr4_bits);
}

bool guest_read(struct vp *v, gpa_t gpa, void *buf, size_t len)
{
	(void)v;
	if (gpa.a != memory_at || len != sizeof(memory_pdptes))
		return false;
	memcpy(buf, memory_pdptes, len);
	return true;
}

u64 vmx_live_get(const struct vmx *v, enum vmx_live which)
{
	return v->live[which];
}

void vmx_live_set(struct vmx *v, enum vmx_live which, u64 value)
{
	v->live[which] = value;
}

u64 vmx_event_pack(const struct event *e)
{
	return e->valid;
}

bool vmx_event_unpack(u64 v, struct event *e)
{
	*e = (struct event){ .valid = v & 1 };
	return v < 2;
}

u8 vmx_tpr(struct vp *v)
{
	(void)v;
	return own.vapic[0x80] >> 4;
}

void vmx_tpr_set(struct vp *v, u8 cr8)
{
	(void)v;
	own.vapic[0x80] = (u8)(cr8 << 4);
}

static int setup(void **state)
{
	static u8 vapic[256];

	(void)state;
	fake_reset();
	memset(&vp, 0, sizeof(vp));
	memset(vapic, 0, sizeof(vapic));
	own = (struct vmx){ .vapic = vapic };
	cpu.features.phys_bits = 36;
	vmx_caps.cr0_fixed0 = CR0_PE | CR0_NE | CR0_PG;
	vmx_caps.cr4_fixed0 = CR4_VMXE;
	vmx_caps.cr4_fixed1 = 0x3767ff;
	policy_cr4_bits = 0x3707ff & ~CR4_SMAP;
	fake_write(VMCS_GUEST_EFER, 0);
	fake_write(VMCS_ENTRY_CONTROLS, 0xc004);
	fake_write(VMCS_GUEST_CR3, 0);
	fake_write(VMCS_GUEST_CS_RIGHTS, 0x93);
	vmx_masks_setup(&vp);
	return 0;
}

static u64 get(u32 name)
{
	union hv_register_value v;

	assert_int_equal(vmx_get(&vp, name, &v), HV_STATUS_SUCCESS);
	assert_int_equal(fake_borrowed, 0);
	return v.u64;
}

static enum hv_status set(u32 name, u64 value)
{
	union hv_register_value v = { .u64 = value };
	enum hv_status status = vmx_set(&vp, name, &v);

	assert_int_equal(fake_borrowed, 0);
	return status;
}

static void expect_set(u32 name, u64 value)
{
	assert_int_equal(set(name, value), HV_STATUS_SUCCESS);
	assert_int_equal(get(name), value);
}

static void expect_refused(u32 name, u64 value)
{
	u64 before = get(name);

	assert_int_equal(set(name, value), HV_STATUS_INVALID_REGISTER_VALUE);
	assert_int_equal(get(name), before);
}

static void after_reset(void **state)
{
	(void)state;
	assert_int_equal(get(HV_X64_REGISTER_CR0), 0x60000010);
	assert_int_equal(get(HV_X64_REGISTER_CR4), 0);
	assert_int_equal(fake_read(VMCS_GUEST_CR0), CR0_ET | CR0_NE);
	assert_int_equal(fake_read(VMCS_GUEST_CR4), CR4_VMXE | CR4_MCE);
	/* The guest owns what needs nobody's consent. */
	assert_int_equal(fake_read(VMCS_CR0_MASK), CR0_NE | CR0_CD | CR0_NW);
	assert_int_equal(
		fake_read(VMCS_CR4_MASK) & 0xffffffff, 0xffffffff & ~(policy_cr4_bits & ~CR4_MCE));
}

static void forced_bits_are_hidden(void **state)
{
	(void)state;
	expect_set(HV_X64_REGISTER_CR0, CR0_PE | CR0_ET);
	assert_int_equal(fake_read(VMCS_GUEST_CR0), CR0_PE | CR0_ET | CR0_NE);
	expect_set(HV_X64_REGISTER_CR0, CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_CD);
	assert_int_equal(fake_read(VMCS_GUEST_CR0), CR0_PE | CR0_ET | CR0_NE | CR0_WP);
	expect_set(HV_X64_REGISTER_CR4, CR4_PAE);
	assert_int_equal(fake_read(VMCS_GUEST_CR4), CR4_PAE | CR4_VMXE | CR4_MCE);
	expect_set(HV_X64_REGISTER_CR4, CR4_PAE | CR4_MCE);
	/* What the guest changed by itself shows, too. */
	fake_write(VMCS_GUEST_CR0, fake_read(VMCS_GUEST_CR0) | CR0_TS);
	fake_write(VMCS_GUEST_CR4, fake_read(VMCS_GUEST_CR4) | CR4_PGE);
	assert_true(get(HV_X64_REGISTER_CR0) & CR0_TS);
	assert_int_equal(get(HV_X64_REGISTER_CR4), CR4_PAE | CR4_MCE | CR4_PGE);
}

static void long_mode_follows_paging(void **state)
{
	u64 cr0 = CR0_PE | CR0_ET | CR0_NE;

	(void)state;
	expect_set(HV_X64_REGISTER_CR4, CR4_PAE);
	expect_set(HV_X64_REGISTER_EFER, EFER_LME | EFER_NXE);
	assert_int_equal(fake_read(VMCS_ENTRY_CONTROLS), 0xc004);
	expect_set(HV_X64_REGISTER_CR0, cr0 | CR0_PG);
	assert_int_equal(get(HV_X64_REGISTER_EFER), EFER_LME | EFER_LMA | EFER_NXE);
	assert_int_equal(fake_read(VMCS_ENTRY_CONTROLS), 0xc204);
	/* LMA is not the writer's to choose. */
	assert_int_equal(set(HV_X64_REGISTER_EFER, EFER_LME), HV_STATUS_SUCCESS);
	assert_int_equal(get(HV_X64_REGISTER_EFER), EFER_LME | EFER_LMA);
	expect_set(HV_X64_REGISTER_CR0, cr0);
	assert_int_equal(set(HV_X64_REGISTER_EFER, EFER_LME | EFER_LMA), HV_STATUS_SUCCESS);
	assert_int_equal(get(HV_X64_REGISTER_EFER), EFER_LME);
	assert_int_equal(fake_read(VMCS_ENTRY_CONTROLS), 0xc004);
	/* Whatever order they are set in. */
	expect_set(HV_X64_REGISTER_EFER, 0);
	expect_set(HV_X64_REGISTER_CR4, 0);
	expect_set(HV_X64_REGISTER_CR0, cr0 | CR0_PG);
	assert_int_equal(get(HV_X64_REGISTER_EFER), 0);
	assert_int_equal(set(HV_X64_REGISTER_EFER, EFER_LME), HV_STATUS_SUCCESS);
	expect_set(HV_X64_REGISTER_CR4, CR4_PAE);
	assert_int_equal(get(HV_X64_REGISTER_EFER), EFER_LME | EFER_LMA);
	assert_int_equal(fake_read(VMCS_ENTRY_CONTROLS), 0xc204);
}

/* CR0, CR3, CR4 and EFER, as a parent sets them: one by one. */
static const u32 order_names[4] = { HV_X64_REGISTER_CR0, HV_X64_REGISTER_CR3, HV_X64_REGISTER_CR4,
	HV_X64_REGISTER_EFER };

/* In the order number @order of 24. */
static void set_in_order(u32 order, const u64 *values)
{
	bool done[4] = { false };

	for (u32 left = 4; left > 0; left--) {
		u32 skip = order % left, i = 0;

		order /= left;
		while (done[i] || skip-- > 0)
			i++;
		done[i] = true;
		assert_int_equal(set(order_names[i], values[i]), HV_STATUS_SUCCESS);
	}
}

static void expect_all(const u64 *values, u64 entry)
{
	for (u32 i = 0; i < 4; i++)
		assert_int_equal(get(order_names[i]), values[i]);
	assert_int_equal(fake_read(VMCS_ENTRY_CONTROLS), entry);
}

/*
 * A VP at rest goes from one mode to another on any way, also through what no
 * running processor would go through: 64-bit code without paging, long mode
 * without PAE. What comes out is the same.
 */
static void any_order(void **state)
{
	static const u64 real[4] = { CR0_ET, 0, 0, 0 };
	static const u64 pae[4] = { CR0_PE | CR0_ET | CR0_PG, 0x12340020, CR4_PAE, EFER_NXE };
	static const u64 wide[4] = { CR0_PE | CR0_ET | CR0_PG, 0x5003, CR4_PAE | CR4_PCIDE,
		EFER_LME | EFER_LMA };

	(void)state;
	memory_at = 0x12340020;
	memory_pdptes[0] = 0x5001;
	for (u32 order = 0; order < 24; order++) {
		fake_write(VMCS_GUEST_CS_RIGHTS, 0x93);
		set_in_order(order, real);
		expect_all(real, 0xc004);
		set_in_order(order, wide);
		expect_all(wide, 0xc204);
		fake_write(VMCS_GUEST_CS_RIGHTS, 0xa09b);
		fake_write(VMCS_GUEST_PDPTE(0), 0);
		set_in_order(order, pae);
		expect_all(pae, 0xc004);
		assert_int_equal(fake_read(VMCS_GUEST_PDPTE(0)), 0x5001);
		set_in_order(order, wide);
		expect_all(wide, 0xc204);
	}
}

static void impossible_control_values(void **state)
{
	(void)state;
	expect_refused(HV_X64_REGISTER_CR0, CR0_ET | CR0_PG);
	expect_refused(HV_X64_REGISTER_CR0, CR0_ET | CR0_NW);
	expect_refused(HV_X64_REGISTER_CR0, CR0_ET | BIT(32));
	expect_refused(HV_X64_REGISTER_CR4, CR4_SMAP << 1);
	expect_refused(HV_X64_REGISTER_CR4, BIT(40));
	expect_refused(HV_X64_REGISTER_EFER, EFER_SVME);
	expect_refused(HV_X64_REGISTER_CR3, BIT(36));
	expect_refused(HV_X64_REGISTER_CR8, 16);
}

static void pae_loads_its_four_entries(void **state)
{
	(void)state;
	memory_at = 0x12340020;
	memory_pdptes[0] = 0x5001;
	memory_pdptes[1] = 0x6003;      /* a reserved bit */
	memory_pdptes[2] = 0x7000;      /* not present */
	memory_pdptes[3] = BIT(36) | 1; /* no such address */
	expect_set(HV_X64_REGISTER_CR4, CR4_PAE);
	expect_set(HV_X64_REGISTER_CR3, 0x12340020);
	assert_false(fake_written[VMCS_GUEST_PDPTE(0)]);
	expect_set(HV_X64_REGISTER_CR0, CR0_PE | CR0_ET | CR0_PG);
	assert_int_equal(fake_read(VMCS_GUEST_PDPTE(0)), 0x5001);
	for (u32 i = 1; i < 4; i++)
		assert_int_equal(fake_read((u32)VMCS_GUEST_PDPTE(i)), 0);
	/* Memory that cannot be read. */
	expect_set(HV_X64_REGISTER_CR3, 0x40);
	assert_int_equal(fake_read(VMCS_GUEST_PDPTE(0)), 0);
}

static void changes_flush(void **state)
{
	(void)state;
	own.pending = 0;
	expect_set(HV_X64_REGISTER_CR3, 0x1000);
	assert_int_equal(own.pending, VMX_FLUSH_VPID);
	/* Bit 63 only asks to keep the TLB. */
	assert_int_equal(set(HV_X64_REGISTER_CR3, BIT(63) | 0x2000), HV_STATUS_SUCCESS);
	assert_int_equal(get(HV_X64_REGISTER_CR3), 0x2000);
}

static void values_that_would_fault(void **state)
{
	static const u32 addresses[] = { HV_X64_REGISTER_LSTAR, HV_X64_REGISTER_CSTAR,
		HV_X64_REGISTER_KERNEL_GS_BASE, HV_X64_REGISTER_SYSENTER_EIP,
		HV_X64_REGISTER_SYSENTER_ESP };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		fake_write(VMCS_GUEST_SYSENTER_ESP, 0);
		fake_write(VMCS_GUEST_SYSENTER_EIP, 0);
		expect_set(addresses[i], 0xffff800000000000);
		expect_refused(addresses[i], 0x0000800000000000);
	}
	expect_set(HV_X64_REGISTER_STAR, 0x0000800000000000);
	expect_set(HV_X64_REGISTER_SFMASK, 0xffffffff);
	expect_refused(HV_X64_REGISTER_SFMASK, BIT(32));
	own.dr6 = 0xffff0ff0;
	expect_set(HV_X64_REGISTER_DR6, 0xffff0ff1);
	expect_refused(HV_X64_REGISTER_DR6, BIT(32));
	fake_write(VMCS_GUEST_DR7, 0x400);
	expect_refused(HV_X64_REGISTER_DR7, BIT(32));
	fake_write(VMCS_GUEST_PAT, 0);
	expect_set(HV_X64_REGISTER_PAT, 0x0007040600070406);
	expect_refused(HV_X64_REGISTER_PAT, 0x0007040600070206);
	expect_refused(HV_X64_REGISTER_PAT, 0x0807040600070406);
}

static void segments(void **state)
{
	union hv_register_value v = {
		.segment = { 0xfffff00000000000, 0xfffff, 0x28, 0xc093 },
	};
	union hv_register_value back;

	(void)state;
	assert_int_equal(vmx_set(&vp, HV_X64_REGISTER_GS, &v), HV_STATUS_SUCCESS);
	assert_int_equal(fake_read(0x080a), 0x28);
	assert_int_equal(fake_read(0x480a), 0xfffff);
	assert_int_equal(fake_read(0x481e), 0xc093);
	assert_int_equal(fake_read(0x6810), 0xfffff00000000000);
	assert_int_equal(vmx_get(&vp, HV_X64_REGISTER_GS, &back), HV_STATUS_SUCCESS);
	assert_memory_equal(&back, &v, sizeof(v));
	/* Not present is unusable, with its DPL kept. */
	v.segment.attributes = 0x60;
	assert_int_equal(vmx_set(&vp, HV_X64_REGISTER_SS, &v), HV_STATUS_SUCCESS);
	assert_int_equal(fake_read(0x4818), 0x10060);
	assert_int_equal(vmx_get(&vp, HV_X64_REGISTER_SS, &back), HV_STATUS_SUCCESS);
	assert_int_equal(back.segment.attributes, 0x60);
	v.segment.attributes = 0x193;
	assert_int_equal(vmx_set(&vp, HV_X64_REGISTER_SS, &v), HV_STATUS_INVALID_REGISTER_VALUE);
}

static void tables(void **state)
{
	union hv_register_value v = { .table = { .limit = 0x7f, .base = 0x1000 } };
	union hv_register_value back;

	(void)state;
	assert_int_equal(vmx_set(&vp, HV_X64_REGISTER_IDTR, &v), HV_STATUS_SUCCESS);
	assert_int_equal(fake_read(0x4812), 0x7f);
	assert_int_equal(fake_read(0x6818), 0x1000);
	v.table.limit = 0x17;
	assert_int_equal(vmx_set(&vp, HV_X64_REGISTER_GDTR, &v), HV_STATUS_SUCCESS);
	assert_int_equal(fake_read(0x4810), 0x17);
	assert_int_equal(vmx_get(&vp, HV_X64_REGISTER_GDTR, &back), HV_STATUS_SUCCESS);
	assert_memory_equal(&back, &v, sizeof(v));
}

static void unknown_names(void **state)
{
	static const u32 names[] = { 0, 0x00010000, 0x00010004, 0x00040005, 0x00050000, 0x00060008,
		0x00080003, 0x0008000c, 0x00090000, 0xffffffff };
	union hv_register_value v = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(vmx_get(&vp, names[i], &v), HV_STATUS_UNKNOWN_REGISTER_NAME);
		assert_int_equal(vmx_set(&vp, names[i], &v), HV_STATUS_UNKNOWN_REGISTER_NAME);
	}
}

static void interrupt_state(void **state)
{
	(void)state;
	fake_write(VMCS_INTERRUPTIBILITY, INTERRUPTIBILITY_STI);
	assert_int_equal(get(HV_REGISTER_INTERRUPT_STATE), HV_INTERRUPT_STATE_SHADOW);
	expect_set(HV_REGISTER_INTERRUPT_STATE, 3);
	assert_int_equal(
		fake_read(VMCS_INTERRUPTIBILITY), INTERRUPTIBILITY_MOV_SS | INTERRUPTIBILITY_NMI);
	expect_refused(HV_REGISTER_INTERRUPT_STATE, 4);
}

static void mode(void **state)
{
	struct vp_mode m;

	(void)state;
	expect_set(HV_X64_REGISTER_CR4, CR4_PAE);
	expect_set(HV_X64_REGISTER_EFER, EFER_LME);
	expect_set(HV_X64_REGISTER_CR0, CR0_PE | CR0_ET | CR0_PG);
	fake_write(VMCS_GUEST_CS_RIGHTS, 0xa0fb);
	fake_write(VMCS_GUEST_SS_RIGHTS, 0x100f3);
	fake_write(VMCS_GUEST_CS_BASE, 0);
	vmx_mode(&vp, &m);
	assert_int_equal(m.cr0, CR0_PE | CR0_ET | CR0_PG);
	assert_int_equal(m.cr4, CR4_PAE);
	assert_int_equal(m.cpl, 3);
	assert_true(m.cs_long && !m.cs_db);
	fake_write(VMCS_GUEST_CS_RIGHTS, 0xc0fb);
	vmx_mode(&vp, &m);
	assert_true(!m.cs_long && m.cs_db);
}

static void advancing(void **state)
{
	(void)state;
	fake_write(VMCS_INTERRUPTIBILITY, INTERRUPTIBILITY_STI | INTERRUPTIBILITY_NMI);
	vp.regs.rip = 0xfffffffe;
	vp.regs.rflags = RFLAGS_RF | RFLAGS_FIXED;
	fake_write(VMCS_GUEST_CS_RIGHTS, 0xa09b);
	vmx_advance(&vp, 3);
	assert_int_equal(vp.regs.rip, 0x100000001);
	assert_int_equal(vp.regs.rflags, RFLAGS_FIXED);
	assert_int_equal(fake_read(VMCS_INTERRUPTIBILITY), INTERRUPTIBILITY_NMI);
	vp.regs.rip = 0xfffffffe;
	fake_write(VMCS_GUEST_CS_RIGHTS, 0xc09b);
	vmx_advance(&vp, 3);
	assert_int_equal(vp.regs.rip, 1);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(after_reset),
		TEST(forced_bits_are_hidden),
		TEST(long_mode_follows_paging),
		TEST(any_order),
		TEST(impossible_control_values),
		TEST(pae_loads_its_four_entries),
		TEST(changes_flush),
		TEST(values_that_would_fault),
		TEST(segments),
		TEST(tables),
		TEST(unknown_names),
		TEST(interrupt_state),
		TEST(mode),
		TEST(advancing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
