/* SPDX-License-Identifier: MIT */
/*
 * Error numbers as words. Any context.
 */
#include "rootpart/errno_text.h"

#include "base/types.h"

static const char *const texts[] = {
	[EPERM] = "not permitted",
	[ENOENT] = "no such file or directory",
	[EINTR] = "interrupted",
	[EIO] = "input or output failed",
	[E2BIG] = "too long",
	[EBADF] = "not opened for this",
	[EAGAIN] = "try again",
	[ENOMEM] = "out of memory",
	[EACCES] = "access denied",
	[EFAULT] = "bad address",
	[EBUSY] = "in use",
	[EEXIST] = "exists already",
	[EXDEV] = "on another file system",
	[ENODEV] = "no such device",
	[ENOTDIR] = "not a directory",
	[EISDIR] = "is a directory",
	[EINVAL] = "invalid",
	[EMFILE] = "too many open files",
	[EFBIG] = "too large for a file",
	[ENOSPC] = "no space left",
	[EROFS] = "read-only file system",
	[EMLINK] = "too many links",
	[ERANGE] = "out of range",
	[ENAMETOOLONG] = "name too long",
	[ENOSYS] = "not there",
	[ELOOP] = "a symbolic link",
	[ENOTEMPTY] = "directory not empty",
	[EPROTO] = "protocol violated",
	[EOVERFLOW] = "too large",
	[EMSGSIZE] = "message too long",
	[ENOTSUP] = "not supported",
	[ENETDOWN] = "network is down",
	[ENOTCONN] = "not connected",
	[ETIMEDOUT] = "timed out",
	[ENOMEDIUM] = "no medium",
	[ECANCELED] = "canceled",
};

const char *errno_text(int error)
{
	u32 n = (u32)-error;

	return n < ARRAY_SIZE(texts) && texts[n] != NULL ? texts[n] : "unknown error";
}
