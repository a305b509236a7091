/* SPDX-License-Identifier: Apache-2.0 */
#include "store/import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/conv.h"
#include "store/db.h"
#include "store/dict.h"
#include "store/edge.h"
#include "store/level.h"
#include "store/machine.h"

struct import {
	struct store *s;
	int64_t source;
};

/* Sources */

static int add_source(struct import *im, const char *name, const uint8_t sha256[32],
		      struct err *e)
{
	int64_t there;
	char clean[PATH_LEN + 1];
	int rc = db_int(im->s, e, &there, "SELECT id FROM source WHERE sha256 = ?",
			DB(B(sha256, 32)));

	if (rc)
		return rc < 0 ? rc : err_set(e, -EALREADY, "%s: imported already", name);
	rc = db_run(im->s, e, "INSERT INTO source(name, sha256, imported_ms) VALUES(?, ?, ?)",
		    DB(T(dict_clean(name, clean, sizeof(clean))), B(sha256, 32),
		       I((int64_t)time(NULL) * 1000)));
	im->source = sqlite3_last_insert_rowid(im->s->db);
	return rc;
}

struct import *import_begin(struct store *s, const char *name, const uint8_t sha256[32],
			    struct err *e)
{
	struct import *im;

	if (store_begin(s, e))
		return NULL;
	im = xcalloc(1, sizeof(*im));
	im->s = s;
	if (add_source(im, name, sha256, e) == 0)
		return im;
	import_abort(im);
	return NULL;
}

int import_commit(struct import *im, struct err *e)
{
	int rc = store_commit(im->s, e);

	free(im);
	return rc;
}

void import_abort(struct import *im)
{
	if (!im)
		return;
	store_rollback(im->s);
	free(im);
}

/* Machines: what its own sensor said stays; of several imports the greatest, in any order. */

static int set_machine(struct import *im, int64_t id, const struct import_machine *m,
		       struct err *e)
{
	char name[NAME_LEN + 1], os[NAME_LEN + 1], kernel[NAME_LEN + 1], arch[NAME_LEN + 1],
		site[NAME_LEN + 1];

	return db_run(im->s, e,
		      "UPDATE machine SET "
		      "name = iif(sensor != 0 AND name != '', name, max(name, ?)), "
		      "os = iif(sensor != 0 AND os != '', os, max(os, ?)), "
		      "kernel = iif(sensor != 0 AND kernel != '', kernel, max(kernel, ?)), "
		      "arch = iif(sensor != 0 AND arch != '', arch, max(arch, ?)), "
		      "site = max(site, ?), "
		      "cores = iif(sensor != 0 AND cores != 0, cores, max(cores, ?)), "
		      "memory = iif(sensor != 0 AND memory != 0, memory, max(memory, ?)), "
		      "watched = max(watched, ?), extra = max(extra, ?) WHERE id = ?",
		      DB(T(dict_clean(m->name, name, sizeof(name))),
			 T(dict_clean(m->os, os, sizeof(os))),
			 T(dict_clean(m->kernel, kernel, sizeof(kernel))),
			 T(dict_clean(m->arch, arch, sizeof(arch))),
			 T(dict_clean(m->site, site, sizeof(site))), I(m->cores),
			 I(m->memory_bytes), I(m->sensor), T(m->extra), I(id)));
}

/* A machine that is named first keeps an address that two name; ids in flows win over both. */
static int hold_address(struct import *im, int64_t machine, const struct addr *a, struct err *e)
{
	int64_t realm = addr_is_scoped(a) ? dict_realm_machine(machine) : 0;
	struct endpoint *p;
	int rc = machine_list_address(im->s, machine, a, e);

	if (!rc)
		rc = dict_endpoint(im->s, realm, a, &p, e);
	return rc || p->machine ? rc : machine_lease(im->s, p, machine, 0, e);
}

int import_machine(struct import *im, const struct import_machine *m, struct err *e)
{
	int64_t id;
	int rc;

	for (unsigned i = 0; i < m->ips_n; i++) {
		struct addr a;

		if (addr_parse(m->ips[i], &a))
			return err_set(e, -EINVAL, "\"%s\" is no address", m->ips[i]);
	}
	rc = machine_make(im->s, m->id, &id, e);
	if (!rc)
		rc = set_machine(im, id, m, e);
	for (unsigned i = 0; i < m->ips_n && !rc; i++) {
		struct addr a;

		addr_parse(m->ips[i], &a);
		if (!addr_is_any(&a))
			rc = hold_address(im, id, &a, e);
	}
	return rc;
}

