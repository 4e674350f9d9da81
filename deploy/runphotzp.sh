#!/usr/bin/env bash
# Calibrate the last nights for every camera type, then make the report: the run for cron, a container, or by hand.
#
# usage: runphotzp.sh                        the last PHOTZP_NDAYS nights, camera type by camera type
#        runphotzp.sh SELECTION ...          options of photcalibration.py, such as --date 20190805 --redo
#
# Settings come from the environment; PHOTZP_ENVFILE names a file of NAME=value lines for what is not set there:
#   PHOTZP_NDAYS        nights to look at, including today (UTC)        (default 3)
#   PHOTZP_MINTEXP      shortest exposure time to measure [s]           (default 10)
#   PHOTZP_CAMERATYPES  camera types, comma separated                   (default: all of observatory.toml)
#   PHOTZP_ARCHIVE      root of the frame archive                       (default: that of photcalibration.py)
#   PHOTZP_PS1DIR       directory of the reference catalogue            (default: that of photcalibration.py)
#   PHOTZP_DATABASE     database: a file, a directory or a URL          (default: that of the scripts)
#   PHOTZP_OUTPUTDIR    directory of the report and of the lock         (default ~/lcozpplots)
#   PHOTZP_OBSERVATORY  TOML file that extends the built-in one         (default: none)
#   PHOTZP_LOG          file that the log is appended to                (default: standard error)
#   PHOTZP_LOG_FORMAT   json: one object per line, for log collectors   (default: text)
#   PHOTZP_PROCESSES    number of processes that measure and report     (default: one per core)
#   PHOTZP_CHECK        yes: findings are logged and set status 3; log: logged only (default: none)
#   PHOTZP_THRESHOLD    lowest throughput without a finding [%]         (default: that of observatory.toml)
#   PHOTZP_METRICS      file of metrics to write for Prometheus         (default: none)
#   PHOTZP_NICE         niceness of the scripts                         (default 10)
#   PHOTZP_PYTHON       interpreter                                     (default: .venv of the checkout, else python3)
# AWS_S3_BUCKET and the other AWS variables make the report go to a bucket.
#
# A step that fails does not stop the next; the last line and the exit status say what failed:
#   0 done; 1 done, but some input was unreadable; 2 a step could not run, or another run is going on;
#   3 done, and PHOTZP_CHECK=yes has findings, whose number is in the last line;
#   128 + n ended by signal n, finished measurements are kept
set -euo pipefail

checkout=$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")
settings=" $(sed -n 's/^#   \(PHOTZP_[A-Z0-9_]*\) .*/\1/p' "${BASH_SOURCE[0]}" | tr '\n' ' ')"
signalled=''
child=''
unlogged=''
finished=''
lockfile=''
log=''
worst=0
tally=''
found=''
sums=''
troubles=()

say() {  # LEVEL WORDS...: one dated line, in the layout of the scripts
    local words=${*:2} level=$1 now=$EPOCHREALTIME
    if [[ ${PHOTZP_LOG_FORMAT:-} == json ]]; then
        TZ=UTC0 printf '{"time": "%(%Y-%m-%dT%H:%M:%S)T.%sZ", "level": "%s", "message": "%s", %s}\n' "${now%[.,]*}" \
            "${now: -6:3}" "$level" "$(in_json "$words")" '"logger": "runphotzp", "script": "runphotzp.sh"' >&2 ||
            unlogged=1
        return
    fi
    if [[ -t 2 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
        case $level in WARNING) level=$'\e[33mWARNING\e[0m' ;; ERROR) level=$'\e[31mERROR\e[0m' ;; esac
    fi
    TZ=UTC0 printf '%(%Y-%m-%d %H:%M:%S)TZ %s runphotzp: %s\n' -1 "$level" "$words" >&2 || unlogged=1
}

