/* SPDX-License-Identifier: Apache-2.0 */
/* What the findings of the self-test mean, and what mends them.  Pure. */
#include "sensor/selftest_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "common/fact.h"

enum {
	FREE_MIB = 16, /* in the data directory: a key, two certificates, and room to spare */
	EXPIRY_DAYS = 7,      /* it is renewed when ten of its thirty are left */
	OFFSET_MS = 5000,     /* as the collector warns (collector/session.c) */
	BELIEVED_MS = 300000, /* beyond it times become those of receipt (docs/store.md) */
	YEAR_FIRST = 2025,
	YEAR_LAST = 2099,
};

static bool is_before(unsigned major, unsigned minor, unsigned m, unsigned n)
{
	return major < m || (major == m && minor < n);
}

void judge_kernel(struct check *c, const struct found_kernel *f)
{
	check_found(c, CHECK_OK, "kernel", "%s", f->release);
	if (!f->denied)
		return;
	check_also(c, f->forced ? CHECK_FAIL : CHECK_WARN, "eBPF is not used on it: %s",
		   f->denied);
	check_mend(c, "boot a kernel from 5.10 on that is not denied (deny-kernels in "
		      "/etc/skein/sensor.conf); until then it watches by --poll");
}

void judge_btf(struct check *c, enum found_btf f)
{
	static const char *const word[] = {
		[BTF_GOOD] = "/sys/kernel/btf/vmlinux",
		[BTF_MISSING] = "there is no /sys/kernel/btf/vmlinux: eBPF cannot run",
		[BTF_UNREADABLE] = "/sys/kernel/btf/vmlinux cannot be read",
		[BTF_ODD] = "/sys/kernel/btf/vmlinux is not type information",
	};

	check_found(c, f == BTF_GOOD ? CHECK_OK : CHECK_WARN, "btf", "%s", word[f]);
	if (f == BTF_UNREADABLE)
		check_mend(c, "run it with sudo; /sys has to be mounted where it runs");
	else if (f != BTF_GOOD)
		check_mend(
			c,
			"boot a kernel with CONFIG_DEBUG_INFO_BTF=y (Debian 12, Ubuntu 22.04, "
			"RHEL 9 have it); until then it watches by --poll");
}

/* Rights */

/* What each is for: docs/for-server-owners.md. */
static const struct {
	unsigned number; /* linux/capability.h */
	const char *name, *without;
} needed[] = {
	{ 39, "CAP_BPF", "no eBPF, only --poll" },
	{ 38, "CAP_PERFMON", "no eBPF, only --poll" },
	{ 19, "CAP_SYS_PTRACE", "processes of other users are named only when seen at work" },
	{ 2, "CAP_DAC_READ_SEARCH",
	  "processes of other users are named only when seen at work" },
	{ 12, "CAP_NET_ADMIN",
	  "no UDP, no translations (NAT), no ends of sockets for --poll" },
	{ 21, "CAP_SYS_ADMIN",
	  "own cost in the kernel and other network namespaces are not seen" },
	{ 24, "CAP_SYS_RESOURCE", "no memory for maps" },
};
enum { SYS_ADMIN = 21, SYS_RESOURCE = 24, BPF = 39, PERFMON = 38 };

static bool holds(const struct found_rights *f, unsigned number)
{
	bool admin = f->effective >> SYS_ADMIN & 1;

	if ((number == BPF || number == PERFMON) && admin)
		return true; /* capable() of the kernel takes it for both */
	if (number == SYS_RESOURCE && !is_before(f->major, f->minor, 5, 11))
		return true; /* maps count against the cgroup from there on */
	return f->effective >> number & 1;
}

void judge_rights(struct check *c, const struct found_rights *f)
{
	char missing[160] = "";
	const char *said = "";

	check_found(c, CHECK_OK, "rights", "%s", "");
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		if (holds(f, needed[i].number))
			continue;
		if (strcmp(said, needed[i].without) == 0)
			snprintf(c->found + strlen(c->found),
				 sizeof(c->found) - strlen(c->found), "; nor %s",
				 needed[i].name);
		else
			check_also(c, CHECK_WARN, "without %s: %s", needed[i].name,
				   needed[i].without);
		said = needed[i].without;
		snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing), " %s",
			 needed[i].name);
	}
	if (*missing)
		check_mend(c,
			   "run it with sudo; in a unit, AmbientCapabilities= and "
			   "CapabilityBoundingSet= with%s",
			   missing);
	else
		check_found(c, CHECK_OK, "rights", "all that are needed");
}

/* The probe */

