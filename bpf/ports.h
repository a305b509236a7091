/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause OR Apache-2.0 */
/*
 * UDP has no SYN: which port of two is a service, and which is one of a client's many.  What
 * the programs in the kernel do with it has to be kept apart from a client's chance ports,
 * since those would fill every table.
 *
 * Shared with the sensor's tests; no state, no clock.
 */
#ifndef BPF_PORTS_H
#define BPF_PORTS_H

#include <linux/types.h>

enum port_rank {
	PORT_CHANCE,   /* what systems give to clients (RFC 6335, section 6: from 49152; Linux
			  from 32768) */
	PORT_PLAIN,    /* registered, or chosen by somebody */
	PORT_RESERVED, /* below 1024: a service, or a client that wants to look like root's */
	PORT_KNOWN,    /* a service that is asked over UDP */
};

/* What stays of the two ports of an edge. */
enum udp_keep {
	UDP_KEEP_BOTH, /* both may be services: who began decides (sensor/udp_side.h) */
	UDP_KEEP_LOCAL,
	UDP_KEEP_REMOTE,
};

/* No registered port is among the known: where clients take theirs from has been widened on
 * many a host (net.ipv4.ip_local_port_range). */
static inline enum port_rank port_rank(__u16 port)
{
	switch (port) {
	case 53:  /* DNS */
	case 67:  /* DHCP */
	case 69:  /* TFTP */
	case 88:  /* Kerberos */
	case 111: /* portmapper */
	case 123: /* NTP */
	case 137: /* NetBIOS names */
	case 161: /* SNMP */
	case 162: /* SNMP traps */
	case 389: /* CLDAP */
	case 443: /* QUIC */
	case 464: /* kpasswd */
	case 500: /* IKE */
	case 514: /* syslog */
		return PORT_KNOWN;
	}
	return port < 1024 ? PORT_RESERVED : port < 32768 ? PORT_PLAIN : PORT_CHANCE;
}

static inline _Bool rank_is_no_sign(enum port_rank a, enum port_rank b)
{
	return a == PORT_RESERVED && b == PORT_PLAIN;
}

/*
 * BOUND: the program chose its own port (bind with a port); WE_BEGAN: of the datagrams that
 * were seen between the two the first was sent by us.
 *
 * A port that was not chosen is a client's.  One that was chosen is a service's more often
 * than not, but resolvers choose a chance port for each question, too.  What is better known
 * as a service is one, whoever was seen to begin: the watch may have come in the middle.  A
 * port below 1024 is no sign against a registered one, since clients of RPC take such ports.
 */
static inline enum udp_keep udp_keep(__u16 local, __u16 remote, _Bool bound, _Bool we_began)
{
	enum port_rank l, r;

	if (!bound)
		return UDP_KEEP_REMOTE;
	if (local == remote)
		return UDP_KEEP_BOTH;
	l = port_rank(local);
	r = port_rank(remote);
	if (l == r && l >= PORT_RESERVED)
		return UDP_KEEP_BOTH;
	if (l != r && !rank_is_no_sign(l, r) && !rank_is_no_sign(r, l))
		return l > r ? UDP_KEEP_LOCAL : UDP_KEEP_REMOTE;
	return we_began ? UDP_KEEP_REMOTE : UDP_KEEP_LOCAL;
}

/*
 * Where a kernel does not say that a connected socket has sent something, a connect is taken
 * for it, if it is to one of these: services that are asked over UDP alone, or nearly.
 * getaddrinfo() connects sockets of UDP to sort what it has found, to the port that its caller
 * will use over TCP: so 389 or 443 are not among them.
 */
static inline _Bool udp_is_asked(__u16 port)
{
	switch (port) {
	case 53:
	case 88:
	case 123:
	case 161:
	case 162:
	case 464:
	case 500:
	case 514:
	case 1812:
	case 1813:
	case 4500:
		return 1;
	}
	return 0;
}

/*
 * Discovery by multicast: mDNS, LLMNR, SSDP, WS-Discovery.  Everybody on a segment talks to
 * everybody, and nobody depends on it.
 */
static inline _Bool udp_is_chatter(__u16 port)
{
	return port == 5353 || port == 5355 || port == 1900 || port == 3702;
}

/* NetBIOS: mostly shouted into the segment, so hearing it alone tells of no dependency. */
static inline _Bool udp_is_shouted(__u16 port)
{
	return port == 137 || port == 138;
}

#endif
