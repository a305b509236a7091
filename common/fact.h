/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The facts that sensors make and everybody after them passes around.
 *
 * All strings are UTF-8, never NULL ("" is unknown), and borrowed from whoever filled the
 * struct.  Times are UTC, in milliseconds since 1970 where the name ends in _ms.
 */
#ifndef COMMON_FACT_H
#define COMMON_FACT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"

/* Who saw it; also the order of trust when several saw the same (docs/design.md, counting
 * once). */
enum witness {
	WITNESS_NONE,
	WITNESS_CLIENT, /* a host sensor on the client's machine */
	WITNESS_SERVER, /* a host sensor on the server's machine */
	WITNESS_MIRROR,
	WITNESS_NETFLOW,
	WITNESS_IMPORT,
	WITNESS_TRANSLATION, /* the host that translated it: opens alone; never on the wire */
	WITNESS_COUNT
};
extern const char *const witness_word[WITNESS_COUNT];

enum { PROTO_TCP = 6, PROTO_UDP = 17 };
enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16 };

/* Longest strings that are taken from outside, without their NUL. */
enum {
	NAME_LEN = 255,	   /* process, unit, user, machine, container */
	PATH_LEN = 1023,   /* executable, application, arguments */
	EXTRA_LEN = 24575, /* what else is known of a machine, as JSON */
};

/* What lives on when pids do not: NAME, UNIT and CONTAINER are its identity, the rest tells
 * more. */
struct process {
	const char *name;      /* short: docs/design.md section "Names of processes" */
	const char *unit;      /* systemd unit, "" outside of any */
	const char *container; /* container id, "" outside of any */
	const char *exe;       /* path of the executable */
	const char *user;
	const char *app;  /* main class or jar behind java */
	const char *args; /* arguments without secrets; "" unless somebody asked for them */
};

/* Amounts of one interval or one sum of intervals: they add up, and they are never gauges. */
struct counters {
	uint64_t opens;	  /* attempts, once each, when established or failed */
	uint64_t refused; /* failed, by kind; each of them is among the opens */
	uint64_t timeouts;
	uint64_t unreachable;
	uint64_t resets;       /* established, then reset before any payload */
	uint64_t failed_other; /* nobody told how: from imports */
	uint64_t abandoned;    /* given up by the client itself: neither opened nor failed */
	uint64_t bytes_to_server; /* payload: no SYN, no FIN, no retransmission */
	uint64_t bytes_to_client;
	uint64_t retransmits; /* segments sent again by the observer's side */
	uint64_t rtt_sum_us;  /* smoothed RTT at close, summed over rtt_n connections */
	uint64_t rtt_n;
	bool has_bytes; /* false: the bytes are unknown, not zero */
};

static inline uint64_t counters_failed(const struct counters *c)
{
	return c->refused + c->timeouts + c->unreachable + c->resets + c->failed_other;
}

/*
 * One connection out of many, to pair the two sides of an edge when both ends have several
 * processes: the sides keep the client ports whose sample_rank is lowest, so they keep the
 * same.
 */
struct sample {
	uint16_t client_port;
	uint16_t
		translated_port; /* with TRANSLATED: the same end on the other side of a NAT */
	bool has_translated;
	struct addr translated;
	uint64_t start_ms;
};
enum { FLOW_SAMPLES = 4 };

/* One witness's word on one edge in one minute.  The observer knows its own process only. */
struct flow {
	enum witness witness;
	uint8_t proto;
	uint16_t port; /* the server's */
	struct addr client, server;
	uint32_t scope; /* netns of a loopback or link-local flow, else 0 */
	const struct process *client_process; /* NULL: unknown */
	const struct process *server_process;
	uint64_t minute; /* minutes since 1970 */
	uint64_t first_ms, last_ms;
	struct counters c;
	uint32_t live;	  /* open at the end of the interval */
	uint32_t pending; /* still connecting at the end of the interval */
	struct sample samples[FLOW_SAMPLES];
	unsigned samples_n;
	/* The server's end as the client addressed it, where this host translated it. */
	bool has_seen;
	struct addr seen;
	uint16_t seen_port;
	uint32_t sampling; /* 1 packet in so many was looked at: all amounts are estimates; 0:
			      all were */
};

