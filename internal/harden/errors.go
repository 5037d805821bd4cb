package harden

import "errors"

// ErrCredentials is wrapped by errors about a server that does not know who asks,
// and about credential plugins that failed, be it because they would need the
// terminal. Logging in again is the way out.
var ErrCredentials = errors.New("the credentials are missing, expired or refused")
