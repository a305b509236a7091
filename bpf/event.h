/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause OR Apache-2.0 */
/*
 * What the programs in the kernel and the sensor share: the keys and values of the maps and
 * the records of the ring.  Fixed sizes, explicit padding (keys are compared as bytes), host
 * byte order; addresses as common/addr.h has them (IPv4 mapped).
 */
#ifndef BPF_EVENT_H
#define BPF_EVENT_H

#include <linux/types.h>

enum edge_dir { EDGE_UNKNOWN = 0, EDGE_CLIENT = 1, EDGE_SERVER = 2 };

/*
 * One edge as one process sees it.  BORN tells apart two processes that had the same tgid, and
 * two programs that one process executed: start (boot time, ns) plus the number of its execs.
 */
struct edge_key {
	__u64 born;
	__u32 tgid; /* 0: unknown */
	__u32 netns;
	__u8 local[16];
	__u8 remote[16];
	__u16 port; /* the service port: remote for a client, local for a server */
	__u8 dir;   /* enum edge_dir */
	__u8 proto; /* 0: TCP, 17: UDP */
	__u8 pad[4];
};

/* Of the connections of one edge those whose client port has the lowest edge_rank are kept. */
struct edge_sample {
	__u32 start_ms; /* boot time, modulo 2^32 */
	__u16 port;
	__u16 used;
};
#define EDGE_SAMPLES 4

static inline __u32 edge_rank(__u16 port)
{
	return (__u32)port * 2654435761u; /* Knuth: both ends rank a port alike */
}

/*
 * What happened on an edge since the map was last drained.  Openings and bytes are of closed
 * connections; those of open ones are in their live_record.
 */
struct edge_val {
	__u64 tx, rx; /* payload sent and received by the owner of the edge */
	__u64 rtt_sum_us;
	__u64 first_ns, last_ns; /* boot time */
	__u32 opens, closes;	 /* together at 8 bytes: bpf/tally.h adds to both at once */
	__u32 refused, timeouts, unreachable, resets, abandoned;
	__u32 retransmits, rtt_n;
	__u32 no_bytes; /* 1: tx and rx are unknown, not zero */
	__u32 unsent;	/* of the unreachable: the kernel had no route, and sent nothing */
	__u32 pad;
	struct edge_sample sample[EDGE_SAMPLES];
};

/*
 * UDP between one process and one address, since the map was last drained.  A port that is 0
 * is one of many, and was left out (bpf/ports.h).
 */
struct udp_key {
	__u64 born;
	__u32 tgid;
	__u32 netns;
	__u8 local[16]; /* :: where it is not known: a socket that is bound to no address */
	__u8 remote[16];
	__u16 local_port, remote_port;
	__u32 pad;
};
struct udp_val {
	__u64 tx, rx;	      /* payload, where the kernel tells of it */
	__u64 sent, received; /* datagrams */
	__u64 first_ns, last_ns;
	__u32 we_began, they_began; /* exchanges, by who spoke first */
	struct edge_sample sample[EDGE_SAMPLES];
};

/*
 * On the ring of processes: somebody in another namespace than the sensor's talks over a
 * socket that is bound to no address.  The routes are asked at once, while the namespace is
 * there.
 */
struct udp_place {
	__u32 netns;
	__u32 tgid;
	__u8 remote[16];
};

/* An open connection, one record of the `live` iterator: totals since it was first seen. */
struct live_record {
	struct edge_key key;
	__u64 tx, rx;
	__u32 pending; /* still connecting */
	__u32 start_ms;
	__u16 client_port;
	__u8 untold; /* a server's that waits for its reader: seen, and not counted as opened
			yet */
	__u8 opened; /* its opening was watched, and is to be counted; again in every record */
	__u8 over;   /* a mirror's: it is closed, and stays for what comes late */
	__u8 pad[3];
};

struct listener_key {
	__u32 netns;
	__u16 port;
	__u8 proto; /* 0: TCP, 17: UDP */
	__u8 pad;
	__u8 addr[16]; /* 0.0.0.0 is ::ffff:0.0.0.0 here, :: is :: */
};
struct listener_val {
	__u64 sk; /* the socket that listened last; 0: it is gone, and others are left */
	__u64 born;
	__u32 tgid;
	__u32 count; /* sockets at this address (SO_REUSEPORT) */
};
/* By socket: every one that listens. */
struct listening {
	struct listener_key key;
	__u64 born;
	__u32 tgid;
	__u32 pad;
};

/*
 * A process that has just been seen for the first time, while it is certainly there.  Strings
 * end with a NUL; what lies behind it is not set.
 */
#define PROCESS_ARGS 256
#define PROCESS_NAMES 256 /* room for the names of a path, a NUL after each, lowest first */
#define PATH_NAME 96	  /* the longest that is kept of one, with its NUL: of a path */
#define CGROUP_NAME 160	  /* and of a cgroup */
enum { CGROUP_V2, CGROUP_V1, PROCESS_CGROUPS };
struct process_event {
	__u64 born;
	__u32 tgid;
	__u32 uid;
	__u32 args_len; /* bytes of ARGS that are good: arguments with a NUL after each */
	__u32 kthread;
	char comm[16];
	char exe[64]; /* last part of the executable's path */
	char args[PROCESS_ARGS];
	/* The executable's path up to the root of its mounts; 0 where it did not fit. */
	__u32 path_len;
	/* The lowest names of its cgroups: of the unified hierarchy, and of that of pids (or
	 * memory, where that is the root) where it is one of version 1; 0 for the root. */
	__u32 cgroup_len[PROCESS_CGROUPS];
	__u32 pad;
	char path[PROCESS_NAMES];
	char cgroup[PROCESS_CGROUPS][PROCESS_NAMES];
};

/* Why something could not be kept; indexes of the per-CPU array `drops`. */
enum drop {
	DROP_EDGE_FULL,	  /* an opening or an end not counted */
	DROP_SOCKET_FULL, /* connection not tracked */
	DROP_LISTENER_FULL,
	DROP_PROCESS_FULL, /* ring full: named from /proc, or not at all */
	DROP_NOTICES, /* ends that the fallback was not told of: its netlink buffer was full */
	DROP_FAILURE, /* the fallback knows that a connect failed, but not to which port */
	DROP_UDP_PLACE, /* the address of the own end could not be found */
	DROP_COUNT
};

#endif
