/* SPDX-License-Identifier: Apache-2.0 */
#include "store/judge.h"

#include <inttypes.h>
#include <string.h>

#include "common/fact.h"
#include "common/number.h"
#include "common/when.h"

enum {
	SILENT_S = 600,	   /* as the collector lets go of addresses (store/machine.h) */
	QUIET_S = 3600,	   /* of all together */
	ROOM_LEAST = 1024, /* MiB */
	SKEW_MS = 5000,
};

void judge_damage(struct check *c, const char *path, const char *words)
{
	if (!words) {
		check_found(c, CHECK_OK, "database", "%s is whole (quick_check)", path);
		return;
	}
	check_found(c, CHECK_FAIL, "database", "%s is damaged: %s", path, words);
	check_mend(
		c,
		"stop the collector and go back to a copy; without one: sqlite3 FILE .recover "
		"| sqlite3 NEW");
}

void judge_aside(struct check *c, const struct doctor_aside *a, bool there)
{
	char when[WHEN_TEXT];

	check_found(c, there ? CHECK_WARN : CHECK_OK, "set aside",
		    "%s: a damaged database became %.100s (%.150s), this one began empty",
		    when_text(a->when, when), a->file, a->why);
	if (there)
		check_mend(c, "skein-collector restore puts back a backup; once that file is "
			      "removed this is no warning any more");
}

void judge_size(struct check *c, const struct doctor_file *f, uint64_t room)
{
	check_found(c, CHECK_OK, "size", "%" PRIu64 " MiB, schema %d", f->bytes >> 20,
		    f->schema);
	if (f->free_bytes > f->bytes / 2 && f->free_bytes >> 20)
		check_also(c, CHECK_OK, "%" PRIu64 " MiB of it unused", f->free_bytes >> 20);
	if (room)
		check_also(c, CHECK_OK, "%" PRIu64 " MiB free beside it", room >> 20);
	if (room && (room >> 20) < ROOM_LEAST && room < f->bytes) {
		check_also(c, CHECK_WARN, "that is less than it takes to copy it");
		check_mend(c, "make room: a migration keeps a copy, and a full disk stops the "
			      "collector");
	}
}

static void dated(struct check *c, enum check_status status, const char *words, int64_t when)
{
	char text[WHEN_TEXT];

	check_also(c, status, "%s %s", words, when_text(when, text));
}

void judge_records(struct check *c, const struct health *h, int64_t newest, int64_t now)
{
	char from[WHEN_TEXT], to[WHEN_TEXT], n[NUMBER_TEXT];

	if (!h->first && !newest) {
		check_found(c, CHECK_WARN, "records", "nothing is in it yet");
		check_mend(c, "start a sensor (sudo skein up), or skein import");
		return;
	}
	if (h->first)
		check_found(c, CHECK_OK, "records", "connections from %s to %s",
			    when_text(h->first, from), when_text(h->last, to));
	else
		check_found(c, CHECK_OK, "records", "no connection yet");
	if (h->records)
		check_also(c, CHECK_OK, "%s records of %" PRIu64 " sensor%s",
			   number_text(h->records, n), h->sensors, number_plural(h->sensors));
	if (h->late) {
		check_also(c, CHECK_WARN, "%s record%s came too late to be counted",
			   number_text(h->late, n), number_plural(h->late));
		check_mend(c, "they were of minutes that are gone: keep them longer "
			      "(--keep-minutes), or see to links that are cut for so long");
	}
	if (newest && newest < now - QUIET_S) {
		dated(c, CHECK_WARN, "no sensor was heard since", newest);
		check_mend(
			c,
			"does the collector run (systemctl status skein-collector)? A copy of "
			"an older database says this too");
	} else if (newest > now + QUIET_S) {
		dated(c, CHECK_WARN, "the newest is from the future,", newest);
		check_mend(c, "set the clocks of this machine and of the collector");
	}
}

/* One sensor */

