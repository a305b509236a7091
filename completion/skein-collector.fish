# SPDX-License-Identifier: Apache-2.0
# Completion of skein-collector for fish.
set -l token "__fish_seen_subcommand_from token"

complete -c skein-collector -f
complete -c skein-collector -n __fish_use_subcommand -a token -d 'let sensors in'
complete -c skein-collector -n "$token; and not __fish_seen_subcommand_from create" -a create
complete -c skein-collector -l data -x -a '(__fish_complete_directories)' -d 'data directory'
complete -c skein-collector -n "not $token" -l listen -x -d 'for sensors, ADDR:PORT'
complete -c skein-collector -n "not $token" -l flows -x -d 'for flows over UDP, ADDR:PORT'
complete -c skein-collector -n "not $token" -l flow-exporters -x -d 'whose flows are taken'
complete -c skein-collector -n "not $token" -l config -r -d 'configuration file'
complete -c skein-collector -n "not $token" -l log-level -x -a 'debug info warn err'
complete -c skein-collector -n "$token" -l role -x -a 'host mirror' -d role
complete -c skein-collector -n "$token" -l ttl -x -d 'how long it is good'
complete -c skein-collector -n "$token" -l uses -x -d 'how often'
complete -c skein-collector -l help -d help
complete -c skein-collector -n "not $token" -l version -d version
