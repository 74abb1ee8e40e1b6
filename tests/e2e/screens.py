# SPDX-License-Identifier: MIT
"""What a QEMU machine's screen shows, as lines of text: read from VGA text
memory, or off a framebuffer by the font that drew it."""
import ctypes
import functools
import os
import subprocess

import machine as machines

WIDTH, HEIGHT = 8, 16
INK = 64


@functools.lru_cache(maxsize=None)
def glyphs():
    """Rows of a glyph -> its character, from lib/font.c itself."""
    library = machines.BUILD + "/test-font-%d.so" % os.getpid()
    subprocess.run(["gcc", "-shared", "-fPIC", "-std=gnu2x", "-I", "include", "-I", ".",
                    "lib/font.c", "-o", library], check=True, cwd=machines.ROOT)
    font = ctypes.CDLL(library)
    os.remove(library)
    font.font_glyph.restype = ctypes.POINTER(ctypes.c_ubyte)
    return {bytes(font.font_glyph(ctypes.c_char(c))[:HEIGHT]): chr(c) for c in range(0x20, 0x7f)}


def picture_lines(width, height, pixels):
    """What is no glyph, as the cursor, reads as "\\x7f"."""
    table, text = glyphs(), []
    for top in range(0, height - HEIGHT + 1, HEIGHT):
        line = ""
        for left in range(0, width - WIDTH + 1, WIDTH):
            rows = [3 * (y * width + left) for y in range(top, top + HEIGHT)]
            glyph = bytes(sum(0x80 >> x for x in range(WIDTH) if pixels[at + 3 * x] > INK)
                          for at in rows)
            line += table.get(glyph, "\x7f")
        text.append(line.rstrip())
    return text


def lines(machine):
    """The screen's rows."""
    if machine.options.get("uefi"):
        return picture_lines(*machine.picture())
    return machine.text_screen()


def rows_of(machine, said):
    """The rows that these lines take: a long one goes on in the next row."""
    columns = machine.picture()[0] // WIDTH if machine.options.get("uefi") else 80
    return [line[i:i + columns].rstrip() for line in said for i in range(0, len(line), columns)]
