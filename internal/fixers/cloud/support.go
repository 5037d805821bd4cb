package cloud

import (
	"strconv"
	"strings"
	"time"

	utilversion "k8s.io/apimachinery/pkg/util/version"
)

// supportKnownUntil is the day until which the tables below tell about versions
// that they do not hold: one that came out since is supported for longer than that.
// The end of a version that they do hold does not move to an earlier day.
var supportKnownUntil = date(2027, time.October, 28)

// upstreamEnds are the last days of Kubernetes' minor versions
// (kubernetes.io/releases, as of September 2026). Those before are over.
var upstreamEnds = map[int]time.Time{
	30: date(2025, time.July, 15),
	31: date(2025, time.October, 28),
	32: date(2026, time.February, 28),
	33: date(2026, time.June, 28),
	34: date(2026, time.October, 27),
	35: date(2027, time.February, 28),
	36: date(2027, time.June, 28),
	37: date(2027, time.October, 28),
}

// eksEnds are the last days of standard and of extended support of EKS
// (docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html, as of April 2026).
var eksEnds = map[int]struct{ standard, extended time.Time }{
	29: {date(2025, time.March, 23), date(2026, time.March, 23)},
	30: {date(2025, time.July, 23), date(2026, time.July, 23)},
	31: {date(2025, time.November, 26), date(2026, time.November, 26)},
	32: {date(2026, time.March, 23), date(2027, time.March, 23)},
	33: {date(2026, time.July, 29), date(2027, time.July, 29)},
	34: {date(2026, time.December, 2), date(2027, time.December, 2)},
	35: {date(2027, time.March, 27), date(2028, time.March, 27)},
}

// containerdEnds are the last days of containerd's versions (RELEASES.md of
// containerd/containerd, as of the spring of 2026; the end of 1.7 is given there as a month).
var containerdEnds = map[string]time.Time{
	"1.5": date(2023, time.February, 28),
	"1.6": date(2025, time.August, 23),
	"1.7": date(2026, time.September, 30),
	"2.0": date(2025, time.November, 7),
	"2.1": date(2026, time.May, 5),
	"2.2": date(2026, time.November, 6),
	"2.3": date(2028, time.April, 27),
}

func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// over reports whether the last day has passed.
func over(last, now time.Time) bool { return !now.Before(last.AddDate(0, 0, 1)) }

// before reports whether the minor version is older than all of the table, which are over.
func before[T any](table map[int]T, minor int) bool {
	for m := range table {
		if m <= minor {
			return false
		}
	}
	return true
}

// day is a day for people.
func day(t time.Time) string { return t.Format(time.DateOnly) }

// minorOf is the minor version of Kubernetes in text such as v1.33.1-eks-1; 0 where there is none.
func minorOf(version string) int {
	v, err := utilversion.ParseGeneric(version)
	if err != nil || v.Major() != 1 {
		return 0
	}
	return int(v.Minor())
}

// runtimeOf parts what a node says about its container runtime, such as
// containerd://1.7.28, into the runtime and MAJOR.MINOR.
func runtimeOf(text string) (name, version string) {
	name, rest, ok := strings.Cut(text, "://")
	if !ok {
		return "", ""
	}
	v, err := utilversion.ParseGeneric(rest)
	if err != nil {
		return name, ""
	}
	return name, strconv.Itoa(int(v.Major())) + "." + strconv.Itoa(int(v.Minor()))
}
