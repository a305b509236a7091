/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/authority_ask.h"
#include "collector/home.h"
#include "common/addr.h"
#include "common/config.h"
#include "common/exits.h"
#include "common/mem.h"
#include "common/number.h"
#include "common/version.h"

#define CONFIG_FILE "/etc/skein/collector.conf"

static const char help[] =
	"usage: skein-collector [--data DIR] [--listen ADDR:PORT] [OPTION...]\n"
	"       skein-collector --relay HOST:PORT [--listen ADDR:PORT] [--proxy HOST:PORT]\n"
	"       skein-collector token create [--data DIR] [--role host|mirror] [--ttl 24h]\n"
	"                                    [--uses N] [--cidr NETWORK] [--realm NAME]\n"
	"       skein-collector token list|revoke ID...\n"
	"       skein-collector sensor list|show ID|revoke ID...|allow ID...|purge ID|realm ID NAME\n"
	"       skein-collector backup FILE [--data DIR] [--keep N]\n"
	"       skein-collector restore FILE [--data DIR]\n"
	"       skein-collector erase ADDRESS|NAME [--data DIR]\n"
	"       skein-collector api-token create|list|revoke ...\n"
	"\n"
	"Receives what sensors see and keeps it in DIR/skein.db.\n"
	"\n"
	"  --data DIR           default " HOME_DEFAULT "\n"
	"  --listen ADDR:PORT   default 0.0.0.0:7700; port 0 takes a free one, and\n"
	"                       DIR/collector.addr says which\n"
	"  --http ADDR:PORT     answer programs and people there (off unless given; port 0 as\n"
	"                       above, DIR/collector.http): API, /metrics, /healthz, /readyz.\n"
	"                       On loopback without TLS, and reading needs no token there\n"
	"  --http-cert FILE, --http-key FILE\n"
	"                       a certificate of your own; else the collector's\n"
	"  --http-names A,B     by which names it is called besides\n"
	"  --relays NET,...     addresses of relays: what they say of whom they speak for is\n"
	"                       believed\n"
	"  --relay HOST:PORT    be one: pass the bytes of sensors that reach only this machine\n"
	"                       to the collector, or the next relay, there; keeps nothing\n"
	"  --proxy HOST:PORT    of a relay: an HTTP proxy on the way there, asked to CONNECT\n"
	"  --proxy-login FILE   its first line is USER:PASSWORD for that proxy\n"
	"  --flows ADDR:PORT,...  take NetFlow v5 and v9, IPFIX and sFlow over UDP (2055,\n"
	"                       4739 and 6343 are usual); off unless it is given\n"
	"  --flow-exporters NET,...  whose flows are taken: addresses and blocks\n"
	"                       (10.0.0.0/24); nobody's unless they are named\n"
	"  --config FILE        options as \"key = value\" (" CONFIG_FILE ", if it is\n"
	"                       there); what is on the command line wins\n"
	"  --keep-minutes TIME  how long to keep what was said by the minute (8d, from 2h;\n"
	"                       below 8d a sensor that was cut off for longer loses what is\n"
	"                       older, and that is told as a gap),\n"
	"  --keep-hours TIME    sums by the hour, and how busy machines were (35d),\n"
	"  --keep-days TIME     sums by the day, and losses (400d),\n"
	"  --keep-total TIME    an edge after it was last seen (800d); all count from the\n"
	"                       newest fact, and no shorter than the one before\n"
	"  --fold-clients BITS  keep clients outside the estate as networks of so many bits:\n"
	"                       24, or 24,48 for IPv4 and IPv6; addresses are then gone for good\n"
	"  --estate NET,...     that are never folded; machines with a sensor are not either\n"
	"  --memory MB          for the caches of the database (512)\n"
	"  --log-level LEVEL    debug, info (default), warn or err\n"
	"  --ready-fd N         write the address to this descriptor once it listens\n"
	"  --help, --version\n"
	"\n"
	"token lets new sensors in, sensor shows them and decides about them:\n"
	"skein-collector token --help, skein-collector sensor --help.\n"
	"\n"
	"api-token create prints a token, alone on one line, for those who ask over HTTP;\n"
	"list and revoke NAME (skein-collector api-token --help):\n"
	"\n"
	"  --role read|edit|admin  look (default), change the plan, tokens and sensors too\n"
	"  --name N             by which the audit calls it\n"
	"  --ttl TIME           how long it may be used: 12h, 90d (default)\n"
	"backup copies the database while the collector writes, restore puts such a copy back\n"
	"while it does not run; each has its --help:\n"
	"\n"
	"  --keep N             how many older copies backup keeps, as FILE.1 and so on\n"
	"\n"
	"examples:\n"
	"  skein-collector --data /var/lib/skein --listen 0.0.0.0:7700\n"
	"  skein-collector token create --ttl 7d --uses 50\n"
	"  skein-collector --relay collector.example:7700 --listen 10.1.0.1:7700\n"
	"  skein-sensor enroll --collector collector.example:7700 --token TOKEN\n"
	"  skein-collector --http 127.0.0.1:7780 & curl http://127.0.0.1:7780/metrics\n"
	"\n"
	"SIGTERM and SIGINT end it when what has arrived is committed; SIGHUP reads the\n"
	"configuration again; SIGUSR1 prints its state.\n";

