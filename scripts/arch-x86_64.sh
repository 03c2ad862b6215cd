# shellcheck shell=bash disable=SC2034
# What differs between machines: names, and how QEMU is started and left.

KERNEL_ARCH=x86
KERNEL_IMAGE=arch/x86/boot/bzImage
CROSS_COMPILE=${CROSS_COMPILE:-}
GCC_PACKAGE=gcc
LIBC_PACKAGE=libc6-dev
QEMU=${QEMU:-qemu-system-x86_64}
QEMU_PACKAGE=qemu-system-x86
CONSOLE=ttyS0
OUTPUT=ttyS1
OUTPUT_DEVICE=(-serial chardev:output)
DEFAULT_CPUS=2
KSELFTEST_CFLAGS=

# Exit statuses of QEMU which only guest/init.c can cause: isa-debug-exit
# turns the value V written by the guest into (V << 1) | 1.
QEMU_EXIT_ZERO=85	# 0x2a: the program exited with 0
QEMU_EXIT_OTHER=87	# 0x2b: the program did anything else

# qemu_machine CPUS MEM : the options that make the machine.
qemu_machine() {
	local accel='tcg,thread=multi' cpu=max
	if [ "${KVM:-0}" = 1 ]; then
		accel=kvm cpu=host
	fi
	printf '%s\n' -machine "${QEMU_MACHINE:-pc}" -accel "${QEMU_ACCEL:-$accel}" \
		-cpu "${QEMU_CPU:-$cpu}" -smp "$1,sockets=$1" -m "$2" \
		-device isa-debug-exit,iobase=0xf4,iosize=0x04
}

# kernel_parameters CPUS
kernel_parameters() {
	# On a busy machine emulated timers get calibrated wrong and then mistrusted.
	printf no_timer_check
	# Emulation with threads takes the TSC from the host's, and how fast that goes is
	# measured at boot, on a busy machine wrong by a factor: minutes pass in seconds.
	if [ "${KVM:-0}" = 1 ] || [ -n "${QEMU_ACCEL:-}" ]; then
		printf ' tsc=reliable'
	else
		printf ' tsc=unstable clocksource=hpet'
	fi
	# Two nodes to migrate between. With one CPU the kernel warns about them.
	[ "$1" -lt 2 ] || printf ' numa=fake=2'
}
