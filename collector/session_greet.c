/* SPDX-License-Identifier: Apache-2.0 */
/* How a session begins: with ENROLL or HELLO; and RENEW, the certificate of the next one. */
#include "collector/session.h"

#include <errno.h>
#include <string.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "collector/enrolment.h"
#include "collector/session_priv.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/utf8.h"

enum { SKEW_MS = 5000 };

/* Certificates */

static void send_certificate(struct session *s, struct enrolment *x)
{
	struct buf frame = { 0 };

	enrolment_put(&frame, s->hub, x);
	session_send(s, &frame);
}

/* Nothing was taken of it, a token's use neither: it may come again. */
static bool put_off(struct session *s, int rc)
{
	/* EPIPE: who signs has died, and comes back. */
	bool busy = rc == -EAGAIN || rc == -EBUSY || rc == -EPIPE;

	s->hub->stats->certificates_put_off += busy;
	return busy;
}

static void no_certificate(struct session *s, int rc, const struct err *e)
{
	if (enrolment_refusal(rc)) {
		session_refuse(s, enrolment_refusal(rc));
		return;
	}
	s->hub->stats->certificates_failed++;
	if (session_may_log(s))
		log_err("no certificate for %s%s%s: %s", s->pass.id.cn,
			*s->pass.id.cn ? " " : "", s->peer, e->msg);
	session_fail(s, WIRE_E_INTERNAL, "the collector cannot enrol anybody now");
}

void session_enroll(struct session *s, struct cur body)
{
	struct wire_enroll m;
	struct enrolment x;
	struct err e = { 0 };
	int rc;

	if (wire_get_enroll(body, &m) < 0 || !utf8_valid(m.host, strlen(m.host))) {
		session_protocol_error(s, "an enrolment that makes no sense");
		return;
	}
	rc = enrolment_first(s->hub, &m, &s->source, &x, &e);
	if (put_off(s, rc)) {
		session_fail(s, WIRE_E_BUSY, "too many sensors at once; try again");
		return;
	}
	if (rc) {
		no_certificate(s, rc, &e);
		return;
	}
	s->hub->stats->enrolled++;
	log_info("enrolled %s: host=%s from %s", x.sensor, m.host, s->peer);
	send_certificate(s, &x);
	session_finish(s);
}

/* The session goes on as it is: the next certificate is for the next connection. */
void session_renew(struct session *s, struct cur body)
{
	struct wire_renew m;
	struct enrolment x;
	struct err e = { 0 };
	int rc;

	if (wire_get_renew(body, &m) < 0) {
		session_protocol_error(s, "a renewal that makes no sense");
		return;
	}
	rc = enrolment_next(s->hub, s->pass.id.cn, s->pass.id.role, m.request, &x, &e);
	if (rc == -EALREADY)
		s->hub->stats->renewals_early++;
	if (rc == -EALREADY || put_off(s, rc)) /* it asks again by itself */
		return;
	if (rc) {
		no_certificate(s, rc, &e);
		return;
	}
	s->hub->stats->renewed++;
	log_info("%s renewed its certificate from %s", s->pass.id.cn, s->peer);
	send_certificate(s, &x);
}

/* Greeting */

bool session_let_in(struct session *s)
{
	const char *why = passport_check(&s->pass, s->hub, s->peer);

	if (why)
		session_refuse(s, why);
	return !why;
}

/*
 * A sensor whose link was cut comes back while its old session looks alive: same boot, and the
 * new one wins.  Another boot under the same identity is a copy of the key, or the same
 * machine after a power cut: the newer one is turned away, and the older gets an
 * acknowledgement, to which a machine that has started again answers with a reset.
 */
static bool displace(struct session *s, uint64_t boot, bool test)
{
	struct session *old;

	HASH_FIND_STR(s->hub->by_sensor, s->pass.id.cn, old);
	if (!old)
		return true;
	if (old->boot == boot) {
		log_info("%s is back from %s, was at %s", s->pass.id.cn, s->peer, old->peer);
		session_free(old);
		commit_flush(s->hub->commit); /* so that the position is right */
		return true;
	}
	s->hub->stats->duplicates++;
	if (session_may_log(s))
		log_warn("%s from %s while it is connected from %s: turned away",
			 s->pass.id.cn, s->peer, old->peer);
	if (!test)
		passport_rival(&old->pass, s->peer);
	session_ack(old);
	session_fail(s, WIRE_E_DUPLICATE, "a sensor with this identity is connected already");
	return false;
}

