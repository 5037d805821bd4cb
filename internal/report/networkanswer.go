package report

import (
	"fmt"
	"io"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A NetworkAnswer is whether one connection may be opened.
type NetworkAnswer struct {
	From, To      harden.Peer
	Port          harden.Port
	Before, After harden.Decision
}

// Answers writes the engine and, for each connection, the answer with what decides it.
func (r *Network) Answers(w io.Writer, answers []NetworkAnswer) error {
	out := &errWriter{w: w}
	r.engine(out)
	for i := range answers {
		a := &answers[i]
		fmt.Fprintf(out, "%s to %s %s: %s\n", r.peer(a.From), r.peer(a.To), a.Port, reachWord(a.Before.Reach, a.Before.Partly))
		r.decision(out, "  ", &a.Before)
		if r.both() {
			fmt.Fprintf(out, "  with the proposal: %s\n", reachWord(a.After.Reach, a.After.Partly))
			r.decision(out, "    ", &a.After)
		}
		if f := r.flow(a); f != nil {
			need := "needed"
			if !f.Required() {
				need = "guessed by name only"
			}
			fmt.Fprintf(out, "  %s (confidence %s): %s\n", need, f.Confidence, r.because(f))
		}
	}
	writeUnread(out, r.View.Unread)
	return out.err
}

func (r *Network) decision(w io.Writer, indent string, d *harden.Decision) {
	if d.Why != "" {
		fmt.Fprintf(w, "%s%s\n", indent, harden.OneLine(d.Why))
	}
}

func (r *Network) flow(a *NetworkAnswer) *harden.Flow {
	for i := range r.View.Flows {
		if f := &r.View.Flows[i]; f.From == a.From && f.To == a.To && f.Port == a.Port {
			return f
		}
	}
	return nil
}

type answerReport struct {
	APIVersion string      `json:"apiVersion"`
	Kind       string      `json:"kind"`
	Engine     engineDoc   `json:"engine"`
	Answers    []answerDoc `json:"answers"`
	NotChecked []unreadDoc `json:"notChecked"`
}

type answerDoc struct {
	From peerDoc `json:"from"`
	To   peerDoc `json:"to"`
	portDoc
	Now      decisionDoc `json:"now"`
	Proposed decisionDoc `json:"proposed"`
	Flow     *flowDoc    `json:"flow,omitempty"`
}

type decisionDoc struct {
	Reach  harden.Reach `json:"reach"`
	Partly bool         `json:"partly,omitempty"`
	Why    string       `json:"why,omitempty"`
	By     []ruleDoc    `json:"by"`
}

type ruleDoc struct {
	Policy    objectDoc        `json:"policy"`
	Direction harden.Direction `json:"direction"`
	Rule      int              `json:"rule"` // 0: the policy isolates, and no rule of it admits
}

// AnswersJSON writes a NetworkAnswers document.
func (r *Network) AnswersJSON(w io.Writer, answers []NetworkAnswer) error {
	doc := answerReport{APIVersion: APIVersion, Kind: "NetworkAnswers", Engine: engineOf(r.View.Engine), Answers: []answerDoc{}, NotChecked: unreadDocs(r.View.Unread)}
	for i := range answers {
		a := &answers[i]
		d := answerDoc{From: peerOf(a.From, nil), To: peerOf(a.To, nil), portDoc: portDoc{a.Port.Protocol, a.Port.Number}, Now: decisionOf(a.Before), Proposed: decisionOf(a.After)}
		if f := r.flow(a); f != nil {
			flow := flowOf(f, nil)
			d.Flow = &flow
		}
		doc.Answers = append(doc.Answers, d)
	}
	return writeJSON(w, doc)
}

func decisionOf(d harden.Decision) decisionDoc {
	doc := decisionDoc{Reach: d.Reach, Partly: d.Partly, Why: d.Why, By: []ruleDoc{}}
	for _, by := range d.By {
		doc.By = append(doc.By, ruleDoc{objectOf(by.Policy), by.Direction, by.Rule})
	}
	return doc
}