static void judge_degraded(struct check *c, uint32_t degraded)
{
	if (degraded & DEGRADED_READER) {
		check_also(c, CHECK_WARN,
			   "the first read cannot be seen: connections are their listeners'");
		check_mend(c, "a kernel with the tracepoint tcp_rcv_space_adjust has it");
	}
	if (degraded & DEGRADED_NO_UDP) {
		check_also(c, CHECK_WARN, "no UDP");
		check_mend(c, "it needs CAP_NET_ADMIN and cgroup v2 (below); --log-level warn "
			      "beside --self-test says what the kernel said");
	}
}

static void judge_ebpf(struct check *c, const struct found_probe *f)
{
	check_found(
		c, CHECK_OK, "watching",
		"eBPF: attached, saw %u open connections and %u listeners, detached, in %u ms",
		f->live, f->listeners, f->ms);
	judge_degraded(c, f->degraded);
	if (f->left < 0)
		check_also(c, CHECK_OK, "whether anything stayed takes CAP_SYS_ADMIN to tell");
	if (f->left > 0) {
		check_also(c, CHECK_FAIL, "%d of its objects stayed in the kernel", f->left);
		check_mend(c, "skein-sensor --self-check-clean says which; please report it");
	}
}

void judge_probe(struct check *c, const struct found_probe *f)
{
	if (f->ebpf && f->ebpf_ran) {
		judge_ebpf(c, f);
		return;
	}
	if (f->forced) {
		check_found(c, CHECK_FAIL, "watching", "%s", f->ebpf_words);
		check_mend(c,
			   "mend that, or leave out --ebpf (probe = auto): then it watches by "
			   "--poll");
		return;
	}
	if (!f->poll_ran) {
		check_found(c, CHECK_FAIL, "watching", "%s%s%s", f->ebpf_words,
			    *f->ebpf_words ? "; nor without eBPF: " : "", f->poll_words);
		check_mend(c, "run it with sudo; --poll needs CAP_NET_ADMIN and the module "
			      "inet_diag (modprobe tcp_diag)");
		return;
	}
	check_found(c, f->ebpf ? CHECK_WARN : CHECK_OK, "watching",
		    "by --poll, %u open connections and %u listeners in %u ms", f->live,
		    f->listeners, f->ms);
	if (f->ebpf) {
		check_also(
			c, CHECK_WARN,
			"short-lived clients have no process, and there is no UDP, since %s",
			f->ebpf_words);
		check_mend(c, "mend what kept eBPF from running; see kernel, btf and rights");
	}
}

/* What else it looks at */

void judge_namespaces(struct check *c, const struct found_namespaces *f)
{
	if (f->own) {
		check_found(c, CHECK_WARN, "namespaces",
			    "network namespaces cannot be entered (%s): %u others are watched "
			    "without their translations and UDP addresses",
			    strerror(f->own), f->others);
		check_mend(c, "it takes CAP_SYS_ADMIN, and in a unit RestrictNamespaces=net");
	} else if (f->entered < f->others) {
		check_found(c, CHECK_WARN, "namespaces",
			    "%u of %u other network namespaces could be entered", f->entered,
			    f->others);
		check_mend(c, "those that ended meanwhile are no fault; run it again");
	} else if (f->others) {
		check_found(c, CHECK_OK, "namespaces",
			    "%u other network namespaces, all can be entered", f->others);
	} else {
		check_found(c, CHECK_OK, "namespaces",
			    "can be entered; there is no other now");
	}
}

void judge_cgroup(struct check *c, const struct found_cgroup *f)
{
	if (f->reached) {
		check_found(c, CHECK_OK, "cgroup", "version 2, %s",
			    f->own ? "by a mount of its own that is in no directory"
				   : "where it is mounted");
		return;
	}
	check_found(c, CHECK_WARN, "cgroup",
		    "%s: by eBPF no UDP, and no connects that fail for want of a route",
		    f->words);
	check_mend(c,
		   "mount it (mount -t cgroup2 none /sys/fs/cgroup/unified), or let it make a "
		   "mount of its own: Linux 5.2 and CAP_SYS_ADMIN");
}

void judge_nat(struct check *c, const struct found_nat *f)
{
	if (f->heard) {
		check_found(c, CHECK_OK, "conntrack", "translations (NAT) can be heard");
	} else if (!f->wanted) {
		check_found(c, CHECK_OK, "conntrack",
			    "not listened to, as the options say (translations)");
	} else {
		check_found(c, CHECK_WARN, "conntrack", "%s", f->words);
		check_mend(c,
			   "CAP_NET_ADMIN, and modprobe nf_conntrack_netlink if this machine "
			   "translates; else translations = no in the configuration");
	}
}

