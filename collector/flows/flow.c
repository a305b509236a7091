/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/flows/datagram.h"
#include "collector/flows/frame.h"

enum { ETHERNET_HEAD = 14 };

/* An uptime as the time since 1970: what lies ahead of the export by up to 24 days too. */
static uint64_t of_uptime(const struct datagram *d, const struct record *r, enum field f)
{
	uint64_t boot_ms = record_number(r, FIELD_BOOT), at_ms;
	uint32_t up_ms = (uint32_t)record_number(r, f);

	if (!record_has(r, f))
		return 0;
	if (d->head.has_uptime)
		return datagram_since_1970(d, up_ms);
	if (!boot_ms)
		boot_ms = d->e->boot_ms;
	if (!boot_ms)
		return 0;
	/* 32 bits of it were told: the turn that is nearest to the export holds. */
	at_ms = boot_ms + up_ms;
	return at_ms + (((d->head.export_ms - at_ms) + (1ULL << 31)) & ~(uint64_t)UINT32_MAX);
}

static uint64_t of_ago(const struct datagram *d, const struct record *r, enum field f)
{
	uint64_t ago_ms = record_number(r, f);

	return record_has(r, f) && ago_ms < d->head.export_ms ? d->head.export_ms - ago_ms : 0;
}

static uint64_t first_of(uint64_t a, uint64_t b, uint64_t c)
{
	return a ? a : b ? b : c;
}

static void times(const struct datagram *d, const struct record *r, struct foreign_flow *out)
{
	uint64_t took_ms = record_number(r, FIELD_DURATION);

	out->first_ms =
		first_of(record_number(r, FIELD_FIRST), of_uptime(d, r, FIELD_FIRST_UP),
			 of_ago(d, r, FIELD_FIRST_AGO));
	out->last_ms = first_of(record_number(r, FIELD_LAST), of_uptime(d, r, FIELD_LAST_UP),
				of_ago(d, r, FIELD_LAST_AGO));
	if (!out->last_ms)
		out->last_ms = record_number(r, FIELD_EVENT_TIME);
	if (!out->last_ms && out->first_ms)
		out->last_ms = out->first_ms + took_ms;
	if (!out->first_ms)
		out->first_ms = out->last_ms > took_ms ? out->last_ms - took_ms : out->last_ms;
}

/* firewallEvent; RFC 8158 section 5.1 (natEvent); forwardingStatus (RFC 7270 section 4.12). */
static enum foreign_event event_of(const struct record *r)
{
	static const enum foreign_event firewall[] = { FOREIGN_TRAFFIC, FOREIGN_CREATED,
						       FOREIGN_ENDED,	FOREIGN_DENIED,
						       FOREIGN_TRAFFIC, FOREIGN_UPDATED };
	static const enum foreign_event nat[] = { FOREIGN_TRAFFIC, FOREIGN_CREATED,
						  FOREIGN_ENDED,   FOREIGN_TRAFFIC,
						  FOREIGN_CREATED, FOREIGN_ENDED,
						  FOREIGN_CREATED, FOREIGN_ENDED };
	uint64_t e = record_number(r, FIELD_FIREWALL_EVENT);

	if (e)
		return e < sizeof(firewall) / sizeof(firewall[0]) ? firewall[e]
								  : FOREIGN_TRAFFIC;
	e = record_number(r, FIELD_NAT_EVENT);
	if (e)
		return e < sizeof(nat) / sizeof(nat[0]) ? nat[e] : FOREIGN_TRAFFIC;
	return (record_number(r, FIELD_FORWARDING) & 0xc0) == 0x80 ? FOREIGN_DENIED
								   : FOREIGN_TRAFFIC;
}

/* What layer 2 was counted with is taken off, as far as it is known. */
static uint64_t without_layer2(const struct record *r, uint64_t packets)
{
	uint64_t bytes = record_number(r, FIELD_LAYER2_BYTES);

	return packets < bytes / ETHERNET_HEAD ? bytes - packets * ETHERNET_HEAD : bytes;
}

static void plain_counters(const struct datagram *d, const struct record *r,
			   struct foreign_flow *out)
{
	uint64_t out_bytes = record_number(r, FIELD_OUT_BYTES);
	uint64_t out_packets = record_number(r, FIELD_OUT_PACKETS);

	out->bytes = record_number(r, FIELD_BYTES);
	out->packets = record_number(r, FIELD_PACKETS);
	/*
	 * Alone, or beside zeroes, they are what left at an egress interface.  Beside others
	 * they are the same packets told again (FortiGate) or after a middlebox (IPFIX); in v9
	 * the way back, if they differ (nProbe).
	 */
	if (!out->bytes && !out->packets) {
		out->bytes = out_bytes;
		out->packets = out_packets;
	} else if (d->e->key.kind == FOREIGN_NETFLOW9 && out_bytes &&
		   (out_bytes != out->bytes || out_packets != out->packets)) {
		out->has_reverse = true;
		out->reverse_bytes = out_bytes;
		out->reverse_packets = out_packets;
	}
	if (!out->bytes && record_has(r, FIELD_LAYER2_BYTES))
		out->bytes = without_layer2(r, out->packets);
	if (record_has(r, FIELD_REVERSE_BYTES) || record_has(r, FIELD_REVERSE_PACKETS)) {
		out->has_reverse = true;
		out->reverse_bytes = record_number(r, FIELD_REVERSE_BYTES);
		out->reverse_packets = record_number(r, FIELD_REVERSE_PACKETS);
	}
}

