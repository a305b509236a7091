/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/confine.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

/* The leak checker stops its own process by ptrace, in the end. */
#if defined(__SANITIZE_ADDRESS__)
#define WATCHED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WATCHED true
#endif
#endif
#ifndef WATCHED
#define WATCHED false
#endif

/* What libc needs, and who only reads and writes what is open. */
static const int all[] = {
	SCMP_SYS(read),		  SCMP_SYS(write),
	SCMP_SYS(readv),	  SCMP_SYS(writev),
	SCMP_SYS(close),	  SCMP_SYS(fstat),
	SCMP_SYS(recvfrom),	  SCMP_SYS(recvmsg),
	SCMP_SYS(sendto),	  SCMP_SYS(sendmsg),
	SCMP_SYS(poll),		  SCMP_SYS(ppoll),
	SCMP_SYS(clock_gettime),  SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),	  SCMP_SYS(gettimeofday),
	SCMP_SYS(time),		  SCMP_SYS(getrandom),
	SCMP_SYS(futex),	  SCMP_SYS(brk),
	SCMP_SYS(munmap),	  SCMP_SYS(mremap),
	SCMP_SYS(madvise),	  SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),	  SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),		  SCMP_SYS(exit_group),
	SCMP_SYS(getpid),	  SCMP_SYS(gettid),
	SCMP_SYS(tgkill),	  SCMP_SYS(getrusage),
	SCMP_SYS(sched_yield),	  SCMP_SYS(sched_getaffinity),
	SCMP_SYS(rseq),		  SCMP_SYS(membarrier),
	SCMP_SYS(uname),	  SCMP_SYS(sysinfo),
	SCMP_SYS(getuid),	  SCMP_SYS(geteuid),
	SCMP_SYS(getgid),	  SCMP_SYS(getegid),
};

/* A loop over sockets that are there. */
static const int loop[] = {
	SCMP_SYS(epoll_create1),   SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),	   SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),	   SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime), SCMP_SYS(eventfd2),
	SCMP_SYS(pipe2),	   SCMP_SYS(socketpair),
	SCMP_SYS(getsockopt),	   SCMP_SYS(setsockopt),
	SCMP_SYS(getsockname),	   SCMP_SYS(getpeername),
	SCMP_SYS(recvmmsg),	   SCMP_SYS(sendmmsg),
	SCMP_SYS(shutdown),	   SCMP_SYS(accept),
	SCMP_SYS(accept4),	   SCMP_SYS(fcntl),
	SCMP_SYS(ioctl),	   SCMP_SYS(dup),
	SCMP_SYS(lseek),	   SCMP_SYS(newfstatat),
	SCMP_SYS(statx),	   SCMP_SYS(prlimit64),
	SCMP_SYS(wait4),	   SCMP_SYS(kill),
};

/* The database, the files of small things, and those that are read again on SIGHUP. */
static const int files[] = {
	SCMP_SYS(openat),     SCMP_SYS(open),	   SCMP_SYS(stat),	 SCMP_SYS(lstat),
	SCMP_SYS(access),     SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(pread64),
	SCMP_SYS(pwrite64),   SCMP_SYS(fsync),	   SCMP_SYS(fdatasync),	 SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate),  SCMP_SYS(msync),	   SCMP_SYS(flock),	 SCMP_SYS(fchmod),
	SCMP_SYS(fchown),     SCMP_SYS(rename),	   SCMP_SYS(renameat),	 SCMP_SYS(renameat2),
	SCMP_SYS(unlink),     SCMP_SYS(unlinkat),  SCMP_SYS(mkdir),	 SCMP_SYS(mkdirat),
	SCMP_SYS(rmdir),      SCMP_SYS(getcwd),	   SCMP_SYS(readlink),	 SCMP_SYS(readlinkat),
	SCMP_SYS(getdents64), SCMP_SYS(statfs),	   SCMP_SYS(fstatfs),	 SCMP_SYS(umask),
	SCMP_SYS(pipe),
};

#define LIST(f, list) allow_list(f, list, sizeof(list) / sizeof(*(list)))

static int allow_list(scmp_filter_ctx f, const int *call, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, call[i], 0);
	return rc;
}

static int allow_with(scmp_filter_ctx f, int call, struct scmp_arg_cmp arg)
{
	return seccomp_rule_add_array(f, SCMP_ACT_ALLOW, call, 1, &arg);
}

/* No memory becomes code. */
static int allow_memory(scmp_filter_ctx f)
{
	int rc = allow_with(f, SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

	return rc ? rc
		  : allow_with(f, SCMP_SYS(mprotect),
			       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

/* Where systemd's readiness goes to; and any socket is good enough for if_indextoname(3). */
static int allow_local(scmp_filter_ctx f)
{
	return allow_with(f, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
}

/* Names are looked up by UDP and TCP, as the files say that are read for it. */
static int allow_dialling(scmp_filter_ctx f)
{
	static const int families[] = { AF_INET, AF_INET6, AF_UNIX };
	int rc = allow_with(
		f, SCMP_SYS(openat),
		SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));

	for (unsigned i = 0; i < 3 && !rc; i++)
		rc = allow_with(f, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, families[i]));
	if (!rc)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(connect), 0);
	return rc ? rc : seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(bind), 0);
}

static int fill(scmp_filter_ctx f, enum confine_kind kind)
{
	int rc = LIST(f, all);

	if (!rc)
		rc = allow_memory(f);
	if (!rc && kind != CONFINE_AUTHORITY)
		rc = LIST(f, loop);
	if (!rc && (kind == CONFINE_INGEST || kind == CONFINE_ANSWER))
		rc = LIST(f, files);
	if (!rc && (kind == CONFINE_INGEST || kind == CONFINE_ANSWER || kind == CONFINE_FRONT))
		rc = allow_local(f);
	if (!rc && kind == CONFINE_ANSWER) /* what is answered lies there until it is sent */
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(memfd_create), 0);
	if (!rc && kind == CONFINE_RELAY)
		rc = allow_dialling(f);
	return rc;
}

static int filter(enum confine_kind kind, struct err *e)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int rc = f ? fill(f, kind) : -ENOMEM;

	if (!rc)
		rc = seccomp_load(f);
	seccomp_release(f);
	return rc ? err_sys(e, rc, "seccomp") : 0;
}

int confine(enum confine_kind kind, struct err *e)
{
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_apply(CAPNG_SELECT_CAPS) != 0)
		return err_set(e, -EPERM, "capabilities cannot be given up");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return err_sys(e, -errno, "prctl");
	if (WATCHED)
		return 0;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return err_sys(e, -errno, "prctl");
	return filter(kind, e);
}
