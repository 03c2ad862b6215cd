# shellcheck shell=bash disable=SC2034
# As arch-x86_64.sh: the same machine, with its CPUs in 32-bit mode.

. "$ROOT/scripts/arch-x86_64.sh"

KERNEL_ARCH=i386
CROSS_COMPILE=${CROSS_COMPILE:-i686-linux-gnu-}
GCC_PACKAGE=gcc-i686-linux-gnu
LIBC_PACKAGE=libc6-dev-i386-cross
DEBIAN_ARCH=i386
# kselftest_harness.h of 6.1 puts pointers into an intmax_t to print them.
KSELFTEST_CFLAGS=-Wno-pointer-to-int-cast
