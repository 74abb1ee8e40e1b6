/* SPDX-License-Identifier: MIT */
/*
 * printf-style formatting into a bounded buffer. Called by the log, the
 * consoles and the CLI, on any processor, also while dying: it takes no lock,
 * keeps no state and needs little stack. C standard, fprintf().
 */
#include "lib/format.h"

#include <limits.h>

#include "lib/string.h"

/* The text may be longer than the buffer; len counts all of it. */
struct out {
	char *buf;
	size_t size;
	size_t len;
};

struct spec {
	bool left;
	bool zero;
	bool plus;
	bool space;
	bool alt;
	int width;
	int precision; /* negative: none */
	char length;   /* 0, 'h', 'H' for hh, 'l' for l, ll and z */
	char conversion;
};

struct args {
	va_list list;
};

/* How many of @n more characters fit, leaving room for the terminator. */
static size_t out_room(const struct out *out, size_t n)
{
	if (out->len + 1 >= out->size)
		return 0;
	return MIN(n, out->size - 1 - out->len);
}

static void out_bytes(struct out *out, const char *s, size_t n)
{
	size_t fits = out_room(out, n);

	for (size_t i = 0; i < fits; i++)
		out->buf[out->len + i] = s[i];
	out->len += n;
}

static void out_fill(struct out *out, char c, int n)
{
	if (n <= 0)
		return;
	size_t fits = out_room(out, (size_t)n);

	if (fits > 0)
		memset(out->buf + out->len, c, fits);
	out->len += (size_t)n;
}

/* Text between two paddings, of which the width decides one. */
static void out_padded(struct out *out, const struct spec *spec, const char *s, size_t n)
{
	int pad = n < (size_t)spec->width ? spec->width - (int)n : 0;

	out_fill(out, ' ', spec->left ? 0 : pad);
	out_bytes(out, s, n);
	out_fill(out, ' ', spec->left ? pad : 0);
}

static void format_string(struct out *out, const struct spec *spec, const char *s)
{
	size_t max = spec->precision < 0 ? SIZE_MAX : (size_t)spec->precision;

	if (s == NULL)
		s = "(null)";
	out_padded(out, spec, s, strnlen(s, max));
}

/* Writes digits before @end and returns the first. None for zero. */
static char *digits_before(char *end, u64 value, char conversion)
{
	const char *digits = conversion == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";

	if (conversion == 'x' || conversion == 'X') {
		for (; value != 0; value >>= 4)
			*--end = digits[value & 15];
		return end;
	}
	for (; value != 0; value /= 10)
		*--end = digits[value % 10];
	return end;
}

/* Prefix (a sign or 0x), zeros, digits, and blanks on either side. */
static void format_number(struct out *out, const struct spec *spec, const char *prefix, u64 value)
{
	char buf[20];
	char *end = buf + sizeof(buf);
	char *first = digits_before(end, value, spec->conversion);
	int n = (int)(end - first);
	int prefix_len = (int)strlen(prefix);
	int min = spec->precision < 0 ? 1 : spec->precision;
	int zeros;
	int pad;

	if (spec->zero && !spec->left && spec->precision < 0)
		min = MAX(min, spec->width - prefix_len);
	zeros = MAX(min - n, 0);
	pad = spec->width - zeros - n - prefix_len;
	out_fill(out, ' ', spec->left ? 0 : pad);
	out_bytes(out, prefix, (size_t)prefix_len);
	out_fill(out, '0', zeros);
	out_bytes(out, first, (size_t)n);
	out_fill(out, ' ', spec->left ? pad : 0);
}

static void format_signed(struct out *out, const struct spec *spec, struct args *args)
{
	s64 value = spec->length == 'l' ? va_arg(args->list, long) : va_arg(args->list, int);
	const char *prefix = spec->plus ? "+" : spec->space ? " " : "";

	if (spec->length == 'h')
		value = (short)value;
	if (spec->length == 'H')
		value = (signed char)value;
	if (value < 0)
		format_number(out, spec, "-", -(u64)value);
	else
		format_number(out, spec, prefix, (u64)value);
}