/* Ends of flows */

struct end {
	const char *id;
	struct addr addr;
	bool has_addr;
};

static int read_end(const char *id, const char *ip, struct end *out, struct err *e)
{
	memset(out, 0, sizeof(*out));
	out->id = id;
	if (!*ip)
		return *id ? 0 : err_set(e, -EINVAL, "an end has neither machine nor address");
	if (addr_parse(ip, &out->addr) || addr_is_any(&out->addr))
		return err_set(e, -EINVAL, "\"%s\" is no address of an end", ip);
	out->has_addr = true;
	return 0;
}

/*
 * With a machine's id the address is that machine's, whoever else has it: in the common realm
 * if nobody else holds it there, else in a realm of the machine.
 */
static int machine_end(struct import *im, const struct end *end, struct endpoint **out,
		       struct err *e)
{
	int64_t machine;
	int rc = machine_make(im->s, end->id, &machine, e);

	if (!rc && end->has_addr && !addr_is_scoped(&end->addr)) {
		rc = dict_endpoint(im->s, 0, &end->addr, out, e);
		if (rc || (*out)->machine == machine)
			return rc;
		if (!(*out)->machine)
			return machine_lease(im->s, *out, machine, 0, e);
	}
	if (!rc)
		rc = dict_endpoint(im->s, dict_realm_machine(machine), &end->addr, out, e);
	if (rc || (*out)->machine == machine)
		return rc;
	if (end->has_addr)
		return machine_lease(im->s, *out, machine, 0, e);
	(*out)->machine = machine; /* the address that is none is leased to nobody by machine.c */
	return db_run(im->s, e,
		      "INSERT INTO lease(endpoint, machine, since_ms) SELECT ?1, ?2, 0 "
		      "WHERE NOT EXISTS(SELECT 1 FROM lease WHERE endpoint = ?1)",
		      DB(I((*out)->id), I(machine)));
}

static int endpoint_of(struct import *im, const struct end *end, struct endpoint **out,
		       struct err *e)
{
	int64_t realm = addr_is_scoped(&end->addr) ? dict_realm_source(im->source) : 0;

	if (*end->id)
		return machine_end(im, end, out, e);
	return dict_endpoint(im->s, realm, &end->addr, out, e);
}

static int process_of(struct import *im, const struct endpoint *p, const struct process *process,
		      int64_t *out, struct err *e)
{
	int rc = dict_process(im->s, process, out, e);

	return rc || !*out ? rc :
			     dict_detail(im->s, p->id, *out, process, DICT_GREATEST, e);
}

/* Spans */

enum { CLIENT_BIT = 1 << WITNESS_CLIENT, SERVER_BIT = 1 << WITNESS_SERVER };

static bool from_client(unsigned witnesses)
{
	return witnesses & CLIENT_BIT;
}

static bool from_server_only(unsigned witnesses)
{
	return (witnesses & (CLIENT_BIT | SERVER_BIT)) == SERVER_BIT;
}

/* Whether another source's claim in V saw the other side of the same time. */
static int overlapped(struct import *im, const struct conv *v, const struct claim *mine,
		      const struct import_flow *f, bool *out, struct err *e)
{
	*out = false;
	for (const struct claim *c = v->claims; c < v->claims + v->claims_n && !*out; c++) {
		int64_t yes;
		int rc;

		if (c->origin >= 0 || c->origin == mine->origin || !from_client(c->witnesses))
			continue;
		rc = db_int(im->s, e, &yes,
			    "SELECT 1 FROM span WHERE claim = ? AND first <= ? AND last >= ?",
			    DB(I(c->id), I(f->last), I(f->first)));
		if (rc < 0)
			return rc;
		*out = rc > 0;
	}
	return 0;
}

/* The server's word on a time of which the client's has come now is taken back. */
static int take_back_one(struct import *im, int64_t span, struct err *e)
{
	struct amounts a;
	int64_t edge;
	sqlite3_stmt *st = db_query(im->s, e, "SELECT edge, " AMOUNT_NAMES " FROM span WHERE id = ?",
				    DB(I(span)));
	int rc = st ? db_step(im->s, st, e) : db_fail(im->s, NULL);

	if (rc <= 0)
		return rc;
	edge = sqlite3_column_int64(st, 0);
	a = amount_negative(amount_read(st, 1));
	db_done(st);
	rc = edge_final(im->s, edge, &edge, e);
	if (!rc)
		rc = level_total(im->s, edge, 0, 0, &a, e);
	return rc ? rc : db_run(im->s, e, "UPDATE span SET edge = 0 WHERE id = ?", DB(I(span)));
}

