package helm

import (
	"cmp"
	"maps"
	"slices"
)

// solve looks for settings that bring all that is wanted, and gives up what
// cannot be brought until the rest can.
func (s *search) solve() map[string]setting {
	if len(s.wants) == 0 {
		return nil
	}
	candidates := s.candidates(topicOf(s.wants))
	s.probe(candidates)
	for len(s.wants) > 0 {
		chosen, missing := s.pick(s.assignments(candidates))
		if len(missing) > 0 {
			s.giveUpMissing(missing)
			continue
		}
		settings := map[string]setting{}
		for _, a := range chosen {
			maps.Copy(settings, a.settings)
		}
		if s.proven(settings) {
			return s.fewer(settings, chosen)
		}
		if s.renders >= maxRenders {
			s.giveUp(s.wants, errTooMuch.Error())
			break
		}
		// Each is right alone and they are not together.
		s.giveUp(s.broughtBy(chosen[len(chosen)-1]), "the values that would bring it do not go together with those for other fields")
	}
	return nil
}

// assignments are what the candidates bring, and single values for the rest.
func (s *search) assignments(candidates []*candidate) []*assignment {
	var out []*assignment
	brought := map[string]bool{}
	add := func(a *assignment) {
		if a != nil && len(a.brings) > 0 {
			out = append(out, a)
			maps.Copy(brought, a.brings)
		}
	}
	for _, c := range candidates {
		add(s.try(c))
	}
	for _, w := range s.wishes() {
		for _, path := range s.scalars(w) {
			if brought[w.name()] {
				break
			}
			add(s.trial(path, w))
		}
	}
	return out
}

// proven reports whether the settings give what is wanted, all of it, and
// nothing else.
func (s *search) proven(settings map[string]setting) bool {
	a, harm, err := s.attempt(settings)
	if err != nil || harm != nil {
		return false
	}
	return !slices.ContainsFunc(s.wishes(), func(w wish) bool { return !a.brings[w.name()] })
}

// fewer leaves out settings without which it is still proven, where two parts of
// the values bring the same.
func (s *search) fewer(settings map[string]setting, chosen []*assignment) map[string]setting {
	times := map[string]int{}
	for _, a := range chosen {
		for name := range a.brings {
			times[name]++
		}
	}
	for _, a := range slices.Backward(chosen) {
		alone := true
		for name := range a.brings {
			alone = alone && times[name] == 1
		}
		if alone {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(a.settings)) {
			less := maps.Clone(settings)
			delete(less, name)
			if s.proven(less) {
				settings = less
			}
		}
	}
	return settings
}

// broughtBy are the wants of which the assignment brings something.
func (s *search) broughtBy(a *assignment) []*want {
	var out []*want
	for _, w := range s.wants {
		if slices.ContainsFunc(w.edits, func(e edit) bool { return a.brings[wish{w, e}.name()] }) {
			out = append(out, w)
		}
	}
	return out
}

// pick chooses few assignments that bring all edits: each time the one that
// brings most of what is missing. missing are the edits that none brings.
func (s *search) pick(all []*assignment) (chosen []*assignment, missing map[string]bool) {
	missing = map[string]bool{}
	for _, w := range s.wishes() {
		missing[w.name()] = true
	}
	gain := func(a *assignment) (n int) {
		for name := range a.brings {
			if missing[name] {
				n++
			}
		}
		return n
	}
	for len(missing) > 0 && len(all) > 0 {
		best := slices.MinFunc(all, func(a, b *assignment) int {
			return cmp.Or(cmp.Compare(gain(b), gain(a)), cmp.Compare(s.novelty(a), s.novelty(b)), cmp.Compare(len(a.settings), len(b.settings)))
		})
		if gain(best) == 0 {
			break
		}
		chosen = append(chosen, best)
		for name := range best.brings {
			delete(missing, name)
		}
	}
	return chosen, missing
}

// novelty counts the settings below a part that the values do not have.
func (s *search) novelty(a *assignment) (n int) {
	for _, set := range a.settings {
		if v, _ := at(s.values, set.path[:1]); v == nil {
			n++
		}
	}
	return n
}
