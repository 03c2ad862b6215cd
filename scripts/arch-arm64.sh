# shellcheck shell=bash disable=SC2034
# As arch-x86_64.sh, for QEMU's virt machine.

KERNEL_ARCH=arm64
KERNEL_IMAGE=arch/arm64/boot/Image
CROSS_COMPILE=${CROSS_COMPILE:-aarch64-linux-gnu-}
GCC_PACKAGE=gcc-aarch64-linux-gnu
LIBC_PACKAGE=libc6-dev-arm64-cross
DEBIAN_ARCH=arm64
QEMU=${QEMU:-qemu-system-aarch64}
QEMU_PACKAGE=qemu-system-arm
CONSOLE=ttyAMA0
OUTPUT=ttyS0
OUTPUT_DEVICE=(-device 'pci-serial,chardev=output')
DEFAULT_CPUS=4
KSELFTEST_CFLAGS=

[ "${KVM:-0}" != 1 ] || die 125 "no KVM=1 with ARCH=arm64" "its guests end QEMU by semihosting, which only emulation has"

# Only guest/init.c ends QEMU with these: it asks for them by semihosting.
QEMU_EXIT_ZERO=85
QEMU_EXIT_OTHER=87

# qemu_machine CPUS MEM : the options that make the machine.
qemu_machine() {
	printf '%s\n' -machine "${QEMU_MACHINE:-virt,gic-version=3,mte=on}" -accel "${QEMU_ACCEL:-tcg,thread=multi}" \
		-cpu "${QEMU_CPU:-max,pauth-impdef=on}" -smp "$1" -m "$2" \
		-semihosting-config enable=on,userspace=on,target=native
	[ "$1" -lt 2 ] || two_nodes "$1" "$2"
}

# Two nodes to migrate between. In: CPUS MEM
two_nodes() {
	local half
	half=$(($(numfmt --from=iec "${2^^}") / 2))
	printf '%s\n' -object "memory-backend-ram,id=m0,size=$half" -object "memory-backend-ram,id=m1,size=$half" \
		-numa "node,nodeid=0,memdev=m0,cpus=0-$(($1 / 2 - 1))" \
		-numa "node,nodeid=1,memdev=m1,cpus=$(($1 / 2))-$(($1 - 1))"
}

# kernel_parameters CPUS
kernel_parameters() {
	:
}
