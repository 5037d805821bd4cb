# Looks around in the container that it runs in, or, told the id of another one, in that one. It only reads, needs a
# POSIX shell, and uses ls and find where they exist. Lines that begin with # are not sent.
#
# Arguments: the mark that begins each section, the start of the container (seconds since 1970), and the id of the
# container to look into from an ephemeral one, or nothing.
exec 2>/dev/null
LC_ALL=C
export LC_ALL
mark=$1 start=$2 id=$3
say() { printf '%s\n' "$*"; }
cgroups() {
	all=
	while IFS= read -r line; do all="$all;$line"; done <"$1/cgroup"
}

target=self root=
if [ -n "$id" ]; then
	target=1
	for p in /proc/[0-9]*; do
		cgroups "$p"
		case $all in *"$id"*) target=${p#/proc/}; break ;; esac
	done
	root=/proc/$target/root
fi
say "$mark self"
say "$$"
cgroups /proc/$$
say "$all"

say "$mark processes"
for p in /proc/[0-9]*; do
	[ -r "$p/status" ] || continue
	say "pid ${p#/proc/}"
	while IFS= read -r line; do
		case $line in Name:* | State:* | PPid:* | Uid:* | Gid:* | Groups:* | CapPrm:* | CapEff:* | CapBnd:* | NoNewPrivs:* | Seccomp:*) say "$line" ;; esac
	done <"$p/status"
	cgroups "$p"
	say "cgroup $all"
done

say "$mark mounts"
while IFS= read -r line; do say "$line"; done <"/proc/$target/mountinfo"

say "$mark sockets"
for f in tcp tcp6 udp udp6 raw raw6 packet; do
	[ -r "/proc/self/net/$f" ] || continue
	say "net $f"
	n=0
	while IFS= read -r line; do
		case $f in
		tcp*) case $line in *:*:*:*' 0A '* | *:*:*:*' 01 '*) ;; *) continue ;; esac ;;
		esac
		n=$((n + 1))
		if [ $n -gt 2000 ]; then say cut; break; fi
		say "$line"
	done <"/proc/self/net/$f"
done

say "$mark open"
if command -v ls >/dev/null; then
	for p in /proc/[0-9]*; do
		[ -d "$p" ] || continue
		pid=${p#/proc/}
		[ -d "$p/root/." ] || { say "shut $pid"; continue; }
		n=0
		ls -l "$p/fd" | while IFS= read -r line; do
			case $line in l?w*' -> /'*) ;; *) continue ;; esac
			n=$((n + 1))
			if [ $n -gt 500 ]; then say cut; break; fi
			fd=${line%% -> *} mount=
			fd=${fd##* }
			while read -r key value; do
				case $key in mnt_id:) mount=$value ;; esac
			done <"$p/fdinfo/$fd"
			say "file $pid ${mount:--} ${line#* -> }"
		done
	done
else
	say "no ls"
fi

# What is newer than the container? The runtime makes /dev/fd while it creates it, after the image was unpacked and before
# a program runs. The start that it tells is of whole seconds and can be seconds late on a busy node. So it only says
# whether /dev/fd is of this container. Where it is not, files count from a minute before the start, but in that minute
# only where they were modified too: a change alone may be that the image was unpacked.
early=$((start - 60))
say "$mark changed"
how= made= moment=
if command -v find >/dev/null; then
	if find /proc/version -newerct "@$start" >/dev/null; then
		how=exact
		made=$(find "$root/dev/fd" -newermt "@$early" ! -newermt "@$((start + 1))")
	elif min=$(date +%s); then
		min=$(((min - early) / 60 + 1)) how=modified
		if find /proc/version -cmin "-$min" -exec stat -c '%Z %Y %z %n' {} + >/dev/null; then
			how=changed
			made=$(stat -c '%Y %y' "$root/dev/fd")
			moment=${made#*.} made=${made%% *}
			moment=1${moment%% *}
			case $made$moment in *[!0-9]*) made= ;; esac
			[ "${made:-0}" -ge "$early" ] && [ "$made" -le "$start" ] || made=
		fi
	fi
fi
# The files that find names by exact times, or for "changed" and "modified" by minutes.
candidates() {
	case $how in
	exact)
		if [ -n "$made" ]; then
			find "$root/" -xdev -cnewer "$made"
		else
			find "$root/" -xdev \( -newerct "@$start" -o -newerct "@$early" -newermt "@$early" \)
		fi
		;;
	changed) find "$root/" -xdev -cmin "-$min" -exec stat -c '%Z %Y %z %n' {} + ;;
	modified) find "$root/" -xdev -mmin "-$min" ;;
	esac 2>&1
}
# Whether a change at a second and a nanosecond of it, of a file modified at a second, is newer than the container.
newer() {
	if [ -n "$made" ]; then
		[ "$1" -gt "$made" ] || { [ "$1" -eq "$made" ] && [ "$2" -ge "$moment" ]; }
	else
		[ "$1" -ge "$start" ] || { [ "$1" -ge "$early" ] && [ "$3" -ge "$early" ]; }
	fi
}
say "how ${how:-none}"
[ -n "$root" ] && say "root $root"
n=0 shut=
candidates | while IFS= read -r f; do
	case $f in find:* | stat:*)
		[ -z "$shut" ] && say "shut $f"
		shut=yes
		continue
		;;
	esac
	if [ $how = changed ]; then
		# SECOND MODIFIED DATE TIME.NANOSECOND ZONE NAME
		second=${f%% *} f=${f#* }
		modified=${f%% *} f=${f#* * }
		nano=${f%% *} f=${f#* * }
		nano=1${nano#*.}
		case $nano in *[!0-9]*) nano=2000000000 ;; esac
		newer "$second" "$nano" "$modified" || continue
	fi
	n=$((n + 1))
	if [ $n -gt 2000 ]; then say cut; break; fi
	type=file
	[ -d "$f" ] && [ ! -h "$f" ] && type=dir
	say "$type $f"
done
say "$mark end"
exit 0
