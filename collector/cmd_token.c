/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/admit.h"
#include "collector/commands.h"
#include "collector/estate.h"
#include "collector/home.h"
#include "collector/options.h"
#include "common/clock.h"
#include "common/exits.h"
#include "common/number.h"
#include "common/when.h"
#include "store/realm.h"
#include "store/roster.h"

static const char help[] =
	"usage: skein-collector token create [--data DIR] [--role host|mirror] [--ttl 24h]\n"
	"                                    [--uses N] [--cidr NETWORK] [--realm NAME]\n"
	"       skein-collector token list [--data DIR] [--json]\n"
	"       skein-collector token revoke ID... [--data DIR]\n"
	"\n"
	"create prints a token, alone on one line, that lets new sensors in, and says on\n"
	"standard error what it allows; list shows those there are, but not their secret;\n"
	"revoke makes one worthless, and leaves the sensors that it let in.\n"
	"\n"
	"  --data DIR           of the collector, default " HOME_DEFAULT "\n"
	"  --role host|mirror   host (default) speaks for its own addresses, mirror for any\n"
	"  --ttl TIME           how long it may be used: 30m, 24h (default), 7d\n"
	"  --uses N             how many sensors it lets in, 1 by default\n"
	"  --realm NAME         address space that they are in, where addresses of several\n"
	"                       networks overlap\n"
	"  --cidr NETWORK       from where: 10.1.0.0/16, 2001:db8::/32; anywhere by default\n"
	"  --json               the list as JSON\n"
	"  --quiet              of what create allows not a word\n"
	"\n"
	"  skein-collector token create --ttl 7d --uses 50 --cidr 10.1.0.0/16\n"
	"  skein-sensor enroll --collector collector.example:7700 --token TOKEN\n";

enum { OPT_DATA = 256, OPT_ROLE, OPT_TTL, OPT_USES, OPT_CIDR, OPT_REALM, OPT_JSON, OPT_QUIET };

