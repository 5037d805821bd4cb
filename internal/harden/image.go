package harden

import (
	"strconv"
	"strings"
)

// ImageFacts is what is known about an image from its config.
type ImageFacts struct {
	Known bool   // the config was read; otherwise User says nothing
	User  string // Config.User as it stands there; empty means root
}

// An ImageUser is what the USER of an image says about the process's user id.
type ImageUser int

// Image users, as the kubelet tells them apart under runAsNonRoot
// (verifyRunAsNonRoot in pkg/kubelet/kuberuntime/security_context_others.go).
const (
	ImageUserRoot    ImageUser = iota // empty, 0 or root
	ImageUserNonRoot                  // a number other than 0
	ImageUserNamed                    // another name: the kubelet refuses it, because it cannot know the number
)

// ParseImageUser classifies the USER of an image: USER[:GROUP], where each is a
// name or a number. The number is -1 for names.
func ParseImageUser(user string) (kind ImageUser, uid int64) {
	name, _, _ := strings.Cut(strings.TrimSpace(user), ":")
	if name == "" || name == "root" {
		return ImageUserRoot, 0
	}
	uid, err := strconv.ParseInt(name, 10, 64)
	switch {
	case err != nil || uid < 0:
		return ImageUserNamed, -1
	case uid == 0:
		return ImageUserRoot, 0
	default:
		return ImageUserNonRoot, uid
	}
}
