/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The information elements that mean something here, of NetFlow v9's field types and IPFIX's
 * registry (IANA "IPFIX Information Elements"; the first 127 are the same).  All others are
 * skipped by their length.
 */
#ifndef COLLECTOR_FLOWS_FIELD_H
#define COLLECTOR_FLOWS_FIELD_H

#include <stdbool.h>
#include <stdint.h>

/* What an element tells.  Several elements may tell the same: the first that is not 0 holds.
 */
enum field {
	FIELD_NONE,
	/* numbers */
	FIELD_BYTES,
	FIELD_PACKETS,
	FIELD_BYTES_TOTAL,
	FIELD_PACKETS_TOTAL,
	FIELD_OUT_BYTES,
	FIELD_OUT_PACKETS,
	FIELD_LAYER2_BYTES,
	FIELD_INITIATOR_BYTES,
	FIELD_INITIATOR_PACKETS,
	FIELD_RESPONDER_BYTES,
	FIELD_RESPONDER_PACKETS,
	FIELD_REVERSE_BYTES,
	FIELD_REVERSE_PACKETS,
	FIELD_PROTO,
	FIELD_TCP_FLAGS,
	FIELD_SPORT,
	FIELD_DPORT,
	FIELD_IN_IF,
	FIELD_OUT_IF,
	FIELD_WAY,
	FIELD_FORWARDING,
	FIELD_END_REASON,
	FIELD_FIREWALL_EVENT,
	FIELD_NAT_EVENT,
	FIELD_BIFLOW,
	FIELD_NAT_SPORT,
	FIELD_NAT_DPORT,
	FIELD_CLIENT_PORT,
	FIELD_SERVER_PORT,
	FIELD_SAMPLER,
	FIELD_INTERVAL,	   /* one in so many */
	FIELD_TAKEN,	   /* so many one after the other ... */
	FIELD_SPACE,	   /* ... then so many not */
	FIELD_SIZE,	   /* so many ... */
	FIELD_POPULATION,  /* ... of so many */
	FIELD_PROBABILITY, /* bits of a double */
	FIELD_FRAME_SIZE,
	/* times, in ms */
	FIELD_FIRST_UP, /* of the exporter's sysUpTime */
	FIELD_LAST_UP,
	FIELD_FIRST, /* since 1970 */
	FIELD_LAST,
	FIELD_EVENT_TIME,
	FIELD_BOOT,
	FIELD_FIRST_AGO, /* before the export */
	FIELD_LAST_AGO,
	FIELD_DURATION,
	FIELD_NUMBERS,
	/* addresses */
	FIELD_SRC = FIELD_NUMBERS,
	FIELD_DST,
	FIELD_NAT_SRC,
	FIELD_NAT_DST,
	FIELD_CLIENT,
	FIELD_SERVER,
	FIELD_ADDRESSES,
	/* the beginning of a packet */
	FIELD_FRAME = FIELD_ADDRESSES,
	FIELD_IP_HEADER,
	FIELD_KINDS
};

/* How it is written. */
enum field_form {
	FORM_SKIP,
	FORM_NUMBER,	   /* 1 to 8 bytes */
	FORM_SECONDS,	   /* a number, in seconds */
	FORM_MICROSECONDS, /* a number */
	FORM_NTP,	   /* 32.32 bits of seconds since 1900 */
	FORM_ADDRESS,	   /* 4 or 16 bytes */
	FORM_BYTES
};

struct field_kind {
	uint8_t field; /* enum field */
	uint8_t form;  /* enum field_form */
};

enum {
	FIELD_VARIABLE = 65535,	   /* a length: it stands before each value */
	FIELD_PACKET_MIN = 20,	   /* fewer bytes of a packet have no addresses */
	FIELD_PEN_REVERSE = 29305, /* RFC 5103 */
	FIELD_PEN_CISCO = 9,
	FIELD_V9_SCOPE = -1, /* in the place of an enterprise: the scope of v9's options */
};

/* ENTERPRISE: 0, a private enterprise number or FIELD_V9_SCOPE.  FIELD_NONE, FORM_SKIP for
 * others. */
struct field_kind field_find(int64_t enterprise, uint16_t id, bool v9);

#endif
