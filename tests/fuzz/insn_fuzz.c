/* SPDX-License-Identifier: MIT */
/*
 * Decodes any bytes in each mode, and holds the results to the contract.
 * sources: lib/insn.c lib/insn_access.c lib/insn_address.c
 */
#include <stdlib.h>
#include <string.h>

#include "base/errno.h"
#include "lib/insn.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		__builtin_trap();
}

/* A buffer of exactly @len bytes, so that reading further is noticed. */
static int decode_exactly(struct insn *insn, const u8 *data, size_t len, enum insn_mode mode)
{
	u8 *copy = malloc(len);
	int err;

	memcpy(copy, data, len);
	err = insn_decode(insn, copy, len, mode);
	free(copy);
	return err;
}

static void check_mode(const u8 *data, size_t size, enum insn_mode mode)
{
	static const u64 gpr[16] = { ~0ull, 1, 2, ~0ull, 4, ~0ull };
	struct insn_access acc;
	struct insn insn;
	struct insn again;
	int err = decode_exactly(&insn, data, size, mode);

	require(err == 0 || err == -EINVAL || (err == -EAGAIN && size < INSN_MAX));
	if (err != 0)
		return;
	require(insn.length >= 1 && insn.length <= INSN_MAX && insn.length <= size);
	require(insn.reg < 16 && insn.rm < 16 && insn.base < 16 && insn.index < 16);
	require(decode_exactly(&again, data, insn.length, mode) == 0);
	require(again.length == insn.length && again.opcode == insn.opcode);
	require(again.imm == insn.imm && again.disp == insn.disp && again.rm == insn.rm);
	for (size_t len = 0; len < insn.length; len++)
		require(decode_exactly(&again, data, len, mode) == -EAGAIN);
	require(insn_segment(&insn) < INSN_SEG_DEFAULT);
	require(insn_address(&insn, gpr, 0) <= (insn.addrsize < 8 ? BIT(32) - 1 : ~0ull));
	if (insn_access(&insn, &acc) == 0)
		require(acc.size >= 1 && acc.size <= 8 && acc.dst_size >= acc.size);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	check_mode(data, size, INSN_16);
	check_mode(data, size, INSN_32);
	check_mode(data, size, INSN_64);
	return 0;
}
