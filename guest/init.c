// SPDX-License-Identifier: GPL-2.0
/*
 * PID 1 of the guest: sets the machine up, runs one program, says how it ended.
 *
 * The program and its environment come as NUL-separated strings in /argv and
 * /env. Its output goes to a serial port of its own, raw; everything said here
 * goes to the kernel log, and so to the console, in order with what the kernel
 * says. Only a line "guest: end: ..." followed by the matching exit of QEMU
 * counts as an end: a panic, a hang or an early exit produce neither.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#if defined(__x86_64__) || defined(__i386__)
#include <sys/io.h>
#endif

#define SWAP_BYTES	(512UL << 20)
#define CODE_ZERO	0x2a	/* the program exited with 0 */
#define CODE_OTHER	0x2b	/* it did not */
#define MAX_STRINGS	256

/*
 * One write() to /dev/kmsg is one line of the log, never torn. Without its
 * newline the kernel would wait for more before showing it.
 */
__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int fd, len;

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	if (len > (int)sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';
	fd = open("/dev/kmsg", O_WRONLY);
	if (fd < 0)
		fd = open("/dev/console", O_WRONLY);
	if (fd < 0 || write(fd, line, len) != len)
		_exit(1);
	close(fd);
}

#if defined(__x86_64__) || defined(__i386__)
static void exit_qemu(int code)
{
	if (!ioperm(0xf4, 4, 1))
		outl(code, 0xf4);
}
#elif defined(__aarch64__)
/* Semihosting, which QEMU grants to user space. */
static void exit_qemu(int code)
{
	const uint64_t exit_with[2] = { 0x20026, code << 1 | 1 };
	register uint64_t operation asm("x0") = 0x18;
	register const uint64_t *argument asm("x1") = exit_with;

	asm volatile("hlt #0xf000" : "+r" (operation) : "r" (argument) : "memory");
}
#else
#error "how does a guest end QEMU with an exit status here?"
#endif

