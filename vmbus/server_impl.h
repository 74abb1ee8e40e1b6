/* SPDX-License-Identifier: MIT */
/*
 * What the files of the server end share: server.c has offers, closing and contact, server_messages.c what the
 * guest's messages ask for.
 */
#pragma once

#include "vmbus/server.h"

/* ---- server.c ---- */

void vmbus_server_send(struct vmbus_server *s, const void *message, u32 size);
/* Gives it a number, by which the guest hears of it. */
void vmbus_server_send_offer(struct vmbus_server *s, struct vmbus_channel *c);
/* Nobody knows of it any more. */
void vmbus_server_release(struct vmbus_server *s, struct vmbus_channel *c);
/* It is open; vmbus_server_attend() goes on when its provider has ended. */
void vmbus_server_begin_close(struct vmbus_channel *c);
/* Nobody uses it any more: the guest hears that it has its memory back. */
void vmbus_server_torn_down(struct vmbus_server *s, struct vmbus_gpadl *g);
/* All is closed and forgotten, for @message of @size bytes, which then is answered. */
void vmbus_server_begin_reset(struct vmbus_server *s, const void *message, u32 size);
