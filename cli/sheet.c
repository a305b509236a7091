/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sheet.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "common/addr.h"
#include "common/json.h"
#include "common/mem.h"
#include "store/query.h"

#define BLANK " \t\r\n"

enum field {
	OTHER,
	ID,
	NAME,
	FQDN,
	IPS,
	OS,
	KERNEL,
	ARCH,
	SITE,
	CORES,
	MEMORY,
	APPLICATION,
	OWNER,
	ENVIRONMENT,
	USED,
	FIELDS
};

/* Further keys as the rest of the program reads them; NULL: no further key. */
static const char *const key_of[FIELDS] = { [APPLICATION] = "application",
					    [OWNER] = "owner",
					    [ENVIRONMENT] = "environment",
					    [USED] = "used_gb" };

/* Letters and digits alone, small; what is behind SCALE is the unit in bytes or, of USED, GB.
 */
static const struct spelling {
	const char *word;
	enum field field;
	double scale;
} spellings[] = {
	{ "id", ID },
	{ "machineid", ID },
	{ "serverid", ID },
	{ "vmid", ID },
	{ "uuid", ID },
	{ "vmuuid", ID },
	{ "assetid", ID },
	{ "ciid", ID },
	{ "name", NAME },
	{ "hostname", NAME },
	{ "host", NAME },
	{ "machine", NAME },
	{ "machinename", NAME },
	{ "server", NAME },
	{ "servername", NAME },
	{ "computer", NAME },
	{ "computername", NAME },
	{ "vm", NAME },
	{ "vmname", NAME },
	{ "ciname", NAME },
	{ "devicename", NAME },
	{ "displayname", NAME },
	{ "fqdn", FQDN },
	{ "dnsname", FQDN },
	{ "fullyqualifieddomainname", FQDN },
	{ "ip", IPS },
	{ "ips", IPS },
	{ "ipaddress", IPS },
	{ "ipaddresses", IPS },
	{ "ipv4", IPS },
	{ "ipv6", IPS },
	{ "address", IPS },
	{ "addresses", IPS },
	{ "primaryip", IPS },
	{ "primaryipaddress", IPS },
	{ "os", OS },
	{ "osname", OS },
	{ "operatingsystem", OS },
	{ "kernel", KERNEL },
	{ "kernelversion", KERNEL },
	{ "arch", ARCH },
	{ "architecture", ARCH },
	{ "site", SITE },
	{ "location", SITE },
	{ "datacenter", SITE },
	{ "datacentre", SITE },
	{ "cores", CORES },
	{ "corecount", CORES },
	{ "cpu", CORES },
	{ "cpus", CORES },
	{ "cpucores", CORES },
	{ "cpucount", CORES },
	{ "numcpu", CORES },
	{ "numcpus", CORES },
	{ "vcpu", CORES },
	{ "vcpus", CORES },
	{ "memorybytes", MEMORY, 1 },
	{ "memorymb", MEMORY, 1 << 20 },
	{ "memorymib", MEMORY, 1 << 20 },
	{ "memmb", MEMORY, 1 << 20 },
	{ "rammb", MEMORY, 1 << 20 },
	{ "memorygb", MEMORY, 1 << 30 },
	{ "memorygib", MEMORY, 1 << 30 },
	{ "memgb", MEMORY, 1 << 30 },
	{ "ramgb", MEMORY, 1 << 30 },
	{ "application", APPLICATION },
	{ "applicationname", APPLICATION },
	{ "app", APPLICATION },
	{ "appname", APPLICATION },
	{ "businessapplication", APPLICATION },
	{ "businessservice", APPLICATION },
	{ "owner", OWNER },
	{ "applicationowner", OWNER },
	{ "appowner", OWNER },
	{ "businessowner", OWNER },
	{ "ownedby", OWNER },
	{ "managedby", OWNER },
	{ "supportgroup", OWNER },
	{ "team", OWNER },
	{ "environment", ENVIRONMENT },
	{ "env", ENVIRONMENT },
	{ "stage", ENVIRONMENT },
	{ "lifecycle", ENVIRONMENT },
	{ "usedgb", USED, 1 },
	{ "diskusedgb", USED, 1 },
	{ "storageusedgb", USED, 1 },
	{ "usedstoragegb", USED, 1 },
	{ "usedmb", USED, 1e-3 },
	{ "inusemb", USED, 1e-3 },
	{ "inusemib", USED, (1 << 20) / 1e9 },
	{ "usedtb", USED, 1e3 },
};

/* Keys that a machine line has: a column of that name is kept under another one. */
static const char *const taken[] = { "type", "version", "id",	 "name",  "ips",
				     "os",   "kernel",	"arch",	 "cores", "memory_bytes",
				     "site", "sensor",	"first", "last" };

