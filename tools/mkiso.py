#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes a bootable ISO: BIOS and UEFI, from CD and from a USB stick.

GRUB's two core images hold every module that is needed, so that GRUB loads
none from the medium: on a slow emulator that is most of its time. The same
input gives the same bytes. Called by make for verdigris.iso and by the
tests for their own (other modules, other command lines).
"""
import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

EPOCH = 1767225600  # 2026-01-01, the date of everything on the medium
DATE = "2026010100000000"
GRUB = "/usr/lib/grub"
COMMON_MODULES = "normal configfile test echo serial terminal iso9660 multiboot2 boot".split()
BIOS_MODULES = COMMON_MODULES + "biosdisk".split()
EFI_MODULES = COMMON_MODULES + (
    "part_gpt part_msdos fat search search_fs_file all_video efi_gop video halt".split()
)
EFI_IMAGE_KIB = 1440 * 2
MODULE_LINES = re.compile(r"^\tmultiboot2 .*\n(\tmodule2 .*\n)*", re.MULTILINE)


def run(*command, **options):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            env=dict(os.environ, SOURCE_DATE_EPOCH=str(EPOCH), LC_ALL="C"),
                            **options)
    if result.returncode:
        sys.exit("%s failed:\n%s" % (command[0], result.stdout.decode(errors="replace")))


def boot_lines(cmdline, modules):
    """The body of GRUB's menu entry. modules: list of (file, command line)."""
    lines = [("multiboot2 /boot/hypervisor.elf " + cmdline).rstrip()]
    lines += [("module2 /boot/%s %s" % module).rstrip() for module in modules]
    return "".join("\t%s\n" % line for line in lines)


def make_bios_image(tree, more_modules):
    run("grub-mkimage", "-O", "i386-pc-eltorito", "-d", GRUB + "/i386-pc", "-p", "/boot/grub",
        "-o", tree + "/boot/grub/bios.img", *BIOS_MODULES, *more_modules)


def make_efi_image(tree, work, marker):
    """A FAT image with BOOTX64.EFI, which finds its own medium by the marker."""
    with open(work + "/early.cfg", "w") as f:
        f.write("search --file --set=root %s\nset prefix=($root)/boot/grub\n" % marker)
    run("grub-mkimage", "-O", "x86_64-efi", "-d", GRUB + "/x86_64-efi", "-p", "/boot/grub",
        "-c", work + "/early.cfg", "-o", work + "/bootx64.efi", *EFI_MODULES)
    image = tree + "/boot/grub/efi.img"
    run("mformat", "-C", "-f", str(EFI_IMAGE_KIB), "-N", "56455244", "-i", image, "::")
    run("mmd", "-i", image, "::/EFI", "::/EFI/BOOT")
    run("mcopy", "-i", image, work + "/bootx64.efi", "::/EFI/BOOT/BOOTX64.EFI")


def make_iso(tree, out):
    # Two test groups may make the same ISO at once.
    part = "%s.part%d" % (out, os.getpid())
    run("xorriso", "-as", "mkisofs", "-quiet", "-o", part, "-V", "VERDIGRIS", "-r", "-J",
        "--modification-date=" + DATE, "--set_all_file_dates", "set_to_mtime",
        "--grub2-mbr", GRUB + "/i386-pc/boot_hybrid.img",
        "-b", "boot/grub/bios.img", "-no-emul-boot", "-boot-load-size", "4",
        "-boot-info-table", "--grub2-boot-info", "--protective-msdos-label",
        "-eltorito-alt-boot", "--efi-boot", "boot/grub/efi.img", "-efi-boot-part",
        "--efi-boot-image", tree)
    os.replace(part, out)


def set_times(tree):
    for where, folders, files in os.walk(tree):
        for name in folders + files:
            os.utime(os.path.join(where, name), (EPOCH, EPOCH))
    os.utime(tree, (EPOCH, EPOCH))


def build(out, files, cmdline="", modules=(), config="boot/grub.cfg", first="", grub_modules=()):
    """files: name in /boot -> path. modules: list of (name in /boot, line).

    first: GRUB's commands before its menu, grub_modules: what they need on a BIOS.
    """
    with tempfile.TemporaryDirectory(prefix="verdigris-iso-") as work:
        tree = work + "/tree"
        os.makedirs(tree + "/boot/grub")
        digest = hashlib.sha256((cmdline + repr(list(modules)) + first).encode())
        for name in sorted(files):
            shutil.copyfile(files[name], "%s/boot/%s" % (tree, name))
            with open(files[name], "rb") as f:
                digest.update(f.read())
        with open(config) as f:
            text = f.read()
        text, count = MODULE_LINES.subn(lambda _: boot_lines(cmdline, modules), text)
        if count != 1:
            sys.exit("%s: no multiboot2 line" % config)
        with open(tree + "/boot/grub/grub.cfg", "w") as f:
            f.write(first + text)
        marker = "/boot/grub/" + digest.hexdigest()[:16]
        open(tree + marker, "w").close()
        make_bios_image(tree, grub_modules)
        make_efi_image(tree, work, marker)
        set_times(tree)
        os.makedirs(os.path.dirname(os.path.abspath(out)), exist_ok=True)
        make_iso(tree, out)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True)
    parser.add_argument("--build", default="build", help="where the images are")
    parser.add_argument("--cmdline", default="", help="the hypervisor's options")
    parser.add_argument("--hypervisor", metavar="ELF")
    parser.add_argument("--root", metavar="ELF", help="instead of rootpart.elf")
    parser.add_argument("--no-root", action="store_true")
    parser.add_argument("--root-cmdline", default="", help="the root partition's options")
    parser.add_argument("--archive", metavar="CPIO", help="instead of boot.cpio")
    parser.add_argument("--no-archive", action="store_true")
    parser.add_argument("--module", nargs=2, action="append", default=[],
                        metavar=("PATH", "NAME"), help="a further module")
    return parser.parse_args()


def main():
    args = parse()
    files = {"hypervisor.elf": args.hypervisor or args.build + "/hypervisor.elf"}
    modules = []
    if not args.no_root:
        files["rootpart.elf"] = args.root or args.build + "/rootpart.elf"
        modules.append(("rootpart.elf", ("rootpart.elf " + args.root_cmdline).rstrip()))
    if not args.no_archive:
        files["boot.cpio"] = args.archive or args.build + "/boot.cpio"
        modules.append(("boot.cpio", "boot.cpio"))
    for path, name in args.module:
        files[name] = path
        modules.append((name, name))
    build(args.out, files, args.cmdline, modules)


if __name__ == "__main__":
    main()
