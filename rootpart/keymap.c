/* SPDX-License-Identifier: MIT */
/*
 * Scan code tables and their decoder. No device. Called by keyboard.c in its
 * interrupt. Codes: "IBM PC keyboard, scan code set 1", as the 8042 gives
 * them with translation on.
 */
#include "rootpart/keymap.h"

#include "lib/string.h"

#define CODE_RELEASE  0x80u
#define CODE_EXTENDED 0xe0u
#define CODE_PAUSE    0xe1u
#define PAUSE_REST    2u /* after each 0xe1 */
#define KEYPAD_FIRST  0x47u
#define KEYPAD_LAST   0x53u

/* Index is the code, from 0x00 to 0x39. 0: no character. */
static const char plain[] =
	"\0\0331234567890-=\177\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static const char shifted[] =
	"\0\033!@#$%^&*()_+\177\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";

static_assert(sizeof(plain) == 0x3a + 1 && sizeof(shifted) == sizeof(plain));

/* Keypad without Num Lock, and the keys between it and the letters. */
static const char navigation[][KEYMAP_BYTES + 1] = {
	"\033[H",  /* 47 Home */
	"\033[A",  /* 48 Up */
	"",        /* 49 Page Up */
	"-",       /* 4a */
	"\033[D",  /* 4b Left */
	"",        /* 4c 5 */
	"\033[C",  /* 4d Right */
	"+",       /* 4e */
	"\033[F",  /* 4f End */
	"\033[B",  /* 50 Down */
	"",        /* 51 Page Down */
	"",        /* 52 Insert */
	"\033[3~", /* 53 Delete */
};
static const char digits[] = "789-456+1230.";

static_assert(ARRAY_SIZE(navigation) == KEYPAD_LAST - KEYPAD_FIRST + 1);
static_assert(sizeof(digits) == ARRAY_SIZE(navigation) + 1);

static bool *modifier(struct keymap *k, u8 key, bool extended)
{
	switch (key) {
	case 0x2a:
		/* Extended, they only surround another key. */
		return extended ? NULL : &k->shift_left;
	case 0x36:
		return extended ? NULL : &k->shift_right;
	case 0x1d:
		return extended ? &k->control_right : &k->control_left;
	default:
		return NULL;
	}
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static u32 character(const struct keymap *k, u8 key, char *out)
{
	bool shift = k->shift_left || k->shift_right;
	char c = plain[key];

	if (is_letter(c) && k->caps)
		shift = !shift;
	if (shift)
		c = shifted[key];
	if ((k->control_left || k->control_right) && c != '\0') {
		if (!is_letter(c) && (c < '[' || c > '_'))
			return 0;
		c &= 0x1f;
	}
	out[0] = c;
	return c != '\0';
}

static u32 sequence(const char *text, char *out)
{
	u32 len = (u32)strlen(text);

	memcpy(out, text, len);
	return len;
}

static u32 pressed(struct keymap *k, u8 key, bool extended, char *out)
{
	if (key >= KEYPAD_FIRST && key <= KEYPAD_LAST) {
		u32 i = key - KEYPAD_FIRST;

		if (extended || !k->digits)
			return sequence(navigation[i], out);
		out[0] = digits[i];
		return 1;
	}
	if (extended && key != 0x1c && key != 0x35) /* keypad's Enter and slash */
		return 0;
	if (key == 0x3a)
		k->caps = !k->caps;
	if (key == 0x45)
		k->digits = !k->digits;
	return key < sizeof(plain) - 1 ? character(k, key, out) : 0;
}

u32 keymap_decode(struct keymap *k, u8 code, char out[static KEYMAP_BYTES])
{
	bool extended = k->extended;
	u8 key = code & (u8)~CODE_RELEASE;
	bool *held;

	if (k->skip > 0) {
		k->skip--;
		return 0;
	}
	k->extended = code == CODE_EXTENDED;
	if (code == CODE_PAUSE)
		k->skip = PAUSE_REST;
	if (code == CODE_EXTENDED || code == CODE_PAUSE)
		return 0;
	held = modifier(k, key, extended);
	if (held != NULL)
		*held = !(code & CODE_RELEASE);
	if (held != NULL || (code & CODE_RELEASE))
		return 0;
	return pressed(k, key, extended, out);
}
