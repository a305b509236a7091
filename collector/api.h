/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API: from a request to its answer, in a process that has the database and no network
 * (http.h).  docs/api.md describes it; a route is a row in api.c.
 *
 *	api.c		routes, who may what, errors
 *	api_worker.c	the process: packets in and out
 *	api_out.c	answers of any size
 *	api_read.c	machines, edges, services, sensors, coverage, doctor, status
 *	api_plan.c	groups, waves, what was edited
 *	api_change.c	changes of the plan
 *	api_admin.c	tokens, sensors, audit
 *	api_metrics.c	for Prometheus
 *	api_openapi.c	the routes, for programs
 */
#ifndef COLLECTOR_API_H
#define COLLECTOR_API_H

#include "collector/ask.h"
#include "collector/http_path.h"
#include "collector/stats.h"
#include "common/json.h"
#include "store/apitoken.h"
#include "store/query.h"
#include "store/store.h"

/* What one worker has. */
struct api {
	const char *dir;
	char *database;
	struct stats *stats;
	unsigned worker;
	char boot[9];	       /* of this process, for ETags */
	struct store *store;   /* to read; NULL until it is needed */
	unsigned opened;       /* so often; each counts changes anew */
	char copy_etag[64];    /* of the snapshot that is kept for a while */
	int64_t copy_plan;     /* the newest plan in it, */
	uint64_t copy_changes; /* and stats' http_changes then */
	uint64_t copy_ms;      /* when it was made, by stats_clock_ms; 0: there is none */
};

/* Of the query: machine, process, port, since, until, and LIMIT and OFFSET. */
struct api_page {
	struct filter filter;
	uint64_t limit, offset; /* 0: all; the first */
};

/* One request, and what is answered. */
struct api_call {
	struct api *api;
	const struct ask *ask;
	const char *part[HTTP_PARTS_MAX]; /* behind /api/v1 */
	int parts;
	enum api_role role;
	char who[APITOKEN_NAME + ADDR_TEXT + 8]; /* for the audit */
	struct api_page page;			 /* its strings are in QUERY */

	int status;
	enum tell_type type;
	struct buf out; /* of the body, what is not in the file yet */
	int file;	/* -1: none */
	uint64_t flown; /* bytes in the file */
	char etag[64], path[HTTP_TARGET_MAX + 1], query[HTTP_TARGET_MAX + 1];
	const char *allow;
	unsigned retry_s;
};

/* For the front, which knows the path alone. */
bool api_is_quick(const char *path);
unsigned api_limit_s(const char *path);
/* The worker that made this ETag, -1: none of ours. */
int api_etag_worker(const char *etag);
/* Whether an If-None-Match names ETAG. */
bool api_is_etag(const char *given, const char *etag);

/* Answers: the caller reads status and so on, and calls api_end. */
void api_answer(struct api *api, const struct ask *ask, struct api_call *c);
void api_end(struct api_call *c);
void api_close(struct api *api);
/*
 * A snapshot is as much writing as the database is large: one that is not older than
 * API_COPY_MS is handed out again, unless the plan has changed.  After that it is to be
 * forgotten.
 */
enum { API_COPY_MS = 10000 };
void api_forget_copy(struct api *api);

/* For what answers.  Each is 0, or the status that was answered already. */

/* Nothing of what was written before stays. */
int api_fail(struct api_call *c, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* By the code of E: 404, 409, 400, 503, 500. */
int api_fail_err(struct api_call *c, const struct err *e);
/* To be called after every row: what is much goes into a file.  0 or -EFBIG and so on. */
int api_flow(struct api_call *c);
/* At the end: as api_flow, whatever is too long for a packet. */
int api_settle(struct api_call *c);
/* Begins an array, goes on to its next element, ends it. */
void api_row(struct api_call *c, uint64_t n);
void api_rows_end(struct api_call *c, uint64_t n);

/* A second connection, to change something; closed by the caller.  NULL: answered. */
struct store *api_writer(struct api_call *c);

typedef int api_fn(struct api_call *c);
api_fn api_index, api_openapi, api_status, api_metrics;
api_fn api_machines, api_machine, api_edges, api_services, api_sensors, api_coverage,
	api_doctor, api_snapshot;
api_fn api_groups, api_groups_propose, api_group_label, api_edits, api_edits_add,
	api_edit_undo, api_waves, api_handover;
api_fn api_tokens, api_token_add, api_token_revoke, api_enrolment_add, api_sensor_revoke,
	api_audit;

/* Who answers it, and how long that may take; the same for all methods of a path. */
enum api_pace { API_QUICK, API_SLOW, API_LONG };

struct api_route {
	enum http_method method;
	const char *path; /* behind /api/v1; "*" is any one part */
	enum api_role role;
	enum api_pace pace;
	bool tagged;		/* depends on the database alone: has an ETag */
	const char *parameters; /* of the query, with blanks between; others are refused */
	api_fn *fn;
	const char *words; /* for the index */
};
extern const struct api_route api_routes[];
extern const unsigned api_routes_n;

#endif