static void format_unsigned(struct out *out, const struct spec *spec, struct args *args)
{
	u64 value = spec->length == 'l' ? va_arg(args->list, unsigned long)
					: va_arg(args->list, unsigned int);
	const char *prefix = "";

	if (spec->length == 'h')
		value = (unsigned short)value;
	if (spec->length == 'H')
		value = (unsigned char)value;
	if (spec->alt && value != 0 && spec->conversion == 'x')
		prefix = "0x";
	if (spec->alt && value != 0 && spec->conversion == 'X')
		prefix = "0X";
	format_number(out, spec, prefix, value);
}

static void format_pointer(struct out *out, struct spec *spec, struct args *args)
{
	spec->conversion = 'x';
	format_number(out, spec, "0x", (uintptr_t)va_arg(args->list, void *));
}

static const char *parse_flags(const char *p, struct spec *spec)
{
	for (;; p++) {
		switch (*p) {
		case '-':
			spec->left = true;
			break;
		case '0':
			spec->zero = true;
			break;
		case '+':
			spec->plus = true;
			break;
		case ' ':
			spec->space = true;
			break;
		case '#':
			spec->alt = true;
			break;
		default:
			return p;
		}
	}
}

/* Half of INT_MAX at most, so that sums of two such numbers stay an int. */
static const char *parse_number(const char *p, struct args *args, int *number)
{
	const int max = INT_MAX / 2;

	if (*p == '*') {
		int given = va_arg(args->list, int);

		*number = MAX(MIN(given, max), -max);
		return p + 1;
	}
	*number = 0;
	for (; *p >= '0' && *p <= '9'; p++)
		*number = MIN(*number, max / 10 - 1) * 10 + (*p - '0');
	return p;
}

static const char *parse_length(const char *p, struct spec *spec)
{
	if (*p == 'h') {
		bool twice = p[1] == 'h';

		spec->length = twice ? 'H' : 'h';
		return p + (twice ? 2 : 1);
	}
	if (*p == 'l') {
		spec->length = 'l';
		return p + (p[1] == 'l' ? 2 : 1);
	}
	if (*p == 'z') {
		spec->length = 'l';
		return p + 1;
	}
	return p;
}

/* Reads what stands between % and the conversion, which *p has to be then. */
static const char *parse_spec(const char *p, struct spec *spec, struct args *args)
{
	*spec = (struct spec){ .precision = -1 };
	p = parse_flags(p, spec);
	p = parse_number(p, args, &spec->width);
	if (spec->width < 0) {
		spec->left = true;
		spec->width = -spec->width;
	}
	if (*p == '.')
		p = parse_number(p + 1, args, &spec->precision);
	p = parse_length(p, spec);
	spec->conversion = *p;
	return p;
}

/* Returns false if the conversion is none that we know. */
static bool convert(struct out *out, struct spec *spec, struct args *args)
{
	char c;

	switch (spec->conversion) {
	case 'd':
	case 'i':
		format_signed(out, spec, args);
		return true;
	case 'u':
	case 'x':
	case 'X':
		format_unsigned(out, spec, args);
		return true;
	case 'p':
		format_pointer(out, spec, args);
		return true;
	case 's':
		format_string(out, spec, va_arg(args->list, const char *));
		return true;
	case 'c':
		c = (char)va_arg(args->list, int);
		out_padded(out, spec, &c, 1);
		return true;
	case '%':
		out_bytes(out, "%", 1);
		return true;
	default:
		return false;
	}
}

/* One conversion, from behind its %. Returns what follows it. */
static const char *format_one(struct out *out, const char *p, struct args *args)
{
	struct spec spec;
	const char *end = parse_spec(p, &spec, args);

	if (convert(out, &spec, args))
		return end + 1;
	out_bytes(out, "%", 1);
	return p;
}

int format_va(char *buf, size_t size, const char *fmt, va_list list)
{
	struct out out = { .buf = buf, .size = size };
	struct args args;

	va_copy(args.list, list);
	while (*fmt != '\0') {
		const char *start = fmt;

		while (*fmt != '\0' && *fmt != '%')
			fmt++;
		out_bytes(&out, start, (size_t)(fmt - start));
		if (*fmt == '%')
			fmt = format_one(&out, fmt + 1, &args);
	}
	va_end(args.list);
	if (size > 0)
		buf[MIN(out.len, size - 1)] = '\0';
	return (int)MIN(out.len, (size_t)INT_MAX);
}

int format(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = format_va(buf, size, fmt, args);
	va_end(args);
	return len;
}
