#!/usr/bin/env bash
# Calibrate the last nights for every camera type, then make the report: the run for cron, a container, or by hand.
#
# usage: runphotzp.sh                        the last PHOTZP_NDAYS nights, camera type by camera type
#        runphotzp.sh SELECTION ...          what these options of photcalibration.py select, as --date 20190805 --redo
#
# Settings come from the environment; PHOTZP_ENVFILE names a file of NAME=value lines for what is not set there:
#   PHOTZP_NDAYS        nights to look at, today (UTC) counted          (default 3)
#   PHOTZP_MINTEXP      shortest exposure time to measure [s]           (default 10)
#   PHOTZP_CAMERATYPES  camera types, comma separated                   (default: all of observatory.toml)
#   PHOTZP_ARCHIVE      root of the frame archive                       (default: that of photcalibration.py)
#   PHOTZP_PS1DIR       directory of the reference catalogue            (default: that of photcalibration.py)
#   PHOTZP_DATABASE     database: a file, a directory or a URL          (default: that of the scripts)
#   PHOTZP_OUTPUTDIR    directory of the report and of the lock         (default ~/lcozpplots)
#   PHOTZP_OBSERVATORY  TOML file laid over the built-in one            (default: none)
#   PHOTZP_LOG          file that the log is appended to                (default: standard error)
#   PHOTZP_NICE         niceness of the scripts                         (default 10)
#   PHOTZP_PYTHON       interpreter                                     (default: .venv of the checkout, else python3)
# AWS_S3_BUCKET and the other AWS variables make the report go to a bucket.
#
# A step that fails does not stop the next; the last line and the exit status say what failed:
#   0 done; 1 done, but some input was unreadable; 2 a step could not run, or another run is going on;
#   3 done, and a check has findings; 128 + n ended by signal n, what was measured is kept
set -euo pipefail

checkout=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
signalled=''
child=''
worst=0
troubles=()

say() {  # LEVEL WORDS...: one dated line, in the layout of the scripts
    TZ=UTC0 printf '%(%Y-%m-%d %H:%M:%S)TZ %s runphotzp: %s\n' -1 "$1" "${*:2}" >&2
}

give_up() {  # WORDS...: say why nothing can be done, and end
    say ERROR "$*"
    exit 2
}

read_settings() {  # FILE: set each NAME=value of it that the environment has not set
    local line name value number=0
    [[ -f $1 && -r $1 ]] || give_up "$1: cannot be read; see PHOTZP_ENVFILE"
    while IFS= read -r line || [[ -n $line ]]; do
        number=$((number + 1))
        [[ $line =~ ^[[:space:]]*(#.*)?$ ]] && continue
        [[ $line =~ ^([A-Za-z_][A-Za-z0-9_]*)=(.*)$ ]] || give_up "$1, line $number: must be NAME=value"
        name=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]%$'\r'}
        [[ $value =~ ^\"(.*)\"$ || $value =~ ^\'(.*)\'$ ]] && value=${BASH_REMATCH[1]}
        [[ -v $name ]] || export "$name=$value"
    done <"$1"
}

home_of() {  # PATH: with a leading ~ expanded
    printf '%s' "${1/#\~/$HOME}"
}

lock() {  # one run at a time per output directory; the lock goes with the last process of the run
    local file=$1/.runphotzp.lock
    mkdir -p -- "$1" 2>/dev/null || give_up "$1: cannot be made; see PHOTZP_OUTPUTDIR"
    { exec 9>>"$file"; } 2>/dev/null || give_up "$file: cannot be written; see PHOTZP_OUTPUTDIR"
    flock --nonblock 9 || give_up "another run is going on ($(head -n 1 -- "$file")); nothing was done"
    printf 'process %s on %s\n' "$$" "${HOSTNAME:-unknown host}" >"$file"
}

# shellcheck disable=SC2329  # called by traps
forward() {  # SIGNAL NUMBER: end the running script, which keeps what it measured, and begin no other
    signalled=$2
    say WARNING "SIG$1 received"
    if [[ -n $child ]]; then kill -s "$1" "$child" 2>/dev/null || true; fi
}

stamped() {  # the lines of a script's summary, dated as those of its log are
    local line
    trap '' TERM INT HUP
    while IFS= read -r line; do say INFO "$line"; done
}

step() {  # NAME COMMAND...: run one step and note how it ended
    local name=$1 status=0 writer
    shift
    [[ -z $signalled ]] || return 0
    say INFO "$name begins"
    exec 8> >(stamped)
    writer=$!
    nice -n "${PHOTZP_NICE:-10}" "$@" >&8 8>&- &
    child=$!
    exec 8>&-
    wait "$child" || status=$?
    while kill -0 "$child" 2>/dev/null; do  # a signal ended the wait, not the script
        status=0
        wait "$child" || status=$?
    done
    child=''
    while kill -0 "$writer" 2>/dev/null; do sleep 0.02; done
    note "$name" "$status"
}

note() {  # NAME STATUS: log how a step ended; remember the trouble, and the worst status
    local meaning
    case $2 in
        0) meaning='is done' ;;
        1) meaning='is done, but some input was unreadable' ;;
        2) meaning='could not run' ;;
        3) meaning='is done and has findings' ;;
        *) meaning="failed with status $2" ;;
    esac
    if (($2 == 0)); then say INFO "$1 $meaning"; return; fi
    say WARNING "$1 $meaning"
    troubles+=("$1 $meaning")
    if (($(rank "$2") > $(rank "$worst"))); then worst=$2; fi
}

