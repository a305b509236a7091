/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a capture of TCP connections that never were, and the truth about each of them.
 *
 *   mirror_gen OUT.pcap TRUTH.tsv [-n CONNECTIONS] [-c AT_ONCE] [-b BYTES] [-s SEED]
 *              [-m PERCENT in mid-stream] [-d PERCENT of frames copied] [-e vlan|vxlan]
 *
 * Same arguments, same bytes.  Of a hundred, three are refused, two unanswered (three SYNs),
 * two end by RST; one data segment of 200 is sent again.  Port 443 begins with a ClientHello,
 * port 80 with a GET.  -b: every response has BYTES, and all but those in mid-stream are whole
 * connections; else they are short with a long tail.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MSS = 1448,
	FRAME = 1700,
	CLIENTS = 20000,
	SERVERS = 2000,
	POOL = 1 << 16,
	FIN = 1,
	SYN = 2,
	RST = 4,
	PSH = 8,
	ACK = 16,
};

enum kind { WHOLE, RESET, REFUSED, UNANSWERED, MID };
static const char *const word[] = { "established", "reset", "refused", "unanswered", "mid" };
enum phase { OPEN, ANSWER, AGREE, ASK, SERVE, CONFIRM, LEAVE, PART, FAREWELL, OVER };
enum around { NOTHING, VLAN, VXLAN };

struct talk {
	uint64_t at; /* of its next packet, in microseconds */
	uint64_t left[2], bytes[2], again[2];
	uint32_t ip[2], seq[2], packets[2]; /* 0: client, 1: server */
	uint32_t server, unconfirmed;
	uint16_t port[2], ip_id[2]; /* counted by connection, as Linux does */
	uint8_t kind, phase, tries;
	bool named;
};

static struct {
	uint64_t connections, at_once, bytes, seed;
	unsigned mid, copies;
	enum around around;
	FILE *capture, *truth;
	uint64_t begun, now;
	uint16_t outer_id;
	uint8_t pool[POOL + FRAME];
	struct talk *talk;
	uint32_t *heap, waiting;
} g = { .connections = 1000, .at_once = 50, .seed = 1, .mid = 5 };

/* splitmix64, by Sebastiano Vigna: public domain */
static uint64_t draw(void)
{
	uint64_t z = g.seed += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static uint64_t below(uint64_t n)
{
	return draw() % n;
}

/* Frames */

static uint8_t *put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	return put16(put16(p, v >> 16), v & 0xffff);
}

static uint8_t *put(uint8_t *p, const void *data, size_t n)
{
	memcpy(p, data, n);
	return p + n;
}

/* The Internet checksum (RFC 1071), SUM being what was added before. */
static unsigned checksum(const uint8_t *p, size_t n, uint64_t sum)
{
	for (; n > 1; n -= 2, p += 2)
		sum += (unsigned)p[0] << 8 | p[1];
	if (n)
		sum += (unsigned)p[0] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~(unsigned)sum & 0xffff;
}

static uint8_t *put_ether(uint8_t *p, unsigned from, unsigned type)
{
	p = put(p, from ? "\2\0\0\0\0\1\2\0\0\0\0\2" : "\2\0\0\0\0\2\2\0\0\0\0\1", 12);
	return put16(p, type);
}

static uint8_t *put_ip(uint8_t *p, unsigned id, uint32_t from, uint32_t to, unsigned proto,
		       size_t payload)
{
	uint8_t *head = p;

	p = put16(p, 0x4500);
	p = put16(p, (unsigned)(20 + payload));
	p = put16(p, id);
	p = put16(p, 0x4000);
	p = put16(p, 64 << 8 | proto);
	p = put16(p, 0);
	p = put32(p, from);
	p = put32(p, to);
	put16(head + 10, checksum(head, 20, 0));
	return p;
}

static uint8_t *put_tcp(uint8_t *p, const struct talk *t, unsigned from, unsigned flags,
			uint32_t seq, const uint8_t *data, size_t n)
{
	unsigned options = flags & SYN ? 4 : 12;
	uint8_t *head = p;
	uint64_t sum = 6 + 20 + options + n;

	p = put16(p, t->port[from]);
	p = put16(p, t->port[!from]);
	p = put32(p, seq);
	p = put32(p, flags & ACK ? t->seq[!from] : 0);
	p = put16(p, (20 + options) / 4 << 12 | flags);
	p = put16(p, 502);
	p = put32(p, 0); /* checksum and urgent pointer */
	if (flags & SYN) {
		p = put32(p, 0x02040000 | MSS);
	} else {
		p = put32(p, 0x0101080a);
		p = put32(p, (uint32_t)(g.now / 1000));
		p = put32(p, 0);
	}
	p = put(p, data, n);
	for (unsigned i = 0; i < 2; i++)
		sum += (t->ip[i] >> 16) + (t->ip[i] & 0xffff);
	put16(head + 16, checksum(head, (size_t)(p - head), sum));
	return p;
}

