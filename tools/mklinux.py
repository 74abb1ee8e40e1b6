#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Debian's own Linux as a child: its kernel, and a small initrd.

Takes the kernel that Debian's meta package depends on and busybox-static by
Debian's own commands (apt-cache, apt-get download, dpkg-deb), and keeps both
under ${XDG_CACHE_HOME:-~/.cache}/verdigris/linux. If the system's package
lists know no such package, or an older one that the mirror no longer has, it
fetches lists of its own there; without a network it takes the newest kept
one. The initrd is busybox, /init and what is added: modules with all that they
need, and fio, whose libraries for storage over networks are left out. What comes out
belongs to Debian: it goes into ISOs for tests, never into verdigris.iso.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

import mkcpio
import mkiso

BUILD = os.environ.get("BUILD", "build")
META = {"cloud": "linux-image-cloud-amd64", "amd64": "linux-image-amd64"}
BUSYBOX = "busybox-static"
INIT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                    "tests", "linux", "init")
# What /init and a person at its console call by name.
APPLETS = """basename blkdiscard blockdev cat cmp cut date dd dmesg echo env false free grep halt
    head hexdump insmod kill ln ls lsmod lsscsi mkdir mount nproc poweroff ps readlink reboot rm
    rmmod sed seq setsid sh sha256sum sleep sort stty sync tail taskset test time top tr true uname
    uptime vi wc""".split()
FIO = "usr/bin/fio"
# Of the packages that fio depends on; the names have an ending since Debian 13.
FIO_LIBRARIES = re.compile(r"(libaio1|libc6|libnuma1|zlib1g)(t64)?$")
LINK = 0o120777
PROGRESS = 3 * 60  # seconds that one command may take
SPACE = 3


class Failure(Exception):
    """One line for the person who asked."""


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "verdigris", "linux")


def run(command, **options):
    """Output of a command; a Failure with its own last error line."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=dict(os.environ, LC_ALL="C"), timeout=PROGRESS, **options)
    except FileNotFoundError:
        raise Failure("%s is missing: this needs Debian" % command[0]) from None
    except subprocess.TimeoutExpired:
        raise Failure("%s took more than %d seconds" % (command[0], PROGRESS)) from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().split("\n")
        errors = [line for line in said if re.match("E:|tar:|dpkg-deb: error", line)] or said
        raise Failure("%s: %s" % (command[0], errors[0] or "status %d" % done.returncode))
    return done.stdout


class Lists:
    """Package lists: the system's, or with a folder some of our own."""

    def __init__(self, folder=None):
        self.options = []
        if folder:
            for name in ("state/lists/partial", "cache/archives/partial"):
                os.makedirs(os.path.join(folder, name), exist_ok=True)
            self.options = ["-o", "Dir::State::Lists=%s/state/lists" % folder,
                            "-o", "Dir::Cache=%s/cache" % folder]
            run(["apt-get", *self.options, "-q", "update", "-o", "APT::Update::Error-Mode=any"])

    def candidate(self, package):
        """Fields of the version that would be installed."""
        text = run(["apt-cache", *self.options, "show", "--no-all-versions", package]).decode()
        fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", text, re.MULTILINE))
        if "Version" not in fields:
            raise Failure("no package %s is known" % package)
        return fields

    def resolve(self, package):
        """(package, version), of a meta package what it depends on."""
        fields = self.candidate(package)
        if package in META.values():
            needs = re.search(r"(linux-image-[\w.+-]+) \(= ([^)]+)\)", fields.get("Depends", ""))
            if not needs:
                raise Failure("%s depends on no kernel: %s" % (package, fields.get("Depends")))
            return needs.groups()
        return package, fields["Version"]

    def download(self, package, version, folder):
        """Into an empty folder; returns the path."""
        known = run(["apt-cache", *self.options, "show", "%s=%s" % (package, version)]).decode()
        size = int(re.search(r"^Size: (\d+)$", known, re.MULTILINE).group(1))
        free = shutil.disk_usage(folder).free
        # The package, and what is taken out of it.
        if free < SPACE * size:
            raise Failure("%s needs %d MiB in %s, where %d MiB are free" % (
                package, SPACE * size >> 20, cache(), free >> 20))
        run(["apt-get", *self.options, "-q", "-o", "APT::Sandbox::User=root", "download",
             "%s=%s" % (package, version)], cwd=folder)
        [name] = os.listdir(folder)
        return os.path.join(folder, name)


