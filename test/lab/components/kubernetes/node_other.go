//go:build !linux

package main

// nodePrograms are those of a real node, which only Linux has.
var nodePrograms map[string]func() int
