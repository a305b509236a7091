/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/confine.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

enum { NOBODY = 65534 };

void confine_user(const char *dir, uid_t *uid, gid_t *gid)
{
	const struct passwd *pw;
	struct stat st;

	*uid = *gid = NOBODY;
	if (stat(dir, &st) == 0 && st.st_uid != 0) {
		*uid = st.st_uid;
		*gid = st.st_gid;
	} else if ((pw = getpwnam("skein-sensor"))) {
		*uid = pw->pw_uid;
		*gid = pw->pw_gid;
	}
}

/* A root that may not change users has no rights worth the name once its capabilities go. */
static int leave_root(const char *dir, struct err *e)
{
	uid_t uid;
	gid_t gid;

	if (geteuid() != 0)
		return 0;
	confine_user(dir, &uid, &gid);
	if (setgroups(0, NULL) == 0 && setresgid(gid, gid, gid) == 0 &&
	    setresuid(uid, uid, uid) == 0)
		return 0;
	if (errno != EPERM)
		return err_sys(e, -errno, "courier: change to user %u", (unsigned)uid);
	log_debug("courier: may not change its user, goes on as root without capabilities");
	return 0;
}

/* READS: but for the right to read whatever file it is given, if it has that. */
static int drop_capabilities(bool reads, struct err *e)
{
	reads = reads && capng_have_capability(CAPNG_EFFECTIVE, CAP_DAC_READ_SEARCH);
	capng_clear(CAPNG_SELECT_BOTH);
	if (reads)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
			     CAP_DAC_READ_SEARCH);
	if (capng_apply(CAPNG_SELECT_CAPS) != 0)
		return err_set(e, -EPERM, "courier: capabilities cannot be given up");
	capng_clear(CAPNG_SELECT_AMBIENT);
	capng_apply(CAPNG_SELECT_AMBIENT); /* gone with the permitted ones; older kernels have
					      none */
	return 0;
}

static int no_new_rights(struct err *e)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return err_sys(e, -errno, "prctl");
	return 0;
}

/* What libevent and libc need once everything is open; both spellings of 32 bit too. */
static const int both[] = {
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(close),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(lseek),
	SCMP_SYS(fcntl),
	SCMP_SYS(ioctl),
	SCMP_SYS(dup),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(getsockopt),
	SCMP_SYS(socketpair),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(eventfd2),
	SCMP_SYS(pipe2),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(getrandom),
	SCMP_SYS(futex),
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(uname),
	SCMP_SYS(getrusage),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sched_yield),
	SCMP_SYS(rseq),
	SCMP_SYS(membarrier),
	SCMP_SYS(tgkill),
};

/* And who speaks TLS, and keeps files. */
static const int courier_calls[] = {
	SCMP_SYS(connect),     SCMP_SYS(bind),	      SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),     SCMP_SYS(shutdown),    SCMP_SYS(setsockopt),
	SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(select),
	SCMP_SYS(pselect6),    SCMP_SYS(getuid),      SCMP_SYS(geteuid),
	SCMP_SYS(getgid),      SCMP_SYS(getegid),     SCMP_SYS(sysinfo),
	SCMP_SYS(fsync),       SCMP_SYS(fdatasync),   SCMP_SYS(ftruncate),
	SCMP_SYS(fstatfs),     SCMP_SYS(getdents64),
};

/* And who follows packets: threads, and the courier's end to wait for. */
static const int parser_calls[] = {
	SCMP_SYS(wait4),
	SCMP_SYS(kill),
	SCMP_SYS(set_robust_list),
};

static int allow_with(scmp_filter_ctx f, int call, struct scmp_arg_cmp arg)
{
	return seccomp_rule_add_array(f, SCMP_ACT_ALLOW, call, 1, &arg);
}

static int allow_list(scmp_filter_ctx f, const int *call, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, call[i], 0);
	return rc;
}

/* A list of what is allowed, with what is common to all; the caller releases it. */
static int begin_filter(scmp_filter_ctx *f, const int *call, size_t n)
{
	int rc;

	*f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	rc = *f ? allow_list(*f, both, sizeof(both) / sizeof(*both)) : -ENOMEM;
	return rc ? rc : allow_list(*f, call, n);
}

