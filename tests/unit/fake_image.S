/* SPDX-License-Identifier: MIT */
/*
 * An image of five pages for tests, with the symbols of linker.ld: one page of
 * code, two of constants, two of data.
 */
	.data
	.balign 4096
	.global image_start, text_end, rodata_end, image_end
image_start:
	.skip 4096
text_end:
	.skip 8192
rodata_end:
	.skip 8192
image_end:

	.section .note.GNU-stack, "", @progbits
