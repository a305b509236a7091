/* SPDX-License-Identifier: Apache-2.0 */
#include "store/machine.h"

#include <stdlib.h>
#include <string.h>

#include "store/db.h"
#include "store/repoint.h"
#include "store/sensor.h"

int machine_find(struct store *s, const char *ident, int64_t *id, struct err *e)
{
	return db_int(s, e, id, "SELECT id FROM machine WHERE ident = ?", DB(T(ident)));
}

int machine_make(struct store *s, const char *ident, int64_t *id, struct err *e)
{
	int rc = machine_find(s, ident, id, e);

	if (rc)
		return rc < 0 ? rc : 0;
	rc = db_run(s, e, "INSERT INTO machine(ident) VALUES(?)", DB(T(ident)));
	*id = sqlite3_last_insert_rowid(s->db);
	return rc;
}

int machine_sensor(struct store *s, int64_t machine, int64_t *sensor, struct err *e)
{
	int rc;

	*sensor = 0;
	if (!machine)
		return 0;
	rc = db_int(s, e, sensor, "SELECT sensor FROM machine WHERE id = ?", DB(I(machine)));
	return rc < 0 ? rc : 0;
}

static int put_lease(struct store *s, struct endpoint *p, int64_t machine, int64_t since_ms,
		     struct err *e)
{
	p->machine = machine;
	return db_run(s, e, "INSERT INTO lease(endpoint, machine, since_ms) VALUES(?, ?, ?)",
		      DB(I(p->id), I(machine), I(since_ms)));
}

static int close_lease(struct store *s, const struct endpoint *p, int64_t at_ms, struct err *e)
{
	return db_run(s, e,
		      "UPDATE lease SET until_ms = ? WHERE endpoint = ? AND until_ms IS NULL",
		      DB(I(at_ms), I(p->id)));
}

/* The past belongs to the first that is known; after that each holder has its own endpoint. */
int machine_lease(struct store *s, struct endpoint *p, int64_t machine, int64_t at_ms,
		  struct err *e)
{
	struct endpoint *next;
	int64_t before;
	int rc;

	if (p->machine == machine)
		return 0;
	rc = db_int(s, e, &before,
		    "SELECT machine FROM lease WHERE endpoint = ? ORDER BY id DESC LIMIT 1",
		    DB(I(p->id)));
	if (rc < 0)
		return rc;
	if (rc == 0 || before == machine)
		return put_lease(s, p, machine, rc ? at_ms : 0, e);
	rc = close_lease(s, p, at_ms, e);
	if (!rc)
		rc = dict_endpoint_renew(s, p, at_ms, &next, e);
	if (rc)
		return rc;
	p->machine = before;
	rc = put_lease(s, next, machine, next->since_ms, e);
	return rc ? rc : repoint_endpoint(s, p, next, e);
}

int machine_list_address(struct store *s, int64_t machine, const struct addr *a,
			 bool contested, struct err *e)
{
	return db_run(s, e, "INSERT OR IGNORE INTO machine_address VALUES(?, ?, ?)",
		      DB(I(machine), A(a), I(contested)));
}

static bool listed(const struct machine *m, const struct addr *a)
{
	for (unsigned i = 0; i < m->addrs_n; i++)
		if (addr_eq(&m->addrs[i], a))
			return true;
	return false;
}

/* Another machine of the realm that lists the address and could not have it; 0: none. */
static int who_waits(struct store *s, const struct endpoint *p, int64_t *machine,
		     struct err *e)
{
	int rc =
		db_int(s, e, machine,
		       "SELECT a.machine FROM machine_address a "
		       "JOIN machine m ON m.id = a.machine JOIN sensor o ON o.id = m.sensor "
		       "WHERE a.contested AND a.address = ? AND NOT o.revoked AND o.realm = ? "
		       "ORDER BY m.last_ms DESC, m.id LIMIT 1",
		       DB(A(&p->key.addr), I(dict_site_of(p->key.realm))));

	if (!rc)
		*machine = 0;
	return rc < 0 ? rc : 0;
}

/* Who waits for it gets it at once: what it says until it describes itself again is true. */
static int hand_on(struct store *s, struct endpoint *p, int64_t at_ms, struct err *e)
{
	int64_t machine;
	int rc = who_waits(s, p, &machine, e);

	if (rc || !machine)
		return rc;
	rc = db_run(
		s, e,
		"UPDATE machine_address SET contested = 0 WHERE machine = ? AND address = ?",
		DB(I(machine), A(&p->key.addr)));
	if (!rc)
		rc = machine_lease(s, p, machine, at_ms, e);
	return rc ? rc : sensor_reload_of(s, machine, e);
}

