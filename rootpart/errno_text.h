/* SPDX-License-Identifier: MIT */
/*
 * Error numbers as words for people.
 */
#pragma once

#include "base/errno.h"

/* For a negative errno, "no such file or directory"; never NULL. */
const char *errno_text(int error);
