/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls of the root: the hypercall page, parameter pages per VP, typed
 * stubs. Status codes become negative errno here and nowhere else. Any VP;
 * a stub holds interrupts off while it uses its VP's parameter page.
 */
#pragma once

#include "base/addr.h"
#include "base/types.h"
#include "hv/devint.h"
#include "hv/hypercall.h"
#include "hv/status.h"

/* True where CPUID shows the interface "Hv#1" with hypercalls. */
bool hypercall_present(void);
/* Sets the guest OS id and enables the hypercall page. Boot, first VP.
 * @load: GPA of the image. */
void hypercall_init(u64 load);
/* Gives the calling VP its parameter page; panics without memory. */
void hypercall_init_vp(void);

/* The errno for a status; 0 for success, -EIO for one that is not known. */
int hypercall_errno(enum hv_status status);

/*
 * Simple call @code with copies of @in (@in_size bytes) and @out. Returns 0
 * or the negative errno of the status; *out changes only on success.
 */
[[nodiscard]] int hypercall(u16 code, const void *in, size_t in_size, void *out, size_t out_size);

/* The same with a variable header of @words words behind the input. */
[[nodiscard]] int hypercall_variable(u16 code, const void *in, size_t in_size, const u64 *header,
	u32 words, void *out, size_t out_size);

/* A call that repeats: its fixed input, and a list of elements. */
struct hypercall_reps {
	const void *in;
	size_t in_size;
	const void *list; /* elements of element_in bytes; NULL with 0 */
	size_t element_in;
	void *out; /* elements of element_out bytes */
	size_t element_out;
	u32 count; /* what fits into a page: 1 or more */
};
/* Returns as hypercall(); *@done elements were done whatever it returns (NULL: unasked). */
[[nodiscard]] int hypercall_rep(u16 code, const struct hypercall_reps *c, u32 *done);

[[nodiscard]] int hypercall_start_vp(u32 vp_index, const struct hv_initial_vp_context *context);
[[nodiscard]] int hypercall_map_stats_page(const struct hv_stats_page_input *what, gpa_t *page);
[[nodiscard]] int hypercall_map_device_interrupt(
	const struct hv_map_device_interrupt_input *in, struct hv_interrupt_entry *entry);
[[nodiscard]] int hypercall_unmap_device_interrupt(
	u64 device_id, const struct hv_interrupt_entry *entry);
