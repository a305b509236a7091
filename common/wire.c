/* SPDX-License-Identifier: Apache-2.0 */
#include "common/wire.h"

#include <errno.h>

#include "common/fact.h"

enum {
	PEM_MAX = 16384,
	WORDS_MAX = 1023,
};

/* Frames */

int wire_frame_next(const uint8_t *p, size_t n, struct wire_frame *out, size_t *used)
{
	struct cur c = cur_of(p, n);
	uint32_t length;

	if (n < 4)
		return 0;
	length = cur_u32(&c);
	if (length < 2 || length > WIRE_FRAME_MAX)
		return -EPROTO;
	if (cur_left(&c) < length)
		return 0;
	out->type = cur_u8(&c);
	out->flags = cur_u8(&c);
	out->body = cur_of(c.p, length - 2);
	*used = 4 + (size_t)length;
	return 1;
}

size_t wire_frame_begin(struct buf *b, enum wire_type type, uint8_t flags)
{
	size_t mark = b->n;

	buf_u32(b, 0);
	buf_u8(b, (uint8_t)type);
	buf_u8(b, flags);
	return mark;
}

void wire_frame_end(struct buf *b, size_t mark)
{
	buf_set_u32(b, mark, (uint32_t)(b->n - mark - 4));
}

void wire_put_hello(struct buf *b, const struct wire_hello *m)
{
	size_t mark = wire_frame_begin(b, WIRE_HELLO, 0);

	buf_u16(b, m->minor);
	buf_u64(b, m->capabilities);
	buf_u64(b, m->boot);
	buf_u64(b, m->epoch);
	buf_u64(b, m->clock_ms);
	buf_zstr(b, m->program);
	if (m->capabilities & WIRE_HAS_PLACE) {
		buf_u64(b, m->acked);
		buf_u64(b, m->kept);
	}
	wire_frame_end(b, mark);
}

int wire_get_hello(struct cur c, struct wire_hello *out)
{
	out->minor = cur_u16(&c);
	out->capabilities = cur_u64(&c);
	out->boot = cur_u64(&c);
	out->epoch = cur_u64(&c);
	out->clock_ms = cur_u64(&c);
	out->program = cur_zstr(&c, NAME_LEN);
	out->acked = out->kept = 0;
	if (out->capabilities & WIRE_HAS_PLACE) {
		out->acked = cur_u64(&c);
		out->kept = cur_u64(&c);
	}
	return cur_verdict(&c);
}

void wire_put_welcome(struct buf *b, const struct wire_welcome *m)
{
	size_t mark = wire_frame_begin(b, WIRE_WELCOME, 0);

	buf_u16(b, m->minor);
	buf_u64(b, m->capabilities);
	buf_u64(b, m->epoch);
	buf_u64(b, m->sequence);
	buf_u32(b, m->credit);
	buf_u64(b, m->clock_ms);
	buf_zstr(b, m->program);
	wire_frame_end(b, mark);
}

int wire_get_welcome(struct cur c, struct wire_welcome *out)
{
	out->minor = cur_u16(&c);
	out->capabilities = cur_u64(&c);
	out->epoch = cur_u64(&c);
	out->sequence = cur_u64(&c);
	out->credit = cur_u32(&c);
	out->clock_ms = cur_u64(&c);
	out->program = cur_zstr(&c, NAME_LEN);
	return cur_verdict(&c);
}

void wire_put_ack(struct buf *b, const struct wire_ack *m)
{
	size_t mark = wire_frame_begin(b, WIRE_ACK, 0);

	buf_u64(b, m->epoch);
	buf_u64(b, m->sequence);
	buf_u32(b, m->credit);
	wire_frame_end(b, mark);
}

int wire_get_ack(struct cur c, struct wire_ack *out)
{
	out->epoch = cur_u64(&c);
	out->sequence = cur_u64(&c);
	out->credit = cur_u32(&c);
	return cur_verdict(&c);
}

void wire_put_error(struct buf *b, const struct wire_error *m)
{
	size_t mark = wire_frame_begin(b, WIRE_ERROR, 0);

	buf_u16(b, m->code);
	buf_zstr(b, m->reason);
	wire_frame_end(b, mark);
}

int wire_get_error(struct cur c, struct wire_error *out)
{
	out->code = cur_u16(&c);
	out->reason = cur_zstr(&c, WORDS_MAX);
	return cur_verdict(&c);
}

void wire_put_enroll(struct buf *b, const struct wire_enroll *m)
{
	size_t mark = wire_frame_begin(b, WIRE_ENROLL, 0);

	buf_zstr(b, m->token);
	buf_zstr(b, m->request);
	buf_zstr(b, m->host);
	wire_frame_end(b, mark);
}

int wire_get_enroll(struct cur c, struct wire_enroll *out)
{
	out->token = cur_zstr(&c, WORDS_MAX);
	out->request = cur_zstr(&c, PEM_MAX);
	out->host = cur_zstr(&c, NAME_LEN);
	return cur_verdict(&c);
}

void wire_put_cert(struct buf *b, const struct wire_cert *m)
{
	size_t mark = wire_frame_begin(b, WIRE_CERT, 0);

	buf_zstr(b, m->sensor);
	buf_zstr(b, m->certificate);
	buf_zstr(b, m->authority);
	wire_frame_end(b, mark);
}

int wire_get_cert(struct cur c, struct wire_cert *out)
{
	out->sensor = cur_zstr(&c, NAME_LEN);
	out->certificate = cur_zstr(&c, PEM_MAX);
	out->authority = cur_zstr(&c, PEM_MAX);
	return cur_verdict(&c);
}

void wire_put_renew(struct buf *b, const struct wire_renew *m)
{
	size_t mark = wire_frame_begin(b, WIRE_RENEW, 0);

	buf_zstr(b, m->request);
	wire_frame_end(b, mark);
}

int wire_get_renew(struct cur c, struct wire_renew *out)
{
	out->request = cur_zstr(&c, PEM_MAX);
	return cur_verdict(&c);
}

void wire_put_batch(struct buf *b, const struct wire_batch *m, const void *body, size_t n)
{
	size_t mark = wire_frame_begin(b, WIRE_BATCH, 0);

	buf_u64(b, m->epoch);
	buf_u64(b, m->sequence);
	buf_u32(b, m->records);
	buf_u8(b, m->encoding);
	buf_u32(b, m->raw_length);
	buf_put(b, body, n);
	wire_frame_end(b, mark);
}

static bool lengths_fit(const struct wire_batch *m, size_t n)
{
	if (m->raw_length > WIRE_BODY_MAX)
		return false;
	if (m->encoding == WIRE_PLAIN)
		return m->raw_length == n;
	return m->encoding == WIRE_ZSTD && m->raw_length <= n * WIRE_RATIO_MAX;
}

int wire_get_batch(struct cur c, struct wire_batch *out)
{
	out->epoch = cur_u64(&c);
	out->sequence = cur_u64(&c);
	out->records = cur_u32(&c);
	out->encoding = cur_u8(&c);
	out->raw_length = cur_u32(&c);
	out->body = c;
	return c.bad || !lengths_fit(out, cur_left(&c)) ? -EPROTO : 0;
}