class Package:
    """A Debian package in the cache; files of it are taken out when asked for."""

    def __init__(self, folder):
        self.folder = folder
        self.name, self.version = os.path.basename(folder).split("_", 1)
        self.deb = os.path.join(folder, "package.deb")

    def files(self, names):
        """Paths of files of the package, by their names in it, without a slash in front."""
        out = os.path.join(self.folder, "files")
        missing = [name for name in names if not os.path.exists(os.path.join(out, name))]
        if missing:
            self.extract(missing, out)
        return [os.path.join(out, name) for name in names]

    def extract(self, names, out):
        os.makedirs(out, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="part-", dir=self.folder) as part:
            with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", self.deb],
                                  stdout=subprocess.PIPE) as unpacker:
                run(["tar", "-x", "-C", part, *["./" + name for name in names]],
                    stdin=unpacker.stdout)
            for name in names:
                os.makedirs(os.path.dirname(os.path.join(out, name)), exist_ok=True)
                os.replace(os.path.join(part, name), os.path.join(out, name))

    def contents(self):
        text = run(["dpkg-deb", "--contents", self.deb]).decode()
        return [line.split(" ./", 1)[1] for line in text.split("\n") if " ./" in line]

    def depends(self):
        """Names of packages, without versions."""
        text = run(["dpkg-deb", "--field", self.deb, "Depends"]).decode()
        return re.findall(r"(?:^|[,|]) *([a-z0-9.+-]+)", text)

    def libraries(self):
        """Paths in the package of shared libraries, by the names that programs want."""
        found = {}
        for entry in self.contents():
            match = re.match(r"((?:\S*/)?lib/\S+/)([^/ ]+\.so\.\d+)(?: -> (\S+))?$", entry)
            if match and "/" not in (match.group(3) or ""):
                found[match.group(2)] = match.group(1) + (match.group(3) or match.group(2))
        return found


def fetch_from(lists, package):
    name, version = lists.resolve(package)
    folder = os.path.join(cache(), "%s_%s" % (name, version))
    if not os.path.exists(os.path.join(folder, "package.deb")):
        os.makedirs(cache(), exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="part-", dir=cache()) as part:
            deb = lists.download(name, version, part)
            os.makedirs(folder, exist_ok=True)
            os.replace(deb, os.path.join(folder, "package.deb"))
    return Package(folder)


def newest_kept(package):
    """What an earlier fetch left, of the same kind."""
    pattern = {META["cloud"]: r"linux-image-[\d.-]+-cloud-amd64_",
               META["amd64"]: r"linux-image-[\d.-]+-amd64_"}.get(package, package + "_")
    kept = [os.path.join(cache(), name)
            for name in (os.listdir(cache()) if os.path.isdir(cache()) else [])
            if re.match(pattern, name) and os.path.exists("%s/%s/package.deb" % (cache(), name))]
    return Package(max(kept, key=os.path.getmtime)) if kept else None


def fetch(package):
    """A Package: the newest that Debian has, or that was kept."""
    try:
        return fetch_from(Lists(), package)
    except Failure:
        pass
    try:
        return fetch_from(Lists(os.path.join(cache(), "apt")), package)
    except (Failure, OSError) as error:
        kept = newest_kept(package)
        if not kept:
            raise Failure("cannot get %s: %s" % (package, error)) from error
        print("mklinux: cannot ask for %s (%s); taking %s %s, which was kept"
              % (package, error, kept.name, kept.version), file=sys.stderr)
        return kept


