/* SPDX-License-Identifier: MIT */
/*
 * A guest's accesses to control registers and XCR0 that exit: checked by the
 * policy, done, or answered with #GP. Intel SDM volume 3, 2.5 and 4.10.
 */
#pragma once

struct exit;
struct vp;

/* EXIT_CR_ACCESS. */
void control_access(struct vp *vp, const struct exit *exit);
/* EXIT_XSETBV. */
void control_xsetbv(struct vp *vp, const struct exit *exit);