in_json() {  # TEXT: as JSON has it between quotes; what does not print, or is no ASCII, is a ?
    local LC_ALL=C text=$1
    text=${text//[^[:print:]]/?}
    text=${text//\\/\\\\}
    printf '%s' "${text//\"/\\\"}"
}

give_up() {  # WORDS...: say why nothing can be done, and end
    say ERROR "$*"
    finished=1
    exit 2
}

read_settings() {  # FILE: set each NAME=value of it that the environment has not set
    local line name value number=0
    [[ -f $1 && -r $1 ]] || give_up "$1: cannot be read; see PHOTZP_ENVFILE"
    while IFS= read -r line || [[ -n $line ]]; do
        number=$((number + 1))
        line=${line%$'\r'}
        [[ $line =~ ^[[:space:]]*(#.*)?$ ]] && continue
        [[ $line =~ ^([A-Za-z_][A-Za-z0-9_]*)=(.*)$ ]] || give_up "$1, line $number: must be NAME=value"
        name=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]}
        [[ $name != PHOTZP_* || $settings == *" $name "* ]] ||
            give_up "$1, line $number: $name is no setting; see ${BASH_SOURCE[0]} --help"
        [[ $value =~ ^\"(.*)\"$ || $value =~ ^\'(.*)\'$ ]] && value=${BASH_REMATCH[1]}
        [[ -v $name ]] || export "$name=$value"
    done <"$1"
}

expand_home() {  # VARIABLE: expand a leading ~/ of its value, as the shell does not do for settings
    local -n path=$1
    # shellcheck disable=SC2088  # a ~ that no shell has expanded is what is looked for
    case $path in
        '~' | '~/'*) path=${HOME:?is not set, and $1 begins with ~}${path#'~'} ;;
        '~'*) give_up "$1=$path: of ~ only ~/ is expanded; write the whole path" ;;
    esac
}

hide_password() {  # of the database's URL: on the command line every user of the machine would see it
    [[ ${PHOTZP_DATABASE:-} =~ ^([a-z0-9+]+://[^/:@]*):([^/@]*)@(.*)$ ]] || return 0
    PHOTZP_DATABASE=${BASH_REMATCH[1]}@${BASH_REMATCH[3]}
    local coded=${BASH_REMATCH[2]//\\/\\\\}
    printf -v PGPASSWORD '%b' "${coded//%/\\x}"
    export PGPASSWORD
}

open_log() {  # the log goes to PHOTZP_LOG, and the last line besides to what was standard error
    (: >>"$log") 2>/dev/null || give_up "$log: cannot be written; see PHOTZP_LOG"
    exec 7>&2 2>>"$log"
}

lock() {  # one run at a time per output directory; the lock goes with the last process of the run
    lockfile=$outputdir/.runphotzp.lock
    command -v flock >/dev/null || give_up 'flock is not installed (package util-linux)'
    (: >>"$lockfile") 2>/dev/null || give_up "$lockfile: cannot be written; see PHOTZP_OUTPUTDIR"
    exec 9>>"$lockfile"
    flock --nonblock 9 || refuse "another run is going on ($(head -n 1 -- "$lockfile")); nothing was done"
    hold
}

refuse() {  # WORDS...: as give_up, also where cron sees it
    if [[ -n $log ]]; then echo "runphotzp: $*" >&7; fi
    give_up "$*"
}

hold() {  # write into the lock file who has it
    printf 'process %s%s on %s\n' "$$" "${child:+, script $child}" "${HOSTNAME:-unknown host}" >"$lockfile" || true
}

# shellcheck disable=SC2329  # called by traps
forward() {  # NAME NUMBER: end the running script, which keeps what it measured, and begin no other
    signalled=$2
    say WARNING "SIG$1 received"
    stop_child
}

stop_child() {  # SIGTERM whichever signal came: a shell starts background processes deaf to SIGINT
    if [[ -n $child ]]; then kill -s TERM "$child" 2>/dev/null || true; fi
}

stamped() {  # the lines of a script's summary, dated as those of its log are; in JSON they are so already
    local line start='^' level=INFO
    trap '' TERM INT HUP
    if [[ ${PHOTZP_LOG_FORMAT:-} == json ]]; then start='"message": "' level=WARNING; fi
    while IFS= read -r line; do
        if [[ $level == WARNING && $line == '{"time": "'*'}' ]]; then
            printf '%s\n' "$line" >&2
        else
            say "$level" "$line"
        fi
        [[ $line =~ $start([0-9]+ findings?)($|\") ]] && echo "${BASH_REMATCH[1]}" >"$tally"
        [[ $line =~ $start([0-9]+)\ measured,\ ([0-9]+)\ already\ known ]] &&
            printf '%s measured\n%s already known\n' "${BASH_REMATCH[@]:1:2}" >>"$sums"
        [[ $line =~ $start(\ \ )?rejected,\ ([a-z-]+):\ ([0-9]+) ]] &&
            printf '%s %s\n' "${BASH_REMATCH[3]}" "${BASH_REMATCH[2]}" >>"$sums"
    done
    return 0
}

sum_up() {  # what the steps measured and rejected in all, where there were several
    local -A sum=()
    local number what rejected=0 reasons=()
    [[ -s $sums ]] && (($(grep -c measured "$sums") > 1)) || return 0
    while read -r number what; do sum[$what]=$((${sum[$what]:-0} + number)); done <"$sums"
    for what in "${!sum[@]}"; do
        [[ $what == measured || $what == 'already known' ]] && continue
        rejected=$((rejected + ${sum[$what]}))
        reasons+=("${sum[$what]} $what")
    done
    say INFO "in all ${sum[measured]:-0} measured, ${sum[already known]:-0} already known, $rejected rejected$(
        ((rejected == 0)) || printf '%s\n' "${reasons[@]}" | sort -rn | paste -sd , | sed 's/^/: /; s/,/, /g')"
}

step() {  # NAME COMMAND...: run one step and note how it ended
    local name=$1 status=0 writer
    shift
    [[ -z $signalled ]] || return 0
    say INFO "$name begins"
    exec 8> >(stamped)
    writer=$!
    if [[ ${PHOTZP_LOG_FORMAT:-} == json ]]; then  # what is not JSON, as of the interpreter itself, is put into it
        nice -n "${PHOTZP_NICE:-10}" "$@" >&8 2>&8 8>&- &
    else
        nice -n "${PHOTZP_NICE:-10}" "$@" >&8 8>&- &
    fi
    child=$!
    [[ -z $signalled ]] || stop_child  # it came before the child had a name
    exec 8>&-
    hold
    wait "$child" 2>/dev/null || status=$?  # bash would say "Killed", which `note` says, too
    while kill -0 "$child" 2>/dev/null; do  # a signal ended the wait, not the script
        status=0
        wait "$child" || status=$?
    done
    child=''
    while kill -0 "$writer" 2>/dev/null; do sleep 0.02; done
    note "$name" "$status"
}

note() {  # NAME STATUS: log how a step ended; remember the trouble, and the worst status
    local meaning status=$2
    case $status in
        125 | 126 | 127) status=2 ;;  # nice or the interpreter could not be started
    esac
    case $status in
        0) meaning='is done' ;;
        1) meaning='is done, but some input was unreadable' ;;
        2) meaning='could not run' ;;
        3)
            meaning='is done and has findings'
            if [[ -s $tally ]]; then meaning="is done, $(<"$tally")"; fi
            ;;
        *) meaning="failed with status $status" ;;
    esac
    if ((status == 0)); then say INFO "$1 $meaning"; return; fi
    say WARNING "$1 $meaning"
    if ((status == 3)) && [[ ${PHOTZP_CHECK:-} == log ]]; then
        found="; ${meaning#is done, }"
        return
    fi
    troubles+=("$1 $meaning")
    if (($(rank "$status") > $(rank "$worst"))); then worst=$status; fi
}

rank() {  # STATUS: how bad it is; "could not run" counts most, as it is worth another try
    case $1 in 0) echo 0 ;; 1) echo 1 ;; 3) echo 2 ;; 2) echo 4 ;; *) echo 3 ;; esac
}

