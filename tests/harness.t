#!/bin/bash
# What the scripts promise: what they refuse, what they leave alone, and what
# the end of a guest becomes.

. "$(dirname "$0")/tap.sh"

unset KSRC FLAVOUR PEER
# The repositories here have kernels of their own.
export -n LINUX
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@localhost
export GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@localhost

# A small repository beside, with our scripts and a kernel of two files.
repo=$tap_tmp/repo
new_repo() {
	rm -rf "$repo"
	mkdir -p "$repo/patches"
	cp -r "$ROOT/scripts" "$ROOT/configs" "$ROOT/guest" "$ROOT/tests" "$ROOT/Makefile" "$repo"
}

# fake_kernel DIR VERSION PATCHLEVEL
fake_kernel() {
	rm -rf "$1"
	mkdir -p "$1/mm"
	printf 'VERSION = %s\nPATCHLEVEL = %s\nSUBLEVEL = 7\n' "$2" "$3" >"$1/Makefile"
	printf 'one\ntwo\nthree\n' >"$1/mm/a.c"
	echo '*.o' >"$1/.gitignore"
	echo ignored >"$1/mm/kept.o"
}

tree() {
	KSRC=$1 "$repo/scripts/tree"
}

head_of() {
	git -C "$repo/linux" rev-parse HEAD
}

# Commits a change of one line of mm/a.c. In: from, to.
edit() {
	sed -i "s/^$1$/$2/" "$repo/linux/mm/a.c"
	git -C "$repo/linux" commit -qam "mm: $1 becomes $2"
}

fake_kernel "$tap_tmp/k" 6 1
fake_kernel "$tap_tmp/old" 5 10
mkdir "$tap_tmp/empty"
tar -C "$tap_tmp" -cJf "$tap_tmp/k.tar.xz" k

new_repo
check 'tree: no source there' refuses 'no kernel source at' tree "$tap_tmp/nowhere"
check 'tree: not 6.1' refuses 'Linux 5.10.7, not Linux 6.1.y' tree "$tap_tmp/old"
check 'tree: no kernel' refuses 'not a kernel source tree' tree "$tap_tmp/empty"
check 'tree: nothing is left of these' test ! -e "$repo/linux" -a ! -e "$repo/linux.tmp"
check 'tree: from a directory' tree "$tap_tmp/k"
first=$(head_of)
check 'tree: ignored files are in the base' git -C "$repo/linux" cat-file -e base:mm/kept.o
new_repo
check 'tree: from a tarball' tree "$tap_tmp/k.tar.xz"
check 'tree: the base has the same hash' test "$first" = "$(head_of)"
new_repo
mkdir "$tap_tmp/home"
HOME=$tap_tmp/home git config --global core.autocrlf true
HOME=$tap_tmp/home TZ=Asia/Tokyo tree "$tap_tmp/k" 2>/dev/null
check 'tree: whatever the configuration' test "$first" = "$(head_of)"

check 'export: nothing to export' refuses 'no commits to export' "$repo/scripts/export"
edit two 2
edit three 3
check 'tree: refuses with commits' refuses "make export" tree ''
check 'export: writes patches' "$repo/scripts/export"
check 'export: one a commit' test -e "$repo/patches/0001-mm-two-becomes-2.patch" \
	-a -e "$repo/patches/0002-mm-three-becomes-3.patch"
check 'tree: nothing to do after export' tree ''
check 'tree: at another place, named as seen from here' \
	env -C "$repo" "KSRC=$tap_tmp/k" LINUX=other scripts/tree
check 'tree: and it is the same' test "$(git -C "$repo/other" rev-parse 'HEAD^{tree}')" = \
	"$(git -C "$repo/linux" rev-parse 'HEAD^{tree}')"
rm -rf "$repo/other"

find "$repo/patches" -printf '%p %T@\n' | sort >"$tap_tmp/before"
"$repo/scripts/export" 2>/dev/null
find "$repo/patches" -printf '%p %T@\n' | sort >"$tap_tmp/after"
check 'export: again changes nothing' cmp "$tap_tmp/before" "$tap_tmp/after"
cp -r "$repo/patches" "$tap_tmp/exported"
rm -rf "$repo/linux"
tree "$tap_tmp/k" 2>/dev/null
"$repo/scripts/export" 2>/dev/null
check 'export: of the applied series changes nothing' diff -r "$tap_tmp/exported" "$repo/patches"

