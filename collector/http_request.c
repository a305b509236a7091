/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request that evhttp has read: looked at, handed to a worker, answered.  What evhttp
 * would let pass is refused here, and the connection ends after that answer.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "collector/http_priv.h"

void http_request_drop(struct http_conn *c)
{
	http_pool_forget(c);
	if (c->req)
		evhttp_request_free(c->req); /* evhttp has let go of it */
	c->req = NULL;
	free(c->target);
	c->target = NULL;
	buf_reset(&c->ask);
	if (c->file >= 0)
		close(c->file);
	c->file = -1;
}

/* Answering */

static void on_answered(struct evhttp_request *req, void *ctx)
{
	(void)req;
	http_request_drop(ctx);
	http_conn_next(ctx);
}

static void finish(struct http_conn *c)
{
	struct evhttp_request *req = c->req;

	c->req = NULL;
	evhttp_send_reply_end(req);
}

/* From the file, a piece at a time, as the peer takes them. */
static void write_on(struct evhttp_connection *evcon, void *ctx)
{
	struct http_conn *c = ctx;
	uint8_t piece[HTTP_CHUNK];
	size_t want = c->left < sizeof(piece) ? c->left : sizeof(piece);
	ssize_t got = want ? read(c->file, piece, want) : 0;
	struct evbuffer *out;

	(void)evcon;
	if (!want) {
		finish(c);
		return;
	}
	if (got <= 0 || http_now_s() > c->until_s) {
		c->due_s = 0; /* short of its length: the peer sees that it was cut */
		http_look_soon(c->front);
		return;
	}
	c->left -= (uint64_t)got;
	http_conn_state(c, HTTP_WRITES, HTTP_STALL_S);
	out = evbuffer_new();
	evbuffer_add(out, piece, (size_t)got);
	evhttp_send_reply_chunk_with_cb(c->req, out, write_on, c);
	evbuffer_free(out);
}

/* evhttp ends it: by our header, and in HTTP/1.0 unless the peer has asked to keep it. */
static void put_head(struct http_conn *c, const struct tell *t)
{
	c->close |= c->head.method == HTTP_OTHER || c->front->draining;
	http_answer_head(evhttp_request_get_output_headers(c->req), t, !c->close);
	if (c->close)
		evhttp_remove_header(evhttp_request_get_input_headers(c->req), "Connection");
}

void http_tell(struct http_conn *c, const struct tell *t, int file)
{
	bool body = c->head.method != HTTP_HEAD && t->status != 304;

	http_answer_count(c->front->stats, t->status);
	http_source_note(c->source, t->status);
	http_conn_state(c, HTTP_WRITES, HTTP_STALL_S);
	put_head(c, t);
	c->file = file;
	c->left = body ? t->length : 0;
	c->until_s = http_now_s() + HTTP_SEND_S;
	if (body && file < 0) {
		evbuffer_add(evhttp_request_get_output_buffer(c->req), t->body, t->length);
		c->left = 0;
	}
	evhttp_send_reply_start(c->req, t->status, NULL);
	write_on(NULL, c);
}

void http_fail(struct http_conn *c, int status, const char *words)
{
	struct buf b = { 0 };
	struct tell t = { .status = status, .etag = "", .allow = "" };

	tell_error(&b, status, words);
	t.body = b.p;
	t.length = b.n;
	t.retry_s = status == 503 ? 2 : status == 429 ? 60 : 0;
	http_tell(c, &t, -1);
	buf_fini(&b);
}

static void refuse(struct http_conn *c, int status, const char *words)
{
	c->close = true;
	c->front->stats->http_refused++;
	http_fail(c, status, words);
}

/* Asking */

static const char *token_of(const char *authorization)
{
	if (strncasecmp(authorization, "Bearer ", 7) != 0)
		return "";
	return authorization + 7 + strspn(authorization + 7, " ");
}

static void ask(struct http_conn *c)
{
	char peer[ADDR_TEXT];
	const struct http_head *h = &c->head;
	struct evbuffer *body = evhttp_request_get_input_buffer(c->req);
	struct ask a = {
		.method = h->method == HTTP_HEAD ? HTTP_GET : h->method,
		.open = http_guard_open(&c->guard, h),
		.path = h->path,
		.query = h->query,
		.token = token_of(h->authorization),
		.etag = h->etag,
		.peer = addr_text(&c->peer, peer),
		.body = evbuffer_pullup(body, -1),
		.body_n = evbuffer_get_length(body),
	};

	buf_reset(&c->ask);
	ask_write(&a, &c->ask);
	http_conn_state(c, HTTP_QUEUED, HTTP_QUEUE_S);
	http_pool_ask(c);
}

/* Alive is whoever answers; ready is a collector that takes and keeps what sensors send. */
static bool answer_health(struct http_conn *c)
{
	const char *why = NULL, *path = c->head.path;
	struct tell t = { .status = 200, .etag = "", .allow = "" };

	if (c->head.method > HTTP_HEAD)
		return false;
	if (strcmp(path, "/readyz") == 0)
		why = stats_unready(c->front->stats);
	else if (strcmp(path, "/healthz") != 0)
		return false;
	if (why) {
		http_fail(c, 503, why);
		return true;
	}
	t.body = (const uint8_t *)"{\"version\":1,\"status\":\"ok\"}\n";
	t.length = strlen((const char *)t.body);
	http_tell(c, &t, -1);
	return true;
}

static enum http_method method_of(enum evhttp_cmd_type type)
{
	return type == EVHTTP_REQ_GET	   ? HTTP_GET
	       : type == EVHTTP_REQ_HEAD   ? HTTP_HEAD
	       : type == EVHTTP_REQ_POST   ? HTTP_POST
	       : type == EVHTTP_REQ_DELETE ? HTTP_DELETE
					   : HTTP_OTHER;
}

static int read_head(struct http_conn *c)
{
	struct evkeyvalq *fields = evhttp_request_get_input_headers(c->req);
	struct evkeyval *field;
	int status;

	c->target = xstrdup(evhttp_request_get_uri(c->req));
	status = http_head_target(&c->head, method_of(evhttp_request_get_command(c->req)),
				  c->target);
	TAILQ_FOREACH(field, fields, next)
	if (!status)
		status = http_head_field(&c->head, field->key, field->value);
	if (!status)
		status = http_head_end(&c->head);
	return !status && c->watch.odd ? 400 : status;
}

static bool refused(struct http_conn *c)
{
	int status = read_head(c);

	if (status) {
		refuse(c, status, "the request cannot be understood");
		return true;
	}
	status = http_guard(&c->guard, &c->head);
	if (status)
		refuse(c, status,
		       status == 421
			       ? "this server is not called what Host says; see http_names"
			       : "a page of another site may not ask here");
	else if (http_source_limited(c->source))
		refuse(c, status = 429, "too many refused requests; wait a minute");
	return status != 0;
}

static void on_closed(struct evhttp_connection *evcon, void *ctx)
{
	(void)evcon;
	http_look_soon(ctx);
}

void http_request(struct evhttp_request *req, void *ctx)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(req);
	struct http_conn *c = http_conn_of(ctx, evhttp_connection_get_bufferevent(evcon));

	c->req = req;
	evhttp_connection_set_closecb(evcon, on_closed, c->front);
	evhttp_request_set_on_complete_cb(req, on_answered, c);
	http_conn_hear_end(c);
	if (!refused(c) && !answer_health(c))
		ask(c);
}