finish() {  # the last line, also where cron sees it, and the exit status
    local last="all done$found" level=INFO
    if [[ -n $unlogged ]]; then troubles+=('the log could not be written'); worst=2; fi
    if [[ -n $signalled ]]; then
        last="stopped by signal $signalled; what was measured is kept"
        worst=$((128 + signalled))
    elif ((worst != 0)); then
        last=$(printf '%s; ' "${troubles[@]}")
        last=${last%; }$found
    fi
    if [[ -n $found ]] || ((worst != 0)); then level=WARNING; fi
    sum_up
    rm -f -- "$tally" "$sums"
    say "$level" "$last (status $worst)"
    if ((worst != 0)) && [[ -n $log ]]; then echo "runphotzp: $last (status $worst); see $log" >&7 || true; fi
    finished=1
    exit "$worst"
}

# shellcheck disable=SC2329  # called by a trap
unforeseen() {  # an end that nothing above has brought about must not pass for done
    [[ -z $finished ]] || return 0
    if [[ -n $log ]]; then
        echo "runphotzp: ended before its time (status 2); see $log" >&7
    else
        say ERROR 'ended before its time (status 2)'
    fi
    exit 2
}

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    sed -n '2,/^set /{/^set /d; s/^# \{0,1\}//; p}' "${BASH_SOURCE[0]}"
    exit 0
