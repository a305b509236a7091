/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ask.h"

#include "common/cur.h"
#include "common/json.h"
#include "common/version.h"

enum { STRING = HTTP_HEAD_MAX };

void ask_write(const struct ask *a, struct buf *out)
{
	buf_u32(out, a->id);
	buf_u8(out, (uint8_t)a->method);
	buf_u8(out, a->open);
	buf_zstr(out, a->path);
	buf_zstr(out, a->query);
	buf_zstr(out, a->token);
	buf_zstr(out, a->etag);
	buf_zstr(out, a->peer);
	buf_varint(out, a->body_n);
	buf_put(out, a->body, a->body_n);
}

bool ask_read(const void *p, size_t n, struct ask *out)
{
	struct cur c = cur_of(p, n);

	*out = (struct ask){ .id = cur_u32(&c) };
	out->method = (enum http_method)cur_u8(&c);
	out->open = cur_u8(&c) != 0;
	out->path = cur_zstr(&c, STRING);
	out->query = cur_zstr(&c, STRING);
	out->token = cur_zstr(&c, STRING);
	out->etag = cur_zstr(&c, STRING);
	out->peer = cur_zstr(&c, STRING);
	out->body_n = cur_varint_max(&c, HTTP_BODY_MAX);
	out->body = cur_take(&c, out->body_n);
	return !c.bad && !cur_left(&c) && out->method <= HTTP_OTHER;
}

void tell_write(const struct tell *t, struct buf *out)
{
	buf_u32(out, t->id);
	buf_u16(out, (uint16_t)t->status);
	buf_u8(out, (uint8_t)t->type);
	buf_zstr(out, t->etag);
	buf_zstr(out, t->allow);
	buf_varint(out, t->retry_s);
	buf_u64(out, t->length);
	buf_u8(out, t->body != NULL);
	if (t->body)
		buf_put(out, t->body, t->length);
}

bool tell_read(const void *p, size_t n, struct tell *out)
{
	struct cur c = cur_of(p, n);

	*out = (struct tell){ .id = cur_u32(&c) };
	out->status = cur_u16(&c);
	out->type = (enum tell_type)cur_u8(&c);
	out->etag = cur_zstr(&c, 128);
	out->allow = cur_zstr(&c, 64);
	out->retry_s = (unsigned)cur_varint_max(&c, 3600);
	out->length = cur_u64(&c);
	if (cur_u8(&c))
		out->body = out->length <= ASK_INLINE ? cur_take(&c, out->length) : NULL;
	return !c.bad && !cur_left(&c) && out->type < TELL_TYPES && out->status >= 200 &&
	       out->status < 600;
}

void tell_error(struct buf *out, int status, const char *words)
{
	struct json j = json_to(out);

	json_open(&j, '{');
	json_member_uint(&j, "version", JSON_VERSION);
	json_key(&j, "error");
	json_open(&j, '{');
	json_member_uint(&j, "status", (uint64_t)status);
	json_member_string(&j, "message", words);
	json_close(&j, '}');
	json_close(&j, '}');
	buf_str(out, "\n");
}