class Kernel:
    """A kernel by its flavour: cloud or amd64."""

    def __init__(self, flavour):
        self.package = fetch(META[flavour])
        self.release = self.package.name[len("linux-image-"):]
        [self.path] = self.package.files(["boot/vmlinuz-" + self.release])

    def __str__(self):
        return "%s %s" % (self.package.name, self.package.version)

    def modules(self, names):
        """Paths of modules (hv_storvsc, sd_mod) in this order, each behind those that it needs."""
        if not names:
            return []
        names = [name.replace("-", "_") for name in names]
        place = {os.path.basename(path)[:-len(".ko")].replace("-", "_"): path
                 for path in self.package.contents() if path.endswith(".ko")}
        unknown = [name for name in names if name not in place]
        if unknown:
            raise Failure("%s has no module %s" % (self, " ".join(unknown)))
        # All at once: each look into the package takes a second.
        self.package.files([place[name] for name in names])
        paths = []
        for name in names:
            self.add_module(name, place, paths)
        return paths

    def add_module(self, name, place, paths):
        [path] = self.package.files([place[name]])
        if path in paths:
            return
        with open(path, "rb") as f:
            needs = re.search(rb"\0depends=([^\0]*)\0", f.read()).group(1).decode()
        for other in needs.split(",") if needs else []:
            self.add_module(other.replace("-", "_"), place, paths)
        paths.append(path)


def dynamic(path):
    """Names of the libraries that a program or library wants."""
    return re.findall(r"\(NEEDED\).*\[(\S+)\]", run(["readelf", "-dW", path]).decode())


def symbols(path):
    """(defined, name, version or None) of what it gives to others, and wants of them."""
    # Number, value, size, type, binding, visibility, section, name.
    pattern = re.compile(r"^ *\d+: +\S+ +\S+ +(?:FUNC|OBJECT|IFUNC|TLS) +(?:GLOBAL|WEAK) +\S+ "
                         r"+(\S+) +([^\s@]+)(?:@+(\S+))?", re.MULTILINE)
    return [(section != "UND", name, version or None) for section, name, version in
            pattern.findall(run(["readelf", "--dyn-syms", "-W", path]).decode())]


def stand_in(out, program, libraries):
    """A library with all functions that @program wants and @libraries do not have.

    Whoever calls one of them ends by an illegal instruction.
    """
    there = {name for path in libraries for defined, name, _ in symbols(path) if defined}
    wanted = sorted({(version or "", name) for defined, name, version in symbols(program)
                     if not defined and name not in there})
    versions = "".join("%s { global: %s; };\n" % (
        version, "; ".join(name for other, name in wanted if other == version))
        for version in sorted({version for version, _ in wanted if version}))
    with tempfile.TemporaryDirectory(prefix="part-", dir=os.path.dirname(out)) as part:
        with open(part + "/code.s", "w") as f:
            f.write(".section .note.GNU-stack, \"\", @progbits\n.text\n")
            f.writelines(".globl {0}\n.type {0}, @function\n{0}: ud2\n".format(name)
                         for _, name in wanted)
        with open(part + "/versions", "w") as f:
            f.write(versions)
        run(["gcc", "-shared", "-nostdlib", "-s", part + "/code.s", "-o", part + "/out",
             "-Wl,--version-script=%s/versions" % part])
        os.replace(part + "/out", out)


