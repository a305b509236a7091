/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/flows/field.h"

#include <stdlib.h>

struct row {
	int64_t enterprise;
	uint16_t id;
	struct field_kind kind;
};

/* clang-format off */
#define ROW(enterprise, id, what, form) \
	{ enterprise, id, { FIELD_##what, FORM_##form } }

/* In the order of enterprise and id. */
static const struct row rows[] = {
	ROW(0, 1, BYTES, NUMBER),
	ROW(0, 2, PACKETS, NUMBER),
	ROW(0, 4, PROTO, NUMBER),
	ROW(0, 6, TCP_FLAGS, NUMBER),
	ROW(0, 7, SPORT, NUMBER),
	ROW(0, 8, SRC, ADDRESS),
	ROW(0, 10, IN_IF, NUMBER),
	ROW(0, 11, DPORT, NUMBER),
	ROW(0, 12, DST, ADDRESS),
	ROW(0, 14, OUT_IF, NUMBER),
	ROW(0, 21, LAST_UP, NUMBER),
	ROW(0, 22, FIRST_UP, NUMBER),
	ROW(0, 23, OUT_BYTES, NUMBER),
	ROW(0, 24, OUT_PACKETS, NUMBER),
	ROW(0, 27, SRC, ADDRESS),
	ROW(0, 28, DST, ADDRESS),
	ROW(0, 34, INTERVAL, NUMBER),	/* samplingInterval */
	ROW(0, 48, SAMPLER, NUMBER),	/* flowSamplerId */
	ROW(0, 50, INTERVAL, NUMBER),	/* flowSamplerRandomInterval */
	ROW(0, 61, WAY, NUMBER),
	ROW(0, 85, BYTES_TOTAL, NUMBER),
	ROW(0, 86, PACKETS_TOTAL, NUMBER),
	ROW(0, 89, FORWARDING, NUMBER),
	ROW(0, 103, FRAME_SIZE, NUMBER),	/* layer2packetSectionSize */
	ROW(0, 104, FRAME, BYTES),		/* layer2packetSectionData */
	ROW(0, 136, END_REASON, NUMBER),
	ROW(0, 150, FIRST, SECONDS),
	ROW(0, 151, LAST, SECONDS),
	ROW(0, 152, FIRST, NUMBER),
	ROW(0, 153, LAST, NUMBER),
	ROW(0, 154, FIRST, NTP),	/* microseconds; the same bits as nanoseconds */
	ROW(0, 155, LAST, NTP),
	ROW(0, 156, FIRST, NTP),
	ROW(0, 157, LAST, NTP),
	ROW(0, 158, FIRST_AGO, MICROSECONDS),
	ROW(0, 159, LAST_AGO, MICROSECONDS),
	ROW(0, 160, BOOT, NUMBER),	/* systemInitTimeMilliseconds */
	ROW(0, 161, DURATION, NUMBER),
	ROW(0, 162, DURATION, MICROSECONDS),
	ROW(0, 180, SPORT, NUMBER),	/* udpSourcePort */
	ROW(0, 181, DPORT, NUMBER),
	ROW(0, 182, SPORT, NUMBER),	/* tcpSourcePort */
	ROW(0, 183, DPORT, NUMBER),
	ROW(0, 225, NAT_SRC, ADDRESS),
	ROW(0, 226, NAT_DST, ADDRESS),
	ROW(0, 227, NAT_SPORT, NUMBER),
	ROW(0, 228, NAT_DPORT, NUMBER),
	ROW(0, 230, NAT_EVENT, NUMBER),
	ROW(0, 231, INITIATOR_BYTES, NUMBER),
	ROW(0, 232, RESPONDER_BYTES, NUMBER),
	ROW(0, 233, FIREWALL_EVENT, NUMBER),
	ROW(0, 239, BIFLOW, NUMBER),
	ROW(0, 281, NAT_SRC, ADDRESS),
	ROW(0, 282, NAT_DST, ADDRESS),
	ROW(0, 298, INITIATOR_PACKETS, NUMBER),
	ROW(0, 299, RESPONDER_PACKETS, NUMBER),
	ROW(0, 302, SAMPLER, NUMBER),		/* selectorId */
	ROW(0, 305, TAKEN, NUMBER),		/* samplingPacketInterval */
	ROW(0, 306, SPACE, NUMBER),		/* samplingPacketSpace */
	ROW(0, 309, SIZE, NUMBER),		/* samplingSize */
	ROW(0, 310, POPULATION, NUMBER),	/* samplingPopulation */
	ROW(0, 311, PROBABILITY, NUMBER),	/* samplingProbability */
	ROW(0, 312, FRAME_SIZE, NUMBER),	/* dataLinkFrameSize */
	ROW(0, 313, IP_HEADER, BYTES),		/* ipHeaderPacketSection */
	ROW(0, 315, FRAME, BYTES),		/* dataLinkFrameSection */
	ROW(0, 322, EVENT_TIME, SECONDS),
	ROW(0, 323, EVENT_TIME, NUMBER),
	ROW(0, 324, EVENT_TIME, NTP),
	ROW(0, 325, EVENT_TIME, NTP),
	ROW(0, 352, LAYER2_BYTES, NUMBER),
	/* Cisco: application visibility, "connection client ..." */
	ROW(FIELD_PEN_CISCO, 12236, CLIENT, ADDRESS),
	ROW(FIELD_PEN_CISCO, 12237, SERVER, ADDRESS),
	ROW(FIELD_PEN_CISCO, 12238, CLIENT, ADDRESS),
	ROW(FIELD_PEN_CISCO, 12239, SERVER, ADDRESS),
	ROW(FIELD_PEN_CISCO, 12240, CLIENT_PORT, NUMBER),
	ROW(FIELD_PEN_CISCO, 12241, SERVER_PORT, NUMBER),
	ROW(FIELD_PEN_REVERSE, 1, REVERSE_BYTES, NUMBER),
	ROW(FIELD_PEN_REVERSE, 2, REVERSE_PACKETS, NUMBER),
	ROW(FIELD_PEN_REVERSE, 85, REVERSE_BYTES, NUMBER),
	ROW(FIELD_PEN_REVERSE, 86, REVERSE_PACKETS, NUMBER),
};

/* Only in v9: Cisco's own, by the ids they had before 8.4(5) of the ASA. */
static const struct row v9_rows[] = {
	ROW(0, 40001, NAT_SRC, ADDRESS),
	ROW(0, 40002, NAT_DST, ADDRESS),
	ROW(0, 40003, NAT_SPORT, NUMBER),
	ROW(0, 40004, NAT_DPORT, NUMBER),
	ROW(0, 40005, FIREWALL_EVENT, NUMBER),
};
/* clang-format on */

static int by_id(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->enterprise != y->enterprise)
		return x->enterprise < y->enterprise ? -1 : 1;
	return x->id - y->id;
}

static struct field_kind look_up(const struct row *row, size_t n, int64_t enterprise,
				 uint16_t id)
{
	struct row key = { .enterprise = enterprise, .id = id };
	const struct row *r = bsearch(&key, row, n, sizeof(*row), by_id);

	return r ? r->kind : (struct field_kind){ FIELD_NONE, FORM_SKIP };
}

/* RFC 3954 section 6.1: of the scopes only "interface" is of use. */
static struct field_kind v9_scope(uint16_t id)
{
	if (id == 2)
		return (struct field_kind){ FIELD_IN_IF, FORM_NUMBER };
	return (struct field_kind){ FIELD_NONE, FORM_SKIP };
}

struct field_kind field_find(int64_t enterprise, uint16_t id, bool v9)
{
	if (enterprise == FIELD_V9_SCOPE)
		return v9_scope(id);
	if (v9 && id >= 40001 && id <= 40005)
		return look_up(v9_rows, sizeof(v9_rows) / sizeof(v9_rows[0]), 0, id);
	/* v9 has no enterprises: where IPFIX has the bit for them, Cisco's are meant. */
	if (v9 && id & 0x8000)
		return look_up(rows, sizeof(rows) / sizeof(rows[0]), FIELD_PEN_CISCO,
			       id & 0x7fff);
	return look_up(rows, sizeof(rows) / sizeof(rows[0]), enterprise, id);
}
