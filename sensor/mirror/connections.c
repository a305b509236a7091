/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/connections.h"

#include <stdio.h>
#include <string.h>

#include "common/json.h"

const char connections_header[] =
	"client_ip\tclient_port\tserver_ip\tserver_port\tdir\tstate\tsyn\tsynack\tfin_c\tfin_s\t"
	"rst_c\trst_s\tbytes_c\tbytes_s\tdup_bytes_c\tdup_bytes_s\tpkts_c\tpkts_s\trtt_srv_us\t"
	"rtt_cli_us\tfirst\tlast\tsni\thost\n";

/* One line's fields, whatever it is written as. */
struct row {
	char client[ADDR_TEXT], server[ADDR_TEXT];
	const char *dir, *state, *sni, *host; /* NULL: none */
	uint64_t client_port, server_port;
	uint64_t flag[6];   /* SYN, SYN/ACK, FIN and RST of either */
	uint64_t amount[6]; /* bytes, repeated bytes, packets, of client and server */
	int64_t rtt[2];	    /* -1: unknown */
	uint64_t first_us, last_us;
};

static int64_t between(uint32_t from, uint32_t to)
{
	return from && to >= from ? (int64_t)to - from : -1;
}

static struct row row_of(const struct flow_over *f)
{
	const struct conn *c = f->c;
	unsigned s = !f->client;
	uint8_t sc = c->seen[f->client], ss = c->seen[s], both = sc | ss;
	const struct conn_side *to = &c->side[f->client], *back = &c->side[s];
	struct row r = {
		.dir = flow_how_word[f->how],
		.state = conn_state_word[f->state],
		.sni = f->tls && *f->name ? f->name : NULL,
		.host = !f->tls && *f->name ? f->name : NULL,
		.client_port = c->port[f->client],
		.server_port = c->port[s],
		.flag = { !!(both & SIDE_SYN), !!(both & SIDE_SYNACK), !!(sc & SIDE_FIN),
			  !!(ss & SIDE_FIN), !!(sc & SIDE_RST), !!(ss & SIDE_RST) },
		.amount = { to->bytes, back->bytes, to->again, back->again, to->packets,
			    back->packets },
		.rtt = { between(c->syn_us, c->synack_us), between(c->synack_us, c->ack_us) },
		.first_us = c->first_ns / 1000,
		.last_us = c->last_ns / 1000,
	};

	addr_text(&c->end[f->client], r.client);
	addr_text(&c->end[s], r.server);
	return r;
}

/* A million lines a second: printf would be half of all the time that reading takes. */
static char *put_number(char *at, uint64_t v)
{
	char digits[20];
	unsigned n = 0;

	do
		digits[n++] = (char)('0' + v % 10);
	while (v /= 10);
	while (n)
		*at++ = digits[--n];
	return at;
}

static char *put_text(char *at, const char *text)
{
	size_t n = strlen(text);

	memcpy(at, text, n);
	return at + n;
}

static char *put_time(char *at, uint64_t us)
{
	uint64_t part = us % 1000000;

	at = put_number(at, us / 1000000);
	*at++ = '.';
	for (uint64_t unit = 100000; unit; unit /= 10)
		*at++ = (char)('0' + part / unit % 10);
	return at;
}

static char *put_tabbed(char *at, uint64_t v)
{
	at = put_number(at, v);
	*at++ = '\t';
	return at;
}

void connections_tsv(struct buf *b, const struct flow_over *f)
{
	char line[2 * ADDR_TEXT + 20 * 22 + 2 * SNIFF_NAME + 64], *at = line;
	struct row r = row_of(f);

	at = put_text(at, r.client);
	*at++ = '\t';
	at = put_tabbed(at, r.client_port);
	at = put_text(at, r.server);
	*at++ = '\t';
	at = put_tabbed(at, r.server_port);
	at = put_text(at, r.dir);
	*at++ = '\t';
	at = put_text(at, r.state);
	*at++ = '\t';
	for (int i = 0; i < 6; i++)
		at = put_tabbed(at, r.flag[i]);
	for (int i = 0; i < 6; i++)
		at = put_tabbed(at, r.amount[i]);
	for (int i = 0; i < 2; i++) {
		at = r.rtt[i] < 0 ? put_text(at, "-") : put_number(at, (uint64_t)r.rtt[i]);
		*at++ = '\t';
	}
	at = put_time(at, r.first_us);
	*at++ = '\t';
	at = put_time(at, r.last_us);
	*at++ = '\t';
	at = put_text(at, r.sni ? r.sni : "-");
	*at++ = '\t';
	at = put_text(at, r.host ? r.host : "-");
	*at++ = '\n';
	buf_put(b, line, (size_t)(at - line));
}

static void member_time(struct json *j, const char *key, uint64_t us)
{
	char text[32], *end = put_time(text, us);

	json_key(j, key);
	json_raw(j, text, (size_t)(end - text));
}

static void member_text(struct json *j, const char *key, const char *text)
{
	json_key(j, key);
	if (text)
		json_string(j, text);
	else
		json_null(j);
}

void connections_json(struct buf *b, const struct flow_over *f)
{
	static const char *const flag[] = {
		"syn", "synack", "fin_c", "fin_s", "rst_c", "rst_s"
	};
	static const char *const amount[] = { "bytes_c",     "bytes_s", "dup_bytes_c",
					      "dup_bytes_s", "pkts_c",	"pkts_s" };
	static const char *const rtt[] = { "rtt_srv_us", "rtt_cli_us" };
	struct row r = row_of(f);
	struct json j = json_to(b);

	json_open(&j, '{');
	json_member_string(&j, "client_ip", r.client);
	json_member_uint(&j, "client_port", r.client_port);
	json_member_string(&j, "server_ip", r.server);
	json_member_uint(&j, "server_port", r.server_port);
	json_member_string(&j, "dir", r.dir);
	json_member_string(&j, "state", r.state);
	for (int i = 0; i < 6; i++)
		json_member_uint(&j, flag[i], r.flag[i]);
	for (int i = 0; i < 6; i++)
		json_member_uint(&j, amount[i], r.amount[i]);
	for (int i = 0; i < 2; i++) {
		json_key(&j, rtt[i]);
		if (r.rtt[i] < 0)
			json_null(&j);
		else
			json_uint(&j, (uint64_t)r.rtt[i]);
	}
	member_time(&j, "first", r.first_us);
	member_time(&j, "last", r.last_us);
	member_text(&j, "sni", r.sni);
	member_text(&j, "host", r.host);
	json_close(&j, '}');
	buf_str(b, "\n");
}