static void judge_silence(struct check *c, const struct doctor_sensor *s, int64_t newest)
{
	if (!s->records) {
		check_also(c, CHECK_WARN, "enrolled, and has never told anything");
		check_mend(c, "on that machine: systemctl start skein-sensor; skein-sensor "
			      "--self-test says what is missing");
		return;
	}
	dated(c, CHECK_OK, "last heard", s->last);
	if (s->last >= newest - SILENT_S)
		return;
	check_also(c, CHECK_WARN, "silent since, while others were heard");
	check_mend(c,
		   "on that machine: systemctl status skein-sensor; skein-sensor --self-test "
		   "says what is missing");
}

/* Never rounded up to all of them. */
static void put_share(struct check *c, enum check_status status, const char *what,
		      uint64_t seen, uint64_t of)
{
	uint64_t hundredths =
		seen < of ? (uint64_t)((double)seen * 10000.0 / (double)of) : 10000;

	if (hundredths == 10000 && seen < of)
		hundredths = 9999;
	check_also(c, status, "%s %" PRIu64 ".%02" PRIu64 " %% of the opens", what,
		   hundredths / 100, hundredths % 100);
}

static void judge_share(struct check *c, const struct doctor_sensor *s)
{
	char text[WHEN_TEXT];
	bool less = s->opens_seen < s->opens_kernel - s->opens_kernel / 1000;

	if (!s->opens_kernel)
		return;
	put_share(c, less ? CHECK_WARN : CHECK_OK, "saw", s->opens_seen, s->opens_kernel);
	if (!less)
		return;
	if (s->worst_hour) {
		put_share(c, CHECK_WARN, "in the worst hour", s->worst_seen, s->worst_kernel);
		check_also(c, CHECK_WARN, "that from %s", when_text(s->worst_hour, text));
	}
	check_mend(
		c,
		"skein machines M --json says in which namespace; skein-sensor --self-test on "
		"that machine");
}

/* What cannot be had on that machine is said, and is no fault. */
static void judge_degraded(struct check *c, uint32_t degraded)
{
	const uint32_t harmless = DEGRADED_NO_UDP | DEGRADED_NO_NAT | DEGRADED_NAT_LOST;

	for (unsigned i = 0; i < DEGRADED_WORDS; i++) {
		enum check_status status = harmless & 1u << i ? CHECK_OK : CHECK_WARN;

		if (degraded & 1u << i)
			check_also(c, 1u << i == DEGRADED_OFF ? CHECK_FAIL : status,
				   "%s in its newest interval", degraded_word[i]);
	}
	if (degraded & DEGRADED_POLL)
		check_mend(c, "it runs without eBPF: skein-sensor --self-test there says why");
	if (degraded & (DEGRADED_READER | DEGRADED_OFF))
		check_mend(c, "it passed its budget: cpu-budget and memory-budget in its "
			      "sensor.conf");
}

static void judge_clock(struct check *c, const struct doctor_sensor *s)
{
	int64_t ms = s->skew_ms < 0 ? -s->skew_ms : s->skew_ms;
	char n[NUMBER_TEXT];

	if (s->jumps)
		check_also(c, CHECK_OK, "its clock was set %s time%s",
			   number_text(s->jumps, n), number_plural(s->jumps));
	if (ms <= SKEW_MS)
		return;
	check_also(c, CHECK_WARN, "its clock is %" PRId64 " s %s; its times are corrected",
		   ms / 1000, s->skew_ms < 0 ? "behind" : "ahead");
	check_mend(c, "let something set its clock: timedatectl set-ntp true, or chrony");
}

