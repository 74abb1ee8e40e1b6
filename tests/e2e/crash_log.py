# SPDX-License-Identifier: MIT
"""What a disk was told, in the order of its telling: QEMU's blklogwrites.

The log's form is that of Linux' dm-log-writes. image_at() makes the worst image that a power
cut at some point leaves on a disk with a cache: all that a flush before then covers, and
of the rest only what was written through (FUA).
"""
import os
import shutil
import struct

MAGIC, VERSION, SECTOR = 0x6a736677736872, 1, 512
FLUSH, FUA, DISCARD = 1, 2, 4


def blockdev(name, image, log):
    """Options of QEMU: a node of that name for a disk, and what is written to it in a log."""
    with open(log, "wb"):
        pass
    return ["-blockdev", "driver=blklogwrites,node-name=%s,log-super-update-interval=1,"
            "file.driver=file,file.filename=%s,log.driver=file,log.filename=%s" % (
                name, image, log)]


class Entry:
    def __init__(self, header, data_at):
        self.sector, self.sectors, self.flags, _ = struct.unpack_from("<4Q", header)
        self.data_at = data_at

    def data_bytes(self):
        return 0 if self.flags & DISCARD else self.sectors * SECTOR


class Log:
    def __init__(self, path):
        self.path = path

    def count(self):
        """How many entries there are by now."""
        with open(self.path, "rb") as f:
            magic, version, entries, sector = struct.unpack("<QQQI", f.read(28))
        assert (magic, version, sector) == (MAGIC, VERSION, SECTOR)
        return entries

    def entries(self):
        found, at = [], SECTOR
        with open(self.path, "rb") as f:
            for _ in range(self.count()):
                f.seek(at)
                entry = Entry(f.read(SECTOR), at + SECTOR)
                found.append(entry)
                at = entry.data_at + entry.data_bytes()
        return found

    def flushes(self):
        return sum(bool(entry.flags & FLUSH) for entry in self.entries())

    def image_at(self, base, count, out):
        """A copy of the image @base with what of the first @count entries is sure to be there."""
        shutil.copyfile(base, out)
        entries = self.entries()[:count]
        last = max((i for i, entry in enumerate(entries) if entry.flags & FLUSH), default=-1)
        with open(self.path, "rb") as log, open(out, "r+b") as image:
            for i, entry in enumerate(entries):
                # What a flush covers was completed before it.
                if i < last or entry.flags & FUA:
                    self.apply(entry, log, image)
        return out

    @staticmethod
    def apply(entry, log, image):
        log.seek(entry.data_at)
        image.seek(entry.sector * SECTOR)
        data = bytes(entry.sectors * SECTOR) if entry.flags & DISCARD else \
            log.read(entry.data_bytes())
        assert image.tell() + len(data) <= os.fstat(image.fileno()).st_size
        image.write(data)
