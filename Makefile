# Bare `make` prints what there is. Each target is a script of the same name
# in scripts/, which says at its top what it takes.

FLAVOUR ?=
export ARCH KSRC LINUX KVM CPUS MEM TIMEOUT BOOT_TIMEOUT FILES GUEST_ENV APPEND T PEER RUNS
export SEED SECS HANG ONLY JOBS

# vm where one flavour is needed and none was asked for.
flavour = FLAVOUR=$(or $(FLAVOUR),vm)

help:
	@echo 'make tree      linux/: the base kernel as a git tree, a commit for each patch'
	@echo 'make export    patches/ from the commits of linux/'
	@echo 'make kernel    build linux/ into build/FLAVOUR/ [FLAVOUR=vm]'
	@echo 'make selftests headers and kselftests of the series, static, into build/selftests/'
	@echo 'make run       run PROG=<static program> [ARGS=...] in a guest'
	@echo 'make demo      run the demo in a guest with the patched kernel'
	@echo 'make stress    run the fuzzer in a guest [SEED=...] [SECS=60] [HANG=...] [FLAVOUR=vm]'
	@echo 'make bench     what moving costs, and what else got slower [PEER=linux-source-6.12] [RUNS=3]'
	@echo 'make bench-quick  instructions a page, one boot, beside what is aimed at [CASE=names]'
	@echo 'make test      everything that must hold [T=one test or test case] [FLAVOUR=...]'
	@echo 'make test-all  all there is, about 2 h with JOBS=2: a table at the end [SECS=600] [JOBS=1] [ONLY=names, or help]'
	@echo 'make check     the series itself: style (scripts/check style: only that); what each commit touches compiles without a warning, the last one whole'
	@echo 'make mutants   plant bugs in our code, one a boot: the tests must notice each [MUTANT=names]'
	@echo 'make clean     remove build/'
	@echo
	@echo "flavours: $$(scripts/kernel flavours)(ARCH=arm64: $$(ARCH=arm64 scripts/kernel flavours))"
	@echo "machines: ARCH=x86_64, arm64 (64-bit, pages of 4 KiB; vm64k: 64 KiB), i386"
	@echo 'KSRC=<Linux 6.1.y directory or tarball> if not the one in /usr/src'
	@echo 'for run: CPUS=2 (4 for arm64) MEM=2G TIMEOUT=600 FILES= GUEST_ENV= APPEND= KVM=1'

tree export check selftests test-all:
	@scripts/$@

kernel:
	@$(flavour) scripts/kernel

# A program that can't be run is refused before the kernel is built.
run:
	@$(flavour) CHECK=1 scripts/run $(PROG)
	@$(flavour) scripts/kernel
	@$(flavour) scripts/run $(PROG) $(ARGS)

demo:
	@FLAVOUR=vm scripts/demo

stress:
	@$(flavour) scripts/stress

test:
	@FLAVOUR=$(FLAVOUR) scripts/test

bench-quick:
	@scripts/bench quick $(CASE)

bench:
	@scripts/bench

mutants:
	@scripts/mutants $(MUTANT)

clean:
	rm -rf build

.PHONY: help tree export check selftests kernel run demo stress test test-all bench bench-quick mutants clean