printf 'why\n-- series --\nold\n-- end of series --\nend\n' >"$repo/patches/0000-cover-letter.txt"
"$repo/scripts/export" 2>/dev/null
check 'export: keeps the text of the cover letter' \
	test "$(sed -n '1p;$p' "$repo/patches/0000-cover-letter.txt" | xargs)" = 'why end'
check 'export: lists the series in it' grep -q '^  2  mm: three becomes 3$' "$repo/patches/0000-cover-letter.txt"
check 'export: drops what it said before' refuses '' grep -q '^old$' "$repo/patches/0000-cover-letter.txt"

echo dirty >>"$repo/linux/mm/a.c"
check 'tree: refuses with changes' refuses 'uncommitted changes' tree ''
check 'export: refuses with changes' refuses 'uncommitted changes' "$repo/scripts/export"
git -C "$repo/linux" reset -q --hard HEAD~1
check 'export: removes what is gone' "$repo/scripts/export"
check 'export: and only that' test ! -e "$repo/patches/0002-mm-three-becomes-3.patch" \
	-a -e "$repo/patches/0001-mm-two-becomes-2.patch"

cp "$tap_tmp/exported/0002"* "$repo/patches/"
check 'export: does not undo a change of patches/' refuses 'make tree' "$repo/scripts/export"
check 'tree: takes a new patch over' tree ''
check 'tree: and it is there' grep -qx 3 "$repo/linux/mm/a.c"

before=$(head_of)
sed 's/^-three/-drei/' "$tap_tmp/exported/0002"* >"$repo/patches/0002-mm-three-becomes-3.patch"
bad='patches/0002-mm-three-becomes-3.patch does not apply'
check 'tree: names the patch that does not apply' refuses "$bad" tree ''
check 'tree: and the file' refuses 'in patch failed: mm/a.c' tree ''
check 'tree: and leaves linux/ as it was' test "$before" = "$(head_of)" \
	-a -z "$(git -C "$repo/linux" status --porcelain)" -a ! -e "$repo/linux.am"
rm -rf "$repo/linux"
check 'tree: the same without a linux/' refuses "$bad" tree "$tap_tmp/k"
check 'tree: and then makes none' test ! -e "$repo/linux" -a ! -e "$repo/linux.tmp" -a ! -e "$repo/linux.am"
new_repo
tree "$tap_tmp/k" 2>/dev/null
mkdir "$repo/mutants"
edit two two_falsified
git -C "$repo/linux" format-patch -q -N --zero-commit --no-signature --abbrev=12 -o "$repo/mutants" HEAD~1
git -C "$repo/linux" reset -q --hard HEAD~1
check 'mutants: are planted beside' "$repo/scripts/mutants" source
check 'mutants: and are there' grep -qx two_falsified "$repo/build/planted/linux/mm/a.c"
check 'mutants: and not in linux/' refuses '' grep -qx two_falsified "$repo/linux/mm/a.c"
cp -r "$repo/mutants" "$tap_tmp/mutants"
check 'mutants: export' "$repo/scripts/mutants" export
check 'mutants: exporting what was planted changes nothing' diff -r "$tap_tmp/mutants" "$repo/mutants"
edit two 2
check 'mutants: names the one that does not apply' refuses 'mm: two becomes two_falsified of mutants/' \
	"$repo/scripts/mutants" source
check 'mutants: and where' refuses 'in patch failed: mm/a.c' "$repo/scripts/mutants" source

check 'make: bare make is help' grep -q "make tree" <(make -sC "$repo" 2>/dev/null)

