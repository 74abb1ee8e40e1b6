#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a boot archive: cpio "newc", sorted, owner 0, no times.

The same input gives the same bytes. Called by make for build/boot.cpio and
by tests that need an archive of their own.
"""
import argparse
import os

DIRECTORY = 0o040755
FILE = 0o100644
PROGRAM = 0o100755


def entry(inode, name, mode, data):
    """One header with its name and data, each padded to four bytes."""
    path = name.encode() + b"\0"
    links = 2 if mode == DIRECTORY else 1
    fields = (inode, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(path), 0)
    out = b"070701" + b"".join(b"%08X" % f for f in fields) + path
    out += b"\0" * (-len(out) % 4)
    return out + data + b"\0" * (-len(data) % 4)


def archive(files):
    """files: archive path -> (mode, bytes). Parent directories are added."""
    entries = dict(files)
    for path in files:
        parent = os.path.dirname(path)
        while parent:
            entries.setdefault(parent, (DIRECTORY, b""))
            parent = os.path.dirname(parent)
    out = b"".join(
        entry(i, name, *entries[name]) for i, name in enumerate(sorted(entries), 1)
    )
    return out + entry(0, "TRAILER!!!", 0, b"")


def read_file(path):
    with open(path, "rb") as f:
        data = f.read()
    return (PROGRAM if os.access(path, os.X_OK) else FILE, data)


def read_tree(top):
    return {
        os.path.relpath(os.path.join(where, name), top): read_file(os.path.join(where, name))
        for where, _, names in os.walk(top)
        for name in names
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True)
    parser.add_argument("--tree", action="append", default=[], help="all files below it")
    parser.add_argument("--file", nargs=2, action="append", default=[], metavar=("NAME", "PATH"))
    parser.add_argument("--text", nargs=2, action="append", default=[], metavar=("NAME", "LINE"))
    args = parser.parse_args()
    files = {}
    for top in args.tree:
        files.update(read_tree(top))
    for name, path in args.file:
        files[name] = read_file(path)
    for name, line in args.text:
        files[name] = (FILE, line.encode() + b"\n")
    with open(args.out, "wb") as f:
        f.write(archive(files))


if __name__ == "__main__":
    main()