static int take_back(struct import *im, const struct conv *v, const struct claim *mine,
		     const struct import_flow *f, struct err *e)
{
	for (const struct claim *c = v->claims; c < v->claims + v->claims_n; c++) {
		int64_t span;
		int rc;

		if (c->origin >= 0 || c->origin == mine->origin ||
		    !from_server_only(c->witnesses))
			continue;
		while ((rc = db_int(im->s, e, &span,
				    "SELECT id FROM span WHERE claim = ? AND edge > 0 AND "
				    "first <= ? AND last >= ? LIMIT 1",
				    DB(I(c->id), I(f->last), I(f->first)))) > 0) {
			rc = take_back_one(im, span, e);
			if (rc)
				return rc;
		}
		if (rc)
			return rc;
	}
	return 0;
}

static int put_span(struct import *im, const struct claim *c, int64_t edge,
		    const struct import_flow *f, const struct amounts *a, struct err *e)
{
	sqlite3_stmt *st = db_query(im->s, e,
				    "INSERT INTO span(claim, edge, first, last, " AMOUNT_NAMES
				    ") VALUES(?, ?, ?, ?, " AMOUNT_MARKS ")",
				    DB(I(c->id), I(edge), I(f->first), I(f->last)));

	if (!st)
		return db_fail(im->s, NULL);
	amount_bind(st, 5, a);
	return db_step(im->s, st, e);
}

static int count(struct import *im, const struct conv *v, const struct claim *c,
		 const struct import_flow *f, struct err *e)
{
	struct amounts a = amount_of(&f->c);
	bool again = false;
	int rc = 0;

	if (from_client(c->witnesses))
		rc = take_back(im, v, c, f, e);
	else if (from_server_only(c->witnesses))
		rc = overlapped(im, v, c, f, &again, e);
	if (!rc)
		rc = put_span(im, c, again ? 0 : c->edge, f, &a, e);
	if (again)
		a = (struct amounts){ 0 };
	return rc ? rc : level_total(im->s, c->edge, f->first, f->last, &a, e);
}

static int claim_of(struct import *im, struct conv *v, const struct import_flow *f,
		    struct claim **out, struct err *e)
{
	struct claim w = { .origin = -im->source,
			   .witnesses = f->witnesses ? f->witnesses : 1u << WITNESS_IMPORT };
	int rc = process_of(im, v->client, &f->client, &w.process[PAIR_CLIENT], e);

	if (!rc)
		rc = process_of(im, v->server, &f->server, &w.process[PAIR_SERVER], e);
	if (!rc)
		rc = conv_claim(im->s, v, &w, out, e);
	if (rc <= 0)
		return rc;
	return edge_pair(im->s, v, e);
}

static int check_flow(const struct import_flow *f, struct err *e)
{
	if (!amount_sane(&f->c) || f->live > AMOUNT_MAX || f->pending > AMOUNT_MAX)
		return err_set(e, -EINVAL, "a number is too large");
	if (f->last < f->first)
		return err_set(e, -EINVAL, "\"last\" is before \"first\"");
	return 0;
}

static int conversation_of(struct import *im, const struct import_flow *f, const struct end end[2],
			   struct conv **out, struct err *e)
{
	struct endpoint *client, *server;
	struct conv_key key;
	int rc = endpoint_of(im, &end[0], &client, e);

	if (!rc)
		rc = endpoint_of(im, &end[1], &server, e);
	if (rc)
		return rc;
	key = conv_key(client, server, 0, f->port, f->proto);
	return conv_get(im->s, &key, out, e);
}

int import_flow(struct import *im, const struct import_flow *f, struct err *e)
{
	struct end end[2];
	struct claim *c;
	struct conv *v;
	int rc = check_flow(f, e);

	if (!rc)
		rc = read_end(f->client_id, f->client_ip, &end[0], e);
	if (!rc)
		rc = read_end(f->server_id, f->server_ip, &end[1], e);
	if (!rc)
		rc = conversation_of(im, f, end, &v, e);
	if (!rc)
		rc = claim_of(im, v, f, &c, e);
	if (rc)
		return rc;
	c->opens += f->c.opens;
	c->live += f->live;
	c->pending += f->pending;
	rc = conv_save(im->s, c, e);
	if (!rc && *f->extra)
		rc = edge_extra(im->s, c->edge, f->extra, e);
	return rc ? rc : count(im, v, c, f, e);
}