/* What rows say instead of nothing. */
static const char *const nothing[] = { "-", "n/a", "na", "none", "null", "unknown", "tbd" };

struct known {
	char *id, *extra;
	bool nameless;
};

/* A word by which a machine is found; INDEX is UINT_MAX where several have it. */
struct handle {
	unsigned index;
	UT_hash_handle hh;
	char text[]; /* the kind's letter, then the word */
};

struct column {
	enum field field;
	double scale;
	char *key;
};

enum { ROW_IPS = 64 };

struct sheet {
	struct known *known;
	unsigned known_n, known_cap;
	struct handle *handles;
	struct column column[CSV_CELLS];
	unsigned column_n;
	struct buf key, extra, old;
	struct buf text; /* of the row: its cells, trimmed */
	size_t at[CSV_CELLS];
	char ip_text[ROW_IPS][ADDR_TEXT];
	const char *ip[ROW_IPS];
	unsigned ip_n;
};

struct sheet *sheet_new(void)
{
	return xcalloc(1, sizeof(struct sheet));
}

void sheet_free(struct sheet *s)
{
	struct handle *h, *next;

	HASH_ITER (hh, s->handles, h, next) {
		HASH_DEL(s->handles, h);
		free(h);
	}
	for (unsigned i = 0; i < s->known_n; i++) {
		free(s->known[i].id);
		free(s->known[i].extra);
	}
	for (unsigned i = 0; i < s->column_n; i++)
		free(s->column[i].key);
	free(s->known);
	buf_fini(&s->key);
	buf_fini(&s->extra);
	buf_fini(&s->old);
	buf_fini(&s->text);
	free(s);
}

/* Finding machines: names whatever their case, 's' is a name up to its first point */

static void key_for(struct sheet *s, char kind, const char *word)
{
	size_t n = strlen(word);
	struct addr a;

	if (kind == 's' && addr_parse(word, &a))
		n = strcspn(word, ".");
	buf_reset(&s->key);
	buf_u8(&s->key, (uint8_t)kind);
	for (size_t i = 0; i < n; i++)
		buf_u8(&s->key, (uint8_t)(kind == 'i' ? word[i] : tolower(word[i])));
}

static struct handle *find(struct sheet *s, char kind, const char *word)
{
	struct handle *h;

	key_for(s, kind, word);
	HASH_FIND(hh, s->handles, s->key.p, s->key.n, h);
	return h;
}

static void add_handle(struct sheet *s, char kind, const char *word, unsigned index)
{
	struct handle *h = find(s, kind, word);

	if (h) {
		if (h->index != index)
			h->index = UINT_MAX;
		return;
	}
	h = xmalloc(sizeof(*h) + s->key.n);
	h->index = index;
	memcpy(h->text, s->key.p, s->key.n);
	HASH_ADD_KEYPTR(hh, s->handles, h->text, s->key.n, h);
}

static int know(const struct machine_row *m, void *ctx)
{
	struct sheet *s = ctx;
	unsigned i = s->known_n;

	MEM_GROW(s->known, s->known_n, s->known_cap);
	s->known[s->known_n++] = (struct known){ .id = xstrdup(m->id),
						 .extra = xstrdup(m->extra),
						 .nameless = !strcmp(m->name, m->id) };
	add_handle(s, 'i', m->id, i);
	add_handle(s, 'n', m->name, i);
	add_handle(s, 's', m->name, i);
	for (unsigned k = 0; k < m->ips_n; k++)
		add_handle(s, 'a', m->ips[k], i);
	return 0;
}

int sheet_know(struct sheet *s, struct store *store, struct err *e)
{
	static const struct filter all = { .undated = true };

	return query_machines(store, &all, know, s, e);
}

/* The header */

static const struct spelling *spelt(const char *cell)
{
	char word[64];
	size_t n = 0;

	for (; *cell && n + 1 < sizeof(word); cell++)
		if (isalnum((unsigned char)*cell))
			word[n++] = (char)tolower((unsigned char)*cell);
	word[n] = 0;
	for (size_t i = 0; i < sizeof(spellings) / sizeof(*spellings); i++)
		if (strcmp(word, spellings[i].word) == 0)
			return &spellings[i];
	return NULL;
}

static bool among(const char *word, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(word, list[i]) == 0)
			return true;
	return false;
}

static bool has_column(const struct sheet *s, enum field f)
{
	for (unsigned i = 0; i < s->column_n; i++)
		if (s->column[i].field == f)
			return true;
	return false;
}

static bool has_key(const struct sheet *s, const char *key)
{
	for (unsigned i = 0; i < s->column_n; i++)
		if (strcmp(s->column[i].key, key) == 0)
			return true;
	return false;
}