int options_usage(const char *what, const char *about)
{
	fprintf(stderr, "skein-collector: %s%s; see skein-collector --help\n", what, about);
	return EXITS_USAGE;
}

int options_seconds(const char *s, uint32_t max_s, uint32_t *seconds)
{
	static const struct {
		char letter;
		uint32_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	unsigned long n;
	char *end;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	n = strtoul(s, &end, 10);
	if (!n || n > max_s || !end[0] || end[1])
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (units[i].letter != end[0])
			continue;
		if (n * units[i].seconds > max_s)
			return -EINVAL;
		*seconds = (uint32_t)n * units[i].seconds;
		return 0;
	}
	return -EINVAL;
}

/* Each takes a value that lives as long as O; false for one that it does not take. */

static bool set_data(struct options *o, const char *v)
{
	o->server.dir = v;
	return *v != 0;
}

static bool set_listen(struct options *o, const char *v)
{
	return addr_split_hostport(v, o->host, sizeof(o->host), &o->server.port) == 0;
}

static bool set_http(struct options *o, const char *v)
{
	o->server.http.host = o->http_host;
	return addr_split_hostport(v, o->http_host, sizeof(o->http_host),
				   &o->server.http.port) == 0;
}

static bool set_http_cert(struct options *o, const char *v)
{
	o->server.http.cert = v;
	return *v != 0;
}

static bool set_http_key(struct options *o, const char *v)
{
	o->server.http.key = v;
	return *v != 0;
}

static bool set_http_names(struct options *o, const char *v)
{
	o->server.http.names = v;
	return strlen(v) < 4000;
}

static bool set_relay(struct options *o, const char *v)
{
	o->is_relay = true;
	return addr_split_hostport(v, o->to, sizeof(o->to), &o->relay.to_port) == 0 &&
	       *o->to && o->relay.to_port;
}

/* Lists: FN for each piece between commas; false if there is an empty or a wrong one. */
static bool each_of(struct options *o, const char *list,
		    bool (*fn)(struct options *o, const char *piece))
{
	char piece[512];
	const char *comma;

	for (;; list = comma + 1) {
		comma = strchrnul(list, ',');
		if ((size_t)(comma - list) >= sizeof(piece))
			return false;
		memcpy(piece, list, (size_t)(comma - list));
		piece[comma - list] = 0;
		if (!fn(o, piece))
			return false;
		if (!*comma)
			return true;
	}
}

static bool add_relay(struct options *o, const char *v)
{
	return o->server.relays_n < OPTIONS_RELAYS &&
	       addr_net_parse(v, &o->relays[o->server.relays_n]) == 0 && ++o->server.relays_n;
}

