/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/confine.h"
#include "common/clock.h"
#include "common/log.h"
#include "store/aside.h"
#include "store/integrity.h"
#include "store/wal.h"

enum {
	TICK_MS = 1000,
	PEOPLE_S = 20,	  /* between two looks whether people did something */
	COMPLAIN_S = 600, /* between two lines about the same trouble */
};

/* In the child */

struct keeping {
	int fd;
	const char *path;
	struct stats *stats;
	struct wal *wal; /* NULL until it may be folded */
	uint64_t looked_s, complained_s;
};

static uint64_t now_s(void)
{
	return clock_us() / 1000000;
}

static void answer(int fd, char verdict, const char *words)
{
	char text[1 + KEEPER_WORDS];
	int n = snprintf(text, sizeof(text), "%c%.*s", verdict, KEEPER_WORDS - 1, words);

	(void)!send(fd, text, (size_t)n, MSG_NOSIGNAL);
}

static void check(const struct keeping *k)
{
	char words[INTEGRITY_WORDS] = "";
	struct err e = { 0 };
	int rc = integrity_file(k->path, words, &e);

	if (rc < 0)
		answer(k->fd, 'n', e.msg);
	else
		answer(k->fd, rc ? 'd' : 'w', words);
}

static void complain(struct keeping *k, const char *words)
{
	uint64_t now = now_s();

	if (k->complained_s && now < k->complained_s + COMPLAIN_S)
		return;
	k->complained_s = now;
	log_warn("%s", words);
}

static void fold(struct keeping *k)
{
	struct err e = { 0 };
	struct wal_state w;
	char words[160];

	if (!k->wal)
		k->wal = wal_open(k->path, &e);
	if (!k->wal || wal_tend(k->wal, now_s(), &w, &e) < 0) {
		complain(k, e.msg);
		return;
	}
	k->stats->wal_bytes = w.bytes;
	k->stats->wal_folds += w.folded > 0;
	k->stats->wal_pages += w.folded;
	k->stats->wal_held = w.held;
	if (!w.held)
		return;
	snprintf(words, sizeof(words),
		 "the write-ahead log has %llu MB: a reader of the database has not ended for "
		 "long (a backup, skein?)",
		 (unsigned long long)(w.bytes >> 20));
	complain(k, words);
}

static void keep_people(struct keeping *k)
{
	struct err e = { 0 };

	if (now_s() < k->looked_s + PEOPLE_S)
		return;
	k->looked_s = now_s();
	if (aside_keep_people(k->path, &e) < 0)
		complain(k, e.msg);
}

static int keep(int fd, void *ctx)
{
	const struct keeper *parent = ctx;
	struct keeping k = { .fd = fd, .path = parent->path, .stats = parent->stats };
	const struct confine_files files = { .data = parent->dir };
	struct pollfd p = { .fd = fd, .events = POLLIN };
	bool going = false;
	struct err e = { 0 };
	char order;

	child_keep(&fd, 1);
	if (confine(CONFINE_INGEST, &files, &e) < 0) {
		log_err("the keeper of the database: %s", e.msg);
		return 1;
	}
	for (;;) {
		if (poll(&p, 1, going ? TICK_MS : -1) > 0) {
			if (recv(fd, &order, 1, 0) != 1)
				break;
			if (order == 'c')
				check(&k);
			going = going || order == 'g';
		}
		if (!going)
			continue;
		fold(&k);
		keep_people(&k);
	}
	wal_close(k.wal);
	return 0;
}

/* In the collector */

void keeper_plan(struct keeper *k, struct nursery *n, const char *dir, const char *path,
		 struct stats *stats)
{
	const struct nursery_plan plan = { "the keeper of the database", "skein-database",
					   keep, k, NULL };

	*k = (struct keeper){ .child.fd = -1, .nursery = n, .dir = dir };
	k->path = path;
	k->stats = stats;
	nursery_plan(n, NURSERY_DATABASE, &plan);
}

int keeper_start(struct keeper *k, struct err *e)
{
	child_stop(&k->child);
	return nursery_start(k->nursery, NURSERY_DATABASE, &k->child, e);
}

void keeper_stop(struct keeper *k)
{
	child_stop(&k->child);
}

static void order(struct keeper *k, char what)
{
	(void)!send(k->child.fd, &what, 1, MSG_NOSIGNAL);
}

bool keeper_ended(struct keeper *k, int *status)
{
	if (!k->ended && !child_reap(&k->child, &k->status))
		return false;
	k->ended = false;
	*status = k->status;
	return true;
}

/*
 * A file on which the check itself dies is no file to go on with; one whose check was ended
 * (for want of memory, by confine.h) may be as good as it was.
 */
static enum keeper_verdict judge_end(struct keeper *k, char words[KEEPER_WORDS])
{
	int status, number = 0;

	if (child_await(&k->child, &status)) {
		k->ended = true;
		k->status = status;
		number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	}
	if (number == SIGSEGV || number == SIGBUS || number == SIGABRT || number == SIGFPE ||
	    number == SIGILL) {
		snprintf(words, KEEPER_WORDS, "the check of it died of signal %d", number);
		return KEEPER_DAMAGED;
	}
	if (number)
		snprintf(words, KEEPER_WORDS, "the check was ended by signal %d", number);
	else
		snprintf(words, KEEPER_WORDS, "the check ended without a word");
	return KEEPER_UNKNOWN;
}

enum keeper_verdict keeper_verdict(struct keeper *k, char words[KEEPER_WORDS])
{
	char text[1 + KEEPER_WORDS];
	ssize_t n = recv(k->child.fd, text, sizeof(text) - 1, 0);

	k->reading = false;
	if (n <= 0)
		return judge_end(k, words);
	text[n] = 0;
	snprintf(words, KEEPER_WORDS, "%.*s", KEEPER_WORDS - 1, text + 1);
	if (text[0] == 'w')
		return KEEPER_WHOLE;
	return text[0] == 'd' ? KEEPER_DAMAGED : KEEPER_UNKNOWN;
}

enum keeper_verdict keeper_check(struct keeper *k, int patience_ms, char words[KEEPER_WORDS])
{
	struct pollfd p = { .fd = k->child.fd, .events = POLLIN };
	int rc;

	order(k, 'c');
	do
		rc = poll(&p, 1, patience_ms);
	while (rc < 0 && errno == EINTR);
	if (rc > 0)
		return keeper_verdict(k, words);
	k->reading = true;
	return KEEPER_READING;
}

void keeper_go(struct keeper *k)
{
	order(k, 'g');
}
