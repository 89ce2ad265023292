#!/bin/bash
# Databases of SQLite with each kind of journal; also one that is killed in the middle.
. "$(dirname "$0")/checks.sh"

# Twenty-five transactions of forty rows.
rows_in() {
  local turn
  echo "PRAGMA journal_mode=$1; PRAGMA synchronous=FULL; CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB, n INTEGER);"
  echo "CREATE INDEX t_n ON t (n);"
  for turn in $(seq 25); do
    echo "BEGIN; WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 40)"
    echo "INSERT INTO t (body, n) SELECT randomblob(300), i * $turn FROM c; COMMIT;"
  done
  echo "DELETE FROM t WHERE n % 7 = 0; UPDATE t SET body = zeroblob(2000) WHERE n % 11 = 0; VACUUM;"
}

database() {
  local mode=$1 file=$WORK/$1.db
  rows_in "$mode" | sqlite3 -bail "$file"
  same ok "$(sqlite3 "$file" 'PRAGMA integrity_check')"
  # Only the write-ahead log is remembered in the file.
  [ "$mode" != wal ] || same wal "$(sqlite3 "$file" 'PRAGMA journal_mode')"
  same "$(sqlite3 "$file" 'SELECT count(*) FROM t WHERE n % 7 <> 0')" "$(sqlite3 "$file" 'SELECT count(*) FROM t')"
}

# A writer dies in its transaction; what was committed is there, what was not is rolled back from the journal.
killed() {
  local file=$WORK/killed.db writer
  sqlite3 "$file" 'CREATE TABLE t (x BLOB); INSERT INTO t VALUES (zeroblob(100000));'
  mkfifo "$WORK/killed.in"
  sqlite3 -bail "$file" <"$WORK/killed.in" >/dev/null &
  writer=$!
  exec 7>"$WORK/killed.in"
  echo 'PRAGMA cache_size=2; BEGIN; UPDATE t SET x = randomblob(100000);' >&7
  echo 'WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 200)' >&7
  echo 'INSERT INTO t SELECT randomblob(2000) FROM c;' >&7
  sleep 2
  kill -9 "$writer"
  wait "$writer" || true
  exec 7>&-
  [ -s "$file-journal" ] || { echo 'there was no journal to roll back'; return 1; }
  same 1 "$(sqlite3 "$file" 'SELECT count(*) FROM t')"
  same ok "$(sqlite3 "$file" 'PRAGMA integrity_check')"
  same 0 "$(sqlite3 "$file" "SELECT count(*) FROM t WHERE x <> zeroblob(100000)")"
}

check 'delete journal' database delete
check 'truncate journal' database truncate
check 'write-ahead log' database wal
check 'killed in a transaction' killed
finish
