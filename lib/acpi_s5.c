/* SPDX-License-Identifier: MIT */
/*
 * Search for \_S5_, the values that switch the machine off, without an AML
 * interpreter. A match is the whole definition as compilers write it,
 *   NameOp ['\'] "_S5_" PackageOp PkgLength NumElements Integer...
 * whose integers are constants, fill PkgLength to the last byte, are at most
 * NumElements (uninitialised ones follow), and begin with values that fit the
 * register's three bits. Data that happens to hold "_S5_", such as a string or
 * a reference from a method, does not pass. What would pass wrongly: a buffer
 * with all these bytes in this order, and a _S5_ below another scope than the
 * root or in a branch not taken. The first match counts, as in AML, where a
 * second definition of a name fails.
 * ACPI 6.5, sections 7.4.2 (values) and 20.2 (encoding).
 */
#include "base/errno.h"
#include "lib/acpi.h"
#include "lib/acpi_internal.h"
#include "lib/string.h"

#define AML_ZERO        0x00u
#define AML_ONE         0x01u
#define AML_NAME        0x08u
#define AML_BYTE        0x0Au
#define AML_WORD        0x0Bu
#define AML_DWORD       0x0Cu
#define AML_QWORD       0x0Eu
#define AML_PACKAGE     0x12u
#define AML_ONES        0xFFu
#define AML_ROOT_PREFIX '\\'

#define S5_NAME         "_S5_"
#define S5_NAME_SIZE    4u
#define S5_VALUES       2u
#define SLP_TYP_MAX     7u

/* The bytes not read yet. */
struct aml {
	const u8 *at;
	size_t left;
};

static bool aml_skip(struct aml *aml, size_t count)
{
	if (aml->left < count)
		return false;
	aml->at += count;
	aml->left -= count;
	return true;
}

/* Reads a little-endian number of @count bytes, 8 at most. */
static bool aml_number(struct aml *aml, size_t count, u64 *value)
{
	const u8 *from = aml->at;

	if (!aml_skip(aml, count))
		return false;
	*value = 0;
	memcpy(value, from, count);
	return true;
}

static bool aml_is(struct aml *aml, u8 byte)
{
	return aml->left && *aml->at == byte && aml_skip(aml, 1);
}

/* Cuts *aml to the package; PkgLength counts its own bytes. 20.2.4. */
static bool aml_package(struct aml *aml)
{
	size_t before = aml->left;
	u64 lead, more = 0, length;

	if (!aml_number(aml, 1, &lead) || !aml_number(aml, lead >> 6, &more))
		return false;
	if (lead >> 6 && lead & 0x30)
		return false;
	length = lead >> 6 ? more << 4 | (lead & 0xF) : lead;
	if (length > before || length < before - aml->left)
		return false;
	aml->left = length - (before - aml->left);
	return true;
}

/* A constant integer; 20.2.3. */
static bool aml_integer(struct aml *aml, u64 *value)
{
	u64 op;

	if (!aml_number(aml, 1, &op))
		return false;
	switch (op) {
	case AML_ZERO:
	case AML_ONE:
		*value = op;
		return true;
	case AML_ONES:
		*value = UINT64_MAX;
		return true;
	case AML_BYTE:
		return aml_number(aml, 1, value);
	case AML_WORD:
		return aml_number(aml, 2, value);
	case AML_DWORD:
		return aml_number(aml, 4, value);
	case AML_QWORD:
		return aml_number(aml, 8, value);
	default:
		return false;
	}
}

/* The package's integers: the first two to @value, the rest only checked. */
static bool aml_integers(struct aml *aml, u64 *value, u64 *count)
{
	u64 elements, ignored;

	if (!aml_number(aml, 1, &elements))
		return false;
	for (*count = 0; aml->left; ++*count) {
		if (*count == elements)
			return false;
		if (!aml_integer(aml, *count < S5_VALUES ? &value[*count] : &ignored))
			return false;
	}
	return *count > 0;
}

/* @aml stands behind the name. A lone integer holds both values, a byte each. */
static bool acpi_s5_read(struct aml aml, struct acpi_s5 *out)
{
	u64 value[S5_VALUES] = { 0 }, count;

	if (!aml_is(&aml, AML_PACKAGE) || !aml_package(&aml) || !aml_integers(&aml, value, &count))
		return false;
	if (count == 1) {
		value[1] = value[0] >> 8;
		value[0] &= 0xFF;
	}
	if (value[0] > SLP_TYP_MAX || value[1] > SLP_TYP_MAX)
		return false;
	*out = (struct acpi_s5){ (u8)value[0], (u8)value[1] };
	return true;
}

int acpi_s5_scan(const u8 *data, size_t len, struct acpi_s5 *out)
{
	*out = (struct acpi_s5){ 0 };
	for (size_t i = 0; i < len; i++) {
		struct aml aml = { data + i, len - i };

		if (!aml_is(&aml, AML_NAME))
			continue;
		(void)aml_is(&aml, AML_ROOT_PREFIX);
		if (aml.left < S5_NAME_SIZE || memcmp(aml.at, S5_NAME, S5_NAME_SIZE))
			continue;
		(void)aml_skip(&aml, S5_NAME_SIZE);
		if (acpi_s5_read(aml, out))
			return 0;
	}
	return -ENOENT;
}

static int acpi_s5_scan_table(const struct acpi_table *table, struct acpi_s5 *out)
{
	return acpi_s5_scan(
		(const u8 *)(table->sdt + 1), table->sdt->length - sizeof(*table->sdt), out);
}

/* A damaged SSDT ends the search: what it would have said is not known. */
int acpi_s5_find(
	struct acpi *acpi, const struct acpi_fadt *fadt, struct acpi_s5 *out, const char **why)
{
	struct acpi_table table;
	int err;

	*out = (struct acpi_s5){ 0 };
	err = acpi_table_at(acpi, ACPI_DSDT_SIGNATURE, fadt->dsdt, &table, why);
	for (u32 i = 0; !err; i++) {
		if (!acpi_s5_scan_table(&table, out))
			return 0;
		err = acpi_table_find(acpi, ACPI_SSDT_SIGNATURE, i, &table, why);
	}
	if (err == -ENOENT)
		return acpi_fail(acpi, S5_NAME, "in no DSDT or SSDT", err, why);
	return err;
}
