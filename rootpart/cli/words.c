/* SPDX-License-Identifier: MIT */
/*
 * Splitting lines into words. No state. CLI's task.
 */
#include "rootpart/cli/words.h"

#include "base/errno.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * Copies the word at *from down to *to without its quotes, terminated. A word
 * never grows, but its terminator may fall on the next character to be read:
 * that one was a space, and *from is moved past it.
 */
static int take_word(const char **from, char **to)
{
	const char *in = *from;
	char *out = *to;
	char quote = '\0';

	for (; *in != '\0' && (quote != '\0' || !is_space(*in)); in++) {
		if (quote == '\0' && (*in == '\'' || *in == '"'))
			quote = *in;
		else if (*in == quote)
			quote = '\0';
		else
			*out++ = *in;
	}
	if (quote != '\0')
		return -EINVAL;
	*from = *in != '\0' ? in + 1 : in;
	*out = '\0';
	*to = out + 1;
	return 0;
}

int words_split(char *line, char *words[], u32 max)
{
	const char *from = line;
	char *to = line;
	u32 count = 0;

	for (;;) {
		char *word = to;

		while (is_space(*from))
			from++;
		if (*from == '\0' || *from == '#')
			return (int)count;
		if (count == max)
			return -E2BIG;
		if (take_word(&from, &to) != 0)
			return -EINVAL;
		words[count++] = word;
	}
}