/* Ends the machine; QEMU turns the code into its own exit status. */
static _Noreturn void leave(int code)
{
	sync();
	exit_qemu(code);
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

static _Noreturn void fail(const char *what)
{
	say("guest: setup failed: %s: %s", what, strerror(errno));
	leave(CODE_OTHER);
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	ssize_t len = strlen(text);
	int ok;

	if (fd < 0)
		return -1;
	ok = write(fd, text, len) == len;
	return close(fd) || !ok ? -1 : 0;
}

static void must_put(const char *path, const char *text)
{
	if (put(path, text))
		fail(path);
}

/* The first line of a file that starts with a prefix, without the prefix. */
static int get(const char *path, const char *prefix, char *value, size_t size)
{
	char line[256];
	FILE *f = fopen(path, "r");
	int found = -1;

	if (!f)
		return -1;
	while (found && fgets(line, sizeof(line), f)) {
		char *p = line + strspn(line, " \t");

		if (strncmp(p, prefix, strlen(prefix)))
			continue;
		p += strlen(prefix);
		p += strspn(p, " \t");
		p[strcspn(p, "\n")] = '\0';
		snprintf(value, size, "%s", p);
		found = 0;
	}
	fclose(f);
	return found;
}

static void must_mount(const char *type, const char *dir, const char *options)
{
	mkdir(dir, 0755);
	if (mount(type, dir, type, 0, options))
		fail(dir);
}

static void mount_all(void)
{
	/* Without /dev there is nobody to complain to. */
	mkdir("/dev", 0755);
	if (mount("dev", "/dev", "devtmpfs", 0, NULL) && errno != EBUSY)
		leave(CODE_OTHER);
	must_mount("proc", "/proc", NULL);
	must_mount("sysfs", "/sys", NULL);
	must_mount("debugfs", "/sys/kernel/debug", NULL);
	must_mount("cgroup2", "/sys/fs/cgroup", NULL);
	must_mount("tmpfs", "/tmp", NULL);
	must_mount("tmpfs", "/dev/shm", NULL);
	must_mount("hugetlbfs", "/dev/hugepages", NULL);
	if (symlink("/proc/self/fd", "/dev/fd"))
		fail("/dev/fd");
}

/* A swap area on zram: the device is zero, the header is all mkswap writes. */
static void enable_swap(void)
{
	ssize_t page = sysconf(_SC_PAGESIZE);
	uint32_t *header = calloc(1, page);
	char size[32];
	int fd;

	snprintf(size, sizeof(size), "%lu", SWAP_BYTES);
	must_put("/sys/block/zram0/disksize", size);
	if (!header)
		fail("no memory");
	header[256] = 1;				/* version */
	header[257] = SWAP_BYTES / page - 1;	/* last page */
	memcpy((char *)header + page - 10, "SWAPSPACE2", 10);
	fd = open("/dev/zram0", O_WRONLY);
	if (fd < 0 || write(fd, header, page) != page || close(fd))
		fail("/dev/zram0");
	free(header);
	/* Some kernels have no swap. */
	if (swapon("/dev/zram0", 0) && errno != ENOSYS)
		fail("swapon");
}

/*
 * KCSAN reports races by the dozen that are none of ours, during boot too: it
 * starts here, and the judge tells them apart by their stacks.
 */
static void enable_kcsan(void)
{
	const char *path = "/sys/kernel/debug/kcsan";

	if (access(path, F_OK))
		return;
	must_put("/proc/sys/kernel/panic_on_warn", "0");
	must_put(path, "on");
}

static void set_up(void)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	must_put("/proc/sys/kernel/panic_on_oops", "1");
	must_put("/proc/sys/kernel/panic_on_warn", "1");
	must_put("/proc/sys/kernel/printk_ratelimit", "0");
	must_put("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	/* Only where the kernel has the detector. */
	put("/proc/sys/kernel/hung_task_panic", "1");
	put("/proc/sys/kernel/softlockup_panic", "1");
	put("/proc/sys/kernel/panic_on_rcu_stall", "1");
	if (setrlimit(RLIMIT_MEMLOCK, &all))
		fail("RLIMIT_MEMLOCK");
	enable_swap();
	enable_kcsan();
}

/* NUL-separated strings to a NULL-terminated vector; at most one call a file. */
static char **strings(const char *path)
{
	char **v = calloc(MAX_STRINGS + 1, sizeof(*v));
	char *s = NULL;
	size_t size = 0;
	int n = 0;
	FILE *f = fopen(path, "r");

	if (!f || !v)
		fail(path);
	while (n < MAX_STRINGS && getdelim(&s, &size, '\0', f) > 0) {
		v[n++] = s;
		s = NULL;
		size = 0;
	}
	fclose(f);
	return v;
}

static _Noreturn void be_program(char **argv, char **envp)
{
	int in = open("/dev/null", O_RDONLY);
	int out = open("/dev/" OUTPUT, O_WRONLY | O_NOCTTY);
	struct termios t;

	if (in < 0 || out < 0 || tcgetattr(out, &t))
		fail("/dev/" OUTPUT);
	cfmakeraw(&t);
	if (tcsetattr(out, TCSANOW, &t) || dup2(in, 0) < 0 ||
	    dup2(out, 1) < 0 || dup2(out, 2) < 0)
		fail("/dev/" OUTPUT);
	if (in > 2)
		close(in);
	if (out > 2)
		close(out);
	setsid();
	execve(argv[0], argv, envp);
	say("guest: cannot run %s: %s", argv[0], strerror(errno));
	_exit(127);
}

/* Runs the program; its orphans are reaped too, and not waited for. */
static int run(void)
{
	char **argv = strings("/argv"), **envp = strings("/env");
	pid_t child, pid;
	int status;

	say("guest: start: %s", argv[0]);
	child = fork();
	if (child < 0)
		fail("fork");
	if (!child)
		be_program(argv, envp);
	do {
		pid = wait(&status);
		if (pid < 0 && errno != EINTR)
			fail("wait");
	} while (pid != child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* All output has left the machine before the end is announced. */
static void drain(void)
{
	int fd = open("/dev/" OUTPUT, O_WRONLY | O_NOCTTY);

	if (fd < 0 || tcdrain(fd))
		fail("/dev/" OUTPUT);
	close(fd);
}

static void check_leaks(void)
{
	const char *path = "/sys/kernel/debug/kmemleak";
	char first[256];

	if (put(path, "scan"))
		return;			/* not in this kernel */
	sleep(5);
	must_put(path, "scan");
	if (!get(path, "", first, sizeof(first)))
		say("guest: kmemleak: %s", first);
}

/* A detector that has looked at nothing finds nothing. */
static void check_kcsan(void)
{
	const char *path = "/sys/kernel/debug/kcsan";
	char looked[32], races[32];

	if (access(path, F_OK))
		return;
	if (get(path, "setup_watchpoints:", looked, sizeof(looked)) ||
	    get(path, "data_races:", races, sizeof(races)))
		fail(path);
	say("guest: kcsan has looked at %s accesses, and seen %s races", looked, races);
	if (atol(looked) <= 0)
		fail("kcsan has looked at nothing");
}

int main(void)
{
	char taint[32], lockdep[32] = "none";
	int status;

	mount_all();
	set_up();
	status = run();
	drain();
	check_leaks();
	check_kcsan();
	if (get("/proc/sys/kernel/tainted", "", taint, sizeof(taint)))
		fail("tainted");
	if (!access("/proc/lockdep_stats", F_OK) &&
	    get("/proc/lockdep_stats", "debug_locks:", lockdep, sizeof(lockdep)))
		fail("lockdep_stats");
	say("guest: end: exit=%d taint=%s lockdep=%s", status, taint, lockdep);
	leave(status ? CODE_OTHER : CODE_ZERO);
}