/* Files are only read. */
static int allow_files(scmp_filter_ctx f)
{
	return allow_with(
		f, SCMP_SYS(openat),
		SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
}

/* No memory becomes code. */
static int allow_memory(scmp_filter_ctx f)
{
	int rc = allow_with(f, SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

	return rc ? rc
		  : allow_with(f, SCMP_SYS(mprotect),
			       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

/* Names are looked up by UDP and TCP. */
static int allow_parts(scmp_filter_ctx f)
{
	static const int families[] = { AF_INET, AF_INET6, AF_UNIX };
	int rc = 0;

	for (unsigned i = 0; i < 3 && !rc; i++)
		rc = allow_with(f, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, families[i]));
	return rc ? rc : allow_memory(f);
}

/* Files are made, renamed and removed by way of such a directory alone; -1: there is none. */
static int allow_folder(scmp_filter_ctx f, int dir)
{
	const struct scmp_arg_cmp here = SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)dir);
	const struct scmp_arg_cmp pair[2] = { here, SCMP_A2(SCMP_CMP_EQ, (scmp_datum_t)dir) };
	int rc;

	if (dir < 0)
		return 0;
	rc = allow_with(f, SCMP_SYS(openat), here);
	if (!rc)
		rc = allow_with(f, SCMP_SYS(unlinkat), here);
	if (!rc)
		rc = seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(renameat), 2, pair);
	return rc ? rc
		  : seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(renameat2), 2, pair);
}

static int filter_courier(int spool, int renewed, struct err *e)
{
	scmp_filter_ctx f;
	int rc = begin_filter(&f, courier_calls, sizeof(courier_calls) / sizeof(int));

	if (!rc)
		rc = allow_parts(f);
	if (!rc)
		rc = allow_files(f);
	if (!rc)
		rc = allow_folder(f, spool);
	if (!rc)
		rc = allow_folder(f, renewed);
	if (!rc)
		rc = seccomp_load(f);
	seccomp_release(f);
	return rc ? err_sys(e, rc, "courier: seccomp") : 0;
}

int confine_courier(const char *dir, int spool, int renewed, struct err *e)
{
	int rc = leave_root(dir, e);

	if (!rc)
		rc = drop_capabilities(false, e);
	if (!rc)
		rc = no_new_rights(e);
	return rc ? rc : filter_courier(spool, renewed, e);
}

/* clone3 passes its flags in memory, where no filter sees them: libc then takes clone. */
static int allow_threads(scmp_filter_ctx f)
{
	int rc = allow_with(f, SCMP_SYS(clone),
			    SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));

	if (!rc)
		rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return rc;
}

static int filter_parser(struct err *e)
{
	scmp_filter_ctx f;
	int rc = begin_filter(&f, parser_calls, sizeof(parser_calls) / sizeof(int));

	if (!rc)
		rc = allow_files(f);
	if (!rc)
		rc = allow_memory(f);
	if (!rc)
		rc = allow_threads(f);
	if (!rc)
		rc = seccomp_load(f);
	seccomp_release(f);
	return rc ? err_sys(e, rc, "seccomp") : 0;
}

int confine_parser(const char *dir, struct err *e)
{
	int rc = dir ? leave_root(dir, e) : 0;

	if (!rc)
		rc = drop_capabilities(!dir, e);
	if (!rc)
		rc = no_new_rights(e);
	return rc ? rc : filter_parser(e);
}

/* It attaches, reads maps, netlink and /proc; nothing of that needs any of these. */
static const int denied[] = {
	SCMP_SYS(execve),	   SCMP_SYS(execveat),
	SCMP_SYS(ptrace),	   SCMP_SYS(process_vm_writev),
	SCMP_SYS(init_module),	   SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),   SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load), SCMP_SYS(mount),
	SCMP_SYS(umount2),	   SCMP_SYS(pivot_root),
	SCMP_SYS(reboot),	   SCMP_SYS(swapon),
	SCMP_SYS(swapoff),	   SCMP_SYS(settimeofday),
	SCMP_SYS(clock_settime),   SCMP_SYS(adjtimex),
	SCMP_SYS(sethostname),	   SCMP_SYS(mknodat),
	SCMP_SYS(accept4),	   SCMP_SYS(accept),
	SCMP_SYS(listen),	   SCMP_SYS(keyctl),
	SCMP_SYS(add_key),	   SCMP_SYS(userfaultfd),
};

static int filter_watcher(struct err *e)
{
	static const int families[] = { AF_INET, AF_INET6, AF_PACKET };
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int rc = f ? 0 : -ENOMEM;

	for (size_t i = 0; i < sizeof(denied) / sizeof(*denied) && !rc; i++)
		rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), denied[i], 0);
	for (unsigned i = 0; i < 3 && !rc; i++) {
		struct scmp_arg_cmp arg = SCMP_A0(SCMP_CMP_EQ, families[i]);

		rc = seccomp_rule_add_array(f, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket),
					    1, &arg);
	}
	if (!rc)
		rc = seccomp_load(f);
	seccomp_release(f);
	return rc ? err_sys(e, rc, "seccomp") : 0;
}

int confine_watcher(struct err *e)
{
	int rc = no_new_rights(e);

	return rc ? rc : filter_watcher(e);
}
