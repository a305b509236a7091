/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network cards: interfaces below ROOT/sys/class/net that stand on a device.  Bonds, bridges,
 * VLANs, tunnels, veth and lo do not; what they carry goes through a card.  A card that is
 * itself part of a card (the virtual function under Azure's netvsc, a virtio failover pair)
 * is left out, since the upper one counts its traffic.
 */
#ifndef SENSOR_NICDEV_H
#define SENSOR_NICDEV_H

#include <stdbool.h>

#include "sensor/sysfile.h"

bool nic_is_card(const char *root, const char *name);
/* The bond, bridge or card that NAME is part of; false where there is none. */
bool nic_master(const char *root, const char *name, char master[SYS_NAME]);

#endif
