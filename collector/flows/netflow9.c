/* SPDX-License-Identifier: Apache-2.0 */
/* NetFlow v9: RFC 3954. */
#include "collector/flows/datagram.h"

enum { SET_HEAD = 4, SET_TEMPLATES = 0, SET_OPTIONS = 1, SET_DATA_MIN = 256 };

static void read_set(struct datagram *d, uint16_t id, struct cur body)
{
	if (id == SET_TEMPLATES)
		sets_templates(d, body, TEMPLATE_V9);
	else if (id == SET_OPTIONS)
		sets_templates(d, body, TEMPLATE_V9_OPTIONS);
	else if (id >= SET_DATA_MIN)
		sets_data(d, body, id);
	else
		d->bad = true;
}

/* Palo Alto fills its datagrams up with zeroes, which are no set. */
static void read_sets(struct datagram *d, struct cur c)
{
	while (cur_left(&c) >= SET_HEAD && !sets_end(c)) {
		uint16_t id = cur_u16(&c), len = cur_u16(&c);
		struct cur body;

		if (len < SET_HEAD || (body = cur_sub(&c, len - SET_HEAD)).bad) {
			d->bad = true;
			return;
		}
		read_set(d, id, body);
	}
}

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
	read_sets(d, c);
	datagram_end(d);
}