static bool set_relays(struct options *o, const char *v)
{
	o->server.relays_n = 0;
	return each_of(o, v, add_relay);
}

static bool add_estate(struct options *o, const char *v)
{
	struct fold *f = &o->server.fold;

	return f->estate_n < OPTIONS_RELAYS &&
	       addr_net_parse(v, &o->estate[f->estate_n]) == 0 && ++f->estate_n;
}

static bool set_estate(struct options *o, const char *v)
{
	o->server.fold.estate_n = 0;
	return each_of(o, v, add_estate);
}

/* "24" or "24,48": of IPv4, and of IPv6 (48). */
static bool set_fold(struct options *o, const char *v)
{
	struct fold *f = &o->server.fold;
	int n = 0;

	f->v6 = 48;
	if (sscanf(v, "%u%n,%u%n", &f->v4, &n, &f->v6, &n) < 1 || v[n])
		return false;
	return f->v4 >= 8 && f->v4 <= 32 && f->v6 >= 16 && f->v6 <= 128;
}

static bool add_flows(struct options *o, const char *v)
{
	struct flowport_config *c = &o->server.flows;
	struct flowport_address *a = &c->listen[c->listen_n];

	if (c->listen_n == FLOWPORT_LISTEN ||
	    addr_split_hostport(v, a->host, sizeof(a->host), &a->port) < 0)
		return false;
	c->listen_n++;
	return true;
}

static bool set_flows(struct options *o, const char *v)
{
	o->server.flows.listen_n = 0;
	return each_of(o, v, add_flows);
}

static bool add_exporter(struct options *o, const char *v)
{
	struct flowport_config *c = &o->server.flows;

	return c->exporter_n < FLOWPORT_EXPORTERS &&
	       addr_net_parse(v, &c->exporter[c->exporter_n]) == 0 && ++c->exporter_n;
}

static bool set_exporters(struct options *o, const char *v)
{
	o->server.flows.exporter_n = 0;
	return each_of(o, v, add_exporter);
}

/* A password on a command line is everybody's. */
static bool set_proxy(struct options *o, const char *v)
{
	return proxy_parse(v, &o->proxy) == 0 && !*o->proxy.login;
}

static bool set_login(struct options *o, const char *v)
{
	o->login = v;
	return *v != 0;
}

static bool set_level(struct options *o, const char *v)
{
	return log_level_parse(v, &o->level) == 0;
}

static bool set_ready(struct options *o, const char *v)
{
	unsigned long fd;

	if (!number_parse(v, 0, 1 << 20, &fd))
		return false;
	o->server.ready_fd = (int)fd;
	return true;
}

/* For tests of renewal, and not in the help. */
static bool set_life(struct options *o, const char *v)
{
	return options_seconds(v, AUTHORITY_SENSOR_S, &o->server.life_s) == 0;
}

/* At most ten years. */
static bool set_span(uint32_t *out, uint32_t least, const char *v)
{
	uint32_t s;

	if (options_seconds(v, 3650u * RETAIN_DAY, &s) < 0 || s < least)
		return false;
	*out = s;
	return true;
}

static bool set_minutes(struct options *o, const char *v)
{
	return set_span(&o->server.keep.minutes, RETAIN_MINUTES_LEAST, v);
}

static bool set_hours(struct options *o, const char *v)
{
	return set_span(&o->server.keep.hours, RETAIN_LATE, v);
}

static bool set_days(struct options *o, const char *v)
{
	return set_span(&o->server.keep.days, RETAIN_LATE, v);
}

static bool set_total(struct options *o, const char *v)
{
	return set_span(&o->server.keep.total, RETAIN_LATE, v);
}

static bool set_memory(struct options *o, const char *v)
{
	unsigned long n;

	if (!number_parse(v, STORE_MEMORY_LEAST_MB, 1 << 20, &n))
		return false;
	o->server.memory_mb = (unsigned)n;
	return true;
}

