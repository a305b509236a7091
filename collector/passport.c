/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/passport.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "store/enrol.h"

enum { PROOF_MS = 2000, PROOF_RELAYED_MS = SOCK_DEAD_S * 1000 + 5000, LOOK_AGAIN_MS = 60000 };

/* A person will look; counted and said once, until somebody has. */
static void alarm_of_clone(const struct passport *p, struct hub *hub, const char *words)
{
	const char *who = p->id.cn;
	struct err e = { 0 };
	int rc = enrol_sensor_cloned(hub->store, who, words, clock_ms(), &e);

	if (rc < 0)
		log_err("%s: %s; and that cannot be noted: %s", who, words, e.msg);
	if (rc <= 0)
		return;
	hub->stats->clones++;
	log_err("%s: %s; see skein-collector sensor show %s", who, words, who);
}

/* A certificate that has ended is good to get the next one, for as long again. */
static const char *judge_end(struct passport *p, const struct hub *hub)
{
	int64_t over = (int64_t)(clock_ms() / 1000) - p->id.expires;

	p->expired = over > 0;
	if (over <= (int64_t)hub->life_s)
		return NULL;
	return "its certificate has ended too long ago to be renewed; enrol it again with "
	       "--force";
}

static const char *replaced(const struct passport *p, struct hub *hub, const char *from)
{
	char words[PASSPORT_PEER + 64];

	snprintf(words, sizeof(words), "the certificate before its newest was used from %s",
		 from);
	alarm_of_clone(p, hub, words);
	return "this certificate was renewed and the new one used: a copy of this sensor? "
	       "enrol it again with --force";
}

const char *passport_check(struct passport *p, struct hub *hub, const char *from)
{
	enum enrol_verdict v =
		enrol_sensor_check(hub->store, p->id.cn, p->id.fingerprint, p->id.role);

	p->next = v == ENROL_NEXT;
	switch (v) {
	case ENROL_CURRENT:
	case ENROL_NEXT:
		return judge_end(p, hub);
	case ENROL_REVOKED:
		return "this sensor has been revoked";
	case ENROL_REPLACED:
		return replaced(p, hub, from);
	case ENROL_UNKNOWN:
		break;
	}
	return "this sensor is not enrolled here; enrol it again with --force";
}

void passport_used(const struct passport *p, struct hub *hub)
{
	struct err e = { 0 };

	if (!p->next)
		return;
	if (enrol_sensor_use_next(hub->store, p->id.cn, p->id.fingerprint, &e) < 0)
		log_warn("%s: its next certificate is not yet noted: %s", p->id.cn, e.msg);
	else
		log_info("%s uses its next certificate", p->id.cn);
}

void passport_rival(struct passport *p, const char *from)
{
	uint64_t now = stats_clock_ms();

	if (p->rival_ms || (p->looked_ms && now - p->looked_ms < LOOK_AGAIN_MS))
		return;
	p->rival_ms = now;
	snprintf(p->rival, sizeof(p->rival), "%s", from);
}

/*
 * What is heard is proof only if it was said after the rival came: a dead session's last words
 * may come late.  One that takes what was sent to it since then is alive; behind a relay,
 * which takes it in any case, a dead one is gone after SOCK_DEAD_S.  1: alive, 0: ending, -1:
 * nobody knows yet.
 */
static int is_alive(const struct passport *p, int fd, uint64_t since_ms)
{
	struct tcp_info info;
	socklen_t n = sizeof(info);

	if (since_ms < (p->relayed ? PROOF_RELAYED_MS : PROOF_MS))
		return -1;
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) < 0 ||
	    info.tcpi_state != TCP_ESTABLISHED)
		return 0;
	return info.tcpi_unacked ? -1 : 1;
}

void passport_heard(struct passport *p, struct hub *hub, int fd, const char *at)
{
	char words[2 * PASSPORT_PEER + 64];
	uint64_t now = p->rival_ms ? stats_clock_ms() : 0;
	int alive = p->rival_ms ? is_alive(p, fd, now - p->rival_ms) : -1;

	if (alive < 0)
		return;
	p->rival_ms = 0;
	p->looked_ms = now;
	if (!alive)
		return;
	snprintf(words, sizeof(words), "connected from %s, and also tried from %s", at,
		 p->rival);
	alarm_of_clone(p, hub, words);
}