void judge_proc(struct check *c, const struct found_proc *f)
{
	bool hides =
		*f->hidepid && strcmp(f->hidepid, "0") != 0 && strcmp(f->hidepid, "off") != 0;

	if (!f->shut && !(hides && !f->others)) {
		check_found(c, CHECK_OK, "proc",
			    f->others ? "all %u processes of other users can be named"
				      : "there are no processes of other users now",
			    f->others);
		return;
	}
	if (f->shut)
		check_found(
			c, CHECK_WARN, "proc",
			"%u of %u processes of other users cannot be named unless seen at work",
			f->shut, f->others);
	else
		check_found(c, CHECK_WARN, "proc", "processes of other users are hidden");
	if (hides)
		check_also(c, CHECK_WARN, "/proc is mounted with hidepid=%s", f->hidepid);
	check_mend(c, "it takes CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH%s",
		   hides ? "; or mount -o remount,hidepid=0 /proc" : "");
}

void judge_memlock(struct check *c, const struct found_memlock *f)
{
	bool free_of_it = !is_before(f->major, f->minor, 5, 11);

	if (free_of_it) {
		check_found(c, CHECK_OK, "memlock",
			    "maps do not count against it from Linux 5.11");
	} else if (f->soft == UINT64_MAX || f->may_raise || f->hard == UINT64_MAX) {
		check_found(c, CHECK_OK, "memlock", "no limit, or it may be raised");
	} else {
		check_found(c, CHECK_FAIL, "memlock",
			    "%" PRIu64 " KiB, against which maps count before Linux 5.11",
			    f->hard >> 10);
		check_mend(c, "LimitMEMLOCK=infinity in the unit, ulimit -l unlimited, or "
			      "CAP_SYS_RESOURCE");
	}
}

/* What it keeps, and who it is */

void judge_data(struct check *c, const char *dir, const struct found_data *f)
{
	unsigned long long mib = f->free_bytes >> 20;

	if (f->missing == ENOENT) {
		check_found(c, CHECK_WARN, "data", "%s is not there", dir);
		check_mend(c, "skein-sensor enroll makes it");
	} else if (f->missing) {
		check_found(c, CHECK_FAIL, "data", "%s: %s", dir, strerror(f->missing));
		check_mend(c, "run it with sudo, or as the user that owns it");
	} else if (f->refused) {
		check_found(c, CHECK_WARN, "data", "%s cannot be written to: %s", dir,
			    strerror(f->refused));
		check_mend(
			c,
			"enrolment writes there: run it with sudo, or as the user that owns "
			"it");
	} else if (mib < FREE_MIB) {
		check_found(c, CHECK_WARN, "data", "%s has %llu MiB left", dir, mib);
		check_mend(c, "make room for a new enrolment on that file system");
	} else {
		check_found(c, CHECK_OK, "data", "%s, %llu MiB free", dir, mib);
	}
}

void judge_config(struct check *c, const char *path, const char *words)
{
	if (words) {
		check_found(c, CHECK_FAIL, "config", "%s", words);
		check_mend(c, "man skein-sensor.conf lists the keys and what they take");
	} else if (path) {
		check_found(c, CHECK_OK, "config", "%s", path);
	} else {
		check_found(c, CHECK_OK, "config", "no file: defaults, and the command line");
	}
}

void judge_identity(struct check *c, const char *host, uint16_t port,
		    const struct found_identity *f)
{
	if (!f->rc) {
		check_found(c, CHECK_OK, "enrolled", "as %s", f->id.sensor);
		return;
	}
	check_found(c, f->rc == -ENOENT ? CHECK_WARN : CHECK_FAIL, "enrolled", "%s",
		    f->rc == -ENOENT ? "not yet" : f->words);
	if (f->rc == -EACCES || f->rc == -EPERM)
		check_mend(c, "run it with sudo, or as the user that owns the files");
	else if (*host)
		check_mend(c,
			   strchr(host, ':')
				   ? "skein-sensor enroll --collector [%s]:%u --token "
				     "TOKEN%s, of skein-collector token create"
				   : "skein-sensor enroll --collector %s:%u --token "
				     "TOKEN%s, of skein-collector token create",
			   host, port, f->rc == -ENOENT ? "" : " --force");
	else
		check_mend(c,
			   "skein-sensor enroll --collector HOST:PORT --token TOKEN%s, of "
			   "skein-collector token create",
			   f->rc == -ENOENT ? "" : " --force");
}

static const char *day_text(int64_t seconds, char out[16])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, 16, "%Y-%m-%d", &tm);
	return out;
}

