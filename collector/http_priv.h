/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the HTTP processes share (http.h). */
#ifndef COLLECTOR_HTTP_PRIV_H
#define COLLECTOR_HTTP_PRIV_H

#include <sys/queue.h>
#include <event2/util.h>
#include <openssl/types.h>

#include "collector/ask.h"
#include "collector/http.h"
#include "collector/http_guard.h"
#include "common/mem.h"

#define uthash_malloc(n) xmalloc(n)
#include <uthash.h>

struct event_base;
struct event;
struct bufferevent;
struct evconnlistener;
struct evhttp;
struct evhttp_request;
struct evkeyvalq;
struct evbuffer_cb_entry;

enum {
	HTTP_CONNS = 512,	/* in all; beyond, the one that idles longest goes */
	HTTP_CONNS_SOURCE = 64, /* of one address */
	HTTP_CONNS_NEW = 64,	/* taken at once, before any of them is looked at */
	HTTP_HEAD_S = 10,	/* to say all of the head, TLS too */
	HTTP_BODY_S = 20,
	HTTP_IDLE_S = 30,   /* between two requests */
	HTTP_STALL_S = 30,  /* without taking any of an answer */
	HTTP_SEND_S = 1800, /* to take all of it */
	HTTP_LINGER_S = 2,  /* after the last words */
	HTTP_DRAIN_S = 5,   /* when another front has taken over */
	HTTP_REFUSALS = 60, /* of one address in a minute: then it waits */
	HTTP_SOURCES = 4096,
	HTTP_CHUNK = 64 << 10,

	HTTP_QUICK = 1, /* workers for what takes no time, */
	HTTP_SLOW = 2,	/* and for the rest */
	HTTP_WORKERS = HTTP_QUICK + HTTP_SLOW,
	HTTP_QUEUE = 64, /* requests of a lane that wait */
	HTTP_QUEUE_S = 20,
	HTTP_ABANDONED_S = 2, /* for a reading whose asker has hung up */
};

/* Keeper and front: the front asks to end a worker; the keeper hands it a worker's socket. */
struct http_note {
	uint8_t worker;
};

/* What a front and its workers start with. */
struct http_setup {
	const char *dir;
	struct stats *stats;
	struct http_config config; /* with strings of their own */
	int socket;
	SSL_CTX *tls; /* NULL on loopback */
	uint8_t worker;
};

child_fn http_front;  /* ctx: struct http_setup */
child_fn http_worker; /* api_worker.c; the same */

struct http_conn;
TAILQ_HEAD(http_queue, http_conn);

struct http_worker_slot {
	int fd; /* -1: none now */
	struct event *event;
	struct http_conn *conn; /* whose request it has, NULL: nobody waits any more */
	uint32_t id;
	bool busy;
	struct event *limit;
	struct http_front_state *front;
};

/* An address that has connections, or was refused things. */
struct http_source {
	struct addr addr;
	unsigned conns, refusals;
	uint64_t since_s;
	UT_hash_handle hh;
};

struct http_front_state {
	struct event_base *base;
	const struct http_setup *setup;
	struct stats *stats;
	int control; /* to the keeper */
	struct event *noted;
	struct evhttp *http;
	struct evconnlistener *listener; /* NULL: another front has taken over */
	uint64_t rest_until_s;		 /* so long nobody is accepted */
	struct event *look;		 /* at all connections: http_look */
	bool loopback, draining;
	char host[256]; /* this machine's */
	unsigned conns_n, sources_n;
	struct http_conn *conns;
	struct http_source *sources;
	struct http_worker_slot worker[HTTP_WORKERS];
	struct http_queue waiting[2]; /* for a worker: quick ones, slow ones */
	unsigned waiting_n[2];
	uint32_t last_id;
};

enum http_state {
	HTTP_NEW,    /* nobody knows yet whose it is */
	HTTP_READS,  /* evhttp does: a request, or nothing yet */
	HTTP_QUEUED, /* in waiting[lane] */
	HTTP_ASKED,  /* a worker has it */
	HTTP_WRITES,
	HTTP_LEAVES, /* evhttp has let go of it */
};

/*
 * evhttp has a connection of its own for each of these; what both have is the bufferevent.
 */
struct http_conn {
	UT_hash_handle hh;
	TAILQ_ENTRY(http_conn) waiting; /* while it is queued */
	struct http_front_state *front;
	struct bufferevent *bev; /* the key; a reference is ours */
	struct evbuffer_cb_entry *heard, *said;
	struct http_source *source;
	struct addr peer;
	struct http_guard guard;
	enum http_state state;
	uint64_t since_ms; /* it is in that state */
	uint64_t due_s;	   /* when it has had its time */
	bool used;	   /* answered something before */
	bool page;	   /* evhttp has said something by itself */
	bool close;	   /* when the answer is out */
	struct http_watch watch;

	struct evhttp_request *req; /* NULL: none is to be answered by us */
	char *target;
	struct http_head head; /* its strings are TARGET's and REQ's */
	bool open;
	struct buf ask; /* as it goes to the worker, but for its id */
	int lane;
	struct http_worker_slot *slot;
	int file; /* what is left of the answer, -1: nothing */
	uint64_t left, until_s;
};

/* http_conn.c */
/* For evhttp, which is about to take a connection.  CTX: struct http_front_state. */
struct bufferevent *http_conn_new(struct event_base *base, void *ctx);
struct http_conn *http_conn_of(struct http_front_state *f, struct bufferevent *bev);
/* SECONDS are what it has for it; negative: no end. */
void http_conn_state(struct http_conn *c, enum http_state state, int seconds);
/* It waits for another request, from what has come already on. */
void http_conn_next(struct http_conn *c);
/* Nothing more is read of C than what tells that its peer has hung up. */
void http_conn_hear_end(struct http_conn *c);
/* What is over is ended, and what came too late or is too much; CTX as above. */
void http_look(evutil_socket_t fd, short what, void *ctx);
void http_look_soon(struct http_front_state *f);

/* http_request.c */
/* evhttp has read one; CTX as above. */
void http_request(struct evhttp_request *req, void *ctx);
/* C's request is none any more. */
void http_request_drop(struct http_conn *c);
/* The answer; FILE (or -1) is taken over. */
void http_tell(struct http_conn *c, const struct tell *t, int file);
void http_fail(struct http_conn *c, int status, const char *words);

/* http_answer.c */
void http_answer_count(struct stats *s, int status);
/* The fields of T's head, but for those that evhttp adds. */
void http_answer_head(struct evkeyvalq *out, const struct tell *t, bool keep);

/* http_source.c; by a clock that nobody sets. */
uint64_t http_now_s(void);
/* NULL: there are too many to know them all. */
struct http_source *http_source_of(struct http_front_state *f, const struct addr *a);
/* It was answered with STATUS; S may be NULL, here and below. */
void http_source_note(struct http_source *s, int status);
/* It was refused too often and has to wait. */
bool http_source_limited(const struct http_source *s);

/* http_pool.c */
void http_pool_start(struct http_front_state *f);
void http_pool_stop(struct http_front_state *f);
/* C is queued, or answered with 503. */
void http_pool_ask(struct http_conn *c);
/* C is about to be freed. */
void http_pool_forget(struct http_conn *c);

#endif
