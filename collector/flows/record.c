/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/flows/record.h"

#include <string.h>

static const uint64_t ntp_epoch_s = 2208988800, ntp_era_s = 1ULL << 32;

static uint64_t number_of(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

/* What is before 1970 is meant for after 2036 (RFC 5905 section 6). */
static uint64_t ntp_ms(uint64_t v)
{
	uint64_t s = v >> 32, fraction = v & UINT32_MAX;

	if (!v)
		return 0;
	if (s < ntp_epoch_s)
		s += ntp_era_s;
	return (s - ntp_epoch_s) * 1000 + (fraction * 1000 >> 32);
}

static uint64_t in_unit(uint64_t v, enum field_form form)
{
	if (form == FORM_SECONDS)
		return v < UINT64_MAX / 1000 ? v * 1000 : 0;
	if (form == FORM_MICROSECONDS)
		return v / 1000;
	return form == FORM_NTP ? ntp_ms(v) : v;
}

static void take_address(struct record *r, enum field f, const uint8_t *p, unsigned n)
{
	struct addr a;

	if (n == 4)
		a = addr_v4((uint32_t)number_of(p, 4));
	else
		memcpy(a.b, p, 16);
	if (!record_has(r, f) || addr_is_any(&r->addr[f - FIELD_SRC]))
		r->addr[f - FIELD_SRC] = a;
}

/* Of two that tell the same the first that is not 0 holds. */
static void take(struct record *r, const struct template_field *f, const uint8_t *p,
		 unsigned n)
{
	switch ((enum field_form)f->form) {
	case FORM_SKIP:
		return;
	case FORM_ADDRESS:
		take_address(r, f->field, p, n);
		break;
	case FORM_BYTES:
		if (n < FIELD_PACKET_MIN)
			return;
		r->frame = p;
		r->frame_len = (uint16_t)n;
		break;
	default:
		if (!record_number(r, f->field))
			r->number[f->field] = in_unit(number_of(p, n), f->form);
		break;
	}
	r->has |= 1ULL << f->field;
}

const struct addr *record_addr(const struct record *r, enum field f)
{
	const struct addr *a = &r->addr[f - FIELD_SRC];

	return record_has(r, f) && !addr_is_any(a) ? a : NULL;
}

/* RFC 7011 section 7: one byte, or 255 and two. */
static unsigned variable_len(struct cur *c)
{
	unsigned n = cur_u8(c);

	return n == 255 ? cur_u16(c) : n;
}

bool record_read(struct record *r, const struct layout *t, struct cur *c)
{
	r->has = 0;
	r->frame = NULL;
	for (unsigned i = 0; i < t->n; i++) {
		const struct template_field *f = &t->field[i];
		unsigned n = f->len == FIELD_VARIABLE ? variable_len(c) : f->len;
		const uint8_t *p = cur_take(c, n);

		if (!p)
			return false;
		take(r, f, p, n);
	}
	return true;
}
