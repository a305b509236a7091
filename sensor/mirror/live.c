/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/live.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/mem.h"

enum {
	BLOCK = 1 << 20,
	FRAME = 2048,  /* for the kernel's arithmetic; frames take what they need */
	BLOCK_MS = 50, /* a block that is not full is given after this */
	TAG_ROOM = 8,  /* before each frame, for a tag that is put back */
	MACS = 12,
};

struct live {
	int fd;
	char interface[IF_NAMESIZE];
	uint32_t link;
	bool loopback; /* every frame comes twice: as it leaves, and as it arrives */
	uint8_t *ring;
	uint32_t blocks, at;
	struct live_counts count;
};

/* ARPHRD_* to link types: a frame is what the device has, without cooking. */
static uint32_t link_of(struct live *l)
{
	struct ifreq r = { 0 };

	memcpy(r.ifr_name, l->interface, IF_NAMESIZE);
	if (ioctl(l->fd, SIOCGIFHWADDR, &r))
		return 1;
	l->loopback = r.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK;
	switch (r.ifr_hwaddr.sa_family) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK:
		return 1;
	case ARPHRD_PPP:
		return 9;
	}
	return 101; /* tun, ipip, sit, ip6tnl, GRE: IP with nothing before it */
}

static int set_ring(struct live *l, uint32_t bytes, struct err *e)
{
	struct tpacket_req3 r = { .tp_block_size = BLOCK,
				  .tp_frame_size = FRAME,
				  .tp_retire_blk_tov = BLOCK_MS };
	int version = TPACKET_V3, room = TAG_ROOM;

	l->blocks = bytes / BLOCK ? bytes / BLOCK : 1;
	r.tp_block_nr = l->blocks;
	r.tp_frame_nr = BLOCK / FRAME * l->blocks;
	if (setsockopt(l->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) ||
	    setsockopt(l->fd, SOL_PACKET, PACKET_RESERVE, &room, sizeof(room)) ||
	    setsockopt(l->fd, SOL_PACKET, PACKET_RX_RING, &r, sizeof(r)))
		return err_sys(e, -errno, "%s: a ring of %u MiB", l->interface, l->blocks);
	l->ring = mmap(NULL, (size_t)BLOCK * l->blocks, PROT_READ | PROT_WRITE, MAP_SHARED,
		       l->fd, 0);
	if (l->ring == MAP_FAILED) {
		l->ring = NULL;
		return err_sys(e, -errno, "%s: map a ring of %u MiB", l->interface, l->blocks);
	}
	return 0;
}

/* As struct sock_fprog of linux/filter.h, which cannot stand beside libpcap's header. */
struct kernel_filter {
	unsigned short len;
	struct bpf_insn *insn;
};

/* "tcp port 80" for the kernel, which sees no tag that the NIC took off. */
static int set_filter(struct live *l, const char *text, struct err *e)
{
	pcap_t *p = pcap_open_dead(l->link == 1 ? DLT_EN10MB : DLT_RAW, 262144);
	struct bpf_program program;
	struct kernel_filter filter;
	int rc = 0;

	if (!p)
		return err_sys(e, -ENOMEM, "filter");
	if (pcap_compile(p, &program, text, 1, PCAP_NETMASK_UNKNOWN)) {
		rc = err_set(e, -EINVAL, "the filter \"%s\": %s", text, pcap_geterr(p));
		pcap_close(p);
		return rc;
	}
	pcap_close(p);
	filter = (struct kernel_filter){ (unsigned short)program.bf_len, program.bf_insns };
	if (setsockopt(l->fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)))
		rc = err_sys(e, -errno, "%s: filter", l->interface);
	pcap_freecode(&program);
	return rc;
}

static int join(struct live *l, unsigned index, const struct live_config *c, struct err *e)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_ALL),
				 .sll_ifindex = (int)index };
	struct packet_mreq m = { .mr_ifindex = (int)index, .mr_type = PACKET_MR_PROMISC };
	int fanout = (c->group & 0xffff) | (PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_DEFRAG)
						   << 16;

	if (bind(l->fd, (struct sockaddr *)&a, sizeof(a)))
		return err_sys(e, -errno, "%s", l->interface);
	if (c->promiscuous &&
	    setsockopt(l->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m)))
		return err_sys(e, -errno, "%s: hear what is for others", l->interface);
	if (c->group >= 0 &&
	    setsockopt(l->fd, SOL_PACKET, PACKET_FANOUT, &fanout, sizeof(fanout)))
		return err_sys(e, -errno, "%s: share packets among threads", l->interface);
	return 0;
}

