#!/bin/sh
#SBATCH --job-name=tonepress
#SBATCH --array=1-16
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#SBATCH --requeue
#SBATCH --output=prewarm-%a.log
#
# Presses a catalogue as an array job, one shard a task:
#
#   sbatch deploy/slurm/prewarm.sh /masters --to 128,192,320,v0 --cache /store
#
# As many shards as --array has tasks; a master belongs to the same shard at all times, so a second run does what is missing. One task
# a core is not needed: each uses all the cores that it is given. The store may be one folder that all nodes share, or one a node.
set -u

tonepress prewarm "$@" --jobs "${SLURM_CPUS_PER_TASK:-1}"
code=$?

# 75: something failed that may go well another time, such as a file server that was away. It is tried three times in all.
if [ "$code" -eq 75 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 2 ]; then
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
fi
exit "$code"