/* The key of a cell that is kept as it is. */
static char *own_key(const struct sheet *s, const char *cell)
{
	char *key = xstrdup(*cell ? cell : "column");

	while (has_key(s, key) || among(key, taken, sizeof(taken) / sizeof(*taken))) {
		char *longer = xasprintf("column_%s", key);

		free(key);
		key = longer;
	}
	return key;
}

static void add_column(struct sheet *s, const char *cell)
{
	const struct spelling *w = spelt(cell);
	struct column c = { .field = w ? w->field : OTHER, .scale = w ? w->scale : 0 };
	bool several = c.field == NAME || c.field == FQDN || c.field == IPS;

	if (c.field != OTHER && !several && has_column(s, c.field))
		c.field = OTHER; /* the first of them says it */
	c.key = key_of[c.field] && !has_key(s, key_of[c.field]) ? xstrdup(key_of[c.field])
								: own_key(s, cell);
	s->column[s->column_n++] = c;
}

int sheet_header(struct sheet *s, const struct csv *row, struct err *e)
{
	for (unsigned i = 0; i < row->cell_n; i++)
		add_column(s, csv_unguard(csv_cell(row, i)));
	if (has_column(s, ID) || has_column(s, NAME) || has_column(s, FQDN) ||
	    has_column(s, IPS))
		return 0;
	return err_set(e, -EINVAL,
		       "no column says which machine a row is of; name one of them id, name, "
		       "hostname, fqdn or ip in the first line");
}

/* Rows */

static void take_row(struct sheet *s, const struct csv *row)
{
	buf_reset(&s->text);
	for (unsigned i = 0; i < s->column_n; i++) {
		const char *cell = csv_unguard(csv_cell(row, i));
		size_t n;

		cell += strspn(cell, BLANK);
		for (n = strlen(cell); n && strchr(BLANK, cell[n - 1]); n--)
			;
		s->at[i] = s->text.n;
		buf_put(&s->text, cell, n);
		buf_u8(&s->text, 0);
		if (among((const char *)s->text.p + s->at[i], nothing,
			  sizeof(nothing) / sizeof(*nothing)))
			s->text.p[s->at[i]] = 0;
	}
}

static const char *cell_at(const struct sheet *s, unsigned i)
{
	return (const char *)s->text.p + s->at[i];
}

static const char *first_of(const struct sheet *s, enum field f)
{
	for (unsigned i = 0; i < s->column_n; i++)
		if (s->column[i].field == f && *cell_at(s, i))
			return cell_at(s, i);
	return "";
}

/* A number above 0 at the start of a cell, without units but its column's. */
static bool number(const char *cell, double scale, double *out)
{
	char *end;
	double v;

	if (!isdigit((unsigned char)*cell))
		return false;
	v = strtod(cell, &end) * scale;
	while (isspace((unsigned char)*end))
		end++;
	*out = v;
	return !*end && v > 0 && v < 1e18;
}

static double number_of(const struct sheet *s, enum field f, double most)
{
	double v;

	for (unsigned i = 0; i < s->column_n; i++)
		if (s->column[i].field == f &&
		    number(cell_at(s, i), f == CORES ? 1 : s->column[i].scale, &v))
			return v <= most ? v : 0;
	return 0;
}

/* Addresses of one cell, told apart by anything that stands in none; false for other words. */
static bool read_ips(struct sheet *s, const char *cell)
{
	bool all = true;

	for (size_t n; *cell; cell += n) {
		char word[ADDR_TEXT];
		struct addr a;

		cell += strspn(cell, BLANK ",;|");
		n = strcspn(cell, BLANK ",;|");
		if (!n)
			break;
		if (n >= sizeof(word) || s->ip_n == ROW_IPS) {
			all = false;
			continue;
		}
		memcpy(word, cell, n);
		word[n] = 0;
		word[strcspn(word, "/%")] = 0;
		if (addr_parse(word, &a) || addr_is_any(&a) || addr_is_scoped(&a))
			all = false;
		else
			s->ip[s->ip_n] = addr_text(&a, s->ip_text[s->ip_n]), s->ip_n++;
	}
	return all;
}

/* What stands in a cell of a known kind and is not of it is kept as it is, not dropped. */
static bool kept(struct sheet *s, unsigned column, const char *cell)
{
	double v;

	switch (s->column[column].field) {
	case IPS:
		return !read_ips(s, cell);
	case CORES:
		return !number(cell, 1, &v);
	case MEMORY:
		return !number(cell, s->column[column].scale, &v);
	case ID:
	case APPLICATION:
	case OWNER:
	case ENVIRONMENT:
	case USED:
	case OTHER:
		return true;
	default:
		return false;
	}
}

static void put_cell(struct json *j, const struct column *c, const char *cell)
{
	char text[32];
	double v;

	json_key(j, c->key);
	if (c->field == USED && number(cell, c->scale, &v)) {
		snprintf(text, sizeof(text), "%.12g", v);
		json_raw(j, text, strlen(text));
	} else {
		json_string(j, cell);
	}
}

