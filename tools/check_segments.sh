#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_segments.sh ELF...: fails for an image with a segment that may be both
# written and executed, and for one without any segment. Part of the build.
set -eu
for image; do
    readelf -lW "$image" | awk -v image="$image" '
        $1 == "LOAD" {
            count++
            flags = ""
            for (i = 7; i < NF; i++)
                flags = flags $i
            if (flags ~ /W/ && flags ~ /E/) {
                print image ": a segment is writable and executable: " $0
                bad = 1
            }
        }
        END {
            if (!count) {
                print image ": no segments"
                bad = 1
            }
            exit bad
        }'
done
