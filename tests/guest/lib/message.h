/* SPDX-License-Identifier: MIT */
/*
 * SynIC messages for test kernels in the root's place: SINT 0 of this VP.
 */
#pragma once

#include "base/types.h"
#include "hv/message.h"

/* Turns the SynIC on; once per VP that waits for messages. */
void guest_messages_init(void);
/* Waits in HLT for the next message of SINT 0, and takes it. */
void guest_message_wait(struct hv_message *m);
/* The same without waiting; false: there is none. */
bool guest_message_poll(struct hv_message *m);