static void write_record(const uint8_t *frame, size_t n, uint64_t at)
{
	uint32_t head[] = { (uint32_t)(at / 1000000), (uint32_t)(at % 1000000), (uint32_t)n,
			    (uint32_t)n };

	fwrite(head, sizeof(head), 1, g.capture);
	fwrite(frame, n, 1, g.capture);
}

/* Every other copy has passed a router: other addresses of Ethernet, one hop less. */
static void write_copy(uint8_t *frame, size_t n, uint8_t *ether, uint8_t *ip)
{
	if (draw() & 1) {
		ether[5] ^= 4;
		ether[11] ^= 4;
		ip[8]--;
		put16(ip + 10, 0);
		put16(ip + 10, checksum(ip, 20, 0));
	}
	write_record(frame, n, g.now + 3);
}

static void write_segment(struct talk *t, unsigned from, unsigned flags, uint32_t seq,
			  const uint8_t *data, size_t n)
{
	uint8_t frame[FRAME], *p = frame, *ether, *ip;
	size_t tcp = 20 + (flags & SYN ? 4 : 12) + n;

	if (g.around == VXLAN) {
		p = put_ether(p, from, 0x0800);
		p = put_ip(p, g.outer_id++, 0xac100001 + from, 0xac100002 - from, 17,
			   16 + 34 + tcp);
		p = put16(p, 49152 + t->port[0] % 16384);
		p = put16(p, 4789);
		p = put16(p, (unsigned)(16 + 34 + tcp));
		p = put16(p, 0);
		p = put32(p, 0x08000000);
		p = put32(p, (5000 + t->server % 4) << 8);
	}
	ether = p;
	p = put_ether(p, from, g.around == VLAN ? 0x8100 : 0x0800);
	if (g.around == VLAN)
		p = put16(put16(p, 100 + t->server % 8), 0x0800);
	ip = p;
	p = put_ip(p, t->ip_id[from]++, t->ip[from], t->ip[!from], 6, tcp);
	p = put_tcp(p, t, from, flags, seq, data, n);
	write_record(frame, (size_t)(p - frame), g.now);
	if (below(100) < g.copies)
		write_copy(frame, (size_t)(p - frame), ether, ip);
}

/* First words */

static void name_of(const struct talk *t, char *out, size_t size)
{
	snprintf(out, size, "%s%u.estate.example", t->port[1] == 443 ? "app" : "www",
		 t->server);
}

/* RFC 8446, 4.1.2, with server_name (RFC 6066, 3), supported_versions and padding */
static size_t client_hello(uint8_t *out, const char *name)
{
	unsigned n = (unsigned)strlen(name), extensions = 9 + n + 7 + 204;
	unsigned body = 2 + 32 + 1 + 6 + 2 + 2 + extensions;
	uint8_t *p = out;

	p = put(p, "\x16\3\1", 3);
	p = put16(p, 4 + body);
	p = put32(p, 1u << 24 | body);
	p = put16(p, 0x0303);
	p = put(p, g.pool, 32);
	*p++ = 0;
	p = put(p, "\0\4\x13\1\xc0\x2f\1\0", 8);
	p = put16(p, extensions);
	p = put16(put16(p, 0), n + 5);
	p = put16(p, n + 3);
	*p++ = 0;
	p = put(put16(p, n), name, n);
	p = put(p, "\0\x2b\0\3\2\3\4", 7);
	p = put16(put16(p, 21), 200);
	memset(p, 0, 200);
	return (size_t)(p + 200 - out);
}

static size_t first_words(const struct talk *t, uint8_t *out)
{
	char name[64];

	name_of(t, name, sizeof(name));
	if (t->port[1] == 443)
		return client_hello(out, name);
	return (size_t)sprintf((char *)out,
			       "GET /orders/%u HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\n\r\n",
			       t->port[0], name);
}

/* Connections */

static void send_flags(struct talk *t, unsigned from, unsigned flags)
{
	write_segment(t, from, flags, t->seq[from], NULL, 0);
	t->packets[from]++;
	if (flags & (SYN | FIN))
		t->seq[from]++;
}

