/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of templates and of data, as NetFlow v9 and IPFIX have them. */
#include <stdlib.h>

#include "collector/flows/datagram.h"

enum {
	SET_HEAD = 4,
	SET_DATA_MIN = 256,
	PADDING = 4, /* less than this behind the last record is padding */
};

/* Nothing but zeroes is left. */
static bool is_padding(struct cur c)
{
	while (cur_left(&c))
		if (cur_u8(&c))
			return false;
	return true;
}

/* Of the fields HAS says, may a record be of a flow? */
static bool is_flow(uint64_t has)
{
	const uint64_t ends = 1ULL << FIELD_SRC | 1ULL << FIELD_DST;
	const uint64_t roles = 1ULL << FIELD_CLIENT | 1ULL << FIELD_SERVER;
	const uint64_t packet = 1ULL << FIELD_FRAME | 1ULL << FIELD_IP_HEADER;

	return (has & ends) == ends || (has & roles) == roles || has & packet;
}

static bool is_rate(uint64_t has)
{
	return has & (1ULL << FIELD_INTERVAL | 1ULL << FIELD_TAKEN | 1ULL << FIELD_POPULATION |
		      1ULL << FIELD_PROBABILITY | 1ULL << FIELD_BOOT);
}

/* False: beyond the cap, so that what follows is not even looked at. */
static bool learn_options(struct datagram *d, const struct record *r)
{
	if (!is_rate(r->has))
		return true;
	if (record_number(r, FIELD_BOOT))
		d->e->boot_ms = record_number(r, FIELD_BOOT);
	if (rates_learn(&d->e->rates, &d->f->exporters.budget, r))
		return true;
	d->f->stats.refused++;
	d->uncounted = true;
	return false;
}

static void tell_flow(struct datagram *d, const struct record *r)
{
	struct foreign_flow flow;

	if (!is_flow(r->has)) {
		d->f->stats.no_address++;
		return;
	}
	flow_of_record(d, r, &flow);
	datagram_flow(d, &flow);
}

/* Records that tell nothing are passed in one step, where their length is known. */
static bool pass_over(struct datagram *d, const struct layout *t, size_t bytes)
{
	uint32_t n = (uint32_t)(bytes / t->len);

	if (t->variable || (t->options ? is_rate(t->has) : is_flow(t->has)))
		return false;
	d->records += n;
	if (!t->options)
		d->f->stats.no_address += n;
	return true;
}

static void read_records(struct datagram *d, const struct layout *t, struct cur c)
{
	struct record r;

	if (pass_over(d, t, cur_left(&c)))
		return;
	while (cur_left(&c) >= t->len) {
		if (t->variable && cur_left(&c) < PADDING)
			return;
		if (!record_read(&r, t, &c)) {
			d->bad = true;
			return;
		}
		d->records++;
		if (!t->options)
			tell_flow(d, &r);
		else if (!learn_options(d, &r))
			return;
	}
}

/* What waited for T, with the heads of its own datagrams. */
static void release(struct datagram *d, const struct layout *t)
{
	struct budget *b = &d->f->exporters.budget;
	struct waiting_set *s;

	while ((s = waiting_take(&d->e->waiting, b, t->id))) {
		struct datagram then = *d;

		then.head = s->head;
		then.bad = false;
		read_records(&then, t, cur_of(s->body, s->len));
		d->bad |= then.bad;
		free(s);
	}
}

static void read_templates(struct datagram *d, struct cur body, enum template_form form)
{
	while (cur_left(&body) >= PADDING && !is_padding(body)) {
		const struct layout *t;

		switch (template_learn(&d->e->templates, &d->f->exporters.budget, form, &body,
				       d->head.received_ms, &t)) {
		case TEMPLATE_BAD:
			d->bad = true;
			return;
		case TEMPLATE_NEW:
			d->f->stats.templates++;
			release(d, t);
			break;
		case TEMPLATE_SAME:
			release(d, t);
			break;
		case TEMPLATE_REFUSED:
			d->f->stats.refused++;
			break;
		case TEMPLATE_GONE:
			break;
		}
	}
}

static void read_data(struct datagram *d, struct cur body, uint16_t id)
{
	const struct layout *t = template_find(&d->e->templates, id, d->head.received_ms);

	if (t) {
		read_records(d, t, body);
		return;
	}
	d->uncounted = true;
	d->f->stats.no_template +=
		waiting_put(&d->e->waiting, &d->f->exporters.budget, &d->head, id, body);
}

/* Palo Alto fills its datagrams of v9 up with zeroes, which are no set. */
void sets_read(struct datagram *d, struct cur c, enum template_form templates)
{
	bool v9 = templates == TEMPLATE_V9;

	while (cur_left(&c) >= SET_HEAD && !(v9 && is_padding(c))) {
		uint16_t id = cur_u16(&c), len = cur_u16(&c);
		struct cur body;

		if (len < SET_HEAD || (body = cur_sub(&c, len - SET_HEAD)).bad) {
			d->bad = true;
			return;
		}
		if (id >= SET_DATA_MIN)
			read_data(d, body, id);
		else if (id == templates || id == templates + 1)
			read_templates(d, body, (enum template_form)id);
		else
			d->bad = true;
	}
	d->bad |= !v9 && cur_left(&c) > 0;
}