static void go_live(struct session *s)
{
	s->state = LIVE;
	HASH_ADD_STR(s->hub->by_sensor, pass.id.cn, s);
	s->hub->live_n++;
	session_no_stranger(s);
	evtimer_del(s->deadline);
	if (s->pass.expired)
		session_alarm(s, SESSION_GREETING_MS);
	else
		bufferevent_setwatermark(s->bev, EV_READ, 0, WIRE_FRAME_MAX + 4);
	passport_used(&s->pass, s->hub);
}

/*
 * The sensor has read its clock between connecting and now, so a clock that shows any time
 * between is right: all of them may come back at once, and then a HELLO waits.
 */
static void take_clock(struct session *s, uint64_t clock, uint64_t now)
{
	int64_t skew = (int64_t)(clock - now);
	int64_t most = skew + (int64_t)(stats_clock_ms() - s->since_ms);

	if (!clock || clock > INT64_MAX / 2)
		return;
	s->from.greeted = true;
	s->from.skew_ms = skew < 0 && most > 0 ? 0 : skew;
	if ((s->from.skew_ms > SKEW_MS || s->from.skew_ms < -SKEW_MS) && session_may_log(s))
		log_warn("%s: its clock differs by %lld s; its times are corrected",
			 s->pass.id.cn, (long long)s->from.skew_ms / 1000);
}

/*
 * Acknowledged is what was committed; so what the database does not know of that was lost
 * since: a damaged log, a disk that had said it was written, an older file put back.  What the
 * sensor has no more becomes a gap.
 */
static int compare_places(struct session *s, const struct wire_hello *m, struct err *e)
{
	uint64_t known, now = clock_ms();
	bool told = false;
	int rc = ledger_resume(s->hub->store, s->pass.id.cn, m->epoch, &known, e);

	if (rc < 0 || m->acked <= known)
		return rc;
	s->hub->stats->forgotten++;
	if (m->kept > known + 1)
		rc = ledger_forgotten(s->hub->store, s->pass.id.cn, now, &told, e);
	if (rc < 0)
		return rc;
	if (!session_may_log(s))
		return 0;
	log_err("%s was acknowledged %llu batches and the database knows %llu of them: %s",
		s->pass.id.cn, (unsigned long long)m->acked, (unsigned long long)known,
		m->kept <= known + 1 ? "it sends the others again"
		: told		     ? "what it has no more is lost, and a gap in its coverage"
				     : "what it has no more lies in a gap that is known");
	return 0;
}

void session_hello(struct session *s, struct cur body)
{
	uint64_t now = clock_ms();
	struct wire_hello m;
	struct err e = { 0 };

	if (wire_get_hello(body, &m) < 0) {
		session_protocol_error(s, "a greeting that makes no sense");
		return;
	}
	if (!session_let_in(s)) /* once more: time has passed */
		return;
	if (s->pass.expired && !(m.capabilities & WIRE_CAN_RENEW)) {
		session_refuse(
			s,
			"its certificate has ended, and it cannot renew it by itself; enrol "
			"it again with --force");
		return;
	}
	if (!displace(s, m.boot, m.capabilities & WIRE_IS_TEST))
		return;
	if (compare_places(s, &m, &e) < 0) {
		if (session_may_log(s))
			log_err("%s: %s", s->pass.id.cn, e.msg);
		session_fail(s, WIRE_E_BUSY, "the collector's ledger is busy; try again");
		return;
	}
	s->boot = m.boot;
	s->epoch = m.epoch;
	s->can = m.capabilities & WIRE_CAPABILITIES;
	go_live(s);
	session_welcome(s);
	if (s->state != LIVE)
		return;
	log_info("%s connected from %s: role=%s program=%s position=%llu", s->pass.id.cn,
		 s->peer, s->pass.id.role, m.program, (unsigned long long)s->acked);
	take_clock(s, m.clock_ms, now);
}