/* What the machine holds and no longer lists in REALM. */
static int close_leases(struct store *s, int64_t machine, int64_t realm,
			const struct machine *m, int64_t at_ms, struct err *e)
{
	struct db_rows held = { 0 };
	int rc = db_rows(s, e, &held,
			 "SELECT p.id FROM lease l JOIN endpoint p ON p.id = l.endpoint "
			 "WHERE l.machine = ?1 AND l.until_ms IS NULL AND p.realm != ?1",
			 DB(I(machine)));

	for (size_t i = 0; i < held.n && !rc; i++) {
		struct endpoint *p;

		rc = dict_endpoint_at(s, held.row[i].v[0], &p, e);
		if (rc || (p->key.realm == realm && listed(m, &p->key.addr)))
			continue;
		p->machine = 0;
		rc = close_lease(s, p, at_ms, e);
		if (!rc)
			rc = hand_on(s, p, at_ms, e);
	}
	free(held.row);
	return rc;
}

int machine_heard(struct store *s, int64_t machine, int64_t at_ms, bool *out, struct err *e)
{
	return db_any(s, e, out,
		      "SELECT 1 FROM machine m JOIN sensor o ON o.id = m.sensor "
		      "WHERE m.id = ? AND NOT o.revoked AND o.last_ms >= ?",
		      DB(I(machine), I(at_ms - MACHINE_SILENT_MS)));
}

int machine_held(struct store *s, int64_t machine, bool *out, struct err *e)
{
	return db_any(s, e, out,
		      "SELECT 1 FROM machine m JOIN sensor o ON o.id = m.sensor "
		      "WHERE m.id = ? AND NOT o.revoked",
		      DB(I(machine)));
}

/* An address that a machine which is still heard has cannot be taken from it by naming it. */
static int open_lease(struct store *s, int64_t machine, int64_t realm, const struct addr *a,
		      int64_t at_ms, struct err *e)
{
	bool contested = false;
	struct endpoint *p;
	int rc = dict_endpoint(s, addr_is_scoped(a) ? dict_realm_machine(machine) : realm, a,
			       &p, e);

	if (!rc && p->machine && p->machine != machine)
		rc = machine_heard(s, p->machine, at_ms, &contested, e);
	if (!rc)
		rc = machine_list_address(s, machine, a, contested, e);
	return rc || contested ? rc : machine_lease(s, p, machine, at_ms, e);
}

static int open_leases(struct store *s, int64_t machine, int64_t realm,
		       const struct machine *m, int64_t at_ms, struct err *e)
{
	int rc = db_run(s, e, "DELETE FROM machine_address WHERE machine = ?", DB(I(machine)));

	for (unsigned i = 0; i < m->addrs_n && !rc; i++)
		if (addr_is_unicast(&m->addrs[i]))
			rc = open_lease(s, machine, realm, &m->addrs[i], at_ms, e);
	return rc;
}

int machine_describe(struct store *s, int64_t machine, int64_t realm, const struct machine *m,
		     int64_t at_ms, struct err *e)
{
	char name[NAME_LEN + 1], os[NAME_LEN + 1], kernel[NAME_LEN + 1], arch[NAME_LEN + 1];
	int rc = db_run(s, e,
			"UPDATE machine SET name = ?1, os = ?2, kernel = ?3, arch = ?4, "
			"cores = ?5, memory = ?6, "
			"first_ms = iif(first_ms = 0, ?7, min(first_ms, ?7)), "
			"last_ms = max(last_ms, ?7) WHERE id = ?8",
			DB(T(dict_clean(m->name, name, sizeof(name))),
			   T(dict_clean(m->os, os, sizeof(os))),
			   T(dict_clean(m->kernel, kernel, sizeof(kernel))),
			   T(dict_clean(m->arch, arch, sizeof(arch))), I(m->cores),
			   I(m->memory_bytes), I(at_ms), I(machine)));

	if (!rc)
		rc = close_leases(s, machine, realm, m, at_ms, e);
	return rc ? rc : open_leases(s, machine, realm, m, at_ms, e);
}
