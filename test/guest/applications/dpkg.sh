#!/bin/bash
# Packages built on the mount, installed into a root on the mount: install, upgrade, verify, remove, purge.
. "$(dirname "$0")/checks.sh"

ROOT=$WORK/root

build() {
  local version=$1 tree=$WORK/package-$1 number
  mkdir -p "$tree/DEBIAN" "$tree/usr/bin" "$tree/usr/share/sample/deep" "$tree/etc"
  for number in $(seq 80); do echo "$version $number" >"$tree/usr/share/sample/file$number"; done
  [ "$version" = 1 ] && echo only >"$tree/usr/share/sample/deep/only-in-1"
  [ "$version" = 2 ] && echo only >"$tree/usr/share/sample/only-in-2"
  printf '#!/bin/sh\necho %s\n' "$version" >"$tree/usr/bin/sample"
  ln "$tree/usr/bin/sample" "$tree/usr/bin/sample-again"
  ln -s sample "$tree/usr/bin/sample-link"
  echo "setting of $version" >"$tree/etc/sample.conf"
  echo /etc/sample.conf >"$tree/DEBIAN/conffiles"
  chmod 755 "$tree/usr/bin/sample"
  chmod 2755 "$tree/usr/share/sample/deep"
  printf 'Package: sample\nVersion: %s\nArchitecture: all\nMaintainer: a <a@example.org>\nDescription: sample\n' \
    "$version" >"$tree/DEBIAN/control"
  printf '#!/bin/sh\nset -e\necho "%s $1" >>"$DPKG_ROOT/var/log/scripts"\n' "$version" >"$tree/DEBIAN/postinst"
  chmod 755 "$tree/DEBIAN/postinst"
  dpkg-deb --root-owner-group -Zgzip --build "$tree" "$WORK/sample_$version.deb"
  dpkg-deb --contents "$WORK/sample_$version.deb" | grep -q file80
}

into_root() {
  dpkg --root="$ROOT" --force-script-chrootless --force-confold --no-triggers --no-pager "$@"
}

prepare_root() {
  mkdir -p "$ROOT/var/lib/dpkg/info" "$ROOT/var/lib/dpkg/updates" "$ROOT/var/lib/dpkg/triggers" "$ROOT/var/log"
  : >"$ROOT/var/lib/dpkg/status"
  : >"$ROOT/var/lib/dpkg/available"
}

build_both() {
  build 1
  build 2
}

install_first() {
  prepare_root
  into_root -i "$WORK/sample_1.deb"
  same 'install ok installed' "$(dpkg-query --admindir="$ROOT/var/lib/dpkg" -W -f='${Status}' sample)"
  same 1 "$(sh "$ROOT/usr/bin/sample")"
  same 2 "$(stat -c %h "$ROOT/usr/bin/sample")"
  same 2755 "$(stat -c %a "$ROOT/usr/share/sample/deep")"
  same '' "$(into_root --verify sample)"
}

upgrade() {
  echo 'my own setting' >"$ROOT/etc/sample.conf"
  into_root -i "$WORK/sample_2.deb"
  same 2 "$(sh "$ROOT/usr/bin/sample-link")"
  same '2 80' "$(cat "$ROOT/usr/share/sample/file80")"
  same 'my own setting' "$(cat "$ROOT/etc/sample.conf")"
  test ! -e "$ROOT/usr/share/sample/deep/only-in-1"
  test -e "$ROOT/usr/share/sample/only-in-2"
  same '1 configure,2 configure' "$(paste -sd, "$ROOT/var/log/scripts")"
  same '' "$(find "$ROOT" -name '*.dpkg-new' -o -name '*.dpkg-tmp')"
}

downgrade_and_purge() {
  into_root --force-downgrade -i "$WORK/sample_1.deb"
  into_root --remove sample
  test -e "$ROOT/etc/sample.conf"
  test ! -e "$ROOT/usr/share/sample"
  into_root --purge sample
  test ! -e "$ROOT/etc/sample.conf"
  test ! -e "$ROOT/usr"
}

check 'build two versions' build_both
check 'install' install_first
check 'upgrade keeps the changed setting' upgrade
check 'downgrade, remove, purge' downgrade_and_purge
finish
