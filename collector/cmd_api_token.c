/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of the API: `skein-collector api-token create|list|revoke`. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collector/admit.h"
#include "collector/commands.h"
#include "collector/estate.h"
#include "collector/home.h"
#include "collector/options.h"
#include "common/cert.h"
#include "common/clock.h"
#include "common/exits.h"
#include "common/json.h"
#include "common/version.h"
#include "common/when.h"
#include "store/apitoken.h"
#include "store/audit.h"

enum { TTL_S = 90 * 86400, TTL_MAX_S = 3660 * 86400 };

static const char help[] =
	"usage: skein-collector api-token create [--data DIR] [--role read|edit|admin]\n"
	"                                        [--name N] [--ttl 90d]\n"
	"       skein-collector api-token list [--data DIR] [--json]\n"
	"       skein-collector api-token revoke [--data DIR] NAME|ID\n"
	"\n"
	"Tokens for those who ask over HTTP (skein-collector --http).  create prints the\n"
	"token, alone on one line, and it is shown nowhere again.\n"
	"\n"
	"  --data DIR     of the collector, default " HOME_DEFAULT "\n"
	"  --role ROLE    read (default): look; edit: change the plan too; admin: tokens and\n"
	"                 sensors too\n"
	"  --name N       by which the audit calls it\n"
	"  --ttl TIME     how long it may be used: 12h, 90d (default)\n"
	"\n"
	"  skein-collector api-token create --role read --name grafana > grafana.token\n"
	"  skein edges --server https://collector.example:7780 --token-file grafana.token\n";

struct order {
	const char *dir, *name;
	enum api_role role;
	uint32_t ttl_s;
	bool json;
};

enum { OPT_DATA = 256, OPT_ROLE, OPT_NAME, OPT_TTL, OPT_JSON };

static const struct option options[] = {
	{ "data", required_argument, NULL, OPT_DATA },
	{ "role", required_argument, NULL, OPT_ROLE },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "ttl", required_argument, NULL, OPT_TTL },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

/* 0 to go on, else the exit status + 1. */
static int take(struct order *o, int opt)
{
	switch (opt) {
	case OPT_DATA:
		o->dir = optarg;
		return 0;
	case OPT_ROLE:
		if (!api_role_parse(optarg, &o->role))
			return options_usage("--role wants read, edit or admin, not ",
					     optarg) +
			       1;
		return 0;
	case OPT_NAME:
		o->name = optarg;
		return 0;
	case OPT_TTL:
		if (options_seconds(optarg, TTL_MAX_S, &o->ttl_s) < 0)
			return options_usage("--ttl wants a time like 12h or 90d, not ",
					     optarg) +
			       1;
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case 'h':
		fputs(help, stdout);
		return EXITS_OK + 1;
	}
	return EXITS_USAGE + 1;
}

static int fail(const struct err *e)
{
	fprintf(stderr, "skein-collector: %s\n", e->msg);
	return e->code == -EINVAL   ? EXITS_USAGE
	       : e->code == -EEXIST ? EXITS_NONE
				    : EXITS_UNREACHED;
}

static int keep(const struct order *o, struct token *t, struct err *e)
{
	const char *author = estate_author();
	struct store *s = estate_open(o->dir, STORE_WRITE, e);
	int64_t now = (int64_t)clock_ms(), id = 0;
	struct apitoken_row row = { .role = o->role,
				    .name = o->name,
				    .made_ms = now,
				    .expires_ms = now + o->ttl_s * INT64_C(1000) };
	char words[APITOKEN_NAME + 64];
	uint8_t hash[32];
	int rc;

	rc = s ? admit_new(o->dir, t, e) : e->code;
	if (rc) {
		store_close(s);
		return rc;
	}
	cert_sha256(t->secret, sizeof(t->secret), hash);
	rc = store_begin(s, e);
	if (!rc) {
		rc = apitoken_add(s, hash, &row, &id, e);
		snprintf(words, sizeof(words), "%lld %s %s", (long long)id,
			 api_role_word[o->role], o->name);
		if (!rc)
			rc = audit_add(s, (uint64_t)now, author, "api-token create", words, e);
		if (!rc)
			rc = store_commit(s, e);
		else
			store_rollback(s);
	}
	store_close(s);
	return rc;
}

