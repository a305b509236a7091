/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/say.h"
#include "cli/waves_print.h"
#include "common/number.h"
#include "common/when.h"
#include "common/exits.h"
#include "common/mem.h"
#include "graph/saved.h"
#include "graph/wave_rules.h"
#include "store/plan.h"

enum { GIVEN_MAX = 200, DAY = 86400 };

/* An option that may stand several times. */
struct given {
	const char *at[GIVEN_MAX];
	unsigned n;
};

struct waves_command {
	struct options o;
	uint64_t capacity, capacity_gb, assume_gb, chatty, wave;
	const char *pilot, *start, *deadline, *rtt, *firewall;
	uint64_t link_bits;
	int64_t every;
	struct given freeze, shared;
	bool reset, dry_run;
	unsigned number; /* of the wave that is asked for; 0: all */
};

static int read_given(const char *arg, void *target, struct err *e)
{
	struct given *g = target;

	if (g->n == GIVEN_MAX)
		return err_set(e, -E2BIG, "more than %d", GIVEN_MAX);
	g->at[g->n++] = arg;
	return 0;
}

/* "1gbit", "100mbit/s", "2.5g", "9600": bits a second. */
static int read_rate(const char *arg, void *target, struct err *e)
{
	static const struct {
		const char *word;
		double times;
	} unit[] = { { "", 1 },	   { "bit", 1 },    { "k", 1e3 }, { "kbit", 1e3 },
		     { "m", 1e6 }, { "mbit", 1e6 }, { "g", 1e9 }, { "gbit", 1e9 } };
	char *end;
	double v = strtod(arg, &end), times = 0;
	size_t n = strcspn(end, "/");

	for (size_t i = 0; i < sizeof(unit) / sizeof(unit[0]); i++)
		if (strlen(unit[i].word) == n && strncasecmp(end, unit[i].word, n) == 0)
			times = unit[i].times;
	if (end == arg || (end[n] && strcasecmp(end + n, "/s") != 0) ||
	    !(v * times >= 1 && v * times <= 1e15))
		return err_set(e, -EINVAL, "\"%s\" is no rate such as 1gbit or 100mbit", arg);
	*(uint64_t *)target = (uint64_t)(v * times);
	return 0;
}

#define AT(member) offsetof(struct waves_command, member)

static const struct options_row rows[] = {
	{ "capacity", 0, "N", options_count, AT(capacity),
	  "machines a wave (else a twentieth of all, or what the deadline asks for)" },
	{ "capacity-gb", 0, "N", options_count, AT(capacity_gb), "used GB a wave" },
	{ "pilot", 0, "N", options_string, AT(pilot),
	  "machines of the first wave, 0 for no trial (else 9 where there are over 100)" },
	{ "start", 0, "DATE", options_string, AT(start), "day of the first cutover" },
	{ "every", 0, "SPAN", options_duration, AT(every), "from cutover to cutover (7d)" },
	{ "deadline", 0, "DATE", options_string, AT(deadline),
	  "day of the last cutover; without --start days are counted back from it" },
	{ "freeze", 0, "FROM..TO", read_given, AT(freeze),
	  "no cutover on these days; as often as needed" },
	{ "link", 0, "RATE", read_rate, AT(link_bits), "what replicates: 1gbit, 100mbit" },
	{ "assume-gb", 0, "N", options_count, AT(assume_gb),
	  "used GB of a machine of which nobody said it" },
	{ "shared", 0, "WHAT=HOW", read_given, AT(shared),
	  "first, last, stretch or replicate a service (dns, all, its name); repeat" },
	{ "rtt", 0, "MS", options_string, AT(rtt), "round trip of the link (20)" },
	{ "chatty", 0, "N", options_count, AT(chatty),
	  "connections a day from which two machines are chatty (1000)" },
	{ "wave", 'w', "N", options_count, AT(wave), "this wave with its groups and cuts" },
	{ "firewall", 0, "F", options_string, AT(firewall),
	  "the rules that must be open, as csv or nft; of one wave with --wave" },
	{ "dry-run", 'n', NULL, options_flag, AT(dry_run), "show, keep nothing" },
	{ "reset", 0, NULL, options_flag, AT(reset), "forget the rules that were kept" },
	{ 0 },
};

