/* SPDX-License-Identifier: Apache-2.0 */
/* What skein-sensor --help says; each option is taken in options.c. */
#ifndef SENSOR_HELP_H
#define SENSOR_HELP_H

#define HELP_DATA_DIR "/var/lib/skein/sensor"
#define HELP_CONFIG_FILE "/etc/skein/sensor.conf"

extern const char help_text[];

#endif