static int create(const struct order *o, const char *word)
{
	char text[TOKEN_API_TEXT];
	struct err e = { 0 };
	struct token t;

	if (word)
		return options_usage("unexpected ", word);
	if (keep(o, &t, &e) < 0)
		return fail(&e);
	token_api_text(&t, text);
	return puts(text) < 0 || fflush(stdout) != 0 ? EXITS_UNREACHED : EXITS_OK;
}

struct listing {
	const struct order *o;
	unsigned n;
};

static void print_json(const struct apitoken_row *row, unsigned n)
{
	struct buf b = { 0 };
	struct json j = json_to(&b);

	buf_str(&b, n ? ",\n" : "[\n");
	json_open(&j, '{');
	json_member_uint(&j, "version", JSON_VERSION);
	json_member_uint(&j, "id", (uint64_t)row->id);
	json_member_string(&j, "name", row->name);
	json_member_string(&j, "role", api_role_word[row->role]);
	json_member_uint(&j, "made", (uint64_t)row->made_ms / 1000);
	json_member_uint(&j, "expires", (uint64_t)row->expires_ms / 1000);
	json_member_uint(&j, "used", (uint64_t)row->used_ms / 1000);
	json_close(&j, '}');
	fwrite(b.p, 1, b.n, stdout);
	buf_fini(&b);
}

static int print(const struct apitoken_row *row, void *ctx)
{
	struct listing *l = ctx;
	char expires[WHEN_TEXT], used[WHEN_TEXT];
	bool over = row->expires_ms <= (int64_t)clock_ms();

	if (l->o->json) {
		print_json(row, l->n++);
		return 0;
	}
	if (!l->n++)
		printf("ID\tNAME\tROLE\tEXPIRES\tLAST USE\n");
	printf("%lld\t%s\t%s\t%s%s\t%s\n", (long long)row->id, row->name,
	       api_role_word[row->role], when_text(row->expires_ms / 1000, expires),
	       over ? " (over)" : "",
	       row->used_ms ? when_text(row->used_ms / 1000, used) : "never");
	return 0;
}

static int list(const struct order *o, const char *word)
{
	struct listing l = { o, 0 };
	struct err e = { 0 };
	struct store *s;
	int rc;

	if (word)
		return options_usage("unexpected ", word);
	s = estate_open(o->dir, STORE_WRITE, &e);
	if (!s)
		return fail(&e);
	rc = query_apitokens(s, print, &l, &e);
	store_close(s);
	if (rc < 0)
		return fail(&e);
	if (o->json)
		puts(l.n ? "\n]" : "[]");
	return l.n ? EXITS_OK : EXITS_NONE;
}

static int remove_it(struct store *s, const char *author, const char *word, struct err *e)
{
	int rc = store_begin(s, e);

	if (rc)
		return rc;
	rc = apitoken_remove(s, word, e);
	if (rc > 0)
		rc = audit_add(s, clock_ms(), author, "api-token revoke", word, e);
	else if (rc == 0)
		rc = err_set(e, -EEXIST, "there is no token %.80s", word);
	if (!rc)
		return store_commit(s, e);
	store_rollback(s);
	return rc;
}

static int revoke_one(const struct order *o, const char *word)
{
	const char *author = estate_author();
	struct err e = { 0 };
	struct store *s;
	int rc;

	if (!word)
		return options_usage("api-token revoke wants NAME or ID", "");
	s = estate_open(o->dir, STORE_WRITE, &e);
	if (!s)
		return fail(&e);
	rc = remove_it(s, author, word, &e);
	store_close(s);
	return rc < 0 ? fail(&e) : EXITS_OK;
}

static const struct {
	const char *word;
	int (*run)(const struct order *o, const char *word);
} verbs[] = { { "create", create }, { "list", list }, { "revoke", revoke_one } };

static int run(int (*fn)(const struct order *, const char *), int argc, char **argv)
{
	struct order o = { HOME_DEFAULT, "", API_READ, TTL_S, false };
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		int rc = take(&o, opt);

		if (rc)
			return rc - 1;
	}
	if (argc - optind > 1)
		return options_usage("unexpected ", argv[optind + 1]);
	return fn(&o, argv[optind]);
}

int cmd_api_token(int argc, char **argv)
{
	for (size_t i = 0; argc >= 2 && i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (strcmp(argv[1], verbs[i].word) != 0)
			continue;
		argv[1] = argv[0];
		return run(verbs[i].run, argc - 1, argv + 1);
	}
	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		fputs(help, stdout);
		return EXITS_OK;
	}
	return options_usage("api-token wants create, list or revoke", "");
}
