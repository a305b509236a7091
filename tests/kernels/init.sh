#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
#
# The first and only process of a guest (run.py): runs the stages, sends what they left as a
# tar archive over the second serial line, and turns the machine off.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /out
for module in /modules/*; do
	insmod "$module" || echo "$module" >>/out/unloaded
done
echo "runs $(uname -r)"
# shellcheck disable=SC2046 # words
sh /kernels/stages.sh /kernels /out $(cat /kernels/probes)
dmesg >/out/dmesg
cat /proc/sys/kernel/tainted >/out/tainted
stty -F /dev/ttyS1 raw
tar -c -C /out . >/dev/ttyS1
poweroff -f
