/* SPDX-License-Identifier: Apache-2.0 */
/* IPFIX: RFC 7011, one message a datagram. */
#include "collector/flows/datagram.h"

enum {
	HEAD = 16,
	SET_HEAD = 4,
	SET_TEMPLATES = 2,
	SET_OPTIONS = 3,
	SET_DATA_MIN = 256,
};

static void read_set(struct datagram *d, uint16_t id, struct cur body)
{
	if (id == SET_TEMPLATES)
		sets_templates(d, body, TEMPLATE_IPFIX);
	else if (id == SET_OPTIONS)
		sets_templates(d, body, TEMPLATE_IPFIX_OPTIONS);
	else if (id >= SET_DATA_MIN)
		sets_data(d, body, id);
	else
		d->bad = true;
}

static void read_sets(struct datagram *d, struct cur c)
{
	while (cur_left(&c) >= SET_HEAD) {
		uint16_t id = cur_u16(&c), len = cur_u16(&c);
		struct cur body;

		if (len < SET_HEAD || (body = cur_sub(&c, len - SET_HEAD)).bad) {
			d->bad = true;
			return;
		}
		read_set(d, id, body);
	}
	d->bad |= cur_left(&c) > 0;
}

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
	read_sets(d, len > whole ? c : cur_of(c.p, len - HEAD));
	datagram_end(d);
}
