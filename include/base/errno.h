/* SPDX-License-Identifier: MIT */
/*
 * Error numbers of everything outside the hypervisor proper: functions return
 * 0 or a negative one of these. Values are Linux's, so that host tests and
 * people recognise them.
 */
#pragma once

#define EPERM        1
#define ENOENT       2
#define ESRCH        3
#define EINTR        4
#define EIO          5
#define E2BIG        7
#define EBADF        9
#define EAGAIN       11
#define ENOMEM       12
#define EACCES       13
#define EFAULT       14
#define EBUSY        16
#define EEXIST       17
#define EXDEV        18
#define ENODEV       19
#define ENOTDIR      20
#define EISDIR       21
#define EINVAL       22
#define EMFILE       24
#define EFBIG        27
#define ENOSPC       28
#define EROFS        30
#define EMLINK       31
#define ERANGE       34
#define ENAMETOOLONG 36
#define ENOSYS       38
#define ENOTEMPTY    39
#define ELOOP        40
#define EPROTO       71
#define EOVERFLOW    75
#define EMSGSIZE     90
#define ENOTSUP      95
#define ENETDOWN     100
#define ENOTCONN     107
#define ETIMEDOUT    110
#define ENOMEDIUM    123
#define ECANCELED    125