struct row {
	const char *name;
	bool file; /* may stand in the file, with _ or - */
	bool (*set)(struct options *o, const char *value);
	const char *wants;
	bool hidden; /* a wrong value may hold a password: it is not shown */
};

static const struct row rows[] = {
	{ "data", true, set_data, "a directory" },
	{ "listen", true, set_listen, "ADDR:PORT" },
	{ "flows", true, set_flows, "ADDR:PORT, at most 16" },
	{ "flow-exporters", true, set_exporters,
	  "addresses or blocks (10.0.0.0/24), at most 256" },
	{ "http", true, set_http, "ADDR:PORT" },
	{ "http-cert", true, set_http_cert, "a file" },
	{ "http-key", true, set_http_key, "a file" },
	{ "http-names", true, set_http_names, "names, with commas between" },
	{ "keep-minutes", true, set_minutes, "2h or more" },
	{ "keep-hours", true, set_hours, "8d or more" },
	{ "keep-days", true, set_days, "8d or more" },
	{ "keep-total", true, set_total, "8d or more" },
	{ "memory", true, set_memory, "megabytes, 32 or more" },
	{ "relay", true, set_relay, "HOST:PORT" },
	{ "relays", true, set_relays, "addresses or networks, with commas between" },
	{ "proxy", true, set_proxy, "HOST:PORT, its password in a file (proxy-login)", true },
	{ "proxy-login", true, set_login, "a file" },
	{ "fold-clients", true, set_fold, "bits of IPv4, or IPv4,IPv6: 24,48" },
	{ "estate", true, set_estate, "addresses or networks, with commas between" },
	{ "log-level", true, set_level, "debug, info, warn or err" },
	{ "ready-fd", false, set_ready, "a descriptor" },
	{ "sensor-life", false, set_life, "a time like 9s" },
};
enum { ROWS = sizeof(rows) / sizeof(*rows), OPT_CONFIG = 1000 };

static const char *keep(struct options *o, const char *text)
{
	MEM_GROW(o->kept, o->kept_n, o->kept_cap);
	return o->kept[o->kept_n++] = xstrdup(text);
}

/* The file */

static const struct row *row_of_key(const char *key)
{
	for (int i = 0; i < ROWS; i++) {
		const char *a = rows[i].name, *b = key;

		while (*a && (*a == *b || (*a == '-' && *b == '_')))
			a++, b++;
		if (!*a && !*b && rows[i].file)
			return &rows[i];
	}
	return NULL;
}

static int take_line(struct options *o, const struct config_line *l)
{
	const struct row *r = row_of_key(l->key);
	char *words;

	if (r && r->set(o, keep(o, l->value)))
		return 0;
	words = r ? xasprintf("%s:%d: %s wants %s%s%s", l->file, l->line, l->key, r->wants,
			      r->hidden ? "" : ", not ", r->hidden ? "" : l->value)
		  : xasprintf("%s:%d: unknown key %s", l->file, l->line, l->key);
	options_usage(words, "");
	free(words);
	return EXITS_USAGE + 1;
}

static int take_file(struct options *o, const char *path)
{
	struct config config;
	struct err e = { 0 };
	int rc = 0;

	if (!path && access(CONFIG_FILE, F_OK) < 0)
		return 0;
	if (config_read(&config, path ? path : CONFIG_FILE, &e) < 0) {
		fprintf(stderr, "skein-collector: %s\n", e.msg);
		rc = EXITS_USAGE + 1;
	}
	for (unsigned i = 0; i < config.n && !rc; i++)
		rc = take_line(o, &config.line[i]);
	config_free(&config);
	return rc;
}

/* The command line */

static void make_long(struct option out[ROWS + 4])
{
	for (int i = 0; i < ROWS; i++)
		out[i] = (struct option){ rows[i].name, required_argument, NULL, 256 + i };
	out[ROWS] = (struct option){ "config", required_argument, NULL, OPT_CONFIG };
	out[ROWS + 1] = (struct option){ "help", no_argument, NULL, 'h' };
	out[ROWS + 2] = (struct option){ "version", no_argument, NULL, 'V' };
	out[ROWS + 3] = (struct option){ 0 };
}

