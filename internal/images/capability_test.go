package images

import (
	"slices"
	"strings"
	"testing"
)

func TestDecodeCapability(t *testing.T) {
	for _, test := range []struct {
		name, attribute, want string
		effective, fails      bool
	}{
		{name: "T15 cap_net_bind_service=+ep", attribute: netBind, want: "NET_BIND_SERVICE", effective: true},
		{name: "cap_net_raw=+p, as iputils has it", attribute: "\x00\x00\x00\x02\x00\x20\x00\x00" + strings.Repeat("\x00", 12), want: "NET_RAW"},
		{name: "inheritable only", attribute: "\x00\x00\x00\x02\x00\x00\x00\x00\x00\x20\x00\x00" + strings.Repeat("\x00", 8), want: ""},
		{name: "high word", attribute: "\x01\x00\x00\x02\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00", want: "CHOWN,CHECKPOINT_RESTORE", effective: true},
		{name: "revision 1", attribute: "\x01\x00\x00\x01\x00\x04\x00\x00\x00\x00\x00\x00", want: "NET_BIND_SERVICE", effective: true},
		{name: "revision 3, of a user namespace", attribute: "\x01\x00\x00\x03" + netBind[4:] + "\xa0\x86\x01\x00", want: "NET_BIND_SERVICE", effective: true},
		{name: "bits that have no name", attribute: "\x00\x00\x00\x02" + strings.Repeat("\xff", 16), want: strings.Join(capabilityNames, ",")},
		{name: "empty", attribute: "", fails: true},
		{name: "short", attribute: "\x01\x00\x00", fails: true},
		{name: "cut", attribute: netBind[:19], fails: true},
		{name: "too long", attribute: netBind + "\x00", fails: true},
		{name: "revision 2 of the size of 3", attribute: netBind + "\x00\x00\x00\x00", fails: true},
		{name: "revision 4", attribute: "\x01\x00\x00\x04" + netBind[4:], fails: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			names, effective, err := decodeCapability([]byte(test.attribute))
			if got := strings.Join(names, ","); got != test.want || effective != test.effective || (err != nil) != test.fails {
				t.Errorf("got %q, %v, %v; want %q, %v, error %v", got, effective, err, test.want, test.effective, test.fails)
			}
		})
	}
}

func TestCapabilityNamesAreThoseOfTheKernel(t *testing.T) {
	for number, name := range map[int]string{0: "CHOWN", 10: "NET_BIND_SERVICE", 13: "NET_RAW", 21: "SYS_ADMIN", 31: "SETFCAP", 37: "AUDIT_READ", 40: "CHECKPOINT_RESTORE"} {
		if slices.Index(capabilityNames, name) != number {
			t.Errorf("%s is not number %d", name, number)
		}
	}
}

func FuzzCapability(f *testing.F) {
	f.Add([]byte(netBind))
	f.Add([]byte("\x01\x00\x00\x01\x00\x04\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\x01\x00\x00\x03" + netBind[4:] + "\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, attribute []byte) {
		names, effective, err := decodeCapability(attribute)
		if err != nil && (names != nil || effective) {
			t.Errorf("%q: both an error and %v, %v", attribute, names, effective)
		}
		if !slices.IsSortedFunc(names, func(a, b string) int { return slices.Index(capabilityNames, a) - slices.Index(capabilityNames, b) }) {
			t.Errorf("%q: %v is not in the order of the kernel", attribute, names)
		}
	})
}
