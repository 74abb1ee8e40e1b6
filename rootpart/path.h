/* SPDX-License-Identifier: MIT */
/*
 * Paths as text: always from the root, since nobody has a current directory.
 * Normal form: "/" or "/a/b", without ".", ".." and empty parts.
 */
#pragma once

#include "base/types.h"

#define PATH_MAX 512u /* with the terminator */
#define NAME_MAX 255u /* of one part */

/*
 * Writes @path's normal form to @out, PATH_MAX bytes. ".." of the root is the
 * root; it is taken off as text, before anybody looks whether what it leaves
 * exists. Returns 0; -ENOENT for an empty path; -ENAMETOOLONG.
 */
[[nodiscard]] int path_normalise(const char *path, char *out);

/*
 * What is left of the normal path @path below the normal path @top: "" for
 * itself, "b" for "/a/b" below "/a"; NULL if it is not below.
 */
const char *path_below(const char *path, const char *top);
/* "/a" and "b" give "/a/b" in @out, PATH_MAX bytes. 0 or -ENAMETOOLONG. */
[[nodiscard]] int path_join(const char *directory, const char *name, char *out);
