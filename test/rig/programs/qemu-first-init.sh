#!/bin/busybox sh
# /init of the QEMU guest's initramfs: loads the modules that the disk, the network and NFS need, finds the root image and hands
# over to guest-init.sh with /host as the rig packed it.
/bin/busybox --install -s /bin
mkdir -p /proc /sys /dev /root
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r module; do insmod "/modules/$module" || echo "guest: cannot load $module"; done </modules/order
for _ in 1 2 3 4 5 6 7 8 9 10; do
  [ -b /dev/vda ] && break
  sleep 0.2
done
mount -t ext4 /dev/vda /root || echo "guest: no root disk"
mount -t tmpfs none /root/host
cp -a /host/. /root/host/
mkdir -p /root/host/out
umount /dev /sys /proc
exec switch_root /root /bin/bash /host/system/guest-init.sh
