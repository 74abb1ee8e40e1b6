/* SPDX-License-Identifier: MIT */
/*
 * Paths as text. No state. Any context.
 */
#include "rootpart/path.h"

#include "base/errno.h"
#include "lib/format.h"
#include "lib/string.h"

static size_t part_length(const char *p)
{
	size_t n = 0;

	while (p[n] != '\0' && p[n] != '/')
		n++;
	return n;
}

static bool is_part(const char *p, size_t n, const char *what)
{
	return strlen(what) == n && strncmp(p, what, n) == 0;
}

/* Length of @out without its last part. */
static size_t cut_last(const char *out, size_t len)
{
	while (len > 0 && out[--len] != '/')
		;
	return len;
}

int path_normalise(const char *path, char *out)
{
	size_t len = 0;

	if (path[0] == '\0')
		return -ENOENT;
	for (size_t n; *path != '\0'; path += n) {
		n = part_length(path);
		if (n == 0) {
			n = 1; /* the slash */
		} else if (is_part(path, n, "..")) {
			len = cut_last(out, len);
		} else if (!is_part(path, n, ".")) {
			if (n > NAME_MAX || len + 1 + n >= PATH_MAX)
				return -ENAMETOOLONG;
			out[len++] = '/';
			memcpy(out + len, path, n);
			len += n;
		}
	}
	if (len == 0)
		out[len++] = '/';
	out[len] = '\0';
	return 0;
}

const char *path_below(const char *path, const char *top)
{
	size_t n = strlen(top);

	if (n == 1)
		return path + 1;
	if (strncmp(path, top, n) != 0)
		return NULL;
	if (path[n] == '\0')
		return path + n;
	return path[n] == '/' ? path + n + 1 : NULL;
}

int path_join(const char *directory, const char *name, char *out)
{
	const char *gap = directory[strlen(directory) - 1] == '/' ? "" : "/";
	int len = format(out, PATH_MAX, "%s%s%s", directory, gap, name);

	return (size_t)len < PATH_MAX ? 0 : -ENAMETOOLONG;
}
