#!/bin/bash
# What find, ls, du and python see is one tree, before and after it changes.
. "$(dirname "$0")/checks.sh"

SOURCE=$(source_tree)

one_tree() {
  local tree=$1
  echo 3 >/proc/sys/vm/drop_caches
  find "$tree" | sort >/tmp/find.names
  ls -AR1 "$tree" | grep -vc -e '^$' -e ':$' >/tmp/ls.count || true
  same "$(($(wc -l </tmp/find.names) - 1))" "$(cat /tmp/ls.count)"
  python3 - "$tree" >/tmp/python.names <<'END'
import os, stat, sys
root = os.fsencode(sys.argv[1])
found = [root]
for top, names, files in os.walk(root):
    found += [os.path.join(top, name) for name in names + files]
    with os.scandir(top) as entries:
        for entry in entries:
            status = os.lstat(entry.path)
            assert entry.inode() == status.st_ino, entry.path
            assert entry.is_dir(follow_symlinks=False) == stat.S_ISDIR(status.st_mode), entry.path
            assert entry.is_symlink() == stat.S_ISLNK(status.st_mode), entry.path
sys.stdout.buffer.write(b'\n'.join(sorted(found)) + b'\n')
END
  diff /tmp/find.names <(sort /tmp/python.names)
}

# A number belongs to one object; a directory has two links and one for each directory in it.
links_and_numbers() {
  python3 - "$1" <<'END'
import os, stat, sys
seen = {}
for top, names, files in os.walk(os.fsencode(sys.argv[1])):
    inner = sum(not os.path.islink(os.path.join(top, name)) for name in names)
    assert os.lstat(top).st_nlink == inner + 2, (top, os.lstat(top).st_nlink, inner)
    for name in files:
        status = os.lstat(os.path.join(top, name))
        looks = (status.st_mode, status.st_uid, status.st_gid, status.st_size, status.st_nlink, status.st_mtime_ns)
        assert seen.setdefault(status.st_ino, looks) == looks, (top, name)
END
}

before() {
  one_tree "$SOURCE"
  links_and_numbers "$SOURCE"
}

changed() {
  local one
  cp -a "$SOURCE" "$WORK/tree"
  # By the clock of the file system, which need not be ours.
  touch "$WORK/moment"
  sleep 0.1
  one=$(find "$WORK/tree" -type f -links 1 | sort | head -n 1)
  echo new >>"$one"
  mkdir "$WORK/tree/made"
  # Only these have changed since; the directory of the file has not.
  same "$(printf '%s\n' "$WORK/tree" "$WORK/tree/made" "$one" | sort)" \
    "$(find "$WORK/tree" -newercm "$WORK/moment" | sort)"
  rm -r "$WORK/tree/made"
  find "$WORK/tree" -mindepth 2 -type f -name '*1*' -delete
  one_tree "$WORK/tree"
  links_and_numbers "$WORK/tree"
}

emptied() {
  find "$WORK/tree" -depth -mindepth 1 -delete
  same '' "$(ls -A "$WORK/tree")"
  same 2 "$(stat -c %h "$WORK/tree")"
}

check 'a prepared tree' before
check 'after changes' changed
check 'removed by find' emptied
finish