static const struct option options[] = {
	{ "data", required_argument, NULL, OPT_DATA },
	{ "role", required_argument, NULL, OPT_ROLE },
	{ "ttl", required_argument, NULL, OPT_TTL },
	{ "uses", required_argument, NULL, OPT_USES },
	{ "realm", required_argument, NULL, OPT_REALM },
	{ "cidr", required_argument, NULL, OPT_CIDR },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

struct wish {
	struct admit_order order;
	struct addr_net from;
	bool json, quiet;
	char **word;
	int n;
};

/* 0 to go on, else the exit status + 1. */
static int take(struct wish *w, int opt)
{
	struct admit_order *order = &w->order;
	unsigned long uses;

	switch (opt) {
	case OPT_DATA:
		order->dir = optarg;
		return 0;
	case OPT_ROLE:
		if (strcmp(optarg, "host") != 0 && strcmp(optarg, "mirror") != 0)
			return options_usage("--role wants host or mirror, not ", optarg) + 1;
		order->role = optarg;
		return 0;
	case OPT_TTL:
		if (options_seconds(optarg, ADMIT_TTL_MAX_S, &order->ttl_s) < 0)
			return options_usage("--ttl wants a time like 30m, 24h or 7d, not ",
					     optarg) +
			       1;
		return 0;
	case OPT_USES:
		if (!number_parse(optarg, 1, ADMIT_USES_MAX, &uses))
			return options_usage("--uses wants a number from 1, not ", optarg) + 1;
		order->uses = (unsigned)uses;
		return 0;
	case OPT_REALM:
		if (!realm_good_name(optarg))
			return options_usage("--realm wants letters, digits and -_., not ",
					     optarg) +
			       1;
		order->realm = optarg;
		return 0;
	case OPT_CIDR:
		if (addr_net_parse(optarg, &w->from) < 0)
			return options_usage("--cidr wants a network like 10.1.0.0/16, not ",
					     optarg) +
			       1;
		order->from = &w->from;
		return 0;
	case OPT_JSON:
		w->json = true;
		return 0;
	case OPT_QUIET:
		w->quiet = true;
		return 0;
	case 'h':
		fputs(help, stdout);
		return EXITS_OK + 1;
	}
	return EXITS_USAGE + 1;
}

/* Created */

static void say_what_it_allows(const struct admit_order *o)
{
	char when[WHEN_TEXT], net[ADDR_NET_TEXT] = "";

	if (o->from)
		addr_net_text(o->from, net);
	estate_say("lets in %u sensor%s with the role %s%s%s, until %s", o->uses,
		   o->uses == 1 ? "" : "s", o->role, *net ? " from " : "", net,
		   when_text((int64_t)(clock_ms() / 1000) + o->ttl_s, when));
}

static int create(const struct wish *w)
{
	char text[TOKEN_TEXT];
	struct err e = { 0 };

	if (admit_token(&w->order, text, &e) < 0) {
		estate_say("%s", e.msg);
		return EXITS_UNREACHED;
	}
	if (puts(text) < 0 || fflush(stdout) != 0)
		return EXITS_UNREACHED;
	if (!w->quiet)
		say_what_it_allows(&w->order);
	return EXITS_OK;
}

/* Listed */

static const struct table_column columns[] = {
	{ "TOKEN", "token", TABLE_TEXT, false }, { "STATE", "state", TABLE_TEXT, false },
	{ "ROLE", "role", TABLE_TEXT, false },	 { "LEFT", "left", TABLE_COUNT, false },
	{ "USED", "used", TABLE_COUNT, false },	 { "UNTIL", "expires", TABLE_TIME, false },
	{ "FROM", "cidr", TABLE_TEXT, false },	 { "CREATED", "created", TABLE_TIME, false },
};

static const char *state_of(const struct roster_token *t)
{
	if (t->expires_ms <= (int64_t)clock_ms())
		return "expired";
	return t->uses ? "good" : "used up";
}

static void fill(struct table *t, const struct roster_token *k)
{
	table_text(t, k->id);
	table_text(t, state_of(k));
	table_text(t, k->role);
	table_number(t, k->uses);
	table_number(t, k->used);
	table_time(t, k->expires_ms / 1000);
	table_text(t, *k->cidr ? k->cidr : "anywhere");
	table_time(t, k->created_ms / 1000);
}

static void write_json(struct json *j, const struct roster_token *k)
{
	json_member_string(j, "id", k->id);
	json_member_string(j, "state", state_of(k));
	json_member_string(j, "role", k->role);
	json_member_uint(j, "left", k->uses);
	json_member_uint(j, "used", k->used);
	json_member_uint(j, "expires", (uint64_t)k->expires_ms / 1000);
	json_key(j, "cidr");
	if (*k->cidr)
		json_string(j, k->cidr);
	else
		json_null(j);
	json_member_uint(j, "created", (uint64_t)k->created_ms / 1000);
}

static int row(const struct roster_token *k, void *ctx)
{
	struct estate_rows *r = ctx;

	estate_row(r, "token");
	if (r->table)
		fill(r->table, k);
	else
		write_json(&r->json, k);
	return estate_row_end(r);
}

static int list(const struct wish *w)
{
	struct estate_rows rows;
	struct err e = { 0 };
	struct store *s = estate_open(w->order.dir, STORE_READ, &e);
	int rc;

	if (!s) {
		estate_say("%s", e.msg);
		return EXITS_UNREACHED;
	}
	estate_rows_begin(&rows, columns, sizeof(columns) / sizeof(*columns), w->json);
	rc = roster_tokens(s, row, &rows, &e);
	rc = estate_rows_end(&rows, "tokens are there", rc, &e);
	store_close(s);
	return rc;
}

/* Revoked */

static int revoke(const struct wish *w)
{
	struct err e = { 0 };
	struct store *s = estate_open(w->order.dir, STORE_WRITE, &e);
	int status = EXITS_OK;

	if (!s) {
		estate_say("%s", e.msg);
		return EXITS_UNREACHED;
	}
	for (int i = 0; i < w->n; i++) {
		int rc = roster_token_revoke(s, w->order.who, w->word[i], clock_ms(), &e);

		estate_say(rc ? "%s" : "%s is revoked", rc ? e.msg : w->word[i]);
		if (rc)
			status = rc == -ENOENT || rc == -EINVAL ? EXITS_NONE : EXITS_UNREACHED;
	}
	store_close(s);
	return status;
}

static const struct {
	const char *word;
	bool ids;
	int (*run)(const struct wish *w);
} words[] = {
	{ "create", false, create },
	{ "list", false, list },
	{ "revoke", true, revoke },
};

int cmd_token(int argc, char **argv)
{
	struct wish w = {
		.order = { .dir = HOME_DEFAULT, .role = "host", .ttl_s = 24 * 3600, .uses = 1 }
	};
	int opt, rc;

	w.order.who = estate_author();
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		rc = take(&w, opt);
		if (rc)
			return rc - 1;
	}
	w.word = argv + optind;
	w.n = argc - optind;
	for (size_t i = 0; w.n && i < sizeof(words) / sizeof(*words); i++) {
		if (strcmp(w.word[0], words[i].word) != 0)
			continue;
		w.word++;
		w.n--;
		if (w.n && !words[i].ids)
			return options_usage("unexpected ", w.word[0]);
		if (!w.n && words[i].ids)
			return options_usage("which token? ", "token list shows them");
		return words[i].run(&w);
	}
	return options_usage("token wants create, list or revoke", "");
}
