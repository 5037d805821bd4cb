package harden

import "testing"

func TestT06ImageUserForms(t *testing.T) {
	for _, test := range []struct {
		user string
		kind ImageUser
		uid  int64
	}{
		{"", ImageUserRoot, 0},
		{"root", ImageUserRoot, 0},
		{"0", ImageUserRoot, 0},
		{"0:1000", ImageUserRoot, 0},
		{"root:app", ImageUserRoot, 0},
		{"00", ImageUserRoot, 0},
		{"1000", ImageUserNonRoot, 1000},
		{"1000:0", ImageUserNonRoot, 1000},
		{"65532:65532", ImageUserNonRoot, 65532},
		{"app", ImageUserNamed, -1},
		{"app:1000", ImageUserNamed, -1},
		{"1000x", ImageUserNamed, -1},
		{"-1", ImageUserNamed, -1},
		{"99999999999999999999", ImageUserNamed, -1},
	} {
		t.Run(test.user, func(t *testing.T) {
			kind, uid := ParseImageUser(test.user)
			if kind != test.kind || uid != test.uid {
				t.Errorf("ParseImageUser(%q) = %d, %d; want %d, %d", test.user, kind, uid, test.kind, test.uid)
			}
		})
	}
}