rank() {  # STATUS: how bad it is; "could not run" counts most, as it is worth another try
    case $1 in 0) echo 0 ;; 1) echo 1 ;; 3) echo 2 ;; 2) echo 4 ;; *) echo 3 ;; esac
}

finish() {  # the last line, also where cron sees it, and the exit status
    local last
    if [[ -n $signalled ]]; then
        last="stopped by signal $signalled; what was measured is kept"
        worst=$((128 + signalled))
    elif ((worst == 0)); then
        last='all done'
    else
        last=$(printf '%s; ' "${troubles[@]}")
        last=${last%; }
    fi
    say "$( ((worst == 0)) && echo INFO || echo WARNING)" "$last (status $worst)"
    if ((worst != 0)) && [[ -n $log ]]; then echo "runphotzp: $last (status $worst); see $log" >&7; fi
    exit "$worst"
}

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    sed -n '2,/^set /{/^set /d; s/^# \{0,1\}//; p}' "${BASH_SOURCE[0]}"
    exit 0
fi
[[ -z ${PHOTZP_ENVFILE:-} ]] || read_settings "$(home_of "$PHOTZP_ENVFILE")"
outputdir=$(home_of "${PHOTZP_OUTPUTDIR:-$HOME/lcozpplots}")
lock "$outputdir"
log=$(home_of "${PHOTZP_LOG:-}")
if [[ -n $log ]]; then
    (: >>"$log") 2>/dev/null || give_up "$log: cannot be written; see PHOTZP_LOG"
    exec 7>&2 2>>"$log"
fi
trap 'forward TERM 15' TERM
trap 'forward INT 2' INT
trap 'forward HUP 1' HUP

python=$(home_of "${PHOTZP_PYTHON:-}")
if [[ -z $python ]]; then
    python=python3
    [[ ! -x $checkout/.venv/bin/python ]] || python=$checkout/.venv/bin/python
fi
overlay=()
[[ -z ${PHOTZP_OBSERVATORY:-} ]] || overlay=(--observatory "$PHOTZP_OBSERVATORY")
calibrate=("$python" "$checkout/photcalibration.py" --mintexp "${PHOTZP_MINTEXP:-10}" "${overlay[@]}")
[[ -z ${PHOTZP_ARCHIVE:-} ]] || calibrate+=(--imagerootdir "$PHOTZP_ARCHIVE")
[[ -z ${PHOTZP_PS1DIR:-} ]] || calibrate+=(--ps1dir "$PHOTZP_PS1DIR")
report=("$python" "$checkout/longtermphotzp.py" --outputdirectory "$outputdir" "${overlay[@]}")
if [[ -n ${PHOTZP_DATABASE:-} ]]; then
    calibrate+=(--photodb "$PHOTZP_DATABASE")
    report+=(--database "$PHOTZP_DATABASE")
fi

say INFO "begins; the report goes to ${AWS_S3_BUCKET:-$outputdir}"
if (($#)); then
    step calibration "${calibrate[@]}" "$@"
else
    # One process per type: a frame that brings one down costs the other cameras nothing.  Where the types cannot be
    # told, one run of all says why.
    all_types='import sys, observatory; print(*observatory.load_observatory(sys.argv[1] or None).camera_types, sep=",")'
    types=${PHOTZP_CAMERATYPES:-$(PYTHONPATH=$checkout "$python" -c "$all_types" "${PHOTZP_OBSERVATORY:-}" 2>/dev/null || true)}
    IFS=', ' read -r -a types <<<"$types"
    for type in "${types[@]:-}"; do
        step "calibration${type:+ of $type}" "${calibrate[@]}" --lastNdays "${PHOTZP_NDAYS:-3}" ${type:+--cameratype "$type"}
    done
fi
step report "${report[@]}"
finish