/* A machine as its sensor describes it. */
enum { MACHINE_ADDRS = 512 };
struct machine {
	const char *id;	    /* stable over reinstallation of the sensor, kept to the letter */
	const char *name;   /* host name */
	const char *os;	    /* "Debian GNU/Linux 12 (bookworm)" */
	const char *kernel; /* release */
	const char *arch;
	uint32_t cores;
	uint64_t memory_bytes;
	struct addr addrs[MACHINE_ADDRS]; /* sorted; every network namespace, no loopback */
	unsigned addrs_n;
	const char *extra; /* inventory: a JSON object (docs/exchange.md), or "" */
};

/* A socket that waits for connections; the address may be the any-address. */
struct listener {
	struct addr addr;
	uint16_t port;
	uint8_t proto;
	uint32_t scope;		       /* netns */
	const struct process *process; /* NULL: unknown */
};

/* A stretch of time that a probe watched without a break. */
struct cover {
	uint64_t start_ms, end_ms;
	uint64_t overflow; /* connections that no longer fitted a table of the probe */
	uint64_t unnamed;  /* processes that were gone before anybody could name them */
	uint32_t degraded; /* bits of enum degraded */
};

/* What this watch could not see, by its own account. */
enum degraded {
	DEGRADED_POLL = 1,   /* no eBPF here: what the fallback misses is missed */
	DEGRADED_READER = 2, /* the governor took the reader's program away */
	DEGRADED_OFF = 4,    /* the governor took all programs away: nothing was watched */
	DEGRADED_NO_UDP = 8,
	DEGRADED_NO_NAT = 16,
	DEGRADED_NAT_LOST = 32, /* translations came faster than they were read */
	DEGRADED_DROPPED = 64,	/* a mirror's: packets came faster than they were read */
	DEGRADED_UNSEEN =
		128, /* more than 1 in 1,000 bytes were acknowledged and never seen */
	DEGRADED_ONE_SIDED = 256, /* more than 1 in 20 connections were seen one way only */
	DEGRADED_SAMPLED = 512,	  /* an exporter's: it looks at one packet in so many */
	DEGRADED_MISSED = 1024,	  /* an exporter's: datagrams did not get here */
	DEGRADED_WORDS = 11,
};
/* By the number of the bit, as in JSON: "poll", "reader_off" ... */
extern const char *const degraded_word[DEGRADED_WORDS];

/* Opens of one network namespace as the probe counted them and as the kernel did. */
struct capture {
	uint64_t start_ms, end_ms;
	uint32_t netns;
	uint64_t active_seen, active_kernel;   /* connects: ActiveOpens of /proc/net/snmp */
	uint64_t passive_seen, passive_kernel; /* accepts: PassiveOpens */
};

/* How busy a part of the machine was. */
enum usage_metric {
	USAGE_NONE,
	USAGE_CPU,	     /* thousandths of all cores together */
	USAGE_MEMORY,	     /* bytes that are not available to a new program */
	USAGE_DISK_READ_OPS, /* operations in 1,000 seconds */
	USAGE_DISK_WRITE_OPS,
	USAGE_DISK_READ_BYTES, /* a second */
	USAGE_DISK_WRITE_BYTES,
	USAGE_NIC_RX_BYTES, /* a second */
	USAGE_NIC_TX_BYTES,
	USAGE_METRICS
};
extern const char
	*const usage_word[USAGE_METRICS]; /* as in JSON: "cpu", "disk_read_ops" ... */
struct usage {
	enum usage_metric metric;
	const char *device; /* "sda", "eth0"; "" for CPU and memory */
	uint64_t start_ms, end_ms;
	uint32_t samples;
	uint64_t mean, max; /* over the samples */
};

/*
 * A translation that this machine makes for a connection through or to it (DNAT, masquerade,
 * a load balancer): the server's end and the client's end on both sides.  Client ports are not
 * told.
 */
struct translation {
	uint8_t proto;
	struct addr client;	 /* as it is */
	struct addr client_seen; /* as the server sees it; equal to client where it is not
				    changed */
	struct addr seen;	 /* the server as the client addressed it */
	uint16_t seen_port;
	struct addr server; /* as it is */
	uint16_t port;
	uint64_t first_ms, last_ms;
	uint64_t opens;
};

/* Data that was dropped before it could be sent: a gap that must show. */
struct lost {
	uint64_t start_ms, end_ms;
	uint64_t records;
};

#endif