static const struct options_command command = {
	.name = "waves",
	.args = "[show N]",
	.about = "Put the groups in an order of moves, and price what each of them cuts.\n"
		 "Rules given here are kept, and hold until others are given or --reset.",
	.groups = OPTIONS_DB | OPTIONS_TABLE,
	.rows = rows,
	.examples = "skein waves --capacity 50 --start 2027-01-09 --every 7d\n"
		    "skein waves --freeze 2026-12-15..2027-01-05 --deadline 2027-06-30\n"
		    "skein waves --link 1gbit --assume-gb 80 --shared files=last\n"
		    "skein waves show 3\n"
		    "skein waves --wave 3 --firewall nft > wave3.nft\n",
};

/* The words "show N" are --wave N. */
static int check_words(struct waves_command *c)
{
	uint64_t n;
	struct err e = { 0 };

	if (c->o.words_n) {
		if (strcmp(c->o.words[0], "show") != 0)
			return options_usage(&command, "unexpected \"%s\": show N?",
					     c->o.words[0]);
		if (c->o.words_n != 2)
			return options_usage(&command, "show which wave? skein waves show 3");
		if (options_count(c->o.words[1], &n, &e) < 0)
			return options_usage(&command, "show: %s", e.msg);
		c->wave = n;
	}
	if (c->wave > WAVES_MAX)
		return options_usage(&command, "--wave: there are at most %d", WAVES_MAX);
	c->number = (unsigned)c->wave;
	if (c->firewall && strcmp(c->firewall, "csv") != 0 && strcmp(c->firewall, "nft") != 0)
		return options_usage(&command, "--firewall: \"%s\" is neither csv nor nft",
				     c->firewall);
	return 0;
}

static bool date_alone(const char *text)
{
	return strlen(text) == 10 && text[4] == '-' && text[7] == '-';
}

static int apply_freeze(const struct waves_command *c, struct wave_rules *r)
{
	struct err e = { 0 };

	for (unsigned i = 0; i < c->freeze.n; i++) {
		const char *text = c->freeze.at[i], *dots = strstr(text, "..");
		char *from = dots ? xstrndup(text, (size_t)(dots - text)) : NULL;
		int64_t a = 0, b = 0;
		bool good = from && when_parse(from, r->today, &a, &e) == 0 &&
			    when_parse(dots + 2, r->today, &b, &e) == 0;

		free(from);
		if (good && date_alone(dots + 2))
			b += DAY; /* that day too */
		if (!good || a >= b)
			return options_usage(&command,
					     "--freeze: \"%s\" is not FROM..TO such as "
					     "2026-12-15..2027-01-05",
					     text);
		wave_rules_freeze(r, a, b);
	}
	return 0;
}

static int apply_shared(const struct waves_command *c, struct wave_rules *r)
{
	for (unsigned i = 0; i < c->shared.n; i++) {
		const char *text = c->shared.at[i], *eq = strrchr(text, '=');
		enum service_advice advice;
		char *what;

		if (!wave_rules_advice(eq ? eq + 1 : text, &advice))
			return options_usage(&command,
					     "--shared: \"%s\" is not WHAT=HOW, HOW one of "
					     "first, last, stretch and replicate",
					     text);
		what = eq ? xstrndup(text, (size_t)(eq - text)) : xstrdup("all");
		wave_rules_shared(r, what, advice);
		free(what);
	}
	return 0;
}

static int apply_dates(const struct waves_command *c, struct wave_rules *r)
{
	struct err e = { 0 };

	if (c->start && when_parse(c->start, r->today, &r->start, &e) < 0)
		return options_usage(&command, "--start: %s", e.msg);
	if (c->deadline && when_parse(c->deadline, r->today, &r->deadline, &e) < 0)
		return options_usage(&command, "--deadline: %s", e.msg);
	if (c->every)
		r->every = c->every;
	if (r->start && r->deadline && r->start > r->deadline)
		return options_usage(&command, "--start is after --deadline");
	return apply_freeze(c, r);
}

