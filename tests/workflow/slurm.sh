#!/usr/bin/env bash
# A Slurm of two nodes on this machine, for the tests: loopback only, no systemd, no cgroups, root or not.
#   slurm.sh up FOLDER GPUS    start it, GPUS (0 to 3) make-believe GPUs a node; put FOLDER/bin first on PATH to talk to it
#   slurm.sh down FOLDER       cancel its jobs and stop what `up` started
# FOLDER must be open to all (munge's socket is there) and its path short.
set -euo pipefail

folder=$2
host=$(hostname -s)
socket=$folder/munge.sock
export SLURM_CONF=$folder/slurm.conf PATH=$PATH:/usr/sbin:/sbin

wait_for() { # SECONDS WHAT COMMAND...
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS > end)); then
            echo "$what does not come up" >&2
            tail -n 20 "$folder"/*.log >&2 || true
            return 1
        fi
        sleep 0.1
    done
}

configure() {
    local gpus=$1 ports devices=(/dev/null /dev/zero /dev/full)
    # Free ports, held together so that they differ.
    read -r -a ports < <(python3 -c '
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(each.getsockname()[1] for each in held))')
    mkdir -p "$folder"/{bin,state,spool/n1,spool/n2}
    (umask 077 && head -c 1024 /dev/urandom >"$folder/munge.key")
    {
        echo "ClusterName=test"
        echo "SlurmctldHost=$host(127.0.0.1)"
        echo "SlurmctldPort=${ports[0]}"
        echo "SlurmUser=$(id -un)"
        echo "SlurmdUser=$(id -un)"
        echo "AuthType=auth/munge"
        echo "AuthInfo=socket=$socket"
        echo "CommunicationParameters=NoCtldInAddrAny,NoInAddrAny"
        echo "SlurmctldPidFile=$folder/slurmctld.pid"
        echo "SlurmctldLogFile=$folder/slurmctld.log"
        echo "SlurmdPidFile=$folder/slurmd-%n.pid"
        echo "SlurmdLogFile=$folder/slurmd-%n.log"
        echo "StateSaveLocation=$folder/state"
        echo "SlurmdSpoolDir=$folder/spool/%n"
        echo "SlurmdParameters=config_overrides" # believe the CPUs and the memory below
        echo "ProctrackType=proctrack/linuxproc"
        echo "JobAcctGatherType=jobacct_gather/linux"
        echo "SelectType=select/cons_tres"
        echo "SelectTypeParameters=CR_CPU_Memory"
        echo "SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=1,bf_interval=1"
        echo "ReturnToService=2"
        echo "MpiDefault=none"
        echo "MinJobAge=3600" # finished jobs stay in sight
        echo "KillWait=5"
        if ((gpus > 0)); then
            # Slurm wants devices, and any will do: it counts them and sets CUDA_VISIBLE_DEVICES.
            echo "GresTypes=gpu"
            echo "NodeName=n[1-2] Name=gpu Type=fake File=$(IFS=, && echo "${devices[*]:0:gpus}")" >"$folder/gres.conf"
        fi
        for n in 1 2; do
            echo "NodeName=n$n NodeHostname=$host NodeAddr=127.0.0.1 Port=${ports[n]} CPUs=4 RealMemory=16000" \
                "$( ((gpus > 0)) && echo "Gres=gpu:fake:$gpus")"
        done
        echo "PartitionName=main Nodes=n[1-2] Default=YES MaxTime=1-00:00:00 State=UP"
    } >"$folder/slurm.conf"
    # From 23.11 on, Slurm looks for cgroups unless told otherwise; before, it does not know the word.
    local major minor
    IFS=. read -r major minor _ < <(slurmctld -V | cut -d' ' -f2)
    if ((major * 100 + 10#$minor >= 2311)); then echo "CgroupPlugin=disabled" >"$folder/cgroup.conf"; fi
    # Snakemake's jobs call srun without any SLURM_ variable, so the commands must know where the configuration lies.
    for command in sbatch scancel scontrol sinfo squeue srun; do
        printf '#!/bin/sh\nSLURM_CONF="%s" exec "%s" "$@"\n' "$SLURM_CONF" "$(command -v "$command")" >"$folder/bin/$command"
        chmod 755 "$folder/bin/$command"
    done
}

up() {
    configure "$1"
    munged --key-file="$folder/munge.key" --socket="$socket" --pid-file="$folder/munged.pid" \
        --log-file="$folder/munged.log" --seed-file="$folder/munge.seed"
    wait_for 30 munged munge --socket="$socket" --no-input
    slurmctld -i
    for n in n1 n2; do slurmd -N "$n"; done
    wait_for 60 "a node of two" sh -c '[ "$(sinfo --noheader --Node --states=idle --format=%N | wc -l)" = 2 ]'
}

stop() { # PIDFILE...: ask, wait, and end what is left
    local file pid
    for file in "$@"; do
        [ -s "$file" ] || continue
        pid=$(cat "$file")
        kill "$pid" 2>/dev/null || continue
        for _ in {1..100}; do
            kill -0 "$pid" 2>/dev/null || continue 2
            sleep 0.1
        done
        kill -KILL "$pid" 2>/dev/null || true
    done
}

down() {
    timeout 20 scancel --user="$(id -un)" 2>/dev/null || true
    for _ in {1..100}; do
        [ -z "$(timeout 20 squeue --noheader --states=pending,running,completing 2>/dev/null)" ] && break
        sleep 0.1
    done
    stop "$folder"/slurmd-*.pid "$folder/slurmctld.pid" "$folder/munged.pid"
}

case $1 in
up) up "$3" ;;
down) down ;;
esac
