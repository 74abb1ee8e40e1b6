# SPDX-License-Identifier: MIT
"""The other end of a machine's NIC: frames as datagrams, for `nic test` of the root.

A frame's contents follow from its number (rootpart/net/test_frame.h). A Peer
either echoes what the root sends, or sends, and looks at the echoes; every byte is
checked, of offloads the checksums, too. No wait is unbounded.
"""
import socket
import struct
import threading
import time

TYPE, IPV4, IPV6 = 0x88B5, 0x0800, 0x86DD
TCP, UDP = 6, 17
# Frames, and bytes, that may be under way: the emulators' sockets hold no more.
WINDOW, WINDOW_BYTES = 24, 40000
SILENCE = 20
READY = 0xFFFFFFFF
MAC = bytes.fromhex("525400fffe01")
# byte i of a frame is 7 * number + i
RAMP = bytes(i & 0xFF for i in range(70000 + 256))


def contents(number, start, end):
    first = (7 * number + start) & 0xFF
    return RAMP[first:first + end - start]


def plain(number, size, target, source=MAC, echo=False):
    head = target + source + struct.pack(">HIB", TYPE, number & 0xFFFFFFFF, echo)
    return head + contents(number, len(head), size)


def ones_sum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def transport_sum(ip, protocol, body):
    return ones_sum(ip[12:20] + struct.pack(">HH", protocol, len(body)) + body)