static int apply_numbers(const struct waves_command *c, struct wave_rules *r)
{
	char *end;
	double ms = c->rtt ? strtod(c->rtt, &end) : 0;
	unsigned long pilot = c->pilot ? strtoul(c->pilot, &end, 10) : 0;

	if (c->pilot && (*c->pilot < '0' || *c->pilot > '9' || *end || pilot > 1000000))
		return options_usage(&command, "--pilot: \"%s\" is no number of machines",
				     c->pilot);
	if (c->rtt && (strtod(c->rtt, &end), *end || !(ms > 0 && ms <= 60000)))
		return options_usage(&command, "--rtt: \"%s\" is no time in milliseconds",
				     c->rtt);
	if (c->capacity > 10000000 || c->capacity_gb > 1000000000 || c->assume_gb > 1000000 ||
	    c->chatty > 1000000000)
		return options_usage(&command, "a number is too large");
	if (c->capacity)
		r->capacity = (unsigned)c->capacity;
	if (c->capacity_gb)
		r->capacity_bytes = c->capacity_gb * 1000000000;
	if (c->assume_gb)
		r->assume_bytes = c->assume_gb * 1000000000;
	if (c->chatty)
		r->chatty = (unsigned)c->chatty;
	if (c->link_bits)
		r->link_bits = c->link_bits;
	if (c->rtt)
		r->rtt_us = (unsigned)(ms * 1000 + 0.5);
	if (c->pilot)
		r->pilot = pilot ? (unsigned)pilot : WAVES_NO_PILOT;
	return 0;
}

static bool speaks_of_rules(const struct waves_command *c)
{
	return c->capacity || c->capacity_gb || c->assume_gb || c->chatty || c->pilot ||
	       c->start || c->deadline || c->rtt || c->link_bits || c->every || c->freeze.n ||
	       c->shared.n;
}

/* What a run works on; all of it is freed at its end. */
struct run {
	const struct waves_command *c;
	struct store *s;
	struct graph *g;
	struct plan *p;
	struct wave_rules rules;
	struct waves *w;
	struct cuts *cuts;
	bool *everywhere;
	unsigned *before; /* waves as they were saved */
};

/* The plan over the window that it was made from: 1, 0 for none, or negative with words. */
static int load(struct run *r, struct err *e)
{
	struct filter f = { 0 };
	int rc;

	r->g = graph_load(r->s, &f, e);
	if (!r->g)
		return e->code;
	rc = saved_read(r->s, r->g, 0, &r->p, e);
	if (rc <= 0 || (!r->p->since && !r->p->until))
		return rc;
	f.since = r->p->since;
	f.until = r->p->until;
	plan_free(r->p);
	graph_free(r->g);
	r->p = NULL;
	r->g = graph_load(r->s, &f, e);
	return r->g ? saved_read(r->s, r->g, 0, &r->p, e) : e->code;
}

static struct cut_options cut_options(const struct run *r)
{
	return (struct cut_options){ .rtt_ms = r->rules.rtt_us / 1000.0,
				     .chatty = r->rules.chatty,
				     .everywhere = r->everywhere };
}

static void compute(struct run *r)
{
	struct cut_options o;

	r->before = xcalloc(r->p->group_n + 1ul, sizeof(*r->before));
	r->everywhere = xcalloc(r->p->group_n + 1ul, sizeof(*r->everywhere));
	for (unsigned i = 0; i < r->p->group_n; i++)
		r->before[i] = r->p->group[i].wave;
	r->w = waves_assign(r->g, r->p, &r->rules);
	for (unsigned i = 0; i < r->p->group_n; i++)
		r->everywhere[i] = r->w->place[i].everywhere;
	o = cut_options(r);
	r->cuts = cut_between(r->g, r->p, &o);
}

static bool changed(const struct run *r)
{
	for (unsigned i = 0; i < r->p->group_n; i++)
		if (r->p->group[i].wave != r->before[i])
			return true;
	return false;
}

static int save_waves(struct store *s, const struct plan *p, struct err *e)
{
	struct plan_wave_row *row = xcalloc(p->group_n + 1ul, sizeof(*row));
	int rc;

	for (unsigned i = 0; i < p->group_n; i++)
		row[i] = (struct plan_wave_row){ p->group[i].name, p->group[i].wave };
	rc = plan_set_waves(s, p->id, row, p->group_n, e);
	free(row);
	return rc;
}

/*
 * Rules that were given must be kept, or it is an error; waves that follow from what was known
 * are kept where that is possible.
 */