void judge_certificate(struct check *c, const struct found_identity *f)
{
	int64_t days = (f->id.expires - f->now) / 86400;
	char from[16], to[16];

	if (f->rc) {
		check_found(c, CHECK_OK, "certificate", "none, before it is enrolled");
		return;
	}
	check_found(c, CHECK_OK, "certificate", "from %s to %s", day_text(f->id.begins, from),
		    day_text(f->id.expires, to));
	if (f->now < f->id.begins) {
		check_also(c, CHECK_FAIL, "it has not begun");
		check_mend(c, "set the clock of this machine, or that of the collector");
		return;
	}
	if (f->now >= f->id.expires)
		check_also(c, CHECK_FAIL, "it has ended");
	else if (days < EXPIRY_DAYS)
		check_also(c, CHECK_WARN, "it ends in %" PRId64 " days and was not renewed",
			   days);
	if (c->status == CHECK_WARN)
		check_mend(c, "the sensor renews it by itself while it is connected: look at "
			      "its log and at `skein-collector sensor show`");
	else if (c->status)
		check_mend(c,
			   "skein-sensor enroll --force --collector HOST:PORT --token TOKEN, "
			   "then systemctl restart skein-sensor");
}

/* The collector */

static void judge_unreached(struct check *c, const char *host, uint16_t port,
			    const struct found_call *f)
{
	check_found(c, CHECK_FAIL, "collector", "cannot be reached: %s", f->words);
	if (f->proxied)
		check_mend(c,
			   "is --proxy (proxy = in sensor.conf) right, and may one CONNECT "
			   "to port %u there?",
			   port);
	else if (f->name)
		check_mend(c,
			   "is the name right? getent hosts %s; /etc/resolv.conf, /etc/hosts",
			   host);
	else
		check_mend(
			c,
			"does it run (systemctl status skein-collector, its --listen), and is "
			"TCP port %u open from here?",
			port);
}

void judge_call(struct check *c, const char *host, uint16_t port, const struct found_call *f)
{
	switch (f->end) {
	case CALL_NOBODY:
		check_found(c, CHECK_WARN, "collector", "none is named");
		check_mend(c, "--collector HOST:PORT, or collector = HOST:PORT in "
			      "/etc/skein/sensor.conf");
		return;
	case CALL_UNREACHED:
		judge_unreached(c, host, port, f);
		return;
	case CALL_MUTE:
		check_found(c, CHECK_FAIL, "collector", "%s answers the call and says nothing",
			    f->peer);
		check_mend(
			c,
			"is it a skein-collector, or a firewall or proxy that takes the call "
			"for it?");
		return;
	case CALL_TLS:
		check_found(c, CHECK_FAIL, "collector", "%s: %s", f->peer, f->words);
		check_mend(
			c,
			"is it the collector that this sensor was enrolled with? If it has a "
			"new authority: skein-sensor enroll --force");
		return;
	case CALL_CONNECTED:
		check_found(c, CHECK_OK, "collector",
			    "%s takes calls (%u ms); who it is shows once this is enrolled",
			    f->peer, f->ms);
		return;
	case CALL_REFUSED:
		check_found(c, CHECK_FAIL, "collector", "%s refuses: %s", f->peer, f->words);
		check_mend(
			c,
			"the collector's journal says more; skein-sensor enroll --force makes "
			"a new identity");
		return;
	case CALL_TAKEN:
		check_found(
			c, CHECK_OK, "collector",
			"%s, its certificate is right (%u ms); this sensor is connected to it "
			"already",
			f->peer, f->ms);
		return;
	case CALL_WELCOME:
		check_found(c, CHECK_OK, "collector", "%s, %s, welcomes this sensor (%u ms)",
			    f->peer, f->program, f->ms);
		return;
	}
}

void judge_clock(struct check *c, const struct found_clock *f)
{
	time_t t = (time_t)f->now;
	char text[32];
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm);
	check_found(c, CHECK_OK, "clock", "%s", text);
	if (tm.tm_year + 1900 < YEAR_FIRST || tm.tm_year + 1900 > YEAR_LAST)
		check_also(c, CHECK_FAIL, "that is not now");
	else if (f->has_offset && (f->offset_ms > BELIEVED_MS || f->offset_ms < -BELIEVED_MS))
		check_also(c, CHECK_FAIL,
			   "the collector's differs by %+" PRId64
			   " s, beyond what it believes (5 minutes)",
			   f->offset_ms / 1000);
	else if (f->has_offset && (f->offset_ms > OFFSET_MS || f->offset_ms < -OFFSET_MS))
		check_also(c, CHECK_WARN, "the collector's differs by %+" PRId64 " s",
			   f->offset_ms / 1000);
	else if (f->has_offset)
		check_also(c, CHECK_OK, "the collector's differs by %+" PRId64 " ms",
			   f->offset_ms);
	else
		check_also(c, f->synchronised ? CHECK_OK : CHECK_WARN,
			   f->synchronised
				   ? "synchronised; the collector's is not known"
				   : "nobody sets it, and the collector's is not known");
	if (c->status)
		check_mend(c, "timedatectl set-ntp true, or chrony; on both machines");
}