static int start(struct live *l, const struct live_config *c, struct err *e)
{
	unsigned index = if_nametoindex(c->interface);
	int rc;

	if (!index || strlen(c->interface) >= IF_NAMESIZE)
		return err_set(e, -ENODEV,
			       "%s: there is no such interface; ip link shows them",
			       c->interface);
	strcpy(l->interface, c->interface);
	l->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return errno == EPERM
			       ? err_set(e, -EPERM,
					 "%s: capturing needs root or CAP_NET_RAW: run it with "
					 "sudo",
					 c->interface)
			       : err_sys(e, -errno, "%s: packet socket", c->interface);
	l->link = link_of(l);
	rc = set_ring(l, c->ring_bytes, e);
	if (!rc && c->filter)
		rc = set_filter(l, c->filter, e);
	return rc ? rc : join(l, index, c, e);
}

struct live *live_open(const struct live_config *config, struct err *e)
{
	struct live *l = xcalloc(1, sizeof(*l));

	l->fd = -1;
	if (start(l, config, e) == 0)
		return l;
	live_close(l);
	return NULL;
}

void live_close(struct live *l)
{
	if (!l)
		return;
	if (l->ring)
		munmap(l->ring, (size_t)BLOCK * l->blocks);
	if (l->fd >= 0)
		close(l->fd);
	free(l);
}

int live_fd(const struct live *l)
{
	return l->fd;
}

/* The tag that the NIC took off goes back where it was: the MACs move over before it. */
static void put_tag_back(struct frame_in *f, uint8_t *p, const struct tpacket3_hdr *h)
{
	uint16_t type =
		h->tp_status & TP_STATUS_VLAN_TPID_VALID ? h->hv1.tp_vlan_tpid : 0x8100;
	uint16_t tag = (uint16_t)h->hv1.tp_vlan_tci;

	memmove(p - 4, p, MACS);
	p += MACS - 4;
	p[0] = (uint8_t)(type >> 8);
	p[1] = (uint8_t)type;
	p[2] = (uint8_t)(tag >> 8);
	p[3] = (uint8_t)tag;
	f->p -= 4;
	f->cap += 4;
	f->len += 4;
}

static void tell(const struct live *l, struct tpacket3_hdr *h, live_fn *fn, void *ctx)
{
	const struct sockaddr_ll *from = (void *)((uint8_t *)h + TPACKET_ALIGN(sizeof(*h)));
	uint8_t *p = (uint8_t *)h + h->tp_mac;
	struct frame_in f = { .time_ns = (uint64_t)h->tp_sec * 1000000000 + h->tp_nsec,
			      .link = l->link,
			      .cap = h->tp_snaplen,
			      .len = h->tp_len > h->tp_snaplen ? h->tp_len : h->tp_snaplen,
			      .p = p };

	if (l->loopback && from->sll_pkttype == PACKET_OUTGOING)
		return;
	if (h->tp_status & TP_STATUS_VLAN_VALID && l->link == 1 && f.cap >= MACS)
		put_tag_back(&f, p, h);
	fn(ctx, &f);
}

long live_read(struct live *l, live_fn *fn, void *ctx, struct err *e)
{
	long n = 0;
	int gone;

	for (uint32_t turn = 0; turn < l->blocks; turn++) {
		struct tpacket_block_desc *b = (void *)(l->ring + (size_t)l->at * BLOCK);
		struct tpacket_hdr_v1 *d = &b->hdr.bh1;
		uint8_t *at;

		if (!(__atomic_load_n(&d->block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			break;
		at = (uint8_t *)b + d->offset_to_first_pkt;
		for (uint32_t i = 0; i < d->num_pkts; i++) {
			struct tpacket3_hdr *h = (void *)at;

			tell(l, h, fn, ctx);
			at += h->tp_next_offset;
			n++;
		}
		__atomic_store_n(&d->block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		l->at = (l->at + 1) % l->blocks;
	}
	if (!n) {
		socklen_t len = sizeof(gone);

		gone = 0;
		if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &gone, &len) == 0 && gone)
			return err_sys(e, -gone, "%s", l->interface);
	}
	return n;
}

/* The kernel's counters begin anew each time that they are asked for. */
void live_count(struct live *l, struct live_counts *out)
{
	struct tpacket_stats_v3 s = { 0 };
	socklen_t len = sizeof(s);

	if (getsockopt(l->fd, SOL_PACKET, PACKET_STATISTICS, &s, &len) == 0) {
		l->count.packets += s.tp_packets;
		l->count.dropped += s.tp_drops;
		l->count.freezes += s.tp_freeze_q_cnt;
	}
	*out = l->count;
}

uint64_t live_ring_bytes(const struct live *l)
{
	return (uint64_t)l->blocks * BLOCK;
}