static int take_option(struct options *o, int opt)
{
	const struct row *r;
	char *what;

	if (opt == OPT_CONFIG)
		return 0;
	if (opt == 'h' || opt == 'V') {
		fputs(opt == 'h' ? help : "skein-collector " SKEIN_VERSION "\n", stdout);
		return EXITS_OK + 1;
	}
	if (opt < 256) /* getopt has said what is wrong */
		return EXITS_USAGE + 1;
	if (rows[opt - 256].set(o, keep(o, optarg)))
		return 0;
	r = &rows[opt - 256];
	what = xasprintf("--%s wants %s%s", r->name, r->wants, r->hidden ? "" : ", not ");
	options_usage(what, r->hidden ? "" : optarg);
	free(what);
	return EXITS_USAGE + 1;
}

static int take_line_of_command(struct options *o, int argc, char **argv)
{
	struct option list[ROWS + 4];
	int opt, rc = 0;

	make_long(list);
	optind = 0; /* from the start, also of another ARGV */
	while (!rc && (opt = getopt_long(argc, argv, "", list, NULL)) != -1)
		rc = take_option(o, opt);
	if (!rc && optind < argc)
		rc = options_usage("unknown command ", argv[optind]) + 1;
	return rc;
}

static const char *config_path(int argc, char **argv)
{
	struct option list[ROWS + 4];
	const char *path = NULL;
	int opt, loud = opterr;

	make_long(list);
	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", list, NULL)) != -1)
		if (opt == OPT_CONFIG)
			path = optarg;
	opterr = loud;
	return path;
}

/* A finer level that is kept longer than a coarser one would be a hole in time. */
static int check_keep(const struct retain *r)
{
	if (r->minutes <= r->hours && r->hours <= r->days && r->days <= r->total)
		return 0;
	return options_usage("--keep-minutes, -hours, -days and -total go up: ",
			     "each as long as the one before, or longer") +
	       1;
}

/* What two options say together; 0, or the exit status + 1. */
static int finish(struct options *o)
{
	struct err e;

	o->server.relays = o->relays;
	o->server.fold.estate = o->estate;
	if (*o->proxy.host && !o->is_relay)
		return options_usage("--proxy is for --relay: a collector calls nobody", "") +
		       1;
	if (*o->proxy.host && o->login && proxy_read_login(&o->proxy, o->login, &e) < 0) {
		options_usage(e.msg, "");
		return EXITS_UNREACHED + 1;
	}
	o->relay.host = o->host;
	o->relay.port = o->server.port;
	o->relay.to_host = o->to;
	o->relay.proxy = &o->proxy;
	o->relay.relays = o->relays;
	o->relay.relays_n = o->server.relays_n;
	o->relay.ready_fd = o->server.ready_fd;
	return 0;
}

int options_parse(struct options *o, int argc, char **argv)
{
	int rc;

	*o = (struct options){ .host = "0.0.0.0", .level = LOG_INFO_ };
	o->server = (struct server_config){ .dir = HOME_DEFAULT,
					    .host = o->host,
					    .port = 7700,
					    .keep = RETAIN_DEFAULT,
					    .memory_mb = STORE_MEMORY_MB,
					    .ready_fd = -1,
					    .http = { .names = "" } };
	rc = take_file(o, config_path(argc, argv));
	if (!rc)
		rc = take_line_of_command(o, argc, argv);
	if (!rc)
		rc = check_keep(&o->server.keep);
	if (!rc && !o->server.http.cert != !o->server.http.key)
		rc = options_usage("http-cert and http-key go together", "") + 1;
	return rc ? rc : finish(o);
}

void options_free(struct options *o)
{
	for (unsigned i = 0; i < o->kept_n; i++)
		free(o->kept[i]);
	free(o->kept);
}
