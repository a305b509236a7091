/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of one connection share (session.h). */
#ifndef COLLECTOR_SESSION_PRIV_H
#define COLLECTOR_SESSION_PRIV_H

#include <stdbool.h>
#include <sys/queue.h>
#include <openssl/types.h>
#include <uthash.h>

#include "collector/commit.h"
#include "collector/hub.h"
#include "collector/passport.h"
#include "common/addr.h"
#include "common/cur.h"
#include "common/wire.h"

struct bufferevent;
struct event;

enum {
	SESSION_GREETING_MS = 10000,	  /* TLS and HELLO or ENROLL together */
	SESSION_GREETING_CROWD_MS = 3000, /* where half the places for strangers are taken */
	SESSION_EARLY_FRAME = 32 << 10,	  /* longest before a sensor is live */
};

enum session_state { HANDSHAKE, STRANGER, KNOWN, LIVE, CLOSING };

struct session {
	LIST_ENTRY(session) all;
	UT_hash_handle hh;
	struct hub *hub;
	struct bufferevent *bev;
	struct event *deadline;
	enum session_state state;
	bool counted; /* among the hub's strangers */
	bool reading; /* inside read_frames */
	char peer[PASSPORT_PEER];
	struct addr source;
	struct passport pass;
	struct commit_source from; /* of its batches */
	uint64_t since_ms;	   /* it connected, by stats_clock_ms */
	uint64_t boot, epoch;
	uint64_t can;	    /* capabilities of both ends */
	uint64_t acked;	    /* highest sequence that is known to be committed */
	unsigned in_flight; /* batches that wait for commit.c */
	bool due, gap;	    /* what on_answer has to say */
	bool waits;	    /* for room in the commit queue: in hub's waiting */
	TAILQ_ENTRY(session) turn;
	size_t held; /* this session's part of hub->input_bytes */
};

/* session.c */
void session_alarm(struct session *s, unsigned ms);
SSL *session_ssl(struct session *s);
/* It is no stranger any more: another may come in. */
void session_no_stranger(struct session *s);
/* This session's part of the bytes of all that are not read yet is N now. */
void session_hold(struct session *s, size_t n);
/* Whether a line that a peer can cause may be written now: so many in a while. */
bool session_may_log(struct session *s);
/* Queues the frame, which is empty afterwards. */
void session_send(struct session *s, struct buf *frame);
/* What is committed, with room for more. */
void session_ack(struct session *s);
/* As the ledger has it: the first answer, and after a gap. */
void session_welcome(struct session *s);

/* session_close.c */
/* From here on another session may have this identity. */
void session_leave(struct session *s);
/* It no longer waits for room in the commit queue. */
void session_no_turn(struct session *s);
/* Throws away what has come. */
void session_discard(struct session *s);
/* All is written: the peer is told that no more comes. */
void session_half_close(struct session *s);
/* As session_free, from the loop. */
void session_drop_soon(struct session *s);
/* These say why to the peer and the log, count it, and close. */
void session_protocol_error(struct session *s, const char *what);
void session_refuse(struct session *s, const char *why);

/* session_greet.c: the frames of who is not live yet, and of certificates. */
/* Whether the certificate is still good; false where it was refused. */
bool session_let_in(struct session *s);
void session_enroll(struct session *s, struct cur body);
void session_renew(struct session *s, struct cur body);
void session_hello(struct session *s, struct cur body);

#endif
