/* SPDX-License-Identifier: MIT */
/*
 * Words and options of boot command lines. Called at start-up by both images
 * and by the CLI; no state. The line comes from GRUB's configuration and may
 * hold anything but a zero byte.
 */
#include "lib/cmdline.h"

#include "base/errno.h"

/*
 * The next character of a word with its quotes taken out, or 0 at its end.
 * A quote may open and close anywhere; an open one lasts to the line's end.
 */
static char word_char(const char **pos, bool *quoted)
{
	while (**pos == '"') {
		*quoted = !*quoted;
		(*pos)++;
	}
	if (**pos == '\0' || (**pos == ' ' && !*quoted))
		return '\0';
	return *(*pos)++;
}

/* Moves to the next word. Returns false if there is none. */
static bool word_find(const char **pos)
{
	while (**pos == ' ')
		(*pos)++;
	return **pos != '\0';
}

/* Copies the rest of a word. Returns false if it had to be cut. */
static bool word_copy(const char **pos, bool *quoted, char *to, size_t size)
{
	size_t len = 0;
	char c;

	while ((c = word_char(pos, quoted)) != '\0') {
		if (len + 1 < size)
			to[len] = c;
		len++;
	}
	if (size > 0)
		to[MIN(len, size - 1)] = '\0';
	return len < size;
}

bool cmdline_next(const char **pos, char *word, size_t size)
{
	bool quoted = false;

	if (!word_find(pos))
		return false;
	(void)word_copy(pos, &quoted, word, size);
	return true;
}

/* Reads name and '=' of a word. Returns false, somewhere in it, if it is another option. */
static bool word_is_option(const char **pos, bool *quoted, const char *name)
{
	char c = word_char(pos, quoted);

	while (*name != '\0' && c == *name) {
		name++;
		c = word_char(pos, quoted);
	}
	return *name == '\0' && (c == '=' || c == '\0');
}

int cmdline_get(const char *line, const char *name, char *value, size_t size)
{
	int err = -ENOENT;

	while (word_find(&line)) {
		bool quoted = false;

		if (!word_is_option(&line, &quoted, name))
			(void)word_copy(&line, &quoted, NULL, 0);
		else if (word_copy(&line, &quoted, value, size) || size == 0)
			err = 0;
		else
			err = -E2BIG;
	}
	return err;
}
