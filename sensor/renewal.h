/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sensor's certificate, renewed before it ends: a new key each time, made here.
 *
 * The new pair is used only once it is on the disk, at the next connection; the collector
 * takes both until then.  So whatever is lost or killed in between, one of the pairs on the
 * disk is good.  Where the collector has forgotten the newer one (a restored backup), the
 * former is tried in turn.
 */
#ifndef SENSOR_RENEWAL_H
#define SENSOR_RENEWAL_H

#include <stdint.h>

#include "common/err.h"
#include "common/wire.h"
#include "sensor/identity.h"

struct renewal;

/*
 * Reads DIR's identity, and makes DIR/renewed for the user that the courier will be
 * (confine.h) while there is the right to; NULL with words when there is no usable identity.
 */
struct renewal *renewal_new(const char *dir, struct err *e);
void renewal_free(struct renewal *r);

const struct identity *renewal_identity(const struct renewal *r);
/* DIR/renewed, open: all that is written goes through it; -1 where that cannot be. */
int renewal_folder(const struct renewal *r);
/* For the next connection; NULL with words.  The caller frees it. */
SSL_CTX *renewal_tls(const struct renewal *r, struct err *e);

/*
 * Unix seconds by the collector's clock, which is the one that judges: when two thirds of a
 * life that begins and ends so are over, or a little earlier by NOISE, since sensors that were
 * enrolled together should not renew together.  Pure.
 */
int64_t renewal_at(int64_t begins, int64_t expires, uint32_t noise);
/* Milliseconds until then, 0 when it is due; NOW_MS is the collector's. */
int64_t renewal_wait_ms(const struct renewal *r, int64_t now_ms);
/* How long an answer is waited for before it is asked again. */
uint32_t renewal_again_ms(const struct renewal *r);

/* A signing request for a new key, borrowed until the next call; NULL with words. */
const char *renewal_request(struct renewal *r, struct err *e);
/*
 * The answer: checked, and kept.  -EPROTO for what was not asked for, another negative errno
 * when it could not be kept; then all is as before, and it may be asked again.
 */
int renewal_take(struct renewal *r, const struct wire_cert *m, struct err *e);
/* The collector refuses this sensor: true if there is another pair, which is next. */
bool renewal_other(struct renewal *r);

#endif
