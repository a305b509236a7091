/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/handover.h"

#include <errno.h>
#include <string.h>

#include "common/file.h"
#include "common/wire.h"

enum { HEAD = 4 + 8 + 8 + 4 + SEGMENT_PLACE };

int handover_send(int fd, const struct wire_writer *w, uint64_t start_ms, uint64_t end_ms,
		  const struct spool_place *place)
{
	static const struct spool_place nowhere;
	struct buf b = { 0 };
	int rc;

	buf_u32(&b, (uint32_t)w->body.n);
	buf_u64(&b, start_ms);
	buf_u64(&b, end_ms);
	buf_u32(&b, w->records);
	segment_put_place(&b, place ? place : &nowhere);
	buf_put(&b, w->body.p, w->body.n);
	rc = file_write(fd, b.p, b.n);
	buf_fini(&b);
	return rc;
}

int handover_end(int fd)
{
	static const uint8_t head[HEAD];

	return file_write(fd, head, sizeof(head));
}

int handover_next(const uint8_t *p, size_t n, struct handover_batch *out, size_t *used)
{
	struct cur c = cur_of(p, n);
	uint32_t length = cur_u32(&c);

	memset(out, 0, sizeof(*out));
	if (n >= 4 && length > WIRE_BODY_MAX)
		return -EPROTO;
	if (n < HEAD || n - HEAD < length)
		return 0;
	out->start_ms = cur_u64(&c);
	out->end_ms = cur_u64(&c);
	out->w.records = cur_u32(&c);
	segment_get_place(&c, &out->place);
	out->w.body.p = (uint8_t *)p + HEAD;
	out->w.body.n = length;
	out->end = length == 0;
	*used = HEAD + length;
	return 1;
}
