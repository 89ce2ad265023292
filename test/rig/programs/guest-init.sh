#!/bin/bash
# Pid 1 of every guest, User-Mode Linux and QEMU alike. Finds its settings and programs in /host (the work directory, or
# a copy of it), sets the machine up and runs the agent; when the agent ends the machine is switched off.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb
mount -t proc proc /proc
mount -t sysfs sys /sys
mountpoint -q /dev || mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts pts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t tmpfs -o mode=1777 tmp /tmp
mount -t tmpfs -o mode=0755 run /run
mkdir -p /run/lock /run/rpcbind
ln -sf /proc/self/fd /dev/fd
ln -sf fd/0 /dev/stdin
ln -sf fd/1 /dev/stdout
ln -sf fd/2 /dev/stderr
. /host/system/guest.env
hostname guest
ip link set lo up
ip link set vec0 name eth0 2>/dev/null
if [ -n "$GUEST_ADDRESS" ]; then
  ip link set eth0 address "$GUEST_MAC"
  ip addr add "$GUEST_ADDRESS" dev eth0
  ip link set eth0 up
fi
# Standard output is the console: what the agent has to say about itself is seen if it dies.
# The device may be a pattern: the number of a QEMU port is not ours to choose.
python3 -u /host/system/guest-agent.py $GUEST_CHANNEL
echo "guest: the agent ended with $?"
echo 1 >/proc/sys/kernel/sysrq
echo o >/proc/sysrq-trigger
sleep 10
