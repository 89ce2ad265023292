#!/bin/bash
# A tree with every type of object, for an image or for a script that was given none: make-sample-tree.sh DIRECTORY
set -eu
TREE=$1

mkdir -p "$TREE"/bin "$TREE"/lib/deep/er "$TREE"/etc "$TREE"/empty
for number in {1..60}; do echo "setting $number" >"$TREE/etc/conf$number"; done
head -c 900000 /dev/urandom | split -b 15013 -d - "$TREE/lib/data"
cp /bin/true "$TREE/bin/program"
ln "$TREE/bin/program" "$TREE/bin/same"
ln "$TREE/lib/data07" "$TREE/lib/deep/er/data07"
ln -s ../lib "$TREE/bin/to_lib"
ln -s /no/where "$TREE/etc/dangling"
mkfifo "$TREE/etc/pipe"
mknod "$TREE/etc/null" c 1 3
mknod "$TREE/etc/disk" b 7 200
truncate -s 5000000 "$TREE/lib/sparse"
chmod 4755 "$TREE/bin/program"
chmod 1777 "$TREE/empty"
chown -h 60001:60002 "$TREE"/etc/conf1* "$TREE/etc/dangling"
touch -d '2001-02-03 04:05:06.789' "$TREE"/etc/conf2* "$TREE/lib/deep"
