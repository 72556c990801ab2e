#!/bin/bash
# A step of two processes in two network namespaces, joined by a link of limited rate: `link.sh RATE NET PROGRAM...`, for
# example `link.sh 1gbit u-net ../../target/release/together`. With several programs, two builds to compare, each takes its
# turn in each of three rounds. It needs root, and libtorch's folder of libraries on LD_LIBRARY_PATH.
set -euo pipefail
rate=$1 net=$2
shift 2
ip netns add interflow-0
trap 'ip netns del interflow-0; ip netns del interflow-1' EXIT
ip netns add interflow-1
ip link add interflow-a netns interflow-0 type veth peer name interflow-b netns interflow-1
for end in "0 a" "1 b"; do
    read -r rank side <<< "$end"
    here="ip netns exec interflow-$rank"
    $here ip addr add "10.99.0.$((rank + 1))/24" dev "interflow-$side"
    $here ip link set "interflow-$side" up
    $here ip link set lo up
    $here tc qdisc add dev "interflow-$side" root tbf rate "$rate" burst 1mb latency 50ms
done
export OMP_NUM_THREADS=1 WORLD_SIZE=2 MASTER_ADDR=10.99.0.1
for round in 1 2 3; do
    for program in "$@"; do
        MASTER_PORT=$((20000 + RANDOM % 20000))
        export MASTER_PORT
        RANK=1 LOCAL_RANK=0 ip netns exec interflow-1 "$program" --only "$net" > /dev/null &
        found=$(RANK=0 LOCAL_RANK=0 ip netns exec interflow-0 "$program" --only "$net")
        wait $!
        echo "round $round $program $found"
    done
done
