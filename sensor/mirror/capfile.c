/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/capfile.h"

#include <errno.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/mem.h"
#include "sensor/mirror/pcapng.h"

enum { STREAM = 1 << 18 };

struct capfile {
	char *name;
	FILE *in;     /* the file itself */
	FILE *replay; /* for libpcap, where the file cannot be rewound; else NULL */
	pcap_t *pcap; /* one of the two */
	struct pcapng *pcapng;
	uint8_t first[4]; /* bytes that were read to see what it is */
	unsigned first_n, first_at;
	uint32_t link;
	uint64_t done, all;
	char *stream;
};

/* Bytes: those that were looked at first, then the rest. */
static long fill(void *ctx, void *p, size_t n)
{
	struct capfile *f = ctx;
	size_t had = f->first_n - f->first_at, got;

	if (had) {
		had = had < n ? had : n;
		memcpy(p, f->first + f->first_at, had);
		f->first_at += (unsigned)had;
		return (long)had;
	}
	got = fread(p, 1, n, f->in);
	f->done += got;
	return got || !ferror(f->in) ? (long)got : -(errno ? errno : EIO);
}

static ssize_t cookie_read(void *ctx, char *p, size_t n)
{
	long got = fill(ctx, p, n);

	if (got < 0)
		errno = (int)-got;
	return got < 0 ? -1 : got;
}

/* Link types as files have them; libpcap gives numbers of this system. */
static uint32_t link_of(int dlt)
{
	switch (dlt) {
	case DLT_RAW:
		return 101;
	case DLT_LOOP:
		return 108;
	case DLT_PPP_SERIAL:
		return 50;
	case DLT_PPP_ETHER:
		return 51;
	}
	return (uint32_t)dlt;
}

static bool is_gzip(const struct capfile *f)
{
	return f->first_n >= 2 && f->first[0] == 0x1f && f->first[1] == 0x8b;
}

static int open_pcap(struct capfile *f, struct err *e)
{
	static const cookie_io_functions_t calls = { .read = cookie_read };
	char why[PCAP_ERRBUF_SIZE] = "";

	f->replay = fopencookie(f, "r", calls);
	if (!f->replay)
		return err_sys(e, -errno, "%s", f->name);
	setvbuf(f->replay, f->stream, _IOFBF, STREAM);
	f->pcap = pcap_fopen_offline_with_tstamp_precision(f->replay,
							   PCAP_TSTAMP_PRECISION_NANO, why);
	if (!f->pcap) {
		if (is_gzip(f))
			return err_set(e, -EBADMSG,
				       "%s: it is compressed; zcat %s | skein-sensor --read -",
				       f->name, f->name);
		return err_set(e, -EBADMSG, "%s: not a capture that can be read (%s)", f->name,
			       f->first_n ? why : "it is empty");
	}
	f->replay = NULL; /* pcap_close closes it */
	f->link = link_of(pcap_datalink(f->pcap));
	return 0;
}

static int open_stream(struct capfile *f, const char *path, struct err *e)
{
	struct stat st;

	f->in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (!f->in)
		return err_sys(e, -errno, "%s", f->name);
	if (fstat(fileno(f->in), &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return err_sys(e, -EISDIR, "%s", f->name);
		f->all = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	}
	setvbuf(f->in, NULL, _IONBF, 0); /* both readers ask for much at once */
	f->first_n = (unsigned)fread(f->first, 1, sizeof(f->first), f->in);
	f->done = f->first_n;
	return ferror(f->in) ? err_sys(e, -errno, "%s", f->name) : 0;
}

struct capfile *capfile_open(const char *path, struct err *e)
{
	struct capfile *f = xcalloc(1, sizeof(*f));
	uint32_t magic = 0;
	int rc;

	f->name = xstrdup(strcmp(path, "-") == 0 ? "standard input" : path);
	rc = open_stream(f, path, e);
	memcpy(&magic, f->first, sizeof(magic));
	if (!rc && f->first_n == 4 && magic == PCAPNG_MAGIC) {
		f->pcapng = pcapng_new(fill, f, f->name);
	} else if (!rc) {
		f->stream = xcalloc(1, STREAM);
		rc = open_pcap(f, e);
	}
	if (rc == 0)
		return f;
	capfile_close(f);
	return NULL;
}

int capfile_next(struct capfile *f, struct frame_in *frame, struct err *e)
{
	struct pcap_pkthdr *h;
	const u_char *p;
	int rc;

	if (f->pcapng)
		return pcapng_next(f->pcapng, frame, e);
	rc = pcap_next_ex(f->pcap, &h, &p);
	if (rc == PCAP_ERROR_BREAK)
		return 0;
	if (rc != 1)
		return err_set(e, -EBADMSG,
			       "%s: damaged near byte %" PRIu64
			       " (%s); what stands before it was read",
			       f->name, f->done, pcap_geterr(f->pcap));
	*frame = (struct frame_in){
		.time_ns = (uint64_t)h->ts.tv_sec * 1000000000 + (uint64_t)h->ts.tv_usec,
		.link = f->link,
		.cap = h->caplen,
		.len = h->len > h->caplen ? h->len : h->caplen,
		.p = p,
	};
	return 1;
}

void capfile_progress(const struct capfile *f, uint64_t *done, uint64_t *all)
{
	*done = f->done;
	*all = f->all;
}

void capfile_close(struct capfile *f)
{
	if (!f)
		return;
	if (f->pcap)
		pcap_close(f->pcap);
	else if (f->replay)
		fclose(f->replay);
	pcapng_free(f->pcapng);
	if (f->in && f->in != stdin)
		fclose(f->in);
	free(f->stream);
	free(f->name);
	free(f);
}
