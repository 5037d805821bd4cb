package pod

import (
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A starter is the user that a container starts as.
type starter struct {
	known bool
	root  bool // where known: user 0, in one of the images at least
	named bool // an image names its user by name
	// uid and gid are what a spec would have to say; they hold where all images agree.
	uid, gid int64
	agree    bool
	claims   []harden.Claim // how it is known, or what is missing
}

// starterOf finds the user by the spec, else by the images.
func starterOf(p *harden.Pass, c harden.Container) starter {
	if uid := effectiveRunAsUser(p, c); uid != nil {
		text := fmt.Sprintf("Container %s has runAsUser: %d in force.", c.Name, *uid)
		return starter{known: true, root: *uid == 0, uid: *uid, claims: []harden.Claim{seen(p, "E-SPEC", text, "")}}
	}
	return imageStarterOf(p, c)
}

// imageStarterOf finds the user that the images name: a number by their config,
// a name by their passwd. A claim about an image whose USER the kubelet would
// not accept under runAsNonRoot alone does not speak for a fix.
func imageStarterOf(p *harden.Pass, c harden.Container) starter {
	images, gap := imagesOf(p, c)
	if gap != "" {
		return starter{claims: []harden.Claim{ask("E-IMG-CONFIG", gap, "is its USER a number other than 0?")}}
	}
	s := starter{known: true, agree: true}
	for n, i := range images {
		one := userOfImage(p, i)
		s.known = s.known && one.known
		s.root, s.named = s.root || one.root, s.named || one.named
		s.agree = s.agree && one.agree && (n == 0 || one.uid == s.uid && one.gid == s.gid)
		s.uid, s.gid = one.uid, one.gid
		s.claims = append(s.claims, one.claims...)
	}
	return s
}

func userOfImage(p *harden.Pass, i known) starter {
	kind, uid := harden.ParseImageUser(i.User)
	s := starter{known: true, root: kind == harden.ImageUserRoot, named: kind == harden.ImageUserNamed, uid: uid}
	claim := imageClaim(p, "E-IMG-CONFIG", harden.Holds, []known{i}, fmt.Sprintf("The USER of image %s is %q.", i.name, i.User), movingTag(i))
	if s.root {
		claim.State = harden.Refutes
	}
	s.claims = []harden.Claim{claim}
	if i.Files != nil {
		s.uid, s.gid, s.agree = i.Files.ResolveUser(i.User)
	}
	if !s.named {
		return s
	}
	switch {
	case i.Files == nil:
		s.known = false
		s.claims = append(s.claims, missing("E-IMG-FS", fmt.Sprintf("The files of image %s were not read%s: which number has user %q?", i.name, because(i.FilesWhy), i.User)))
	case !s.agree:
		s.known = false
		s.claims = append(s.claims, imageClaim(p, "E-IMG-FS", harden.Refutes, []known{i}, fmt.Sprintf("The passwd of image %s knows no user %q.", i.name, i.User), ""))
	default:
		s.root = s.uid == 0
		resolved := imageClaim(p, "E-IMG-FS", harden.Holds, []known{i}, fmt.Sprintf("By the passwd and group of image %s that is user %d and group %d.", i.name, s.uid, s.gid), "")
		if s.root {
			resolved.State = harden.Refutes
		}
		s.claims = append(s.claims, resolved)
	}
	return s
}

// movingTag is what is not proven about an image that is named by a tag.
func movingTag(i known) string {
	if i.Digest != "" {
		return "An image that comes later."
	}
	return "A tag may move to an image with another user."
}