static int keep(struct run *r, struct err *e)
{
	bool rules = speaks_of_rules(r->c) || r->c->reset;
	struct err why = { 0 };
	struct store *s;
	int rc = 0;

	if (r->c->dry_run || (!rules && !changed(r)))
		return 0;
	s = store_open(r->c->o.db, STORE_WRITE, &why);
	if (s && rules)
		rc = wave_rules_save(s, &r->rules, &why);
	if (s && !rc && changed(r))
		rc = save_waves(s, r->p, &why);
	if (!s)
		rc = why.code;
	store_close(s);
	if (rc >= 0)
		return 0;
	if (rules) {
		*e = why;
		return rc;
	}
	say_note("these waves could not be kept: %s", why.msg);
	return 0;
}

static int print_firewall(const struct run *r, const struct waves_print *x)
{
	struct cut_options o = cut_options(r);
	struct firewall *f = firewall_of(r->g, r->p, &o, r->c->number);
	struct buf b = { 0 };

	if (strcmp(r->c->firewall, "csv") == 0) {
		waves_print_firewall(x, f);
	} else {
		firewall_nft(f, r->p, r->c->number, &b);
		fwrite(b.p, 1, b.n, stdout);
		buf_fini(&b);
	}
	if (f->without)
		say_note("%u edge%s need a rule and have no address that crosses a link",
			 f->without, number_plural(f->without));
	firewall_free(f);
	return EXITS_OK;
}

static int no_such_wave(const struct run *r)
{
	if (r->w->wave_n)
		say("no wave %u: there are %u to %u", r->c->number, r->w->wave[0].number,
		    r->w->wave[r->w->wave_n - 1].number);
	else
		say("no wave %u: there is nothing to move", r->c->number);
	return EXITS_NONE;
}

static void say_missing(const struct run *r)
{
	unsigned outside = 0;

	for (unsigned m = 0; m < r->g->machine_n; m++)
		outside += r->g->machine[m].known && r->p->machine[m].group == PLAN_NONE;
	if (outside)
		say_note("%u machine%s are in no group and stay behind (skein groups proposes "
			 "anew)",
			 outside, number_plural(outside));
}

static int print(const struct run *r)
{
	const struct wave *one = waves_number(r->w, r->c->number);
	struct waves_print x = { &r->c->o, r->g, r->p, r->w, r->cuts };

	if (r->c->number && !one)
		return no_such_wave(r);
	if (r->c->firewall)
		return print_firewall(r, &x);
	if (one)
		waves_print_one(&x, one);
	else
		waves_print_all(&x);
	fflush(stdout);
	for (unsigned i = 0; i < r->w->note_n; i++)
		say_note("%s", r->w->note[i]);
	say_missing(r);
	return r->w->wave_n && !r->w->late ? EXITS_OK : EXITS_NONE;
}

/* 0, or the exit status after words. */
static int rules_of(struct run *r)
{
	struct err e = { 0 };
	int status;

	if (!r->c->reset && wave_rules_load(r->s, &r->rules, &e) < 0) {
		say("%s", e.msg);
		return EXITS_NONE;
	}
	r->rules.today = time(NULL);
	status = apply_numbers(r->c, &r->rules);
	status = status ? status : apply_dates(r->c, &r->rules);
	return status ? status : apply_shared(r->c, &r->rules);
}

static int work(struct run *r)
{
	struct err e = { 0 };
	int status = rules_of(r), rc;

	if (status)
		return status;
	rc = load(r, &e);
	if (rc == 0) {
		say("no groups in %s yet: skein groups proposes them", r->c->o.db);
		return EXITS_NONE;
	}
	if (rc > 0) {
		compute(r);
		rc = keep(r, &e);
	}
	if (rc < 0) {
		say("%s", e.msg);
		return EXITS_UNREACHED;
	}
	return print(r);
}

static void run_fini(struct run *r)
{
	cut_free(r->cuts);
	waves_free(r->w);
	plan_free(r->p);
	graph_free(r->g);
	wave_rules_fini(&r->rules);
	free(r->everywhere);
	free(r->before);
	store_close(r->s);
}

int cmd_waves(int argc, char **argv)
{
	struct waves_command c = { 0 };
	struct run r = { .c = &c };
	struct err e = { 0 };
	int status;

	if (!options_parse(&command, argc, argv, &c.o, &c))
		return c.o.status;
	status = check_words(&c);
	if (status)
		return status;
	r.s = store_open(c.o.db, STORE_READ, &e);
	if (!r.s) {
		say("%s", e.msg);
		return EXITS_UNREACHED;
	}
	status = work(&r);
	run_fini(&r);
	return status;
}