static void send_data(struct talk *t, unsigned from, const uint8_t *data, size_t n)
{
	uint32_t seq = t->seq[from];

	t->seq[from] += (uint32_t)n;
	write_segment(t, from, PSH | ACK, seq, data, n);
	t->packets[from]++;
	t->bytes[from] += n;
	if (below(200) == 0) {
		write_segment(t, from, PSH | ACK, seq, data, n);
		t->packets[from]++;
		t->again[from] += n;
	}
}

static void send_some(struct talk *t, unsigned from)
{
	size_t n = t->left[from] < MSS ? t->left[from] : MSS;

	send_data(t, from, g.pool + below(POOL), n);
	t->left[from] -= n;
}

static void ask(struct talk *t)
{
	uint8_t words[1024];

	if (t->kind != MID && !t->named && (t->port[1] == 443 || t->port[1] == 80)) {
		send_data(t, 0, words, first_words(t, words));
		t->named = true;
		t->left[0] = 0;
	} else {
		send_some(t, 0);
	}
	if (!t->left[0])
		t->phase = SERVE;
}

static void serve(struct talk *t)
{
	send_some(t, 1);
	if (++t->unconfirmed == 2 || (!t->left[1] && below(4) == 0))
		t->phase = CONFIRM;
	else if (!t->left[1])
		t->phase = LEAVE;
}

/* 50 us to 0.4 s in the usual way; SYNs come again after 1 and 2 s; fat ones hurry. */
static uint64_t pause_after(const struct talk *t)
{
	if (t->kind == UNANSWERED)
		return 1000000u * t->tries;
	if (g.bytes)
		return 5 + below(100);
	return 50 + below(400000) * below(1000) / 1000;
}

static void step(struct talk *t)
{
	switch ((enum phase)t->phase) {
	case OPEN:
		if (t->tries++) /* the same SYN again */
			t->seq[0]--;
		send_flags(t, 0, SYN);
		t->phase = t->kind != UNANSWERED ? ANSWER : t->tries < 3 ? OPEN : OVER;
		break;
	case ANSWER:
		send_flags(t, 1, t->kind == REFUSED ? RST | ACK : SYN | ACK);
		t->phase = t->kind == REFUSED ? OVER : AGREE;
		break;
	case AGREE:
		send_flags(t, 0, ACK);
		t->phase = ASK;
		break;
	case ASK:
		ask(t);
		break;
	case SERVE:
		serve(t);
		break;
	case CONFIRM:
		send_flags(t, 0, ACK);
		t->unconfirmed = 0;
		t->phase = t->left[1] ? SERVE : LEAVE;
		break;
	case LEAVE:
		send_flags(t, 0, t->kind == RESET ? RST | ACK : FIN | ACK);
		t->phase = t->kind == RESET ? OVER : PART;
		break;
	case PART:
		send_flags(t, 1, FIN | ACK);
		t->phase = FAREWELL;
		break;
	case FAREWELL:
		send_flags(t, 0, ACK);
		t->phase = OVER;
		break;
	case OVER:
		break;
	}
}

static enum kind draw_kind(void)
{
	unsigned n = (unsigned)below(100);

	if (below(100) < g.mid)
		return MID;
	if (g.bytes)
		return WHOLE;
	return n < 3 ? REFUSED : n < 5 ? UNANSWERED : n < 7 ? RESET : WHOLE;
}

/* Half of the responses fit into one segment, one of 64 has up to 30 kB. */
static uint64_t draw_size(void)
{
	unsigned octave = (unsigned)__builtin_ctzll(draw() | 1 << 6);

	return 40 + below(600ull << octave);
}

/* Two connections never have the same ends: nothing is to be told apart by numbers alone. */
static void begin(struct talk *t)
{
	static const uint16_t ports[] = { 443,	80,   443,  3306, 5432, 443, 1433,
					  6379, 80,   9092, 443,  389,	22,  25,
					  5672, 8080, 1521, 443,  2049, 445 };
	uint64_t serial = g.begun++;
	uint64_t r = below(SERVERS);

	*t = (struct talk){ .at = g.now + 1 + below(20000), .kind = (uint8_t)draw_kind() };
	t->server = (uint32_t)(r * below(SERVERS) / SERVERS); /* few have most of it */
	t->ip[0] = 0x0a000001 + (uint32_t)(serial % CLIENTS * 7919 % CLIENTS);
	t->port[0] = (uint16_t)(10240 + serial / CLIENTS % 50000);
	t->ip[1] = 0x0a640001 + t->server;
	t->port[1] = ports[t->server % (sizeof(ports) / sizeof(*ports))];
	t->seq[0] = (uint32_t)draw();
	t->seq[1] = (uint32_t)draw();
	t->ip_id[0] = (uint16_t)draw();
	t->ip_id[1] = (uint16_t)draw();
	t->left[0] = 40 + below(800);
	t->left[1] = g.bytes ? g.bytes : draw_size();
	t->phase = t->kind == MID ? ASK : OPEN;
}

