/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's log: lines "area: text key=value", to the ring that the
 * root can read, to port 0xE9, and while the consoles are the hypervisor's to
 * them too. Any processor, any context; one lock, which the dying ignore.
 */
#pragma once

#include "base/types.h"
#include "boot/log_ring.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* One line; no newline at its end. Lines above the level are not even formatted. */
void log_line(enum log_level level, const char *fmt, ...) __printf(2, 3);

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

/*
 * For lines that a guest can trigger: at most 10 a second per site, further
 * ones are counted in the ring's dropped and told with the next.
 */
struct log_limit {
	u64 window_start; /* TSC */
	u32 count;
	u32 suppressed;
};

bool log_allowed(struct log_limit *limit);

#define log_limited(level, ...)                         \
	do {                                            \
		static struct log_limit log_limit_here; \
		if (log_allowed(&log_limit_here))       \
			log_line(level, __VA_ARGS__);   \
	} while (0)

void log_level_set(enum log_level level);
/* The ring moves from its boot buffer to shared pages; text so far is kept. */
void log_ring_move(struct log_ring *ring, u32 size);
/* Writes the newest @bytes of the log to the consoles; while dying. */
void log_tail(u32 bytes);
