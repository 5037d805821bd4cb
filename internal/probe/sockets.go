package probe

import (
	"cmp"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// States of sockets in /proc/net (include/net/tcp_states.h of Linux). UDP uses
// them too: a socket with a peer is established, one without is closed.
const (
	established = 0x01
	closed      = 0x07
	listening   = 0x0A
)

type sockets struct {
	listeners, peers []harden.Socket
	raw, cut         bool
}

// line reads one line of /proc/net/NAME, see proc_net_tcp.rst of Linux.
func (s *sockets) line(name, line string) {
	if line == "cut" {
		s.cut = true
		return
	}
	fields := strings.Fields(line)
	switch {
	case len(fields) < 4 || fields[0] == "sl" || fields[0] == "sk": // a header
		return
	case name == "raw" || name == "raw6" || name == "packet":
		s.raw = true
		return
	}
	protocol := strings.TrimSuffix(name, "6")
	local, ok := address(fields[1])
	peer, ok2 := address(fields[2])
	state, err := strconv.ParseUint(fields[3], 16, 8)
	if !ok || !ok2 || err != nil || protocol != "tcp" && protocol != "udp" {
		return
	}
	socket := harden.Socket{Protocol: protocol, Address: local.Addr().String(), Port: int(local.Port())}
	switch {
	case protocol == "tcp" && state == listening, protocol == "udp" && state == closed:
		s.listeners = append(s.listeners, socket)
	case state == established:
		socket.Peer = peer.String()
		s.peers = append(s.peers, socket)
	}
}

// address reads an address as /proc/net writes it: words of 32 bits in the byte
// order of the machine, all of which are little-endian where containers run, except
// s390x. There the bytes are the wrong way round and the port is right.
func address(s string) (netip.AddrPort, bool) {
	host, port, _ := strings.Cut(s, ":")
	raw, err := hex.DecodeString(host)
	number, err2 := strconv.ParseUint(port, 16, 16)
	if err != nil || err2 != nil || len(raw) != 4 && len(raw) != 16 {
		return netip.AddrPort{}, false
	}
	for word := range slices.Chunk(raw, 4) {
		slices.Reverse(word)
	}
	addr, _ := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(addr.Unmap(), uint16(number)), true
}

// ordered sorts sockets and leaves out those that are equal.
func ordered(sockets []harden.Socket) []harden.Socket {
	slices.SortFunc(sockets, func(a, b harden.Socket) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Peer, b.Peer))
	})
	return slices.Compact(sockets)
}