def free_ports():
    """A socket bound to the odd one of a pair of ports, both free; and the even one."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        mine = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            mine.bind(("127.0.0.1", port + 1))
            return mine, port
        except OSError:
            mine.close()


def large_buffer(sock):
    """As large as the host allows: the administrator may have more."""
    for option in (33, socket.SO_RCVBUF):  # SO_RCVBUFFORCE
        try:
            sock.setsockopt(socket.SOL_SOCKET, option, 8 << 20)
            return
        except PermissionError:
            continue


class Peer:
    """One end of a wire; the machine's end sends to our port from theirs, ours - 1."""

    def __init__(self):
        self.socket, self.port = free_ports()
        large_buffer(self.socket)
        self.socket.settimeout(0.2)
        self.good = 0
        self.bad = []
        self.sizes = set()
        self.streams = {}
        self.stopped = threading.Event()
        self.thread = None

    def qemu(self, model, name, mac, queue=""):
        return ["-netdev", "dgram,id=%s,local.type=inet,local.host=127.0.0.1,local.port=%d,"
                "remote.type=inet,remote.host=127.0.0.1,remote.port=%d" % (
                    name, self.port, self.port + 1),
                "-device", "%s,netdev=%s,mac=%s%s" % (model, name, mac, queue)]

    def bochs(self, card, mac):
        return "e1000: card=%d, enabled=1, mac=%s, ethmod=socket, ethdev=%d" % (
            card, mac, self.port)

    def put(self, frame):
        self.socket.sendto(frame, ("127.0.0.1", self.port))

    def get(self, deadline):
        """The next datagram; None once it is too late, or the peer was stopped."""
        while time.monotonic() < deadline and not self.stopped.is_set():
            try:
                return self.socket.recv(1 << 17)
            except (TimeoutError, ConnectionRefusedError):
                continue
        return None

    def fail(self, why):
        self.bad.append(why)

    def number_of(self, frame, start):
        """The number of a request whose contents stand from `start` on, all checked."""
        number, echo = struct.unpack(">IB", frame[start:start + 5])
        if echo or frame[start + 5:] != contents(number, start + 5, len(frame)):
            self.fail("contents of %d bytes, number %d" % (len(frame), number))
            return None
        return number

    def take_udp(self, frame):
        ip, body = frame[14:34], frame[34:]
        if ones_sum(ip) != 0xFFFF:
            self.fail("IPv4 checksum")
        if transport_sum(ip, UDP, body) != 0xFFFF or body[6:8] == b"\0\0":
            self.fail("UDP checksum of %d bytes" % len(frame))
        return self.number_of(frame, 42), len(frame)

    def take_segment(self, frame):
        """A TCP segment; once the last one is there: the number of the whole."""
        ip, body = frame[14:34], frame[34:]
        sequence = struct.unpack(">I", body[4:8])[0]
        if struct.unpack(">H", ip[2:4])[0] != len(frame) - 14 or ones_sum(ip) != 0xFFFF:
            self.fail("IPv4 header of a segment")
        if transport_sum(ip, TCP, body) != 0xFFFF:
            self.fail("TCP checksum of %d bytes" % len(frame))
        stream = self.streams.setdefault(sequence >> 16, b"")
        if sequence & 0xFFFF != len(stream):
            self.fail("segment at %d instead of %d" % (sequence & 0xFFFF, len(stream)))
        self.streams[sequence >> 16] += body[20:]
        if not body[13] & 8:
            return None, 60
        whole = frame[:54] + self.streams.pop(sequence >> 16)
        self.sizes.add(len(whole))
        return self.number_of(whole, 54), 60

    def take(self, frame):
        """(number, size of its echo) of a request; None: there is nothing to echo."""
        kind = struct.unpack(">H", frame[12:14])[0]
        self.sizes.add(len(frame))
        if kind == TYPE and not frame[18]:
            return self.number_of(frame, 14), len(frame)
        if kind == IPV4 and frame[23] == UDP and frame[34:36] == b"\x88\xb5":
            return self.take_udp(frame)
        if kind == IPV4 and frame[23] == TCP and frame[34:36] == b"\x88\xb5":
            return self.take_segment(frame)
        return None, 0

    def echo(self, deadline):
        while True:
            frame = self.get(deadline)
            if frame is None:
                return
            number, size = self.take(frame)
            if number is None:
                continue
            self.good += 1
            self.put(plain(number, size, frame[6:12], echo=True))

    def echo_behind(self, seconds=120):
        """Echoes in a thread, until stop()."""
        self.thread = threading.Thread(target=self.echo, args=[time.monotonic() + seconds])
        self.thread.start()

    def send(self, target, sizes, seconds=60):
        """Sends a frame of each size, no more than the window ahead; all echoes must come."""
        deadline = time.monotonic() + seconds
        waiting, following = {}, iter(enumerate(sizes))
        done = False
        while waiting or not done:
            while len(waiting) < WINDOW and sum(waiting.values()) < WINDOW_BYTES and not done:
                number, size = next(following, (None, None))
                done = number is None
                if not done:
                    waiting[number] = size
                    self.put(plain(number, size, target))
            frame = self.get(min(deadline, time.monotonic() + SILENCE)) if waiting else b""
            if frame is None:
                self.fail("no echo of %s" % sorted(waiting))
                return
            self.take_echo(frame, waiting)

    def wait_ready(self, seconds):
        """Waits until who is to echo says that it is ready."""
        deadline = time.monotonic() + seconds
        while True:
            frame = self.get(deadline)
            assert frame is not None, "nobody is ready to echo"
            if frame[12:19] == struct.pack(">HIB", TYPE, READY, 1):
                return

    def take_echo(self, frame, waiting):
        if len(frame) < 19 or frame[12:14] != b"\x88\xb5" or not frame[18]:
            return
        number = struct.unpack(">I", frame[14:18])[0]
        size = waiting.pop(number, None)
        if size is None:
            self.fail("echo of %d twice" % number)
        elif frame != plain(number, size, MAC, frame[6:12], True):
            self.fail("echo of %d bytes is wrong" % size)
        else:
            self.good += 1

    def pause(self):
        """Ends the echoing thread."""
        self.stopped.set()
        if self.thread:
            self.thread.join()
        self.thread = None
        self.stopped.clear()

    def check(self, count):
        """So many frames were right, and none was wrong, since the last check."""
        bad, good = self.bad, self.good
        self.bad, self.good, self.streams = [], 0, {}
        assert not bad, bad[:10]
        assert good == count

    def stop(self):
        self.pause()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