static void judge_losses(struct check *c, const struct doctor_sensor *s)
{
	char n[NUMBER_TEXT], from[WHEN_TEXT], to[WHEN_TEXT];

	if (s->unnamed)
		check_also(c, CHECK_OK, "%s process%s unnamed", number_text(s->unnamed, n),
			   s->unnamed == 1 ? "" : "es");
	if (s->quarantined || s->rejected)
		check_also(c, CHECK_OK, "%s record%s not taken",
			   number_text(s->quarantined + s->rejected, n),
			   number_plural(s->quarantined + s->rejected));
	if (s->folded) {
		check_also(c, CHECK_WARN, "%s record%s put together as \"other\"",
			   number_text(s->folded, n), number_plural(s->folded));
		check_mend(c, "it told of more new edges or names in an hour than one sensor "
			      "should: look whether that machine scans, or was taken over");
	}
	if (s->overflow) {
		check_also(c, CHECK_WARN, "%s connection%s fitted no table",
			   number_text(s->overflow, n), number_plural(s->overflow));
		check_mend(c, "raise max-edges and max-sockets in its sensor.conf, or shorten "
			      "interval");
	}
	if (s->lost)
		check_also(c, CHECK_WARN, "%s record%s lost in %" PRIu64 " gap%s",
			   number_text(s->lost, n), number_plural(s->lost), s->gaps,
			   number_plural(s->gaps));
	else if (s->gaps) /* nobody knows how many: a backup was put back */
		check_also(c, CHECK_WARN, "what it told in %" PRIu64 " gap%s is lost", s->gaps,
			   number_plural(s->gaps));
	if (s->lost || s->gaps) {
		if (s->gaps)
			check_also(c, CHECK_WARN, "the newest from %s to %s",
				   when_text(s->gap_first, from), when_text(s->gap_last, to));
		check_mend(
			c,
			"its link to the collector was cut for longer than it can keep, or than "
			"--keep-minutes, or the collector's database was put back; what is missing there is not \"no "
			"traffic\"");
	}
}

void judge_sensor(struct check *c, const struct doctor_sensor *s, int64_t newest)
{
	char name[sizeof(c->name)];

	snprintf(name, sizeof(name), "sensor %.80s", *s->machine ? s->machine : s->name);
	check_found(c, CHECK_OK, name, "%s", "");
	check_also(c, CHECK_OK, "%s", s->name);
	if (s->revoked) {
		check_also(c, CHECK_OK, "revoked");
		return;
	}
	judge_degraded(c, s->degraded);
	judge_losses(c, s);
	judge_clock(c, s);
	judge_share(c, s);
	judge_silence(c, s, newest);
	if (c->status == CHECK_OK)
		c->mend[0] = 0;
}

/* Who has none, and who contradicts another */

void judge_strangers(struct check *c, const struct doctor_strangers *s, const char *list)
{
	uint64_t without = s->machines - s->watched;

	check_found(c, CHECK_OK, "coverage", "%" PRIu64 " of %" PRIu64 " machine%s watched",
		    s->watched, s->machines, number_plural(s->machines));
	if (s->addresses)
		check_also(c, CHECK_OK, "%" PRIu64 " address%s of your networks no machine's",
			   s->addresses, s->addresses == 1 ? "" : "es");
	if (s->outside)
		check_also(c, CHECK_OK, "%" PRIu64 " outside", s->outside);
	if (!*list)
		return;
	check_also(c, CHECK_WARN, "without sensor, by edges: %s", list);
	check_mend(c, "%s: skein-sensor enroll there, or skein import what is known of them",
		   without ? "a sensor on these first"
			   : "they may be machines nobody has named");
}

void judge_quarantine(struct check *c, const struct health *h, unsigned contested,
		      const char *list)
{
	char n[NUMBER_TEXT];

	if (!h->quarantined && !h->rejected) {
		check_found(c, CHECK_OK, "quarantine", "every record was taken");
		if (contested)
			check_also(c, CHECK_OK,
				   "%u address%s of two machines, without harm: %s", contested,
				   contested == 1 ? "" : "es", list);
		return;
	}
	check_found(c, CHECK_OK, "quarantine", "%s", "");
	if (h->quarantined)
		check_also(c, CHECK_WARN, "%s record%s about addresses of others",
			   number_text(h->quarantined, n), number_plural(h->quarantined));
	if (h->rejected)
		check_also(c, CHECK_WARN, "%s made no sense", number_text(h->rejected, n));
	if (contested)
		check_also(c, CHECK_WARN, "listed by two machines: %s", list);
	check_mend(c, "%s",
		   contested ? "give one of the two another address; bridges of containers "
			       "that are alike everywhere do no harm inside their machine"
			     : "a sensor may speak for its own machine alone: is one of "
			       "another version, or its clock wrong? See the collector's "
			       "journal");
}