static void tell(const struct talk *t)
{
	char name[64] = "-";

	if (t->named)
		name_of(t, name, sizeof(name));
	for (unsigned i = 0; i < 2; i++)
		fprintf(g.truth, "%u.%u.%u.%u\t%u\t", t->ip[i] >> 24, t->ip[i] >> 16 & 255,
			t->ip[i] >> 8 & 255, t->ip[i] & 255, t->port[i]);
	fputs(word[t->kind], g.truth);
	for (unsigned i = 0; i < 2; i++)
		fprintf(g.truth, "\t%" PRIu64 "\t%" PRIu64 "\t%u", t->bytes[i], t->again[i],
			t->packets[i]);
	fprintf(g.truth, "\t%s\n", name);
}

/* Whose turn it is: a heap, the earliest on top */

static bool earlier(uint32_t a, uint32_t b)
{
	return g.talk[a].at != g.talk[b].at ? g.talk[a].at < g.talk[b].at : a < b;
}

static void sink(uint32_t i)
{
	for (;;) {
		uint32_t child = 2 * i + 1, own = g.heap[i];

		if (child >= g.waiting)
			return;
		if (child + 1 < g.waiting && earlier(g.heap[child + 1], g.heap[child]))
			child++;
		if (!earlier(g.heap[child], own))
			return;
		g.heap[i] = g.heap[child];
		g.heap[child] = own;
		i = child;
	}
}

static void run(void)
{
	g.now = 1700000000000000;
	for (uint32_t i = 0; i < g.at_once && g.begun < g.connections; i++) {
		begin(&g.talk[i]);
		g.heap[g.waiting++] = i;
	}
	for (uint32_t i = g.waiting; i-- > 0;)
		sink(i);
	while (g.waiting) {
		struct talk *t = &g.talk[g.heap[0]];

		g.now = t->at;
		step(t);
		if (t->phase != OVER) {
			t->at += pause_after(t);
		} else {
			tell(t);
			if (g.begun < g.connections)
				begin(t);
			else
				g.heap[0] = g.heap[--g.waiting];
		}
		sink(0);
	}
}

static void usage(void)
{
	fputs("usage: mirror_gen OUT.pcap TRUTH.tsv [-n CONNECTIONS] [-c AT_ONCE] [-b BYTES]\n"
	      "       [-s SEED] [-m MID_PERCENT] [-d COPIES_PERCENT] [-e vlan|vxlan]\n",
	      stderr);
	exit(2);
}

static void parse(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "n:c:b:s:m:d:e:")) != -1) {
		uint64_t n = c == '?' ? 0 : strtoull(optarg, NULL, 10);

		switch (c) {
		case 'n':
			g.connections = n;
			break;
		case 'c':
			g.at_once = n;
			break;
		case 'b':
			g.bytes = n;
			break;
		case 's':
			g.seed = n;
			break;
		case 'm':
			g.mid = (unsigned)n;
			break;
		case 'd':
			g.copies = (unsigned)n;
			break;
		case 'e':
			g.around = !strcmp(optarg, "vlan") ? VLAN : VXLAN;
			if (g.around == VXLAN && strcmp(optarg, "vxlan"))
				usage();
			break;
		default:
			usage();
		}
	}
	if (argc - optind != 2 || !g.connections || !g.at_once)
		usage();
}

int main(int argc, char **argv)
{
	static const uint32_t head[] = { 0xa1b2c3d4, 4u << 16 | 2, 0, 0, 262144, 1 };

	parse(argc, argv);
	g.capture = fopen(argv[optind], "wb");
	g.truth = fopen(argv[optind + 1], "wb");
	g.talk = calloc(g.at_once, sizeof(*g.talk));
	g.heap = calloc(g.at_once, sizeof(*g.heap));
	if (!g.capture || !g.truth || !g.talk || !g.heap) {
		perror("mirror_gen");
		return 3;
	}
	for (size_t i = 0; i < sizeof(g.pool); i++) /* neither TLS nor HTTP begins so */
		g.pool[i] = (uint8_t)(draw() | 0x80);
	fwrite(head, sizeof(head), 1, g.capture);
	run();
	if (fclose(g.capture) | fclose(g.truth)) {
		perror("mirror_gen");
		return 3;
	}
	free(g.talk);
	free(g.heap);
	return 0;
}
