#!/bin/sh
# usage: uml-shut-in.sh WORK IMAGES MEMORY_MIB UML-ARGUMENT...
#
# Pid 1 of fresh pid, mount, uts and ipc namespaces; starts User-Mode Linux in a root with nothing in it but /usr, the
# work directory (as /machine) and the images (as /images, read-only), as nobody.
#
# Why: User-Mode Linux runs its guest's programs as traced processes. When the tracer is killed they go on NATIVELY, on
# the host, in the middle of whatever they did. Here they die at once, because the kernel kills all of a pid
# namespace with its pid 1, and in the moment before that they have neither privileges nor files of the host.
set -eu
work=$1 images=$2 memory_mib=$3
shift 3
root=$work/root
mount -t tmpfs -o mode=0755,size=1m none "$root"
cd "$root"
mkdir usr proc dev dev/net memory machine images
mount --bind /usr usr
mount -o remount,bind,ro usr
for name in bin sbin lib lib64; do
  if [ -L "/$name" ]; then ln -s "usr/$name" "$name"; else mkdir "$name"; mount --bind "/$name" "$name"; fi
done
mknod -m 666 dev/null c 1 3
mknod -m 666 dev/zero c 1 5
mknod -m 666 dev/random c 1 8
mknod -m 666 dev/urandom c 1 9
mknod -m 666 dev/net/tun c 10 200
mount -t proc none proc
mount -t tmpfs -o "mode=1777,size=$((memory_mib + 64))m" none memory
mount --bind "$work" machine
mount --bind "$images" images
mount -o remount,bind,ro images
export HOME=/machine TMPDIR=/memory
# Not exec: this shell stays pid 1, so that a kill reaches tracer and traced processes in the same moment.
status=0
chroot --userspec=65534:65534 . /usr/bin/linux.uml "$@" || status=$?
exit "$status"
