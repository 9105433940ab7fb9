#!/bin/bash
# Runs in the machine that was booted, as root, after each start; what is checked there goes on where the last start ended.
# It says each thing in one line on the serial line: "@@ pass NAME", "@@ fail NAME: why", "@@ do WHAT" for whoever holds the machine.
set -u
home=/srv/betti
bin=/opt/betti/bin
unit=betti.service
runtime=/run/betti
stick=/media/usb
copies=$stick/betti
part=/var/lib/checks-part
token_file=/root/token
# How long whatever has to come may take. This machine may be emulated: it is for what never comes, not for what is slow.
longest=150

# What a check writes is kept for when it fails; what is said goes around that.
exec 3>&1
say() { echo "@@ $*" >&3; }
pass() { say "pass $1"; }
# fail NAME WHY: the last lines of what the hub says follow.
fail() {
    say "fail $1: $(tr '\n' ' ' <<<"${2:-}" | cut -c1-600)"
    journalctl -q --no-pager -n 8 -u $unit -o cat
}
# check NAME COMMAND...: passes if the command does, else what it wrote is why.
check() {
    local name=$1 said
    shift
    if said=$("$@" 2>&1); then pass "$name"; else fail "$name" "$said"; fi
}
# eventually COMMAND...: until it is true, or too late.
eventually() {
    local until=$((SECONDS + longest))
    until "$@"; do
        [ $SECONDS -lt $until ] || return 1
        sleep 0.5
    done
}
# as USER COMMAND...: with the environment of a login.
as() {
    local who=$1
    shift
    runuser -u "$who" -- env BETTI_RUNTIME_DIR=$runtime HOME="/home/$who" "$@"
}
ctl() { (cd $home && as betti $bin/betti-ctl "$@"); }
property() { systemctl show --value -p "$1" "${2:-$unit}"; }
keeper() { property MainPID; }
supervisor() { pgrep -P "$(keeper)" -f -- --supervise; }
# name and pid of each app.
apps() { ctl status --json | jq -r '.apps[] | select(.status == "online") | "\(.name) \(.pid)"' | sort; }
all_online() {
    local counted
    counted=$(ctl status --json 2>/dev/null | jq -r '[.apps | length, (map(select(.status == "online")) | length)] | join(" ")')
    [ "${counted% *}" = "${counted#* }" ] && [ "${counted% *}" -ge 6 ] 2>/dev/null
}
online() { eventually all_online || { ctl status; return 1; }; }
active() { [ "$(systemctl is-active $unit)" = active ] || { systemctl status --no-pager $unit; return 1; }; }
is_not() { [ -n "$2" ] && [ "$1" != "$2" ]; }
of_hub() { pgrep -u betti; }
# ask PATH [curl's]: the gateway's status.
ask() { curl -s -o /dev/null -m 20 -w '%{http_code}' "${@:2}" "http://127.0.0.1:5173$1"; }
answers() { [ "$(ask "$@")" = 200 ] || { echo "answered $(ask "$@")"; return 1; }; }
newest_reading() { curl -s -m 20 -H "Authorization: Bearer $(cat $token_file)" http://127.0.0.1:5173/api/vitals/heart_rate; }
post_reading() {
    curl -s -m 20 -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $(cat $token_file)" -H 'Content-Type: application/json' \
        -d "{\"vital_type\":\"heart_rate\",\"value_primary\":$1,\"unit\":\"bpm\"}" http://127.0.0.1:5173/api/vitals | grep -q '^20'
}
has_reading() { eventually is_newest "$1" || { echo "the newest is $(newest_reading)"; return 1; }; }
is_newest() { newest_reading | jq -e ".data.valuePrimary == $1" >/dev/null; }

# What the hub wrote that somebody else than its user could read, or that is somebody else's.
open_to_others() {
    local found
    found=$(find $home/data $home/logs $runtime \( ! -user betti -o -perm /077 \) ! -type l -printf '%m %u %p\n')
    [ -z "$found" ] || { echo "$found"; return 1; }
}
sandboxed() {
    local app log count=0
    for log in $home/logs/betti-*-out.log; do
        app=$(basename "$log" -out.log)
        grep -q '"sees only' "$log" || grep -q 'sees only' "$log" || { echo "$app says: $(grep -h 'sees' "$log" | tail -1)"; return 1; }
        say "note $app: $(grep -ho 'sees only.*' "$log" | head -1 | cut -d'"' -f1) $(grep -ho 'Landlock [A-Z0-9]*' "$log" | head -1)"
        count=$((count + 1))
    done
    [ $count -ge 6 ]
}
held_by_the_unit() {
    local pid
    for pid in $(of_hub); do
        grep -q '^NoNewPrivs:\s1' "/proc/$pid/status" && grep -q '^Seccomp:\s2' "/proc/$pid/status" &&
            grep -q '^CapBnd:\s0000000000000000' "/proc/$pid/status" || { grep -E 'Name|NoNew|Seccomp:|CapBnd' "/proc/$pid/status"; return 1; }
    done
}
group_each() {
    local base=/sys/fs/cgroup$(property ControlGroup) count
    count=$(find "$base" -mindepth 1 -maxdepth 1 -type d -name 'betti-*' | wc -l)
    [ "$count" -ge 6 ] || { ls "$base"; return 1; }
}
neighbour_is_refused() {
    local said
    said=$(cd $home && as neighbour $bin/betti-ctl status 2>&1) && { echo "let in: $said"; return 1; }
    as neighbour curl -s -m 5 --unix-socket $runtime/control.sock http://hub/status && { echo "the socket answers"; return 1; }
    return 0
}
stopped() {
    local before=$EPOCHREALTIME after took
    systemctl stop $unit || return 1
    after=$EPOCHREALTIME
    took=$(((${after/./} - ${before/./}) / 1000))
    say "note stopping took $took ms"
    [ "$(property Result)" = success ] || { property Result; return 1; }
    of_hub && { echo "something of it is left"; return 1; }
    [ $took -le 6000 ] || { echo "it took $took ms"; return 1; }
}
killed_supervisor() {
    local before=$1 apps=$2
    eventually another_supervisor "$before" || { echo "no other supervisor"; return 1; }
    online || return 1
    [ "$(apps)" = "$apps" ] || { echo "other apps than before: $(apps) instead of $apps"; return 1; }
}
another_supervisor() { is_not "$1" "$(supervisor)"; }
another_keeper() { is_not "$1" "$(keeper)" && [ "$(keeper)" != 0 ]; }
came_back() {
    eventually another_keeper "$1" || { echo "no other keeper"; return 1; }
    eventually active >/dev/null && online || return 1
    local count
    count=$(pgrep -u betti -f "$bin/betti-api|^betti-api" | wc -l)
    [ "$count" = 1 ] || { echo "$count of betti-api"; ps -u betti -o pid,ppid,args; return 1; }
}

# the disk in the machine that is the stick, if it is plugged in
stick_disk() { lsblk -dnro NAME,SERIAL 2>/dev/null | awk '$2 == "stick" { print "/dev/" $1 }'; }
plugged() { [ -n "$(stick_disk)" ] && [ -b "$(stick_disk)" ]; }
unplugged() { [ -z "$(stick_disk)" ]; }
plug() { say "do plug"; eventually plugged || { say "fail a stick is plugged in: it does not appear"; return 1; }; }
mount_stick() {
    # As a desktop mounts it for who is there.
    mount -o uid=betti,gid=betti,umask=077 "$(stick_disk)" $stick
}
copied() { find $copies -maxdepth 1 -name 'betti-*.age' 2>/dev/null | sort; }
another_copy() { is_not "$1" "$(copied)"; }
# What ecosystem.toml says about copies; saving it is enough.
nightly_to_stick() {
    local at
    at=$(date -d '+75 seconds' +%H:%M)
    as betti sed -i -e "s#BETTI_BACKUP_TO = \"[^\"]*\"#BETTI_BACKUP_TO = \"$copies\"#" -e "s#BETTI_BACKUP_AT = \"[^\"]*\"#BETTI_BACKUP_AT = \"$at\"#" \
        $home/ecosystem.toml
}
nightly_copies() {
    local before
    before=$(copied)
    nightly_to_stick
    eventually another_copy "$before" || { tail -2 $home/logs/betti-backup-out.log; return 1; }
}
by_hand() { ctl backup --to $copies; }
whole() {
    local copy
    for copy in $(copied); do ctl restore --dry-run "$copy" || return 1; done
}
is_writing() { find $copies -name '*.part' -size +64k 2>/dev/null | grep -q .; }
pulled_out() {
    local copying said=/tmp/backup.said code
    head -c 40000000 /dev/urandom >$home/data/large.bin
    chown betti: $home/data/large.bin
    chmod 600 $home/data/large.bin
    by_hand >$said 2>&1 &
    copying=$!
    eventually is_writing || { cat $said; return 1; }
    say "do pull"
    eventually unplugged || { echo "the stick is still there"; return 1; }
    wait $copying
    code=$?
    say "note the copy that was cut off says: $(tail -2 $said | tr '\n' ' ')"
    [ $code = 1 ] || { echo "exit code $code: $(cat $said)"; return 1; }
    umount -l $stick
    rm $home/data/large.bin
    online
}
nothing_in_the_mount_point() {
    local said
    said=$(by_hand 2>&1) && { echo "copied to nowhere: $said"; return 1; }
    say "note without the stick: $(tail -1 <<<"$said")"
    [ -z "$(ls -A $stick)" ] || { find $stick; return 1; }
}

first() {
    say "note $(cat /proc/version | cut -d' ' -f1-3), $(systemctl --version | head -1), security: $(cat /sys/kernel/security/lsm)"
    # As if somebody kept the clock right, which a machine without a network does not know.
    adjtimex --status 0 >/dev/null
    check "betti-ctl startup writes and enables the unit" $bin/betti-ctl startup --config $home/ecosystem.toml --user betti
    check "it is enabled" systemctl -q is-enabled $unit
    check "systemd-analyze verify has nothing to say" verified
    check "systemctl start returns when it is ready" systemctl start $unit
    check "the unit is active" active
    check "every app is online" online
    say "note $(systemd-analyze security --no-pager $unit | tail -1)"
    check "every worker has given up what it does not need" sandboxed
    check "every process has the unit's limits" held_by_the_unit
    check "each app has a control group of its own" group_each
    check "what it wrote is for its own user only" open_to_others
    check "its own user is answered by betti-ctl" ctl status
    check "another user is refused" neighbour_is_refused
    check "the clock that was set right is believed" clock_is_believed
    check "the gateway answers everybody about its health" answers /health
    check "a stranger gets 401" test "$(ask /api/vitals)" = 401
    check "somebody is paired and let in" paired
    check "a reading is taken" post_reading 61
    check "a worker that is killed comes back" killed_worker

    local before apps
    before=$(supervisor) apps=$(apps)
    kill -9 "$before"
    check "kill -9 of the supervisor ends no app and brings another" killed_supervisor "$before" "$apps"
    before=$(keeper)
    kill -9 "$before"
    check "kill -9 of the keeper brings everything back, once" came_back "$before"
    before=$(keeper)
    kill -STOP "$before"
    check "a keeper that hangs is ended by the watchdog and comes back" came_back "$before"
    before=$(property NRestarts)
    say "note systemd started it again $before times"

    plug && mkfs.vfat -n STICK "$(stick_disk)" >/dev/null && mount_stick
    check "a copy goes to a stick by hand" by_hand
    check "the worker copies to a stick that came after it began" nightly_copies
    check "the copies are whole" whole
    check "a stick that is pulled out in the middle ends the copy, and nothing else" pulled_out
    check "nothing is written where the stick was" nothing_in_the_mount_point
    plug && mount_stick
    check "the stick that is back has whole copies" whole
    check "and takes another one" by_hand
    check "what was cut off is gone from it" test -z "$(find $stick -name '*.part*')"
    check "what the hub wrote since is for its own user only" open_to_others

    check "stopping is quick, clean and complete" stopped
    check "and it starts again" systemctl start $unit
    check "with every app" online
    check "the reading is still there" has_reading 61
    echo "LABEL=STICK $stick vfat uid=betti,gid=betti,umask=077,nofail 0 0" >>/etc/fstab
    post_reading 62 || fail "a reading before the reboot" refused
    echo second >$part
    say "note reboot"
    systemctl reboot
}
verified() {
    local said
    said=$(systemd-analyze verify --man=no /etc/systemd/system/$unit 2>&1)
    [ -z "$said" ] || { echo "$said"; return 1; }
}
paired() {
    as betti env BETTI_DATA_DIR=$home/data $bin/betti-api token --role resident >$token_file || return 1
    answers /api/vitals -H "Authorization: Bearer $(cat $token_file)"
}
killed_worker() {
    local before
    before=$(apps | awk '$1 == "betti-nutrition" { print $2 }')
    kill -9 "$before"
    eventually another_worker "$before" || { ctl status; return 1; }
}
another_worker() { is_not "$1" "$(apps | awk '$1 == "betti-nutrition" { print $2 }')"; }
clock_is_believed() {
    as betti sh -c "printf '\n[[apps]]\nname = \"clock\"\nscript = \"/bin/sleep\"\nargs = [\"infinity\"]\ncron_restart = \"* * * * *\"\n' >>$home/ecosystem.toml"
    local said
    eventually clock_is_shown
    said=$(ctl describe clock 2>&1)
    as betti sed -i '/^name = "clock"/,$d' $home/ecosystem.toml
    as betti sed -i '$d' $home/ecosystem.toml
    grep -qi 'cron' <<<"$said" && ! grep -qi 'wait.*clock\|clock.*wait' <<<"$said" || { echo "$said"; return 1; }
}
clock_is_shown() { ctl describe clock >/dev/null 2>&1; }

second() {
    check "after a reboot the unit is active by itself" eventually active
    check "after a reboot every app is online" online
    check "after a reboot what was acknowledged is there" has_reading 62
    check "a stick that was there at the start has its copies" whole
    check "the worker copies to a stick that was there before it" nightly_copies
    post_reading 63 || fail "a reading before the power cut" refused
    echo third >$part
    sync -f $part
    say "do reset"
    sleep 600
}

third() {
    check "after a power cut the unit is active by itself" eventually active
    check "after a power cut every app is online" online
    check "after a power cut what was acknowledged is there" has_reading 63
    runtime=/run/second
    unit=second.service
    check "a hub in a home folder, with a program of somebody's, gets a unit" \
        $bin/betti-ctl startup --config /home/pi/betti/ecosystem.toml --user pi --service-name second
    check "it starts" systemctl start $unit
    check "its program runs" eventually test -s /home/pi/betti/mine.pid
    say "note $(systemd-analyze security --no-pager $unit | tail -1)"
    check "betti-ctl unstartup takes it away" $bin/betti-ctl unstartup --service-name second
    check "nothing of it is left" gone
    unit=betti.service
    check "betti-ctl unstartup takes the other one away too" $bin/betti-ctl unstartup
    check "nothing of that is left either" test -z "$(of_hub)"
    say "done"
    systemctl poweroff
}
gone() { [ ! -e /etc/systemd/system/second.service ] && ! pgrep -u pi; }

mkdir -p "$(dirname $part)"
"$(cat $part 2>/dev/null || echo first)"
