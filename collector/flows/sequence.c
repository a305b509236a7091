/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/flows/sequence.h"

enum {
	GAP_DATAGRAMS = 10000, /* more than this is a restart */
	GAP_RECORDS = 300000,
	LATE_DATAGRAMS = 100, /* so far back may one be late; more is a restart */
	LATE_RECORDS = 3000,
	LATE_RUN = 8, /* so many in a row are a restart too */
};

/* NUMBER is so far behind the last. */
static bool is_late(struct sequence *s, uint32_t behind)
{
	uint32_t limit = s->unit == SEQUENCE_RECORDS ? LATE_RECORDS : LATE_DATAGRAMS;

	return behind < limit && ++s->late_run < LATE_RUN;
}

/* The same exporter twice the same number, without records between them: nothing is late. */
static bool stands_still(const struct sequence *s, uint32_t step)
{
	return step == 0 && s->unit == SEQUENCE_RECORDS && s->counted && s->records == 0;
}

static uint32_t missed_by(struct sequence *s, uint32_t step)
{
	bool records_fit = s->counted && step == s->records;
	uint32_t gap;

	if (step == 1 && s->unit == SEQUENCE_RECORDS && s->counted && s->records > 1 &&
	    !s->inclusive)
		s->unit = SEQUENCE_DATAGRAMS;
	else if (records_fit && step > 1)
		s->unit = SEQUENCE_RECORDS;
	if (records_fit || (step == 1 && s->unit == SEQUENCE_DATAGRAMS))
		return 0;
	if (s->unit == SEQUENCE_RECORDS && !s->counted)
		return 0;
	gap = step - (s->unit == SEQUENCE_RECORDS ? s->records : 1);
	return gap < (s->unit == SEQUENCE_RECORDS ? GAP_RECORDS : GAP_DATAGRAMS) ? gap : 0;
}

struct sequence_step sequence_next(struct sequence *s, uint32_t number)
{
	struct sequence_step out = { 0 };
	uint32_t step = number - s->last;

	if (s->known && !stands_still(s, step)) {
		if (step == 0 || step > UINT32_MAX / 2)
			out.late = is_late(s, -step);
		else
			out.missed = missed_by(s, step);
	}
	if (out.late)
		return out;
	s->step = s->known && s->counted && step <= UINT32_MAX / 2 ? step : 0;
	s->before = s->records;
	s->missed = out.missed;
	s->known = true;
	s->late_run = 0;
	s->last = number;
	s->records = 0;
	s->counted = false;
	return out;
}

/* The step is what this datagram holds, not what the one before held; or the other way. */
static int64_t correction(struct sequence *s, uint32_t records)
{
	uint32_t gap = s->step - records;

	if (s->step == records && s->step != s->before)
		s->inclusive = true;
	else if (s->step == s->before && s->step != records)
		s->inclusive = false;
	if (!s->inclusive)
		return 0;
	return (int64_t)(gap < GAP_RECORDS ? gap : 0) - s->missed;
}

int64_t sequence_held(struct sequence *s, uint32_t records, bool counted)
{
	int64_t change = 0;

	if (s->unit == SEQUENCE_RECORDS && counted && s->step)
		change = correction(s, records);
	s->step = 0;
	s->records = records;
	s->counted = counted;
	return change;
}

void sequence_restart(struct sequence *s)
{
	s->known = false;
	s->late_run = 0;
	s->step = 0;
}
