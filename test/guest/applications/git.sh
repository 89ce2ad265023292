#!/bin/bash
# A repository from init to garbage collection.
. "$(dirname "$0")/checks.sh"

export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
REPO=$WORK/repo

first_commit() {
  git init -q -b main "$REPO"
  cd "$REPO"
  local number
  mkdir d{0..9}
  for number in {1..200}; do
    printf "%s line of $number\n" {1..300} >"d$((number % 10))/f$number"
  done
  ln -s d1/f1 link
  git add -A
  git commit -q -m first
  same '' "$(git status --porcelain)"
}

more_commits() {
  cd "$REPO"
  local number
  for number in {1..8}; do
    echo "$number" >>"d$((number % 10))/f$number"
    git mv "d$((number % 10))/f$((number + 100))" "moved$number"
    git commit -q -a -m "change $number"
  done
  same 9 "$(git rev-list --count HEAD)"
}

branch_and_merge() {
  cd "$REPO"
  git checkout -q -b side
  git rm -q -r d3
  git commit -q -m 'without d3'
  git checkout -q main
  test -d d3
  echo more >new
  git add new
  git commit -q -m new
  git checkout -q side
  test ! -e new
  test ! -e d3
  git checkout -q main
  git merge -q -m merged side
  test -e new
  test ! -e d3
}

collect() {
  cd "$REPO"
  git gc -q --aggressive --prune=now
  test -n "$(ls .git/objects/pack/*.pack)"
  git fsck --full --strict
}

clones() {
  git clone -q "$REPO" "$WORK/hard_linked"
  git clone -q --no-hardlinks --bare "$REPO" "$WORK/bare.git"
  git clone -q "$WORK/bare.git" "$WORK/second"
  diff -r --exclude=.git "$REPO" "$WORK/second"
  diff -r --exclude=.git "$REPO" "$WORK/hard_linked"
  cd "$WORK/second"
  git fsck --full
  echo pushed >pushed
  git add pushed
  git commit -q -m pushed
  git push -q origin main
  cd "$REPO"
  git pull -q --no-rebase "$WORK/bare.git" main
  same pushed "$(cat pushed)"
}

check 'init, add 200 files, commit' first_commit
check 'eight commits with renames' more_commits
check 'branch, checkout, merge' branch_and_merge
check 'gc and fsck' collect
check 'clone, push, pull' clones
finish