fi
trap unforeseen EXIT
envfile=${PHOTZP_ENVFILE:-}
expand_home envfile
[[ -z $envfile ]] || read_settings "$envfile"
outputdir=${PHOTZP_OUTPUTDIR:-'~/lcozpplots'} log=${PHOTZP_LOG:-} python=${PHOTZP_PYTHON:-}
expand_home outputdir
expand_home log
expand_home python
if [[ -z $python ]]; then
    python=$checkout/.venv/bin/python
    [[ -e $python || -L $python ]] || python=python3
fi
overlay=()
[[ -z ${PHOTZP_OBSERVATORY:-} ]] || overlay=("--observatory=$PHOTZP_OBSERVATORY")
calibrate=("$python" "$checkout/photcalibration.py" "--mintexp=${PHOTZP_MINTEXP:-10}" "${overlay[@]}")
[[ -z ${PHOTZP_ARCHIVE:-} ]] || calibrate+=("--imagerootdir=$PHOTZP_ARCHIVE")
[[ -z ${PHOTZP_PS1DIR:-} ]] || calibrate+=("--ps1dir=$PHOTZP_PS1DIR")
report=("$python" "$checkout/longtermphotzp.py" "--outputdirectory=$outputdir" "${overlay[@]}")
if [[ -n ${PHOTZP_PROCESSES:-} ]]; then
    calibrate+=("--processes=$PHOTZP_PROCESSES")
    report+=("--processes=$PHOTZP_PROCESSES")
fi
case ${PHOTZP_LOG_FORMAT:-text} in
    text) ;;
    json)
        calibrate+=(--log-format=json)
        report+=(--log-format=json)
        ;;
    *) give_up "PHOTZP_LOG_FORMAT=$PHOTZP_LOG_FORMAT: must be text or json" ;;
esac
case ${PHOTZP_CHECK:-} in
    '') ;;
    yes | log) report+=(--check) ;;
    *) give_up "PHOTZP_CHECK=$PHOTZP_CHECK: must be yes or log" ;;
esac
[[ -z ${PHOTZP_THRESHOLD:-} ]] || report+=("--threshold=$PHOTZP_THRESHOLD")
[[ -z ${PHOTZP_METRICS:-} ]] || report+=("--metrics=$PHOTZP_METRICS")
hide_password
if [[ -n ${PHOTZP_DATABASE:-} ]]; then
    calibrate+=("--photodb=$PHOTZP_DATABASE")
    report+=("--database=$PHOTZP_DATABASE")
fi

if [[ " $* " == *' --dry-run '* ]]; then  # a list for the terminal: no report, and nothing to remember
    finished=1
    exec "${calibrate[@]}" "$@"
fi

mkdir -p -- "$outputdir" 2>/dev/null || give_up "$outputdir: cannot be made; see PHOTZP_OUTPUTDIR"
[[ -z $log ]] || open_log
export MPLCONFIGDIR=${MPLCONFIGDIR:-$outputdir/.cache/matplotlib}  # its list of fonts, else in the home directory
lock
tally=$outputdir/.runphotzp.findings
sums=$outputdir/.runphotzp.sums
rm -f -- "$tally" "$sums"
trap 'forward TERM 15' TERM
trap 'forward INT 2' INT
trap 'forward HUP 1' HUP

say INFO "begins; the report goes to ${AWS_S3_BUCKET:-$outputdir}"
if (($#)); then
    step calibration "${calibrate[@]}" "$@"
else
    # One run per type: what ends one run costs the other cameras nothing.  Where the types cannot be
    # told, one run of all says why.
    list='import sys; from photzp.observatory import load_observatory as load; print(*load(sys.argv[1] or None).camera_types)'
    types=${PHOTZP_CAMERATYPES:-}
    if [[ -z $types ]]; then
        types=$(PYTHONPATH=$checkout "$python" -P -c "$list" "${PHOTZP_OBSERVATORY:-}" 2>"$tally") || {
            say WARNING "the camera types cannot be told, so one run takes all of them: $(tail -n 1 -- "$tally")"
            types=''
        }
        rm -f -- "$tally"
    fi
    read -r -d '' -a types <<<"${types//,/ }" || true
    for type in "${types[@]:-}"; do
        step "calibration${type:+ of $type}" "${calibrate[@]}" "--lastNdays=${PHOTZP_NDAYS:-3}" \
            ${type:+"--cameratype=$type"}
    done
fi
step report "${report[@]}"
finish
