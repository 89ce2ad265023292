#!/bin/bash
# Programs, libraries and scripts that run from the directory; maps of files in it.
. "$(dirname "$0")/checks.sh"

program() {
  cp /bin/ls "$WORK/ls"
  same "$(ls -d /)" "$("$WORK/ls" -d /)"
  cmp /bin/ls "$WORK/ls"
}

script() {
  printf '#!/bin/sh\necho "$1 from a script"\n' >"$WORK/script"
  refused "$WORK/script" x
  chmod 755 "$WORK/script"
  same 'x from a script' "$("$WORK/script" x)"
}

library() {
  cd "$WORK"
  echo 'int answer(void) { return 42; }' >library.c
  echo 'int answer(void); int main(void) { return answer(); }' >user.c
  gcc -shared -fPIC -o libanswer.so library.c
  gcc -o user user.c -L. -lanswer -Wl,-rpath,"$WORK"
  local code=0
  ./user || code=$?
  same 42 $code
}

replaced_while_running() {
  cp /bin/sleep "$WORK/sleep"
  "$WORK/sleep" 3 &
  local running=$!
  cp /bin/true "$WORK/sleep.new"
  mv "$WORK/sleep.new" "$WORK/sleep"
  "$WORK/sleep" 100
  wait $running
}

# A program with the suid bit runs as its owner.
as_owner() {
  cp /usr/bin/id "$WORK/id"
  chown 60001 "$WORK/id"
  chmod 4755 "$WORK/id"
  same 60001 "$("$WORK/id" -u)"
}

interpreter() {
  cp "$(readlink -f "$(command -v python3)")" "$WORK/python"
  same 499500 "$("$WORK/python" -c 'print(sum(range(1000)))')"
}

maps() {
  head -c 3000001 /dev/urandom >"$WORK/mapped"
  python3 - "$WORK/mapped" <<'END'
import hashlib, mmap, sys
with open(sys.argv[1], 'r+b') as stream, mmap.mmap(stream.fileno(), 0) as view:
    assert hashlib.sha256(view).digest() == hashlib.sha256(stream.read()).digest()
    view[1_999_990:2_000_010] = b'written through a ma'
    view.flush()
    stream.seek(1_999_990)
    assert stream.read(20) == b'written through a ma'
END
  sync "$WORK/mapped"
  echo 1 >/proc/sys/vm/drop_caches
  same 'written through a ma' "$(tail -c +1999991 "$WORK/mapped" | head -c 20)"
}

check 'a program' program
check 'a script, when it may' script
check 'a shared library' library
check 'a program replaced while it runs' replaced_while_running
check 'suid' as_owner
check 'an interpreter' interpreter
check 'shared maps' maps
finish
