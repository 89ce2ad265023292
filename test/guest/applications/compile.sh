#!/bin/bash
# A program of 200 C files in 20 objects, built by make; make must see by the times what has changed.
. "$(dirname "$0")/checks.sh"

FILES=200
OBJECTS=20
TREE=$WORK/program

generate() {
  mkdir -p "$TREE/src" "$TREE/include"
  cd "$TREE"
  local number object
  for ((number = 1; number <= FILES; number++)); do
    echo "int f$number(int x);" >"include/f$number.h"
    printf '#include "f%d.h"\nint f%d(int x) { return x + %d; }\n' "$number" "$number" "$number" >"src/f$number.c"
  done
  for ((object = 0; object < OBJECTS; object++)); do
    for ((number = object + 1; number <= FILES; number += OBJECTS)); do
      echo "#include \"../src/f$number.c\""
    done >"src/all$object.c"
  done
  {
    echo 'int printf(const char *, ...);'
    for ((number = 1; number <= FILES; number++)); do echo "#include \"f$number.h\""; done
    echo 'int main(void) { int x = 0;'
    for ((number = 1; number <= FILES; number++)); do echo "x = f$number(x);"; done
    echo 'printf("%d\n", x); return 0; }'
  } >src/main.c
  cat >Makefile <<'END'
OBJECTS := $(patsubst src/%.c,obj/%.o,$(wildcard src/all*.c))
program: lib.a obj/main.o
	$(CC) -o $@ obj/main.o lib.a
lib.a: $(OBJECTS)
	ar rcs $@ $^
obj/%.o: src/%.c | obj
	$(CC) -Iinclude -MMD -O0 -c -o $@ $<
	@echo $< >>built
obj:
	mkdir obj
-include $(wildcard obj/*.d)
END
}

build() {
  cd "$TREE"
  make -s -j2
  same $((OBJECTS + 1)) "$(wc -l <built)"
  same $((FILES * (FILES + 1) / 2)) "$(./program)"
}

nothing_to_do() {
  cd "$TREE"
  make -q
}

rebuild() {
  cd "$TREE"
  : >built
  echo '/* changed */' >>include/f7.h
  refused make -q
  make -s -j2
  same 'src/all6.c src/main.c' "$(sort built | paste -sd' ')"
  make -q
}

clean() {
  cd "$TREE"
  rm -r obj lib.a program
  make -s obj/all1.o
  test -s obj/all1.o
}

check 'generate' generate
check 'build and run' build
check 'nothing to do after a build' nothing_to_do
check 'one header changed' rebuild
check 'remove and build one' clean
finish
