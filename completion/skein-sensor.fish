# SPDX-License-Identifier: Apache-2.0
# Completion of skein-sensor for fish.
complete -c skein-sensor -n __fish_use_subcommand -a enroll -d 'get a certificate for a token'
complete -c skein-sensor -l read -r -F -d 'capture files'
complete -c skein-sensor -l connections -x -a 'tsv json' -d 'one line a connection'
complete -c skein-sensor -l ebpf -d 'watch by eBPF'
complete -c skein-sensor -l poll -d 'watch by polling'
complete -c skein-sensor -l mirror -x -a '(command ls /sys/class/net)' -d 'watch a mirror port'
complete -c skein-sensor -l replay -r -F -d 'recorded flow lines'
complete -c skein-sensor -l once -x -d 'watch this long, write, exit'
complete -c skein-sensor -l out -r -F -d 'file to write'
complete -c skein-sensor -l collector -x -d 'HOST:PORT'
complete -c skein-sensor -n "__fish_seen_subcommand_from enroll" -l token -x -d 'enrolment token'
complete -c skein-sensor -l data -x -a '(__fish_complete_directories)' -d 'data directory'
complete -c skein-sensor -l help -d help
complete -c skein-sensor -l version -d version