/* Of both ways, from the end that opened the connection; a firewall's are payload. */
static void initiator_counters(const struct record *r, struct foreign_flow *out)
{
	out->payload = true;
	out->bytes = record_number(r, FIELD_INITIATOR_BYTES);
	out->packets = record_number(r, FIELD_INITIATOR_PACKETS);
	out->has_reverse = true;
	out->reverse_bytes = record_number(r, FIELD_RESPONDER_BYTES);
	out->reverse_packets = record_number(r, FIELD_RESPONDER_PACKETS);
}

/*
 * A Cisco ASA tells what went by since the update before at each update, and all of it again
 * at the end: only the end is counted.  So are totals of connections that are created and end.
 */
static bool is_said_again(const struct foreign_flow *out)
{
	return out->event == FOREIGN_CREATED || out->event == FOREIGN_UPDATED ||
	       out->event == FOREIGN_DENIED;
}

static void counters(const struct datagram *d, const struct record *r,
		     struct foreign_flow *out)
{
	plain_counters(d, r, out);
	if (is_said_again(out))
		return;
	if (record_number(r, FIELD_INITIATOR_BYTES) || record_number(r, FIELD_RESPONDER_BYTES))
		initiator_counters(r, out);
	if (!out->bytes)
		out->bytes = record_number(r, FIELD_BYTES_TOTAL);
	if (!out->packets)
		out->packets = record_number(r, FIELD_PACKETS_TOTAL);
}

/*
 * RFC 5103 section 6.3.  A Cisco ASA tells both ways in one record, from who began; firewalls
 * that count each way by itself (Palo Alto, Barracuda) tell as much from either end.
 */
static enum foreign_end began_of(const struct record *r)
{
	uint64_t direction = record_number(r, FIELD_BIFLOW);

	if (direction)
		return direction == 1	? FOREIGN_END_SRC
		       : direction == 2 ? FOREIGN_END_DST
					: FOREIGN_END_UNTOLD;
	if (record_has(r, FIELD_INITIATOR_BYTES))
		return FOREIGN_END_SRC;
	return record_number(r, FIELD_FIREWALL_EVENT) && !record_has(r, FIELD_BYTES)
		       ? FOREIGN_END_SRC
		       : FOREIGN_END_UNTOLD;
}

/* Cisco's application visibility names client and server, beside the ends or in their place.
 */
static void client_and_server(const struct record *r, struct foreign_flow *out)
{
	const struct addr *client = record_addr(r, FIELD_CLIENT);
	const struct addr *server = record_addr(r, FIELD_SERVER);

	if (!client || !server)
		return;
	if (record_addr(r, FIELD_SRC) && record_addr(r, FIELD_DST)) {
		if (addr_eq(client, &out->src))
			out->began = FOREIGN_END_SRC;
		else if (addr_eq(client, &out->dst))
			out->began = FOREIGN_END_DST;
		return;
	}
	out->src = *client;
	out->dst = *server;
	out->sport = (uint16_t)record_number(r, FIELD_CLIENT_PORT);
	out->dport = (uint16_t)record_number(r, FIELD_SERVER_PORT);
	out->began = FOREIGN_END_SRC;
}

/* A packet of which the beginning was exported (RFC 5477). */
static void sampled_packet(const struct record *r, struct foreign_flow *out)
{
	enum frame_link link = record_has(r, FIELD_FRAME) ? FRAME_ETHERNET : FRAME_IP;
	struct frame_seen seen;

	if (!frame_read(link, cur_of(r->frame, r->frame_len),
			(uint32_t)record_number(r, FIELD_FRAME_SIZE), &seen))
		return;
	datagram_packet(out, &seen);
	if (!out->packets)
		out->packets = 1;
	if (!out->bytes)
		out->bytes = seen.bytes;
}

static void ends(const struct record *r, struct foreign_flow *out)
{
	const struct addr *src = record_addr(r, FIELD_SRC), *dst = record_addr(r, FIELD_DST);

	if (src)
		out->src = *src;
	if (dst)
		out->dst = *dst;
	out->proto = (uint8_t)record_number(r, FIELD_PROTO);
	out->sport = (uint16_t)record_number(r, FIELD_SPORT);
	out->dport = (uint16_t)record_number(r, FIELD_DPORT);
	out->has_tcp_flags = record_has(r, FIELD_TCP_FLAGS);
	out->tcp_flags = (uint16_t)record_number(r, FIELD_TCP_FLAGS);
	client_and_server(r, out);
	if (r->frame && !src && !dst)
		sampled_packet(r, out);
}

static void translation(const struct record *r, struct foreign_flow *out)
{
	const struct addr *src = record_addr(r, FIELD_NAT_SRC);
	const struct addr *dst = record_addr(r, FIELD_NAT_DST);

	if (src)
		out->nat_src = *src;
	if (dst)
		out->nat_dst = *dst;
	out->nat_sport = (uint16_t)record_number(r, FIELD_NAT_SPORT);
	out->nat_dport = (uint16_t)record_number(r, FIELD_NAT_DPORT);
}

void flow_of_record(const struct datagram *d, const struct record *r, struct foreign_flow *out)
{
	*out = (struct foreign_flow){ .event = event_of(r), .began = began_of(r) };
	counters(d, r, out);
	ends(r, out);
	translation(r, out);
	times(d, r, out);
	out->goes_on = record_number(r, FIELD_END_REASON) == 2;
	if (record_has(r, FIELD_WAY) && r->number[FIELD_WAY] <= 1)
		out->way = r->number[FIELD_WAY] ? FOREIGN_EGRESS : FOREIGN_INGRESS;
	out->in_if = (uint32_t)record_number(r, FIELD_IN_IF);
	out->out_if = (uint32_t)record_number(r, FIELD_OUT_IF);
	out->sampling = rates_find(&d->e->rates, r);
}