def fio():
    """Files of an initrd that has Debian's fio: (path in it, path here).

    It is linked to clients of stores on networks and their dozens of libraries, which
    nobody here calls: in their places lies a library that traps.
    """
    package = fetch("fio")
    [program] = package.files([FIO])
    place = {}
    for name in package.depends():
        if FIO_LIBRARIES.match(name):
            other = fetch(name)
            place.update({soname: (other, path) for soname, path in other.libraries().items()})
    found, left_out, look_at = {}, [], dynamic(program)
    while look_at:
        name = look_at.pop()
        if name not in place:
            left_out.append(name)
        elif name not in found:
            library, path = place[name]
            [found[name]] = library.files([path])
            look_at += dynamic(found[name])
    stand_in_path = os.path.join(package.folder, "left-out.so")
    if not os.path.exists(stand_in_path):
        stand_in(stand_in_path, program, found.values())
    loader = "ld-linux-x86-64.so.2"
    files = {"lib/" + name: path for name, path in found.items() if name != loader}
    files.update(("lib/" + name, stand_in_path) for name in left_out)
    return [("bin/fio", program), ("lib64/" + loader, found[loader]), *sorted(files.items())]


def initrd(out, kernel=None, modules=(), files=(), init=INIT):
    """Writes an initrd. modules: names, loaded by /init in this order behind those they need.

    files: list of (path in it, path here).
    """
    [busybox] = fetch(BUSYBOX).files(["bin/busybox"])
    with open(busybox, "rb") as f:
        entries = {"bin/busybox": (mkcpio.PROGRAM, f.read())}
    with open(init, "rb") as f:
        entries["init"] = (mkcpio.PROGRAM, f.read())
    for name in APPLETS:
        entries["bin/" + name] = (LINK, b"busybox")
    for name in ("dev", "proc", "sys", "tmp"):
        entries[name] = (mkcpio.DIRECTORY, b"")
    for number, path in enumerate(kernel.modules(modules) if modules else ()):
        with open(path, "rb") as f:
            entries["modules/%02d-%s" % (number, os.path.basename(path))] = (mkcpio.FILE, f.read())
    for name, path in files:
        entries[name] = mkcpio.read_file(path)
    part = "%s.part%d" % (out, os.getpid())
    with open(part, "wb") as f:
        f.write(mkcpio.archive(entries))
    os.replace(part, out)
    return out


def iso(out, folder):
    """The shipped images and, in /boot/extra, what main() made in @folder."""
    names = ("hypervisor.elf", "rootpart.elf", "boot.cpio")
    archive = folder + "/extra.cpio"
    with open(archive, "wb") as f:
        f.write(mkcpio.archive({name: mkcpio.read_file("%s/%s" % (folder, name))
                                for name in ("vmlinuz", "initrd")}))
    files = {name: "%s/%s" % (BUILD, name) for name in names}
    mkiso.build(out, dict(files, **{"extra.cpio": archive}), "",
                [(name, name) for name in names[1:] + ("extra.cpio",)])


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--flavour", choices=sorted(META), default="cloud")
    parser.add_argument("--out", default=BUILD + "/linux",
                        help="folder for vmlinuz and initrd")
    parser.add_argument("--module", action="append", default=[], metavar="NAME",
                        help="loaded by /init, in this order, with all that it needs")
    parser.add_argument("--fio", action="store_true", help="with Debian's fio")
    parser.add_argument("--file", nargs=2, action="append", default=[], metavar=("NAME", "PATH"))
    parser.add_argument("--iso", metavar="PATH", help="an ISO for make run, too")
    parser.add_argument("--init", default=INIT, metavar="PATH", help="instead of tests/linux/init")
    return parser.parse_args()


def main():
    args = parse()
    try:
        kernel = Kernel(args.flavour)
        os.makedirs(args.out, exist_ok=True)
        shutil.copyfile(kernel.path, args.out + "/vmlinuz")
        initrd(args.out + "/initrd", kernel, args.module,
               args.file + (fio() if args.fio else []), args.init)
        if args.iso:
            iso(args.iso, args.out)
    except (Failure, OSError) as error:
        sys.exit("mklinux: %s" % error)
    print("%s: %s/vmlinuz, %s/initrd" % (kernel, args.out, args.out))


if __name__ == "__main__":
    main()