# From here on the real kernel.
check 'vm kernel builds' "$ROOT/scripts/kernel"
new_repo
ln -s "$LINUX" "$repo/linux"
cp "$ROOT"/patches/*.patch "$repo/patches/"
printf 'CONFIG_LOCALVERSION="-bogus"\nCONFIG_NO_SUCH_SYMBOL=y\nCONFIG_MMU=n\n' >"$repo/configs/bogus.config"
check 'kernel: a symbol that does not exist' refuses 'CONFIG_NO_SUCH_SYMBOL=y' \
	env FLAVOUR=bogus "$repo/scripts/kernel"
check 'kernel: a symbol that cannot be off' refuses 'CONFIG_MMU=n' \
	env FLAVOUR=bogus "$repo/scripts/kernel"
check 'kernel: names the source of a flavour' test "$(FLAVOUR=vm "$repo/scripts/kernel" source)" = "$repo/linux"
check 'kernel: no such flavour' refuses "no flavour 'nonesuch'" env FLAVOUR=nonesuch "$repo/scripts/kernel"

check 'guest program builds' build_guest
echo more >"$tap_tmp/more"

# ends NAME STATUS WANTED-ON-STDERR PROGRAM ARG...
ends() {
	local name=$1 want=$2 says=$3 status
	shift 3
	"$ROOT/scripts/run" "$@" >"$tap_tmp/out" 2>"$tap_tmp/err"
	status=$?
	if [ $status -eq "$want" ] && grep -qF -- "$says" "$tap_tmp/err"; then
		ok "run: $name"
	else
		echo "status $status where $want was due, with: $says" >"$tap_tmp/why"
		not_ok "run: $name" "$tap_tmp/why" "$tap_tmp/err"
	fi
}

ends 'status 0' 0 '' "$guest" exit 0
ends 'status 7' 7 '' "$guest" exit 7
ends 'killed by a signal' 134 '' "$guest" abort
ends 'killed by an alarm set before exec' 142 '' "$guest" alarm 1 /guest/guest hang
FILES=$tap_tmp/more GUEST_ENV=WORD=there ends 'files, arguments, environment' 0 '' "$guest" echo 'two  words'
printf '<two  words><there>\n<error>\n' >"$tap_tmp/want"
check 'run: output arrives as it is' cmp "$tap_tmp/want" "$tap_tmp/out"
TIMEOUT=8 ends 'hang' 124 'guest did not end within TIMEOUT=8' "$guest" hang
ends 'panic' 122 'Kernel panic - not syncing: sysrq triggered crash' "$guest" panic
ends 'splat' 123 'BUG: looks bad' "$guest" log 'BUG: looks bad'
ends 'a marker from somebody else' 123 'end marker' "$guest" log 'guest: end: exit=0 taint=0 lockdep=none'
ends 'early end' 126 'no end marker' "$guest" reboot
APPEND=rdinit=/nonesuch ends 'no init' 122 'Kernel panic' "$guest" exit 0
QEMU=qemu-nonesuch ends 'no QEMU' 125 'qemu-nonesuch is missing' "$guest" exit 0
ends 'no program' 125 'no file' "$tap_tmp/nonesuch"
ends 'dynamically linked' 125 'link it with -static' /bin/true
MEM=x ends 'no size of memory' 125 'for example: MEM=2G' "$guest" exit 0
CPUS=0 ends 'no number of CPUs' 125 'CPUS=0 is not a number above 0' "$guest" exit 0
check 'run: only checked' env CHECK=1 FLAVOUR=nonesuch "$ROOT/scripts/run" "$guest" exit 1
check 'test: no flavour' refuses "no flavour 'nonesuch'" env FLAVOUR=nonesuch "$ROOT/scripts/test"
FLAVOUR=nonesuch ends 'no kernel' 125 'make kernel FLAVOUR=nonesuch' "$guest" exit 0

# A kernel that does not boot: any file that is none.
junk=$repo/build/junk$SUFFIX
mkdir -p "$junk/usr"
cp "$BUILD/vm$SUFFIX/usr/gen_init_cpio" "$junk/usr/"
head -c 100000 /dev/zero >"$junk/${KERNEL_IMAGE##*/}"
check 'run: a kernel that does not boot' refuses 'FAIL boot' \
	env FLAVOUR=junk BOOT_TIMEOUT=10 "$repo/scripts/run" "$guest" exit 0

"$ROOT/scripts/run" "$guest" exit 3 >/dev/null 2>&1 &
ends 'two at a time' 4 '' "$guest" exit 4
wait $!
check 'run: and the other' test $? -eq 3
done_testing
