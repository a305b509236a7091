/* SPDX-License-Identifier: Apache-2.0 */
/* The process between the collector and those that answer over HTTP (http.h). */
#ifndef COLLECTOR_HTTP_KEEPER_H
#define COLLECTOR_HTTP_KEEPER_H

#include "collector/http_priv.h"

enum { HTTP_CONFIG_TEXT = 4096, HTTP_CONFIG_PACKET = 3 * HTTP_CONFIG_TEXT + 64 };

child_fn http_keeper; /* ctx: struct http_setup */

#endif
