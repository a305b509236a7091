/* SPDX-License-Identifier: Apache-2.0 */
/* IPFIX: RFC 7011, one message a datagram. */
#include "collector/flows/datagram.h"

enum { HEAD = 16 };

void ipfix_read(struct datagram *d, struct cur c)
{
	size_t whole = cur_left(&c);
	uint32_t number, domain;
	unsigned len;

	cur_u16(&c);
	len = cur_u16(&c);
	d->head.export_ms = cur_u32(&c) * 1000ULL;
	number = cur_u32(&c);
	domain = cur_u32(&c);
	if (c.bad || len < HEAD) {
		d->bad = true;
		return;
	}
	if (!datagram_begin(d, FOREIGN_IPFIX, NULL, domain))
		return;
	datagram_clock(d, 500);
	datagram_sequence(d, number, SEQUENCE_RECORDS);
	d->bad = len > whole;
	sets_read(d, len > whole ? c : cur_of(c.p, len - HEAD), TEMPLATE_IPFIX);
	datagram_end(d);
}
