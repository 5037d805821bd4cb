// Package edit changes what a document of YAML or JSON says, and leaves every
// byte alone that need not change.
package edit

import "errors"

// Document gives the text of one document (with its markers and comments)
// changed so that it says after: map[string]any, []any, string, bool, int64,
// float64, nil. Notes are what a person should know about it, such as an alias
// that was written out.
//
// The new text is decoded again; it is an error when it says anything else than
// it should.
func Document(text string, after any) (out string, notes []string, err error) {
	return "", nil, errors.New("not built yet")
}
