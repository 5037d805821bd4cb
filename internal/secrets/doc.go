// Package secrets recognises credentials: in pairs of a name and a value such as
// environment variables, in the texts of configuration files, and in command lines.
//
// A value is a credential when its form alone says so (a private key, a token of a
// known issuer, a URL with a password), or when its name says so and nothing speaks
// against it: it is no path, URL, boolean, number, duration, template, placeholder or
// name of another object, and random enough where the name alone says little.
//
// What is found is told by kind, name, line and length. No type of this package
// carries a credential out of it, so that none can be logged, stored or shown by
// mistake; the functions that mask take them out of texts.
package secrets
