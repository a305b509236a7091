/* SPDX-License-Identifier: Apache-2.0 */
/* NetFlow v9: RFC 3954. */
#include "collector/flows/datagram.h"

void netflow9_read(struct datagram *d, struct cur c)
{
	uint32_t number, domain;

	cur_u32(&c); /* version, and a count of records that exporters disagree about */
	d->head.uptime_ms = cur_u32(&c);
	d->head.has_uptime = true;
	d->head.export_ms = cur_u32(&c) * 1000ULL;
	number = cur_u32(&c);
	domain = cur_u32(&c);
	if (c.bad) {
		d->bad = true;
		return;
	}
	if (!datagram_begin(d, FOREIGN_NETFLOW9, NULL, domain))
		return;
	datagram_clock(d, 500);
	datagram_sequence(d, number, SEQUENCE_DATAGRAMS);
	sets_read(d, c, TEMPLATE_V9);
	datagram_end(d);
}
