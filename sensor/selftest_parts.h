/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the self-test: what is found (read, at the rim), and what it means (judge,
 * pure).  Each finding has a reader of its own and a judge of the same name.
 */
#ifndef SENSOR_SELFTEST_PARTS_H
#define SENSOR_SELFTEST_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/check.h"
#include "sensor/identity.h"
#include "sensor/selftest.h"

/* Capabilities by their number (linux/capability.h), as CapEff of proc(5) has them. */
struct found_rights {
	uint64_t effective;
	unsigned major, minor; /* of the kernel */
};

struct found_kernel {
	char release[128];
	const char *denied; /* why, or NULL */
	bool forced;	    /* eBPF or not at all */
};

enum found_btf { BTF_GOOD, BTF_MISSING, BTF_UNREADABLE, BTF_ODD };

struct found_probe {
	bool ebpf;	      /* wanted and not denied */
	bool ebpf_ran;	      /* opened, drained and closed */
	char ebpf_words[512]; /* else why not */
	bool poll_wanted, poll_ran;
	char poll_words[512];
	bool forced; /* by --ebpf: there is no falling back */
	unsigned live, listeners, ms;
	uint32_t degraded; /* bits */
	int left;	   /* objects that the kernel kept; -EPERM: it cannot be told */
};

struct found_namespaces {
	int own;	 /* 0, or the errno of entering our own */
	unsigned others; /* that are seen */
	unsigned entered;
};

struct found_cgroup {
	bool reached, own;
	char words[256];
};

struct found_nat {
	bool wanted, heard;
	char words[256];
};

struct found_proc {
	unsigned others;  /* processes of other users that were looked at */
	unsigned shut;	  /* whose files may not be looked at */
	char hidepid[16]; /* the value of the option of the mount, or "" */
};

struct found_memlock {
	uint64_t soft, hard; /* bytes; UINT64_MAX: no limit */
	bool may_raise;
	unsigned major, minor;
};

struct found_data {
	int missing; /* errno of stat, 0: it is there */
	int refused; /* errno of writing in it */
	uint64_t free_bytes;
};

struct found_identity {
	int rc; /* of identity_load */
	struct identity id;
	char words[512];
	int64_t now;
};

enum call_end {
	CALL_NOBODY,	/* no collector is configured */
	CALL_UNREACHED, /* nobody answered */
	CALL_MUTE,	/* connected, and then nothing came in time */
	CALL_TLS,	/* not the expected collector, or it does not want us */
	CALL_CONNECTED, /* that is all that can be tried without an identity */
	CALL_REFUSED,	/* greeted, and it said no */
	CALL_TAKEN,	/* a sensor with this identity is connected: its own */
	CALL_WELCOME,
};
struct found_call {
	enum call_end end;
	bool name;	 /* the host was not found: it is a name */
	bool proxied;	 /* the call went to a proxy */
	char words[512]; /* what went wrong */
	char peer[400], program[128];
	unsigned ms;	  /* from dialling to the last answer */
	bool has_clock;	  /* the collector said what time it is */
	int64_t clock_ms; /* its clock less ours */
};

struct found_clock {
	int64_t now;	   /* Unix seconds */
	bool synchronised; /* the kernel says that somebody sets it */
	bool has_offset;
	int64_t offset_ms; /* the collector's less ours */
};

void read_rights(struct found_rights *out);
void read_kernel(const struct selftest_config *c, struct found_kernel *out);
void read_btf(enum found_btf *out);
void read_probe(const struct selftest_config *c, struct found_probe *out);
void read_namespaces(struct found_namespaces *out);
void read_cgroup(struct found_cgroup *out);
void read_nat(const struct selftest_config *c, struct found_nat *out);
void read_proc(struct found_proc *out);
void read_memlock(struct found_memlock *out);
void read_data(const struct selftest_config *c, struct found_data *out);
void read_identity(const struct selftest_config *c, struct found_identity *out);
/* Dials, TLS and HELLO, within CALL_S; no record is sent. */
enum { CALL_S = 6 };
void read_call(const struct selftest_config *c, struct found_call *out);
void read_clock(const struct found_call *call, struct found_clock *out);

void judge_rights(struct check *c, const struct found_rights *f);
void judge_kernel(struct check *c, const struct found_kernel *f);
void judge_btf(struct check *c, enum found_btf f);
void judge_probe(struct check *c, const struct found_probe *f);
void judge_namespaces(struct check *c, const struct found_namespaces *f);
void judge_cgroup(struct check *c, const struct found_cgroup *f);
void judge_nat(struct check *c, const struct found_nat *f);
void judge_proc(struct check *c, const struct found_proc *f);
void judge_memlock(struct check *c, const struct found_memlock *f);
void judge_data(struct check *c, const char *dir, const struct found_data *f);
void judge_config(struct check *c, const char *path, const char *words);
/* HOST and PORT of the collector for the command that enrols; "": not known. */
void judge_identity(struct check *c, const char *host, uint16_t port,
		    const struct found_identity *f);
void judge_certificate(struct check *c, const struct found_identity *f);
void judge_call(struct check *c, const char *host, uint16_t port, const struct found_call *f);
void judge_clock(struct check *c, const struct found_clock *f);

#endif