/* Old keys that the row does not say anew, in their order. */
static void put_old(struct sheet *s, struct json *j, const char *extra)
{
	struct json_in in = json_from(extra, strlen(extra));
	struct buf dropped = { 0 };
	bool first = true;

	if (!json_enter(&in, '{'))
		return;
	while (json_more(&in, '}', &first)) {
		struct json skip = json_to(&dropped);
		bool said = false;

		buf_reset(&s->old);
		if (!json_read_key(&in, &s->old))
			break;
		for (unsigned i = 0; i < s->column_n; i++)
			said = said || (*cell_at(s, i) &&
					!strcmp(s->column[i].key, buf_cstr(&s->old)));
		if (!said)
			json_key(j, buf_cstr(&s->old));
		if (!json_copy(&in, said ? &skip : j))
			break;
	}
	buf_fini(&dropped);
}

/* ID_TOO: the row's id is not the machine's. */
static const char *make_extra(struct sheet *s, const char *old, bool id_too)
{
	struct json j = json_to(&s->extra);

	buf_reset(&s->extra);
	json_open(&j, '{');
	put_old(s, &j, old);
	s->ip_n = 0;
	for (unsigned i = 0; i < s->column_n; i++) {
		const char *cell = cell_at(s, i);

		if (*cell && kept(s, i, cell) && (id_too || s->column[i].field != ID))
			put_cell(&j, &s->column[i], cell);
	}
	json_close(&j, '}');
	return s->extra.n > 2 ? buf_cstr(&s->extra) : "";
}

/* By name, then address; *TWICE is the word that several have. */
static unsigned find_machine(struct sheet *s, const char **twice)
{
	static const char kinds[] = { 'i', 'n', 's' };
	unsigned found = UINT_MAX;

	*twice = NULL;
	for (unsigned k = 0; k < sizeof(kinds) && found == UINT_MAX; k++)
		for (unsigned i = 0; i < s->column_n && found == UINT_MAX; i++) {
			enum field f = s->column[i].field;
			const char *cell = cell_at(s, i);
			const struct handle *h = NULL;

			if (*cell &&
			    (f == ID || ((f == NAME || f == FQDN) && kinds[k] != 'i')))
				h = find(s, kinds[k], cell);
			if (h && h->index == UINT_MAX)
				*twice = cell;
			else if (h)
				found = h->index;
		}
	for (unsigned i = 0; i < s->ip_n && found == UINT_MAX; i++) {
		const struct handle *h = find(s, 'a', s->ip[i]);

		found = h ? h->index : UINT_MAX;
	}
	return found;
}

static const char *new_id(const struct sheet *s)
{
	static const enum field order[] = { ID, NAME, FQDN };

	for (unsigned i = 0; i < sizeof(order) / sizeof(*order); i++)
		if (*first_of(s, order[i]))
			return first_of(s, order[i]);
	return s->ip_n ? s->ip[0] : "";
}

static bool is_empty(const struct sheet *s)
{
	for (unsigned i = 0; i < s->column_n; i++)
		if (*cell_at(s, i))
			return false;
	return true;
}

int sheet_row(struct sheet *s, const struct csv *row, struct import_machine *out,
	      struct err *e)
{
	const char *twice, *name;
	const struct known *k = NULL;
	unsigned i;

	take_row(s, row);
	if (is_empty(s))
		return 0;
	for (i = s->column_n; i < row->cell_n; i++)
		if (*csv_cell(row, i))
			return err_set(e, -EINVAL, "more cells than the first line has names");
	name = first_of(s, NAME);
	make_extra(s, "", false); /* for the addresses */
	i = find_machine(s, &twice);
	if (i == UINT_MAX && twice)
		return err_set(e, -EINVAL,
			       "several machines are called %s; say the id of the one meant",
			       twice);
	if (i != UINT_MAX)
		k = &s->known[i];
	*out = (struct import_machine){
		.id = k ? k->id : new_id(s),
		.name = k && !k->nameless ? ""
			: *name		  ? name
					  : first_of(s, FQDN),
		.os = first_of(s, OS),
		.kernel = first_of(s, KERNEL),
		.arch = first_of(s, ARCH),
		.site = first_of(s, SITE),
		.cores = (uint32_t)number_of(s, CORES, 1e6),
		.memory_bytes = (uint64_t)number_of(s, MEMORY, 1e16),
		.ips = s->ip,
	};
	out->extra =
		make_extra(s, k ? k->extra : "", k && strcmp(first_of(s, ID), k->id) != 0);
	out->ips_n = s->ip_n;
	if (!*out->id)
		return err_set(e, -EINVAL, "the row says neither id nor name nor address");
	return 1;
}
